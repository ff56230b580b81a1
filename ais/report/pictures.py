"""Pictures of slices: in grey, with the outlines of features over them, or with the picks of particles."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ais.report.contents import Colour, FeatureResult, PickResult, SliceView

if TYPE_CHECKING:
    from PIL import Image as Pillow

Picture = NDArray[np.uint8]
"""(rows, columns, 3) red, green, blue, or 4 with opacity; the first row is drawn at the top."""

PICTURE_PX = 400
DARKEST_PERCENT, BRIGHTEST_PERCENT = 0.5, 99.5
FILL_ALPHA = 0.32
OUTLINE_PX = 1.8
RING_PX = 2.4
HALO_PX = 4.4
DASHES = 14
BAR_SHARE = 0.28
BAR_LENGTHS_NM = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)
GUTTER_PX = 12
WHITE: Colour = (1.0, 1.0, 1.0)
BLACK: Colour = (0.0, 0.0, 0.0)
WRONG_COLOUR: Colour = (0.94, 0.89, 0.26)


def png(picture: Picture) -> bytes:
    """The picture as a PNG file."""
    from PIL import Image

    buffer = io.BytesIO()
    grey = picture.shape[2] == 3 and bool((picture[..., :1] == picture).all())
    Image.fromarray(picture[..., 0] if grey else picture).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def magnification(shape: tuple[int, ...]) -> int:
    """Whole number by which a slice (ny, nx) is enlarged to be about 400 pixels wide."""
    return max(1, round(PICTURE_PX / shape[1]))


def grey_picture(image: NDArray[np.float32], voxel_size: float) -> Picture:
    """A slice in grey with a scale bar, enlarged, its row 0 at the bottom.

    Parameters
    ----------
    image
        (ny, nx).
    voxel_size
        In angstrom.
    """
    return _with_scale_bar(_grey(image), voxel_size / magnification(image.shape))


def overlay_picture(
    image: NDArray[np.float32], masks: Mapping[str, NDArray[np.bool_]], colours: Mapping[str, Colour]
) -> Picture:
    """A slice in grey with each mask filled and outlined in its feature's colour.

    Parameters
    ----------
    image
        (ny, nx).
    masks
        (ny, nx) by feature.
    colours
        By feature.
    """
    picture = _grey(image)
    factor = magnification(image.shape)
    for feature, mask in masks.items():
        if mask.any():
            distance = _signed_distance(mask, factor)
            picture = _blend(picture, np.clip(0.5 + distance, 0, 1) * FILL_ALPHA, colours[feature])
            outline = np.clip(OUTLINE_PX / 2 + 0.5 - np.abs(distance), 0, 1)
            picture = _blend(picture, outline, colours[feature])
    return picture


def picks_picture(view: SliceView, picks: PickResult, colour: Colour, voxel_size: float) -> Picture:
    """A slice with a ring around each particle whose centre is within the matching radius of it.

    A full ring in the feature's colour is a correct pick, a dashed white one a particle that was missed, and a cross a
    pick where there is no particle.
    """
    picture = _grey(view.image)
    factor = magnification(view.image.shape)
    reach = picks.radius / voxel_size
    for position, kind in near_slice(picks, view.z, reach):
        x = (position[0] + 0.5) * factor - 0.5
        y = picture.shape[0] - ((position[1] + 0.5) * factor - 0.5) - 1
        around = _polar(picture.shape, x, y)
        if kind == "wrong":
            picture = _cross(picture, around, reach * factor)
        else:
            picture = _ring(picture, around, reach * factor, colour if kind == "correct" else WHITE, kind == "missed")
    return _with_scale_bar(picture, voxel_size / factor)


def near_slice(picks: PickResult, z: int, reach: float) -> list[tuple[NDArray[np.float64], str]]:
    """Positions within `reach` voxels of slice z, each ``"correct"``, ``"wrong"`` or ``"missed"``."""
    marks = [(p, "correct" if good else "wrong") for p, good in zip(picks.positions, picks.correct, strict=True)]
    marks += [(p, "missed") for p, found in zip(picks.truth, picks.found, strict=True) if not found]
    return [(position, kind) for position, kind in marks if abs(position[2] - z) <= reach]


def slice_panels(
    view: SliceView, features: Sequence[FeatureResult], voxel_size: float
) -> tuple[Picture, Picture, Picture]:
    """A slice as it is, with the ground truth, and with the segmentation."""
    colours = {feature.name: feature.colour for feature in features}
    return (
        grey_picture(view.image, voxel_size),
        overlay_picture(view.image, view.truth, colours),
        overlay_picture(view.image, view.segmentation, colours),
    )


def side_by_side(panels: Sequence[Picture]) -> Picture:
    """Pictures of one height in a row, with transparent gaps between them: (rows, columns, 4)."""
    gutter = np.zeros((panels[0].shape[0], GUTTER_PX, 4), np.uint8)
    opaque = [np.dstack([panel, np.full(panel.shape[:2], 255, np.uint8)]) for panel in panels]
    parts = [part for panel in opaque for part in (gutter, panel)]
    return np.concatenate(parts[1:], axis=1)


def _grey(image: NDArray[np.float32]) -> Picture:
    low, high = np.percentile(image, (DARKEST_PERCENT, BRIGHTEST_PERCENT))
    shown = np.clip((image - low) / max(float(high - low), 1e-12), 0, 1).astype(np.float32)
    large = _enlarged(shown[::-1], magnification(image.shape))
    grey = np.rint(np.clip(large, 0, 1) * 255).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)


def _enlarged(values: NDArray[np.float32], factor: int) -> NDArray[np.float32]:
    from PIL import Image

    size = (values.shape[1] * factor, values.shape[0] * factor)
    picture = Image.fromarray(np.ascontiguousarray(values)).resize(size, Image.Resampling.BICUBIC)
    return np.asarray(picture, dtype=np.float32)


def _signed_distance(mask: NDArray[np.bool_], factor: int) -> NDArray[np.float32]:
    """Distance to the outline in pixels of the enlarged picture, positive inside."""
    import edt

    inside = _enlarged(mask[::-1].astype(np.float32), factor) >= 0.5
    within, outside = (edt.edt(np.ascontiguousarray(part).view(np.uint8)) for part in (inside, ~inside))
    signed = np.where(inside, within - np.float32(0.5), np.float32(0.5) - outside)
    return np.asarray(signed, dtype=np.float32)


def _blend(picture: Picture, alpha: NDArray[np.floating], colour: Colour) -> Picture:
    paint = np.array(colour, np.float32) * 255
    mixed = picture + alpha[..., None] * (paint - picture)
    return np.asarray(np.rint(mixed), dtype=np.uint8)


def _polar(shape: tuple[int, ...], x: float, y: float) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Offsets (rows, columns) of each pixel from a point."""
    rows, columns = np.indices(shape[:2], dtype=np.float32)
    return rows - np.float32(y), columns - np.float32(x)


