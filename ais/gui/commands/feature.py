"""Commands of the Feature menu."""

from __future__ import annotations

from ais.gui.commands.command import Command

FEATURE_COMMANDS: tuple[Command, ...] = ()
