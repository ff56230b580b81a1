"""Variations of training samples: each time a sample is shown it looks a little different."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ais.errors import AisError
from ais.segmentation.symmetries import count_for, transform_each
from ais.training.losses import IGNORE

AUGMENTATIONS = ("none", "basic", "strong")

SHIFT_SHARE = 3 / 16
ROTATED_SHARE = 0.5
SCALE_RANGE = 0.1
BRIGHTNESS_SIGMA = 0.2
CONTRAST_RANGE = 0.25
GAMMA_RANGE = 0.25
NOISE_SIGMA = 0.3
BLUR_SIGMA_PX = 1.0
BLURRED_SHARE = 0.3
WEDGE_SIGMA_PX = 1.5
BLUR_MARGIN_PX = 6


def augment(
    images: NDArray[np.float32], labels: NDArray[np.uint8], kind: str, rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Vary a batch, each sample differently.

    Parameters
    ----------
    images
        (N, S, S, D) normalised.
    labels
        (N, S, S): 0 background, 1 feature, 2 ignore.
    kind
        ``none``, ``basic`` (the 8 symmetries in the plane, 16 with depth, and shifts) or ``strong`` (those, and
        rotation by any angle, scale, brightness, contrast, gamma, blur, blur in one direction as by a missing wedge,
        noise).
    rng
        Decides everything that is drawn.

    Returns
    -------
    images, labels
        New arrays of the same shapes. What a shift or rotation brings in from outside is reflected and labelled
        ignore.
    """
    check_augmentation(kind)
    if kind == "none":
        return images, labels
    symmetries = rng.integers(count_for(images.shape[3]), size=len(images))
    images, labels = shift(*transform_each(images, labels, symmetries), rng)
    if kind == "strong":
        images, labels = rotate_and_scale(images, labels, rng)
        images = vary_blur(images, rng)
        images = vary_intensity(images, rng)
    return images, labels


def check_augmentation(kind: str) -> None:
    """AisError unless `kind` names an augmentation."""
    if kind not in AUGMENTATIONS:
        raise AisError(f"'{kind}' is not an augmentation: use {', '.join(AUGMENTATIONS)}.")


