"""Masks made from other masks of a slice: holes filled, grown, shrunk, and interpolated between two slices."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.uint8]


def fill_holes(mask: Mask) -> Mask:
    """The mask with every unpainted area that it encloses painted; (ny, nx), 0 or 1."""
    from scipy.ndimage import binary_fill_holes

    filled = mask.copy()
    window = _window([mask], margin=1)
    filled[window] = binary_fill_holes(mask[window])
    return filled


def grow(mask: Mask, radius: float) -> Mask:
    """Every pixel within `radius` (px) of a painted one; (ny, nx), 0 or 1."""
    grown = mask.copy()
    if mask.any():
        window = _window([mask], margin=int(radius) + 1)
        grown[window] = _distance_to(mask[window]) <= radius
    return grown


def shrink(mask: Mask, radius: float) -> Mask:
    """The painted pixels farther than `radius` (px) from every unpainted one; (ny, nx), 0 or 1.

    Beyond the edge of the slice nothing is known, so a structure that is cut by the edge keeps its pixels there.
    """
    window = _window([mask], margin=1)
    shrunk = mask.copy()
    shrunk[window] &= (_distance_to(1 - mask[window]) > radius).view(np.uint8)
    return shrunk


def interpolate(below: Mask, above: Mask, fraction: float) -> Mask:
    """The shape between two outlines, by blending their signed distances.

    Where the two do not overlap and lie farther apart than their own thickness there is nothing in between.

    Parameters
    ----------
    below, above
        (ny, nx) masks, 0 or 1.
    fraction
        0 at `below`, 1 at `above`.

    Returns
    -------
    ndarray of uint8
        (ny, nx), 0 or 1; empty if one of them is.

    References
    ----------
    Raya and Udupa, Shape-based interpolation of multidimensional objects, IEEE Trans. Med. Imaging 9 (1990).
    """
    between = np.zeros_like(below)
    if below.any() and above.any():
        window = _window([below, above], margin=1)
        blend = (1 - fraction) * _signed_distance(below[window]) + fraction * _signed_distance(above[window])
        between[window] = blend > 0
    return between


def _signed_distance(mask: Mask) -> NDArray[np.float32]:
    """Positive inside, negative outside, never 0; in pixels."""
    # With a rim of nothing around it, a mask that fills the picture has a finite distance too.
    padded = np.pad(mask, 1)
    signed: NDArray[np.float32] = (_distance_to(1 - padded) - _distance_to(padded))[1:-1, 1:-1]
    return signed


def _distance_to(mask: Mask) -> NDArray[np.float32]:
    """Distance of every pixel to the nearest painted one; infinite if there is none."""
    import edt

    if not mask.any():
        return np.full(mask.shape, np.inf, np.float32)
    distance: NDArray[np.float32] = edt.edt(np.ascontiguousarray(1 - mask))
    return distance


def _window(masks: list[Mask], margin: int) -> tuple[slice, slice]:
    painted = np.logical_or.reduce(masks)
    rows, columns = np.flatnonzero(painted.any(axis=1)), np.flatnonzero(painted.any(axis=0))
    if not rows.size:
        return slice(0, 0), slice(0, 0)
    return (
        slice(max(int(rows[0]) - margin, 0), int(rows[-1]) + 1 + margin),
        slice(max(int(columns[0]) - margin, 0), int(columns[-1]) + 1 + margin),
    )
