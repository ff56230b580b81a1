"""Models and groups of models of Ais 1.x, written: a tar with an HDF5 file as Keras 2 writes it."""

from __future__ import annotations

import io
import itertools
import json
import tarfile
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ais.formats.atomic import atomic_path
from ais.formats.scnm import METADATA_END, PREVIEW_END, WEIGHTS_END, Scnm
from ais.formats.scnmgroup import A_PER_NM, INTERACTIONS_END, TYPES

if TYPE_CHECKING:
    import h5py

SLICE_END = "_slice.tiff"
KERAS_VERSION = "2.15.0"
KERAS_BACKEND = "tensorflow"
READABLE_BY_ALL = 0o644
PLAIN_SIDE = 64
PLAIN_GREY = 128
NUMBERS_OF_TYPES = {name: number for number, name in TYPES.items()}


@dataclass(frozen=True)
class WrittenLayer:
    """A layer as Keras 2 finds it again.

    Attributes
    ----------
    name
        As in the description of the network.
    weights
        By their names, such as ``kernel`` and ``bias``, in Keras' order.
    """

    name: str
    weights: Mapping[str, NDArray[np.float32]]


def network_file(description: Mapping[str, Any], layers: Sequence[WrittenLayer]) -> bytes:
    """A network as the HDF5 file that Keras 2 reads.

    Parameters
    ----------
    description
        What Keras 2 calls the model's config.
    layers
        All layers in the order in which Keras 2 lists those of the model: it goes by the order and not by the names.
    """
    import h5py

    memory = io.BytesIO()
    with h5py.File(memory, "w") as file:
        group = file.create_group("model_weights")
        for place in (file, group):
            place.attrs["backend"] = KERAS_BACKEND
            place.attrs["keras_version"] = KERAS_VERSION
        file.attrs["model_config"] = json.dumps(description)
        _name(group, "layer_names", [layer.name for layer in layers])
        for layer in (*layers, WrittenLayer("top_level_model_weights", {})):
            inside = group.create_group(layer.name)
            names = {f"{layer.name}/{weight}:0": values for weight, values in layer.weights.items()}
            _name(inside, "weight_names", list(names))
            for name, values in names.items():
                inside.create_dataset(name, data=values)
    return memory.getvalue()


def write_scnm(path: Path | str, content: Scnm, preview: bytes | None = None) -> None:
    """Write a model file of Ais 1.x; the same model gives the same bytes.

    Parameters
    ----------
    path
        The file to write.
    content
        Metadata and the file of the network.
    preview
        A PNG image; it becomes the slice too, in grey. Both are plain without one.

    Raises
    ------
    AisError
        If the file cannot be written.
    """
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        _write_tar(file, _members(Path(path).stem, content, preview).items())


def scnm_bytes(stem: str, content: Scnm, preview: bytes | None = None) -> bytes:
    """What `write_scnm` writes into a file called `stem`."""
    memory = io.BytesIO()
    _write_tar(memory, _members(stem, content, preview).items())
    return memory.getvalue()


def write_scnmgroup(path: Path | str, models: Iterable[bytes], interactions: Sequence[Mapping[str, Any]]) -> None:
    """Write a group of models of Ais 1.x.

    Parameters
    ----------
    path
        The file to write.
    models
        From `scnm_bytes`, each with the stem that `member_stem` gives.
    interactions
        Rules between the titles of the models, as in a rules file, in order.

    Raises
    ------
    AisError
        If the file cannot be written.
    """
    entries = [
        {
            "parent_title": rule["child"],  # what Ais 1.x calls the parent owns the rule
            "partner_title": rule["parent"],
            "type": NUMBERS_OF_TYPES[rule["type"]],
            "radius": rule["radius"] / A_PER_NM,
            "threshold": rule["threshold"],
        }
        for rule in interactions
    ]
    rules = f"{Path(path).stem}{INTERACTIONS_END}", json.dumps(entries, indent=2).encode()
    files = ((f"{member_stem(path, number)}.scnm", model) for number, model in enumerate(models))
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        _write_tar(file, itertools.chain(files, [rules]))


def member_stem(path: Path | str, number: int) -> str:
    """What a model of a group is called, counted from 0."""
    return f"{Path(path).stem}_model_{number}"


def _name(group: h5py.Group, attribute: str, names: Sequence[str]) -> None:
    import h5py

    group.attrs.create(attribute, np.array(names, dtype=object), (len(names),), h5py.string_dtype())


def _members(stem: str, content: Scnm, preview: bytes | None) -> dict[str, bytes]:
    picture, image = _pictures(preview)
    return {
        f"{stem}{WEIGHTS_END}": content.network,
        f"{stem}{METADATA_END}": json.dumps(content.metadata).encode(),
        f"{stem}{SLICE_END}": image,
        f"{stem}{PREVIEW_END}": picture,
    }


def _write_tar(file: IO[bytes], members: Iterable[tuple[str, bytes]]) -> None:
    with tarfile.open(fileobj=file, mode="w") as tar:
        for name, data in members:
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(data), READABLE_BY_ALL
            tar.addfile(entry, io.BytesIO(data))


def _pictures(preview: bytes | None) -> tuple[bytes, bytes]:
    """The preview as PNG, and in grey as a TIFF."""
    import tifffile
    from PIL import Image

    picture = Image.new("RGB", (PLAIN_SIDE, PLAIN_SIDE), (PLAIN_GREY,) * 3)
    if preview is not None:
        with suppress(OSError, ValueError, SyntaxError, Image.DecompressionBombError):  # then a plain one will do
            picture = Image.open(io.BytesIO(preview), formats=("PNG",)).convert("RGB")
    png, tiff = io.BytesIO(), io.BytesIO()
    picture.save(png, "PNG")
    grey = np.asarray(picture.convert("L"), np.float32)
    tifffile.imwrite(tiff, grey, photometric="minisblack", metadata=None, software=False)
    return png.getvalue(), tiff.getvalue()
