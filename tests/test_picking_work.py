"""What the picking panel's threads do: tables as `ais pick` makes them, slow steps kept, sentences for bad input."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ais.gui.picking_work
from ais.annotation.volume_looks import Removal, Removals
from ais.batch import PickSettings
from ais.errors import AisError, Cancelled
from ais.formats.registry import write_volume
from ais.gui.background import Work
from ais.gui.picking_choice import Orient, PickChoice
from ais.gui.picking_work import PickTask, PickWork, VolumeInput
from ais.pick_tables import picked_table
from ais.picking import pick_particles
from ais.progress import SILENT
from ais.tomogram import Tomogram

sys.path.insert(0, str(Path(__file__).parent / "gui"))

from segmented_tomogram import SHAPE as SEGMENTED_SHAPE
from segmented_tomogram import segmented_tomogram

SHAPE = (24, 40, 44)
VOXEL_SIZE = 8.0
BALLS = ((8, 10, 10, 4.0), (8, 10, 34, 3.0), (16, 30, 22, 5.0), (14, 32, 40, 2.5))
"""z, y, x and radius in voxels."""


@pytest.fixture
def volume(tmp_path: Path) -> Path:
    z, y, x = np.indices(SHAPE, sparse=True)
    values = np.zeros(SHAPE, np.uint8)
    for cz, cy, cx, radius in BALLS:
        values[(z - cz) ** 2 + (y - cy) ** 2 + (x - cx) ** 2 <= radius * radius] = 200
    path = tmp_path / "a__ball.mrc"
    write_volume(path, values, voxel_sizes=VOXEL_SIZE)
    return path


def task(path: Path, **properties: Any) -> PickTask:
    return PickTask("a", SHAPE, VOXEL_SIZE, VolumeInput(path), PickChoice(**properties))


def test_the_table_is_that_of_the_library(volume: Path) -> None:
    work = PickWork()
    limits = {"min_volume": 20_000.0, "spacing": 150.0, "margin": 30.0}
    picked = work.pick(task(volume, threshold=100.0, max_count=3, **limits), SILENT)
    with Tomogram.open(volume) as opened:
        expected = pick_particles(opened, threshold=100, max_count=3, **limits).coordinates("a")
    np.testing.assert_array_equal(picked.table.positions, expected.positions)
    assert picked.table.columns == expected.columns
    assert (picked.found, len(picked)) == (4, len(expected))
    assert picked.radius == pytest.approx(np.median([one[3] for one in BALLS[:3]]), rel=0.15)


def test_limits_act_on_what_is_kept(volume: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    work, first = PickWork(), task(volume)
    assert not work.at_hand(first)
    assert len(work.pick(first, SILENT)) == 4

    def not_again(*args: Any) -> None:
        raise AssertionError("the volume is looked at again")

    monkeypatch.setattr(ais.gui.picking_work, "_find", not_again)
    for properties, count in (({"max_count": 2}, 2), ({"min_volume": 100_000.0}, 2), ({"margin": 32.0}, 3)):
        other = task(volume, **properties)
        assert work.at_hand(other)
        assert len(work.pick(other, SILENT)) == count, properties
    assert not work.at_hand(task(volume, threshold=90.0))
    assert not work.at_hand(replace(first, volume=VolumeInput(volume, Removals((Removal(8, 10, 10, 128.0),)))))


def test_step_and_length_of_filaments_act_on_what_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    segmented_tomogram(tmp_path)
    volume = VolumeInput(tmp_path / "TS_01__microtubule.mrc")

    def asked(**properties: Any) -> PickTask:
        return PickTask("TS_01", SEGMENTED_SHAPE, 10.0, volume, PickChoice(filaments=True, **properties))

    work = PickWork()
    assert not work.at_hand(asked(min_length=600.0))
    few = work.pick(asked(min_length=600.0), SILENT)
    monkeypatch.delattr(ais.gui.picking_work, "_find_lines")
    assert work.at_hand(asked(min_length=1000.0, step=20.0))
    many = work.pick(asked(min_length=1000.0, step=20.0), SILENT)
    assert (few.filaments, many.filaments) == (2, 1)
    assert len(many) > 50


def test_a_file_that_has_changed_is_read_again(volume: Path) -> None:
    work = PickWork()
    work.pick(task(volume), SILENT)
    write_volume(volume, np.zeros(SHAPE, np.uint8), voxel_sizes=VOXEL_SIZE)
    assert not work.at_hand(task(volume))
    picked = work.pick(task(volume), SILENT)
    assert len(picked) == 0
    assert "highest is 0" in picked.note


def test_removed_components_are_left_out(volume: Path) -> None:
    removed = VolumeInput(volume, Removals((Removal(16, 30, 22, 60.0),)))
    picked = PickWork().pick(replace(task(volume), volume=removed), SILENT)
    assert len(picked) == 3
    assert np.linalg.norm(picked.table.positions - (22, 30, 16), axis=1).min() > 5


def test_what_makes_no_sense_is_a_sentence(volume: Path, tmp_path: Path) -> None:
    work = PickWork()
    with pytest.raises(AisError, match="44 x 40 x 24 voxels and the tomogram 10 x 10 x 10"):
        work.pick(replace(task(volume), shape=(10, 10, 10)), SILENT)
    with pytest.raises(AisError, match="gone"):
        work.pick(task(tmp_path / "gone__ball.mrc"), SILENT)
    with pytest.raises(AisError, match="Choose the surface"):
        work.pick(task(volume, orient=Orient.NORMAL), SILENT)
    surface = VolumeInput(volume)
    with pytest.raises(AisError, match="below the smallest"):
        work.pick(replace(task(volume, surface="ball", nearest=20, farthest=10), surface=surface), SILENT)


def test_lengths_need_a_voxel_size(tmp_path: Path, volume: Path) -> None:
    with Tomogram.open(volume) as opened:
        write_volume(tmp_path / "b__ball.mrc", np.array(opened.raw(0, SHAPE[0])), voxel_sizes=0.0)
    work = PickWork()
    unknown = replace(task(tmp_path / "b__ball.mrc"), voxel_size=0.0)
    assert len(work.pick(unknown, SILENT)) == 4
    for choice in (PickChoice(spacing=10.0), PickChoice(filaments=True)):
        with pytest.raises(AisError, match="Set voxel size"):
            work.pick(replace(unknown, choice=choice), SILENT)


def test_picking_stops_when_it_is_told_to(volume: Path) -> None:
    stopped, work = Work(), PickWork()
    stopped.cancel()
    with pytest.raises(Cancelled):
        work.pick(task(volume), stopped)
    assert len(work.pick(task(volume), SILENT)) == 4


def test_settings_are_read_as_they_were_written() -> None:
    choice = PickChoice(90.5, True, 1e4, 120.0, 30.0, 7, Orient.AXIS, 500.0, 82.0, -26.9, "membrane", 60.0, 5.0, 90.0)
    assert PickChoice.read(choice.write()) == choice


@pytest.mark.parametrize("value", [None, 3, [], "x", {"threshold": "high", "orient": 7, "spacing": float("nan")}])
def test_settings_that_make_no_sense_are_those_by_default(value: Any) -> None:
    assert PickChoice.read(value) == PickChoice()


def test_settings_out_of_range_are_brought_into_it() -> None:
    read = PickChoice.read({"threshold": 900, "spacing": -3.0, "max_count": -1, "step": 0.0, "unknown": 1})
    assert read == PickChoice(threshold=255.0, step=0.1)


@pytest.mark.parametrize(
    ("feature", "properties", "options"),
    [
        ("ribosome", {"spacing": 300.0, "margin": 100.0}, {"spacing": 300.0, "margin": 100.0}),
        ("ribosome", {"orient": Orient.AXIS, "max_count": 6}, {"orient": "axis", "max_count": 6}),
        (
            "ribosome",
            {"orient": Orient.NORMAL, "surface": "membrane", "farthest": 300.0, "surface_level": 100.0},
            {"orient": "normal", "surface": "membrane", "max_distance": 300.0, "surface_level": 100.0},
        ),
        (
            "microtubule",
            {"filaments": True, "step": 40.0, "min_length": 100.0, "twist": 20.0},
            {"filaments": True, "step": 40.0, "min_length": 100.0, "twist": 20.0},
        ),
    ],
)
def test_the_window_picks_what_the_command_picks(
    tmp_path: Path, feature: str, properties: dict[str, Any], options: dict[str, Any]
) -> None:
    """`ais pick` and the panel, each through its own door, write the same table."""
    segmented_tomogram(tmp_path)
    path, surface = tmp_path / f"TS_01__{feature}.mrc", tmp_path / "TS_01__membrane.mrc"
    asked = PickTask("TS_01", SEGMENTED_SHAPE, 10.0, VolumeInput(path), PickChoice(**properties))
    if asked.choice.surface:
        asked = replace(asked, surface=VolumeInput(surface))
    table = PickWork().pick(asked, SILENT).table
    settings = PickSettings(**{name: value for name, value in options.items() if name != "surface"})
    if "surface" in options:
        settings = replace(settings, surface=options["surface"])
    with Tomogram.open(path) as opened:
        expected, _ = picked_table(opened, settings, surface if "surface" in options else None)
    assert len(table) > 3
    np.testing.assert_array_equal(table.positions, expected.positions)
    assert table.columns == expected.columns
    assert (table.angles is None) == (expected.angles is None)
    if table.angles is not None:
        np.testing.assert_array_equal(table.angles, expected.angles)
