"""The model file `.aism`: a zip of `model.json`, the weights, and a preview; it holds no code and runs none.

A classic model has no weights.

The same functions read the `.scnm` of Ais 1.x, told by its ending.
"""

from __future__ import annotations

import hashlib
import io
import json
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ais.errors import AisError, describe_os_error
from ais.formats.atomic import atomic_path
from ais.formats.plain_file import require_plain_file
from ais.formats.scnm import SUFFIX as SCNM
from ais.formats.scnm import read_scnm, read_scnm_preview
from ais.models.architecture import set_folded_weights
from ais.models.backend import load_backend
from ais.models.imported import imported_info, imported_weights
from ais.models.info import ModelInfo, info_from_json
from ais.models.layer_list import build_listed, weighted_layers
from ais.models.registry import architecture, build
from ais.models.user_architectures import check_user_architecture

if TYPE_CHECKING:
    import keras

RECORD = "model.json"
WEIGHTS = "model.weights.h5"
PREVIEW = "preview.png"
MAX_RECORD_BYTES = 16 << 20
MAX_WEIGHTS_BYTES = 4 << 30
MAX_PREVIEW_BYTES = 64 << 20
WEIGHTS_SLACK = 1 << 20
FLOAT32_BYTES = 4
EARLIEST_DATE = (1980, 1, 1, 0, 0, 0)
ACTS_ON_OUTPUT = (
    *("architecture", "arguments", "architecture_hash", "depth", "feature", "features", "layers", "normalization"),
    "voxel_size",
)
MODEL_SUFFIXES = (".aism", SCNM)


@dataclass
class Model:
    """A network with what is known about it.

    Attributes
    ----------
    network
        Keras model from (N, H, W, depth) normalised float32 to probabilities (N, H, W, 1) float32, or with several
        features (N, H, W, features + 1), background first; H and W multiples of the architecture's stride.
    info
        What it finds and how it was trained.
    hash
        `model_hash` of the file it came from; None for a model that has no file yet.
    """

    network: keras.Model
    info: ModelInfo
    hash: str | None = None

    def network_as(self, dtype: str) -> keras.Model:
        """The same network for segmenting under a Keras policy such as ``mixed_bfloat16``; it cannot be trained."""
        if self.info.layers or self.info.architecture_hash:
            # Networks that are not the library's may normalise in ways that cannot be folded.
            copy = build_as(self.info, dtype=dtype, blank=True)
            copy.set_weights(self.network.get_weights())
            return copy
        copy = build_as(self.info, dtype=dtype, folded=True)
        set_folded_weights(copy, self.network)
        return copy


def build_as(
    info: ModelInfo, *, dtype: str = "float32", seed: int = 0, folded: bool = False, blank: bool = False
) -> keras.Model:
    """A fresh network as a model's record describes it.

    Parameters are those of `ais.models.build`, and so are the errors; also AisError if the user's file that describes
    the architecture is missing, or has changed.
    """
    if info.layers:
        load_backend()
        return build_listed(info.layers, info.depth, dtype=dtype, seed=seed)
    if info.architecture_hash:
        check_user_architecture(info.architecture, info.architecture_hash)
        if architecture(info.architecture).source_hash != info.architecture_hash:
            raise AisError(f"its architecture {info.architecture} is a user's own, and Ais has another of that name")
    return build(
        info.architecture,
        info.depth,
        info.arguments,
        features=len(info.found),
        dtype=dtype,
        seed=seed,
        folded=folded,
        blank=blank,
    )


def save_model(path: Path | str, model: Model, preview: bytes | None = None) -> None:
    """Write a model file; the same model gives the same bytes.

    Parameters
    ----------
    path
        The file to write.
    model
        Its weights and record; `model.hash` is not looked at.
    preview
        A PNG image to show in the model library.

    Raises
    ------
    AisError
        If the file cannot be written.
    """
    _write(path, model.info, {WEIGHTS: _weights_as_bytes(model.network)}, preview)


