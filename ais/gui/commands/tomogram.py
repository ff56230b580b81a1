"""Commands of the Tomogram menu."""

from __future__ import annotations

from ais.gui.commands.command import Command

TOMOGRAM_COMMANDS: tuple[Command, ...] = ()
