"""What stands where there is no picture: the free corner beside three planes, and the empty view."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imgui_bundle import ImVec2, imgui

from ais.gui.lengths import length_text
from ais.gui.panels.layout import elided, em
from ais.gui.theme import packed
from ais.gui.views.arrangement import Area
from ais.gui.views.tool_marks import voxel_size

if TYPE_CHECKING:
    from ais.gui.app import Window


def draw_corner(window: Window, area: Area) -> None:
    """Say what is shown: the tomogram with its size, and the contrast."""
    editor = window.editor
    shown, contrast = editor.shown, editor.state.contrast
    if shown is None:
        return
    nz, ny, nx = shown.shape
    size, units = voxel_size(editor), editor.settings.units
    lines = [shown.entry.name, f"{nx} x {ny} x {nz} voxels"]
    if size > 0:
        extents = " x ".join(length_text(count * size, units) for count in (nx, ny, nz))
        lines += [extents, f"Voxel size {size:.4g} A"]
    else:
        lines.append("Voxel size not known")
    if contrast is not None:
        lines.append(f"Contrast {contrast.low:.4g} to {contrast.high:.4g}{', inverted' if contrast.invert else ''}")
    lines.append("Ctrl + click moves the cross-hair")
    draw_list = imgui.get_window_draw_list()
    corner = ImVec2(area.x + area.width, area.y + area.height)
    draw_list.push_clip_rect(ImVec2(area.x, area.y), corner, True)
    x, y = area.x + em(0.6), area.y + em(0.6)
    room = max(area.width - em(1.2), 1.0)
    for index, line in enumerate(lines):
        height = imgui.calc_text_size(line, False, room).y
        if y + height > area.y + area.height:
            break
        colour = window.theme.text if index == 0 else window.theme.faint
        draw_list.add_text(imgui.get_font(), imgui.get_font_size(), ImVec2(x, y), packed(colour), line, room)
        y += height + em(0.25)
    draw_list.pop_clip_rect()


def draw_empty(window: Window, area: Area) -> None:
    """Say what to do when a project is open and no tomogram is on the screen."""
    editor = window.editor
    if editor.document is None:
        return  # the first page says it
    entry = editor.snapshot.tomogram(editor.state.tomogram)
    if editor.opening:
        text = f"Opening {entry.name}..." if entry is not None else "Opening..."
    elif entry is not None and entry.missing:
        text = f"{elided(entry.name, area.width / 3)} is missing: drop its file here, or relink it."
    elif editor.snapshot.tomograms:
        text = "Choose a tomogram in the list."
    else:
        text = "No tomogram yet. Open one, or drop it here."
    size = imgui.calc_text_size(text)
    middle = ImVec2(area.x + (area.width - size.x) / 2, area.y + (area.height - size.y) / 2)
    imgui.get_window_draw_list().add_text(middle, packed(window.theme.faint), text)
