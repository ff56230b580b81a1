"""Orientations of particles: RELION's three angles, rotations, and the direction of a filament.

An orientation is the rotation A that maps the reference to the tomogram: A = Rz(-psi) Ry(-tilt) Rz(-rot) with
right-handed rotations about the axes x, y, z of the tomogram. Angles are rows of (rot, tilt, psi) in degrees.

References
----------
Heymann J. B., Chagoyen M., Belnap D. M. (2005) Common conventions for interchange and archiving of three-dimensional
electron microscopy information in structural biology. J. Struct. Biol. 151, 196-207.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from scipy.spatial.transform import Rotation

FloatArray: TypeAlias = np.ndarray[Any, np.dtype[np.float64]]

FILAMENT_ANGLES = (0.0, 90.0, 0.0)
"""Angles of a particle inside its subtomogram when the filament lies along the subtomogram's x axis (RELION 5)."""

_POLE = 1e-9  # below this sine of the tilt only the sum (or difference) of rot and psi is defined


def tangent_to_angles(tangents: FloatArray, rot: FloatArray | float = 0.0) -> FloatArray:
    """Angles of particles whose reference z axis points along a direction.

    Parameters
    ----------
    tangents
        Directions (x, y, z), shape (n, 3) or (3,), of any length but zero.
    rot
        Rotation about the reference's own z axis in degrees, one number or shape (n,).

    Returns
    -------
    ndarray of float64
        (rot, tilt, psi) in degrees, of the same shape: tilt = acos tz, psi = atan2(ty, -tx).

    Raises
    ------
    ValueError
        If a direction is zero or not finite.
    """
    tangents = np.asarray(tangents, np.float64)
    lengths = np.linalg.norm(tangents, axis=-1)
    if not (np.isfinite(lengths) & (lengths > 0)).all():
        raise ValueError("a direction is zero or not finite")
    x, y, z = np.moveaxis(tangents, -1, 0)
    in_plane = np.hypot(x, y)
    # atan2 is acos(tz) without its loss of precision near the poles.
    tilt = np.degrees(np.arctan2(in_plane, z))
    psi = np.where(in_plane > _POLE * lengths, np.degrees(np.arctan2(y, -x)), 0.0)
    return np.stack([np.broadcast_to(np.asarray(rot, np.float64), tilt.shape), tilt, psi], axis=-1)


def angles_to_rotation(angles: FloatArray) -> Rotation:
    """Rotations that map the reference to the tomogram.

    Parameters
    ----------
    angles
        (rot, tilt, psi) in degrees, shape (n, 3) or (3,).
    """
    from scipy.spatial.transform import Rotation

    return Rotation.from_euler("ZYZ", angles, degrees=True).inv()


def rotation_to_angles(rotation: Rotation) -> FloatArray:
    """Angles of rotations that map the reference to the tomogram.

    Returns
    -------
    ndarray of float64
        (rot, tilt, psi) in degrees, shape (n, 3) or (3,), with tilt in 0..180; psi is 0 where tilt is 0 or 180.
    """
    matrices = np.asarray(rotation.as_matrix(), np.float64)
    angles = tangent_to_angles(matrices[..., :, 2])
    sine = np.hypot(matrices[..., 0, 2], matrices[..., 1, 2])
    inclined = np.arctan2(matrices[..., 2, 1], matrices[..., 2, 0])
    upright = np.arctan2(-matrices[..., 1, 0], matrices[..., 1, 1])
    angles[..., 0] = np.degrees(np.where(sine > _POLE, inclined, upright))
    return angles


def compose(outer: FloatArray, inner: FloatArray) -> FloatArray:
    """Angles of A_outer A_inner: particles (`inner`) inside subtomograms (`outer`), shape (n, 3) each."""
    if not len(outer):
        return np.zeros((0, 3))
    return rotation_to_angles(angles_to_rotation(outer) * angles_to_rotation(inner))


def particle_in_subtomogram(total: FloatArray, subtomogram: FloatArray) -> FloatArray:
    """Angles of A_subtomogram^-1 A_total: what remains for the particle, shape (n, 3) each."""
    if not len(total):
        return np.zeros((0, 3))
    return rotation_to_angles(angles_to_rotation(subtomogram).inv() * angles_to_rotation(total))


def filament_subtomograms(total: FloatArray) -> FloatArray:
    """Angles of the subtomograms in which each filament segment has the angles `FILAMENT_ANGLES`, shape (n, 3)."""
    if not len(total):
        return np.zeros((0, 3))
    inner = angles_to_rotation(np.array(FILAMENT_ANGLES))
    return rotation_to_angles(angles_to_rotation(total) * inner.inv())


def zxz_to_angles(zxz: FloatArray) -> FloatArray:
    """Angles of rotations that Dynamo (tdrot, tilt, narot) and STOPGAP (phi, the, psi) write, shape (n, 3) each.

    Theirs is A = Rz(c) Rx(b) Rz(a) of the angles (a, b, c) in degrees, which maps the reference to the tomogram, so
    that rot = 90 - a, tilt = b and psi = -90 - c: no digit is lost on the way there and back.
    """
    a, b, c = np.moveaxis(np.asarray(zxz, np.float64).reshape(-1, 3), -1, 0)
    return np.stack([_wrapped(90 - a), b, _wrapped(-90 - c)], axis=-1)


def angles_to_zxz(angles: FloatArray) -> FloatArray:
    """What `zxz_to_angles` is the inverse of, shape (n, 3) each."""
    rot, tilt, psi = np.moveaxis(np.asarray(angles, np.float64).reshape(-1, 3), -1, 0)
    return np.stack([_wrapped(90 - rot), tilt, _wrapped(-90 - psi)], axis=-1)


def _wrapped(degrees: FloatArray) -> FloatArray:
    """Angles in -180..180; those that are there already are not touched."""
    return np.where(np.abs(degrees) > 180, degrees - 360 * np.round(degrees / 360), degrees)
