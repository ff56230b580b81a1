"""Commands of the Curator and the uncertainty queue."""

from __future__ import annotations

from ais.gui.commands.command import Command

CURATE_COMMANDS: tuple[Command, ...] = ()
