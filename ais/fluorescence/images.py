"""Images of a light microscope: read from TIFF, PNG, JPEG and MRC files."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from ais.errors import AisError
from ais.fluorescence.overlay import Projection

FloatImage: TypeAlias = np.ndarray[Any, np.dtype[np.float32]]


def read_image(path: Path, channel: int | None = None, projection: Projection = "maximum") -> FloatImage:
    """Read an image as numbers.

    Parameters
    ----------
    path
        A TIFF, PNG, JPEG or MRC file.
    channel
        Which of its channels or colours, from 0; None for all colours of a coloured image, else the first.
    projection
        What is taken of a stack.

    Returns
    -------
    ndarray of float32
        (ny, nx), or (ny, nx, 3) with red, green and blue; in the file's own units, its first row first.

    Raises
    ------
    AisError
        If the file is missing, damaged, of another kind, too large, or does not have the channel.
    """
    raise AisError(f"{path} cannot be read as an image yet.")
