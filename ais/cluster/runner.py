"""The tomograms of a call, done by the workers of a cluster: handed out, watched, tried again, and given up."""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from queue import Empty, SimpleQueue
from typing import Any
from urllib.parse import urlsplit

from ais.cluster.connection import Connection
from ais.cluster.worker import Assignment, Attempt, attempt, topic_of
from ais.errors import AisError, Cancelled
from ais.formats.claim import ClaimLost
from ais.formats.registry import volume_exists, volume_stem
from ais.progress import Progress
from ais.segment_settings import SegmentResult
from ais.shards import LOOK_S, Piece, Sharing
from ais.tomogram_task import TomogramTask

POLL_S = 0.5


@dataclass
class _Flight:
    """A tomogram that has been handed out."""

    piece: Piece
    task: TomogramTask
    future: Any = None
    share: float = 0.0
    text: str = ""
    failures: dict[str, str] = field(default_factory=dict)  # host: sentence


class ClusterRunner:
    """Does the tasks of a call on a cluster; a runner of `ais.export.segment`.

    Parameters
    ----------
    connection
        The cluster.
    retries
        How often a tomogram that has failed on one machine is tried on another.
    """

    def __init__(self, connection: Connection, retries: int = 1) -> None:
        self._connection = connection
        self._client = connection.client
        self._retries = retries
        self._batch = uuid.uuid4().hex[:12]
        self._events: SimpleQueue[tuple[int, Any]] = SimpleQueue()
        self._flights: dict[int, _Flight] = {}
        self._look_at = 0.0

    def __call__(self, sharing: Sharing[SegmentResult], tasks: Sequence[TomogramTask], progress: Progress) -> None:
        """Do all that is left of the tasks.

        Raises
        ------
        AisError
            If the scheduler is lost.
        Cancelled
            If `progress` says so; what runs on workers ends, and nothing of it takes its final name.
        """
        self._client.subscribe_topic(topic_of(self._batch), self._hear)
        try:
            while not sharing.is_complete:
                self._connection.keep_up()
                self._hand_out(sharing, tasks)
                self._wait(sharing)
                self._drop_lost(sharing)
                progress.report(*self._state(sharing))
        finally:
            self._let_go()

    def _hand_out(self, sharing: Sharing[SegmentResult], tasks: Sequence[TomogramTask]) -> None:
        if time.monotonic() < self._look_at:
            return
        # One for each worker and none ahead: Dask blames a worker's death on all that has been handed to it.
        while len(self._flights) < max(self._connection.workers, 1):
            piece = sharing.take()
            if piece is None:
                self._look_at = time.monotonic() + LOOK_S
                return
            flight = _Flight(piece, replace(tasks[piece.index], ticket=piece.claim.ticket))
            self._flights[piece.index] = flight
            self._submit(flight)

    def _submit(self, flight: _Flight, addresses: Sequence[str] = ()) -> None:
        index = flight.piece.index
        stem = volume_stem(flight.task.tomogram)
        future = self._client.submit(
            attempt,
            Assignment(flight.task, index, self._batch),
            key=f"{stem}-{uuid.uuid4().hex}",
            workers=list(addresses) or None,
            allow_other_workers=bool(addresses),
        )
        flight.future, flight.share = future, 0.0
        future.add_done_callback(lambda ended: self._events.put((index, ended)))

    def _hear(self, event: tuple[float, Any]) -> None:
        told = event[1]
        if isinstance(told, dict) and isinstance(told.get("number"), int):
            self._events.put((told["number"], told))

    def _wait(self, sharing: Sharing[SegmentResult]) -> None:
        """Take in what has happened, or nothing if nothing happens for a while."""
        until = time.monotonic() + POLL_S
        while True:
            try:
                index, event = self._events.get(timeout=max(until - time.monotonic(), 0.0))
            except Empty:
                break
            flight = self._flights.get(index)
            if flight is None:
                continue
            if isinstance(event, dict):
                flight.share, flight.text = float(event["share"]), str(event["text"])
            elif event is flight.future:
                self._take_in(sharing, flight)
                break
        if self._connection.is_lost:
            raise AisError(
                f"The scheduler of {self._connection.name} is lost; {sharing.finished} of {sharing.count} tomograms "
                "are finished. Run the same command again for the others."
            )

    def _take_in(self, sharing: Sharing[SegmentResult], flight: _Flight) -> None:
        future = flight.future
        if future.status == "finished":
            found = future.result()
            self._judge(sharing, flight, found)
        elif future.status == "error":
            error = future.exception()
            if isinstance(error, Cancelled | ClaimLost):  # of a worker that was asked to end, or taken over
                self._end(flight)
                sharing.give_back(flight.piece.index)
            else:
                self._fail(sharing, flight, _sentence(flight.task, error))
        elif not self._connection.is_lost:
            self._fail(sharing, flight, f"{flight.task.tomogram} was cancelled at the scheduler: run it again.")

    def _judge(self, sharing: Sharing[SegmentResult], flight: _Flight, found: Attempt) -> None:
        if found.result.status != "failed":
            sharing.done(flight.piece.index, found.result)
            self._end(flight)
            return
        if not volume_exists(flight.task.tomogram):
            self._fail(sharing, flight, f"{flight.task.tomogram} does not exist.")
            return
        flight.failures[_machine(found.worker)] = f"{found.result.error} (on {found.host})"
        elsewhere = [one for one in self._connection.addresses() if _machine(one) not in flight.failures]
        if elsewhere and len(flight.failures) <= self._retries:
            self._submit(flight, elsewhere)
            return
        self._fail(sharing, flight, " ".join(dict.fromkeys(flight.failures.values())))

    def _fail(self, sharing: Sharing[SegmentResult], flight: _Flight, sentence: str) -> None:
        task = flight.task
        sharing.done(flight.piece.index, SegmentResult(task.tomogram, task.outputs, "failed", sentence))
        self._end(flight)

    def _end(self, flight: _Flight) -> None:
        del self._flights[flight.piece.index]
        flight.piece.claim.release()

    def _drop_lost(self, sharing: Sharing[SegmentResult]) -> None:
        """What another call has taken over is not wanted any more."""
        for flight in list(self._flights.values()):
            if flight.piece.claim.is_lost:
                flight.future.cancel()
                self._end(flight)
                sharing.give_back(flight.piece.index)

    def _state(self, sharing: Sharing[SegmentResult]) -> tuple[float, float, str]:
        running = [flight for flight in self._flights.values() if flight.text]
        done = sharing.finished + sum(flight.share for flight in running)
        if running:
            newest = max(running, key=lambda flight: flight.share)
            text = f"{newest.text} ({len(running)} at once)" if len(running) > 1 else newest.text
        elif self._flights:
            text = "" if self._connection.workers else f"waiting for workers of {self._connection.name}"
        else:
            text = sharing.waits_for or ""
        return done, sharing.count, text

    def _let_go(self) -> None:
        for flight in list(self._flights.values()):
            if not self._connection.is_lost:
                flight.future.cancel()
            self._end(flight)
        if not self._connection.is_lost:
            self._client.unsubscribe_topic(topic_of(self._batch))


def _machine(address: str) -> str:
    """The machine of a worker's address."""
    return urlsplit(address).hostname or address


def _sentence(task: TomogramTask, error: BaseException) -> str:
    """What a worker has not ended in the usual way."""
    from distributed import KilledWorker

    if isinstance(error, KilledWorker):
        return (
            f"{task.tomogram} was given up: each worker that tried it died, for want of memory perhaps. Segment it by "
            "itself to see why."
        )
    reason = " ".join(str(error).split())[:300]
    return f"{task.tomogram} could not be segmented by a worker: {type(error).__name__}: {reason}"
