"""The compute process: real processes that compute, are cancelled, crash, and end with their window."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ais.engine import Engine, EngineStatus, Job, JobState
from ais.engine.job import LOG_LINES
from ais.engine.plain import check_plain
from ais.engine.remaining_time import RemainingTime

PATIENCE_S = 120.0  # the process is of low priority, and the machine may be busy
FRAME_S = 0.005

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the crashes here are signals")


@pytest.fixture
def engine() -> Iterator[Engine]:
    one = Engine(cancel_patience_s=0.3)
    yield one
    one.stop()
    assert one.pid is None
    assert one.status is EngineStatus.NOT_STARTED


@pytest.fixture(scope="module")
def shared() -> Iterator[Engine]:
    """A process that tests may use which leave it alive."""
    one = Engine()
    yield one
    one.stop()


def until(condition: Callable[[], object], engine: Engine) -> None:
    """Frames of a window until something is so."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, f"{engine.status}, {engine.jobs}"
        engine.poll()
        time.sleep(FRAME_S)


def ended(engine: Engine, *jobs: Job) -> list[JobState]:
    until(lambda: all(job.finished for job in jobs), engine)
    return [job.state for job in jobs]


def submit(engine: Engine, task: str, *, urgent: bool = False, replaces: str = "", **arguments: Any) -> Job:
    return engine.submit(f"engine_tasks:{task}", arguments, task, urgent=urgent, replaces=replaces)


