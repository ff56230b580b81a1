"""Edits of the list of tomograms: add, remove, relink, and the voxel size."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ais.annotation.entries import TomogramEntry
from ais.annotation.operation import Operation
from ais.errors import AisError

if TYPE_CHECKING:
    from ais.project.edit import Edit


@dataclass(frozen=True)
class AddTomogram(Operation[TomogramEntry]):
    """Add a tomogram; one that is there already is left as it is.

    Attributes
    ----------
    path
        Its file, which is never changed.
    shape
        (nz, ny, nx), needed only for a file that is missing now, so that its annotations have a frame.
    header_voxel_size
        Of a missing file, in angstrom; 0 when unknown.
    voxel_size
        Overrides the file's, in angstrom.
    """

    path: Path | str
    shape: tuple[int, int, int] | None = None
    header_voxel_size: float = 0.0
    voxel_size: float | None = None

    def text(self, edit: Edit) -> str:
        """Names the file."""
        del edit
        return f"Add tomogram {Path(self.path).name}"

    def apply(self, edit: Edit) -> TomogramEntry:
        """Read the file's header and add it."""
        path = Path(self.path)
        number = next((entry.id for entry in edit.project.tomograms() if _is_at(entry, path)), None)
        if number is None:
            name, shape, voxel_size = self._header(path)
            number = edit.insert(
                "tomograms",
                name=edit.check_text(name),
                **edit.stored_paths(path),
                **dict(zip(("nz", "ny", "nx"), shape, strict=True)),
                header_voxel_size=voxel_size,
            )
        edit.acted_on(number)
        if self.voxel_size is not None:
            _set_voxel_size(edit, number, self.voxel_size)
        return edit.project.tomogram_by_id(number)

    def _header(self, path: Path) -> tuple[str, tuple[int, int, int], float]:
        if self.shape is None or path.exists():
            name, shape, voxel_size = _read_header(path)
            if self.shape not in (None, shape):
                raise AisError(
                    f"{path} is {shape}, but {self.shape} (z, y, x) voxels were annotated: it is another one."
                )
            return name, shape, voxel_size
        if min(self.shape) < 1 or not 0 <= self.header_voxel_size < math.inf:
            raise AisError(f"{path} is missing, and {self.shape} (z, y, x) cannot be its size.")
        return _stem(path), self.shape, float(self.header_voxel_size)


@dataclass(frozen=True)
class AddOrRelinkTomogram(Operation[TomogramEntry]):
    """Add a tomogram, or relink the missing one of the project that has its name and size, if there is one only.

    Attributes
    ----------
    path
        Its file.
    voxel_size
        Overrides the file's, in angstrom; a tomogram is never relinked with it.
    """

    path: Path | str
    voxel_size: float | None = None

    def text(self, edit: Edit) -> str:
        """Names the file, and whether it is relinked."""
        return self._operation(edit).text(edit)

    def apply(self, edit: Edit) -> TomogramEntry:
        """Add it, or say where it is now."""
        return self._operation(edit).apply(edit)

    def _operation(self, edit: Edit) -> Operation[TomogramEntry]:
        path, entries = Path(self.path), edit.project.tomograms()
        missing = [entry for entry in entries if entry.missing and entry.name == _stem(path)]
        if missing and self.voxel_size is None and not any(_is_at(entry, path) for entry in entries):
            _, shape, _ = _read_header(path)
            same = [entry for entry in missing if entry.shape == shape]
            if len(same) == 1:
                return RelinkTomogram(same[0].id, path)
        return AddTomogram(path, voxel_size=self.voxel_size)


@dataclass(frozen=True)
class RemoveTomogram(Operation[None]):
    """Remove a tomogram with its annotations, boxes and picks from the project; its file stays."""

    tomogram: int

    def text(self, edit: Edit) -> str:
        """Names the tomogram."""
        return f"Remove tomogram {edit.project.tomogram_by_id(self.tomogram).name}"

    def apply(self, edit: Edit) -> None:
        """Remove all rows that belong to it."""
        edit.project.tomogram_by_id(self.tomogram)
        edit.acted_on(self.tomogram)
        for table in ("mask_tiles", "ignore_tiles", "boxes", "pick_sets"):
            edit.delete_where(table, tomogram=self.tomogram)
        edit.delete("tomograms", (self.tomogram,))


