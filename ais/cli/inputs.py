"""Words of the command line turned into files, ranges and crops."""

from __future__ import annotations

import glob
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from ais.cli.terminal import complain
from ais.errors import AisError, describe_os_error
from ais.formats.registry import find_volumes, is_volume_folder, volume_exists, volume_stem, without_labels

GLOB_LETTERS = re.compile(r"[*?\[]")


def find_inputs(words: Sequence[str], *, keep: Callable[[Path], bool] = lambda _: True) -> list[Path]:
    """The volume files that files, folders, globs and lists name, each once, in the order given.

    Parameters
    ----------
    words
        Paths of files; folders, whose volumes are taken; globs; and .txt files with one path per line.
    keep
        Which volumes of a folder to take; a file named by itself is always taken.

    Raises
    ------
    AisError
        If nothing is found, or two inputs have the same stem. Files that do not exist fail when they are opened.
    """
    paths = list(dict.fromkeys(path for word in words for path in _expand(word, keep)))
    if not paths:
        raise AisError(f"No volume file found in {', '.join(words)}.")
    stems: dict[str, Path] = {}
    for path in paths:
        stem = volume_stem(path)
        if stem in stems:
            raise AisError(f"{stems[stem]} and {path} would write the same output: rename one or run them separately.")
        stems[stem] = path
    return paths


def _expand(word: str, keep: Callable[[Path], bool]) -> Iterable[Path]:
    path = Path(word)
    if is_volume_folder(path):
        return [path]
    if path.is_dir():
        return [found for found in find_volumes(path) if keep(found)]
    if path.suffix.lower() == ".txt" and path.is_file():
        lines = [line for line in _lines(path) if Path(line).suffix.lower() != ".txt"]  # a list may name itself
        return [found for line in lines for found in _expand(line, keep)]
    if not volume_exists(path) and GLOB_LETTERS.search(word):
        found = sorted(Path(name) for name in glob.glob(word, recursive=True))  # noqa: PTH207 - absolute patterns too
        volumes = [entry for entry in found if entry.is_file() or is_volume_folder(entry)]
        visible = [entry for entry in volumes if not entry.name.startswith(".")]
        return [entry for entry in without_labels(visible) if keep(entry)]
    return [path]  # also if it does not exist: it then fails by itself, and not the others with it


def _lines(path: Path) -> list[str]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise AisError(f"{path} is not a list of paths: it is not text.") from error
    except OSError as error:
        raise AisError(describe_os_error(error, path)) from error
    folder = path.parent
    names = [line.strip() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    return [name if Path(name).is_absolute() or not (folder / name).exists() else str(folder / name) for name in names]


def each_input(paths: Sequence[Path], work: Callable[[Path], None]) -> int:
    """Do `work` for each path, going on after one has failed.

    Returns
    -------
    int
        Exit code: 0 all done, 1 some failed, 2 all failed. Each failure has been named on stderr.
    """
    failed = 0
    for path in paths:
        try:
            work(path)
        except AisError as error:
            failed += 1
            complain(str(error))
    return 0 if not failed else 2 if failed == len(paths) else 1


def parse_range(text: str | None, count: int | None = None) -> tuple[int, int] | None:
    """``"10:20"`` as (10, 20): half open, 0-based; either end may be left out when `count` is known.

    Raises
    ------
    AisError
        If the text is not a range, or the range is empty or reaches outside `count`.
    """
    if text is None:
        return None
    match = re.fullmatch(r"\s*(\d*)\s*:\s*(\d*)\s*", text)
    if match is None:
        raise AisError(f"'{text}' is not a range of slices: write first:last+1, such as 10:50.")
    start = int(match[1]) if match[1] else 0
    stop = int(match[2]) if match[2] else count
    if stop is None:
        raise AisError(f"'{text}' needs an end: write first:last+1, such as 10:50.")
    if start >= stop or (count is not None and stop > count):
        limit = "" if count is None else f" of {count} slices"
        raise AisError(f"The range {text} is empty or outside the tomogram{limit}.")
    return (start, stop)


def parse_crop(text: str | None) -> tuple[int, int, int, int] | None:
    """``"10:200,0:180"`` as (x0, x1, y0, y1): half open, 0-based, y = array row.

    Raises
    ------
    AisError
        If the text is not two ranges, or one of them is empty.
    """
    if text is None:
        return None
    parts = text.split(",")
    if len(parts) != 2:
        raise AisError(f"'{text}' is not a crop: write x0:x1,y0:y1, such as 100:400,50:350.")
    ranges = [parse_range(part) for part in parts]
    (x0, x1), (y0, y1) = (found for found in ranges if found is not None)
    return (x0, x1, y0, y1)


def parse_slices(text: str | None, count: int) -> list[int] | None:
    """``"10,20,30-40"`` as a sorted list of slices, 0-based; both ends of 30-40 belong to it.

    Raises
    ------
    AisError
        If the text is not such a list, or names a slice outside 0 to `count` - 1.
    """
    if text is None:
        return None
    chosen: set[int] = set()
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d+)\s*(?:-\s*(\d+)\s*)?", part)
        if match is None:
            raise AisError(f"'{text}' is not a list of slices: write numbers and ranges, such as 10,20,30-40.")
        first = int(match[1])
        last = int(match[2]) if match[2] else first
        if last < first or last >= count:
            raise AisError(f"Slices {part.strip()} are not among 0 to {count - 1}.")
        chosen.update(range(first, last + 1))
    return sorted(chosen)
