"""What clusters are asked for: the words after --cluster, the small file, jobs of SLURM, TLS."""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dask
import pytest
from slurm_tools import SlurmTools
from small_project import VOXEL_SIZE, blobs

from ais.classic import make_classic_model
from ais.cli.cluster import device_of_workers
from ais.cli.main import run
from ais.cluster import connection
from ais.cluster.place import Place
from ais.cluster.probe import examine_cluster
from ais.cluster.settings import ClusterSettings
from ais.cluster.slurm_jobs import job_options
from ais.errors import AisError
from ais.formats.registry import write_volume
from ais.workers.processors import THREADS, Processor

CERTIFICATES = Path(__file__).resolve().parent / "certificates"
TLS = "".join(
    f'{name} = "{CERTIFICATES / file}"\n'
    for name, file in (("tls_ca", "ca.pem"), ("tls_cert", "node.pem"), ("tls_key", "node.key"))
)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("local:4", Place("local", processes=4)),
        ("tcp://node-1.lab:8786", Place("scheduler", address="tcp://node-1.lab:8786")),
        ("tls://[fe80::1]:8786", Place("scheduler", address="tls://[fe80::1]:8786")),
        ("slurm", Place("slurm")),
    ],
)
def test_which_cluster(text: str, place: Place) -> None:
    assert Place.parse(text) == place


@pytest.mark.parametrize(
    "text", ["", "local", "local:0", "local:x", "node:8786", "tcp://node", "tcp://node:0", "tcp://node:70000", "pbs"]
)
def test_what_is_no_cluster(text: str) -> None:
    with pytest.raises(AisError, match="must be local:N"):
        Place.parse(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("jobs = 0", "at least 1"),
        ("deaths = 0", "at least 1"),
        ("retries = -1", "at least 0"),
        ('partition = "a b"', "one word"),
        ('options = ["qos"]', "--qos=long"),
        ('dashboard = "everywhere"', "HOST:PORT"),
        ('tls_ca = "ca.pem"', "tls_cert and tls_key"),
        ('tls_ca = "no"\ntls_cert = "no"\ntls_key = "no"', "does not exist"),
        ('nodes = "4"', "none of jobs"),
        ("gpus", "no TOML or JSON"),
    ],
)
def test_a_file_that_makes_no_sense(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "site.toml"
    path.write_text(text)
    with pytest.raises(AisError, match=re.escape(said)) as raised:
        ClusterSettings.read(path)
    assert "site.toml" in str(raised.value)


def test_without_dask_a_sentence_says_how_to_install_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    make_classic_model(tmp_path / "blob.aism", "threshold", "blob", {})
    (tmp_path / "tomo.mrc").touch()
    words = ["-m", str(tmp_path / "blob.aism"), str(tmp_path / "tomo.mrc"), "-o", str(tmp_path / "out")]
    assert run(["segment", *words, "--cluster", "local:2"]) == 2
    assert 'distributed is missing: python -m pip install "ais[cluster]"' in capsys.readouterr().err


def script_for(settings: ClusterSettings) -> str:
    from dask_jobqueue.slurm import SLURMJob

    others = ("scheduler_options", "silence_logs")
    options = {name: value for name, value in job_options(settings, None).items() if name not in others}
    return str(SLURMJob("tcp://10.0.0.1:4000", name="worker", **options).job_script())


def test_the_script_of_a_job_says_what_was_asked() -> None:
    settings = ClusterSettings(
        **{"cpus": 6, "partition": "gpu", "account": "lab", "time": "12:00:00", "memory": "32G", "gpus": "a100:1"},
        options=("--qos=long",),
        setup=("module load cuda",),
    )
    lines = script_for(settings).splitlines()
    asked = {line.removeprefix("#SBATCH ") for line in lines if line.startswith("#SBATCH ")}
    assert asked == {
        *("-J ais-segment", "-p gpu", "-A lab", "-n 1", "--cpus-per-task=6", "--mem=32G", "-t 12:00:00"),
        *("--gres=gpu:a100:1", "--qos=long"),
    }
    call = shlex.split(lines[-1])
    assert call[:4] == [sys.executable, "-m", "distributed.cli.dask_worker", "tcp://10.0.0.1:4000"]
    assert call[call.index("--nthreads") + 1] == "1"
    assert lines.index("module load cuda") < len(lines) - 1
    assert "export OMP_NUM_THREADS=6" in lines


def test_what_is_not_asked_is_left_to_slurm() -> None:
    asked = [line for line in script_for(ClusterSettings()).splitlines() if line.startswith("#SBATCH")]
    assert asked == ["#SBATCH -J ais-segment", "#SBATCH -n 1", "#SBATCH --cpus-per-task=4"]


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SlurmTools]:
    made = SlurmTools(tmp_path / "slurm")
    monkeypatch.setenv("PATH", f"{made.folder}{os.pathsep}{os.environ['PATH']}")
    yield made
    made.end()


