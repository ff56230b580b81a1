"""Every kind of file that is dropped on the window goes where it belongs, or one sentence says why it cannot."""

from __future__ import annotations

import json
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from frames_of_ais_1 import simple_frame, write_frame
from keras2_network import Network
from windowless import nothing, said, settled, until

from ais.cli.main import run
from ais.formats.registry import write_volume
from ais.formats.scns import read_scns
from ais.gui.commands import command
from ais.gui.display import Contrast
from ais.gui.editor import Editor
from ais.gui.state import Tab
from ais.project import Project
from ais.trainset import SampleRecord, TrainingSet
from ais.trainset.recorded import recorded_sets

SHAPE = (8, 16, 24)


@pytest.fixture
def editor(tmp_path: Path) -> Iterator[Editor]:
    made = Editor(tmp_path / "settings", nothing)
    yield made
    made.close()


def volume(path: Path, shape: tuple[int, int, int] = SHAPE) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_volume(path, np.random.default_rng(0).normal(size=shape).astype(np.float32), voxel_sizes=13.48)
    return path


def shown(editor: Editor, number: int) -> None:
    until(editor, lambda: editor.shown is not None and editor.shown.entry.id == number)
    until(editor, lambda: editor.shown is not None and editor.shown.statistics is not None)
    settled(editor)


# Annotated tomograms of Ais 1.x


def test_the_contrast_of_ais_1_is_taken_over_in_the_window(test_data: Path, editor: Editor, tmp_path: Path) -> None:
    (tmp_path / "dev7.mrc").symlink_to(test_data / "cell_sim" / "tomogram.mrc")
    editor.open_paths([tmp_path / "dev7.mrc"])
    shown(editor, 1)
    assert editor.state.contrast_is_automatic
    editor.open_paths([test_data / "ais1" / "dev7.scns"])
    until(editor, lambda: editor.snapshot.features and not editor.state.contrast_is_automatic)
    assert editor.state.contrast == Contrast(-3.051068067550659, 2.8115334510803223)
    editor.sight.use_automatic_contrast()
    editor.reopen_tomogram()
    shown(editor, 1)
    assert editor.state.contrast_is_automatic  # taken over once, and not again


def test_the_contrast_of_ais_1_is_taken_over_by_the_command_line(
    test_data: Path, editor: Editor, tmp_path: Path
) -> None:
    (tmp_path / "dev7.mrc").symlink_to(test_data / "cell_sim" / "tomogram.mrc")
    words = [str(test_data / "ais1" / "dev7.scns"), str(tmp_path / "dev7.mrc")]
    assert run(["import", *words, "-o", str(tmp_path / "work.aisproj")]) == 0
    editor.open_paths([tmp_path / "work.aisproj"])
    shown(editor, 1)
    assert editor.state.contrast == Contrast(-3.051068067550659, 2.8115334510803223)
    assert not editor.state.contrast_is_automatic


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ({"contrast_lims": [-1.0, np.float32(2.5)], "invert": True}, Contrast(-1.0, 2.5, True)),
        ({"contrast_lims": [3.0, 3.0], "invert": np.bool_(True)}, None),
        ({"contrast_lims": "all", "invert": "yes"}, None),
        ({"contrast_lims": [float("nan"), 1.0]}, None),
        ({}, None),
    ],
)
def test_contrast_limits_and_crop(
    editor: Editor, tmp_path: Path, state: dict[str, object], expected: Contrast | None
) -> None:
    path = volume(tmp_path / "TS_01.mrc")
    crop = {"crop_roi": [4, 2, 20, 10], "export_bottom": 1, "export_top": 6}
    frame = write_frame(tmp_path / "a.scns", simple_frame("C:\\data\\TS_01.mrc", **state, **crop))
    editor.open_paths([path, frame])
    until(editor, lambda: editor.snapshot.features and editor.shown)
    shown(editor, 1)
    found = editor.state.contrast
    assert found is not None
    assert found.invert == read_scns(frame).invert == (state.get("invert") in (True, np.bool_(True)))
    assert editor.state.contrast_is_automatic == (expected is None)
    assert expected is None or found == expected
    ranges = editor.snapshot.crop
    assert ranges is not None
    assert (ranges.z, ranges.y, ranges.x) == ((1, 6), (6, 14), (4, 20))


