"""How a picture is shown: contrast, display filters, and where in the view it lies. Plain data without a screen."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

Plane = Literal["xy", "xz", "yz"]
"""Which plane a view shows. Pictures have rows y (xy) or z (xz, yz) and columns x (xy, xz) or y (yz)."""

PLANES: tuple[Plane, ...] = ("xy", "xz", "yz")

FilterKind = Literal["gaussian", "difference", "box", "sobel", "unsharp", "median"]

MIN_SCALE = 0.02
MAX_SCALE = 64.0
DIFFERENCE_RATIO = 1.6
"""The wider of the two Gaussians of a difference has this many times the sigma of the narrower one."""


@dataclass(frozen=True)
class Contrast:
    """Values that are drawn black and white.

    Attributes
    ----------
    low, high
        In the tomogram's own units; low < high.
    invert
        Whether low is white instead.
    """

    low: float = 0.0
    high: float = 1.0
    invert: bool = False


@dataclass(frozen=True)
class DisplayFilter:
    """One filter of the stack that only changes what is seen, never what a network reads.

    Attributes
    ----------
    kind
        Gaussian, difference of Gaussians, box mean, Sobel gradient magnitude, unsharp mask, or median.
    size
        In pixels: the sigma of a Gaussian, of the narrower Gaussian of a difference, of the blur of an unsharp mask;
        the full width of a box or a median (3 or 5); not used by Sobel.
    weight
        0 to 1: how much of the result replaces the picture.
    enabled
        Whether it acts.
    """

    kind: FilterKind
    size: float = 2.0
    weight: float = 1.0
    enabled: bool = True


@dataclass(frozen=True)
class Placement:
    """Where a picture lies in its view.

    Row 0 of the picture is drawn at the bottom. Pixel centres have whole numbers in the picture; view coordinates
    are in screen pixels from the view's upper left corner, x to the right, y down.

    Attributes
    ----------
    row, column
        The picture coordinates in the middle of the view.
    scale
        Screen pixels per picture pixel.
    """

    row: float = 0.0
    column: float = 0.0
    scale: float = 1.0

    def to_picture(self, x: float, y: float, width: float, height: float) -> tuple[float, float]:
        """Picture coordinates (row, column) of a point of a view of the given size."""
        return self.row - (y - height / 2) / self.scale, self.column + (x - width / 2) / self.scale

    def to_view(self, row: float, column: float, width: float, height: float) -> tuple[float, float]:
        """View coordinates (x, y) of a point of the picture."""
        return (column - self.column) * self.scale + width / 2, height / 2 - (row - self.row) * self.scale

    def zoomed(self, factor: float, x: float, y: float, width: float, height: float) -> Placement:
        """Zoomed by a factor so that what is under (x, y) of the view stays there."""
        scale = min(max(self.scale * factor, MIN_SCALE), MAX_SCALE)
        row, column = self.to_picture(x, y, width, height)
        return Placement(row + (y - height / 2) / scale, column - (x - width / 2) / scale, scale)

    def moved(self, dx: float, dy: float) -> Placement:
        """Panned by a distance in screen pixels."""
        return replace(self, row=self.row + dy / self.scale, column=self.column - dx / self.scale)


def fitted(shape: tuple[int, int], width: float, height: float) -> Placement:
    """The placement that shows a whole picture of (rows, columns) in the middle of a view of the given size."""
    rows, columns = shape
    scale = min(width / max(columns, 1), height / max(rows, 1))
    return Placement((rows - 1) / 2, (columns - 1) / 2, min(max(scale, MIN_SCALE), MAX_SCALE))
