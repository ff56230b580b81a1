"""Spots, filaments and sheets of one width, by the second derivatives of the smoothed values."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

import numpy as np

from ais.classic.filter import FloatArray, Reach, Sizes, StrengthFilter
from ais.classic.gaussians import LEAST_SIGMA, along_z, in_plane, kernel, reach_of, sigmas_in_voxels

SPOT_SIGMA = {False: 1 / (2 * math.sqrt(3)), True: 1 / (2 * math.sqrt(2))}
"""For a diameter of 1, in 3D and in a slice: where the response to a ball, or a disc, is greatest."""
FILAMENT_SIGMA = 1 / (2 * math.sqrt(2))
SHEET_SIGMA = 0.5
Hessian = tuple[FloatArray, FloatArray, FloatArray, FloatArray, FloatArray, FloatArray]
"""Second derivatives zz, yy, xx, zy, zx, yx."""


class _CurvatureFilter(StrengthFilter, ABC):
    """A method that looks at second derivatives; `sigma` in angstrom, `dark` and `flat` as elsewhere."""

    def __init__(self, *, dark: bool, sigma: float, strength: float, flat: bool) -> None:
        super().__init__(strength)
        # The second derivative is positive on what is dark.
        self.sign = 1 if dark else -1
        self.sigma = sigma
        self.flat = flat

    def sigmas(self, sizes: Sizes) -> Sizes:
        """(z, y, x) in voxels."""
        return sigmas_in_voxels(self.sigma, sizes, flat=self.flat, least=LEAST_SIGMA)

    def reach(self, sizes: Sizes) -> Reach:
        """That of the Gaussian."""
        return reach_of(self.sigmas(sizes))

    def response(self, block: FloatArray, sizes: Sizes) -> FloatArray:
        """Slice by slice, so that no more than one slice's derivatives are in memory."""
        sigmas = self.sigmas(sizes)
        depth = 2 * reach_of(sigmas)[0] + 1
        planes = [self.plane(block[z : z + depth], sigmas) for z in range(len(block) - depth + 1)]
        return np.stack(planes)

    @abstractmethod
    def plane(self, block: FloatArray, sigmas: Sizes) -> FloatArray:
        """The response of the middle slice of a block."""


class Spot(_CurvatureFilter):
    """Laplacian of a Gaussian: the sum of the second derivatives."""

    def __init__(self, *, dark: bool, diameter: float, strength: float, flat: bool) -> None:
        super().__init__(dark=dark, sigma=diameter * SPOT_SIGMA[flat], strength=strength, flat=flat)

    def plane(self, block: FloatArray, sigmas: Sizes) -> FloatArray:
        """The Laplacian."""
        (z0, z2), (y0, y2), (x0, x2) = ([kernel(sigma, order) for order in (0, 2)] for sigma in sigmas)
        if self.flat:
            total = in_plane(block[0], y2, x0) + in_plane(block[0], y0, x2)
        else:
            middle, along = along_z(block, np.stack([z0, z2]))
            total = in_plane(middle, y2, x0) + in_plane(middle, y0, x2) + in_plane(along, y0, x0)
        return total * np.float32(self.sign)


class Filament(_CurvatureFilter):
    """Curved across, straight along: the second largest curvature less the size of the smallest."""

    def __init__(self, *, dark: bool, width: float, strength: float, flat: bool) -> None:
        sigma = width * (SHEET_SIGMA if flat else FILAMENT_SIGMA)  # in a slice it is a line, which is a sheet's section
        super().__init__(dark=dark, sigma=sigma, strength=strength, flat=flat)

    def plane(self, block: FloatArray, sigmas: Sizes) -> FloatArray:
        """Of the three curvatures, or the two in a slice."""
        if self.flat:
            return _line(block[0], sigmas, self.sign)
        _, second, third = curvatures(hessian(block, sigmas, self.sign))
        return second - np.abs(third)


class Sheet(_CurvatureFilter):
    """Curved across, flat along: the largest curvature less the size of the next."""

    def __init__(self, *, dark: bool, width: float, strength: float, flat: bool) -> None:
        super().__init__(dark=dark, sigma=width * SHEET_SIGMA, strength=strength, flat=flat)

    def plane(self, block: FloatArray, sigmas: Sizes) -> FloatArray:
        """Of the three curvatures, or the two in a slice."""
        if self.flat:
            return _line(block[0], sigmas, self.sign)
        first, second, third = curvatures(hessian(block, sigmas, self.sign))
        return first - np.maximum(np.abs(second), np.abs(third))


def hessian(block: FloatArray, sigmas: Sizes, sign: int = 1) -> Hessian:
    """Second derivatives of the middle slice of a block, smoothed, in units of sigma; times `sign`.

    Parameters
    ----------
    block
        (2 * z + 1, height + 2 * y, width + 2 * x), with (z, y, x) of `reach_of`.
    sigmas
        (z, y, x) in voxels.
    sign
        1, or -1 where what is bright is looked for.

    Returns
    -------
    tuple of ndarray
        Each (height, width) float32.
    """
    z, y, x = ([kernel(sigma, order) for order in (0, 1, 2)] for sigma in sigmas)
    smooth, first, second = along_z(block, np.stack(z) * np.float32(sign))
    return (
        in_plane(second, y[0], x[0]),
        in_plane(smooth, y[2], x[0]),
        in_plane(smooth, y[0], x[2]),
        in_plane(first, y[1], x[0]),
        in_plane(first, y[0], x[1]),
        in_plane(smooth, y[1], x[1]),
    )


def curvatures(of: Hessian) -> tuple[FloatArray, FloatArray, FloatArray]:
    """The eigenvalues of symmetric 3 x 3 matrices, the largest first, in closed form."""
    zz, yy, xx, zy, zx, yx = of
    mean = (zz + yy + xx) / np.float32(3)
    a, b, c = zz - mean, yy - mean, xx - mean
    off = zy * zy + zx * zx + yx * yx
    scale = np.sqrt((a * a + b * b + c * c + 2 * off) / np.float32(6))
    determinant = a * (b * c - yx * yx) - zy * (zy * c - yx * zx) + zx * (zy * yx - b * zx)
    cubed = np.maximum(scale * scale * scale, np.float32(1e-30))
    angle = np.arccos(np.clip(determinant / (2 * cubed), -1, 1)) / np.float32(3)
    first = mean + 2 * scale * np.cos(angle)
    third = mean + 2 * scale * np.cos(angle + np.float32(2 * math.pi / 3))
    return first, 3 * mean - first - third, third


def _line(plane: FloatArray, sigmas: Sizes, sign: int) -> FloatArray:
    y, x = ([kernel(sigma, order) for order in (0, 1, 2)] for sigma in sigmas[1:])
    yy, xx, yx = (in_plane(plane, y[i], x[j]) * np.float32(sign) for i, j in ((2, 0), (0, 2), (1, 1)))
    mean = (yy + xx) / np.float32(2)
    spread = np.hypot((yy - xx) / np.float32(2), yx)
    found: FloatArray = np.subtract(mean + spread, np.abs(mean - spread), dtype=np.float32)
    return found
