"""Annotated tomograms of Ais 1.x (``.scns``): masks, boxes and settings, read without unpickling anything."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ais.errors import AisError, describe_os_error
from ais.formats.inert_pickle import Malformed, Name, Span, Thing, read_pickle

SUFFIX = ".scns"
KIND = "an annotated tomogram of Ais 1.x"
A_PER_NM = 10.0
LARGEST_SIDE = 1 << 20
MOST_FEATURES = 1000
MOST_BOXES = 100_000
LONGEST_TITLE = 200
DEFAULT_COLOUR = (0.26, 0.84, 0.64)
_ARRAY_MODULES = ("numpy", "numpy.rec", "numpy.core", "numpy._core")
_ARRAY_NAMES = ("_reconstruct", "scalar", "ndarray", "dtype", "memmap", "recarray", "record")
_FILE_MODULES, _FILE_NAMES = ("io", "_io", "builtins"), ("open",)
_OF_THE_PROGRAM = ("Ais", "scNodes", "mrcfile", "OpenGL")
_CLASSES = ("SEFrame", "Segmentation", "MrcFile")
_SCALAR_TYPE = re.compile(r"u?int\d+|float\d+|bool_?")
_NUMBER_TYPE = re.compile(r"[iuf][1248]|b1")
_VOLUME_TYPES = ("i1", "u1", "i2", "u2", "f2", "f4")
_DRIVE = re.compile(r"[A-Za-z]:[\\/]")


@dataclass(frozen=True)
class StoredArray:
    """Numbers that lie in a file.

    Attributes
    ----------
    path
        The file.
    data
        The numbers themselves where they are few, else where they are.
    shape
        Of the array.
    dtype
        Of its numbers, with their byte order.
    by_columns
        Whether the first index runs fastest.
    """

    path: Path
    data: bytes | Span
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    by_columns: bool

    def read(self) -> NDArray[Any]:
        """The whole array.

        Raises
        ------
        AisError
            If the file cannot be read any more.
        """
        count = math.prod(self.shape)
        if isinstance(self.data, bytes):
            values = np.frombuffer(self.data, self.dtype, count)
        else:
            values = self._from_file(self.data.offset, count)
        return values.reshape(self.shape, order="F" if self.by_columns else "C")

    def slabs(self) -> Iterator[NDArray[Any]]:
        """The array in parts (1, ny, nx) along its first axis of three."""
        if isinstance(self.data, bytes) or self.by_columns:
            for plane in self.read():
                yield plane[np.newaxis]
            return
        count = math.prod(self.shape[1:])
        for z in range(self.shape[0]):
            plane = self._from_file(self.data.offset + z * count * self.dtype.itemsize, count)
            yield plane.reshape(1, *self.shape[1:])

    def _from_file(self, offset: int, count: int) -> NDArray[Any]:
        try:
            values = np.fromfile(self.path, self.dtype, count, offset=offset)
        except OSError as error:
            raise AisError(describe_os_error(error, self.path)) from error
        if len(values) < count:
            raise AisError(f"{self.path} has been cut off since it was opened.")
        return values


@dataclass(frozen=True)
class ScnsFeature:
    """A feature as Ais 1.x kept it.

    Attributes
    ----------
    title
        Its name; empty if it had none.
    colour
        Red, green and blue, each 0 to 1.
    alpha
        Opacity, 0 to 1.
    brush_radius, box_size
        In pixels; None where the file does not say.
    visible, outline
        How it was shown.
    masks
        By slice, (ny, nx); row 0 is the tomogram's row 0.
    boxes
        z, y, x of each centre in voxels; some may lie outside.
    """

    title: str
    colour: tuple[float, float, float]
    alpha: float
    brush_radius: float | None
    box_size: int | None
    visible: bool
    outline: bool
    masks: dict[int, StoredArray]
    boxes: tuple[tuple[int, int, int], ...]


@dataclass(frozen=True)
class Scns:
    """What an annotated tomogram of Ais 1.x holds.

    Attributes
    ----------
    path
        The file.
    tomogram
        Where the tomogram was, in the words of the system on which it was annotated; slashes only.
    shape
        (nz, ny, nx) of the tomogram.
    voxel_size
        In angstrom; 0.0 when unknown.
    features
        In their order.
    crop
        The region of interest as half-open ranges (z, y, x); None if it is the whole tomogram.
    volume
        The tomogram itself, if the file includes it: (nz, ny, nx).
    contrast
        The values that were drawn black and white, in the tomogram's own units; None where the file does not say.
    invert
        Whether black and white were exchanged.
    """

    path: Path
    tomogram: str
    shape: tuple[int, int, int]
    voxel_size: float
    features: tuple[ScnsFeature, ...]
    crop: tuple[tuple[int, int], tuple[int, int], tuple[int, int]] | None
    volume: StoredArray | None
    contrast: tuple[float, float] | None = None
    invert: bool = False

    @property
    def tomogram_file(self) -> str:
        """The name of the tomogram's file, without folders."""
        return PurePosixPath(self.tomogram).name

    @property
    def is_path_of_another_system(self) -> bool:
        """Whether the tomogram's path can lead nowhere on this system."""
        return not Path(self.tomogram).is_absolute()


