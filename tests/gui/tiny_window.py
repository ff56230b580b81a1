"""A window with one button, in place of the editor's: the stage itself is tested with it, well or badly behaved."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace

from imgui_bundle import ImVec4, hello_imgui, imgui
from imgui_bundle.imgui import test_engine

# An exact colour of 8 bits per channel, to be found again in a picture of the window.
COLOUR = (51, 102, 204)


def run(
    paths: Sequence[Path] = (),
    *,
    settings_folder: Path | None = None,
    story: Callable[[test_engine.TestContext, SimpleNamespace], None] | None = None,
) -> int:
    """Open the window; ``story`` is performed in it, and then the window closes."""
    editor = SimpleNamespace(paths=list(paths), clicks=0, settings=settings_folder, mouse=[], undone=0)
    parameters = hello_imgui.RunnerParams()

    def show() -> None:
        if imgui.button("Count"):
            editor.clicks += 1
        if imgui.is_key_chord_pressed(int(imgui.Key.mod_ctrl) | int(imgui.Key.z)):
            editor.undone += 1
        if imgui.is_mouse_down(imgui.MouseButton_.right):
            editor.mouse.append((imgui.get_mouse_pos().x, imgui.get_mouse_pos().y, imgui.get_io().key_shift))
        drawing = imgui.get_window_draw_list()
        drawing.add_rect_filled(
            (200, 200), (300, 260), imgui.get_color_u32(ImVec4(COLOUR[0] / 255, COLOUR[1] / 255, COLOUR[2] / 255, 1.0))
        )

    def register() -> None:
        engine = hello_imgui.get_imgui_test_engine()
        test = test_engine.register_test(engine, "story", "story")

        def perform(context: test_engine.TestContext) -> None:
            try:
                if story is not None:
                    story(context, editor)
            finally:
                parameters.app_shall_exit = True

        test.test_func = perform
        test_engine.queue_test(engine, test)

    parameters.app_window_params.window_geometry.size = (640, 480)
    parameters.app_window_params.window_title = f"Tiny {os.getpid()}"
    parameters.callbacks.show_gui = show
    parameters.callbacks.register_tests = register
    parameters.use_imgui_test_engine = True
    parameters.fps_idling.enable_idling = False
    parameters.ini_disable = True
    hello_imgui.run(parameters)
    return 0
