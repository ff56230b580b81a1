"""The light of an image on black: contrast and colour applied to its pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from ais.fluorescence.images import COLOURS, FloatImage
from ais.fluorescence.overlay import Colour

Light: TypeAlias = np.ndarray[Any, np.dtype[np.uint8]]
Steps: TypeAlias = np.ndarray[Any, np.dtype[np.uint16]]

DISPLAYED_PX = 4096
"""Larger images are reduced to this by whole numbers."""

STEPS = 1 << 16
SAMPLED = 1 << 20
DARK_PERCENT, BRIGHT_PERCENT = 25.0, 99.8
"""So many of the pixels are below the limits that are chosen by themselves."""


@dataclass(frozen=True, eq=False)
class StoredImage:
    """An image as it is kept for display, in 65536 steps between its lowest and its highest value.

    Attributes
    ----------
    steps
        (ny, nx) or (ny, nx, 3).
    lowest, highest
        Values of the first and the last step, in the units of the image.
    low, high
        Limits that suit it; low < high.
    reduction
        Each pixel is the mean of so many along each side.
    """

    steps: Steps
    lowest: float
    highest: float
    low: float
    high: float
    reduction: int

    @classmethod
    def of(cls, image: FloatImage, limit: int = DISPLAYED_PX) -> StoredImage:
        """Reduce an image, (ny, nx) or (ny, nx, 3), so that no side is longer than the limit, and measure it."""
        by = max(-(-max(image.shape[:2]) // limit), 1)
        smaller = reduced(image, by)
        lowest, highest = float(smaller.min()), float(smaller.max())
        gain = (STEPS - 1) / (highest - lowest) if highest > lowest else 0.0
        steps = np.empty(smaller.shape, np.uint16)
        for row in range(len(smaller)):  # a row stays in the processor's cache
            np.rint((smaller[row] - np.float32(lowest)) * np.float32(gain), out=steps[row], casting="unsafe")
        return cls(steps, lowest, highest, *_limits(smaller, lowest, highest), by)

    def light(self, low: float, high: float, colour: Colour) -> Light:
        """The light of the image on black.

        Parameters
        ----------
        low, high
            Values that are dark, and in full colour.
        colour
            Of the brightest pixels.

        Returns
        -------
        ndarray of uint8
            (ny, nx, 4): red, green, blue, and how bright it is of 255, by which the colours are multiplied already.
        """
        values = np.linspace(self.lowest, self.highest, STEPS)
        shares = np.clip((values - low) / max(high - low, 1e-30), 0.0, 1.0)
        if self.steps.ndim == 2:
            table = np.rint(255 * shares[:, None] * np.array([*colour, 1.0])).astype(np.uint8)
            packed = np.ascontiguousarray(table).view(np.uint32)[:, 0]
            return packed[self.steps].view(np.uint8).reshape(*self.steps.shape, 4)
        found = np.empty((*self.steps.shape[:2], 4), np.uint8)
        for index in range(COLOURS):
            found[:, :, index] = np.rint(255 * shares * colour[index]).astype(np.uint8)[self.steps[:, :, index]]
        found[:, :, COLOURS] = np.rint(255 * shares).astype(np.uint8)[self.steps.max(axis=2)]
        return found


def reduced(image: FloatImage, by: int) -> FloatImage:
    """The mean of each `by` x `by` pixels; what is left over at the ends is the mean of fewer."""
    if by == 1:
        return image
    found = image
    for axis in (0, 1):
        count = found.shape[axis]
        starts = np.arange(0, count, by)
        sums = np.add.reduceat(found, starts, axis=axis, dtype=np.float32)
        counts = np.minimum(starts + by, count) - starts
        found = sums / counts.reshape([-1 if each == axis else 1 for each in range(found.ndim)]).astype(np.float32)
    return found


def _limits(image: FloatImage, lowest: float, highest: float) -> tuple[float, float]:
    pixels = image.reshape(-1)
    sample = pixels[:: max(pixels.size // SAMPLED, 1)]
    low, high = (float(value) for value in np.percentile(sample, (DARK_PERCENT, BRIGHT_PERCENT)))
    if low < high:
        return low, high
    return (lowest, highest) if lowest < highest else (lowest, lowest + 1.0)
