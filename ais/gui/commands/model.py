"""Commands about the models of the project."""

from __future__ import annotations

from ais.gui.commands.command import Command

MODEL_COMMANDS: tuple[Command, ...] = ()
