"""A graphics card with too little memory, in the tasks of the compute process: less is tried, then a sentence."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mrcfile
import numpy as np
import pytest
from small_project import make_model, make_project, make_training_set

from ais.engine import Engine, Job, JobState
from ais.errors import is_out_of_memory, memory_errors
from ais.models import model_hash, read_model_info

PATIENCE_S = 120.0
ON_THE_CPU = {"precision": "float32", "device": "cpu"}
QUICK = {**ON_THE_CPU, "options": {"first_filters": 4}, "epochs": 1, "batch_size": 4, "copies": 2}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("memory")
    make_project(folder)
    make_training_set(folder)
    make_model(folder)
    return folder


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    """One compute process for all."""
    made = Engine()
    yield made
    made.stop()


def done(engine: Engine, task: str, arguments: dict[str, Any], most: int | None = None, loads: int = -1) -> Job:
    if most is not None:
        arguments = {"task": task, "arguments": arguments, "most": most, "loads": loads}
        task = "memory_tasks:with_little_memory"
    job = engine.submit(task, arguments, "the task")
    limit = time.monotonic() + PATIENCE_S
    while not job.finished:
        assert time.monotonic() < limit
        time.sleep(0.005)
    return job


def live(folder: Path) -> dict[str, Any]:
    model = {"path": str(folder / "model.aism"), "hash": model_hash(folder / "model.aism"), "tta": 1}
    return {"tomogram": str(folder / "tomo.mrc"), "z": 2, "crop": None, "models": [model], **ON_THE_CPU}


def is_one_sentence(job: Job) -> bool:
    return job.state is JobState.FAILED and "not enough memory" in job.error and job.error.count(". ") == 0


def test_live_takes_smaller_windows_and_then_says_so(engine: Engine, folder: Path) -> None:
    whole = done(engine, "live", live(folder))
    small = done(engine, "live", live(folder), most=100**2)
    assert small.state is JobState.DONE, small.error
    np.testing.assert_allclose(small.result["maps"][0], whole.result["maps"][0], atol=1e-5)
    assert any("Memory ran out" in line for line in small.log), "less was tried"
    failed = done(engine, "live", live(folder), most=10)
    assert is_one_sentence(failed), failed.error
    assert done(engine, "live", live(folder)).state is JobState.DONE, "the process lives on"


def test_a_model_that_cannot_be_loaded_makes_room_first(engine: Engine, folder: Path) -> None:
    other = {**live(folder), "precision": "auto"}  # in another precision it is loaded anew
    job = done(engine, "live", other, most=1 << 40, loads=0)
    assert is_one_sentence(job), job.error
    assert "model.aism" in job.error


def test_export_takes_smaller_windows_and_then_says_so(engine: Engine, folder: Path, tmp_path: Path) -> None:
    def arguments(name: str) -> dict[str, Any]:
        paths = {"tomogram": str(folder / "tomo.mrc"), "models": [str(folder / "model.aism")]}
        return {**paths, "folder": str(tmp_path / name), **ON_THE_CPU}

    whole = done(engine, "export", arguments("whole"))
    small = done(engine, "export", arguments("small"), most=100**2)
    assert small.state is JobState.DONE, small.error
    assert any("Memory ran out" in line for line in small.log), "less was tried"
    values = [mrcfile.read(job.result["outputs"][0]["path"]).astype(int) for job in (whole, small)]
    assert np.abs(values[0] - values[1]).max() <= 1
    failed = done(engine, "export", arguments("failed"), most=10)
    assert is_one_sentence(failed), failed.error
    assert not list((tmp_path / "failed").glob("*.mrc")), "nothing that is half written"


def test_training_takes_smaller_batches_and_then_says_so(engine: Engine, folder: Path, tmp_path: Path) -> None:
    def arguments(name: str) -> dict[str, Any]:
        return {**QUICK, "architecture": "unet-s", "sets": [str(folder / "set.scnt")], "output": str(tmp_path / name)}

    small = done(engine, "train", arguments("small.aism"), most=2)
    assert small.state is JobState.DONE, small.error
    assert list(small.result["notes"]) == ["Memory ran out: from epoch 1 on a step had 2 samples."]
    assert read_model_info(tmp_path / "small.aism").feature == "blob"
    failed = done(engine, "train", arguments("failed.aism"), most=0)
    assert is_one_sentence(failed), failed.error
    assert "extract smaller boxes, or choose a smaller network" in failed.error
    assert not (tmp_path / "failed.aism").exists()


def test_a_comparison_goes_on_with_the_next_architecture(engine: Engine, folder: Path, tmp_path: Path) -> None:
    arguments = {
        **QUICK,
        **{"sets": [str(folder / "set.scnt")], "output": str(tmp_path / "compared"), "architectures": ["unet-s"]},
    }
    job = done(engine, "compare", arguments, most=0)
    assert job.state is JobState.DONE, job.error
    assert "not enough memory" in job.result["rows"][0]["error"]


def test_every_backend_says_it_otherwise() -> None:
    class OutOfMemoryError(RuntimeError):
        """That of torch has this name."""

    for error in (
        MemoryError(),
        OutOfMemoryError("CUDA"),
        RuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating"),
    ):
        assert is_out_of_memory(error)
        with pytest.raises(MemoryError), memory_errors():
            raise error
    assert not is_out_of_memory(ValueError("too much"))
    with pytest.raises(ValueError, match="too much"), memory_errors():
        raise ValueError("too much")
