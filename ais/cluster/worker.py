"""What a worker of the cluster does with one tomogram: one at a time, telling how far it is."""

from __future__ import annotations

import functools
import platform
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ais import __version__
from ais.errors import AisError, Cancelled
from ais.formats.registry import volume_exists
from ais.progress import Progress
from ais.segment_settings import SegmentResult
from ais.tomogram_task import TomogramTask, do

TELL_S = 1.0
"""How often a worker tells how far it is."""
SEEN_S = 10.0
"""How long a network file system may take to show a folder's new file."""


@dataclass(frozen=True)
class Assignment:
    """A tomogram, and what its worker must know of the batch.

    Attributes
    ----------
    task
        What to do.
    number
        Its place in the batch.
    batch
        Name of the batch.
    version
        Of Ais where the batch was begun.
    """

    task: TomogramTask
    number: int
    batch: str
    version: str = __version__

    @property
    def topic(self) -> str:
        """Under which its progress is told."""
        return topic_of(self.batch)


@dataclass(frozen=True)
class Attempt:
    """What became of it.

    Attributes
    ----------
    result
        As of `ais.tomogram_task.do`.
    host
        Name of the machine.
    worker
        Address of the worker.
    """

    result: SegmentResult
    host: str
    worker: str


def topic_of(batch: str) -> str:
    """The name under which the progress of a batch is told."""
    return f"ais-{batch}"


def attempt(assignment: Assignment) -> Attempt:
    """Segment a tomogram on this worker.

    Raises
    ------
    Cancelled
        If the scheduler does not want it any more, the one who asked is gone, or the worker is to end.
    ClaimLost
        If another call has taken the tomogram over.
    """
    with _one_at_a_time():
        progress = _Told(assignment)
        progress.stop_if_unwanted()
        task = assignment.task
        try:
            _check(assignment)
            result = do(task, progress)
        except AisError as error:
            result = SegmentResult(task.tomogram, task.outputs, "failed", str(error))
    return Attempt(result, platform.node(), progress.address)


@functools.cache
def _one_at_a_time() -> threading.Lock:
    """Workers may have several threads; a network takes the whole processor, and its memory is counted for one."""
    return threading.Lock()


def _check(assignment: Assignment) -> None:
    """Raise an AisError if this worker has another version, or does not see the files."""
    task = assignment.task
    if assignment.version != __version__:
        raise AisError(
            f"Ais {__version__} is installed there and not {assignment.version}: install the same everywhere."
        )
    if task.ticket is not None:
        _find(task.ticket.path, task.output)
    for path in (task.tomogram, *(model.path for model in task.models)):
        if not volume_exists(path):
            raise AisError(f"{path} does not exist there: workers must see the same folders.")


def _find(claim: Path, folder: Path) -> None:
    """Raise an AisError if the claim is not in the folder, which is then another one of the same name."""
    until = time.monotonic() + SEEN_S
    while not claim.exists():
        if time.monotonic() > until:
            raise AisError(f"{folder} is another folder there: workers must see the same folders.")
        time.sleep(SEEN_S / 100)


class _Told(Progress):
    """Progress that goes to whoever has begun the batch."""

    def __init__(self, assignment: Assignment) -> None:
        import distributed

        self._assignment = assignment
        self._worker: Any = distributed.get_worker()
        self._key = distributed.worker.thread_state.key
        self._next = 0.0

    @property
    def address(self) -> str:
        """Of the worker."""
        return str(self._worker.address)

    def stop_if_unwanted(self) -> None:
        """Raise `Cancelled` unless the scheduler still wants this to be done here."""
        wanted = self._worker.state.tasks.get(self._key)
        if wanted is None or wanted.state not in ("executing", "long-running"):
            raise Cancelled
        if self._worker.status.name not in ("running", "paused", "closing_gracefully"):
            raise Cancelled

    def report(self, done: float, total: float, text: str = "") -> None:
        """Tell it now and then, and stop what is not wanted any more."""
        self.stop_if_unwanted()
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + TELL_S
        share = done / total if total else 0.0
        told = {"number": self._assignment.number, "share": share, "text": text}
        self._worker.log_event(self._assignment.topic, told)