@dataclass(frozen=True)
class RelinkTomogram(Operation[TomogramEntry]):
    """Say where the file of a tomogram is now.

    Attributes
    ----------
    tomogram
        Its number.
    path
        Its file; it must have the size that was annotated.
    """

    tomogram: int
    path: Path | str

    def text(self, edit: Edit) -> str:
        """Names the tomogram and the new folder."""
        name = edit.project.tomogram_by_id(self.tomogram).name
        return f"Relink tomogram {name} to {Path(self.path)}"

    def apply(self, edit: Edit) -> TomogramEntry:
        """Check that it is the same volume, and change its path."""
        edit.acted_on(self.tomogram)
        _relink(edit, edit.project.tomogram_by_id(self.tomogram), Path(self.path))
        return edit.project.tomogram_by_id(self.tomogram)


@dataclass(frozen=True)
class RelinkTomograms(Operation[Sequence[TomogramEntry]]):
    """Find and replace a part of the paths of all tomograms; those that are then found are relinked.

    Attributes
    ----------
    find, replace
        Parts of a path; slashes and backslashes are the same.
    """

    find: str
    replace: str

    def text(self, edit: Edit) -> str:
        """Names both parts."""
        del edit
        return f"Relink tomograms from {self.find} to {self.replace}"

    def apply(self, edit: Edit) -> Sequence[TomogramEntry]:
        """Relink what exists at its new place; gives back what was relinked."""
        find, replace = (part.replace("\\", "/") for part in (self.find, self.replace))
        if not find:
            raise AisError("Say which part of the paths should be replaced.")
        relinked = []
        for entry in edit.project.tomograms():
            old = str(entry.path).replace("\\", "/")
            new = Path(old.replace(find, replace))
            if find in old and new.is_file():
                _relink(edit, entry, new)
                relinked.append(edit.project.tomogram_by_id(entry.id))
        if not relinked:
            raise AisError(f"No tomogram is found when {self.find} in its path is replaced by {self.replace}.")
        return relinked


@dataclass(frozen=True)
class SetVoxelSize(Operation[TomogramEntry]):
    """Override a tomogram's voxel size; the file stays as it is.

    Attributes
    ----------
    tomogram
        Its number.
    voxel_size
        In angstrom; None goes back to what the file says.
    """

    tomogram: int
    voxel_size: float | None

    def text(self, edit: Edit) -> str:
        """Names the tomogram and the size."""
        name = edit.project.tomogram_by_id(self.tomogram).name
        size = "that of the file" if self.voxel_size is None else f"{self.voxel_size:g} A"
        return f"Set the voxel size of {name} to {size}"

    def apply(self, edit: Edit) -> TomogramEntry:
        """Change it."""
        edit.acted_on(self.tomogram)
        _set_voxel_size(edit, self.tomogram, self.voxel_size)
        return edit.project.tomogram_by_id(self.tomogram)


def _stem(path: Path) -> str:
    from ais.formats.registry import volume_stem

    return volume_stem(path)


def _read_header(path: Path) -> tuple[str, tuple[int, int, int], float]:
    from ais.tomogram import Tomogram

    with Tomogram.open(path) as tomogram:
        return tomogram.name, tomogram.shape, tomogram.voxel_size


def _relink(edit: Edit, entry: TomogramEntry, path: Path) -> None:
    name, shape, voxel_size = _read_header(path)
    if shape != entry.shape:
        raise AisError(
            f"{path} is {shape} (z, y, x) voxels, but {entry.shape} were annotated as {entry.name}: it is another one."
        )
    edit.update(
        "tomograms",
        (entry.id,),
        name=edit.check_text(name),
        **edit.stored_paths(path),
        header_voxel_size=voxel_size,
    )


def _set_voxel_size(edit: Edit, tomogram: int, voxel_size: float | None) -> None:
    from ais.tomogram import check_voxel_size

    checked = None if voxel_size is None else check_voxel_size(voxel_size)
    edit.project.tomogram_by_id(tomogram)
    edit.update("tomograms", (tomogram,), voxel_size=checked)


def _is_at(entry: TomogramEntry, path: Path) -> bool:
    if os.path.normpath(path.absolute()) == str(entry.path):
        return True
    try:
        return path.samefile(entry.path)
    except (OSError, ValueError):
        return False
