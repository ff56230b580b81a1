"""Pictures of training samples with what is labelled in them, all on one sheet."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ais.formats.scnt import IGNORE_LABEL
from ais.gui.theme import Rgb
from ais.trainset import SampleRecord, SetPreview

COLUMNS = 8
LARGEST_PX = 128
"""A sample with more pixels on a side is shown with every second, third, ... of them."""
TINT = 0.35
IGNORED = 0.45
"""So dark is what nobody has looked at."""
UNKNOWN: Rgb = (0.9, 0.9, 0.9)


@dataclass(frozen=True, eq=False)
class SampleSheet:
    """Pictures of samples, side by side in rows.

    Attributes
    ----------
    preview
        What they are pictures of.
    picture
        (rows * side, COLUMNS * side, 4) uint8: red, green, blue, opaque. Each sample has its row 0 on top.
    side
        Of a sample, in pixels of the picture.
    outlined
        Whether labels are outlined instead of tinted.
    """

    preview: SetPreview
    picture: NDArray[np.uint8]
    side: int
    outlined: bool

    @property
    def records(self) -> list[SampleRecord]:
        """Where each sample comes from."""
        return self.preview.records

    def corner(self, number: int) -> tuple[int, int]:
        """Row and column of a sample's first pixel in the picture."""
        return number // COLUMNS * self.side, number % COLUMNS * self.side


def sample_sheet(preview: SetPreview, colours: Mapping[str, Rgb], *, outlined: bool) -> SampleSheet:
    """Draw the pictures of a training set's samples.

    Parameters
    ----------
    preview
        The samples.
    colours
        Of the features, by name.
    outlined
        Whether labels are outlined instead of tinted.
    """
    step = math.ceil(preview.images.shape[1] / LARGEST_PX)
    images, labels = preview.images[:, ::step, ::step], preview.labels[:, ::step, ::step]
    count, side = images.shape[:2]
    tiles = np.repeat(images[..., None], 3, axis=3).astype(np.float32)
    tiles[labels == IGNORE_LABEL] *= IGNORED
    values = [1, *range(IGNORE_LABEL + 1, IGNORE_LABEL + len(preview.features))]
    for value, name in zip(values, preview.features, strict=True):
        inside = labels == value
        chosen = inside & ~_eroded(inside) if outlined else inside
        share = 1.0 if outlined else TINT
        tiles[chosen] = (1 - share) * tiles[chosen] + share * 255 * np.array(colours.get(name, UNKNOWN), np.float32)
    rows = math.ceil(count / COLUMNS)
    picture = np.zeros((rows * side, COLUMNS * side, 4), np.uint8)
    picture[..., 3] = 255
    for number in range(count):
        row, column = number // COLUMNS * side, number % COLUMNS * side
        picture[row : row + side, column : column + side, :3] = tiles[number]
    return SampleSheet(preview, picture, side, outlined)


def _eroded(inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Pixels whose four neighbours are inside as well; (N, rows, columns)."""
    padded = np.pad(inside, ((0, 0), (1, 1), (1, 1)), mode="edge")
    core = padded[:, 1:-1, 1:-1] & padded[:, :-2, 1:-1] & padded[:, 2:, 1:-1]
    return core & padded[:, 1:-1, :-2] & padded[:, 1:-1, 2:]
