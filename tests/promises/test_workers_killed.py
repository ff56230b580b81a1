"""`ais segment --workers`: a worker, or the command, is killed at any moment; nothing is lost or half-written."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from soaking import moments

from ais.classic import make_classic_model
from ais.export import segment
from ais.formats.registry import write_volume

PATIENCE_S = 180.0
NAMES = tuple("abcdef")
IN_SLICES = """
import sys
from ais import segmented_slabs
segmented_slabs.SLAB_BYTES = 1 << 14
from ais.cli.main import run
if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
"""

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the workers are found in /proc")


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("workers")
    noise = np.random.default_rng(0)
    for name in NAMES:
        write_volume(folder / "in" / f"{name}.mrc", noise.normal(0, 1, (16, 64, 64)).astype("f4"), voxel_sizes=10.0)
    make_classic_model(folder / "model.aism", "spot", "spot", {"diameter": 60})
    (folder / "call.py").write_text(IN_SLICES)
    segment(sorted((folder / "in").iterdir()), [folder / "model.aism"], folder / "expected")
    return folder


def start(stock: Path, output: Path) -> subprocess.Popen[str]:
    words = ["segment", "-m", "model.aism", "in", "-o", str(output), "--workers", "2", "--device", "cpu"]
    return subprocess.Popen(
        [sys.executable, "call.py", *words],
        cwd=stock,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def children(process: int) -> list[int]:
    """Those that were started first come first: Python's own process that looks after shared things, then workers."""
    try:
        return [int(one) for one in Path(f"/proc/{process}/task/{process}/children").read_text().split()]
    except OSError:
        return []


def group_exists(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize("seed", range(moments(3, 60)))
def test_killed_at_any_moment(stock: Path, tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    output = tmp_path / "out"
    process = start(stock, output)
    until(lambda: len(children(process.pid)) >= 3 or process.poll() is not None)
    time.sleep(chance.uniform(0, 3))
    whom = [process.pid, *children(process.pid)[1:]][seed % 3 : seed % 3 + 1]
    for one in whom:
        os.kill(one, signal.SIGKILL)
    _, errors = process.communicate(timeout=PATIENCE_S)
    until(lambda: not group_exists(process.pid))
    for volume in output.glob("[!.]*.mrc"):
        assert volume.read_bytes() == (stock / "expected" / volume.name).read_bytes(), "only whole volumes have a name"
    if process.returncode != -signal.SIGKILL:
        assert process.returncode == 0, errors  # it was a worker, and another has done its work
    made = {volume: volume.stat().st_mtime_ns for volume in output.glob("[!.]*__spot.mrc")}
    again = start(stock, output)
    _, errors = again.communicate(timeout=PATIENCE_S)
    assert again.returncode == 0, errors
    assert all(volume.stat().st_mtime_ns == then for volume, then in made.items()), "what was finished is kept"
    expected = {f"{name}__spot.mrc{end}" for name in NAMES for end in ("", ".json")} | {"manifest.json"}
    assert {path.name for path in output.iterdir()} == expected
    for name in NAMES:
        volume = f"{name}__spot.mrc"
        assert (output / volume).read_bytes() == (stock / "expected" / volume).read_bytes()
