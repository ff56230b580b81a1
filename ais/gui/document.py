"""The open project as the window sees it: edits are made in order in a thread, and what is true now is a snapshot."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from ais.annotation import Box, Feature, HistoryEntry, Operation, Region, TomogramEntry
from ais.annotation.entries import HandPicks, ModelEntry
from ais.annotation.volume_looks import VolumeEntry
from ais.errors import Cancelled
from ais.fluorescence import Overlay
from ais.gui.background import plain_sentence
from ais.project import Project
from ais.project.overview import BoxCount

HISTORY_SHOWN = 500

Result = TypeVar("Result")
Entry = TypeVar("Entry")


@dataclass(frozen=True)
class Snapshot:
    """What the project holds, read after an edit; never changed.

    Attributes
    ----------
    revision
        Grows with every snapshot.
    tomograms, features
        In the user's order.
    marks
        Tomogram to feature to the number of its annotated slices.
    box_counts
        Tomogram to feature to the number of positive and negative boxes.
    watched
        The tomogram of which the following say more; None for none.
    annotated
        Feature to its annotated slices, in order.
    boxes
        Feature to its boxes.
    picks
        Feature to its particles picked by hand.
    volumes
        What is kept of its segmented volumes.
    fluorescence
        The images that lie over it, in the order in which they were added.
    history
        The latest edits, oldest first.
    crop
        The region of the watched tomogram that is worked on; None for all of it.
    models
        The models that the project uses, in the order in which they were added.
    rules
        Between them, in the order in which they act, as in a rules file.
    """

    revision: int = 0
    tomograms: tuple[TomogramEntry, ...] = ()
    features: tuple[Feature, ...] = ()
    marks: Mapping[int, Mapping[int, int]] = field(default_factory=dict)
    box_counts: Mapping[int, Mapping[int, BoxCount]] = field(default_factory=dict)
    watched: int | None = None
    annotated: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    boxes: Mapping[int, tuple[Box, ...]] = field(default_factory=dict)
    picks: Mapping[int, HandPicks] = field(default_factory=dict)
    volumes: tuple[VolumeEntry, ...] = ()
    fluorescence: tuple[Overlay, ...] = ()
    history: tuple[HistoryEntry, ...] = ()
    crop: Crop | None = None
    models: tuple[ModelEntry, ...] = ()
    rules: tuple[Mapping[str, Any], ...] = ()

    def tomogram(self, number: int | None) -> TomogramEntry | None:
        """The tomogram of a number, or None."""
        return next((entry for entry in self.tomograms if entry.id == number), None)

    def feature(self, number: int | None) -> Feature | None:
        """The feature of a number, or None."""
        return next((feature for feature in self.features if feature.id == number), None)

    @property
    def undo_text(self) -> str:
        """What undo would take back; empty if nothing."""
        return next((entry.text for entry in reversed(self.history) if not entry.undone), "")

    @property
    def redo_text(self) -> str:
        """What redo would make again; empty if nothing."""
        return next((entry.text for entry in self.history if entry.undone), "")


@dataclass(frozen=True)
class Crop:
    """The part of a tomogram that is shown, segmented and exported; half-open ranges in voxels.

    Attributes
    ----------
    z, y, x
        (first, one past the last).
    """

    z: tuple[int, int]
    y: tuple[int, int]
    x: tuple[int, int]


@dataclass(frozen=True)
class Edited:
    """What the window is told after an edit.

    Attributes
    ----------
    region
        Where it acted; None if it could be anywhere.
    local
        Whether it changed nothing but masks, boxes and picks of the region's tomogram.
    travelled
        Whether it was an undo or redo, so that the view should go there.
    """

    region: Region | None
    local: bool
    travelled: bool


class Document:
    """A project and the thread that edits it.

    Parameters
    ----------
    project
        Open; closed with the document.
    wake
        Called from the thread when there is something for `poll`.
    problem
        Called in the window's thread with one sentence when an edit could not be made.

    Attributes
    ----------
    project
        Only for the document's thread, but for what never changes: its path, whether it can be edited.
    snapshot
        What it holds now.
    saved_at
        When the last edit was on disk, seconds since 1970; None before the first one.
    submitted
        How many edits and questions there have been.
    closed
        Set by whoever closes it, once nothing more is done with its file.
    """

    def __init__(self, project: Project, wake: Callable[[], None], problem: Callable[[str], None]) -> None:
        self.project = project
        self.snapshot = Snapshot()
        self.saved_at: float | None = None
        self._wake = wake
        self._problem = problem
        self._latest = self.snapshot
        self._watched: int | None = None
        self._tasks: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._news: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._waiting = 0
        self._edits_waiting = 0
        self.submitted = 0
        self.closed = threading.Event()
        self._edited: list[Edited] = []
        self._undelivered: list[Callable[[], None]] = []
        self._thread = threading.Thread(target=self._work, name="ais-document", daemon=True)
        self._thread.start()
        self._put(lambda: self._publish(everything=True))

    # Asked by the window's thread

    def submit(
        self,
        operation: Operation[Result],
        then: Callable[[Result], None] | None = None,
        failed: Callable[[], None] | None = None,
    ) -> None:
        """Make an edit.

        Parameters
        ----------
        operation
            What to do; it is on disk soon after.
        then
            Gets what the operation gives back, after the snapshot shows it.
        failed
            Called if the edit could not be made; the user is told why in any case.
        """

        def edit() -> None:
            revision = self.project.revision
            try:
                result = self.project.apply(operation)
            except Exception:
                if failed is not None:
                    self._news.put(failed)
                raise
            if self.project.revision != revision:
                self._after_edit(travelled=False)
            if then is not None:
                self._news.put(lambda: then(result))

        self._put_edit(edit)

    def undo(self) -> None:
        """Take the last edit back."""
        self._put_edit(lambda: self._travel(self.project.undo))

    def redo(self) -> None:
        """Make the edit that was undone last again."""
        self._put_edit(lambda: self._travel(self.project.redo))

    def travel_to(self, entry: int) -> None:
        """Undo or redo until the edit of this number is the last one that is done; 0 undoes everything shown."""

        def go() -> None:
            while True:
                done = [e for e in self.project.recent_history(HISTORY_SHOWN) if not e.undone]
                last = done[-1].id if done else 0
                if last > entry:
                    moved = self.project.undo()
                elif last < entry:
                    moved = self.project.redo()
                else:
                    return
                if moved is None or (last < entry and moved.id > entry):
                    return
                self._after_edit(travelled=True, entry=moved, publish=False)

        def go_and_publish() -> None:
            go()
            self._publish(everything=True)

        self._put_edit(go_and_publish)

    def ask(
        self,
        question: Callable[[Project], Result],
        then: Callable[[Result], None],
        unanswered: Callable[[Result], None] | None = None,
    ) -> None:
        """Read something from the project after the edits that were submitted before; the answer comes by `poll`.

        Parameters
        ----------
        question, then
            What is asked, in the document's thread, and who gets the answer.
        unanswered
            Gets it instead if the document is closed before, in the thread that closes it: for what must be closed.
        """

        def read() -> None:
            answer = question(self.project)

            def give_up() -> None:
                if unanswered is not None:
                    unanswered(answer)

            def deliver() -> None:
                self._undelivered.remove(give_up)
                then(answer)

            self._undelivered.append(give_up)
            self._news.put(deliver)

        self._put(read)

    def remember(self, key: str, value: Any) -> None:
        """Remember something about the view, without undo."""
        self._put(lambda: self.project.set_view_state(key, value))

    def watch(self, tomogram: int | None) -> None:
        """Have the snapshot say more of one tomogram."""
        self._watched = tomogram
        self._put(lambda: self._publish(everything=False))

    def poll(self) -> list[Edited]:
        """Hand over what has come back, once a frame; gives the edits made since."""
        while True:
            try:
                deliver = self._news.get_nowait()
            except queue.Empty:
                break
            deliver()
        edited, self._edited = self._edited, []
        return edited

    @property
    def busy(self) -> bool:
        """Whether edits or questions are still under way."""
        return self._waiting > 0

    @property
    def saving(self) -> bool:
        """Whether edits are still to be written to disk."""
        return self._edits_waiting > 0

    def close(self) -> None:
        """Make the edits that are waiting, then close the project."""
        self._tasks.put(None)
        self._thread.join()
        self.project.close()
        for give_up in self._undelivered:
            give_up()

    # In the document's thread

    def _put(self, task: Callable[[], None]) -> None:
        self._waiting += 1
        self.submitted += 1
        self._tasks.put(task)

    def _put_edit(self, task: Callable[[], None]) -> None:
        self._edits_waiting += 1

        def edit() -> None:
            try:
                task()
            finally:
                self._news.put(self._one_edit_less)

        self._put(edit)

    def _work(self) -> None:
        while True:
            task = self._tasks.get()
            if task is None:
                return
            try:
                task()
            except Cancelled:
                self._news.put(self._show_again)
            except Exception as error:  # noqa: BLE001 - whatever fails must reach the user and not end the thread
                text = plain_sentence(error)
                self._news.put(lambda text=text: self._failed(text))  # type: ignore[misc]
            self._news.put(self._one_less)
            self._wake()

    def _one_less(self) -> None:
        self._waiting -= 1

    def _one_edit_less(self) -> None:
        self._edits_waiting -= 1

    def _failed(self, text: str) -> None:
        self._show_again()
        self._problem(text)

    def _show_again(self) -> None:
        # What is on the screen may be ahead of the project, such as a stroke that could not be saved.
        self._edited.append(Edited(None, local=False, travelled=False))

    def _travel(self, step: Callable[[], HistoryEntry | None]) -> None:
        moved = step()
        if moved is not None:
            self._after_edit(travelled=True, entry=moved)

    def _after_edit(self, travelled: bool, entry: HistoryEntry | None = None, publish: bool = True) -> None:
        latest = entry or next(iter(self.project.recent_history(1)), None)
        region = latest.region if latest is not None else None
        local = region is not None and region.tomogram is not None and region.z is not None
        saved_at = time.time()

        def tell() -> None:
            self.saved_at = saved_at
            self._edited.append(Edited(region, local, travelled))

        if publish:
            elsewhere = local and region is not None and region.tomogram != self._watched
            self._publish(everything=not local or elsewhere)
        self._news.put(tell)

    def _publish(self, everything: bool) -> None:
        project, old = self.project, self._latest
        watched = self._watched
        new = replace(
            old,
            revision=old.revision + 1,
            features=tuple(project.features()),
            history=tuple(project.recent_history(HISTORY_SHOWN)),
            watched=watched,
            annotated={},
            boxes={},
            picks={},
            volumes=(),
            fluorescence=(),
            crop=None,
        )
        if everything or not old.revision:
            new = replace(
                new,
                tomograms=tuple(project.tomograms()),
                marks=project.annotation_marks(),
                box_counts=project.box_counts(),
                models=tuple(project.models()),
                rules=tuple(project.rules()),
            )
        if watched is not None and new.tomogram(watched) is not None:
            annotated = {feature: tuple(found) for feature, found in project.annotated_slices_of(watched).items()}
            boxes = {feature.id: tuple(project.boxes(watched, feature.id)) for feature in new.features}
            new = replace(
                new,
                annotated=annotated,
                boxes=boxes,
                picks=project.hand_picks_of(watched),
                volumes=_same(tuple(project.volumes(watched)), old.volumes),
                fluorescence=_same(tuple(project.overlays(watched)), old.fluorescence),
                crop=crop_of(project.setting(crop_key(watched))),
                marks={**new.marks, watched: {feature: len(found) for feature, found in annotated.items()}},
                box_counts={**new.box_counts, watched: {f: _counts(found) for f, found in boxes.items()}},
            )
        self._latest = new

        def show() -> None:
            self.snapshot = new

        self._news.put(show)


def crop_key(tomogram: int) -> str:
    """The project's setting that holds the crop region of a tomogram."""
    return f"crop {tomogram}"


def crop_of(value: Any) -> Crop | None:
    """A crop region from a setting: [[z0, z1], [y0, y1], [x0, x1]]; None if it is none."""
    try:
        (z0, z1), (y0, y1), (x0, x1) = value
        crop = Crop((int(z0), int(z1)), (int(y0), int(y1)), (int(x0), int(x1)))
    except (TypeError, ValueError):
        return None
    return crop if all(0 <= low < high for low, high in (crop.z, crop.y, crop.x)) else None


def _same(new: tuple[Entry, ...], old: tuple[Entry, ...]) -> tuple[Entry, ...]:
    """The old ones where they are equal, so that whoever follows them need not compare them."""
    return old if new == old else new


def _counts(boxes: tuple[Box, ...]) -> BoxCount:
    negative = sum(box.negative for box in boxes)
    return BoxCount(len(boxes) - negative, negative)
