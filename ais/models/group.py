"""The model group `.aisgroup`: a zip of model files and the rules between them, to be shared as one file.

The same functions read the `.scnmgroup` of Ais 1.x, told by its ending.
"""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ais.errors import AisError, describe_os_error
from ais.formats.atomic import atomic_path, write_bytes
from ais.formats.plain_file import require_plain_file
from ais.formats.scnm import read_scnm
from ais.formats.scnmgroup import SUFFIX as SCNMGROUP
from ais.formats.scnmgroup import open_scnmgroup
from ais.models.file import MODEL_SUFFIXES, model_hash, read_model_info

SUFFIX = ".aisgroup"
GROUP_SUFFIXES = (SUFFIX, SCNMGROUP)
RULES = "rules.json"
MAX_MODELS = 200
LONGEST_NAME = 100
MAX_MODEL_BYTES = 4 << 30
MAX_RULES_BYTES = 1 << 20
EARLIEST_DATE = (1980, 1, 1, 0, 0, 0)
UNSAFE = '<>:"/\\|?*'
PART = 1 << 20


@dataclass(frozen=True)
class Group:
    """What a group holds.

    Attributes
    ----------
    models
        Names of its model files.
    rules
        What `ais.interactions.Rules.parse` reads.
    """

    models: tuple[str, ...]
    rules: list[dict[str, Any]]


