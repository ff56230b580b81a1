"""Draws the views of the tomogram: XY, and XZ and YZ when they are wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imgui_bundle import ImVec2, imgui

from ais.gui.display import PLANES, Placement, Plane
from ais.gui.editor import Editor
from ais.gui.gl.program import ProgramCache
from ais.gui.panels.layout import em
from ais.gui.theme import packed
from ais.gui.views import legend, linking, slice_bar
from ais.gui.views.arrangement import GAP_EM, Area, Arrangement, take_up
from ais.gui.views.corner import draw_corner, draw_empty
from ais.gui.views.image_layers import ImageTextures
from ais.gui.views.plane_view import PlaneView
from ais.gui.views.scene_view import SceneView

if TYPE_CHECKING:
    from ais.gui.app import Window


class Views:
    """The three planes, and what the graphics card keeps for them.

    Attributes
    ----------
    arrangement
        How the room is divided.
    """

    def __init__(self) -> None:
        self.arrangement = Arrangement()
        self._programs: ProgramCache | None = None
        self._images = ImageTextures()
        self._planes: dict[Plane, PlaneView] = {}
        self._fitted: Placement | None = None
        self._fitted_room: tuple[tuple[Plane, tuple[float, float]], ...] = ()

    def draw(self, window: Window) -> None:
        """Draw the planes that are shown, into the window that Dear ImGui is drawing."""
        editor = window.editor
        padding = imgui.get_style().window_padding
        start, size = imgui.get_cursor_screen_pos(), imgui.get_content_region_avail()
        # The pictures reach to the border of the window; only what is typed and pressed keeps a distance from it.
        # In whole pixels, so that a picture's pixels are those of the screen.
        left, top = round(start.x - padding.x), round(start.y - padding.y)
        right, low = round(start.x + size.x + padding.x), round(start.y + size.y + padding.y)
        whole = Area(left, top, max(right - left, 1), max(low - top, 1))
        high = ImVec2(whole.x + whole.width, whole.y + whole.height)
        draw_list = imgui.get_window_draw_list()
        draw_list.push_clip_rect(ImVec2(whole.x, whole.y), high, False)
        if editor.shown is not None and editor.shell.scene_alone:
            self._close(PLANES, editor)
            window.part(SceneView).draw(window, whole)
        elif editor.shown is None:
            draw_list.add_rect_filled(ImVec2(whole.x, whole.y), high, packed(window.theme.view))
            draw_empty(window, whole)
            self._close(PLANES, editor)
        else:
            bar = round(slice_bar.bar_height())
            room = Area(whole.x, whole.y, whole.width, max(whole.height - bar, 1.0))
            self._answer(window)
            self._draw_planes(window, room)
            below = ImVec2(whole.x, room.y + room.height)
            draw_list.add_rect_filled(below, high, packed(window.theme.panel))
            slice_bar.draw(window, below.x, below.y, whole.width)
        draw_list.pop_clip_rect()

    def release(self) -> None:
        """Free what the graphics card keeps; called before the window closes."""
        self._close(PLANES)
        self._images.release()
        if self._programs is not None:
            self._programs.release()
            self._programs = None

    def value_at(self, plane: Plane, row: float, column: float) -> float | None:
        """The value of a plane's picture on the screen at (row, column), in the tomogram's own units."""
        view = self._planes.get(plane)
        return view.value_at(row, column) if view is not None else None

    def shown_count(self, plane: Plane) -> int:
        """How many different pictures of a plane have been shown since it was opened."""
        view = self._planes.get(plane)
        return view.shown_count if view is not None else 0

    def _draw_planes(self, window: Window, room: Area) -> None:
        editor = window.editor
        assert editor.shown is not None
        shape, views = editor.shown.shape, editor.state.views
        gap = float(round(em(GAP_EM)))
        corner: Area | None = None
        if editor.state.ortho:
            areas, corner = self.arrangement.divide(room, shape, gap)
        else:
            areas = {"xy": room}
            self._close(("xz", "yz"), editor)
        for plane, area in areas.items():
            take_up(views[plane], area)
        self._place(window, tuple(areas))
        if corner is not None:
            _fill_between(window, room, areas, corner)
            self.arrangement.drag_lines(room, areas, gap, packed(window.theme.accent, 0.8))
        for plane in areas:
            if self._plane(plane).press_area(editor):
                linking.follow(views, plane, shape)
        for plane in areas:
            self._plane(plane).draw(window)
        legend.draw(window, areas["xy"].x, areas["xy"].y, areas["xy"].width)
        if corner is not None:
            draw_corner(window, corner)

    def _place(self, window: Window, planes: tuple[Plane, ...]) -> None:
        """Fit pictures that have not been placed, and again as long as nobody has moved them, when room changes."""
        views, shown = window.editor.state.views, window.editor.shown
        assert shown is not None
        room = tuple((plane, views[plane].size) for plane in planes)
        placement = views["xy"].placement
        if placement is None or (room != self._fitted_room and placement == self._fitted):
            linking.fit_together(views, planes, shown.shape)
            self._fitted, self._fitted_room = views["xy"].placement, room
        elif any(views[plane].placement is None for plane in planes):
            linking.follow(views, "xy", shown.shape)

    def _plane(self, plane: Plane) -> PlaneView:
        if self._programs is None:
            self._programs = ProgramCache()
        if plane not in self._planes:
            self._planes[plane] = PlaneView(plane, self._programs, self._images)
        return self._planes[plane]

    def _answer(self, window: Window) -> None:
        """Give those who want it a picture of the slice.

        The view's own picture is drawn anew at another size for it, so this comes before it is drawn for the screen:
        what Dear ImGui has been given to draw must stay until the end of the frame.
        """
        requests = window.editor.shell.view_requests
        picture = self._plane("xy").native_picture(window) if requests else None
        if picture is not None:
            window.editor.shell.view_requests = []
            for request in requests:
                request(picture)

    def _close(self, planes: tuple[Plane, ...], editor: Editor | None = None) -> None:
        for plane in planes:
            view = self._planes.pop(plane, None)
            if view is not None:
                if editor is not None:
                    editor.view(plane).hovered = None
                    if view.pointing.pressing:
                        editor.cancel_gesture()
                view.release()


def _fill_between(window: Window, room: Area, areas: dict[Plane, Area], corner: Area) -> None:
    """Paint what lies between the planes, and the free corner."""
    draw_list, colour = imgui.get_window_draw_list(), packed(window.theme.view)
    xy = areas["xy"]
    right, low = room.x + room.width, room.y + room.height
    for one, other in (
        (ImVec2(xy.x + xy.width, room.y), ImVec2(corner.x, low)),
        (ImVec2(room.x, xy.y + xy.height), ImVec2(right, corner.y)),
        (ImVec2(corner.x, corner.y), ImVec2(right, low)),
    ):
        draw_list.add_rect_filled(one, other, colour)
