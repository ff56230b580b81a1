"""Pictures of three planes, read off the window's thread: right, ahead of the user, and within bounded memory."""

from __future__ import annotations

import gzip
import os
import random
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import mrcfile
import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st

from ais.errors import AisError
from ais.formats.mrc import MrcVolume
from ais.formats.registry import CACHE_VARIABLE
from ais.gui.display import PLANES, Plane
from ais.gui.slice_reader import SliceReader, SliceRequest
from ais.gui.travel import Travel
from ais.tomogram import Tomogram

SHAPE = (13, 24, 31)
AXIS = {"xy": 0, "xz": 1, "yz": 2}
PATIENCE_S = 20.0


def volume_of(dtype: str, shape: tuple[int, int, int] = SHAPE) -> np.ndarray[Any, Any]:
    rng = np.random.default_rng(3)
    kind = np.dtype(dtype)
    if kind.kind == "f":
        return rng.normal(5.0, 3.0, shape).astype(kind)
    limits = np.iinfo(kind)
    return rng.integers(limits.min, limits.max, shape, endpoint=True).astype(kind)


def mrc(path: Path, voxels: np.ndarray[Any, Any]) -> Path:
    with mrcfile.new(path, overwrite=True) as file:
        file.set_data(voxels)
    return path


def expected(volume: np.ndarray[Any, Any], request: SliceRequest) -> np.ndarray[Any, Any]:
    """By plain indexing: odd slabs centred, even ones one further up, only slices that exist."""
    below, above = (request.slab - 1) // 2, request.slab // 2
    first, last = max(0, request.position - below), request.position + above
    index: list[slice] = [slice(None)] * 3
    index[AXIS[request.plane]] = slice(first, last + 1)
    return volume[tuple(index)].astype(np.float64).mean(axis=AXIS[request.plane])


class Wake:
    """Counts wake-ups, and waits for them."""

    def __init__(self) -> None:
        self.count = 0
        self._event = threading.Event()

    def __call__(self) -> None:
        self.count += 1
        self._event.set()

    def until(self, condition: Callable[[], Any]) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < deadline, "nothing came"
            self._event.wait(0.01)
            self._event.clear()


