"""Places an image by landmarks: things that are seen in the image and in the tomogram."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from ais.errors import AisError
from ais.fluorescence.overlay import Affine, FitKind, Landmark
from ais.fluorescence.placing import is_usable

Points: TypeAlias = np.ndarray[Any, np.dtype[np.float64]]

NEEDED: dict[FitKind, int] = {"affine": 3, "similarity": 2}
FLAT = 1e-3
"""How far points must reach across their longest direction, as a share of it, to say something about both."""

CLEARLY = 0.5
"""A flipped image is taken where its residuals are this much smaller."""


@dataclass(frozen=True)
class Fit:
    """An image as landmarks place it.

    Attributes
    ----------
    to_tomogram
        Takes pixels (column, row) to voxels (x, y).
    residuals
        For each landmark how far it lies from where it belongs, in voxels.
    exact
        Whether there are so few landmarks that they always fit, so that the residuals say nothing.
    """

    to_tomogram: Affine
    residuals: tuple[float, ...]
    exact: bool

    @property
    def rms(self) -> float:
        """Root of the mean square of the residuals, in voxels."""
        return float(np.sqrt(np.mean(np.square(self.residuals))))


def fit_landmarks(landmarks: Sequence[Landmark], kind: FitKind = "affine", *, flipped: bool = False) -> Fit:
    """The placement for which the squares of the residuals are least.

    Parameters
    ----------
    landmarks
        At least 3 for an affine that are not on one line, at least 2 for a similarity at different places.
    kind
        What may be done to the image.
    flipped
        For a similarity: whether the image is a mirror image, where the landmarks do not say it. With three or more
        that say the contrary clearly, they are believed.

    Raises
    ------
    AisError
        If there are too few landmarks, or they lie on a line or at one place.
    """
    if len(landmarks) < NEEDED[kind]:
        missing = NEEDED[kind] - len(landmarks)
        more = f"{missing} more landmark{'s' if missing > 1 else ''}"
        raise AisError(f"Set {more}: the image is placed by at least {NEEDED[kind]}.")
    image = np.array([landmark.image for landmark in landmarks], np.float64)
    tomogram = np.array([landmark.tomogram for landmark in landmarks], np.float64)
    _check_spread(image, kind, "in the image")
    _check_spread(tomogram, kind, "in the tomogram")
    matrix = _affine(image, tomogram) if kind == "affine" else _similarity(image, tomogram, flipped)
    affine = _as_affine(matrix)
    if not is_usable(affine):
        raise AisError("These landmarks do not belong together: look whether each is set at the same thing in both.")
    residuals = np.hypot(*(image @ matrix[:, :2].T + matrix[:, 2] - tomogram).T)
    return Fit(affine, tuple(float(value) for value in residuals), len(landmarks) == NEEDED[kind])


def _check_spread(points: Points, kind: FitKind, where: str) -> None:
    """Refuse points from which a direction cannot be told."""
    centred = points - points.mean(axis=0)
    if not np.isfinite(centred).all():
        raise AisError(f"A landmark {where} has no place: set it again.")
    longest, across = np.linalg.svd(centred, compute_uv=False)[:2]
    if longest <= 1e-6:
        raise AisError(f"All landmarks {where} are at one place: set them far from each other.")
    if kind == "affine" and across <= FLAT * longest:
        raise AisError(f"The landmarks {where} lie on a line: set another one beside it.")


def _affine(image: Points, tomogram: Points) -> Points:
    """(2, 3). Solved about the middle and in units of the spread, where it is well conditioned."""
    middle, spread = image.mean(axis=0), image.std()
    design = np.column_stack([(image - middle) / spread, np.ones(len(image))])
    solved = np.linalg.lstsq(design, tomogram, rcond=None)[0].T
    linear = solved[:, :2] / spread
    return np.column_stack([linear, solved[:, 2] - linear @ middle])


def _similarity(image: Points, tomogram: Points, flipped: bool) -> Points:
    wanted, other = (_turned(image, tomogram, flip) for flip in (flipped, not flipped))
    believed = len(image) > NEEDED["similarity"] and _squares(other, image, tomogram) < (
        CLEARLY**2 * _squares(wanted, image, tomogram)
    )
    return other if believed else wanted


def _turned(image: Points, tomogram: Points, flip: bool) -> Points:
    """Moved, turned and scaled: the least squares in complex numbers, of which the image's are mirrored to flip it."""
    source = image * (1.0, -1.0) if flip else image
    from_middle, to_middle = source.mean(axis=0), tomogram.mean(axis=0)
    before = (source - from_middle) @ (1, 1j)
    after = (tomogram - to_middle) @ (1, 1j)
    factor = np.vdot(before, after) / np.vdot(before, before)
    linear = np.array([[factor.real, -factor.imag], [factor.imag, factor.real]])
    shift = to_middle - linear @ from_middle
    if flip:
        linear = linear * (1.0, -1.0)
    return np.column_stack([linear, shift])


def _squares(matrix: Points, image: Points, tomogram: Points) -> float:
    return float(np.square(image @ matrix[:, :2].T + matrix[:, 2] - tomogram).sum())


def _as_affine(matrix: Points) -> Affine:
    (a, b, c), (d, e, f) = matrix.tolist()
    return (a, b, c), (d, e, f)
