"""Comparisons of architectures in the editor, with the real compute process: rows, stopping, crashes, going on."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from small_project import make_project, make_training_set

from ais.comparison import compare, picture
from ais.comparison.picture import FOUND, MISSED, WRONG
from ais.errors import AisError
from ais.gui.comparing import Comparisons
from ais.gui.comparison import MEANINGS, PANELS, SLOW, Comparison, ComparisonState
from ais.gui.editor import Editor
from ais.models import model_hash
from ais.models.registry import ARCHITECTURES
from ais.trainset.recorded import RecordedSet, RecordTrainingSets

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the crashes here are signals")

PATIENCE_S = 120.0
QUICK: dict[str, Any] = {
    **{"options": {"first_filters": 4}, "batch_size": 4, "copies": 2, "precision": "float32", "device": "cpu"},
}


class Desk:
    """An editor with a project that has a training set."""

    def __init__(self, settings: Path, project: Path) -> None:
        self.editor = Editor(settings, lambda: None)
        self.editor.open_project(project)
        self.until(lambda: self.editor.shown is not None)

    @property
    def comparisons(self) -> Comparisons:
        return self.editor.modelling.comparisons

    def until(self, condition: Callable[[], object]) -> None:
        limit = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < limit, [notice.text for notice in self.editor.notices.said]
            self.editor.poll()
            time.sleep(0.003)

    def plan(self, *architectures: str, epochs: int = 1) -> None:
        plan = self.comparisons.plan
        plan.epochs, plan.more = epochs, dict(QUICK)
        plan.left_out = {choice.name for choice in self.comparisons.choices} - set(architectures)

    def ended(self, comparison: Comparison) -> ComparisonState:
        self.until(lambda: comparison.ended)
        self.until(lambda: not self.editor.document.busy)  # type: ignore[union-attr]
        return comparison.state


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("comparing")
    make_project(folder)
    make_training_set(folder)
    return folder


@pytest.fixture
def desk(tmp_path: Path, stock: Path) -> Iterator[Desk]:
    folder = tmp_path / "work"
    shutil.copytree(stock, folder)
    made = Desk(tmp_path / "settings", folder / "work.aisproj")
    recorded = RecordedSet("set.scnt", ("blob",), 6, 3, 32, 1, 10.0, "2026-01-01T00:00:00+00:00")
    made.editor.submit(RecordTrainingSets([recorded]))
    made.until(lambda: made.comparisons.sets)
    yield made
    made.editor.close()


def test_a_comparison_gives_the_files_of_the_command_and_its_models(desk: Desk, tmp_path: Path) -> None:
    desk.plan("unet-s", "vggnet-m", epochs=2)
    desk.comparisons.plan.show_slice = True
    desk.editor.sight.go_to(z=2)
    comparison = desk.comparisons.run()
    assert desk.comparisons.selected is comparison
    assert desk.comparisons.problem().startswith("Wait")
    counts: list[int] = []
    parts: list[float] = []

    def watched() -> bool:
        counts.append(len(comparison.rows))
        parts.extend(part for name in comparison.architectures if (part := comparison.part(name)) is not None)
        return comparison.ended

    desk.until(watched)
    assert comparison.state is ComparisonState.DONE, comparison.error
    assert 1 in counts, "rows come one by one"
    assert len(set(parts)) > 3
    folder = tmp_path / "work" / "comparisons" / "set"
    assert comparison.folder == folder
    assert {path.name for path in folder.iterdir()} >= {
        *("comparison.csv", "comparison.md", "comparison.png"),
        *("unet-s.aism", "unet-s.png", "vggnet-m.aism", "vggnet-m.png"),
    }
    same = tmp_path / "by command"
    rows = compare(
        [tmp_path / "work" / "set.scnt"], same, architectures=["unet-s", "vggnet-m"], epochs=2, validation=0.2, **QUICK
    )
    assert [row.architecture for row in rows] == [row["architecture"] for row in comparison.rows]
    assert [row.dice for row in rows] == pytest.approx([row["dice"] for row in comparison.rows])
    assert model_hash(same / "unet-s.aism") == model_hash(folder / "unet-s.aism")
    assert "slice 2 of tomo.mrc" in (folder / "comparison.md").read_text(encoding="utf-8")

    for _ in range(2):  # a second time nothing is added
        desk.comparisons.use_model(comparison, comparison.rows[1])
        desk.until(lambda: not desk.editor.document.busy)  # type: ignore[union-attr]
    (entry,) = desk.editor.snapshot.models
    assert (entry.path, entry.name) == (folder / "vggnet-m.aism", "set VGGNet M")

    desk.editor.close_project()
    desk.until(lambda: not desk.comparisons.comparisons)
    desk.until(lambda: not desk.editor.background.busy)
    desk.editor.open_project(tmp_path / "work" / "work.aisproj")
    desk.until(lambda: desk.comparisons.comparisons)
    (known,) = desk.comparisons.comparisons
    assert known.as_record() == comparison.as_record()
    assert desk.comparisons.selected is known


def test_stopping_and_crashes_keep_what_is_finished_and_it_goes_on(desk: Desk, tmp_path: Path) -> None:
    desk.plan("unet-s", "vggnet-m", epochs=2)
    comparison = desk.comparisons.run()
    desk.until(lambda: len(comparison.rows) == 1 and comparison.part("vggnet-m") is not None)
    desk.comparisons.stop(comparison)
    assert desk.ended(comparison) is ComparisonState.INTERRUPTED
    assert comparison.error == ""
    assert [row["architecture"] for row in comparison.rows] == ["unet-s"]
    assert (comparison.folder / "comparison.csv").read_text(encoding="utf-8").count("\n") == 2
    finished = model_hash(comparison.folder / "unet-s.aism")

    desk.comparisons.go_on(comparison)
    desk.until(lambda: len(comparison.rows) == 1)
    pid = desk.editor.engine.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    assert desk.ended(comparison) is ComparisonState.INTERRUPTED
    assert "ended unexpectedly" in comparison.error
    assert any("ended unexpectedly" in notice.text for notice in desk.editor.notices.said)

    desk.comparisons.go_on(comparison)
    assert desk.ended(comparison) is ComparisonState.DONE
    assert comparison.error == ""
    assert [row["status"] for row in comparison.rows] == ["kept", "trained"]
    assert model_hash(comparison.folder / "unet-s.aism") == finished


def test_closing_the_project_interrupts(desk: Desk, tmp_path: Path) -> None:
    desk.plan("unet-s", epochs=40)
    comparison = desk.comparisons.run()
    desk.until(lambda: (comparison.part("unet-s") or 0) > 0.1)  # some epochs are done
    desk.editor.close_project()
    desk.until(lambda: not desk.editor.background.busy)
    desk.until(lambda: all(job.finished for job in desk.editor.engine.jobs))
    desk.editor.open_project(tmp_path / "work" / "work.aisproj")
    desk.until(lambda: desk.comparisons.comparisons)
    (known,) = desk.comparisons.comparisons
    assert known.state is ComparisonState.INTERRUPTED
    assert (known.folder / ".unet-s.aism.checkpoint").exists(), "its training can be gone on with"


def test_what_stands_in_the_way_is_one_sentence(desk: Desk, tmp_path: Path) -> None:
    comparisons = desk.comparisons
    assert comparisons.problem() == ""
    desk.plan()
    assert comparisons.problem() == "Choose at least one architecture."
    with pytest.raises(AisError, match="Choose at least one"):
        comparisons.run()
    desk.plan("unet-s")
    comparisons.plan.on_tomogram = True
    assert comparisons.problem() == "Choose the tomogram to measure on."
    comparisons.plan.test = desk.editor.state.tomogram
    assert "what is true" in comparisons.problem()
    comparisons.plan.truth = tmp_path / "none.mrc"
    failing = comparisons.run()
    assert desk.ended(failing) is ComparisonState.FAILED
    assert "none.mrc does not exist" in failing.error
    comparisons.forget(failing)
    assert comparisons.comparisons == []

    several = RecordedSet("two.scnt", ("a", "b"), 6, 3, 32, 5, 10.0, "2026-01-02T00:00:00+00:00")
    desk.editor.submit(RecordTrainingSets([several]))
    desk.until(lambda: len(comparisons.sets) == 2)
    assert comparisons.training_set == several, "the newest by itself"
    assert "choose one that is for one feature" in comparisons.problem()
    names = {choice.name for choice in comparisons.choices}
    assert "unet-2.5d" in names


def test_the_window_shows_pictures_as_the_library_makes_them() -> None:
    assert dict(MEANINGS) == {"found": FOUND, "found, but not true": WRONG, "true, but missed": MISSED}
    assert [panel.split(",")[0].capitalize() for panel in picture.PANELS] == list(PANELS)
    assert len(picture.PANELS_WITHOUT_TRUTH) == len(PANELS) - 1
    assert set(SLOW) < {choice.name for choice in ARCHITECTURES}
