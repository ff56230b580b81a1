"""Reading, computing and writing go on side by side in `segment`, one slab each, and change nothing in the result."""

from __future__ import annotations

import errno
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_project import make_model

import ais.read_ahead
import ais.segmented_slabs
from ais.chosen_models import read_models
from ais.errors import Cancelled
from ais.export import SegmentResult, SegmentSettings, segment
from ais.formats.mrc import MrcVolume, MrcWriter
from ais.formats.registry import open_volume, write_volume
from ais.progress import SILENT, Progress
from ais.read_ahead import ReadAhead
from ais.tomogram import Tomogram
from ais.tomogram_task import TomogramTask, do
from ais.written_behind import WrittenBehind

SHAPE = (8, 20, 24)
PATIENCE_S = 60.0


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pipeline")
    values = np.random.default_rng(0).normal(0, 1, SHAPE).astype("f4")
    write_volume(folder / "tomo.mrc", values, voxel_sizes=10.0)
    make_model(folder)
    return folder


spans = st.tuples(st.integers(0, 19), st.integers(0, 19)).filter(lambda pair: pair[0] != pair[1])
requests = st.lists(st.tuples(st.integers(0, 7), st.integers(1, 3), spans, spans), min_size=1, max_size=4)


@given(st.integers(1, 5), st.integers(0, 2), st.lists(requests, min_size=8, max_size=8))
def test_what_is_read_ahead_is_what_is_in_the_file(stock: Path, step: int, reach: int, asked: list[Any]) -> None:
    """Whatever is asked for, inside the slab or not, in whatever boxes."""
    with Tomogram(stock / "tomo.mrc") as plain, ReadAhead(stock / "tomo.mrc") as ahead:
        expected = plain.raw(0, SHAPE[0])
        for z in range(0, SHAPE[0], step):
            last = min(z + step, SHAPE[0])
            ahead.go_on((last - reach, last + step + reach) if last < SHAPE[0] else None)
            for start, count, rows, columns in asked[z]:
                first = min(z + start % step, SHAPE[0] - 1)
                stop = min(first + count, SHAPE[0])
                y, x = slice(min(rows), max(rows)), slice(min(columns), max(columns))
                np.testing.assert_array_equal(ahead.raw(first, stop, y, x), expected[first:stop, y, x])
        assert ahead.normalization == plain.normalization


