"""Edits of the fluorescence images that lie over a tomogram."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ais.annotation.operation import Operation
from ais.errors import AisError
from ais.fluorescence.overlay import Overlay
from ais.fluorescence.records import KEPT, checked_overlay, overlay_prefix, overlay_values

if TYPE_CHECKING:
    from ais.project.edit import Edit


@dataclass(frozen=True)
class AddOverlay(Operation[Overlay]):
    """Lay an image over a tomogram; its file stays where it is.

    Attributes
    ----------
    tomogram
        Number of the tomogram.
    overlay
        The image; the project gives it a key.
    """

    tomogram: int
    overlay: Overlay

    def text(self, edit: Edit) -> str:
        """Names the image."""
        del edit
        return f"Add image {self.overlay.name}"

    def apply(self, edit: Edit) -> Overlay:
        """Write its row; gives it back with its key."""
        edit.project.tomogram_by_id(self.tomogram)
        edit.acted_on(self.tomogram)
        number = 1 + max((overlay.number for overlay in edit.project.overlays(self.tomogram)), default=0)
        wanted = replace(checked_overlay(self.overlay), key=f"{overlay_prefix(self.tomogram)}{number}")
        edit.insert("settings", key=wanted.key, value=edit.write_json(_row(edit, wanted)))
        return wanted


@dataclass(frozen=True, eq=False)
class ChangeOverlay(Operation[None]):
    """Change where an image lies, how it looks, or where its file is, as one step of undo.

    Attributes
    ----------
    tomogram
        Number of the tomogram.
    key
        Of the image.
    changes
        Properties of `Overlay` by name.
    title
        For the history panel.
    """

    tomogram: int
    key: str
    changes: Mapping[str, Any]
    title: str

    def text(self, edit: Edit) -> str:
        """The title."""
        del edit
        return self.title

    def apply(self, edit: Edit) -> None:
        """Write its row."""
        unknown = self.changes.keys() - {*KEPT, "path"}
        if unknown:
            raise ValueError(f"{', '.join(sorted(unknown))} of an image cannot be changed")
        known = _overlay(edit, self.tomogram, self.key)
        edit.acted_on(self.tomogram)
        wanted = checked_overlay(replace(known, **self.changes))
        if wanted != known:
            edit.update("settings", (self.key,), value=edit.write_json(_row(edit, wanted)))


@dataclass(frozen=True)
class RemoveOverlay(Operation[None]):
    """Take an image off a tomogram; its file stays.

    Attributes
    ----------
    tomogram
        Number of the tomogram.
    key
        Of the image.
    """

    tomogram: int
    key: str

    def text(self, edit: Edit) -> str:
        """Names the image."""
        return f"Remove image {_overlay(edit, self.tomogram, self.key).name}"

    def apply(self, edit: Edit) -> None:
        """Remove its row."""
        _overlay(edit, self.tomogram, self.key)
        edit.acted_on(self.tomogram)
        edit.delete("settings", (self.key,))


def _overlay(edit: Edit, tomogram: int, key: str) -> Overlay:
    found = next((overlay for overlay in edit.project.overlays(tomogram) if overlay.key == key), None)
    if found is None:
        name = edit.project.tomogram_by_id(tomogram).name
        raise AisError(f"There is no such image over {name} any more.")
    return found


def _row(edit: Edit, overlay: Overlay) -> dict[str, Any]:
    stored = edit.stored_paths(overlay.path)
    paths = [path for path in (stored["path"], stored["relative_path"]) if path]
    return {"paths": paths, **overlay_values(overlay)}
