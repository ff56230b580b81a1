"""Draws the training boxes and the picks of the selected feature: how many, and where."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from imgui_bundle import ImVec2, imgui, imgui_ctx
from imgui_bundle import icons_fontawesome_6 as icons

from ais.annotation import Box, HandPick, RemoveBoxes, RemovePicks, SetPickRadius
from ais.gui.lengths import length_text
from ais.gui.panels.command_button import flowing_buttons
from ais.gui.panels.layout import coloured, em, faint, label, section
from ais.gui.theme import colour
from ais.gui.views.tool_marks import voxel_size

if TYPE_CHECKING:
    from ais.gui.app import Window

ROWS = 6
RADII_PX = (0.5, 100.0)


def draw(window: Window) -> None:
    """Draw both sections."""
    if window.editor.shown is None:
        return
    _draw_boxes(window)
    window.part(PickSection).draw(window)


def _draw_boxes(window: Window) -> None:
    editor = window.editor
    boxes = editor.snapshot.boxes.get(editor.state.feature or 0, ())
    negative = sum(box.negative for box in boxes)
    title = f"Boxes: {len(boxes) - negative} positive, {negative} negative" if boxes else "Boxes"
    if not section(f"{title}###boxes", window.theme):
        return
    if boxes:
        removed = _draw_list(window, "box list", boxes)
        if removed is not None:
            editor.submit(RemoveBoxes([removed]))
    else:
        faint(
            "Shift and a click place a training box, with alt a negative one; shift and a right click remove it.",
            window.theme.faint,
        )
    flowing_buttons(
        window,
        ("boxes.auto", "Auto-place..."),
        ("boxes.background", "Background..."),
        ("export.boxes", "Export boxes..."),
        ("boxes.remove_all", "Remove all boxes"),
    )


class PickSection:
    """The section of picks, and the radius that is being chosen."""

    def __init__(self) -> None:
        self._radius: float | None = None

    def draw(self, window: Window) -> None:
        """Draw the section."""
        editor = window.editor
        feature, tomogram = editor.state.feature or 0, editor.state.tomogram
        found = editor.snapshot.picks.get(feature)
        picks = found.picks if found is not None else ()
        if not section(f"{f'Picks: {len(picks)}' if picks else 'Picks'}###picks", window.theme):
            return
        if found is None or not picks or tomogram is None:
            faint("Ctrl, shift and a click pick a particle; with the right button they remove it.", window.theme.faint)
            return
        label("Radius", "Of the particles")
        size, units = voxel_size(editor), editor.settings.units
        radius = self._radius if self._radius is not None else found.radius
        physical = f" = {length_text(radius * size, units)}" if size > 0 else ""
        logarithmic = int(imgui.SliderFlags_.logarithmic)
        changed, chosen = imgui.slider_float("##pick radius", radius, *RADII_PX, f"%.1f px{physical}", logarithmic)
        if changed:
            self._radius = max(chosen, RADII_PX[0])
        if imgui.is_item_deactivated() and self._radius is not None:
            editor.submit(SetPickRadius(tomogram, feature, self._radius), lambda _: self._forget(), self._forget)
        removed = _draw_list(window, "pick list", picks)
        if removed is not None:
            editor.submit(RemovePicks(tomogram, feature, [removed]))
        flowing_buttons(window, ("export.picks", "Export picks..."), ("picks.remove_all", "Remove all picks"))

    def _forget(self) -> None:
        self._radius = None


def _draw_list(window: Window, name: str, marks: Sequence[Box | HandPick]) -> int | None:
    """Draw where they are; a click goes there. Gives the number of the one to remove."""
    editor = window.editor
    removed = None
    row = imgui.get_frame_height()
    space = imgui.get_style().item_spacing
    with (
        imgui_ctx.begin_child(name, ImVec2(0, min(len(marks), ROWS) * row)),
        imgui_ctx.push_style_var(imgui.StyleVar_.item_spacing, ImVec2(space.x, 0)),
        imgui_ctx.push_style_var(imgui.StyleVar_.selectable_text_align, ImVec2(0, 0.5)),
    ):
        clipper = imgui.ListClipper()
        clipper.begin(len(marks), row)
        while clipper.step():
            for at in range(clipper.display_start, clipper.display_end):
                mark = marks[at]
                here = round(mark.z) == editor.state.z
                negative = isinstance(mark, Box) and mark.negative
                text = f"x {mark.x:.0f}  y {mark.y:.0f}  z {mark.z:.0f}{'  negative' if negative else ''}"
                with coloured(window.theme.text if here else window.theme.faint):
                    pressed, _ = imgui.selectable(
                        f"{text}###{at}", False, int(imgui.SelectableFlags_.allow_overlap), ImVec2(0, row)
                    )
                if pressed:
                    editor.sight.show_voxel(mark.z, mark.y, mark.x)
                imgui.same_line(imgui.get_content_region_avail().x - em(1.6))
                with imgui_ctx.push_style_color(imgui.Col_.button, colour(window.theme.panel, 0.0)):
                    if imgui.button(f"{icons.ICON_FA_XMARK}###Remove {at}", ImVec2(em(1.6), row)):
                        removed = mark.id
                imgui.set_item_tooltip("Remove")
    return removed