def _ring(
    picture: Picture,
    around: tuple[NDArray[np.float32], NDArray[np.float32]],
    radius: float,
    colour: Colour,
    dashed: bool,
) -> Picture:
    rows, columns = around
    off = np.abs(np.hypot(rows, columns) - np.float32(radius))
    drawn = np.ones_like(off)
    if dashed:
        drawn = (np.sin(np.arctan2(rows, columns) * DASHES) > -0.2).astype(np.float32)
    for width, paint, strength in ((HALO_PX, BLACK, 0.55), (RING_PX, colour, 1.0)):
        picture = _blend(picture, np.clip(width / 2 + 0.5 - off, 0, 1) * drawn * np.float32(strength), paint)
    return picture


def _cross(picture: Picture, around: tuple[NDArray[np.float32], NDArray[np.float32]], radius: float) -> Picture:
    rows, columns = around
    near = np.maximum(np.abs(rows), np.abs(columns)) <= radius * 0.5
    off = np.minimum(np.abs(rows - columns), np.abs(rows + columns)) / np.float32(math.sqrt(2))
    for width, paint, strength in ((HALO_PX, BLACK, 0.55), (RING_PX, WRONG_COLOUR, 1.0)):
        picture = _blend(picture, np.clip(width / 2 + 0.5 - off, 0, 1) * near * np.float32(strength), paint)
    return picture


def _with_scale_bar(picture: Picture, pixel_size: float) -> Picture:
    """The picture with a bar and its length in its lower left corner; `pixel_size` in angstrom."""
    from PIL import Image, ImageDraw, ImageFont

    rows, columns = picture.shape[:2]
    longest = columns * BAR_SHARE * pixel_size / 10
    length = max((value for value in BAR_LENGTHS_NM if value <= longest), default=BAR_LENGTHS_NM[0])
    width = round(length * 10 / pixel_size)
    text = f"{length} nm" if length < 1000 else f"{length / 1000:g} µm"
    canvas: Pillow.Image = Image.fromarray(picture)
    draw = ImageDraw.Draw(canvas)
    left, bottom = round(columns * 0.035), rows - round(rows * 0.035)
    thickness = max(3, round(columns * 0.009))
    draw.rectangle((left - 1, bottom - thickness - 1, left + width + 1, bottom + 1), fill=(0, 0, 0))
    draw.rectangle((left, bottom - thickness, left + width, bottom), fill=(255, 255, 255))
    font = ImageFont.load_default(size=max(10, round(columns * 0.042)))
    draw.text(
        (left + width / 2, bottom - thickness - 3),
        text,
        font=font,
        anchor="mb",
        fill=(255, 255, 255),
        stroke_width=2,
        stroke_fill=(0, 0, 0),
    )
    return np.asarray(canvas, dtype=np.uint8)