def save_classic_model(path: Path | str, info: ModelInfo, preview: bytes | None = None) -> None:
    """Write the file of a classic model, which has no weights; else as `save_model`."""
    _write(path, info, {}, preview)


def _write(path: Path | str, info: ModelInfo, weights: dict[str, bytes], preview: bytes | None) -> None:
    from ais import __version__

    record = replace(info, ais_version=__version__).as_json()
    members = {RECORD: json.dumps(record, indent=1, ensure_ascii=False, allow_nan=False).encode("utf-8"), **weights}
    if preview is not None:
        members[PREVIEW] = preview
    with atomic_path(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name, EARLIEST_DATE), data, zipfile.ZIP_DEFLATED)


def load_model(path: Path | str, dtype: str = "float32") -> Model:
    """Read a model file and rebuild its network.

    Parameters
    ----------
    path
        A ``.aism`` file, or a ``.scnm`` of Ais 1.x.
    dtype
        Keras policy to compute in.

    Raises
    ------
    AisError
        If the file cannot be read, is damaged, is newer than this Ais, or its weights do not fit its architecture; or
        if its architecture is a user's own, and the file of that is missing or has changed; or if it
        is a classic model.
    """
    if is_scnm(path):
        return _load_scnm(path, dtype)
    with _open(path) as archive:
        info = _read_info(archive, path)
        if info.is_classic:
            raise AisError(
                f"{path} is a classic model, which has no network: it segments, but cannot be trained or converted."
            )
        weights = _read_member(archive, WEIGHTS, MAX_WEIGHTS_BYTES, path)
    network = _built(info, dtype, path)
    _set_weights(network, weights, path)
    return Model(network, info, _hash(info, weights))


def read_model_info(path: Path | str) -> ModelInfo:
    """What a model file says about its network; loads no TensorFlow. Raises as `load_model`."""
    if is_scnm(path):
        return imported_info(read_scnm(path), path)
    with _open(path) as archive:
        return _read_info(archive, path)


def read_preview(path: Path | str) -> bytes | None:
    """The preview as PNG bytes, None if there is none. Raises as `load_model`."""
    if is_scnm(path):
        return read_scnm_preview(path)
    with _open(path) as archive:
        if PREVIEW not in archive.namelist():
            return None
        return _read_member(archive, PREVIEW, MAX_PREVIEW_BYTES, path)


def model_hash(path: Path | str) -> str:
    """64 hex digits that change when, and only when, what the model computes may change; loads no TensorFlow.

    Colour, threshold, preview, and the training record have no part in it.
    """
    if is_scnm(path):
        content = read_scnm(path)
        return _hash(imported_info(content, path), content.network)
    with _open(path) as archive:
        info = _read_info(archive, path)
        return _hash(info, b"" if info.is_classic else _read_member(archive, WEIGHTS, MAX_WEIGHTS_BYTES, path))


def classic_hash(info: ModelInfo) -> str:
    """`model_hash` of a classic model that needs no file."""
    return _hash(info, b"")


def is_scnm(path: Path | str) -> bool:
    """Whether a path names a model of Ais 1.x."""
    return Path(path).suffix.lower() == SCNM


def _load_scnm(path: Path | str, dtype: str) -> Model:
    content = read_scnm(path)
    info = imported_info(content, path)
    weights = imported_weights(content, path)
    network = _built(info, dtype, path)
    for layer, values in zip(weighted_layers(network), weights, strict=True):
        layer.set_weights(values)
    return Model(network, info, _hash(info, content.network))


def _built(info: ModelInfo, dtype: str, path: Path | str) -> keras.Model:
    load_backend()  # what is wrong with it is not the file's fault
    try:
        return build_as(info, dtype=dtype, blank=True)
    except AisError as error:
        raise AisError(f"{path} cannot be used as a model: {str(error).rstrip('.')}.") from error


