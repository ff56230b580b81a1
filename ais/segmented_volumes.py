"""The volumes of a batch: what their files are called, how they are known again, and the manifest of a folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ais import __version__
from ais.errors import AisError
from ais.formats.atomic import write_text
from ais.formats.record import RECORD_SUFFIX, json_text, read_record
from ais.formats.registry import volume_stem
from ais.tomogram import Tomogram

MANIFEST = "manifest.json"


def is_segmentation(path: Path) -> bool:
    """Whether Ais wrote this volume as a segmentation, told by its record or by the label in its header."""
    record = read_record(path)
    if record is not None and record.get("command") not in ("convert", "filter"):  # those keep what the header says
        return record.get("command") == "segment"
    if "__" not in path.name:
        return False
    try:
        with Tomogram.open(path) as volume:
            return any(label.startswith("Ais ") and " segmentation: " in label for label in volume.info.labels)
    except AisError:
        return False


def output_path(folder: Path, tomogram: Path, feature: str) -> Path:
    """``<folder>/<stem>__<feature>.mrc``; letters that a file name may not hold are replaced by ``-``."""
    safe = "".join("-" if letter in '<>:"/\\|?*' or ord(letter) < 32 else letter for letter in feature).strip(" .")
    return folder / f"{volume_stem(tomogram)}__{safe or 'feature'}.mrc"


def write_manifest(folder: Path, failed: Sequence[tuple[Path, str]] = ()) -> Path:
    """Put the manifest of a folder together from the records of its segmented volumes.

    When several processes do so at once, the last one to write has seen the records of all.

    Parameters
    ----------
    folder
        Where the outputs lie.
    failed
        The inputs of this run that could not be segmented, each with the sentence that says why.

    Returns
    -------
    Path
        The manifest: JSON with ``outputs`` (the records) and ``failed``.
    """
    target = folder / MANIFEST
    outputs = _recorded(folder)
    while True:
        records = [record for path in outputs if (record := read_record(path)) is not None]
        manifest = {
            "program": "Ais",
            "version": __version__,
            "outputs": [record for record in records if record.get("command") == "segment"],
            "failed": [{"input": str(path), "error": reason} for path, reason in failed],
        }
        write_text(target, json_text(manifest) + "\n")
        before, outputs = outputs, _recorded(folder)
        if outputs == before:
            return target


def _recorded(folder: Path) -> list[Path]:
    """The segmented volumes of a folder that have a record."""
    outputs = [path.with_name(path.name.removesuffix(RECORD_SUFFIX)) for path in sorted(folder.glob("*__*.mrc.json"))]
    return [path for path in outputs if path.exists()]
