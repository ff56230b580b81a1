"""Batch segmentation: many tomograms with several models and their rules, resumable, one volume per feature."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from ais import __version__
from ais.chosen_models import ChosenModel, read_models
from ais.errors import AisError, sentence
from ais.formats.atomic import remove_leftovers
from ais.formats.mrc import MrcWriter
from ais.formats.record import (
    Identity,
    describe_input,
    is_finished,
    recorded_output,
)
from ais.formats.registry import volume_stem
from ais.interactions import Rules, apply_rules
from ais.label_images import LabelWish, write_segmentation_labels
from ais.progress import SILENT, Progress
from ais.segmented_volumes import output_path, write_manifest
from ais.shards import Shard, WhileHeld, share_out
from ais.tomogram import Tomogram

if TYPE_CHECKING:
    from ais.formats.claim import Claim
    from ais.segmentation import ReadyModel

SLAB_BYTES = 32 << 20
DTYPES: dict[str, tuple[str, float]] = {"uint8": ("uint8", 255.0), "int8": ("int8", 127.0), "float32": ("float32", 1.0)}


@dataclass(frozen=True)
class SegmentSettings:
    """How tomograms are segmented.

    Attributes
    ----------
    z_range
        First slice and the one after the last; None: all.
    crop
        (x0, x1, y0, y1), half open, y = array row; None: the whole slice. Outputs keep the tomogram's shape.
    tta
        Number of symmetries to average, 1 to 8 (16 for models that see several slices).
    dtype
        ``"uint8"`` (0-255, stored in mode 6), ``"int8"`` (0-127) or ``"float32"`` (0-1).
    batch_size
        Slices that the network computes at once, or ``"auto"``.
    precision
        ``"auto"``, ``"float32"`` or ``"mixed"``.
    device
        ``"auto"``, ``"cpu"``, ``"gpu"`` or ``"gpu:0,1"``.
    voxel_size
        Overrides the headers' voxel size, in angstrom.
    rules
        Competition and interactions between the models.
    labels
        OME-Zarr labels that are written as well; None for none.
    """

    z_range: tuple[int, int] | None = None
    crop: tuple[int, int, int, int] | None = None
    tta: int = 1
    dtype: str = "uint8"
    batch_size: int | Literal["auto"] = "auto"
    precision: str = "auto"
    device: str = "auto"
    voxel_size: float | None = None
    rules: Rules | None = None
    labels: LabelWish | None = None

    def as_record(self) -> dict[str, Any]:
        """Those that change the result."""
        return {
            "range": self.z_range,
            "crop": self.crop,
            "tta": self.tta,
            "dtype": self.dtype,
            "precision": self.precision,
            "voxel_size": self.voxel_size,
        }


@dataclass
class SegmentResult:
    """What became of one tomogram.

    Attributes
    ----------
    tomogram
        The input.
    outputs
        Segmented volume of each feature.
    status
        ``"done"``, ``"kept"`` (finished by an earlier run) or ``"failed"``.
    error
        The sentence that says why, if it failed.
    labels
        OME-Zarr labels of each feature, where they were asked for.
    """

    tomogram: Path
    outputs: dict[str, Path] = field(default_factory=dict)
    status: str = "done"
    error: str = ""
    labels: dict[str, Path] = field(default_factory=dict)


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
    batch = _Batch(chosen, Path(output), settings, overwrite, progress, len(inputs), ready)
    paths = list(map(Path, inputs))
    results = [batch.segment(path) for path in paths] if shard is None else batch.segment_shared(paths, shard)
    if any(result.status != "failed" for result in results):
        write_manifest(Path(output), [(one.tomogram, one.error) for one in results if one.status == "failed"])
    return results


class _Share(Progress):
    """The progress of a part of the work, told as that of all of it."""

    def __init__(self, whole: Progress, before: float, share: float, total: float, text: str) -> None:
        self._whole = whole
        self._before = before
        self._share = share
        self._total = total
        self._text = text

    def report(self, done: float, total: float, text: str = "") -> None:
        del text
        if done == total:
            return  # what follows says it, once its results are safe
        self._whole.report(self._before + self._share * done / total, self._total, self._text)


class _Batch:
    """What the tomograms of one call share: models, loaded once and only when there is work, and the settings."""

    def __init__(
        self,
        models: list[ChosenModel],
        folder: Path,
        settings: SegmentSettings,
        overwrite: bool,
        progress: Progress,
        count: int,
        ready: Callable[[Path, str], ReadyModel] | None,
    ) -> None:
        self._ready = ready
        self._models = models
        self._folder = folder
        self._settings = settings
        self._overwrite = overwrite
        self._progress = progress
        self._count = count
        self._finished = 0
        self._claim: Claim | None = None
        self._features = {feature: model for model in models for feature in model.info.found}
        self._segmenters: dict[Path, ReadyModel] = {}

    def segment(self, path: Path) -> SegmentResult:
        result = SegmentResult(path, {feature: output_path(self._folder, path, feature) for feature in self._features})
        try:
            if self._settings.labels is not None:
                wish = self._settings.labels  # asked before anything is computed
                result.labels = {name: wish.path(volume, path, name) for name, volume in result.outputs.items()}
            result.status = self._segment(path, result.outputs)
            if self._settings.labels is not None:
                self._write_labels(result, self._settings.labels)
        except (AisError, OSError, MemoryError) as error:
            result.status, result.error = "failed", sentence(error, path)
        self._finished += 1
        return result

    def segment_shared(self, paths: Sequence[Path], shard: Shard) -> list[SegmentResult]:
        """The same for all tomograms, together with other processes; one result each, whoever segmented it."""
        whole = self._progress

        def work(index: int, claim: Claim) -> SegmentResult:
            self._claim, self._progress = claim, WhileHeld(whole, claim)
            try:
                return self.segment(paths[index])
            finally:
                self._claim, self._progress = None, whole

        def refused(index: int, error: AisError) -> SegmentResult:
            return SegmentResult(paths[index], status="failed", error=str(error))

        def look(index: int) -> SegmentResult | None:
            result = self._finished_already(paths[index])
            self._finished += result is not None
            return result

        results = share_out(shard, [volume_stem(path) for path in paths], self._folder, look, work, refused, whole)
        # What failed here, on a machine with less memory perhaps, another process may have done since.
        return [self._finished_already(one.tomogram) or one if one.status == "failed" else one for one in results]

    def _finished_already(self, path: Path) -> SegmentResult | None:
        """The result of a tomogram for which nothing is left to do; None if there is, or labels are to be looked at."""
        outputs = {feature: output_path(self._folder, path, feature) for feature in self._features}
        if self._settings.labels is not None or not all(output.exists() for output in outputs.values()):
            return None
        try:
            identities = self._identities(path)
            done = all(is_finished(output, identities[feature]) for feature, output in outputs.items())
        except (AisError, OSError):
            return None
        return SegmentResult(path, outputs, "kept") if done else None

    def _segment(self, path: Path, outputs: dict[str, Path]) -> str:
        with closing(Tomogram.open(path, self._settings.voxel_size)) as tomogram:
            identities = self._identities(path)
            wanted = [
                feature
                for feature, output in outputs.items()
                if not is_finished(output, identities[feature], overwrite=self._overwrite)
            ]
            for output in outputs.values():
                remove_leftovers(output)
            if not wanted:
                return "kept"
            self._check(tomogram)
            with ExitStack() as stack:
                writers = {}
                for feature in wanted:
                    made = stack.enter_context(recorded_output(outputs[feature], identities[feature]))
                    made.result["shape"] = list(tomogram.shape)
                    writers[feature] = stack.enter_context(self._writer(made.path, tomogram, feature))
                for values in self._slabs(tomogram, wanted):
                    for feature, writer in writers.items():
                        writer.write(values[feature])
                if self._claim is not None:
                    self._claim.confirm()  # before anything takes its final name
        return "done"

    def _write_labels(self, result: SegmentResult, wish: LabelWish) -> None:
        for feature, target in result.labels.items():
            info = self._features[feature].info
            within = _Share(self._progress, self._finished + 1, 0, self._count, f"{target.name}, labels")
            write_segmentation_labels(
                *(target, result.outputs[feature], result.tomogram, feature, wish.threshold),
                info.colour if len(info.found) == 1 else None,
                overwrite=self._overwrite,
                progress=within,
            )

    def _identities(self, path: Path) -> dict[str, Identity]:
        source = describe_input(path)
        rules = self._settings.rules
        everything = {feature: model.hash for feature, model in self._features.items()}
        used = self._models if rules is not None else []
        identities = {}
        for feature, model in self._features.items():
            settings = {"feature": feature, "model": model.hash, **self._settings.as_record()}
            if rules is not None:
                settings |= {"rules": rules.content(), "models": everything}
            identities[feature] = Identity("segment", [source], settings, [one.as_record() for one in used or [model]])
        return identities

    def _check(self, tomogram: Tomogram) -> None:
        nz, ny, nx = tomogram.shape
        tomogram.require_voxel_size()
        z0, z1 = self._settings.z_range or (0, nz)
        if not 0 <= z0 < z1 <= nz:
            raise AisError(f"{tomogram.path} has {nz} slices; the range {z0}:{z1} is not among them.")
        x0, x1, y0, y1 = self._settings.crop or (0, nx, 0, ny)
        if not (0 <= x0 < x1 <= nx and 0 <= y0 < y1 <= ny):
            raise AisError(f"{tomogram.path} has {nx} x {ny} pixels; the crop {x0}:{x1},{y0}:{y1} is not among them.")

    def _writer(self, path: Path, tomogram: Tomogram, feature: str) -> MrcWriter:
        label = f"Ais {__version__} segmentation: {feature}"
        return MrcWriter(
            path,
            tomogram.shape,
            DTYPES[self._settings.dtype][0],
            voxel_sizes=tomogram.voxel_sizes,
            origin=None if self._settings.voxel_size is None else tomogram.origin,
            like=tomogram.info,
            labels=[label],
        )

    def _slabs(self, tomogram: Tomogram, wanted: list[str]) -> Iterator[dict[str, NDArray[Any]]]:
        """The values of the wanted features, slab by slab from the first slice to the last."""
        nz, ny, nx = tomogram.shape
        rules = self._settings.rules
        # A network computes all its features at once, also those whose volumes are finished.
        models = [model for model in self._models if rules is not None or set(wanted) & set(model.info.found)]
        z0, z1 = self._settings.z_range or (0, nz)
        step = max(1, SLAB_BYTES // (4 * ny * nx * sum(len(model.info.found) for model in models)))
        seen = self._seen(tomogram)
        yield from _empty(self._settings.dtype, wanted, 0, z0, step, (ny, nx))
        for z in range(z0, z1, step):
            last = min(z + step, z1)
            probabilities: dict[str, NDArray[np.float32]] = {}
            for number, model in enumerate(models):
                words = f"{tomogram.name}, slice {z - z0} of {z1 - z0}"
                share = (last - z) / (z1 - z0) / len(models)
                before = self._finished + (z - z0) / (z1 - z0) + number * share
                within = _Share(self._progress, before, share, self._count, words)
                within.report(0, 1)
                probabilities |= self._predicted(model, tomogram, z, last, seen, within)
            if rules is not None:
                apply_rules(probabilities, rules, tomogram.voxel_size)
            yield {feature: self._placed(probabilities[feature], seen, (ny, nx)) for feature in wanted}
        yield from _empty(self._settings.dtype, wanted, z1, nz, step, (ny, nx))

    def _seen(self, tomogram: Tomogram) -> tuple[int, int, int, int] | None:
        """The crop, grown by as far as rules reach, so that what lies beside it counts as in the whole slice."""
        crop, rules = self._settings.crop, self._settings.rules
        if crop is None or rules is None:
            return crop
        _, ny, nx = tomogram.shape
        # Rules follow each other, so their reaches add up.
        reach = math.ceil(sum(rule.radius for rule in rules.interactions) / tomogram.voxel_size)
        x0, x1, y0, y1 = crop
        return (max(0, x0 - reach), min(nx, x1 + reach), max(0, y0 - reach), min(ny, y1 + reach))

    def _placed(
        self, probabilities: NDArray[np.float32], seen: tuple[int, int, int, int] | None, plane: tuple[int, int]
    ) -> NDArray[Any]:
        """Stored values of whole slices, zero outside the crop."""
        values = quantised(probabilities, self._settings.dtype)
        if self._settings.crop is None or seen is None:
            return values
        x0, x1, y0, y1 = self._settings.crop
        whole = np.zeros((len(values), *plane), values.dtype)
        whole[:, y0:y1, x0:x1] = values[:, y0 - seen[2] : y1 - seen[2], x0 - seen[0] : x1 - seen[0]]
        return whole

    def _predicted(
        self,
        model: ChosenModel,
        tomogram: Tomogram,
        z0: int,
        z1: int,
        crop: tuple[int, int, int, int] | None,
        progress: Progress,
    ) -> dict[str, NDArray[np.float32]]:
        """Probabilities (n, ny, nx) of each feature that a model finds, from one pass of its network."""
        found = self._segmenter(model).predict_slices(tomogram, z0, z1, crop, progress=progress)
        return dict(zip(model.info.found, found if found.ndim == 4 else found[None], strict=True))

    def _segmenter(self, model: ChosenModel) -> ReadyModel:
        from ais.segmentation import segmenter_for

        if self._ready is not None:
            return self._ready(model.path, model.hash)
        if model.path not in self._segmenters:
            self._segmenters[model.path] = segmenter_for(
                model.path,
                batch_size=self._settings.batch_size,
                tta=self._settings.tta,
                precision=self._settings.precision,
                device=self._settings.device,
            )
        return self._segmenters[model.path]


def quantised(probabilities: NDArray[np.float32], dtype: str) -> NDArray[Any]:
    """Probabilities 0-1 on the scale of a segmented volume: 0-255, 0-127, or as they are.

    Parameters
    ----------
    probabilities
        Any shape.
    dtype
        A key of `DTYPES`.
    """
    name, scale = DTYPES[dtype]
    if dtype == "float32":
        return probabilities
    values: NDArray[Any] = np.rint(probabilities * np.float32(scale)).astype(name)
    return values


def _empty(
    dtype: str, features: list[str], start: int, stop: int, step: int, plane: tuple[int, int]
) -> Iterator[dict[str, NDArray[Any]]]:
    for z in range(start, stop, step):
        zeros = np.zeros((min(step, stop - z), *plane), DTYPES[dtype][0])
        yield dict.fromkeys(features, zeros)
