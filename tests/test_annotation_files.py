"""Annotations as files of other programs, written and read, checked with other libraries."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mrcfile
import numpy as np
import pytest
import starfile
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

import ais
from ais.annotation import (
    IGNORE,
    AddFeature,
    AddPicks,
    AddTomogram,
    ImportSlice,
    PaintStroke,
    PlaceBoxes,
    SetSliceMask,
    export_coordinates,
    export_mask_slice,
    export_mask_volume,
    read_slice,
    write_slice,
)
from ais.errors import AisError, Cancelled
from ais.progress import Progress
from ais.project import Project

SHAPE = (6, 50, 70)
VOXEL_SIZE = 12.5
ORIGIN = (100.0, -50.0, 25.0)


@dataclass
class Scene:
    """A project with two tomograms, of which the second is missing, and a feature."""

    project: Project
    folder: Path
    tomogram: int
    missing: int
    feature: int


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with mrcfile.new(tmp_path / "TS_1.mrc") as file:
        file.set_data(np.zeros(SHAPE, np.float32))
        file.voxel_size = VOXEL_SIZE
        file.header.origin = ORIGIN
        file.add_label("made by a microscope")
    with Project.create(tmp_path / "x.aisproj") as project:
        tomogram = project.apply(AddTomogram(tmp_path / "TS_1.mrc")).id
        missing = project.apply(AddTomogram(tmp_path / "TS_2.mrc", SHAPE, 10.0)).id
        feature = project.apply(AddFeature("ribosome")).id
        yield Scene(project, tmp_path, tomogram, missing, feature)


def painted(scene: Scene, tomogram: int, feature: int) -> np.ndarray:
    masks = np.zeros(SHAPE, np.uint8)
    for z in (1, 4):
        masks[z] = np.random.default_rng(z).random(SHAPE[1:]) > 0.7
        scene.project.apply(SetSliceMask(tomogram, feature, z, masks[z]))
    return masks


# Volumes


@pytest.mark.parametrize("ignore", [False, True])
def test_a_feature_as_a_volume_lies_on_its_tomogram(scene: Scene, ignore: bool) -> None:
    feature = IGNORE if ignore else scene.feature
    masks = painted(scene, scene.tomogram, feature)
    path = scene.folder / "out" / "mask.mrc"
    export_mask_volume(scene.project, scene.tomogram, feature, path)
    with mrcfile.open(path) as file:
        assert file.data.dtype == np.int8
        assert np.array_equal(file.data, masks * 127)
        assert file.voxel_size.x == file.voxel_size.z == VOXEL_SIZE
        assert file.header.origin.item() == ORIGIN
        assert "made by a microscope" in [str(label) for label in file.get_labels()]
        mrcfile.validate(path)
    export_mask_volume(scene.project, scene.tomogram, feature, scene.folder / "mask.tif")
    assert np.array_equal(tifffile.imread(scene.folder / "mask.tif"), masks * 255)


def test_a_volume_of_a_missing_tomogram_has_the_voxel_size_that_is_known(scene: Scene) -> None:
    masks = painted(scene, scene.missing, scene.feature)
    export_mask_volume(scene.project, scene.missing, scene.feature, scene.folder / "mask.mrc")
    with mrcfile.open(scene.folder / "mask.mrc") as file:
        assert np.array_equal(file.data, masks * 127)
        assert file.voxel_size.x == 10


def test_what_picks_particles_understands_the_volume(scene: Scene) -> None:
    for z in (2, 3):
        scene.project.apply(PaintStroke(scene.tomogram, scene.feature, z, [(20, 30)], 5))
    export_mask_volume(scene.project, scene.tomogram, scene.feature, scene.folder / "mask.mrc")
    with ais.Tomogram.open(scene.folder / "mask.mrc") as volume:
        picks = ais.pick_particles(volume)
    assert picks.positions.tolist() == [[30, 20, 2.5]]


def test_a_cancelled_volume_leaves_nothing(scene: Scene) -> None:
    class Impatient(Progress):
        def report(self, done: float, total: float, text: str = "") -> None:
            assert (total, text) == (6, "TS_1: ribosome")
            if done == 3:
                raise Cancelled

    before = sorted(scene.folder.iterdir())
    with pytest.raises(Cancelled):
        export_mask_volume(
            scene.project, scene.tomogram, scene.feature, scene.folder / "mask.mrc", progress=Impatient()
        )
    assert sorted(scene.folder.iterdir()) == before


def test_a_tomogram_is_never_overwritten(scene: Scene) -> None:
    before = (scene.folder / "TS_1.mrc").read_bytes()
    (scene.folder / "link.mrc").hardlink_to(scene.folder / "TS_1.mrc")
    for name in ("TS_1.mrc", "TS_2.mrc", "link.mrc"):
        with pytest.raises(AisError, match="itself"):
            export_mask_volume(scene.project, scene.tomogram, scene.feature, scene.folder / name)
        with pytest.raises(AisError, match="itself"):
            export_mask_slice(scene.project, scene.tomogram, scene.feature, 1, scene.folder / name)
    assert (scene.folder / "TS_1.mrc").read_bytes() == before


# Coordinates


def test_coordinates_in_every_kind_of_file(scene: Scene) -> None:
    project, folder, feature = scene.project, scene.folder, scene.feature
    project.apply(AddPicks(scene.tomogram, feature, [(2.5, 10.25, 30), (5, 49, 69)]))
    project.apply(PlaceBoxes(scene.tomogram, feature, [(1, 2, 3)]))
    project.apply(PlaceBoxes(scene.tomogram, feature, [(4, 5, 6)], negative=True))
    assert export_coordinates(project, feature, "picks", folder / "a.txt") == [folder / "a.txt"]
    assert np.loadtxt(folder / "a.txt").tolist() == [[30, 10.25, 2.5], [69, 49, 5]]
    export_coordinates(project, feature, "picks", folder / "a.tsv")
    assert (folder / "a.tsv").read_text() == "30\t10\t3\n69\t49\t5\n"
    export_coordinates(project, feature, "boxes", folder / "b.txt")
    assert np.loadtxt(folder / "b.txt").tolist() == [3, 2, 1]
    export_coordinates(project, feature, "negative boxes", folder / "b.txt")
    assert np.loadtxt(folder / "b.txt").tolist() == [6, 5, 4]
    export_coordinates(project, feature, "picks", folder / "w.star", dialect="warp")
    warp: Any = starfile.read(folder / "w.star")
    assert warp["rlnCoordinateX"].tolist() == [30, 69]
    assert warp["rlnMicrographName"].tolist() == ["TS_1.tomostar"] * 2
    export_coordinates(
        project, feature, "picks", folder / "r.star", dialect="relion4", tilt_series_pixel_size=VOXEL_SIZE / 4
    )
    relion: Any = starfile.read(folder / "r.star")
    particles = relion["particles"] if isinstance(relion, dict) else relion
    assert particles["rlnCoordinateY"].tolist() == [41, 196]
    export_coordinates(project, feature, "picks", folder / "r5.star")
    centred: Any = starfile.read(folder / "r5.star")
    particles = centred["particles"] if isinstance(centred, dict) else centred
    assert particles["rlnCenteredCoordinateZAngst"].tolist() == [(2.5 - 3) * VOXEL_SIZE, (5 - 3) * VOXEL_SIZE]


def test_several_tomograms_need_a_file_that_names_them(scene: Scene) -> None:
    project, folder, feature = scene.project, scene.folder, scene.feature
    with pytest.raises(AisError, match="There are no picks of ribosome"):
        export_coordinates(project, feature, "picks", folder / "a.txt")
    for tomogram in (scene.tomogram, scene.missing):
        project.apply(AddPicks(tomogram, feature, [(1, 2, 3)]))
    with pytest.raises(AisError, match="one tomogram"):
        export_coordinates(project, feature, "picks", folder / "a.txt")
    export_coordinates(project, feature, "picks", folder / "a.txt", tomograms=[scene.missing])
    export_coordinates(project, feature, "picks", folder / "w.star", dialect="warp")
    warp: Any = starfile.read(folder / "w.star")
    assert warp["rlnMicrographName"].tolist() == ["TS_1.tomostar", "TS_2.tomostar"]
    twin = project.apply(AddTomogram(folder / "other" / "TS_1.mrc", SHAPE, 10.0)).id
    project.apply(AddPicks(twin, feature, [(1, 2, 3)]))
    with pytest.raises(AisError, match="Two tomograms are called TS_1"):
        export_coordinates(project, feature, "picks", folder / "w.star", dialect="warp")


# Slices


@pytest.mark.parametrize(("name", "top"), [("m.png", 255), ("m.tif", 255), ("m.mrc", 127)])
def test_a_mask_goes_out_and_comes_back(scene: Scene, name: str, top: int) -> None:
    masks, path = painted(scene, scene.tomogram, scene.feature), scene.folder / name
    export_mask_slice(scene.project, scene.tomogram, scene.feature, 4, path)
    seen = read_slice(path)
    assert np.array_equal(seen, masks[4] * np.float64(top))
    scene.project.apply(ImportSlice(scene.tomogram, scene.feature, 2, seen))
    assert np.array_equal(scene.project.mask(scene.tomogram, scene.feature, 2), masks[4])
    assert scene.project.undo_text() == "Import ribosome, slice 2 of TS_1"


def test_a_png_is_seen_as_the_window_shows_it(tmp_path: Path) -> None:
    values = np.array([[0.0, 1.0, 2.0], [3.0, 4.0, np.nan]])
    write_slice(tmp_path / "a.png", values, limits=(0, 4))
    with Image.open(tmp_path / "a.png") as picture:
        assert np.array_equal(np.array(picture), [[191, 255, 0], [0, 64, 128]])
    colours = np.random.default_rng(0).integers(0, 255, (5, 7, 3), np.uint8)
    write_slice(tmp_path / "b.png", colours)
    with Image.open(tmp_path / "b.png") as picture:
        assert np.array_equal(np.array(picture)[::-1], colours)
    write_slice(tmp_path / "c.mrc", values.astype(np.float32), voxel_size=10)
    with mrcfile.open(tmp_path / "c.mrc") as file:
        assert np.array_equal(file.data.squeeze(), values.astype(np.float32), equal_nan=True)
        assert file.voxel_size.x == 10
    write_slice(tmp_path / "even.png", np.full((3, 3), 7))
    for name in ("d.mrc", "d.tif", "d.jpg"):
        with pytest.raises(AisError):
            write_slice(tmp_path / name, colours)
    with pytest.raises(AisError):
        write_slice(tmp_path / "d.png", values[None])


def test_pictures_of_other_programs(tmp_path: Path) -> None:
    grey = np.random.default_rng(0).integers(0, 255, (8, 9), np.uint8)
    for mode in ("L", "RGB", "RGBA", "LA", "P"):
        Image.fromarray(grey).convert(mode).save(tmp_path / f"{mode}.png")
        assert np.array_equal(read_slice(tmp_path / f"{mode}.png"), grey[::-1]), mode
    Image.fromarray(grey.astype(np.uint16) * 200).save(tmp_path / "16.png")
    assert np.array_equal(read_slice(tmp_path / "16.png"), grey[::-1] * np.uint16(200))
    Image.fromarray(grey > 99).save(tmp_path / "1.png")
    assert np.array_equal(read_slice(tmp_path / "1.png") > 0, grey[::-1] > 99)
    tifffile.imwrite(tmp_path / "a.tif", grey)
    assert np.array_equal(read_slice(tmp_path / "a.tif"), grey)
    with mrcfile.new(tmp_path / "a.mrc") as file:
        file.set_data(grey.astype(np.float32))
    assert np.array_equal(read_slice(tmp_path / "a.mrc"), grey)


def test_what_is_no_slice_is_refused(tmp_path: Path) -> None:
    with mrcfile.new(tmp_path / "a.mrc") as file:
        file.set_data(np.zeros((3, 4, 5), np.float32))
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (80, 90), np.uint8)).save(tmp_path / "cut.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "cut.png").read_bytes()[:2000])
    (tmp_path / "text.png").write_text("no picture")
    (tmp_path / "empty.png").touch()
    (tmp_path / "folder.png").mkdir()
    for name in ("a.mrc", "cut.png", "text.png", "empty.png", "folder.png", "missing.png", "a.doc"):
        with pytest.raises(AisError):
            read_slice(tmp_path / name)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 99),
    choice=st.sampled_from([(None, None), (2.0, None), (None, 3.0)]),
    replace=st.booleans(),
    ignore=st.booleans(),
)
def test_an_imported_slice_is_what_was_chosen_and_is_undone(
    scene: Scene, seed: int, choice: tuple[float | None, float | None], replace: bool, ignore: bool
) -> None:
    project, feature = scene.project, IGNORE if ignore else scene.feature
    read = project.ignore if ignore else lambda t, z: project.mask(t, feature, z)
    picture = np.random.default_rng(seed).integers(0, 5, SHAPE[1:])
    project.apply(PaintStroke(scene.tomogram, feature, 3, [(10, 10), (40, seed % 70)], 4))
    before, digest = read(scene.tomogram, 3), project.content_digest()
    project.apply(ImportSlice(scene.tomogram, feature, 3, picture, *choice, replace))
    label, threshold = choice
    chosen = picture == label if label else picture >= (threshold or 1)
    assert np.array_equal(read(scene.tomogram, 3) != 0, chosen if replace else chosen | (before != 0))
    if project.content_digest() != digest:
        project.undo()
    assert project.content_digest() == digest


def test_a_slice_that_does_not_fit_is_refused(scene: Scene) -> None:
    fits = np.ones(SHAPE[1:])
    operations = [
        ImportSlice(scene.tomogram, scene.feature, 3, fits.T),
        ImportSlice(scene.tomogram, scene.feature, 6, fits),
        ImportSlice(scene.tomogram, scene.feature, 3, fits, 1, 1),
    ]
    for operation in operations:
        with pytest.raises(AisError):
            scene.project.apply(operation)
