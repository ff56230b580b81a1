"""Orientations of particles that follow from their surroundings, and their distances to another feature's surface."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ais.errors import AisError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ais.picking import Picks
    from ais.tomogram import Tomogram

    FloatArray = NDArray[np.float64]

HOW = ("axis", "normal")


def orient(
    picks: Picks | FloatArray,
    volume: NDArray[Any] | Tomogram,
    how: str,
    *,
    level: float = 128.0,
    voxel_sizes: float | tuple[float, float, float] | None = None,
) -> FloatArray:
    """Angles of particles, whose reference's z axis is laid along their long axis or a surface's normal.

    Parameters
    ----------
    picks
        The particles, or their positions x, y, z in voxels, shape (n, 3).
    volume
        For ``"axis"`` the prediction that they were picked from, for ``"normal"`` that of the surface, a membrane for
        instance; both of the shape of the tomogram.
    how
        ``"axis"`` or ``"normal"``.
    level
        What of the volume is inside, on the 0-255 scale.
    voxel_sizes
        (z, y, x) or one number, in angstrom; by default the picks' or the tomogram's. Only their proportions matter.

    Returns
    -------
    ndarray of float64
        (rot, tilt, psi) in degrees, shape (n, 3); rot is 0.

    Raises
    ------
    AisError
        If `how` is neither, or the volume is not a volume of finite numbers, or nothing of it reaches the level.
    """
    raise AisError("Orientations are not part of this version yet.")


def distances_to_surface(
    positions: FloatArray,
    volume: NDArray[Any] | Tomogram,
    level: float = 128.0,
    *,
    voxel_sizes: float | tuple[float, float, float] | None = None,
    signed: bool = False,
) -> FloatArray:
    """Distance of each position to the nearest point of another feature's surface.

    Parameters
    ----------
    positions
        x, y, z in voxels, shape (n, 3).
    volume
        Prediction of the other feature.
    level
        Of its surface, on the 0-255 scale.
    voxel_sizes
        (z, y, x) or one number, in angstrom; by default the tomogram's.
    signed
        Whether distances are negative inside.

    Returns
    -------
    ndarray of float64
        Shape (n,), in angstrom (in voxels if the voxel size is not known); infinite where there is no surface.

    Raises
    ------
    AisError
        If the volume is not a volume of finite numbers.
    """
    raise AisError("Distances are not part of this version yet.")
