"""Commands about saving the 3D scene: meshes, scripts, pictures and movies."""

from __future__ import annotations

from ais.gui.commands.command import Command

SCENE_FILE_COMMANDS: tuple[Command, ...] = ()
