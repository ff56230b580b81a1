"""Instances and their figures against scikit-image, SciPy and shapes whose size is known."""

from __future__ import annotations

import csv
import json
import math
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import mrcfile
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy import ndimage, stats
from skimage.measure import regionprops

import ais.analysis.instances
from ais.analysis import Instances, distances_between, distribution, label_instances, measure_instances
from ais.analysis.distribution import drawn_range, steps
from ais.cli.main import run
from ais.errors import AisError
from ais.formats.registry import write_volume
from ais.tomogram import Tomogram

SIZES = (20.0, 10.0, 12.0)
ORIGIN = (300.0, -200.0, 50.0)


def grid(shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
    return np.stack(np.meshgrid(*(np.arange(n) for n in shape), indexing="ij"), axis=-1).astype(float)


def soft(inside: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """255 inside, 0 outside, over one voxel in between."""
    return np.round(np.clip(inside + 0.5, 0, 1) * 255).astype(np.uint8)


def blobs(seed: int = 0, shape: tuple[int, int, int] = (24, 40, 44)) -> np.ndarray[Any, Any]:
    """Smooth random structures, 0 to 255."""
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=shape), 2.0)
    return np.clip(128 + 90 * noise / noise.std(), 0, 255).astype(np.uint8)


def line_of(ends: tuple[Any, Any], radius: float, shape: tuple[int, int, int]) -> np.ndarray[Any, Any]:
    """A straight rod with round ends."""
    start, along = np.array(ends[0], float), np.array(ends[1], float) - np.array(ends[0], float)
    offset = grid(shape) - start
    share = np.clip(offset @ along / (along @ along), 0, 1)
    return soft(radius - np.linalg.norm(offset - share[..., None] * along, axis=-1))


def measured(volume: np.ndarray[Any, Any], **options: Any) -> Instances:
    image = options.pop("image", None)
    options.setdefault("voxel_sizes", 10.0)
    return measure_instances(label_instances(volume, **options), volume, image=image)


@pytest.mark.parametrize("seed", range(3))
def test_sizes_and_places_are_those_of_scikit_image(seed: int) -> None:
    volume, image = blobs(seed), np.random.default_rng(seed + 9).normal(size=(24, 40, 44)).astype(np.float32)
    labelled = label_instances(volume, threshold=200, voxel_sizes=SIZES)
    found = measure_instances(labelled, volume, image=image, lengths=False)
    ours, _ = ndimage.label(volume >= 200)
    regions = sorted(regionprops(ours, intensity_image=image), key=lambda region: -region.area)
    assert len(found) == len(regions) > 5
    assert found.voxels.tolist() == [region.area for region in regions]
    by_place = {tuple(np.round(region.centroid, 6)): region for region in regions}
    for row in found.rows():
        region = by_place[tuple(np.round([row["z_px"], row["y_px"], row["x_px"]], 6))]
        assert row["voxels"] == region.area
        assert row["volume_A3"] == pytest.approx(region.area * math.prod(SIZES))
        assert row["volume_nm3"] == pytest.approx(region.area * math.prod(SIZES) / 1000)
        assert row["mean_intensity"] == pytest.approx(region.intensity_mean, abs=1e-5)
        assert row["z_A"] == pytest.approx(region.centroid[0] * 20)
        assert row["x_A"] == pytest.approx(region.centroid[2] * 12)
        low, high = np.array(region.bbox[:3]), np.array(region.bbox[3:])
        assert row["touches_border"] == bool((low == 0).any() or (high == volume.shape).any())
        assert row["mean_prediction"] == pytest.approx(volume[tuple(region.coords.T)].mean())
        assert row["length_A"] is None
    places = found.positions
    gaps = np.linalg.norm(places[:, None] - places[None], axis=-1) + np.diag(np.full(len(places), np.inf))
    assert found.neighbours == pytest.approx(gaps.min(axis=1))
    labels_there = labelled.labels[tuple(found.anchors.T)]
    assert labels_there.tolist() == list(range(1, len(found) + 1)), "an anchor lies within its instance"
    inner = label_instances(volume, threshold=200, remove_border=True, voxel_sizes=SIZES)
    assert len(inner) == sum(not row["touches_border"] for row in found.rows())
    kept = label_instances(volume, threshold=200, min_volume=20 * math.prod(SIZES), voxel_sizes=SIZES)
    assert len(kept) == sum(region.area >= 20 for region in regions)
    assert np.array_equal(kept.labels > 0, np.isin(ours, [r.label for r in regions if r.area >= 20]))


