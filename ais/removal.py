"""Components of a segmented volume that somebody has removed, at whatever level the volume is looked at afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ais.annotation.volume_looks import Removal, Removals
from ais.components import Components, Indices, LevelComponents
from ais.prediction import Scale, reaching, scale_of, slabs, volume_shape

if TYPE_CHECKING:
    from ais.tomogram import Tomogram

__all__ = ["Removal", "Removals", "Verdict", "chosen", "judged", "without"]

CLEARED_AT_ONCE = 1 << 22
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
    shape = volume_shape(volume)
    understood = scale or scale_of(volume)
    known: dict[float, Components] = {}

    def components(at: float) -> Components:
        if at not in known:
            masks = ((z, reaching(slab, at, understood)) for z, slab in slabs(volume))
            known[at] = Components.of_slabs(masks, shape)
        return known[at]

    values: NDArray[Any] = volume if isinstance(volume, np.ndarray) else volume.raw(0, shape[0])
    if not removals:
        return values
    verdict = judged(components, removals, level)
    cleared = np.concatenate([known[level].flat(np.flatnonzero(verdict.whole)), verdict.parts])
    if not cleared.size:
        return values
    copy = np.array(values)
    for first in range(0, cleared.size, CLEARED_AT_ONCE):
        copy[tuple(known[level].places(cleared[first : first + CLEARED_AT_ONCE]).T)] = 0
    return copy


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
