"""Components of a segmented volume that somebody has removed, at whatever level the volume is looked at afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ais.annotation.volume_looks import Removal, Removals
from ais.components import Components, Indices, LevelComponents, expanded
from ais.prediction import Scale, SlabSource, reaching, scale_of, slab_at, slabs, volume_shape

if TYPE_CHECKING:
    from ais.tomogram import Tomogram

__all__ = ["ClearedVolume", "Removal", "Removals", "Verdict", "chosen", "cleared", "judged", "without"]

CLEARED_AT_ONCE = 1 << 22
RUNS_AT_ONCE = 1 << 14
_NONE: Indices = np.zeros(0, np.intp)


@dataclass(frozen=True, eq=False)
class Verdict:
    """What of the components at a level was chosen.

    Attributes
    ----------
    whole
        (k,) bool: all of the component.
    parts
        Flat indices in the grid of the components, ascending: voxels of components that are not chosen as a whole.
    """

    whole: NDArray[np.bool_]
    parts: Indices


def without(
    volume: NDArray[Any] | Tomogram, removals: Removals, level: float, *, scale: Scale | None = None
) -> NDArray[Any]:
    """A segmented volume in which the components that were removed are zero.

    What was removed at one level is meant at all levels. Above it, all that the component falls apart into is removed.
    Below it, the component that it has grown into is; but where it has merged with something that was not removed, only
    what was its own at the level at which it was removed. What is kept is treated in the same way, and all else is
    removed. Components are connected by faces.

    Parameters
    ----------
    volume
        (nz, ny, nx), an array or a tomogram, which is read in slabs; it is not changed.
    removals
        What was removed.
    level
        At which the volume is about to be used, on the scale of 0 to 255, such as the threshold of picking. Voxels
        below it are left as they are. 0 takes every voxel above zero.
    scale
        How its values are understood; by default as in `ais.picking.pick_particles`.

    Returns
    -------
    ndarray
        (nz, ny, nx) in the volume's own type: a copy if anything is cleared.

    Raises
    ------
    AisError
        If it is not a volume of finite real numbers, or cannot be read.
    """
    found = _cleared(volume, removals, level, scale)
    if found is None:
        return volume if isinstance(volume, np.ndarray) else volume.raw(0, volume.shape[0])
    return found.raw(0, found.shape[0])


def cleared(
    volume: NDArray[Any] | Tomogram, removals: Removals, level: float, *, scale: Scale | None = None
) -> NDArray[Any] | SlabSource:
    """As `without`, but a volume that is read in slabs, so that it may be larger than memory."""
    return _cleared(volume, removals, level, scale) or volume


class ClearedVolume:
    """A volume in which some voxels are zero, cleared as it is read.

    Parameters
    ----------
    volume
        An array or a tomogram, which stays open as long as this is read.
    components
        At a level.
    verdict
        What of them is cleared.
    """

    def __init__(self, volume: NDArray[Any] | Tomogram, components: Components, verdict: Verdict) -> None:
        self._volume = volume
        self._components = components
        self._verdict = verdict
        self.path = Path() if isinstance(volume, np.ndarray) else volume.path
        self.shape = volume_shape(volume)
        self.dtype: np.dtype[Any] = volume.dtype

    def raw(self, z0: int, z1: int, /) -> NDArray[Any]:
        """Values of slices z0 to z1 - 1, a copy in the volume's own type; raises as `ais.tomogram.Tomogram.raw`."""
        values = np.array(slab_at(self._volume, z0, z1))
        found, parts = self._components, self._verdict.parts
        plane = found.grid[1] * found.grid[2]
        ends = (np.array([z0, z1]) + found.first) * plane
        low, high = np.searchsorted(found.starts, ends)
        chosen = np.flatnonzero(self._verdict.whole[found.owners[low:high]]) + low
        for first in range(0, chosen.size, RUNS_AT_ONCE):
            runs = chosen[first : first + RUNS_AT_ONCE]
            self._clear(values, z0, expanded(found.starts[runs], found.ends[runs]))
        low, high = np.searchsorted(parts, ends)
        for first in range(low, high, CLEARED_AT_ONCE):
            self._clear(values, z0, parts[first : min(first + CLEARED_AT_ONCE, high)])
        return values

    def _clear(self, values: NDArray[Any], z0: int, flat: Indices) -> None:
        z, y, x = self._components.places(flat).T
        values[z - z0, y, x] = 0


def _cleared(
    volume: NDArray[Any] | Tomogram, removals: Removals, level: float, scale: Scale | None
) -> ClearedVolume | None:
    shape = volume_shape(volume)
    understood = scale or scale_of(volume)
    known: dict[float, Components] = {}

    def components(at: float) -> Components:
        if at not in known:
            masks = ((z, reaching(slab, at, understood)) for z, slab in slabs(volume))
            known[at] = Components.of_slabs(masks, shape)
        return known[at]

    if not removals:
        return None
    verdict = judged(components, removals, level)
    return ClearedVolume(volume, known[level], verdict) if verdict.whole.any() or verdict.parts.size else None


def judged(components: LevelComponents, removals: Removals, level: float) -> Verdict:
    """What of the components at a level was removed, or is not among those that are kept."""
    verdict = chosen(components, removals.removed, level)
    if not removals.kept:
        return verdict
    kept, here = chosen(components, removals.kept, level), components(level)
    partly = np.zeros(here.count, np.bool_)
    partly[here.holding(kept.parts)] = True
    rest = np.setdiff1d(here.flat(np.flatnonzero(partly)), kept.parts, assume_unique=True)
    parts = np.union1d(verdict.parts, rest)
    whole = verdict.whole | ~(kept.whole | partly)
    return Verdict(whole, parts[~whole[here.holding(parts)]] if parts.size else parts)


def chosen(components: LevelComponents, marks: tuple[Removal, ...], level: float) -> Verdict:
    """What of the components at a level was chosen at this or at other levels."""
    here = components(level)
    whole = np.zeros(here.count, np.bool_)
    for at in sorted({mark.level for mark in marks if mark.level < level}):
        # What lies within a component at a lower level is a part of it.
        lower = components(at)
        picked = _marked(lower, marks, at)
        whole |= picked[lower.at(here.some_voxels)]
    above, inner, parts = None, np.zeros(0, np.bool_), _NONE
    for at in sorted({mark.level for mark in marks if mark.level > level} | {level}, reverse=True):
        found = components(at)
        picked = _marked(found, marks, at)
        if above is not None:
            outer = found.at(above.some_voxels)
            cores = np.bincount(outer, minlength=found.count)
            picked |= (cores > 0) & (np.bincount(outer, inner, minlength=found.count) == cores)
            alone = inner & ~picked[outer]
            parts = np.concatenate([parts, above.flat(np.flatnonzero(alone))]) if alone.any() else parts
        parts = parts[~picked[found.holding(parts)]] if parts.size else parts
        above, inner = found, picked
    whole |= inner
    return Verdict(whole, np.unique(parts[~whole[here.holding(parts)]]) if parts.size else parts)


def _marked(components: Components, marks: tuple[Removal, ...], level: float) -> NDArray[np.bool_]:
    places = np.array([(mark.z, mark.y, mark.x) for mark in marks if mark.level == level], np.intp).reshape(-1, 3)
    found = components.at(places)
    marked = np.zeros(components.count, np.bool_)
    marked[found[found >= 0]] = True
    return marked
