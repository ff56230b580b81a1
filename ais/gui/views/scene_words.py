"""What is written over the 3D scene: lengths of its box, names of axes, a scale bar, and what is under the pointer."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from imgui_bundle import ImVec2, imgui

from ais.gui.editor import Editor
from ais.gui.lengths import length_text, scale_bar
from ais.gui.panels.layout import em
from ais.gui.scene.camera import Camera
from ais.gui.scene.contents import Point, Rgb, Scene
from ais.gui.scene.lines import axes_ends
from ais.gui.theme import packed
from ais.gui.views.arrangement import Area
from ais.gui.views.canvas import BLACK, WHITE

LETTER_EM = 0.6
MARGIN_EM = 0.8
SCALE_BAR_SHARE = 0.25
BRIGHT = 0.5
FAINT = 0.75
EMPTY = "No segmented volumes of this tomogram yet. Export some in the Export tab, or add a volume."
LEAST_EDGE = 1.5
"""Of an edge beside which its length is written, relative to the length of the words."""


def ink(background: Rgb) -> Rgb:
    """A colour that is read on a background."""
    red, green, blue = background
    return BLACK if 0.299 * red + 0.587 * green + 0.114 * blue > BRIGHT else WHITE


def draw_box_lengths(editor: Editor, scene: Scene, camera: Camera, area: Area, draw_list: Any) -> None:
    """Write the tomogram's lengths beside three edges of its box: of each direction the edge that lies outermost."""
    size = area.width, area.height
    low, high = np.array(scene.low), np.array(scene.high)
    (middle,), _ = camera.project((low + high)[None] / 2, size)
    colour, taken = packed(ink(scene.look.background), FAINT), list[tuple[ImVec2, ImVec2]]()
    ground = packed(scene.look.background, 0.6)
    for axis in range(3):
        others = [other for other in range(3) if other != axis]
        ends = np.repeat(low[None, None], 4, axis=0).repeat(2, axis=1)  # four edges, their two ends, x y z
        for edge in range(4):
            for bit, other in enumerate(others):
                if edge >> bit & 1:
                    ends[edge, :, other] = high[other]
            ends[edge, 1, axis] = high[axis]
        places, _ = camera.project(ends.reshape(-1, 3), size)
        if not np.isfinite(places).all() or not np.isfinite(middle).all():
            continue  # the viewer is inside
        edges = places.reshape(4, 2, 2)
        centres = edges.mean(axis=1)
        # Lower edges are preferred, as the eye looks for lengths below things.
        outward = np.linalg.norm(centres - middle, axis=1) + 0.2 * (centres[:, 1] - middle[1])
        text = _length(editor, float(high[axis] - low[axis]))
        extent = imgui.calc_text_size(text)
        for best in np.argsort(-outward):
            first, last = edges[best]
            if math.dist(first, last) < LEAST_EDGE * extent.x:  # seen along it
                break
            away = centres[best] - middle
            away /= max(float(np.linalg.norm(away)), 1e-6)
            reach = abs(away[0]) * extent.x / 2 + abs(away[1]) * extent.y / 2 + em(0.3)
            x, y = centres[best] + away * reach
            corner = _kept_inside(x - extent.x / 2, y - extent.y / 2, extent, area)
            far = ImVec2(corner.x + extent.x, corner.y + extent.y)
            if not any(_overlap(corner, far, *other) for other in taken):
                taken.append((corner, far))
                draw_list.add_rect_filled(corner, far, ground, em(0.2))
                draw_list.add_text(corner, colour, text)
                break


def draw_axes(camera: Camera, size: tuple[int, int], area: Area, background: Rgb, draw_list: Any) -> None:
    """Write x, y and z at the ends of the axes in the lower left corner; `size` of the view in its own pixels."""
    density = size[0] / area.width
    start, ends = axes_ends(camera, size)
    for axis in np.argsort(ends[:, 2]):
        x, y, near = ends[axis]
        across, down = (x - start[0]) / density, (y - start[1]) / density
        length = math.hypot(across, down)
        if near > 1 - 1e-3 or length < 1:  # it points to the viewer
            across, down, length = -0.7, 0.7, 1.0
        away = em(LETTER_EM)
        extent = imgui.calc_text_size("xyz"[axis])
        left = area.x + x / density + across / length * away - extent.x / 2
        top = area.y + y / density + down / length * away - extent.y / 2
        draw_list.add_text(ImVec2(left, top), packed(ink(background), 0.6 + 0.2 * (near + 1)), "xyz"[axis])


def draw_scale_bar(
    editor: Editor, camera: Camera, area: Area, background: Rgb, draw_list: Any
) -> tuple[float, float, float, float]:
    """Draw a bar of a round length in the lower right corner; it is true only without perspective.

    Returns
    -------
    tuple of float
        Left, top, right and bottom of it on the screen.
    """
    per_pixel = camera.angstrom_per_pixel((area.width, area.height))
    known = _voxel_size(editor) > 0
    length, text = scale_bar(
        SCALE_BAR_SHARE * area.width * (1 if known else per_pixel), per_pixel if known else 0.0, editor.settings.units
    )
    pixels = length if known else length / per_pixel
    margin, thick = em(MARGIN_EM), max(round(em(0.2)), 2)
    x1, y1 = area.x + area.width - margin, area.y + area.height - margin
    colour = packed(ink(background), 0.9)
    draw_list.add_rect_filled(ImVec2(x1 - pixels, y1 - thick), ImVec2(x1, y1), colour)
    extent = imgui.calc_text_size(text)
    top, across = y1 - thick - extent.y - em(0.15), max(pixels, (pixels + extent.x) / 2)
    draw_list.add_text(ImVec2(x1 - (pixels + extent.x) / 2, top), colour, text)
    return x1 - across, top, x1, y1


