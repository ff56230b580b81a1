"""A process that paints as a person does, until it is killed; for `test_painting_killed`."""

from __future__ import annotations

import random
import time
from multiprocessing.connection import Connection
from pathlib import Path

STROKE_S = 0.03
SIDE = 512


def paint(project: Path, settings_folder: Path, seed: int, told: Connection) -> None:
    """Paint strokes, one slice each in turn, and tell the number of each when the button has been released."""
    from ais.gui.editor import Editor
    from ais.gui.tools import Pointer
    from ais.gui.tools.gestures import begin

    rng = random.Random(seed)
    editor = Editor(settings_folder, lambda: None)
    editor.open_paths([project])
    while editor.shown is None or editor.state.feature is None:
        editor.poll()
        time.sleep(0.002)
    number = 0
    while True:
        z, row, column = number % editor.shown.shape[0], rng.uniform(20, SIDE - 20), rng.uniform(20, SIDE - 20)
        gesture = begin(editor, Pointer("xy", z, row, column), "left")
        assert gesture is not None
        end = time.monotonic() + STROKE_S
        while time.monotonic() < end:
            row, column = row + rng.uniform(-9, 9), column + rng.uniform(-9, 9)
            gesture.move(Pointer("xy", z, row, column))
            editor.poll()
            time.sleep(0.003)
        gesture.release(Pointer("xy", z, row, column))
        told.send((number, time.monotonic()))
        number += 1
