"""What networks are compared on: slices of a test tomogram, or samples kept aside from training."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ais.errors import AisError, memory_errors
from ais.models.reach import reach
from ais.progress import Progress
from ais.segmentation import Segmenter, to_uint8
from ais.tomogram import Tomogram
from ais.training.samples import prepare
from ais.truth import IGNORED, POSITIVE, read_truth

if TYPE_CHECKING:
    from ais.trainset import SampleRecord, TrainingSet

Values = NDArray[np.uint8]
WINDOW_PX = 384
SHOWN_PX = 640
MOSAIC_SIDE = 2
MOSAIC_GAP_PX = 2
BATCH = 32


@dataclass(frozen=True, eq=False)
class Example:
    """A part of what is held out that shows much of the feature, for a picture.

    Attributes
    ----------
    title
        What it is, such as ``"slice 42 of TS_001"``.
    image
        (rows, columns), normalised; NaN where there is nothing.
    truth
        Same shape: 0 background, 1 feature, 2 not known.
    voxel_size
        In angstrom; 0.0 where not known.
    """

    title: str
    image: NDArray[np.float32]
    truth: Values
    voxel_size: float


class HeldOut(Protocol):
    """What no network was trained on, with its truth."""

    @property
    def text(self) -> str:
        """What it is, and what was left out, in words."""

    @property
    def truth(self) -> Values:
        """(n, ny, nx): 0 background, 1 feature, 2 not known."""

    def predict(self, segmenter: Segmenter, progress: Progress) -> Values:
        """What a model finds there, (n, ny, nx) from 0 to 255."""

    def example(self) -> Example:
        """The part to show."""

    def part(self, values: NDArray[Any]) -> NDArray[np.float32]:
        """The same part of (n, ny, nx) values, with NaN where there is nothing."""


class SlicesOfTomogram:
    """The slices of a tomogram that a training set does not show.

    Parameters
    ----------
    path, truth
        Volumes of one shape: the tomogram, and its mask or labels.
    label
        Value of the feature in `truth`; by default it is understood as in `ais.metrics.evaluate_segmentation`.
    samples
        The training set.

    Raises
    ------
    AisError
        If the volumes do not fit together, hold values that are not finite, or show the feature in none of the
        slices; or if the training set shows all of them.
    """

    def __init__(self, path: Path, truth: Path, label: int | None, samples: TrainingSet) -> None:
        self._path = path
        with Tomogram.open(path) as tomogram, Tomogram.open(truth) as true:
            if tomogram.shape != true.shape:
                raise AisError(
                    f"{path} has the shape {tomogram.shape} and {truth} {true.shape}: "
                    "the truth must be of the test tomogram."
                )
            self._shape = tomogram.shape
            self._voxel_size = tomogram.voxel_size
            shown = _slices_shown(samples, tomogram)
            self._slices = [z for z in range(tomogram.shape[0]) if z not in shown]
            if not self._slices:
                raise AisError(f"The training set shows every slice of {path}: test on another tomogram.")
            feature, known, _ = read_truth(true, label, self._slices)
            self.truth = np.where(known, feature, IGNORED).astype(np.uint8)
            if not feature.any():
                raise AisError(f"{truth} shows the feature in none of the {len(self._slices)} slices to test on.")
            for z in self._slices:
                tomogram.slice(z)  # a value that is not finite is better found now than after hours of training
            tomogram.normalization  # noqa: B018 - the same for its other slices
        self.text = self._text(len(shown), known=any(record.z >= 0 for record in samples.records))

    def _text(self, left_out: int, *, known: bool) -> str:
        text = f"{len(self._slices)} slices of {self._path.name}"
        if left_out:
            return f"{text} ({left_out} that the training set shows were left out)"
        return f"{text} (all)" if known else f"{text} (all: the training set does not say which slices it shows)"

    def predict(self, segmenter: Segmenter, progress: Progress) -> Values:
        """What a model finds there, (n, ny, nx) from 0 to 255."""
        found = np.empty(self.truth.shape, np.uint8)
        place = 0
        with Tomogram.open(self._path) as tomogram:
            for z0, z1 in _runs(self._slices):
                for _, slab in segmenter.iter_slabs(tomogram, z0, z1):
                    found[place : place + len(slab)] = to_uint8(slab)
                    place += len(slab)
                    progress.report(place, len(found), f"slice {place} of {len(found)}")
        return found

    def example(self) -> Example:
        """A slice that shows more of the feature than three quarters of those that show any, or the part that does."""
        with Tomogram.open(self._path) as tomogram:
            z = self._slices[self._full]
            image = tomogram.normalization.apply(tomogram.slice(z))[self._window]
        title = f"slice {z} of {self._path.name}"
        if image.shape != self._shape[1:]:
            rows, columns = self._window
            title += f", x {columns.start} to {columns.stop - 1}, y {rows.start} to {rows.stop - 1}"
        return Example(title, image, self.truth[self._full][self._window], self._voxel_size)

    def part(self, values: NDArray[Any]) -> NDArray[np.float32]:
        """The part of (n, ny, nx) values that `example` shows."""
        return np.asarray(values[self._full][self._window], np.float32)

    @property
    def _full(self) -> int:
        # The fullest of all is often the cap of a vesicle, where the missing wedge hides what the truth has most of.
        amounts = np.count_nonzero(self.truth == POSITIVE, axis=(1, 2))
        showing = np.flatnonzero(amounts)
        return int(showing[np.argsort(amounts[showing], kind="stable")[-(-3 * (len(showing) - 1) // 4)]])

    @property
    def _window(self) -> tuple[slice, slice]:
        """Rows and columns of the square in that slice that shows most of the feature."""
        feature = (self.truth[self._full] == POSITIVE).astype(np.int64)
        height, width = (min(WINDOW_PX, length) for length in feature.shape)
        total = np.pad(feature.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
        inside = total[height:, width:] - total[:-height, width:] - total[height:, :-width] + total[:-height, :-width]
        y, x = np.unravel_index(inside.argmax(), inside.shape)
        return slice(int(y), int(y) + height), slice(int(x), int(x) + width)


class ShownSlice:
    """A slice to look at, whose truth is not known; large ones are reduced.

    Parameters
    ----------
    path
        Its tomogram.
    z
        Its number, from 0.

    Raises
    ------
    AisError
        If there is no such slice, or it holds values that are not finite.
    """

    def __init__(self, path: Path, z: int) -> None:
        self._path, self._z = path, z
        with Tomogram.open(path) as tomogram:
            if not 0 <= z < tomogram.shape[0]:
                raise AisError(f"{path} has no slice {z}: its slices are 0 to {tomogram.shape[0] - 1}.")
            self._factor = max(1, -(-max(tomogram.shape[1:]) // SHOWN_PX))
            image = self._reduced(tomogram.normalization.apply(tomogram.slice(z)))
            self._example = Example(
                f"slice {z} of {path.name}",
                image,
                np.full(image.shape, IGNORED, np.uint8),
                tomogram.voxel_size * self._factor,
            )

    def example(self) -> Example:
        """The slice."""
        return self._example

    def find(self, segmenter: Segmenter) -> NDArray[np.float32]:
        """What a model finds in it, 0 to 255."""
        with Tomogram.open(self._path) as tomogram:
            found = segmenter.predict_slices(tomogram, self._z, self._z + 1)[0]
        return self._reduced(found * np.float32(255))

    def _reduced(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Means of squares of pixels; what is left at the upper ends is not shown."""
        side = self._factor
        rows, columns = (max(1, length // side) for length in values.shape)
        cut = values[: rows * side, : columns * side]
        starts = (np.arange(0, cut.shape[0], side), np.arange(0, cut.shape[1], side))
        sums = np.add.reduceat(np.add.reduceat(cut, starts[0], axis=0), starts[1], axis=1)
        area = np.outer(np.diff([*starts[0], cut.shape[0]]), np.diff([*starts[1], cut.shape[1]]))
        return np.asarray(sums / area, np.float32)


class ValidationSamples:
    """The samples of a training set that are kept aside from training.

    Parameters
    ----------
    samples
        The training set, for one feature.
    share, seed
        As given to `ais.training.train`, which keeps the same samples aside.

    Raises
    ------
    AisError
        If there are too few samples to keep some aside.
    """

    def __init__(self, samples: TrainingSet, share: float, seed: int) -> None:
        self._samples, self._share, self._seed = samples, share, seed
        self._held = prepare(samples, stride=1, validation=share, seed=seed).held
        self.truth: Values = samples.labels[self._held]
        shown = np.count_nonzero(self.truth == POSITIVE, axis=(1, 2))
        self._shown = np.argsort(-shown, kind="stable")[: min(np.count_nonzero(shown), MOSAIC_SIDE**2)]
        self.text = (
            f"{len(self._held)} samples of {samples.name} kept aside, {np.count_nonzero(shown)} of them positive"
        )

    def predict(self, segmenter: Segmenter, progress: Progress) -> Values:
        """What a model finds in them, (n, box, box) from 0 to 255; the box alone is seen, as in training."""
        network = segmenter.model.network
        box = self._samples.box_size
        padded = prepare(self._samples, stride=reach(network).stride, validation=self._share, seed=self._seed)
        found = np.empty(self.truth.shape, np.uint8)
        for first in range(0, len(found), BATCH):
            with memory_errors():
                batch = network.predict_on_batch(padded.images[padded.held[first : first + BATCH]])
            found[first : first + BATCH] = to_uint8(batch[:, :box, :box, 0])
            progress.report(min(first + BATCH, len(found)), len(found), "samples kept aside")
        return found

    def example(self) -> Example:
        """The samples that show most of the feature, side by side."""
        image = self.part(self._samples.images[:, self._samples.depth // 2][self._held])
        truth = self.part(self.truth)
        return Example(
            f"{self._side**2} of the samples kept aside" if self._side > 1 else "a sample kept aside",
            image,
            np.where(np.isnan(truth), IGNORED, truth).astype(np.uint8),
            self._samples.voxel_size,
        )

    def part(self, values: NDArray[Any]) -> NDArray[np.float32]:
        """The part of (n, box, box) values that `example` shows, with NaN between samples."""
        side, step = self._side, values.shape[1] + MOSAIC_GAP_PX
        mosaic = np.full((side * step - MOSAIC_GAP_PX,) * 2, np.nan, np.float32)
        for place, index in enumerate(self._shown[: side**2]):
            row, column = divmod(place, side)
            top, left = (side - 1 - row) * step, column * step  # row 0 is drawn at the bottom
            mosaic[top : top + values.shape[1], left : left + values.shape[2]] = values[index]
        return mosaic

    @property
    def _side(self) -> int:
        return math.isqrt(len(self._shown))


def _slices_shown(samples: TrainingSet, tomogram: Tomogram) -> set[int]:
    """The slices of a tomogram that samples show, with the neighbours that a deep sample holds."""
    reach = samples.depth // 2
    return {
        z
        for record in samples.records
        if record.z >= 0 and _is_of(record, tomogram)
        for z in range(max(record.z - reach, 0), min(record.z + reach + 1, tomogram.shape[0]))
    }


def _is_of(record: SampleRecord, tomogram: Tomogram) -> bool:
    # By name too: a tomogram that was moved or copied since must not be tested on slices that were trained on.
    if record.tomogram == tomogram.name:
        return True
    try:
        return bool(record.tomogram_path) and tomogram.path.samefile(record.tomogram_path)
    except OSError:
        return False


def _runs(slices: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Half-open ranges of neighbouring slices."""
    start = slices[0]
    for z, following in zip(slices, [*slices[1:], -1], strict=True):
        if following != z + 1:
            yield start, z + 1
            start = following
