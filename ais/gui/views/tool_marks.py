"""What the tools draw over a slice: the cursor, the lasso, the measured line, the crop region, the cross-hair."""

from __future__ import annotations

import math

from imgui_bundle import ImVec2, imgui

from ais.annotation import IGNORE
from ais.gui.display import PLANES
from ais.gui.editor import Editor
from ais.gui.lengths import pixels_text, scale_bar
from ais.gui.state import Tool
from ais.gui.theme import Rgb, packed
from ais.gui.tools import Pointer
from ais.gui.tools.brush_radius import brush_radius
from ais.gui.tools.flood import flood_radius
from ais.gui.tools.gestures import tool_at_hand
from ais.gui.views.canvas import BLACK, WHITE, Canvas, Point
from ais.gui.views.mask_layers import IGNORE_COLOUR
from ais.gui.views.pointing import GRIP_EM

DIMMED = 0.55
"""Opacity of the black over what lies outside the crop region."""

SCALE_BAR_SHARE = 0.2
"""Of the width of the view that the scale bar takes at most."""


def selected_colour(editor: Editor) -> Rgb:
    """The colour of what is painted."""
    feature = editor.snapshot.feature(editor.state.feature)
    if feature is not None:
        return feature.colour
    return IGNORE_COLOUR if editor.state.feature == IGNORE else WHITE


def draw_cursor(editor: Editor, canvas: Canvas, pointer: Pointer, erasing: bool) -> None:
    """Draw around the pointer what a press there would act on."""
    point = pointer.row, pointer.column
    colour, tool = selected_colour(editor), tool_at_hand(editor, pointer)
    feature = editor.snapshot.feature(editor.state.feature)
    if tool is Tool.BOX and feature is not None and canvas.plane == "xy" and editor.gesture is None:
        half = feature.box_size / 2
        row, column = round(point[0]), round(point[1])
        canvas.rectangle((row - half, column - half), (row + half, column + half), colour, 0.7, 1.0, pointer.alt)
    elif tool in (Tool.BRUSH, Tool.FLOOD) and editor.state.feature is not None:
        flood = tool is Tool.FLOOD
        radius = max((flood_radius(editor) if flood else brush_radius(editor)) * canvas.scale, 1.5)
        if flood and not erasing:
            canvas.dashed_ring(point, radius, colour)
        else:
            canvas.ring(point, radius, WHITE if erasing else colour)
        if erasing:
            x, y = canvas.view.to_screen(*point)
            half = min(radius, 0.4 * canvas.em)
            canvas.draw_list.add_line(ImVec2(x - half, y), ImVec2(x + half, y), packed(WHITE), 1.5)


def draw_lasso(editor: Editor, canvas: Canvas) -> None:
    """Draw the outline under way, closed by dashes through the pointer."""
    outline, state = editor.state.outline, editor.state
    if not outline or state.outline_plane != canvas.plane:
        return
    colour = WHITE if state.outline_erases else selected_colour(editor)
    canvas.path(outline, colour)
    hovered = canvas.view.hovered
    closing = [outline[-1], *([hovered] if hovered is not None else []), outline[0]]
    canvas.dashes(closing, colour, 0.8, 1.0)


def draw_measured(editor: Editor, canvas: Canvas) -> None:
    """Draw the measured line with its length."""
    measured = editor.state.measured
    if measured is None or editor.state.measured_plane != canvas.plane:
        return
    one, other = measured
    canvas.line(one, other, WHITE)
    for end in measured:
        canvas.ring(end, 3.0, WHITE)
    text = measured_text(editor, measured)
    x, y = canvas.view.to_screen(*other)
    size = imgui.calc_text_size(text)
    left, top = canvas.view.origin
    width, height = canvas.view.size
    x = min(max(x + 0.7 * canvas.em, left + canvas.em), left + width - size.x - canvas.em)
    y = min(max(y - 0.5 * size.y, top + canvas.em), top + height - size.y - canvas.em)
    canvas.words(text, x, y)


def measured_text(editor: Editor, measured: tuple[Point, Point]) -> str:
    """The length of a measured line, such as "12.5 nm (9.3 px)"."""
    pixels = math.dist(*measured)
    return pixels_text(pixels, voxel_size(editor), editor.settings.units)


