"""Batch segmentation: what is written, what is kept, and that every path gives the same numbers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import mrcfile
import numpy as np
import pytest
from small_project import BOX_SIZE, SHAPE, VOXEL_SIZE, make_model, make_project

import ais.segmented_slabs
from ais.cli.main import run
from ais.errors import AisError, Cancelled
from ais.export import SegmentSettings, segment
from ais.formats.record import read_record
from ais.formats.registry import open_volume, write_volume
from ais.interactions import Rules, apply_rules
from ais.models import Model, ModelInfo, build, load_model, model_hash, save_model
from ais.progress import Progress
from ais.segmentation import Segmenter
from ais.segmented_slabs import quantised
from ais.segmented_volumes import is_segmentation, output_path
from ais.tomogram import Tomogram


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("export")
    make_project(folder)
    make_model(folder, "blob.aism", "blob", seed=1)
    make_model(folder, "ring.aism", "ring", seed=2)
    make_model_of_several(folder / "cell.aism", ("membrane", "actin", "coat"))
    return folder


def make_model_of_several(path: Path, features: tuple[str, ...]) -> None:
    """An untrained model that finds several features."""
    info = ModelInfo("unet-s", {"first_filters": 4}, "cell", VOXEL_SIZE, BOX_SIZE, 1, features=features)
    network = build("unet-s", 1, info.arguments, features=len(features), seed=3)
    save_model(path, Model(network, info))


def voxels(path: Path) -> np.ndarray:
    with mrcfile.open(path) as file:
        return np.array(file.data)


def probabilities(stock: Path, model: str) -> np.ndarray:
    with Tomogram.open(stock / "tomo.mrc") as tomogram:
        return Segmenter(load_model(stock / model), precision="float32").predict_slices(tomogram, 0, SHAPE[0])


def test_outputs_lie_on_the_tomogram_and_hold_rounded_probabilities(stock: Path, tmp_path: Path) -> None:
    with mrcfile.open(stock / "tomo.mrc", "r+") as file:
        file.header.origin = (100, 200, 300)
    settings = SegmentSettings(precision="float32")
    (result,) = segment([stock / "tomo.mrc"], [stock / "blob.aism"], tmp_path, settings)
    assert (result.status, result.outputs["blob"]) == ("done", tmp_path / "tomo__blob.mrc")
    with mrcfile.open(tmp_path / "tomo__blob.mrc") as file:
        assert file.header.mode == 6
        assert file.data.shape == SHAPE
        assert file.header.origin.item() == (100, 200, 300)
        assert float(file.voxel_size.x) == pytest.approx(10)
        np.testing.assert_array_equal(file.data, np.rint(probabilities(stock, "blob.aism") * 255))
        assert "blob" in file.get_labels()[-1]
    record = read_record(tmp_path / "tomo__blob.mrc")
    assert record is not None
    assert record["settings"]["model"] == model_hash(stock / "blob.aism")
    manifest = json.loads((tmp_path / "manifest.json").read_text(encoding="utf-8"))
    assert [entry["output"]["name"] for entry in manifest["outputs"]] == ["tomo__blob.mrc"]


def test_range_and_crop_keep_the_shape_and_the_values(stock: Path, tmp_path: Path) -> None:
    settings = SegmentSettings(z_range=(2, 4), crop=(10, 60, 20, 90), precision="float32")
    segment([stock / "tomo.mrc"], [stock / "blob.aism"], tmp_path, settings)
    whole = np.rint(probabilities(stock, "blob.aism") * 255)
    expected = np.zeros(SHAPE)
    expected[2:4, 20:90, 10:60] = whole[2:4, 20:90, 10:60]
    np.testing.assert_allclose(voxels(tmp_path / "tomo__blob.mrc"), expected, atol=1)
    outside = voxels(tmp_path / "tomo__blob.mrc").astype(int)
    outside[2:4, 20:90, 10:60] = 0
    assert not outside.any()


@pytest.mark.parametrize(("dtype", "mode", "scale"), [("uint8", 6, 255), ("int8", 0, 127), ("float32", 2, 1)])
def test_types(stock: Path, tmp_path: Path, dtype: str, mode: int, scale: float) -> None:
    settings = SegmentSettings(dtype=dtype, precision="float32")
    segment([stock / "tomo.mrc"], [stock / "blob.aism"], tmp_path, settings)
    with mrcfile.open(tmp_path / "tomo__blob.mrc") as file:
        assert file.header.mode == mode
        wanted = probabilities(stock, "blob.aism") * np.float32(scale)
        np.testing.assert_allclose(file.data, wanted, atol=0.51 if scale > 1 else 1e-6)


def test_rules_act_on_unrounded_values_of_all_models(stock: Path, tmp_path: Path) -> None:
    rules = Rules.parse(
        [
            {"competition": {"emit": ["blob"], "absorb": ["ring"]}},
            {"child": "blob", "parent": "ring", "type": "colocalize", "radius": 50.0, "threshold": 0.4},
        ]
    )
    settings = SegmentSettings(rules=rules, precision="float32")
    segment([stock / "tomo.mrc"], [stock / "blob.aism", stock / "ring.aism"], tmp_path, settings)
    values = {name: probabilities(stock, f"{name}.aism") for name in ("blob", "ring")}
    apply_rules(values, rules, 10.0)
    for name, expected in values.items():
        np.testing.assert_array_equal(voxels(tmp_path / f"tomo__{name}.mrc"), np.rint(expected * 255))


def test_rules_see_what_lies_beside_the_crop(stock: Path, tmp_path: Path) -> None:
    rules = Rules.parse([{"child": "blob", "parent": "ring", "type": "avoid", "radius": 90.0, "threshold": 0.5}])
    models = [stock / "blob.aism", stock / "ring.aism"]
    crop = (30, 60, 20, 50)
    for folder, settings in (
        ("whole", SegmentSettings(rules=rules, precision="float32")),
        ("part", SegmentSettings(rules=rules, precision="float32", crop=crop)),
    ):
        segment([stock / "tomo.mrc"], models, tmp_path / folder, settings)
    whole, part = (voxels(tmp_path / folder / "tomo__blob.mrc").astype(int) for folder in ("whole", "part"))
    np.testing.assert_allclose(part[:, 20:50, 30:60], whole[:, 20:50, 30:60], atol=1)


def test_what_is_finished_is_kept_and_what_differs_is_refused(stock: Path, tmp_path: Path) -> None:
    inputs, models = [stock / "tomo.mrc"], [stock / "blob.aism"]
    segment(inputs, models, tmp_path)
    made = (tmp_path / "tomo__blob.mrc").stat().st_mtime_ns
    assert [r.status for r in segment(inputs, models, tmp_path)] == ["kept"]
    both = segment(inputs, [*models, stock / "ring.aism"], tmp_path)
    assert [r.status for r in both] == ["done"]
    assert (tmp_path / "tomo__blob.mrc").stat().st_mtime_ns == made
    (other,) = segment(inputs, models, tmp_path, SegmentSettings(tta=2))
    assert (other.status, "--overwrite" in other.error) == ("failed", True)
    (again,) = segment(inputs, models, tmp_path, SegmentSettings(tta=2), overwrite=True)
    assert again.status == "done"


def test_a_volume_edited_by_hand_is_never_replaced_unasked(stock: Path, tmp_path: Path) -> None:
    segment([stock / "tomo.mrc"], [stock / "blob.aism"], tmp_path)
    edited = tmp_path / "tomo__blob.mrc"
    write_volume(edited, np.ones(SHAPE, "u1"), voxel_sizes=10.0)
    (result,) = segment([stock / "tomo.mrc"], [stock / "blob.aism"], tmp_path)
    assert result.status == "failed"
    assert voxels(edited).all()


class Stop(Progress):
    def __init__(self, after: float) -> None:
        self.after = after

    def report(self, done: float, *_: object) -> None:
        if done >= self.after:
            raise Cancelled


def test_cancelled_between_tomograms_keeps_what_is_finished(stock: Path, tmp_path: Path) -> None:
    write_volume(tmp_path / "second.mrc", voxels(stock / "tomo.mrc"), voxel_sizes=10.0)
    with pytest.raises(Cancelled):
        segment(
            [stock / "tomo.mrc", tmp_path / "second.mrc"], [stock / "blob.aism"], tmp_path / "out", progress=Stop(1)
        )
    assert sorted(p.name for p in (tmp_path / "out").glob("*.mrc")) == ["tomo__blob.mrc"]
    assert not list((tmp_path / "out").glob(".*"))


def test_own_segmentations_are_recognised(stock: Path, tmp_path: Path) -> None:
    segment([stock / "tomo.mrc"], [stock / "blob.aism"], tmp_path)
    output = tmp_path / "tomo__blob.mrc"
    assert is_segmentation(output)
    (tmp_path / "tomo__blob.mrc.json").unlink()
    assert is_segmentation(output), "the label in the header tells as well"
    assert not is_segmentation(stock / "tomo.mrc")


def test_models_that_do_not_go_together(stock: Path, tmp_path: Path) -> None:
    inputs = [stock / "tomo.mrc"]
    with pytest.raises(AisError, match="both find 'blob'"):
        segment(inputs, [stock / "blob.aism", stock / "blob.aism"], tmp_path)
    rules = Rules.parse([{"child": "blob", "parent": "carbon", "type": "avoid", "radius": 0, "threshold": 0.5}])
    with pytest.raises(AisError, match="carbon"):
        segment(inputs, [stock / "blob.aism"], tmp_path, SegmentSettings(rules=rules))
    make_model(tmp_path, "upper.aism", "Blob")
    with pytest.raises(AisError, match="both find"):
        segment(inputs, [stock / "blob.aism", tmp_path / "upper.aism"], tmp_path / "out")
    (tmp_path / "upper.aism").unlink()
    (reversed_range,) = segment(inputs, [stock / "blob.aism"], tmp_path, SegmentSettings(z_range=(4, 2)))
    assert "4:2" in reversed_range.error
    with pytest.raises(AisError, match="At least one model"):
        segment(inputs, [], tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_tomogram_of_another_voxel_size_is_rescaled_there_and_back(stock: Path, tmp_path: Path) -> None:
    write_volume(tmp_path / "fine.mrc", voxels(stock / "tomo.mrc"), voxel_sizes=8.0)
    segment([tmp_path / "fine.mrc"], [stock / "blob.aism"], tmp_path / "out")
    info = open_volume(tmp_path / "out" / "fine__blob.mrc").info
    assert (info.shape, info.voxel_sizes) == (SHAPE, (8.0, 8.0, 8.0))


def test_names_of_outputs() -> None:
    assert output_path(Path("o"), Path("a/TS 1.rec"), "mem/brane: 2").name == "TS 1__mem-brane- 2.mrc"
    np.testing.assert_array_equal(quantised(np.array([0, 0.5, 1], "f4"), "uint8"), [0, 128, 255])


def test_a_model_of_several_features_gives_a_volume_for_each(stock: Path, tmp_path: Path) -> None:
    settings = SegmentSettings(precision="float32")
    (result,) = segment([stock / "tomo.mrc"], [stock / "cell.aism", stock / "blob.aism"], tmp_path, settings)
    assert list(result.outputs) == ["membrane", "actin", "coat", "blob"]
    found = probabilities(stock, "cell.aism")
    assert found.shape == (3, *SHAPE)
    for index, feature in enumerate(("membrane", "actin", "coat")):
        values = voxels(tmp_path / f"tomo__{feature}.mrc")
        assert np.ptp(values) > 0
        np.testing.assert_array_equal(values, np.rint(found[index] * 255))
        record = read_record(tmp_path / f"tomo__{feature}.mrc")
        assert record is not None
        assert (record["settings"]["feature"], record["settings"]["model"]) == (
            feature,
            model_hash(stock / "cell.aism"),
        )
    np.testing.assert_array_equal(voxels(tmp_path / "tomo__blob.mrc"), np.rint(probabilities(stock, "blob.aism") * 255))
    manifest = json.loads((tmp_path / "manifest.json").read_text(encoding="utf-8"))
    assert len(manifest["outputs"]) == 4


def test_range_and_crop_hold_for_each_of_several_features(stock: Path, tmp_path: Path) -> None:
    settings = SegmentSettings(z_range=(2, 4), crop=(10, 60, 20, 90), precision="float32", dtype="float32")
    segment([stock / "tomo.mrc"], [stock / "cell.aism"], tmp_path, settings)
    whole = probabilities(stock, "cell.aism")
    for index, feature in enumerate(("membrane", "actin", "coat")):
        expected = np.zeros(SHAPE)
        expected[2:4, 20:90, 10:60] = whole[index, 2:4, 20:90, 10:60]
        np.testing.assert_allclose(voxels(tmp_path / f"tomo__{feature}.mrc"), expected, atol=1e-5)


def test_of_several_features_only_what_is_missing_is_made_again(stock: Path, tmp_path: Path) -> None:
    inputs, models = [stock / "tomo.mrc"], [stock / "cell.aism"]
    segment(inputs, models, tmp_path)
    actin = voxels(tmp_path / "tomo__actin.mrc")
    made = {name: (tmp_path / f"tomo__{name}.mrc").stat().st_mtime_ns for name in ("membrane", "coat")}
    (tmp_path / "tomo__actin.mrc").unlink()
    assert [r.status for r in segment(inputs, models, tmp_path)] == ["done"]
    np.testing.assert_array_equal(voxels(tmp_path / "tomo__actin.mrc"), actin)
    for name, time in made.items():
        assert (tmp_path / f"tomo__{name}.mrc").stat().st_mtime_ns == time
    assert [r.status for r in segment(inputs, models, tmp_path)] == ["kept"]


def test_rules_name_features_of_one_network_and_of_others(stock: Path, tmp_path: Path) -> None:
    rules = Rules.parse(
        [
            {"competition": {"emit": ["membrane", "blob"], "absorb": ["coat"]}},
            {"child": "actin", "parent": "membrane", "type": "avoid", "radius": 30.0, "threshold": 0.3},
        ]
    )
    settings = SegmentSettings(rules=rules, precision="float32")
    segment([stock / "tomo.mrc"], [stock / "cell.aism", stock / "blob.aism"], tmp_path, settings)
    values = dict(zip(("membrane", "actin", "coat"), probabilities(stock, "cell.aism"), strict=True))
    values["blob"] = probabilities(stock, "blob.aism")
    untouched = {name: part.copy() for name, part in values.items()}
    apply_rules(values, rules, 10.0)
    assert any((values[name] != untouched[name]).any() for name in values)
    for name, expected in values.items():
        np.testing.assert_array_equal(voxels(tmp_path / f"tomo__{name}.mrc"), np.rint(expected * 255))


def test_all_features_count_for_the_memory_of_a_slab(
    stock: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit = 4 * SHAPE[1] * SHAPE[2] * 8  # eight slices of one feature: two of the four here
    asked: list[int] = []
    predict = Segmenter.predict_slices

    def spy(self: Segmenter, tomogram: Tomogram, z0: int, z1: int, *others: Any, **options: Any) -> np.ndarray:
        asked.append(z1 - z0)
        return predict(self, tomogram, z0, z1, *others, **options)

    monkeypatch.setattr(ais.segmented_slabs, "SLAB_BYTES", limit)
    monkeypatch.setattr(Segmenter, "predict_slices", spy)
    models = [stock / "cell.aism", stock / "blob.aism"]
    segment([stock / "tomo.mrc"], models, tmp_path)
    assert asked == [2] * 6, "each network once for each slab"
    asked.clear()
    (tmp_path / "tomo__coat.mrc").unlink()
    segment([stock / "tomo.mrc"], models, tmp_path)
    assert asked == [2] * 3, "a network whose volumes are finished has no work"


def test_features_that_two_models_find(stock: Path, tmp_path: Path) -> None:
    make_model_of_several(tmp_path / "both.aism", ("Blob", "other"))
    make_model_of_several(tmp_path / "alike.aism", ("a:b", "a/b"))
    inputs, out = [stock / "tomo.mrc"], tmp_path / "out"
    with pytest.raises(AisError, match="both find 'Blob'"):
        segment(inputs, [stock / "blob.aism", tmp_path / "both.aism"], out)
    with pytest.raises(AisError, match="'a:b' and 'a/b' of .*alike.aism would be one file"):
        segment(inputs, [tmp_path / "alike.aism"], out)
    rules = Rules.parse([{"child": "membrane", "parent": "cell", "type": "avoid", "radius": 0, "threshold": 0.5}])
    with pytest.raises(AisError, match='"cell", which is not among the features: membrane, actin, coat'):
        segment(inputs, [stock / "cell.aism"], out, SegmentSettings(rules=rules))
    assert not out.exists()


def test_info_and_segment_name_all_features(stock: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["info", str(stock / "cell.aism"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["features"] == ["membrane", "actin", "coat"]
    assert run(["info", str(stock / "cell.aism")]) == 0
    assert "membrane actin coat" in capsys.readouterr().out
    words = ["segment", "-m", str(stock / "cell.aism"), str(stock / "tomo.mrc"), "-o", str(tmp_path), "--json"]
    assert run([*words, "--range", "0:1"]) == 0
    (entry,) = json.loads(capsys.readouterr().out)
    assert {name: Path(path).is_file() for name, path in entry["outputs"].items()} == dict.fromkeys(
        ("membrane", "actin", "coat"), True
    )


def test_two_features_from_boxes_to_volumes_as_typed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    _, y, x = np.indices(SHAPE)
    discs, squares = np.zeros(SHAPE, bool), np.zeros(SHAPE, bool)
    for cy, cx in ((24, 24), (70, 60), (30, 76)):
        discs |= (y - cy) ** 2 + (x - cx) ** 2 <= 64
    for cy, cx in ((24, 50), (66, 20), (76, 84)):
        squares |= (abs(y - cy) <= 7) & (abs(x - cx) <= 7)
    image = np.random.default_rng(2).normal(0, 0.5, SHAPE) - 2 * discs + 2 * squares
    write_volume("two.mrc", image.astype("f4"), voxel_sizes=VOXEL_SIZE)
    assert run(["import", "two.mrc", "-o", "two.aisproj"]) == 0
    for name, mask in (("disc", discs), ("square", squares)):
        write_volume(f"{name}.mrc", mask.astype("i1"), voxel_sizes=VOXEL_SIZE)
        words = ["annotate", "two.aisproj", "two", "-f", name, "--mask", f"{name}.mrc", "--slices", "1,3"]
        assert run([*words, "--boxes", "auto:10", "--box-size", "32", "--background", "3"]) == 0
    assert run(["extract", "two.aisproj", "-f", "disc", "-f", "square", "-o", "two.scnt", "--box-size", "32"]) == 0
    words = ["train", "two.scnt", "-o", "two.aism", "--option", "first_filters=8", "--epochs", "6", "--copies", "4"]
    assert run([*words, "--batch-size", "8", "--learning-rate", "0.01"]) == 0
    assert run(["segment", "-m", "two.aism", "two.mrc", "-o", "out"]) == 0
    for name in ("disc", "square"):
        capsys.readouterr()
        assert run(["evaluate", f"out/two__{name}.mrc", f"{name}.mrc", "--slices", "0,2,4,5", "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["dice"] > 0.8
