"""Writing that goes on in a thread while the next piece is computed."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self


class WrittenBehind:
    """Does one thing at a time, in order, in a thread; to be used as a context, which waits for what is being done."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "write behind")
        self._pending: Future[None] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._thread.shutdown(cancel_futures=True)

    def do(self, work: Callable[[], None]) -> None:
        """Have something done, once what came before has been; until then this waits, so that no more piles up.

        Raises what came before has raised.
        """
        self.wait()
        self._pending = self._thread.submit(work)

    def wait(self) -> None:
        """Wait until all is done, and raise what that has raised."""
        pending, self._pending = self._pending, None
        if pending is not None:
            pending.result()
