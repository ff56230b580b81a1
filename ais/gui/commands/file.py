"""Commands of the File menu: tomograms and projects opened, copied and closed."""

from __future__ import annotations

from ais.gui.commands.command import Command
from ais.gui.editor import Editor


def _leave(editor: Editor) -> None:
    editor.shell.leave = True


FILE_COMMANDS = (Command("file.leave", "Quit", "File", _leave, "ctrl+Q", separated=True),)
