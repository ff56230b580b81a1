"""A command that is killed leaves nothing incomplete under a final name, and the next run finishes its work."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from small_project import make_model, make_project, make_training_set

from ais.cli.main import run
from ais.formats.registry import open_volume, write_volume
from ais.models import read_model_info
from ais.trainset import describe_training_set

PATIENCE_S = 120.0

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no kill -9")


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project, and volumes large enough that a command can be caught at work."""
    folder = tmp_path_factory.mktemp("killed")
    make_project(folder)
    make_training_set(folder)
    make_model(folder)
    noise = np.random.default_rng(0)
    write_volume(folder / "large.mrc", noise.normal(0, 1, (40, 256, 256)).astype("f4"), voxel_sizes=10.0)
    values = noise.integers(0, 255, (48, 200, 200)).astype("u1")
    write_volume(folder / "rough__blob.mrc", values, voxel_sizes=10.0)
    return folder


def kill_while_writing(folder: Path, words: list[str], pattern: str) -> None:
    """Start a command and kill it as soon as a file that matches `pattern` has something in it."""
    process = subprocess.Popen(
        [sys.executable, "-m", "ais.cli", *words], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        if any(path.stat().st_size > 0 for path in found(folder, pattern)):
            break
        if process.poll() is not None:
            break
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    _, errors = process.communicate()
    assert process.returncode == -signal.SIGKILL, f"it ended by itself: {errors.decode()}"


def found(folder: Path, pattern: str) -> list[Path]:
    paths = []
    for path in folder.rglob(pattern):
        try:
            path.stat()
        except FileNotFoundError:
            continue
        paths.append(path)
    return paths


def test_segment(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(work)
    words = ["segment", "-m", "model.aism", "tomo.mrc", "large.mrc", "-o", "seg"]
    kill_while_writing(work, words, ".large__blob.mrc.*.tmp")
    finished, unfinished = work / "seg" / "tomo__blob.mrc", work / "seg" / "large__blob.mrc"
    assert open_volume(finished).info.shape == (6, 96, 96)
    assert not unfinished.exists()
    made = finished.stat().st_mtime_ns
    assert run(words) == 0
    assert finished.stat().st_mtime_ns == made, "what was finished is kept"
    assert open_volume(unfinished).info.shape == (40, 256, 256)
    assert not found(work / "seg", "*.tmp")


def test_extract(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(work)
    shutil.copy("work.aisproj", "many.aisproj")
    more = ["annotate", "many.aisproj", "tomo", "-f", "blob", "--mask", "mask.mrc", "--boxes", "auto:60"]
    assert run(more) == 0
    words = ["extract", "many.aisproj", "-f", "blob", "-o", "sets/new.scnt", "--box-size", "256"]
    kill_while_writing(work, words, ".new.scnt.*.tmp")
    assert not (work / "sets" / "new.scnt").exists()
    assert run(words) == 0
    assert describe_training_set(work / "sets" / "new.scnt")["n_samples"] > 60
    assert not found(work / "sets", "*.tmp")


def test_train(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(work)
    words = ["train", "set.scnt", "-o", "models/new.aism", "--epochs", "12", "--copies", "6"]
    words += ["--option", "first_filters=8", "--json"]
    kill_while_writing(work, words, ".new.aism*checkpoint*")
    assert not (work / "models" / "new.aism").exists()
    assert run(words) == 0
    assert read_model_info(work / "models" / "new.aism").feature == "blob"
    assert sorted(path.name for path in (work / "models").iterdir()) == ["new.aism", "new.aism.json"]


def test_training_stopped_by_the_user_keeps_its_best_epoch(work: Path) -> None:
    words = ["train", "set.scnt", "-o", "stopped/new.aism", "--epochs", "500", "--option", "first_filters=4"]
    process = subprocess.Popen([sys.executable, "-m", "ais.cli", *words], cwd=work, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline and not found(work, "stopped/.new.aism*checkpoint*"):
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate()
    assert process.returncode == 0, errors
    assert sorted(path.name for path in (work / "stopped").iterdir()) == ["new.aism", "new.aism.json"]


def test_mesh(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(work)
    words = ["mesh", "rough__blob.mrc", "-o", "surfaces"]
    kill_while_writing(work, words, ".rough__blob.obj.*.tmp")
    surface = work / "surfaces" / "rough__blob.obj"
    assert not surface.exists()
    assert run(words) == 0
    assert surface.read_text().splitlines()[-1].startswith("f ")
    assert not found(work / "surfaces", "*.tmp")


def test_import(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However early the command is killed, the project is not there or can be opened."""
    monkeypatch.chdir(work)
    for index, delay in enumerate(np.linspace(0.05, 0.8, 8)):
        project = work / f"killed_{index}.aisproj"
        process = subprocess.Popen(
            [sys.executable, "-m", "ais.cli", "import", "tomo.mrc", "-o", project.name],
            cwd=work,
            stdout=subprocess.DEVNULL,
        )
        time.sleep(delay)
        process.kill()
        process.wait()
        assert run(["import", "tomo.mrc", "-o", project.name]) == 0
        assert run(["info", project.name]) == 0


def test_ended_by_the_system(work: Path) -> None:
    """SIGTERM removes what was begun."""
    process = subprocess.Popen(
        [sys.executable, "-m", "ais.cli", "segment", "-m", "model.aism", "large.mrc", "-o", "ended"],
        cwd=work,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline and not found(work, "ended/.large__blob.mrc.*.tmp"):
        time.sleep(0.001)
    process.terminate()
    _, errors = process.communicate()
    assert process.returncode == 143, errors
    assert errors.strip() == "ais: Ended by the system; what was finished is kept."
    assert not found(work / "ended", "*large*")


def test_asked_twice_to_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second signal, which many schedulers send, does not interrupt the tidying after the first."""
    tidied = []

    def asked_twice(files: list[str]) -> int:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(PATIENCE_S)
        finally:
            os.kill(os.getpid(), signal.SIGTERM)
            tidied.extend(files)
        return 0

    monkeypatch.setattr("ais.cli.info.run", asked_twice)
    assert run(["info", "a.mrc"]) == 143
    assert tidied == ["a.mrc"]
