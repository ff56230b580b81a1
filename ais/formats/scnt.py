"""Training sets on disk (``.scnt``): the TIFF form that is written, and both forms of Ais 1.x that are read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ais.errors import AisError, describe_os_error
from ais.formats.plain_file import require_plain_file

GLOBAL_MAD = "global_mad"
"""Images were normalised with centre and scale of their whole tomogram."""

PER_BOX = "box"
"""Images held the tomogram's own values and were normalised one by one when they were read."""

IGNORE_LABEL = 2
MAX_BOX_PX = 4096
MAX_DEPTH = 1023
_TIFF_MAGICS = (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")
_SOME_MAD = 1.4826
_MIN_SCALE = 1e-7


@dataclass(frozen=True)
class SetHeader:
    """What a training set is, without its images.

    Attributes
    ----------
    n_samples, n_positive
        Samples, and those of them in which a feature is labelled.
    box_size, depth
        Side and number of slices of a sample, in pixels.
    voxel_size
        In angstrom; 0.0 when unknown.
    features
        Names: the first has label 1, the others 3, 4, ...
    normalization
        GLOBAL_MAD or PER_BOX.
    samples
        What is known of each sample, in order; empty when nothing is.
    notes
        Sentences about what is unusual in the file.
    """

    n_samples: int
    n_positive: int
    box_size: int
    depth: int
    voxel_size: float
    features: tuple[str, ...]
    normalization: str
    samples: tuple[Mapping[str, Any], ...] = ()
    notes: tuple[str, ...] = ()


Sample = tuple[NDArray[np.float32], NDArray[np.uint8]]
"""The image (depth, box, box) and the labels (box, box) of a sample."""


def read_header(path: Path) -> SetHeader:
    """What a training set is; reads the labels at most, never the images.

    Raises
    ------
    AisError
        If the file is not a training set, or damaged.
    """
    if _is_tiff(path):
        from ais.formats.scnt_tiff import read_tiff_header

        return read_tiff_header(path)
    from ais.formats.scnt_tar import read_tar_header

    return read_tar_header(path)


def read_set(path: Path) -> tuple[SetHeader, NDArray[np.float32], NDArray[np.uint8]]:
    """A whole training set.

    Returns
    -------
    header : SetHeader
    images : ndarray of float32
        (n, depth, box, box), normalised.
    labels : ndarray of uint8
        (n, box, box): 0 background, 1 first feature, 2 ignore, 3... further features.

    Raises
    ------
    AisError
        If the file is not a training set, or damaged.
    """
    if _is_tiff(path):
        from ais.formats.scnt_tiff import read_tiff

        return read_tiff(path)
    from ais.formats.scnt_tar import read_tar

    return read_tar(path)


def write_set(path: Path, header: SetHeader, samples: Iterable[Sample]) -> None:
    """Write a training set sample by sample, as a TIFF that Ais 1.x and Fiji read too.

    Parameters
    ----------
    path
        The file; it appears whole or not at all.
    header
        Says how many samples there will be.
    samples
        Images and labels in the header's order.

    Raises
    ------
    AisError
        If the folder cannot be written or the disk is full.
    """
    from ais.formats.scnt_tiff import write_tiff

    write_tiff(path, header, samples)


def is_positive(labels: NDArray[np.uint8]) -> bool:
    """Whether a feature is labelled in a sample's labels (box, box)."""
    return bool(((labels != 0) & (labels != IGNORE_LABEL)).any())


def as_labels(plane: NDArray[Any], path: Path) -> NDArray[np.uint8]:
    """Labels stored as numbers of any type, or an AisError if they are no labels."""
    labels = np.asarray(plane)
    with np.errstate(invalid="ignore"):
        rounded = labels.astype(np.uint8)
    if not np.array_equal(rounded, labels):
        raise AisError(f"{path} has labels that are not whole numbers from 0 to 255: it is not a training set.")
    return rounded


def as_images(values: NDArray[Any], path: Path) -> NDArray[np.float32]:
    """Images stored as numbers of any type, or an AisError if some are not finite."""
    with np.errstate(over="ignore", invalid="ignore"):
        images = np.asarray(values, dtype=np.float32)
    if not np.isfinite(images).all():
        raise AisError(f"{path} contains values that are not finite numbers (NaN or infinity).")
    return images


def normalise_boxes(images: NDArray[np.float32]) -> None:
    """Bring raw images (n, depth, box, box) to mean 0 and spread 1 in place, each by its own pixels."""
    for image in images:
        centre = float(image.mean(dtype=np.float64))
        spread = _SOME_MAD * float(np.median(np.abs(image - np.median(image))))
        # A box that is mostly one value, such as the rim of a tomogram, has no median deviation.
        image -= centre
        image /= (spread or float(image.std())) + _MIN_SCALE


def check_geometry(path: Path, n_samples: int, depth: int, box_size: int) -> None:
    """Raise an AisError if a training set cannot have this size."""
    if not (n_samples >= 1 and 1 <= depth <= MAX_DEPTH and 1 <= box_size <= MAX_BOX_PX):
        raise AisError(f"{path} is damaged: it claims {n_samples} samples of {depth} x {box_size} x {box_size} pixels.")


def _is_tiff(path: Path) -> bool:
    require_plain_file(path)
    try:
        with path.open("rb") as file:
            magic = file.read(4)
    except OSError as error:
        raise AisError(describe_os_error(error, path)) from error
    return magic in _TIFF_MAGICS
