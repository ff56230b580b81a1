"""Several architectures trained on one set with the same settings, and measured on what none of them has seen."""

from __future__ import annotations

import gc
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ais.comparison.held_out import Example, HeldOut, ShownSlice, SlicesOfTomogram, ValidationSamples
from ais.comparison.picture import strip_picture
from ais.comparison.report import write_report
from ais.comparison.row import ComparisonRow, markdown_table
from ais.comparison.speed import seconds_per_slice
from ais.errors import AisError, Cancelled, memory_errors, sentence
from ais.formats.atomic import write_bytes
from ais.metrics import evaluate_segmentation
from ais.models import Architecture, Model, all_architectures, load_model, read_model_info
from ais.models import architecture as find_architecture
from ais.models.backend import compute_dtype, start
from ais.progress import SILENT, Progress
from ais.segmentation import Segmenter
from ais.training import train
from ais.training.samples import check_samples
from ais.training.settings import Settings

if TYPE_CHECKING:
    from ais.trainset import TrainingSet

__all__ = ["ComparisonRow", "compare", "markdown_table"]

VALIDATION = 0.2
TRAINING_SHARE = 0.9
FOUND_FROM = 128.0
PICTURE_ENDING = ".png"


def compare(
    training_sets: Sequence[TrainingSet | Path | str],
    output: Path | str,
    *,
    architectures: Sequence[str] | None = None,
    options: Mapping[str, object] | None = None,
    test: Path | str | None = None,
    truth: Path | str | None = None,
    label: int | None = None,
    shown: tuple[Path | str, int] | None = None,
    epochs: int = 50,
    batch_size: int = 32,
    copies: int = 10,
    negatives: float | None = None,
    validation: float | None = None,
    augment: str = "basic",
    precision: str = "auto",
    device: str = "auto",
    seed: int = 0,
    overwrite: bool = False,
    on_row: Callable[[ComparisonRow], None] | None = None,
    progress: Progress = SILENT,
) -> list[ComparisonRow]:
    """Train architectures on one set and tabulate size, speed, and how well they do on what they have not seen.

    The folder gets ``comparison.csv``, ``comparison.md``, ``comparison.png``, and each model as
    ``<architecture>.aism`` with a picture of what it found, ``<architecture>.png``. An architecture that fails does not
    stop the others; if all fail, no table is written. If it is stopped, the table has those that were finished.
    Models of an earlier run with the same samples and settings are kept and measured again; a training that was stopped
    goes on after its last epoch.

    Parameters
    ----------
    training_sets
        Sets for one feature, or their files; they are pooled.
    output
        The folder.
    architectures
        Names; by default all that take the set's number of slices, those in the user's models folder among them.
    options
        Options of architectures by name; each is given to those that have it.
    test, truth, label
        A tomogram to measure on, a volume that says what is true in it, and the feature's value there, as in
        `ais.evaluate_segmentation`. Slices of it that the training set shows are left out.
    shown
        A tomogram and the number of a slice (from 0) that the pictures show instead of what is held out.
    epochs, batch_size, copies, negatives, augment, precision, device, seed
        As in `ais.train`. `precision` and `device` are used to segment, too.
    validation
        Share of the samples kept aside. By default 0 with `test`; 0.2 without, and these samples are then what is
        measured on.
    overwrite
        Train again, and replace whatever models of these names are in the folder.
    on_row
        Called with each row as soon as it is known.
    progress
        Told after each step, in architectures.

    Returns
    -------
    list of ComparisonRow
        One for each architecture, in the order of their names as given, or of the library.

    Raises
    ------
    AisError
        For settings out of range, sets that are for several features or hold no positive sample, a test tomogram that
        does not fit its truth, or other models of these names in the folder.
    Cancelled
        If `progress` asks to stop; models that were finished are kept.
    """
    samples = _pooled(training_sets)
    chosen = _chosen(architectures, samples.depth)
    given = _options_of(chosen, options or {})
    dtype = compute_dtype(precision, start(device), training=True)
    share = _share(validation, test, truth, label)
    plans = [
        Settings(
            architecture=name,
            arguments=find_architecture(name).arguments(given[name]),
            depth=samples.depth,
            epochs=epochs,
            batch_size=batch_size,
            copies=copies,
            negatives=negatives,
            learning_rate=find_architecture(name).learning_rate,
            validation=share,
            patience=0,
            augment=augment,
            loss=find_architecture(name).default_loss,
            averaging=0.0,
            weight_decay=0.0,
            clip=0.0,
            dtype=dtype,
            seed=seed,
            continued_from=None,
        )
        for name in chosen
    ]
    for plan in plans:
        plan.check()
    if test is not None and truth is not None:
        held: HeldOut = SlicesOfTomogram(Path(test), Path(truth), label, samples)
    else:
        held = ValidationSamples(samples, share, seed)
    comparison = _Comparison(samples, Path(output), held, _shown(shown), precision, device)
    comparison.check_folder(plans, overwrite=overwrite)
    rows: list[ComparisonRow] = []
    found: list[NDArray[np.float32] | None] = []
    try:
        for index, plan in enumerate(plans):
            row, part = comparison.row(
                plan, _OneOf(progress, plan.architecture, index, len(plans)), overwrite=overwrite
            )
            rows.append(row)
            found.append(part)
            if on_row is not None:
                on_row(row)
            gc.collect()  # networks refer to themselves, and the next one needs their memory
    finally:  # of one that was stopped, too, the finished ones are kept
        if any(row.status != "failed" for row in rows):
            write_report(Path(output), rows, found, held, comparison.example, samples, plans[0])
    return rows


