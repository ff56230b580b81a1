"""A long queue of small volumes takes no more memory, files and processes at its end than after its first volumes."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median

import numpy as np
import pytest
from held import children, growth, held, memory_in_use
from small_project import make_model
from soaking import moments
from windowless import nothing, until

from ais.annotation import AddModel, AddTomogram, Together
from ais.formats.registry import open_volume, write_volume
from ais.gui.editor import Editor
from ais.gui.export_volumes import ExportRequest, VolumeState
from ais.project import Project

VOLUMES = moments(20, 200)
SHAPE = (4, 64, 64)
WARM_UP = 0.25
OF_ONE_VOLUME = 8
"""More files, or threads, than this are not needed for a volume."""
MOST_GROWTH = 0.05
PATIENCE_S = 60.0 + 3.0 * VOLUMES


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Small volumes, each with noise of its own, and a model."""
    folder = tmp_path_factory.mktemp("queue")
    rng = np.random.default_rng(0)
    (folder / "in").mkdir()
    for number in range(VOLUMES):
        values = rng.normal(0, 1, SHAPE).astype(np.float32)
        write_volume(folder / "in" / f"TS_{number:03}.mrc", values, voxel_sizes=10.0)
    make_model(folder, "blob.aism", "blob")
    return folder


@pytest.fixture
def editor(stock: Path, tmp_path: Path) -> Iterator[Editor]:
    """The editor without its window, with all volumes in a project."""
    path = tmp_path / "all.aisproj"
    with Project.create(path) as project:
        steps = [AddTomogram(volume) for volume in sorted((stock / "in").iterdir())]
        project.apply(Together("Add tomograms", [*steps, AddModel(stock / "blob.aism")]))
    made = Editor(tmp_path / "settings", nothing)
    made.open_paths([path])
    until(made, lambda: made.document is not None and len(made.snapshot.tomograms) == VOLUMES)
    yield made
    made.close()


def test_the_queue_of_the_window(editor: Editor, stock: Path, tmp_path: Path) -> None:
    exports = editor.modelling.exports
    numbers = tuple(entry.id for entry in editor.snapshot.tomograms)
    until(editor, lambda: not editor.document.busy)
    assert exports.add(ExportRequest(numbers, (stock / "blob.aism",), tmp_path / "out")) == []
    until(editor, lambda: len(exports.volumes) == VOLUMES)
    window, process, handles, handles_of_process = [], [], [], []
    for number in range(1, VOLUMES + 1):
        until(
            editor,
            lambda number=number: sum(v.state is VolumeState.DONE for v in exports.volumes) >= number,
            PATIENCE_S,
        )
        pid = editor.engine.pid
        assert pid is not None
        window.append(memory_in_use())
        process.append(memory_in_use(pid))
        handles.append(held().handles)
        handles_of_process.append(held(pid).handles)
    assert [volume.state for volume in exports.volumes] == [VolumeState.DONE] * VOLUMES
    check_written(tmp_path / "out")
    told = (growth(window, WARM_UP), growth(process, WARM_UP))
    print(f"{VOLUMES} volumes: the editor grew by {told[0]:.2%}, its compute process by {told[1]:.2%}")  # noqa: T201
    assert max(told) < MOST_GROWTH, (window, process)
    for one in (handles, handles_of_process):
        files, threads, all_threads, others = zip(*one, strict=True)
        check_steady(files)
        check_steady(threads)
        check_steady(all_threads)
        assert len(set(others[round(WARM_UP * VOLUMES) :])) == 1, others


def test_the_command(stock: Path, tmp_path: Path) -> None:
    words = ["segment", str(stock / "in"), "-m", str(stock / "blob.aism"), "-o", str(tmp_path / "out")]
    process = subprocess.Popen(
        [sys.executable, "-m", "ais.cli", *words], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    memory, files, others = [], [], []
    end = time.monotonic() + PATIENCE_S
    seen = 0
    while process.poll() is None:
        assert time.monotonic() < end
        made = len(list((tmp_path / "out").glob("TS_*__blob.mrc")))
        if made > seen:  # one look for each volume
            seen = made
            try:
                every = [process.pid, *children(process.pid)]
                memory.append(sum(memory_in_use(each) for each in every))
                files.append(held(process.pid).files)
                others.append(len(every))
            except OSError:  # it has just ended
                break
        time.sleep(0.005)
    _, errors = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, errors.decode()
    check_written(tmp_path / "out")
    assert len(memory) > VOLUMES / 3
    grown = growth(memory, WARM_UP)
    print(f"{VOLUMES} volumes: ais segment grew by {grown:.2%}")  # noqa: T201 - figures of `make soak`
    assert grown < MOST_GROWTH, memory
    check_steady(files)
    check_steady(others)


def check_steady(counts: Sequence[int]) -> None:
    """There are no more at the end than after warming up; a volume that is just being made has some files open."""
    left = counts[round(WARM_UP * len(counts)) :]
    third = max(1, len(left) // 3)
    assert median(left[-third:]) <= median(left[:third]) + 1, counts
    assert max(left) <= min(left) + OF_ONE_VOLUME, counts


def check_written(folder: Path) -> None:
    """All volumes are there, whole, and nothing else."""
    made = sorted(folder.glob("TS_*__blob.mrc"))
    assert len(made) == VOLUMES
    assert all(open_volume(path).info.shape == SHAPE for path in made)
    assert not list(folder.glob("**/*.tmp"))