def wait_for(condition: Callable[[], Any]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@contextmanager
def reading(path: Path, **options: Any) -> Iterator[tuple[SliceReader, Wake]]:
    wake = Wake()
    with Tomogram.open(path) as tomogram:
        reader = SliceReader(tomogram, wake, **options)
        try:
            yield reader, wake
        finally:
            reader.close()


def picture(reader: SliceReader, wake: Wake, request: SliceRequest) -> np.ndarray[Any, Any]:
    reader.request(request)
    wake.until(lambda: not reader.waiting(request.plane))
    newest = reader.newest(request.plane)
    assert newest is not None, reader.problem
    assert newest[0] == request
    assert reader.ready(request) is newest[1]
    return newest[1]


def requests() -> list[SliceRequest]:
    wanted = [
        SliceRequest(plane, position, slab)
        for plane in PLANES
        for slab in (1, 2, 3, 8, 100)
        for position in (0, 1, SHAPE[AXIS[plane]] // 2, SHAPE[AXIS[plane]] - 1)
    ]
    random.Random(1).shuffle(wanted)
    return wanted


@pytest.mark.parametrize("memory", [64 << 20, 20_000], ids=["copied", "too large to copy"])
@pytest.mark.parametrize("dtype", ["int8", "int16", "uint16", "float16", "float32", ">i2", ">f4"])
def test_every_plane_and_slab_is_what_indexing_gives(tmp_path: Path, dtype: str, memory: int) -> None:
    volume = volume_of(dtype)
    with reading(mrc(tmp_path / "v.mrc", volume), memory_bytes=memory) as (reader, wake):
        for request in requests():
            got = picture(reader, wake, request)
            assert got.dtype == np.float32
            assert got.flags.c_contiguous
            np.testing.assert_allclose(got, expected(volume, request), rtol=1e-5, atol=1e-4, err_msg=str(request))
        assert reader.problem is None


def test_bytes_without_sign_and_compressed_pages(tmp_path: Path) -> None:
    volume = volume_of("uint8")
    tifffile.imwrite(tmp_path / "v.tif", volume, compression="zlib", photometric="minisblack")
    with reading(tmp_path / "v.tif") as (reader, wake):
        for request in requests():
            np.testing.assert_allclose(picture(reader, wake, request), expected(volume, request), rtol=1e-5)


def test_gzip_and_reordered_axes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    volume = volume_of("int16")
    path = mrc(tmp_path / "v.mrc", volume)
    with mrcfile.open(path, "r+") as file:
        file.header.mapc, file.header.mapr, file.header.maps = 2, 3, 1
    with open(path, "rb") as plain, gzip.open(tmp_path / "v.mrc.gz", "wb") as packed:
        shutil.copyfileobj(plain, packed)
    shown = np.transpose(volume, (1, 2, 0))  # sections are x, rows are z, columns are y
    with reading(tmp_path / "v.mrc.gz") as (reader, wake):
        for plane in PLANES:
            request = SliceRequest(plane, 5, 3)
            np.testing.assert_allclose(picture(reader, wake, request), expected(shown, request), rtol=1e-4, atol=1e-2)


def test_positions_outside_are_taken_as_the_nearest_inside(tmp_path: Path) -> None:
    volume = volume_of("int16")
    with reading(mrc(tmp_path / "v.mrc", volume)) as (reader, wake):
        reader.request(SliceRequest("xy", 500, 0))
        wake.until(lambda: reader.newest("xy"))
        assert reader.newest("xy")[0] == SliceRequest("xy", SHAPE[0] - 1, 1)  # type: ignore[index]
        np.testing.assert_array_equal(reader.ready(SliceRequest("xy", 99)), volume[-1])


def test_odd_values_are_shown_grey_and_noted(tmp_path: Path) -> None:
    volume = volume_of("float32")
    volume[4, 3, 2], volume[4, 5, 6], volume[4, 7, 8] = np.nan, np.inf, -np.inf
    volume[9] = np.nan
    with reading(mrc(tmp_path / "v.mrc", volume)) as (reader, wake):
        np.testing.assert_array_equal(picture(reader, wake, SliceRequest("xy", 1)), volume[1])
        # slices are read ahead only to 3 from here, so the note is not there yet
        got = picture(reader, wake, SliceRequest("xy", 4))
        usual = np.isfinite(volume[4])
        assert got[~usual] == pytest.approx(volume[4][usual].mean(dtype=np.float64), rel=1e-6)
        np.testing.assert_array_equal(got[usual], volume[4][usual])
        assert "not finite" in (reader.note or "")
        assert not picture(reader, wake, SliceRequest("xy", 9)).any()
        assert np.isfinite(picture(reader, wake, SliceRequest("yz", 2))).all()
        assert reader.problem is None


class SlowFile:
    """Makes every read of a volume wait, and remembers which slices were read."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, seconds: float = 0.0) -> None:
        self.seconds = seconds
        self.read: list[int] = []
        self.gate = threading.Event()
        self.gate.set()
        plain = MrcVolume.read

        def slow(volume: MrcVolume, z0: int, z1: int, *parts: slice, **named: slice) -> Any:
            self.read.append(z0)
            time.sleep(self.seconds)
            self.gate.wait(PATIENCE_S)
            return plain(volume, z0, z1, *parts, **named)

        monkeypatch.setattr(MrcVolume, "read", slow)


@pytest.mark.parametrize(("start", "step"), [(10, 1), (30, -1), (5, 4)])
def test_slices_are_read_ahead_where_the_user_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, start: int, step: int
) -> None:
    volume = volume_of("int8", (40, 8, 9))
    slow = SlowFile(monkeypatch)
    with reading(mrc(tmp_path / "v.mrc", volume)) as (reader, wake):
        for position in (start, start + step, start + 2 * step):
            picture(reader, wake, SliceRequest("xy", position))
            time.sleep(0.2)  # an unhurried user
        after = SliceRequest("xy", start + 3 * step)
        wake.until(lambda: reader.ready(after) is not None)
        read, woken = len(slow.read), wake.count
        slow.gate.clear()  # from here on, nothing can be read
        reader.request(after)
        newest = reader.newest("xy")
        assert newest is not None
        assert newest[0] == after
        np.testing.assert_array_equal(newest[1], volume[after.position])
        assert wake.count == woken
        if abs(step) == 1:
            assert all((z - start) * step >= -1 for z in slow.read[:read]), "read behind the user"
        slow.gate.set()


def test_whoever_is_faster_is_met_further_ahead() -> None:
    depths = []
    for pause in (0.5, 0.05, 0.02):
        travel = Travel()
        for count in range(8):
            travel.moved(count, count * pause)
        ahead = travel.ahead(1000)
        assert ahead == list(range(8, 8 + len(ahead)))
        depths.append(len(ahead))
    assert depths[0] == 2
    assert depths[0] < depths[1] < depths[2] <= 16


@given(st.lists(st.integers(0, 49), min_size=1, max_size=20), st.floats(0, 0.5))
def test_what_is_expected_lies_inside_and_is_not_here(positions: list[int], pause: float) -> None:
    travel = Travel()
    for count, position in enumerate(positions):
        travel.moved(position, count * pause)
    ahead = travel.ahead(50)
    assert all(0 <= position < 50 for position in ahead)
    assert positions[-1] not in ahead
    assert len(ahead) == len(set(ahead)) <= 16


def test_of_a_flood_of_requests_the_last_is_answered_and_few_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    volume = volume_of("int16", (1200, 6, 7))
    slow = SlowFile(monkeypatch, 0.002)
    with reading(mrc(tmp_path / "v.mrc", volume)) as (reader, wake):
        rng = random.Random(5)
        positions = [rng.randrange(1200) for _ in range(999)] + [777]
        longest = 0.0
        for position in positions:
            began = time.perf_counter()
            reader.request(SliceRequest("xy", position))
            longest = max(longest, time.perf_counter() - began)
        wake.until(lambda: not reader.waiting("xy"))
        newest = reader.newest("xy")
        assert newest is not None
        assert newest[0].position == 777
        np.testing.assert_array_equal(newest[1], volume[777])
        assert len(slow.read) < 400, "dropped requests were read all the same"
        assert longest < 0.5, "a request waited for the file"


def test_the_planes_do_not_wait_for_each_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    volume = volume_of("int8")
    slow = SlowFile(monkeypatch)
    with reading(mrc(tmp_path / "v.mrc", volume), memory_bytes=20_000) as (reader, wake):
        picture(reader, wake, SliceRequest("xy", 3))
        wake.until(lambda: reader.ready(SliceRequest("xy", 4)) is not None)
        slow.gate.clear()
        reader.request(SliceRequest("yz", 3))
        reader.request(SliceRequest("xy", 4))
        assert reader.newest("xy")[0].position == 4  # type: ignore[index]
        assert reader.newest("yz") is None
        slow.gate.set()
        wake.until(lambda: reader.newest("yz"))


@pytest.mark.parametrize("memory", [3 * 64 * 64 * 4, 20 * 64 * 64 * 4, 60 * 64 * 64 * 4])
def test_memory_is_bounded(tmp_path: Path, memory: int) -> None:
    volume = volume_of("int16", (64, 64, 64))
    with reading(mrc(tmp_path / "v.mrc", volume), memory_bytes=memory) as (reader, wake):
        for position in range(64):
            for plane in PLANES:
                request = SliceRequest(plane, position)
                np.testing.assert_array_equal(picture(reader, wake, request), expected(volume, request))
                assert reader.memory_used <= memory
        kept = sum(reader.ready(SliceRequest(plane, z)) is not None for plane in PLANES for z in range(64))
        assert kept <= memory // (64 * 64 * 4) + len(PLANES)


def test_a_volume_that_fits_is_read_once_for_all_cross_sections(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    volume = volume_of("int16")
    slow = SlowFile(monkeypatch)
    with reading(mrc(tmp_path / "v.mrc", volume)) as (reader, wake):
        picture(reader, wake, SliceRequest("yz", 2))
        wake.until(lambda: reader._source.in_memory)
        read = len(slow.read)
        for position in range(SHAPE[2]):
            request = SliceRequest("yz", position)
            np.testing.assert_array_equal(picture(reader, wake, request), expected(volume, request))
        assert len(slow.read) == read


def test_a_deleted_file_is_told_once_and_read_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ais.gui.slice_reader.LOOK_EVERY_S", 0.0)
    volume = volume_of("float32")
    path = mrc(tmp_path / "v.mrc", volume)
    with reading(path) as (reader, wake):
        picture(reader, wake, SliceRequest("xy", 1))
        path.unlink()
        for position in range(SHAPE[0]):
            np.testing.assert_array_equal(picture(reader, wake, SliceRequest("xy", position)), volume[position])
        assert reader.problem is not None
        assert "moved or deleted" in reader.problem
        assert str(path) in reader.problem


def test_a_changed_file_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ais.gui.slice_reader.LOOK_EVERY_S", 0.0)
    path = mrc(tmp_path / "v.mrc", volume_of("float32"))
    with reading(path) as (reader, wake):
        picture(reader, wake, SliceRequest("xy", 1))
        assert reader.problem is None
        mrc(tmp_path / "other.mrc", volume_of("float32") + 1)
        os.replace(tmp_path / "other.mrc", path)
        reader.request(SliceRequest("xy", 8))
        wake.until(lambda: reader.problem)
        assert "has been changed" in (reader.problem or "")


@pytest.mark.parametrize("memory", [64 << 20, 20_000], ids=["copied", "too large to copy"])
def test_a_shortened_file_is_a_sentence_and_not_the_end(tmp_path: Path, memory: int) -> None:
    volume = volume_of("float32", (40, 64, 64))
    path = mrc(tmp_path / "v.mrc", volume)
    with reading(path, memory_bytes=memory) as (reader, wake):
        picture(reader, wake, SliceRequest("xy", 1))
        os.truncate(path, 1024 + 20 * 64 * 64 * 4)
        for request in (SliceRequest("xy", 30), SliceRequest("yz", 9), SliceRequest("xz", 9), SliceRequest("xy", 39)):
            reader.request(request)
            wake.until(lambda plane=request.plane: not reader.waiting(plane))
            assert reader.ready(request) is None
        assert reader.problem is not None
        assert reader.newest("xy")[0].position == 1  # type: ignore[index]
        assert reader.newest("yz") is None
        np.testing.assert_array_equal(picture(reader, wake, SliceRequest("xy", 19)), volume[19])


def test_closing_does_not_wait_for_a_slow_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = mrc(tmp_path / "v.mrc", volume_of("int16", (60, 700, 700)))
    before = threading.active_count()
    with Tomogram.open(path) as tomogram:
        slow = SlowFile(monkeypatch, 0.3)
        woken: list[str] = []
        reader = SliceReader(tomogram, lambda: woken.append(threading.current_thread().name))
        for plane in PLANES:
            reader.request(SliceRequest(plane, 30))
        time.sleep(0.1)
        began = time.perf_counter()
        reader.close()
        assert time.perf_counter() - began < 1.0
        assert not woken
        reader.request(SliceRequest("xy", 2))
        assert reader.newest("xy") is None
        del slow
    wait_for(lambda: threading.active_count() == before)
    assert not woken


def read_until_it_fails(tomogram: Tomogram, errors: list[str]) -> None:
    try:
        for _ in range(1000):
            tomogram.raw(0, 20)
    except AisError as error:
        errors.append(str(error))


def test_a_file_closed_during_a_read_is_released_after_it(tmp_path: Path) -> None:
    path = mrc(tmp_path / "v.mrc", volume_of("int16", (20, 400, 400)))
    for _ in range(20):
        handles = open_files()
        tomogram = Tomogram.open(path)
        errors: list[str] = []
        thread = threading.Thread(target=read_until_it_fails, args=(tomogram, errors))
        thread.start()
        time.sleep(0.005)
        tomogram.close()
        thread.join()
        assert errors == [f"{path} has been closed."]
        assert open_files() == handles


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_a_closed_tomogram_gives_its_memory_back(tmp_path: Path) -> None:
    path = mrc(tmp_path / "v.mrc", volume_of("int16", (120, 512, 512)))
    with reading(path) as (reader, wake):
        picture(reader, wake, SliceRequest("xy", 0))
    wait_for(lambda: not any(thread.name.startswith("ais-slices") for thread in threading.enumerate()))
    before = resident_bytes()
    with reading(path, memory_bytes=256 << 20) as (reader, wake):
        for position in range(120):
            for plane in PLANES:
                picture(reader, wake, SliceRequest(plane, position))
        assert resident_bytes() - before > 120e6
    wait_for(lambda: resident_bytes() - before < 20e6)


def test_fifty_tomograms_opened_and_closed_leave_nothing_behind(tmp_path: Path) -> None:
    path = mrc(tmp_path / "v.mrc", volume_of("int16", (40, 256, 256)))

    def visit() -> None:
        with reading(path) as (reader, wake):
            for plane in PLANES:
                picture(reader, wake, SliceRequest(plane, 20, 3))

    for _ in range(5):
        visit()
    wait_for(lambda: not any(thread.name.startswith("ais-slices") for thread in threading.enumerate()))
    threads, files, memory = threading.active_count(), open_files(), resident_bytes()
    for _ in range(50):
        visit()
    wait_for(lambda: threading.active_count() == threads)
    assert open_files() == files
    assert resident_bytes() - memory < 20e6


@given(data=st.data())
def test_any_order_of_requests_ends_with_what_was_asked_last(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    volume = volume_of("int16", (9, 11, 10))
    path = tmp_path_factory.getbasetemp() / "any.mrc"
    if not path.exists():
        mrc(path, volume)
    wanted = data.draw(
        st.lists(st.builds(SliceRequest, st.sampled_from(PLANES), st.integers(0, 8), st.integers(1, 12)), max_size=30)
    )
    memory = data.draw(st.sampled_from([1, 2_000, 1 << 20]))
    last: dict[Plane, SliceRequest] = {request.plane: request for request in wanted}
    with reading(path, memory_bytes=memory) as (reader, wake):
        for request in wanted:
            reader.request(request)
        for plane, request in last.items():
            wake.until(lambda plane=plane: not reader.waiting(plane))
            newest = reader.newest(plane)
            assert newest is not None
            assert newest[0] == request
            np.testing.assert_allclose(newest[1], expected(volume, request), rtol=1e-4, atol=1e-2)
