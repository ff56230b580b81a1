"""The local model library: model files in a folder, found by what they find and for which voxel size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ais.errors import AisError, describe_os_error
from ais.formats.atomic import write_bytes
from ais.models.file import MODEL_SUFFIXES, read_model_info
from ais.models.info import ModelInfo
from ais.models.user_architectures import models_folder
from ais.progress import SILENT, Progress

MOST_FILES = 10_000


@dataclass(frozen=True)
class LibraryModel:
    """A model file of the library.

    Attributes
    ----------
    path
        The file.
    info
        What it says about itself; None if it cannot be read.
    problem
        Why not, in one sentence; else empty.
    """

    path: Path
    info: ModelInfo | None
    problem: str = ""


def library_folder() -> Path:
    """Where the library lies: the user's models folder, in which architectures of one's own are as well."""
    return models_folder()


def scan_library(folder: Path | str, progress: Progress = SILENT) -> list[LibraryModel]:
    """All model files in a folder and its subfolders, sorted by path; an empty list if there is no folder.

    Raises
    ------
    AisError
        If the folder cannot be read.
    Cancelled
        If `progress` asks to stop.
    """
    folder = Path(folder)
    if not folder.exists():
        return []
    try:
        files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in MODEL_SUFFIXES)
    except OSError as error:
        raise AisError(describe_os_error(error, folder)) from error
    found = []
    for number, path in enumerate(files[:MOST_FILES]):
        progress.report(number, len(files), path.name)
        try:
            found.append(LibraryModel(path, read_model_info(path)))
        except AisError as error:
            found.append(LibraryModel(path, None, str(error)))
    return found


def search_library(
    models: Sequence[LibraryModel], text: str = "", voxel_size: float | None = None
) -> list[LibraryModel]:
    """Those that match, the nearest voxel size first.

    Parameters
    ----------
    models
        From `scan_library`.
    text
        Words that all stand in the name, the features, the architecture or the preprocessing, whatever their case.
    voxel_size
        In angstrom; None or 0 sorts by name. Models without a voxel size come last.
    """
    words = text.casefold().split()
    chosen = [model for model in models if all(word in _text_of(model) for word in words)]
    if not voxel_size:
        return sorted(chosen, key=lambda model: model.path.name.casefold())

    def farness(model: LibraryModel) -> tuple[float, str]:
        own = model.info.voxel_size if model.info is not None else 0.0
        ratio = max(own / voxel_size, voxel_size / own) if own > 0 else float("inf")
        return ratio, model.path.name.casefold()

    return sorted(chosen, key=farness)


def add_to_library(model: Path | str, folder: Path | str) -> Path:
    """Copy a model file into the library; one that holds the same is not copied twice.

    Raises
    ------
    AisError
        If the file is no model, or the folder cannot be written.
    """
    model, folder = Path(model), Path(folder)
    read_model_info(model)
    try:
        data = model.read_bytes()
        number, target = 1, folder / model.name
        while target.exists():
            if target.read_bytes() == data:
                return target
            number += 1
            target = folder / f"{model.stem} {number}{model.suffix}"
    except OSError as error:
        raise AisError(describe_os_error(error, model)) from error
    write_bytes(target, data)
    return target


def _text_of(model: LibraryModel) -> str:
    info = model.info
    about = () if info is None else (info.feature, *info.found, info.architecture, info.preprocessing)
    return " ".join((model.path.stem, *about)).casefold()
