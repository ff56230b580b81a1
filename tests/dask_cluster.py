"""A Dask scheduler and workers as processes of their own, each worker on a loopback address, as if on a machine."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

TESTS = Path(__file__).resolve().parent
PATIENCE_S = 120.0


def wait_for(true: Callable[[], object], what: str) -> None:
    """Wait until something has become true."""
    until = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < until, f"waited in vain for {what}"
        time.sleep(0.05)


class DaskCluster:
    """A scheduler on 127.0.0.1, and workers that preload `cluster_faults`.

    Parameters
    ----------
    folder
        For its files; `go` and the files beside it are those of `cluster_faults`.
    deaths
        How many workers may die of a task before it is given up.
    options
        Further words for the scheduler and the workers.
    host
        Address of the scheduler.
    before
        Words that precede the scheduler's command, such as ``ip netns exec NAME``.
    """

    def __init__(
        self,
        folder: Path,
        deaths: int = 2,
        options: Sequence[str] = (),
        host: str = "127.0.0.1",
        before: Sequence[str] = (),
    ) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.go = folder / "go"
        self._options = list(options)
        self._file = folder / "scheduler.json"
        self._deaths = deaths
        self._processes: list[subprocess.Popen[bytes]] = []
        self.scheduler = self.begin("scheduler", host, ["--port", "0", "--dashboard-address", "127.0.0.1:0"], before)
        wait_for(self._file.exists, "the scheduler")
        self.address: str = json.loads(self._file.read_text())["address"]

    def begin(
        self, role: str, host: str, words: Sequence[str], before: Sequence[str] = (), **environment: str
    ) -> subprocess.Popen[bytes]:
        """Start a process of Dask; it is killed with all others, and with what it has started."""
        call = [*before, sys.executable, "-m", f"distributed.cli.dask_{role}", "--host", host, *self._options, *words]
        call += ["--scheduler-file", str(self._file)]
        inherited = {
            **os.environ,
            "PYTHONPATH": str(TESTS),
            "AIS_TEST_GO": str(self.go),
            "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": str(self._deaths - 1),
            **environment,
        }
        with open(self.folder / f"{role}-{host}.log", "ab") as log:
            process = subprocess.Popen(
                call, cwd=self.folder, env=inherited, stdout=log, stderr=log, start_new_session=True
            )
        self._processes.append(process)
        return process

    def worker(self, host: str, before: Sequence[str] = (), **environment: str) -> subprocess.Popen[bytes]:
        """Start a worker, and the nanny that starts it again when it dies."""
        scratch = str(self.folder / "scratch")
        words = ["--nthreads", "1", "--memory-limit", "0", "--no-dashboard", "--local-directory", scratch]
        return self.begin("worker", host, [*words, "--preload", "cluster_faults"], before, **environment)

    def at_work(self, name: str) -> list[int]:
        """Processes that wait within the segmentation of a slow tomogram, or have done so."""
        return [int(path.suffix[1:]) for path in self.go.parent.glob(f"{name}.[0-9]*")]

    def clear(self) -> None:
        """Forget who has been at work, and make slow tomograms wait again."""
        for path in (self.go, *self.go.parent.glob("slow*.[0-9]*")):
            path.unlink(missing_ok=True)

    def end(self) -> None:
        """Kill all processes, with those that they have started."""
        for process in self._processes:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
            process.wait()
