"""Commands of the Tools menu: what the mouse does, and edits of masks and boxes."""

from __future__ import annotations

from ais.gui.commands.command import Command

ANNOTATE_COMMANDS: tuple[Command, ...] = ()
