"""The editor's window: what it draws in each frame, and how it is opened."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, runtime_checkable

from ais.errors import AisError
from ais.gui import theme
from ais.gui.editor import Editor
from ais.gui.shell import Shell
from ais.installation.places import default_settings_folder

if TYPE_CHECKING:
    from ais.gui.pacing import Pacing

BLINK_S = 0.4
Story = Callable[[Any, Editor], None]
Part = TypeVar("Part")
KEPT_ERRORS = 100
CLOSABLE = ("History", "Jobs", "Training", "Scene")
"""Panels that commands show, and that can be closed."""
_log = logging.getLogger(__name__)


@runtime_checkable
class HoldsGraphics(Protocol):
    """A panel's part that keeps pictures in the graphics driver."""

    def release(self) -> None:
        """Free them; they may be made anew later."""


class Switch:
    """Whether a panel is shown: switched by a command, or by the panel's own close button.

    Parameters
    ----------
    shell
        Holds what the commands switch.
    name
        Its attribute.
    """

    def __init__(self, shell: Shell, name: str) -> None:
        self._shell = shell
        self._name = name
        self._drawn: bool = getattr(shell, name)

    def follow(self, visible: bool) -> bool:
        """Whether the panel is to be shown, given whether it was still open after the last frame."""
        if visible != self._drawn:
            setattr(self._shell, self._name, visible)
        self._drawn = getattr(self._shell, self._name)
        return self._drawn


