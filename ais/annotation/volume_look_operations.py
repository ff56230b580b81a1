"""Edits of how segmented volumes of a tomogram look as surfaces, and of which of them are in its list."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ais.annotation.operation import Operation
from ais.annotation.volume_looks import VolumeEntry, checked_look, look_values, volume_prefix

if TYPE_CHECKING:
    from ais.project.edit import Edit


@dataclass(frozen=True, eq=False)
class ChangeVolumes(Operation[None]):
    """Change how volumes look, or whether they are in the list, as one step of undo; the files stay as they are.

    Attributes
    ----------
    tomogram
        Number of the tomogram that they belong to.
    changes
        For each file what changes: properties of `SurfaceLook`, and ``by_hand`` and ``listed`` of `VolumeEntry`.
    title
        For the history panel.
    """

    tomogram: int
    changes: Mapping[Path, Mapping[str, Any]]
    title: str

    def text(self, edit: Edit) -> str:
        """The title."""
        del edit
        return self.title

    def apply(self, edit: Edit) -> None:
        """Write a row for each volume that differs from what is known of it."""
        edit.project.tomogram_by_id(self.tomogram)
        edit.acted_on(self.tomogram)
        known = {entry.path: entry for entry in edit.project.volumes(self.tomogram)}
        free = 1 + max((entry.number for entry in known.values()), default=0)
        for path, properties in self.changes.items():
            entry = known.get(path) or VolumeEntry(f"{volume_prefix(self.tomogram)}{free}", path)
            of_entry = {name: value for name, value in properties.items() if name in ("by_hand", "listed")}
            of_look = {name: value for name, value in properties.items() if name not in of_entry}
            wanted = replace(entry, **of_entry, look=checked_look(replace(entry.look, **of_look)))
            if wanted == entry:
                continue
            value = edit.write_json(_row(edit, wanted))
            if path in known:
                edit.update("settings", (entry.key,), value=value)
            else:
                edit.insert("settings", key=entry.key, value=value)
                free += 1


def _row(edit: Edit, entry: VolumeEntry) -> dict[str, Any]:
    stored = edit.stored_paths(entry.path)
    paths = [path for path in (stored["path"], stored["relative_path"]) if path]
    return {"paths": paths, "look": look_values(entry.look), "by_hand": entry.by_hand, "listed": entry.listed}
