"""Open the window, bring it into the middle of something, say "ready", and wait to be closed from outside.

``python tests/gui/closing.py SITUATION FOLDER``, without the test engine, which would keep the window's process alive
in ways of its own. The files are made by ``prepare``, in the process that watches.
"""

from __future__ import annotations

import gzip
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ais.annotation import AddFeature, AddTomogram, PaintStroke
from ais.formats.mrc import MrcWriter
from ais.formats.registry import write_volume
from ais.project import Project

SHAPE = (20, 120, 140)
LARGE = (500, 800, 800)
FINISHED = 3
WAITING = 60
PROJECT = "work.aisproj"
COMPRESSED = "compressed.mrc.gz"
EXPORTED = "exported.mrc"
COPY = "copy.aisproj"
PICTURE, MOVIE = "large.png", "turning.mp4"


def prepare(folder: Path, situation: str) -> None:
    """Make a project with a tomogram and a feature, and what the situation needs."""
    tomogram = folder / "tomogram.mrc"
    if situation == "exporting":
        with MrcWriter(tomogram, LARGE, "int8", voxel_sizes=(10.0, 10.0, 10.0)) as writer:
            part = np.zeros((50, *LARGE[1:]), np.int8)
            for _ in range(LARGE[0] // len(part)):
                writer.write(part)
    else:
        volume = np.random.default_rng(0).normal(0, 1, SHAPE).astype(np.float32)
        write_volume(tomogram, volume, voxel_sizes=10.0)
    if situation == "opening":
        plain = folder / "plain.mrc"
        write_volume(plain, np.zeros((1, 1000, 1000), np.int8), voxel_sizes=10.0)
        header = bytearray(plain.read_bytes()[:1024])
        header[8:12] = np.array([2000], "<i4").tobytes()
        header[36:40] = np.array([2000], "<i4").tobytes()
        slices = gzip.compress(bytes(20_000_000), 1)  # members after each other are one file
        (folder / COMPRESSED).write_bytes(gzip.compress(bytes(header), 1) + 100 * slices)
    with Project.create(folder / PROJECT) as project:
        project.apply(AddTomogram(tomogram))
        project.apply(AddFeature("membrane"))


def main(situation: str, folder: Path) -> int:
    """Open the window; return its exit code."""
    from ais.gui import app, runner
    from ais.gui.commands import command
    from ais.gui.display import DisplayFilter
    from ais.gui.editor import Editor
    from ais.gui.scene_movies import Turntable
    from ais.gui.tools import Pointer
    from ais.gui.tools.gestures import begin

    def paint(editor: Editor, z: int, release: bool) -> None:
        gesture = begin(editor, Pointer("xy", z, 20.0, 20.0), "left")
        assert gesture is not None
        for step in range(10):
            gesture.move(Pointer("xy", z, 20.0 + step, 20.0 + 3 * step))
        if release:
            gesture.release(Pointer("xy", z, 30.0, 60.0))
        else:
            editor.gesture = gesture

    def is_saved(editor: Editor) -> bool:
        return editor.document is not None and not editor.document.saving

    def stroke(editor: Editor) -> Iterator[None]:
        for z in range(FINISHED):
            paint(editor, z, release=True)
        while not is_saved(editor):
            yield
        paint(editor, FINISHED, release=False)
        yield

    def playing(editor: Editor) -> Iterator[None]:
        editor.state.ortho, editor.state.playing = True, 30.0
        editor.state.filters = [DisplayFilter("gaussian")]
        for _ in range(20):
            yield

    def resting(editor: Editor) -> Iterator[None]:
        editor.state.ortho = True
        editor.state.filters = [DisplayFilter("gaussian"), DisplayFilter("median", 3.0)]
        for z in range(FINISHED):
            paint(editor, z, release=True)
        while not is_saved(editor) or editor.background.busy:
            yield
        for _ in range(60):
            yield

    def opening(editor: Editor) -> Iterator[None]:
        editor.open_paths([folder / COMPRESSED])
        while not any(work.fraction for work in editor.background.works):
            yield

    def saving(editor: Editor) -> Iterator[None]:
        for number in range(WAITING):
            assert editor.state.tomogram is not None
            assert editor.state.feature is not None
            points = [(float(number), 5.0), (60.0, 100.0)]
            editor.submit(PaintStroke(editor.state.tomogram, editor.state.feature, number % SHAPE[0], points, 5.0))
        yield

    def copying(editor: Editor) -> Iterator[None]:
        editor.dialogs.answers.append([folder / COPY])
        yield from saving(editor)
        command("file.save_copy").run(editor)

    def exporting(editor: Editor) -> Iterator[None]:
        paint(editor, 10, release=True)
        while not editor.snapshot.annotated:
            yield
        editor.dialogs.answers.append([folder / EXPORTED])
        command("export.annotation").run(editor)
        while not any(work.fraction for work in editor.background.works):
            yield

    def picturing(editor: Editor) -> Iterator[None]:
        editor.shell.scene = True
        editor.rendering.files.save_picture(folder / PICTURE, 8000, 6000, transparent=False)
        editor.rendering.files.save_turntable(folder / MOVIE, Turntable())
        while not any(work.fraction for work in editor.background.works):
            yield

    situations = (stroke, playing, resting, opening, saving, copying, exporting, picturing)
    into: Callable[[Editor], Iterator[None]] = {item.__name__: item for item in situations}[situation]
    ready = threading.Event()
    editors: list[Any] = []

    class Watched(Editor):
        """An editor that goes by itself into the middle of something."""

        going: Iterator[None] | None = None
        polled = 0

        def __init__(self, *words: Any) -> None:
            super().__init__(*words)
            editors.append(self)

        def poll(self) -> None:
            super().poll()
            self.polled += 1
            if ready.is_set() or self.shown is None or self.state.feature is None:
                return
            self.going = self.going or into(self)
            if next(self.going, ready) is ready:
                ready.set()
                sys.stdout.write("ready\n")
                sys.stdout.flush()

    def draw_on() -> None:
        """Have frames drawn, as nobody moves a mouse."""
        import glfw

        time.sleep(1.0)
        while not ready.wait(0.01):
            glfw.post_empty_event()

    def follow_orders() -> None:
        import glfw
        from imgui_bundle.glfw_utils import glfw_window_hello_imgui

        while sys.stdin.readline() == "frames\n":  # how many have been drawn
            sys.stdout.write(f"{sum(editor.polled for editor in editors)}\n")
            sys.stdout.flush()
        glfw.set_window_should_close(glfw_window_hello_imgui(), True)
        glfw.post_empty_event()

    runner.Editor = Watched  # type: ignore[misc]
    for each in (draw_on, follow_orders):
        threading.Thread(target=each, daemon=True).start()
    return app.run([folder / PROJECT], settings_folder=folder / "settings")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2])))
