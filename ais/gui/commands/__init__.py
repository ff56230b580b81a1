"""Every command of the editor in one list, from which menu, palette, keys and their page in the documentation come."""

from __future__ import annotations

from ais.gui.commands.analysis import ANALYSIS_COMMANDS
from ais.gui.commands.annotate import ANNOTATE_COMMANDS
from ais.gui.commands.appearance import APPEARANCE_COMMANDS
from ais.gui.commands.command import MENUS, Command
from ais.gui.commands.compare import COMPARE_COMMANDS
from ais.gui.commands.curate import CURATE_COMMANDS
from ais.gui.commands.edit import EDIT_COMMANDS
from ais.gui.commands.feature import FEATURE_COMMANDS
from ais.gui.commands.file import FILE_COMMANDS
from ais.gui.commands.fluorescence import FLUORESCENCE_COMMANDS
from ais.gui.commands.help import HELP_COMMANDS
from ais.gui.commands.live import LIVE_COMMANDS
from ais.gui.commands.model import MODEL_COMMANDS
from ais.gui.commands.particles import PARTICLE_COMMANDS
from ais.gui.commands.picking import PICKING_COMMANDS
from ais.gui.commands.scene import SCENE_COMMANDS
from ais.gui.commands.scene_files import SCENE_FILE_COMMANDS
from ais.gui.commands.surfaces import SURFACE_COMMANDS
from ais.gui.commands.tomogram import TOMOGRAM_COMMANDS
from ais.gui.commands.training import TRAINING_COMMANDS
from ais.gui.commands.view import VIEW_COMMANDS
from ais.gui.commands.volumes import VOLUME_COMMANDS

__all__ = ["COMMANDS", "MENUS", "Command", "command"]

COMMANDS: tuple[Command, ...] = (
    *FILE_COMMANDS,
    *EDIT_COMMANDS,
    *VIEW_COMMANDS,
    *APPEARANCE_COMMANDS,
    *TOMOGRAM_COMMANDS,
    *FLUORESCENCE_COMMANDS,
    *FEATURE_COMMANDS,
    *ANNOTATE_COMMANDS,
    *MODEL_COMMANDS,
    *TRAINING_COMMANDS,
    *LIVE_COMMANDS,
    *CURATE_COMMANDS,
    *COMPARE_COMMANDS,
    *VOLUME_COMMANDS,
    *SCENE_COMMANDS,
    *SURFACE_COMMANDS,
    *PICKING_COMMANDS,
    *PARTICLE_COMMANDS,
    *SCENE_FILE_COMMANDS,
    *ANALYSIS_COMMANDS,
    *HELP_COMMANDS,
)


def command(name: str) -> Command:
    """The command of a name; a KeyError if there is none."""
    return _BY_NAME[name]


_BY_NAME = {item.name: item for item in COMMANDS}
