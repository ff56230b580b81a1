"""Small pictures of particles, cut out of their tomogram."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ais.tomogram import Tomogram, as_grey

LARGEST_CROP_PX = 128
"""Larger pictures are shown at a part of their pixels."""
LEAST_SPREAD = 1e-6
MOST_PLANES = 12
"""So many planes stand for the depth of an upright picture."""


@dataclass(frozen=True)
class CropStyle:
    """How a picture is made.

    Attributes
    ----------
    side
        Of what is seen, in voxels.
    depth
        Over so many slices the mean is taken; 1 is the slice through the centre.
    upright
        Whether the picture is cut along the particle's own z axis, which then points up; without, it is a part of a
        slice.
    inverted
        Whether what is low is bright.
    """

    side: int
    depth: int = 1
    upright: bool = False
    inverted: bool = False

    @property
    def picture_px(self) -> int:
        """Rows and columns of the picture."""
        return math.ceil(self.side / math.ceil(self.side / LARGEST_CROP_PX))


def particle_crop(
    tomogram: Tomogram,
    position: Sequence[float],
    style: CropStyle,
    angles: Sequence[float] | NDArray[np.float64] | None = None,
) -> NDArray[np.uint8]:
    """The picture of a particle: grey, with a contrast of its own.

    Parameters
    ----------
    tomogram
        Read where the particle is.
    position
        x, y, z in voxels; also near the border, where what is outside is grey.
    style
        How it is made.
    angles
        rot, tilt, psi in degrees; needed for a picture that is upright.

    Returns
    -------
    ndarray
        (style.picture_px, style.picture_px) uint8, row 0 at the bottom. The mean is 128 / 255 of white, and black and
        white are three standard deviations away.
    """
    plane = _upright(tomogram, position, style, angles) if style.upright and angles is not None else None
    if plane is None:
        plane = _straight(tomogram, position, style)
    return _as_picture(_reduced(plane, style), style.inverted)


def _straight(tomogram: Tomogram, position: Sequence[float], style: CropStyle) -> NDArray[np.float64]:
    """Mean of slices (side, side), NaN outside of the tomogram."""
    x, y, z = (round(float(at)) for at in position)
    block = _block(tomogram, (z, y, x), (style.depth, style.side, style.side))
    with np.errstate(invalid="ignore"):
        seen = np.isfinite(block)
        count = seen.sum(axis=0)
        total = np.where(seen, block, 0).sum(axis=0, dtype=np.float64)
        return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _upright(
    tomogram: Tomogram, position: Sequence[float], style: CropStyle, angles: Sequence[float] | NDArray[np.float64]
) -> NDArray[np.float64]:
    """The mean of planes through the particle's z axis, which is the pictures' vertical; NaN outside."""
    from scipy.ndimage import map_coordinates

    from ais.formats.coord_angles import angles_to_rotation

    across, along, up = angles_to_rotation(np.array(angles, np.float64)).apply(np.eye(3))
    # No more is read than the planes pass through: a cube around a large picture would fill the memory.
    reach = (np.abs(up) + np.abs(across)) * (style.side / 2) + np.abs(along) * (style.depth / 2) + 2
    counts = np.array(tomogram.shape[::-1])
    first = np.clip(np.floor(np.array(position, np.float64) - reach).astype(int), 0, counts)
    last = np.clip(np.ceil(np.array(position, np.float64) + reach).astype(int) + 1, 0, counts)
    if (last <= first).any():
        return np.full((style.side, style.side), np.nan)
    (x0, y0, z0), (x1, y1, z1) = first.tolist(), last.tolist()
    block = np.asarray(tomogram.raw(z0, z1, slice(y0, y1), slice(x0, x1)), np.float32)
    seen = np.isfinite(block)
    if not seen.all():
        block = np.where(seen, block, block[seen].mean() if seen.any() else 0.0)
    offsets = np.arange(style.side) - style.side // 2
    half = (style.depth - 1) / 2
    depths = np.linspace(-half, half, min(style.depth, MOST_PLANES))
    ends = np.array(tomogram.shape)[:, None, None] - 0.5
    total, count = np.zeros((style.side, style.side)), np.zeros((style.side, style.side))
    for away in depths:
        middle = np.array(position, np.float64) + away * along
        places = middle + offsets[:, None, None] * up + offsets[None, :, None] * across
        at = np.moveaxis(places, -1, 0)[::-1]
        inside = ((at >= -0.5) & (at <= ends)).all(axis=0)
        total += map_coordinates(block, at - first[::-1, None, None], order=1, mode="nearest") * inside
        count += inside
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _block(tomogram: Tomogram, centre: tuple[int, int, int], lengths: tuple[int, int, int]) -> NDArray[np.float32]:
    """Voxels around a voxel z, y, x; NaN outside of the tomogram."""
    block = np.full(lengths, np.nan, np.float32)
    low = [at - length // 2 for at, length in zip(centre, lengths, strict=True)]
    ranges = [(max(at, 0), min(at + n, size)) for at, n, size in zip(low, lengths, tomogram.shape, strict=True)]
    if all(first < last for first, last in ranges):
        (z0, z1), y, x = ranges[0], slice(*ranges[1]), slice(*ranges[2])
        inside = tuple(slice(first - at, last - at) for (first, last), at in zip(ranges, low, strict=True))
        block[inside] = tomogram.raw(z0, z1, y, x)
    return block


def _reduced(plane: NDArray[np.float64], style: CropStyle) -> NDArray[np.float64]:
    """Means of blocks where the plane is larger than it is worth to show."""
    size = style.picture_px
    step = math.ceil(style.side / LARGEST_CROP_PX)
    if step == 1:
        return plane
    padded = np.full((size * step, size * step), np.nan)
    padded[: style.side, : style.side] = plane
    blocks = padded.reshape(size, step, size, step)
    seen = np.isfinite(blocks)
    total = np.where(seen, blocks, 0).sum(axis=(1, 3))
    count = seen.sum(axis=(1, 3))
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _as_picture(plane: NDArray[np.float64], inverted: bool) -> NDArray[np.uint8]:
    seen = np.isfinite(plane)
    values = plane[seen]
    if not values.size:
        return np.full(plane.shape, 128, np.uint8)
    spread = float(values.std())
    normalised = np.where(seen, plane - values.mean(), 0.0) / max(spread, LEAST_SPREAD)
    return as_grey((-normalised if inverted else normalised).astype(np.float32))
