"""A mask volume read from its file while it becomes an annotation, as one edit."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ais.annotation import ImportVolume, Operation
from ais.progress import SILENT, Progress
from ais.tomogram import Tomogram

if TYPE_CHECKING:
    from ais.project.edit import Edit


@dataclass(frozen=True, eq=False)
class ImportMaskFile(Operation[list[int]]):
    """Make the voxels of a mask file an annotation.

    Attributes
    ----------
    path
        A volume file of the tomogram's shape.
    tomogram, feature, label, threshold, replace, progress
        As of `ImportVolume`.
    """

    path: Path
    tomogram: int
    feature: int
    label: float | None = None
    threshold: float | None = None
    replace: bool = False
    progress: Progress = SILENT

    def text(self, edit: Edit) -> str:
        """Names the file."""
        return f"Import {self.path.name} into {edit.project.tomogram_by_id(self.tomogram).name}"

    def apply(self, edit: Edit) -> list[int]:
        """Paint its voxels; gives back the slices that had something to paint."""
        with Tomogram.open(self.path) as volume:
            whole = ImportVolume(
                self.tomogram,
                self.feature,
                volume,
                label=self.label,
                threshold=self.threshold,
                replace=self.replace,
                progress=self.progress,
            )
            return whole.apply(edit)
