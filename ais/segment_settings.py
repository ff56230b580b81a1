"""What `segment` is asked for, and what it says of each tomogram."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from ais.interactions import Rules
from ais.label_images import LabelWish

DTYPES: dict[str, tuple[str, float]] = {"uint8": ("uint8", 255.0), "int8": ("int8", 127.0), "float32": ("float32", 1.0)}
"""Types of segmented volumes: the array's type, and the value of a probability of 1."""


@dataclass(frozen=True)
class SegmentSettings:
    """How tomograms are segmented.

    Attributes
    ----------
    z_range
        First slice and the one after the last; None: all.
    crop
        (x0, x1, y0, y1), half open, y = array row; None: the whole slice. Outputs keep the tomogram's shape.
    tta
        Number of symmetries to average, 1 to 8 (16 for models that see several slices).
    dtype
        ``"uint8"`` (0-255, stored in mode 6), ``"int8"`` (0-127) or ``"float32"`` (0-1).
    batch_size
        Slices that the network computes at once, or ``"auto"``.
    precision
        ``"auto"``, ``"float32"`` or ``"mixed"``.
    device
        ``"auto"``, ``"cpu"``, ``"gpu"`` or ``"gpu:0,1"``.
    voxel_size
        Overrides the headers' voxel size, in angstrom.
    rules
        Competition and interactions between the models.
    labels
        OME-Zarr labels that are written as well; None for none.
    """

    z_range: tuple[int, int] | None = None
    crop: tuple[int, int, int, int] | None = None
    tta: int = 1
    dtype: str = "uint8"
    batch_size: int | Literal["auto"] = "auto"
    precision: str = "auto"
    device: str = "auto"
    voxel_size: float | None = None
    rules: Rules | None = None
    labels: LabelWish | None = None

    def as_record(self) -> dict[str, Any]:
        """Those that change the result."""
        return {
            "range": self.z_range,
            "crop": self.crop,
            "tta": self.tta,
            "dtype": self.dtype,
            "precision": self.precision,
            "voxel_size": self.voxel_size,
        }


@dataclass
class SegmentResult:
    """What became of one tomogram.

    Attributes
    ----------
    tomogram
        The input.
    outputs
        Segmented volume of each feature.
    status
        ``"done"``, ``"kept"`` (finished by an earlier run) or ``"failed"``.
    error
        The sentence that says why, if it failed.
    labels
        OME-Zarr labels of each feature, where they were asked for.
    """

    tomogram: Path
    outputs: dict[str, Path] = field(default_factory=dict)
    status: str = "done"
    error: str = ""
    labels: dict[str, Path] = field(default_factory=dict)
