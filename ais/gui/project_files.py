"""The project's file: copied, and moved to a place and a name of the user's choice."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ais.gui.tools.brush_radius import save_brush_radius
from ais.project import Project

if TYPE_CHECKING:
    from ais.gui.editor import Editor

ATTEMPTS = 20


def is_unnamed(editor: Editor) -> bool:
    """Whether a project is open that has no name yet."""
    return editor.document is not None and editor.untitled


def save_copy(editor: Editor, path: Path) -> None:
    """Write a copy of the open project, with all edits made so far.

    It stays the one that is open, unless it can no longer be changed: then work goes on in the copy.
    """
    document = editor.document
    if document is None:
        return

    def copy(project: Project) -> bool:
        project.save_copy(path)
        return project.can_be_changed()

    def copied(goes_on: bool) -> None:
        if goes_on or editor.document is not document:
            editor.notices.say(f"A copy was saved as {path}.")
        else:
            editor.open_project(path, lambda: editor.notices.say(f"A copy was saved as {path}: work goes on in it."))

    document.ask(copy, copied)


def give_name(editor: Editor, path: Path) -> None:
    """Move a project without a name to a place of the user's choice.

    At every moment all edits are in one file or in both: the copy is complete and open before the unnamed file is
    removed, and edits that come in meanwhile are copied too.
    """
    document = editor.document
    if document is None:
        return
    editor.cancel_gesture()
    save_brush_radius(editor)
    editor.remember_view()
    attempts = iter(range(ATTEMPTS))

    def copy(project: Project) -> Project:
        project.save_copy(path)
        return Project.open(path)

    def ask() -> None:
        document.ask(copy, lambda moved: copied(moved, asked), Project.close)
        asked = document.submitted

    def copied(moved: Project, asked: int) -> None:
        if editor.document is document and document.submitted == asked:
            editor.use_project(moved, removing=True)
            editor.notices.say(f"The project is now {path}.")
            return
        goes_on = editor.document is document and next(attempts, None) is not None
        editor.background.run(lambda _: moved.close(), lambda _: ask() if goes_on else None)
        if not goes_on:
            editor.notices.problem(f"The project was copied to {path}, but edited here meanwhile: try again.")

    ask()
