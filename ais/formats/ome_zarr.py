"""OME-Zarr volumes, versions 0.1 to 0.5: folders, .zip files and addresses, read lazily, one level at a time.

Names of axes decide which is z, y and x; channels and time points must be one. The first level, the finest, is opened
unless the path names another, as ``TS_001.zarr/1``.

References
----------
Moore et al., Histochem. Cell Biol. 160, 223 (2023); OME-NGFF specification 0.4 and 0.5.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ais.errors import AisError
from ais.formats.tiff import ANGSTROM
from ais.formats.volume import Array, VolumeInfo, VolumeLevel
from ais.formats.web_store import WebStore
from ais.formats.zarr_array import ZarrArray
from ais.formats.zarr_metadata import ArrayMetadata, parse_v2, parse_v3
from ais.formats.zarr_path import ZarrPath, zarr_path
from ais.formats.zarr_store import Store, open_store, read_json

VERSIONS = ("0.1", "0.2", "0.3", "0.4", "0.5")
OLD_AXES = ("t", "c", "z", "y", "x")
UNITS = {**ANGSTROM, "picometer": 1e-2, "micron": 1e4, "meter": 1e10}
MAX_LEVELS = 32
MAX_LABELS = 64
SPACE = "zyx"


@dataclass(frozen=True)
class _Group:
    """A multiscale image: where it lies in the store, and its entry ``multiscales``."""

    key: str
    image: dict[str, Any]


@dataclass(frozen=True)
class ImageFrame:
    """What a label image shares with the image that it belongs to.

    Attributes
    ----------
    version, zarr_format
        Of OME-Zarr, and of the store (2 or 3).
    axes
        Entries for z, y and x.
    shapes
        (nz, ny, nx) of each level.
    steps
        Of each level: its transformations, restricted to z, y and x.
    common
        Those of all levels.
    """

    version: str
    zarr_format: int
    axes: list[dict[str, Any]]
    shapes: list[tuple[int, int, int]]
    steps: list[list[dict[str, Any]]]
    common: list[dict[str, Any]]


def image_frame(path: Path | str) -> ImageFrame:
    """The axes, levels and transformations of an OME-Zarr image of version 0.4 or 0.5.

    Raises
    ------
    AisError
        If it cannot be read, is older, or does not store slices one after the other.
    """
    name, found = str(path), zarr_path(path)
    if found is None:
        raise AisError(f"{name} is not the path of an OME-Zarr volume.")
    store = open_store(found)
    try:
        group = _image(store, found.inside, name)
        if group is None:
            raise AisError(f"{name} is not an OME-Zarr volume: its multiscales metadata is missing.")
        marked = read_json(store, f"{group.key}/zarr.json" if group.key else "zarr.json", name) is not None
        version = str(group.image.get("version", VERSIONS[-1] if marked else ""))
        if version not in VERSIONS[-2:]:
            raise AisError(f"{name} is OME-Zarr {version or 'of no version'}, which has no place for labels.")
        names, _ = _axes(group.image, name)
        if [axis for axis in names if axis in SPACE] != list(SPACE):
            raise AisError(f"{name} stores its axes as {' '.join(names)}, where labels need z y x.")
        places = [names.index(axis) for axis in SPACE]
        shapes, steps = [], []
        for number, part in enumerate(_dataset_paths(group.image, name)):
            metadata = _array_metadata(store, f"{group.key}/{part}" if group.key else part, name)
            if metadata is None or len(metadata.shape) != len(names):
                raise AisError(f"{name} is incomplete: its level {part} is missing.")
            shapes.append(_order(names, metadata.shape, name, [])[1])
            steps.append(_spatial(group.image["datasets"][number], places))
        return ImageFrame(
            version,
            3 if marked else 2,
            [group.image["axes"][place] for place in places],
            shapes,
            steps,
            _spatial(group.image, places),
        )
    finally:
        store.close()


def _spatial(holder: dict[str, Any], places: list[int]) -> list[dict[str, Any]]:
    """The scales and translations of an entry, of the axes at `places`."""
    steps = holder.get("coordinateTransformations")
    kept = []
    for step in steps if isinstance(steps, list) else []:
        kind = step.get("type") if isinstance(step, dict) else None
        if kind in ("scale", "translation") and isinstance(step.get(kind), list) and len(step[kind]) > max(places):
            kept.append({"type": kind, kind: [step[kind][place] for place in places]})
    return kept


class OmeZarrVolume:
    """One level of an OME-Zarr image, or a plain Zarr array, opened for reading.

    Parameters
    ----------
    path
        The folder, .zip file or address, with the level or label image after it where one is meant.
    name
        How errors call it; by default its path.

    Raises
    ------
    AisError
        If it is missing or damaged, or not one grey volume.
    """

    def __init__(self, path: Path | str, name: str | None = None) -> None:
        found = zarr_path(path)
        if found is None:
            raise AisError(f"{path} is not the path of an OME-Zarr volume.")
        self._name = name or str(path)
        store = open_store(found)
        try:
            self._array, self._order, self.info = self._open(store, found)
        except BaseException:
            store.close()
            raise

    def read(self, z0: int, z1: int, y: slice = slice(None), x: slice = slice(None)) -> Array:
        """Voxels of slices z0 to z1 - 1 in native byte order; see `Volume.read`."""
        wanted = [range(n)[part] for n, part in zip(self.info.shape, (slice(z0, z1), y, x), strict=True)]
        spans = [range(1)] * len(self._array.metadata.shape)
        for axis, span in zip(self._order, wanted, strict=True):
            if axis is not None:
                spans[axis] = range(min(span[0], span[-1]), max(span[0], span[-1]) + 1) if span else range(0)
        block = self._array.read(spans)
        present = [axis for axis in self._order if axis is not None]
        rest = [axis for axis in range(block.ndim) if axis not in present]
        # Axes of one, channels and time, go first and away.
        volume = block.transpose(rest + present).reshape([len(spans[axis]) for axis in present])
        if self._order[0] is None:
            volume = volume[None] if wanted[0] else np.empty((0, *volume.shape), volume.dtype)
        volume = volume[tuple(slice(None, None, span.step) for span in wanted)]
        return volume.view(np.uint8) if volume.dtype == bool else volume

    def close(self) -> None:
        """Release the store."""
        self._array.close()

    def _open(self, store: Store, path: ZarrPath) -> tuple[ZarrArray, tuple[int | None, int, int], VolumeInfo]:
        group, level = _find(store, path, self._name)
        if group is None:
            metadata = _array_metadata(store, path.inside, self._name)
            assert metadata is not None
            axes = list("zyx"[-len(metadata.shape) :]) if len(metadata.shape) <= 3 else list(OLD_AXES)
            axes = axes[-len(metadata.shape) :]
            notes = ["It is a plain Zarr array, which does not say what its axes are: zyx is taken."]
            order, shape = _order(axes, metadata.shape, self._name, notes)
            info = VolumeInfo(shape, _dtype(metadata), notes=tuple(notes))
            return ZarrArray(store, path.inside, metadata, self._name), order, info
        paths = _dataset_paths(group.image, self._name)
        axes, units = _axes(group.image, self._name)
        chosen = paths.index(level) if level else 0
        levels, notes, opened = [], [], None
        for number, part in enumerate(paths):
            key = f"{group.key}/{part}" if group.key else part
            metadata = _array_metadata(store, key, self._name)
            if metadata is None or len(metadata.shape) != len(axes):
                if number == chosen:
                    what = "is missing" if metadata is None else "does not have the axes that are described"
                    raise AisError(f"{self._name} is incomplete: its level {part} {what}.")
                continue
            said: list[str] = []
            order, shape = _order(axes, metadata.shape, self._name, said)
            sizes, origin = _placement(group.image, number, axes, units, order, said)
            levels.append(VolumeLevel(part, shape, sizes))
            if number == chosen:
                notes = said
                opened = (key, metadata, order, VolumeInfo(shape, _dtype(metadata), sizes, origin))
        assert opened is not None
        key, metadata, order, info = opened
        complete = VolumeInfo(
            info.shape, info.dtype, info.voxel_sizes, info.header_origin, notes=tuple(notes), levels=tuple(levels)
        )
        return ZarrArray(store, key, metadata, self._name), order, complete


def _find(store: Store, path: ZarrPath, name: str) -> tuple[_Group | None, str]:
    """The multiscale image that a path means, and the level it names; None for a plain array."""
    group = _image(store, path.inside, name)
    if group is not None:
        return group, ""
    if _array_metadata(store, path.inside, name) is None:
        raise _not_a_volume(store, path, name)
    parts = path.inside.split("/") if path.inside else []
    for count in range(len(parts) - 1, -1, -1):
        above = _image(store, "/".join(parts[:count]), name)
        level = "/".join(parts[count:])
        if above is not None and level in _dataset_paths(above.image, name):
            return above, level
    return None, ""


def _image(store: Store, key: str, name: str) -> _Group | None:
    """The multiscale image of a group; the first one of a file of several, as Bio-Formats makes them."""
    attributes = _attributes(store, key, name)
    multiscales = attributes.get("multiscales")
    if multiscales is None and "bioformats2raw.layout" in attributes:
        first = f"{key}/0" if key else "0"
        multiscales, key = _attributes(store, first, name).get("multiscales"), first
    if multiscales is None:
        return None
    if not isinstance(multiscales, list) or not multiscales or not isinstance(multiscales[0], dict):
        raise AisError(f"{name} is damaged: its entry multiscales makes no sense.")
    version = str(multiscales[0].get("version", attributes.get("version", VERSIONS[-1])))
    if version not in VERSIONS:
        raise AisError(f"{name} is OME-Zarr {version[:20]}; Ais reads {VERSIONS[0]} to {VERSIONS[-1]}.")
    return _Group(key, multiscales[0])


def _attributes(store: Store, key: str, name: str) -> dict[str, Any]:
    """What a group says of itself: of OME where it is version 3."""
    prefix = f"{key}/" if key else ""
    node = read_json(store, f"{prefix}zarr.json", name)
    if node is None:
        return read_json(store, f"{prefix}.zattrs", name) or {}
    given = node.get("attributes")
    given = given if isinstance(given, dict) else {}
    ome = given.get("ome")
    return ome if isinstance(ome, dict) else given


def _array_metadata(store: Store, key: str, name: str) -> ArrayMetadata | None:
    prefix = f"{key}/" if key else ""
    node = read_json(store, f"{prefix}zarr.json", name)
    if node is not None:
        return parse_v3(node, name) if node.get("node_type") == "array" else None
    node = read_json(store, f"{prefix}.zarray", name)
    return None if node is None else parse_v2(node, name)


def _not_a_volume(store: Store, path: ZarrPath, name: str) -> AisError:
    attributes = _attributes(store, path.inside, name)
    if "plate" in attributes or "well" in attributes:
        return AisError(f"{name} is a plate of many images, not one volume: name one of them after its path.")
    labels = attributes.get("labels")
    if isinstance(labels, list) and labels:
        known = ", ".join(str(label)[:60] for label in labels[:MAX_LABELS])
        return AisError(f"{name} holds label images ({known}): name one of them, as {name}/{str(labels[0])[:60]}.")
    if isinstance(store, WebStore) and store.refused:
        return AisError(f"{name} does not exist or must not be read: the server refuses it.")
    if path.inside:
        return AisError(f"{name} does not exist: there is no {path.inside} in {path.root}.")
    return AisError(f"{name} is not an OME-Zarr volume: its multiscales metadata is missing.")


def _dataset_paths(image: dict[str, Any], name: str) -> list[str]:
    datasets = image.get("datasets")
    entries = datasets if isinstance(datasets, list) else []
    paths = [entry.get("path") if isinstance(entry, dict) else None for entry in entries]
    for path in paths:
        parts = path.split("/") if isinstance(path, str) else [""]
        if any(part in ("", ".", "..") or "\\" in part or ":" in part or "\0" in part for part in parts):
            raise AisError(f"{name} is damaged: {str(path)[:60]!r} is not the path of a level inside it.")
    if not paths or len(paths) > MAX_LEVELS:
        raise AisError(f"{name} is damaged: it lists {len(paths)} levels.")
    return [str(path) for path in paths]


def _axes(image: dict[str, Any], name: str) -> tuple[list[str], list[str | None]]:
    """Names of the axes in the order of the array, and their units."""
    given = image.get("axes")
    if given is None:  # versions 0.1 and 0.2
        return list(OLD_AXES), [None] * len(OLD_AXES)
    entries = [{"name": axis} if isinstance(axis, str) else axis for axis in given] if isinstance(given, list) else []
    if not all(isinstance(entry, dict) and isinstance(entry.get("name"), str) for entry in entries):
        raise AisError(f"{name} is damaged: its axes make no sense.")
    names = [entry["name"].lower() for entry in entries]
    if len(set(names)) != len(names) or not {"y", "x"} <= set(names) or len(names) > len(OLD_AXES):
        raise AisError(f"{name} has the axes {' '.join(names)[:60]}, where z y x are expected.")
    return names, [str(entry["unit"]) if entry.get("unit") else None for entry in entries]


def _order(
    axes: list[str], shape: tuple[int, ...], name: str, notes: list[str]
) -> tuple[tuple[int | None, int, int], tuple[int, int, int]]:
    """Which axis of the array is z, y and x (None for a missing z), and the shape of the volume."""
    for axis, count in zip(axes, shape, strict=True):
        if axis not in SPACE and count > 1:
            what = {"c": "channels", "t": "time points"}.get(axis, f"layers along its axis {axis[:20]}")
            raise AisError(f"{name} holds {count} {what} where one volume is expected: save one of them by itself.")
    z = axes.index("z") if "z" in axes else None
    y, x = axes.index("y"), axes.index("x")
    stored = "".join(axis for axis in axes if axis in SPACE)
    if stored not in ("zyx", "yx"):
        notes.append(f"Axes stored as {stored} are shown as zyx.")
    return (z, y, x), (1 if z is None else shape[z], shape[y], shape[x])


def _placement(
    image: dict[str, Any],
    level: int,
    axes: list[str],
    units: list[str | None],
    order: tuple[int | None, int, int],
    notes: list[str],
) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    """Voxel sizes (z, y, x) and position (x, y, z) of the first voxel in angstrom, zeros where not given."""
    scale, shift = [1.0] * len(axes), [0.0] * len(axes)
    for holder in (image["datasets"][level], image):
        transformations = holder.get("coordinateTransformations")
        for step in transformations if isinstance(transformations, list) else []:
            kind = step.get("type") if isinstance(step, dict) else None
            numbers = _numbers(step.get(kind), len(axes)) if kind in ("scale", "translation") else None
            if kind == "scale" and numbers:
                scale = [a * b for a, b in zip(scale, numbers, strict=True)]
                shift = [a * b for a, b in zip(shift, numbers, strict=True)]
            elif kind == "translation" and numbers:
                shift = [a + b for a, b in zip(shift, numbers, strict=True)]
            elif kind != "identity":
                notes.append("Its placement is described in a way that Ais does not know, and left out.")
    spatial = [axis for axis in order if axis is not None]
    if all(scale[axis] == 1.0 and units[axis] is None for axis in spatial):
        return (0.0, 0.0, 0.0), (0.0, 0.0, 0.0)
    factors = [_factor(units[axis], notes) for axis in spatial]
    sizes = [abs(scale[axis]) * factor for axis, factor in zip(spatial, factors, strict=True)]
    places = [shift[axis] * factor for axis, factor in zip(spatial, factors, strict=True)]
    sizes = [float(f"{size:.7g}") if math.isfinite(size) else 0.0 for size in sizes]
    places = [float(f"{place:.9g}") if math.isfinite(place) else 0.0 for place in places]
    if order[0] is None:
        sizes, places = [sizes[-1], *sizes], [0.0, *places]
    if sizes[2] > 0 and abs(sizes[0] / sizes[2] - 1) > 0.01:
        notes.append(f"The voxel size along z is {sizes[0]:.4g} A, along x {sizes[2]:.4g} A.")
    return (sizes[0], sizes[1], sizes[2]), (places[2], places[1], places[0])


def _factor(unit: str | None, notes: list[str]) -> float:
    sentence = ""
    if unit is None:
        sentence = "It does not give the unit of its voxel size: angstrom is taken."
    elif unit.lower() not in UNITS:
        sentence = f"The unit {unit[:20]!r} of its voxel size is not known: give --voxel-size."
    if sentence and sentence not in notes:
        notes.append(sentence)
    return 1.0 if unit is None else UNITS.get(unit.lower(), 0.0)


def _numbers(given: Any, count: int) -> list[float] | None:
    if not isinstance(given, list) or len(given) != count:
        return None
    if not all(isinstance(n, int | float) and abs(n) < 1e30 for n in given):
        return None
    return [float(n) for n in given]


def _dtype(metadata: ArrayMetadata) -> np.dtype[Any]:
    dtype = metadata.packing.dtype.newbyteorder("=")
    return np.dtype(np.uint8) if dtype.kind == "b" else dtype