def test_a_missing_tomogram_is_found_by_dropping_or_relinking_it(editor: Editor, tmp_path: Path) -> None:
    limits = {"contrast_lims": [-1.0, 2.0]}
    frames = [write_frame(tmp_path / f"{n}.scns", simple_frame(f"D:\\data\\TS_0{n}.mrc", **limits)) for n in (1, 2)]
    editor.open_paths(frames)
    until(editor, lambda: len(editor.snapshot.tomograms) == 2)
    settled(editor)
    assert all(entry.missing for entry in editor.snapshot.tomograms)
    assert "TS_01.mrc, which is missing" in said(editor)
    assert not [notice for notice in editor.notices.said if notice.kind == "problem"]
    first, second = (volume(tmp_path / "new" / f"TS_0{n}.mrc") for n in (1, 2))
    editor.open_paths([first])
    until(editor, lambda: not editor.snapshot.tomograms[0].missing)
    shown(editor, 1)
    assert "TS_01 was missing, and is found again" in said(editor)
    assert editor.snapshot.tomograms[0].path == first
    assert editor.state.contrast == Contrast(-1.0, 2.0)
    editor.select_tomogram(2)
    editor.dialogs.answers.append([second])
    command("tomogram.relink").run(editor)
    until(editor, lambda: not editor.snapshot.tomograms[1].missing)
    shown(editor, 2)
    assert editor.document is not None
    (feature,) = editor.snapshot.features
    assert [editor.document.project.mask(n, feature.id, 3).sum() for n in (1, 2)] == [21, 21]
    volume(tmp_path / "other" / "TS_01.mrc", (4, 16, 24))
    editor.open_paths([tmp_path / "other" / "TS_01.mrc"])  # of another size: another one
    until(editor, lambda: len(editor.snapshot.tomograms) == 3)


# Segmented volumes


def test_a_volume_called_after_a_tomogram_is_its_segmentation_if_one_says_so(editor: Editor, tmp_path: Path) -> None:
    editor.open_paths([volume(tmp_path / "TS_01.mrc")])
    shown(editor, 1)
    editor.state.tab = Tab.RENDER
    dropped = volume(tmp_path / "elsewhere" / "TS_01__membrane.mrc")
    editor.open_paths([dropped])
    until(editor, lambda: editor.shell.sheets)
    (sheet,) = editor.shell.sheets
    assert sheet.fields[0].options == ["A segmented volume of TS_01", "A tomogram"]  # type: ignore[union-attr]
    sheet.on_accept()
    until(editor, lambda: [one.path for one in editor.rendering.volumes.listed] == [dropped])
    assert editor.rendering.volumes.selected == dropped
    assert len(editor.snapshot.tomograms) == 1
    editor.undo()
    until(editor, lambda: not editor.rendering.volumes.listed)
    sheet.fields[0].value = 1  # type: ignore[union-attr]
    sheet.on_accept()
    until(editor, lambda: [entry.name for entry in editor.snapshot.tomograms] == ["TS_01", "TS_01__membrane"])


def test_a_volume_of_another_size_or_of_no_tomogram_here_is_a_tomogram(editor: Editor, tmp_path: Path) -> None:
    paths = [volume(tmp_path / "TS_01.mrc"), volume(tmp_path / "TS_02__membrane.mrc")]
    editor.open_paths([*paths, volume(tmp_path / "TS_01__half.mrc", (4, 8, 12))])
    until(editor, lambda: len(editor.snapshot.tomograms) == 3)
    settled(editor)
    assert not editor.shell.sheets


