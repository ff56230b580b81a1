"""Commands about exporting whole volumes."""

from __future__ import annotations

from ais.gui.commands.command import Command

VOLUME_COMMANDS: tuple[Command, ...] = ()
