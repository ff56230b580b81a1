"""Where curation leads to: the tile or the uncertain place in the slice, and ticks along the bar of slices."""

from __future__ import annotations

from typing import Any

from imgui_bundle import ImVec2, imgui

from ais.gui.editor import Editor
from ais.gui.theme import Rgb, packed
from ais.gui.views.canvas import WHITE, Canvas

MOST_TICKS = 60
TICK_EM = 0.3


def draw_place(editor: Editor, canvas: Canvas) -> None:
    """Frame the tile that is edited, or the uncertain place that was gone to last."""
    found = _place(editor)
    if found is None or canvas.plane != "xy" or found[0] != canvas.position:
        return
    _, y, x, size = found
    low = y - size // 2 - 0.5, x - size // 2 - 0.5
    canvas.rectangle(low, (low[0] + size, low[1] + size), WHITE, 0.9, 1.5, True)


def draw_ticks(editor: Editor, draw_list: Any, low: ImVec2, high: ImVec2, ends: tuple[int, int], colour: Rgb) -> None:
    """Draw a tick for each of the least certain slices of the tomogram, the paler the surer the model is.

    Parameters
    ----------
    editor
        Whose places are shown.
    draw_list
        Of Dear ImGui.
    low, high
        Corners of the slider.
    ends
        The slices at its ends.
    colour
        Of the ticks.
    """
    queue = editor.modelling.uncertainty
    here = [place for place in queue.places() if place.tomogram == editor.state.tomogram and not queue.visited(place)]
    first, last = ends
    grab = max((high.x - low.x) / (last - first + 1), imgui.get_style().grab_min_size)
    room = max(high.x - low.x - grab, 1.0)
    side = TICK_EM * imgui.get_font_size()
    for rank, place in enumerate(here[:MOST_TICKS]):
        if first <= place.z <= last:
            x = low.x + grab / 2 + room * (place.z - first) / max(last - first, 1)
            fill = packed(colour, 1.0 - 0.8 * rank / max(len(here[:MOST_TICKS]), 1))
            left, right, tip = ImVec2(x - side, low.y), ImVec2(x + side, low.y), ImVec2(x, low.y + 1.4 * side)
            draw_list.add_triangle_filled(left, right, tip, fill)


def _place(editor: Editor) -> tuple[int, int, int, int] | None:
    """z, y, x and side of what is framed in the tomogram on the screen."""
    modelling = editor.modelling
    curator, queue = modelling.curator, modelling.uncertainty
    if modelling.curation.aside and curator.current < len(curator.tiles):
        tile = curator.tiles[curator.current]
        if tile.tomogram == editor.state.tomogram:
            return tile.z, tile.y, tile.x, len(tile.image)
    elif queue.shown is not None and queue.shown.tomogram == editor.state.tomogram and not queue.labelled(queue.shown):
        place = queue.shown
        return place.z, place.y, place.x, queue.tile_px
    return None