def test_segmented_volumes_in_a_folder_are_asked_about_once(editor: Editor, tmp_path: Path) -> None:
    for number in (1, 2):
        for name in ("", "__membrane", "__ribosome"):
            volume(tmp_path / "data" / f"TS_0{number}{name}.mrc")
    editor.open_paths([tmp_path / "data"])
    until(editor, lambda: editor.shell.sheets and len(editor.snapshot.tomograms) == 2)
    settled(editor)
    (sheet,) = editor.shell.sheets
    sheet.on_accept()
    assert editor.document is not None
    project = editor.document.project
    until(editor, lambda: all(len(project.volumes(entry.id)) == 2 for entry in editor.snapshot.tomograms))
    assert [entry.name for entry in editor.snapshot.tomograms] == ["TS_01", "TS_02"]


# Training sets


def training_set(path: Path) -> Path:
    rng = np.random.default_rng(0)
    labels = np.zeros((6, 8, 8), np.uint8)
    labels[:4, 2:5, 2:5] = 1
    records = [
        SampleRecord(f"{n:016x}", "TS_01", "TS_01.mrc", "Membrane", n, 4, 4, 8, 8, n >= 4) for n in range(len(labels))
    ]
    TrainingSet(rng.normal(size=(6, 1, 8, 8)).astype("f4"), labels, records, ["Membrane"], 13.48).write(path)
    return path


def test_training_sets_go_on_the_list(test_data: Path, editor: Editor, tmp_path: Path) -> None:
    ours, theirs = training_set(tmp_path / "a.scnt"), test_data / "ais1" / "64x64x1_10.00Apx_Membrane.scnt"
    (tmp_path / "damaged.scnt").write_bytes(theirs.read_bytes()[:3000])
    editor.open_paths([ours, theirs, tmp_path / "damaged.scnt"])
    until(editor, lambda: len(editor.modelling.training_sets.sets) == 2)
    settled(editor)
    assert "damaged.scnt" in said(editor)
    assert "a: 6 samples of Membrane" in said(editor)
    assert editor.shell.tab is Tab.MODELS
    found = editor.modelling.training_sets
    assert [found.path_of(one) for one in found.sets] == [ours, theirs]
    assert editor.modelling.trainings.plan.sets == tuple(one.file for one in found.sets)
    editor.open_paths([theirs])
    settled(editor)
    assert len(found.sets) == 2
    assert editor.modelling.trainings.plan.sets == (found.sets[1].file,)
    editor.undo()
    until(editor, lambda: not found.sets)


def test_training_sets_are_imported_by_the_command_line(tmp_path: Path) -> None:
    training_set(tmp_path / "a.scnt")
    words = ["import", str(tmp_path / "a.scnt"), "-o", str(tmp_path / "work.aisproj")]
    assert run(words) == run(words) == 0
    with Project.open(tmp_path / "work.aisproj") as project:
        (one,) = recorded_sets(project)
    assert (one.file, one.n_samples, one.n_positive, one.features) == ("a.scnt", 6, 4, ("Membrane",))


# Everything at once


def small_scnm(path: Path, **metadata: object) -> Path:
    network = Network()
    network.add("Conv2D", filters=1, kernel_size=[1, 1], padding="valid", activation="sigmoid")
    return network.write(path, **metadata)


