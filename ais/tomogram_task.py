"""The unit of work of `segment`: one tomogram, several models; done in this process, in another, or on another machine.

A task can be pickled. Whoever does it keeps the models that it has loaded for the next one.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ais import __version__
from ais.chosen_models import ChosenModel
from ais.errors import AisError, sentence
from ais.formats.atomic import remove_leftovers
from ais.formats.claim import Ticket
from ais.formats.mrc import MrcWriter
from ais.formats.record import Identity, describe_input, is_finished, recorded_output
from ais.label_images import LabelWish, write_segmentation_labels
from ais.progress import SILENT, Progress
from ais.read_ahead import ReadAhead
from ais.segment_settings import DTYPES, SegmentResult, SegmentSettings
from ais.segmented_slabs import SegmentedSlabs, Values
from ais.segmented_volumes import output_path
from ais.tomogram import Tomogram
from ais.written_behind import WrittenBehind

if TYPE_CHECKING:
    from ais.segmentation import ReadyModel

Ready = Callable[[ChosenModel, SegmentSettings], "ReadyModel"]


@dataclass(frozen=True)
class TomogramTask:
    """One tomogram to segment.

    Attributes
    ----------
    tomogram
        Its file.
    models
        Of `ais.chosen_models.read_models`; they are looked up again by path, and must still have their hash.
    output
        Folder for the segmented volumes and their records.
    settings
        See `SegmentSettings`.
    overwrite
        Make everything again.
    ticket
        Of the claim under which it is done: unless that is still held at the end, nothing takes its final name.
    """

    tomogram: Path
    models: tuple[ChosenModel, ...]
    output: Path
    settings: SegmentSettings
    overwrite: bool = False
    ticket: Ticket | None = None

    @property
    def features(self) -> dict[str, ChosenModel]:
        """What is looked for, and by which model."""
        return {feature: model for model in self.models for feature in model.info.found}

    @property
    def outputs(self) -> dict[str, Path]:
        """The segmented volume of each feature."""
        return {feature: output_path(self.output, self.tomogram, feature) for feature in self.features}

    def identities(self) -> dict[str, Identity]:
        """What makes the volume of each feature.

        Raises
        ------
        AisError
            If the tomogram cannot be read.
        """
        source = describe_input(self.tomogram)
        rules = self.settings.rules
        features = self.features
        identities = {}
        for feature, model in features.items():
            settings = {"feature": feature, "model": model.hash, **self.settings.as_record()}
            if rules is not None:
                everything = {name: one.hash for name, one in features.items()}
                settings |= {"rules": rules.content(), "models": everything}
            used = [one.as_record() for one in ([model] if rules is None else self.models)]
            identities[feature] = Identity("segment", [source], settings, used)
        return identities


class LoadedModels:
    """Models made ready to segment, each loaded once; those that a task with other models does not use are let go."""

    def __init__(self) -> None:
        self._ready: dict[tuple[object, ...], ReadyModel] = {}

    def __call__(self, model: ChosenModel, settings: SegmentSettings) -> ReadyModel:
        """A model made ready with these settings.

        Raises
        ------
        AisError
            If its file has changed or is not there, or a GPU was asked for that is not.
        """
        from ais.segmentation import segmenter_for

        key = _key(model, settings)
        if key not in self._ready:
            self._ready[key] = segmenter_for(
                model.path,
                batch_size=settings.batch_size,
                tta=settings.tta,
                precision=settings.precision,
                device=settings.device,
                expected=model.hash,
            )
        return self._ready[key]

    def keep_only(self, task: TomogramTask) -> None:
        """Forget the models that a task does not use."""
        used = {_key(model, task.settings) for model in task.models}
        self._ready = {key: ready for key, ready in self._ready.items() if key in used}


def _key(model: ChosenModel, settings: SegmentSettings) -> tuple[object, ...]:
    return (model.hash, settings.batch_size, settings.tta, settings.precision, settings.device)


@functools.cache
def models_of_this_process() -> LoadedModels:
    """Where a process that does nothing but tasks keeps its models from task to task."""
    return LoadedModels()


def finished(task: TomogramTask) -> SegmentResult | None:
    """The result of a task of which nothing is left to do; None if there is, or if labels are to be looked at.

    Nothing is opened but the tomogram's file and the records.
    """
    outputs = task.outputs
    if task.overwrite or task.settings.labels is not None or not all(path.exists() for path in outputs.values()):
        return None
    try:
        identities = task.identities()
        done = all(is_finished(output, identities[feature]) for feature, output in outputs.items())
    except (AisError, OSError):
        return None
    return SegmentResult(task.tomogram, outputs, "kept") if done else None


def do(task: TomogramTask, progress: Progress = SILENT, ready: Ready | None = None) -> SegmentResult:
    """Segment one tomogram; each volume appears whole, with a record beside it, or not at all.

    What is finished already is kept. It may be done again anywhere after its process was killed.

    Parameters
    ----------
    task
        What to do.
    progress
        Told the share that is done, from 0 to 1, after every few slices of each network.
    ready
        Gives a model made ready to segment; by default one that stays loaded for the process's next tasks.

    Returns
    -------
    SegmentResult
        With a sentence if it has failed.

    Raises
    ------
    Cancelled
        If `progress` says so.
    ClaimLost
        If the task's claim is another's by now.
    """
    if ready is None:
        ready = models_of_this_process()
        ready.keep_only(task)
    result = SegmentResult(task.tomogram, task.outputs)
    try:
        wish = task.settings.labels
        if wish is not None:  # asked before anything is computed
            result.labels = {name: wish.path(path, task.tomogram, name) for name, path in result.outputs.items()}
        result.status = _segment(task, progress, ready)
        if wish is not None:
            _write_labels(task, result, wish, progress)
    except (AisError, OSError, MemoryError) as error:
        result.status, result.error = "failed", sentence(error, task.tomogram)
    return result


def _segment(task: TomogramTask, progress: Progress, ready: Ready) -> str:
    identities, outputs = task.identities(), task.outputs  # described first, so that it is seen if another is opened
    with closing(ReadAhead(task.tomogram, task.settings.voxel_size)) as tomogram:
        wanted = [
            feature
            for feature, output in outputs.items()
            if not is_finished(output, identities[feature], overwrite=task.overwrite)
        ]
        for output in outputs.values():
            remove_leftovers(output)
        if not wanted:
            return "kept"
        slabs = SegmentedSlabs(tomogram, task.models, wanted, task.settings, progress, ready)
        with ExitStack() as stack:
            writers = {}
            for feature in wanted:
                made = stack.enter_context(recorded_output(outputs[feature], identities[feature]))
                made.result["shape"] = list(tomogram.shape)
                writers[feature] = stack.enter_context(_writer(made.path, tomogram, feature, task.settings))
            behind = stack.enter_context(WrittenBehind())
            for values_of in slabs:
                behind.do(partial(_write, writers, values_of))
            behind.wait()
            if task.ticket is not None:
                task.ticket.confirm()  # before anything takes its final name
    return "done"


def _write(writers: Mapping[str, MrcWriter], values_of: Callable[[], Values]) -> None:
    values = values_of()
    for feature, writer in writers.items():
        writer.write(values.pop(feature))


def _writer(path: Path, tomogram: Tomogram, feature: str, settings: SegmentSettings) -> MrcWriter:
    label = f"Ais {__version__} segmentation: {feature}"
    return MrcWriter(
        path,
        tomogram.shape,
        DTYPES[settings.dtype][0],
        voxel_sizes=tomogram.voxel_sizes,
        origin=None if settings.voxel_size is None else tomogram.origin,
        like=tomogram.info,
        labels=[label],
    )


def _write_labels(task: TomogramTask, result: SegmentResult, wish: LabelWish, progress: Progress) -> None:
    for feature, target in result.labels.items():
        info = task.features[feature].info
        write_segmentation_labels(
            *(target, result.outputs[feature], result.tomogram, feature, wish.threshold),
            info.colour if len(info.found) == 1 else None,
            overwrite=task.overwrite,
            progress=_Done(progress, f"{target.name}, labels"),
        )


class _Done(Progress):
    """What is left to be written once all has been computed."""

    def __init__(self, whole: Progress, text: str) -> None:
        self._whole = whole
        self._text = text

    def report(self, done: float, total: float, text: str = "") -> None:
        del done, total, text
        self._whole.report(1, 1, self._text)
