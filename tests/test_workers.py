"""Processes of one machine side by side: what each computes on, and what becomes of the work of those that die."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from small_project import make_model

from ais.classic import make_classic_model
from ais.cli.main import run
from ais.errors import AisError, Cancelled
from ais.export import SegmentResult, segment
from ais.formats.registry import open_volume, write_volume
from ais.progress import SILENT, Progress
from ais.workers import pool
from ais.workers import processors as processors_module
from ais.workers.pool import Workers
from ais.workers.processors import THREADS, Processor, named_gpus, processors

PATIENCE_S = 120.0
ROUNDED_OTHERWISE = 2
"""Steps of 255."""
MOST_VOXELS = 0.99
NAMES = ("a", "b", "c")
TWO = (Processor("cpu", "-1"), Processor("cpu", "-1"))
no_such_signals = pytest.mark.skipif(os.name == "nt", reason="Windows has neither kill -9 nor SIGTERM")


@pytest.fixture(autouse=True)
def eight_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(processors_module, "_cores", lambda: list(range(8)))


def gpus(number: int) -> Callable[[], int]:
    return lambda: number


def chosen(workers: str | None, device: str, there: int = 0, usable: int | None = None) -> list[Processor]:
    return processors(workers, device, gpus(there), gpus(there if usable is None else usable))


@pytest.mark.parametrize(
    ("workers", "device", "there", "expected"),
    [
        (None, "auto", 0, []),
        (None, "auto", 1, []),
        (None, "cpu", 4, []),
        (None, "auto", 3, ["0", "1", "2"]),
        (None, "gpu", 2, ["0", "1"]),
        (None, "gpu", 0, []),
        (None, "gpu:1", 4, []),
        (None, "gpu:1,3", 4, ["1", "3"]),
        ("auto", "auto", 1, []),
        ("auto", "gpu:0,2", 4, ["0", "2"]),
        ("1", "auto", 1, ["0"]),
        ("4", "auto", 2, ["0", "1", "0", "1"]),
        ("3", "gpu:5", 8, ["5", "5", "5"]),
    ],
)
def test_one_process_for_each_gpu(workers: str | None, device: str, there: int, expected: list[str]) -> None:
    assert [(one.device, one.gpu, one.cores) for one in chosen(workers, device, there)] == [
        ("gpu", name, ()) for name in expected
    ]


def test_gpus_are_counted_among_those_that_may_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ais.installation.graphics_cards.ask_driver", lambda: ("fine", "", ["A"] * 4, "580"))
    assert named_gpus() == 4
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-abc, 3")
    assert named_gpus() == 2
    assert [one.gpu for one in chosen(None, "auto", 2)] == ["GPU-abc", "3"]
    assert [one.gpu for one in chosen("2", "gpu:1")] == ["3", "3"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    assert named_gpus() == 0


def test_the_cores_are_divided() -> None:
    shares = chosen("3", "cpu")
    assert [one.cores for one in shares] == [(0, 1), (2, 3, 4), (5, 6, 7)]
    assert {(one.device, one.gpu) for one in shares} == {("cpu", "-1")}
    assert [one.cores for one in chosen("9", "auto")][-2:] == [(7,), (0,)]
    assert [one.cores for one in chosen("auto", "auto")] == [(0, 1, 2, 3), (4, 5, 6, 7)]
    assert [one.device for one in chosen("2", "auto", there=2, usable=0)] == ["cpu", "cpu"]


def test_little_memory_is_for_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ais.installation.machine.free_memory", lambda: 4 << 30)
    assert chosen("auto", "cpu") == []


def test_gpus_that_cannot_be_used_are_named(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(processors_module, "COUNT", "raise SystemExit(1)")
    assert [one.device for one in processors("2", "auto", gpus(2))] == ["cpu", "cpu"]
    assert "cannot be used, so the CPU computes" in caplog.text


@pytest.mark.parametrize("text", ["0", "-1", "two", "1.5", ""])
def test_what_is_no_number_of_workers(text: str) -> None:
    with pytest.raises(AisError, match="--workers must be auto or a whole number"):
        processors(text, "cpu")


def test_a_process_is_bound_before_anything_computes() -> None:
    code = """
