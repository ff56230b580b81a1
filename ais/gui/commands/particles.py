"""Commands about sets of particles."""

from __future__ import annotations

from ais.gui.commands.command import Command

PARTICLE_COMMANDS: tuple[Command, ...] = ()