def read_scns(path: Path | str) -> Scns:
    """Read an annotated tomogram of Ais 1.x; masks and an included volume are left in the file until asked for.

    Raises
    ------
    AisError
        If it cannot be read, is no such file, is damaged, or names anything that such a file has no business with.
    """
    path = Path(path)
    frame = read_pickle(path, KIND, _is_known)
    try:
        return _scns(frame, path)
    except Malformed as error:
        raise AisError(f"{path} is not {KIND}, or it is damaged: {error}.") from error
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise AisError(f"{path} is not {KIND}, or it is damaged.") from error


def _is_known(name: Name, called: bool) -> bool:
    root, base = name.module.partition(".")[0], ".".join(name.module.split(".")[:2])
    if root == "numpy":
        return base in _ARRAY_MODULES and (name.name in _ARRAY_NAMES or _SCALAR_TYPE.fullmatch(name.name) is not None)
    if root == "dill":
        return name.module == "dill._dill" and name.name in ("_create_array", "_create_filehandle")
    if name.name in _FILE_NAMES:
        return name.module in _FILE_MODULES and not called  # stands among the arguments of `_create_filehandle`
    return root in _OF_THE_PROGRAM or name.name in _CLASSES


def _scns(frame: Any, path: Path) -> Scns:
    if not isinstance(frame, Thing) or frame.name.name != "SEFrame" or not isinstance(frame.state, dict):
        raise Malformed("it holds no annotated tomogram")
    state = frame.state
    stated = state.get("path", frame.arguments[0] if frame.arguments else None)
    if not isinstance(stated, str) or not stated.strip() or "\0" in stated:
        raise Malformed("it does not say which tomogram it is about")
    volume = _volume(state, path)
    shape = _shape(state, volume, path)
    features = state.get("features", [])
    if not isinstance(features, list) or len(features) > MOST_FEATURES:
        raise Malformed("its list of features makes no sense")
    found = tuple(_feature(feature, shape, path) for feature in features)
    if sum(len(feature.boxes) for feature in found) > MOST_BOXES:
        raise Malformed(f"it has more than {MOST_BOXES} boxes")
    voxel_size = (_number(state.get("pixel_size")) or 0.0) * A_PER_NM
    if not 0 < voxel_size < LARGEST_SIDE:
        voxel_size = 0.0
    if volume is not None and volume.shape != shape:
        raise Malformed(f"the volume in it is {volume.shape}, and not {shape}")
    invert = _number(state.get("invert")) == 1.0  # True, also one of NumPy's
    crop, contrast = _crop(state, shape), _contrast(state)
    return Scns(path, _with_slashes(stated), shape, voxel_size, found, crop, volume, contrast, invert)


