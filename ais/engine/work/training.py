"""The task that trains a network, and what the window can ask of it meanwhile."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ais.engine.context import TaskContext
from ais.engine.work.opened import opened_tomogram, part_of_slice
from ais.errors import AisError, Cancelled
from ais.progress import Progress

if TYPE_CHECKING:
    from ais.models import Model
    from ais.segmentation import Segmenter
    from ais.training import EpochReport

WATCHED = "watched slice"
LEFT = "training to leave"
SHOWS_EVERY_S = 1.0
SHARE = 0.08
"""Of the time of a training, what the slice that it shows may take."""
RATE_SMOOTHING = 0.1
PATHS = ("continue_from", "output")


def train(arguments: Mapping[str, Any], context: TaskContext) -> dict[str, Any]:
    """Train a network as `ais train` does; asked to stop, it keeps the best epoch so far and is done.

    It publishes ``epochs`` (a list of all its epoch reports), ``rate`` (samples per second, now), and about every
    second ``slice``: what the network finds at this moment in the slice that was wished for last.

    Parameters
    ----------
    arguments
        Those of `ais.training.train` that are JSON-able, ``sets`` being the paths of its training sets; ``watch``,
        which are the arguments of `watch_slice`, or None; and ``name_of_run``, by which `leave_training` knows it.

    Returns
    -------
    dict
        `ais.training.TrainingResult` as JSON, and ``showing_seconds``: what the watched slice took of the time.

    Raises
    ------
    AisError
        As `ais.training.train`.
    Cancelled
        If it is stopped before its first epoch is done, or left to be gone on with later.
    """
    from ais.training import train as train_network

    settings = {key: value for key, value in arguments.items() if key not in ("sets", "watch", "name_of_run")}
    sets = [Path(path) for path in arguments["sets"]]
    settings |= {key: Path(settings[key]) for key in PATHS if settings.get(key)}
    output = settings.pop("output")
    if arguments.get("watch") is not None:
        context.kept.wishes[WATCHED] = dict(arguments["watch"])
    name = str(arguments.get("name_of_run", ""))
    if context.kept.wishes.get(LEFT) == name:
        del context.kept.wishes[LEFT]  # of an earlier run, which this one goes on with
    context.report(0, 0, "Starting")
    context.device()
    progress = _TrainingProgress(context, name, int(settings.get("batch_size", 32)))
    reports: list[dict[str, Any]] = []
    watched = _WatchedSlice(context)

    def tell(report: EpochReport) -> None:
        reports.append(asdict(report))
        context.publish("epochs", list(reports))

    try:
        result = train_network(sets, output, **settings, on_epoch=tell, on_step=watched.follow, progress=progress)
    except _LeftForLater as left:
        raise Cancelled from left
    context.publish("slice", None)  # lest the list of jobs keep the picture
    history = [asdict(report) for report in result.history]
    return {**asdict(result), "path": str(result.path), "history": history, "showing_seconds": watched.seconds}


def watch_slice(arguments: Mapping[str, Any], context: TaskContext) -> None:
    """Have trainings show what they find in a slice; urgent, so that it reaches the one that runs.

    Parameters
    ----------
    arguments
        ``tomogram``, ``voxel_size``, ``normalization``, ``z``, ``crop``, as in the task ``live``; empty for none.
    """
    context.kept.wishes[WATCHED] = dict(arguments)


def leave_training(arguments: Mapping[str, Any], context: TaskContext) -> None:
    """Have a training end at once so that it can be gone on with later, from its last whole epoch; urgent.

    Parameters
    ----------
    arguments
        ``name_of_run``, as it was given to the task ``train``.
    """
    context.kept.wishes[LEFT] = str(arguments["name_of_run"])


class _LeftForLater(BaseException):
    """Ends a training that leaves its checkpoint and writes no model, unlike one that stops and keeps the best."""


class _TrainingProgress(Progress):
    """Passes progress on with the rate of samples, and tells stopping from leaving."""

    def __init__(self, context: TaskContext, name: str, batch_size: int) -> None:
        self._context = context
        self._name = name
        self._batch_size = batch_size
        self._last: tuple[float, float] | None = None
        self._rate = 0.0

    def report(self, done: float, total: float, text: str = "") -> None:
        """Say how far it is."""
        try:
            self._context.report(done, total, text)
        except Cancelled:
            if self._context.ending:
                raise _LeftForLater from None
            raise
        if self._name and self._context.kept.wishes.get(LEFT) == self._name:
            raise _LeftForLater
        self._measure(done)

    def _measure(self, done: float) -> None:
        now = time.perf_counter()
        if self._last is not None and done > self._last[0]:
            rate = (done - self._last[0]) * self._batch_size / max(now - self._last[1], 1e-9)
            self._rate = rate if not self._rate else self._rate + RATE_SMOOTHING * (rate - self._rate)
            self._context.publish("rate", self._rate)
        self._last = done, now


class _WatchedSlice:
    """Segments the slice that the window watches with the weights as they are, as often as a share of the time allows.

    What it costs to be made ready does not count for that, as it happens once.

    Attributes
    ----------
    seconds
        What it has taken in all.
    """

    def __init__(self, context: TaskContext) -> None:
        self.seconds = 0.0
        self._context = context
        self._shown: dict[str, Any] | None = None
        self._told = ""
        self._segmenter: Segmenter | None = None
        self._number = 0
        self._cost = 0.0
        self._at = 0.0

    def follow(self, model: Model) -> None:
        """Show what it finds, if it is time."""
        wish = self._context.kept.wishes.get(WATCHED)
        if not wish:
            return
        rest = self._cost / SHARE
        if time.perf_counter() - self._at < (rest if wish != self._shown else max(rest, SHOWS_EVERY_S)):
            return
        first = self._segmenter is None
        began = time.perf_counter()
        try:
            self._show(wish, model)
        except (AisError, MemoryError) as error:
            if str(error) != self._told:
                self._told = str(error)
                self._context.log(f"The slice cannot be shown while training: {error}")
        self._shown = wish
        self._at = time.perf_counter()
        self._cost = 0.0 if first else self._at - began
        self.seconds += self._at - began

    def _show(self, wish: dict[str, Any], model: Model) -> None:
        from ais.segmentation import Segmenter
        from ais.segmentation.segmenter import to_uint8

        if self._segmenter is None:
            self._segmenter = Segmenter(model, in_training=True)
        tomogram, z = opened_tomogram(wish, self._context), int(wish["z"])
        found = self._segmenter.predict_slices(tomogram, z, z + 1, crop=part_of_slice(wish))
        self._number += 1
        values = to_uint8(found[:, 0] if found.ndim == 4 else found)
        features = list(model.info.found)
        self._context.publish("slice", {"wish": wish, "number": self._number, "features": features, "values": values})
