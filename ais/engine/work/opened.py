"""Tomograms and models as tasks use them: opened and loaded once, and kept in the process for the next job."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ais.engine.context import TaskContext
from ais.errors import AisError, describe_os_error, is_out_of_memory
from ais.tomogram import Normalization, Tomogram

if TYPE_CHECKING:
    from ais.segmentation import Segmenter

NETWORK_BYTES_PER_PARAMETER = 8
"""Two copies of the weights in float32."""
NETWORK_BYTES = 16 << 20
TOMOGRAM_BYTES = 1 << 20
"""Its file is mapped into memory and not read; headers and indices are small."""


def opened_tomogram(arguments: Mapping[str, Any], context: TaskContext) -> Tomogram:
    """The tomogram of ``tomogram`` (path), ``voxel_size`` (or None) and ``normalization`` ([center, scale] or None)."""
    path, voxel_size = Path(arguments["tomogram"]), arguments.get("voxel_size")
    found = arguments.get("normalization")
    normalization = None if found is None else Normalization(float(found[0]), float(found[1]))
    key = ("tomogram", str(path), _state(path), voxel_size, normalization)
    return context.kept.get(key, lambda: Tomogram(path, voxel_size, normalization), lambda _: TOMOGRAM_BYTES)


def opened_segmenter(model: Mapping[str, Any], arguments: Mapping[str, Any], context: TaskContext) -> Segmenter:
    """The model of ``path`` and ``hash``, ready to segment in ``precision`` on ``device`` with its ``tta``.

    Raises
    ------
    AisError
        If it cannot be loaded, its file is not the one of that hash, or `tta` is out of range.
    """
    from ais.models import load_model
    from ais.segmentation import Segmenter
    from ais.segmentation.symmetries import check_count

    precision, device = arguments.get("precision", "auto"), arguments.get("device", "auto")

    def load() -> Segmenter:
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

    def load_once() -> Segmenter:
        context.device()
        loaded = load_model(model["path"])
        if loaded.hash != model["hash"]:
            raise AisError(f"{model['path']} has changed while it was in use: it is read anew.")
        return Segmenter(loaded, precision=precision, device=device)

    segmenter = context.kept.get(("segmenter", model["path"], model["hash"], precision, device), load, _bytes)
    tta = int(model.get("tta", 1))
    check_count(tta, segmenter.model.info.depth)
    segmenter.tta = tta
    return segmenter


def part_of_slice(arguments: Mapping[str, Any]) -> tuple[int, int, int, int] | None:
    """The ``crop`` (x0, x1, y0, y1), None for the whole slice."""
    found = arguments.get("crop")
    if found is None:
        return None
    x0, x1, y0, y1 = (int(number) for number in found)
    return x0, x1, y0, y1


def _bytes(segmenter: Segmenter) -> int:
    return NETWORK_BYTES + NETWORK_BYTES_PER_PARAMETER * int(segmenter.model.network.count_params())


def _state(path: Path) -> tuple[int, int]:
    try:
        status = path.stat()
    except OSError as error:
        raise AisError(describe_os_error(error, path)) from error
    return status.st_size, status.st_mtime_ns
