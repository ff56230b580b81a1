"""What is exported: what the user asks for, the volumes that come of it, and the files that were made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from pathlib import Path
from typing import Any

from ais.annotation import TomogramEntry
from ais.errors import AisError
from ais.formats.registry import volume_stem
from ais.formats.zarr_path import zarr_path
from ais.gui.document import Snapshot

LARGEST_TTA = 16
INSIDE = "inside"


class VolumeState(StrEnum):
    """Where a volume stands."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"


ENDED = frozenset({VolumeState.DONE, VolumeState.FAILED, VolumeState.CANCELLED})


class Choice(StrEnum):
    """What of a request a problem comes from."""

    MODELS = "models"
    RULES = "rules"
    TOMOGRAMS = "tomograms"
    FOLDER = "folder"
    SLICES = "slices"
    SETTINGS = "settings"


@dataclass(frozen=True)
class ExportRequest:
    """What the user wants exported.

    Attributes
    ----------
    tomograms
        Their numbers, in the order in which they are segmented.
    models
        Model files for different features.
    folder
        Where ``<tomogram>__<feature>.mrc`` are written.
    z_range, crop
        Half-open range of slices, and (x0, x1, y0, y1), for all tomograms; None for all of it.
    use_crops
        Whether the crop region of each tomogram is used where `z_range` and `crop` are None.
    rules
        Between the models, as in a rules file.
    tta, dtype
        As in `ais.export.SegmentSettings`.
    overwrite
        Whether finished volumes are made again, and files of other settings replaced.
    labels
        Where OME-Zarr labels are written as well, one of `ais.label_images.PLACES`; empty for none.
    """

    tomograms: tuple[int, ...]
    models: tuple[Path, ...]
    folder: Path
    z_range: tuple[int, int] | None = None
    crop: tuple[int, int, int, int] | None = None
    use_crops: bool = True
    rules: tuple[Mapping[str, Any], ...] = ()
    tta: int = 1
    dtype: str = "uint8"
    overwrite: bool = False
    labels: str = ""

    def problems(self, snapshot: Snapshot) -> list[str]:
        """Sentences about what makes it impossible; empty if nothing does. Reads no file."""
        return [sentence for _, sentence in self.found(snapshot)]

    def found(self, snapshot: Snapshot) -> list[tuple[Choice, str]]:
        """What makes it impossible, each with the choice that it comes from."""
        return [*self._settings_problems(), *self._tomogram_problems(snapshot)]

    def _settings_problems(self) -> Iterator[tuple[Choice, str]]:
        from ais.interactions import Rules
        from ais.segment_settings import DTYPES

        if not self.models:
            yield Choice.MODELS, "Choose at least one model."
        if self.dtype not in DTYPES or not 1 <= self.tta <= LARGEST_TTA:
            words = f"Choose one of {', '.join(DTYPES)}, and 1 to {LARGEST_TTA} rotations and flips."
            yield Choice.SETTINGS, words
        try:
            Rules.parse([dict(rule) for rule in self.rules], "The list of rules")
        except AisError as error:
            yield Choice.RULES, str(error)

    def _tomogram_problems(self, snapshot: Snapshot) -> Iterator[tuple[Choice, str]]:
        if not self.tomograms:
            yield Choice.TOMOGRAMS, "Choose at least one tomogram."
        known = {entry.id: entry for entry in snapshot.tomograms}
        stems: dict[str, str] = {}
        for entry in (known[number] for number in self.tomograms if number in known):
            stem = volume_stem(entry.path).casefold()
            if entry.missing:
                words = f"{entry.path} is missing: relink the tomogram {entry.name}, or leave it out."
                yield Choice.TOMOGRAMS, words
                continue
            if other := stems.get(stem):
                same = f"{other} and {entry.path} would be written to the same files"
                yield Choice.TOMOGRAMS, f"{same}: export them into different folders."
            if not entry.voxel_size:
                yield Choice.TOMOGRAMS, f"The tomogram {entry.name} has no voxel size: set it first."
            stems[stem] = str(entry.path)
            if self.labels == INSIDE and not _takes_labels(entry.path):
                words = f"{entry.name} is no OME-Zarr folder that labels could be put into: write them beside."
                yield Choice.SETTINGS, words
            if self._is_outside(entry):
                nz, ny, nx = entry.shape
                words = f"{entry.name} has {nx} x {ny} pixels and {nz} slices: choose a range and a crop inside."
                yield Choice.SLICES, words

    def _is_outside(self, entry: TomogramEntry) -> bool:
        nz, ny, nx = entry.shape
        z0, z1 = self.z_range or (0, nz)
        x0, x1, y0, y1 = self.crop or (0, nx, 0, ny)
        return not (0 <= z0 < z1 <= nz and 0 <= x0 < x1 <= nx and 0 <= y0 < y1 <= ny)


def _takes_labels(path: Path) -> bool:
    found = zarr_path(path)
    return found is not None and not found.zipped and not found.inside.startswith("labels")


@dataclass
class ExportVolume:
    """One tomogram of the queue, with all its features; only the queue changes it.

    Attributes
    ----------
    number
        Its own in the queue.
    tomogram
        Its file.
    models, folder
        As in `ExportRequest`.
    settings
        Further arguments of the task, see `ais.engine.work.export`.
    work
        How much there is to do: voxels times models times rotations and flips.
    state
        Where it stands.
    error
        One sentence if it failed.
    outputs
        Once it is done: ``feature``, ``path`` and ``model`` of each volume.
    kept
        Whether it had been finished before and nothing was to be done.
    finished
        Seconds since 1970; 0 before it ends.
    seconds
        How long it took.
    lost
        How often the compute process ended while it was made.
    cleared
        Whether it was taken off the list; what was made of it still counts as a result.
    """

    number: int
    tomogram: str
    models: list[str]
    folder: str
    settings: dict[str, Any]
    work: float
    state: VolumeState = VolumeState.WAITING
    error: str = ""
    outputs: list[dict[str, str]] = field(default_factory=list)
    kept: bool = False
    finished: float = 0.0
    seconds: float = 0.0
    lost: int = 0
    cleared: bool = False

    @property
    def name(self) -> str:
        """The tomogram's, without folder and ending."""
        return volume_stem(Path(self.tomogram))

    def results(self) -> list[ExportResult]:
        """The volumes that were made, one for each feature."""
        tomogram, finished, seconds = Path(self.tomogram), self.finished, self.seconds
        return [
            ExportResult(tomogram, output["feature"], Path(output["path"]), Path(output["model"]), finished, seconds)
            for output in self.outputs
        ]


@dataclass(frozen=True)
class ExportResult:
    """A segmented volume that the queue has made.

    Attributes
    ----------
    tomogram
        The file it was made from.
    feature
        What it shows.
    path
        Where it is.
    model
        The model file.
    finished
        Seconds since 1970.
    seconds
        How long its tomogram took, with all features.
    """

    tomogram: Path
    feature: str
    path: Path
    model: Path
    finished: float
    seconds: float


def volume_of(record: Any) -> ExportVolume | None:
    """A volume as the project remembers it; None for what makes no sense."""
    if not isinstance(record, dict):
        return None
    names = {one.name for one in fields(ExportVolume)}
    try:
        volume = ExportVolume(**{name: value for name, value in record.items() if name in names})
        volume.state = VolumeState(volume.state)
    except (TypeError, ValueError):
        return None
    return volume