def test_the_window_loads_neither_networks_nor_much_else() -> None:
    code = (
        "import sys, time; from ais.engine import Engine\n"
        "if __name__ == '__main__':\n"
        "  engine = Engine(); began = time.monotonic(); engine.start()\n"
        "  assert time.monotonic() - began < 0.5\n"
        "  while engine.status.value != 'ready': time.sleep(0.01)\n"
        "  engine.stop(); print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert "ais" in loaded
    assert not loaded & {"tensorflow", "keras", "torch", "jax", "vtkmodules", "scipy", "skimage"}


def test_the_self_test_computes_what_numpy_computes(shared: Engine) -> None:
    job = shared.submit("self_test", {}, "Self-test")
    assert ended(shared, job) == [JobState.DONE], job.error
    assert job.result["device"] in ("cpu", "gpu")
    assert 0 < job.result["error"] < 0.03, "no two programs round alike"
    assert 0 < job.result["seconds"] < job.seconds
    assert job.result["precision"] in ("float32", "mixed_bfloat16", "mixed_float16")
    assert shared.device.startswith(job.result["device"].upper())
    assert ("16" in shared.device) == (job.result["precision"] != "float32")


def test_the_self_test_finds_a_wrong_result(shared: Engine) -> None:
    job = submit(shared, "self_test_of_a_wrong_network")
    assert ended(shared, job) == [JobState.FAILED]
    assert "computes wrongly" in job.error
    assert "AIS_BACKEND" in job.error


def test_jobs_run_in_order_and_their_news_come_once(shared: Engine) -> None:
    ended(shared, submit(shared, "echo"))
    shared.poll()
    jobs = [submit(shared, "echo", value={"number": number, "of": [1.5, None, "x"]}) for number in range(5)]
    news: list[Job] = []
    until(lambda: news.extend(shared.poll()) or all(job in news and job.finished for job in jobs), shared)
    assert shared.poll() == []
    assert [job.result["number"] for job in jobs] == list(range(5))
    assert jobs[0].result == {"number": 0, "of": [1.5, None, "x"]}
    assert shared.jobs[:5] == jobs[::-1]
    times = [job.ended for job in jobs]
    assert times == sorted(times)  # type: ignore[type-var]


def test_values_are_shown_while_a_job_runs(shared: Engine) -> None:
    job = submit(shared, "publishes", count=1000, wait=True)
    seen: list[int] = []

    def all_there() -> bool:
        if "number" in job.published:
            seen.append(job.published["number"])
        return "other" in job.published

    until(all_there, shared)
    assert job.state is JobState.RUNNING
    assert job.published["number"] == 999
    assert (job.published["picture"] == 999 % 256).all()
    assert job.published["other"] == [1, None, "x"]
    assert seen == sorted(seen)
    before = job.published
    shared.cancel(job)
    assert ended(shared, job) == [JobState.CANCELLED]
    assert before["number"] == 999


def test_the_last_values_are_there_when_a_job_ends(shared: Engine) -> None:
    job = submit(shared, "publishes", count=3)
    assert ended(shared, job) == [JobState.DONE]
    assert job.published["number"] == 2
    wrong = submit(shared, "publishes_what_cannot_be_sent")
    assert ended(shared, wrong) == [JobState.FAILED]
    assert "TypeError" in wrong.error


def test_what_is_kept_from_job_to_job_is_bounded(engine: Engine) -> None:
    first, again, more = (submit(engine, "keeps", keys=keys) for keys in (["a"], ["a"], ["b", "c", "b", "a"]))
    assert ended(engine, first, again, more) == [JobState.DONE] * 3
    assert first.result == [1, 300 << 20]
    assert again.result == [0, 300 << 20], "it is still there"
    assert more.result == [4, 300 << 20], "two are too many bytes, so each is made anew"


def test_the_window_is_woken_when_there_is_news() -> None:
    woken = threading.Event()
    engine = Engine(woken.set)
    engine.start()
    try:
        until(lambda: engine.status is EngineStatus.READY, engine)
        job = submit(engine, "echo", value=1)
        deadline = time.monotonic() + PATIENCE_S
        while not job.finished and time.monotonic() < deadline:
            assert woken.wait(PATIENCE_S)
            woken.clear()
            engine.poll()
        assert job.state is JobState.DONE
        woken.clear()
        assert not woken.wait(0.2), "an idle engine must let the window sleep"
    finally:
        engine.stop()


def test_progress_and_remaining_time(shared: Engine) -> None:
    job = submit(shared, "count", steps=40, seconds=0.05)
    assert (job.fraction, job.seconds_left, job.seconds) == (None, None, 0)
    seen: list[tuple[float, float, float]] = []
    while not job.finished:
        if job in shared.poll() and job.seconds_left is not None and job.fraction is not None:
            seen.append((job.seconds, job.fraction, job.seconds_left))
        time.sleep(FRAME_S)
    assert job.result == 40
    fractions = [fraction for _, fraction, _ in seen]
    assert len(seen) >= 5
    assert fractions == sorted(fractions)
    assert fractions[-1] > 0.9
    for seconds, _, left in seen:
        assert seconds + left == pytest.approx(job.seconds, abs=0.5)
    assert job.seconds_left is None
    assert job.fraction == 1
    assert job.message == "all"


def test_a_fast_task_does_not_flood_the_window() -> None:
    calls = 0

    def wake() -> None:
        nonlocal calls
        calls += 1

    engine = Engine(wake)
    try:
        ended(engine, submit(engine, "echo"))
        calls = 0
        job = submit(engine, "count", steps=100_000)
        assert ended(engine, job) == [JobState.DONE]
        assert calls <= 5 + 11 * job.seconds
    finally:
        engine.stop()


def test_the_last_report_before_a_long_step_is_seen(shared: Engine) -> None:
    job = submit(shared, "reports_then_waits")
    until(lambda: job.message == "step 99", shared)
    assert job.fraction == pytest.approx(0.099)
    shared.cancel(job)
    assert ended(shared, job) == [JobState.CANCELLED]


@given(st.floats(0.01, 10), st.integers(50, 2000))
def test_a_constant_rate_is_foretold_exactly(step_s: float, total: int) -> None:
    remaining = RemainingTime()
    for done in range(total // 2 + 1):
        left = remaining.update(done, total, 3 + done * step_s)
    elapsed = (total // 2) * step_s
    if elapsed >= 1:
        assert left == pytest.approx((total - total // 2) * step_s)
    else:
        assert left is None


def test_remaining_time_follows_a_changed_rate_and_a_new_count() -> None:
    remaining = RemainingTime()
    for done in range(101):
        left = remaining.update(done, 1000, done * 0.1)
    assert left == pytest.approx(90)
    for done in range(101, 201):
        left = remaining.update(done, 1000, 10 + (done - 100) * 1.0)
    assert left == pytest.approx(800, rel=0.02), "what was long ago is forgotten"
    assert remaining.update(5, 1000, 120) is None, "it counts anew"
    assert remaining.update(6, 0, 130) is None
    overdue = RemainingTime()
    for elapsed in (0, 1, 2):
        overdue.update(elapsed, 3, elapsed)
    assert overdue.update(2, 3, 60) == 0


def test_a_waiting_job_is_cancelled_at_once(engine: Engine) -> None:
    long, waiting = submit(engine, "reports_then_waits"), submit(engine, "echo")
    until(lambda: long.state is JobState.RUNNING, engine)
    assert engine.status is EngineStatus.BUSY
    engine.cancel(waiting)
    assert waiting.state is JobState.CANCELLED
    assert waiting in engine.poll()
    engine.cancel(long)
    assert ended(engine, long) == [JobState.CANCELLED]
    until(lambda: engine.status is EngineStatus.READY, engine)
    engine.cancel(long)
    assert long.state is JobState.CANCELLED
    again = engine.retry(waiting)
    assert ended(engine, again) == [JobState.DONE]
    assert again.number > waiting.number


def test_a_job_that_does_not_stop_is_killed_and_the_others_go_on(engine: Engine, tmp_path: Path) -> None:
    deaf = submit(engine, "deaf", mark=str(tmp_path / "mark"))
    others = [submit(engine, "process") for _ in range(3)]
    until((tmp_path / "mark").exists, engine)
    first = engine.pid
    engine.cancel(deaf)
    assert deaf.state is JobState.CANCELLING
    assert ended(engine, deaf, *others) == [JobState.CANCELLED] + [JobState.DONE] * 3
    assert {job.result["pid"] for job in others} == {engine.pid}
    assert engine.pid != first
    assert deaf.error == ""


def test_a_job_that_keeps_what_it_has_is_given_time(engine: Engine) -> None:
    job = submit(engine, "keeps_its_best", seconds=1.0)
    until(lambda: job.message == "step 99", engine)
    pid = engine.pid
    engine.cancel(job)
    assert ended(engine, job) == [JobState.DONE]
    assert job.result == "kept"
    assert engine.pid == pid


@pytest.mark.parametrize(
    ("task", "manner"),
    [("killed", "signal 9, perhaps out of memory"), ("aborts", "signal 6, aborted"), ("exits_at_once", "exit code 7")],
)
def test_after_a_crash_the_waiting_jobs_go_on(
    engine: Engine, task: str, manner: str, capfd: pytest.CaptureFixture[str]
) -> None:
    before, crash, after = submit(engine, "process"), submit(engine, task), submit(engine, "process")
    assert ended(engine, before, crash, after) == [JobState.DONE, JobState.FAILED, JobState.DONE]
    assert crash.error == f"The compute process ended unexpectedly ({manner}): the job can be run again."
    assert before.result["pid"] != after.result["pid"]
    assert engine.problem == ""


def test_a_process_that_hangs_holds_nobody_up(engine: Engine) -> None:
    hung = submit(engine, "reports_then_waits")
    until(lambda: hung.state is JobState.RUNNING, engine)
    assert engine.pid is not None
    os.kill(engine.pid, signal.SIGSTOP)
    large = np.ones((1024, 1024), "f4")
    began = time.monotonic()
    urgent = [submit(engine, "echo", urgent=True, value=large) for _ in range(5)]
    engine.cancel(hung)
    engine.poll()
    assert time.monotonic() - began < 1.0
    assert ended(engine, hung, *urgent) == [JobState.CANCELLED] + [JobState.DONE] * 5


def test_a_process_that_cannot_be_started(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine()
    with monkeypatch.context() as patched:
        patched.setattr("ais.engine.engine.Link", mock.Mock(side_effect=OSError(errno.EAGAIN, "too many processes")))
        job = submit(engine, "echo", value=1)
        until(lambda: engine.status is EngineStatus.FAILED, engine)
    assert "too many processes" in engine.problem
    engine.start()
    assert ended(engine, job) == [JobState.DONE]
    engine.stop()


def test_a_killed_idle_process_comes_back(engine: Engine) -> None:
    ended(engine, submit(engine, "echo"))
    first = engine.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    until(lambda: engine.pid not in (None, first) and engine.status is EngineStatus.READY, engine)
    assert ended(engine, submit(engine, "echo")) == [JobState.DONE]


def test_three_crashes_in_a_row_are_enough(engine: Engine) -> None:
    crashes = [submit(engine, "exits_at_once") for _ in range(2)]
    done = submit(engine, "echo")
    crashes += [submit(engine, "exits_at_once") for _ in range(3)]
    left = submit(engine, "echo", value=5)
    until(lambda: engine.status is EngineStatus.FAILED, engine)
    assert done.state is JobState.DONE
    assert all(job.state is JobState.FAILED for job in crashes)
    assert left.state is JobState.WAITING
    assert "3 times in a row (exit code 7)" in engine.problem
    assert engine.pid is None
    engine.start()
    assert engine.problem == ""
    assert ended(engine, left) == [JobState.DONE]


def test_of_live_requests_the_latest_wins(engine: Engine) -> None:
    ended(engine, submit(engine, "echo"))
    long = submit(engine, "count", steps=1, seconds=0.5)
    until(lambda: long.state is JobState.RUNNING, engine)
    live = [submit(engine, "echo", urgent=True, replaces="live xy", value=number) for number in range(20)]
    other = submit(engine, "echo", urgent=True, replaces="live xz", value=-1)
    assert [job.state for job in live[:-1]] == [JobState.CANCELLED] * 19
    assert ended(engine, long, live[-1], other) == [JobState.DONE] * 3
    assert live[-1].result == 19
    assert other.result == -1
    assert not any(job.urgent for job in engine.jobs)


def test_a_waiting_job_of_the_same_key_is_replaced_but_not_a_running_one(engine: Engine) -> None:
    running = submit(engine, "count", steps=10, seconds=0.02, replaces="preview")
    until(lambda: running.state is JobState.RUNNING, engine)
    middle = submit(engine, "echo", replaces="preview")
    last = submit(engine, "echo", replaces="preview")
    assert ended(engine, running, middle, last) == [JobState.DONE, JobState.CANCELLED, JobState.DONE]


def test_urgent_jobs_run_inside_a_long_one_and_before_waiting_ones(engine: Engine) -> None:
    long = submit(engine, "count", steps=200, seconds=0.01)
    waiting = submit(engine, "echo")
    until(lambda: long.state is JobState.RUNNING, engine)
    waits = []
    for _ in range(10):
        asked = time.monotonic()
        urgent = submit(engine, "count", urgent=True, steps=3)
        assert ended(engine, urgent) == [JobState.DONE]
        waits.append(time.monotonic() - asked)
        assert long.state is JobState.RUNNING
        assert waiting.state is JobState.WAITING
    assert sorted(waits)[5] < 0.1, waits
    urgent = submit(engine, "wrong_file", urgent=True)
    assert ended(engine, urgent, long, waiting) == [JobState.FAILED, JobState.DONE, JobState.DONE]


def test_a_crash_of_an_urgent_job_inside_another(engine: Engine) -> None:
    long, waiting = submit(engine, "reports_then_waits"), submit(engine, "echo")
    until(lambda: long.state is JobState.RUNNING, engine)
    urgent = submit(engine, "killed", urgent=True)
    assert ended(engine, long, urgent, waiting) == [JobState.FAILED, JobState.FAILED, JobState.DONE]
    assert "while it computed 'killed'" in long.error


def test_an_error_of_the_user_is_its_sentence(shared: Engine) -> None:
    job = submit(shared, "wrong_file")
    assert ended(shared, job) == [JobState.FAILED]
    assert (job.error, job.log, job.result) == ("a.mrc is damaged: copy it again.", (), None)


@pytest.mark.parametrize(
    ("task", "kind"), [("bug", "ZeroDivisionError"), ("leaves", "SystemExit"), ("strange_result", "TypeError")]
)
def test_an_error_of_ours_asks_for_a_report_and_is_in_the_log(shared: Engine, task: str, kind: str) -> None:
    job = submit(shared, task)
    assert ended(shared, job) == [JobState.FAILED]
    assert "please report" in job.error
    assert kind in job.error
    assert "Traceback" not in job.error
    assert "Traceback" in job.log[-1]
    assert kind in job.log[-1]


def test_a_task_that_cannot_be_found_fails(shared: Engine) -> None:
    job = shared.submit("engine_tasks:missing", {}, "Missing")
    assert ended(shared, job) == [JobState.FAILED]
    with pytest.raises(ValueError, match="no task"):
        shared.submit("missing", {}, "Missing")
    with pytest.raises(TypeError, match="cannot be sent"):
        submit(shared, "echo", value=threading.Lock())


def test_a_log_holds_the_task_and_the_modules_of_ais(shared: Engine) -> None:
    job = submit(shared, "talks")
    ended(shared, job)
    assert job.log == ("of its own", "epoch 3")
    for number in range(LOG_LINES):
        job.add_lines((f"line {number}",))
    assert len(job.log) == LOG_LINES
    assert job.log[-1] == f"line {LOG_LINES - 1}"


@pytest.mark.parametrize(("shape", "dtype"), [((1024, 1024), "uint8"), ((1024, 1024), "float32"), ((0, 3), "int16")])
def test_arrays_go_there_and_back(shared: Engine, shape: tuple[int, ...], dtype: str) -> None:
    expected = np.arange(np.prod(shape)).astype(dtype).reshape(shape)
    job = submit(shared, "array", shape=list(shape), dtype=dtype, given=expected)
    assert ended(shared, job) == [JobState.DONE], job.log
    for array in job.result.values():
        np.testing.assert_array_equal(array, expected)
        assert array.dtype == expected.dtype


def test_only_plain_values_are_sent() -> None:
    check_plain({"a": [1, 2.0, "x", None, True, (np.zeros(2), np.float32(1))]})
    for value in (object(), {1: 2}, [Path("x")], np.array([object()]), {"a": {"b": {1}}}):
        with pytest.raises(TypeError):
            check_plain(value)


def test_a_thousand_jobs_leave_nothing_behind(shared: Engine) -> None:
    def resident() -> tuple[float, float]:
        job = submit(shared, "process")
        ended(shared, job)
        mine = int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        return mine / 2**20, job.result["resident"] / 2**20

    def many(count: int) -> None:
        value = np.ones(10_000)
        for _ in range(count // 10):
            jobs = [submit(shared, "echo", value=value, urgent=True) for _ in range(9)] + [submit(shared, "echo")]
            ended(shared, *jobs)
            assert jobs[0].result.shape == (10_000,)

    many(1100)
    before, threads = resident(), threading.active_count()
    many(1000)
    after = resident()
    assert after[0] - before[0] < 8
    assert after[1] - before[1] < 8
    assert threading.active_count() == threads
    assert len(shared.jobs) <= 100


def test_the_process_is_of_low_priority_and_deaf_to_ctrl_c(engine: Engine) -> None:
    job = submit(engine, "process")
    ended(engine, job)
    assert job.result["niceness"] == min(os.nice(0) + 10, 19)
    assert job.result["modules"] == []
    assert engine.pid is not None
    os.kill(engine.pid, signal.SIGINT)
    again = submit(engine, "process")
    ended(engine, again)
    assert again.result["pid"] == job.result["pid"]


@pytest.mark.parametrize("busy", [False, True])
def test_the_process_ends_with_the_window(tmp_path: Path, busy: bool) -> None:
    mark = tmp_path / "mark"
    task = "engine_tasks:deaf" if busy else "engine_tasks:count"
    code = (
        "import sys, time; from ais.engine import Engine\n"
        f"engine = Engine(); engine.submit({task!r}, {{'mark': {str(mark)!r}, 'steps': 1}}, 'Job')\n"
        "while True: time.sleep(1)"
    )
    window = subprocess.Popen(
        [sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    )
    deadline = time.monotonic() + PATIENCE_S
    try:
        while not (mark.exists() and mark.read_text()):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        pid = int(mark.read_text())
        assert is_alive(pid)
    finally:
        window.kill()
        window.wait()
    while is_alive(pid):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def is_alive(pid: int) -> bool:
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.parametrize("seed", range(3))
def test_whatever_happens_every_job_ends(engine: Engine, seed: int) -> None:
    """Random jobs, cancels and crashes: each job ends once, and those that are innocent with their result."""
    random = np.random.default_rng(seed)
    jobs: list[Job] = []
    cancelled: set[Job] = set()
    ends: list[Job] = []

    def frame() -> None:
        ends.extend(job for job in engine.poll() if job.finished)
        if engine.status is EngineStatus.FAILED:
            engine.start()

    for _ in range(120):
        match int(random.integers(12)):
            case 0:
                jobs.append(submit(engine, "exits_at_once", urgent=bool(random.integers(2))))
            case 1 | 2:
                jobs.append(submit(engine, "reports_then_waits"))
                cancelled.add(jobs[-1])
            case 3 | 4 | 5:
                jobs.append(submit(engine, "echo", urgent=True, replaces="live", value=len(jobs)))
            case 6 | 7 if cancelled:
                for job in cancelled:
                    engine.cancel(job)
            case _:
                jobs.append(submit(engine, "count", steps=3, seconds=0.002))
        frame()
        time.sleep(float(random.exponential(0.01)))
    deadline = time.monotonic() + PATIENCE_S
    while not all(job.finished for job in jobs):
        assert time.monotonic() < deadline, [job for job in jobs if not job.finished]
        for job in cancelled:
            engine.cancel(job)
        frame()
        time.sleep(FRAME_S)
    frame()
    assert sorted(job.number for job in ends) == [job.number for job in jobs]
    for job in jobs:
        if job.state is JobState.FAILED:
            assert "unexpectedly (exit code 7)" in job.error
        elif job.state is JobState.CANCELLED:
            assert job in cancelled or job.replaces
        else:
            assert job.result == job.arguments.get("value", 3)
    assert any(job.state is JobState.DONE for job in jobs)


def test_stop_cancels_and_ends_the_process(tmp_path: Path) -> None:
    engine = Engine()
    running, waiting = submit(engine, "reports_then_waits"), submit(engine, "echo")
    until(lambda: running.state is JobState.RUNNING, engine)
    pid = engine.pid
    began = time.monotonic()
    engine.stop()
    assert time.monotonic() - began < 2
    assert (running.state, waiting.state) == (JobState.CANCELLED, JobState.CANCELLED)
    assert pid is not None
    assert not is_alive(pid)
    deaf = submit(engine, "deaf", mark=str(tmp_path / "mark"))
    until((tmp_path / "mark").exists, engine)
    engine.stop(0.2)
    assert deaf.state is JobState.CANCELLED
    assert engine.status is EngineStatus.NOT_STARTED
    engine.stop()


def test_polling_is_cheap_while_large_results_arrive(shared: Engine) -> None:
    jobs = [submit(shared, "array", shape=[1024, 1024], dtype="float32", urgent=True) for _ in range(20)]
    longest = 0.0
    while not all(job.finished for job in jobs):
        began = time.thread_time()
        shared.poll()
        longest = max(longest, time.thread_time() - began)
        time.sleep(0.001)
    assert longest < 0.005
