"""Tomograms and models as tasks use them: opened and loaded once, and kept in the process for the next job."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ais.engine.context import TaskContext
from ais.errors import AisError, describe_os_error, is_out_of_memory
from ais.tomogram import Normalization, Tomogram

if TYPE_CHECKING:
    from ais.segmentation import ReadyModel

TOMOGRAM_BYTES = 1 << 20
"""Its file is mapped into memory and not read; headers and indices are small."""


def opened_tomogram(arguments: Mapping[str, Any], context: TaskContext) -> Tomogram:
    """The tomogram of ``tomogram`` (path), ``voxel_size`` (or None) and ``normalization`` ([center, scale] or None)."""
    path, voxel_size = Path(arguments["tomogram"]), arguments.get("voxel_size")
    found = arguments.get("normalization")
    normalization = None if found is None else Normalization(float(found[0]), float(found[1]))
    key = ("tomogram", str(path), _state(path), voxel_size, normalization)
    return context.kept.get(key, lambda: Tomogram(path, voxel_size, normalization), lambda _: TOMOGRAM_BYTES)


def opened_segmenter(model: Mapping[str, Any], arguments: Mapping[str, Any], context: TaskContext) -> ReadyModel:
    """The model of ``path`` and ``hash``, ready to segment in ``precision`` on ``device`` with its ``tta``.

    A model with ``record``, what the file of a classic model would say, needs no file.

    Raises
    ------
    AisError
        If it cannot be loaded, its file is not the one of that hash, or `tta` is out of range.
    """
    from ais.classic.segmenter import ClassicSegmenter, Measurements
    from ais.models import model_hash, read_model_info
    from ais.models.info import info_from_json
    from ais.segmentation.ready import check_hash, segmenter_for
    from ais.segmentation.symmetries import check_count

    precision, device = arguments.get("precision", "auto"), arguments.get("device", "auto")

    def load() -> ReadyModel:
        try:
            return load_once()
        except Exception as error:
            if not is_out_of_memory(error):
                raise
        context.kept.forget()  # the models that are loaded and not in use
        try:
            return load_once()
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            name = Path(model["path"]).name
            raise AisError(
                f"There is not enough memory for the model {name}: use fewer models at once, or close other programs."
            ) from error

    def load_once() -> ReadyModel:
        info = info_from_json(model["record"]) if model.get("record") else read_model_info(model["path"])
        if info.is_classic:
            if not model.get("record"):
                check_hash(model["path"], model_hash(model["path"]), model["hash"])
            measurements = context.kept.get("what is usual in tomograms", Measurements)
            return ClassicSegmenter(info, measurements)
        context.device()
        return segmenter_for(model["path"], precision=precision, device=device, expected=model["hash"])

    key = ("segmenter", model["path"], model["hash"], precision, device)
    segmenter = context.kept.get(key, load, lambda made: made.nbytes)
    tta = int(model.get("tta", 1))
    check_count(tta, segmenter.info.depth)
    segmenter.tta = tta
    return segmenter


def part_of_slice(arguments: Mapping[str, Any]) -> tuple[int, int, int, int] | None:
    """The ``crop`` (x0, x1, y0, y1), None for the whole slice."""
    found = arguments.get("crop")
    if found is None:
        return None
    x0, x1, y0, y1 = (int(number) for number in found)
    return x0, x1, y0, y1


def _state(path: Path) -> tuple[int, int]:
    try:
        status = path.stat()
    except OSError as error:
        raise AisError(describe_os_error(error, path)) from error
    return status.st_size, status.st_mtime_ns
