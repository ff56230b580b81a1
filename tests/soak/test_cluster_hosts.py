"""Workers on several hosts, which are network namespaces joined by a bridge: one of them is cut off at its work.

Needs root and iproute2, as no other test does.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from dask_cluster import PATIENCE_S, DaskCluster, wait_for
from small_project import VOXEL_SIZE, blobs

from ais.classic import make_classic_model
from ais.formats.record import is_unchanged, read_record
from ais.formats.registry import write_volume

pytestmark = [
    pytest.mark.soak,
    pytest.mark.skipif(
        os.name == "nt" or os.geteuid() != 0 or shutil.which("ip") is None, reason="namespaces are made by root"
    ),
]
BRIDGE = f"ais{os.getpid() % 10000}"
HOSTS = 3


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


def within(number: int) -> list[str]:
    """Words by which a command runs on a host."""
    return ["ip", "netns", "exec", f"{BRIDGE}h{number}"]


def address(number: int) -> str:
    return f"10.231.7.{number + 1}"


@pytest.fixture
def hosts() -> Iterator[None]:
    """Hosts 0, 1 and 2."""
    try:
        ip("link", "add", BRIDGE, "type", "bridge")
        ip("link", "set", BRIDGE, "up")
        for number in range(HOSTS):
            name, cable = f"{BRIDGE}h{number}", f"{BRIDGE}c{number}"
            ip("netns", "add", name)
            ip("link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", name)
            ip("link", "set", cable, "master", BRIDGE, "up")
            for words in (["addr", "add", f"{address(number)}/24", "dev", "eth0"], ["link", "set", "eth0", "up"]):
                ip("-n", name, *words)
            ip("-n", name, "link", "set", "lo", "up")
        yield
    finally:
        for number in range(HOSTS):
            subprocess.run(["ip", "netns", "del", f"{BRIDGE}h{number}"], check=False, capture_output=True)
        subprocess.run(["ip", "link", "del", BRIDGE], check=False, capture_output=True)


def test_a_host_that_is_cut_off_at_its_work_loses_it_to_another(
    hosts: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DASK_DISTRIBUTED__COMM__TIMEOUTS__TCP", "12s")
    monkeypatch.setenv("DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL", "10s")
    write_volume(tmp_path / "slow.mrc", (1 - 2.0 * blobs()).astype("f4"), voxel_sizes=VOXEL_SIZE)
    inputs = [str(tmp_path / "slow.mrc")]
    for number in range(8):
        inputs.append(shutil.copy(tmp_path / "slow.mrc", tmp_path / f"t{number}.mrc"))
    make_classic_model(tmp_path / "blob.aism", "threshold", "blob", {"dimensions": "2d"})
    cluster = DaskCluster(tmp_path / "cluster", host=address(0), before=within(0))
    try:
        for number in (1, 2):
            cluster.worker(address(number), within(number))
        call = [*within(0), sys.executable, "-m", "ais.cli", "segment", "-m", str(tmp_path / "blob.aism"), *inputs]
        call += ["-o", str(tmp_path / "out"), "--cluster", cluster.address]
        process = subprocess.Popen(call, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        wait_for(lambda: cluster.at_work("slow"), "a worker that has begun")
        (first,) = cluster.at_work("slow")
        host = next(number for number in (1, 2) if first in processes_of(number))
        ip("link", "set", f"{BRIDGE}c{host}", "down")
        wait_for(lambda: len(cluster.at_work("slow")) == 2, "another host")
        cluster.go.touch()
        _, err = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 0, err
        assert f"whoever can reach {cluster.address} can run programs as you" in err
        for path in inputs:
            output = tmp_path / "out" / f"{Path(path).stem}__blob.mrc"
            record = read_record(output)
            assert record is not None
            assert is_unchanged(output, record)
    finally:
        cluster.end()


def processes_of(number: int) -> set[int]:
    done = subprocess.run(["ip", "netns", "pids", f"{BRIDGE}h{number}"], capture_output=True, text=True, check=True)
    return {int(word) for word in done.stdout.split()}
