"""`ais stages`: pieces, their predictions, the volumes put together from them, and what is measured in these."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import mrcfile
import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st

from ais.classic import make_classic_model
from ais.cli.main import run
from ais.errors import AisError
from ais.export import SegmentSettings, segment
from ais.formats.record import read_record
from ais.formats.registry import write_volume
from ais.interactions import Rules
from ais.models import Model, ModelInfo, build, save_model
from ais.stages import STAGES, Place, StageSettings, places, run_stages

SHAPE = (8, 100, 96)
VOXEL_SIZE = 10.0
TILE, OVERLAP = (5, 64, 64), (2, 26, 26)
CUT = ["--tile", "5x64x64", "--overlap", "2x26x26"]
PATIENCE_S = 120.0


def rough(shape: tuple[int, int, int] = SHAPE, seed: int = 0) -> np.ndarray:
    """Grey values with structures of a few voxels."""
    from scipy.ndimage import gaussian_filter

    values = gaussian_filter(np.random.default_rng(seed).normal(0, 1, shape), 2.0)
    return np.asarray(values / values.std(), dtype=np.float32)


def make_model(path: Path, feature: str = "blob", seed: int = 0, depth: int = 1, **facts: Any) -> Path:
    """An untrained model."""
    info = ModelInfo("unet-s", {"first_filters": 4}, feature, facts.pop("voxel_size", VOXEL_SIZE), 32, depth, **facts)
    network = build("unet-s", depth, info.arguments, features=max(len(info.features), 1), seed=seed)
    save_model(path, Model(network, info))
    return path


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stages")
    (folder / "in").mkdir()
    write_volume(folder / "in" / "one.mrc", rough(), voxel_sizes=VOXEL_SIZE, origin=(100.0, 200.0, 300.0))
    write_volume(folder / "in" / "two.tif", rough((4, 70, 60), seed=1), voxel_sizes=VOXEL_SIZE)
    (folder / "in" / "notes.txt").write_text("not a tomogram\n")
    make_model(folder / "model.aism")
    return folder


@pytest.fixture(scope="module")
def whole(stock: Path) -> Path:
    """Results of all stages, each run by itself, and beside them what other commands make of the whole tomograms."""
    words = ["stages", "-o", str(stock / "out"), *settings_of(stock)]
    assert run([*words, str(stock / "in"), "split"]) == 0
    assert [path.name for path in (stock / "out").iterdir()] == ["1_split"]
    assert run([*words, "nowhere", "predict", "-m", str(stock / "model.aism")]) == 0
    assert run([*words, "nowhere", "assemble"]) == 0
    assert run([*words, str(stock / "in"), "analyze"]) == 0
    assert run(["segment", str(stock / "in"), "-m", str(stock / "model.aism"), "-o", str(stock / "segmented")]) == 0
    analysed = ["-o", str(stock / "analysed"), "--threshold", str(level_of(stock)), "--min-volume", "40000"]
    assert run(["analyze", str(stock / "out" / "3_assemble" / "one__blob.mrc"), *analysed]) == 0
    return stock / "out"


def settings_of(stock: Path) -> list[str]:
    return [*CUT, "--threshold", str(level_of(stock)), "--min-volume", "40000"]


def level_of(stock: Path) -> int:
    """A threshold at which an untrained network finds separate things."""
    if not (stock / "seen").exists():
        segment([stock / "in" / "one.mrc"], [stock / "model.aism"], stock / "seen")
    return int(np.percentile(voxels(stock / "seen" / "one__blob.mrc"), 95))


@pytest.fixture
def both(whole: Path, tmp_path: Path) -> Path:
    """All results of the stages, to be changed."""
    return Path(shutil.copytree(whole, tmp_path / "out"))


@pytest.fixture
def copy(both: Path) -> Path:
    """The same of one tomogram."""
    for path in sorted(both.rglob("two*"), reverse=True):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    return both


def voxels(path: Path) -> np.ndarray:
    with mrcfile.open(path) as file:
        return np.array(file.data)


def change(path: Path, part: tuple[slice, slice, slice], value: int) -> None:
    """Correct a piece by hand."""
    with mrcfile.open(path, "r+") as file:
        file.data[part] = value


# How a tomogram is divided


@settings(max_examples=40)
@given(st.data())
def test_what_counts_of_the_pieces_fills_the_tomogram_once(data: st.DataObject) -> None:
    shape = data.draw(st.tuples(*[st.integers(1, 40)] * 3))
    tile = data.draw(st.tuples(*[st.integers(1, 20)] * 3))
    overlap = tuple(data.draw(st.integers(0, edge - 1)) for edge in tile)
    counted = np.zeros(shape, int)
    found = places(shape, tile, overlap)
    for place in found:
        counted[tuple(slice(*one) for one in place.kept)] += 1
        piece = np.zeros(place.shape)
        assert piece[place.inside].shape == tuple(stop - start for start, stop in place.kept)
        assert all(
            0 <= b0 <= k0 < k1 <= b1 <= n for (b0, b1), (k0, k1), n in zip(place.box, place.kept, shape, strict=True)
        )
        assert all(edge <= most for edge, most in zip(place.shape, tile, strict=True))
        spares = [place.spare(axis) for axis in range(3)]
        assert all(spare is None or spare >= shared // 2 for spare, shared in zip(spares, overlap, strict=True))
        assert Place.from_record(json.loads(json.dumps(place.as_record()))) == place
    assert (counted == 1).all()
    assert len({place.name("t") for place in found}) == len(found)
    assert found == sorted(found, key=lambda place: place.kept)
    assert found[0].all_of_tomogram() == found


def test_no_more_pieces_than_it_takes() -> None:
    assert len(places((300, 1024, 1024), (64, 512, 512), (16, 128, 128))) == 6 * 3 * 3
    assert len(places((64, 512, 512), (64, 512, 512), (16, 128, 128))) == 1


@pytest.mark.parametrize(
    ("tile", "overlap"),
    [((0, 5, 5), (0, 0, 0)), ((5, 5, 5), (5, 0, 0)), ((5, 5, 5), (-1, 0, 0)), ((1, 1, 1), (0, 0, 0))],
)
def test_tiles_that_make_no_sense(tile: Any, overlap: Any) -> None:
    with pytest.raises(AisError):
        places((100, 100, 100), tile, overlap)


# The whole way


def test_it_equals_segmenting_and_analysing_whole_tomograms(stock: Path, whole: Path) -> None:
    for name in ("one", "two"):
        mine, theirs = whole / "3_assemble" / f"{name}__blob.mrc", stock / "segmented" / f"{name}__blob.mrc"
        assert abs(voxels(mine).astype(int) - voxels(theirs)).max() <= 1
        level = level_of(stock)
        assert ((voxels(mine) >= level) != (voxels(theirs) >= level)).mean() < 1e-3
        with mrcfile.open(mine) as one, mrcfile.open(theirs) as other:
            assert one.header.mode == other.header.mode == 6
            assert one.header.origin.item() == other.header.origin.item()
            assert one.voxel_size.item() == pytest.approx(other.voxel_size.item())
    tables = [folder / "one__blob_instances.csv" for folder in (whole / "4_analyze" / "cleaned", stock / "analysed")]
    mine_rows, their_rows = (list(csv.DictReader(table.read_text().splitlines())) for table in tables)
    assert len(mine_rows) > 3
    assert [{name: row[name] for name in their_rows[0]} for row in mine_rows] == their_rows


def test_labels_and_files_of_instances_agree_with_scikit_image(stock: Path, whole: Path) -> None:
    from skimage.measure import label, regionprops

    mask = voxels(whole / "3_assemble" / "one__blob.mrc") >= level_of(stock)
    np.testing.assert_array_equal(voxels(whole / "3_assemble" / "one__blob_mask.mrc"), mask)
    regions = regionprops(label(mask, connectivity=1))
    everything = voxels(whole / "4_analyze" / "instances" / "one__blob_instances.mrc")
    assert everything.max() == len(regions) > 5
    large = sorted((region for region in regions if region.area >= 40), key=lambda region: -region.area)
    cleaned = voxels(whole / "4_analyze" / "cleaned" / "one__blob_instances.mrc")
    assert cleaned.max() == len(large) < len(regions)
    folder = whole / "4_analyze" / "each_instance" / "one__blob"
    files = sorted(folder.glob("0*.json"))
    assert len(files) == len(large)
    for file in files:
        facts = json.loads(file.read_text(encoding="utf-8"))
        inside = cleaned == facts["id"]
        (region,) = (one for one in large if inside[tuple(one.coords[0])])
        assert facts["volume_voxels"] == region.area == inside.sum()
        assert facts["volume_m3"] == pytest.approx(region.area * 1e-27)
        np.testing.assert_allclose(facts["centroid_voxels_xyz"], region.centroid[::-1], atol=1e-4)
        assert facts["mean_intensity"] == pytest.approx(rough()[inside].mean(), abs=1e-4)
        profile = facts["profile"]
        assert len(profile["position_m"]) == len(profile["cross_section_m2"]) == len(profile["intensity"]) > 0
        assert profile["position_m"][-1] == pytest.approx(facts["length_m"])


def test_pictures_of_distributions_are_there_as_png_and_svg(whole: Path) -> None:
    for name in ("one__blob_instances", "two__blob_instances", "summary_distributions", "summary_counts"):
        assert (whole / "4_analyze" / "cleaned" / f"{name}.png").read_bytes().startswith(b"\x89PNG")
        assert "<svg" in (whole / "4_analyze" / "cleaned" / f"{name}.svg").read_text(encoding="utf-8")


@pytest.mark.parametrize("stage", STAGES[1:])
def test_a_stage_without_the_one_before_says_which(
    stock: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], stage: str
) -> None:
    words = ["stages", str(stock / "in"), stage, "-m", str(stock / "model.aism"), "-o", str(tmp_path / "out")]
    assert run(words) == 2
    assert f"run the stage {STAGES[STAGES.index(stage) - 1]} first" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


# The same values as those of the whole tomogram


@pytest.mark.parametrize(
    ("facts", "form"),
    [({"depth": 3, "normalization": "slice"}, "tif"), ({"voxel_size": 13.0, "features": ("ribosome", "actin")}, "mrc")],
    ids=["several-slices-normalised-by-slice", "several-features-rescaled"],
)
def test_pieces_have_the_values_of_the_whole(stock: Path, tmp_path: Path, facts: dict[str, Any], form: str) -> None:
    model = make_model(tmp_path / "model.aism", **facts)
    settings = StageSettings(tile=TILE, overlap=(2, 44, 44), format=form, precision="float32")
    stages = ("split", "predict", "assemble")
    results = run_stages([stock / "in" / "one.mrc"], tmp_path / "out", [model], settings, stages=stages)
    assert [one.error for one in results if one.error] == []
    assert results[1].figures["exact"]
    (expected,) = segment([stock / "in" / "one.mrc"], [model], tmp_path, SegmentSettings(precision="float32"))
    assert len(expected.outputs) == len(results) - 2
    for result in results[2:]:
        wanted = voxels(expected.outputs[result.feature]).astype(int)
        assert wanted.std() > 0
        assert abs(voxels(result.output) - wanted).max() <= 1


def test_rules_look_beyond_what_counts(stock: Path, tmp_path: Path) -> None:
    models = [make_model(tmp_path / "both.aism", features=("blob", "ring"), seed=2)]
    inputs, stages = [stock / "in" / "one.mrc"], ("split", "predict", "assemble")
    (ring,) = segment(inputs, models, tmp_path)
    level = (float(np.percentile(voxels(ring.outputs["ring"]), 98)) - 0.5) / 255
    rules = Rules.parse([{"child": "blob", "parent": "ring", "type": "avoid", "radius": 40.0, "threshold": level}])
    settings = StageSettings(tile=TILE, overlap=(2, 36, 36), rules=rules, precision="float32")
    results = run_stages(inputs, tmp_path / "out", models, settings, stages=stages)
    assert results[1].figures["exact"]
    (expected,) = segment(inputs, models, tmp_path / "whole", SegmentSettings(precision="float32", rules=rules))
    wanted = voxels(expected.outputs["blob"]).astype(int)
    assert 0.02 < (wanted == 0).mean() < 0.98
    assert (
        abs(voxels(results[2].output) - wanted) > 1
    ).mean() < 1e-4  # a parent at its threshold give or take a rounding


def test_too_little_overlap_is_said(stock: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    settings = StageSettings(tile=(8, 54, 54), overlap=(0, 8, 8))
    results = run_stages(
        [stock / "in" / "one.mrc"], tmp_path, [stock / "model.aism"], settings, stages=("split", "predict", "assemble")
    )
    assert results[1].figures["exact"] is False
    assert "--overlap 0x26x26" in caplog.text
    level_of(stock)
    whole = voxels(stock / "seen" / "one__blob.mrc").astype(int)
    assert (abs(voxels(results[2].output) - whole) <= 1).mean() > 0.5


# What is there is kept


def test_what_is_finished_is_kept_and_what_is_missing_made(
    stock: Path, copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["stages", str(stock / "in" / "one.mrc"), "-m", str(stock / "model.aism"), "-o", str(copy), "--json"]
    words += settings_of(stock)
    assert run(words) == 0
    assert [one["status"] for one in json.loads(capsys.readouterr().out)] == ["kept"] * 4
    before = {path: path.stat().st_mtime_ns for path in copy.rglob("*.mrc")}
    gone = sorted((copy / "2_predict" / "one").glob("*.mrc"))[3]
    gone.unlink()
    assert run(words) == 0
    results = json.loads(capsys.readouterr().out)
    statuses = [one["status"] for one in results]
    assert statuses == ["kept", "done", "kept", "kept"], "the same values again, so what follows stays"
    assert results[1]["kept"] == results[1]["pieces"] - 1
    changed = [path for path, when in before.items() if path.stat().st_mtime_ns != when]
    assert changed == [gone]


def test_other_settings_make_again_what_depends_on_them(
    stock: Path, copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["stages", str(stock / "in" / "one.mrc"), "-m", str(stock / "model.aism"), "-o", str(copy), "--json"]
    level = str(level_of(stock) - 1)
    assert run([*words, *CUT, "--threshold", level]) == 0
    results = json.loads(capsys.readouterr().out)
    assert [one["status"] for one in results] == ["kept", "kept", "done", "done"]
    for kind in ("instances", "cleaned"):
        record = read_record(copy / "4_analyze" / kind / "one__blob_instances.mrc")
        assert record is not None
        assert record["settings"]["threshold"] == float(level)
    assert run([*words, "--tile", "8x112x112", "--overlap", "0x8x8", "split", "predict"]) == 0
    results = json.loads(capsys.readouterr().out)
    assert [(one["status"], one["pieces"]) for one in results] == [("done", 1)] * 2
    for stage in ("1_split", "2_predict"):
        assert len(list((copy / stage / "one").iterdir())) == 2, "a piece and its record; nothing of the others"


def test_pieces_corrected_by_hand_are_kept_and_used(
    stock: Path, copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["stages", str(stock / "in" / "one.mrc"), "-o", str(copy), "--json", *settings_of(stock)]
    before = voxels(copy / "3_assemble" / "one__blob.mrc")
    piece = copy / "2_predict" / "one" / "one_z0000_y0000_x0000__blob.mrc"
    change(piece, (slice(0, 3), slice(5, 20), slice(5, 20)), 255)
    assert run([*words, "-m", str(stock / "model.aism")]) == 0
    results = json.loads(capsys.readouterr().out)
    assert [one.get("corrected") for one in results] == [0, 1, 1, None]
    assert [one["status"] for one in results] == ["kept", "kept", "done", "done"]
    expected = before.copy()
    expected[0:3, 5:20, 5:20] = 255
    np.testing.assert_array_equal(voxels(copy / "3_assemble" / "one__blob.mrc"), expected)
    assert voxels(copy / "4_analyze" / "cleaned" / "one__blob_instances.mrc")[1, 10, 10] > 0
    again = [*words, "predict", "-m", str(make_model(copy / "other.aism", seed=5))]
    assert run(again) == 2
    assert f"{piece} was changed by hand" in " ".join(capsys.readouterr().err.split())
    assert (voxels(piece)[0:3, 5:20, 5:20] == 255).all()
    assert run([*again, "--overwrite"]) == 0
    assert not (voxels(piece)[0:3, 5:20, 5:20] == 255).all()


@pytest.mark.parametrize(("kind", "top"), [("u1", 1), ("f4", 1.0), ("i1", 127)])
def test_corrected_pieces_may_be_masks_of_another_type(
    copy: Path, kind: str, top: float, caplog: pytest.LogCaptureFixture
) -> None:
    piece = copy / "2_predict" / "one" / "one_z0000_y0000_x0000__blob.mrc"
    mask = np.zeros(voxels(piece).shape, kind)
    mask[1, 10:20, 10:20] = top
    with mrcfile.new(piece, mask, overwrite=True):
        pass
    (result,) = run_stages([], copy, stages=["assemble"], settings=StageSettings(tile=TILE, overlap=OVERLAP))[:1]
    assert result.figures["corrected"] == 1
    found = voxels(result.output)[1, :40, :40]
    assert (found[10:20, 10:20] == 255).all()
    assert found.astype(bool).sum() == 100
    assert ("0 and 1" in caplog.text) == (kind == "u1")


def test_cleaning_removes_what_is_small_and_what_touches_the_border(copy: Path) -> None:
    predicted = sorted((copy / "2_predict" / "one").glob("*.mrc"))
    for piece in predicted:
        change(piece, (slice(None),) * 3, 0)
    piece = copy / "2_predict" / "one" / "one_z0000_y0000_x0000__blob.mrc"
    change(piece, (slice(1, 4), slice(10, 13), slice(4, 44)), 255)  # a rod, 40 voxels long
    change(piece, (slice(0, 2), slice(20, 24), slice(20, 24)), 255)  # at the first slice
    change(piece, (slice(2, 3), slice(30, 31), slice(10, 12)), 255)  # two voxels
    settings = StageSettings(min_volume=5000.0, remove_border=True)
    results = run_stages([], copy, stages=["assemble", "analyze"], settings=settings)
    result = next(one for one in results if one.stage == "analyze" and one.tomogram == "one")
    assert (result.figures["instances_before"], result.figures["instances"]) == (3, 1)
    raw = voxels(copy / "4_analyze" / "instances" / "one__blob_instances.mrc")
    assert sorted(np.unique(raw, return_counts=True)[1].tolist()[1:]) == [2, 32, 360]
    assert (voxels(result.output) > 0).sum() == 360
    (file,) = (copy / "4_analyze" / "each_instance" / "one__blob").glob("0*.json")
    facts = json.loads(file.read_text(encoding="utf-8"))
    assert facts["length_m"] == pytest.approx(39 * VOXEL_SIZE * 1e-10, rel=0.1)
    assert facts["volume_voxels"] == 360
    middle = facts["profile"]["cross_section_m2"][5:-5]
    assert np.mean(middle) == pytest.approx(9 * (VOXEL_SIZE * 1e-10) ** 2, rel=0.1)


def test_labels_changed_by_hand_are_not_replaced_unasked(copy: Path) -> None:
    labels = copy / "4_analyze" / "cleaned" / "one__blob_instances.mrc"
    change(labels, (slice(0, 1),) * 3, 9)
    (result,) = run_stages([], copy, stages=["analyze"], settings=StageSettings(threshold=254.0))
    assert (result.status, str(labels) in result.error) == ("failed", True)
    assert voxels(labels)[0, 0, 0] == 9


@pytest.mark.skipif(os.name == "nt", reason="Windows has no kill -9")
def test_a_killed_run_goes_on_where_it_was(stock: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(2):
        shutil.copy(stock / "in" / "one.mrc", tmp_path / f"t{number}.mrc")
    out = tmp_path / "stages"
    words = ["stages", str(tmp_path), "-m", str(stock / "model.aism"), *CUT, "split", "predict", "assemble"]
    process = subprocess.Popen([sys.executable, "-m", "ais.cli", *words], stderr=subprocess.PIPE)
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline and process.poll() is None:
        if list((out / "2_predict" / "t1").glob("*.mrc")):
            break
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    _, errors = process.communicate()
    assert process.returncode == -signal.SIGKILL, errors.decode()
    made = {path: path.stat().st_mtime_ns for path in out.rglob("*.mrc")}
    assert len(made) > 3 * 8
    assert not (out / "3_assemble").exists()
    assert run([*words, "--json"]) == 0
    results = json.loads(capsys.readouterr().out)
    assert [one["status"] for one in results[:3]] == ["kept", "kept", "kept"]
    assert results[3]["kept"] >= 1
    assert {path: path.stat().st_mtime_ns for path in made} == made
    assert not list(out.rglob(".*.tmp"))
    first, second = (voxels(out / "3_assemble" / f"t{number}__blob.mrc") for number in range(2))
    np.testing.assert_array_equal(first, second)


# What goes wrong


def test_a_folder_of_all_kinds(stock: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(stock / "in", tmp_path / "in")
    (tmp_path / "in" / "damaged.mrc").write_bytes(b"\0" * 3000)
    tifffile.imwrite(tmp_path / "in" / "unknown.tif", np.zeros((6, 40, 40), "u1"), photometric="minisblack")
    values = rough()
    values[5, 60, 60] = np.nan
    write_volume(tmp_path / "in" / "nan.mrc", values, voxel_sizes=VOXEL_SIZE)
    words = ["stages", str(tmp_path / "in"), *CUT, "split", "--json"]
    assert run(words) == 1
    seen = capsys.readouterr()
    assert [one["tomogram"] for one in json.loads(seen.out)] == ["one", "two"]
    complaints = seen.err.splitlines()
    assert len(complaints) == 3
    for name, words_of_it in (("damaged", "damaged"), ("nan", "not finite"), ("unknown", "--voxel-size")):
        assert any(f"{name}." in line and words_of_it in line for line in complaints), complaints
    out = tmp_path / "in" / "stages"
    assert sorted(path.name for path in (out / "1_split").iterdir()) == ["one", "two"]
    assert run([*words, "--voxel-size", "12"]) == 1
    seen = capsys.readouterr()
    assert [one["tomogram"] for one in json.loads(seen.out)] == ["one", "two", "unknown"]
    with mrcfile.open(next((out / "1_split" / "unknown").glob("*.mrc"))) as file:
        assert float(file.voxel_size.x) == pytest.approx(12)


def test_pieces_say_where_they_belong(whole: Path) -> None:
    values = rough()
    folder = whole / "1_split" / "one"
    for path in folder.glob("*.mrc"):
        place = json.loads(path.with_name(path.name + ".json").read_text())["result"]["place"]
        part = tuple(slice(*one) for one in place["piece_zyx"])
        np.testing.assert_array_equal(voxels(path), values[part])
        with mrcfile.open(path) as file:
            start = [one[0] for one in place["piece_zyx"]][::-1]
            origin = np.array(start) * VOXEL_SIZE + (100, 200, 300)
            np.testing.assert_allclose(file.header.origin.item(), origin)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["in", "divide", "-m", "model.aism"], "divide"),
        (["in"], "--model"),
        (["in", "-m", "nothing.aism"], "nothing.aism"),
        (["in", "-m", "in/notes.txt"], "notes.txt"),
        (["nowhere", "-m", "model.aism"], "nowhere"),
        (["in", "split", "--tile", "64"], "--tile"),
        (["in", "split", "--tile", "0x5x5"], "0x5x5"),
        (["in", "split", "--overlap", "9x9"], "--overlap"),
        (["in", "split", "--tile", "4x32x32", "--overlap", "4x4x4"], "overlap"),
        (["in", "split", "--format", "png"], "png"),
        (["in", "split", "--voxel-size", "-1"], "voxel size"),
        (["in", "split", "--threshold", "300"], "threshold"),
        (["in", "split", "--min-volume", "-1"], "--min-volume"),
        (["in", "predict", "-m", "model.aism", "--precision", "low"], "low"),
        (["in", "-m", "model.aism", "--tta", "0"], "--tta"),
        (["in", "-m", "model.aism", "--tta", "99"], "--tta"),
        (["in", "-m", "model.aism", "-m", "model.aism"], "model.aism"),
        (["in", "-m", "model.aism", "--rules", "rules.json"], "actin"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, list) else "",
)
def test_wrong_use_is_one_sentence_and_writes_nothing(
    stock: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    said: str,
) -> None:
    shutil.copytree(stock / "in", tmp_path / "in")
    shutil.copy(stock / "model.aism", tmp_path)
    rule = {"child": "actin", "parent": "blob", "type": "avoid"}
    (tmp_path / "rules.json").write_text(json.dumps([rule]))
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    assert run(["stages", *words]) == 2
    seen = capsys.readouterr()
    assert len(seen.err.splitlines()) == 1
    assert said in seen.err
    assert not seen.out
    assert sorted(tmp_path.rglob("*")) == before


def test_classic_models_are_for_whole_tomograms(stock: Path, tmp_path: Path) -> None:
    make_classic_model(tmp_path / "spots.aism", "spot", "ribosome")
    with pytest.raises(AisError, match="classic model"):
        run_stages([stock / "in" / "one.mrc"], tmp_path / "out", [tmp_path / "spots.aism"])
    assert not (tmp_path / "out").exists()


def test_damaged_results_of_a_stage_stop_only_their_tomogram(both: Path, stock: Path) -> None:
    copy = both
    pieces = sorted((copy / "1_split" / "one").glob("*.mrc"))
    settings = StageSettings(tile=TILE, overlap=OVERLAP, threshold=float(level_of(stock)), min_volume=40000.0)

    def errors(stages: list[str]) -> dict[str, str]:
        results = run_stages([], copy, [stock / "model.aism"], settings, stages=stages)
        assert [one.tomogram for one in results if one.status != "failed"] == ["two"]
        return {one.tomogram: one.error for one in results if one.error}

    record = pieces[0].with_name(pieces[0].name + ".json")
    kept = record.read_text()
    broken = json.loads(kept)
    broken["result"]["place"] = {"piece_zyx": "somewhere"}
    record.write_text(json.dumps(broken))
    assert str(pieces[0]) in errors(["predict"])["one"]
    for text in ("[" * 100_000, "[]", json.dumps({**json.loads(kept), "result": 5})):
        record.write_text(text)
        assert "lacks one piece" in errors(["predict"])["one"]
    for facts in ({"tomogram_shape_zyx": [1 << 40] * 3}, {"tile_zyx": [-5, 5, 5]}, {"tile_zyx": [5, 5, float("inf")]}):
        hostile = json.loads(kept)
        hostile["result"]["place"] |= facts
        hostile["finished"] = "9999"
        record.write_text(json.dumps(hostile))
        assert errors(["predict"])["one"]
    record.write_text(kept)
    data = pieces[0].read_bytes()
    pieces[0].write_bytes(data[:2000])
    assert str(pieces[0]) in errors(["predict"])["one"]
    pieces[0].write_bytes(data)
    predicted = sorted((copy / "2_predict" / "one").glob("*.mrc"))
    with mrcfile.new(predicted[0], np.zeros((2, 3, 4), "f4"), overwrite=True):
        pass
    assert "2 x 3 x 4 voxels and should have 5 x 64 x 64" in errors(["assemble"])["one"]
    predicted[0].unlink()
    assert "run the stage predict again" in errors(["assemble"])["one"]
    volume = copy / "3_assemble" / "one__blob.mrc"
    volume.write_bytes(b"no volume")
    assert str(volume) in errors(["analyze"])["one"]


def test_a_file_of_somebody_else_is_not_replaced(stock: Path, tmp_path: Path) -> None:
    inputs, settings = [stock / "in" / "one.mrc"], StageSettings(tile=TILE, overlap=OVERLAP)
    (tmp_path / "1_split" / "one").mkdir(parents=True)
    other = tmp_path / "1_split" / "one" / "one_z0000_y0000_x0000.mrc"
    other.write_text("mine")
    (result,) = run_stages(inputs, tmp_path, stages=["split"], settings=settings)
    assert (result.status, str(other) in result.error) == ("failed", True)
    assert other.read_text() == "mine"
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [other]
    (result,) = run_stages(inputs, tmp_path, stages=["split"], settings=settings, overwrite=True)
    assert result.status == "done"


def test_only_prediction_loads_a_network(whole: Path, stock: Path) -> None:
    script = (
        "import sys; from ais.cli.main import run; code = run(sys.argv[1:]);"
        "assert not {'tensorflow', 'keras'} & set(sys.modules); sys.exit(code)"
    )
    words = ["stages", str(stock / "in"), "-m", str(stock / "model.aism"), "-o", str(whole), *settings_of(stock)]
    done = subprocess.run([sys.executable, "-c", script, *words], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("(kept)") == 8