def write_group(path: Path | str, models: Sequence[Path | str], rules: Sequence[Mapping[str, Any]] = ()) -> None:
    """Write models and the rules between them as one file.

    Parameters
    ----------
    path
        The ``.aisgroup`` file to write.
    models
        Model files; of two with the same name the second is numbered.
    rules
        As in a rules file (`ais.interactions.Rules.content`).

    Raises
    ------
    AisError
        If there is no model, one cannot be read, or the file cannot be written.
    """
    if not models:
        raise AisError("A group needs at least one model.")
    names: list[str] = []
    for model in map(Path, models):
        read_model_info(model)
        names.append(_free_name(_safe_name(model.name), names))
    with atomic_path(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive:
        text = json.dumps([dict(rule) for rule in rules], indent=1, ensure_ascii=False, allow_nan=False)
        archive.writestr(zipfile.ZipInfo(RULES, EARLIEST_DATE), text.encode("utf-8"))
        for name, model in zip(names, map(Path, models), strict=True):
            try:
                data = model.read_bytes()
            except OSError as error:
                raise AisError(describe_os_error(error, model)) from error
            archive.writestr(zipfile.ZipInfo(name, EARLIEST_DATE), data)


def read_group(path: Path | str) -> Group:
    """What a group holds; the models in it are not unpacked.

    Raises
    ------
    AisError
        If the file cannot be read, is no group, or is damaged.
    """
    with _opened(path) as group:
        return group.contents


def unpack_group(path: Path | str, folder: Path | str) -> tuple[list[Path], list[dict[str, Any]]]:
    """Put the models of a group into a folder.

    A file of the same name that holds the same is used as it is; beside one that holds something else the model gets a
    number.

    Parameters
    ----------
    path
        The ``.aisgroup`` or ``.scnmgroup`` file.
    folder
        Made if missing.

    Returns
    -------
    models, rules
        The model files, in the group's order, and what `ais.interactions.Rules.parse` reads.

    Raises
    ------
    AisError
        As `read_group`, if one of its models is none, or the folder cannot be written. No model is left behind then
        that was not there before.
    """
    folder = Path(folder)
    made: list[Path] = []
    found: list[Path] = []
    with _opened(path) as group:
        try:
            for name in group.contents.models:
                data = group.model(name)
                target, is_new = _place(folder, name, data)
                if is_new:
                    write_bytes(target, data)
                    made.append(target)
                read_model_info(target)
                found.append(target)
        except BaseException:
            for target in made:
                target.unlink(missing_ok=True)
            raise
        return found, group.contents.rules


def new_among(models: Sequence[Path], known: Iterable[Path]) -> list[Path]:
    """Those of the models of a group that are not known yet, neither by their files nor by what they compute.

    Parameters
    ----------
    models
        Their files, as `unpack_group` gives them.
    known
        Models that are there already; files that cannot be read count by their paths only.
    """
    paths = set(known)
    hashes = set()
    for path in paths:
        with suppress(AisError):
            hashes.add(model_hash(path))
    return [model for model in models if model not in paths and model_hash(model) not in hashes]


def is_group(path: Path | str) -> bool:
    """Whether a path names a group."""
    return Path(path).suffix.lower() in GROUP_SUFFIXES


@dataclass(frozen=True)
class _Opened:
    """A group whose models can be read one by one, by name."""

    contents: Group
    model: Callable[[str], bytes]


@contextmanager
def _opened(path: Path | str) -> Iterator[_Opened]:
    if Path(path).suffix.lower() == SCNMGROUP:
        with _opened_of_ais_1(path) as group:
            yield group
        return
    with _open(path) as archive:
        contents = _contents(archive, path)
        yield _Opened(contents, lambda name: _member(archive, name, MAX_MODEL_BYTES, path))


@contextmanager
def _opened_of_ais_1(path: Path | str) -> Iterator[_Opened]:
    """A group of Ais 1.x; its models are named after what they find, and take part in the rules by that name."""
    with open_scnmgroup(path) as group:
        files: dict[str, str] = {}
        titles: set[str] = set()
        competing: dict[str, list[str]] = {"emit": [], "absorb": []}
        for member in group.names:
            metadata = read_scnm(f"{path}: {member}", group.model(member)).metadata
            title = metadata.get("title")
            title = title if isinstance(title, str) and title.strip() else Path(member).stem
            titles.add(title)
            files[_free_name(_safe_name(f"{title.strip()[:LONGEST_NAME]}.scnm"), list(files))] = member
            for role, features in competing.items():
                if metadata.get(role) is True and title not in features:
                    features.append(title)
        rules: list[dict[str, Any]] = [{"competition": competing}] if all(competing.values()) else []
        # What names a model that is not in the group has nothing to act on.
        rules += [dict(rule) for rule in group.interactions if {rule["child"], rule["parent"]} <= titles]
        contents = Group(tuple(files), [rule for rule in rules if rule.get("child", 0) != rule.get("parent", 1)])
        yield _Opened(contents, lambda name: group.model(files[name]))


def _contents(archive: zipfile.ZipFile, path: Path | str) -> Group:
    names = archive.namelist()
    models = tuple(name for name in names if name != RULES)
    strange = [name for name in models if name != _safe_name(name) or not name.lower().endswith(MODEL_SUFFIXES)]
    if strange or not models or len({name.casefold() for name in names}) < len(names):
        what = f"it holds {strange[0]!r}" if strange else "it holds no models, or one twice"
        raise AisError(f"{path} is not a model group of Ais: {what}.")
    if len(models) > MAX_MODELS:
        raise AisError(f"{path} holds {len(models)} models; a group has at most {MAX_MODELS}.")
    rules: Any = []
    if RULES in names:
        try:
            rules = json.loads(_member(archive, RULES, MAX_RULES_BYTES, path).decode("utf-8-sig"))
        except (ValueError, RecursionError) as error:
            raise AisError(f"{path} is damaged: {RULES} in it is not JSON; copy the file again.") from error
    if not isinstance(rules, list) or not all(isinstance(rule, dict) for rule in rules):
        raise AisError(f"{path} is damaged: {RULES} in it is not a list of rules.")
    return Group(models, rules)


@contextmanager
def _open(path: Path | str) -> Iterator[zipfile.ZipFile]:
    require_plain_file(path)
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except (zipfile.BadZipFile, EOFError, NotImplementedError) as error:
        raise AisError(f"{path} is not a model group of Ais, or is damaged: copy it again.") from error
    except OSError as error:
        raise AisError(describe_os_error(error, path)) from error


def _member(archive: zipfile.ZipFile, name: str, limit: int, path: Path | str) -> bytes:
    # Sizes in a zip's directory may lie, so the reading itself is bounded.
    data = bytearray()
    try:
        with archive.open(name) as member:
            while part := member.read(PART):
                data += part
                if len(data) > limit:
                    raise AisError(f"{path} is not a model group of Ais: {name} in it is too large.")
    except (zlib.error, zipfile.BadZipFile, EOFError, RuntimeError, NotImplementedError) as error:
        raise AisError(f"{path} is damaged: {name} in it cannot be unpacked; copy the file again.") from error
    return bytes(data)


def _place(folder: Path, name: str, data: bytes) -> tuple[Path, bool]:
    taken: list[str] = []
    while True:
        target = folder / _free_name(name, taken)
        if not target.exists():
            return target, True
        try:
            if target.stat().st_size == len(data) and target.read_bytes() == data:
                return target, False
        except OSError as error:
            raise AisError(describe_os_error(error, target)) from error
        taken.append(target.name)


def _safe_name(name: str) -> str:
    base = "".join("-" if letter in UNSAFE or ord(letter) < 32 else letter for letter in name).strip(" ")
    return base.lstrip(".") or "model"


def _free_name(name: str, taken: Sequence[str]) -> str:
    used = {other.casefold() for other in (*taken, RULES)}
    stem, suffix = Path(name).stem, Path(name).suffix
    number, free = 1, name
    while free.casefold() in used:
        number += 1
        free = f"{stem} {number}{suffix}"
    return free
