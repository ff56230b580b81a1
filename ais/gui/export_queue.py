"""Exports: tomograms that are segmented one after the other by the compute process, remembered by the project.

The queue lies in the project's view state, which is on disk soon after each change and has no undo. So it survives the
editor's end and its being killed; what was not finished then is asked about when the project is opened again.
"""

from __future__ import annotations

import itertools
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ais.annotation import TomogramEntry
from ais.errors import says_no_space
from ais.gui import untitled
from ais.gui.document import Crop, Document, crop_key, crop_of
from ais.gui.export_volumes import ENDED, ExportRequest, ExportResult, ExportVolume, VolumeState, volume_of
from ais.gui.export_wish import WISH_KEY, ExportWish
from ais.project import Project

if TYPE_CHECKING:
    from ais.engine import Engine, Job
    from ais.gui.editor import Editor

KEY = "export queue"
"""The view state that holds the volumes."""
KEPT_ENDED = 2000
"""Ended volumes beyond this number are forgotten, the oldest first; their files stay."""
MOST_LOST = 2
"""A volume during which the compute process has ended so often has failed; before, it is made again."""


class ExportQueue:
    """The exports of the open project.

    Parameters
    ----------
    editor
        Whose project and compute process it uses.

    Attributes
    ----------
    volumes
        In the order in which they are made; some have been taken off the list, see `listed`.
    wish
        What is to be exported next.
    asks
        Whether the user is still to be asked what becomes of `pending`.
    paused
        Whether no further volume is begun.
    problem
        One sentence that says why, if it was not the user; else empty.
    """

    def __init__(self, editor: Editor) -> None:
        self.volumes: list[ExportVolume] = []
        self.paused = False
        self.problem = ""
        self.wish = ExportWish(editor)
        self.asks = False
        self._editor = editor
        self._document: Document | None = None
        self._numbers = itertools.count(1)
        self._running: ExportVolume | None = None
        self._job: Job | None = None
        self._before_naming: list[dict[str, Any]] | None = None
        self._results: tuple[ExportResult, ...] | None = None
        self._made: dict[int, tuple[list[dict[str, str]], list[ExportResult]]] = {}
        self._counts: tuple[object, dict[Path, int]] = (None, {})

    # For every frame

    def follow(self) -> None:
        """Take in what has ended and begin what is next; once a frame, whether the panel is shown or not."""
        document = self._editor.document
        if document is not self._document:
            self._change_document(document)
        if self._job is not None and self._job.finished:
            self._settle()
        engine = self._editor.engine_in_use
        if engine is not None and _has_failed(engine) and (self._running or self._next()):
            self._give_back()
            self._pause(engine.problem)
        if self._running is None and not self.paused and self._document is not None:
            volume = self._next()
            if volume is not None:
                self._begin(volume)

    @property
    def busy(self) -> bool:
        """Whether a volume is being made or will be."""
        return self._running is not None or (not self.paused and self._next() is not None)

    @property
    def running(self) -> ExportVolume | None:
        """The volume that is made now."""
        return self._running

    @property
    def fraction(self) -> float:
        """How much of the running volume is done, 0 to 1."""
        return (self._job.fraction or 0.0) if self._job is not None else 0.0

    @property
    def message(self) -> str:
        """What is done now, such as the slice."""
        return self._job.message if self._job is not None else ""

    @property
    def waits_for(self) -> str:
        """What else the compute process does before it turns to the running volume; empty if nothing."""
        engine = self._editor.engine_in_use
        if self._job is None or engine is None or self._job.started is not None:
            return ""
        others = (job for job in engine.jobs if not job.urgent and job.started is not None and not job.finished)
        return next((job.title for job in others), "")

    @property
    def listed(self) -> list[ExportVolume]:
        """The volumes that have not been taken off the list."""
        return [volume for volume in self.volumes if not volume.cleared]

    def seconds_for(self, work: float) -> float | None:
        """Estimated time for an amount of `ExportVolume.work`; None while nothing of the kind has been made."""
        rate = self._seconds_per_work()
        return None if rate is None else rate * work

    @property
    def seconds_left_of_volume(self) -> float | None:
        """Estimated time for the running volume; None while it cannot be told."""
        return self._job.seconds_left if self._job is not None else None

    @property
    def seconds_left(self) -> float | None:
        """Estimated time for all that is waiting and running; None while it cannot be told."""
        rate, left = self._seconds_per_work(), 0.0
        if self._running is not None:
            alone = self._job.seconds_left if self._job is not None else None
            if alone is None and rate is None:
                return None
            left = alone if alone is not None else (rate or 0.0) * self._running.work * (1 - self.fraction)
        waiting = sum(volume.work for volume in self.volumes if volume.state is VolumeState.WAITING)
        if waiting and rate is None:
            return None
        return left + (rate or 0.0) * waiting if self._running is not None or waiting else None

    # For buttons

    def add(self, request: ExportRequest) -> list[str]:
        """Put volumes into the queue.

        Returns
        -------
        list of str
            Sentences about what makes it impossible; then nothing is added. The volumes come a moment later, after the
            crop regions have been read.
        """
        document = self._document
        if document is None:
            return ["Open a tomogram first."]
        snapshot = self._editor.snapshot
        problems = request.problems(snapshot)
        if problems:
            return problems
        entries = [entry for entry in map(snapshot.tomogram, request.tomograms) if entry is not None]

        def crops(project: Project) -> list[Crop | None]:
            return [crop_of(project.setting(crop_key(entry.id))) for entry in entries]

        def add(found: list[Crop | None]) -> None:
            if self._document is not document:
                return
            # What was asked for again is made once, last.
            again = {(str(entry.path), str(request.folder)) for entry in entries}
            models = [str(path) for path in request.models]
            ended = [v for v in self.volumes if (v.tomogram, v.folder) in again and v.state is not VolumeState.RUNNING]
            for volume in ended:
                if volume.models == models and volume.state is not VolumeState.DONE:
                    self.volumes.remove(volume)
            self.volumes += [self._volume(request, entry, crop) for entry, crop in zip(entries, found, strict=True)]
            self._changed()

        document.ask(crops, add)
        return []

    def cancel(self, volume: ExportVolume) -> None:
        """Take a waiting volume off, or stop the one that is being made; nothing half-written is left."""
        if volume.state in (VolumeState.WAITING, VolumeState.INTERRUPTED):
            volume.state, volume.finished = VolumeState.CANCELLED, time.time()
            self._changed()
        elif volume is self._running and self._job is not None:
            self._editor.engine.cancel(self._job)

    def cancel_all(self) -> None:
        """Stop everything that waits or runs; what is finished stays."""
        for volume in self.volumes:
            if volume.state is VolumeState.WAITING or volume is self._running:
                self.cancel(volume)

    def retry(self, volume: ExportVolume) -> None:
        """Make a volume that failed, was cancelled or interrupted again, in its place."""
        if volume.state in (VolumeState.FAILED, VolumeState.CANCELLED, VolumeState.INTERRUPTED):
            volume.state, volume.error, volume.finished, volume.lost = VolumeState.WAITING, "", 0.0, 0
            self._changed()

    def remove(self, volume: ExportVolume) -> None:
        """Take a volume off the list; its files stay, and what was made is still a result."""
        if volume is not self._running and volume in self.volumes:
            if volume.state is VolumeState.DONE:
                volume.cleared = True
            else:
                self.volumes.remove(volume)
            self._changed()

    def clear_ended(self) -> None:
        """Take off the list what is done, failed or cancelled; the files stay, and what was made is still a result."""
        self.volumes = [v for v in self.volumes if v.state not in ENDED or v.state is VolumeState.DONE]
        for volume in self.volumes:
            volume.cleared = volume.cleared or volume.state is VolumeState.DONE
        self._changed()

    def pause(self) -> None:
        """Begin no further volume; the one that is being made is finished."""
        self.paused = True

    def resume(self) -> None:
        """Go on, also after a full disk or when the compute process has failed."""
        self.paused, self.problem = False, ""
        engine = self._editor.engine_in_use
        if engine is not None and _has_failed(engine):
            engine.start()

    # After the editor was closed or has been killed

    def pending(self) -> str:
        """One sentence that asks about what an earlier session has not finished; empty if there is nothing."""
        left = sum(volume.state is VolumeState.INTERRUPTED for volume in self.volumes)
        if not left:
            return ""
        return f"The export of {left} tomogram{'s' if left > 1 else ''} was interrupted: go on with it?"

    def resume_pending(self) -> None:
        """Go on with it; volumes that were finished are kept."""
        for volume in self.volumes:
            if volume.state is VolumeState.INTERRUPTED:
                volume.state = VolumeState.WAITING
        self.asks = False
        self._changed()

    def discard_pending(self) -> None:
        """Leave it; the volumes count as cancelled and can still be retried."""
        for volume in self.volumes:
            if volume.state is VolumeState.INTERRUPTED:
                volume.state, volume.finished = VolumeState.CANCELLED, time.time()
        self.asks = False
        self._changed()

    # Results

    @property
    def results(self) -> tuple[ExportResult, ...]:
        """Volumes that were made, newest first, each file once; whether they are still there is not looked at."""
        if self._results is None:
            done = [volume for volume in self.volumes if volume.state is VolumeState.DONE]
            # Thousands of volumes may have been made, so those that are known are not made into results again.
            known, self._made = self._made, {}
            for volume in done:
                outputs, made = known.get(volume.number, (None, []))
                if outputs is not volume.outputs:
                    made = volume.results()
                self._made[volume.number] = volume.outputs, made
            found = [result for _, made in self._made.values() for result in made]
            newest = {result.path: result for result in sorted(found, key=lambda result: result.finished)}
            self._results = tuple(sorted(newest.values(), key=lambda result: -result.finished))
        return self._results

    @property
    def result_counts(self) -> dict[Path, int]:
        """Tomogram to how many volumes were made of it."""
        if self._counts[0] is not self.results:
            self._counts = self.results, Counter(result.tomogram for result in self.results)
        return self._counts[1]

    def results_of(self, tomogram: Path) -> list[ExportResult]:
        """Those of a tomogram's file."""
        return [result for result in self.results if result.tomogram == tomogram]

    def forget(self, result: ExportResult) -> None:
        """Take a volume out of the results; its file stays."""
        for volume in self.volumes:
            if volume.state is VolumeState.DONE:
                volume.outputs = [output for output in volume.outputs if output["path"] != str(result.path)]
        self.volumes = [v for v in self.volumes if v.outputs or v.state is not VolumeState.DONE or not v.cleared]
        self._changed(results=True)

    # Within

    def _next(self) -> ExportVolume | None:
        return next((volume for volume in self.volumes if volume.state is VolumeState.WAITING), None)

    def _volume(self, request: ExportRequest, entry: TomogramEntry, crop: Crop | None) -> ExportVolume:
        z_range, part = request.z_range, request.crop
        if request.use_crops and crop is not None:
            z_range = crop.z if z_range is None else z_range
            part = (*crop.x, *crop.y) if part is None else part
        nz, ny, nx = entry.shape
        z0, z1 = z_range or (0, nz)
        x0, x1, y0, y1 = part or (0, nx, 0, ny)
        known_otherwise = entry.voxel_size and entry.voxel_size != entry.header_voxel_size
        settings = {
            "z_range": None if z_range is None else list(z_range),
            "crop": None if part is None else list(part),
            "tta": request.tta,
            "dtype": request.dtype,
            "voxel_size": entry.voxel_size if known_otherwise else None,
            "rules": [dict(rule) for rule in request.rules],
            "overwrite": request.overwrite,
            "labels": request.labels,
        }
        work = float((z1 - z0) * (y1 - y0) * (x1 - x0)) * len(request.models) * request.tta
        models, folder = [str(path) for path in request.models], str(request.folder)
        return ExportVolume(next(self._numbers), str(entry.path), models, folder, settings, work)

    def _begin(self, volume: ExportVolume) -> None:
        places = {"tomogram": volume.tomogram, "models": list(volume.models), "folder": volume.folder}
        self._job = self._editor.engine.submit("export", {**places, **volume.settings}, f"Segmenting {volume.name}")
        self._running, volume.state = volume, VolumeState.RUNNING
        self._changed()

    def _settle(self) -> None:
        job, volume = self._job, self._running
        self._job = self._running = None
        if job is None or volume is None:
            return
        from ais.engine import JobState

        volume.finished, volume.seconds = time.time(), job.seconds
        if job.state is JobState.DONE:
            volume.state, volume.outputs, volume.kept = VolumeState.DONE, job.result["outputs"], job.result["kept"]
            volume.error = ""
        elif job.state is JobState.CANCELLED:
            volume.state = VolumeState.CANCELLED
        elif job.lost and volume.lost + 1 < MOST_LOST:
            # Most often something else was to blame, such as the memory of another program.
            volume.state, volume.finished, volume.lost = VolumeState.WAITING, 0.0, volume.lost + 1
            self._editor.notices.say(f"{volume.name} is segmented again in a new process.", "hint")
        elif says_no_space(job.error):
            volume.state, volume.finished = VolumeState.WAITING, 0.0
            self._pause(f"The export is paused. {job.error}")
        else:
            volume.state, volume.error = VolumeState.FAILED, job.error
        self._changed(results=volume.state is VolumeState.DONE)

    def _give_back(self) -> None:
        """Have the running volume made again later, since the compute process does not come back by itself."""
        if self._job is not None:
            self._editor.engine.cancel(self._job)
        if self._running is not None:
            self._running.state = VolumeState.WAITING
        self._job = self._running = None
        self._changed()

    def _pause(self, problem: str) -> None:
        self.paused, self.problem = True, problem

    def _seconds_per_work(self) -> float | None:
        if self._job is not None and self._running is not None and self.fraction > 0.02:
            return self._job.seconds / (self.fraction * self._running.work)
        made = [v for v in self.volumes if v.state is VolumeState.DONE and not v.kept and v.work and v.seconds]
        return sum(v.seconds for v in made) / sum(v.work for v in made) if made else None

    def _changed(self, *, results: bool = False) -> None:
        ended = [volume for volume in self.volumes if volume.state in ENDED]
        for volume in ended[:-KEPT_ENDED]:
            self.volumes.remove(volume)
            results = True
        if results:
            self._results = None
        if self._document is not None:
            self._document.remember(KEY, self._records())

    def _records(self) -> list[dict[str, Any]]:
        # What a volume refers to is replaced and never changed, so a thread may read it while it is written.
        return [dict(vars(volume)) for volume in self.volumes]

    def _change_document(self, document: Document | None) -> None:
        if self._job is not None and self._editor.engine_in_use is not None:
            self._editor.engine.cancel(self._job)  # the project that was closed asks about it when it is opened again
        folder, left = self._editor.settings_folder, self._document
        was_unnamed = left is not None and untitled.is_untitled(left.project.path, folder)
        self._before_naming = self._records() if was_unnamed and document is not None else None
        self._document = document
        self._job = self._running = None
        self.volumes, self._results = [], None
        self.paused, self.problem, self.asks = False, "", False
        self.wish = ExportWish(self._editor)
        if document is not None:
            document.ask(lambda project: project.view_state(KEY), lambda found: self._recall(document, found))
            wish = self.wish
            document.ask(lambda project: project.view_state(WISH_KEY), wish.recall)

    def _recall(self, document: Document, found: Any) -> None:
        if self._document is not document or not isinstance(found, list):
            return
        recalled = [volume for volume in map(volume_of, found) if volume is not None]
        for volume in recalled:
            volume.number = next(self._numbers)
            if volume.state in (VolumeState.WAITING, VolumeState.RUNNING):
                volume.state = VolumeState.INTERRUPTED
        self.asks = any(volume.state is VolumeState.INTERRUPTED for volume in recalled)
        self.volumes, self._results = [*recalled, *self.volumes], None
        if self.asks and found == self._before_naming:
            self.resume_pending()  # the project has only been given a name


def _has_failed(engine: Engine) -> bool:
    """Whether the compute process does not come back by itself."""
    from ais.engine import EngineStatus

    return engine.status is EngineStatus.FAILED
