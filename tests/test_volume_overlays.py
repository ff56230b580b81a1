"""Exported volumes over their tomogram: read in threads, on the scale of 0 to 255, never of another slice."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from ais.formats.registry import write_volume
from ais.gui.display import PLANES, Plane
from ais.gui.editor import Editor
from ais.gui.export_volumes import ExportVolume, VolumeState
from ais.gui.volume_overlays import VolumePicture

SHAPE = (8, 20, 24)


class Desk:
    def __init__(self, folder: Path) -> None:
        rng = np.random.default_rng(0)
        self.folder = folder
        self.values = rng.integers(0, 256, SHAPE).astype(np.uint8)
        for name in ("one", "two"):
            write_volume(folder / f"{name}.mrc", rng.normal(0, 1, SHAPE).astype("f4"), voxel_sizes=10.0)
        self.editor = Editor(folder / "settings", lambda: None)
        self.editor.open_paths([folder / "one.mrc", folder / "two.mrc"])
        self.until(lambda: self.editor.shown is not None and len(self.editor.snapshot.tomograms) == 2)
        self.overlays = self.editor.modelling.overlays

    def until(self, condition: Callable[[], object]) -> None:
        limit = time.monotonic() + 20
        while not condition():
            assert time.monotonic() < limit, [notice.text for notice in self.editor.notices.said]
            self.editor.poll()
            time.sleep(0.002)

    def export(self, name: str, values: np.ndarray, tomogram: str = "one") -> Path:
        """What the queue holds once a volume has been made."""
        path = self.folder / f"{tomogram}__{name}.mrc"
        write_volume(path, values, voxel_sizes=10.0)
        exports = self.editor.modelling.exports
        output = {"feature": name, "path": str(path), "model": "m.aism"}
        places = (str(self.folder / f"{tomogram}.mrc"), ["m.aism"], str(self.folder))
        done = ExportVolume(len(exports.volumes) + 1, *places, {}, 1.0, VolumeState.DONE, outputs=[output])
        done.finished = time.time()
        exports.volumes.append(done)
        exports._results = None
        return path

    def picture(self, plane: Plane, position: int, count: int = 1) -> list[VolumePicture]:
        self.until(lambda: len(self.overlays.pictures(plane, position, position)) == count)
        return self.overlays.pictures(plane, position, position)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.editor.close()


def test_each_plane_shows_the_exported_values(desk: Desk) -> None:
    kinds = {
        "bytes": desk.values,
        "signed": np.rint(desk.values * (127 / 255)).astype(np.int8),
        "shares": (desk.values / 255).astype(np.float32),
    }
    paths = [desk.export(name, values) for name, values in kinds.items()]
    assert not desk.overlays.shown(paths[0])
    for path in paths:
        desk.overlays.show(path, True)
    for plane, position, wanted in (
        ("xy", 3, desk.values[3]),
        ("xz", 7, desk.values[:, 7]),
        ("yz", 11, desk.values[:, :, 11]),
    ):
        assert plane in PLANES
        for one, within in zip(desk.picture(plane, position, 3), (0, 2, 0), strict=True):  # type: ignore[arg-type]
            assert np.abs(one.bytes().astype(int) - wanted).max() <= within
    desk.overlays.change(paths[0], threshold=200.0, alpha=0.3)
    before, after = desk.picture("xy", 3, 3)[0], desk.picture("xy", 3, 3)[0]
    assert after.values is before.values, "nothing is read again"
    assert (after.look.threshold, after.look.alpha) == (200.0, 0.3)
    assert len({desk.overlays.look(path).colour for path in paths}) == 3
    desk.overlays.show(paths[0], False)
    assert len(desk.picture("xy", 3, 2)) == 2


def test_only_its_own_tomogram_and_slice(desk: Desk) -> None:
    path = desk.export("thing", desk.values)
    desk.overlays.show(path, True)
    desk.picture("xy", 2)
    assert desk.overlays.pictures("xy", 5, 6) == [], "of a slice that has not been read nothing is given"
    other = next(entry for entry in desk.editor.snapshot.tomograms if entry.name == "two")
    desk.editor.select_tomogram(other.id)
    desk.until(lambda: desk.editor.shown is not None and desk.editor.state.tomogram == other.id)
    assert desk.overlays.pictures("xy", 2, 2) == []
    desk.until(lambda: not desk.overlays._open)
    assert desk.overlays.shown(path), "and is shown again when its tomogram is"


def test_made_again_it_is_read_again_and_what_is_wrong_is_said_once(desk: Desk) -> None:
    path = desk.export("thing", desk.values)
    desk.overlays.show(path, True)
    assert (desk.picture("xy", 2)[0].bytes() == desk.values[2]).all()
    time.sleep(0.01)
    desk.export("thing", 255 - desk.values)
    desk.until(
        lambda: [(p.bytes() == 255 - desk.values[2]).all() for p in desk.overlays.pictures("xy", 2, 2)] == [True]
    )
    gone = desk.export("gone", desk.values)
    gone.unlink()
    odd = desk.export("odd", desk.values[:4])
    for wrong in (gone, odd):
        desk.overlays.show(wrong, True)
    desk.until(lambda: len(desk.overlays.problems) == 2)
    for _ in range(20):
        desk.editor.poll()
    said = [notice.text for notice in desk.editor.notices.said]
    assert sum("gone.mrc" in text for text in said) == 1
    assert "voxels" in desk.overlays.problems[odd]
    assert len(desk.picture("xy", 2)) == 1
