"""The demo through the door a user takes: everything is made, measured and reported, and nothing else is touched."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest

import ais.demo
from ais.cli.main import COMMANDS, run
from ais.demo import DemoSettings, FeaturePlan, run_demo
from ais.demo.folder import DemoFolder
from ais.errors import AisError, Cancelled
from ais.progress import Progress

TINY = DemoSettings(
    "small",
    (32, 96, 96),
    annotated=4,
    features=(
        FeaturePlan("ribosome", (0.8, 0.475, 0.655), depth=3, boxes=6, background_boxes=2),
        FeaturePlan("membrane", (0.337, 0.706, 0.914), depth=1, boxes=6, background_boxes=2),
    ),
    box_size=32,
    first_filters=8,
    epochs=12,
    copies=6,
    batch_size=4,
    min_particle=1e5,
    dust=1e5,
)


@contextmanager
def tiny_sizes() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ais.demo, "SETTINGS", MappingProxyType({"small": TINY}))
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished demo in a folder with a space and a letter that is not ASCII; `figures.json` is what it printed."""
    return tmp_path_factory.mktemp("demo") / "my démo"


@pytest.fixture(scope="module")
def figures(folder: Path) -> dict[str, Any]:
    import contextlib
    import io

    printed = io.StringIO()
    with tiny_sizes(), contextlib.redirect_stdout(printed):
        assert run(["demo", "-o", str(folder), "--no-window", "--json", "--seed", "3"]) == 0
    content: dict[str, Any] = json.loads(printed.getvalue())
    return content


