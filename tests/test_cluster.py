"""Tomograms on the workers of a Dask scheduler: the same volumes, and what becomes of them when something dies."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dask_cluster import PATIENCE_S, DaskCluster, wait_for
from small_project import VOXEL_SIZE, blobs

from ais.classic import make_classic_model
from ais.cli.main import run
from ais.cluster.probe import examine_cluster
from ais.formats.record import is_unchanged, read_record
from ais.formats.registry import write_volume

pytestmark = pytest.mark.skipif(os.name == "nt", reason="processes are killed here as Windows does not kill them")
FIRST, SECOND = "127.0.0.2", "127.0.0.3"


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stock")
    write_volume(folder / "tomo.mrc", (1 - 2.0 * blobs()).astype("f4"), voxel_sizes=VOXEL_SIZE)
    make_classic_model(folder / "blob.aism", "threshold", "blob", {"dimensions": "2d"})
    return folder


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaskCluster]:
    """Two workers on two addresses, as if on two machines; one of them does not see all files."""
    one = DaskCluster(tmp_path_factory.mktemp("cluster"))
    one.worker(FIRST, AIS_TEST_BLIND="yes")
    one.worker(SECOND)
    try:
        yield one
    finally:
        one.end()


@pytest.fixture
def two(cluster: DaskCluster) -> DaskCluster:
    """The cluster, with both workers there."""
    cluster.clear()
    with client_of(cluster) as client:
        client.wait_for_workers(2, timeout=PATIENCE_S)
        wait_for(lambda: len(client.sync(client.scheduler.ncores)) == 2, "both workers")
    return cluster


def client_of(cluster: DaskCluster) -> Any:
    import distributed

    return distributed.Client(cluster.address, set_as_default=False)


def tomograms(stock: Path, folder: Path, *names: str) -> list[str]:
    folder.mkdir(exist_ok=True)
    for name in names:
        shutil.copy(stock / "tomo.mrc", folder / f"{name}.mrc")
    return [str(folder / f"{name}.mrc") for name in names]


def words(stock: Path, inputs: list[str], output: Path, where: str, *others: str) -> list[str]:
    return ["segment", "-m", str(stock / "blob.aism"), *inputs, "-o", str(output), "--cluster", where, *others]


def begun(call: list[str]) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "ais.cli", *call]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)


def said(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=PATIENCE_S)
    return process.returncode, out, err


def whole(folder: Path) -> set[str]:
    """Tomograms whose volume is finished; nothing else may be there but the manifest."""
    done = set()
    for path in folder.glob("*.mrc"):
        record = read_record(path)
        assert record is not None
        assert is_unchanged(path, record)
        done.add(path.name.removesuffix("__blob.mrc"))
    names = {f"{name}__blob.mrc{ending}" for name in done for ending in ("", ".json")}
    assert {path.name for path in folder.iterdir()} - {"manifest.json"} == names
    return done


def test_processes_of_this_machine_make_the_same_volumes_and_listen_to_nobody_else(
    stock: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import psutil

    from ais.cluster import runner

    listening: set[str] = set()

    class Curious(runner.ClusterRunner):
        def __call__(self, *others: Any) -> None:
            super().__call__(*others)
            me = psutil.Process()
            for process in (me, *me.children(recursive=True)):
                connections = process.net_connections("inet")
                listening.update(one.laddr.ip for one in connections if one.status == psutil.CONN_LISTEN)

    monkeypatch.setattr(runner, "ClusterRunner", Curious)
    names = ["a", "b", "c"]
    inputs = tomograms(stock, tmp_path / "in", *names)
    monkeypatch.chdir(tmp_path)
    inside = [str(Path(one).relative_to(tmp_path)) for one in inputs]
    assert run(words(stock, inside, Path("out"), "local:2", "--json")) == 0
    out, err = capfd.readouterr()
    assert [entry["status"] for entry in json.loads(out)] == ["done"] * 3
    assert "The dashboard is at http://127.0.0.1:" in err
    assert "not protected by TLS: every user of this machine" in err
    assert listening == {"127.0.0.1"}
    assert run(["segment", "-m", str(stock / "blob.aism"), *inputs, "-o", str(tmp_path / "here")]) == 0
    assert whole(tmp_path / "out") == set(names)
    for name in names:
        made = tmp_path / "out" / f"{name}__blob.mrc"
        assert made.read_bytes() == (tmp_path / "here" / made.name).read_bytes()
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert len(manifest["outputs"]) == 3


def test_a_scheduler_that_runs_already_and_what_is_finished_is_kept(
    two: DaskCluster, stock: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    inputs = tomograms(stock, tmp_path / "in", "a", "b", "c", "d")
    assert run(words(stock, inputs[:2], tmp_path / "out", two.address)) == 0
    assert "every user of this machine can run programs as you" in capsys.readouterr().err
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").glob("*.mrc")}
    assert run(words(stock, inputs, tmp_path / "out", two.address)) == 0
    assert capsys.readouterr().out.count("(kept)") == 2
    assert whole(tmp_path / "out") == {"a", "b", "c", "d"}
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_the_work_of_a_worker_that_is_killed_is_done_by_another(two: DaskCluster, stock: Path, tmp_path: Path) -> None:
    inputs = tomograms(stock, tmp_path / "in", "slow", "quick")
    process = begun(words(stock, inputs, tmp_path / "out", two.address))
    wait_for(lambda: two.at_work("slow"), "a worker that has begun")
    (first,) = two.at_work("slow")
    assert list((tmp_path / "out").glob(".slow__blob.mrc.*.tmp"))
    os.kill(first, signal.SIGKILL)
    wait_for(lambda: len(two.at_work("slow")) == 2, "another worker")
    two.go.touch()
    assert said(process)[0] == 0
    assert whole(tmp_path / "out") == {"slow", "quick"}


def test_what_kills_its_worker_each_time_is_given_up_and_the_others_go_on(
    two: DaskCluster, stock: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    inputs = tomograms(stock, tmp_path / "in", "deadly", "a", "b")
    assert run(words(stock, inputs, tmp_path / "out", two.address)) == 1
    (sentence,) = [line for line in capsys.readouterr().err.splitlines() if "deadly" in line]
    assert "each worker that tried it died" in sentence
    assert {path.name for path in (tmp_path / "out").glob("*.mrc")} == {"a__blob.mrc", "b__blob.mrc"}
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert [Path(entry["input"]).stem for entry in manifest["failed"]] == ["deadly"]


def test_when_the_one_who_asked_is_killed_the_workers_stop_and_nothing_is_left_half_written(
    two: DaskCluster, stock: Path, tmp_path: Path
) -> None:
    inputs = tomograms(stock, tmp_path / "in", "slow_1", "slow_2", "slow_3")
    process = begun(words(stock, inputs, tmp_path / "out", two.address))
    wait_for(lambda: two.at_work("slow_1") and two.at_work("slow_2"), "both workers")
    process.kill()
    process.communicate()
    wait_for(lambda: not list((tmp_path / "out").glob("*.tmp")), "the workers to stop")
    assert not list((tmp_path / "out").glob("*__blob*"))
    two.go.touch()
    assert run(words(stock, inputs, tmp_path / "out", two.address)) == 0
    assert whole(tmp_path / "out") == {"slow_1", "slow_2", "slow_3"}


@pytest.mark.parametrize(("asked", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_when_it_is_asked_to_end_the_workers_stop_too(
    asked: signal.Signals, code: int, two: DaskCluster, stock: Path, tmp_path: Path
) -> None:
    process = begun(words(stock, tomograms(stock, tmp_path / "in", "slow"), tmp_path / "out", two.address))
    wait_for(lambda: two.at_work("slow"), "a worker that has begun")
    process.send_signal(asked)
    assert said(process)[0] == code
    wait_for(lambda: not (tmp_path / "out").exists() or not list((tmp_path / "out").iterdir()), "the worker to stop")


def test_what_one_worker_does_not_see_another_does_and_where_none_does_it_says_so(
    two: DaskCluster, stock: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = [f"unseen_{number}" for number in range(4)]
    inputs = tomograms(stock, tmp_path / "in", *names)
    assert run(words(stock, inputs, tmp_path / "out", two.address)) == 0
    assert whole(tmp_path / "out") == set(names)
    one = tmp_path / "one.toml"
    one.write_text("retries = 0\n")
    gone = [str(tmp_path / "in" / "gone.mrc")]
    assert run(words(stock, gone, tmp_path / "out 2", two.address, "--cluster-config", str(one))) == 2
    assert f"{gone[0]} does not exist." in capsys.readouterr().err
    other = [inputs[0], *tomograms(stock, tmp_path / "in", "a")]
    with client_of(two) as client:
        seeing = next(one for one in client.sync(client.scheduler.ncores) if SECOND in one)
        client.run(exec, "import os; os.environ['AIS_TEST_BLIND'] = 'yes'", workers=[seeing])
        try:
            assert run(words(stock, other, tmp_path / "out 3", two.address)) == 1
        finally:
            client.run(exec, "import os; del os.environ['AIS_TEST_BLIND']", workers=[seeing])
    assert f"{inputs[0]} does not exist there: workers must see the same folders. (on" in capsys.readouterr().err


def test_a_worker_with_another_version_is_named(
    two: DaskCluster, stock: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    inputs = tomograms(stock, tmp_path / "in", "a")
    with client_of(two) as client:
        address = next(one for one in client.sync(client.scheduler.ncores) if SECOND in one)
        client.run(exec, OTHER_VERSION, workers=[address])
        try:
            assert run(words(stock, inputs, tmp_path / "out", two.address)) == 2
        finally:
            client.run(exec, SAME_VERSION, workers=[address])
    (sentence,) = [line for line in capsys.readouterr().err.splitlines() if "install the same" in line]
    assert f"The worker {address} has ais 0.0.1" in sentence
    assert not (tmp_path / "out").exists()


OTHER_VERSION = "import importlib.metadata as m; m.kept = m.version; m.version = lambda name: '0.0.1'"
SAME_VERSION = "import importlib.metadata as m; m.version = m.kept"


def test_the_doctor_counts_workers_and_says_what_is_wrong(two: DaskCluster) -> None:
    from ais.cli.doctor import cluster_probe, without_address
    from ais.installation.probes import examine_all

    found = examine_all([cluster_probe(two.address, None)])["cluster"]
    assert (found.figures["cluster"]["workers"], found.figures["cluster"]["machines"]) == (2, 2)
    assert found.advice == []
    nobody = examine_cluster("tcp://127.0.0.1:1")
    (advice,) = nobody.advice
    assert (nobody.figures, "refused" in advice) == ({"cluster": {"reached": False}}, True)
    shared = without_address(
        {"advice": ["No Dask scheduler answers at tcp://node-1.lab:8786."]}, "tcp://node-1.lab:8786"
    )
    assert shared == {"advice": ["No Dask scheduler answers at tcp://HOST:8786."]}


def test_the_same_command_goes_on_after_the_scheduler_was_lost(stock: Path, tmp_path: Path) -> None:
    inputs = tomograms(stock, tmp_path / "in", "a", "slow")
    first = DaskCluster(tmp_path / "first")
    try:
        first.worker(FIRST)
        process = begun(words(stock, inputs, tmp_path / "out", first.address))
        wait_for(lambda: first.at_work("slow"), "a worker that has begun")
        first.scheduler.kill()
        code, _, err = said(process)
        assert (code, err.splitlines()[-1]) == (
            2,
            f"ais: The scheduler of {first.address} is lost; 1 of 2 tomograms are finished. "
            "Run the same command again for the others.",
        )
        wait_for(lambda: not list((tmp_path / "out").glob("*.tmp")), "the worker to stop")
        assert whole(tmp_path / "out") == {"a"}
    finally:
        first.end()
    assert run(words(stock, inputs, tmp_path / "out", "local:1")) == 0
    assert whole(tmp_path / "out") == {"a", "slow"}
