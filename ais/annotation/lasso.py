"""A threshold inside a lasso: which pixels an outline encloses whose values are below or above a limit."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ais.annotation.spans import polygon_spans, spans_to_mask
from ais.errors import AisError

OTSU_BINS = 256


def threshold_in_polygon(
    image: NDArray[Any], points: ArrayLike, threshold: float | None = None, *, above: bool = False
) -> tuple[int, int, NDArray[np.uint8]]:
    """The pixels inside an outline whose value is below, or above, a threshold; for `PaintRegion`.

    Parameters
    ----------
    image
        (ny, nx), the slice as it is or as it is shown.
    points
        (n, 2): y, x of the outline in pixels, n >= 3; the last is joined to the first. The outline belongs to it.
    threshold
        In the image's values; by default that of `otsu_in_polygon`.
    above
        Whether values of at least the threshold are taken, instead of those of at most the threshold: cryo-electron
        tomograms mostly show protein dark.

    Returns
    -------
    y0, x0
        Where the picture's first pixel lies in the slice.
    mask : ndarray of uint8
        0 or 1; pixels that are not finite numbers are 0. Of shape (0, 0) when the outline encloses no pixel.

    Raises
    ------
    AisError
        If the outline is none, the threshold is not a finite number, or it is not given and the outline encloses no
        value.
    """
    y0, x0, inside, values = _enclosed(image, points)
    if threshold is None:
        threshold = _otsu(values[inside != 0])
    if not math.isfinite(threshold):
        raise AisError(f"A threshold must be a finite number, not {threshold:g}.")
    chosen = values >= threshold if above else values <= threshold
    return y0, x0, inside & (chosen & np.isfinite(values)).view(np.uint8)


def otsu_in_polygon(image: NDArray[Any], points: ArrayLike) -> float:
    """The threshold that best divides the values inside an outline in two groups.

    Parameters
    ----------
    image, points
        As for `threshold_in_polygon`.

    Returns
    -------
    float
        In the image's values.

    Raises
    ------
    AisError
        If the outline is none or encloses no finite value.

    References
    ----------
    Otsu, A threshold selection method from gray-level histograms, IEEE Trans. Syst. Man Cybern. 9 (1979).
    """
    _, _, inside, values = _enclosed(image, points)
    return _otsu(values[inside != 0])


def _enclosed(image: NDArray[Any], points: ArrayLike) -> tuple[int, int, NDArray[np.uint8], NDArray[Any]]:
    """Where the outline's picture begins, what it encloses, and the values there."""
    if image.ndim != 2:
        raise AisError("A lasso works on a slice, which has rows and columns.")
    y0, x0, inside = spans_to_mask(polygon_spans(points, (image.shape[0], image.shape[1])))
    return y0, x0, inside, image[y0 : y0 + inside.shape[0], x0 : x0 + inside.shape[1]]


def _otsu(values: NDArray[Any]) -> float:
    finite = values[np.isfinite(values)].astype(np.float64)
    if not finite.size:
        raise AisError("The outline encloses no values to choose a threshold from.")
    low, high = float(finite.min()), float(finite.max())
    if low == high:
        return low
    counts, edges = np.histogram(finite, OTSU_BINS, (low, high))
    middles = (edges[:-1] + edges[1:]) / 2
    below = counts.cumsum()[:-1]
    over = finite.size - below
    sums = (counts * middles).cumsum()
    apart = sums[:-1] / below - (sums[-1] - sums[:-1]) / over  # the first and the last bin are never empty
    spread = below * over * apart**2
    # Between two groups with nothing in between, every edge divides them equally well: the middle one is taken.
    best = np.flatnonzero(spread >= spread.max() * (1 - 1e-12))
    return float(edges[1:-1][best].mean())
