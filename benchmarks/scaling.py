"""What a batch costs besides computing: the figures behind docs/explanation/scaling.md, written there with ``--write``.

A real Dask scheduler with 64 workers hands out 1,000 tasks; 1,000 records and their manifest are written and looked at
as a call does that goes on; a network is loaded in a new process. From these a model tells how long 1,000 tomograms
take, and what limits it.
"""

from __future__ import annotations

import math
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from run_all import between, machine

PAGE = Path(__file__).resolve().parent.parent / "docs" / "explanation" / "scaling.md"
TOMOGRAMS, WORKERS, PROCESSES = 1000, 64, 4
HANDED = 200
WRITTEN = 50
"""Of the records; the others are copies, since each waits for the disk four times."""
SHAPE = (300, 1024, 1024)
BYTES_READ, BYTES_WRITTEN = 2, 1  # of a voxel: int16 in, one feature in uint8 out
MIB, GIB = 1 << 20, 1 << 30
HOST = "127.0.0.1"

DASK_WORKERS = """
import asyncio, sys
from distributed import Worker
async def main():
    made = [Worker(sys.argv[1], nthreads=1, host="127.0.0.1", memory_limit=0) for _ in range(int(sys.argv[2]))]
    await asyncio.gather(*made)
    await asyncio.gather(*(one.finished() for one in made))
asyncio.run(main())
"""
LOAD = """
import sys, time
from ais.segmentation import segmenter_for
segmenter_for(sys.argv[1], device="cpu")
print(time.process_time())
"""


@dataclass(frozen=True)
class Costs:
    """Seconds that were measured, each per tomogram or per worker; of processors where nothing else is said.

    Attributes
    ----------
    task
        Of the scheduler, for a task.
    told
        Of the scheduler or of the command, whichever is more, for one report of progress.
    handed
        Of the scheduler or of the command, whichever is more, for a tomogram in `ais segment --cluster`.
    record
        To write an output's record.
    look
        To see that an output is finished.
    manifest
        To write the manifest of 1,000 outputs, once.
    load
        To start a worker's network.
    """

    task: float
    told: float
    handed: float
    record: float
    look: float
    manifest: float
    load: float


class Meter:
    """Seconds of processors that the scheduler and this process take; others at work on the machine do not count.

    Parameters
    ----------
    scheduler
        Its process.
    """

    def __init__(self, scheduler: int) -> None:
        import psutil

        self._process = psutil.Process(scheduler)

    def of(self, work: Callable[[], object]) -> tuple[float, float]:
        """Seconds of the scheduler and of this process."""
        before, mine = self._process.cpu_times(), time.process_time()
        work()
        after = self._process.cpu_times()
        return after.user + after.system - before.user - before.system, time.process_time() - mine


def nothing(number: int) -> int:
    """Do a task that costs nothing."""
    return number


def tell(number: int) -> int:
    """Report progress once."""
    import distributed

    distributed.get_worker().log_event("scaling", {"number": number, "share": 0.5, "text": "TS_001, slice 10 of 300"})
    return number


def done_at_once(assignment: Any) -> Any:
    """Say that a tomogram is done."""
    from ais.cluster.worker import Attempt
    from ais.segment_settings import SegmentResult

    return Attempt(SegmentResult(assignment.task.tomogram, assignment.task.outputs), "node", "tcp://node:1")


def tasks_of(client: Any, function: Any) -> None:
    """1,000 tasks."""
    names = [f"{time.time()}-{number}" for number in range(TOMOGRAMS)]
    client.gather(client.map(function, range(TOMOGRAMS), key=names))


def handed_out(client: Any, folder: Path) -> None:
    """Tomograms that cost nothing, through the runner of `ais segment --cluster`."""
    from ais.chosen_models import read_models
    from ais.classic import make_classic_model
    from ais.cluster import runner
    from ais.cluster.connection import Connection
    from ais.export import share_tasks
    from ais.formats.claim import Claims
    from ais.progress import SILENT
    from ais.segment_settings import SegmentSettings
    from ais.shards import Shard
    from ais.tomogram_task import TomogramTask

    make_classic_model(folder / "blob.aism", "threshold", "blob", {})
    models = tuple(read_models([folder / "blob.aism"]))
    tasks = [TomogramTask(folder / f"{n}.mrc", models, folder / "out", SegmentSettings()) for n in range(HANDED)]
    runner.attempt = done_at_once
    with Claims(folder / "out") as claims:
        sharing = share_tasks(tasks, Shard(0, 1), claims)
        runner.ClusterRunner(Connection(client, "the cluster"))(sharing, tasks, SILENT)


