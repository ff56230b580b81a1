"""T13: tomograms through `ais segment` by two workers, each on one core of its own; the reference is one worker on one.

Starting the workers is included. The machine must have nothing else to do; where it has, only the line on stderr means
something: how much processor time the second worker costs, which is that of its start if the workers do not hinder
each other. `--volumes N` takes another number than 24.
"""

from __future__ import annotations

import os
import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from figure import Figure, report

from ais.export import SegmentSettings, segment
from ais.formats.registry import write_volume
from ais.workers.pool import Workers
from ais.workers.processors import Processor

SHAPE = (16, 384, 384)
VOLUMES = int(sys.argv[sys.argv.index("--volumes") + 1]) if "--volumes" in sys.argv else 24
MODEL = """
import sys
from ais.models import Model, ModelInfo, build, save_model
info = ModelInfo("unet-s", {}, "membrane", 10.0, 64, 1)
save_model(sys.argv[1], Model(build("unet-s", 1, info.arguments, seed=0), info))
"""


def seconds(folder: Path, cores: list[int]) -> tuple[float, float]:
    """By the clock, and of the processors, for all volumes with a worker on each of these cores."""
    workers = Workers([Processor("cpu", "-1", (core,)) for core in cores])
    inputs = sorted((folder / "in").iterdir())
    began, used = time.perf_counter(), _processor_time()
    results = segment(inputs, [folder / "m.aism"], folder / f"out{len(cores)}", SegmentSettings(), runner=workers)
    assert all(result.status == "done" for result in results), results
    return time.perf_counter() - began, _processor_time() - used


def _processor_time() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    first, second = sorted(os.sched_getaffinity(0))[:2]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        noise = np.random.default_rng(0)
        for number in range(VOLUMES):
            values = noise.normal(0, 1, SHAPE).astype("f4")
            write_volume(folder / "in" / f"t{number:02d}.mrc", values, voxel_sizes=10.0)
        os.spawnl(os.P_WAIT, sys.executable, sys.executable, "-c", MODEL, str(folder / "m.aism"))
        one, one_used = seconds(folder, [first])
        two, two_used = seconds(folder, [first, second])
    report(Figure("T13", two, one))
    cost = f"{two_used:.1f} s / {one_used:.1f} s = {two_used / one_used:.2f}"
    sys.stderr.write(f"T13: processor time of two workers / of one: {cost}; load: {os.getloadavg()[0]:.1f}\n")


if __name__ == "__main__":
    main()
