"""What is about to be exported: what is chosen, what is wrong with it, and what the project remembers of it."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from small_project import SHAPE, VOXEL_SIZE, make_model, make_project
from windowless import until

from ais.annotation import AddFeature, AddTomogram
from ais.formats.registry import write_volume
from ais.gui.editor import Editor
from ais.gui.export_results import MISSING, ResultList, ResultOrder, when_text
from ais.gui.export_volumes import Choice, ExportResult
from ais.gui.export_wish import ExportWish, Scope, folder_state, size_text
from ais.gui.rule_words import rule_words
from ais.interactions import Competition, Interaction, InteractionType, Rules
from ais.project import Project

RULES = Rules(
    Competition(("ring",), ("blob", "rod")),
    (
        Interaction("blob", "ring", InteractionType.AVOID, 30.0),
        Interaction("blob", "ring", InteractionType.COLOCALIZE),
    ),
)


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with two tomograms, and three models, two of them for the same feature."""
    folder = tmp_path_factory.mktemp("wish")
    make_project(folder)
    shutil.copy(folder / "tomo.mrc", folder / "second.mrc")
    with Project.open(folder / "work.aisproj") as project:
        project.apply(AddTomogram(folder / "second.mrc"))
    make_model(folder, "blob.aism", "blob", seed=1)
    make_model(folder, "ring.aism", "ring", seed=2)
    make_model(folder, "other.aism", "blob", seed=3)
    return folder


@pytest.fixture
def editor(stock: Path, tmp_path: Path) -> Iterator[Editor]:
    with Project.open(stock / "work.aisproj") as project:
        project.save_copy(tmp_path / "work.aisproj")
    made = Editor(tmp_path / "settings", lambda: None)
    opened(made, tmp_path / "work.aisproj")
    made.modelling.models.add([stock / "blob.aism", stock / "ring.aism"])
    until(made, lambda: len(made.modelling.models.models) == 2 and not made.modelling.models.reading)
    yield made
    made.close()


def opened(editor: Editor, path: Path) -> None:
    editor.open_paths([path])
    until(editor, lambda: editor.document is not None and editor.shown is not None)
    settle(editor)


def settle(editor: Editor) -> None:
    until(editor, lambda: not editor.background.busy and not (editor.document and editor.document.busy))
    editor.poll()


def wish_of(editor: Editor) -> ExportWish:
    return editor.modelling.exports.wish


def test_active_models_and_the_tomogram_on_the_screen_at_first(editor: Editor, stock: Path, tmp_path: Path) -> None:
    wish = wish_of(editor)
    plan = wish.plan
    assert [model.name for model in plan.models] == ["blob", "ring"]
    assert plan.request.tomograms == (editor.state.tomogram,)
    assert plan.request.folder == tmp_path / "work segmented"
    assert (plan.volumes, plan.features, plan.problems) == (2, 2, ())
    assert plan.work == 2 * np.prod(SHAPE)
    assert plan.bytes == 2 * 2 * np.prod(SHAPE)
    assert wish.plan is plan, "made anew only when something has changed"
    editor.modelling.models.change(plan.models[0].id, active=False)
    settle(editor)
    assert [model.name for model in wish.plan.models] == ["ring"]
    wish.use[plan.models[0].id] = True
    wish.scope = Scope.ALL
    wish.some_slices, wish.first, wish.last, wish.tta = True, 1, 3, 4
    assert wish.plan.volumes == 4
    assert wish.plan.work == 2 * 2 * 4 * 3 * np.prod(SHAPE[1:])
    assert wish.plan.request.z_range == (1, 4)
    assert editor.modelling.exports.seconds_for(wish.plan.work) is None


def test_what_is_wrong_stands_beside_what_causes_it(editor: Editor, stock: Path, tmp_path: Path) -> None:
    wish = wish_of(editor)
    editor.modelling.models.add([stock / "other.aism"])
    until(editor, lambda: len(editor.modelling.models.models) == 3 and not editor.modelling.models.reading)
    assert wish.plan.problems_of(Choice.MODELS) == ["blob and other both find blob: choose one of them."]
    wish.use = {model.id: False for model in editor.modelling.models.models}
    assert wish.plan.problems_of(Choice.MODELS) == ["Choose at least one model."]
    wish.scope = Scope.CHOSEN
    assert wish.plan.problems_of(Choice.TOMOGRAMS) == ["Choose at least one tomogram."]
    wish.scope, wish.some_slices, wish.first, wish.last = Scope.THIS, True, 2, 400
    assert "6 slices: choose a range" in wish.plan.problems_of(Choice.SLICES)[0]
    wish.tta = 16
    wish.use = {editor.modelling.models.models[0].id: True}
    assert "8 views at most" in wish.plan.problems_of(Choice.SETTINGS)[0]
    assert wish.most_tta == 8
    (tmp_path / "a file").write_text("no folder")
    wish.own_folder = tmp_path / "a file" / "inside"
    assert wish.plan.problems_of(Choice.FOLDER) == []
    settle(editor)
    assert wish.plan.problems_of(Choice.FOLDER) == [f"{tmp_path / 'a file'} is a file: choose a folder."]


