"""The task that segments one whole tomogram into files, as `ais segment` does."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ais.engine.context import TaskContext
from ais.engine.work.opened import opened_segmenter, part_of_slice
from ais.errors import AisError
from ais.progress import Progress
from ais.tomogram import Tomogram

if TYPE_CHECKING:
    from ais.segmentation import ReadyModel

BATCH_PX = 1 << 18
"""Pixels that a CPU computes at once: live slices wait for no more. Larger batches were measured to gain nothing."""


def export(arguments: Mapping[str, Any], context: TaskContext) -> dict[str, Any]:
    """Segment a tomogram with one or more models; each volume appears whole or not at all.

    Between the batches of a network, urgent jobs run, and cancelling is noticed.

    Parameters
    ----------
    arguments
        ``tomogram`` (path), ``models`` (paths), ``folder``; and, each of which may be left out, ``z_range`` ([first,
        one past the last]), ``crop`` ([x0, x1, y0, y1]), ``tta``, ``dtype``, ``precision``, ``device``, ``voxel_size``
        (in angstrom), ``rules`` (as in a rules file), ``overwrite``, ``labels`` (``beside`` or ``inside``).

    Returns
    -------
    dict
        ``kept``: whether all volumes were finished before; ``outputs``: one entry for each with ``feature``, ``path``
        and ``model``; ``seconds``.

    Raises
    ------
    AisError
        If it cannot be done, with the sentence that says why.
    """
    from ais.export import SegmentSettings, segment
    from ais.interactions import Rules
    from ais.label_images import LabelWish
    from ais.models import read_model_info

    began = time.monotonic()
    z_range, rules = arguments.get("z_range"), arguments.get("rules")
    settings = SegmentSettings(
        z_range=None if z_range is None else (int(z_range[0]), int(z_range[1])),
        crop=part_of_slice(arguments),
        tta=int(arguments.get("tta", 1)),
        dtype=arguments.get("dtype", "uint8"),
        precision=arguments.get("precision", "auto"),
        device=arguments.get("device", "auto"),
        voxel_size=arguments.get("voxel_size"),
        rules=Rules.parse(rules) if rules else None,
        labels=LabelWish(arguments["labels"]) if arguments.get("labels") else None,
    )
    shared = _Shared(settings.tta, context)
    path = Path(arguments["tomogram"])

    def ready(model: Path, content: str) -> ReadyModel:
        wanted = {"path": str(model), "hash": content, "tta": settings.tta}
        segmenter = opened_segmenter(wanted, {"precision": settings.precision, "device": settings.device}, context)
        if shared.is_new(segmenter) and not segmenter.info.is_classic and context.device().kind == "cpu":
            segmenter.batch_size = max(1, BATCH_PX // _pixels(path, settings.crop))
        return segmenter

    models = arguments["models"]
    owners = {feature: path for path in models for feature in read_model_info(path).found}
    (result,) = segment(
        [path],
        models,
        arguments["folder"],
        settings,
        overwrite=bool(arguments.get("overwrite", False)),
        progress=shared,
        ready=ready,
    )
    if result.status == "failed":
        raise AisError(result.error.replace("or --overwrite.", "or allow that files are replaced."))
    outputs = [
        {"feature": feature, "path": str(path), "model": str(owners[feature])}
        for feature, path in result.outputs.items()
    ]
    return {"kept": result.status == "kept", "outputs": outputs, "seconds": time.monotonic() - began}


def _pixels(path: Path, crop: tuple[int, int, int, int] | None) -> int:
    """How many are segmented of each slice."""
    if crop is not None:
        x0, x1, y0, y1 = crop
        return (x1 - x0) * (y1 - y0)
    with Tomogram.open(path) as tomogram:
        return tomogram.shape[1] * tomogram.shape[2]


class _Shared(Progress):
    """Lets urgent jobs run, and puts right what they change in the networks that they use as well."""

    def __init__(self, tta: int, context: TaskContext) -> None:
        self._tta = tta
        self._context = context
        self._used: list[ReadyModel] = []

    def is_new(self, segmenter: ReadyModel) -> bool:
        if segmenter in self._used:
            return False
        self._used.append(segmenter)
        return True

    def report(self, done: float, total: float, text: str = "") -> None:
        self._context.report(done, total, text)
        for segmenter in self._used:
            segmenter.tta = self._tta
