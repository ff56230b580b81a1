"""What is true of drawing with OpenGL: each check runs in a process of its own, `python tests/gl_checks.py NAME`.

Drawing and TensorFlow must not share a process, and that of pytest may have imported TensorFlow.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from unittest import mock

import numpy as np
import scipy.ndimage as ndi
from gl_window import hidden_window
from imgui_bundle import ImVec2
from numpy.typing import NDArray

from ais.fluorescence import BLENDS, Affine, placing
from ais.gui.display import Contrast, DisplayFilter, Placement, fitted
from ais.gui.gl.binding import GL, GraphicsError, check_errors
from ais.gui.gl.framebuffer import Framebuffer
from ais.gui.gl.objects import live_objects
from ais.gui.gl.program import Program, shader_source
from ais.gui.gl.state import drawing_state
from ais.gui.gl.texture import Texture2D
from ais.gui.gl.triangle import FullScreenTriangle
from ais.gui.views.crop_atlas import UPLOADS_PER_FRAME, CropAtlas
from ais.gui.views.image_layers import EVERYWHERE, MODES, ImageLayer, seen_in
from ais.gui.views.overlay import MaskTexture, Overlay
from ais.gui.views.slice_renderer import SliceRenderer

Picture = NDArray[np.float32]
CHECKS: dict[str, Callable[[], None]] = {}
STEP = 1 / 255
RED, GREEN, BLUE = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)
UNIT = Contrast(0.0, 1.0)
FILTERS = [
    *(DisplayFilter("gaussian", sigma) for sigma in (0.5, 1.0, 2.0, 2.6, 4.0, 8.0, 20.0)),
    *(DisplayFilter("difference", sigma, 0.7) for sigma in (1.0, 2.0, 5.0)),
    *(DisplayFilter("box", width) for width in (1.0, 3.0, 9.0, 31.0)),
    *(DisplayFilter("unsharp", sigma, 0.5) for sigma in (1.0, 4.0)),
    DisplayFilter("sobel"),
    DisplayFilter("sobel", weight=0.4),
    DisplayFilter("median", 3.0, 0.8),
    DisplayFilter("median", 5.0),
]


def check(function: Callable[[], None]) -> Callable[[], None]:
    CHECKS[function.__name__] = function
    return function


def noise(shape: tuple[int, int], mean: float = 5.0, seed: int = 0) -> Picture:
    return (mean + np.random.default_rng(seed).normal(size=shape)).astype(np.float32)


def expected(image: NDArray[np.float64], item: DisplayFilter) -> NDArray[np.float64]:
    """What a filter must give, by SciPy, as `FilterStack` documents it."""
    mean = image.mean()
    match item.kind:
        case "gaussian":
            result = ndi.gaussian_filter(image, item.size)
        case "difference":
            narrow, wide = (ndi.gaussian_filter(image, item.size * ratio) for ratio in (1, 1.6))
            result = mean + 3 * (narrow - wide)
        case "box":
            result = ndi.uniform_filter(image, int(item.size))
        case "unsharp":
            result = 2 * image - ndi.gaussian_filter(image, item.size)
        case "sobel":
            result = mean + np.hypot(ndi.sobel(image, 0), ndi.sobel(image, 1)) / 4
        case "median":
            result = ndi.median_filter(image, int(item.size))
    return np.asarray((1 - item.weight) * image + item.weight * result)


def filtered(renderer: SliceRenderer, image: Picture, *filters: DisplayFilter) -> Picture:
    renderer.set_image(image)
    renderer.set_filters(filters)
    return renderer.filtered()


def shown(renderer: SliceRenderer, *arguments: object, **options: object) -> NDArray[np.float64]:
    """What `draw` draws, red, green and blue from 0 to 1."""
    texture = renderer.draw(*arguments, **options)  # type: ignore[arg-type]
    picture = renderer.read_back()
    assert picture.shape == (texture.height, texture.width, 4)
    assert (picture[..., 3] == 255).all()
    return picture[..., :3] / 255


def mask_of(array: NDArray[np.uint8] | NDArray[np.bool_], **options: bool) -> MaskTexture:
    mask = MaskTexture(array.shape, **options)  # type: ignore[arg-type]
    mask.set(array if mask.probabilities else array != 0)
    return mask


@check
def filters_agree_with_scipy_also_at_the_borders() -> None:
    renderer = SliceRenderer()
    for shape in ((96, 128), (130, 101), (75, 66), (37, 31), (9, 3)):
        image = noise(shape)
        for item in FILTERS:
            if max(item.size, 1) > min(shape):
                continue
            wanted = expected(image.astype(float), item)
            found = filtered(renderer, image, item)
            spread = wanted.std()
            wrong = np.abs(found - wanted)
            border = np.concatenate(
                [wrong[:2].ravel(), wrong[-2:].ravel(), wrong[:, :2].ravel(), wrong[:, -2:].ravel()]
            )
            assert np.sqrt((wrong**2).mean()) < 0.012 * spread, (shape, item)
            assert np.sqrt((border**2).mean()) < 0.015 * spread, (shape, item, "border")
            assert wrong.max() < 0.05 * spread, (shape, item, "worst pixel")


@check
def the_sigma_of_a_gaussian_is_right() -> None:
    renderer = SliceRenderer()
    size = 257
    image = np.zeros((size, size), np.float32)
    image[128, 128] = 1
    distance = np.arange(size) - 128.0
    for sigma in (0.7, 1.0, 1.7, 2.5, 2.7, 4.0, 6.5, 10.0, 15.0, 20.0):
        spot = filtered(renderer, image, DisplayFilter("gaussian", sigma)).astype(float)
        assert abs(spot.sum() - 1) < 1e-3
        for axis in (0, 1):
            profile = spot.sum(axis)
            found = np.sqrt((profile * distance**2).sum() / profile.sum())
            assert abs(found / sigma - 1) < 0.01, (sigma, found)


@check
def filters_act_one_after_the_other() -> None:
    renderer = SliceRenderer()
    image = noise((80, 91))
    stack = [DisplayFilter("median", 3.0), DisplayFilter("gaussian", 1.5, 0.6), DisplayFilter("sobel", weight=0.5)]
    wanted = image.astype(float)
    mean = wanted.mean()
    for item in stack:
        wanted = (
            expected(wanted, item) if item.kind != "sobel" else expected(wanted, item) + 0.5 * (mean - wanted.mean())
        )
    assert np.abs(filtered(renderer, image, *stack) - wanted).max() < 0.02 * wanted.std()


@check
def filters_that_are_off_change_nothing() -> None:
    renderer = SliceRenderer()
    image = noise((33, 35))
    off = DisplayFilter("gaussian", 3.0, enabled=False)
    assert (filtered(renderer, image, off, DisplayFilter("median", 5.0, 0.0)) == image).all()
    assert (filtered(renderer, image) == image).all()


@check
def filters_do_not_darken_the_edge() -> None:
    renderer = SliceRenderer()
    flat = np.full((45, 53), 7.5, np.float32)
    for item in FILTERS:
        assert np.abs(filtered(renderer, flat, item) - 7.5).max() < 1e-3, item


@check
def values_that_are_no_numbers_spoil_nothing() -> None:
    renderer = SliceRenderer()
    image = noise((60, 60))
    holed = image.copy()
    holed[10, 10], holed[30, 30], holed[50, 50] = np.nan, np.inf, -np.inf
    rest = np.isfinite(holed)
    wanted = np.where(rest, image, image[rest].mean())
    for item in FILTERS:
        found = filtered(renderer, holed, item)
        assert np.isfinite(found).all()
        assert np.abs(found - filtered(renderer, wanted.astype(np.float32), item)).max() < 1e-4
    for hopeless in (np.nan, np.inf, 3e38, -3e38):
        found = filtered(renderer, np.full((8, 8), hopeless, np.float32), DisplayFilter("unsharp", 2.0))
        assert np.isfinite(found).all()


@check
def contrast_and_inversion() -> None:
    renderer = SliceRenderer()
    image = np.linspace(-2, 3, 40 * 50, dtype=np.float32).reshape(40, 50)
    renderer.set_image(image)
    for contrast in (Contrast(-1, 2), Contrast(-1, 2, True), Contrast(0, 0.5), Contrast(1.0, 1.0)):
        with np.errstate(invalid="ignore"):
            grey = np.clip((image - contrast.low) / max(contrast.high - contrast.low, 1e-30), 0, 1)
        grey = 1 - grey if contrast.invert else grey
        found = shown(renderer, 50, 40, fitted((40, 50), 50, 40), contrast, False)
        assert np.abs(found - grey[::-1, :, None]).max() <= STEP, contrast


@check
def large_values_keep_their_contrast() -> None:
    renderer = SliceRenderer()
    image = noise((40, 40), mean=60000.0)
    renderer.set_image(image)
    found = shown(renderer, 40, 40, fitted((40, 40), 40, 40), Contrast(59997, 60003), False)
    grey = np.clip((image.astype(float) - 59997) / 6, 0, 1)
    assert np.abs(found[::-1, :, 0] - grey).max() <= 2 * STEP


@check
def row_zero_is_at_the_bottom_and_placement_is_kept() -> None:
    renderer = SliceRenderer()
    rng = np.random.default_rng(3)
    rows, columns = 31, 47
    for _ in range(25):
        row, column = int(rng.integers(rows)), int(rng.integers(columns))
        image = np.zeros((rows, columns), np.float32)
        image[row, column] = 1
        renderer.set_image(image)
        width, height = int(rng.integers(50, 200)), int(rng.integers(50, 200))
        where = Placement(rng.uniform(0, rows), rng.uniform(0, columns), rng.uniform(4, 12))
        found = shown(renderer, width, height, where, UNIT, False)[..., 0]
        y, x = np.mgrid[:height, :width] + 0.5
        at = np.array([where.to_picture(a, b, width, height) for a, b in zip(x.ravel(), y.ravel(), strict=True)])
        # Points that lie on the line between two pixels may fall to either.
        edge = (np.abs(at % 1 - 0.5) < 1e-3).any(axis=1).reshape(height, width)
        wanted = (np.rint(at) == (row, column)).all(axis=1).reshape(height, width)
        assert (found[~edge] == wanted[~edge]).all()
    renderer.set_image(np.arange(4, dtype=np.float32).reshape(4, 1) / 3 * np.ones((1, 4), np.float32))
    column_of_view = shown(renderer, 40, 40, fitted((4, 4), 40, 40), UNIT, False)[:, 20, 0]
    assert column_of_view[0] == 1
    assert column_of_view[-1] == 0


@check
def around_the_picture_there_is_the_background() -> None:
    renderer = SliceRenderer()
    renderer.set_image(np.ones((20, 20), np.float32))
    everywhere = mask_of(np.ones((20, 20), np.uint8))
    background = (0.2, 0.4, 0.6)
    for interpolate in (False, True):
        found = shown(
            renderer, 100, 60, Placement(9.5, 9.5, 2), UNIT, interpolate, [Overlay(everywhere, RED, 1.0)], background
        )
        inside = np.zeros((60, 100), bool)
        inside[10:50, 30:70] = True
        assert np.abs(found[~inside] - background).max() <= STEP
        assert (found[inside] == RED).all()


@check
def an_enlarged_picture_is_smooth_if_asked() -> None:
    renderer = SliceRenderer()
    image = noise((12, 12), 0.5, 1)
    renderer.set_image(image)
    where = Placement(5.5, 5.5, 10.0)
    wide = Contrast(-4, 5)
    found = shown(renderer, 100, 100, where, wide, True)[..., 0]
    y, x = np.mgrid[:100, :100] + 0.5
    rows, columns = where.to_picture(x, y, 100, 100)  # type: ignore[arg-type]
    wanted = (ndi.map_coordinates(image.astype(float), [rows, columns], order=1, mode="nearest") + 4) / 9
    assert np.abs(found - np.clip(wanted, 0, 1)).max() < 2 * STEP


@check
def a_shrunk_picture_is_averaged() -> None:
    renderer = SliceRenderer()
    image = noise((256, 256), 0.0)
    renderer.set_image(image)
    means = image.reshape(64, 4, 64, 4).mean((1, 3))[::-1]
    for interpolate in (False, True):
        found = shown(renderer, 64, 64, fitted((256, 256), 64, 64), Contrast(-4, 4), interpolate)[..., 0] * 8 - 4
        assert np.abs(found - means).max() < 0.04


@check
def masks_are_laid_over_the_picture() -> None:
    renderer = SliceRenderer()
    image = np.full((21, 33), 0.5, np.float32)
    renderer.set_image(image)
    rng = np.random.default_rng(5)
    arrays = [(rng.random((21, 33)) < 0.3).astype(np.uint8) for _ in range(19)]
    masks = [mask_of(array) for array in arrays]
    for count in (1, 3, 8, 9, 19):
        overlays, wanted = [], np.full((21, 33, 3), 0.5)
        for array, mask in list(zip(arrays, masks, strict=True))[:count]:
            colour, alpha = tuple(rng.random(3)), float(rng.uniform(0.1, 1))
            overlays.append(Overlay(mask, colour, alpha))
            part = (alpha * (array[..., None] != 0)).astype(float)
            wanted = wanted * (1 - part) + np.array(colour) * part
        found = shown(renderer, 33, 21, fitted((21, 33), 33, 21), UNIT, True, overlays)[::-1]
        # What is drawn in several passes is rounded to a byte after each.
        assert np.abs(found - wanted).max() <= 3 * STEP, count


@check
def an_outline_is_a_thin_line_at_every_zoom() -> None:
    renderer = SliceRenderer()
    array = np.zeros((40, 40), np.uint8)
    array[10:30, 10:30] = 1
    renderer.set_image(np.zeros((40, 40), np.float32))
    overlay = Overlay(mask_of(array), GREEN, 1.0, outline=True)
    for scale in (1.0, 3.0, 7.3, 16.0, 40.0):
        where = Placement(19.5, 9.5, scale)
        found = shown(renderer, 201, 101, where, UNIT, True, [overlay])[..., 1]
        across = found[50]
        x, _ = where.to_view(19.5, 9.5, 201, 101)
        line = np.flatnonzero(across == 1)
        near = line[np.abs(line + 0.5 - x) < 4]
        assert 1 <= len(near) <= 2, (scale, near)
        assert np.abs(near + 0.5 - x).max() <= 0.76, (scale, near)
        other = where.to_view(19.5, 29.5, 201, 101)[0]
        far = line[(np.abs(line + 0.5 - x) >= 4) & (np.abs(line + 0.5 - other) >= 4)]
        assert not len(far), (scale, far)
    filled = Overlay(mask_of(np.ones((40, 40), np.uint8)), RED, 1.0)
    found = shown(renderer, 201, 101, Placement(19.5, 9.5, 7.3), UNIT, True, [overlay, filled])
    assert (found == GREEN).all(axis=2).any(), "a line lies above areas"


@check
def probabilities_are_graded_and_have_a_threshold() -> None:
    renderer = SliceRenderer()
    values = np.arange(256, dtype=np.uint8).reshape(16, 16)
    renderer.set_image(np.zeros((16, 16), np.float32))
    mask = mask_of(values, probabilities=True)
    place = fitted((16, 16), 16, 16)
    for threshold in (0.0, 0.25, 0.5):
        on = (values / 255 >= threshold) & (values > 0)
        overlay = Overlay(mask, RED, 0.8, threshold=threshold)
        found = shown(renderer, 16, 16, place, UNIT, False, [overlay])[::-1, :, 0]
        assert np.abs(found - np.where(on, 0.8 * values / 255, 0)).max() <= STEP
        found = shown(renderer, 16, 16, place, UNIT, False, [replace(overlay, graded=False)])[::-1, :, 0]
        assert np.abs(found - np.where(on, 0.8, 0)).max() <= STEP


@check
def only_the_dirty_rectangle_is_sent() -> None:
    renderer = SliceRenderer()
    rng = np.random.default_rng(7)
    for shape in ((20, 31), (33, 17), (1, 5)):
        renderer.set_image(np.zeros(shape, np.float32))
        before, after = (rng.random(shape) < 0.5 for _ in range(2))
        mask = mask_of(before)
        overlay = Overlay(mask, RED, 1.0)
        place = fitted(shape, shape[1], shape[0])
        for rect in ((0, 1, 0, 1), (0, shape[0], 2, 5), (-5, 400, 1, 4), (shape[0], shape[0] + 3, 0, 2), (3, 3, 1, 1)):
            mask.set(before)
            mask.update(rect, after)
            wanted = before.copy()
            window = np.s_[max(rect[0], 0) : max(rect[1], 0), max(rect[2], 0) : max(rect[3], 0)]
            wanted[window] = after[window]
            found = shown(renderer, shape[1], shape[0], place, UNIT, False, [overlay])[::-1, :, 0]
            assert (found == wanted).all(), (shape, rect)


@check
def painting_draws_only_where_it_painted() -> None:
    rng = np.random.default_rng(13)
    image = noise((90, 120), 0.5)
    arrays = [rng.random((90, 120)) < 0.2 for _ in range(10)]
    masks = [mask_of(array) for array in arrays]
    overlays = [Overlay(mask, tuple(rng.random(3)), 0.7, outline=index % 2 == 1) for index, mask in enumerate(masks)]
    painted, fresh = SliceRenderer(), SliceRenderer()
    painted.set_image(image)
    fresh.set_image(image)
    for scale in (0.3, 0.8, 1.0, 3.7):
        where = Placement(40.3, 61.8, scale)
        shown(painted, 150, 110, where, UNIT, True, overlays)
        for round_number in range(12):
            for _ in range(int(rng.integers(0, 3)) if round_number < 11 else 40):
                which, row, column = int(rng.integers(10)), int(rng.integers(85)), int(rng.integers(115))
                arrays[which][row : row + 5, column : column + 5] ^= True
                masks[which].update((row, row + 5, column, column + 5), arrays[which])
            found = shown(painted, 150, 110, where, UNIT, True, overlays)
            shown(fresh, 10, 10, where, UNIT)
            assert (found == shown(fresh, 150, 110, where, UNIT, True, overlays)).all(), (scale, round_number)


@check
def textures_take_odd_widths_and_parts_of_arrays() -> None:
    rng = np.random.default_rng(11)
    for pixels, dtype, channels in (
        ("r8", np.uint8, 1),
        ("r16f", np.float16, 1),
        ("r32f", np.float32, 1),
        ("rgba8", np.uint8, 4),
        ("rgba16f", np.float16, 4),
        ("rgba32f", np.float32, 4),
    ):
        large = rng.integers(0, 255, (40, 53) if channels == 1 else (40, 53, 4)).astype(dtype)
        for part in (large[3:20, 5:12], large[::2, 1:4], large[:7, ::3], large[::-1, :5], large[4:5, 4:5]):
            texture = Texture2D(part.shape[1] + 2, part.shape[0] + 1, pixels)  # type: ignore[arg-type]
            texture.upload(np.zeros((*texture.shape, *part.shape[2:]), dtype))
            texture.upload(part, 1, 2)
            target = Framebuffer(texture)
            found = target.read()
            assert (found[1:, 2:] == part).all(), (pixels, part.shape)
            assert not found[0].any()
            assert not found[:, :2].any()
            target.release()
            texture.release()


@check
def a_picture_larger_than_the_driver_takes_is_shrunk() -> None:
    renderer = SliceRenderer(limit=32)
    image = noise((70, 101), 0.0)
    renderer.set_image(image)
    assert renderer.reduction == 4
    filled = np.pad(image.astype(float), ((0, 2), (0, 3)), constant_values=np.nan)
    means = np.nanmean(filled.reshape(18, 4, 26, 4), axis=(1, 3))
    assert np.abs(renderer.filtered() - means).max() < 1e-5
    array = np.zeros((70, 101), np.uint8)
    mask = MaskTexture((70, 101), limit=32)
    array[37, 50] = 255
    mask.update((37, 38, 50, 51), array)
    found = shown(renderer, 404, 280, fitted((70, 101), 404, 280), Contrast(-2, 2), False, [Overlay(mask, RED, 1.0)])
    red = np.argwhere((found == RED).all(axis=2))
    rows, columns = (280 - 1 - red[:, 0]) / 4, red[:, 1] / 4
    assert 36 <= rows.min() <= 37
    assert 39 <= rows.max() <= 40
    assert 48 <= columns.min() <= 49
    assert 51 <= columns.max() <= 52


@check
def nothing_is_drawn_twice() -> None:
    renderer = SliceRenderer()
    image = noise((64, 64))
    array = np.zeros((64, 64), np.uint8)
    mask = mask_of(array)
    renderer.set_image(image)
    arguments = {"overlays": [Overlay(mask, RED)], "background": (0.0, 0.0, 0.1)}
    filters = [DisplayFilter("gaussian", 2.0), DisplayFilter("sobel", weight=0.5)]
    drawn = mock.Mock(side_effect=FullScreenTriangle.draw)
    with mock.patch.object(FullScreenTriangle, "draw", lambda self: drawn(self)):

        def passes(scale: float = 1.5, contrast: Contrast = UNIT) -> int:
            drawn.reset_mock()
            renderer.set_filters(list(filters))
            renderer.draw(80, 80, Placement(32, 32, scale), contrast, **arguments)  # type: ignore[arg-type]
            return int(drawn.call_count)

        assert passes() > 1
        assert passes() == 0
        assert passes(3.0) == 1, "moving the picture filters nothing again"
        assert passes(contrast=Contrast(1, 2)) == 1
        passes()
        array[3, 3] = 255
        mask.update((3, 4, 3, 4), array)
        assert passes() == 1
        filters[0] = replace(filters[0], weight=0.5)
        assert passes() > 1
        assert passes() == 0
        renderer.set_image(noise((64, 64), seed=2))
        assert passes() > 1


@check
def nothing_is_left_after_release() -> None:
    assert live_objects() == {}
    for limit in (None, 32):
        renderer = SliceRenderer(limit=limit)
        for shape in ((40, 41), (128, 128)):
            masks = [MaskTexture(shape, limit=limit) for _ in range(10)]
            renderer.set_image(noise(shape))
            for item in FILTERS:
                renderer.set_filters([item])
                renderer.draw(shape[0] + 3, 50, fitted(shape, 50, 50), UNIT, True, [Overlay(m, RED) for m in masks])
            textures = live_objects()["texture"]
            for sigma in np.arange(3, 24, 0.5):
                renderer.set_filters([DisplayFilter("gaussian", float(sigma))])
                renderer.draw(50, 50, fitted(shape, 50, 50), UNIT)
            assert live_objects()["texture"] < textures + 12, "pictures of filters of before pile up"
            for mask in masks:
                mask.release()
        renderer.release()
        renderer.release()
        assert live_objects() == {}


@check
def masks_of_another_slice_are_left_out() -> None:
    renderer = SliceRenderer()
    renderer.set_image(np.zeros((10, 10), np.float32))
    other, gone = mask_of(np.ones((5, 5), np.uint8)), mask_of(np.ones((10, 10), np.uint8))
    gone.release()
    found = shown(renderer, 10, 10, fitted((10, 10), 10, 10), UNIT, True, [Overlay(other, RED), Overlay(gone, RED)])
    assert not found.any()


def driver_state() -> dict[str, object]:
    names = [
        "DRAW_FRAMEBUFFER_BINDING",
        "READ_FRAMEBUFFER_BINDING",
        "VIEWPORT",
        "SCISSOR_BOX",
        "CURRENT_PROGRAM",
        "VERTEX_ARRAY_BINDING",
        "PIXEL_UNPACK_BUFFER_BINDING",
        "PIXEL_PACK_BUFFER_BINDING",
        "BLEND_SRC_RGB",
        "BLEND_DST_RGB",
        "BLEND_SRC_ALPHA",
        "BLEND_DST_ALPHA",
        "BLEND_EQUATION_RGB",
        "BLEND_EQUATION_ALPHA",
        "ACTIVE_TEXTURE",
        "BLEND",
        "SCISSOR_TEST",
        "DEPTH_TEST",
        "CULL_FACE",
        "UNPACK_ALIGNMENT",
        "UNPACK_ROW_LENGTH",
        "PACK_ALIGNMENT",
        "TEXTURE_BINDING_2D",
        "SAMPLER_BINDING",
        "COLOR_WRITEMASK",
    ]
    state = {name: np.array(GL.glGetIntegerv(getattr(GL, f"GL_{name}"))).tolist() for name in names}
    active = GL.glGetIntegerv(GL.GL_ACTIVE_TEXTURE)
    for unit in range(16):
        GL.glActiveTexture(GL.GL_TEXTURE0 + unit)
        state[f"texture {unit}"] = int(GL.glGetIntegerv(GL.GL_TEXTURE_BINDING_2D))
    GL.glActiveTexture(active)
    return state


@check
def the_state_of_the_driver_is_as_before() -> None:
    renderer = SliceRenderer()
    image = noise((50, 51))
    textures = [Texture2D(2, 2, "rgba8") for _ in range(16)]
    for unit, texture in enumerate(textures):
        texture.bind(unit)
    GL.glActiveTexture(GL.GL_TEXTURE3)
    GL.glEnable(GL.GL_BLEND)
    GL.glEnable(GL.GL_SCISSOR_TEST)
    GL.glEnable(GL.GL_CULL_FACE)
    GL.glBlendFuncSeparate(GL.GL_SRC_ALPHA, GL.GL_ONE_MINUS_SRC_ALPHA, GL.GL_ONE, GL.GL_ONE_MINUS_SRC_ALPHA)
    GL.glBlendEquation(GL.GL_FUNC_SUBTRACT)
    GL.glViewport(1, 2, 30, 40)
    GL.glScissor(3, 4, 5, 6)
    before = driver_state()
    mask = MaskTexture((50, 51))
    mask.set(np.ones((50, 51), np.bool_))
    renderer.set_image(image)
    renderer.set_filters(FILTERS)
    overlays = [Overlay(mask, RED, 0.5, outline=index % 2 == 0) for index in range(12)]
    found = shown(renderer, 60, 60, fitted((50, 51), 60, 60), UNIT, True, overlays)
    renderer.filtered()
    assert found.any(), "clipping and blending of before must not act"
    changed = {name: (value, driver_state()[name]) for name, value in before.items() if driver_state()[name] != value}
    assert not changed, changed


@check
def a_bad_shader_is_reported_with_the_drivers_words() -> None:
    vertex = shader_source("screen.vert")
    for fragment in ("void main() { nonsense; }", "out vec4 c; vec4 f(); void main() { c = f(); }"):
        try:
            Program(vertex, fragment, title="a test shader")
        except GraphicsError as error:
            assert "a test shader" in str(error)  # noqa: PT017
            assert len(str(error)) > 80  # noqa: PT017
        else:
            raise AssertionError("a bad shader was taken")
    try:
        shader_source("absent.frag")
    except GraphicsError as error:
        assert "absent.frag" in str(error)  # noqa: PT017
    else:
        raise AssertionError("a missing shader was found")
    assert live_objects() == {}


@check
def errors_of_the_driver_are_found() -> None:
    check_errors()
    GL.glEnable(0xFFFF)
    try:
        check_errors()
    except GraphicsError as error:
        assert "0x0500" in str(error)  # noqa: PT017
    else:
        raise AssertionError("an error went unseen")
    check_errors()


@check
def drawing_survives_an_exception_inside() -> None:
    GL.glEnable(GL.GL_BLEND)
    before = driver_state()
    try:
        with drawing_state():
            GL.glViewport(0, 0, 1, 1)
            raise KeyError
    except KeyError:
        pass
    assert driver_state() == before


@check
def as_many_crops_are_held_as_are_on_a_large_screen() -> None:
    class Drawn:
        def __init__(self) -> None:
            self.places: list[tuple[float, float]] = []

        def add_image(self, _: object, *corners: ImVec2) -> None:
            self.places.append((corners[2].x, corners[3].y))

    atlas, made_of, count, side = CropAtlas(), object(), 3300, 128
    crop = np.zeros((side, side), np.uint8)
    for _ in range(count // UPLOADS_PER_FRAME + 1):
        atlas.follow(made_of, side, count)
        drawn = Drawn()
        found = sum(atlas.draw(drawn, number, crop, ImVec2(0, 0), ImVec2(1, 1)) for number in range(count))
    assert found == count == len(set(drawn.places))
    for _ in range(3):
        atlas.follow(made_of, 2, 4)
        held = live_objects()["texture"]
    assert held == 1
    small = np.zeros((2, 2), np.uint8)
    with (
        mock.patch("ais.gui.views.crop_atlas.LEAST_COLUMNS", 2),
        mock.patch("ais.gui.views.crop_atlas.max_texture_size", return_value=4),
    ):
        atlas.release()
        for _ in range(3):
            atlas.follow(made_of, 2, 9)
            drawn = Drawn()
            found = sum(atlas.draw(drawn, number, small, ImVec2(0, 0), ImVec2(1, 1)) for number in range(9))
            assert found == 4 == len(set(drawn.places)), "none takes the place of another one of the same frame"
    atlas.release()
    assert live_objects() == {}


@check
def images_are_blended_over_the_slice() -> None:
    """Against bilinear sampling by SciPy, and the arithmetic of each way of blending written out."""
    assert set(MODES) == set(BLENDS)
    renderer = SliceRenderer()
    rng = np.random.default_rng(8)
    slice_ = rng.random((30, 40)).astype(np.float32)
    renderer.set_image(slice_)
    light = rng.integers(0, 255, (12, 18, 4), np.uint8)
    light[:, :, :3] = np.minimum(light[:, :, :3], light[:, :, 3:])  # colours are multiplied by the brightness
    texture = Texture2D(18, 12, "rgba8")
    texture.smooth(True)
    texture.upload(light)
    affine: Affine = ((2.0, 0.6, 1.0), (-0.5, 1.9, 8.0))
    back = placing.inverse(affine)
    where, width, height = Placement(14.0, 19.0, 5.0), 220, 170
    y, x = np.mgrid[:height, :width] + 0.5
    rows, columns = where.to_picture(x, y, width, height)  # type: ignore[arg-type]
    at = [back[1][0] * columns + back[1][1] * rows + back[1][2], back[0][0] * columns + back[0][1] * rows + back[0][2]]
    lit = np.stack([ndi.map_coordinates(light[..., c] / 255, at, order=1, mode="nearest") for c in range(4)], axis=-1)
    inside = (at[0] >= -0.5) & (at[0] < 11.5) & (at[1] >= -0.5) & (at[1] < 17.5)
    certain = ~(ndi.maximum_filter(inside, 3) ^ ndi.minimum_filter(inside, 3))
    ground = shown(renderer, width, height, where, UNIT, True)
    opacity = 0.7
    amount, colour = lit[..., 3:] * opacity, lit[..., :3] * opacity
    wanted = {
        "sum": np.minimum(ground + colour, 1),
        "overlay": ground * (1 - amount) + colour,
        "colourize": ground * (1 - amount + colour),
        "mask": ground * (1 - opacity + amount),
    }
    for blend in BLENDS:
        layer = ImageLayer(texture, 1, *seen_in(back, "xy", 0), EVERYWHERE, blend, opacity)
        found = shown(renderer, width, height, where, UNIT, True, images=[layer])
        expected_here = np.where(inside[..., None], wanted[blend], ground)
        assert np.abs(found - expected_here)[certain].max() < 3 * STEP, blend
        # A mask is drawn over it, and where it is painted nothing else is drawn anew.
        mask = mask_of(np.pad(np.ones((4, 4), np.uint8), ((10, 16), (10, 26))))
        over = shown(renderer, width, height, where, UNIT, True, [Overlay(mask, RED, 1.0)], images=[layer])
        painted = (over == RED).all(axis=-1)
        assert painted.any()
        assert (over[~painted] == found[~painted]).all()
    texture.release()


@check
def across_the_slices_the_line_of_an_image_is_seen() -> None:
    renderer = SliceRenderer()
    light = np.zeros((6, 8, 4), np.uint8)
    light[:, :, 3] = np.add.outer(20 * np.arange(6), 10 * np.arange(8))
    light[:, :, 0] = light[:, :, 3]
    texture = Texture2D(8, 6, "rgba8")
    texture.upload(light)
    texture.smooth(True)
    to_image = placing.inverse(((1.0, 0.0, 2.0), (0.0, 1.0, 3.0)))
    for plane, position, shape in (("xz", 5, (10, 12)), ("yz", 4, (12, 10))):
        renderer.set_image(np.zeros(shape, np.float32))
        rows, columns = shape
        within = (-1e9, 1.5, 1e9, 6.5) if plane == "xz" else (1.5, -1e9, 6.5, 1e9)
        layer = ImageLayer(texture, 1, *seen_in(to_image, plane, position), within, "overlay", 1.0)  # type: ignore[arg-type]
        where = Placement((rows - 1) / 2, (columns - 1) / 2, 1.0)
        found = shown(renderer, columns, rows, where, UNIT, False, images=[layer])[::-1, :, 0] * 255
        wanted = np.zeros(shape)
        if plane == "xz":  # of y = 5 the row 2 of the image, in slices 2 to 6
            wanted[2:7, 2:10] = light[2, :, 3]
        else:  # of x = 4 its column 2; rows are y, columns z
            wanted[3:9, 2:7] = light[:, 2, 3][:, None]
        np.testing.assert_allclose(found, wanted, atol=1)
    texture.release()


def main(name: str) -> None:
    """Run one check in a hidden window; it must leave no error in the driver."""
    with hidden_window():
        CHECKS[name]()
        check_errors()


if __name__ == "__main__":
    main(sys.argv[1])
