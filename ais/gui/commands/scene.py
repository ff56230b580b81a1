"""Commands about seeing the 3D scene."""

from __future__ import annotations

from ais.gui.commands.command import Command

SCENE_COMMANDS: tuple[Command, ...] = ()