class Window:
    """The window and what it draws; panels are given it.

    Attributes
    ----------
    editor
        What is shown.
    keys
        Which keys do what.
    pacing
        Decides when a frame is drawn.
    views
        The pictures.
    welcome
        What the first page offers.
    palette, shortcuts_page, settings_page
        What has been typed in these pages.
    notice_cards
        Where sentences were drawn last.
    jobs_cleared
        Number of the newest job of the engine that is not listed any more.
    switches
        Panel to whether it is shown, for those that can be closed.
    """

    def __init__(self, editor: Editor, pacing: Pacing) -> None:
        from ais.gui.full_screen import FullScreen
        from ais.gui.keys import KeyMap
        from ais.gui.palette import Palette
        from ais.gui.panels.notices import NoticeCards
        from ais.gui.panels.settings_page import SettingsPage
        from ais.gui.panels.shortcuts_page import ShortcutsPage
        from ais.gui.views.views import Views
        from ais.gui.welcome import Welcome

        self.editor = editor
        self.keys = KeyMap(editor.settings.shortcuts)
        self.views = Views()
        self.welcome = Welcome(editor)
        self.palette = Palette()
        self.shortcuts_page = ShortcutsPage()
        self.settings_page = SettingsPage()
        self.notice_cards = NoticeCards()
        self.jobs_cleared = 0
        self.switches = {name: Switch(editor.shell, name.lower()) for name in CLOSABLE}
        self.pacing = pacing
        self._full_screen = FullScreen()
        self._parts: dict[type[object], object] = {}
        self._themed: tuple[str, float] | None = None
        self._failing: set[str] = set()
        self._had_focus = True

    @property
    def theme(self) -> theme.Theme:
        """The colours in use."""
        return theme.theme_of(self.editor.settings.theme)

    def part(self, kind: type[Part]) -> Part:
        """The one object of a kind that a panel keeps between frames, such as what is being typed."""
        if kind not in self._parts:
            self._parts[kind] = kind()
        part = self._parts[kind]
        assert isinstance(part, kind)
        return part

    def release(self) -> None:
        """Free what the views and the parts of panels keep in the graphics driver; called before the window closes."""
        self.views.release()
        for part in self._parts.values():
            if isinstance(part, HoldsGraphics):
                part.release()

    # Called by the runner

    def before_frame(self) -> None:
        """Take in what threads have brought; before Dear ImGui begins a frame."""
        import glfw
        from imgui_bundle import hello_imgui
        from imgui_bundle.glfw_utils import glfw_window_hello_imgui

        from ais.gui.runner import lay_out_anew
        from ais.gui.views.scene_view import SceneView

        with self._living_on("poll"):
            self.editor.poll()
        with self._living_on("scene"):
            self.part(SceneView).leave(self.editor)
        has_focus = bool(glfw.get_window_attrib(glfw_window_hello_imgui(), glfw.FOCUSED))
        if has_focus and not self._had_focus:
            self.editor.modelling.models.refresh()  # other programs may have changed the files meanwhile
            self.editor.rendering.volumes.look_again()
        self._had_focus = has_focus
        self._follow_theme()
        self._let_keys_move()
        self._full_screen.follow(glfw_window_hello_imgui(), self.editor.shell.full_screen)
        if self.editor.shell.leave:
            hello_imgui.get_runner_params().app_shall_exit = True
        if self.editor.shell.reset_layout:
            self.editor.shell.reset_layout = False
            lay_out_anew(self)
        self._title()

    def draw(self, name: str, panel: Callable[[Window], None]) -> None:
        """Draw a panel; should it fail, the others are still drawn."""
        from imgui_bundle import imgui

        before = imgui.internal.ErrorRecoveryState()
        imgui.internal.error_recovery_store_state(before)
        failed = True
        with self._living_on(name):
            panel(self)
            failed = False
        if failed:
            imgui.internal.error_recovery_try_to_recover_state(before)  # what the panel had begun must be ended

    def run_keys(self) -> None:
        """Do what pressed keys ask for."""
        with self._living_on("keys"):
            self.keys.run_pressed(self.editor)

    def before_swap(self) -> None:
        """Answer those who want a picture of the window."""
        if self.editor.shell.picture_requests:
            with self._living_on("picture"):
                import glfw
                from imgui_bundle.glfw_utils import glfw_window_hello_imgui

                from ais.gui.gl.screen import read_screen

                requests, self.editor.shell.picture_requests = self.editor.shell.picture_requests, []
                width, height = glfw.get_framebuffer_size(glfw_window_hello_imgui())
                picture = read_screen(width, height)
                for request in requests:
                    request(picture)

    @property
    def seconds_to_frame(self) -> float | None:
        """When the next frame is needed though there is no input; None if only events need one."""
        from imgui_bundle import imgui

        wait = self.editor.seconds_to_frame
        if imgui.get_io().want_text_input:  # the cursor blinks
            wait = BLINK_S if wait is None else min(wait, BLINK_S)
        return wait

    def after_swap(self) -> None:
        """Wait until there is a reason for another frame."""
        self.pacing.wait()

    # Within

    def _follow_theme(self) -> None:
        wanted = (self.editor.settings.theme, self.editor.settings.font_scale)
        if wanted != self._themed:
            if self._themed is not None and self._themed[1] != wanted[1]:
                self.editor.shell.reset_layout = True
            self._themed = wanted
            theme.apply(*wanted)

    def _let_keys_move(self) -> None:
        """Arrows and Tab go from item to item on pages and in menus, but browse slices where a tomogram is shown."""
        from imgui_bundle import imgui

        editor, io = self.editor, imgui.get_io()
        lists_of_their_own = editor.dialogs.browser is not None or editor.shell.palette
        pages = editor.document is None or imgui.is_popup_open("", imgui.PopupFlags_.any_popup)
        moves = pages and not lists_of_their_own
        flag = int(imgui.ConfigFlags_.nav_enable_keyboard)
        io.config_flags = io.config_flags | flag if moves else io.config_flags & ~flag

    def _title(self) -> None:
        import glfw
        from imgui_bundle.glfw_utils import glfw_window_hello_imgui

        shown = self.editor.shown
        parts = ["Ais", *([self.editor.project_name] if self.editor.project_name else [])]
        parts += [shown.entry.name] if shown is not None else []
        title = " - ".join(parts)
        if title != self._title_set:
            self._title_set = title
            glfw.set_window_title(glfw_window_hello_imgui(), title)

    _title_set = ""

    @contextmanager
    def _living_on(self, part: str) -> Iterator[None]:
        try:
            yield
        except AisError as error:
            self.editor.notices.problem(str(error))
        except Exception:  # noqa: BLE001 - a fault in one panel must not close the window
            text = traceback.format_exc()
            if len(self.editor.shell.unexpected) < KEPT_ERRORS:  # a panel may fail in every frame
                self.editor.shell.unexpected.append(text)
            if part not in self._failing:
                self._failing.add(part)
                _log.error("unexpected error in %s\n%s", part, text)
                self.editor.notices.problem(
                    f"Something unexpected went wrong in the window ({part}); your work is saved. Please report this."
                )


def run(paths: Sequence[Path] = (), *, settings_folder: Path | None = None, story: Story | None = None) -> int:
    """Open the editor and return when its window has been closed.

    Parameters
    ----------
    paths
        A project, or tomograms to open.
    settings_folder
        Where the editor keeps its own files; by default the user's folder for settings.
    story
        For tests: is given the context of Dear ImGui's test engine and the `Editor`, and drives them.

    Returns
    -------
    int
        0.

    Raises
    ------
    AisError
        If there is no screen, or its OpenGL is too old.
    """
    from ais.gui.runner import run_window

    folder = settings_folder if settings_folder is not None else default_settings_folder()
    return run_window(paths, folder, story)
