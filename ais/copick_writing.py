"""Picks and segmentations put into a copick project, where the programs that work on it find them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ais.errors import AisError
from ais.formats.coord_copick import SESSION, USER, copick_name
from ais.formats.coordinates import read_coordinates, write_coordinates
from ais.formats.copick_project import SAME_A, CopickProject, CopickTomogram
from ais.formats.registry import volume_exists, volume_stem, volume_suffix
from ais.label_images import DEFAULT_THRESHOLD, convert_to_labels
from ais.progress import SILENT, Progress
from ais.segmented_volumes import is_segmentation
from ais.tomogram import Tomogram

_FEATURE = re.compile(r"__(.+?)(?:_coords|_labels|_instances)?$")


@dataclass(frozen=True)
class CopickTarget:
    """Where in a copick project things are written, and under which names.

    Attributes
    ----------
    project
        The project.
    user, session
        Who made them, and in which session; empty for what the project says, else ``ais`` and ``1``.
    name
        The object; empty for the one that each file is called by, as ``TS_001__ribosome_coords.star``.
    run
        The run that all files are about; empty for the one that the file, or its name, says.
    voxel_size
        In angstrom, of the tomograms that coordinates are of; None if there is only one of each run.
    kind
        Type of these tomograms; None for any, where all are of the same size.
    overwrite
        Whether what is there is replaced.
    """

    project: CopickProject
    user: str = ""
    session: str = ""
    name: str = ""
    run: str = ""
    voxel_size: float | None = None
    kind: str | None = None
    overwrite: bool = False

    @cached_property
    def who(self) -> tuple[str, str]:
        """User and session as they are written."""
        return (
            copick_name(self.user or self.project.user or USER),
            copick_name(self.session or self.project.session or SESSION),
        )

    def put(
        self,
        source: Path,
        *,
        tilt_series_pixel_size: float | None = None,
        threshold: float | None = None,
        progress: Progress = SILENT,
    ) -> list[Path]:
        """Put the particles of a file, or a segmented volume, into the project.

        Parameters
        ----------
        source
            A file of coordinates, or a volume of labels or probabilities.
        tilt_series_pixel_size
            Of the unbinned tilt series in angstrom, for RELION 4.
        threshold
            Of a volume, as for `ais.label_images.convert_to_labels`; of one that Ais segmented, 128 by default.
        progress
            Told the slices of a volume that are done.

        Returns
        -------
        list of Path
            What was written, one for each run.

        Raises
        ------
        AisError
            If the run or the object is not known, or something of that name is there.
        """
        if not volume_exists(source):
            raise AisError(f"{source} does not exist.")
        if volume_suffix(source):
            return [self._put_volume(source, threshold, progress)]
        name = self._object_of(source.stem)
        sizes: dict[str, tuple[float, tuple[int, int, int]]] = {}

        def geometry(given: str) -> tuple[float, tuple[int, int, int]]:
            run = self._run_of(given or source.stem)
            if run not in sizes:
                sizes[run] = self._geometry(run)
            return sizes[run]

        table = read_coordinates(
            source,
            voxel_size=lambda given: geometry(given)[0],
            shape=lambda given: geometry(given)[1],
            tilt_series_pixel_size=tilt_series_pixel_size,
        )
        if not len(table):
            raise AisError(f"{source} holds no particles.")
        table.tomograms = [self._run_of(given or source.stem) for given in table.tomograms]
        targets = {run: self.project.picks_path(run, *self.who, name) for run in table.tomogram_names}
        for target in targets.values():
            self._check_free(target)
        for run, target in targets.items():
            write_coordinates(target, table.of_tomogram(run), voxel_size=geometry(run)[0])
        return list(targets.values())

    def _put_volume(self, source: Path, threshold: float | None, progress: Progress) -> Path:
        stem = volume_stem(source)
        name, run = self._object_of(stem), self._run_of(stem.rpartition("__")[0] or stem)
        with closing(Tomogram.open(source)) as volume:
            size, shape = volume.require_voxel_size(), volume.shape
        known = min((one.voxel_size for one in self._of_run(run)), key=lambda one: abs(one - size), default=size)
        size = known if abs(known / size - 1) < 0.01 else size
        self._check_shape(source, shape, run, size)
        target = self.project.segmentation_path(run, size, *self.who, name)
        self._check_free(target)
        if threshold is None and is_segmentation(source):
            threshold = DEFAULT_THRESHOLD
        convert_to_labels(source, target, threshold, progress=progress)
        return target

    def _object_of(self, stem: str) -> str:
        known = {one.name for one in self.project.objects}
        found = _FEATURE.search(stem)
        parts = stem.split("_")
        said = [self.name] if self.name else [found[1] if found else "", parts[2] if len(parts) == 3 else "", stem]
        name = next((each for word in said for each in (word, copick_name(word)) if each in known), None)
        if name is None:
            what = f"no object {self.name}" if self.name else f"no object that {stem} is called by"
            listed = ", ".join(sorted(known)) or "none"
            raise AisError(f"{self.project.path} has {what}: give --object, one of {listed}.")
        return name

    def _run_of(self, name: str) -> str:
        """The run that is called so, else the only one whose name is a part of this one, or this one of it."""
        said = self.run or name
        if said in self.project.runs:
            return said
        for found in (_with_part(said, self.project.runs), [run for run in self.project.runs if _is_part(said, run)]):
            if len(found) == 1 and not self.run:
                return found[0]
        raise AisError(f"{self.project.path} has no run {said}: give --run, or rename it as the project does.")

    def _of_run(self, run: str) -> list[CopickTomogram]:
        return [one for one in self.project.tomograms if one.run == run]

    def _geometry(self, run: str) -> tuple[float, tuple[int, int, int]]:
        """Voxel size and shape of the tomogram of a run that coordinates are of."""
        found = [
            one
            for one in self._of_run(run)
            if (self.voxel_size is None or abs(one.voxel_size - self.voxel_size) < SAME_A)
            and (self.kind is None or one.kind == self.kind)
        ]
        if len({one.voxel_size for one in found}) != 1:
            what = "no such tomogram" if not found else "tomograms of several voxel sizes"
            listed = ", ".join(f"{one.voxel_size:g}" for one in self._of_run(run)) or "none"
            raise AisError(f"The run {run} has {what}: give --spacing, one of {listed}.")
        with closing(Tomogram.open(found[0].path)) as tomogram:
            return tomogram.voxel_size or found[0].voxel_size, tomogram.shape

    def _check_shape(self, source: Path, shape: tuple[int, int, int], run: str, size: float) -> None:
        """Refuse a volume that is of none of the tomograms of a run with its voxel size, if there are any."""
        shapes = []
        for one in self._of_run(run):
            if one.voxel_size == size:
                with closing(Tomogram.open(one.path)) as tomogram:
                    shapes.append(tomogram.shape)
        if shapes and shape not in shapes:
            has, needs = (" x ".join(map(str, each)) for each in (shape, shapes[0]))
            raise AisError(
                f"{source} has {has} voxels (z, y, x), and the tomogram of the run {run} has {needs}: it is of another "
                "tomogram; give --run, or segment that of the run."
            )

    def _check_free(self, target: Path) -> None:
        if target.exists() and not self.overwrite:
            raise AisError(f"{target} exists: choose another --session or --user, or --overwrite.")


def _with_part(name: str, runs: Sequence[str]) -> list[str]:
    """The longest runs whose names are a part of a name."""
    found = [run for run in runs if _is_part(run, name)]
    longest = max(map(len, found), default=0)
    return [run for run in found if len(run) == longest]


def _is_part(part: str, name: str) -> bool:
    return re.search(rf"(?<![A-Za-z0-9]){re.escape(part)}(?![A-Za-z0-9])", name) is not None