import os, sys
from ais.workers.processors import Processor
assert not {"numpy", "tensorflow"} & set(sys.modules)
Processor("gpu", "GPU-7", (min(os.sched_getaffinity(0)),) if sys.platform == "linux" else (0,)).take()
print(os.environ["CUDA_VISIBLE_DEVICES"], *(os.environ[name] for name in %r))
print(len(os.sched_getaffinity(0)) if sys.platform == "linux" else 1)
import ais.workers.process
assert not {"numpy", "tensorflow"} & set(sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code % (THREADS,)], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["GPU-7", *["1"] * len(THREADS), "1"]


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three volumes, a classic model that takes a second for each, and what it finds in them."""
    folder = tmp_path_factory.mktemp("workers")
    noise = np.random.default_rng(0)
    for name in NAMES:
        write_volume(folder / "in" / f"{name}.mrc", noise.normal(0, 1, (16, 96, 96)).astype("f4"), voxel_sizes=10.0)
    make_classic_model(folder / "slow.aism", "cylinder", "tube", {"diameter": 50, "length": 150, "angles": 6})
    segment(sorted((folder / "in").iterdir()), [folder / "slow.aism"], folder / "expected")
    return folder


def segmented(stock: Path, output: Path, workers: Workers, progress: Progress = SILENT) -> dict[str, SegmentResult]:
    inputs = [stock / "in" / f"{name}.mrc" for name in NAMES]
    results = segment(inputs, [stock / "slow.aism"], output, progress=progress, runner=workers)
    assert not multiprocessing.active_children()
    return {result.tomogram.stem: result for result in results}


def check(stock: Path, output: Path, names: tuple[str, ...] = NAMES) -> None:
    """These volumes are there, as one process makes them, and nothing else."""
    for name in names:
        assert (output / f"{name}__tube.mrc").read_bytes() == (stock / "expected" / f"{name}__tube.mrc").read_bytes()
    volumes = {f"{name}__tube.mrc{end}" for name in names for end in ("", ".json")}
    assert {path.name for path in output.iterdir()} == volumes | {"manifest.json"}


class AtWork(Progress):
    """Does something, so often, when the work on a tomogram of a name is reported."""

    def __init__(self, action: Callable[[], None], times: int = 1, name: str = "") -> None:
        self.action = action
        self.left = times
        self.name = name
        self.told: list[float] = []

    def report(self, done: float, total: float, text: str = "") -> None:
        assert total == len(NAMES)
        self.told.append(done)
        if self.left and text.startswith(self.name or NAMES) and multiprocessing.active_children():
            self.left -= 1
            self.action()


def kill_all() -> None:
    for process in multiprocessing.active_children():
        os.kill(process.pid or 0, signal.SIGKILL)
        process.join()


def test_several_make_what_one_makes(stock: Path, tmp_path: Path) -> None:
    progress = AtWork(lambda: None)
    found = segmented(stock, tmp_path, Workers(TWO), progress)
    assert [one.status for one in found.values()] == ["done"] * 3
    check(stock, tmp_path)
    assert all(0 <= done <= 3 for done in progress.told)
    assert {one.status for one in segmented(stock, tmp_path, Workers(TWO)).values()} == {"kept"}


@no_such_signals
def test_another_does_what_a_killed_one_has_left(stock: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    found = segmented(stock, tmp_path, Workers(TWO), AtWork(kill_all))
    assert [one.status for one in found.values()] == ["done"] * 3
    check(stock, tmp_path)
    assert "has ended (signal 9, perhaps out of memory): another takes it over." in caplog.text


@no_such_signals
def test_what_kills_each_process_fails_and_the_rest_is_done(stock: Path, tmp_path: Path) -> None:
    progress = AtWork(kill_all, times=2, name="b")
    found = segmented(stock, tmp_path, Workers(TWO[:1]), progress)
    assert {name: one.status for name, one in found.items()} == {"a": "done", "b": "failed", "c": "done"}
    assert found["b"].error == (
        f"{stock / 'in' / 'b.mrc'} could not be segmented: 2 processes have ended at it "
        "(the last: signal 9, perhaps out of memory); use fewer workers, a smaller range or crop, or --batch-size 1."
    )
    check(stock, tmp_path, ("a", "c"))
    manifest = json.loads((tmp_path / "manifest.json").read_text(encoding="utf-8"))
    assert [Path(entry["input"]).name for entry in manifest["failed"]] == ["b.mrc"]


def test_cancelling_leaves_nothing(stock: Path, tmp_path: Path) -> None:
    def stop() -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        segmented(stock, tmp_path / "out", Workers(TWO), AtWork(stop))
    assert not multiprocessing.active_children()
    assert not (tmp_path / "out").exists()


def test_a_broken_tomogram_does_not_stop_the_others(stock: Path, tmp_path: Path) -> None:
    (tmp_path / "broken.mrc").write_bytes(b"no volume")
    inputs = [tmp_path / "broken.mrc", stock / "in" / "a.mrc"]
    broken, good = segment(inputs, [stock / "slow.aism"], tmp_path / "out", runner=Workers(TWO))
    assert (broken.status, good.status) == ("failed", "done")
    assert "broken.mrc" in broken.error
    check(stock, tmp_path / "out", ("a",))


def test_a_claim_that_is_lost_drops_the_work(stock: Path, tmp_path: Path) -> None:
    """Another process has taken it over, as it does from one that is thought dead; it has gone when it is looked at."""
    heir = tmp_path / ".a.claim-2"

    def lose() -> None:
        heir.touch()

    progress = AtWork(lose, name="a")
    found = segmented(stock, tmp_path, Workers(TWO[:1]), Relenting(progress, heir))
    assert not progress.left
    assert [one.status for one in found.values()] == ["done"] * 3
    check(stock, tmp_path)


class Relenting(Progress):
    """Removes a file once it is waited for, or other work has begun."""

    def __init__(self, inner: Progress, path: Path) -> None:
        self.inner = inner
        self.path = path

    def report(self, done: float, total: float, text: str = "") -> None:
        if not text.startswith(("a", "starting")):
            self.path.unlink(missing_ok=True)
            self.path.with_name(".a.claim-1").unlink(missing_ok=True)
        self.inner.report(done, total, text)


class Call:
    """The command in a process group of its own."""

    def __init__(self, stock: Path, output: Path) -> None:
        words = ["segment", "-m", "slow.aism", "in", "-o", str(output), "--workers", "2", "--device", "cpu"]
        self.output = output
        self.process = subprocess.Popen(
            [sys.executable, "-m", "ais.cli", *words],
            cwd=stock,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        until(lambda: sum(1 for _ in output.glob(".*.tmp")) >= 2)


def group_exists(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def without_progress(printed: str) -> list[str]:
    """The lines on stderr without those that a slow machine prints now and then."""
    return [line for line in printed.splitlines() if not line.startswith("Segmenting")]


@pytest.fixture
def call(stock: Path, tmp_path: Path) -> Iterator[Call]:
    made = Call(stock, tmp_path / "out")
    yield made
    if group_exists(made.process.pid):
        os.killpg(made.process.pid, signal.SIGKILL)
    made.process.communicate()


@no_such_signals
def test_when_the_command_is_killed_its_workers_end(call: Call, stock: Path) -> None:
    call.process.kill()
    call.process.wait()
    until(lambda: not group_exists(call.process.pid))
    segmented(stock, call.output, Workers(TWO))
    check(stock, call.output)


@no_such_signals
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_the_whole_group_is_asked_to_end(call: Call, number: signal.Signals, code: int) -> None:
    """As a scheduler does it, and Ctrl+C in a terminal."""
    os.killpg(call.process.pid, number)
    _, errors = call.process.communicate(timeout=PATIENCE_S)
    assert call.process.returncode == code, errors
    (sentence,) = without_progress(errors)
    assert sentence.endswith("what was finished is kept.")
    until(lambda: not group_exists(call.process.pid))
    assert not list(call.output.glob(".*"))


def test_networks_in_workers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """As typed: the volumes are those of a call without workers, and nothing is printed besides.

    Other numbers of threads add in another order, so that a value may be rounded the other way.
    """
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    make_model(tmp_path)
    for seed in range(2):
        noise = np.random.default_rng(seed).normal(0, 1, (3, 64, 64))
        write_volume(f"in/t{seed}.mrc", noise.astype("f4"), voxel_sizes=10.0)
    words = ["segment", "-m", "model.aism", "in", "--device", "cpu"]
    assert run([*words, "-o", "one"]) == 0
    capfd.readouterr()
    assert run([*words, "-o", "two", "--workers", "2"]) == 0
    printed = capfd.readouterr()
    assert (len(printed.out.splitlines()), without_progress(printed.err)) == (2, [])
    for seed in range(2):
        name = f"t{seed}__blob.mrc"
        one, two = (open_volume(tmp_path / made / name).read(0, 3).astype(int) for made in ("one", "two"))
        np.testing.assert_allclose(one, two, atol=ROUNDED_OTHERWISE)
        assert (one == two).mean() > MOST_VOXELS
    assert run([*words, "-o", "three", "--workers", "2", "--cluster", "local:2"]) == 2
    assert "exclude each other" in capfd.readouterr().err


class Dying(Processor):
    """A processor that ends each process that computes on it."""

    def take(self) -> None:
        os._exit(3)


def test_a_processor_that_ends_its_processes_is_given_up(
    stock: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What it was given is done by the other worker."""
    monkeypatch.setattr(pool, "DEATHS", 1)
    found = segmented(stock, tmp_path, Workers([Dying("gpu", "7"), TWO[0]]))
    assert [one.status for one in found.values()] == ["done"] * 3
    check(stock, tmp_path)
    assert caplog.text.count("has ended (exit code 3): another takes it over.") == 1
    assert "1 processes on GPU 7 have ended one after the other: no more are started." in caplog.text
