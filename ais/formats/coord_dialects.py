"""The star dialects of Warp, RELION 4, RELION 5, STOPGAP and M: which columns give the position, and in which unit.

=========  ==========================================================================================================
dialect    position
=========  ==========================================================================================================
warp       ``rlnCoordinateX`` (Y, Z) in voxels of this tomogram; ``rlnMicrographName`` is ``<tomogram>.tomostar``
relion4    ``rlnCoordinateX`` (Y, Z) in unbinned pixels of the tilt series; ``rlnTomoName``
relion5    ``rlnCenteredCoordinateXAngst`` (Y, Z): (voxel - dimension / 2) * voxel size; ``rlnTomoName``
stopgap    ``orig_x`` (y, z) + ``x_shift`` in voxels counted from 1; ``tomo_num`` (`ais.formats.coord_stopgap`)
=========  ==========================================================================================================

Read, but not written: ``export``, the particles that WarpTools exports for RELION (``rlnTomoName`` is
``<tomogram>.tomostar``, pixels of ``rlnImagePixelSize``); ``m``, a species of M (``wrpCoordinateX1`` in angstrom);
``list``, RELION 5's list of particle files (``rlnTomoImportParticleFile``); and ``set``, RELION's optimisation set,
which names the particle file (``rlnTomoParticlesFile``).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np

from ais.errors import AisError
from ais.formats.coord_angles import FloatArray
from ais.formats.coord_table import Column, as_numbers
from ais.formats.star import Block

DIALECTS = ("warp", "relion4", "relion5", "stopgap")
"""The dialects that Ais writes."""

Triple: TypeAlias = tuple[str, str, str]
Shape: TypeAlias = tuple[int, int, int]
ShapeSource: TypeAlias = Shape | Callable[[str], Shape] | None
Lengths: TypeAlias = float | tuple[float, float, float]
LengthSource: TypeAlias = Lengths | Callable[[str], Lengths] | None

PIXEL = ("rlnCoordinateX", "rlnCoordinateY", "rlnCoordinateZ")
CENTRED = ("rlnCenteredCoordinateXAngst", "rlnCenteredCoordinateYAngst", "rlnCenteredCoordinateZAngst")
MOTIVE_POSITION = ("orig_x", "orig_y", "orig_z")
MOTIVE_NUMBER = "tomo_num"
SPECIES = ("wrpCoordinateX1", "wrpCoordinateY1", "wrpCoordinateZ1")
ANGLES = ("rlnAngleRot", "rlnAngleTilt", "rlnAnglePsi")
SPECIES_ANGLES = ("wrpAngleRot1", "wrpAngleTilt1", "wrpAnglePsi1")
SUBTOMOGRAM = ("rlnTomoSubtomogramRot", "rlnTomoSubtomogramTilt", "rlnTomoSubtomogramPsi")
ORIGIN_A = ("rlnOriginXAngst", "rlnOriginYAngst", "rlnOriginZAngst")
ORIGIN_PX = ("rlnOriginX", "rlnOriginY", "rlnOriginZ")
PRIORS = ("rlnAngleTiltPrior", "rlnAnglePsiPrior")
TOMOGRAM, MICROGRAPH, SOURCE = "rlnTomoName", "rlnMicrographName", "wrpSourceName"
IMPORT_FILE, PARTICLES_FILE = "rlnTomoImportParticleFile", "rlnTomoParticlesFile"
GROUP, SERIES_PIXEL, IMAGE_PIXEL = "rlnOpticsGroup", "rlnTomoTiltSeriesPixelSize", "rlnImagePixelSize"
TUBE = "rlnHelicalTubeID"
TOMOSTAR = ".tomostar"

_VOLUME = re.compile(r"\.(mrcs?|rec|map|st|tiff?)$", re.IGNORECASE)


class PixelSizeUnknown(AisError):
    """A file counts in pixels of the tilt series and does not say how large they are."""


@dataclass(frozen=True)
class Geometry:
    """What converts between voxels and the units of a dialect.

    Attributes
    ----------
    voxel_size
        Angstrom: one number, (z, y, x), or a function of the tomogram's name that gives either; None or 0 where it is
        not known.
    tilt_series_pixel_size
        Angstrom, of the unbinned tilt series; None takes it from the file's optics groups.
    shape
        (nz, ny, nx) of the tomogram, or a function of its name.
    """

    voxel_size: LengthSource = None
    tilt_series_pixel_size: float | None = None
    shape: ShapeSource = None

    def voxel_sizes(self, names: Sequence[str], path: Path) -> FloatArray:
        """Voxel sizes (x, y, z) for each row, shape (n, 3), in angstrom; AisError where they are not known."""
        known: dict[str, FloatArray] = {}
        for name in dict.fromkeys(names):
            size = self.voxel_size(name) if callable(self.voxel_size) else self.voxel_size
            sizes = np.zeros(3) if size is None else np.broadcast_to(np.asarray(size, np.float64), 3)[::-1]
            if not (np.isfinite(sizes).all() and (sizes > 0).all()):
                raise AisError(f"{path} needs the voxel size of the tomogram{_spaced(name)}, which is not known.")
            known[name] = sizes
        return np.array([known[name] for name in names], np.float64).reshape(-1, 3)

    def centres(self, names: Sequence[str], path: Path) -> FloatArray:
        """Half the dimensions (x, y, z) of each row's tomogram, shape (n, 3), in voxels; AisError if not known."""
        known: dict[str, FloatArray] = {}
        for name in dict.fromkeys(names):
            shape = self.shape(name) if callable(self.shape) else self.shape
            if shape is None or len(shape) != 3 or min(shape) <= 0:
                whose = f"the dimensions of the tomogram{_spaced(name)}"
                raise AisError(f"{path} needs {whose}, since RELION 5 counts from its centre.")
            known[name] = np.array(shape[::-1], np.float64) / 2
        return np.array([known[name] for name in names], np.float64).reshape(-1, 3)


