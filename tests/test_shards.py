"""Calls that share their inputs: who does what, nothing twice at once, and what becomes of the work of a dead one."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_project import make_model, make_project

from ais.cli.main import run
from ais.errors import AisError
from ais.export import segment
from ais.formats import claim as claims_module
from ais.formats.claim import Claim, ClaimLost, Claims
from ais.formats.process_identity import has_ended, identity_of_this_process
from ais.formats.record import is_unchanged, read_record
from ais.formats.registry import open_volume, write_volume
from ais.progress import SILENT
from ais.shards import Piece, Shard, Sharing, one_by_one

PATIENCE_S = 120.0
SMALL = tuple(f"small_{number}" for number in range(4))
IN_A_HURRY = """
import sys
from ais.formats import claim
claim.BEAT_S, claim.STALE_S = 0.2, 2.0
from ais import segmented_slabs
segmented_slabs.SLAB_BYTES = 1 << 18  # one slice of large.mrc, so that a process can be caught amid its work
from ais.cli.main import run
sys.exit(run(sys.argv[1:]))
"""
WHO = """
from ais.formats.process_identity import identity_of_this_process
print(identity_of_this_process(), flush=True)
input()
"""
LEAVE = "import sys; Claims(Path(sys.argv[1])).take('work'); os._exit(0)"
no_such_signals = pytest.mark.skipif(os.name == "nt", reason="Windows has neither kill -9 nor SIGSTOP")


@given(st.integers(1, 12), st.integers(0, 40))
def test_each_call_begins_with_its_own_share_and_goes_through_all(count: int, length: int) -> None:
    orders = [Shard(index, count).order(length) for index in range(count)]
    assert all(sorted(order) == list(range(length)) for order in orders)
    shares = [set(range(index, length, count)) for index in range(count)]
    assert all(set(order[: len(share)]) == share for order, share in zip(orders, shares, strict=True))


@pytest.mark.parametrize("text", ["8/8", "1", "a/b", "0/0", "-1/4", "1/", ""])
def test_what_is_no_shard(text: str) -> None:
    with pytest.raises(AisError, match="from 0 to n - 1"):
        Shard.parse(text)


def taken(folder: Path, name: str = "work", claims: Claims | None = None) -> Claim:
    claim = (claims or Claims(folder)).take(name)
    assert claim is not None
    return claim


def test_one_of_many_gets_it(tmp_path: Path) -> None:
    found: list[Claim | None] = []
    start = threading.Barrier(16)

    def reach() -> None:
        start.wait()
        found.append(Claims(tmp_path / "new").take("work"))

    threads = [threading.Thread(target=reach) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (winner,) = [claim for claim in found if claim is not None]
    winner.release()
    taken(tmp_path / "new").release()
    assert not list((tmp_path / "new").iterdir())


class Hours:
    """A monotonic clock that the test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def hours(monkeypatch: pytest.MonkeyPatch) -> Hours:
    clock = Hours()
    monkeypatch.setattr(claims_module.time, "monotonic", clock.monotonic)
    return clock


