"""Commands about the surfaces of segmented volumes."""

from __future__ import annotations

from ais.gui.commands.command import Command

SURFACE_COMMANDS: tuple[Command, ...] = ()
