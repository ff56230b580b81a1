"""Draws what can be set of the selected feature: opacity, brush, size of boxes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imgui_bundle import imgui, imgui_ctx

from ais.annotation.feature_operations import BOX_SIZES_PX
from ais.gui.feature_preview import preview, save_preview, shown_feature
from ais.gui.lengths import length_text
from ais.gui.panels.layout import disabled, heading, label
from ais.gui.theme import GRAB_SHARE, colour, mix
from ais.gui.tools.brush_radius import MIN_BRUSH_PX, brush_radius, set_brush_radius
from ais.gui.views.tool_marks import voxel_size

if TYPE_CHECKING:
    from ais.gui.app import Window

SLIDER_BRUSH_PX = 200.0
SLIDER_BOX_PX = 256
LOGARITHMIC = int(imgui.SliderFlags_.logarithmic)


def draw(window: Window) -> None:
    """Draw them."""
    editor = window.editor
    feature = shown_feature(editor, editor.state.feature)
    heading(feature.name if feature is not None else "Ignore regions")
    tint = feature.colour if feature is not None else window.theme.accent
    grab = mix(window.theme.field, tint, GRAB_SHARE)
    with (
        imgui_ctx.push_style_color(imgui.Col_.slider_grab, colour(grab)),
        imgui_ctx.push_style_color(imgui.Col_.slider_grab_active, colour(tint)),
        disabled(editor.read_only),
    ):
        _brush(window)
        if feature is None:
            return
        label("Opacity", "Of the overlay")
        changed, percent = imgui.slider_float("##opacity", 100 * feature.alpha, 0, 100, "%.0f %%")
        if changed:
            preview(editor, feature.id, alpha=min(max(percent / 100, 0.0), 1.0))
        if imgui.is_item_deactivated_after_edit():
            save_preview(editor)
        label("Box size", "Side of the training boxes")
        text = f"%d px{_physical(window, feature.box_size)}"
        changed, size = imgui.slider_int("##box size", feature.box_size, BOX_SIZES_PX[0], SLIDER_BOX_PX, text)
        if changed:
            preview(editor, feature.id, box_size=min(max(2 * round(size / 2), BOX_SIZES_PX[0]), BOX_SIZES_PX[1]))
        if imgui.is_item_deactivated_after_edit():
            save_preview(editor)


def _brush(window: Window) -> None:
    editor = window.editor
    label("Brush radius", "[ and ], or ctrl and the wheel over a view")
    radius = brush_radius(editor)
    text = f"%.{0 if radius >= 10 else 1}f px{_physical(window, radius)}"
    changed, chosen = imgui.slider_float("##brush radius", radius, MIN_BRUSH_PX, SLIDER_BRUSH_PX, text, LOGARITHMIC)
    if changed:
        set_brush_radius(editor, chosen)


def _physical(window: Window, pixels: float) -> str:
    size = voxel_size(window.editor)
    return f" = {length_text(pixels * size, window.editor.settings.units)}" if size > 0 else ""
