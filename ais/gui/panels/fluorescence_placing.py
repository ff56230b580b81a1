"""Draws where a fluorescence image lies over the tomogram: by hand, by numbers, and by landmarks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imgui_bundle import icons_fontawesome_6 as icons
from imgui_bundle import imgui, imgui_ctx

from ais.fluorescence import Overlay, placing
from ais.fluorescence.landmarks import NEEDED
from ais.fluorescence.overlay import FIT_KINDS, FitKind
from ais.gui import fluorescence_edits as edits
from ais.gui.lengths import ANGSTROM_PER, length_text, pixels_text
from ais.gui.panels.command_button import command_button, flow, flowing_buttons
from ais.gui.panels.layout import coloured, em, faint, heading, label
from ais.gui.state import Tool
from ais.gui.theme import colour
from ais.gui.views.tool_marks import voxel_size

if TYPE_CHECKING:
    from ais.gui.app import Window

FIT_NAMES: dict[FitKind, str] = {"affine": "Move, turn, scale and shear", "similarity": "Move, turn and scale"}
BY_HAND = "Drag moves it; its corners, or alt, scale it; the handle above it, or shift, turns it."
IN_IMAGE = "Click a thing in the image, or drag it to where it is in the tomogram. A right click removes it."
IN_TOMOGRAM = "Now click the same thing in the tomogram."
SPEED = 0.005
"""Of a dragged size, as a share of it."""

SAME = 0.005
"""Pixel sizes that differ by less are the same."""


def draw(window: Window, overlay: Overlay, *, to_top: bool = False) -> None:
    """Draw this part of the section; `to_top` scrolls the panel to it."""
    tool = window.editor.state.tool
    heading("Placement")
    if to_top:
        imgui.set_scroll_here_y(0.0)
    command_button(window, "fluorescence.place", "By hand", on=tool is Tool.IMAGE)
    flow(imgui.calc_text_size("By landmarks").x + 2 * imgui.get_style().frame_padding.x)
    command_button(window, "fluorescence.landmarks", "By landmarks", on=tool is Tool.LANDMARKS)
    if tool is Tool.IMAGE:
        faint(BY_HAND, window.theme.faint)
    if tool is Tool.LANDMARKS:
        _draw_landmarks(window, overlay)
        heading("By numbers")
    _draw_numbers(window, overlay)
    flowing_buttons(
        window,
        ("fluorescence.flip_horizontally", "Flip left-right"),
        ("fluorescence.flip_vertically", "Flip up-down"),
        ("fluorescence.reset", "Reset"),
    )
    if tool is not Tool.LANDMARKS and overlay.landmarks:
        _draw_landmarks(window, overlay)


def _draw_numbers(window: Window, overlay: Overlay) -> None:
    editor, affine, shape = window.editor, overlay.to_tomogram, overlay.shape
    label("Turned", "Counter-clockwise, about its middle")
    degrees = placing.angle(affine)
    changed, wanted = imgui.drag_float("##turned", degrees, 0.2, 0, 0, "%.1f degrees")
    if changed:
        editor.fluorescence.preview(overlay.key, to_tomogram=placing.turned(affine, shape, wanted - degrees))
    _save(window, overlay, "Turn")
    size, units = voxel_size(editor), editor.settings.units
    per = size / ANGSTROM_PER[units] if size > 0 else 1.0
    unit = units if size > 0 else "voxels"
    now = placing.voxels_per_pixel(affine) * per
    label("Pixel size", "What a pixel of the image measures in the tomogram")
    changed, wanted = imgui.drag_float("##image pixel size", now, max(now * SPEED, 1e-6), 0, 0, f"%.4g {unit}")
    scaled = placing.scaled(affine, shape, wanted / now) if wanted > 0 else affine
    if changed and placing.is_usable(scaled):
        editor.fluorescence.preview(overlay.key, to_tomogram=scaled)
    _save(window, overlay, "Scale")
    facts = editor.fluorescence.facts(overlay.key)
    said, measured = facts.pixel_size if facts is not None else 0.0, placing.voxels_per_pixel(affine) * size
    if said and measured and abs(said / measured - 1) > SAME:
        if imgui.button(f"Use the file's {length_text(said, units)}###Use pixel size"):
            edits.place(editor, overlay, placing.scaled(affine, shape, said / measured), "Scale")
        imgui.set_item_tooltip("The pixel size that stands in the file of the image")


def _save(window: Window, overlay: Overlay, verb: str) -> None:
    if imgui.is_item_deactivated_after_edit():
        window.editor.fluorescence.save_preview(overlay.key, f"{verb} image {overlay.name}")


def _draw_landmarks(window: Window, overlay: Overlay) -> None:
    editor, marks = window.editor, overlay.landmarks
    if editor.state.tool is not Tool.LANDMARKS:
        heading(f"Landmarks: {len(marks)}")
    if editor.state.tool is Tool.LANDMARKS:
        waiting = editor.fluorescence.pending is not None
        faint(IN_TOMOGRAM if waiting else IN_IMAGE, window.theme.text if waiting else window.theme.faint)
    label("They may", "What landmarks do to the image")
    changed, chosen = imgui.combo("##fit", FIT_KINDS.index(overlay.fit), [FIT_NAMES[kind] for kind in FIT_KINDS])
    if changed:
        edits.use_landmarks(editor, overlay, FIT_KINDS[chosen])
    if problem := edits.why_not_placed(overlay):
        faint(problem, window.theme.accent if len(marks) >= NEEDED[overlay.fit] else window.theme.faint)
    if not marks:
        return
    size, units = voxel_size(editor), editor.settings.units
    off = edits.residuals(overlay)
    for number, residual in enumerate(off):
        with imgui_ctx.push_id(str(number)):
            _draw_landmark(window, overlay, number, pixels_text(residual, size, units))
    rms = (sum(value**2 for value in off) / len(off)) ** 0.5
    if not problem and len(marks) == NEEDED[overlay.fit]:
        faint("So many always fit: set more to see how accurate the placement is.", window.theme.faint)
    else:
        imgui.text_wrapped(f"Root mean square: {pixels_text(rms, size, units)}")
    flowing_buttons(window, ("fluorescence.clear_landmarks", "Remove all landmarks"))
    flow(imgui.calc_text_size("Place again").x + 2 * imgui.get_style().frame_padding.x)
    if not problem and imgui.button("Place again"):
        edits.use_landmarks(editor, overlay, overlay.fit)
    if not problem:
        imgui.set_item_tooltip("Lay the image by its landmarks, such as after it was moved by hand")


def _draw_landmark(window: Window, overlay: Overlay, number: int, residual: str) -> None:
    """A landmark and how far off it is; a click goes there."""
    row, editor = imgui.get_frame_height(), window.editor
    x, y = overlay.landmarks[number].tomogram
    with imgui_ctx.push_style_var(imgui.StyleVar_.selectable_text_align, (0, 0.5)):
        pressed, _ = imgui.selectable(
            f"{number + 1}###landmark", False, int(imgui.SelectableFlags_.allow_overlap), (0, row)
        )
    if pressed:
        editor.sight.show_voxel(None, y, x)
    imgui.set_item_tooltip("Show where it is in the tomogram")
    imgui.same_line(em(1.6))
    imgui.align_text_to_frame_padding()
    imgui.text(f"off by {residual}")
    imgui.same_line(imgui.get_content_region_avail().x - em(1.6))
    with (
        imgui_ctx.push_style_color(imgui.Col_.button, colour(window.theme.panel, 0.0)),
        coloured(window.theme.text),
    ):
        if imgui.button(f"{icons.ICON_FA_XMARK}###Remove landmark {number + 1}", (em(1.6), row)):
            edits.remove_landmark(editor, overlay, number)
    imgui.set_item_tooltip("Remove")