def shift(
    images: NDArray[np.float32], labels: NDArray[np.uint8], rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Move each sample by whole pixels, up to 3/16 of its side in each direction; shapes as in `augment`.

    Without it a network learns few samples by heart, from where things lie in the box.
    """
    count, side = images.shape[:2]
    most = int(SHIFT_SHARE * side)
    moves = rng.integers(-most, most + 1, (2, count, 1))
    rows, columns = np.arange(side) + moves
    y, x = _reflected(rows, side)[:, :, None], _reflected(columns, side)[:, None, :]
    sample = np.arange(count)[:, None, None]
    inside = ((rows >= 0) & (rows < side))[:, :, None] & ((columns >= 0) & (columns < side))[:, None, :]
    return images[sample, y, x], np.where(inside, labels[sample, y, x], np.uint8(IGNORE))


def rotate_and_scale(
    images: NDArray[np.float32], labels: NDArray[np.uint8], rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Turn half of the samples by any angle and scale them by up to 10 %; shapes as in `augment`.

    Images are interpolated linearly, labels take the nearest value.
    """
    chosen = np.nonzero(rng.random(len(images)) < ROTATED_SHARE)[0]
    angles = rng.uniform(-np.pi, np.pi, len(chosen))
    scales = rng.uniform(1 - SCALE_RANGE, 1 + SCALE_RANGE, len(chosen))
    if len(chosen) == 0:
        return images, labels
    y, x = _sources(images.shape[1], angles, scales)
    images, labels = images.copy(), labels.copy()
    images[chosen] = _interpolated(images[chosen], y, x)
    labels[chosen] = _nearest_labels(labels[chosen], y, x)
    return images, labels


def vary_blur(images: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Blur some samples, equally in all directions or along one, as a missing wedge does; shapes as in `augment`."""
    chosen = np.nonzero(rng.random(len(images)) < BLURRED_SHARE)[0]
    count = len(chosen)
    along = rng.uniform(0, WEDGE_SIGMA_PX, count)
    across = np.where(rng.random(count) < 0.5, along.clip(max=BLUR_SIGMA_PX), 0.0)
    angle = rng.uniform(0, np.pi, count)
    if count == 0:
        return images
    images = images.copy()
    images[chosen] = _blurred(images[chosen], along, across, angle)
    return images


def vary_intensity(images: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Change brightness, contrast, and gamma, and add noise; shapes as in `augment`."""
    shape = (len(images), 1, 1, 1)
    contrast = rng.uniform(1 - CONTRAST_RANGE, 1 + CONTRAST_RANGE, shape).astype(np.float32)
    brightness = rng.normal(0, BRIGHTNESS_SIGMA, shape).astype(np.float32)
    exponent = np.exp(rng.uniform(-GAMMA_RANGE, GAMMA_RANGE, shape)).astype(np.float32)
    noise_sigma = rng.uniform(0, NOISE_SIGMA, shape).astype(np.float32)
    low = images.min(axis=(1, 2, 3), keepdims=True)
    span = np.maximum(images.max(axis=(1, 2, 3), keepdims=True) - low, np.float32(1e-6))
    varied: NDArray[np.float32] = ((images - low) / span) ** exponent
    varied *= span * contrast
    varied += low * contrast + brightness
    noise = rng.standard_normal(images.shape, dtype=np.float32)
    noise *= noise_sigma
    varied += noise
    return varied


def _sources(
    side: int, angles: NDArray[np.float64], scales: NDArray[np.float64]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    # Where each output pixel comes from: (N, S, S) rows and columns, about the centre of the square.
    centre = np.float32((side - 1) / 2)
    grid = np.arange(side, dtype=np.float32) - centre
    cos, sin = ((values / scales).astype(np.float32)[:, None, None] for values in (np.cos(angles), np.sin(angles)))
    rows, columns = grid[None, :, None], grid[None, None, :]
    return cos * rows - sin * columns + centre, sin * rows + cos * columns + centre


def _reflected(index: NDArray[np.intp], side: int) -> NDArray[np.intp]:
    # Looked up, since a division for each pixel takes longer than all the rest of a rotation.
    period = max(2 * (side - 1), 1)
    around = np.arange(-side, 2 * side + 1) % period
    return np.minimum(around, period - around)[index + side]


def _interpolated(images: NDArray[np.float32], y: NDArray[np.float32], x: NDArray[np.float32]) -> NDArray[np.float32]:
    side, depth = images.shape[1], images.shape[3]
    pixels = images.reshape(-1, depth)
    first = np.arange(len(images), dtype=np.intp)[:, None, None] * (side * side)
    top, left = np.floor(y).astype(np.intp), np.floor(x).astype(np.intp)
    down, right = (y - top).astype(np.float32)[..., None], (x - left).astype(np.float32)[..., None]
    upper, lower = (first + _reflected(row, side) * side for row in (top, top + 1))
    west, east = (_reflected(column, side) for column in (left, left + 1))
    above = _between(pixels.take(upper + west, axis=0), pixels.take(upper + east, axis=0), right)
    below = _between(pixels.take(lower + west, axis=0), pixels.take(lower + east, axis=0), right)
    return _between(above, below, down)


def _between(
    first: NDArray[np.float32], second: NDArray[np.float32], share: NDArray[np.float32]
) -> NDArray[np.float32]:
    # From the first (share 0) to the second (share 1); both are scratch.
    second -= first
    second *= share
    second += first
    return second


def _nearest_labels(labels: NDArray[np.uint8], y: NDArray[np.float32], x: NDArray[np.float32]) -> NDArray[np.uint8]:
    side = labels.shape[1]
    row, column = np.rint(y).astype(np.intp), np.rint(x).astype(np.intp)
    inside = (row >= 0) & (row < side) & (column >= 0) & (column < side)
    first = np.arange(len(labels), dtype=np.intp)[:, None, None] * (side * side)
    values = labels.reshape(-1).take(first + row.clip(0, side - 1) * side + column.clip(0, side - 1))
    return np.where(inside, values, np.uint8(IGNORE))


def _blurred(
    images: NDArray[np.float32],
    along: NDArray[np.float64],
    across: NDArray[np.float64],
    angle: NDArray[np.float64],
) -> NDArray[np.float32]:
    side = images.shape[1]
    margin = min(BLUR_MARGIN_PX, side - 1)
    padded = np.pad(images, ((0, 0), (margin, margin), (margin, margin), (0, 0)), mode="reflect")
    size = padded.shape[1]
    fy, fx = np.fft.fftfreq(size)[None, :, None], np.fft.rfftfreq(size)[None, None, :]
    cos, sin = np.cos(angle)[:, None, None], np.sin(angle)[:, None, None]
    u, v = (fx * cos + fy * sin) * along[:, None, None], (fy * cos - fx * sin) * across[:, None, None]
    transfer = np.exp(-2 * np.pi**2 * (u**2 + v**2)).astype(np.float32)[..., None]
    # NumPy keeps to float32, and unlike SciPy is loaded already when the first batch is wanted.
    spread = np.fft.irfft2(np.fft.rfft2(padded, axes=(1, 2)) * transfer, s=(size, size), axes=(1, 2))
    return spread[:, margin : margin + side, margin : margin + side].astype(np.float32, copy=False)
