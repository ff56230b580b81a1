"""Hides, removes and keeps components of the surfaces in the scene, each as one step of undo."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ais.annotation.volume_looks import Removal, Removals, SurfaceLook
from ais.gui.scene_meshing import highest_in

if TYPE_CHECKING:
    from ais.gui.editor import Editor

Chosen = tuple[Hashable, int]
"""Key of a surface, and the number of a component of it."""
Marks = tuple[Removal, ...]


def hide(editor: Editor, chosen: Iterable[Chosen]) -> None:
    """Do not draw these components; they are used in all other respects."""
    _mark(editor, chosen, "Hide", lambda look, marks: {"hidden": _joined(look.hidden, marks)})


def remove(editor: Editor, chosen: Iterable[Chosen]) -> None:
    """Take these components for false: they are neither drawn nor picked, measured or exported."""

    def with_marks(look: SurfaceLook, marks: Marks) -> dict[str, Any]:
        return {"removals": replace(look.removals, removed=_joined(look.removals.removed, marks))}

    _mark(editor, chosen, "Remove", with_marks)


def keep_only(editor: Editor, chosen: Iterable[Chosen]) -> None:
    """Take all other components of the same volumes for false."""
    _mark(editor, chosen, "Keep only", lambda look, marks: {"removals": replace(look.removals, kept=marks)})


def show_all(editor: Editor, paths: Iterable[Path] | None = None) -> None:
    """Draw components again that were hidden; by default of all volumes."""
    volumes = editor.rendering.volumes
    found = [path for path in _paths(editor, paths) if volumes.look(path).hidden]
    if found:
        volumes.change({path: {"hidden": ()} for path in found}, "Show hidden components")


def restore_all(editor: Editor, paths: Iterable[Path] | None = None) -> None:
    """Bring back components that were removed; by default of all volumes."""
    volumes = editor.rendering.volumes
    found = [path for path in _paths(editor, paths) if volumes.look(path).removals]
    if found:
        volumes.change({path: {"removals": Removals()} for path in found}, "Restore removed components")


def _paths(editor: Editor, paths: Iterable[Path] | None) -> list[Path]:
    return [volume.path for volume in editor.rendering.volumes.listed] if paths is None else list(paths)


def _mark(
    editor: Editor, chosen: Iterable[Chosen], verb: str, properties: Callable[[SurfaceLook, Marks], dict[str, Any]]
) -> None:
    volumes = editor.rendering.volumes
    numbers: dict[Path, list[int]] = {}
    for key, index in chosen:
        mesh = volumes.mesh(key) if isinstance(key, Path) else None
        if isinstance(key, Path) and mesh is not None and 0 <= index < mesh.surface.volumes.size:
            numbers.setdefault(key, []).append(index)
    if not numbers:
        return
    count = sum(map(len, numbers.values()))
    names = ", ".join(volume.name for volume in volumes.listed if volume.path in numbers)
    title = f"{verb} {count} component{'s' if count != 1 else ''} of {names}"
    meshes = {path: mesh for path in numbers if (mesh := volumes.mesh(path)) is not None}
    places = {path: mesh.peaks[np.array(sorted(set(numbers[path])))] for path, mesh in meshes.items()}

    def write(found: dict[Path, Any]) -> None:
        changes = {}
        for path, voxels in found.items():
            level = meshes[path].wish.level
            marks = tuple(Removal(int(z), int(y), int(x), level) for z, y, x in voxels)
            changes[path] = properties(volumes.look(path), marks)
        volumes.change(changes, title)

    if all(mesh.bin == 1 for mesh in meshes.values()):
        write(places)
        return
    there = editor.document, editor.state.tomogram

    def write_if_there(found: dict[Path, Any]) -> None:
        if (editor.document, editor.state.tomogram) == there:
            write(found)

    # A block may be at the level on average though the voxel in its middle is not.
    editor.background.run(
        lambda _: {path: highest_in(path, voxels, meshes[path].bin) for path, voxels in places.items()}, write_if_there
    )


def _joined(before: Marks, new: Marks) -> Marks:
    return tuple(dict.fromkeys((*before, *new)))
