"""Commands about tables and plots of what was found."""

from __future__ import annotations

from ais.gui.commands.command import Command

ANALYSIS_COMMANDS: tuple[Command, ...] = ()
