"""Commands about picking particles from volumes."""

from __future__ import annotations

from ais.gui.commands.command import Command

PICKING_COMMANDS: tuple[Command, ...] = ()
