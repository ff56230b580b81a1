"""The task that segments one slice for the screen, with models that stay loaded."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from ais.engine.context import TaskContext
from ais.engine.work.opened import opened_segmenter, opened_tomogram, part_of_slice


def live(arguments: Mapping[str, Any], context: TaskContext) -> dict[str, Any]:
    """Segment a slice, before competition and interactions.

    The values are the floating-point ones that rules need: rounded to 0-255, equal neighbours would compete otherwise
    than in a batch.

    Parameters
    ----------
    arguments
        ``tomogram`` (path), ``voxel_size`` (in angstrom, or None for the file's), ``normalization`` ([center, scale],
        or None to compute them), ``z``, ``crop`` ([x0, x1, y0, y1] or None), ``models`` (each with ``path``, ``hash``,
        ``tta``, and ``record`` in place of the file of a classic model that is not saved yet; none at all starts the
        backend and loads nothing), ``precision`` and ``device`` (both may be left out).

    Returns
    -------
    dict
        ``maps``: one array per model, (features, ny, nx) float32 from 0 to 1, of the crop; ``seconds``: how long each
        took, without loading it.

    Raises
    ------
    AisError
        If the tomogram or a model cannot be used.
    """
    if not arguments["models"]:
        context.device()
    maps, seconds = [], []
    for model in arguments["models"]:
        context.checkpoint()
        tomogram = opened_tomogram(arguments, context)
        segmenter = opened_segmenter(model, arguments, context)
        began = time.perf_counter()
        z = int(arguments["z"])
        found = segmenter.predict_slices(tomogram, z, z + 1, crop=part_of_slice(arguments))
        maps.append(found[:, 0] if found.ndim == 4 else found)
        seconds.append(time.perf_counter() - began)
    return {"maps": maps, "seconds": seconds}
