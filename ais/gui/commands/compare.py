"""Commands that compare architectures."""

from __future__ import annotations

from ais.gui.commands.command import Command

COMPARE_COMMANDS: tuple[Command, ...] = ()
