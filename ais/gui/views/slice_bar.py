"""The bar below the views: which slice, playing, and how many slices are averaged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imgui_bundle import ImVec2, imgui
from imgui_bundle import icons_fontawesome_6 as icons

from ais.gui.commands import command
from ais.gui.lengths import length_text
from ais.gui.panels.layout import em
from ais.gui.views import place_marks
from ais.gui.views.tool_marks import voxel_size

if TYPE_CHECKING:
    from ais.gui.app import Window

SLAB_EM = 8.5
SLICE_EM = 6.0
"""The least length of the slider; where less is left, the slab gives way."""
SPEED_EM = 6.5
SPEEDS = (1.0, 60.0)
MARGIN_EM = 0.4
ALWAYS_CLAMP = int(imgui.SliderFlags_.always_clamp)
NO_INPUT = int(imgui.SliderFlags_.no_input)


def bar_height() -> float:
    """Of the bar, in pixels."""
    return float(imgui.get_frame_height()) + em(MARGIN_EM)


def draw(window: Window, x: float, y: float, width: float) -> None:
    """Draw it at a place of the screen."""
    editor, state = window.editor, window.editor.state
    shown = editor.shown
    if shown is None:
        return
    gap = em(0.4)
    imgui.set_cursor_screen_pos(ImVec2(x + gap, y + em(MARGIN_EM) / 2))
    play = command("view.play")
    playing = state.playing > 0
    side = imgui.get_frame_height()
    icon = icons.ICON_FA_PAUSE if playing else icons.ICON_FA_PLAY
    if imgui.button(f"{icon}###Play", ImVec2(side * 1.15, side)):
        play.run(editor)
    keys = window.keys.text.get(play.name, "")
    imgui.set_item_tooltip(f"{'Stop playing' if playing else play.text}{f' ({keys})' if keys else ''}")
    if playing:
        imgui.same_line(0, gap)
        imgui.set_next_item_width(em(SPEED_EM))
        changed, speed = imgui.drag_float("##Speed", state.playing, 0.2, *SPEEDS, "%.0f slices/s", ALWAYS_CLAMP)
        if changed and state.playing > 0:
            state.playing = speed
        imgui.set_item_tooltip("How fast the slices are played. Drag, or ctrl + click to type.")
    imgui.same_line(0, gap)
    crop = editor.snapshot.crop
    first, last = (0, shown.shape[0] - 1) if crop is None else (crop.z[0], crop.z[1] - 1)
    words = f"Slice %d of {first}-{last}"
    imgui.set_next_item_width(imgui.calc_text_size(words.replace("%d", str(last))).x + em(1.2))
    changed, z = imgui.drag_int("##Slice number", state.z, 0.2, first, last, words, ALWAYS_CLAMP)
    if changed:
        editor.sight.go_to(z=z)
    imgui.set_item_tooltip("Drag, or ctrl + click to type a number. Slices are counted from 0.")
    imgui.same_line(0, gap)
    taken = imgui.get_cursor_screen_pos().x - x
    slab_fits = width - taken - em(SLAB_EM) - 2 * gap >= em(SLICE_EM)
    imgui.set_next_item_width(max(width - taken - gap - slab_fits * (em(SLAB_EM) + gap), em(1)))
    changed, z = imgui.slider_int("##Slice", state.z, first, last, "", ALWAYS_CLAMP | NO_INPUT)
    low, high = imgui.get_item_rect_min(), imgui.get_item_rect_max()
    place_marks.draw_ticks(editor, imgui.get_window_draw_list(), low, high, (first, last), window.theme.accent)
    if changed:
        editor.sight.go_to(z=z)
    if not slab_fits:  # the display panel has it too
        return
    imgui.same_line(0, gap)
    imgui.set_next_item_width(em(SLAB_EM))
    words = "Slab: 1 slice" if state.slab == 1 else "Slab: %d slices"
    changed, slab = imgui.drag_int("##Slab", state.slab, 0.1, 1, shown.shape[0], words, ALWAYS_CLAMP)
    if changed:
        state.slab = slab
    size = voxel_size(editor)
    thick = f" {length_text(state.slab * size, editor.settings.units)} thick." if size > 0 else ""
    imgui.set_item_tooltip(f"How many slices are averaged.{thick} Drag, or ctrl + click to type.")
