"""The compute process as the editor uses it: started when it is first needed, what goes wrong is said."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ais.gui.notices import Notices

if TYPE_CHECKING:
    from ais.engine import Engine, Job


class Computing:
    """Jobs of the compute process, and what is done with their results.

    Parameters
    ----------
    wake
        Makes the window draw another frame; called from a thread.
    notices
        Where it is said what went wrong.

    Attributes
    ----------
    in_use
        The compute process, if something has used it.
    """

    def __init__(self, wake: Callable[[], None], notices: Notices) -> None:
        self._wake = wake
        self._notices = notices
        self._then: dict[int, Callable[[Any], None]] = {}
        self.in_use: Engine | None = None

    @property
    def engine(self) -> Engine:
        """The compute process; started when it is first used."""
        if self.in_use is None:
            from ais.engine import Engine

            self.in_use = Engine(self._wake)
        return self.in_use

    def submit(
        self, task: str, arguments: Mapping[str, Any], title: str, then: Callable[[Any], None] | None = None
    ) -> Job:
        """Have the compute process do something; see `Editor.compute`."""
        job = self.engine.submit(task, arguments, title)
        if then is not None:
            self._then[job.number] = then
        return job

    def poll(self) -> None:
        """Take in what has come back; once a frame."""
        for job in self.in_use.poll() if self.in_use is not None else ():
            self._after(job)

    def stop(self) -> None:
        """End the process."""
        if self.in_use is not None:
            self.in_use.stop()

    def _after(self, job: Job) -> None:
        if not job.finished or job.urgent:
            return
        then = self._then.pop(job.number, None)
        if job.error:
            self._notices.problem(f"{job.title}: {job.error}")
        elif job.state.value == "done":
            if then is not None:
                then(job.result)
            else:
                self._notices.say_ended(job.title, job.seconds)
