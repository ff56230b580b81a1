"""OME-Zarr label images written: inside an image as ``TS_001.zarr/labels/membrane``, or as a folder of their own.

A label image inside an image has the levels and the transformations of that image, so that viewers lay one over the
other. Each level takes the value of the nearest voxel: the mean of two labels is none.

References
----------
OME-NGFF specification 0.4 and 0.5, sections on labels.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ais.errors import AisError, describe_os_error
from ais.formats.atomic import write_bytes
from ais.formats.ome_zarr import ImageFrame, image_frame
from ais.formats.ome_zarr_writer import AXES, level_shapes, multiscale
from ais.formats.volume import Array
from ais.formats.zarr_output import PlaneWriter, Put, folder_output, json_bytes, zip_output
from ais.formats.zarr_path import ZarrPath, remote_address, zarr_path
from ais.formats.zarr_store import METADATA_BYTES

LABELS = "labels"
OWN = "ais"
"""The attribute in which Ais keeps what made the labels."""


@dataclass(frozen=True)
class LabelFacts:
    """What is said of a label image besides its voxels.

    Attributes
    ----------
    names
        Value -> what it stands for.
    colours
        Value -> (red, green, blue), 0 to 1.
    record
        What made it; kept among its attributes.
    source
        Path of the image that it belongs to, from the label image on; empty for none.
    """

    names: Mapping[int, str] = field(default_factory=dict)
    colours: Mapping[int, tuple[float, float, float]] = field(default_factory=dict)
    record: Mapping[str, Any] = field(default_factory=dict)
    source: str = ""

    def as_metadata(self, version: str) -> dict[str, Any]:
        """The entry ``image-label``."""
        entry: dict[str, Any] = {"version": version} if version == "0.4" else {}
        if self.colours:
            entry["colors"] = [
                {"label-value": value, "rgba": [*(round(255 * part) for part in colour), 255]}
                for value, colour in self.colours.items()
            ]
        if self.names:
            entry["properties"] = [{"label-value": value, "name": name} for value, name in self.names.items()]
        if self.source:
            entry["source"] = {"image": self.source}
        return entry


def inside_an_image(path: Path | str) -> bool:
    """Whether a path names a label image in an OME-Zarr volume, as ``TS_001.zarr/labels/membrane``."""
    found = zarr_path(path)
    parts = found.inside.split("/") if found is not None else []
    return len(parts) == 2 and parts[0] == LABELS


def label_name(feature: str) -> str:
    """A feature's name as that of a group; letters that a path may not hold are replaced by ``-``."""
    safe = "".join("-" if letter in '<>:"/\\|?*.' or ord(letter) < 32 else letter for letter in feature)
    return safe.strip(" ") or "feature"


def check_target(path: Path | str) -> None:
    """Refuse a path where no label image can be written, before anything is computed.

    Raises
    ------
    AisError
        If it is an address, a level, inside a .zip, or in an image of an old version or of other axes.
    """
    found = _target(path)
    if found.inside:
        image_frame(found.root)


def write_labels(
    path: Path | str,
    slabs: Iterable[Array],
    shape: tuple[int, int, int],
    dtype: np.dtype[Any],
    *,
    voxel_sizes: tuple[float, float, float] = (0.0, 0.0, 0.0),
    origin: tuple[float, ...] = (0.0, 0.0, 0.0),
    facts: LabelFacts | None = None,
) -> None:
    """Write a label image, whole or not at all; one that is there is replaced.

    Parameters
    ----------
    path
        ``TS_001.zarr/labels/membrane`` puts it into the image ``TS_001.zarr`` and adds it to that image's list of
        labels; ``membrane.zarr`` or ``membrane.zarr.zip`` is one of its own.
    slabs
        (n, ny, nx) in z order, of whole numbers; 0 is background.
    shape
        (nz, ny, nx); inside an image, that of one of its levels.
    dtype
        Of whole numbers, in which they are stored.
    voxel_sizes, origin
        (z, y, x) and (x, y, z) in angstrom, for one of its own; an image has its own.
    facts
        Names, colours, and what made it.

    Raises
    ------
    AisError
        If the image is missing, of another shape or version, or cannot be written to.
    """
    if dtype.kind not in "iu":
        raise ValueError(f"labels are whole numbers, not {dtype}")
    found, facts = _target(path), facts or LabelFacts()
    if not found.inside:
        frame = _own_frame(found.stem, shape, voxel_sizes, origin)
        with zip_output(Path(path)) if found.zipped else folder_output(Path(path)) as put:
            _write(put, slabs, frame, dtype, found.stem, facts)
        return
    root, name = Path(found.root), found.inside.partition("/")[2]
    frame = _from_level(image_frame(root), shape, root)
    with folder_output(root / LABELS / name) as put:
        _write(put, slabs, frame, dtype, name, LabelFacts(facts.names, facts.colours, facts.record, "../../"))
    list_label(path)


