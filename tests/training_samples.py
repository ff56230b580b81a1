"""Training sets of toy pictures, and what tests of training share."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ais.errors import Cancelled
from ais.models import load_model
from ais.progress import Progress
from ais.trainset import SampleRecord, TrainingSet

SMALL = {"first_filters": 4}
QUICK: dict[str, Any] = {"architecture": "unet-s", "options": SMALL, "epochs": 3, "batch_size": 8, "copies": 2}


def spots(count: int = 16, *, depth: int = 1, side: int = 16, radius: float = 3.0, negatives: int = 4) -> TrainingSet:
    """Bright discs in noise; the last few samples show none."""
    rng = np.random.default_rng(0)
    grid = np.arange(side)
    centre = rng.uniform(4, side - 5, size=(count, 2, 1, 1))
    inside = (grid[:, None] - centre[:, 0]) ** 2 + (grid - centre[:, 1]) ** 2 <= radius**2
    inside[count - negatives :] = False
    images = rng.normal(size=(count, depth, side, side)) + 2.5 * inside[:, None]
    records = [
        SampleRecord(f"{number:016x}", "TS_001", "", "spot", 5, 8, 8, side, side, number >= count - negatives)
        for number in range(count)
    ]
    return TrainingSet(images.astype(np.float32), inside.astype(np.uint8), records, ["spot"], 10.0, "spots")


class StopAfter(Progress):
    """Asks to stop after some steps."""

    def __init__(self, steps: int) -> None:
        self.left = steps

    def report(self, done: float, total: float, text: str = "") -> None:
        assert 0 < done <= total
        assert text.startswith("epoch ")
        self.left -= 1
        if self.left == 0:
            raise Cancelled


class Killed(BaseException):
    """Ends a run as a kill does."""


def weights_of(path: Path) -> list[NDArray[np.float32]]:
    return load_model(path).network.get_weights()  # type: ignore[no-any-return]


def same(a: Sequence[NDArray[Any]], b: Sequence[NDArray[Any]]) -> bool:
    return all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


def bright_and_dark(count: int = 24, *, rare: int = 6, side: int = 16, negatives: int = 4) -> TrainingSet:
    """Bright discs in most samples, dark discs in the first few, in noise; the last few samples show neither.

    Labels are 1 for bright and 3 for dark ones.
    """
    rng = np.random.default_rng(0)
    grid = np.arange(side)
    labels = np.zeros((count, side, side), np.uint8)
    for number in range(count - negatives):
        for label, shown in ((1, number >= rare // 2), (3, number < rare)):
            y, x = rng.uniform(4, side - 5, 2)
            disc = (grid[:, None] - y) ** 2 + (grid - x) ** 2 <= 9.0
            labels[number][disc & (labels[number] == 0) & shown] = label
    contrast = 3.0 * (labels == 1) - 3.0 * (labels == 3)
    images = (rng.normal(size=labels.shape) + contrast)[:, None].astype(np.float32)
    records = [
        SampleRecord(f"{number:016x}", "TS_001", "", "bright", 5, 8, 8, side, side, number >= count - negatives)
        for number in range(count)
    ]
    return TrainingSet(images, labels, records, ["bright", "dark"], 10.0, "discs")
