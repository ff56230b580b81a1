"""The editor driven without its window: polled in a loop, as the window does once a frame."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ais.annotation import AddFeature
from ais.gui.display import Plane
from ais.gui.editor import Editor
from ais.gui.slice_reader import SliceRequest


def nothing() -> None:
    """What wakes no window."""


class Follower(Protocol):
    """A part of the editor that looks once a frame at what it has asked for."""

    def follow(self) -> None:
        """Take what has arrived."""


def until(
    editor: Editor, condition: Callable[[], object], seconds: float = 60.0, *, follower: Follower | None = None
) -> None:
    """Poll until something holds."""
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit, [notice.text for notice in editor.notices.said]
        editor.poll()
        if follower is not None:
            follower.follow()
        time.sleep(0.002)


def settled(editor: Editor) -> None:
    """Poll until nothing is under way."""
    until(
        editor,
        lambda: not (editor.background.busy or editor.opening or (editor.document and editor.document.busy)),
        30.0,
    )


def rest(editor: Editor) -> None:
    """Poll until nothing is under way, nor what that brings about."""
    for _ in range(3):
        settled(editor)
        editor.poll()
    settled(editor)


def said(editor: Editor) -> str:
    """All that the editor has told."""
    return " ".join(notice.text for notice in editor.notices.said)


def open_and_name(editor: Editor, path: Path, *features: str) -> None:
    """Open a tomogram and add features."""
    editor.open_paths([path])
    until(editor, lambda: editor.shown)
    for name in features:
        editor.submit(AddFeature(name))
    until(editor, lambda: len(editor.snapshot.features) == len(features))


def picture(editor: Editor, plane: Plane, position: int) -> NDArray[np.float32] | None:
    """The slice of the tomogram on the screen, as a view gets it; None while no slice of this plane could be read."""
    assert editor.shown is not None
    reader, request = editor.shown.reader, SliceRequest(plane, position)
    reader.request(request)
    until(editor, lambda: not reader.waiting(plane))
    newest = reader.newest(plane)
    return newest[1] if newest is not None else None
