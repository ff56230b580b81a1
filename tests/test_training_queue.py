"""The queue of trainings, with the real compute process: curves, stopping, going on after any end, models made."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from training_samples import spots

from ais.annotation.record_operations import RemoveModel
from ais.errors import AisError
from ais.formats.registry import write_volume
from ais.gui.editor import Editor
from ais.gui.live_view import view_of
from ais.gui.training import Training, TrainingPicture, TrainingState
from ais.gui.training_queue import RECORD, TrainingQueue
from ais.models import model_hash, read_model_info
from ais.project import Project
from ais.training import train
from ais.training.checkpoint import checkpoint_path

PATIENCE_S = 150.0
SHAPE = (4, 40, 56)
QUICK: dict[str, Any] = {
    **{"architecture": "unet-s", "options": {"first_filters": 4}, "epochs": 2, "batch_size": 8, "copies": 2},
    **{"validation": 0.25, "precision": "float32", "device": "cpu"},
}
LONG = {**QUICK, "epochs": 5, "copies": 24}

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the crashes here are signals")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sets")
    spots(24).write(folder / "spots.scnt")
    write_volume(folder / "tomo.mrc", np.random.default_rng(0).normal(0, 1, SHAPE).astype("f4"), voxel_sizes=10.0)
    return folder


class Desk:
    """An editor with its queue, as a window would hold them."""

    def __init__(self, settings: Path, project: Path, tomogram: Path | None = None) -> None:
        self.editor = Editor(settings, lambda: None)
        self.queue = TrainingQueue(self.editor)
        self.pictures: list[TrainingPicture] = []
        if tomogram is not None:
            self.editor.new_project(project, lambda: self.editor.open_paths([tomogram]))
        else:
            self.editor.open_project(project)
        self.until(lambda: self.editor.shown is not None and self.queue._loaded)

    def frame(self) -> None:
        self.editor.poll()
        self.queue.follow(view_of(self.editor))
        if self.queue.picture is not None and self.queue.picture not in self.pictures:
            self.pictures.append(self.queue.picture)

    def until(self, condition: Callable[[], object]) -> None:
        limit = time.monotonic() + PATIENCE_S
        while not condition():
            training = self.queue.trainings[-1] if self.queue.trainings else None
            assert time.monotonic() < limit, ([n.text for n in self.editor.notices.said], training)
            self.frame()
            time.sleep(0.003)

    def ended(self, *trainings: Training) -> list[TrainingState]:
        self.until(lambda: all(training.ended for training in trainings))
        self.until(lambda: not self.editor.document.busy)  # type: ignore[union-attr]
        return [training.state for training in trainings]


@pytest.fixture
def desk(tmp_path: Path, files: Path) -> Iterator[Desk]:
    made = Desk(tmp_path / "settings", tmp_path / "work.aisproj", files / "tomo.mrc")
    yield made
    made.editor.close()


def test_trainings_follow_each_other_and_their_models_join_the_project(desk: Desk, files: Path, tmp_path: Path) -> None:
    first = desk.queue.add("ribo/some", [files / "spots.scnt"], QUICK)
    second = desk.queue.add("ribo/some", [files / "spots.scnt"], {**QUICK, "seed": 1, "validation": 0.0})
    assert desk.queue.running is None
    desk.until(lambda: first.job is not None and first.job.state.value == "running")
    assert second.state is TrainingState.WAITING
    assert desk.ended(first, second) == [TrainingState.DONE] * 2
    assert [t.output for t in (first, second)] == [tmp_path / "models" / f"ribo-some{n}.aism" for n in ("", " 2")]
    assert [entry.path for entry in desk.editor.snapshot.models] == [first.output, second.output]
    curves = first.curves()
    history = read_model_info(first.output).training["history"]
    assert curves.epoch.tolist() == [1, 2]
    assert curves.loss.tolist() == [report["loss"] for report in history]
    assert curves.val_loss.tolist() == [report["val_loss"] for report in history]
    assert np.isnan(second.curves().val_loss).all()
    assert (curves.samples_per_second > 0).all()
    assert desk.queue.picture is None
    picture = next(picture for picture in desk.pictures if picture.training == first.key)
    assert picture.maps["spot"].shape == SHAPE[1:]
    assert picture.z == desk.editor.state.z
    assert read_model_info(first.output).feature == "spot"


def test_the_slice_on_the_screen_is_shown_and_training_is_the_same(desk: Desk, files: Path, tmp_path: Path) -> None:
    training = desk.queue.add("a", [files / "spots.scnt"], LONG)
    desk.until(lambda: desk.pictures)
    desk.editor.sight.go_to(z=0)
    desk.until(lambda: training.ended or desk.pictures[-1].z == 0)
    assert desk.pictures[-1].z == 0
    assert desk.ended(training) == [TrainingState.DONE]
    assert len({picture.revision for picture in desk.pictures}) == len(desk.pictures)
    unwatched = tmp_path / "unwatched.aism"
    train([files / "spots.scnt"], unwatched, **LONG)
    assert model_hash(training.output) == model_hash(unwatched), "looking at a network does not change it"


def test_stopping_keeps_the_best_and_continuing_starts_from_it(desk: Desk, files: Path) -> None:
    training = desk.queue.add("a", [files / "spots.scnt"], {**LONG, "epochs": 500})
    waiting = desk.queue.add("b", [files / "spots.scnt"], QUICK)
    desk.until(lambda: len(training.epochs) >= 2)
    desk.queue.stop(waiting)
    asked = time.monotonic()
    desk.queue.stop(training)
    assert training.state is TrainingState.STOPPING
    assert desk.ended(training, waiting) == [TrainingState.DONE, TrainingState.CANCELLED]
    assert time.monotonic() - asked < 30
    assert "best weights were kept" in training.stopped
    assert training.output.is_file()
    further = desk.queue.continue_from(training, epochs=1)
    assert desk.ended(further) == [TrainingState.DONE]
    assert further.output != training.output
    assert further.epochs[0]["loss"] < training.epochs[0]["loss"]
    assert read_model_info(further.output).training["continued_from"] == model_hash(training.output)
    with pytest.raises(AisError, match="no model yet"):
        desk.queue.continue_from(waiting)


def test_a_training_stopped_before_its_first_epoch_is_cancelled(desk: Desk, files: Path) -> None:
    training = desk.queue.add("a", [files / "spots.scnt"], {**LONG, "copies": 20_000})
    desk.until(lambda: "step" in training.message)
    desk.queue.stop(training)
    assert desk.ended(training) == [TrainingState.CANCELLED]
    assert not training.output.exists()
    assert not desk.editor.snapshot.models


def test_a_killed_compute_process_costs_an_epoch_at_most(desk: Desk, files: Path, tmp_path: Path) -> None:
    training = desk.queue.add("a", [files / "spots.scnt"], LONG)
    desk.until(lambda: len(training.epochs) >= 2)
    os.kill(desk.editor.engine.pid or 0, signal.SIGKILL)
    assert desk.ended(training) == [TrainingState.DONE]
    assert [report["epoch"] for report in training.epochs] == [1, 2, 3, 4, 5]
    unharmed = tmp_path / "unharmed.aism"
    train([files / "spots.scnt"], unharmed, **LONG)
    assert model_hash(training.output) == model_hash(unharmed)
    assert any("goes on" in notice.text for notice in desk.editor.notices.said)


def test_closing_the_editor_interrupts_and_the_next_one_goes_on(tmp_path: Path, files: Path) -> None:
    settings, project = tmp_path / "settings", tmp_path / "work.aisproj"
    desk = Desk(settings, project, files / "tomo.mrc")
    training = desk.queue.add("a", [files / "spots.scnt"], LONG)
    desk.queue.add("b", [files / "spots.scnt"], QUICK)
    desk.until(lambda: len(training.epochs) >= 2)
    done = list(training.epochs)
    desk.editor.close()
    assert not training.output.exists()
    assert checkpoint_path(training.output).is_file()
    again = Desk(settings, project)
    try:
        found, other = again.queue.trainings
        assert [found.state, other.state] == [TrainingState.INTERRUPTED] * 2
        assert found.epochs[: len(done)] == done
        for _ in range(20):
            again.frame()
        assert again.queue.running is None, "nothing goes on unasked"
        again.queue.resume(found)
        again.queue.remove(other)
        assert again.ended(found) == [TrainingState.DONE]
        assert [report["epoch"] for report in found.epochs] == [1, 2, 3, 4, 5]
        assert found.epochs[0] == done[0]
        assert again.queue.trainings == [found]
        assert not checkpoint_path(found.output).exists()
    finally:
        again.editor.close()


def test_leaving_and_closing_the_project_interrupt(desk: Desk, files: Path, tmp_path: Path) -> None:
    training = desk.queue.add("a", [files / "spots.scnt"], LONG)
    desk.until(lambda: len(training.epochs) >= 1)
    desk.queue.leave(training)
    assert desk.ended(training) == [TrainingState.INTERRUPTED]
    desk.queue.resume(training)
    desk.until(lambda: len(training.epochs) >= 3)
    pid = desk.editor.engine.pid
    desk.editor.close_project()
    desk.until(lambda: not desk.queue.trainings and not desk.editor.background.busy)
    desk.until(lambda: all(job.finished for job in desk.editor.engine.jobs))
    desk.editor.open_project(tmp_path / "work.aisproj")
    desk.until(lambda: desk.queue.trainings)
    assert desk.queue.trainings[0].state is TrainingState.INTERRUPTED
    assert desk.editor.engine.pid == pid
    desk.queue.resume(desk.queue.trainings[0])
    assert desk.ended(desk.queue.trainings[0]) == [TrainingState.DONE]
    assert len(desk.queue.trainings[0].epochs) == 5


def test_a_model_that_nobody_noted_is_taken_up(tmp_path: Path, files: Path) -> None:
    settings, path = tmp_path / "settings", tmp_path / "work.aisproj"
    desk = Desk(settings, path, files / "tomo.mrc")
    training = desk.queue.add("a", [files / "spots.scnt"], QUICK)
    assert desk.ended(training) == [TrainingState.DONE]
    desk.editor.close()
    with Project.open(path) as project:
        project.apply(RemoveModel(project.models()[0].id))
        project.set_view_state(RECORD, [{**training.as_record(), "state": "running", "epochs": []}, {"key": 1}, None])
    again = Desk(settings, path)
    try:
        again.until(lambda: again.editor.snapshot.models)
        (found,) = again.queue.trainings
        assert found.state is TrainingState.DONE
        assert found.epochs == training.epochs
        assert again.editor.snapshot.models[0].path == training.output
    finally:
        again.editor.close()


def test_a_training_that_fails_says_why_and_can_be_tried_again(desk: Desk, files: Path, tmp_path: Path) -> None:
    late = tmp_path / "late.scnt"
    training = desk.queue.add("a", [late], QUICK)
    other = desk.queue.add("b", [files / "spots.scnt"], QUICK)
    assert desk.ended(training, other) == [TrainingState.FAILED, TrainingState.DONE]
    assert "late.scnt" in training.error
    late.write_bytes((files / "spots.scnt").read_bytes())
    desk.queue.resume(training)
    assert desk.ended(training) == [TrainingState.DONE]
    desk.queue.remove(training)
    assert training.output.is_file()
    assert desk.queue.training(training.key) is None
    with pytest.raises(AisError, match="at least one training set"):
        desk.queue.add("c", [])


def test_without_a_project_nothing_is_trained(tmp_path: Path, files: Path) -> None:
    editor = Editor(tmp_path, lambda: None)
    queue = TrainingQueue(editor)
    queue.follow(None)
    with pytest.raises(AisError, match="project"):
        queue.add("a", [files / "spots.scnt"])
    editor.close()
