"""Picking, analysis and comparison of volumes that do not fit into memory give what they give of those that do."""

from __future__ import annotations

import logging
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage
from soaking import moments

import ais.analysis.distances
import ais.analysis.instances
import ais.analysis.labelling
import ais.blobs
import ais.compared_masks
import ais.divided_blobs
import ais.filaments
import ais.metrics
import ais.prediction
from ais.analysis import distances_between, label_instances, measure_instances
from ais.analysis.labelling import Labelled
from ais.blobs import complete_blobs
from ais.compared_masks import ComparedMasks
from ais.filaments import find_filaments
from ais.formats.mrc import MrcWriter
from ais.metrics import evaluate_segmentation
from ais.orientation import distances_to_surface, orient
from ais.picking import find_particles, long_axes
from ais.separation import separate
from ais.truth import PredictedMask, Truth

SLABS = (1, 7, 10**9)
"""Voxels read at once: a slice, some slices, all."""


def cut(monkeypatch: pytest.MonkeyPatch, shape: tuple[int, int, int], slices: int) -> None:
    """Read volumes of this shape so many slices at a time, and look at few voxels at once."""
    voxels = slices * shape[1] * shape[2]
    monkeypatch.setattr(ais.prediction, "SLAB_VOXELS", voxels)
    monkeypatch.setattr(ais.divided_blobs, "SLAB_VOXELS", voxels)
    monkeypatch.setattr(ais.blobs, "MASK_VOXELS", max(1, voxels // 2))
    monkeypatch.setattr(ais.divided_blobs, "GATHERED_VOXELS", 50)


def clouds(shape: tuple[int, int, int], kind: str, seed: int = 0) -> NDArray[Any]:
    """Smooth noise, whose blobs are of all sizes, touch each other, the faces and the borders of slabs."""
    rng = np.random.default_rng(seed)
    values = ndimage.gaussian_filter(rng.normal(size=shape), 1.6)
    values = (values - values.min()) / np.ptp(values)
    highest = {"uint8": 255, "int8": 127, "uint16": 255, "float32": 1}[kind]
    return np.asarray((values * highest).astype(kind))


def plainly(volume: NDArray[Any], factor: float, level: float) -> NDArray[np.float64]:
    """x, y, z, weight and voxels of the particles, from components of the whole volume divided in their boxes."""
    labels, _ = ndimage.label(volume * factor >= level)
    rows = []
    for blob, box in enumerate(ndimage.find_objects(labels), 1):
        wide = tuple(slice(max(0, side.start - 1), side.stop + 1) for side in box)
        mask = labels[wide] == blob
        particles = separate(mask.astype(np.uint8), enclosed=False) if mask.sum() >= 27 else None
        for number in range(1, 2 if particles is None else int(particles.max()) + 1):
            own = mask if particles is None else particles == number
            places = np.argwhere(own) + [side.start for side in wide]
            mass = volume[wide][own].astype(np.float64) * factor
            rows.append([*(mass @ places[:, ::-1] / mass.sum()), mass.sum(), own.sum()])
    found = np.array(rows).reshape(-1, 5)
    return found[np.lexsort(found[:, :3].T)]


@pytest.mark.parametrize("diagonal", [False, True])
@pytest.mark.parametrize("density", [0.0, 0.1, 0.35, 0.7, 1.0])
@pytest.mark.parametrize("shape", [(9, 8, 7), (11, 1, 6), (8, 9, 1), (1, 7, 8)])
def test_blobs_do_not_depend_on_slabs(
    shape: tuple[int, int, int], density: float, diagonal: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Components by another program, of noise, in which everything meets at the borders of slabs sooner or later."""
    rng = np.random.default_rng(3)
    mask, values = rng.random(shape) < density, rng.integers(1, 200, shape)
    labels, _ = ndimage.label(mask, np.ones((3, 3, 3)) if diagonal else None)
    wanted = {int(np.flatnonzero(labels == blob)[0]): labels == blob for blob in range(1, labels.max() + 1)}
    for step in (1, 3, 20):
        monkeypatch.setattr(ais.blobs, "MASK_VOXELS", step * 13)
        for largest in (30, 10**6):
            found: dict[int, NDArray[np.bool_]] = {}
            parts = ((z, mask[z : z + step], values[z : z + step]) for z in range(0, shape[0], step))
            for blobs in complete_blobs(parts, shape, diagonal=diagonal, largest_box=largest):
                firsts = np.concatenate([[0], np.cumsum(blobs.voxels)])
                for blob, box in enumerate(blobs.boxes):
                    whole = np.zeros(shape, np.bool_)
                    whole[tuple(slice(*side) for side in box)] = blobs.mask(blob, box[:, 0], box[:, 1])
                    found[int(blobs.first_voxels[blob])] = whole
                    too_large = math.prod((box[:, 1] - box[:, 0]).tolist()) > largest
                    assert (blobs.values is None) == too_large
                    assert not too_large or len(blobs) == 1
                    if blobs.values is not None:
                        np.testing.assert_array_equal(blobs.values[firsts[blob] : firsts[blob + 1]], values[whole])
            assert found.keys() == wanted.keys()
            for first, whole in wanted.items():
                np.testing.assert_array_equal(found[first], whole)


@pytest.mark.parametrize("kind", ["uint8", "int8", "uint16", "float32"])
@pytest.mark.parametrize("share", [0.35, 0.6, 0.9])
def test_particles_do_not_depend_on_slabs(kind: str, share: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Byte for byte, and as a plain program finds them in the whole volume."""
    volume = clouds((24, 30, 34), kind)
    factor = {"uint8": 1.0, "int8": 255 / 127, "uint16": 1.0, "float32": 255.0}[kind]
    stored = float(np.quantile(volume, share))
    level = stored * factor
    whole = find_particles(volume, threshold=level)
    axes = long_axes(volume, threshold=level)
    wanted = plainly(volume, factor, level)
    assert len(wanted) == len(whole) > (1 if share == 0.35 else 10)
    np.testing.assert_allclose(np.c_[whole.positions, whole.weight, whole.volume], wanted, rtol=1e-10)
    for slices in SLABS:
        cut(monkeypatch, (24, 30, 34), slices)
        again = find_particles(volume, threshold=level)
        for name in ("positions", "weight", "volume"):
            np.testing.assert_array_equal(getattr(again, name), getattr(whole, name))
        for one, other in zip(long_axes(volume, threshold=level), axes, strict=True):
            np.testing.assert_array_equal(one, other)


def chain() -> NDArray[np.uint8]:
    """Seven touching balls of radius 10 in a row along z, from face to face."""
    z, y, x = np.indices((120, 31, 33), sparse=True)
    return np.asarray(
        np.max([((z - 8 - 17 * ball) ** 2 + (y - 15) ** 2 + (x - 16) ** 2 <= 100) * 255 for ball in range(7)], axis=0),
        np.uint8,
    )


def test_a_blob_too_large_for_its_box_is_divided_in_larger_voxels(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    volume = chain()
    fine = find_particles(volume)
    assert len(fine) == 7
    with caplog.at_level(logging.WARNING):
        coarse = find_particles(volume, largest_box=20_000)
    assert "21 x 21 x 120" in caplog.text
    assert "2 times as large" in caplog.text
    assert len(coarse) == 7
    np.testing.assert_allclose(coarse.positions, fine.positions, atol=0.7)
    assert coarse.volume.sum() == np.count_nonzero(volume)
    assert coarse.weight.sum() == volume.sum(dtype=np.float64)
    for slices in SLABS:
        cut(monkeypatch, (120, 31, 33), slices)
        again = find_particles(volume, largest_box=20_000)
        for name in ("positions", "weight", "volume"):
            np.testing.assert_array_equal(getattr(again, name), getattr(coarse, name))


def rows_of(labelled: Labelled, volume: NDArray[Any], image: NDArray[Any], other: Labelled) -> list[Any]:
    found = measure_instances(labelled, volume, image=image)
    away = distances_between(labelled, other)
    lines = [profile.cross_section for profile in found.profiles]
    return [*found.columns().values(), found.anchors, *lines, labelled.labels, *away.columns().values()]


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("uint8", {"threshold": 140.0}),
        ("float32", {"threshold": 140.0, "separated": True, "min_volume": 9_000.0}),
        ("uint8", {"threshold": 160.0, "remove_border": True}),
        ("uint16", {"labels": True}),
    ],
)
def test_instances_do_not_depend_on_slabs(kind: str, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    shape = (22, 26, 30)
    volume = clouds(shape, kind)
    if "labels" in options:
        volume = (ndimage.label(volume > 150)[0] * 3 % 1000).astype(kind)
    image = np.random.default_rng(1).normal(size=shape).astype(np.float32)
    other = label_instances(clouds(shape, "uint8", seed=2), threshold=150, voxel_sizes=(9.0, 10.0, 11.0))
    whole = label_instances(volume, voxel_sizes=(9.0, 10.0, 11.0), **options)
    wanted = rows_of(whole, volume, image, other)
    assert len(whole) > 3
    monkeypatch.setattr(ais.analysis.instances, "ALONE_VOXELS", 1000)
    monkeypatch.setattr(ais.analysis.distances, "SLAB_VOXELS", 500)
    monkeypatch.setattr(ais.analysis.labelling, "RUNS_AT_ONCE", 5)
    for slices in SLABS:
        cut(monkeypatch, shape, slices)
        labelled = label_instances(volume, voxel_sizes=(9.0, 10.0, 11.0), **options)
        assert (labelled.graded, labelled.note) == (whole.graded, whole.note)
        np.testing.assert_array_equal(np.concatenate([labelled.named(z, z + 2) for z in (0, 2, 4)]), whole.named(0, 6))
        for one, same in zip(rows_of(labelled, volume, image, other), wanted, strict=True):
            np.testing.assert_array_equal(one, same)


def test_distances_by_surfaces_are_those_of_the_whole_volume() -> None:
    one, two = (
        label_instances(clouds((30, 34, 38), "uint8", seed), threshold=level, voxel_sizes=(9.0, 10.0, 11.0))
        for seed, level in ((0, 190), (5, 185))
    )
    whole, surfaces = distances_between(one, two), distances_between(one, two, largest_box=1)
    assert (whole.surface == 0).any()
    assert (whole.surface > 20).any()
    np.testing.assert_allclose(surfaces.surface, whole.surface, rtol=1e-6)
    np.testing.assert_array_equal(surfaces.centre, whole.centre)
    assert np.mean(surfaces.nearest == whole.nearest) > 0.9  # of two that are equally near, either


@pytest.mark.parametrize("graded", [True, False])
def test_an_instance_too_large_for_its_box_is_measured_part_by_part(
    graded: bool, caplog: pytest.LogCaptureFixture
) -> None:
    z, y, x = np.indices((70, 90, 110), sparse=True)
    height = 35 + 12 * np.sin(y / 14) + 9 * np.cos(x / 17) - z
    soft = np.clip(255 - 40 * np.abs(height), 0, 255)
    volume = np.where(soft >= 100, 255, 0).astype(np.uint8) if not graded else soft.astype(np.float32) / 255
    image = np.random.default_rng(0).normal(size=volume.shape).astype(np.float32)
    labelled = label_instances(volume, threshold=100, voxel_sizes=10.0)
    assert len(labelled) == 1
    whole = measure_instances(labelled, volume, image=image)
    with caplog.at_level(logging.WARNING):
        parts = measure_instances(labelled, volume, image=image, largest_box=100_000)
    assert "110 x 90 x" in caplog.text
    assert "2 times as large" in caplog.text or "4 times as large" in caplog.text
    np.testing.assert_allclose(parts.surface_areas, whole.surface_areas, rtol=1e-5)
    np.testing.assert_allclose(parts.centroids, whole.centroids, rtol=1e-12)
    np.testing.assert_allclose(parts.predictions, whole.predictions, rtol=1e-12)
    assert parts.intensities is not None
    assert whole.intensities is not None
    np.testing.assert_allclose(parts.intensities, whole.intensities, rtol=1e-9)
    np.testing.assert_array_equal(parts.anchors, whole.anchors)
    assert parts.lengths[0] > 500
    assert np.nansum(parts.profiles[0].cross_section) > 0


def bent_tubes(shape: tuple[int, int, int], count: int, seed: int) -> NDArray[np.float32]:
    """Filaments along parabolas, some of which touch, with noise."""
    rng = np.random.default_rng(seed)
    volume = np.zeros(shape, np.float32)
    way = np.linspace(0, 1, 800)[:, None]
    for _ in range(count):
        a, b, c = rng.uniform(5, np.array(shape) - 5, (3, 3))
        volume[tuple(((1 - way) ** 2 * a + 2 * way * (1 - way) * b + way**2 * c).astype(int).T)] = 1
    volume = ndimage.gaussian_filter(volume, 2)
    noisy = volume / volume.max() * 2 + rng.normal(0, 0.03, shape)
    return np.asarray(np.clip(noisy, 0, 1).astype(np.float32))


def test_filaments_do_not_depend_on_slabs_and_groups(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    shape = (50, 100, 120)
    volume = bent_tubes(shape, 6, 1)
    whole = find_filaments(volume, threshold=100, voxel_sizes=(9.0, 10.0, 11.0))
    assert len(whole) > 5
    cut(monkeypatch, shape, 3)
    slabs = find_filaments(volume, threshold=100, voxel_sizes=(9.0, 10.0, 11.0))
    for one, same in zip(slabs.lines, whole.lines, strict=True):
        np.testing.assert_array_equal(one.points, same.points)
        assert one.weight == same.weight
    monkeypatch.setattr(ais.filaments, "WHOLE_VOXELS", 150_000)
    monkeypatch.setattr(ais.filaments, "GROUPED_VOXELS", 100_000)
    groups = find_filaments(volume, threshold=100, voxel_sizes=(9.0, 10.0, 11.0))
    assert len(groups) == len(whole)
    for one, same in zip(groups.lines, whole.lines, strict=True):
        np.testing.assert_allclose(one.points, same.points, atol=1e-3)
        assert one.weight == pytest.approx(same.weight, rel=1e-9)
    assert "traced as a whole" in caplog.text


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize(("level", "sizes"), [(110.0, (9.0, 10.0, 11.0)), (150.0, (10.0, 10.0, 10.0)), (185.0, 7.0)])
def test_scores_do_not_depend_on_slabs(seed: int, level: float, sizes: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """With parts that are not known, and noise, which falls into many small pieces."""
    shape = (21, 24, 27)
    rng = np.random.default_rng(seed)
    prediction = clouds(shape, "uint8", seed) if seed else rng.integers(0, 256, shape).astype(np.uint8)
    truth = (clouds(shape, "uint8", seed + 50) > level).astype(np.uint8)
    truth[rng.random(shape) < 0.05] = 2
    truth[:, :, :5] = 2
    whole = evaluate_segmentation(prediction, truth, threshold=level, voxel_sizes=sizes).as_dict()
    assert whole["dice"] > 0
    monkeypatch.setattr(ais.metrics, "WHOLE_VOXELS", 0)
    monkeypatch.setattr(ais.compared_masks, "TREE_POINTS", 300)
    monkeypatch.setattr(ais.compared_masks, "QUERIED_AT_ONCE", 200)
    for slices in SLABS:
        cut(monkeypatch, shape, slices)
        for box in (100, 4000, 1 << 23):
            monkeypatch.setattr(ais.compared_masks, "GROUPED_BOX_VOXELS", box)
            again = evaluate_segmentation(prediction, truth, threshold=level, voxel_sizes=sizes).as_dict()
            # One way gives distances in single precision.
            assert again.pop("surface_distance") == pytest.approx(whole["surface_distance"], rel=1e-5)
            assert again == {name: value for name, value in whole.items() if name != "surface_distance"}


def test_scores_without_skeletons_where_a_component_is_too_large() -> None:
    prediction = clouds((21, 24, 27), "uint8")
    masks = ComparedMasks(PredictedMask(prediction, 120), Truth(prediction >= 130), prediction.shape, (1.0, 1.0, 1.0))
    found = masks.slab_by_slab(largest_line_box=1000)
    assert found.cldice is None
    assert "--slices" in found.note
    assert found.both > 0
    assert found.surface_voxels > 0


def test_scores_slice_by_slice_do_not_depend_on_slabs(monkeypatch: pytest.MonkeyPatch) -> None:
    shape = (15, 24, 27)
    prediction, truth = clouds(shape, "float32"), clouds(shape, "uint8", 9)
    whole = evaluate_segmentation(prediction, truth, per_slice=True, voxel_sizes=10.0)
    assert whole.cldice is not None
    assert evaluate_segmentation(prediction, truth, slices=range(15), voxel_sizes=10.0) == whole
    cut(monkeypatch, shape, 4)
    assert evaluate_segmentation(prediction, truth, per_slice=True, voxel_sizes=10.0) == whole


@pytest.mark.parametrize("kind", ["uint8", "float32", "bool"])
def test_distances_and_normals_of_a_surface_do_not_depend_on_slabs(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    shape = (20, 22, 24)
    volume = clouds(shape, "uint8") > 150 if kind == "bool" else clouds(shape, kind)
    positions = np.random.default_rng(0).uniform(-3, 27, (60, 3))
    found = []
    for slices in (10**6, *SLABS):
        cut(monkeypatch, shape, slices)
        away = distances_to_surface(positions, volume, 150.0, voxel_sizes=(9.0, 10.0, 11.0), signed=True)
        found.append((away, orient(positions, volume, "normal", level=150.0, voxel_sizes=(9.0, 10.0, 11.0))))
    assert (found[0][0] < 0).any()
    assert (found[0][0] > 10).any()
    for away, angles in found[1:]:
        np.testing.assert_array_equal(away, found[0][0])
        np.testing.assert_array_equal(angles, found[0][1])


PEAK = """
import sys
from pathlib import Path
from ais.cli.main import run
assert run(sys.argv[1:]) == 0
status = Path("/proc/self/status").read_text()
print(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")), file=sys.stderr)
"""
"""The peak is the process's own, where `resource` may give that of the process that started it."""
BOUND = 400 << 20


def peak_of(*words: str | Path) -> int:
    """Peak memory in bytes of an `ais` command in a process of its own."""
    done = subprocess.run([sys.executable, "-c", PEAK, *map(str, words)], capture_output=True, text=True, check=True)
    return int(done.stderr.split()[-1]) * 1024


def write_balls(path: Path, slices: int, side: int) -> int:
    """A volume of balls that touch in pairs; gives their number."""
    pair = np.zeros((25, 200, 200), np.uint8)
    z, y, x = np.indices(pair.shape, sparse=True)
    for middle in (17, 32):
        pair[(z - 12) ** 2 + (y - 25) ** 2 + (x - middle) ** 2 <= 64] = 255
    layer = np.tile(pair, (1, side // 200, side // 200))
    with MrcWriter(path, (slices, side, side), np.dtype(np.uint8), voxel_sizes=(10.0, 10.0, 10.0)) as writer:
        for _ in range(slices // 25):
            writer.write(layer)
    return 2 * (slices // 25) * (side // 200) ** 2


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    """125 MB in all tests, 4.8 GB in `make soak`; its whole labels would need four times as much."""
    path = tmp_path_factory.mktemp("large") / "TS_1__balls.mrc"
    return path, write_balls(path, moments(125, 1200), moments(1000, 2000))


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("small") / "TS_1__balls.mrc"
    write_balls(path, 50, 200)
    return path


def test_picking_needs_memory_for_a_slab_and_not_for_the_volume(
    large: tuple[Path, int], small: Path, tmp_path: Path
) -> None:
    path, count = large
    least = peak_of("pick", small, "--output", tmp_path / "small")
    most = peak_of("pick", path, "--output", tmp_path / "large")
    assert most - least < BOUND
    table = (tmp_path / "large" / "TS_1__balls_coords.star").read_text().splitlines()
    assert sum(line[:1].isdigit() or line.startswith("TS_1") for line in (row.strip() for row in table)) >= count


def test_analysis_needs_memory_for_a_slab_and_not_for_the_volume(
    large: tuple[Path, int], small: Path, tmp_path: Path
) -> None:
    path, count = large
    words = ("--separate", "--no-lengths")
    least = peak_of("analyze", small, "--output", tmp_path / "small", *words)
    most = peak_of("analyze", path, "--output", tmp_path / "large", *words)
    assert most - least < BOUND
    table = (tmp_path / "large" / "TS_1__balls_instances.csv").read_text().splitlines()
    assert len(table) == 1 + count


def test_comparison_needs_memory_for_a_slab_and_not_for_the_volume(large: tuple[Path, int], small: Path) -> None:
    path, _ = large
    assert peak_of("evaluate", path, path) - peak_of("evaluate", small, small) < BOUND
