"""A worker as the process sees it that has started it."""

from __future__ import annotations

import multiprocessing
from contextlib import suppress
from dataclasses import replace
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import cast

from ais.ctrl_c import children_deaf_to_ctrl_c
from ais.process_end import manner_of_end
from ais.shards import Piece
from ais.tomogram_task import TomogramTask
from ais.workers.messages import CANCEL, FromWorker
from ais.workers.process import END_PATIENCE_S, main
from ais.workers.processors import Processor


class Worker:
    """A place for one process after the other, all on one processor; the first is started with its first task.

    Parameters
    ----------
    processor
        What it computes on.

    Attributes
    ----------
    piece
        What it works on; None if it is free.
    share, text
        How far it is with it, from 0 to 1, and in words.
    deaths
        How many of its processes have died since the last one gave a result.
    """

    def __init__(self, processor: Processor) -> None:
        self._processor = processor
        self._process: BaseProcess | None = None
        self._connection: Connection | None = None
        self.piece: Piece | None = None
        self.share = 0.0
        self.text = ""
        self.deaths = 0

    @property
    def connection(self) -> Connection:
        """Of the process that runs."""
        assert self._connection is not None
        return self._connection

    @property
    def where(self) -> str:
        """What it computes on, in words."""
        return str(self._processor)

    def begin(self, piece: Piece, task: TomogramTask) -> None:
        """Give a free worker something to do.

        Raises
        ------
        OSError
            If the system cannot start a process.
        """
        self.piece, self.share, self.text = piece, 0.0, ""
        if self._process is None:
            self._start()
        settings = replace(task.settings, device=self._processor.device)
        with suppress(OSError):  # it has ended, which is learnt when something is to be received
            self.connection.send(replace(task, settings=settings))

    def receive(self) -> FromWorker | None:
        """What the worker says; None if it has ended. Waits for it."""
        try:
            return cast(FromWorker, self.connection.recv())
        except (EOFError, OSError):
            return None

    def cancel(self) -> None:
        """Ask it to drop what it works on; it says when it has."""
        with suppress(OSError):
            self.connection.send(CANCEL)

    def bury(self) -> str:
        """After its process has died: be free for another one; in words, how it has died."""
        assert self._process is not None
        self._process.join()
        how = manner_of_end(self._process.exitcode or 0)
        self.connection.close()
        self._process = self._connection = self.piece = None
        self.deaths += 1
        return how

    def ask_to_end(self) -> None:
        """Close the pipe, which ends the process once it has put things in order."""
        if self._connection is not None:
            self._connection.close()

    def end(self) -> None:
        """Wait until it has ended, for a while."""
        if self._process is not None:
            self._process.join(END_PATIENCE_S + 1)
            if self._process.exitcode is None:
                self._process.kill()
                self._process.join()

    def _start(self) -> None:
        spawn = multiprocessing.get_context("spawn")
        self._connection, theirs = spawn.Pipe()
        process = spawn.Process(target=main, args=(theirs, self._processor), name="Ais worker", daemon=True)
        try:
            with children_deaf_to_ctrl_c():
                process.start()
        finally:
            theirs.close()  # else the end of the process would not end the pipe
        self._process = process
