"""What a filter makes of a part of a slice, computed in a thread: of what is wished meanwhile, the latest."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ais.gui.contrast import automatic_limits
from ais.tomogram import Tomogram

if TYPE_CHECKING:
    from ais.filters import AmplitudeSpectrum
    from ais.gui.background import Background, Work

Grey = NDArray[np.uint8]
Source = tuple[Path, float | None]
"""A file, and the voxel size in A where the user has said that the file's is wrong."""


@dataclass(frozen=True)
class PreviewWish:
    """A part of a slice with a filter.

    Attributes
    ----------
    source
        The tomogram.
    z, centre
        The slice, and (y, x) of the part.
    kind, value, dimensions
        As of `ais.filters.filtered_part`; of ``match`` the value is None.
    reference
        Of ``match``.
    """

    source: Source
    z: int
    centre: tuple[float, float]
    kind: str
    value: float | int | None
    dimensions: int
    reference: Source | None


@dataclass(frozen=True, eq=False)
class PreviewPictures:
    """A part of a slice as it is and as it will be.

    Attributes
    ----------
    wish
        What was asked for.
    before, after
        (rows, columns), row 0 at the bottom, each with its own automatic contrast.
    """

    wish: PreviewWish
    before: Grey
    after: Grey


class FilterPreview:
    """Makes the pictures that are wished, one after the other.

    Parameters
    ----------
    background
        Where they are computed.

    Attributes
    ----------
    pictures
        The newest; None before the first.
    problem
        Why the wish cannot be fulfilled, in one sentence; empty if it can.
    """

    def __init__(self, background: Background) -> None:
        self._background = background
        self._work: Work | None = None
        self._begun: PreviewWish | None = None
        self._spectrum: tuple[Source, AmplitudeSpectrum] | None = None
        self.pictures: PreviewPictures | None = None
        self.problem = ""

    @property
    def busy(self) -> bool:
        """Whether something is being computed."""
        return self._work is not None and not self._work.finished

    def forget(self) -> None:
        """Give up what is being computed, and forget the pictures."""
        if self._work is not None:
            self._work.cancel()
        self._work = self._begun = self._spectrum = self.pictures = None
        self.problem = ""

    def follow(self, wish: PreviewWish | None) -> None:
        """Begin with a wish, unless it is what was made last or something is still being computed; once a frame."""
        if self.busy or wish is None or wish == self._begun:
            return
        self._begun, known = wish, self._spectrum

        def compute(_: Work) -> tuple[PreviewPictures, tuple[Source, AmplitudeSpectrum] | None]:
            return _compute(wish, known)

        def done(found: tuple[PreviewPictures, tuple[Source, AmplitudeSpectrum] | None]) -> None:
            if self._begun is wish:
                (self.pictures, self._spectrum), self.problem = found, ""

        def failed(sentence: str) -> None:
            if self._begun is wish:
                self.problem = sentence

        self._work = self._background.run(compute, done, failed=failed, awaited=False)


def _compute(
    wish: PreviewWish, known: tuple[Source, AmplitudeSpectrum] | None
) -> tuple[PreviewPictures, tuple[Source, AmplitudeSpectrum] | None]:
    from ais.filters import central_spectrum, filtered_part

    value: float | int | AmplitudeSpectrum | None = wish.value
    if wish.kind == "match" and wish.reference is not None:
        if known is None or known[0] != wish.reference:
            with Tomogram.open(*wish.reference) as reference:
                known = wish.reference, central_spectrum(reference)
        value = known[1]
    with Tomogram.open(*wish.source) as tomogram:
        before, after = filtered_part(tomogram, wish.kind, value, wish.z, wish.centre, dimensions=wish.dimensions)
    return PreviewPictures(wish, _as_grey(before), _as_grey(after)), known


def _as_grey(values: NDArray[np.float32]) -> Grey:
    low, high = automatic_limits(values)
    grey: Grey = np.rint(((values - low) * (255 / (high - low))).clip(0, 255)).astype(np.uint8)
    return grey
