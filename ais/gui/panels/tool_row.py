"""Draws what the mouse can do: one button for each tool, and what can be set of the one in hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imgui_bundle import ImVec2, imgui
from imgui_bundle import icons_fontawesome_6 as icons

from ais.gui.commands import command
from ais.gui.panels.command_button import command_button
from ais.gui.panels.layout import em, faint, label
from ais.gui.state import Tool
from ais.gui.views.tool_marks import measured_text

if TYPE_CHECKING:
    from ais.gui.app import Window

TOOLS = (
    (Tool.BRUSH, "tools.brush", icons.ICON_FA_PAINTBRUSH),
    (Tool.FLOOD, "tools.flood", icons.ICON_FA_FILL_DRIP),
    (Tool.LASSO, "tools.lasso", " "),  # drawn by _draw_loop
    (Tool.BOX, "tools.boxes", icons.ICON_FA_VECTOR_SQUARE),
    (Tool.PICK, "tools.picks", icons.ICON_FA_CROSSHAIRS),
    (Tool.MEASURE, "tools.measure", icons.ICON_FA_RULER),
)
HINTS = {
    Tool.BRUSH: "Left button paints, right button erases.",
    Tool.LASSO: "Draw around it, or click corners and press enter. Alt or the right button removes.",
    Tool.BOX: "Click places a training box, with alt a negative one; right click removes it. Drag moves it.",
    Tool.PICK: "Click places a particle, right click removes it. Drag moves it.",
    Tool.CROP: "Drag a rectangle in the XY view.",
}
THRESHOLDS = ("All inside", "What is darker", "What is brighter")


def draw(window: Window) -> None:
    """Draw it."""
    tool = window.editor.state.tool
    for number, (each, name, icon) in enumerate(TOOLS):
        if number:
            imgui.same_line(0, em(0.27))
        command_button(window, name, each.value, icon=icon, on=tool is each)
        if each is Tool.LASSO:
            _draw_loop(enabled=command(name).enabled(window.editor))
    if window.editor.shown is None:
        return
    if tool is Tool.FLOOD:
        _sensitivity(window)
    elif tool is Tool.LASSO:
        _threshold(window)
    elif tool is Tool.MEASURE:
        measured = window.editor.state.measured
        found = measured is not None and measured[0] != measured[1]
        text = f"Length: {measured_text(window.editor, measured)}" if measured and found else "Drag a line in a view."
        faint(text, window.theme.faint)
    if tool in HINTS and window.editor.state.feature is not None:
        faint(HINTS[tool], window.theme.faint)


def _draw_loop(*, enabled: bool) -> None:
    """Draw a lasso over the last button: among the icons, all outlines look like boxes."""
    low, high = imgui.get_item_rect_min(), imgui.get_item_rect_max()
    middle, unit = ImVec2((low.x + high.x) / 2, (low.y + high.y) / 2), em(0.48)
    letters, ink = imgui.get_window_draw_list(), imgui.get_color_u32(imgui.Col_.text, 1.0 if enabled else 0.5)
    knot = ImVec2(middle.x - 0.62 * unit, middle.y + 0.35 * unit)
    letters.add_ellipse(
        ImVec2(middle.x + 0.05 * unit, middle.y - 0.3 * unit), ImVec2(unit, 0.66 * unit), ink, -0.15, 0, em(0.1)
    )
    letters.add_circle(knot, 0.2 * unit, ink, 0, em(0.1))
    letters.add_bezier_quadratic(
        ImVec2(knot.x, knot.y + 0.2 * unit),
        ImVec2(knot.x - 0.1 * unit, knot.y + 0.7 * unit),
        ImVec2(knot.x + 0.55 * unit, knot.y + 0.8 * unit),
        ink,
        em(0.1),
    )


def _sensitivity(window: Window) -> None:
    state = window.editor.state
    label("Sensitivity", "How far the flood brush goes: - and =")
    _, percent = imgui.slider_float("##flood sensitivity", 100 * state.flood_sensitivity, 0, 100, "%.0f %%")
    state.flood_sensitivity = min(max(percent / 100, 0.0), 1.0)


def _threshold(window: Window) -> None:
    state = window.editor.state
    label("Paint", "Everything inside the outline, or only what is darker or brighter than a threshold")
    chosen = 0 if not state.lasso_threshold else 1 + int(state.lasso_brighter)
    changed, chosen = imgui.combo("##lasso paints", chosen, list(THRESHOLDS))
    if changed:
        state.lasso_threshold = chosen > 0
        state.lasso_brighter = chosen == 2
    if not state.lasso_threshold:
        return
    label("Threshold", "In the tomogram's own units; or found in each outline (Otsu's method)")
    found = state.lasso_level is None
    _, found = imgui.checkbox("Find it", found)
    statistics = window.editor.shown.statistics if window.editor.shown is not None else None
    if found:
        state.lasso_level = None
        return
    low, high = (statistics.low, statistics.high) if statistics is not None else (0.0, 1.0)
    level = state.lasso_level if state.lasso_level is not None else (low + high) / 2
    imgui.same_line()
    imgui.set_next_item_width(-1)
    _, state.lasso_level = imgui.drag_float("##threshold", level, max((high - low) / 300, 1e-9), 0, 0, "%.4g")
