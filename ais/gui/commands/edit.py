"""Commands of the Edit menu: undo, redo, history."""

from __future__ import annotations

from ais.gui.commands.command import Command, with_project
from ais.gui.editor import Editor


def _undo(editor: Editor) -> None:
    editor.undo()


def _redo(editor: Editor) -> None:
    editor.redo()


def _can_undo(editor: Editor) -> bool:
    return not editor.read_only and (editor.gesture is not None or bool(editor.snapshot.undo_text))


def _can_redo(editor: Editor) -> bool:
    return not editor.read_only and editor.gesture is None and bool(editor.snapshot.redo_text)


def _show_history(editor: Editor) -> None:
    editor.shell.history = not editor.shell.history


def _open_palette(editor: Editor) -> None:
    editor.shell.palette = True


def _open_settings(editor: Editor) -> None:
    editor.shell.settings = True


def _show_jobs(editor: Editor) -> None:
    editor.shell.jobs = not editor.shell.jobs


EDIT_COMMANDS = (
    Command("edit.undo", "Undo", "Edit", _undo, "ctrl+Z", "Take the last edit back", _can_undo, repeats=True),
    Command("edit.redo", "Redo", "Edit", _redo, "ctrl+shift+Z ctrl+Y", "", _can_redo, repeats=True),
    Command(
        "edit.history",
        "Show history",
        "Edit",
        _show_history,
        tooltip="Every edit, to go back to any of them",
        enabled=with_project,
        checked=lambda editor: editor.shell.history,
    ),
    Command(
        "edit.jobs",
        "Show jobs",
        "Edit",
        _show_jobs,
        tooltip="What runs in the background, and what has ended",
        checked=lambda editor: editor.shell.jobs,
    ),
    Command(
        "edit.palette",
        "Find a command...",
        "Edit",
        _open_palette,
        "ctrl+shift+P",
        "By any part of its name",
        separated=True,
    ),
    Command("edit.settings", "Settings...", "Edit", _open_settings, "ctrl+,", "Theme, size of letters, units"),
)
