"""What the mouse does in a view: what is shown during a stroke is what the project holds after it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from ais.annotation import AddFeature
from ais.formats.registry import write_volume
from ais.gui.editor import Editor
from ais.gui.masks import MaskKey
from ais.gui.tools import Pointer
from ais.gui.tools.gestures import begin

SHAPE = (8, 60, 70)


def settle(editor: Editor, condition: Callable[[], object] = lambda: True, seconds: float = 20.0) -> None:
    """Poll as the window does, until nothing is under way and the condition holds."""
    end = time.monotonic() + seconds
    while True:
        editor.poll()
        busy = editor.background.busy or editor.opening or (editor.document is not None and editor.document.busy)
        if not busy and condition():
            return
        assert time.monotonic() < end, "the editor never came to rest"
        time.sleep(0.001)


@pytest.fixture
def editor(tmp_path: Path) -> Iterator[Editor]:
    """An editor with a tomogram of two kinds of voxels and one feature."""
    volume = np.random.default_rng(0).normal(0, 1, SHAPE).astype("f4")
    write_volume(tmp_path / "tomo.mrc", volume, voxel_sizes=10.0)
    editor = Editor(tmp_path / "settings", lambda: None)
    editor.open_paths([tmp_path / "tomo.mrc"])
    settle(editor, lambda: editor.shown is not None)
    editor.submit(AddFeature("membrane", brush_radius=4.0))
    settle(editor, lambda: editor.state.feature is not None)
    yield editor
    editor.close()


def test_a_stroke_is_shown_at_once_and_saved_when_the_button_is_released(editor: Editor) -> None:
    key = MaskKey(editor.state.tomogram or 0, editor.state.feature or 0, "xy", 3)
    gesture = begin(editor, Pointer("xy", 3, 20.0, 20.0), "left")
    assert gesture is not None
    gesture.move(Pointer("xy", 3, 30.0, 50.0))
    shown = editor.masks.get(key, SHAPE[1:]).bits.copy()
    assert shown.any()
    gesture.release(Pointer("xy", 3, 30.0, 50.0))
    settle(editor)
    assert np.array_equal(editor.document.project.mask(key.tomogram, key.feature, 3), shown)
