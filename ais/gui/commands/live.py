"""Commands about what models show in the views, and copying it to annotation."""

from __future__ import annotations

from ais.gui.commands.command import Command

LIVE_COMMANDS: tuple[Command, ...] = ()
