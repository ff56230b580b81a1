"""The workers of a call: the next free one takes the next tomogram, and what a dead one has left goes to another."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from multiprocessing.connection import wait

from ais.formats.atomic import remove_leftovers
from ais.progress import Progress
from ais.segment_settings import SegmentResult
from ais.shards import LOOK_S, Piece, Sharing
from ais.tomogram_task import TomogramTask
from ais.workers.messages import Advanced
from ais.workers.processors import Processor
from ais.workers.worker import Worker

ATTEMPTS = 2
"""How many workers a tomogram may cost."""
DEATHS = 3
"""A worker's place is given up after so many deaths without a result between, as long as there are others."""
TELL_S = 0.2
log = logging.getLogger(__name__)


class Workers:
    """Does the tasks of `ais.export.segment` in processes side by side; to be given to it as its `runner`.

    Parameters
    ----------
    processors
        What each worker computes on. A worker is started when there is something for it to do.
    """

    def __init__(self, processors: Sequence[Processor]) -> None:
        self._processors = processors

    def __call__(self, sharing: Sharing[SegmentResult], tasks: Sequence[TomogramTask], progress: Progress) -> None:
        """Do all that is left of the tasks.

        Whatever ends it, the workers end first: they remove what they have begun, and the claims are released.
        """
        work = _Work(self._processors, sharing, tasks, progress)
        try:
            work.do_all()
        finally:
            work.end()


class _Work:
    def __init__(
        self,
        processors: Sequence[Processor],
        sharing: Sharing[SegmentResult],
        tasks: Sequence[TomogramTask],
        progress: Progress,
    ) -> None:
        self._sharing = sharing
        self._tasks = tasks
        self._progress = progress
        self._workers = [Worker(processor) for processor in processors]
        self._again: deque[Piece] = deque()
        self._killers: dict[int, list[Worker]] = {}
        self._next_look = 0.0

    def do_all(self) -> None:
        while True:
            for worker in self._workers:
                if worker.piece is None and (piece := self._piece_for(worker)) is not None:
                    self._begin(worker, piece)
            if self._sharing.is_complete:
                return
            busy = [worker for worker in self._workers if worker.piece is not None]
            self._tell(busy)
            if not busy:
                time.sleep(min(LOOK_S, TELL_S))
                continue
            ready = wait([worker.connection for worker in busy], TELL_S)
            for worker in busy:
                if worker.connection in ready:
                    self._hear(worker)
                elif worker.piece is not None and worker.piece.claim.is_lost:
                    worker.cancel()

    def end(self) -> None:
        """End all workers, remove what killed ones have left, and release the claims."""
        pieces = [*self._again, *(worker.piece for worker in self._workers if worker.piece is not None)]
        for worker in self._workers:
            worker.ask_to_end()
        for worker in self._workers:
            worker.end()
        for piece in pieces:
            self._clear(piece)

    def _piece_for(self, worker: Worker) -> Piece | None:
        for left in self._again:
            if worker not in self._killers[left.index] or self._all_have_died_of(left):
                self._again.remove(left)
                return left
        if time.monotonic() < self._next_look:
            return None
        piece = self._sharing.take()
        if piece is None:
            self._next_look = time.monotonic() + LOOK_S
        return piece

    def _all_have_died_of(self, piece: Piece) -> bool:
        return all(worker in self._killers[piece.index] for worker in self._workers)

    def _begin(self, worker: Worker, piece: Piece) -> None:
        task = replace(self._tasks[piece.index], ticket=piece.claim.ticket)
        worker.begin(piece, task)

    def _hear(self, worker: Worker) -> None:
        piece = worker.piece
        assert piece is not None
        message = worker.receive()
        if message is None:
            self._died(worker, piece)
        elif isinstance(message, Advanced):
            worker.share, worker.text = message.share, message.text
        else:
            worker.piece, worker.deaths = None, 0
            piece.claim.release()
            if message.result is None:
                self._sharing.give_back(piece.index)
            else:
                self._sharing.done(piece.index, message.result)

    def _died(self, worker: Worker, piece: Piece) -> None:
        how = worker.bury()
        task = self._tasks[piece.index]
        killers = self._killers.setdefault(piece.index, [])
        killers.append(worker)
        if worker.deaths >= DEATHS and len(self._workers) > 1:
            self._workers.remove(worker)
            log.warning("%d processes on %s have ended one after the other: no more are started.", DEATHS, worker.where)
        if piece.claim.is_lost:
            piece.claim.release()
            self._sharing.give_back(piece.index)
        elif len(killers) < ATTEMPTS:
            log.warning("The process that segmented %s has ended (%s): another takes it over.", task.tomogram, how)
            self._again.append(piece)
        else:
            self._clear(piece)
            reason = (
                f"{task.tomogram} could not be segmented: {len(killers)} processes have ended at it (the last: {how}); "
                "use fewer workers, a smaller range or crop, or --batch-size 1."
            )
            self._sharing.done(piece.index, SegmentResult(task.tomogram, task.outputs, "failed", reason))

    def _clear(self, piece: Piece) -> None:
        for output in self._tasks[piece.index].outputs.values():
            remove_leftovers(output)
        piece.claim.release()

    def _tell(self, busy: Sequence[Worker]) -> None:
        done = self._sharing.finished + sum(worker.share for worker in busy)
        texts = [worker.text for worker in busy if worker.text]
        if texts:
            text = texts[0] + (f" (and {len(busy) - 1} more)" if len(busy) > 1 else "")
        else:
            text = "starting" if busy else self._sharing.waits_for or ""
        self._progress.report(done, self._sharing.count, text)