class _Stopped(Exception):
    """A wish to stop that ends a training at once, so that it can go on later; `Cancelled` would end it for good."""


class _OneOf(Progress):
    """The progress of one architecture as part of that of all; training is most of the way."""

    def __init__(self, whole: Progress, name: str, index: int, count: int) -> None:
        self._whole = whole
        self._name = name
        self._index = index
        self._count = count
        self._first, self._share = 0.0, TRAINING_SHARE

    def trained(self) -> None:
        """What is reported from now on is the measuring."""
        self._first, self._share = TRAINING_SHARE, 1 - TRAINING_SHARE

    def report(self, done: float, total: float, text: str = "") -> None:
        part = self._first + self._share * done / total if total else self._first
        try:
            self._whole.report(self._index + part, self._count, f"{self._name}, {text}")
        except Cancelled as error:
            raise _Stopped from error


class _Comparison:
    """What all architectures of a comparison share."""

    def __init__(
        self,
        samples: TrainingSet,
        folder: Path,
        held: HeldOut,
        shown: ShownSlice | None,
        precision: str,
        device: str,
    ) -> None:
        self._samples = samples
        self._folder = folder
        self._held = held
        self._shown = shown
        self.example: Example = held.example() if shown is None else shown.example()
        self._precision = precision
        self._device = device

    def check_folder(self, plans: Sequence[Settings], *, overwrite: bool) -> None:
        """Raise an AisError if the folder holds something else where a model would be written."""
        if self._folder.exists() and not self._folder.is_dir():
            raise AisError(f"{self._folder} is a file: name a folder for the comparison.")
        for plan in plans:
            path = self._path(plan)
            if path.exists() and not overwrite and not self._is_finished(plan):
                raise AisError(
                    f"{path} exists and was trained with other samples or settings: "
                    "choose another folder or --overwrite."
                )

    def row(
        self, plan: Settings, progress: _OneOf, *, overwrite: bool
    ) -> tuple[ComparisonRow, NDArray[np.float32] | None]:
        """Train and measure one architecture; also what it found in the part that is shown."""
        title = find_architecture(plan.architecture).title
        row = ComparisonRow(plan.architecture, title, measured_on=self._held.text)
        try:
            progress.report(0, 1, "starting")
            if overwrite or not self._path(plan).exists():
                self._train(plan, progress)
            else:
                row = replace(row, status="kept")
            progress.trained()
            return self._measured(row, self._path(plan), progress)
        except _Stopped as error:
            raise Cancelled from error
        except (AisError, OSError, MemoryError) as error:
            return replace(row, status="failed", error=sentence(error, self._path(plan))), None

    def _path(self, plan: Settings) -> Path:
        return self._folder / f"{plan.architecture}.aism"

    def _is_finished(self, plan: Settings) -> bool:
        """Whether the model of that name was trained to its end with these samples and settings."""
        try:
            record = read_model_info(self._path(plan)).training
        except AisError:
            return False
        wanted = {**asdict(plan), "set_hash": self._samples.hash}
        same = json.loads(json.dumps(wanted)) == {name: record.get(name) for name in wanted}
        return same and len(record.get("history", ())) == plan.epochs

    def _train(self, plan: Settings, progress: Progress) -> None:
        train(
            [self._samples],
            self._path(plan),
            architecture=plan.architecture,
            options=plan.arguments,
            epochs=plan.epochs,
            batch_size=plan.batch_size,
            copies=plan.copies,
            negatives=plan.negatives,
            learning_rate=plan.learning_rate,
            validation=plan.validation,
            patience=plan.patience,
            augment=plan.augment,
            loss=plan.loss,
            averaging=plan.averaging,
            weight_decay=plan.weight_decay,
            clip=plan.clip,
            precision=self._precision,
            device=self._device,
            seed=plan.seed,
            progress=progress,
        )

    def _measured(
        self, row: ComparisonRow, path: Path, progress: Progress
    ) -> tuple[ComparisonRow, NDArray[np.float32]]:
        with memory_errors():
            model = load_model(path)
        segmenter = Segmenter(model, precision=self._precision, device=self._device)
        found = self._held.predict(segmenter, progress)
        scores = evaluate_segmentation(found, self._held.truth, threshold=FOUND_FROM, per_slice=True)
        progress.report(1, 1, "timing")
        training_seconds, samples_per_second = _speed_of_training(model)
        results = model.info.training["results"]
        row = replace(
            row,
            parameters=sum(int(np.prod(weight.shape)) for weight in model.network.trainable_weights),
            training_seconds=training_seconds,
            samples_per_second=samples_per_second,
            seconds_per_slice=seconds_per_slice(segmenter),
            loss=results["loss"],
            val_loss=results["val_loss"],
            dice=scores.dice,
            cldice=scores.cldice,
            precision=scores.precision,
            recall=scores.recall,
            model=path,
        )
        part = self._held.part(found) if self._shown is None else self._shown.find(segmenter)
        write_bytes(path.with_suffix(PICTURE_ENDING), strip_picture(self.example, part))
        return row, part


