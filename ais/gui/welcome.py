"""What can be gone on with when no project is open: recent projects, and unnamed ones of earlier sessions."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ais.gui import untitled

if TYPE_CHECKING:
    from ais.gui.editor import Editor


@dataclass(frozen=True)
class RecentProject:
    """A project that was open once.

    Attributes
    ----------
    path
        Its file.
    exists
        Whether it is still there.
    """

    path: Path
    exists: bool


@dataclass(frozen=True)
class Known:
    """What the first page offers.

    Attributes
    ----------
    recent
        Newest first.
    recovered
        Unnamed projects, newest first.
    """

    recent: tuple[RecentProject, ...] = ()
    recovered: tuple[untitled.Recovered, ...] = ()


class Welcome:
    """Looks after files in a thread, since a disk that has gone may take long to say so.

    Attributes
    ----------
    known
        What was found when it was last looked; None before.
    """

    def __init__(self, editor: Editor) -> None:
        self._editor = editor
        self._looked_for: tuple[str, ...] | None = None
        self.known: Known | None = None

    def follow(self) -> None:
        """Look anew where that is due; called once a frame while the first page is shown."""
        wanted = tuple(self._editor.settings.recent_projects)
        if wanted != self._looked_for:
            self._looked_for = wanted
            self._look(wanted)

    def forget(self) -> None:
        """Have everything looked for anew when the first page is shown next."""
        self._looked_for = None

    def remove(self, path: Path) -> None:
        """Remove an unnamed project from the disk, after asking."""

        def go() -> None:
            self._editor.background.run(lambda _: untitled.remove(path), lambda _: self.forget())

        self._editor.dialogs.confirm(
            f"{path.stem} and everything that was painted in it will be removed from the disk. "
            "The tomograms themselves stay.",
            "Remove",
            go,
        )

    def _look(self, recent: tuple[str, ...]) -> None:
        folder = self._editor.settings_folder

        def look() -> Known:
            paths = [Path(text) for text in recent]
            projects = tuple(RecentProject(path, path.is_file()) for path in paths)
            self._editor.projects.wait_until_closed()  # an empty one is still being removed
            return Known(projects, tuple(untitled.recovered(folder)))

        def found(known: Known) -> None:
            self.known = known

        self._editor.background.run(lambda _: look(), found)