def seconds_of_records(folder: Path) -> tuple[float, float, float]:
    """Seconds for a record, for the look at one, and for the manifest."""
    from ais.formats.record import Identity, describe_input, is_finished, record_path, recorded_output
    from ais.segmented_volumes import write_manifest

    folder.mkdir()
    (folder / "TS.mrc").write_bytes(bytes(4096))
    source = describe_input(folder / "TS.mrc")
    identities = {
        folder / f"TS_{n:04d}__membrane.mrc": Identity("segment", [source], {"number": n}) for n in range(WRITTEN)
    }
    began = time.process_time()
    for output, identity in identities.items():
        with recorded_output(output, identity) as made:
            made.path.write_bytes(bytes(4096))
    written = time.process_time()
    assert all(is_finished(output, identity) for output, identity in identities.items())
    looked = time.process_time()
    first, *_ = identities
    for n in range(WRITTEN, TOMOGRAMS):
        other = folder / f"TS_{n:04d}__membrane.mrc"
        shutil.copy(first, other)
        shutil.copy(record_path(first), record_path(other))
    copied = time.process_time()
    write_manifest(folder)
    return (written - began) / WRITTEN, (looked - written) / WRITTEN, time.process_time() - copied


def seconds_to_load(folder: Path) -> float:
    """Seconds until the default network is ready in a new process; the second of two, with a warm disk cache."""
    from ais.models import Model, ModelInfo, build, save_model

    info = ModelInfo("unet-s", {}, "membrane", 10.0, 64, 1)
    save_model(folder / "membrane.aism", Model(build("unet-s", 1, {}, seed=0), info))
    call = [sys.executable, "-c", LOAD, str(folder / "membrane.aism")]
    return [float(subprocess.run(call, capture_output=True, text=True, check=True).stdout) for _ in range(2)][-1]


def measure() -> Costs:
    """All of it, in about a minute."""
    import distributed

    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        load = seconds_to_load(folder)
        record, look, manifest = seconds_of_records(folder / "records")
        place = folder / "scheduler.json"
        words = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", HOST, "--port", "0"]
        words += ["--dashboard-address", f"{HOST}:0", "--scheduler-file", str(place)]
        meter = Meter(begin(stack, words))
        while not place.exists():
            time.sleep(0.1)
        client = stack.enter_context(distributed.Client(scheduler_file=str(place), set_as_default=False))
        for _ in range(PROCESSES):
            begin(stack, [sys.executable, "-c", DASK_WORKERS, client.scheduler.address, str(WORKERS // PROCESSES)])
        client.wait_for_workers(WORKERS, timeout=120)
        tasks_of(client, nothing)
        tasks = meter.of(lambda: tasks_of(client, nothing))
        told = meter.of(lambda: tasks_of(client, tell))
        handed = meter.of(lambda: handed_out(client, folder))
        more = max(one - other for one, other in zip(told, tasks, strict=True))
        return Costs(
            *(tasks[0] / TOMOGRAMS, max(more, 0.0) / TOMOGRAMS, max(handed) / HANDED),
            *(record, look, manifest, load),
        )


def begin(stack: ExitStack, words: list[str]) -> int:
    """Start a process that is killed at the end; its number."""
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    stack.callback(process.wait)
    stack.callback(process.kill)
    return process.pid


def hours(costs: Costs, workers: int, minutes: float, rate: float) -> tuple[float, str]:
    """Hours for 1,000 tomograms, and what limits them.

    Parameters
    ----------
    costs
        What was measured.
    workers
        How many compute.
    minutes
        That a tomogram takes on one of them.
    rate
        Bytes per second that the file system gives to all together.
    """
    size = math.prod(SHAPE) * (BYTES_READ + BYTES_WRITTEN)
    parts = {
        "computing": math.ceil(TOMOGRAMS / workers) * minutes * 60,
        "file system": TOMOGRAMS * size / rate,
        "handing out": TOMOGRAMS * (costs.handed + costs.told * minutes * 60),
    }
    limit = max(parts, key=lambda name: parts[name])
    return (costs.load + parts[limit] + costs.manifest) / 3600, limit


def table(costs: Costs) -> str:
    """The figures and the model as Markdown."""
    rows = [
        ("a task, in a scheduler with 64 workers", f"{costs.task * 1e3:.2f} ms"),
        ("a report of progress", f"{costs.told * 1e3:.2f} ms"),
        ("a tomogram through `ais segment --cluster`: claim, task, result; at most", f"{costs.handed * 1e3:.1f} ms"),
        ("writing an output's record, without waiting for the disk", f"{costs.record * 1e3:.1f} ms"),
        ("seeing that an output is finished", f"{costs.look * 1e3:.2f} ms"),
        ("the manifest of 1,000 outputs, once", f"{costs.manifest:.2f} s"),
        ("starting TensorFlow and loading a network, once per worker", f"{costs.load:.1f} s"),
    ]
    lines = [f"Seconds of one processor, measured on {machine()}.", "", "| what | cost |", "|---|---|"]
    lines += [f"| {what} | {cost} |" for what, cost in rows]
    lines += ["", "| minutes per tomogram | 1 worker | 8 GPUs | 64 nodes, 1 GiB/s | 64 nodes, 10 GiB/s |"]
    lines += ["|---|---|---|---|---|"]
    for minutes in (0.25, 1.0, 4.0, 15.0):
        cells = []
        for workers, rate in ((1, 1), (8, 1), (64, 1), (64, 10)):
            took, limit = hours(costs, workers, minutes, rate * GIB)
            cells.append(f"{took:.2f} h ({limit})")
        lines.append(f"| {minutes:g} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    text = table(measure())
    print(text)
    if "--write" in sys.argv:
        PAGE.write_text(between(PAGE.read_text(encoding="utf-8"), "figures", text), encoding="utf-8")
