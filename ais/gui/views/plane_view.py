"""One plane of the tomogram: its picture with masks, what is drawn over it, and the mouse in it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from imgui_bundle import ImVec2, imgui
from numpy.typing import NDArray

from ais.gui.contrast import automatic_limits
from ais.gui.display import Contrast, Placement, Plane
from ais.gui.editor import Editor
from ais.gui.gl.program import ProgramCache
from ais.gui.gl.texture import Texture2D
from ais.gui.shell import Picture
from ais.gui.shown_tomogram import ShownTomogram
from ais.gui.slice_reader import SliceRequest
from ais.gui.state import ViewState
from ais.gui.theme import packed
from ais.gui.views import place_marks, tool_marks
from ais.gui.views.canvas import Canvas
from ais.gui.views.flood_overlay import FloodOverlay
from ais.gui.views.image_layers import ImageLayer, ImageTextures
from ais.gui.views.image_marks import draw_image_marks
from ais.gui.views.marks import Marks
from ais.gui.views.mask_layers import MaskLayers
from ais.gui.views.model_layers import ModelLayers
from ais.gui.views.overlay import Overlay
from ais.gui.views.particle_marks import draw_particles
from ais.gui.views.picking_marks import PickingMarks
from ais.gui.views.pointing import Pointing
from ais.gui.views.slice_renderer import SliceRenderer

if TYPE_CHECKING:
    from ais.gui.app import Window

PLANE_NAMES: dict[Plane, str] = {"xy": "XY", "xz": "XZ", "yz": "YZ"}
BUTTONS = imgui.ButtonFlags_
PRESSED_BUTTONS = int(BUTTONS.mouse_button_left | BUTTONS.mouse_button_right | BUTTONS.mouse_button_middle)


class PlaneView:
    """The view of one plane, and what the graphics driver keeps for it.

    Parameters
    ----------
    plane
        Which plane.
    programs
        Compiled shaders, shared by all planes.
    images
        Images over the tomogram, shared by all planes.

    Attributes
    ----------
    picture
        The slice on the screen as it was read, (rows, columns) of the plane; None while there is none.
    shown_count
        How many different pictures have been shown since the view was opened.
    models
        What models find, over the picture and below the masks.
    """

    def __init__(self, plane: Plane, programs: ProgramCache, images: ImageTextures) -> None:
        self.plane = plane
        self._images = images
        self.pointing = Pointing(plane)
        self.picture: NDArray[np.float32] | None = None
        self.shown_count = 0
        self._renderer = SliceRenderer(programs)
        self._masks = MaskLayers(plane, turned=plane == "yz")
        self.models = ModelLayers(plane, turned=plane == "yz")
        self._marks = Marks()
        self._picking_marks = PickingMarks()
        self._flood = FloodOverlay()
        self._tomogram: ShownTomogram | None = None
        self._fallback: Contrast | None = None
        self._wanted: int | None = None

    def press_area(self, editor: Editor) -> bool:
        """Take up the view's place and follow the mouse there; gives whether the placement was changed."""
        view = editor.view(self.plane)
        imgui.set_cursor_screen_pos(ImVec2(*view.origin))
        imgui.set_next_item_allow_overlap()
        imgui.invisible_button(PLANE_NAMES[self.plane], ImVec2(*view.size), PRESSED_BUTTONS)
        if editor.shown is None or view.placement is None:
            self.pointing.stop()
            view.hovered = None
            return False
        position = editor.state.along(self.plane) if view.position is None else view.position
        return self.pointing.follow(editor, view, position, imgui.is_item_hovered())

    def draw(self, window: Window) -> None:
        """Draw the picture and what lies over it into the window that Dear ImGui is drawing."""
        editor = window.editor
        view = editor.view(self.plane)
        self._follow(editor, view)
        placement = view.placement
        width, height = view.size
        corner = ImVec2(view.origin[0] + width, view.origin[1] + height)
        draw_list = imgui.get_window_draw_list()
        if placement is None or editor.shown is None or self.picture is None or view.position is None:
            draw_list.add_rect_filled(ImVec2(*view.origin), corner, packed(window.theme.view))
            return
        density = imgui.get_io().display_framebuffer_scale.x or 1.0
        dense = replace(placement, scale=placement.scale * density)
        texture = self._render(window, round(width * density), round(height * density), dense)
        draw_list.push_clip_rect(ImVec2(*view.origin), corner, True)
        if imgui.is_window_docked():
            bottom = imgui.get_io().display_size.y - corner.y
            self._renderer.show(round(view.origin[0] * density), round(bottom * density))
        else:  # other panels may lie below
            draw_list.add_image(imgui.ImTextureRef(texture.name), ImVec2(*view.origin), corner)
        self._draw_marks(window, Canvas(self.plane, view.position, view, draw_list, imgui.get_font_size()))
        draw_list.pop_clip_rect()

    def native_picture(self, window: Window) -> Picture | None:
        """The slice with its masks, one pixel for each voxel, (rows, columns, 3), row 0 of the slice at the bottom."""
        if self.picture is None or window.editor.shown is None:
            return None
        rows, columns = self._renderer.shape
        self._render(window, columns, rows, Placement((rows - 1) / 2, (columns - 1) / 2, 1.0))
        return np.ascontiguousarray(self._renderer.read_back()[:, :, :3])

    def value_at(self, row: float, column: float) -> float | None:
        """The picture's value at (row, column), in the tomogram's own units; None outside."""
        if self.picture is None:
            return None
        at = round(row), round(column)
        inside = all(0 <= index < extent for index, extent in zip(at, self.picture.shape, strict=True))
        return float(self.picture[at]) if inside else None

    def release(self) -> None:
        """Free what the graphics driver keeps."""
        self._masks.release()
        self.models.release()
        self._renderer.release()

    def _render(self, window: Window, width: int, height: int, placement: Placement) -> Texture2D:
        editor, position = window.editor, window.editor.view(self.plane).position
        self._renderer.set_filters(editor.state.filters)
        masks: list[Overlay] = []
        images: list[ImageLayer] = []
        if position is not None and not editor.state.overlays_hidden:
            images = self._images.layers(editor, self.plane, position)
            masks = [*self.models.overlays(editor, position), *self._masks.overlays(editor, position)]
        contrast, smooth = self._contrast(editor), editor.state.interpolate
        ground = window.theme.view
        return self._renderer.draw(width, height, placement, contrast, smooth, masks, ground, images=images)

    def _follow(self, editor: Editor, view: ViewState) -> None:
        """Ask for the slice that is wanted and show the newest one that is there."""
        shown = editor.shown
        if shown is not self._tomogram:
            self._tomogram, self.picture, self._fallback, view.position = shown, None, None, None
            self._wanted = None
            self._masks.release()
            self.models.release()
        if shown is None:
            return
        wanted = editor.state.along(self.plane)
        shown.reader.request(SliceRequest(self.plane, wanted, editor.state.slab))
        if wanted != self._wanted:
            self._masks.prefetch(editor, wanted)
            if self._wanted is not None:
                self._masks.prefetch(editor, 2 * wanted - self._wanted)
            self._wanted = wanted
        newest = shown.reader.newest(self.plane)
        if newest is not None and newest[1] is not self.picture:
            request, self.picture = newest
            view.position = request.position
            self.shown_count += 1
            turned = np.ascontiguousarray(self.picture.T) if view.turned else self.picture
            self._renderer.set_image(turned)
        elif newest is not None:
            view.position = newest[0].position

    def _draw_marks(self, window: Window, canvas: Canvas) -> None:
        editor = window.editor
        hovered = canvas.view.hovered is not None
        pointer = self.pointing.pointer(canvas.view, canvas.position)
        tool_marks.draw_crop(editor, canvas)
        if not editor.state.overlays_hidden:
            self._marks.draw(editor, canvas, pointer if hovered else None)
            self._picking_marks.draw(editor, canvas)
            draw_particles(editor, canvas, pointer if hovered else None)
            place_marks.draw_place(editor, canvas)
            draw_image_marks(editor, canvas)
        if editor.state.ortho:
            tool_marks.draw_cross_hair(editor, canvas, window.theme.accent)
        tool_marks.draw_lasso(editor, canvas)
        tool_marks.draw_measured(editor, canvas)
        if self.plane == "xy":
            window.notice_cards.left_free.append(tool_marks.draw_scale_bar(editor, canvas))
        if hovered and not self.pointing.panning:
            self._flood.draw(editor, canvas, pointer)
            tool_marks.draw_cursor(editor, canvas, pointer, self.pointing.erasing)

    def _contrast(self, editor: Editor) -> Contrast:
        if editor.state.contrast is not None:
            return editor.state.contrast
        if self._fallback is None and self.picture is not None:
            # Until the whole tomogram has been measured: the limits of the first slice.
            self._fallback = Contrast(*automatic_limits(self.picture))
        return self._fallback or Contrast()
