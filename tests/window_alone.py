"""The editor as a user starts it, without a test engine: frames come when they are needed and not otherwise.

``python tests/window_alone.py ACT FOLDER [PATH...]``: the window is opened by the `ais` command; what is done in it is
told on stdout, a JSON object per line.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import glfw
from imgui_bundle.glfw_utils import glfw_window_hello_imgui

from ais.annotation import AddFeature
from ais.cli.main import run
from ais.gui import app

Steps = Iterator[None]
HEAVY = ("tensorflow", "keras", "torch", "jax", "vtkmodules", "scipy", "skimage", "h5py", "tifffile", "PIL")
REST_S, MEASURED_S = 3.5, 3.0


def tell(**values: Any) -> None:
    """Write a line for the test."""
    sys.stdout.write(json.dumps(values) + "\n")
    sys.stdout.flush()


def nothing(window: app.Window) -> Steps:
    """Only be there."""
    del window
    yield


def rest(window: app.Window) -> Steps:
    """Let a thread look how many frames are drawn, and how busy the process is, when nothing happens."""

    def look() -> None:
        time.sleep(REST_S)
        frames, busy = window.pacing.frames, time.process_time()
        time.sleep(MEASURED_S)
        heavy = [name for name in HEAVY if name in sys.modules]
        tell(frames=window.pacing.frames - frames, share=(time.process_time() - busy) / MEASURED_S, heavy=heavy)

    while window.editor.opening or window.editor.background.busy:
        yield
    threading.Thread(target=look, daemon=True).start()


def play(window: app.Window) -> Steps:
    """Play through the slices."""
    while window.editor.shown is None:
        yield
    window.editor.state.playing = 10.0
    tell(playing=True)
    seen: set[int] = set()
    while len(seen) < 3:
        seen.add(window.editor.state.z)
        yield
    tell(slices=len(seen))


def edit_and_close(window: app.Window) -> Steps:
    """Make edits and close the window at once, as its close button does."""
    editor = window.editor
    while editor.shown is None:
        yield
    for number in range(40):
        editor.submit(AddFeature(f"feature {number}"))
    assert editor.document is not None
    tell(project=str(editor.document.project.path), waiting=editor.document.busy)
    glfw.set_window_should_close(glfw_window_hello_imgui(), True)


def woken(window: app.Window) -> Steps:
    """See how soon a frame comes after a thread has something to tell."""
    while window.editor.background.busy:
        yield
    told: list[float] = []

    def call() -> None:
        told.append(time.monotonic())
        window.editor.background.deliver(lambda: tell(after=time.monotonic() - told[0]))

    threading.Timer(4.0, call).start()


def place(window: app.Window) -> Steps:
    """Tell where the window is."""
    for _ in range(5):
        yield
    handle = glfw_window_hello_imgui()
    tell(position=glfw.get_window_pos(handle), size=glfw.get_window_size(handle))


def move_and_close(window: app.Window) -> Steps:
    """Move the window, make it smaller, and close it."""
    handle = glfw_window_hello_imgui()
    glfw.set_window_pos(handle, 150, 120)
    glfw.set_window_size(handle, 1000, 700)
    for _ in range(10):
        yield
        glfw.post_empty_event()
    glfw.set_window_should_close(handle, True)


def perform(act: Callable[[app.Window], Steps]) -> None:
    """Have a step of the act done after each frame."""
    before = app.Window.after_swap
    steps: list[Steps] = []

    def after_swap(window: app.Window) -> None:
        if not steps:
            tell(shown=True)
            steps.append(act(window))
        next(steps[0], None)
        before(window)

    app.Window.after_swap = after_swap  # type: ignore[method-assign]


if __name__ == "__main__":
    name, folder, *words = sys.argv[1:]
    app.default_settings_folder = lambda: Path(folder)
    perform(globals()[name])
    sys.exit(run(words))