def left_by_a_dead_process(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Claim:
    """A claim that is never written to again."""
    monkeypatch.setattr(claims_module, "BEAT_S", 1e6)
    return taken(folder)


def test_a_dead_claim_is_taken_over_once_and_its_holder_finds_out(
    tmp_path: Path, hours: Hours, monkeypatch: pytest.MonkeyPatch
) -> None:
    dead = left_by_a_dead_process(tmp_path, monkeypatch)
    first, second = Claims(tmp_path), Claims(tmp_path)
    for _ in range(4):
        assert first.take("work") is None
        assert second.take("work") is None
        hours.now += claims_module.STALE_S / 4
    heir = taken(tmp_path, claims=first)
    assert second.take("work") is None
    heir.confirm()
    with pytest.raises(ClaimLost):
        dead.confirm()
    dead.release()
    heir.confirm()
    heir.release()
    assert not list(tmp_path.iterdir())


def test_no_clock_of_a_file_or_a_machine_matters(tmp_path: Path, hours: Hours, monkeypatch: pytest.MonkeyPatch) -> None:
    living = left_by_a_dead_process(tmp_path, monkeypatch)
    (path,) = tmp_path.iterdir()
    watcher = Claims(tmp_path)
    for year in (0, 4_000_000_000, 1, 2_000_000_000) * 4:
        living.confirm()
        os.utime(path, (year, year))
        monkeypatch.setattr(time, "time", lambda year=year: float(year))
        assert watcher.take("work") is None
        hours.now += claims_module.STALE_S * 0.9
    living.release()


def test_a_watcher_that_slept_itself_takes_nothing(
    tmp_path: Path, hours: Hours, monkeypatch: pytest.MonkeyPatch
) -> None:
    living = left_by_a_dead_process(tmp_path, monkeypatch)
    watcher = Claims(tmp_path)
    assert watcher.take("work") is None
    hours.now += 10_000
    assert watcher.take("work") is None
    living.confirm()
    hours.now += 1
    assert watcher.take("work") is None
    living.release()


def test_an_empty_claim_is_a_dead_one(tmp_path: Path, hours: Hours) -> None:
    """Its process was killed between making it and writing into it."""
    (tmp_path / ".work.claim-3").touch()
    watcher = Claims(tmp_path)
    for _ in range(3):
        assert watcher.take("work") is None
        hours.now += claims_module.STALE_S / 3
    taken(tmp_path, claims=watcher).release()
    assert not list(tmp_path.iterdir())


def test_names_are_not_patterns(tmp_path: Path) -> None:
    with taken(tmp_path, "a[1].b+"), taken(tmp_path, "a1.bb"), taken(tmp_path, "a"):
        assert Claims(tmp_path).take("a[1].b+") is None


def test_a_lost_claim_is_looked_at_again(tmp_path: Path) -> None:
    calls: list[int] = []

    def work(piece: Piece) -> int:
        calls.append(piece.index)
        if len(calls) == 1:
            raise ClaimLost
        return piece.index

    def refused(_index: int, error: AisError) -> int:
        raise error

    with Claims(tmp_path / "out") as claims:
        sharing = Sharing(Shard(0, 1), ["a", "b"], claims, lambda _: None, refused)
        one_by_one(sharing, work, SILENT)
    assert sharing.results == [0, 1]
    assert calls == [0, 1, 0]
    assert not (tmp_path / "out").exists(), "nothing has come into it"


def test_a_full_disk_leaves_no_claim(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> bytes:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Claim, "_content", full)
    with pytest.raises(AisError, match="free some space"):
        Claims(tmp_path).take("work")
    assert not list(tmp_path.iterdir())


WORKER = """
import os, sys, time, random
from pathlib import Path
from ais.formats import claim
claim.BEAT_S, claim.STALE_S = 0.05, 1.0
from ais import shards
shards.LOOK_S = 0.02
folder, index, count = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
log = os.open(folder / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
names = [f"job{number}" for number in range(30)]

def look(index):
    return "kept" if (folder / f"{names[index]}.done").exists() else None

def work(piece):
    if look(piece.index):
        return "kept"
    name = names[piece.index]
    os.write(log, f"{os.getpid()} begin {name}\\n".encode())
    time.sleep(random.uniform(0.005, 0.08))
    piece.claim.confirm()
    os.write(log, f"{os.getpid()} end {name}\\n".encode())
    (folder / f"{name}.done").touch()
    return "done"

with claim.Claims(folder) as claims:
    sharing = shards.Sharing(shards.Shard(index, count), names, claims, look, None)
    shards.one_by_one(sharing, work, shards.Progress())
"""


@no_such_signals
def test_never_two_at_once_however_many_are_killed(tmp_path: Path) -> None:
    """Ten processes, six of them killed one after the other; a log tells who was at what at each moment."""
    running = [subprocess.Popen([sys.executable, "-c", WORKER, str(tmp_path), str(index), "10"]) for index in range(10)]
    until(lambda: (tmp_path / "log").exists() and len(lines(tmp_path)) >= 4)
    for process in running[:6]:
        time.sleep(0.05)
        process.kill()
    assert [process.wait(PATIENCE_S) for process in running[6:]] == [0] * 4
    killed = {str(process.pid) for process in running[:6] if process.wait() == -signal.SIGKILL}
    at_work: dict[str, str] = {}
    for pid, what, name in lines(tmp_path):
        if what == "end":
            assert at_work.pop(name) == pid
            continue
        assert at_work.get(name) is None or at_work[name] in killed, f"{name} was begun while another was at it"
        at_work[name] = pid
    assert killed
    assert set(at_work.values()) <= killed
    assert sorted(path.stem for path in tmp_path.glob("*.done")) == sorted(f"job{number}" for number in range(30))
    for left in tmp_path.glob(".*"):
        assert left.name.split(".")[1] in finished_by_killed(tmp_path, killed), "what is finished needs no claim"


def finished_by_killed(folder: Path, killed: set[str]) -> set[str]:
    """Killed after the work was done, before its claim was released."""
    return {name for pid, what, name in lines(folder) if what == "end" and pid in killed}


def lines(folder: Path) -> list[list[str]]:
    return [line.split() for line in (folder / "log").read_text().splitlines()]


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shards")
    make_project(folder)
    make_model(folder)
    noise = np.random.default_rng(0)
    for name in SMALL:
        write_volume(folder / "in" / f"{name}.mrc", noise.normal(0, 1, (4, 64, 64)).astype("f4"), voxel_sizes=10.0)
    write_volume(folder / "in" / "large.mrc", noise.normal(0, 1, (30, 256, 256)).astype("f4"), voxel_sizes=10.0)
    return folder


class Calls:
    """Processes that share the tomograms of a folder."""

    def __init__(self, stock: Path, output: Path) -> None:
        self.stock = stock
        self.output = output
        self.running: list[subprocess.Popen[str]] = []

    def start(self, shard: str | None, *inputs: str) -> subprocess.Popen[str]:
        words = ["segment", "-m", "model.aism", *(inputs or ["in"]), "-o", str(self.output), "--json"]
        words += [] if shard is None else ["--shard", shard]
        process = subprocess.Popen(
            [sys.executable, "-c", IN_A_HURRY, *words],
            cwd=self.stock,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.running.append(process)
        return process

    def wait_for(self, pattern: str) -> None:
        """Until a file that matches has something in it."""
        until(lambda: any(size(path) for path in self.output.glob(pattern)))


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def statuses(process: subprocess.Popen[str]) -> dict[str, str]:
    """Of each tomogram; the process has ended well."""
    printed, errors = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, errors
    return {Path(entry["input"]).stem: entry["status"] for entry in json.loads(printed)}


@pytest.fixture
def calls(stock: Path, tmp_path: Path) -> object:
    made = Calls(stock, tmp_path / "out")
    yield made
    for process in made.running:
        process.kill()
        process.communicate()


def check_all_is_there(calls: Calls, names: tuple[str, ...]) -> None:
    for name in names:
        output = next(calls.output.glob(f"{name}__*.mrc"))
        record = read_record(output)
        assert record is not None
        assert is_unchanged(output, record)
        assert open_volume(output).info.shape == open_volume(calls.stock / "in" / f"{name}.mrc").info.shape
    manifest = json.loads((calls.output / "manifest.json").read_text(encoding="utf-8"))
    assert len(manifest["outputs"]) == len(names)
    assert not manifest["failed"]
    assert not list(calls.output.glob(".*")), "neither claims nor temporary files are left"


@no_such_signals
def test_killed_and_redone_by_another(calls: Calls) -> None:
    """Of three calls one is killed at work; the other two do everything, each tomogram once."""
    killed = calls.start("0/3")  # large.mrc is the first of its share
    calls.wait_for(".large__*.tmp")
    killed.kill()
    others = [calls.start("1/3"), calls.start("2/3")]
    found = [statuses(process) for process in others]
    assert killed.wait() == -signal.SIGKILL
    assert sorted(one["large"] for one in found) == ["done", "kept"]
    for name in SMALL:
        assert sorted(one[name] for one in found) == ["done", "kept"], name
    check_all_is_there(calls, ("large", *SMALL))


@no_such_signals
def test_ended_by_the_system_and_at_once_taken_by_another(calls: Calls) -> None:
    process = calls.start("0/2", "in/large.mrc")
    calls.wait_for(".large__*.tmp")
    process.terminate()
    _, errors = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 143, errors
    assert errors.strip() == "ais: Ended by the system; what was finished is kept."
    assert not calls.output.exists() or not list(calls.output.iterdir())


@no_such_signals
def test_a_process_that_was_only_asleep_drops_its_work(calls: Calls) -> None:
    """What the other has made in the meantime keeps its record."""
    asleep = calls.start("0/2", "in/large.mrc")
    calls.wait_for(".large__*.tmp")
    asleep.send_signal(signal.SIGSTOP)
    assert statuses(calls.start("1/2", "in/large.mrc")) == {"large": "done"}
    (output,) = calls.output.glob("large__*.mrc")
    made = output.stat().st_mtime_ns
    asleep.send_signal(signal.SIGCONT)
    assert statuses(asleep) == {"large": "kept"}
    assert output.stat().st_mtime_ns == made
    check_all_is_there(calls, ("large",))


def test_what_fails_is_named_by_each_call(stock: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(stock)
    (tmp_path / "broken.mrc").write_bytes(b"no volume")
    words = ["segment", "-m", "model.aism", "in/small_0.mrc", str(tmp_path / "broken.mrc"), "-o", str(tmp_path / "out")]
    for index in range(2):
        assert run([*words, "--shard", f"{index}/2"]) == 1
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text(encoding="utf-8"))
    assert [Path(entry["input"]).name for entry in manifest["failed"]] == ["broken.mrc"]
    assert run([*words[:3], words[4], "-o", str(tmp_path / "none"), "--shard", "0/2"]) == 2
    assert not (tmp_path / "none").exists()


def test_which_processes_have_ended() -> None:
    mine = identity_of_this_process()
    assert has_ended(mine) is False
    if sys.platform != "linux":
        return  # there it is not known
    place, number, started = mine.rsplit(" ", 2)
    child = subprocess.Popen([sys.executable, "-c", WHO], stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True)
    assert child.stdout is not None
    theirs = child.stdout.readline().strip()
    assert theirs.startswith(place)
    assert theirs != mine
    assert not has_ended(theirs)
    child.kill()
    until(lambda: has_ended(theirs))  # before anybody has asked how it ended
    child.communicate()
    assert has_ended(theirs)
    assert has_ended(f"{place} {number} {int(started) - 1}"), "the number is another process's by now"
    for unknown in (
        "",
        "nonsense",
        f"of-another-start pid:[1] {number} 1",
        f"{place} x {started}",
        f"{place} {started}",
    ):
        assert not has_ended(unknown)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere it is not known which processes have ended")
def test_the_claim_of_an_ended_process_is_removed_by_the_next_call(tmp_path: Path) -> None:
    """It was killed after it had finished, before it could release the claim."""
    leave = f"from pathlib import Path; from ais.formats.claim import Claims; import os; {LEAVE}"
    subprocess.run([sys.executable, "-c", leave, str(tmp_path)], check=True)
    living = taken(tmp_path, "other")
    (tmp_path / ".notes.claim-form").touch()
    assert len(list(tmp_path.iterdir())) == 3
    with Claims(tmp_path):
        pass
    assert {path.name for path in tmp_path.iterdir()} == {".other.claim-1", ".notes.claim-form"}
    living.release()


def test_calls_without_a_shard_leave_each_other_what_they_are_at(calls: Calls) -> None:
    """Two equal calls at the same time: each tomogram is done by one of them."""
    found = [statuses(process) for process in (calls.start(None), calls.start(None))]
    assert [sorted(one[name] for one in found) for name in ("large", *SMALL)] == [["done", "kept"]] * 5
    check_all_is_there(calls, ("large", *SMALL))


@no_such_signals
def test_after_a_killed_call_the_same_goes_on_at_once(calls: Calls, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits until the claim of a process that has ended is stale."""
    killed = calls.start(None, "in/large.mrc")
    calls.wait_for(".large__*.tmp")
    killed.kill()
    monkeypatch.setattr(claims_module, "STALE_S", 1e6)
    (result,) = segment([calls.stock / "in" / "large.mrc"], [calls.stock / "model.aism"], calls.output)
    assert result.status == "done"
    check_all_is_there(calls, ("large",))
