"""What a thread does to analyse segmented volumes: which there are, and the instances in each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ais.annotation.volume_looks import Removals
from ais.errors import AisError, sentence
from ais.gui.volume_search import SearchPlan, find, volumes_of
from ais.progress import Progress
from ais.tomogram import Tomogram

if TYPE_CHECKING:
    from ais.analysis import Instances, Labelled
    from ais.annotation import TomogramEntry
    from ais.annotation.volume_looks import VolumeEntry

NOTHING_REMOVED = Removals()
A3_PER_NM3 = 1000.0


@dataclass(frozen=True)
class AnalysisInput:
    """A segmented volume of a tomogram.

    Attributes
    ----------
    tomogram
        Its number in the project.
    tomogram_name, image
        What it is called, and its file.
    voxel_size
        Of the tomogram in angstrom; 0 if it is not known.
    corrected
        Whether the user has corrected that, so that it counts more than the volume's own.
    feature
        What was segmented.
    path
        The volume.
    removals
        Components that the user has removed from it.
    """

    tomogram: int
    tomogram_name: str
    image: Path
    voxel_size: float
    corrected: bool
    feature: str
    path: Path
    removals: Removals = NOTHING_REMOVED


@dataclass(frozen=True)
class AnalysisChoice:
    """How instances are found and what is measured.

    Attributes
    ----------
    threshold
        On the scale of 0 to 255.
    min_volume
        Smallest instance in nm3.
    separated
        Divide what touches at its necks.
    remove_border
        Leave out instances on the volume's faces.
    lengths, intensities
        What else is measured.
    distances_to
        Feature to measure distances to; empty for none.
    """

    threshold: float = 128.0
    min_volume: float = 0.0
    separated: bool = False
    remove_border: bool = False
    lengths: bool = True
    intensities: bool = True
    distances_to: str = ""


@dataclass(frozen=True, eq=False)
class VolumeResult:
    """What was measured of a volume.

    Attributes
    ----------
    volume
        The volume.
    instances
        Its instances; None if it failed.
    error
        Why it failed, in one sentence; else empty.
    """

    volume: AnalysisInput
    instances: Instances | None
    error: str = ""


def list_inputs(
    tomograms: Sequence[TomogramEntry],
    known: Callable[[int], Sequence[VolumeEntry]],
    exported: Mapping[Path, frozenset[Path]],
    folder: Path,
) -> list[AnalysisInput]:
    """The segmented volumes of tomograms that are there.

    Parameters
    ----------
    tomograms
        In the order of the list.
    known
        What the project knows of the volumes of a tomogram, by its number.
    exported
        Tomogram's file to volumes that are known to be made of it.
    folder
        Where exports go now.
    """
    found = []
    for entry in tomograms:
        entries = {one.path: one for one in known(entry.id)}
        made = exported.get(entry.path, frozenset())
        folders = {entry.path.parent, folder, *(path.parent for path in made)}
        there = find(SearchPlan(entry.path, frozenset(folders), made | entries.keys()))
        for volume in volumes_of(entry.path, there, made, entries):
            if not volume.missing:
                removals = entries[volume.path].look.removals if volume.path in entries else NOTHING_REMOVED
                size, corrected = entry.voxel_size, entry.voxel_size != entry.header_voxel_size
                found.append(
                    AnalysisInput(entry.id, entry.name, entry.path, size, corrected, volume.name, volume.path, removals)
                )
    return found


def analyze_inputs(
    wanted: Sequence[AnalysisInput],
    others: Sequence[AnalysisInput],
    choice: AnalysisChoice,
    known: Callable[[int], Sequence[VolumeEntry]],
    done: Callable[[VolumeResult], None],
    progress: Progress,
) -> None:
    """Analyse volumes one after the other; what fails does not stop the others.

    Parameters
    ----------
    wanted
        The volumes.
    others
        All that there are, among which the ones are to which distances are measured.
    choice
        How.
    known
        What the project knows of the volumes of a tomogram, by its number; what was removed since they were listed
        does not count.
    done
        Gets each result, in this thread.
    progress
        Told how far the work is.
    """
    targets = {one.tomogram: one for one in others if one.feature == choice.distances_to}
    for number, listed in enumerate(wanted):
        title = f"{listed.feature} in {listed.tomogram_name}"
        part = _Part(progress, number, len(wanted), title)
        part.report(0, 1)
        target = targets.get(listed.tomogram)
        entries = {entry.path: entry.look.removals for entry in known(listed.tomogram)}
        one = replace(listed, removals=entries.get(listed.path, NOTHING_REMOVED))
        if target is not None:
            target = replace(target, removals=entries.get(target.path, NOTHING_REMOVED))
        try:
            result = VolumeResult(one, _analyze(one, target, choice, part))
        except (AisError, OSError, MemoryError) as error:
            result = VolumeResult(one, None, sentence(error, one.path))
        done(result)


class _Part(Progress):
    """Progress of one volume of several."""

    def __init__(self, whole: Progress, number: int, count: int, title: str) -> None:
        self._whole, self._number, self._count, self._title = whole, number, count, title

    def report(self, done: float, total: float, text: str = "") -> None:
        del text
        self._whole.report(self._number + (done / total if total else 0.0), self._count, self._title)


def _analyze(one: AnalysisInput, target: AnalysisInput | None, choice: AnalysisChoice, progress: Progress) -> Instances:
    from ais.analysis import distances_between, measure_instances

    with ExitStack() as opened:
        volume = opened.enter_context(_opened(one))
        values = _values(volume, one, choice)
        labelled = _labelled(volume, values, choice, progress)
        image = opened.enter_context(Tomogram.open(one.image)) if choice.intensities else None
        found = measure_instances(labelled, values, image=image, lengths=choice.lengths, progress=progress)
        found = replace(found, origin=volume.origin)
        if target is not None and target.path != one.path:
            other = opened.enter_context(_opened(target))
            whole = replace(choice, min_volume=0.0, separated=False, remove_border=False)
            to = _labelled(other, _values(other, target, choice), whole, progress)
            found = replace(found, distances=distances_between(labelled, to, feature=target.feature))
        return found


def _opened(one: AnalysisInput) -> Tomogram:
    volume = Tomogram.open(one.path)
    if one.voxel_size > 0 and (one.corrected or volume.voxel_size <= 0):
        volume.close()
        volume = Tomogram.open(one.path, one.voxel_size)
    return volume


def _values(volume: Tomogram, one: AnalysisInput, choice: AnalysisChoice) -> NDArray[Any] | Tomogram:
    """The volume without what the user has removed from it."""
    if not one.removals:
        return volume
    from ais.removal import without

    return without(volume, one.removals, choice.threshold)


def _labelled(
    volume: Tomogram, values: NDArray[Any] | Tomogram, choice: AnalysisChoice, progress: Progress
) -> Labelled:
    from ais.analysis import label_instances

    return label_instances(
        values,
        threshold=choice.threshold,
        separated=choice.separated,
        min_volume=choice.min_volume * A3_PER_NM3,
        remove_border=choice.remove_border,
        voxel_sizes=volume.voxel_sizes,
        progress=progress,
    )


def reference_scores(one: AnalysisInput, reference: Path, choice: AnalysisChoice, progress: Progress) -> dict[str, Any]:
    """A volume compared with a mask or labels that say what is true; see `ais.metrics.evaluate_segmentation`."""
    from ais.metrics import evaluate_segmentation

    with _opened(one) as volume, Tomogram.open(reference) as truth:
        values = _values(volume, one, choice)
        return evaluate_segmentation(
            values, truth, threshold=choice.threshold, voxel_sizes=volume.voxel_sizes, progress=progress
        ).as_dict()


def pick_scores(one: VolumeResult, reference: Path, radius: float) -> dict[str, Any]:
    """Centroids of instances compared with true positions, of which each may lie `radius` angstrom away."""
    from ais.formats.coordinates import read_coordinates
    from ais.metrics import evaluate_picks

    found = one.instances
    if found is None:
        raise AisError(one.error)
    table = read_coordinates(reference, voxel_size=found.voxel_sizes, shape=found.shape)
    names = set(table.tomogram_names)
    if one.volume.tomogram_name in names:
        table = table.of_tomogram(one.volume.tomogram_name)
    elif len(names) > 1:
        raise AisError(f"{reference} has no coordinates of {one.volume.tomogram_name}: choose another file.")
    return evaluate_picks(found.centroids, np.asarray(table.positions), radius, found.voxel_sizes).as_dict()
