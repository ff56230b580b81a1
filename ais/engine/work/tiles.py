"""The task that ranks the tiles of one slice by what a model finds there; short, so that it may be urgent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ais.engine.context import TaskContext
from ais.engine.work.opened import opened_segmenter, opened_tomogram, part_of_slice
from ais.errors import AisError
from ais.tomogram import as_grey
from ais.uncertainty import TileRule, entropy, rank_tiles


def tiles_of_slice(arguments: Mapping[str, Any], context: TaskContext) -> dict[str, Any]:
    """Segment a slice with one model and give its best tiles.

    Parameters
    ----------
    arguments
        ``tomogram``, ``voxel_size``, ``normalization``, ``crop``, ``precision``, ``device`` as of the task ``live``;
        ``z``; ``model`` (with ``path``, ``tta``, and ``hash`` if it is known), ``feature`` (which of those that the
        model finds; empty for the first), ``threshold``, ``size`` (of a tile, in pixels), ``rule`` (a `TileRule`),
        ``count``, ``taken`` and ``near`` (z, y, x of places in the tomogram), ``seed``, ``pictures`` (whether they are
        wanted).

    Returns
    -------
    dict
        ``entropy``: mean of the slice, or its crop, in bits; ``centres`` (n, 2) int64, y and x in the slice; ``scores``
        and ``entropies`` (n,) float64; and if pictures are wanted ``images`` and ``predictions``, uint8 (n, size,
        size).

    Raises
    ------
    AisError
        If the tomogram or the model cannot be used, or a tile is larger than the slice.
    """
    tomogram = opened_tomogram(arguments, context)
    segmenter = opened_segmenter(_identified(arguments["model"]), arguments, context)
    found, wanted = segmenter.info.found, arguments.get("feature", "")
    if wanted and wanted not in found:
        raise AisError(f"The model {arguments['model']['path']} finds {', '.join(found)}, not {wanted}.")
    z, size = int(arguments["z"]), int(arguments["size"])
    crop = part_of_slice(arguments)
    values = segmenter.predict_slices(tomogram, z, z + 1, crop=crop)
    probabilities = values[found.index(wanted) if wanted else 0, 0] if values.ndim == 4 else values[0]
    x0, _, y0, _ = crop or (0, 0, 0, 0)
    ranked = rank_tiles(
        probabilities,
        size,
        TileRule(arguments["rule"]),
        int(arguments["count"]),
        threshold=float(arguments["threshold"]),
        z=z,
        taken=_within(arguments.get("taken", ()), y0, x0),
        near=_within(arguments.get("near", ()), y0, x0),
        seed=int(arguments.get("seed", 0)),
    )
    centres = ranked.centres + np.array([y0, x0])
    result = {
        "entropy": float(entropy(probabilities).mean(dtype=np.float64)),
        "centres": centres,
        "scores": ranked.scores,
        "entropies": ranked.entropies,
    }
    if arguments.get("pictures", True):
        stored = np.rint(probabilities * np.float32(255)).astype(np.uint8)
        grey = as_grey(tomogram.normalization.apply(tomogram.slice(z)))
        result["images"] = _tiles(grey, centres, size)
        result["predictions"] = _tiles(stored, ranked.centres, size)
    return result


def _identified(model: Mapping[str, Any]) -> Mapping[str, Any]:
    from ais.models import model_hash

    return model if model.get("hash") else {**model, "hash": model_hash(model["path"])}


def _within(places: Any, y0: int, x0: int) -> list[list[int]]:
    """Places of the tomogram as those of the part that is segmented."""
    return [[int(z), int(y) - y0, int(x) - x0] for z, y, x in places]


def _tiles(picture: Any, centres: Any, size: int) -> Any:
    parts = [picture[y - size // 2 :, x - size // 2 :][:size, :size] for y, x in centres.tolist()]
    return np.stack(parts) if parts else np.zeros((0, size, size), np.uint8)
