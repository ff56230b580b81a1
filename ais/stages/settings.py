"""What decides how the stages work, where their results lie, and what became of each."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ais.errors import AisError
from ais.interactions import Rules
from ais.prediction import check_not_negative, check_threshold
from ais.stages.grid import Shape, check_tile

SPLIT, PREDICT, ASSEMBLE, ANALYZE = STAGES = ("split", "predict", "assemble", "analyze")
SUFFIXES = {"mrc": ".mrc", "tif": ".tif"}


def stage_folder(output: Path, stage: str) -> Path:
    """Where the results of a stage lie: ``<output>/2_predict``."""
    return output / f"{STAGES.index(stage) + 1}_{stage}"


@dataclass(frozen=True)
class StageSettings:
    """How tomograms are split, predicted, assembled and analysed.

    Attributes
    ----------
    tile, overlap
        Largest piece, and what neighbours share at least; (nz, ny, nx) in voxels.
    format
        Of the pieces, ``"mrc"`` or ``"tif"``.
    voxel_size
        Overrides the headers' voxel size, in angstrom.
    tta, precision, device
        As in `ais.segmentation.Segmenter`.
    rules
        Competition and interactions between the models.
    threshold
        Of masks and instances, on the 0-255 scale.
    min_volume
        Smallest instance that cleaning leaves, in cubic angstrom.
    remove_border
        Whether cleaning leaves out what touches the faces of the tomogram.
    separate
        Divide instances that touch at their necks.
    """

    tile: Shape = (64, 512, 512)
    overlap: Shape = (16, 128, 128)
    format: str = "mrc"
    voxel_size: float | None = None
    tta: int = 1
    precision: str = "auto"
    device: str = "auto"
    rules: Rules | None = None
    threshold: float = 128.0
    min_volume: float = 0.0
    remove_border: bool = False
    separate: bool = False

    def check(self) -> None:
        """Raise an AisError if a setting makes no sense."""
        check_tile(self.tile, self.overlap)
        check_threshold(self.threshold)
        check_not_negative(minimum_volume=self.min_volume)
        if self.format not in SUFFIXES:
            raise AisError(f"'{self.format}' is not a format of pieces: choose {' or '.join(SUFFIXES)}.")


@dataclass
class StageResult:
    """What became of a tomogram, or of one feature of it, in a stage.

    Attributes
    ----------
    stage
        One of `STAGES`.
    tomogram, feature
        Their names; the first stage knows no features.
    output
        What was made: a folder of pieces, or a volume.
    status
        ``"done"``, ``"kept"`` (all of it was there) or ``"failed"``.
    error
        The sentence that says why, if it failed.
    figures
        Such as the number of pieces, or of instances.
    """

    stage: str
    tomogram: str
    output: Path
    feature: str = ""
    status: str = "done"
    error: str = ""
    figures: dict[str, Any] = field(default_factory=dict)
