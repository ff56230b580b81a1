"""The flood brush: what belongs to the structure under the cursor, inside the brush's circle.

An active contour without edges with two levels, inside and outside: the levels are estimated as in Chan and Vese, from
the region that is connected with the cursor, and the outline is kept smooth by a majority filter instead of a penalty
on its length. Every step after the levels is increasing, that is, more pixels above the threshold never give a smaller
region; so a higher sensitivity never loses a pixel, and the outline grows steadily under the user's hand.

References
----------
Chan and Vese, Active contours without edges, IEEE Trans. Image Process. 10 (2001).
Marquez-Neila, Baumela and Alvarez, A morphological approach to curvature-based evolution of curves and surfaces, IEEE
Trans. Pattern Anal. Mach. Intell. 36 (2014): smoothing by set operations in place of a differential equation.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ais.errors import AisError

MAX_RADIUS_PX = 512.0
SMOOTHING_PX = (0.5, 2.0)  # of a clean picture, and of one that is mostly noise
SMOOTHING_PER_RADIUS = 0.25
NOISE_SHARE = (0.1, 0.4)  # where the first ends and the second begins
SEED_REACH_PX = 2
POLARITY_REACH_PX = 2  # the two leaves of a membrane are dark even where the cursor is between them
CORE_PX = 2
GAP_PX = 2
MAJORITY_PX = 2
LEVEL_STEPS = 3
WORKING_RADIUS_PX = 160.0  # a larger brush works on a coarser picture, so that it stays as quick as it is seen

Mask = NDArray[np.bool_]
Image = NDArray[np.float32]
Part = tuple[int, int, NDArray[np.uint8]]
"""A small picture of 0 and 1 with the row y0 and column x0 of its first pixel in the slice."""


def flood_region(
    image: NDArray[Any],
    centre: tuple[float, float],
    radius: float,
    sensitivity: float = 0.5,
    *,
    polarity: Literal["auto", "dark", "bright"] = "auto",
) -> Part:
    """The structure under the cursor inside the brush's circle.

    The result does not depend on the scale and offset of the image's values. Values that are not finite count as
    background.

    Parameters
    ----------
    image
        (ny, nx), the slice as it is or as it is shown.
    centre
        y, x of the cursor in pixels; pixel centres have whole numbers.
    radius
        Of the brush in pixels, more than 0 and at most 512.
    sensitivity
        0 takes the core of the structure, 0.5 what is nearer to its level than to the surroundings', 1 the whole
        disc. A higher sensitivity never takes less.
    polarity
        Whether the structure is darker or brighter than its surroundings; "auto" sees which.

    Returns
    -------
    y0, x0
        Where the picture's first pixel lies in the slice.
    mask : ndarray of uint8
        0 or 1, inside the circle and the slice; of shape (0, 0) where the circle lies outside the slice, or has no
        finite value.

    Raises
    ------
    AisError
        If the image is no picture, or a number is out of its range.
    """
    _check(image, centre, radius, sensitivity)
    y0, x0, values, disc = _window(image, centre, radius)
    finite = np.isfinite(values)
    if not (finite & disc).any():
        return 0, 0, np.zeros((0, 0), np.uint8)
    if sensitivity == 1:
        return y0, x0, disc.view(np.uint8)
    values = _filled(values, finite, disc)
    step = math.ceil(radius / WORKING_RADIUS_PX)
    inside = _reduced(disc.astype(np.float32), step) >= 0.5
    seed = (round((centre[0] - y0) / step), round((centre[1] - x0) / step))
    seed = min(max(seed[0], 0), inside.shape[0] - 1), min(max(seed[1], 0), inside.shape[1] - 1)
    region = _grow(_reduced(values, step), inside | _is(seed, inside.shape), seed, radius / step, sensitivity, polarity)
    mask = (_enlarged(region, step, disc.shape) & disc).view(np.uint8)
    return y0, x0, np.ascontiguousarray(mask)


def unite_regions(regions: Iterable[Part]) -> Part:
    """One picture of everything that several cover, such as the dabs of one stroke of the flood brush.

    Parameters
    ----------
    regions
        Each with y0, x0 and a mask, as of `flood_region`.

    Returns
    -------
    y0, x0, mask
        Just large enough; of shape (0, 0) when there is nothing.
    """
    parts = [part for part in regions if part[2].any()]
    if not parts:
        return 0, 0, np.zeros((0, 0), np.uint8)
    y0, x0 = min(y for y, _, _ in parts), min(x for _, x, _ in parts)
    y1, x1 = max(y + mask.shape[0] for y, _, mask in parts), max(x + mask.shape[1] for _, x, mask in parts)
    united = np.zeros((y1 - y0, x1 - x0), np.uint8)
    for y, x, mask in parts:
        united[y - y0 : y - y0 + mask.shape[0], x - x0 : x - x0 + mask.shape[1]] |= (mask != 0).view(np.uint8)
    return y0, x0, united


def _check(image: NDArray[Any], centre: tuple[float, float], radius: float, sensitivity: float) -> None:
    if image.ndim != 2:
        raise AisError("The flood brush works on a slice, which has rows and columns.")
    if not all(math.isfinite(at) for at in centre):
        raise AisError("The place of the flood brush must be finite numbers: y, x.")
    if not 0 < radius <= MAX_RADIUS_PX:
        raise AisError(
            f"The flood brush's radius must be more than 0 and at most {MAX_RADIUS_PX:g} px, not {radius:g}."
        )
    if not 0 <= sensitivity <= 1:
        raise AisError(f"The flood brush's sensitivity must be 0 to 1, not {sensitivity:g}.")


def _window(image: NDArray[Any], centre: tuple[float, float], radius: float) -> tuple[int, int, Image, Mask]:
    """The part of a slice around the circle, its first row and column, and which of its pixels are in the circle."""
    (y, x), (ny, nx) = centre, image.shape
    y0, x0 = max(math.ceil(y - radius), 0), max(math.ceil(x - radius), 0)
    y1, x1 = max(min(math.floor(y + radius) + 1, ny), y0), max(min(math.floor(x + radius) + 1, nx), x0)
    rows, columns = np.arange(y0, y1) - y, np.arange(x0, x1) - x
    disc = np.add.outer(rows**2, columns**2) <= radius**2
    return y0, x0, image[y0:y1, x0:x1], disc


def _filled(values: NDArray[Any], finite: Mask, disc: Mask) -> Image:
    """Values about zero with a spread of about one, so that nothing is lost in single precision."""
    wide = values.astype(np.float64)
    known = wide[disc & finite]
    middle = float(np.median(known[:: max(known.size // 4096, 1)]))
    spread = float(np.abs(known - middle).mean()) or 1.0
    return np.where(finite, (wide - middle) / spread, 0.0).astype(np.float32)


def _grow(values: Image, disc: Mask, seed: tuple[int, int], radius: float, sensitivity: float, polarity: str) -> Mask:
    from scipy.ndimage import binary_fill_holes, gaussian_filter

    width = min(float(np.interp(_noise_share(values), NOISE_SHARE, SMOOTHING_PX)), SMOOTHING_PER_RADIUS * radius)
    smooth = gaussian_filter(values, width, mode="nearest")
    around = float(np.median(smooth[disc]))
    here = _is(seed, disc.shape, POLARITY_REACH_PX) & disc
    dark = float(smooth[here].mean()) < around if polarity == "auto" else polarity == "dark"
    smooth -= np.float32(around)
    if dark:
        np.negative(smooth, out=smooth)
    seed = _best_nearby(smooth, disc, seed)
    level, beyond = _levels(smooth, disc, seed)
    threshold = _threshold(level, beyond, float(smooth[disc].min()), sensitivity)
    above = (smooth >= np.float32(threshold)) & disc
    core = _is(seed, disc.shape, CORE_PX) & above
    connected = _connected(_majority(_closed(above, disc), disc) | core, seed)
    filled: Mask = binary_fill_holes(connected)
    return filled & disc


def _noise_share(values: Image) -> float:
    """Noise as a share of the spread of a picture, from differences that vanish on planes (Immerkaer 1996)."""
    if min(values.shape) < 3 or not values.std():
        return 0.0
    bent = values[:-2] - 2 * values[1:-1] + values[2:]
    bent = bent[:, :-2] - 2 * bent[:, 1:-1] + bent[:, 2:]
    return float(np.abs(bent).mean() * math.sqrt(math.pi / 2) / 6 / values.std())


def _levels(smooth: Image, disc: Mask, seed: tuple[int, int]) -> tuple[float, float]:
    """Mean inside and outside of the region connected with the seed, found in turn with the region itself."""
    level, beyond = float(smooth[seed]), 0.0
    for _ in range(LEVEL_STEPS):
        region = _connected((smooth >= np.float32(min((level + beyond) / 2, float(smooth[seed])))) & disc, seed)
        outside = disc & ~region
        level = float(smooth[region].mean())
        beyond = float(smooth[outside].mean()) if outside.any() else beyond
    return min(level, float(smooth[seed])), min(beyond, level)


def _threshold(level: float, beyond: float, lowest: float, sensitivity: float) -> float:
    middle = (level + beyond) / 2
    if sensitivity <= 0.5:
        return level + (middle - level) * 2 * sensitivity
    return middle + (min(lowest, middle) - middle) * (2 * sensitivity - 1) ** 2


def _best_nearby(smooth: Image, disc: Mask, seed: tuple[int, int]) -> tuple[int, int]:
    """The pixel that stands out most near the cursor: a hand does not hit the middle of a membrane."""
    y0, x0 = max(seed[0] - SEED_REACH_PX, 0), max(seed[1] - SEED_REACH_PX, 0)
    here = slice(y0, seed[0] + SEED_REACH_PX + 1), slice(x0, seed[1] + SEED_REACH_PX + 1)
    near = np.where(disc[here], smooth[here], -np.inf)
    y, x = np.unravel_index(int(near.argmax()), near.shape)
    return y0 + int(y), x0 + int(x)


def _connected(mask: Mask, seed: tuple[int, int]) -> Mask:
    import cc3d

    labels = cc3d.connected_components(mask.view(np.uint8), connectivity=4, binary_image=True)
    return np.asarray(labels == labels[seed]) & mask


def _closed(mask: Mask, disc: Mask) -> Mask:
    """Gaps of a few pixels bridged, as noise cuts them into a membrane."""
    grown = _box_sum(mask, GAP_PX) > 0
    missing = _box_sum(~grown & disc, GAP_PX) > 0
    return ~missing & disc


def _majority(mask: Mask, disc: Mask) -> Mask:
    """Pixels with most of their neighbours painted; what lies outside the disc does not count."""
    return (2 * _box_sum(mask, MAJORITY_PX) > _box_sum(disc, MAJORITY_PX)) & disc


def _box_sum(mask: Mask, reach: int) -> NDArray[np.uint8]:
    """How many pixels of the square around each one are painted; reach up to 7."""
    padded = np.pad(mask.view(np.uint8), reach)
    (height, width), shifts = mask.shape, range(1, 2 * reach + 1)
    across = padded[:, :width].copy()
    for shift in shifts:
        across += padded[:, shift : shift + width]
    total = across[:height].copy()
    for shift in shifts:
        total += across[shift : shift + height]
    return total


def _is(pixel: tuple[int, int], shape: tuple[int, ...], reach: int = 0) -> Mask:
    """A picture of one pixel, or of the square around it."""
    mask = np.zeros(shape, bool)
    mask[max(pixel[0] - reach, 0) : pixel[0] + reach + 1, max(pixel[1] - reach, 0) : pixel[1] + reach + 1] = True
    return mask


def _reduced(values: Image, step: int) -> Image:
    """Means of squares of step x step pixels; incomplete squares at the far edges are completed by repetition."""
    if step == 1:
        return values
    padded = np.pad(values, [(0, -count % step) for count in values.shape], mode="edge")
    rows, columns = (count // step for count in padded.shape)
    means: Image = padded.reshape(rows, step, columns, step).mean(axis=(1, 3))
    return means


def _enlarged(region: Mask, step: int, shape: tuple[int, ...]) -> Mask:
    """A coarse region in full resolution, with its outline between the coarse pixels instead of stepped."""
    if step == 1:
        return region
    picture = region.astype(np.float32)
    for axis, count in enumerate(shape):
        at = np.clip((np.arange(count) + 0.5) / step - 0.5, 0, picture.shape[axis] - 1)
        low = np.minimum(at.astype(np.intp), max(picture.shape[axis] - 2, 0))
        high = np.minimum(low + 1, picture.shape[axis] - 1)
        part = (at - low).astype(np.float32).reshape([-1 if a == axis else 1 for a in range(2)])
        picture = picture.take(low, axis) * (1 - part) + picture.take(high, axis) * part
    enlarged: Mask = picture >= 0.5
    return enlarged
