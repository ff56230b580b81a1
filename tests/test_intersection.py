"""Annotations kept inside or outside a mask, against plain set operations of numpy, with undo."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ais.annotation import (
    IGNORE,
    AddFeature,
    AddTomogram,
    FeatureMask,
    Intersect,
    Intersection,
    SetSliceMask,
    VolumeMask,
)
from ais.errors import AisError
from ais.formats.registry import write_volume
from ais.project import Project
from ais.tomogram import Tomogram

SHAPE = (5, 300, 280)  # slices of four tiles


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with Project.create(tmp_path / "x.aisproj") as opened:
        opened.apply(AddTomogram(tmp_path / "TS_1.mrc", SHAPE, 10.0))
        for name in ("membrane", "carbon"):
            opened.apply(AddFeature(name))
        yield opened


def numbers(project: Project) -> tuple[int, int, int]:
    membrane, carbon = (feature.id for feature in project.features())
    return project.tomograms()[0].id, membrane, carbon


def blocks(seed: int) -> np.ndarray:
    """A volume of 0 and 1 in which some slices are empty."""
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 2, (SHAPE[0], 30, 28)) * random.integers(0, 2, (SHAPE[0], 1, 1))
    return np.kron(coarse, np.ones((1, 10, 10), int)).astype(np.uint8)


def paint(project: Project, feature: int, volume: np.ndarray) -> None:
    for z, mask in enumerate(volume):
        project.apply(SetSliceMask(numbers(project)[0], feature, z, mask))


def painted(project: Project, feature: int) -> np.ndarray:
    tomogram = numbers(project)[0]
    masks = [
        project.ignore(tomogram, z) if feature == IGNORE else project.mask(tomogram, feature, z)
        for z in range(SHAPE[0])
    ]
    return np.stack(masks)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 2**32 - 2),
    z=st.none() | st.integers(0, SHAPE[0] - 1),
    outside=st.booleans(),
    kind=st.sampled_from(["feature", "ignore", "array", "file"]),
)
def test_what_stays_is_inside_or_outside_and_undo_restores(
    project: Project, tmp_path: Path, seed: int, z: int | None, outside: bool, kind: str
) -> None:
    tomogram, feature, other = numbers(project)
    before, mask = blocks(seed), blocks(seed + 1)
    paint(project, feature, before)
    by = IGNORE if kind == "ignore" else other
    paint(project, by, mask)
    there = before.any((1, 2)) & (np.arange(SHAPE[0]) == z if z is not None else True)
    said = mask.any((1, 2)) if kind in ("feature", "ignore") else np.ones(SHAPE[0], bool)
    cut = there & said
    expected = before.copy()
    expected[cut] &= (mask if not outside else 1 - mask)[cut]
    if kind == "file":
        write_volume(tmp_path / "mask.mrc", mask, voxel_sizes=10.0)
    cutting = VolumeMask(mask) if kind == "array" else FeatureMask(by)
    volume = Tomogram.open(tmp_path / "mask.mrc") if kind == "file" else None
    if volume is not None:
        cutting = VolumeMask(volume, "mask.mrc")
    operation = Intersect(tomogram, feature, cutting, z, outside)
    if not cut.any():
        with pytest.raises(AisError):
            project.apply(operation)
        assert np.array_equal(painted(project, feature), before)
        return
    done: Intersection = project.apply(operation)
    if volume is not None:
        volume.close()
    assert np.array_equal(painted(project, feature), expected)
    assert np.array_equal(painted(project, by), mask)
    differs = (expected != before).any((1, 2))
    assert list(done.changed) == list(np.flatnonzero(differs))
    assert done.erased == int(before.sum()) - int(expected.sum())
    assert list(done.left) == list(np.flatnonzero(there & ~said))
    if differs.any():
        project.undo()
        assert np.array_equal(painted(project, feature), before)
        project.redo()
        assert np.array_equal(painted(project, feature), expected)


@pytest.mark.parametrize(
    ("label", "threshold", "inside"),
    [(None, None, lambda v: v > 0), (2.0, None, lambda v: v == 2), (None, 2.0, lambda v: v >= 2)],
)
def test_label_and_threshold_choose_voxels(
    project: Project, label: float | None, threshold: float | None, inside: object
) -> None:
    tomogram, feature, _ = numbers(project)
    paint(project, feature, np.ones(SHAPE, np.uint8))
    values = np.random.default_rng(3).integers(0, 4, SHAPE).astype(np.int16)
    project.apply(Intersect(tomogram, feature, VolumeMask(values, "labels", label, threshold)))
    assert callable(inside)
    assert np.array_equal(painted(project, feature), inside(values))
    assert project.history()[-1].text == "Keep what is inside labels: membrane, all slices of TS_1"


def test_what_makes_no_sense_is_refused(project: Project, tmp_path: Path) -> None:
    tomogram, feature, other = numbers(project)
    whole = VolumeMask(np.ones(SHAPE, np.uint8))
    refused(project, Intersect(tomogram, feature, whole), "Nothing is annotated there")
    paint(project, feature, np.ones(SHAPE, np.uint8))
    refused(project, Intersect(tomogram, feature, FeatureMask(feature)), "cannot be cut by itself")
    refused(project, Intersect(tomogram, feature, FeatureMask(other), 2), "no annotation of carbon in slice 2")
    refused(project, Intersect(tomogram, feature, FeatureMask(IGNORE)), "no annotation of ignore regions in any")
    refused(project, Intersect(tomogram, feature, FeatureMask(99)), "99")
    small = VolumeMask(np.ones((5, 300, 279), np.uint8))
    refused(project, Intersect(tomogram, feature, small), r"The mask is \(5, 300, 279\), but TS_1")
    refused(project, Intersect(tomogram, feature, VolumeMask(whole.volume, "m", 1.0, 1.0)), "label or by a threshold")
    damaged = np.ones(SHAPE, np.float32)
    damaged[3, 7, 7] = np.nan
    write_volume(tmp_path / "damaged.mrc", damaged, voxel_sizes=10.0)
    with Tomogram.open(tmp_path / "damaged.mrc") as volume:
        refused(project, Intersect(tomogram, feature, VolumeMask(volume), None, True), "not finite numbers")
    assert painted(project, feature).all()  # also those slices that came before the damaged one


def refused(project: Project, operation: Intersect, words: str) -> None:
    with pytest.raises(AisError, match=words):
        project.apply(operation)
