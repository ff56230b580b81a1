"""Finds the segmented volume of a feature in any tomogram of the project."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ais.annotation.volume_looks import LOOK_DEFAULT
from ais.gui.volume_search import find, plan_of, volumes_of

if TYPE_CHECKING:
    from ais.gui.editor import Editor
    from ais.gui.picking_work import VolumeInput


def volume_finder(editor: Editor) -> Callable[[Path, str], VolumeInput | None]:
    """What finds the volume of a feature of any tomogram of the project, with what was removed from it.

    It is to be called in a thread, with the tomogram's file and the feature's name; it gives None where there is no
    such volume.
    """
    from ais.gui.picking_work import VolumeInput

    project = editor.document.project if editor.document is not None else None
    numbers = {entry.path: entry.id for entry in editor.snapshot.tomograms}
    exports = editor.modelling.exports
    results, folder = exports.results, exports.wish.folder

    def found_in(tomogram: Path, feature: str) -> VolumeInput | None:
        number = numbers.get(tomogram)
        known = project.volumes(number) if project is not None and number is not None else []
        entries = {entry.path: entry for entry in known}
        exported = frozenset(result.path for result in results if result.tomogram == tomogram)
        there = find(plan_of(tomogram, folder, exported, entries))
        for volume in volumes_of(tomogram, there, exported, entries):
            if volume.feature == feature and not volume.missing:
                look = entries[volume.path].look if volume.path in entries else LOOK_DEFAULT
                return VolumeInput(volume.path, look.removals)
        return None

    return found_in