def _hash(info: ModelInfo, weights: bytes) -> str:
    record = info.as_json()
    identity = json.dumps({name: record[name] for name in ACTS_ON_OUTPUT}, sort_keys=True)
    return hashlib.sha256(identity.encode("utf-8") + b"\0" + weights).hexdigest()


@contextmanager
def _open(path: Path | str) -> Iterator[zipfile.ZipFile]:
    require_plain_file(path)
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except (zipfile.BadZipFile, EOFError, NotImplementedError, ValueError) as error:
        raise AisError(f"{path} is not an Ais model file, or is damaged: train or copy it again.") from error
    except OSError as error:
        raise AisError(describe_os_error(error, path)) from error


def _read_member(archive: zipfile.ZipFile, name: str, limit: int, path: Path | str) -> bytes:
    # Sizes in a zip's directory may lie, so the reading itself is bounded.
    try:
        with archive.open(name) as member:
            data = member.read(limit + 1)
    except KeyError as error:
        raise AisError(f"{path} is not an Ais model file: it holds no {name}.") from error
    except (zlib.error, zipfile.BadZipFile, EOFError, RuntimeError, NotImplementedError) as error:
        raise AisError(f"{path} is damaged: {name} in it cannot be unpacked; copy the file again.") from error
    if len(data) > limit:
        raise AisError(f"{path} is not an Ais model file: {name} in it is larger than {limit >> 20} MiB.")
    return data


def _read_info(archive: zipfile.ZipFile, path: Path | str) -> ModelInfo:
    data = _read_member(archive, RECORD, MAX_RECORD_BYTES, path)
    try:
        content = json.loads(data.decode("utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise AisError(f"{path} is damaged: {RECORD} in it is not JSON; copy the file again.") from error
    try:
        return info_from_json(content)
    except AisError as error:
        raise AisError(f"{path} cannot be used as a model: {str(error).rstrip('.')}.") from error


def _weights_as_bytes(network: keras.Model) -> bytes:
    with tempfile.TemporaryDirectory(prefix="ais-") as folder:
        file = Path(folder) / WEIGHTS
        network.save_weights(file)
        return file.read_bytes()


def _set_weights(network: keras.Model, data: bytes, path: Path | str) -> None:
    mismatch = f"{path} cannot be used as a model: its weights do not fit its architecture {network.name}."
    if len(data) > 2 * FLOAT32_BYTES * network.count_params() + WEIGHTS_SLACK:
        raise AisError(mismatch)
    _check_hdf5(data, network.count_params(), mismatch)
    with tempfile.TemporaryDirectory(prefix="ais-") as folder:
        file = Path(folder) / WEIGHTS
        try:
            file.write_bytes(data)
            network.load_weights(file)
        except OSError as error:
            raise AisError(describe_os_error(error, file)) from error
        except (ValueError, KeyError, TypeError, RuntimeError) as error:
            raise AisError(mismatch) from error
    if not all(np.isfinite(values).all() for values in network.get_weights()):
        raise AisError(f"{path} cannot be used as a model: its weights hold values that are not numbers.")


def _check_hdf5(data: bytes, parameters: int, mismatch: str) -> None:
    # HDF5 can point at other files and can claim any size; a file of ours does neither.
    import h5py

    numbers = 0

    def visit(_: str, item: Any) -> None:
        nonlocal numbers
        if isinstance(item, h5py.Dataset):
            if item.external or item.is_virtual or item.dtype.kind != "f":
                raise AisError(mismatch)
            numbers += item.size

    try:
        with h5py.File(io.BytesIO(data), "r") as file:
            _refuse_links(file, mismatch)
            file.visititems(visit)
    except (OSError, OverflowError, RuntimeError, KeyError, ValueError) as error:
        raise AisError(mismatch) from error
    if numbers != parameters:
        raise AisError(mismatch)


def _refuse_links(group: Any, mismatch: str) -> None:
    import h5py

    for name in group:
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            raise AisError(mismatch)
        if isinstance(group[name], h5py.Group):
            _refuse_links(group[name], mismatch)
