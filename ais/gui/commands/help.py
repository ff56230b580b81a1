"""Commands of the Help menu, and the pages about the editor itself."""

from __future__ import annotations

from ais.gui.commands.command import Command
from ais.gui.editor import Editor


def _shortcuts(editor: Editor) -> None:
    editor.shell.shortcuts = True


def _about(editor: Editor) -> None:
    editor.shell.about = True


def _said(editor: Editor) -> None:
    editor.shell.messages = True


HELP_COMMANDS: tuple[Command, ...] = (
    Command("help.shortcuts", "Keys and mouse...", "Help", _shortcuts, "F1", "Every key, to read and to change"),
    Command("help.messages", "Show all messages...", "Help", _said, tooltip="What the editor has said so far"),
    Command("help.about", "About Ais...", "Help", _about, tooltip="Version, licence, graphics", separated=True),
)