def voxel_size(editor: Editor) -> float:
    """Of the tomogram on the screen, in angstrom; 0 when it is not known."""
    entry = editor.snapshot.tomogram(editor.state.tomogram)
    if entry is None:
        return editor.shown.entry.voxel_size if editor.shown is not None else 0.0
    return entry.voxel_size


def draw_crop(editor: Editor, canvas: Canvas) -> None:
    """Dim what lies outside the crop region, and draw the one under way."""
    crop, shown = editor.snapshot.crop, editor.shown
    if crop is not None and shown is not None:
        ranges = (crop.z, crop.y, crop.x)
        (r0, r1), (c0, c1) = (each for axis, each in enumerate(ranges) if axis != PLANES.index(canvas.plane))
        rows, columns = shown.picture_shape(canvas.plane)
        bottom, top, left, right = -0.5, rows - 0.5, -0.5, columns - 0.5
        inner = r0 - 0.5, r1 - 0.5, c0 - 0.5, c1 - 0.5
        dark = packed(BLACK, DIMMED)
        for one, other in (
            ((bottom, left), (inner[0], right)),
            ((inner[1], left), (top, right)),
            ((inner[0], left), (inner[1], inner[2])),
            ((inner[0], inner[3]), (inner[1], right)),
        ):
            a, b = canvas.at(one), canvas.at(other)
            low, high = ImVec2(min(a.x, b.x), min(a.y, b.y)), ImVec2(max(a.x, b.x), max(a.y, b.y))
            canvas.draw_list.add_rect_filled(low, high, dark)
        canvas.rectangle((inner[0], inner[2]), (inner[1], inner[3]), WHITE, 0.6, 1.0)
    corners = editor.state.crop_corners
    if corners is not None and editor.state.crop_plane == canvas.plane:
        canvas.rectangle(*corners, WHITE)


def draw_cross_hair(editor: Editor, canvas: Canvas, colour: Rgb) -> None:
    """Draw where the other two planes cut this one, with grips at the view's upper and left edges."""
    row, column = (value for axis, value in enumerate(editor.state.position) if axis != PLANES.index(canvas.plane))
    x, y = canvas.view.to_screen(row, column)
    left, top = canvas.view.origin
    right, bottom = left + canvas.view.size[0], top + canvas.view.size[1]
    line, grip = packed(colour, 0.6), packed(colour)
    canvas.draw_list.add_line(ImVec2(x, top), ImVec2(x, bottom), line, 1.0)
    canvas.draw_list.add_line(ImVec2(left, y), ImVec2(right, y), line, 1.0)
    size = GRIP_EM * canvas.em
    canvas.draw_list.add_triangle_filled(ImVec2(x - size, top), ImVec2(x + size, top), ImVec2(x, top + size), grip)
    canvas.draw_list.add_triangle_filled(ImVec2(left, y + size), ImVec2(left, y - size), ImVec2(left + size, y), grip)


def draw_scale_bar(editor: Editor, canvas: Canvas) -> tuple[float, float, float, float]:
    """Draw a bar of a round length in the view's lower right corner.

    Returns
    -------
    tuple of float
        Left, top, right and bottom of it on the screen.
    """
    width, height = canvas.view.size
    pixels = SCALE_BAR_SHARE * width / canvas.scale
    length, text = scale_bar(pixels, voxel_size(editor), editor.settings.units)
    em = canvas.em
    x1, y1 = canvas.view.origin[0] + width - em, canvas.view.origin[1] + height - em
    x0, thickness = x1 - length * canvas.scale, max(round(0.25 * em), 2)
    size = imgui.calc_text_size(text)
    ground = ImVec2(min(x0, (x0 + x1 - size.x) / 2) - em / 2, y1 - thickness - size.y - 0.6 * em)
    canvas.draw_list.add_rect_filled(ground, ImVec2(x1 + em / 2, y1 + em / 2), packed(BLACK, 0.55), em / 4)
    canvas.draw_list.add_rect_filled(ImVec2(x0, y1 - thickness), ImVec2(x1, y1), packed(WHITE))
    middle = (x0 + x1 - size.x) / 2
    canvas.draw_list.add_text(ImVec2(middle, y1 - thickness - size.y - 0.3 * em), packed(WHITE), text)
    return ground.x, ground.y, x1 + em / 2, y1 + em / 2