@pytest.mark.skipif(os.name == "nt", reason="SLURM is not for Windows")
def test_jobs_are_submitted_replaced_when_they_end_and_cancelled(
    tools: SlurmTools, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from ais.cluster.runner import ClusterRunner

    hand_out, killed = ClusterRunner._hand_out, list[int]()

    def when_replaced(self: ClusterRunner, *others: Any) -> None:
        if tools.jobs() == [1] and not killed and self._connection.addresses():
            tools.kill(1)
            killed.append(1)
        if 2 in tools.jobs():
            hand_out(self, *others)

    monkeypatch.setattr(ClusterRunner, "_hand_out", when_replaced)
    monkeypatch.setattr(connection, "KEEP_UP_S", 0.5)
    write_volume(tmp_path / "tomo.mrc", (1 - 2.0 * blobs()).astype("f4"), voxel_sizes=VOXEL_SIZE)
    make_classic_model(tmp_path / "blob.aism", "threshold", "blob", {"dimensions": "2d"})
    site = tmp_path / "site.toml"
    site.write_text('jobs = 1\ncpus = 1\nhost = "127.0.0.1"\nsetup = ["export AIS_SITE=yes"]\ndashboard = ""\n')
    words = ["-m", str(tmp_path / "blob.aism"), str(tmp_path / "tomo.mrc"), "-o", str(tmp_path / "out")]
    with dask.config.set({"distributed.deploy.lost-worker-timeout": "100ms"}):
        code = run(["segment", *words, "--cluster", "slurm", "--cluster-config", str(site)])
    assert code == 0, capsys.readouterr().err
    assert (tmp_path / "out" / "tomo__blob.mrc").exists()
    assert len(tools.jobs()) >= 2
    assert "export AIS_SITE=yes" in tools.script(1)
    assert (tools.folder / f"{tools.jobs()[-1]}.cancelled").exists()


def test_without_slurm_it_says_where_to_go(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    (advice,) = examine_cluster("slurm").advice
    assert "sbatch and squeue and scancel not found" in advice
    make_classic_model(tmp_path / "blob.aism", "threshold", "blob", {})
    (tmp_path / "tomo.mrc").touch()
    words = ["-m", str(tmp_path / "blob.aism"), str(tmp_path / "tomo.mrc"), "-o", str(tmp_path / "out")]
    assert run(["segment", *words, "--cluster", "slurm"]) == 2


@pytest.mark.skipif(os.name == "nt", reason="SLURM is not for Windows")
def test_the_doctor_asks_slurm(tools: SlurmTools) -> None:
    assert examine_cluster("slurm").figures["cluster"]["reached"]
    (tools.folder / "squeue").write_text("#!/bin/sh\necho 'Unable to contact slurm controller' >&2\nexit 1\n")
    assert examine_cluster("slurm").advice == ["squeue fails: Unable to contact slurm controller."]


def test_with_tls_only_who_has_the_key_gets_in(tmp_path: Path) -> None:
    site = tmp_path / "site.toml"
    site.write_text(TLS)
    settings = ClusterSettings.read(site)
    told: list[str] = []
    with connection.connected(Place("local", processes=1), settings, [], told.append) as connected:
        address = connected.client.scheduler.address
        assert address.startswith("tls://127.0.0.1:")
        assert connected.client.submit(len, "abc").result(timeout=60) == 3
        assert not [sentence for sentence in told if "not protected" in sentence]
        finding = examine_cluster(address, str(site))
        assert finding.figures["cluster"]["workers"] == 1
        for other in (address, address.replace("tls://", "tcp://")):
            (advice,) = examine_cluster(other).advice
            assert "needs TLS" in advice or "No Dask scheduler answers" in advice


@pytest.mark.parametrize(
    ("share", "found"),
    [
        (Processor("gpu", "3"), {"CUDA_VISIBLE_DEVICES": "3"}),
        (Processor("cpu", "", (0, 1)), {"CUDA_VISIBLE_DEVICES": "", **dict.fromkeys(THREADS, "2")}),
        (Processor("cpu"), {}),
    ],
)
def test_a_process_of_this_machine_has_its_share_of_it(share: Processor, found: dict[str, str]) -> None:
    assert connection.environment_of(share) == found


def test_what_workers_are_told_of_the_device() -> None:
    assert device_of_workers("local:2", "gpu:0,1") == "gpu"
    assert device_of_workers("slurm", "gpu:0,1") == device_of_workers(None, "gpu:0,1") == "gpu:0,1"