def test_all_kinds_dropped_together(editor: Editor, tmp_path: Path) -> None:
    folder = tmp_path / "given"
    path = volume(folder / "TS_01.mrc")
    frame = write_frame(folder / "a.scns", simple_frame("D:\\data\\TS_01.mrc"))
    model = small_scnm(folder / "Membrane.scnm", title="Membrane")
    member = small_scnm(tmp_path / "m.scnm", title="Ribosome").read_bytes()
    group = folder / "both.scnmgroup"
    with tarfile.open(group, "w") as tar:
        for name, content in (("both_model_0.scnm", member), ("both_interactions.json", b"[]")):
            (tmp_path / name).write_bytes(content)
            tar.add(tmp_path / name, name)
    star = folder / "TS_01_coords.star"
    star.write_text(
        "data_\n\nloop_\n_rlnMicrographName\n_rlnCoordinateX\n_rlnCoordinateY\n_rlnCoordinateZ\nTS_01 1 2 3\n"
    )
    sets = training_set(folder / "a.scnt")
    editor.open_paths([star, sets, group, model, frame, path])
    until(editor, lambda: editor.snapshot.features and len(editor.snapshot.models) == 2)
    until(editor, lambda: editor.rendering.particles.sets and editor.modelling.training_sets.sets)
    settled(editor)
    assert [entry.path for entry in editor.snapshot.tomograms] == [path]
    assert sorted(entry.name for entry in editor.snapshot.models) == ["Membrane", "Ribosome"]
    assert [one.count for one in editor.rendering.particles.sets] == [1]
    assert not [notice for notice in editor.notices.said if notice.kind == "problem"]


def scnm_group(path: Path, *members: Path) -> Path:
    with tarfile.open(path, "w") as tar:
        for number, member in enumerate(members):
            tar.add(member, f"{path.stem}_model_{number}.scnm")
        (path.parent / "rules.json").write_text("[]")
        tar.add(path.parent / "rules.json", f"{path.stem}_interactions.json")
    return path


@pytest.mark.parametrize("together", [False, True])
def test_a_group_brings_no_model_twice(editor: Editor, tmp_path: Path, together: bool) -> None:
    model = small_scnm(tmp_path / "mine.scnm", title="Membrane")
    other = small_scnm(tmp_path / "other.scnm", title="Ribosome")
    group = scnm_group(tmp_path / "both.scnmgroup", model, other)
    if not together:
        editor.open_paths([model])
        until(editor, lambda: editor.snapshot.models)
    editor.open_paths([model, group] if together else [group])
    until(editor, lambda: len(editor.snapshot.models) == 2)
    settled(editor)
    assert [entry.name for entry in editor.snapshot.models] == ["mine", "Ribosome"]
    project = tmp_path / "work.aisproj"
    assert run(["import", str(model), "-o", str(project)]) == 0
    assert run(["import", str(group), str(group), "-o", str(project)]) == 0
    with Project.open(project) as found:
        assert [entry.name for entry in found.models()] == ["mine", "Ribosome"]


@pytest.mark.parametrize(
    "name", ["a.aisgroup", "a.scnmgroup", "a.scnm", "a.aism", "a.scns", "a.scnt", "a.tbl", "a.mod"]
)
@pytest.mark.parametrize("content", ["empty", "text", "zip"])
def test_what_is_none_of_its_kind_gives_a_sentence(editor: Editor, tmp_path: Path, name: str, content: str) -> None:
    editor.open_paths([volume(tmp_path / "TS_01.mrc")])
    shown(editor, 1)
    path = tmp_path / name
    path.write_bytes(b"" if content == "empty" else b"a letter to my aunt\n" * 50)
    if content == "zip":
        with zipfile.ZipFile(path, "w") as file:
            file.writestr("rules.json", json.dumps([]))
    before = len(editor.snapshot.history)
    editor.open_paths([path])
    until(editor, lambda: name in said(editor), 10)
    settled(editor)
    (problem,) = [notice for notice in editor.notices.said if notice.kind == "problem"]
    assert name in problem.text
    assert "unexpected" not in problem.text
    assert len(editor.snapshot.history) == before


@pytest.mark.parametrize("name", ["notes.pdf", "weights.h5", "settings.xml", "no ending"])
def test_other_files_give_a_sentence(editor: Editor, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"%PDF-1.7 something")
    editor.open_paths([tmp_path / name])
    until(editor, lambda: name in said(editor), 10)
    settled(editor)
    assert not editor.snapshot.tomograms
