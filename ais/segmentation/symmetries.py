"""The rotations and flips that a picture of a slice may undergo without becoming less likely."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ais.errors import AisError

IN_PLANE = 8
Scalar = TypeVar("Scalar", bound=np.generic)


def count_for(depth: int) -> int:
    """8 rotations and flips in the plane for one slice, 16 with the flip along z for several."""
    return IN_PLANE if depth == 1 else 2 * IN_PLANE


def check_count(count: int, depth: int) -> None:
    """AisError unless `count` symmetries exist for a network of that depth."""
    if not 1 <= count <= count_for(depth):
        raise AisError(f"--tta must be from 1 to {count_for(depth)} for a model of depth {depth}, not {count}.")


def transform(images: NDArray[Scalar], index: int) -> NDArray[Scalar]:
    """A symmetry applied to a batch.

    Parameters
    ----------
    images
        (N, H, W, D).
    index
        0 is the identity; 1-3 are quarter turns; 4-7 the same after a flip in x; 8-15 the same after a flip in z.

    Returns
    -------
    ndarray
        (N, H, W, D), or (N, W, H, D) after an odd number of quarter turns; a view.
    """
    if index & 8:
        images = images[..., ::-1]
    if index & 4:
        images = images[:, :, ::-1]
    return np.rot90(images, index & 3, axes=(1, 2))


def inverse_transform(images: NDArray[Scalar], index: int) -> NDArray[Scalar]:
    """Undo `transform` on a batch (N, H, W, C) of outputs in the plane, where a flip in z has nothing to undo."""
    images = np.rot90(images, -(index & 3), axes=(1, 2))
    return images[:, :, ::-1] if index & 4 else images


def transform_each(
    images: NDArray[Any], labels: NDArray[Any], indices: NDArray[Any]
) -> tuple[NDArray[Any], NDArray[Any]]:
    """A symmetry for each sample of a batch of squares.

    Parameters
    ----------
    images
        (N, S, S, D).
    labels
        (N, S, S).
    indices
        (N,), each 0 to 15.

    Returns
    -------
    images, labels
        New arrays of the same shapes.
    """
    turned, turned_labels = np.empty_like(images), np.empty_like(labels)
    for index in np.unique(indices):
        chosen = indices == index
        turned[chosen] = transform(images[chosen], int(index))
        turned_labels[chosen] = transform(labels[chosen][..., None], int(index) & 7)[..., 0]
    return turned, turned_labels