class Stages:
    """A network, a file and a writer that say what they do, slab by slab of one slice."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(ais.segmented_slabs, "SLAB_BYTES", 1)
        self.changed = threading.Condition()
        self.read: list[int] = []
        self.computed: list[int] = []
        self.written = 0
        read, write = MrcVolume.read, MrcWriter.write

        def slow_read(volume: MrcVolume, z0: int, z1: int, *others: Any) -> np.ndarray:
            self.note(lambda: self.read.append(z0))
            return read(volume, z0, z1, *others)

        def slow_write(writer: MrcWriter, slab: np.ndarray) -> None:
            write(writer, slab)
            self.note(lambda: setattr(self, "written", self.written + 1))

        monkeypatch.setattr(MrcVolume, "read", slow_read)
        monkeypatch.setattr(MrcWriter, "write", slow_write)

    def note(self, change: Callable[[], None]) -> None:
        with self.changed:
            change()
            self.changed.notify_all()

    def wait_for(self, condition: Callable[[], bool]) -> None:
        with self.changed:
            assert self.changed.wait_for(condition, PATIENCE_S), "nothing went on while the network computed"


class Network:
    """Each slice plus one, as a model; it is at work until the next slab is being read and the last one is written."""

    def __init__(self, stages: Stages) -> None:
        self.stages = stages

    def predict_slices(
        self, tomogram: Tomogram, z0: int, z1: int, _crop: Any, *, progress: Progress = SILENT
    ) -> np.ndarray:
        progress.report(0, z1 - z0)
        values = tomogram.slab(z0, z1)
        if z1 < SHAPE[0]:
            self.stages.wait_for(lambda: z1 in self.stages.read)
        self.stages.wait_for(lambda: self.stages.written == z0)
        assert max(self.stages.read) <= z1, "one slab is read ahead, and no more"
        self.stages.computed.append(z0)
        return np.clip(values, 0, 1)


def done(stock: Path, output: Path, stages: Stages, progress: Progress = SILENT) -> SegmentResult:
    settings = SegmentSettings(dtype="float32")
    task = TomogramTask(stock / "tomo.mrc", tuple(read_models([stock / "model.aism"])), output, settings)
    return do(task, progress, lambda *_: Network(stages))  # type: ignore[arg-type, return-value]


def test_all_three_go_on_at_once(stock: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stages = Stages(monkeypatch)
    assert done(stock, tmp_path, stages).status == "done"
    assert stages.computed == list(range(SHAPE[0]))
    expected = np.clip(open_volume(stock / "tomo.mrc").read(0, SHAPE[0]), 0, 1)
    np.testing.assert_array_equal(open_volume(tmp_path / "tomo__blob.mrc").read(0, SHAPE[0]), expected)


@pytest.mark.parametrize("slab", [0, 3, 7])
def test_a_disk_that_is_full_later_is_said(
    stock: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, slab: int
) -> None:
    stages = Stages(monkeypatch)
    write = MrcWriter.write

    def full(writer: MrcWriter, values: np.ndarray) -> None:
        if stages.written == slab:
            stages.note(lambda: setattr(stages, "written", slab + 1))
            raise OSError(errno.ENOSPC, "No space left on device")
        write(writer, values)

    monkeypatch.setattr(MrcWriter, "write", full)
    result = done(stock, tmp_path / "out", stages)
    assert (result.status, "free some space" in result.error) == ("failed", True)
    assert len(stages.computed) <= slab + 2, "no more is computed for nothing"
    assert not (tmp_path / "out").exists()


def test_a_file_that_cannot_be_read_later_is_said(stock: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stages = Stages(monkeypatch)
    read = MrcVolume.read

    def broken(volume: MrcVolume, z0: int, z1: int, *others: Any) -> np.ndarray:
        values = read(volume, z0, z1, *others)
        if z0 == 4:
            raise OSError(errno.EIO, "Input/output error")
        return values

    monkeypatch.setattr(MrcVolume, "read", broken)
    result = done(stock, tmp_path / "out", stages)
    assert result.error == f"{stock / 'tomo.mrc'} could not be read or written: Input/output error."
    assert not (tmp_path / "out").exists()


def test_cancelling_leaves_nothing_and_no_threads(stock: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Stop(Progress):
        def report(self, done: float, total: float, _: str = "") -> None:
            if done / total > 0.5:
                raise Cancelled

    before = threading.active_count()
    with pytest.raises(Cancelled):
        done(stock, tmp_path / "out", Stages(monkeypatch), Stop())
    assert threading.active_count() == before
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("settings", [{}, {"crop": (3, 20, 2, 19)}, {"z_range": (2, 7)}])
def test_tiny_slabs_give_the_same_volume(
    stock: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any]
) -> None:
    inputs, models = [stock / "tomo.mrc"], [stock / "model.aism"]
    chosen = SegmentSettings(precision="float32", batch_size=1, **settings)
    segment(inputs, models, tmp_path / "large", chosen)
    monkeypatch.setattr(ais.segmented_slabs, "SLAB_BYTES", 1)
    segment(inputs, models, tmp_path / "small", chosen)
    monkeypatch.setattr(ais.read_ahead, "MOST_BYTES", 0)
    segment(inputs, models, tmp_path / "none", chosen)
    large, small, none = (tmp_path / name / "tomo__blob.mrc" for name in ("large", "small", "none"))
    assert large.read_bytes() == small.read_bytes() == none.read_bytes()


def test_what_is_written_behind_is_in_order_and_never_piles_up() -> None:
    order: list[int] = []
    free = threading.Event()
    with WrittenBehind() as behind:
        behind.do(lambda: order.append(int(free.wait(PATIENCE_S)) - 1))
        waiting = threading.Thread(target=lambda: behind.do(lambda: order.append(1)))
        waiting.start()
        waiting.join(0.05)
        assert waiting.is_alive(), "the second waits for the first"
        free.set()
        waiting.join()
        behind.wait()
    assert order == [0, 1]
