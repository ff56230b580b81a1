"""A prediction, that is a segmented volume, read in slabs and understood on the scale of 0 to 255."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from ais.errors import AisError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from ais.tomogram import Tomogram

FULL_SCALE = 255.0
INT8_FULL_SCALE = 127.0
# Interpolation may lift a probability a little above 1; a 0 to 255 scale that ends here would hold nothing.
UNIT_SCALE_LIMIT = 1.5
ROUNDING = 1e-6
SLAB_VOXELS = 1 << 25


class SlabSource(Protocol):
    """A volume that is read in slabs, as a `ais.tomogram.Tomogram` is."""

    @property
    def path(self) -> Path:
        """Its file."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """(nz, ny, nx)."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the stored voxels."""

    def raw(self, z0: int, z1: int, /) -> NDArray[Any]:
        """Stored values of slices z0 to z1 - 1."""


@dataclass(frozen=True)
class Scale:
    """How stored values relate to the scale of 0 to 255.

    Attributes
    ----------
    factor
        Stored value times factor is the value on the scale.
    note
        The same as a sentence for the user.
    """

    factor: float
    note: str

    def missed(self, threshold: float, highest: float) -> str:
        """The note, if no value reaches the threshold; `highest` is the highest one, as stored."""
        reason = f"{self.note} None reaches the threshold of {threshold:g}: the highest is {highest * self.factor:.3g}"
        return f"{reason} (a mask of 0 and 1 needs a threshold of 1)." if highest * self.factor == 1 else f"{reason}."


def source_name(volume: NDArray[Any] | SlabSource) -> str:
    """What to call a volume in a sentence: its path, if it has one."""
    return "The volume" if isinstance(volume, np.ndarray) else str(volume.path)


def volume_shape(volume: NDArray[Any] | Tomogram) -> tuple[int, int, int]:
    """(nz, ny, nx), or an AisError if there are not three axes with something in them."""
    shape = tuple(int(length) for length in volume.shape)
    if len(shape) != 3 or 0 in shape:
        raise AisError(f"{source_name(volume)} has the shape {shape}; a volume of three axes is needed.")
    return (shape[0], shape[1], shape[2])


def slab_at(volume: NDArray[Any] | SlabSource, z0: int, z1: int) -> NDArray[Any]:
    """Stored values of slices z0 to z1 - 1, shape (z1 - z0, ny, nx); not to be written to."""
    return volume[z0:z1] if isinstance(volume, np.ndarray) else volume.raw(z0, z1)


def slice_ranges(shape: tuple[int, int, int], slices: Sequence[int] | None = None) -> list[tuple[int, int]]:
    """First and behind-the-last slice of one slab after the other; of each slice, if only some are wanted."""
    if slices is not None:
        return [(z, z + 1) for z in slices]
    nz, ny, nx = shape
    step = max(1, SLAB_VOXELS // (ny * nx))
    return [(z, min(nz, z + step)) for z in range(0, nz, step)]


def slabs(volume: NDArray[Any] | Tomogram) -> Iterator[tuple[int, NDArray[Any]]]:
    """First slice and stored values of one slab after the other."""
    nz, ny, nx = volume.shape
    for z0, z1 in slice_ranges((nz, ny, nx)):
        yield z0, slab_at(volume, z0, z1)


def highest_value(volume: NDArray[Any] | Tomogram) -> float:
    """The highest stored value; an AisError if there is one that is not finite."""
    highest = -math.inf
    for _, slab in slabs(volume):
        top, bottom = float(slab.max()), float(slab.min())
        if not (math.isfinite(top) and math.isfinite(bottom)):
            raise AisError(f"{source_name(volume)} contains values that are not finite numbers (NaN or infinity).")
        highest = max(highest, top)
    return highest


def scale_of(volume: NDArray[Any] | Tomogram) -> Scale:
    """How a volume's values are understood: by their type, and in floating point by the highest one.

    Unsigned and wide integers are 0 to 255, int8 is 0 to 127, floating point 0 to 1 unless the highest value is above
    1.5 (then 0 to 255), booleans are 0 and 255.

    Raises
    ------
    AisError
        If the values are not finite, or not real numbers.
    """
    match volume.dtype.kind:
        case "b":
            return Scale(FULL_SCALE, "True was taken as 255.")
        case "i" if volume.dtype.itemsize == 1:
            return Scale(FULL_SCALE / INT8_FULL_SCALE, "8-bit signed values were taken as 0 to 127.")
        case "i" | "u":
            return Scale(1.0, "Whole numbers were taken as 0 to 255.")
        case "f":
            highest = highest_value(volume)
            if highest <= UNIT_SCALE_LIMIT:
                return Scale(FULL_SCALE, "Floating-point values were taken as 0 to 1.")
            return Scale(1.0, f"Floating-point values were taken as 0 to 255, since they reach {highest:g}.")
    raise AisError(f"{source_name(volume)} holds values of the type {volume.dtype}, which is no prediction.")


def check_threshold(threshold: float) -> None:
    """Raise an AisError if the threshold is not on the scale of 0 to 255."""
    if not 0 <= threshold <= FULL_SCALE:
        raise AisError(f"The threshold must lie between 0 and 255, not at {threshold:g}.")


def reaching(values: NDArray[Any], threshold: float, scale: Scale) -> NDArray[np.bool_]:
    """Where stored values are at or above the threshold (0 to 255); a threshold of 0 takes all above zero."""
    level = threshold / scale.factor
    if values.dtype.kind == "b":
        return np.asarray(values, dtype=np.bool_)
    if level == 0:
        return np.asarray(values > 0)
    if values.dtype.kind == "f":
        # 128 / 255 counts as 128 however it was rounded when it was stored.
        return np.asarray(values >= level * (1 - ROUNDING))
    return np.asarray(values >= math.ceil(level - ROUNDING))


def check_not_negative(**lengths: float) -> None:
    """Refuse lengths and volumes that are no numbers or below zero; an underscore in a name is a blank.

    Raises
    ------
    AisError
        If one of them is.
    """
    for name, value in lengths.items():
        if not (math.isfinite(value) and value >= 0):
            raise AisError(f"The {name.replace('_', ' ')} must be zero or a positive number, not {value:g}.")


def no_voxel_size(name: str) -> AisError:
    """What to say where lengths are asked for and the voxel size is not known."""
    return AisError(
        f"{name} has no voxel size, so lengths and volumes in angstrom mean nothing: "
        "give it, for example --voxel-size 13.48."
    )


def checked_voxel_sizes(
    volume: NDArray[Any] | Tomogram, voxel_sizes: float | tuple[float, float, float] | None
) -> tuple[float, float, float]:
    """Voxel sizes (z, y, x) in angstrom, the volume's own by default; all zero where one of them is not known."""
    if voxel_sizes is None:
        voxel_sizes = (0.0, 0.0, 0.0) if isinstance(volume, np.ndarray) else volume.voxel_sizes
    z, y, x = np.broadcast_to(np.asarray(voxel_sizes, dtype=np.float64), (3,)).tolist()
    if not all(math.isfinite(size) and size >= 0 for size in (z, y, x)):
        raise AisError(f"A voxel size must be a positive number of angstrom, not {z:g}, {y:g}, {x:g}.")
    return (z, y, x) if z > 0 and y > 0 and x > 0 else (0.0, 0.0, 0.0)
