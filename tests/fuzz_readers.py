"""Damaged files for every reader, in a process of its own: it must not crash, hang, take the memory or touch a thing.

`python fuzz_readers.py SEEDS FOLDER SECONDS SEED` damages the files in the folder SEEDS, reads each of them, and prints
as JSON how many were tried and which of them ended in anything but a result or a sentence. Those are kept in FOLDER.
"""

from __future__ import annotations

import io
import json
import os
import resource
import signal
import sys
import time
import traceback
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

SECONDS_A_FILE = 5.0
MORE_MEMORY = 2 << 30
ROUND = 12
HEAD = 1200
KEPT = 40
ZIPS = (".aism", ".aisgroup", ".zip", ".ozx")
TOKENS = [
    *(
        b"9" * 30,
        b"-1",
        b"0",
        b"nan",
        b"inf",
        b"1e999",
        b"1e308",
        b"\n",
        b"\0",
        b"'",
        b'"',
        b"#",
        b" ",
        b"_",
        b"{",
        b"]",
    ),
    *(b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f", b"\0\0\0\x80", b"\xff" * 8, b"\0" * 8, b"null"),
    *(b"../../escaped", b"/tmp/escaped", b"loop_\n", b"data_\n", b"\xc3\x28", "é".encode(), b"True", b"1e-320"),
]


class Hang(BaseException):
    """A file that is read for too long."""


@st.composite
def damaged(draw: Any, data: bytes) -> bytes:
    """A file that is cut off, random, or changed in a few places, near its head more often than elsewhere."""
    kind = draw(st.sampled_from(["edit", "edit", "edit", "edit", "edit", "cut", "random"]))
    if kind == "random":
        return draw(st.binary(max_size=2000))
    if kind == "cut":
        return data[: draw(_position(data))]
    result = bytearray(data)
    for _ in range(draw(st.integers(1, 6))):
        place = draw(_position(bytes(result)))
        token = draw(st.one_of(st.sampled_from(TOKENS), st.binary(min_size=1, max_size=8)))
        match draw(st.sampled_from(["over", "over", "over", "insert", "delete", "repeat"])):
            case "over":
                result[place : place + len(token)] = token
            case "insert":
                result[place:place] = token
            case "delete":
                del result[place : place + draw(st.integers(1, 300))]
            case _:
                result[place:place] = result[place : place + draw(st.integers(1, 300))] * draw(st.integers(1, 50))
    return bytes(result)


def _position(data: bytes) -> st.SearchStrategy[int]:
    last = max(len(data) - 1, 0)
    aligned = st.integers(0, min(HEAD, last) // 4).map(lambda word: 4 * word)
    return st.one_of(
        aligned, st.integers(0, min(HEAD, last)), st.integers(0, last), st.integers(max(last - HEAD, 0), last)
    )


@st.composite
def repacked(draw: Any, data: bytes) -> bytes:
    """A zip whose members, or their names, are damaged."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {info.filename: archive.read(info) for info in archive.infolist()}
    names = list(members)
    chosen = draw(st.sampled_from(names))
    match draw(st.sampled_from(["content", "content", "content", "name", "gone", "twice"])):
        case "content":
            members[chosen] = draw(damaged(members[chosen]))
        case "name":
            members[draw(st.sampled_from(["../escaped", "/tmp/escaped", "x" * 300, "a/../" + chosen]))] = members.pop(
                chosen
            )
        case "gone":
            del members[chosen]
        case _:
            members |= {chosen + "/" + name: content for name, content in list(members.items())}
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return stream.getvalue()


def readers() -> Callable[[Path], None]:
    """What reads any file through the doors that users take; its imports are made before memory is limited."""
    from ais.cli.info import describe
    from ais.errors import AisError
    from ais.fluorescence import is_image, read_image
    from ais.formats.coordinates import SUFFIXES, read_coordinates
    from ais.formats.record import read_record
    from ais.trainset import TrainingSet

    def coordinates(path: Path) -> object:
        return read_coordinates(path, voxel_size=10.0, shape=(40, 50, 60), tilt_series_pixel_size=1.5)

    def read(path: Path) -> None:
        calls: list[Callable[[Path], object]] = [describe]
        if path.suffix in SUFFIXES:
            calls.append(coordinates)
        if is_image(path):
            calls.append(read_image)
        if path.suffix == ".scnt":
            calls.append(TrainingSet.read)
        if path.suffix == ".doc":
            calls = [lambda names: read_coordinates(names.with_suffix(".tbl"))]  # Dynamo's names stand beside its table
        if path.name.endswith(".mrc.json"):
            calls = [lambda record: read_record(record.with_suffix(""))]
        for call in calls:
            try:
                call(path)
            except AisError as error:
                if not str(error).strip():
                    raise ValueError("an error without a sentence") from error

    return read


class Watch:
    """Notes what a reader does besides reading: files written elsewhere, processes, connections."""

    def __init__(self, scratch: Path) -> None:
        self.scratch = str(scratch)
        self.seen: list[str] = []
        self.on = False
        sys.addaudithook(self._event)

    def _event(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.on:
            return
        if event in ("os.system", "subprocess.Popen", "os.exec", "os.posix_spawn", "socket.connect"):
            self.seen.append(f"{event} {arguments}"[:300])
        elif event == "open":
            path, mode, flags = (*arguments, None, None)[:3]
            writes = (isinstance(mode, str) and set(mode) & set("wax+")) or (
                isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
            )
            if writes and isinstance(path, str | bytes) and not self._allowed(os.fsdecode(path)):
                self.seen.append(f"writes {path!r}")

    def _allowed(self, path: str) -> bool:
        return str(Path(path).absolute()).startswith((self.scratch, os.devnull)) or "__pycache__" in path


class Run:
    """Files tried, refused and failed so far."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.scratch = folder / "scratch"
        self.scratch.mkdir(parents=True)
        os.environ["AIS_CACHE"] = str(self.scratch / "cache")
        self.tried: dict[str, int] = {}
        self.failures: list[dict[str, str]] = []
        self.slowest: dict[str, float] = {}
        self.read = readers()
        self.watch = Watch(self.scratch)
        self.limited = False

    def try_one(self, name: str, data: bytes) -> None:
        path = self.scratch / name
        self.tried[name] = self.tried.get(name, 0) + 1
        if path.suffix == ".zarr":
            if not _unpacked(data, path):
                return
        else:
            path.write_bytes(data)
        self.watch.seen.clear()
        self.watch.on = self.limited
        signal.setitimer(signal.ITIMER_PROF, SECONDS_A_FILE)
        began = time.process_time()
        try:
            self.read(path)
            problem = "; ".join(self.watch.seen)
        except (Exception, Hang):  # noqa: BLE001 - whatever it is, it is what this program looks for
            problem = traceback.format_exc()
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
            self.watch.on = False
        self.slowest[name] = max(self.slowest.get(name, 0.0), time.process_time() - began)
        if problem and len(self.failures) < KEPT:
            kept = self.folder / f"{len(self.failures)}_{name}"
            kept.write_bytes(data)
            self.failures.append({"file": str(kept), "problem": problem})


def _unpacked(data: bytes, folder: Path) -> bool:
    """A zip as a folder of files; False where it is none."""
    import shutil

    shutil.rmtree(folder, ignore_errors=True)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for info in archive.infolist():
                if not info.is_dir() and ".." not in info.filename and len(info.filename) < 200:
                    target = folder / info.filename.lstrip("/")
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.write_bytes(archive.read(info))
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, NotImplementedError, RuntimeError):
        return False
    return folder.is_dir()


def _ring(_number: int, _frame: object) -> None:
    raise Hang


def _limit_memory() -> None:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + MORE_MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def _round(run: Run, name: str, strategy: st.SearchStrategy[bytes], number: int, end: float) -> None:
    """Try a few files of one kind."""

    @seed(number)
    @settings(
        max_examples=ROUND,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def fuzz(data: bytes) -> None:
        if time.monotonic() < end:
            run.try_one(name, data)

    fuzz()


def main() -> None:
    """Go round and round the seeds until the time is over."""
    seeds, folder, seconds, number = Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])
    files = {path.name: path.read_bytes() for path in sorted(seeds.iterdir())}
    run = Run(folder)
    signal.signal(signal.SIGPROF, _ring)
    for name, data in files.items():
        run.try_one(name, data)  # what is imported late is there before memory is limited
    _limit_memory()
    run.limited = True
    end = time.monotonic() + seconds
    turn = 0
    while time.monotonic() < end:
        for name, data in files.items():
            packed = name.endswith((*ZIPS, ".zarr")) and (turn % 2 == 0 or name.endswith(".zarr"))
            strategy = repacked(data) if packed else damaged(data)
            _round(run, name, strategy, number + turn, end)
        turn += 1
    json.dump({"tried": run.tried, "slowest": run.slowest, "failures": run.failures}, sys.stdout)


if __name__ == "__main__":
    main()
