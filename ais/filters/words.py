"""Filters in words, as they stand in the labels of prepared volumes, and in models about their training data."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class FilterInWords:
    """A filter that has been found in a text.

    Attributes
    ----------
    kind
        As of `ais.filters.filter_volume`.
    value
        Of it; None for ``invert``.
    dimensions
        Of a median.
    """

    kind: str
    value: float | int | None = None
    dimensions: int = 2


def filter_from_words(text: str) -> FilterInWords | None:
    """The filter that a text such as ``"Filtered: Gaussian 20 A"`` names; None if it does not name just one."""
    found = [
        *(FilterInWords("gaussian", float(value)) for value in re.findall(_GAUSSIAN, text, _FLAGS)),
        *(
            FilterInWords("median", int(value), int(dimensions or 2))
            for value, dimensions in re.findall(_MEDIAN, text, _FLAGS)
        ),
        *(FilterInWords("anisotropic", int(value)) for value in re.findall(_ANISOTROPIC, text, _FLAGS)),
        *(FilterInWords("invert") for _ in re.findall(_INVERTED, text, _FLAGS)),
    ]
    others = re.search(r"\b(spectrum|binned)\b", text, _FLAGS)
    return found[0] if len(found) == 1 and others is None else None


_FLAGS = re.IGNORECASE
_GAUSSIAN = r"\bgaussian(?: of)? (\d{1,6}(?:\.\d{1,6})?) ?(?:A|angstrom)\b"
_MEDIAN = r"\bmedian of (\d{1,2}) voxels(?:, ([23])D)?"
_ANISOTROPIC = r"\banisotropic diffusion, (\d{1,3}) iterations?\b"
_INVERTED = r"\binverted\b"