def list_label(path: Path | str) -> None:
    """Have the image list a label image that lies in it, in its group of labels and in metadata put together there.

    Raises
    ------
    AisError
        If the image cannot be written to.
    """
    found = _target(path)
    root, name = Path(found.root), found.inside.partition("/")[2]
    folder = root / LABELS
    third = (folder / name / "zarr.json").exists()
    document = folder / ("zarr.json" if third else ".zattrs")
    given = _read(document)
    holder = given
    if third:
        given = {"zarr_format": 3, "node_type": "group", **given}
        holder = given.setdefault("attributes", {}).setdefault("ome", {"version": "0.5"})
    else:
        write_bytes(folder / ".zgroup", json_bytes({"zarr_format": 2}))
    listed = holder.get(LABELS)
    listed = listed if isinstance(listed, list) else []
    if name not in listed:
        holder[LABELS] = [*listed, name]
        write_bytes(document, json_bytes(given))
    _put_together(root, name, third)


def label_record(path: Path | str) -> dict[str, Any] | None:
    """What Ais has noted in a label image; empty if it is of another program, None if there is none."""
    attributes = _label_attributes(Path(path))
    if attributes is None:
        return None
    record = attributes.get(OWN)
    return record if isinstance(record, dict) else {}


def is_label_image(path: Path) -> bool:
    """Whether a folder is an OME-Zarr label image, and no volume that was recorded."""
    try:
        attributes = _label_attributes(path) or {}
    except AisError:  # what is damaged is told when it is opened
        return False
    ome = attributes.get("ome")
    return "image-label" in (ome if isinstance(ome, dict) else attributes)


def _label_attributes(path: Path) -> dict[str, Any] | None:
    if not path.is_dir():
        return None
    if (path / "zarr.json").exists():
        given = _read(path / "zarr.json").get("attributes")
        return given if isinstance(given, dict) else {}
    return _read(path / ".zattrs")


def _target(path: Path | str) -> ZarrPath:
    found = zarr_path(path)
    if found is None or remote_address(path) or (found.inside and not inside_an_image(path)):
        raise AisError(f"{path} cannot be written: name labels as TS_001.zarr/labels/membrane, or as membrane.zarr.")
    if found.inside and found.zipped:
        raise AisError(f"{found.root} is a .zip, into which no labels can be put: unpack it to a folder.")
    if found.inside and not Path(found.root).is_dir():
        raise AisError(f"{found.root} does not exist, so that no labels can be put into it.")
    return found


def _own_frame(
    name: str, shape: tuple[int, int, int], voxel_sizes: tuple[float, float, float], origin: tuple[float, ...]
) -> ImageFrame:
    shapes = list(level_shapes(shape))
    entry = multiscale(name, shapes, voxel_sizes, origin)
    steps = [level["coordinateTransformations"] for level in entry["datasets"]]
    return ImageFrame("0.4", 2, entry.get("axes", AXES), shapes, steps, [])


