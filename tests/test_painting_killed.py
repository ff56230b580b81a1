"""The editor is killed while somebody paints: every stroke that was finished a second ago is on disk."""

from __future__ import annotations

import multiprocessing
import random
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from painter import SIDE, paint

from ais.annotation import AddFeature, AddTomogram
from ais.formats.registry import write_volume
from ais.project import Project

TIMES = 100
AT_ONCE = 5
LONGEST_S = 1.7
SAVED_AFTER_S = 1.0


def begin_project(folder: Path) -> Path:
    tomogram, project = folder / "tomogram.mrc", folder / "work.aisproj"
    write_volume(tomogram, np.zeros((8, SIDE, SIDE), np.int8), voxel_sizes=10.0)
    with Project.create(project) as made:
        made.apply(AddTomogram(tomogram))
        made.apply(AddFeature("membrane"))
    return project


def paint_and_kill(folder: Path, seed: int) -> tuple[int, int]:
    """Strokes finished and strokes found; fails if one is lost that was finished a second before the end."""
    folder.mkdir()
    project = begin_project(folder)
    # One server process imports everything once, and each painter is a fresh child of it.
    context = multiprocessing.get_context("spawn" if sys.platform == "win32" else "forkserver")
    hears, tells = context.Pipe(duplex=False)
    painter = context.Process(target=paint, args=(project, folder / "settings", seed, tells), daemon=True)
    painter.start()
    tells.close()
    assert hears.poll(60), "the painter never began"
    time.sleep(random.Random(seed).uniform(0.0, LONGEST_S))
    painter.kill()
    killed = time.monotonic()
    painter.join()
    finished: list[tuple[int, float]] = []
    while True:
        try:
            finished.append(hears.recv())
        except EOFError:
            break
    old = sum(killed - ended > SAVED_AFTER_S for _, ended in finished)
    with Project.open(project) as opened:
        opened.check_integrity()
        strokes = [entry for entry in opened.history() if entry.text.startswith("Paint")]
        # In order and without gaps: each went to the next slice.
        assert [entry.region.z for entry in strokes] == [number % 8 for number in range(len(strokes))]
        assert old <= len(strokes) <= len(finished) + 1
        while opened.undo() is not None:
            pass
        assert not opened.features()
    return len(finished), len(strokes)


def test_no_stroke_older_than_a_second_is_lost_at_100_random_moments(tmp_path: Path) -> None:
    if sys.platform != "win32":
        multiprocessing.get_context("forkserver").set_forkserver_preload(["painter", "ais.gui.editor"])
    with ThreadPoolExecutor(AT_ONCE) as several:
        counts = list(several.map(lambda seed: paint_and_kill(tmp_path / str(seed), seed), range(TIMES)))
    assert sum(finished for finished, _ in counts) > TIMES * 5