def dialect_of(block: Block) -> str | None:
    """The dialect of a block's columns, including those that are only read; None if it has no positions."""
    columns = block.columns
    if PARTICLES_FILE in columns:
        return "set"
    if not block.loop:
        return None
    if all(label in columns for label in CENTRED):
        return "relion5"
    if all(label in columns for label in PIXEL):
        if TOMOGRAM not in columns:
            return "warp"
        return "export" if any(name.endswith(TOMOSTAR) for name in columns[TOMOGRAM][:1]) else "relion4"
    if all(label in columns for label in SPECIES):
        return "m"
    if all(label in columns for label in MOTIVE_POSITION):
        return "stopgap"
    return "list" if TOMOGRAM in columns and IMPORT_FILE in columns else None


def name_label(block: Block) -> str | None:
    """The column of a block that names the tomogram, if there is one."""
    return next((label for label in (TOMOGRAM, MICROGRAPH, SOURCE, MOTIVE_NUMBER) if label in block.columns), None)


def tomogram_name(text: str) -> str:
    """A tomogram's name from what a star file says: ``TS_1.tomostar`` and ``tomograms/TS_1.mrc`` are ``TS_1``."""
    if text.endswith(TOMOSTAR):
        return text[: -len(TOMOSTAR)]
    stem = _VOLUME.sub("", text)
    return text if stem == text else re.split(r"[/\\]", stem)[-1]


def numbers(column: Column, label: str, path: Path) -> FloatArray:
    """A column as finite float64 (n,); AisError naming the file otherwise."""
    try:
        values = as_numbers(column)
    except ValueError as error:
        raise AisError(f"{path} has a value that is not a number in its column {label}.") from error
    finite = np.isfinite(values)
    if not finite.all():
        raise AisError(f"{path} has no finite number in row {int(np.argmin(finite)) + 1} of its column {label}.")
    return values


def unit_sizes(
    dialect: str, rows: int, groups: Column | None, geometry: Geometry, blocks: Sequence[Block], path: Path
) -> FloatArray | None:
    """Angstrom for one unit of the coordinates.

    Parameters
    ----------
    dialect
        As `dialect_of` says.
    rows, groups
        Number of particles, and their optics groups if the file names them.
    geometry
        Gives the pixel size of the tilt series, if the user did.
    blocks
        The file's other blocks, among them its optics groups.
    path
        For errors.

    Returns
    -------
    ndarray of float64 or None
        Shape (rows, 1); None where the unit is the tomogram's voxel.
    """
    if dialect in ("relion5", "m"):
        return np.ones((rows, 1))
    if dialect == "export":
        return _optics_values(IMAGE_PIXEL, rows, groups, blocks, path)
    if dialect == "warp":
        return None
    if geometry.tilt_series_pixel_size:
        return np.full((rows, 1), geometry.tilt_series_pixel_size)
    sizes = _optics_values(SERIES_PIXEL, rows, groups, blocks, path)
    if sizes is None:
        raise PixelSizeUnknown(
            f"{path} counts in pixels of the tilt series: give their size with --tilt-series-pixel-size."
        )
    return sizes


def _optics_values(
    label: str, rows: int, groups: Column | None, blocks: Sequence[Block], path: Path
) -> FloatArray | None:
    """A length from the optics block for each row, shape (rows, 1); None if the file does not say."""
    optics = next((block for block in blocks if block.name == "optics" and label in block.columns), None)
    if optics is None:
        return None
    sizes = numbers(optics.columns[label], label, path)
    if not len(sizes) or (sizes <= 0).any():
        raise AisError(f"{path} has an optics group whose {label} is missing or not positive.")
    if (sizes == sizes[0]).all():
        return np.full((rows, 1), sizes[0])
    if groups is None or GROUP not in optics.columns:
        raise AisError(f"{path} does not say to which optics group each particle belongs.")
    of_group = dict(zip(optics.columns[GROUP], sizes, strict=True))
    if not all(str(group) in of_group for group in groups):
        raise AisError(f"{path} has a particle whose {GROUP} is not in its optics block.")
    return np.array([of_group[str(group)] for group in groups], np.float64).reshape(-1, 1)


def _spaced(name: str) -> str:
    return f" {name}" if name else ""
