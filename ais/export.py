"""Batch segmentation: many tomograms with several models and their rules, resumable, one volume per feature."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ais.chosen_models import ChosenModel, read_models
from ais.errors import AisError
from ais.formats.registry import volume_stem
from ais.progress import SILENT, Progress
from ais.segment_settings import DTYPES, SegmentResult, SegmentSettings
from ais.segmented_volumes import write_manifest
from ais.shards import Shard, WhileHeld, share_out
from ais.tomogram_task import LoadedModels, Ready, TomogramTask, do, finished

if TYPE_CHECKING:
    from ais.formats.claim import Claim
    from ais.segmentation import ReadyModel

__all__ = ["DTYPES", "SegmentResult", "SegmentSettings", "segment"]


def segment(
    inputs: Sequence[Path | str],
    models: Sequence[Path | str],
    output: Path | str,
    settings: SegmentSettings | None = None,
    *,
    overwrite: bool = False,
    progress: Progress = SILENT,
    ready: Callable[[Path, str], ReadyModel] | None = None,
    shard: Shard | None = None,
) -> list[SegmentResult]:
    """Segment tomograms; each ``<stem>__<feature>.mrc`` appears whole, with a record beside it.

    A run that was stopped is resumed by calling it again: outputs whose record names the same input, models and
    settings are kept. One tomogram that cannot be segmented does not stop the others.

    Parameters
    ----------
    inputs
        Volume files with different stems.
    models
        Model files (.aism, or .scnm of Ais 1.x) for different features; one that finds several gives a volume for each.
    output
        Folder for the segmented volumes, their records and the manifest.
    settings
        See `SegmentSettings`.
    overwrite
        Make everything again.
    progress
        Told the tomograms done and the share of the one under way, after every few slices of each network.
    ready
        Gives the model of a path and a `model_hash` ready to segment with these settings, such as one that is loaded
        already; by default it is loaded here.
    shard
        This is one of several such calls, in as many processes, that share the tomograms; each returns when all are
        done, whoever did them.

    Returns
    -------
    list of SegmentResult
        One per input, in the same order.

    Raises
    ------
    AisError
        If a model cannot be read, two models find the same feature, the rules name a feature without model, or a
        shard is to overwrite.
    Cancelled
        If `progress` says so; finished volumes are kept.
    """
    settings = settings or SegmentSettings()
    if settings.dtype not in DTYPES:
        raise AisError(f"'{settings.dtype}' is not a type of segmented volumes: choose {', '.join(DTYPES)}.")
    if shard is not None and overwrite:
        raise AisError("Several processes that share a folder cannot overwrite in it: choose another folder.")
    chosen = read_models(models)
    if settings.rules is not None:
        settings.rules.check([feature for model in chosen for feature in model.info.found])
    tasks = [TomogramTask(Path(path), tuple(chosen), Path(output), settings, overwrite) for path in inputs]
    batch = _Batch(tasks, progress, _loaded_elsewhere(ready) if ready is not None else LoadedModels())
    results = [batch.do(task) for task in tasks] if shard is None else batch.share(shard)
    if any(result.status != "failed" for result in results):
        write_manifest(Path(output), [(one.tomogram, one.error) for one in results if one.status == "failed"])
    return results


def _loaded_elsewhere(ready: Callable[[Path, str], ReadyModel]) -> Ready:
    def take(model: ChosenModel, _: SegmentSettings) -> ReadyModel:
        return ready(model.path, model.hash)

    return take


class _Batch:
    """The tasks of one call, done one after the other in this process."""

    def __init__(self, tasks: Sequence[TomogramTask], progress: Progress, ready: Ready) -> None:
        self._tasks = tasks
        self._progress = progress
        self._ready = ready
        self._finished = 0

    def do(self, task: TomogramTask, claim: Claim | None = None) -> SegmentResult:
        whole = self._progress if claim is None else WhileHeld(self._progress, claim)
        if claim is not None:
            task = replace(task, ticket=claim.ticket)
        result = do(task, _OneOfMany(whole, self._finished, len(self._tasks)), self._ready)
        self._finished += 1
        return result

    def share(self, shard: Shard) -> list[SegmentResult]:
        """All tasks, together with other processes; one result each, whoever did it."""

        def refused(index: int, error: AisError) -> SegmentResult:
            return SegmentResult(self._tasks[index].tomogram, status="failed", error=str(error))

        def look(index: int) -> SegmentResult | None:
            result = finished(self._tasks[index])
            self._finished += result is not None
            return result

        results = share_out(
            shard,
            [volume_stem(task.tomogram) for task in self._tasks],
            self._tasks[0].output,
            look,
            lambda index, claim: self.do(self._tasks[index], claim),
            refused,
            self._progress,
        )
        # What failed here, on a machine with less memory perhaps, another process may have done since.
        return [
            finished(task) or result if result.status == "failed" else result
            for task, result in zip(self._tasks, results, strict=True)
        ]


class _OneOfMany(Progress):
    """The progress of one tomogram, told as that of all."""

    def __init__(self, whole: Progress, before: int, count: int) -> None:
        self._whole = whole
        self._before = before
        self._count = count

    def report(self, done: float, total: float, text: str = "") -> None:
        self._whole.report(self._before + done / total, self._count, text)
