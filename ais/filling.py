"""Blobs without closed cavities, pits and narrow tunnels, around which a skeleton would go."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    IndexArray: TypeAlias = NDArray[np.int64]

_AROUND = np.array([offset for offset in product((-1, 0, 1), repeat=3) if any(offset)])
_FACES = _AROUND[np.abs(_AROUND).sum(axis=1) == 1]

ROUNDS = 3
MOST_NEIGHBOURS = 16
"""Of 26; in a corner of a blob it is 15."""


def fill_cavities(labels: NDArray[np.uint32]) -> IndexArray:
    """Give the voxels in closed cavities the label of the blob around them.

    Parameters
    ----------
    labels
        (nz, ny, nx), 0 outside of blobs; changed.

    Returns
    -------
    ndarray of int64
        Flat indices of the voxels that were filled.
    """
    import cc3d

    outside = cc3d.connected_components((labels == 0).view(np.uint8), connectivity=6, binary_image=True)
    inner = np.ones(int(outside.max()) + 1, np.bool_)
    inner[0] = False
    for axis in range(3):
        inner[np.take(outside, (0, -1), axis=axis)] = False
    if not inner.any():
        return np.zeros(0, np.int64)
    index = np.flatnonzero(inner[outside])
    cavity, first = np.unique(outside.reshape(-1)[index], return_index=True)
    around = np.zeros(len(inner), labels.dtype)
    # What comes before the first voxel of a cavity belongs to the blob.
    around[cavity] = labels.reshape(-1)[index[first] - 1]
    labels.reshape(-1)[index] = around[outside.reshape(-1)[index]]
    return index


def fill_pits(index: IndexArray, labels: NDArray[np.uint32]) -> IndexArray:
    """Give a voxel outside, most of whose neighbours are in one blob and none in another, that blob's label.

    Parameters
    ----------
    index
        (n,) flat indices of the voxels in blobs.
    labels
        (nz, ny, nx), 0 outside of blobs; changed. The outermost voxels are not.

    Returns
    -------
    ndarray of int64
        Flat indices of the voxels that were filled.
    """
    ny, nx = labels.shape[1:]
    flat = labels.reshape(-1)
    strides = np.array([ny * nx, nx, 1])
    found = [np.zeros(0, np.int64)]
    added = index
    for _ in range(ROUNDS):
        added = added[_inner(added, labels.shape)]
        beside = np.concatenate([(near := added + offset)[flat[near] == 0] for offset in _FACES @ strides])
        beside = np.unique(beside)
        beside = beside[_inner(beside, labels.shape)]
        count = np.zeros(len(beside), np.uint8)
        highest = np.zeros(len(beside), labels.dtype)
        lowest = np.full(len(beside), np.iinfo(labels.dtype).max, labels.dtype)
        for offset in _AROUND @ strides:
            label = flat[beside + offset]
            count += label > 0
            np.maximum(highest, label, out=highest)
            np.minimum(lowest, label, out=lowest, where=label > 0)
        filled = (count >= MOST_NEIGHBOURS) & (highest == lowest)
        added = beside[filled]
        flat[added] = highest[filled]
        found.append(added)
    return np.concatenate(found)


def on_surface(index: IndexArray, labels: NDArray[np.uint32]) -> NDArray[np.bool_]:
    """Which of the voxels (n,) have a face to the outside of blobs; those of the volume have none."""
    ny, nx = labels.shape[1:]
    flat = labels.reshape(-1)
    inner = _inner(index, labels.shape)
    found = np.zeros(len(index), np.bool_)
    for step, offset in zip(_FACES, _FACES @ np.array([ny * nx, nx, 1]), strict=True):
        near = index + offset
        within = inner | _within(index, step, labels.shape)
        found[within] |= flat[near[within]] == 0
    return found


def _within(index: IndexArray, step: IndexArray, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    place = np.stack(np.unravel_index(index, shape), axis=1) + step
    return np.asarray(((place >= 0) & (place < shape)).all(axis=1))


def _inner(index: IndexArray, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Which voxels are not among the outermost ones."""
    inner = np.ones(len(index), np.bool_)
    for place, length in zip(np.unravel_index(index, shape), shape, strict=True):
        inner &= (place > 0) & (place < length - 1)
    return inner
