"""Where the three planes lie beside each other, and the lines between them that can be dragged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from imgui_bundle import ImVec2, imgui

from ais.gui.display import Plane
from ais.gui.state import ViewState

LEAST_SHARE, MOST_SHARE = 0.15, 0.9
AUTOMATIC_SHARES = 0.55, 0.82
"""XY gets at least and at most so much of the width and of the height, unless the user drags a line."""

GAP_EM = 0.3


class Area(NamedTuple):
    """A part of the screen, in pixels."""

    x: float
    y: float
    width: float
    height: float


@dataclass
class Arrangement:
    """XY alone; or XY with XZ below and YZ at its right, and a free corner.

    Attributes
    ----------
    across, down
        XY's share of the width and of the height; None to follow the tomogram's shape.
    """

    across: float | None = None
    down: float | None = None

    def divide(self, room: Area, shape: tuple[int, int, int], gap: float) -> tuple[dict[Plane, Area], Area]:
        """Divide the room among XY, XZ and YZ.

        Parameters
        ----------
        room
            All there is.
        shape
            (nz, ny, nx) of the tomogram.
        gap
            Between the planes, in pixels.

        Returns
        -------
        tuple
            Where each plane lies, and the free corner.
        """
        nz, ny, nx = shape
        width = max(room.width - gap, 2.0)
        height = max(room.height - gap, 2.0)
        left = max(1.0, float(round(width * _share(self.across, nx, nz))))
        top = max(1.0, float(round(height * _share(self.down, ny, nz))))
        right_x, below_y = room.x + left + gap, room.y + top + gap
        areas: dict[Plane, Area] = {
            "xy": Area(room.x, room.y, left, top),
            "xz": Area(room.x, below_y, left, max(height - top, 1.0)),
            "yz": Area(right_x, room.y, max(width - left, 1.0), top),
        }
        return areas, Area(right_x, below_y, max(width - left, 1.0), max(height - top, 1.0))

    def drag_lines(self, room: Area, areas: dict[Plane, Area], gap: float, colour: int) -> None:
        """Let the user drag the lines between the planes; a double click puts them back."""
        xy = areas["xy"]
        moved = _dragged("##width", Area(xy.x + xy.width, room.y, gap, room.height), True, colour)
        if moved:
            self.across = _kept((xy.width + moved) / max(room.width - gap, 1.0))
        self._put_back()
        moved = _dragged("##height", Area(room.x, xy.y + xy.height, room.width, gap), False, colour)
        if moved:
            self.down = _kept((xy.height + moved) / max(room.height - gap, 1.0))
        self._put_back()

    def _put_back(self) -> None:
        if imgui.is_item_hovered() and imgui.is_mouse_double_clicked(0):
            self.across = self.down = None


def take_up(view: ViewState, area: Area) -> None:
    """Note where a plane lies on the screen."""
    view.origin = area.x, area.y
    view.size = max(area.width, 1.0), max(area.height, 1.0)


def _share(chosen: float | None, extent: int, depth: int) -> float:
    if chosen is not None:
        return chosen
    low, high = AUTOMATIC_SHARES
    return min(max(extent / (extent + depth), low), high)


def _kept(share: float) -> float:
    return min(max(share, LEAST_SHARE), MOST_SHARE)


def _dragged(name: str, area: Area, across: bool, colour: int) -> float:
    """How far a line has been dragged since the last frame, in pixels."""
    imgui.set_cursor_screen_pos(ImVec2(area.x, area.y))
    imgui.invisible_button(name, ImVec2(max(area.width, 1.0), max(area.height, 1.0)))
    if not (imgui.is_item_hovered() or imgui.is_item_active()):
        return 0.0
    imgui.set_mouse_cursor(imgui.MouseCursor_.resize_ew if across else imgui.MouseCursor_.resize_ns)
    corner = ImVec2(area.x + area.width, area.y + area.height)
    imgui.get_window_draw_list().add_rect_filled(ImVec2(area.x, area.y), corner, colour)
    if not imgui.is_item_active():
        return 0.0
    delta = imgui.get_io().mouse_delta
    return float(delta.x if across else delta.y)