def _shown(place: tuple[Path | str, int] | None) -> ShownSlice | None:
    return None if place is None else ShownSlice(Path(place[0]), place[1])


def _speed_of_training(model: Model) -> tuple[float, float]:
    """Seconds, and samples per second, of the training that a model's record tells of."""
    history = model.info.training["history"]
    seconds = sum(epoch["seconds"] for epoch in history)
    shown = sum(epoch["seconds"] * epoch["samples_per_second"] for epoch in history)
    return seconds, shown / seconds


def _pooled(training_sets: Sequence[TrainingSet | Path | str]) -> TrainingSet:
    from ais.trainset import TrainingSet, pool

    samples = pool([TrainingSet.read(item) if isinstance(item, Path | str) else item for item in training_sets])
    if len(samples.features) > 1:
        raise AisError(
            f"The training set {samples.name} is for {', '.join(samples.features)}: architectures are compared on one "
            "feature, so extract a set for each."
        )
    check_samples(samples)
    return samples


def _chosen(names: Sequence[str] | None, depth: int) -> list[str]:
    if names:
        return list(dict.fromkeys(find_architecture(name).name for name in names))
    return [entry.name for entry in all_architectures() if entry.depths[0] <= depth <= entry.depths[1]]


def _options_of(names: Sequence[str], options: Mapping[str, object]) -> dict[str, dict[str, object]]:
    """The options that each architecture has; AisError for one that none of them has."""
    entries: list[Architecture] = [find_architecture(name) for name in names]
    known = {entry.name: {option.name for option in entry.options} for entry in entries}
    for option in options:
        if not any(option in has for has in known.values()):
            everything = sorted(set().union(*known.values()))
            raise AisError(
                f"None of these architectures has an option '{option}': they have {', '.join(everything) or 'none'}."
            )
    return {name: {key: value for key, value in options.items() if key in has} for name, has in known.items()}


def _share(validation: float | None, test: Path | str | None, truth: Path | str | None, label: int | None) -> float:
    """The share of the samples to keep aside."""
    if (test is None) != (truth is None):
        raise AisError("--test and --truth belong together: a tomogram, and the volume that says what is true in it.")
    if label is not None and truth is None:
        raise AisError("--label names a value in --truth, which was not given.")
    if test is not None:
        return validation or 0.0
    if validation is None:
        return VALIDATION
    if validation == 0:
        raise AisError("Nothing is left to measure on: set --validation above 0, or give --test and --truth.")
    return validation
