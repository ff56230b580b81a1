"""Pictures of one tomogram, read off the window's thread: the newest wish first, then what is likely to come next."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from ais.errors import AisError, Cancelled, sentence
from ais.gui.display import PLANES, Plane
from ais.gui.freed_memory import free_large_arrays_at_once
from ais.gui.slice_source import Picture, SliceSource
from ais.gui.travel import Travel
from ais.tomogram import Tomogram

MEMORY_BYTES = 768 << 20
NORMAL: dict[Plane, int] = {"xy": 0, "xz": 1, "yz": 2}
PICTURES_IN_ONE_PASS: dict[Plane, int] = {"xy": 1, "xz": 4, "yz": 16}
LOOK_EVERY_S = 0.5
CLOSING_S = 0.5
HEAD_BYTES = 1024
"""A file whose beginning differs is another one; most formats say the size of the volume there."""


FileFacts = tuple[int, int, int]
"""Inode, length and time of the last change in nanoseconds: what is changed has others."""


@dataclass(frozen=True)
class SliceRequest:
    """A picture that is wanted.

    Attributes
    ----------
    plane
        ``"xy"``: rows y, columns x; ``"xz"``: rows z, columns x; ``"yz"``: rows z, columns y.
    position
        Index along the plane's normal: z for xy, y for xz, x for yz.
    slab
        How many slices along the normal are averaged, at least 1. An odd slab is centred on the position; an even
        one reaches one slice further up than down. At the ends of the volume, only slices that exist are averaged.
    """

    plane: Plane
    position: int
    slab: int = 1

    def slices(self, count: int) -> tuple[int, int]:
        """First and last + 1 of the averaged slices, of `count` along the normal."""
        first = self.position - (self.slab - 1) // 2
        return max(0, first), min(count, first + self.slab)


@dataclass
class _Lane:
    """What one plane's thread has to do and has done; guarded by the reader's lock."""

    plane: Plane
    travel: Travel = field(default_factory=Travel)
    wanted: SliceRequest | None = None
    number: int = 0
    pending: SliceRequest | None = None
    ahead: deque[SliceRequest] = field(default_factory=deque)
    newest: tuple[SliceRequest, Picture] | None = None
    newest_number: int = 0
    looked_at: int = 0
    thread: threading.Thread | None = None


class SliceReader:
    """Reads pictures of a tomogram in threads of its own, one for each plane, started with the plane's first request.

    Pictures are as stored, in float32, C-contiguous, and not to be written to: xy is (ny, nx), xz (nz, nx), yz
    (nz, ny). NaN and infinity are replaced by the mean of the picture's finite values; `note` then says so.

    Parameters
    ----------
    tomogram
        An open tomogram. The caller closes it, after this reader.
    wake
        Called, in another thread, whenever a wanted picture has come or there is a problem to tell.
    memory_bytes
        Limit of all that is kept, the newest pictures aside: pictures read before or ahead, and a copy of the volume,
        which is made once an xz or yz picture has been shown and takes at most 80 % of it.
    """

    def __init__(self, tomogram: Tomogram, wake: Callable[[], None], *, memory_bytes: int = MEMORY_BYTES) -> None:
        free_large_arrays_at_once()
        self._tomogram = tomogram
        self._wake = wake
        self._memory_bytes = memory_bytes
        self._source = SliceSource(tomogram, memory_bytes)
        self._changed = threading.Condition()
        self._lanes = {plane: _Lane(plane) for plane in PLANES}
        self._kept: OrderedDict[SliceRequest, Picture] = OrderedDict()
        self._kept_bytes = 0
        self._closed = False
        self._problem: str | None = None
        self._note: str | None = None
        self._file_facts = self._facts()
        self._head_at_first = self._head()
        self._changed_facts: tuple[FileFacts, bool] | None = None
        self._looked = time.monotonic()

    @property
    def problem(self) -> str | None:
        """One sentence about the first thing that went wrong with the file since it was opened; None if nothing."""
        return self._problem

    @property
    def note(self) -> str | None:
        """One sentence once a picture had values that are not finite numbers; else None."""
        return self._note

    @property
    def memory_used(self) -> int:
        """Bytes of the pictures kept and of the copy of the volume."""
        return self._kept_bytes + self._source.copy_bytes

    def request(self, request: SliceRequest) -> None:
        """Ask for a picture; of the same plane, an older request that has not been started is dropped.

        Returns at once. A position outside the tomogram is taken as the nearest one inside. Asking again for the same
        picture does nothing.
        """
        request = self._inside(request)
        with self._changed:
            lane = self._lanes[request.plane]
            if self._closed or request == lane.wanted:
                return
            lane.wanted = request
            lane.number += 1
            lane.travel.moved(request.position, time.monotonic())
            count = self._tomogram.shape[NORMAL[request.plane]]
            likely = lane.travel.ahead(count)[: self._most_ahead(request.plane)]
            lane.ahead = deque(replace(request, position=position) for position in likely)
            picture = self._find(request)
            lane.pending = request if picture is None else None
            if picture is not None:
                lane.newest, lane.newest_number = (request, picture), lane.number
            if lane.thread is None:
                lane.thread = threading.Thread(
                    target=self._work, args=(lane,), name=f"ais-slices-{lane.plane}", daemon=True
                )
                lane.thread.start()
            self._changed.notify_all()

    def newest(self, plane: Plane) -> tuple[SliceRequest, Picture] | None:
        """The picture of the last request of this plane that is ready, to be shown until the next one is."""
        with self._changed:
            return self._lanes[plane].newest

    def ready(self, request: SliceRequest) -> Picture | None:
        """The picture, if it has been read (also ahead of its request) and is still kept."""
        with self._changed:
            return self._find(self._inside(request))

    def waiting(self, plane: Plane) -> bool:
        """Whether the plane's last request is neither answered nor given up."""
        with self._changed:
            lane = self._lanes[plane]
            return lane.wanted is not None and lane.newest_number < lane.number

    def close(self) -> None:
        """End the threads and forget the pictures; a thread that is stuck in one read ends by itself after it."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._source.stop()
        deadline = time.monotonic() + CLOSING_S
        for lane in self._lanes.values():
            if lane.thread is not None:
                lane.thread.join(max(0.0, deadline - time.monotonic()))
        self._source.join(max(0.0, deadline - time.monotonic()))
        with self._changed:
            self._kept.clear()
            self._kept_bytes = 0
            for lane in self._lanes.values():
                lane.newest = None

    def _inside(self, request: SliceRequest) -> SliceRequest:
        last = self._tomogram.shape[NORMAL[request.plane]] - 1
        position, slab = min(max(0, request.position), last), max(1, request.slab)
        if (position, slab) == (request.position, request.slab):
            return request
        return replace(request, position=position, slab=slab)

    def _find(self, request: SliceRequest) -> Picture | None:
        newest = self._lanes[request.plane].newest
        if newest is not None and newest[0] == request:
            return newest[1]
        picture = self._kept.get(request)
        if picture is not None:
            self._kept.move_to_end(request)
        return picture

    def _work(self, lane: _Lane) -> None:
        while (task := self._next_task(lane)) is not None:
            request, number = task
            self._look_at_file()
            if request is None:
                continue
            try:
                made = self._make(lane, request)
            except Cancelled:
                return
            except (AisError, OSError, MemoryError) as error:
                self._give_up(lane, number, sentence(error, self._tomogram.path))
                continue
            if self._is_another_volume(self._facts()):  # what was read may be anything
                self._give_up(lane, number, self._replaced())
                continue
            self._take(lane, request, number, made)

    def _next_task(self, lane: _Lane) -> tuple[SliceRequest | None, int] | None:
        """The next picture to make with its number, 0 for one that nobody has asked for yet; None at the end.

        Without a picture, only the file is to be looked at: what is shown was read before.
        """
        with self._changed:
            while not self._closed:
                if lane.pending is not None:
                    request, lane.pending = lane.pending, None
                    return request, lane.number
                while lane.ahead:
                    request = lane.ahead.popleft()
                    if self._find(request) is None:
                        return request, 0
                if lane.looked_at != lane.number and time.monotonic() - self._looked >= LOOK_EVERY_S:
                    lane.looked_at = lane.number
                    return None, 0
                self._changed.wait()
        return None

    def _make(self, lane: _Lane, request: SliceRequest) -> list[tuple[SliceRequest, Picture]]:
        """The picture and, where one pass over the file gives more at hardly more cost, those that come next."""
        count = self._tomogram.shape[NORMAL[request.plane]]
        run = 1 if self._source.in_memory else PICTURES_IN_ONE_PASS[request.plane]
        run = max(1, min(run, self._most_ahead(request.plane)))
        with self._changed:
            way = lane.travel.direction
        first = request.position - (run // 2 if not way else run - 1 if way < 0 else 0)
        positions = range(max(0, first), min(count, first + run))
        wanted = [replace(request, position=position) for position in positions]
        pictures = self._source.pictures(request.plane, [one.slices(count) for one in wanted])
        return [(one, self._finite(picture)) for one, picture in zip(wanted, pictures, strict=True)]

    def _take(self, lane: _Lane, request: SliceRequest, number: int, made: list[tuple[SliceRequest, Picture]]) -> None:
        with self._changed:
            if self._closed:
                return
            pictures = dict(made)
            for one, picture in made:
                self._keep(one, picture)
            if lane.pending is not None and lane.pending in pictures:  # asked for while it was being read
                request, number, lane.pending = lane.pending, lane.number, None
            if lane.plane != "xy":
                self._source.start_copy()
                self._make_room()
            answers = number > lane.newest_number
            if answers:
                lane.newest, lane.newest_number = (request, pictures[request]), number
        if answers:
            self._wake()

    def _keep(self, request: SliceRequest, picture: Picture) -> None:
        old = self._kept.pop(request, None)
        self._kept[request] = picture
        self._kept_bytes += picture.nbytes - (0 if old is None else old.nbytes)
        self._make_room()

    def _make_room(self) -> None:
        while self._kept and self._kept_bytes + self._source.copy_bytes > self._memory_bytes:
            self._kept_bytes -= self._kept.popitem(last=False)[1].nbytes

    def _most_ahead(self, plane: Plane) -> int:
        """How many pictures may be read ahead, so that they do not push each other out before they are seen."""
        nz, ny, nx = self._tomogram.shape
        picture_bytes = 4 * {"xy": ny * nx, "xz": nz * nx, "yz": nz * ny}[plane]
        return int((self._memory_bytes - self._source.copy_bytes) // (4 * picture_bytes))

    def _finite(self, picture: Picture) -> Picture:
        if np.isfinite(picture.sum(dtype=np.float64)):  # finite float32 numbers add up to a finite double
            return picture
        odd = ~np.isfinite(picture)
        picture[odd] = 0.0 if odd.all() else picture[~odd].mean(dtype=np.float64)
        if self._note is None:
            self._note = f"{self._tomogram.path} contains values that are not finite numbers; grey is shown there."
        return picture

    def _give_up(self, lane: _Lane, number: int, problem: str) -> None:
        with self._changed:
            lane.ahead.clear()
            lane.newest_number = max(lane.newest_number, number)
        self._tell(problem)

    def _tell(self, problem: str) -> None:
        with self._changed:
            if self._problem is not None or self._closed:
                return
            self._problem = problem
        self._wake()

    def _look_at_file(self) -> None:
        """Say it if the file has been deleted or changed; what has been opened can often be read on."""
        now = time.monotonic()
        if self._problem is not None or now - self._looked < LOOK_EVERY_S:
            return
        self._looked = now
        facts, path = self._facts(), self._tomogram.path
        if facts is None and self._file_facts is not None:
            self._tell(
                f"{path} has been moved or deleted since it was opened: put it back, or open it where it is now."
            )
        elif self._is_another_volume(facts):
            self._tell(self._replaced())
        elif facts != self._file_facts:
            self._tell(f"{path} has been changed since it was opened: open it again to see it as it is now.")

    def _is_another_volume(self, facts: FileFacts | None) -> bool:
        """Whether the file is no longer a volume of the size that was opened; looked at once for each change."""
        if facts is None or facts == self._file_facts:
            return False
        known = self._changed_facts
        if known is None or known[0] != facts:
            try:
                with Tomogram.open(self._tomogram.path) as now:
                    known = facts, now.shape != self._tomogram.shape
            except AisError:  # one that was cut off still has its beginning, and can be read as far as it goes
                known = facts, self._head() != self._head_at_first
            self._changed_facts = known
        return known[1]

    def _head(self) -> bytes:
        try:
            with self._tomogram.path.open("rb") as file:
                return file.read(HEAD_BYTES)
        except OSError:  # a folder, for one
            return b""

    def _replaced(self) -> str:
        return (
            f"{self._tomogram.path} is no longer the tomogram of {self._tomogram.shape} (z, y, x) voxels that was "
            "opened: put that back, or relink the tomogram to where it is now. What was annotated is kept."
        )

    def _facts(self) -> FileFacts | None:
        try:
            found = self._tomogram.path.stat()
        except OSError:
            return None
        return found.st_ino, found.st_size, found.st_mtime_ns