@pytest.mark.parametrize("radius", [4.0, 7.3, 12.0])
def test_the_surface_of_a_ball_is_right(radius: float) -> None:
    away = radius - np.linalg.norm(grid((32, 32, 32)) - [15.5, 16.1, 15.8], axis=-1)
    expected = 4 * math.pi * (10 * radius) ** 2
    assert measured(soft(away)).surface_areas == pytest.approx([expected], rel=0.02)
    assert measured(soft(away) // 128 * 255).surface_areas == pytest.approx([expected], rel=0.03), "a mask has steps"
    for other in (soft(away).astype(np.float32) / np.float32(255), (soft(away) // 2).astype(np.int8)):
        assert measured(other).surface_areas == pytest.approx([expected], rel=0.03), "on any scale"
    labels = measured((away > 0).astype(np.uint16) * 7, labels=True)
    assert labels.surface_areas == pytest.approx([expected], rel=0.03)
    assert labels.ids.tolist() == [7]


def test_lengths_are_those_of_rods_and_arcs() -> None:
    for ends in (((8, 10, 10), (8, 10, 60)), ((6, 8, 8), (24, 40, 62)), ((5, 60, 12), (26, 12, 50))):
        rod = line_of(ends, 2.5, (32, 70, 72))
        along = 10 * float(np.linalg.norm(np.subtract(*ends)))
        # Thinning ends within a radius of the tip.
        assert along - 25 <= measured(rod).lengths[0] <= along * 1.02 + 25
    places = grid((15, 70, 70)) - [7, 10, 10]
    ring = np.hypot(places[..., 1], places[..., 2]) - 45
    arc = soft(2.5 - np.hypot(ring, places[..., 0])) * ((places[..., 1] >= 0) & (places[..., 2] >= 0))
    assert measured(arc).lengths == pytest.approx([10 * math.pi / 2 * 45], rel=0.04)


def test_a_length_is_in_angstrom_also_where_voxels_are_not_cubes() -> None:
    rod = line_of(((6, 10, 10), (34, 10, 10)), 2.0, (40, 20, 20))
    assert measured(rod, voxel_sizes=SIZES).lengths == pytest.approx([28 * 20], abs=2 * 2 * 20)


def test_a_profile_follows_the_image_and_the_thickness() -> None:
    rod = line_of(((10, 10, 8), (10, 10, 70)), 4.0, (20, 20, 80))
    image = np.broadcast_to(np.arange(80, dtype=np.float32), rod.shape)
    found = measured(rod, image=image)
    (profile,) = found.profiles
    inner = (profile.position > 60) & (profile.position < profile.position[-1] - 60)
    assert profile.intensity is not None
    slope = np.polyfit(profile.position[inner], profile.intensity[inner], 1)[0]
    assert abs(slope) == pytest.approx(0.1, rel=0.03), "one voxel of 10 A, one grey value"
    assert profile.cross_section[inner].mean() == pytest.approx(math.pi * 40**2, rel=0.05)
    step = found.lengths[0] / (len(profile.position) - 1)
    assert profile.cross_section.sum() * step == pytest.approx(found.volumes[0], rel=1e-9)


def test_what_touches_is_divided_when_asked_and_labels_are_taken_as_they_are() -> None:
    places = grid((30, 30, 50))
    two = np.maximum(
        soft(8 - np.linalg.norm(places - [15, 15, 17], axis=-1)),
        soft(8 - np.linalg.norm(places - [15, 15, 31], axis=-1)),
    )
    assert len(label_instances(two, voxel_sizes=10.0)) == 1
    parts = label_instances(two, separated=True, voxel_sizes=10.0)
    assert len(parts) == 2
    assert np.array_equal(parts.labels > 0, two >= 128)
    found = measure_instances(parts, two)
    assert sorted(found.centroids[:, 0].round().tolist()) == [17, 31]
    labels = np.zeros((6, 8, 10), np.float32)
    labels[1:3, 1:3, 1:3], labels[4, 4:6, 5:9], labels[1, 6, 8] = 5, 2, 5
    given_labels = label_instances(labels, labels=True, voxel_sizes=10.0)
    assert given_labels.ids.tolist() == [2, 5]
    assert given_labels.counts.tolist() == [8, 9]
    assert np.array_equal(given_labels.named(), labels)


def test_distances_are_those_of_a_distance_transform() -> None:
    first, second = blobs(3) >= 205, blobs(7) >= 205
    one, two = (label_instances(mask, voxel_sizes=SIZES) for mask in (first, second))
    found = distances_between(one, two, feature="other")
    assert len(one) > 5
    assert len(two) > 5
    away = ndimage.distance_transform_edt(~second, sampling=SIZES)
    for index, centre in enumerate(_centres(one.labels, len(one))):
        mask = one.labels == index + 1
        assert found.surface[index] == pytest.approx(away[mask].min(), rel=1e-6)
        to_that = ndimage.distance_transform_edt(two.labels != found.nearest[index], sampling=SIZES)
        assert to_that[mask].min() == pytest.approx(found.surface[index], rel=1e-6)
        gaps = [np.linalg.norm((centre - other) * SIZES) for other in _centres(two.labels, len(two))]
        assert found.centre[index] == pytest.approx(min(gaps))
    assert (found.surface == 0).any(), "some overlap"
    nothing = distances_between(one, label_instances(np.zeros_like(first), voxel_sizes=SIZES))
    assert np.isnan(nothing.surface).all()
    assert not nothing.nearest.any()
    with pytest.raises(AisError, match="two volumes of one tomogram"):
        distances_between(one, label_instances(second[1:], voxel_sizes=SIZES))


def _centres(labels: np.ndarray[Any, Any], count: int) -> list[np.ndarray[Any, Any]]:
    return [np.argwhere(labels == number + 1).mean(axis=0) for number in range(count)]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000))
def test_the_nearest_distance_is_the_same_both_ways(seed: int) -> None:
    rng = np.random.default_rng(seed)
    masks = [rng.random((7, 8, 9)) < share for share in rng.uniform(0.005, 0.3, 2)]
    one, two = (label_instances(mask, voxel_sizes=SIZES) for mask in masks)
    there, back = distances_between(one, two).surface, distances_between(two, one).surface
    if len(one) and len(two):
        assert there.min() == back.min()


def test_a_density_is_that_of_scipy() -> None:
    values = np.random.default_rng(2).normal(50, 8, 300)
    found = distribution(values)
    assert not found.logarithmic
    assert found.density == pytest.approx(stats.gaussian_kde(values)(found.grid), rel=1e-9, abs=1e-15)
    assert np.trapezoid(found.density, found.grid) == pytest.approx(1, abs=0.01)
    wide = np.random.default_rng(2).lognormal(5, 1.2, 200)
    found = distribution(wide)
    assert found.logarithmic
    assert found.density == pytest.approx(stats.gaussian_kde(np.log10(wide))(np.log10(found.grid)), rel=1e-6, abs=1e-12)
    expected = stats.ecdf(wide).cdf
    assert found.values.tolist() == expected.quantiles.tolist()
    assert found.share == pytest.approx(expected.probabilities)
    x, y = steps(found, 0.0, 1e4)
    assert (np.diff(x) >= 0).all()
    assert (np.diff(y) >= 0).all()
    for values in ([], [3.0], [2.0, 2.0], [0.0]):
        one = distribution(values)
        low, high = drawn_range([one])
        assert one.density.size == 0
        assert low < high


def test_a_volume_read_in_boxes_gives_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_volume(tmp_path / "seg.mrc", blobs(5), voxel_sizes=SIZES, origin=ORIGIN)
    with Tomogram.open(tmp_path / "seg.mrc") as volume:
        labelled = label_instances(volume, threshold=200)
        whole = measure_instances(labelled, volume, image=volume).rows()
        monkeypatch.setattr(ais.analysis.instances, "ALONE_VOXELS", 0)
        assert measure_instances(labelled, volume, image=volume).rows() == whole
    assert whole[0]["x_A"] == pytest.approx(whole[0]["x_px"] * 12 + 300)
    assert whole[0]["z_A"] == pytest.approx(whole[0]["z_px"] * 20 + 50)


# The command


@pytest.fixture
def segmented(tmp_path: Path) -> Path:
    for name, seed in (("TS_1", 1), ("TS_2", 2)):
        write_volume(tmp_path / f"{name}__blob.mrc", blobs(seed), voxel_sizes=10.0, origin=ORIGIN)
        write_volume(tmp_path / f"{name}__other.mrc", blobs(seed + 50), voxel_sizes=10.0, origin=ORIGIN)
        image = np.random.default_rng(seed).normal(size=(24, 40, 44)).astype(np.float32)
        write_volume(tmp_path / f"{name}.mrc", image, voxel_sizes=10.0)
    return tmp_path


def test_the_command_writes_labels_tables_and_plots(segmented: Path, capsys: pytest.CaptureFixture[str]) -> None:
    inputs = [str(segmented / f"TS_{n}__blob.mrc") for n in (1, 2)]
    words = ["analyze", *inputs, "-o", str(segmented / "out"), "--threshold", "200", "--to", "other", "--svg"]
    words += ["--image", str(segmented), "--min-volume", "3000"]
    assert run([*words, "--json"]) == 0
    entries = json.loads(capsys.readouterr().out)
    out = segmented / "out"
    for entry, seed in zip(entries, (1, 2), strict=True):
        stem = f"TS_{seed}__blob_instances"
        with mrcfile.open(out / f"{stem}.mrc") as file:
            labels = np.array(file.data)
            assert float(file.voxel_size.x) == 10
            assert float(file.header.origin.x) == 300
        expected, count = ndimage.label(blobs(seed) >= 200)
        kept = [n for n in range(1, count + 1) if (expected == n).sum() >= 3]
        assert np.array_equal(labels > 0, np.isin(expected, kept))
        assert entry["instances"] == len(kept) == labels.max()
        with open(out / f"{stem}.csv", newline="") as file:
            rows = list(csv.DictReader(file))
        document = json.loads((out / f"{stem}.json").read_text())
        assert document["distances_to"] == "other"
        assert document["threshold"] == 200
        assert [int(row["id"]) for row in rows] == [row["id"] for row in document["instances"]]
        image = np.asarray(mrcfile.read(segmented / f"TS_{seed}.mrc"))
        away = ndimage.distance_transform_edt(blobs(seed + 50) < 200, sampling=10.0)
        for row, same in zip(rows, document["instances"], strict=True):
            mask = labels == int(row["id"])
            assert int(row["voxels"]) == mask.sum()
            assert float(row["mean_intensity"]) == pytest.approx(image[mask].mean(), abs=1e-5)
            assert float(row["distance_A"]) == pytest.approx(away[mask].min(), rel=1e-6)
            assert float(row["length_A"]) == pytest.approx(same["length_A"])
            assert len(same["profile"]["position_A"]) == len(same["profile"]["intensity"])
        with Image.open(out / f"{stem}.png") as plot:
            assert plot.size[0] > 400
        assert ET.parse(out / f"{stem}.svg").getroot().tag.endswith("svg")
    with open(out / "summary.csv", newline="") as file:
        lines = list(csv.DictReader(file))
    assert [(line["tomogram"], line["feature"]) for line in lines] == [("TS_1", "blob"), ("TS_2", "blob")]
    assert [int(line["instances"]) for line in lines] == [entry["instances"] for entry in entries]
    with open(out / "all_instances.csv", newline="") as file:
        everything = list(csv.DictReader(file))
    assert len(everything) == sum(entry["instances"] for entry in entries)
    assert {"summary_counts.png", "summary_counts.svg", "summary_distributions.png"} <= {p.name for p in out.iterdir()}
    # Again: all is kept; another threshold is refused, and made with --overwrite; another image makes it anew.
    before = (out / "TS_1__blob_instances.mrc").stat().st_mtime_ns
    assert run(words) == 0
    assert "(kept)" in capsys.readouterr().out
    assert (out / "TS_1__blob_instances.mrc").stat().st_mtime_ns == before
    write_volume(segmented / "TS_1.mrc", np.ones((24, 40, 44), np.float32), voxel_sizes=10.0)
    assert run(words) == 1
    assert "--overwrite" in capsys.readouterr().err
    assert run([*words, "--overwrite"]) == 0
    assert json.loads((out / "TS_1__blob_instances.json").read_text())["instances"][0]["mean_intensity"] == 1


def test_the_command_says_what_is_wrong(segmented: Path, capsys: pytest.CaptureFixture[str]) -> None:
    volume, out = str(segmented / "TS_1__blob.mrc"), str(segmented / "out")
    write_volume(segmented / "small.mrc", np.zeros((4, 5, 6), np.float32), voxel_sizes=10.0)
    for words, sentence in (
        (["--image", str(segmented / "small.mrc")], "give the tomogram that was segmented"),
        (["--image", "nowhere.mrc"], "nowhere.mrc does not exist"),
        (["--to", "nothing"], "There is no volume TS_1__nothing beside"),
        (["--to", str(segmented / "small.mrc")], "two volumes of one tomogram"),
        (["--threshold", "300"], "between 0 and 255"),
        (["--min-volume", "-1"], "--min-volume"),
    ):
        assert run(["analyze", volume, "-o", out, *words]) == 2
        assert sentence in capsys.readouterr().err
        assert not Path(out).exists()
    write_volume(segmented / "half.mrc", np.full((4, 5, 6), 0.5, np.float32), voxel_sizes=10.0)
    assert run(["analyze", str(segmented / "half.mrc"), "-o", out, "--labels"]) == 2
    assert "whole numbers" in capsys.readouterr().err


def test_a_volume_with_nothing_in_it_has_an_empty_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_volume(tmp_path / "TS__blob.mrc", np.zeros((6, 8, 10), np.uint8), voxel_sizes=10.0)
    assert run(["analyze", str(tmp_path / "TS__blob.mrc"), "-o", str(tmp_path / "out"), "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["instances"] == 0
    assert "None reaches the threshold" in figures["scale"]
    assert (tmp_path / "out" / "TS__blob_instances.csv").read_text().startswith("id,x_px")
