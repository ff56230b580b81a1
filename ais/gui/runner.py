"""Starts the window: OpenGL, letters, docking layout, and the calls of each frame."""

from __future__ import annotations

import logging
import os
import signal
import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from ais.errors import AisError
from ais.gui import native_dialogs
from ais.gui.editor import Editor
from ais.gui.log_file import kept_log
from ais.gui.state import Tab

if TYPE_CHECKING:
    from imgui_bundle import hello_imgui

    from ais.gui.app import Story, Window
    from ais.gui.pacing import Wake

LEFT_EM, LEFT_MAX_SHARE = 24.0, 0.36
RIGHT_EM, RIGHT_MAX_SHARE = 15.0, 0.4
LISTS_EM, LISTS_MAX_SHARE = 9.0, 0.27
DISPLAY_SHARE = 0.355
"""Of what the list of tomograms leaves."""
BOTH_EM = 13.0
LOW_LINES = 48.0
"""Below so many lines of letters, the list of tomograms and the display take turns in one place."""
BARS_EM = 4.0
SCENE_SHARE, SCENE_MAX_SHARE = 0.5, 0.68
"""Of the 3D scene in what the left column leaves, and at most in what the panels at the right leave of that."""
OPENGL = (3, 3)
LAYOUT_FILE = "layout.ini"
LAYOUT_VERSION = 5
FONT_PX = 15.0
FONTS = ("fonts/Roboto/Roboto-Regular.ttf", "fonts/DroidSans.ttf")
ICONS = "fonts/Font_Awesome_6_Free-Solid-900.otf"

_log = logging.getLogger(__name__)


def run_window(paths: Sequence[Path], settings_folder: Path, story: Story | None) -> int:
    """Open the window and return when it has been closed; see `ais.gui.app.run`."""
    _check_screen()
    with kept_log(settings_folder):
        return _run(paths, settings_folder, story)


def _run(paths: Sequence[Path], settings_folder: Path, story: Story | None) -> int:
    from imgui_bundle import hello_imgui

    from ais.gui.app import Window
    from ais.gui.pacing import Pacing, Wake

    wake = Wake()
    editor = Editor(settings_folder, wake)
    editor.dialogs.native = story is None and editor.settings.native_dialogs and native_dialogs.available()
    pacing = Pacing(lambda: window.seconds_to_frame if story is None else 0.0, lambda: editor.shell.leave)
    window = Window(editor, pacing)
    _leave_on_signals(editor)
    if paths:
        editor.open_paths([path.absolute() for path in paths])
    try:
        hello_imgui.run(_parameters(window, settings_folder, story, wake))
    finally:
        editor.close()
    return 0


def _check_screen() -> None:
    """Raise an AisError where no window can be opened; the window library would only end the process."""
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        raise AisError("There is no screen to open a window on: use the commands of ais --help, or start a desktop.")
    import imgui_bundle  # noqa: F401 - says where its GLFW is, so it must come first
    import glfw  # isort: skip

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what GLFW says becomes our sentence
        if not glfw.init():
            raise AisError("The screen could not be reached, so no window can be opened: check DISPLAY.")
        for hint, value in (
            (glfw.VISIBLE, glfw.FALSE),
            (glfw.CONTEXT_VERSION_MAJOR, OPENGL[0]),
            (glfw.CONTEXT_VERSION_MINOR, OPENGL[1]),
            (glfw.OPENGL_PROFILE, glfw.OPENGL_CORE_PROFILE),
            (glfw.OPENGL_FORWARD_COMPAT, glfw.TRUE),
        ):
            glfw.window_hint(hint, value)
        tried = glfw.create_window(16, 16, "Ais", None, None)
        glfw.default_window_hints()
    if not tried:
        glfw.terminate()
        raise AisError(
            f"No window can be opened, because OpenGL {OPENGL[0]}.{OPENGL[1]} is not there: install the driver of the "
            "graphics card, or Mesa, which draws without one; ais doctor says more."
        )
    glfw.destroy_window(tried)


def _parameters(window: Window, settings_folder: Path, story: Story | None, wake: Wake) -> hello_imgui.RunnerParams:
    from imgui_bundle import hello_imgui

    editor = window.editor
    parameters = hello_imgui.RunnerParams()
    app = parameters.app_window_params
    app.window_title = "Ais"
    app.restore_previous_geometry = story is None
    app.window_geometry.size = editor.settings.window_size
    parameters.ini_folder_type = hello_imgui.IniFolderType.absolute_path
    parameters.ini_filename = str(settings_folder / LAYOUT_FILE)
    try:
        settings_folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        parameters.ini_disable = True
        editor.notices.problem(
            f"{settings_folder} is no folder that Ais can write to ({error.strerror}): settings are not kept."
        )
    parameters.fps_idling.enable_idling = False
    parameters.fps_idling.remember_enable_idling = False
    look = parameters.imgui_window_params
    look.default_imgui_window_type = hello_imgui.DefaultImGuiWindowType.provide_full_screen_dock_space
    look.show_menu_bar = True
    look.show_menu_app = look.show_menu_view = look.show_menu_view_themes = False
    look.show_status_bar = True
    look.show_status_fps = False
    look.enable_viewports = False
    graphics = hello_imgui.OpenGlOptions()
    graphics.glsl_version = "330"
    graphics.major_version, graphics.minor_version = OPENGL
    graphics.use_core_profile, graphics.use_forward_compat = True, True
    graphics.anti_aliasing_samples = 0
    parameters.renderer_backend_options.open_gl_options = graphics
    _set_layout(parameters, window)
    _set_callbacks(parameters, window, story, wake)
    return parameters