def _with_slashes(path: str) -> str:
    of_windows = _DRIVE.match(path) or path.startswith("\\\\")
    return PureWindowsPath(path).as_posix() if of_windows else path


def _shape(state: dict[Any, Any], volume: StoredArray | None, path: Path) -> tuple[int, int, int]:
    sides = [_number(state.get(name)) for name in ("n_slices", "height", "width")]
    if volume is not None:
        sides = [side or known for side, known in zip(sides, volume.shape, strict=True)]
    shown = _array(state.get("data"), path)
    if shown is not None and len(shown.shape) == 2:
        sides[1:] = [side or known for side, known in zip(sides[1:], shown.shape, strict=True)]
    if not all(side is not None and 1 <= side <= LARGEST_SIDE and side == int(side) for side in sides):
        raise Malformed("it does not say how large its tomogram is")
    nz, ny, nx = (int(side or 0) for side in sides)
    return nz, ny, nx


def _feature(feature: Any, shape: tuple[int, int, int], path: Path) -> ScnsFeature:
    if not isinstance(feature, Thing) or feature.name.name != "Segmentation" or not isinstance(feature.state, dict):
        raise Malformed("one of its features is none")
    state = feature.state
    title = state.get("title")
    title = title.strip()[:LONGEST_TITLE] if isinstance(title, str) else ""
    box_size, alpha = _number(state.get("box_size")), _number(state.get("alpha"))
    return ScnsFeature(
        title=title,
        colour=_colour(state.get("colour")),
        alpha=1.0 if alpha is None else min(max(alpha, 0.0), 1.0),
        brush_radius=_number(state.get("brush_size")),
        box_size=None if box_size is None else round(box_size),
        visible=state.get("hide") is not True,
        outline=state.get("contour") is True,
        masks=_masks(state.get("slices", {}), shape, title, path),
        boxes=tuple(_boxes(state.get("boxes", {}), title)),
    )


def _colour(value: Any) -> tuple[float, float, float]:
    array = value if isinstance(value, list | tuple) else ()
    parts = [_number(part) for part in array[:3]]
    if len(parts) < 3 or any(part is None or not 0 <= part <= 1 for part in parts):
        return DEFAULT_COLOUR
    red, green, blue = (part or 0.0 for part in parts)
    return red, green, blue


def _masks(slices: Any, shape: tuple[int, int, int], title: str, path: Path) -> dict[int, StoredArray]:
    if not isinstance(slices, dict):
        raise Malformed(f"the slices of {title} make no sense")
    found = {}
    for key, value in slices.items():
        if value is None:
            continue  # a slice that was only looked at
        z, mask = _number(key), _array(value, path)
        if z is None or z != int(z) or not 0 <= z < shape[0]:
            raise Malformed(f"{title} is annotated in a slice that its tomogram does not have")
        if mask is None or mask.shape != shape[1:]:
            raise Malformed(f"the annotation of {title} in slice {int(z)} does not fit the tomogram")
        found[int(z)] = mask
    return found


def _boxes(boxes: Any, title: str) -> Iterator[tuple[int, int, int]]:
    nonsense = Malformed(f"the boxes of {title} make no sense")
    if not isinstance(boxes, dict):
        raise nonsense
    for key, places in boxes.items():
        z = _number(key)
        if places is None:
            continue
        if z is None or not isinstance(places, list | tuple):
            raise nonsense
        for place in places:
            at = [_number(value) for value in place[:2]] if isinstance(place, list | tuple) else []
            if len(at) < 2 or at[0] is None or at[1] is None:
                raise nonsense
            yield round(z), round(at[1]), round(at[0])


