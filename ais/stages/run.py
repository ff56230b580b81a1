"""The stages one after the other, each going on with what the one before has left."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ais.errors import AisError
from ais.progress import SILENT, Progress
from ais.stages.analyze import analyze, assembled_volumes
from ais.stages.assemble import assemble
from ais.stages.predict import predict, usable_models
from ais.stages.settings import ASSEMBLE, PREDICT, SPLIT, STAGES, StageResult, StageSettings, stage_folder
from ais.stages.split import split


def run_stages(
    inputs: Sequence[Path | str],
    output: Path | str,
    models: Sequence[Path | str] = (),
    settings: StageSettings | None = None,
    *,
    stages: Sequence[str] = STAGES,
    overwrite: bool = False,
    progress: Progress = SILENT,
) -> list[StageResult]:
    """Split tomograms into pieces, predict these, assemble the predictions and analyse them, all or some of it.

    What is there already from the same input and settings is kept, and what somebody has corrected by hand as well;
    what is missing, or was made from something else, is made. So a run that was stopped goes on where it was.

    Parameters
    ----------
    inputs
        Tomograms with different stems; `split` reads them, and `analyze` measures intensities in those that are there.
    output
        Folder for the results, ``1_split`` to ``4_analyze``.
    models
        Model files for different features; `predict` needs them.
    settings
        See `StageSettings`.
    stages
        Some of `STAGES`, which always run in that order. A stage takes the tomograms that the one before has finished
        in this call, or where that is not among them, all that it has left in the folder.
    overwrite
        Make everything in these stages again, also what was corrected by hand.
    progress
        Told the stages done and the share of the one under way.

    Returns
    -------
    list of StageResult
        Stage by stage. What fails does not stop the others, but does not reach the next stage.

    Raises
    ------
    AisError
        If a setting makes no sense, a model cannot be read, or an earlier stage has left nothing.
    Cancelled
        If `progress` says so; what is finished is kept.
    """
    settings = settings or StageSettings()
    settings.check()
    chosen = _in_order(stages)
    features = None
    if PREDICT in chosen:
        if not models:
            raise AisError(f"The stage {PREDICT} needs a model: give --model.")
        features = [feature for model in usable_models(models, settings.tta) for feature in model.info.found]
        if settings.rules is not None:
            settings.rules.check(features)
    paths = [Path(path) for path in inputs]
    run = _Run(Path(output), settings, features, overwrite)
    for number, stage in enumerate(chosen):
        run.go(stage, paths, models, _Share(progress, number, len(chosen), stage))
        if not run.left:
            break
    progress.report(len(chosen), len(chosen))
    return run.results


class _Run:
    """What the stages of one call share.

    Attributes
    ----------
    results
        So far.
    left
        Results of the last stage that go on to the next; None before the first.
    """

    def __init__(self, output: Path, settings: StageSettings, features: list[str] | None, overwrite: bool) -> None:
        self.results: list[StageResult] = []
        self.left: list[StageResult] | None = None
        self._output = output
        self._settings = settings
        self._features = features
        self._overwrite = overwrite

    def go(self, stage: str, inputs: list[Path], models: Sequence[Path | str], progress: Progress) -> None:
        """Do the work of a stage with what the one before has left."""
        folder, settings, overwrite = stage_folder(self._output, stage), self._settings, self._overwrite
        # What an earlier stage of this call has left counts only for the stage that follows it.
        previous = None if stage == SPLIT else STAGES[STAGES.index(stage) - 1]
        if previous is not None and (not self.results or self.results[-1].stage != previous):
            self.left = None
        if stage == SPLIT:
            found = split(inputs, folder, settings, overwrite=overwrite, progress=progress)
        elif stage == PREDICT:
            pieces, names = stage_folder(self._output, SPLIT), self._names(SPLIT)
            found = predict(pieces, folder, names, models, settings, overwrite=overwrite, progress=progress)
        elif stage == ASSEMBLE:
            predictions, names = stage_folder(self._output, PREDICT), self._names(PREDICT)
            features = None if self.left is None else self._features
            found = assemble(
                predictions, folder, names, settings, features=features, overwrite=overwrite, progress=progress
            )
        else:
            volumes = [one.output for one in self.left or ()] or assembled_volumes(stage_folder(self._output, ASSEMBLE))
            found = analyze(volumes, folder, settings, tomograms=inputs, overwrite=overwrite, progress=progress)
        self.results += found
        self.left = [one for one in found if one.status != "failed"]

    def _names(self, previous: str) -> list[str]:
        """The tomograms that the stage before has left."""
        if self.left is not None:
            return [one.tomogram for one in self.left]
        folder = stage_folder(self._output, previous)
        names = sorted(path.name for path in folder.glob("*") if path.is_dir() and not path.name.startswith("."))
        if not names:
            raise AisError(f"{folder} holds no tomograms: run the stage {previous} first.")
        return names


class _Share(Progress):
    """The progress of a stage, told as that of all."""

    def __init__(self, whole: Progress, number: int, count: int, stage: str) -> None:
        self._whole = whole
        self._number = number
        self._count = count
        self._stage = stage

    def report(self, done: float, total: float, text: str = "") -> None:
        share = done / total if total else 0.0
        self._whole.report(self._number + min(share, 1.0), self._count, f"{self._stage} {text}".rstrip())


def _in_order(stages: Sequence[str]) -> list[str]:
    for stage in stages:
        if stage not in STAGES:
            raise AisError(f"'{stage}' is not a stage: choose {', '.join(STAGES)}.")
    return [stage for stage in STAGES if stage in stages] if stages else list(STAGES)