def _set_layout(parameters: hello_imgui.RunnerParams, window: Window) -> None:
    from imgui_bundle import hello_imgui, imgui

    from ais.gui.panels import annotate, curves, display, export, history, jobs, models, render, tomograms
    from ais.gui.views import scene_view

    settings = window.editor.settings
    docking = parameters.docking_params
    docking.layout_name = f"Ais {LAYOUT_VERSION}"
    docking.docking_splits = _splits(settings.font_scale, *settings.window_size)

    def dockable(label: str, space: str, draw: Any, shown: bool = True, closes: bool = True) -> Any:
        found = hello_imgui.DockableWindow(label, space, lambda: window.draw(label, draw), shown, closes)
        found.imgui_window_flags = int(imgui.WindowFlags_.no_collapse)
        found.remember_is_visible = False
        return found

    views = dockable("Views", "MainDockSpace", lambda _: _draw_views(window), closes=False)
    views.call_begin_end = False
    scene = dockable("Scene", "Scene", scene_view.draw, shown=False)
    flags = (
        imgui.WindowFlags_.no_scrollbar,
        imgui.WindowFlags_.no_scroll_with_mouse,
        imgui.WindowFlags_.no_nav_inputs,
        imgui.WindowFlags_.no_background,  # the picture fills it
    )
    scene.imgui_window_flags |= sum(int(flag) for flag in flags)
    # Without a background of its own: the panels and the pictures cover it, and each layer costs milliseconds.
    docking.main_dock_space_node_flags = int(imgui.DockNodeFlags_.none)
    docking.dockable_windows = [
        views,
        scene,
        dockable("Tomograms", "Left", tomograms.draw, closes=False),
        dockable(
            "Display", _place_of_display(settings.font_scale, settings.window_size[1]), display.draw, closes=False
        ),
        *(
            dockable(tab.value, "Tabs", lambda _, tab=tab, draw=draw: _draw_tab(window, tab, draw), closes=False)
            for tab, draw in (
                (Tab.ANNOTATE, annotate.draw),
                (Tab.MODELS, models.draw),
                (Tab.EXPORT, export.draw),
                (Tab.RENDER, render.draw),
            )
        ),
        dockable("History", "Right", history.draw, shown=False),
        dockable("Jobs", "Right", jobs.draw, shown=False),
        dockable("Training", "Right", curves.draw, shown=False),
    ]


def _draw_tab(window: Window, tab: Tab, draw: Callable[[Window], None]) -> None:
    window.editor.state.tab = tab  # only the tab in front is drawn
    draw(window)


def _show_tab(window: Window) -> None:
    """Bring the tab to the front that was asked for."""
    from imgui_bundle import hello_imgui

    wanted, window.editor.shell.tab = window.editor.shell.tab, None
    for one in hello_imgui.get_runner_params().docking_params.dockable_windows:
        if wanted is not None and one.label == wanted.value:
            one.focus_window_at_next_frame = True


def _draw_views(window: Window) -> None:
    """The views fill the middle, without a tab of their own."""
    from imgui_bundle import imgui

    kind = imgui.WindowClass()
    kind.dock_node_flags_override_set = int(imgui.internal.DockNodeFlagsPrivate_.no_tab_bar)
    imgui.set_next_window_class(kind)
    flags = (
        imgui.WindowFlags_.no_collapse
        | imgui.WindowFlags_.no_scrollbar
        | imgui.WindowFlags_.no_scroll_with_mouse
        | imgui.WindowFlags_.no_nav_inputs
        | imgui.WindowFlags_.no_background  # the pictures fill it: drawn in software, each layer costs milliseconds
    )
    seen, _ = imgui.begin("Views", None, int(flags))
    try:
        if seen:
            window.views.draw(window)
    finally:
        imgui.end()


def _lines(font_scale: float, height: float) -> float:
    """How many lines of letters the left column is high."""
    return height / (FONT_PX * font_scale) - BARS_EM


def _place_of_display(font_scale: float, height: float) -> str:
    """Below the list of tomograms, or beside it as a tab where the window is low."""
    return "Left" if _lines(font_scale, height) < LOW_LINES else "Work"


