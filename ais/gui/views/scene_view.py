"""The view of the 3D scene: its picture, what is written over it, its icons, and the mouse and keys in it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from imgui_bundle import ImVec2, imgui
from imgui_bundle import icons_fontawesome_6 as icons

from ais.errors import AisError
from ais.gui.commands import command
from ais.gui.editor import Editor
from ais.gui.gl.framebuffer import Framebuffer
from ais.gui.gl.state import drawing_state
from ais.gui.gl.texture import Texture2D
from ais.gui.keys import modifiers_held
from ais.gui.lengths import volume_text
from ais.gui.panels.command_button import command_button
from ais.gui.panels.layout import elided, em, icon_button
from ais.gui.panels.menu import run_item
from ais.gui.panels.scene_look_section import draw_look
from ais.gui.scene.contents import Hit, Scene
from ais.gui.scene.renderer import SceneRenderer
from ais.gui.scene_edits import selected_thing
from ais.gui.scene_things import name_and_volume
from ais.gui.scene_view_state import KEYS_OF_SCENE, LOOK_AFTER_S, Chosen
from ais.gui.theme import packed
from ais.gui.views import scene_words
from ais.gui.views.arrangement import Area
from ais.gui.views.canvas import WHITE
from ais.gui.views.corner import draw_empty
from ais.gui.views.scene_mouse import Eyes, SceneMouse

if TYPE_CHECKING:
    from ais.gui.app import Window
    from ais.gui.shown_tomogram import ShownTomogram

Drawn = TypeVar("Drawn")

BUTTONS = imgui.ButtonFlags_
PRESSED_BUTTONS = int(BUTTONS.mouse_button_left) | int(BUTTONS.mouse_button_right) | int(BUTTONS.mouse_button_middle)
FRAME_SHARE_S = 0.05
"""How long a part of a large scene may be drawn in one frame."""
LOOK_EM = 20.0
TURNS = (
    (imgui.Key.left_arrow, -1, 0),
    (imgui.Key.right_arrow, 1, 0),
    (imgui.Key.up_arrow, 0, 1),
    (imgui.Key.down_arrow, 0, -1),
)
KEYS = frozenset({"left", "right", "up", "down", "ctrl+0"})
ESCAPE = frozenset({"escape"})
TOOLS = (
    ("scene.fit", "Fit scene", icons.ICON_FA_EXPAND),
    ("scene.perspective", "Perspective", icons.ICON_FA_CUBE),
    ("scene.slice_xy", "Slice in the scene", icons.ICON_FA_LAYER_GROUP),
    ("scene.alone", "Scene alone", icons.ICON_FA_UP_RIGHT_AND_DOWN_LEFT_FROM_CENTER),
)
ACTS = (
    ("scene.hide", "Hide selected", icons.ICON_FA_EYE_SLASH),
    ("scene.remove", "Remove selected", icons.ICON_FA_TRASH_CAN),
    ("scene.keep", "Keep only selected", icons.ICON_FA_FILTER),
    ("scene.jump", "Go to selected", icons.ICON_FA_CROSSHAIRS),
)
MENU = (
    ("scene.hide", "scene.remove", "scene.keep"),
    ("scene.jump", "scene.centre"),
    ("scene.fit", "scene.perspective"),
)


class SceneView:
    """The picture of the scene, and what the graphics card keeps for it."""

    def __init__(self) -> None:
        self._renderer: SceneRenderer | None = None
        self._source: Framebuffer | None = None
        self._mouse = SceneMouse()
        self._pointer = (-1.0, -1.0)
        self._failed: tuple[Scene, str] | None = None
        self._shown: ShownTomogram | None = None

    def draw(self, window: Window, area: Area) -> None:
        """Draw it into the window that Dear ImGui is drawing."""
        editor = window.editor
        view, high = editor.rendering.view, ImVec2(area.x + area.width, area.y + area.height)
        low, draw_list = ImVec2(area.x, area.y), imgui.get_window_draw_list()
        draw_list.push_clip_rect(low, high, False)
        if editor.shown is None:
            draw_list.add_rect_filled(low, high, packed(window.theme.view))
            draw_empty(window, area)
            self._mouse.stop()
            view.drawn = "whole"
            self._take_keys(editor, False)
        else:
            self._shown = editor.shown
            density = imgui.get_io().display_framebuffer_scale.x or 1.0
            view.size = max(round(area.width * density), 1), max(round(area.height * density), 1)
            view.origin, view.extent = (area.x, area.y), (area.width, area.height)
            hovered = self._press_area(area)
            scene = editor.rendering.scene()
            eyes = self._eyes(editor, scene, density)
            self._mouse.follow(editor, area, hovered, eyes)
            self._take_keys(editor, hovered)
            scene = editor.rendering.scene()
            self._draw_picture(editor, scene, area)
            self._look(editor, area, hovered, eyes)
            self._draw_words(window, scene, area, draw_list)
            self._draw_tools(window, area)
            self._draw_selected(window, area, draw_list)
            self._draw_menu(window)
        draw_list.pop_clip_rect()

    def leave(self, editor: Editor) -> None:
        """Free what is kept of another tomogram than the one on the screen, and of a saved picture; once a frame."""
        saving = editor.shell.scene_requests or editor.rendering.files.movie is not None
        if self._renderer is not None and not saving:
            self._renderer.forget_picture()
        if self._shown is not None and self._shown is not editor.shown:
            self._shown = self._failed = None
            self._forget_copy()
            if self._renderer is not None:
                self._renderer.forget()

    def release(self) -> None:
        """Free what the graphics card keeps."""
        self._forget_copy()
        if self._renderer is not None:
            self._renderer.release()
            self._renderer = None

    def _forget_copy(self) -> None:
        if self._source is not None:
            self._source.release()
            self._source = None

    @property
    def renderer(self) -> SceneRenderer:
        """Draws the scene; made when it is first needed."""
        if self._renderer is None:
            self._renderer = SceneRenderer()
        return self._renderer

    def _press_area(self, area: Area) -> bool:
        """Whether the pointer is over the scene and nothing lies between."""
        imgui.set_cursor_screen_pos(ImVec2(area.x, area.y))
        imgui.set_next_item_allow_overlap()
        imgui.invisible_button("3D scene", ImVec2(area.width, area.height), PRESSED_BUTTONS)
        return bool(imgui.is_item_hovered())

    def _eyes(self, editor: Editor, scene: Scene, density: float) -> Eyes:
        view = editor.rendering.view
        width, height = view.size

        def at(x: float, y: float) -> Hit | None:
            if not (0 <= x * density < width and 0 <= y * density < height):
                return None
            place = x * density, y * density
            return self._tried(editor, scene, lambda: self.renderer.pick(scene, view.camera, width, height, *place))

        def within(x0: float, y0: float, x1: float, y1: float) -> list[Chosen]:
            corners = x0 * density, y0 * density, x1 * density, y1 * density
            found = self._tried(
                editor, scene, lambda: self.renderer.pick_rectangle(scene, view.camera, width, height, *corners)
            )
            return found or []

        return Eyes(at, within)

    def _draw_picture(self, editor: Editor, scene: Scene, area: Area) -> None:
        view, moving = editor.rendering.view, editor.rendering.view.moving
        if self._failed is not None and self._failed[0] == scene:
            view.drawn = "whole"
            draw_list = imgui.get_window_draw_list()
            low, high = ImVec2(area.x, area.y), ImVec2(area.x + area.width, area.y + area.height)
            draw_list.add_rect_filled(low, high, packed(view.look.background))
            ink = scene_words.ink(view.look.background)
            scene_words.draw_in_the_middle(self._failed[1], area, ink, draw_list)
            return
        # Not the window's accent, which features may have as well.
        self.renderer.accent = scene_words.ink(view.look.background)
        texture = self._tried(
            editor,
            scene,
            lambda: self.renderer.draw(scene, view.camera, *view.size, moving=moving, seconds=FRAME_SHARE_S),
        )
        if texture is None:
            return
        self._failed = None
        view.drawn = "quickly" if moving else "partly" if self.renderer.pending else "whole"
        if imgui.is_window_docked():
            self._copy_to_window(texture, area)
        else:  # other panels may lie below
            corner = ImVec2(area.x + area.width, area.y + area.height)
            imgui.get_window_draw_list().add_image(imgui.ImTextureRef(texture.name), ImVec2(area.x, area.y), corner)

    def _tried(self, editor: Editor, scene: Scene, draw: Callable[[], Drawn]) -> Drawn | None:
        """What comes of drawing a scene; None if it cannot be drawn, which is not tried again until it changes."""
        if self._failed is not None and self._failed[0] == scene:
            return None
        try:
            return draw()
        except (AisError, MemoryError) as error:
            self._failed = scene, str(error) or "There is too little memory to draw this scene: hide some volumes."
            editor.wake()  # the next frame says so
            return None

    def _copy_to_window(self, texture: Texture2D, area: Area) -> None:
        """Copy the picture to the window, below all that Dear ImGui draws in this frame, which takes half the time."""
        if self._source is None or self._source.texture is not texture:
            if self._source is not None:
                self._source.release()
            with drawing_state(0):
                self._source = Framebuffer(texture)
        density = imgui.get_io().display_framebuffer_scale.x or 1.0
        low = imgui.get_io().display_size.y - area.y - area.height
        self._source.show(round(area.x * density), round(low * density))

    def _look(self, editor: Editor, area: Area, hovered: bool, eyes: Eyes) -> None:
        """Find out what is under a pointer that rests over a scene that rests."""
        view, mouse = editor.rendering.view, imgui.get_io().mouse_pos
        pointer = mouse.x - area.x, mouse.y - area.y
        view.pointed_at = hovered
        if not hovered or self._mouse.pressing or view.drawn == "quickly":
            view.hovered = view.look_at = None
            self._pointer = -1.0, -1.0
        elif pointer != self._pointer:
            self._pointer, view.hovered = pointer, None
            view.look_at = time.monotonic() + LOOK_AFTER_S
        elif view.look_at is not None and time.monotonic() >= view.look_at and view.drawn == "whole":
            view.look_at, view.hovered = None, eyes.at(*pointer)

    def _take_keys(self, editor: Editor, hovered: bool) -> None:
        """While the pointer is over the scene, arrows turn it, and escape selects nothing."""
        view, taken = editor.rendering.view, editor.shell.keys_taken
        busy = imgui.get_io().want_text_input or imgui.is_popup_open("", imgui.PopupFlags_.any_popup)
        if not hovered or busy:
            taken.pop(KEYS_OF_SCENE, None)
            return
        escapes = bool(view.selected) or self._mouse.marquee is not None
        taken[KEYS_OF_SCENE] = KEYS | ESCAPE if escapes else KEYS
        held = modifiers_held()
        if not held:
            for key, across, up in TURNS:
                if imgui.is_key_pressed(key):
                    view.turn(across, up)
            if escapes and imgui.is_key_pressed(imgui.Key.escape, False) and not self._mouse.cancel():
                view.clear()
        elif held == {"ctrl"} and imgui.is_key_pressed(imgui.Key._0, False):
            view.fit()

    def _draw_words(self, window: Window, scene: Scene, area: Area, draw_list: Any) -> None:
        editor, view = window.editor, window.editor.rendering.view
        camera, look = view.camera, view.look
        flat = scene.particles or scene.slices or scene.projections
        is_empty = not (any(item.states.any() for item in scene.surfaces) or flat or self._failed)
        if look.box and not is_empty:  # in a narrow scene they would lie under the words that say why
            scene_words.draw_box_lengths(editor, scene, camera, area, draw_list)
        if look.axes:
            scene_words.draw_axes(camera, view.size, area, look.background, draw_list)
        if not camera.perspective:
            bar = scene_words.draw_scale_bar(editor, camera, area, look.background, draw_list)
            window.notice_cards.left_free.append(bar)
        if self._mouse.marquee is not None:
            scene_words.draw_marquee(self._mouse.marquee, area, window.theme.accent, draw_list)
        if is_empty:
            ink = scene_words.ink(look.background)
            scene_words.draw_in_the_middle(scene_words.why_empty(editor), area, ink, draw_list)
        found = name_and_volume(editor, view.hovered.key, view.hovered.index) if view.hovered is not None else None
        if found is not None and view.hovered is not None:
            left = scene_words.axes_width(camera, view.size, area) + em(0.6) if look.axes else em(1)
            right = em(1) if camera.perspective else scene_words.scale_bar_width(area)
            name, nm3 = found
            volume = f"   {volume_text(nm3, editor.rendering.volumes.voxel_size)}" if nm3 is not None else ""
            place = scene_words.place_text(editor, view.hovered.position)
            texts = [f"{name}{volume}   {place}", f"{name}{volume}", name]
            scene_words.draw_line_below(texts, area, left, right, draw_list)

    def _draw_tools(self, window: Window, area: Area) -> None:
        gap, side = em(0.2), em(1.9)
        width = (len(TOOLS) + 1) * side + len(TOOLS) * gap
        if area.width < width + em(1):
            return
        imgui.set_cursor_screen_pos(ImVec2(area.x + area.width - width - em(0.5), area.y + em(0.5)))
        for number, (name, text, icon) in enumerate(TOOLS):
            if number:
                imgui.same_line(0, gap)
            item = command(name)
            on = item.checked is not None and item.checked(window.editor)
            command_button(window, name, text, icon=icon, on=on)
        imgui.same_line(0, gap)
        if icon_button(icons.ICON_FA_PALETTE, "Look of the scene", "Light, shading, background, lines, slices"):
            imgui.open_popup("look of the scene")
        # Beside the scene where there is room, so that what is changed is seen.
        beside = area.x - imgui.get_main_viewport().pos.x > 2 * em(LOOK_EM)
        right, top = (area.x, area.y) if beside else (area.x + area.width - em(0.5), area.y + em(2.8))
        imgui.set_next_window_pos(ImVec2(right, top), imgui.Cond_.appearing, ImVec2(1.0, 0.0))
        if imgui.begin_popup("look of the scene"):
            imgui.dummy(ImVec2(em(LOOK_EM), 0))
            draw_look(window)
            imgui.end_popup()

    def _draw_selected(self, window: Window, area: Area, draw_list: Any) -> None:
        """Say in the upper left corner what is selected, with icons for what is done with it most."""
        found = selected_thing(window.editor)
        if found is None:
            return
        x, y, gap = area.x + em(0.8), area.y + em(0.5), em(0.2)
        nm3, voxel_size = found.volume_nm3, window.editor.rendering.volumes.voxel_size
        volume = f"   {volume_text(nm3, voxel_size)}" if nm3 is not None else ""
        room = area.width - em(1.6)
        if y + imgui.get_text_line_height() > area.y + area.height or room < em(6):
            return
        beside_tools = room - (len(TOOLS) + 1) * em(2.1) - em(1)
        text = next((each for each in (f"{found.name}{volume}", found.name) if _width(each) <= beside_tools), "")
        if not text:  # below the icons of the view
            y += imgui.get_frame_height() + em(0.5)
            text = elided(f"{found.name}{volume}", room)
        top = y + imgui.get_style().frame_padding.y
        scene_words.draw_ground(x, top, imgui.calc_text_size(text), draw_list)
        draw_list.add_text(ImVec2(x, top), packed(WHITE), text)
        imgui.set_cursor_screen_pos(ImVec2(x - em(0.25), y + imgui.get_frame_height() + gap))
        for number, (name, label, icon) in enumerate(ACTS):
            if number:
                imgui.same_line(0, gap)
            command_button(window, name, label, icon=icon)

    def _draw_menu(self, window: Window) -> None:
        if self._mouse.wants_menu:
            self._mouse.wants_menu = False
            imgui.open_popup("scene menu")
        if imgui.begin_popup("scene menu"):
            for number, names in enumerate(MENU):
                if number:
                    imgui.separator()
                for name in names:
                    run_item(window, command(name))
            imgui.end_popup()


def _width(text: str) -> float:
    return float(imgui.calc_text_size(text).x)


def draw(window: Window) -> None:
    """Draw the scene into the panel that Dear ImGui is drawing, up to its borders."""
    padding = imgui.get_style().window_padding
    start, room = imgui.get_cursor_screen_pos(), imgui.get_content_region_avail()
    left, top = round(start.x - padding.x), round(start.y - padding.y)
    right, low = round(start.x + room.x + padding.x), round(start.y + room.y + padding.y)
    window.part(SceneView).draw(window, Area(left, top, max(right - left, 1), max(low - top, 1)))