def files_in(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_everything_is_made(folder: Path, figures: dict[str, Any]) -> None:
    files = files_in(folder)
    for name in ("membrane", "ribosome"):
        assert {f"sets/{name}.scnt", f"models/{name}.aism", f"segmentations/sim_004__{name}.mrc"} <= files
        assert {f"surfaces/sim_004__{name}.obj", f"tomograms/truth/sim_004_{name}.mrc"} <= files
    assert {"tomograms/sim_004.mrc", "demo.aisproj", "rules.json", "picks/sim_004__ribosome_coords.star"} <= files
    assert {"report.html", "pictures/surfaces.png", "pictures/picks.png"} <= files
    assert Path(figures["report"]) == folder / "report.html"
    assert set(figures["features"]) == {"membrane", "ribosome"}
    for scores in figures["features"].values():
        assert 0.1 < scores["dice"] <= 1
    assert figures["picks"]["particles"] > 0
    assert not [name for name in files if name.endswith((".tmp", ".checkpoint", "-wal", ".lock"))]


def test_scores_are_those_of_the_slices_held_out(folder: Path, figures: dict[str, Any]) -> None:
    import mrcfile

    for name in ("membrane", "ribosome"):
        found = mrcfile.read(folder / "segmentations" / f"sim_004__{name}.mrc") >= 128
        truth = mrcfile.read(folder / "tomograms" / "truth" / f"sim_004_{name}.mrc") > 0
        held_out = [z for z in range(32) if z not in (4, 12, 20, 28)]
        both = (found & truth)[held_out].sum()
        dice = 2 * both / (found[held_out].sum() + truth[held_out].sum())
        assert figures["features"][name]["dice"] == pytest.approx(dice, abs=1e-6)


def test_project_holds_the_annotation(folder: Path, figures: dict[str, Any]) -> None:
    import mrcfile

    from ais.project import Project

    with Project.open(folder / "demo.aisproj", read_only=True) as project:
        (entry,) = project.tomograms()
        assert [feature.name for feature in project.features()] == ["ribosome", "membrane"]
        membrane = project.feature("membrane")
        truth = mrcfile.read(folder / "tomograms" / "truth" / "sim_004_membrane.mrc") > 0
        slices = project.annotated_slices(entry.id, membrane.id)
        assert slices == [z for z in (4, 12, 20, 28) if truth[z].any()]
        for z in slices:
            assert np.array_equal(project.mask(entry.id, membrane.id, z), truth[z])
        assert sum(not box.negative for box in project.boxes(entry.id, membrane.id)) == 6


def test_report_tells_how_to_do_it_again(
    folder: Path,
    figures: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    import html
    import re

    page = (folder / "report.html").read_text(encoding="utf-8")
    lines = [
        re.sub(r"<[^>]+>", "", html.unescape(part)).strip()
        for part in re.findall(r"<code>(ais .*?)</code>", page, re.S)
    ]
    words = {shlex.split(line)[1] for line in lines if "COMMAND" not in line}
    assert words == {"simulate", "import", "annotate", "extract", "train", "segment", "pick", "mesh", "evaluate"}
    assert words <= set(COMMANDS)
    monkeypatch.chdir(folder)
    before = files_in(folder)
    for line in lines:
        verb = shlex.split(line)[1]
        if verb in ("segment", "pick", "mesh"):
            assert run(shlex.split(line)[1:]) == 0
            shown = capsys.readouterr().out
            assert "kept" in shown, f"{line} does something else than the demo: {shown}"
        if verb == "evaluate" and "--picks" not in line:
            assert run([*shlex.split(line)[1:], "--json"]) == 0
            name = "membrane" if "membrane" in line else "ribosome"
            assert json.loads(capsys.readouterr().out)["dice"] == pytest.approx(
                figures["features"][name]["dice"], abs=1e-6
            )
        if "--picks" in line:
            assert run([*shlex.split(line)[1:], "--json"]) == 0
            assert json.loads(capsys.readouterr().out)["f1"] == pytest.approx(figures["picks"]["f1"], abs=1e-6)
    assert files_in(folder) == before
    monkeypatch.chdir(tmp_path)
    for line in lines:
        arguments = shlex.split(line)[1:]
        if arguments[0] in ("simulate", "import", "annotate", "extract", "train"):
            assert run(arguments) == 0, line
    assert same_weights(tmp_path / "models" / "membrane.aism", folder / "models" / "membrane.aism")


def same_weights(one: Path, other: Path) -> bool:
    from ais.models import load_model

    pairs = zip(load_model(one).network.get_weights(), load_model(other).network.get_weights(), strict=True)
    return all(np.array_equal(a, b) for a, b in pairs)


class Stop(Progress):
    """Stops a demo in the middle of a step."""

    def __init__(self, step: str) -> None:
        self.step = step
        self.texts: list[str] = []

    def report(self, done: float, total: float, text: str = "") -> None:
        self.texts.append(text)
        assert 0 <= done <= total
        if text.startswith(f"{self.step}:"):
            raise Cancelled


def test_a_stopped_demo_is_done_again_and_nothing_of_the_user_is_touched(tmp_path: Path) -> None:
    stop = Stop("Cut training sets")
    with pytest.raises(Cancelled):
        run_demo(tmp_path / "demo", settings=TINY, seed=3, progress=stop)
    assert {text.partition(":")[0] for text in stop.texts} == {"Simulate", "Annotate", "Cut training sets"}
    mine = tmp_path / "demo" / "models" / "mine.aism"
    mine.parent.mkdir(exist_ok=True)
    mine.write_text("my own")
    with pytest.raises(Cancelled):
        run_demo(tmp_path / "demo", settings=TINY, seed=4, progress=Stop("Annotate"))
    assert mine.read_text() == "my own"
    assert (tmp_path / "demo" / "tomograms" / "sim_005.mrc").exists()
    assert not (tmp_path / "demo" / "tomograms" / "sim_004.mrc").exists()


def test_own_files_are_replaced_and_others_kept(tmp_path: Path) -> None:
    folder = DemoFolder(tmp_path / "demo")
    old, changed = folder.path / "sub" / "old.txt", folder.path / "changed.txt"
    folder.making(old, changed)
    old.parent.mkdir()
    old.write_text("a")
    changed.write_text("b")
    folder.made([old, changed])
    (folder.path / "mine.txt").write_text("c")
    changed.write_text("edited")
    with pytest.raises(AisError, match="has been changed since"):
        DemoFolder(folder.path)
    assert old.exists()
    changed.write_text("b")
    again = DemoFolder(folder.path)
    assert files_in(folder.path) == {"demo.json", "mine.txt"}
    assert not old.parent.exists()
    with pytest.raises(AisError, match="in the way"):
        again.making(folder.path / "mine.txt")


def test_a_project_that_was_edited_is_kept(tmp_path: Path) -> None:
    from ais.annotation import AddFeature
    from ais.project import Project

    path = tmp_path / "demo.aisproj"
    folder = DemoFolder(tmp_path)
    folder.making(path)
    Project.create(path).close()
    folder.made([path])
    with Project.open(path) as project:
        with pytest.raises(AisError, match="in use"):
            DemoFolder(tmp_path)
        project.apply(AddFeature("mine"))
    with pytest.raises(AisError, match="has been changed since"):
        DemoFolder(tmp_path)
    with Project.open(path) as project:
        project.undo()
    DemoFolder(tmp_path)
    assert not path.exists()


@pytest.mark.parametrize("name", ["../outside.txt", "/etc/outside.txt", "a\\..\\b.txt", "C:b.txt", ""])
def test_a_marker_cannot_make_the_demo_remove_other_files(tmp_path: Path, name: str) -> None:
    outside = tmp_path / "outside.txt"
    outside.write_text("keep")
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "demo.json").write_text(json.dumps({"kind": "demo", "files": {name: None}}))
    with pytest.raises(AisError, match="was not made by the demo"):
        DemoFolder(tmp_path / "demo")
    assert outside.read_text() == "keep"


@pytest.mark.parametrize("marker", ["", "[]", "{", '{"kind": "demo"}', '{"kind": "other", "files": {}}'])
def test_a_folder_of_the_user_is_refused(tmp_path: Path, marker: str, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "work.txt").write_text("mine")
    if marker:
        (tmp_path / "demo.json").write_text(marker)
    before = files_in(tmp_path)
    assert run(["demo", "-o", str(tmp_path)]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "was not made by the demo" in shown.err
    assert len(shown.err.splitlines()) == 1
    assert files_in(tmp_path) == before


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--size", "huge"], "no demo of the size"),
        (["--seed", "-1"], "seed must be 0 or more"),
        (["--seed", "x"], "--seed"),
        (["--what"], "--what"),
    ],
)
def test_wrong_use_writes_nothing(
    tmp_path: Path, words: list[str], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["demo", "-o", str(tmp_path / "new"), *words]) == 2
    assert reason in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


def test_a_file_is_no_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("mine")
    for target in ("file", "file/below"):
        assert run(["demo", "-o", str(tmp_path / target)]) == 2
        assert "Traceback" not in capsys.readouterr().err
    assert (tmp_path / "file").read_text() == "mine"


def test_small_demo_has_slices_to_hold_out() -> None:
    for settings in ais.demo.SETTINGS.values():
        assert 5 <= len(settings.annotated_slices) <= 10
        assert not set(settings.annotated_slices) & set(settings.held_out_slices)
        assert len(settings.annotated_slices) + len(settings.held_out_slices) == settings.shape[0]