def _splits(font_scale: float, width: float, height: float) -> list[hello_imgui.DockingSplit]:
    """How the window is divided: by the size of the letters, and by its own where it is small."""
    from imgui_bundle import hello_imgui, imgui

    def split(of: str, new: str, side: imgui.Dir, share: float) -> hello_imgui.DockingSplit:
        return hello_imgui.DockingSplit(of, new, side, share)

    em = FONT_PX * font_scale
    left = min(LEFT_EM * em / width, LEFT_MAX_SHARE)
    right = min(RIGHT_EM * em / (width * (1 - left)), RIGHT_MAX_SHARE)
    lines = _lines(font_scale, height)
    sides = [
        split("MainDockSpace", "Left", imgui.Dir.left, left),
        split("MainDockSpace", "Right", imgui.Dir.right, right),
        split("MainDockSpace", "Scene", imgui.Dir.right, min(SCENE_SHARE / (1 - right), SCENE_MAX_SHARE)),
    ]
    if _place_of_display(font_scale, height) == "Left":
        return [*sides, split("Left", "Tabs", imgui.Dir.down, 1 - BOTH_EM / lines)]
    lists = min(LISTS_EM / lines, LISTS_MAX_SHARE)
    return [
        *sides,
        split("Left", "Work", imgui.Dir.down, 1 - lists),
        split("Work", "Tabs", imgui.Dir.down, 1 - DISPLAY_SHARE),
    ]


def lay_out_anew(window: Window) -> None:
    """Put the panels back in their places, as wide as the letters need."""
    from imgui_bundle import hello_imgui, imgui

    size = imgui.get_main_viewport().size
    docking = hello_imgui.get_runner_params().docking_params
    font_scale = window.editor.settings.font_scale
    docking.docking_splits = _splits(font_scale, size.x, size.y)
    for one in docking.dockable_windows:
        if one.label == "Display":
            one.dock_space_name = _place_of_display(font_scale, size.y)
    docking.layout_reset = True


def _set_callbacks(parameters: hello_imgui.RunnerParams, window: Window, story: Story | None, wake: Wake) -> None:
    from ais.gui.panels import dialogs, menu, notices, pages, sheets, status

    calls = parameters.callbacks
    calls.load_additional_fonts = _load_fonts
    calls.setup_imgui_style = lambda: None
    calls.post_init = lambda: _after_start(window)
    calls.pre_new_frame = lambda: _before_frame(parameters, window)
    calls.show_menus = lambda: window.draw("menu", menu.draw)
    calls.show_status = lambda: window.draw("status", status.draw)

    def over_everything() -> None:
        window.run_keys()
        for name, draw in (
            ("pages", pages.draw),
            ("sheets", sheets.draw),
            ("dialogs", dialogs.draw),
            ("notices", notices.draw),
        ):
            window.draw(name, draw)

    calls.show_gui = over_everything
    calls.before_swap = window.before_swap
    calls.after_swap = window.after_swap

    def before_exit() -> None:
        from imgui_bundle import implot

        wake.end()
        window.release()
        implot.destroy_context()

    calls.before_exit = before_exit
    if story is not None:
        parameters.use_imgui_test_engine = True
        calls.register_tests = lambda: _register_story(window, story)


def _load_fonts() -> None:
    from imgui_bundle import hello_imgui

    font = next(name for name in FONTS if hello_imgui.asset_exists(name))
    hello_imgui.load_font(font, FONT_PX)
    merged = hello_imgui.FontLoadingParams()
    merged.merge_to_last_font = True
    hello_imgui.load_font(ICONS, FONT_PX * 0.85, merged)


def _after_start(window: Window) -> None:
    """Once the window is there: plots can be drawn, and files can be dropped on it."""
    import glfw
    from imgui_bundle import imgui, implot
    from imgui_bundle.glfw_utils import glfw_window_hello_imgui

    implot.create_context()
    # A panel that fails is cut short, which Dear ImGui would end the program for.
    imgui.get_io().config_error_recovery_enable_assert = False
    imgui.get_io().config_error_recovery_enable_tooltip = False

    def dropped(_window: Any, paths: Sequence[str]) -> None:
        window.editor.open_paths([Path(path) for path in paths])

    set_drop_callback: Any = glfw.set_drop_callback  # its types say one path, it gives a list
    set_drop_callback(glfw_window_hello_imgui(), dropped)


def _before_frame(parameters: hello_imgui.RunnerParams, window: Window) -> None:
    switches = window.switches
    for dockable in parameters.docking_params.dockable_windows:
        if dockable.label in switches:
            dockable.is_visible = switches[dockable.label].follow(dockable.is_visible)
    window.before_frame()
    _show_tab(window)


def _register_story(window: Window, story: Story) -> None:
    from imgui_bundle import hello_imgui, imgui

    engine = hello_imgui.get_imgui_test_engine()
    test = imgui.test_engine.register_test(engine, "ais", "story")

    def act(context: Any) -> None:
        try:
            story(context, window.editor)
        finally:
            window.editor.shell.leave = True

    test.test_func = act
    imgui.test_engine.queue_test(engine, test)


def _leave_on_signals(editor: Editor) -> None:
    """Have SIGTERM and SIGINT close the window as its close button does."""

    def leave(_number: int, _frame: FrameType | None) -> None:
        editor.shell.leave = True

    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGINT, leave)
