"""A tomogram: a volume opened lazily, with its voxel size and the two numbers that normalise it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ais.errors import AisError
from ais.formats.registry import open_volume, volume_stem
from ais.formats.volume import VolumeInfo
from ais.sampled_values import mean_of, median_of

PLAUSIBLE_A = (0.1, 200.0)
NORMALIZATION_SLICES = 32
SAMPLE_LIMIT = 1 << 27
"""Of more numbers than this, in very wide slices, the median is found without holding them."""
MARGIN_FRACTION = 0.2
MARGIN_LIMIT_PX = 64
MAD_TO_SIGMA = 1.4826
MIN_SCALE = 1e-7
SPREADS_SHOWN = 3.0
WHOLE = slice(None)


@dataclass(frozen=True)
class Normalization:
    """Centre and scale that bring a tomogram's values to about zero mean and unit spread.

    Attributes
    ----------
    center, scale
        In the tomogram's own units; normalised values are (value - center) / scale.
    """

    center: float
    scale: float

    def apply(self, values: NDArray[Any]) -> NDArray[np.float32]:
        """Normalised copy of an array of any shape, as float32."""
        normalised: NDArray[np.float32] = np.subtract(values, np.float32(self.center), dtype=np.float32)
        normalised /= np.float32(self.scale)
        return normalised


class Tomogram:
    """A volume on disk, read slice by slice; the file is never changed.

    Arrays are (z, y, x) with index 0 first; row y = 0 is drawn at the bottom. Use as a context manager, or `close` it.

    Parameters
    ----------
    path
        A volume file; see `ais.formats.registry.FORMATS`.
    voxel_size
        Overrides the file's voxel size, in angstrom.
    normalization
        If it is known already; else computed when first asked for.
    """

    def __init__(
        self, path: Path | str, voxel_size: float | None = None, normalization: Normalization | None = None
    ) -> None:
        self.path = Path(path)
        self.name = volume_stem(self.path)
        self._volume = open_volume(self.path)
        self.info: VolumeInfo = self._volume.info
        self._override = None if voxel_size is None else check_voxel_size(voxel_size)
        self._normalization = normalization

    @classmethod
    def open(cls, path: Path | str, voxel_size: float | None = None) -> Tomogram:
        """Open a tomogram.

        Parameters
        ----------
        path
            A volume file.
        voxel_size
            Overrides the file's voxel size, in angstrom.

        Returns
        -------
        Tomogram

        Raises
        ------
        AisError
            If the file cannot be read as a volume, or the voxel size is not a positive number.
        """
        return cls(path, voxel_size)

    def __enter__(self) -> Tomogram:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Release the file."""
        self._volume.close()

    @property
    def shape(self) -> tuple[int, int, int]:
        """(nz, ny, nx)."""
        return self.info.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the stored voxels."""
        return self.info.dtype

    @property
    def voxel_sizes(self) -> tuple[float, float, float]:
        """(z, y, x) in angstrom, with the override applied; zeros where it is not known."""
        if self._override is not None:
            return (self._override,) * 3
        return self.info.voxel_sizes

    @property
    def voxel_size(self) -> float:
        """Voxel size in the plane in angstrom, with the override applied; 0.0 where it is not known."""
        return self.voxel_sizes[2]

    @property
    def origin(self) -> tuple[float, float, float]:
        """Position (x, y, z) of voxel (0, 0, 0) in angstrom."""
        if self._override is not None and not any(self.info.header_origin):
            x, y, z = self.info.nstart
            return (x * self._override, y * self._override, z * self._override)
        return self.info.origin

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences about what is unusual in the file, a doubtful voxel size among them."""
        doubt = "" if self._override is not None else doubtful_voxel_size(self.voxel_size)
        return (*self.info.notes, *([doubt] if doubt else []))

    def require_voxel_size(self) -> float:
        """The voxel size in angstrom.

        Raises
        ------
        AisError
            If neither the file nor the caller has given one.
        """
        if self.voxel_size <= 0:
            raise AisError(f"{self.path} has no voxel size in its header: give it, for example --voxel-size 13.48.")
        return self.voxel_size

    def part(
        self, z0: int, z1: int | None, crop: tuple[int, int, int, int] | None
    ) -> tuple[int, tuple[int, int, int, int]]:
        """The end of a range of slices from z0, and the crop (x0, x1, y0, y1): whole where they are None.

        Raises
        ------
        AisError
            If they are not inside.
        """
        nz, ny, nx = self.shape
        z1 = nz if z1 is None else z1
        if not 0 <= z0 < z1 <= nz:
            raise AisError(f"{self.path} has slices 0 to {nz - 1}; {z0} to {z1 - 1} were asked for.")
        x0, x1, y0, y1 = crop or (0, nx, 0, ny)
        if not (0 <= x0 < x1 <= nx and 0 <= y0 < y1 <= ny):
            raise AisError(f"The crop {x0}:{x1},{y0}:{y1} is not inside {self.path}, which is {nx} x {ny} pixels.")
        return z1, (x0, x1, y0, y1)

    def raw(self, z0: int, z1: int, y: slice = WHOLE, x: slice = WHOLE) -> NDArray[Any]:
        """Stored values of slices z0 to z1 - 1, shape (z1 - z0, ny, nx), in the file's type; may be read-only.

        Raises
        ------
        AisError
            If the range is outside the tomogram.
        """
        if not 0 <= z0 < z1 <= self.shape[0]:
            raise AisError(f"{self.path} has slices 0 to {self.shape[0] - 1}; {z0} to {z1 - 1} were asked for.")
        return self._volume.read(z0, z1, y, x)

    def slab(self, z0: int, z1: int, y: slice = WHOLE, x: slice = WHOLE) -> NDArray[np.float32]:
        """Values of slices z0 to z1 - 1 as a fresh float32 array of shape (z1 - z0, ny, nx).

        Raises
        ------
        AisError
            If the range is outside the tomogram, or a value in it is not a finite number.
        """
        values = np.array(self.raw(z0, z1, y, x), dtype=np.float32)
        if self.dtype.kind == "f":
            self.check_finite(values)
        return values

    def normalised_by_slice(self, z0: int, z1: int, y: slice = WHOLE, x: slice = WHOLE) -> NDArray[np.float32]:
        """Values of slices z0 to z1 - 1, each less its mean and over its spread, as Ais 1.x saw them; as `slab`.

        Mean and spread are those of the whole slice, also where a part of it is asked for.
        """
        values = self.slab(z0, z1)
        centers, scales = slice_spreads(values)
        return normalised_slices(values[:, y, x], centers, scales)

    def slice(self, z: int) -> NDArray[np.float32]:
        """One slice as a fresh float32 array of shape (ny, nx); raises as `slab`."""
        plane: NDArray[np.float32] = self.slab(z, z + 1)[0]
        return plane

    def check_finite(self, values: NDArray[Any]) -> None:
        """Raise an AisError if some of `values`, read from this tomogram, are NaN or infinite."""
        # The sum of finite float32 numbers in double precision is finite, so one pass without a temporary is enough.
        if not math.isfinite(float(values.sum(dtype=np.float64))):
            raise AisError(f"{self.path} contains values that are not finite numbers (NaN or infinity).")

    @property
    def normalization(self) -> Normalization:
        """Centre and scale of the rule ``global_mad``, computed once."""
        if self._normalization is None:
            self._normalization = global_mad(self)
        return self._normalization


