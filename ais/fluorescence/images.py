"""Images of a light microscope: read from TIFF, PNG, JPEG and MRC files."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from ais.errors import AisError, describe_os_error
from ais.fluorescence.overlay import Projection
from ais.fluorescence.records import MAX_SIDE_PX
from ais.formats.plain_file import require_plain_file

Pixels: TypeAlias = np.ndarray[Any, np.dtype[Any]]
FloatImage: TypeAlias = np.ndarray[Any, np.dtype[np.float32]]

PICTURES = (".png", ".jpg", ".jpeg")
"""Endings of files that are nothing but a picture."""

STACKS = (".tif", ".tiff", ".mrc", ".rec", ".map", ".st")
"""Endings of files that may be a volume as well."""

MAX_PIXELS = 1 << 28
MAX_BYTES = 4 << 30
MAX_CHANNELS = 64
MAX_PLANES = 1 << 16
COLOURS = 3
HASHED_BYTES = 1 << 22
PLAUSIBLE_A = (10.0, 1e6)
"""Of pixels of a light microscope."""


@dataclass(frozen=True)
class ImageFacts:
    """What an image file holds.

    Attributes
    ----------
    shape
        (ny, nx).
    channels
        How many; red, green and blue of an image in colour are three.
    in_colour
        Whether the channels are red, green and blue.
    planes
        How many of a stack, in each channel.
    first_row_at_top
        Whether programs draw its first row uppermost, as for all but MRC files.
    pixel_size
        Of a square pixel in angstrom; 0 where the file does not say, or says what no light microscope does.
    """

    shape: tuple[int, int]
    channels: int = 1
    in_colour: bool = False
    planes: int = 1
    first_row_at_top: bool = True
    pixel_size: float = 0.0


def is_image(path: Path) -> bool:
    """Whether a file may be an image of a light microscope, by its ending."""
    return path.suffix.lower() in (*PICTURES, *STACKS)


def describe_image(path: Path) -> ImageFacts:
    """What an image file holds; reads its header only. Raises as `read_image`."""
    facts, _ = _opened(path, None, "first", only_look=True)
    return facts


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
        (ny, nx), or (ny, nx, 3) with red, green and blue; in the file's own units, its first row first. What is no
        finite number is 0.

    Raises
    ------
    AisError
        If the file is missing, damaged, of another kind, too large, or does not have the channel.
    """
    _, image = _opened(path, channel, projection, only_look=False)
    assert image is not None
    found = np.ascontiguousarray(image, np.float32)
    return np.nan_to_num(found, copy=False, nan=0.0, posinf=0.0, neginf=0.0)


def content_of(path: Path) -> str:
    """SHA-256 of a file in hexadecimal digits; an AisError if it cannot be read."""
    require_plain_file(path)
    digest = hashlib.sha256()
    try:
        with open(path, "rb") as file:
            while block := file.read(HASHED_BYTES):
                digest.update(block)
    except OSError as error:
        raise AisError(describe_os_error(error, path)) from error
    return digest.hexdigest()


def _opened(
    path: Path, channel: int | None, projection: Projection, *, only_look: bool
) -> tuple[ImageFacts, Pixels | None]:
    if path.is_dir():
        raise AisError(f"{path} is a folder, not an image.")
    require_plain_file(path)
    read = {".tif": _tiff, ".tiff": _tiff, **dict.fromkeys(PICTURES, _picture)}.get(path.suffix.lower(), _mrc)
    if read is _mrc and path.suffix.lower() not in STACKS:
        raise AisError(f"{path.name} is no image that Ais reads: save it as TIFF, PNG, JPEG or MRC.")
    try:
        return read(path, channel, projection, only_look)
    except OSError as error:
        if error.errno is None:  # Pillow says so of what it cannot decode
            raise _damaged(path) from error
        raise AisError(describe_os_error(error, path)) from error
    except MemoryError as error:
        raise AisError(f"There is not enough memory for {path.name}: save a smaller copy of it.") from error


def _damaged(path: Path) -> AisError:
    return AisError(f"{path.name} is damaged or of a kind that cannot be read: copy it again, or save it as TIFF.")


def _checked(path: Path, facts: ImageFacts, channel: int | None, item_bytes: int = 1) -> ImageFacts:
    ny, nx = facts.shape
    if not (0 < ny <= MAX_SIDE_PX and 0 < nx <= MAX_SIDE_PX and ny * nx <= MAX_PIXELS):
        raise AisError(f"{path.name} has {nx} x {ny} pixels, which is too large: save a smaller copy of it.")
    if not (0 < facts.channels <= MAX_CHANNELS and 0 < facts.planes <= MAX_PLANES):
        raise AisError(f"{path.name} has {facts.channels} channels and {facts.planes} planes: save fewer of them.")
    if ny * nx * facts.channels * facts.planes * item_bytes > MAX_BYTES:
        raise AisError(f"{path.name} is too large to be read as an image: save a projection of it first.")
    if channel is not None and channel >= facts.channels:
        count = f"{facts.channels} channel{'s' if facts.channels != 1 else ''}"
        raise AisError(f"{path.name} has {count}: there is none with the number {channel + 1}.")
    return facts


