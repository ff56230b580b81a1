"""Batch segmentation: many tomograms with several models and their rules, resumable, one volume per feature."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ais.chosen_models import ChosenModel, read_models
from ais.errors import AisError
from ais.formats.claim import Claims
from ais.formats.registry import volume_stem
from ais.progress import SILENT, Progress
from ais.segment_settings import DTYPES, SegmentResult, SegmentSettings
from ais.segmented_volumes import write_manifest
from ais.shards import Piece, Shard, Sharing, WhileHeld, one_by_one
from ais.tomogram_task import LoadedModels, Ready, TomogramTask, do, finished

if TYPE_CHECKING:
    from ais.segmentation import ReadyModel

Runner = Callable[[Sharing[SegmentResult], Sequence[TomogramTask], Progress], None]
"""Does all that is left of the tasks of a call."""
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
    runner: Runner | None = None,
) -> list[SegmentResult]:
    """Segment tomograms; each ``<stem>__<feature>.mrc`` appears whole, with a record beside it.

    A run that was stopped is resumed by calling it again: outputs whose record names the same input, models and
    settings are kept. One tomogram that cannot be segmented does not stop the others. A tomogram that another process
    is segmenting into the same folder is waited for, and done here only if that one gives up.

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
    runner
        Does the tasks, such as `ais.workers.Workers`; by default they are done here.

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
    if runner is None:
        runner = Here(_loaded_elsewhere(ready) if ready is not None else LoadedModels())
    with Claims(Path(output)) as claims:
        sharing = share_tasks(tasks, shard or Shard(0, 1), claims)
        runner(sharing, tasks, progress)
    # What failed here, on a machine with less memory perhaps, another process may have done since.
    results = [
        finished(task) or result if result.status == "failed" else result
        for task, result in zip(tasks, sharing.results, strict=True)
    ]
    if any(result.status != "failed" for result in results):
        write_manifest(Path(output), [(one.tomogram, one.error) for one in results if one.status == "failed"])
    return results


def share_tasks(tasks: Sequence[TomogramTask], shard: Shard, claims: Claims) -> Sharing[SegmentResult]:
    """The tasks of a call, to be taken one after the other; those that are finished have their result already."""

    def refused(index: int, error: AisError) -> SegmentResult:
        return SegmentResult(tasks[index].tomogram, status="failed", error=str(error))

    names = [volume_stem(task.tomogram) for task in tasks]
    return Sharing(shard, names, claims, lambda index: finished(tasks[index]), refused)


def _loaded_elsewhere(ready: Callable[[Path, str], ReadyModel]) -> Ready:
    def take(model: ChosenModel, _: SegmentSettings) -> ReadyModel:
        return ready(model.path, model.hash)

    return take


class Here:
    """Does tasks one after the other in this process.

    Parameters
    ----------
    ready
        Gives a model made ready to segment.
    """

    def __init__(self, ready: Ready) -> None:
        self._ready = ready

    def __call__(self, sharing: Sharing[SegmentResult], tasks: Sequence[TomogramTask], progress: Progress) -> None:
        """Do all that is left of the tasks."""

        def work(piece: Piece) -> SegmentResult:
            task = replace(tasks[piece.index], ticket=piece.claim.ticket)
            within = _OneOfMany(WhileHeld(progress, piece.claim), sharing.finished, len(tasks))
            return do(task, within, self._ready)

        one_by_one(sharing, work, progress)


class _OneOfMany(Progress):
    """The progress of one tomogram, told as that of all."""

    def __init__(self, whole: Progress, before: int, count: int) -> None:
        self._whole = whole
        self._before = before
        self._count = count

    def report(self, done: float, total: float, text: str = "") -> None:
        self._whole.report(self._before + done / total, self._count, text)
