"""Draws the views of the tomogram: XY, and XZ and YZ when they are wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imgui_bundle import ImVec2, imgui

from ais.gui.display import Placement, Plane
from ais.gui.gl.program import ProgramCache
from ais.gui.theme import packed
from ais.gui.views import linking
from ais.gui.views.plane_view import PlaneView

if TYPE_CHECKING:
    from ais.gui.app import Window


class Views:
    """The three planes, and what the graphics card keeps for them."""

    def __init__(self) -> None:
        self._programs: ProgramCache | None = None
        self._planes: dict[Plane, PlaneView] = {}
        self._fitted: Placement | None = None
        self._fitted_room: tuple[tuple[Plane, tuple[float, float]], ...] = ()

    def draw(self, window: Window) -> None:
        """Draw the planes that are shown, into the window that Dear ImGui is drawing."""
        editor = window.editor
        padding = imgui.get_style().window_padding
        start = imgui.get_cursor_screen_pos()
        room = imgui.get_content_region_avail()
        origin = ImVec2(start.x - padding.x, start.y - padding.y)
        size = ImVec2(room.x + 2 * padding.x, room.y + 2 * padding.y)
        draw_list = imgui.get_window_draw_list()
        draw_list.push_clip_rect(origin, ImVec2(origin.x + size.x, origin.y + size.y), False)
        draw_list.add_rect_filled(origin, ImVec2(origin.x + size.x, origin.y + size.y), packed(window.theme.view))
        state = editor.view("xy")
        state.origin, state.size = (origin.x, origin.y), (max(size.x, 1.0), max(size.y, 1.0))
        view = self._plane("xy")
        self._place(window, ("xy",))
        view.press_area(editor)
        view.draw(window)
        draw_list.pop_clip_rect()

    def release(self) -> None:
        """Free what the graphics card keeps; called before the window closes."""
        for view in self._planes.values():
            view.release()
        self._planes.clear()
        if self._programs is not None:
            self._programs.release()
            self._programs = None

    def _plane(self, plane: Plane) -> PlaneView:
        if self._programs is None:
            self._programs = ProgramCache()
        if plane not in self._planes:
            self._planes[plane] = PlaneView(plane, self._programs)
        return self._planes[plane]

    def _place(self, window: Window, planes: tuple[Plane, ...]) -> None:
        """Fit pictures that have not been placed, and again as long as nobody has moved them, when room changes."""
        views, shown = window.editor.state.views, window.editor.shown
        if shown is None:
            return
        room = tuple((plane, views[plane].size) for plane in planes)
        unplaced = views["xy"].placement is None
        if unplaced or (room != self._fitted_room and views["xy"].placement == self._fitted):
            linking.fit_together(views, planes, shown.shape)
            self._fitted, self._fitted_room = views["xy"].placement, room
