"""T11: a brush stroke of 1000 points with radius 20 over a slice of 4096 x 4096: each frame, and until it is on disk.

The reference stamps a disc at every pixel of the path into a picture of the slice, and at the end compresses and
writes the picture.
"""

from __future__ import annotations

import itertools
import math
import os
import tempfile
import time
import zlib
from pathlib import Path

import numpy as np
from figure import Figure, report
from numpy.typing import NDArray
from skimage.draw import disk

from ais.annotation import AddFeature
from ais.formats.registry import write_volume
from ais.gui.editor import Editor
from ais.gui.masks import MaskKey
from ais.gui.tools import Pointer
from ais.gui.tools.gestures import begin

SIDE = 4096
POINTS = 1000
RADIUS = 20.0
STROKES = 5
STEP_PX = 25.0  # a hand in a hurry: 1500 pixels a second at 60 frames a second


def path(seed: int) -> NDArray[np.float64]:
    """A wandering line of points (y, x) inside the slice."""
    rng = np.random.default_rng(seed)
    angle = np.cumsum(rng.normal(0, 0.25, POINTS))
    steps = STEP_PX * np.stack([np.sin(angle), np.cos(angle)], axis=1)
    wandering = SIDE / 2 + np.cumsum(steps, axis=0)
    return np.abs((wandering + SIDE) % (2 * SIDE) - SIDE)


def wait(editor: Editor) -> None:
    """Until nothing is under way."""
    while True:
        editor.poll()
        if editor.shown is not None and not editor.background.busy and editor.document and not editor.document.busy:
            return
        time.sleep(0.0005)


def ours(folder: Path) -> tuple[list[float], list[float]]:
    """Seconds of every frame, and of every stroke from its release until it is on disk."""
    write_volume(folder / "t.mrc", np.zeros((2, SIDE, SIDE), "i1"), voxel_sizes=10.0)
    editor = Editor(folder / "settings", lambda: None)
    editor.open_paths([folder / "t.mrc"])
    wait(editor)
    editor.submit(AddFeature("membrane", brush_radius=RADIUS))
    wait(editor)
    assert editor.masks is not None
    assert editor.state.tomogram is not None
    assert editor.state.feature is not None
    key = MaskKey(editor.state.tomogram, editor.state.feature, "xy", 1)
    frames, commits = [], []
    for seed in range(STROKES):
        mask = editor.masks.get(key, (SIDE, SIDE))
        wait(editor)
        gesture = None
        for y, x in path(seed):
            start = time.perf_counter()
            if gesture is None:
                gesture = begin(editor, Pointer("xy", 1, y, x), "left")
            else:
                gesture.move(Pointer("xy", 1, y, x))
            rect = mask.take_dirty()
            if rect is not None:  # what a view sends to the graphics card
                np.ascontiguousarray(mask.bits[rect[0] : rect[1], rect[2] : rect[3]])
            frames.append(time.perf_counter() - start)
        assert gesture is not None
        assert editor.document is not None
        before = editor.document.project.history_length()
        start = time.perf_counter()
        gesture.release(Pointer("xy", 1, *path(seed)[-1]))
        frames.append(time.perf_counter() - start)
        while editor.document.project.history_length() == before:
            time.sleep(0.0002)
        commits.append(time.perf_counter() - start)
        wait(editor)
    editor.close()
    return frames, commits


def naive(folder: Path) -> tuple[list[float], list[float]]:
    """The same with discs."""
    picture = np.zeros((SIDE, SIDE), np.uint8)
    frames, commits = [], []
    for seed in range(2):
        points = path(seed)
        for first, last in itertools.pairwise(points):
            start = time.perf_counter()
            for share in np.linspace(0, 1, math.ceil(math.dist(first, last))):
                picture[disk(first + share * (last - first), RADIUS, shape=picture.shape)] = 1
            frames.append(time.perf_counter() - start)
        start = time.perf_counter()
        with (folder / "mask").open("wb") as file:
            file.write(zlib.compress(np.packbits(picture).tobytes()))
            file.flush()
            os.fsync(file.fileno())
        commits.append(time.perf_counter() - start)
    return frames, commits


with tempfile.TemporaryDirectory() as name:
    (frames, commits), (naive_frames, naive_commits) = ours(Path(name)), naive(Path(name))
report(Figure("T11 frame (median)", float(np.median(frames)), float(np.median(naive_frames))))
report(Figure("T11 frame (99th percentile)", float(np.percentile(frames, 99)), float(np.percentile(naive_frames, 99))))
report(Figure("T11 frame (longest)", max(frames), max(naive_frames)))
report(Figure("T11 on disk", float(np.median(commits)), float(np.median(naive_commits))))
