"""Commands about training sets and trainings."""

from __future__ import annotations

from ais.gui.commands.command import Command

TRAINING_COMMANDS: tuple[Command, ...] = ()
