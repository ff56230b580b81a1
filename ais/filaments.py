"""Filaments in a segmented volume: their centre lines, sampled as particles with orientations along the line."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ais.errors import AisError
from ais.formats.coord_angles import FILAMENT_ANGLES, tangent_to_angles
from ais.formats.coord_table import Coordinates
from ais.prediction import ROUNDING, check_threshold, checked_voxel_sizes, source_name, volume_shape
from ais.progress import SILENT, Progress

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ais.tomogram import Tomogram

    FloatArray = NDArray[np.float64]

DEFAULT_STEP_PX = 4.0
A_PER_NM = 10.0


@dataclass(frozen=True)
class Filaments:
    """Filaments of one volume, heaviest first, and the points sampled along them.

    A filament has no known polarity: each runs such that the longest of the x, y and z parts of the way from its first
    to its last point is positive. Numbers in angstrom are in voxels if the voxel size is not known.

    Attributes
    ----------
    positions
        (n, 3) float64: sampled points x, y, z in voxels, 0-based, filament after filament; a whole number is a
        voxel's centre.
    tangents
        (n, 3) float64: unit vectors x, y, z of the line's direction in the tomogram.
    angles
        (n, 3) float64: rot, tilt, psi in degrees (see `ais.formats.coord_angles`); the reference's z axis lies along
        the tangent, rot is minus the twist times the number of the point in its filament.
    filament
        (n,) int64: number of the point's filament, 1 to m.
    track_length
        (n,) float64: way along the line from the filament's first point, in angstrom.
    curvature
        (n,) float64: of the line at the point, in 1/angstrom.
    lengths
        (m,) float64: of each filament, in angstrom.
    weight
        (m,) float64: sum of the prediction over each filament, on the 0 to 255 scale.
    closed
        (m,) bool: the filament is a ring.
    lines
        m arrays (k, 3) float64: the smooth centre line x, y, z in voxels, about one point per voxel. A ring's first
        point is not repeated at the end.
    shape
        (nz, ny, nx) of the volume.
    voxel_sizes
        (z, y, x) in angstrom, zeros if not known.
    scale_note
        A sentence that says how the volume's values were understood.
    """

    positions: FloatArray
    tangents: FloatArray
    angles: FloatArray
    filament: NDArray[np.int64]
    track_length: FloatArray
    curvature: FloatArray
    lengths: FloatArray
    weight: FloatArray
    closed: NDArray[np.bool_]
    lines: tuple[FloatArray, ...]
    shape: tuple[int, int, int]
    voxel_sizes: tuple[float, float, float]
    scale_note: str

    def __len__(self) -> int:
        """Number of filaments."""
        return len(self.lengths)

    def coordinates(self, tomogram: str) -> Coordinates:
        """The sampled points as a table of particles, as RELION expects filaments and with what Ais knows of them.

        Parameters
        ----------
        tomogram
            Name of the tomogram, without folder and extension.
        """
        row = self.filament - 1
        per_nm = self.curvature * (A_PER_NM if any(self.voxel_sizes) else 1.0)
        return Coordinates(
            self.positions,
            [tomogram] * len(self.positions),
            self.angles,
            columns={
                "rlnHelicalTubeID": list(self.filament),
                "rlnHelicalTrackLengthAngst": [f"{value:.3f}" for value in self.track_length],
                "aisFilamentLength": [f"{value:.1f}" for value in self.lengths[row]],
                "aisFilamentCurvature": [f"{value:.6f}" for value in per_nm],
                "aisParticleWeight": [f"{value:.1f}" for value in self.weight[row]],
                "aisParticleID": list(range(1, len(self.positions) + 1)),
            },
        )


def trace_filaments(
    volume: NDArray[Any] | Tomogram,
    *,
    threshold: float = 128.0,
    min_length: float = 0.0,
    step: float | None = None,
    twist: float = 0.0,
    min_volume: float = 0.0,
    margin: float = 0.0,
    max_count: int | None = None,
    voxel_sizes: float | tuple[float, float, float] | None = None,
    progress: Progress = SILENT,
) -> Filaments:
    """Trace the filaments in a segmented volume and sample them.

    Parameters
    ----------
    volume
        Prediction of shape (nz, ny, nx), understood as by `ais.picking.pick_particles`.
    threshold
        On the 0-255 scale. 0 takes every voxel above zero.
    min_length
        Shortest filament kept, in angstrom.
    step
        Distance between two points along a filament, in angstrom; by default four voxels.
    twist
        Degrees by which the filament turns about itself from point to point, right-handed positive.
    min_volume
        Smallest blob in which filaments are looked for, in cubic angstrom.
    margin
        Smallest distance of a sampled point to the outer faces of the volume's border voxels, in angstrom.
    max_count
        At most this many filaments, the heaviest; None for all.
    voxel_sizes
        (z, y, x) or one number, in angstrom; by default the tomogram's. Needed if a length or a volume is given.
    progress
        Told how far the work is.

    Returns
    -------
    Filaments
        Sorted by weight, heaviest first; none if nothing reaches the threshold.

    Raises
    ------
    AisError
        If an option is out of range, the voxel size is needed but not known, or the volume is not a volume of
        finite numbers.
    """
    raise AisError("Filaments are not part of this version yet.")
