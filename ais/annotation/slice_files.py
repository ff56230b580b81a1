"""One slice as a file: written as .png, .tif or .mrc, and read back to be imported as a mask.

A PNG file is a picture as it is seen, so its top line is the last row of the slice; .tif and .mrc files hold the rows
in their order, as volumes of one slice.
"""

from __future__ import annotations

import io
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ais.errors import AisError, describe_os_error

if TYPE_CHECKING:
    from PIL.Image import Image

PICTURE_SUFFIX = ".png"
MAX_PIXELS = 1 << 28


def write_slice(
    path: Path | str,
    picture: NDArray[Any],
    *,
    voxel_size: float = 0.0,
    limits: tuple[float, float] | None = None,
) -> None:
    """Write a slice, as it is or as it is shown.

    Parameters
    ----------
    path
        A .png file, or a .tif, .mrc or other volume file.
    picture
        (ny, nx) of numbers, row y = 0 first; for a .png also (ny, nx, 3) colours in uint8.
    voxel_size
        In angstrom, for volume files; 0 when it is not known.
    limits
        Values that are black and white in a .png file; by default the lowest and the highest finite one.

    Raises
    ------
    AisError
        If the picture does not fit the kind of file, or it cannot be written.
    """
    path = Path(path)
    if path.suffix.lower() == PICTURE_SUFFIX:
        _write_png(path, picture, limits)
        return
    from ais.formats.registry import write_volume

    if picture.ndim != 2:
        raise AisError(f"{path} holds values without colours: choose .png for a coloured picture.")
    write_volume(path, picture[None], voxel_sizes=voxel_size, label="Ais: one slice")


def read_slice(path: Path | str) -> NDArray[Any]:
    """Read a slice, such as a mask that was drawn in another program.

    Parameters
    ----------
    path
        A .png file, or a volume file with one slice. Of a coloured picture the brightness is taken.

    Returns
    -------
    ndarray
        (ny, nx), row y = 0 first.

    Raises
    ------
    AisError
        If the file cannot be read, or holds several slices.
    """
    path = Path(path)
    if path.suffix.lower() == PICTURE_SUFFIX:
        return _read_png(path)
    from ais.tomogram import Tomogram

    with Tomogram.open(path) as opened:
        if opened.shape[0] != 1:
            raise AisError(f"{path} has {opened.shape[0]} slices where one is expected: import it as a volume.")
        return np.array(opened.raw(0, 1)[0])


def _write_png(path: Path, picture: NDArray[Any], limits: tuple[float, float] | None) -> None:
    from PIL import Image

    from ais.formats.atomic import write_bytes

    if picture.ndim != 2 and (picture.shape[2:] != (3,) or picture.dtype != np.uint8):
        raise AisError(f"{path} cannot hold a picture of {picture.shape} values: give rows and columns.")
    grey = picture if picture.ndim == 3 else _bytes_of(picture, limits)
    stream = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(grey[::-1])).save(stream, "png")
    write_bytes(path, stream.getvalue())


def _bytes_of(picture: NDArray[Any], limits: tuple[float, float] | None) -> NDArray[np.uint8]:
    """Values as 0 to 255; those that are no numbers are black."""
    values = picture.astype(np.float64)
    finite = np.isfinite(values)
    low, high = limits or ((float(values[finite].min()), float(values[finite].max())) if finite.any() else (0.0, 1.0))
    if not (math.isfinite(low) and math.isfinite(high)):
        raise AisError(f"The limits of a picture must be finite numbers, not {low:g} and {high:g}.")
    share = (values - low) / (high - low) if high != low else (values > low).astype(np.float64)
    grey: NDArray[np.uint8] = np.rint(255 * np.clip(np.where(finite, share, 0.0), 0, 1)).astype(np.uint8)
    return grey


def _read_png(path: Path) -> NDArray[Any]:
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as image:
            if image.width * image.height > MAX_PIXELS:
                raise AisError(f"{path} is too large for a slice: {image.width} x {image.height} pixels.")
            return np.array(_without_colours(image))[::-1].copy()
    except (UnidentifiedImageError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise AisError(f"{path} is not a picture that can be read.") from error
    except OSError as error:
        if error.errno is None:  # Pillow says "image file is truncated" in this way
            raise AisError(f"{path} is damaged: copy it again.") from error
        raise AisError(describe_os_error(error, path)) from error


def _without_colours(image: Image) -> Image:
    return image if image.mode.startswith("I") or image.mode in ("L", "F") else image.convert("RGB").convert("L")
