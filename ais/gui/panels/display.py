"""Draws how the tomogram is shown: voxel size, contrast, slab, filters, crop region."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from imgui_bundle import imgui

from ais.annotation import SetVoxelSize
from ais.gui.lengths import length_text
from ais.gui.panels import display_crop, display_filters
from ais.gui.panels.histogram import draw_histogram
from ais.gui.panels.layout import coloured, em, faint, heading, label
from ais.tomogram import PLAUSIBLE_A, doubtful_voxel_size

if TYPE_CHECKING:
    from ais.gui.app import Window

MAX_SLAB = 51


def draw(window: Window) -> None:
    """Draw the panel."""
    editor = window.editor
    if editor.shown is None:
        waiting = "Opening the tomogram..." if editor.opening else "Contrast and filters of the tomogram appear here."
        faint(waiting, window.theme.faint)
        return
    _voxel_size(window)
    _contrast(window)
    display_filters.draw(window)
    display_crop.draw(window)


def _voxel_size(window: Window) -> None:
    """A line with a field while the voxel size is doubtful."""
    editor = window.editor
    entry = editor.snapshot.tomogram(editor.state.tomogram)
    if entry is None:
        return
    overridden = entry.voxel_size != entry.header_voxel_size
    doubt = "" if overridden else doubtful_voxel_size(entry.header_voxel_size)
    if not doubt:
        return
    with coloured(window.theme.accent):
        imgui.text_wrapped(doubt)
    label("Voxel size", "Kept in the project; the tomogram's file is never changed")
    changed, value = imgui.input_double(
        "##voxel size", 0.0, 0.0, 0.0, "%.3f A", int(imgui.InputTextFlags_.enter_returns_true)
    )
    if changed and PLAUSIBLE_A[0] <= value <= PLAUSIBLE_A[1]:
        editor.submit(SetVoxelSize(entry.id, value), lambda _: editor.reopen_tomogram())
    elif changed:
        editor.notices.say(f"A voxel size is {PLAUSIBLE_A[0]:g} to {PLAUSIBLE_A[1]:g} A.", "hint")
    imgui.dummy((0, em(0.2)))


def _contrast(window: Window) -> None:
    editor, state = window.editor, window.editor.state
    statistics = editor.shown.statistics if editor.shown is not None else None
    contrast = state.contrast
    if statistics is None or contrast is None:
        faint("Measuring the contrast...", window.theme.faint)
        return
    chosen = draw_histogram(window, statistics.histogram, contrast)
    if chosen is not None:
        editor.sight.use_contrast(chosen)
        contrast = chosen
    speed = max((statistics.high - statistics.low) / 300, 1e-9)
    width = (imgui.get_content_region_avail().x - em(LABELS_EM)) / 2
    imgui.align_text_to_frame_padding()
    imgui.text("Black, white")
    imgui.same_line(em(LABELS_EM))
    imgui.set_next_item_width(width - em(0.3))
    low_changed, low = imgui.drag_float("##black", contrast.low, speed, 0, 0, "%.4g")
    imgui.set_item_tooltip("Values up to this are black; drag, or double-click to type")
    imgui.same_line(0, em(0.3))
    imgui.set_next_item_width(-1)
    high_changed, high = imgui.drag_float("##white", contrast.high, speed, 0, 0, "%.4g")
    imgui.set_item_tooltip("Values from this on are white; drag, or double-click to type")
    if low_changed or high_changed:
        editor.sight.use_contrast(replace(contrast, low=low, high=high))
    with_automatic = imgui.button("Auto")
    imgui.set_item_tooltip("Clip 0.35 % of the voxels on either side (A)")
    if with_automatic:
        editor.sight.use_automatic_contrast()
    imgui.same_line()
    inverted, invert = imgui.checkbox("Invert", contrast.invert)
    if inverted:
        state.contrast = replace(state.contrast or contrast, invert=invert)
    imgui.same_line()
    _, state.interpolate = imgui.checkbox("Smooth", state.interpolate)
    imgui.set_item_tooltip("Blend pixels that are larger than those of the screen (shift+V)")
    imgui.same_line()
    _, editor.settings.link_views = imgui.checkbox("Linked", editor.settings.link_views)
    imgui.set_item_tooltip("Take contrast, filters and zoom along to the next tomogram")
    label("Slab", "Mean of so many slices")
    size = editor.shown.tomogram.voxel_size if editor.shown is not None else 0.0
    thickness = f" = {length_text(state.slab * size, editor.settings.units)}" if size > 0 else ""
    plural = "slice" if state.slab == 1 else "slices"
    _, slab = imgui.slider_int("##slab", state.slab, 1, MAX_SLAB, f"%d {plural}{thickness}")
    state.slab = min(max(slab, 1), MAX_SLAB)
    if statistics.minimum == statistics.maximum:
        heading("Note")
        faint("All sampled voxels have the same value.", window.theme.faint)


LABELS_EM = 6.2