def test_rules_only_among_the_chosen_models(editor: Editor) -> None:
    wish = wish_of(editor)
    editor.modelling.models.set_rules(RULES)
    settle(editor)
    assert wish.plan.rules == (
        "blob gives way where ring is more probable",
        "blob only 3 nm or more away from ring",
        "blob only inside of ring",
    )
    assert len(wish.plan.request.rules) == 3
    wish.use[editor.modelling.models.models[1].id] = False
    assert wish.plan.rules == ()
    assert wish.plan.request.rules == ()
    assert list(rule_words(Rules(Competition(("a",), ("b", "c"))), "nm")) == [
        "b and c give way where a is more probable"
    ]


def test_the_project_remembers_it(editor: Editor, tmp_path: Path) -> None:
    wish = wish_of(editor)
    wish.own_folder, wish.dtype, wish.tta, wish.overwrite = tmp_path / "elsewhere", "int8", 4, True
    wish.labels = "inside"
    assert wish.plan.problems_of(Choice.SETTINGS), "no tomogram is an OME-Zarr folder"
    wish.labels = "beside"
    assert wish.plan.request.labels == "beside"
    wish.remember()
    settle(editor)
    editor.close_project()
    settle(editor)
    opened(editor, tmp_path / "work.aisproj")
    again = wish_of(editor)
    assert again is not wish
    assert (again.folder, again.dtype, again.tta, again.overwrite) == (tmp_path / "elsewhere", "int8", 4, True)
    for nonsense in (None, 5, {"folder": 7, "dtype": "x", "tta": "many", "overwrite": 3, "labels": ["inside"]}):
        again.recall(nonsense)
    assert again.labels == "beside"
    assert (again.folder, again.dtype) == (tmp_path / "elsewhere", "int8")


def test_a_list_of_many_tomograms_costs_little(editor: Editor, stock: Path) -> None:
    assert editor.document is not None
    for number in range(300):
        editor.submit(AddTomogram(stock / "gone" / f"TS_{number}.mrc", shape=SHAPE))
    settle(editor)
    wish = wish_of(editor)
    wish.scope = Scope.ALL
    wish.search = "TS_29"
    assert len(wish.listed) == 11
    began = time.thread_time()
    assert len(wish.plan.problems) >= 300
    assert time.thread_time() - began < 0.05
    began = time.thread_time()
    for _ in range(100):
        assert wish.plan.volumes
    assert time.thread_time() - began < 0.05
    editor.submit(AddFeature("after"))
    settle(editor)
    assert wish.plan.volumes == 2 * 302


def test_folders_and_sizes(tmp_path: Path) -> None:
    assert folder_state(tmp_path / "new" / "deep").problem == ""
    assert (folder_state(tmp_path).free or 0) > 0
    assert [size_text(count) for count in (12, 1500, 34_000_000, 5.25e9)] == ["12 bytes", "1.5 kB", "34 MB", "5.2 GB"]


def test_results_are_found_and_sorted(editor: Editor, tmp_path: Path) -> None:
    write_volume(tmp_path / "b__x.mrc", np.zeros((2, 8, 9), "i1"), voxel_sizes=VOXEL_SIZE)
    results = tuple(
        ExportResult(Path(f"{name}.mrc"), feature, tmp_path / f"{name}__{feature}.mrc", Path("m.aism"), at, 1.0)
        for name, feature, at in (("b", "x", 30.0), ("a", "y", 20.0), ("c", "x", 10.0))
    )
    listed = ResultList(editor.background)
    listed.shown(results)
    until(editor, lambda: listed.sizes)
    assert listed.sizes[results[0].path] == 1024 + 144
    assert listed.sizes[results[1].path] == MISSING

    def order(by: ResultOrder) -> str:
        listed.order = by
        return "".join(result.tomogram.stem for result in listed.shown(results))

    assert [order(by) for by in ResultOrder] == ["bac", "abc", "bca", "bac", "bac", "acb"]
    listed.search = "x C"
    assert order(ResultOrder.NEWEST) == "c"
    now = time.mktime((2024, 3, 12, 15, 0, 0, 0, 0, -1))
    assert when_text(now - 3600, now) == "14:00"
    assert when_text(now - 86400, now) == "11 Mar"
    assert when_text(now - 400 * 86400, now) == "06 Feb 2023"
