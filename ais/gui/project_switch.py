"""Project files are opened, made and closed in threads, one shown at a time; the newest wish wins."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from ais.gui import untitled
from ais.gui.background import Background, Work
from ais.gui.document import Document
from ais.project import Project


class ProjectSwitch:
    """Opens, makes and closes project files.

    Parameters
    ----------
    background
        The threads.
    settings_folder
        Where projects without a name lie; one in which nothing was done is removed when it is closed.
    show
        Gets a project that has been opened, in the window's thread.
    """

    def __init__(self, background: Background, settings_folder: Path, show: Callable[[Project], None]) -> None:
        self._background = background
        self._settings_folder = settings_folder
        self._show = show
        self._beginning: Work | None = None
        self._when_begun: list[Callable[[], None]] = []
        self._closing: list[threading.Event] = []
        self._not_taken_over: list[Project] = []

    def begin(self, make: Callable[[Work], Project], title: str, then: Callable[[], None] | None = None) -> None:
        """Make or open a project in a thread, show it, then do something more.

        If another one was still being opened, that is given up.
        """
        if self._beginning is not None:
            self._beginning.cancel()
        closed = threading.Event()
        others = self._files_closing(closed)
        self._when_begun = [then] if then is not None else []

        def begin(work: Work) -> Project:
            try:
                # It may be one of those: as long as that is open, it can only be read.
                for other in others:
                    while not other.wait(0.1):
                        work.report(0, 0)
                project = make(work)
            except BaseException:
                closed.set()
                raise
            self._not_taken_over.append(project)
            return project

        def opened(project: Project) -> None:
            self._not_taken_over.remove(project)
            if self._beginning is not work:
                self._background.run(lambda _: self._give_up(project, closed))
                return
            closed.set()
            self._show(project)
            for go_on in self._when_begun:
                go_on()

        work = self._beginning = self._background.run(begin, opened, title=title)

    @property
    def beginning(self) -> Work | None:
        """What makes or opens a project now; None if nothing does."""
        work = self._beginning
        return work if work is not None and not work.finished else None

    def after_beginning(self, go_on: Callable[[], None]) -> None:
        """Do something more once the project that is being made or opened is shown."""
        self._when_begun.append(go_on)

    def wait_until_closed(self) -> None:
        """Wait, in a thread, until the files of the projects that are being closed are left alone."""
        for closed in [event for event in self._closing if not event.is_set()]:
            closed.wait(30)

    def close_later(self, document: Document, removing: bool) -> None:
        """Close a project in a thread; its file is removed if that is asked for."""
        self._files_closing(document.closed)
        self._background.run(lambda _: self.close(document, removing))

    def close(self, document: Document, removing: bool = False) -> None:
        """Make the edits that are waiting and close a project."""
        try:
            document.close()
            self._leave_file(document.project, removing)
        finally:
            document.closed.set()

    def close_not_shown(self) -> None:
        """Close what was opened and never came to be shown; at the end of the program, when the threads have ended."""
        for project in self._not_taken_over:
            project.close()
            self._leave_file(project)

    def _give_up(self, project: Project, closed: threading.Event) -> None:
        """Close a project that is no longer wanted."""
        try:
            project.close()
            self._leave_file(project)
        finally:
            closed.set()

    def _files_closing(self, another: threading.Event) -> list[threading.Event]:
        """What is set as each project that is still open, but not shown, is closed; another one joins them."""
        others = [event for event in self._closing if not event.is_set()]
        self._closing = [*others, another]
        return others

    def _leave_file(self, project: Project, removing: bool = False) -> None:
        if removing:
            untitled.remove(project.path)
        elif untitled.is_untitled(project.path, self._settings_folder):
            untitled.discard_if_empty(project.path)