def draw_marquee(
    corners: tuple[tuple[float, float], tuple[float, float]], area: Area, colour: Rgb, draw_list: Any
) -> None:
    """Draw the rectangle that selects."""
    (x0, y0), (x1, y1) = corners
    low = ImVec2(area.x + min(x0, x1), area.y + min(y0, y1))
    high = ImVec2(area.x + max(x0, x1), area.y + max(y0, y1))
    draw_list.add_rect_filled(low, high, packed(colour, 0.12))
    draw_list.add_rect(low, high, packed(colour, 0.9), thickness=1.0)


def why_empty(editor: Editor) -> str:
    """Why nothing is seen in the scene, and what can be done about it."""
    volumes = editor.rendering.volumes
    if not volumes.listed:
        return "Looking for segmented volumes..." if volumes.looking else EMPTY
    wanted = [volume for volume in volumes.listed if volume.look.shown]
    if not wanted:
        return "All volumes are hidden. The eyes in their list show them."
    if any(volumes.busy(volume.path) for volume in wanted):
        return "Surfaces are being made..."
    if all(volume.problem for volume in wanted):
        return wanted[0].problem
    return "Nothing is left to show. A lower level, less dust, or restoring what was removed brings it back."


def draw_line_below(texts: list[str], area: Area, left: float, right: float, draw_list: Any) -> None:
    """Write the first text that fits at the lower edge, between so many pixels from the left and from the right edge.

    If none fits, nothing is written.
    """
    pad = em(0.25)
    room = area.width - left - right - pad
    for text in texts:
        extent = imgui.calc_text_size(text)
        if extent.x <= room:
            draw_ground(area.x + left, area.y + area.height - em(MARGIN_EM) - extent.y, extent, draw_list)
            at = ImVec2(area.x + left, area.y + area.height - em(MARGIN_EM) - extent.y)
            draw_list.add_text(at, packed(WHITE), text)
            return


def draw_ground(x: float, y: float, extent: ImVec2, draw_list: Any) -> None:
    """Darken what is behind white words that begin at a place of the screen."""
    pad = em(0.25)
    low, high = ImVec2(x - pad, y - pad / 2), ImVec2(x + extent.x + pad, y + extent.y + pad / 2)
    draw_list.add_rect_filled(low, high, packed(BLACK, 0.6), pad)


def draw_in_the_middle(text: str, area: Area, colour: Rgb, draw_list: Any) -> None:
    """Write words in the middle, in as many lines as the width needs."""
    room = max(min(area.width - em(2), em(24)), em(6))
    extent = imgui.calc_text_size(text, False, room)
    x, y = area.x + (area.width - extent.x) / 2, area.y + (area.height - extent.y) / 2
    draw_list.add_text(imgui.get_font(), imgui.get_font_size(), ImVec2(x, y), packed(colour), text, room)


def axes_width(camera: Camera, size: tuple[int, int], area: Area) -> float:
    """How much of the lower edge the axes take, on the screen."""
    start, _ = axes_ends(camera, size)
    return 2 * start[0] * area.width / size[0]


def scale_bar_width(area: Area) -> float:
    """How much of the lower edge a scale bar may take, on the screen."""
    return SCALE_BAR_SHARE * area.width + 2 * em(MARGIN_EM)


def place_text(editor: Editor, position: Point) -> str:
    """Where a point of the scene is: the voxel, and the position where the voxel size is known."""
    z, y, x = editor.rendering.to_voxel(position)
    return f"x {x:.0f}  y {y:.0f}  z {z:.0f}"


def _length(editor: Editor, angstrom: float) -> str:
    if _voxel_size(editor) > 0:
        return length_text(angstrom, editor.settings.units)
    return f"{angstrom:.0f} px"


def _voxel_size(editor: Editor) -> float:
    return editor.shown.tomogram.voxel_size if editor.shown is not None else 0.0


def _kept_inside(x: float, y: float, extent: ImVec2, area: Area) -> ImVec2:
    """Where words begin on the screen that are to begin at x, y of the view, moved where they would be cut off."""
    margin = em(0.3)
    x = min(max(x, margin), max(area.width - extent.x - margin, margin))
    y = min(max(y, margin), max(area.height - extent.y - margin, margin))
    return ImVec2(area.x + x, area.y + y)


def _overlap(low: ImVec2, high: ImVec2, other_low: ImVec2, other_high: ImVec2) -> bool:
    across = low.x < other_high.x and other_low.x < high.x
    return across and low.y < other_high.y and other_low.y < high.y
