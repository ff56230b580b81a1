"""A training set in memory: images, labels, and where each sample comes from."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ais.errors import AisError
from ais.formats.scnt import GLOBAL_MAD, PER_BOX, SetHeader, is_positive, read_header, read_set, write_set

VOXEL_SIZE_TOLERANCE = 0.05
ID_DIGITS = 16


@dataclass(frozen=True)
class SampleRecord:
    """Where a sample comes from.

    Attributes
    ----------
    id
        16 hexadecimal digits; the same sample has the same in every set.
    tomogram, tomogram_path
        Name and file of the tomogram; empty when unknown.
    feature
        Whose box it is.
    z, y, x
        Voxel at its centre; -1 when unknown.
    box_size_annotated
        Side of the user's box, in voxels of the tomogram.
    box_size
        Side of the sample, in pixels.
    negative
        Whether it shows what the feature is not.
    """

    id: str
    tomogram: str
    tomogram_path: str
    feature: str
    z: int
    y: int
    x: int
    box_size_annotated: int
    box_size: int
    negative: bool


@dataclass(frozen=True, eq=False)
class TrainingSet:
    """Samples to train a network with.

    Attributes
    ----------
    images
        float32 (n, depth, box, box), normalised.
    labels
        uint8 (n, box, box): 0 background, 1 first feature, 2 ignore, 3... further features.
    records
        Where each sample comes from.
    features
        Names: the first has label 1, the others 3, 4, ...
    voxel_size
        In angstrom; 0.0 when unknown.
    name
        For messages.
    normalization
        ``"global_mad"``: by the whole tomogram; ``"box"``: each sample by itself, as sets of old versions need.
    notes
        Sentences about what is unusual.
    """

    images: NDArray[np.float32]
    labels: NDArray[np.uint8]
    records: list[SampleRecord]
    features: list[str]
    voxel_size: float
    name: str = ""
    normalization: str = GLOBAL_MAD
    notes: tuple[str, ...] = ()

    @property
    def depth(self) -> int:
        """Slices per sample."""
        return int(self.images.shape[1])

    @property
    def box_size(self) -> int:
        """Side of a sample in pixels."""
        return int(self.images.shape[2])

    @property
    def n_positive(self) -> int:
        """Samples in which a feature is labelled."""
        return sum(map(is_positive, self.labels))

    @cached_property
    def hash(self) -> str:
        """Hexadecimal fingerprint of images, labels, features and voxel size."""
        digest = hashlib.sha256(repr((self.features, self.voxel_size, self.images.shape)).encode())
        for image, labels in zip(self.images, self.labels, strict=True):
            digest.update(image.tobytes() + labels.tobytes())
        return digest.hexdigest()

    @classmethod
    def read(cls, path: Path | str) -> TrainingSet:
        """Read a training set (``.scnt``) of this program or of Ais 1.x.

        Raises
        ------
        AisError
            If the file is not a training set, or damaged.
        """
        path = Path(path)
        header, images, labels = read_set(path)
        if header.samples:
            records = [_record(sample, path) for sample in header.samples]
        else:
            records = _unknown_records(images, labels, header.features[0])
        features, notes = list(header.features), header.notes
        return cls(images, labels, records, features, header.voxel_size, path.stem, header.normalization, notes)

    def write(self, path: Path | str) -> None:
        """Write the set as a TIFF (``.scnt``) that Ais 1.x and Fiji read too.

        Raises
        ------
        AisError
            If the folder cannot be written or the disk is full.
        """
        header = SetHeader(
            *(len(self.images), self.n_positive, self.box_size, self.depth, self.voxel_size),
            features=tuple(self.features),
            normalization=self.normalization,
            samples=tuple(asdict(record) for record in self.records),
            notes=self.notes,
        )
        write_set(Path(path), header, zip(self.images, self.labels, strict=True))


def describe_training_set(path: Path | str) -> dict[str, Any]:
    """What a training set is, without reading its images.

    Returns
    -------
    dict
        ``n_samples n_positive box_size depth voxel_size features normalization notes``.

    Raises
    ------
    AisError
        If the file is not a training set, or damaged.
    """
    return figures(read_header(Path(path)))


def figures(header: SetHeader) -> dict[str, Any]:
    """The figures of a training set that are reported to people."""
    return {
        "n_samples": header.n_samples,
        "n_positive": header.n_positive,
        "box_size": header.box_size,
        "depth": header.depth,
        "voxel_size": header.voxel_size,
        "features": list(header.features),
        "normalization": header.normalization,
        "notes": list(header.notes),
    }


def pool(sets: Sequence[TrainingSet]) -> TrainingSet:
    """Put training sets together; a sample that is in several is taken once.

    Parameters
    ----------
    sets
        Of one box size, depth and voxel size (within 5 %), for the same features; sets of one feature each may name it
        differently.

    Returns
    -------
    TrainingSet

    Raises
    ------
    AisError
        If there are none, or they do not fit together.
    """
    if not sets:
        raise AisError("Choose at least one training set.")
    first = sets[0]
    for other in sets[1:]:
        _check_alike(first, other)
    chosen = _first_of_each(sets)
    notes = dict.fromkeys(note for one in sets for note in one.notes)
    names = list(dict.fromkeys(" and ".join(one.features) for one in sets))
    if len(names) > 1:
        notes[f"The sets call their feature {' and '.join(names)}: it is taken as one, {names[0]}."] = None
    alike = all(one.normalization == GLOBAL_MAD for one in sets)
    return TrainingSet(
        np.concatenate([one.images[index] for one, index in zip(sets, chosen, strict=True)]),
        np.concatenate([one.labels[index] for one, index in zip(sets, chosen, strict=True)]),
        [one.records[i] for one, index in zip(sets, chosen, strict=True) for i in index],
        first.features,
        first.voxel_size,
        " + ".join(one.name for one in sets),
        GLOBAL_MAD if alike else PER_BOX,
        tuple(notes),
    )


def sample_id(content: Iterable[Any]) -> str:
    """16 hexadecimal digits that stand for what makes a sample what it is."""
    return hashlib.sha256(repr(tuple(content)).encode()).hexdigest()[:ID_DIGITS]


def _check_alike(first: TrainingSet, other: TrainingSet) -> None:
    for what in ("box_size", "depth"):
        mine, theirs = getattr(first, what), getattr(other, what)
        if mine != theirs:
            words = what.replace("_", " ")
            raise AisError(f"{first.name} has a {words} of {mine} and {other.name} of {theirs}: extract them alike.")
    if abs(first.voxel_size - other.voxel_size) > VOXEL_SIZE_TOLERANCE * max(first.voxel_size, other.voxel_size):
        raise AisError(
            f"{first.name} has a voxel size of {first.voxel_size:g} A and {other.name} of {other.voxel_size:g} A: "
            "extract them with the same --voxel-size."
        )
    if first.features != other.features and max(len(first.features), len(other.features)) > 1:
        raise AisError(
            f"{first.name} is for {', '.join(first.features)} and {other.name} for {', '.join(other.features)}: "
            "extract them for the same features in the same order."
        )


def _first_of_each(sets: Sequence[TrainingSet]) -> list[list[int]]:
    """Of each set the samples that no set before it has."""
    seen: set[tuple[str, bytes]] = set()
    chosen = []
    for one in sets:
        keys = [
            (record.id, hashlib.sha256(image.tobytes() + labels.tobytes()).digest())
            for record, image, labels in zip(one.records, one.images, one.labels, strict=True)
        ]
        chosen.append([index for index, key in enumerate(keys) if key not in seen])
        seen.update(keys)
    return chosen


def _record(sample: Mapping[str, Any], path: Path) -> SampleRecord:
    convert: dict[str, Any] = {"str": str, "int": int, "bool": bool}
    try:
        return SampleRecord(
            **{field.name: convert[str(field.type)](sample[field.name]) for field in fields(SampleRecord)}
        )
    except (KeyError, TypeError, ValueError) as error:
        raise AisError(f"{path} has an incomplete record of its samples: it is damaged.") from error


def _unknown_records(images: NDArray[np.float32], labels: NDArray[np.uint8], feature: str) -> list[SampleRecord]:
    side = images.shape[2]
    return [
        SampleRecord(
            sample_id((image.tobytes(), plane.tobytes())),
            "",
            "",
            feature,
            -1,
            -1,
            -1,
            side,
            side,
            not is_positive(plane),
        )
        for image, plane in zip(images, labels, strict=True)
    ]