def _crop(
    state: dict[Any, Any], shape: tuple[int, int, int]
) -> tuple[tuple[int, int], tuple[int, int], tuple[int, int]] | None:
    """Half-open ranges; rows are counted from the top in the file."""
    nz, ny, nx = shape
    roi = state.get("crop_roi")
    sides = [_number(side) for side in roi] if isinstance(roi, list | tuple) else []
    x0, top0, x1, top1 = (0 if s is None else round(s) for s in sides) if len(sides) == 4 else (0, 0, nx, ny)
    bottom, top = (_number(state.get(name)) for name in ("export_bottom", "export_top"))
    z = (0 if bottom is None else round(bottom), nz if top is None else round(top))
    ranges = [
        (max(low, 0), min(high, side))
        for (low, high), side in zip((z, (ny - top1, ny - top0), (x0, x1)), shape, strict=True)
    ]
    whole = [(0, side) for side in shape]
    # A region without a voxel is what is left of a drag that was given up.
    ranges = [found if found[0] < found[1] else all_of_it for found, all_of_it in zip(ranges, whole, strict=True)]
    return None if ranges == whole else (ranges[0], ranges[1], ranges[2])


def _contrast(state: dict[Any, Any]) -> tuple[float, float] | None:
    """Limits that a graphics card tells apart; None for any others."""
    limits = state.get("contrast_lims")
    if not isinstance(limits, list | tuple) or len(limits) != 2:
        return None
    low, high = (_number(limit) for limit in limits)
    return (low, high) if low is not None and high is not None and np.float32(low) < np.float32(high) else None


def _volume(state: dict[Any, Any], path: Path) -> StoredArray | None:
    kept = state.get("map")
    inside = kept.state if isinstance(kept, Thing) else kept
    if state.get("includes_map") is not True or not isinstance(inside, dict):
        return None
    volume = _array(inside.get("_data"), path)
    if volume is not None and len(volume.shape) == 2:
        volume = replace(volume, shape=(1, *volume.shape))
    if volume is None or len(volume.shape) != 3 or volume.dtype.newbyteorder("=").str[1:] not in _VOLUME_TYPES:
        raise Malformed("the volume in it is none")
    return volume


def _number(value: Any) -> float | None:
    """A finite number, also one of NumPy's; None for anything else."""
    if isinstance(value, Thing) and value.name.name == "scalar" and len(value.arguments) == 2:
        dtype, data = _dtype(value.arguments[0]), value.arguments[1]
        if dtype is None or not isinstance(data, bytes) or len(data) != dtype.itemsize:
            return None
        value = np.frombuffer(data, dtype)[0].item()
    if not isinstance(value, int | float) or not abs(value) < 2.0**62:
        return None
    return float(value)


def _array(value: Any, path: Path) -> StoredArray | None:
    """An array of numbers; None for anything else."""
    if not isinstance(value, Thing):
        return None
    state = value.state
    if value.name.name == "_create_array" and len(value.arguments) >= 3:
        made, state = value.arguments[0], value.arguments[2]
        if not isinstance(made, Name) or made.name != "_reconstruct":
            return None
    elif value.name.name != "_reconstruct":
        return None
    if not isinstance(state, tuple) or len(state) != 5:
        return None
    _, shape, described, by_columns, data = state
    dtype = _dtype(described)
    if dtype is None or not isinstance(shape, tuple) or not isinstance(data, bytes | Span):
        return None
    if not 1 <= len(shape) <= 4 or not all(isinstance(side, int) and 1 <= side <= 1 << 40 for side in shape):
        return None
    length = len(data) if isinstance(data, bytes) else data.length
    if math.prod(shape) * dtype.itemsize != length:
        return None
    return StoredArray(path, data, shape, dtype, by_columns is True)


def _dtype(value: Any) -> np.dtype[Any] | None:
    """A type of plain numbers; None for any other."""
    if not isinstance(value, Thing) or value.name != Name("numpy", "dtype") or not value.arguments:
        return None
    code = value.arguments[0]
    if not isinstance(code, str) or not _NUMBER_TYPE.fullmatch(code) or code == "f1":
        return None
    state = value.state
    order = state[1] if isinstance(state, tuple) and len(state) > 1 else "="
    return np.dtype(f"{order}{code}") if isinstance(order, str) and order in ("<", ">", "|", "=") else None
