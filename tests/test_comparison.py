"""Comparing architectures: what is measured and on what, what is kept, what fails, and what the picture shows."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from small_project import SHAPE, VOXEL_SIZE, blobs, make_project, make_training_set

import ais.comparison
from ais.cli.main import run
from ais.comparison import compare
from ais.comparison.held_out import Example, SlicesOfTomogram
from ais.comparison.picture import FOUND, MISSED, WRONG, comparison_picture
from ais.comparison.row import ComparisonRow
from ais.errors import AisError, Cancelled
from ais.formats.registry import write_volume
from ais.models import architecture, model_hash, read_model_info
from ais.progress import Progress
from ais.tomogram import Tomogram
from ais.trainset import TrainingSet

TINY = {"first_filters": 4}
QUICK = ["--option", "first_filters=4", "--epochs", "2", "--copies", "2", "--batch-size", "4", "--precision", "float32"]
TESTED = ["--test", "tomo.mrc", "--truth", "mask.mrc"]
BOTH = ["--architecture", "unet-s", "--architecture", "vggnet-m"]


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("comparison")
    make_project(folder)
    make_training_set(folder)
    previous = Path.cwd()
    os.chdir(folder)
    try:
        assert run(["compare", "set.scnt", "-o", "tested", *BOTH, *QUICK, *TESTED]) == 0
        assert run(["compare", "set.scnt", "-o", "aside", "--architecture", "unet-s", *QUICK]) == 0
    finally:
        os.chdir(previous)
    return folder


@pytest.fixture
def work(stock: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "work"
    shutil.copytree(stock, folder)
    monkeypatch.chdir(folder)
    monkeypatch.setattr(ais.comparison.speed, "SIDE_PX", 64)
    return folder


def table(folder: str) -> list[dict[str, str]]:
    with Path(folder, "comparison.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def left_out() -> set[int]:
    return {record.z for record in TrainingSet.read("set.scnt").records}


def test_scores_are_those_of_segmenting_and_evaluating_the_other_slices(
    work: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    others = sorted(set(range(SHAPE[0])) - left_out())
    assert others
    assert len(others) < SHAPE[0]
    rows = table("tested")
    assert [row["architecture"] for row in rows] == ["unet-s", "vggnet-m"]
    for row in rows:
        model = f"tested/{row['architecture']}.aism"
        assert run(["segment", "-m", model, "tomo.mrc", "-o", row["architecture"], "--precision", "float32"]) == 0
        capsys.readouterr()
        words = ["evaluate", f"{row['architecture']}/tomo__blob.mrc", "mask.mrc", "--json", "--label", "1"]
        assert run([*words, "--slices", ",".join(map(str, others))]) == 0
        wanted = json.loads(capsys.readouterr().out)
        for name in ("dice", "cldice", "precision", "recall"):
            found = None if row[name] == "" else float(row[name])
            assert found == pytest.approx(wanted[name], abs=1e-6), name
        assert row[
            "measured_on"
        ] == f"{len(others)} slices of tomo.mrc ({len(left_out())} that the training set shows " + ("were left out)")


def test_the_table_has_every_figure(work: Path) -> None:
    for row in table("tested"):
        info = read_model_info(f"tested/{row['architecture']}.aism")
        assert info.arguments["first_filters"] == 4
        assert int(row["parameters"]) < 50_000
        assert float(row["loss"]) == info.training["results"]["loss"]
        assert float(row["training_seconds"]) == sum(epoch["seconds"] for epoch in info.training["history"])
        assert row["val_loss"] == ""
        for name in ("samples_per_second", "seconds_per_slice"):
            assert 0 < float(row[name]) < 1e6
    page = Path("tested/comparison.md").read_text(encoding="utf-8")
    assert "| unet-s " in page
    assert "left out" in page
    assert "![" in page
    with Image.open("tested/comparison.png") as picture:
        assert picture.width > 1500


def test_without_a_test_tomogram_the_samples_kept_aside_are_measured_on(work: Path) -> None:
    (row,) = table("aside")
    results = read_model_info("aside/unet-s.aism").training["results"]
    assert float(row["val_loss"]) == results["val_loss"]
    assert float(row["dice"]) == pytest.approx(results["dice"], abs=1e-6), "as the training itself counted"
    assert row["measured_on"] == "2 samples of set kept aside, 1 of them positive"


def test_finished_models_are_kept_and_others_are_in_the_way(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = Path("tested/unet-s.aism").stat().st_mtime_ns
    words = ["compare", "set.scnt", "-o", "tested", "--architecture", "unet-s", *QUICK, *TESTED, "--json"]
    capsys.readouterr()
    assert run(words) == 0
    (kept,) = json.loads(capsys.readouterr().out)
    assert (kept["status"], kept["model"]) == ("kept", str(Path("tested/unet-s.aism")))
    for changed in (["--seed", "1"], ["--epochs", "3"], ["--validation", "0.2"], ["--option", "first_filters=5"]):
        assert run([*words, *changed]) == 2
        assert "unet-s.aism exists and was trained with other samples or settings" in capsys.readouterr().err
    assert Path("tested/unet-s.aism").stat().st_mtime_ns == before
    assert run([*words, "--epochs", "1", "--overwrite"]) == 0
    assert read_model_info("tested/unet-s.aism").training["epochs"] == 1


def test_one_that_fails_is_named_and_does_not_stop_the_others(
    work: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    train = ais.comparison.train
    failing = {"vggnet-m"}

    def trained(*given: Any, **settings: Any) -> Any:
        if settings["architecture"] in failing:
            raise MemoryError
        return train(*given, **settings)

    monkeypatch.setattr(ais.comparison, "train", trained)
    words = [
        "compare",
        "set.scnt",
        "-o",
        "new",
        "--architecture",
        "vggnet-m",
        "--architecture",
        "unet-s",
        *QUICK,
        *TESTED,
    ]
    assert run(words) == 1
    error = capsys.readouterr().err
    assert "vggnet-m failed: There is not enough memory" in error
    failed, done = table("new")
    assert (failed["status"], failed["dice"], done["status"]) == ("failed", "", "trained")
    assert "not enough memory" in failed["error"]
    assert "- vggnet-m failed: There is not enough memory" in Path("new/comparison.md").read_text(encoding="utf-8")
    failing.add("unet-s")
    words[words.index("new")] = "none"
    assert run(words) == 2
    assert not Path("none").exists()


class Stop(Progress):
    """Asks to stop after so much of the work."""

    def __init__(self, after: float) -> None:
        self.after = after

    def report(self, done: float, total: float, *_: object) -> None:
        assert 0 <= done <= total
        if done >= self.after:
            raise Cancelled


def test_a_training_that_was_stopped_goes_on(work: Path) -> None:
    def go(folder: str, progress: Progress | None = None) -> list[ComparisonRow]:
        return compare(
            ["set.scnt"],
            folder,
            architectures=["unet-s"],
            options=TINY,
            test="tomo.mrc",
            truth="mask.mrc",
            epochs=2,
            copies=2,
            batch_size=4,
            precision="float32",
            progress=progress or Progress(),
        )

    with pytest.raises(Cancelled):
        go("stopped", Stop(0.6))
    assert [path.name for path in Path("stopped").iterdir()] == [".unet-s.aism.checkpoint"]
    (row,) = go("stopped")
    assert row.status == "trained"
    assert model_hash("stopped/unet-s.aism") == model_hash("tested/unet-s.aism"), "as if it had never been stopped"


def test_by_default_all_that_take_so_many_slices(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    library = (replace(architecture("vggnet-m"), depths=(3, 9)), architecture("unet-s"))
    monkeypatch.setattr(ais.comparison, "all_architectures", lambda: library)
    assert run(["compare", "set.scnt", "-o", "tested", *QUICK, *TESTED]) == 0
    assert [row["architecture"] for row in table("tested")] == ["unet-s"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--test", "tomo.mrc"], "--test and --truth belong together"),
        (["--label", "1"], "--label names a value in --truth"),
        (["--validation", "0"], "Nothing is left to measure on"),
        (["--validation", "0.95"], "from 0 to 0.9"),
        (["--epochs", "0"], "--epochs must be a whole number from 1"),
        (["--architecture", "unet-xl"], "There is no architecture 'unet-xl'"),
        (["--option", "colour=4"], "has an option 'colour'"),
        (["--option", "first_filters=1"], "must be a whole number from 4"),
        (["--option", "first_filters"], "--option takes KEY=VALUE"),
        (["--device", "abacus"], "'abacus' is not a device"),
        (["--test", "tomo.mrc", "--truth", "small.mrc"], "the truth must be of the test tomogram"),
        (["--test", "tomo.mrc", "--truth", "empty.mrc"], "empty.mrc shows the feature in none of the"),
        (["--test", "tomo.mrc", "--truth", "mask.mrc", "--label", "7"], "shows the feature in none of the"),
        (["--test", "nan.mrc", "--truth", "mask.mrc"], "nan.mrc contains values that are not finite"),
        (["--test", "tomo.mrc", "--truth", "nan.mrc"], "nan.mrc contains values that are not finite"),
        (["--test", "missing.mrc", "--truth", "mask.mrc"], "missing.mrc does not exist"),
    ],
)
def test_wrong_use_is_one_sentence_and_writes_nothing(
    work: Path, capsys: pytest.CaptureFixture[str], words: list[str], sentence: str
) -> None:
    write_volume("small.mrc", np.ones((6, 96, 95), "i1"), voxel_sizes=VOXEL_SIZE)
    write_volume("empty.mrc", np.zeros(SHAPE, "i1"), voxel_sizes=VOXEL_SIZE)
    values = np.zeros(SHAPE, "f4")
    values[min(set(range(SHAPE[0])) - left_out()), 0, 0] = np.nan
    write_volume("nan.mrc", values, voxel_sizes=VOXEL_SIZE)
    capsys.readouterr()
    assert run(["compare", "set.scnt", "-o", "new", *BOTH, *words]) == 2
    error = capsys.readouterr().err
    assert sentence in error
    assert error.count("\n") == 1
    assert not Path("new").exists()


def test_sets_that_cannot_be_compared_on(work: Path) -> None:
    samples = TrainingSet.read("set.scnt")
    nothing = replace(samples, labels=np.zeros_like(samples.labels))
    several = replace(samples, features=["blob", "ring"])
    hidden = replace(samples, records=[replace(record, z=z) for z, record in enumerate(samples.records)])
    for wrong, sentence in (
        (nothing, "no positive sample"),
        (several, "blob, ring: architectures are compared on one"),
    ):
        with pytest.raises(AisError, match=sentence):
            compare([wrong], "new", architectures=["unet-s"])
    with pytest.raises(AisError, match="shows every slice of tomo.mrc"):
        compare([hidden], "new", test="tomo.mrc", truth="mask.mrc")
    Path("file").touch()
    with pytest.raises(AisError, match="file is a file"):
        compare([samples], "file", architectures=["unet-s"], test="tomo.mrc", truth="mask.mrc")
    assert not Path("new").exists()


def test_slices_that_deep_samples_show_are_left_out_with_their_neighbours(work: Path) -> None:
    samples = TrainingSet.read("set.scnt")
    records = [replace(record, z=2) for record in samples.records]
    deep = replace(samples, images=samples.images.repeat(3, axis=1), records=records)
    for name, count in (("tomo.mrc", 3), ("elsewhere/tomo.mrc", 3), ("linked.mrc", 3), ("other.mrc", 0)):
        if name == "linked.mrc":
            os.link(samples.records[0].tomogram_path, name)
        elif name != "tomo.mrc":
            Path(name).parent.mkdir(exist_ok=True)
            shutil.copy("tomo.mrc", name)
        held = SlicesOfTomogram(Path(name), Path("mask.mrc"), None, deep)
        expected = blobs()[[0, 4, 5]] if count else blobs()
        np.testing.assert_array_equal(held.truth, expected)
        assert f"({count} that" in held.text if count else held.text == "6 slices of other.mrc (all)"
    unknown = replace(samples, records=[replace(record, tomogram="", z=-1) for record in samples.records])
    assert "does not say" in SlicesOfTomogram(Path("tomo.mrc"), Path("mask.mrc"), None, unknown).text


def test_of_a_large_slice_the_part_with_most_of_the_feature_is_shown(tmp_path: Path, work: Path) -> None:
    image = np.random.default_rng(0).normal(size=(2, 500, 600)).astype("f4")
    truth = np.zeros(image.shape, "i1")
    truth[1, 450:480, 560:590] = truth[1, 90, 10:30] = truth[0, 3, 3] = 1
    write_volume("large.mrc", image, voxel_sizes=VOXEL_SIZE)
    write_volume("large_mask.mrc", truth, voxel_sizes=VOXEL_SIZE)
    held = SlicesOfTomogram(Path("large.mrc"), Path("large_mask.mrc"), None, TrainingSet.read("set.scnt"))
    example = held.example()
    assert example.image.shape == example.truth.shape == (384, 384)
    assert example.truth.sum() == 900
    np.testing.assert_array_equal(held.part(truth), example.truth)
    assert example.title.startswith("slice 1 of large.mrc, x ")


def test_the_picture_colours_what_was_found_and_missed_with_row_0_at_the_bottom() -> None:
    image = np.random.default_rng(0).normal(size=(40, 40)).astype("f4")
    truth, found = np.zeros((40, 40), "u1"), np.zeros((40, 40), "f4")
    truth[0:10] = 1
    found[5:20] = 255
    rows = [ComparisonRow("unet-s", "UNet S", dice=0.4, measured_on="one slice")]
    data = comparison_picture(rows, [found], Example("slice 1", image, truth, 10.0), "blob")
    with Image.open(io.BytesIO(data)) as opened:
        picture = np.asarray(opened.convert("RGB")).astype(int)
    panel = picture[:, -int(0.2 * picture.shape[1]) :]
    heights = {}
    for name, colour in (("missed", MISSED), ("wrong", WRONG)):
        same = (abs(panel - np.rint(np.array(colour) * 255)) <= 1).all(axis=2)
        rows_of, columns = np.nonzero(same)
        assert np.ptp(columns) > 0.8 * panel.shape[1], name
        heights[name] = (rows_of.min(), rows_of.max())
    assert heights["wrong"][1] < heights["missed"][0], "what was found above is higher up than what was missed below"
    gap = heights["missed"][0] - heights["wrong"][1]
    assert gap == pytest.approx(np.ptp(heights["missed"]), rel=0.1), "five rows found between ten and five"
    assert FOUND == (1.0, 1.0, 1.0)


def test_validation_samples_with_little_to_show(work: Path) -> None:
    samples = TrainingSet.read("set.scnt")
    held = ais.comparison.ValidationSamples(samples, 0.5, 0)
    example = held.example()
    assert example.image.shape == example.truth.shape == (32, 32)
    assert (example.truth == 1).sum() == max((plane == 1).sum() for plane in held.truth)


def test_a_comparison_that_is_stopped_keeps_the_table_of_what_was_finished(work: Path) -> None:
    rows: list[ComparisonRow] = []
    with pytest.raises(Cancelled):
        compare(
            *(["set.scnt"], "stopped"),
            architectures=["unet-s", "vggnet-m"],
            options=TINY,
            **{"epochs": 1, "copies": 1, "batch_size": 4, "precision": "float32"},  # type: ignore[arg-type]
            on_row=rows.append,
            progress=Stop(1.01),
        )
    assert [row["architecture"] for row in table("stopped")] == [row.architecture for row in rows] == ["unet-s"]
    assert Path("stopped/comparison.png").is_file()


def test_each_picture_shows_what_was_held_out_or_a_slice_of_ones_choice(
    work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ais.comparison.held_out, "SHOWN_PX", 50)
    quick: dict[str, Any] = {"options": TINY, "epochs": 2, "copies": 2, "batch_size": 4, "precision": "float32"}
    compare(["set.scnt"], "aside", architectures=["unet-s"], shown=("tomo.mrc", 4), **quick)
    with Image.open("aside/unet-s.png") as picture:  # three panels of 96 / 2 pixels, 4 between them
        assert picture.size == (3 * 48 + 2 * 4, 48)
        grey = np.asarray(picture)[::-1, :48, 0]
    with Tomogram.open("tomo.mrc") as tomogram:
        wanted = tomogram.slice(4).reshape(48, 2, 48, 2).mean(axis=(1, 3))
    assert np.corrcoef(grey.ravel(), wanted.ravel())[0, 1] > 0.98, "the slice itself, row 0 at the bottom"
    assert "slice 4 of tomo.mrc" in Path("aside/comparison.md").read_text(encoding="utf-8")
    with Image.open("tested/unet-s.png") as picture:
        assert picture.size == (4 * 96 + 3 * 4, 96)
    with pytest.raises(AisError, match="has no slice 6"):
        compare(["set.scnt"], "none", architectures=["unet-s"], shown=("tomo.mrc", 6), **quick)
