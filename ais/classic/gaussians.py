"""Gaussians and their derivatives on blocks that bring their surroundings along."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ais.classic.filter import FloatArray, Reach, Sizes

TRUNCATE = 4.0
"""How far a Gaussian is followed, in standard deviations."""
LEAST_SIGMA = 0.7
"""In voxels; the derivatives of a narrower Gaussian cannot be told apart on the grid."""


def sigmas_in_voxels(sigma: float, sizes: Sizes, *, flat: bool, least: float = 0.0) -> Sizes:
    """A standard deviation in angstrom along (z, y, x) in voxels, 0 along z if `flat`, at least `least` elsewhere."""
    z, y, x = (max(sigma / size, least) for size in sizes)
    return (0.0 if flat else z, y, x)


def reach_of(sigmas: Sizes) -> Reach:
    """How far Gaussians of these standard deviations in voxels reach."""
    z, y, x = (int(np.ceil(TRUNCATE * sigma)) for sigma in sigmas)
    return z, y, x


def kernel(sigma: float, order: int) -> NDArray[np.float32]:
    """A sampled Gaussian, or its first or second derivative, times sigma to the power of the order.

    Parameters
    ----------
    sigma
        In voxels; 0 gives one weight of 1 for order 0.
    order
        0, 1 or 2. The weights of the derivatives are exact on straight lines and parabolas, at any sigma.

    Returns
    -------
    ndarray
        (2 * reach + 1,) weights of the values from the most negative offset to the most positive.
    """
    if sigma == 0:
        return np.ones(1, np.float32)
    reach = int(np.ceil(TRUNCATE * sigma))
    offsets = np.arange(-reach, reach + 1, dtype=np.float64)
    weights = np.exp(-0.5 * (offsets / sigma) ** 2)
    weights /= weights.sum()
    if order == 1:
        weights *= offsets
        weights *= sigma / (weights @ offsets)
    elif order == 2:
        smooth = weights
        weights = smooth * (offsets**2 - sigma**2)
        weights -= smooth * weights.sum()
        weights *= 2 * sigma**2 / (weights @ offsets**2)
    return weights.astype(np.float32)


def along_z(block: FloatArray, weights: NDArray[np.float32]) -> FloatArray:
    """Weighted sums of slices: (n, k) weights of blocks of k slices (k, y, x) give (n, y, x)."""
    flat = block.reshape(len(block), -1)
    return (weights @ flat).reshape(len(weights), *block.shape[1:])


def in_plane(plane: FloatArray, y: NDArray[np.float32], x: NDArray[np.float32]) -> FloatArray:
    """A slice (y, x) weighted along both axes, without the border of the weights' reach."""
    from scipy import ndimage

    rows, columns = len(y) // 2, len(x) // 2
    found = plane
    if len(y) > 1:
        found = ndimage.correlate1d(found, y, axis=0, mode="nearest")[rows:-rows]
    if len(x) > 1:
        found = ndimage.correlate1d(found, x, axis=1, mode="nearest")[:, columns:-columns]
    return found


def smoothed(block: FloatArray, sigmas: Sizes) -> FloatArray:
    """A block smoothed by Gaussians of these standard deviations in voxels, without what `reach_of` says around it."""
    z, y, x = (kernel(sigma, 0) for sigma in sigmas)
    count = len(block) - len(z) + 1
    planes = (along_z(block[start : start + len(z)], z[None])[0] for start in range(count))
    return np.stack([in_plane(plane, y, x) for plane in planes])