def _from_level(frame: ImageFrame, shape: tuple[int, int, int], root: Path) -> ImageFrame:
    """The part of a frame from the level of a shape on."""
    if shape not in frame.shapes:
        sizes = ", ".join(" x ".join(map(str, each)) for each in frame.shapes[:4])
        wanted = " x ".join(map(str, shape))
        raise AisError(f"{root} has levels of {sizes} voxels (z, y, x), and the labels have {wanted}.")
    at = frame.shapes.index(shape)
    return ImageFrame(frame.version, frame.zarr_format, frame.axes, frame.shapes[at:], frame.steps[at:], frame.common)


def _write(
    put: Put, slabs: Iterable[Array], frame: ImageFrame, dtype: np.dtype[Any], name: str, facts: LabelFacts
) -> None:
    datasets = [
        {"path": str(level), "coordinateTransformations": steps} if steps else {"path": str(level)}
        for level, steps in enumerate(frame.steps)
    ]
    image: dict[str, Any] = {"name": name, "axes": frame.axes, "datasets": datasets, "type": "nearest"}
    if frame.common:
        image["coordinateTransformations"] = frame.common
    own = {OWN: dict(facts.record)} if facts.record else {}
    described = facts.as_metadata(frame.version)
    if frame.zarr_format == 3:
        ome = {"version": frame.version, "multiscales": [image], "image-label": described}
        group = {"zarr_format": 3, "node_type": "group", "attributes": {"ome": ome, **own}}
        put("zarr.json", json_bytes(group))
    else:
        put(".zgroup", json_bytes({"zarr_format": 2}))
        image = {"version": frame.version, **image}
        put(".zattrs", json_bytes({"multiscales": [image], "image-label": described, **own}))
    stored = dtype.newbyteorder("<")
    levels = [
        (PlaneWriter(put, str(level), shape, stored, frame.zarr_format), _nearest(shape, frame.shapes[0]))
        for level, shape in enumerate(frame.shapes)
    ]
    z = 0
    for slab in slabs:
        for plane in slab.reshape(-1, *slab.shape[-2:]):
            for writer, (planes, rows, columns) in levels:
                for _ in range(np.count_nonzero(planes == z)):
                    writer.write(plane[np.ix_(rows, columns)])
            z += 1
    for writer, _ in levels:
        writer.close()


def _nearest(shape: tuple[int, int, int], whole: tuple[int, int, int]) -> list[NDArray[np.intp]]:
    """For each axis, which voxels of the whole are those of a smaller level."""
    return [((np.arange(few) + 0.5) * many / few).astype(np.intp) for few, many in zip(shape, whole, strict=True)]


def _put_together(root: Path, name: str, third: bool) -> None:
    """Add what is new to metadata that the image keeps of all its groups in one place, if it does."""
    document = root / ("zarr.json" if third else ".zmetadata")
    if not document.exists():
        return
    given = _read(document)
    together = given.get("consolidated_metadata") if third else given
    known = together.get("metadata") if isinstance(together, dict) else None
    if not isinstance(known, dict):
        return
    for start in (LABELS, f"{LABELS}/{name}"):
        for old in [key for key in known if key.startswith(f"{LABELS}/{name}/")]:
            del known[old]
        folder = root / start
        inside = [folder, *sorted(entry for entry in folder.iterdir() if entry.is_dir() and start != LABELS)]
        for one in inside:
            key = one.relative_to(root).as_posix()
            if third:
                known[key] = _read(one / "zarr.json")
            else:
                known |= {
                    f"{key}/{kind}": _read(one / kind)
                    for kind in (".zgroup", ".zattrs", ".zarray")
                    if (one / kind).exists()
                }
    write_bytes(document, json_bytes(given))


def _read(document: Path) -> dict[str, Any]:
    """A metadata document; empty if there is none."""
    try:
        if not document.exists():
            return {}
        if document.stat().st_size > METADATA_BYTES:
            raise AisError(f"{document} is larger than it can be.")
        value = json.loads(document.read_text(encoding="utf-8"))
    except OSError as error:
        raise AisError(describe_os_error(error, document)) from error
    except (ValueError, RecursionError) as error:
        raise AisError(f"{document} is damaged: it is not JSON.") from error
    if not isinstance(value, dict):
        raise AisError(f"{document} is damaged: it is not a JSON object.")
    return value
