"""Commands of the Help menu."""

from __future__ import annotations

from ais.gui.commands.command import Command

HELP_COMMANDS: tuple[Command, ...] = ()
