"""Training sets: geometry pixel by pixel, labels, resampling, and the files of this program and of Ais 1.x."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import mrcfile
import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage

from ais.annotation import (
    IGNORE,
    AddFeature,
    AddTomogram,
    AutoPlaceBoxes,
    BackgroundBoxes,
    ChangeFeature,
    PlaceBoxes,
    SetSliceMask,
    SetVoxelSize,
    Together,
)
from ais.errors import AisError
from ais.formats import scnt_tiff
from ais.project import Project
from ais.tomogram import Tomogram
from ais.trainset import TrainingSet, describe_training_set, extract, extract_to, pool
from ais.trainset.samples import SampleFrame

SHAPE = (7, 40, 50)


def reflect(index: int, count: int) -> int:
    """Mirror an index at the first and last voxel, step by step."""
    while not 0 <= index < count:
        index = -index if index < 0 else 2 * (count - 1) - index
        if count == 1:
            return 0
    return index


@dataclass
class Scene:
    """A project with a tomogram, two annotated features and an ignore region."""

    project: Project
    volume: NDArray[np.float32]
    masks: dict[str, NDArray[np.uint8]]
    tomogram: int

    def normalised(self) -> NDArray[np.float64]:
        found = self.project.normalization(self.tomogram)
        return (self.volume.astype(np.float64) - found.center) / found.scale

    def place(self, feature: str, *positions: tuple[int, int, int], negative: bool = False) -> None:
        number = self.project.feature(feature).id
        self.project.apply(PlaceBoxes(self.tomogram, number, positions, negative))


def write_tomogram(path: Path, volume: NDArray[Any], voxel_size: float = 10.0) -> Path:
    with mrcfile.new(path, overwrite=True) as file:
        file.set_data(volume)
        file.voxel_size = voxel_size
    return path


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    rng = np.random.default_rng(0)
    volume = rng.normal(100, 20, SHAPE).astype(np.float32)
    with Project.create(tmp_path / "x.aisproj") as project:
        tomogram = project.apply(AddTomogram(write_tomogram(tmp_path / "TS_1.mrc", volume))).id
        masks, edits = {}, []
        for name in ("membrane", "ribosome", "ignore"):
            masks[name] = (ndimage.gaussian_filter(rng.random(SHAPE), (0, 2, 2)) > 0.52).astype(np.uint8)
            feature = IGNORE if name == "ignore" else project.apply(AddFeature(name, box_size=16)).id
            edits += [SetSliceMask(tomogram, feature, z, mask) for z, mask in enumerate(masks[name])]
        project.apply(Together("annotate", edits))
        yield Scene(project, volume, masks, tomogram)


def slow_sample(
    scene: Scene, position: tuple[int, int, int], size: int, depth: int, own_box: int, painted: list[str]
) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
    """A sample by loops over its pixels, straight from the definition."""
    (z, y, x), (nz, ny, nx), values = position, SHAPE, scene.normalised()
    image, labels = np.zeros((depth, size, size)), np.zeros((size, size), np.uint8)
    for i in range(size):
        for j in range(size):
            row, column = y - size // 2 + i, x - size // 2 + j
            for k in range(depth):
                slice_ = min(max(z - depth // 2 + k, 0), nz - 1)
                image[k, i, j] = values[slice_, reflect(row, ny), reflect(column, nx)]
            looked_at = -(own_box // 2) <= row - y < own_box - own_box // 2
            looked_at &= -(own_box // 2) <= column - x < own_box - own_box // 2
            if not (looked_at and 0 <= row < ny and 0 <= column < nx) or scene.masks["ignore"][z, row, column]:
                labels[i, j] = 2
                continue
            for index, name in enumerate(painted):
                if scene.masks[name][z, row, column]:
                    labels[i, j] = 1 if index == 0 else index + 2
                    break
    return image, labels


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    position=st.tuples(st.integers(0, 6), st.integers(0, 39), st.integers(0, 49)),
    size=st.sampled_from([4, 8, 15, 16, 21, 64]),
    depth=st.sampled_from([1, 3, 9]),
    own_box=st.sampled_from([8, 13, 16, 100]),
)
def test_samples_are_what_the_definition_says(
    scene: Scene, position: tuple[int, int, int], size: int, depth: int, own_box: int
) -> None:
    frame = SampleFrame(*position, size, depth)
    image, labels = slow_sample(scene, position, size, depth, own_box, ["membrane", "ribosome"])
    with Tomogram.open(scene.project.tomogram("TS_1").path) as tomogram:
        found = frame.image(tomogram)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, image, atol=1e-5)
    z = position[0]
    painted = [scene.masks[name][z] for name in ("membrane", "ribosome")]
    assert np.array_equal(frame.labels(painted, scene.masks["ignore"][z], own_box), labels)


def test_tiny_tomograms_are_reflected_as_often_as_needed(tmp_path: Path) -> None:
    volume = np.arange(6, dtype=np.float32).reshape(1, 2, 3)
    with Tomogram.open(write_tomogram(tmp_path / "a.mrc", volume)) as tomogram:
        found = SampleFrame(0, 1, 2, 16, 3).image(tomogram)
        expected = np.pad(volume[0], ((7, 7), (6, 7)), mode="reflect")
        np.testing.assert_allclose(found, np.stack([tomogram.normalization.apply(expected)] * 3), atol=1e-5)
    with Tomogram.open(write_tomogram(tmp_path / "b.mrc", volume[:, :1, :1])) as tomogram:
        assert SampleFrame(0, 0, 0, 8, 1).image(tomogram).shape == (1, 8, 8)


def test_one_feature_with_boxes_of_both_kinds(scene: Scene) -> None:
    positives, negatives = [(3, 20, 25), (0, 5, 5), (6, 39, 49)], [(2, 10, 30), (3, 22, 25)]
    scene.place("membrane", *positives)
    scene.place("membrane", *negatives, negative=True)
    scene.place("ribosome", (4, 20, 20))
    found = extract(scene.project, ["Membrane"], ["ribosome"], box_size=20, depth=3)
    assert found.features == ["membrane"]
    assert (found.box_size, found.depth, found.voxel_size, found.normalization) == (20, 3, 10.0, "global_mad")
    assert len(found.records) == 6
    assert [record.z for record in found.records] == sorted(record.z for record in found.records)
    for image, labels, record in zip(found.images, found.labels, found.records, strict=True):
        where = (record.z, record.y, record.x)
        expected, plane = slow_sample(scene, where, 20, 3, 16, ["membrane"] if record.feature == "membrane" else [])
        np.testing.assert_allclose(image, expected, atol=1e-5)
        if record.negative and record.feature == "membrane":
            plane[plane == 1] = 2
        assert np.array_equal(labels, plane)
        assert record.negative == (where not in positives)
        assert (record.box_size, record.box_size_annotated, record.tomogram) == (20, 16, "TS_1")
        assert len(record.id) == 16
        int(record.id, 16)
    as_negative = next(plane for plane, r in zip(found.labels, found.records, strict=True) if r.feature == "ribosome")
    assert set(np.unique(as_negative)) == {0, 2}
    assert found.n_positive == sum(bool((plane == 1).any()) for plane in found.labels) == 3


def test_several_features_have_labels_1_3_4(scene: Scene) -> None:
    scene.project.apply(AddFeature("actin", box_size=16))
    extra = np.zeros(SHAPE[1:], np.uint8)
    extra[15:25, 20:30] = 1
    scene.project.apply(SetSliceMask(scene.tomogram, scene.project.feature("actin").id, 3, extra))
    scene.masks["actin"] = np.zeros(SHAPE, np.uint8)
    scene.masks["actin"][3] = extra
    for number, name in enumerate(("membrane", "ribosome", "actin")):
        scene.place(name, (3, 20, 25 + number), (2, 12, 12))
    names = ["actin", "ribosome", "membrane"]
    found = extract(scene.project, names, box_size=16)
    assert found.features == names
    for labels, record in zip(found.labels, found.records, strict=True):
        _, plane = slow_sample(scene, (record.z, record.y, record.x), 16, 1, 16, names)
        assert np.array_equal(labels, plane)
    assert set(np.unique(found.labels)) == {0, 1, 2, 3, 4}


# Voxel sizes


def test_resampled_labels_come_from_the_nearest_voxel(scene: Scene) -> None:
    scene.place("membrane", (3, 20, 25), (2, 1, 48))
    scene.project.apply(ChangeFeature(scene.project.feature("membrane").id, box_size=30))
    for voxel_size in (20.0, 25.0, 5.0, 7.3):
        found = extract(scene.project, ["membrane"], box_size=12, voxel_size=voxel_size)
        assert found.voxel_size == voxel_size
        step = voxel_size / 10
        for labels, record in zip(found.labels, found.records, strict=True):
            for i in range(12):
                for j in range(12):
                    row, column = (int(np.floor(c + (k - 6) * step + 0.5)) for c, k in ((record.y, i), (record.x, j)))
                    seen = 0 <= row < 40 and 0 <= column < 50
                    seen &= -15 <= row - record.y < 15 and -15 <= column - record.x < 15
                    if not seen or scene.masks["ignore"][record.z, row, column]:
                        expected = 2
                    else:
                        expected = int(scene.masks["membrane"][record.z, row, column])
                    assert labels[i, j] == expected


@pytest.mark.parametrize("voxel_size", [20.0, 33.0, 5.0, 13.0])
def test_resampled_images_show_a_smooth_scene_in_its_place(tmp_path: Path, voxel_size: float) -> None:
    z, y, x = np.mgrid[:3, :200, :220].astype(np.float64)
    volume = (np.sin(y / 17) + np.cos(x / 23 + z)).astype(np.float32)
    with Tomogram.open(write_tomogram(tmp_path / "a.mrc", volume)) as tomogram:
        step = voxel_size / 10
        found = SampleFrame(1, 100, 110, 24, 3, step).image(tomogram)
        rows, columns = (centre + (np.arange(24) - 12) * step for centre in (100, 110))
        expected = np.sin(rows / 17)[None, :, None] + np.cos(columns / 23 + np.arange(3)[:, None])[:, None, :]
        np.testing.assert_allclose(found, tomogram.normalization.apply(expected), atol=0.04)


def test_coarser_samples_are_smoothed_against_aliasing(tmp_path: Path) -> None:
    volume = np.random.default_rng(0).normal(0, 1, (1, 400, 400)).astype(np.float32)
    with Tomogram.open(write_tomogram(tmp_path / "a.mrc", volume)) as tomogram:
        frame = SampleFrame(0, 200, 200, 64, 1, 4.0)
        whole = tomogram.normalization.apply(ndimage.gaussian_filter(volume[0], 1.5, truncate=4.0))
        at = 200 + (np.arange(64) - 32) * 4
        np.testing.assert_allclose(frame.image(tomogram)[0], whole[np.ix_(at, at)], atol=1e-4)
        assert frame.image(tomogram).std() < 0.25
        beyond = SampleFrame(0, 2, 398, 64, 1, 4.0).image(tomogram)
        assert np.isfinite(beyond).all()


def test_which_voxel_size_a_set_has(scene: Scene) -> None:
    folder = scene.project.path.parent
    scene.place("membrane", (3, 20, 25), (3, 10, 25), (3, 30, 25))
    fine = scene.project.apply(AddTomogram(write_tomogram(folder / "TS_2.mrc", scene.volume, 9.51))).id
    coarse = scene.project.apply(AddTomogram(write_tomogram(folder / "TS_3.mrc", scene.volume, 20.0))).id
    feature = scene.project.feature("membrane").id
    for other in (fine, coarse):
        scene.project.apply(PlaceBoxes(other, feature, [(3, 20, 25)]))
    found = extract(scene.project, ["membrane"], box_size=16)
    assert found.voxel_size == 10.0
    by_name = {record.tomogram: image for record, image in zip(found.records, found.images, strict=True)}
    same, _ = slow_sample(scene, (3, 20, 25), 16, 1, 16, [])
    np.testing.assert_allclose(by_name["TS_2"], same, atol=1e-4)
    assert np.abs(by_name["TS_3"] - same).max() > 0.1
    scene.project.apply(SetVoxelSize(fine, 9.5))
    again = extract(scene.project, ["membrane"], box_size=16)
    resampled = again.images[[record.tomogram for record in again.records].index("TS_2")]
    assert np.abs(resampled - same).max() > 0.1
    with pytest.raises(AisError, match="far too fine"):
        extract(scene.project, ["membrane"], voxel_size=1e6)


def test_unknown_voxel_sizes(scene: Scene) -> None:
    scene.place("membrane", (3, 20, 25))
    volume = write_tomogram(scene.project.path.parent / "TS_2.mrc", scene.volume, 0.0)
    unknown = scene.project.apply(AddTomogram(volume))
    feature = scene.project.feature("membrane").id
    scene.project.apply(PlaceBoxes(unknown.id, feature, [(3, 20, 25)]))
    with pytest.raises(AisError, match="TS_2 has no voxel size"):
        extract(scene.project, ["membrane"])
    scene.project.apply(SetVoxelSize(unknown.id, 10.0))
    assert len(extract(scene.project, ["membrane"]).records) == 2
    with Project.create(scene.project.path.with_name("y.aisproj")) as other:
        tomogram = other.apply(AddTomogram(volume)).id
        number = other.apply(AddFeature("a")).id
        other.apply(SetSliceMask(tomogram, number, 2, np.ones(SHAPE[1:])))
        other.apply(PlaceBoxes(tomogram, number, [(2, 20, 20)]))
        assert extract(other, ["a"]).voxel_size == 0.0
        with pytest.raises(AisError, match="no voxel size"):
            extract(other, ["a"], voxel_size=10.0)


# What cannot be


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"features": ["membrane"]}, "no boxes of membrane"),
        ({"features": ["ribosome"], "negatives": ["membrane"]}, "no boxes of the negative feature membrane"),
        ({"features": ["ribosome", "never painted"]}, "painted as never painted in any box"),
        ({"features": ["actin"]}, "no feature actin"),
        ({"features": []}, "Choose 1"),
        ({"features": ["ribosome", "Ribosome"]}, "twice"),
        ({"features": ["ribosome"], "negatives": ["ribosome"]}, "twice"),
        ({"features": ["ribosome"], "box_size": 0}, "box size"),
        ({"features": ["ribosome"], "depth": 2}, "odd"),
        ({"features": ["ribosome"], "depth": -1}, "odd"),
        ({"features": ["ribosome"], "voxel_size": float("nan")}, "positive"),
        ({"features": ["ribosome"], "voxel_size": 0.0}, "positive"),
        ({"features": ["ribosome"], "background": -1}, "background"),
        ({"features": ["empty"]}, "Nothing is painted as empty"),
    ],
)
def test_requests_that_make_no_sense(scene: Scene, arguments: dict[str, Any], sentence: str) -> None:
    for name in ("empty", "never painted"):
        scene.project.apply(AddFeature(name))
    scene.place("ribosome", (3, 20, 20))
    scene.place("empty", (3, 20, 20))
    target = scene.project.path.parent / "set.scnt"
    for call in (extract, lambda *a, **k: extract_to(target, *a, **k)):
        with pytest.raises(AisError, match=sentence) as error:
            call(scene.project, **arguments)
        assert str(error.value).endswith(".")
    assert not target.exists()


def test_missing_and_broken_tomograms(scene: Scene) -> None:
    scene.place("membrane", (3, 20, 25))
    path = scene.project.tomogram("TS_1").path
    scene.volume[3, 20, 25] = np.nan
    with pytest.warns(RuntimeWarning, match="NaN"):
        write_tomogram(path, scene.volume)
    with pytest.raises(AisError, match="NaN"):
        extract(scene.project, ["membrane"])
    path.unlink()
    target = path.with_name("set.scnt")
    with pytest.raises(AisError, match="relink"):
        extract_to(target, scene.project, ["membrane"])
    assert not target.exists()


def test_ids_are_stable_and_different(scene: Scene) -> None:
    scene.place("membrane", (3, 20, 25), (3, 21, 25))
    scene.place("membrane", (3, 20, 25), negative=True)
    again = scene.project.apply(
        AddTomogram(write_tomogram(scene.project.path.parent / "TS_1.rec", scene.volume.astype(np.int16)))
    ).id
    scene.project.apply(PlaceBoxes(again, scene.project.feature("membrane").id, [(3, 20, 25)]))
    first = [record.id for record in extract(scene.project, ["membrane"]).records]
    assert len(set(first)) == 4
    scene.place("membrane", (1, 5, 5))
    second = [record.id for record in extract(scene.project, ["membrane"]).records]
    assert set(first) < set(second)
    assert not set(first) & {record.id for record in extract(scene.project, ["membrane"], depth=3).records}


def test_random_background(scene: Scene) -> None:
    scene.place("membrane", (3, 20, 25))
    for z in range(SHAPE[0]):
        for name in ("membrane", "ribosome"):
            mask = np.zeros(SHAPE[1:])
            mask[:20, :20] = 1
            scene.project.apply(SetSliceMask(scene.tomogram, scene.project.feature(name).id, z, mask))
        scene.project.apply(SetSliceMask(scene.tomogram, IGNORE, z, np.zeros(SHAPE[1:])))
    scene.place("membrane", (3, 10, 10))
    found = extract(scene.project, ["membrane"], box_size=8, background=10, seed=4)
    extra = [index for index, record in enumerate(found.records) if record.negative]
    assert len(extra) == 10
    for index in extra:
        record = found.records[index]
        assert max(record.y - 19, 0) ** 2 + max(record.x - 19, 0) ** 2 >= 16
        assert not (found.labels[index] == 1).any()
    same = extract(scene.project, ["membrane"], box_size=8, background=10, seed=4)
    assert same.hash == found.hash
    assert extract(scene.project, ["membrane"], box_size=8, background=10, seed=5).hash != found.hash
    assert scene.project.history()[-1].text.startswith("Place 1 box")


# Files


@pytest.fixture
def made(scene: Scene) -> TrainingSet:
    scene.place("membrane", (3, 20, 25), (0, 3, 40), (6, 30, 10))
    scene.place("membrane", (1, 5, 5), negative=True)
    return extract(scene.project, ["membrane", "ribosome"][:1], box_size=16, depth=3)


def test_written_sets_are_read_back_and_stream_alike(scene: Scene, made: TrainingSet, tmp_path: Path) -> None:
    path, streamed = tmp_path / "größe 1.scnt", tmp_path / "b.scnt"
    made.write(path)
    figures = extract_to(streamed, scene.project, ["membrane"], box_size=16, depth=3)
    assert path.read_bytes() == streamed.read_bytes()
    read = TrainingSet.read(path)
    assert np.array_equal(read.images, made.images)
    assert np.array_equal(read.labels, made.labels)
    assert (read.images.dtype, read.labels.dtype) == (np.float32, np.uint8)
    assert (read.records, read.features, read.voxel_size) == (made.records, made.features, made.voxel_size)
    assert (read.hash, read.name, read.notes) == (made.hash, "größe 1", ())
    described = describe_training_set(path)
    assert described == figures
    assert described == {
        "n_samples": 4,
        "n_positive": made.n_positive,
        "box_size": 16,
        "depth": 3,
        "voxel_size": 10.0,
        "features": ["membrane"],
        "normalization": "global_mad",
        "notes": [],
    }
    assert sorted(p.name for p in tmp_path.glob(".*")) == []


def test_other_programs_read_the_tiff(made: TrainingSet, tmp_path: Path) -> None:
    path = tmp_path / "a.scnt"
    made.write(path)
    stack = tifffile.imread(path)
    assert (stack.shape, stack.dtype) == ((4, 4, 16, 16), np.float32)
    assert np.array_equal(stack[:, :-1], made.images)
    assert np.array_equal(stack[:, -1], made.labels)
    with tifffile.TiffFile(path) as tiff:
        assert len(tiff.pages) == 16
        assert tiff.pages[0].description == "apix=10.0"
        assert float(tiff.pages[0].description.split("=")[1]) == 10.0
        record = json.loads(tiff.pages[0].description1)["ais"]
        assert [sample["id"] for sample in record["samples"]] == [sample.id for sample in made.records]
        assert all(page.compression == 1 for page in tiff.pages)


def test_sets_above_4_gb_become_bigtiff(made: TrainingSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scnt_tiff, "CLASSIC_TIFF_BYTES", 1000)
    monkeypatch.setattr(scnt_tiff, "BATCH_BYTES", 5000)
    made.write(tmp_path / "a.scnt")
    assert (tmp_path / "a.scnt").read_bytes()[:4] == b"II+\x00"
    assert TrainingSet.read(tmp_path / "a.scnt").hash == made.hash


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("byteorder", ["<", ">"])
def test_old_tiffs_without_a_record(
    made: TrainingSet, tmp_path: Path, dtype: type, compression: str | None, byteorder: str
) -> None:
    raw = np.concatenate([made.images * 37 + 1000, made.labels[:, None]], axis=1).astype(dtype)
    path = tmp_path / "16x16x3_13.48Apx_Membrane of vesicles.scnt"
    options = {"compression": compression, "byteorder": byteorder, "photometric": "minisblack"}
    tifffile.imwrite(path, raw, description="apix=13.48", **options)
    found = TrainingSet.read(path)
    assert found.features == ["Membrane of vesicles"]
    assert (found.voxel_size, found.normalization) == (13.48, "box")
    assert "normalised one by one" in found.notes[0]
    assert np.array_equal(found.labels, made.labels)
    for image, original in zip(found.images, made.images.astype(np.float64), strict=True):
        spread = 1.4826 * np.median(np.abs(original - np.median(original)))
        np.testing.assert_allclose(image, (original - original.mean()) / spread, atol=1e-3)
    assert [record.negative for record in found.records] == [not (plane == 1).any() for plane in made.labels]
    assert describe_training_set(path)["n_positive"] == made.n_positive
    rewritten = tmp_path / "again.scnt"
    found.write(rewritten)
    assert TrainingSet.read(rewritten).hash == found.hash
    assert TrainingSet.read(rewritten).normalization == "box"


def test_boxes_of_one_value_stay_finite(tmp_path: Path) -> None:
    raw = np.zeros((3, 2, 8, 8), np.float32)
    raw[0, 0], raw[1, 0, 0, 0], raw[2, 0] = 5, 7, np.arange(64).reshape(8, 8)
    tifffile.imwrite(tmp_path / "a.scnt", raw, description="no voxel size")
    found = TrainingSet.read(tmp_path / "a.scnt")
    assert not found.images[0].any()
    assert 1 < np.abs(found.images).max() < 10
    assert found.voxel_size == 0.0


def test_sets_of_ais_1_hold_the_boxes_of_their_tomogram(test_data: Path) -> None:
    # The published program cut these from the same tomogram: an independent source for geometry and normalisation.
    with Tomogram.open(test_data / "cell_sim" / "tomogram.mrc") as tomogram:
        for name, shape, positive in (
            ("64x64x1_10.00Apx_Membrane.scnt", (98, 1, 64, 64), 56),
            ("32x32x5_10.00Apx_Microtubule.scnt", (52, 5, 32, 32), 10),
        ):
            found = TrainingSet.read(test_data / "ais1" / name)
            assert found.images.shape == shape
            assert (found.voxel_size, found.normalization, found.notes) == (10.0, "global_mad", ())
            assert describe_training_set(test_data / "ais1" / name)["n_positive"] == found.n_positive == positive
            for image, record in zip(found.images, found.records, strict=True):
                ours = SampleFrame(record.z, record.y, record.x, found.box_size, found.depth).image(tomogram)
                np.testing.assert_allclose(image, ours, atol=0.005)
    assert found.features == ["Microtubule"]
    assert found.records[0].tomogram == "dev7"


def test_sets_of_ais_1_are_rewritten(test_data: Path, tmp_path: Path) -> None:
    found = TrainingSet.read(test_data / "ais1" / "64x64x1_10.00Apx_Membrane.scnt")
    found.write(tmp_path / "a.scnt")
    again = TrainingSet.read(tmp_path / "a.scnt")
    assert (again.hash, again.records) == (found.hash, found.records)


def write_tar(
    path: Path,
    edit: Callable[[dict[str, bytes]], object] = lambda _: None,
    change: Callable[[dict[str, Any]], object] = lambda _: None,
) -> Path:
    """A small set in the tar form, made by hand."""
    metadata: dict[str, Any] = {"format_version": 1, "apix": 7.5, "box_size": 8, "box_depth": 3, "features": ["Actin"]}
    metadata |= {"n_samples": 2, "input_flavours": ["x_main"], "annotated_flavour": "x_main", "z_jitter": 2}
    change(metadata)
    rng = np.random.default_rng(0)
    source = {"aisTomogramName": "TS", "aisFeatureName": "Actin", "aisNegative": True}
    source |= {f"aisBoxCoordinate{axis}": 5 for axis in "ZYX"}
    members = {"metadata.json": json.dumps(metadata).encode()}
    members["sources.json"] = json.dumps(dict.fromkeys(("a", "b"), source)).encode()
    for name, label in (("a", 1), ("b", 0)):
        members[f"x_main/{name}.mrc"] = mrc_bytes(rng.normal(90, 3, (5, 8, 8)).astype(np.float32))
        members[f"y/{name}.mrc"] = mrc_bytes(np.full((8, 8), label, np.float32))
    edit(members)
    with tarfile.open(path, "w") as tar:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return path


def mrc_bytes(values: NDArray[Any]) -> bytes:
    header = np.zeros(256, "<i4")
    header[:4] = (*values.shape[::-1], *(1,) * (3 - values.ndim), 2)
    header[53] = 0x00004444
    return header.tobytes() + values.astype("<f4").tobytes()


def test_tars_of_raw_boxes_are_normalised_one_by_one(tmp_path: Path) -> None:
    found = TrainingSet.read(write_tar(tmp_path / "a.scnt"))
    assert found.images.shape == (2, 3, 8, 8)
    assert found.normalization == "box"
    assert "one by one" in found.notes[0]
    assert np.abs(found.images.mean(axis=(1, 2, 3))).max() < 1e-5
    assert (found.labels[0].all(), found.labels[1].any()) == (True, False)
    assert found.records[0].negative
    raw = np.random.default_rng(0).normal(90, 3, (5, 8, 8)).astype(np.float32)
    assert np.corrcoef(found.images[0].ravel(), raw[1:4].ravel())[0, 1] > 0.9999
    normalised = TrainingSet.read(write_tar(tmp_path / "b.scnt", change=lambda m: m.update(normalization="global_mad")))
    assert np.array_equal(normalised.images[0], raw[1:4])


def set_member(name: str, content: bytes) -> Callable[[dict[str, bytes]], object]:
    return lambda members: members.__setitem__(name, content)


BROKEN_TARS: dict[str, dict[str, Any]] = {
    "no metadata": {"edit": lambda m: m.pop("metadata.json")},
    "no sources": {"edit": lambda m: m.pop("sources.json")},
    "no label": {"edit": lambda m: m.pop("y/b.mrc")},
    "no image": {"edit": lambda m: m.pop("x_main/a.mrc")},
    "no JSON": {"edit": set_member("metadata.json", b"{")},
    "a list": {"edit": set_member("metadata.json", b"[1]")},
    "deep JSON": {"edit": set_member("metadata.json", b"[" * 100000)},
    "sources of another form": {"edit": set_member("sources.json", b'{"a": 3}')},
    "no samples": {"edit": set_member("sources.json", b"{}")},
    "other label size": {"edit": set_member("y/a.mrc", mrc_bytes(np.zeros((9, 8))))},
    "other slices": {"edit": set_member("x_main/a.mrc", mrc_bytes(np.zeros((4, 8, 8))))},
    "huge member": {"edit": set_member("y/a.mrc", bytes(1 << 20))},
    "empty member": {"edit": set_member("y/a.mrc", b"")},
    "fractions as labels": {"edit": set_member("y/a.mrc", mrc_bytes(np.full((8, 8), 0.5)))},
    "NaN as labels": {"edit": set_member("y/a.mrc", mrc_bytes(np.full((8, 8), np.nan)))},
    "NaN as images": {"edit": set_member("x_main/a.mrc", mrc_bytes(np.full((5, 8, 8), np.nan)))},
    "absurd box": {"change": lambda m: m.update(box_size=1 << 40)},
    "negative box": {"change": lambda m: m.update(box_size=-8)},
    "infinite voxels": {"change": lambda m: m.update(apix=float("inf"))},
    "no flavour": {"change": lambda m: m.update(input_flavours=[], annotated_flavour=None)},
    "no feature": {"change": lambda m: m.update(features=[])},
    "escaping flavour": {"change": lambda m: m.update(annotated_flavour="../../etc")},
}


@pytest.mark.parametrize("kind", BROKEN_TARS)
def test_broken_tars_give_a_sentence(tmp_path: Path, kind: str) -> None:
    path = write_tar(tmp_path / "a.scnt", **BROKEN_TARS[kind])
    with pytest.raises(AisError) as error:
        TrainingSet.read(path)
    text = str(error.value)
    assert "a.scnt" in text
    assert text.endswith(".")
    assert "\n" not in text


def test_a_tar_with_a_link_for_a_member_is_refused(tmp_path: Path) -> None:
    path = write_tar(tmp_path / "a.scnt", edit=lambda m: m.pop("metadata.json"))
    with tarfile.open(path, "a") as tar:
        member = tarfile.TarInfo("metadata.json")
        member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(member)
    with pytest.raises(AisError, match="no plain file"):
        TrainingSet.read(path)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"II*\x00",
        b"II*\x00" + bytes(200),
        b"MM\x00*\x00\x00\x00\x08" + b"\xff" * 500,
        b"text\n" * 300,
        bytes(2048),
    ],
)
def test_what_is_no_training_set_gives_a_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.scnt"
    path.write_bytes(content)
    for read in (TrainingSet.read, describe_training_set):
        with pytest.raises(AisError) as error:
            read(path)
        assert "a.scnt" in str(error.value)
    for other in (tmp_path, tmp_path / "missing.scnt"):
        with pytest.raises(AisError):
            TrainingSet.read(other)


def test_cut_off_sets_give_a_sentence(made: TrainingSet, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    made.write(tmp_path / "whole.scnt")
    write_tar(tmp_path / "whole.tar")
    for name in ("whole.scnt", "whole.tar"):
        content = (tmp_path / name).read_bytes().rstrip(bytes(1))
        for end in (*range(5, 2000, 137), len(content) // 2, len(content) * 3 // 4):
            (tmp_path / "cut.scnt").write_bytes(content[:end])
            with pytest.raises(AisError):
                TrainingSet.read(tmp_path / "cut.scnt")
    assert caplog.records == []
    # What ends a TIFF are the directories of its later pages, which say nothing new.
    content = (tmp_path / "whole.scnt").read_bytes()
    (tmp_path / "cut.scnt").write_bytes(content[:-100])
    assert TrainingSet.read(tmp_path / "cut.scnt").hash == made.hash


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damaged_sets_are_read_or_refused(made: TrainingSet, tmp_path: Path, data: st.DataObject) -> None:
    path = tmp_path / "damaged.scnt"
    if data.draw(st.booleans()):
        made.write(path)
    else:
        write_tar(path)
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(0, min(len(content), 4000) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    for read in (TrainingSet.read, describe_training_set):
        try:
            read(path)
        except AisError as error:
            assert str(error).endswith(".")  # noqa: PT017


@pytest.mark.parametrize("shape", [(4, 16, 15), (2, 1, 8, 8), (2, 3, 8, 9), (8, 8), (1, 2, 3, 4, 4)])
def test_tiffs_of_another_form_are_refused(tmp_path: Path, shape: tuple[int, ...]) -> None:
    tifffile.imwrite(tmp_path / "a.scnt", np.zeros(shape, np.float32), photometric="minisblack")
    with pytest.raises(AisError, match="not a training set"):
        TrainingSet.read(tmp_path / "a.scnt")


def test_a_full_or_forbidden_place_leaves_nothing(made: TrainingSet, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(AisError):
        made.write(tmp_path / "file" / "a.scnt")
    (tmp_path / "folder.scnt").mkdir()
    with pytest.raises(AisError):
        made.write(tmp_path / "folder.scnt")


# Pooling


def test_pooled_sets(made: TrainingSet) -> None:
    other = replace(made, records=[replace(r, id=r.id[::-1]) for r in made.records], name="other", voxel_size=10.3)
    both = pool([made, other])
    assert len(both.records) == 8
    assert np.array_equal(both.images, np.concatenate([made.images, made.images]))
    assert both.n_positive == 2 * made.n_positive
    assert (both.features, both.voxel_size) == (["membrane"], 10.0)
    assert pool([made, made]).hash == made.hash
    named = pool([made, replace(other, features=["Membrane, old"])])
    assert "Membrane, old" in named.notes[0]
    assert pool([made, replace(other, normalization="box")]).normalization == "box"


@pytest.mark.parametrize(
    "difference",
    [{"voxel_size": 11.0}, {"features": ["a", "b"]}, {"images": np.zeros((4, 1, 16, 16), np.float32)}],
)
def test_sets_that_do_not_fit_are_not_pooled(made: TrainingSet, difference: dict[str, Any]) -> None:
    with pytest.raises(AisError):
        pool([made, replace(made, **difference)])
    with pytest.raises(AisError):
        pool([])


def test_annotate_and_extract_a_simulated_cell(test_data: Path, tmp_path: Path) -> None:
    with mrcfile.open(test_data / "cell_sim_small" / "labels.mrc") as file:
        truth = np.array(file.data)
    with Project.create(tmp_path / "x.aisproj") as project:
        tomogram = project.apply(AddTomogram(test_data / "cell_sim_small" / "tomogram.mrc")).id
        feature = project.apply(AddFeature("membrane", box_size=32)).id
        for z in (20, 30, 40):
            project.apply(SetSliceMask(tomogram, feature, z, truth[z] == 1))
        project.apply(AutoPlaceBoxes(tomogram, feature, 30))
        project.apply(BackgroundBoxes(tomogram, feature, 20))
        found = extract(project, ["membrane"], box_size=32, depth=5)
    assert (len(found.records), found.n_positive) == (50, 30)
    for labels, record in zip(found.labels, found.records, strict=True):
        part = truth[record.z, record.y - 16 : record.y + 16, record.x - 16 : record.x + 16] == 1
        assert np.array_equal(labels, part * (2 if record.negative else 1))
