"""Training samples cut from the tomograms of a project, at the boxes that the user has placed."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ais.annotation.box_operations import MAX_BOXES, background_positions
from ais.annotation.entries import Box, Feature, TomogramEntry
from ais.errors import AisError
from ais.formats.scnt import GLOBAL_MAD, IGNORE_LABEL, MAX_DEPTH, Sample, SetHeader, is_positive, write_set
from ais.progress import SILENT, Progress
from ais.project.document import Project
from ais.tomogram import as_grey
from ais.trainset.samples import SampleFrame, label_of
from ais.trainset.training_set import VOXEL_SIZE_TOLERANCE, SampleRecord, TrainingSet, figures, sample_id

BOX_SIZES_PX = (4, 2048)
MAX_FEATURES = 250
MAX_CUT_PX = 16384


@dataclass(frozen=True, eq=False)
class SetPreview:
    """A training set before it is made.

    Attributes
    ----------
    n_samples, n_positive
        Samples, and those of them in which a feature is labelled.
    voxel_size
        In angstrom; 0.0 when unknown.
    features
        Names: the first has label 1, the others 3, 4, ...
    images
        uint8 (n, box, box), the middle slices by `ais.tomogram.as_grey`.
    labels
        uint8 (n, box, box).
    records
        Where each of these samples comes from.
    """

    n_samples: int
    n_positive: int
    voxel_size: float
    features: tuple[str, ...]
    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    records: list[SampleRecord]


@dataclass(frozen=True)
class _Geometry:
    """What all samples have in common, as asked for."""

    box_size: int
    depth: int
    voxel_size: float | None


@dataclass(frozen=True)
class _Place:
    """A box that becomes a sample; `own_box` is its side in voxels as far as the user has looked."""

    entry: TomogramEntry
    feature: Feature
    box: Box
    own_box: int


@dataclass(frozen=True)
class _Cut:
    """A sample that is to be made."""

    place: _Place
    frame: SampleFrame
    all_background: bool
    record: SampleRecord


@dataclass(frozen=True)
class _Plan:
    """All samples that are to be made."""

    project: Project
    features: list[Feature]
    voxel_size: float
    cuts: list[_Cut]


def extract(
    project: Project,
    features: Sequence[str],
    negatives: Sequence[str] = (),
    *,
    box_size: int = 64,
    depth: int = 1,
    voxel_size: float | None = None,
    background: int = 0,
    seed: int = 0,
    tomograms: Collection[int] | None = None,
    progress: Progress = SILENT,
) -> TrainingSet:
    """Make a training set of a project's boxes.

    A box of a feature gives one sample: the tomogram around the box, and for each pixel 1 where the feature is
    painted, 2 where nobody has looked (outside the tomogram, in a region marked to be ignored, and beyond the feature's
    own box), else 0. With several features, whatever of them is painted in the box gets its own label (1, 3, 4, ...). A
    negative box of such a feature has no feature's label: what is painted in it has label 2, since a box placed in
    the background can have something painted in its corner. Boxes of a feature in `negatives` are 0 throughout, apart
    from what nobody has looked at.

    Parameters
    ----------
    project
        An open project.
    features
        Names of the features to learn.
    negatives
        Names of features whose boxes show what the others are not.
    box_size
        Side of a sample in pixels.
    depth
        Slices of a sample; odd.
    voxel_size
        Of the samples, in angstrom. Tomograms that differ from it by 5 % or more are resampled in the plane. By default
        that of the tomogram in the middle, by its number of boxes.
    background
        Further samples at random places away from what is painted, shared out over the tomograms that have
        boxes; fewer if there is no room.
    seed
        Of these places.
    tomograms
        Numbers of the tomograms whose boxes are used; by default all.
    progress
        Told after every sample.

    Returns
    -------
    TrainingSet

    Raises
    ------
    AisError
        If a feature does not exist, there are no boxes, a feature is painted in none of them, or a tomogram is missing
        or its voxel size unknown where it is needed.
    """
    geometry = _Geometry(box_size, depth, voxel_size)
    plan = _make_plan(project, features, negatives, geometry, background, seed, tomograms)
    shape = (len(plan.cuts), depth, box_size, box_size)
    images, labels = np.empty(shape, np.float32), np.empty((shape[0], *shape[2:]), np.uint8)
    for index, (image, plane) in enumerate(_samples(plan, progress)):
        images[index], labels[index] = image, plane
    _require_painted(plan, np.unique(labels).tolist())
    names = [feature.name for feature in plan.features]
    records = [cut.record for cut in plan.cuts]
    return TrainingSet(images, labels, records, names, plan.voxel_size, project.path.stem)


def extract_to(
    path: Path | str,
    project: Project,
    features: Sequence[str],
    negatives: Sequence[str] = (),
    *,
    box_size: int = 64,
    depth: int = 1,
    voxel_size: float | None = None,
    background: int = 0,
    seed: int = 0,
    tomograms: Collection[int] | None = None,
    progress: Progress = SILENT,
) -> dict[str, Any]:
    """Write the training set that `extract` makes, sample by sample, so that it may be larger than memory.

    Parameters
    ----------
    path
        The file (``.scnt``); it appears whole or not at all.
    project, features, negatives, box_size, depth, voxel_size, background, seed, tomograms, progress
        As in `extract`.

    Returns
    -------
    dict
        What was written, as from `describe_training_set`.

    Raises
    ------
    AisError
        As `extract`; or if the file cannot be written.
    """
    geometry = _Geometry(box_size, depth, voxel_size)
    plan = _make_plan(project, features, negatives, geometry, background, seed, tomograms)
    n_positive, present = 0, set[int]()
    for _, labels in _labelled(plan):
        n_positive += is_positive(labels)
        present.update(np.unique(labels).tolist())
    _require_painted(plan, present)
    header = SetHeader(
        *(len(plan.cuts), n_positive, box_size, depth, plan.voxel_size),
        features=tuple(feature.name for feature in plan.features),
        normalization=GLOBAL_MAD,
        samples=tuple(asdict(cut.record) for cut in plan.cuts),
    )
    write_set(Path(path), header, _samples(plan, progress))
    return figures(header)


def preview_samples(
    project: Project,
    features: Sequence[str],
    negatives: Sequence[str] = (),
    *,
    box_size: int = 64,
    depth: int = 1,
    voxel_size: float | None = None,
    background: int = 0,
    seed: int = 0,
    tomograms: Collection[int] | None = None,
    count: int = 64,
    progress: Progress = SILENT,
) -> SetPreview:
    """What `extract` would make, with the pictures of some of its samples.

    Parameters
    ----------
    project, features, negatives, box_size, depth, voxel_size, background, seed, tomograms, progress
        As in `extract`.
    count
        At most so many pictures, spread evenly over the set.

    Returns
    -------
    SetPreview

    Raises
    ------
    AisError
        As `extract`.
    """
    geometry = _Geometry(box_size, depth, voxel_size)
    plan = _make_plan(project, features, negatives, geometry, background, seed, tomograms)
    chosen = set(np.linspace(0, len(plan.cuts) - 1, min(count, len(plan.cuts))).round().astype(int).tolist())
    labels, cuts, n_positive, present = [], [], 0, set[int]()
    for index, (cut, plane) in enumerate(_labelled(plan)):
        n_positive += is_positive(plane)
        present.update(np.unique(plane).tolist())
        if index in chosen:
            labels.append(plane)
            cuts.append(cut)
    _require_painted(plan, present)
    shown = _samples(replace(plan, cuts=cuts), progress)
    images = [as_grey(image[depth // 2]) for image, _ in shown]
    names = tuple(feature.name for feature in plan.features)
    records = [cut.record for cut in cuts]
    figures = (len(plan.cuts), n_positive, plan.voxel_size, names)
    return SetPreview(*figures, np.stack(images), np.stack(labels), records)


def _make_plan(
    project: Project,
    features: Sequence[str],
    negatives: Sequence[str],
    geometry: _Geometry,
    background: int,
    seed: int,
    tomograms: Collection[int] | None,
) -> _Plan:
    check_geometry(box_size=geometry.box_size, depth=geometry.depth, voxel_size=geometry.voxel_size)
    if not 0 <= background <= MAX_BOXES:
        raise AisError(f"Ask for 0 to {MAX_BOXES} samples of the background, not {background}.")
    wanted, against = ([project.feature(name) for name in names] for names in (features, negatives))
    _check_features(wanted, against)
    places = _placed(project, [*wanted, *against], tomograms)
    _check_boxes(places, wanted, against)
    voxel_size = common_voxel_size([place.entry for place in places], geometry.voxel_size)
    if background:
        places += _in_background(project, places, wanted[0], geometry.box_size, voxel_size, background, seed)
    order = {feature.id: index for index, feature in enumerate([*wanted, *against])}
    places.sort(key=lambda p: (p.entry.id, p.box.z, order[p.feature.id], p.box.y, p.box.x, p.box.negative))
    cuts = _cuts(places, {feature.id for feature in against}, geometry, voxel_size)
    return _Plan(project, wanted, voxel_size, cuts)


def _placed(project: Project, features: list[Feature], tomograms: Collection[int] | None) -> list[_Place]:
    return [
        _Place(entry, feature, box, feature.box_size)
        for entry in project.tomograms()
        if tomograms is None or entry.id in tomograms
        for feature in features
        for box in project.boxes(entry.id, feature.id)
    ]


def _in_background(
    project: Project, places: list[_Place], feature: Feature, box_size: int, voxel_size: float, count: int, seed: int
) -> list[_Place]:
    entries = list({place.entry.id: place.entry for place in places}.values())
    found: list[_Place] = []
    for index, entry in enumerate(entries):
        share = (count * (index + 1)) // len(entries) - (count * index) // len(entries)
        side = math.ceil(box_size * voxels_per_pixel(entry, voxel_size, box_size))
        centres = background_positions(project, entry.id, feature, share, box_size=side, seed=seed) if share else ()
        # The user has not looked there: that there is nothing is what the request for random background assumes.
        boxes = [Box(0, int(z), int(y), int(x), negative=True) for z, y, x in centres]
        found += [_Place(entry, feature, box, 2 * side) for box in boxes]
    return found


def _cuts(places: list[_Place], against: set[int], geometry: _Geometry, voxel_size: float) -> list[_Cut]:
    cuts: list[_Cut] = []
    ids: dict[str, int] = {}
    size, depth = geometry.box_size, geometry.depth
    for place in places:
        entry, feature, box = place.entry, place.feature, place.box
        where, negative = (box.z, box.y, box.x), box.negative or feature.id in against
        content = (entry.name, entry.shape, feature.name, *where, size, depth, round(voxel_size, 4), negative)
        number = sample_id(content)
        ids[number] = ids.get(number, 0) + 1
        if ids[number] > 1:  # two tomograms can have the same name and shape
            number = sample_id((*content, ids[number]))
        own_box = feature.box_size if box.id else size
        record = SampleRecord(number, entry.name, str(entry.path), feature.name, *where, own_box, size, negative)
        frame = SampleFrame(*where, size, depth, voxels_per_pixel(entry, voxel_size, size))
        cuts.append(_Cut(place, frame, feature.id in against, record))
    return cuts


def _labelled(plan: _Plan) -> Iterator[tuple[_Cut, NDArray[np.uint8]]]:
    """Every sample with its labels; the masks of a slice are read once for all boxes in it."""
    for (tomogram, z), cuts in groupby(plan.cuts, key=lambda cut: (cut.place.entry.id, cut.place.box.z)):
        painted = [plan.project.mask(tomogram, feature.id, z) for feature in plan.features]
        ignored = plan.project.ignore(tomogram, z)
        for cut in cuts:
            labels = cut.frame.labels([] if cut.all_background else painted, ignored, cut.place.own_box)
            if cut.place.box.negative:
                labels[labels != 0] = IGNORE_LABEL
            yield cut, labels


def _samples(plan: _Plan, progress: Progress) -> Iterator[Sample]:
    total, done = len(plan.cuts), 0
    for tomogram, cuts in groupby(_labelled(plan), key=lambda item: item[0].place.entry.id):
        normalization = plan.project.normalization(tomogram)
        entry = replace(plan.project.tomogram_by_id(tomogram), normalization=normalization)
        with plan.project.open_tomogram(entry) as opened:
            for cut, labels in cuts:
                progress.report(done, total, f"{entry.name}: {cut.place.feature.name}")
                yield cut.frame.image(opened), labels
                done += 1


def check_geometry(*, box_size: int, depth: int, voxel_size: float | None) -> None:
    """AisError if samples cannot have this size in pixels, number of slices, or voxel size in angstrom."""
    if voxel_size is not None and not (math.isfinite(voxel_size) and voxel_size > 0):
        raise AisError(f"A voxel size must be a positive number of angstrom, not {voxel_size:g}.")
    if not BOX_SIZES_PX[0] <= box_size <= BOX_SIZES_PX[1]:
        raise AisError(f"The box size must be {BOX_SIZES_PX[0]} to {BOX_SIZES_PX[1]} pixels, not {box_size}.")
    if not (1 <= depth <= MAX_DEPTH and depth % 2 == 1):
        raise AisError(f"The depth must be an odd number of slices from 1 to {MAX_DEPTH}, not {depth}.")


def _check_features(wanted: list[Feature], against: list[Feature]) -> None:
    if not 1 <= len(wanted) <= MAX_FEATURES:
        raise AisError(f"Choose 1 to {MAX_FEATURES} features to learn, not {len(wanted)}.")
    names = [feature.name for feature in (*wanted, *against)]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise AisError(f"The feature {twice} was chosen twice: choose it once, to learn or as negative.")


def _check_boxes(places: list[_Place], wanted: list[Feature], against: list[Feature]) -> None:
    with_boxes = {place.feature.id for place in places}
    if with_boxes.isdisjoint(feature.id for feature in wanted):
        names = " or ".join(feature.name for feature in wanted)
        raise AisError(f"There are no boxes of {names}: place some over the annotation first.")
    for feature in against:
        if feature.id not in with_boxes:
            raise AisError(f"There are no boxes of the negative feature {feature.name}: place some or leave it out.")
    for place in places:
        if place.entry.missing:
            name = place.entry.name
            raise AisError(f"{place.entry.path} is missing: relink the tomogram {name} to where it is now.")


def _require_painted(plan: _Plan, present: Collection[int]) -> None:
    for index, feature in enumerate(plan.features):
        if label_of(index) not in present:
            raise AisError(f"Nothing is painted as {feature.name} in any box: annotate it inside the boxes first.")


def common_voxel_size(entries: Sequence[TomogramEntry], voxel_size: float | None) -> float:
    """A set's voxel size in angstrom: as given, else the lower median; 0.0 if no tomogram has one.

    Parameters
    ----------
    entries
        The tomogram of each box, at least one.
    voxel_size
        What the user has asked for; None for the median.

    Raises
    ------
    AisError
        If a tomogram's is not known where it is needed.
    """
    sizes = sorted(entry.voxel_size for entry in entries)
    if voxel_size is None and not sizes[-1]:
        return 0.0
    unknown = next((entry for entry in entries if not entry.voxel_size), None)
    if unknown is not None:
        raise AisError(f"The tomogram {unknown.name} has no voxel size: set it in the project before extracting boxes.")
    return sizes[(len(sizes) - 1) // 2] if voxel_size is None else float(voxel_size)


def voxels_per_pixel(entry: TomogramEntry, voxel_size: float, box_size: int) -> float:
    """Voxels of a tomogram per pixel of a sample; 1.0 where they differ by less than 5 % and nothing is resampled.

    Raises
    ------
    AisError
        If a sample of so many pixels would be cut from an absurdly large part of the tomogram.
    """
    if abs(entry.voxel_size - voxel_size) < VOXEL_SIZE_TOLERANCE * voxel_size or not voxel_size:
        return 1.0
    step = voxel_size / entry.voxel_size
    if box_size * step > MAX_CUT_PX:
        raise AisError(
            f"The tomogram {entry.name} of {entry.voxel_size:g} A is far too fine for samples of {voxel_size:g} A: "
            "check the voxel sizes."
        )
    return step