def slice_spreads(values: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Mean and standard deviation, both of shape (n,), of each slice of an array (n, ny, nx)."""
    centers = values.mean(axis=(1, 2), dtype=np.float64).astype(np.float32)
    return centers, values.std(axis=(1, 2), dtype=np.float64).astype(np.float32)


def normalised_slices(
    values: NDArray[np.float32], centers: NDArray[np.float32], scales: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Slices (n, ny, nx) less their centre and over their scale, both of shape (n,)."""
    normalised: NDArray[np.float32] = (values - centers[:, None, None]) / (
        scales[:, None, None] + np.float32(MIN_SCALE)
    )
    return normalised


def as_grey(normalised: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Normalised values as grey, for small pictures: 0 and 255 are `SPREADS_SHOWN` spreads below and above the mean."""
    grey = (normalised + np.float32(SPREADS_SHOWN)) * np.float32(255 / (2 * SPREADS_SHOWN))
    picture: NDArray[np.uint8] = np.rint(grey.clip(0, 255)).astype(np.uint8)
    return picture


def global_mad(tomogram: Tomogram) -> Normalization:
    """Mean, and spread by the median absolute deviation, of a tomogram's inner part.

    At most 32 evenly spaced slices are read, without an outer margin of 20 % or 64 px in the plane, whichever is
    less. The scale is 1.4826 times the median absolute deviation from the median, so a few gold beads do not move it.

    Raises
    ------
    AisError
        If the tomogram contains values that are not finite.
    """
    nz, ny, nx = tomogram.shape
    chosen = np.unique(np.linspace(0, nz - 1, min(NORMALIZATION_SLICES, nz)).astype(int))
    rows, columns = (_inner(ny), _inner(nx))
    count = chosen.size * len(range(ny)[rows]) * len(range(nx)[columns])

    def parts() -> Iterator[NDArray[np.float32]]:
        for z in chosen:
            yield tomogram.slab(int(z), int(z) + 1, rows, columns)[0]

    if count > SAMPLE_LIMIT:
        center, middle = mean_of(parts), median_of(parts)
        spread = median_of(lambda: (np.abs(part - middle) for part in parts()))
    else:
        values = np.empty(count, np.float32)
        for part, target in zip(parts(), np.split(values, chosen.size), strict=True):
            target[:] = part.ravel()
        center = float(values.mean(dtype=np.float64))
        values -= np.median(values, overwrite_input=True)
        spread = np.median(np.abs(values, out=values), overwrite_input=True)
    return Normalization(center, MAD_TO_SIGMA * float(spread) + MIN_SCALE)


def check_voxel_size(voxel_size: float) -> float:
    """The same number, or an AisError if it is not a positive, finite number of angstrom."""
    if not (math.isfinite(voxel_size) and voxel_size > 0):
        raise AisError(f"A voxel size must be a positive number of angstrom, not {voxel_size:g}.")
    return float(voxel_size)


def doubtful_voxel_size(voxel_size: float) -> str:
    """A sentence if a voxel size from a header, in angstrom, is missing or hardly right; else an empty string."""
    low, high = PLAUSIBLE_A
    if voxel_size <= 0:
        return "The header has no voxel size."
    if voxel_size == 1.0:
        return "The header's voxel size is 1.0 A, which many programs write when they do not know it."
    if not low <= voxel_size <= high:
        return f"The header's voxel size of {voxel_size:g} A is outside {low:g} to {high:g} A."
    return ""


def _inner(count: int) -> slice:
    margin = min(int(MARGIN_FRACTION * count), MARGIN_LIMIT_PX)
    return slice(margin, count - margin)