def _picture(
    path: Path, channel: int | None, projection: Projection, only_look: bool
) -> tuple[ImageFacts, Pixels | None]:
    from PIL import Image, ImageOps

    del projection
    try:
        with Image.open(path, formats=("PNG", "JPEG")) as opened:
            upright = _upright_size(opened)
            grey = opened.mode in ("1", "L", "LA", "I", "F") or opened.mode.startswith("I;")
            facts = ImageFacts(upright, 1 if grey else COLOURS, not grey)
            _checked(path, facts, channel)
            if only_look:
                return facts, None
            turned = ImageOps.exif_transpose(opened)
            pixels = _of_picture(turned if turned is not None else opened, grey)
    except Image.DecompressionBombError as error:
        raise AisError(f"{path.name} is too large to be read as an image: save a smaller copy of it.") from error
    except (SyntaxError, ValueError, TypeError, KeyError, IndexError, EOFError, ArithmeticError) as error:
        raise _damaged(path) from error
    return facts, pixels if grey or channel is None else pixels[:, :, channel]


def _upright_size(image: Any) -> tuple[int, int]:
    """(ny, nx) after it has been turned as its camera says."""
    width, height = image.size
    turned = image.getexif().get(0x0112, 1) in (5, 6, 7, 8)
    return (width, height) if turned else (height, width)


def _of_picture(image: Any, grey: bool) -> Pixels:
    """Its pixels on black, where it is transparent."""
    transparent = image.mode in ("LA", "RGBA", "PA") or "transparency" in image.info
    if not transparent:
        return np.asarray(image if grey and image.mode != "1" else image.convert("L" if grey else "RGB"))
    pixels = np.asarray(image.convert("LA" if grey else "RGBA"), np.float32)
    on_black = pixels[:, :, :-1] * (pixels[:, :, -1:] / 255)
    return on_black[:, :, 0] if grey else on_black


def _mrc(path: Path, channel: int | None, projection: Projection, only_look: bool) -> tuple[ImageFacts, Pixels | None]:
    from ais.formats.registry import open_volume

    volume = open_volume(path)
    try:
        nz, ny, nx = volume.info.shape
        size = _pixel_size(volume.info.voxel_sizes)
        facts = ImageFacts((ny, nx), planes=nz, first_row_at_top=False, pixel_size=size)
        _checked(path, facts, channel, volume.info.dtype.itemsize)
        if only_look:
            return facts, None
        count = nz if projection == "maximum" else 1
        return facts, _brightest(volume.read(z, z + 1)[0] for z in range(count))
    finally:
        volume.close()


def _tiff(path: Path, channel: int | None, projection: Projection, only_look: bool) -> tuple[ImageFacts, Pixels | None]:
    import tifffile

    from ais.formats.tiff import DAMAGE, check_directories, tiff_voxel_sizes

    try:
        check_directories(path, str(path))
        with tifffile.TiffFile(path, _multifile=False) as file:
            series = max(file.series, key=lambda candidate: math.prod(candidate.shape))
            facts = replace(_tiff_facts(path, series), pixel_size=_pixel_size(tiff_voxel_sizes(file, 1, [])))
            _checked(path, facts, channel, series.dtype.itemsize if series.dtype is not None else 1)
            if series.dtype is None or series.dtype.kind not in "buif":
                raise AisError(f"{path.name} holds pixels of type {series.dtype}: save it with grey values or colours.")
            return facts, None if only_look else _of_tiff(series, facts, channel, projection)
    except DAMAGE as error:
        raise _damaged(path) from error


def _pixel_size(voxel_sizes: tuple[float, float, float]) -> float:
    _, y, x = voxel_sizes
    return x if PLAUSIBLE_A[0] <= x <= PLAUSIBLE_A[1] and math.isclose(x, y, rel_tol=0.01) else 0.0


def _tiff_facts(path: Path, series: Any) -> ImageFacts:
    lengths = dict(zip(series.axes, series.shape, strict=True))
    if len(lengths) != len(series.axes) or not {"Y", "X"} <= lengths.keys():
        raise AisError(f"{path.name} is no image: its axes are {series.axes}.")
    samples, channels = int(lengths.get("S", 1)), int(lengths.get("C", 1))
    if samples > 1 and channels > 1:
        raise AisError(f"{path.name} has several channels in colour: save one of them as a file of its own.")
    in_colour = samples >= COLOURS
    others = [int(count) for axis, count in lengths.items() if axis not in "YXSC"]
    counted = COLOURS if in_colour else max(samples, channels)
    return ImageFacts((int(lengths["Y"]), int(lengths["X"])), counted, in_colour, math.prod(others))


def _of_tiff(series: Any, facts: ImageFacts, channel: int | None, projection: Projection) -> Pixels:
    pixels = series.asarray(maxworkers=1)
    last = "S" if "S" in series.axes else "C"
    found = next((axis for axis in (last, "C") if axis in series.axes), None)
    pixels = pixels[..., None] if found is None else np.moveaxis(pixels, series.axes.index(found), -1)
    left = series.axes.replace(found, "") if found is not None else series.axes
    pixels = np.moveaxis(pixels, (left.index("Y"), left.index("X")), (-3, -2))
    planes = pixels.reshape(-1, *facts.shape, pixels.shape[-1])
    wanted = slice(0, COLOURS) if facts.in_colour and channel is None else slice(channel or 0, (channel or 0) + 1)
    seen = planes[: len(planes) if projection == "maximum" else 1, :, :, wanted]
    image = _brightest(iter(seen))
    return image if image.shape[2] == COLOURS and facts.in_colour and channel is None else image[:, :, 0]


def _brightest(planes: Iterable[Pixels]) -> Pixels:
    brightest: Pixels | None = None
    for plane in planes:
        brightest = plane if brightest is None else np.fmax(brightest, plane)
    assert brightest is not None
    return brightest
