"""The segmentation of a tomogram, slab by slab from the first slice to the last, in bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ais.chosen_models import ChosenModel
from ais.errors import AisError
from ais.interactions import apply_rules
from ais.progress import Progress
from ais.read_ahead import ReadAhead
from ais.segment_settings import DTYPES, SegmentSettings

if TYPE_CHECKING:
    from ais.segmentation import ReadyModel

SLAB_BYTES = 32 << 20
"""Of the probabilities of a slab, of all features."""
Values = dict[str, NDArray[Any]]
Crop = tuple[int, int, int, int]


class SegmentedSlabs:
    """The stored values of features, to be iterated over once.

    Parameters
    ----------
    tomogram
        What is segmented.
    models
        All models of the task; those that have no part in what is wanted are not computed.
    wanted
        Features whose values are asked for.
    settings
        See `SegmentSettings`.
    progress
        Told the share that is done, from 0 to 1.
    ready
        Gives a model made ready to segment.

    Raises
    ------
    AisError
        If the tomogram has no voxel size, or the range or the crop is outside it.
    """

    def __init__(
        self,
        tomogram: ReadAhead,
        models: Sequence[ChosenModel],
        wanted: Sequence[str],
        settings: SegmentSettings,
        progress: Progress,
        ready: Callable[[ChosenModel, SegmentSettings], ReadyModel],
    ) -> None:
        self._tomogram = tomogram
        self._wanted = wanted
        self._settings = settings
        self._progress = progress
        self._ready = ready
        # A network computes all its features at once, also those whose volumes are finished.
        has_rules = settings.rules is not None
        self._models = [model for model in models if has_rules or set(wanted) & set(model.info.found)]
        self._check()

    def __iter__(self) -> Iterator[Callable[[], Values]]:
        """For each slab, once the networks have computed it, what gives its values (n, ny, nx) by feature.

        To apply the rules and to round takes no network, so that it can be done in another thread, once, while the next
        slab is computed. The slab after that is read meanwhile.
        """
        nz, ny, nx = self._tomogram.shape
        z0, z1 = self._settings.z_range or (0, nz)
        step = max(1, SLAB_BYTES // (4 * ny * nx * sum(len(model.info.found) for model in self._models)))
        yield from self._empty(0, z0, step)
        reach = max(model.info.depth // 2 for model in self._models)  # how far a network looks along z
        for z in range(z0, z1, step):
            last = min(z + step, z1)
            self._tomogram.go_on((last - reach, min(last + step, z1) + reach) if last < z1 else None)
            yield self._computed(z, last, z0, z1)
        yield from self._empty(z1, nz, step)

    def _check(self) -> None:
        path, (nz, ny, nx) = self._tomogram.path, self._tomogram.shape
        self._tomogram.require_voxel_size()
        z0, z1 = self._settings.z_range or (0, nz)
        if not 0 <= z0 < z1 <= nz:
            raise AisError(f"{path} has {nz} slices; the range {z0}:{z1} is not among them.")
        x0, x1, y0, y1 = self._settings.crop or (0, nx, 0, ny)
        if not (0 <= x0 < x1 <= nx and 0 <= y0 < y1 <= ny):
            raise AisError(f"{path} has {nx} x {ny} pixels; the crop {x0}:{x1},{y0}:{y1} is not among them.")

    def _computed(self, z: int, last: int, z0: int, z1: int) -> Callable[[], Values]:
        seen = self._seen()
        probabilities: dict[str, NDArray[np.float32]] = {}
        for number, model in enumerate(self._models):
            share = (last - z) / (z1 - z0) / len(self._models)
            words = f"{self._tomogram.name}, slice {z - z0} of {z1 - z0}"
            within = _Share(self._progress, (z - z0) / (z1 - z0) + number * share, share, words)
            within.report(0, 1)
            found = self._ready(model, self._settings).predict_slices(self._tomogram, z, last, seen, progress=within)
            probabilities |= zip(model.info.found, found if found.ndim == 4 else found[None], strict=True)
        return partial(self._stored, probabilities, seen)

    def _stored(self, probabilities: dict[str, NDArray[np.float32]], seen: Crop | None) -> Values:
        if self._settings.rules is not None:
            apply_rules(probabilities, self._settings.rules, self._tomogram.voxel_size)
        values = {feature: self._placed(probabilities.pop(feature), seen) for feature in self._wanted}
        probabilities.clear()
        return values

    def _seen(self) -> Crop | None:
        """The crop, grown by as far as rules reach, so that what lies beside it counts as in the whole slice."""
        crop, rules = self._settings.crop, self._settings.rules
        if crop is None or rules is None:
            return crop
        _, ny, nx = self._tomogram.shape
        reach = rules.reach(self._tomogram.voxel_size)
        x0, x1, y0, y1 = crop
        return (max(0, x0 - reach), min(nx, x1 + reach), max(0, y0 - reach), min(ny, y1 + reach))

    def _placed(self, probabilities: NDArray[np.float32], seen: Crop | None) -> NDArray[Any]:
        """Stored values of whole slices, zero outside the crop."""
        values = quantised(probabilities, self._settings.dtype)
        if self._settings.crop is None or seen is None:
            return values
        x0, x1, y0, y1 = self._settings.crop
        whole = np.zeros((len(values), *self._tomogram.shape[1:]), values.dtype)
        whole[:, y0:y1, x0:x1] = values[:, y0 - seen[2] : y1 - seen[2], x0 - seen[0] : x1 - seen[0]]
        return whole

    def _empty(self, start: int, stop: int, step: int) -> Iterator[Callable[[], Values]]:
        for z in range(start, stop, step):
            yield partial(self._zeros, min(step, stop - z))

    def _zeros(self, count: int) -> Values:
        zeros = np.zeros((count, *self._tomogram.shape[1:]), DTYPES[self._settings.dtype][0])
        return dict.fromkeys(self._wanted, zeros)


def quantised(probabilities: NDArray[np.float32], dtype: str) -> NDArray[Any]:
    """Probabilities 0-1 on the scale of a segmented volume: 0-255, 0-127, or as they are.

    Parameters
    ----------
    probabilities
        Any shape.
    dtype
        A key of `DTYPES`.
    """
    name, scale = DTYPES[dtype]
    if dtype == "float32":
        return probabilities
    values: NDArray[Any] = np.rint(probabilities * np.float32(scale)).astype(name)
    return values


class _Share(Progress):
    """The progress of a part of the work, told as that of all of it."""

    def __init__(self, whole: Progress, before: float, share: float, text: str) -> None:
        self._whole = whole
        self._before = before
        self._share = share
        self._text = text

    def report(self, done: float, total: float, text: str = "") -> None:
        del text
        if done == total:
            return  # what follows says it, once its results are safe
        self._whole.report(self._before + self._share * done / total, 1, self._text)
