"""Surfaces of the volumes in the scene: made in threads, two at a time, of each volume the latest that is wanted."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ais.gui.scene_meshing import LoadedVolume, MeshWish, VolumeMesh, load, mesh

if TYPE_CHECKING:
    from ais.gui.background import Background, Work
    from ais.gui.volume_search import FileState

AT_ONCE = 2
LOADED_BYTES = 2 << 30
"""Volumes that take more memory than this together are read again when their level changes."""
SLOW_S = 0.15
"""A surface that takes longer is made of a coarser copy while something is dragged."""
REST_S = 0.15
"""So long after the last change the surface is made in full detail though the drag goes on."""

SAID_AFTER_S = 0.25


@dataclass(frozen=True)
class Wanted:
    """What is wanted of a volume now.

    Attributes
    ----------
    file
        Size and time of its file; None while that is not known.
    shape
        (nz, ny, nx) of the tomogram.
    bin
        How much it is to be binned; None for as little as possible.
    wish
        The surface.
    dragged
        Whether it is being changed by the mouse.
    """

    file: FileState | None
    shape: tuple[int, int, int]
    bin: int | None
    wish: MeshWish
    dragged: bool = False

    @property
    def source(self) -> tuple[object, ...]:
        """What the voxels in memory depend on."""
        return self.file, self.shape, self.bin


@dataclass
class _Place:
    """What is known of a volume."""

    loaded: LoadedVolume | None = None
    source: tuple[object, ...] = ()
    mesh: VolumeMesh | None = None
    mesh_source: tuple[object, ...] = ()
    work: Work | None = None
    trying: Wanted | None = None
    failed: Wanted | None = None
    problem: str = ""
    full_seconds: float = 0.0
    asked: MeshWish | None = None
    changed_at: float = 0.0
    used_at: float = 0.0


class VolumeMeshes:
    """Keeps a surface of each volume that is wanted.

    Parameters
    ----------
    background
        Where they are made.
    """

    def __init__(self, background: Background) -> None:
        self._background = background
        self._places: dict[Path, _Place] = {}
        self._given_up: list[Work] = []
        self._wait: float | None = None

    def mesh(self, path: Path) -> VolumeMesh | None:
        """The newest surface of a volume; None while there is none."""
        place = self._places.get(path)
        return place.mesh if place is not None else None

    def busy(self, path: Path) -> bool:
        """Whether a surface of the volume is being made."""
        place = self._places.get(path)
        return place is not None and place.work is not None

    def slow(self, path: Path) -> bool:
        """Whether a surface of the volume has been being made for so long that it is to be said."""
        place = self._places.get(path)
        return place is not None and place.work is not None and time.monotonic() - place.work.started > SAID_AFTER_S

    def fraction(self, path: Path) -> float | None:
        """How much of the volume has been read; None while that cannot be said."""
        place = self._places.get(path)
        return place.work.fraction if place is not None and place.work is not None else None

    def problem(self, path: Path) -> str:
        """Why there is no surface, in one sentence; empty if nothing is wrong."""
        place = self._places.get(path)
        return place.problem if place is not None else ""

    def note(self, path: Path) -> str:
        """What is unusual about it, in one sentence; empty if nothing is."""
        place = self._places.get(path)
        return place.loaded.note if place is not None and place.loaded is not None else ""

    def follow(self, wanted: Mapping[Path, Wanted]) -> None:
        """Begin what is missing, in the order in which it is wanted; once a frame.

        Surfaces of volumes that are not wanted now are kept; their voxels are given up first.
        """
        now, self._wait = time.monotonic(), None
        self._given_up = [work for work in self._given_up if not work.finished]
        for path, place in self._places.items():
            if place.work is not None and place.work.outcome == "cancelled":
                place.work = None
                if path in wanted:
                    place.problem = "Reading it was stopped: hide and show it to try again."
                    place.failed = place.trying
        running = sum(place.work is not None for place in self._places.values()) + len(self._given_up)
        for path, one in wanted.items():
            place = self._places.setdefault(path, _Place())
            if one.wish != place.asked:
                place.asked, place.changed_at = one.wish, now
            if place.work is not None:
                continue
            rested = place.changed_at + REST_S - now
            coarse = one.dragged and place.full_seconds > SLOW_S and rested > 0
            if coarse:
                self._wait = rested if self._wait is None else min(self._wait, rested)
            wish = replace(one.wish, coarse=coarse)
            tried = replace(one, wish=wish, dragged=False)
            if (place.mesh is not None and place.mesh.wish == wish and place.mesh_source == one.source) or (
                place.failed == tried
            ):
                continue
            if running < AT_ONCE:
                self._begin(path, place, tried)
                running += 1
        self._free(wanted)

    def forget(self, keeping: Mapping[Path, object] | None = None) -> None:
        """Give up all volumes but some."""
        for path in [path for path in self._places if keeping is None or path not in keeping]:
            place = self._places.pop(path)
            if place.work is not None:
                place.work.cancel()
                self._given_up.append(place.work)

    def try_again(self, path: Path) -> None:
        """Forget that it has failed."""
        if path in self._places:
            self._places[path].failed, self._places[path].problem = None, ""

    @property
    def seconds_to_frame(self) -> float | None:
        """When there is something to do or to say though no thread has news."""
        now = time.monotonic()
        works = (place.work for place in self._places.values() if place.work is not None)
        said = [left for work in works if (left := work.started + SAID_AFTER_S - now) > 0]
        return min([*said, *([] if self._wait is None else [self._wait])], default=None)

    def _begin(self, path: Path, place: _Place, wanted: Wanted) -> None:
        there = place.loaded if place.source == wanted.source else None
        before = place.mesh if there is not None and place.mesh_source == wanted.source else None
        place.loaded = there  # what is not needed any more makes room for what is read
        place.used_at, place.trying = time.monotonic(), wanted

        def make(work: Work) -> tuple[LoadedVolume, VolumeMesh]:
            loaded = there or load(path, wanted.shape, wanted.bin, wanted.wish.voxel_size, work)
            work.report(0, 0, path.name)
            return loaded, mesh(loaded, wanted.wish, before, work)

        def show(made: tuple[LoadedVolume, VolumeMesh]) -> None:
            place.work, place.failed, place.problem = None, None, ""
            place.loaded, place.mesh = made
            place.source = place.mesh_source = wanted.source
            if not wanted.wish.coarse:
                place.full_seconds = place.mesh.seconds

        def failed(sentence: str) -> None:
            place.work, place.failed, place.problem = None, wanted, sentence
            place.mesh, place.mesh_source = None, ()

        title = "" if there else f"Reading {path.name}"
        place.work = self._background.run(make, show, title=title, failed=failed, awaited=False)

    def _free(self, wanted: Mapping[Path, object]) -> None:
        """Give up voxels until the rest fits: first those of volumes that are not wanted, then the oldest."""
        held = {path: place for path, place in self._places.items() if place.loaded is not None and place.work is None}
        total = sum(place.loaded.bytes for place in held.values() if place.loaded is not None)
        most = LOADED_BYTES if wanted else 0
        for path in sorted(held, key=lambda path: (path in wanted, held[path].used_at)):
            loaded = held[path].loaded
            if total <= most or loaded is None:
                return
            total -= loaded.bytes
            held[path].loaded, held[path].source = None, ()
