"""The second stage: the pieces through models, a piece of probabilities for each feature."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ais.chosen_models import ChosenModel, read_models
from ais.errors import AisError, sentence
from ais.formats.record import Identity
from ais.interactions import apply_rules
from ais.progress import SILENT, Progress
from ais.segmented_slabs import quantised
from ais.segmented_volumes import output_path
from ais.stages.kept import State, record_of, records_in, remove_others, staged_output, state_of
from ais.stages.pieces import PieceFile, PieceTomogram, write_piece
from ais.stages.settings import PREDICT, StageResult, StageSettings
from ais.stages.split import pieces_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ais.segmentation import Segmenter

    Probabilities = dict[str, NDArray[np.float32]]

COMMAND = "stages predict"
RESAMPLING_PX = 2
logger = logging.getLogger(__name__)


def predict(
    pieces: Path,
    folder: Path,
    names: Sequence[str],
    models: Sequence[Path | str],
    settings: StageSettings,
    *,
    overwrite: bool = False,
    progress: Progress = SILENT,
) -> list[StageResult]:
    """Predict the pieces of tomograms: ``<folder>/<name>/<piece>__<feature>.mrc``, 0 to 255, of the piece's shape.

    What lies beyond the part of a piece that counts is 0; its values come from the neighbour. Pieces corrected by hand
    are kept.

    Parameters
    ----------
    pieces, folder
        Of the stage before, and of this one.
    names
        Of the tomograms.
    models
        Model files for different features.
    settings
        See `StageSettings`.
    overwrite
        Make everything again.
    progress
        Told the tomograms done.

    Returns
    -------
    list of StageResult
        One per tomogram.

    Raises
    ------
    AisError
        If a model cannot be read, two find the same feature, or the rules name a feature without model.
    """
    predictor = Predictor(usable_models(models, settings.tta), settings)
    results = []
    for number, name in enumerate(names):
        result = StageResult(PREDICT, name, folder / name)
        try:
            found = pieces_of(pieces / name)
            for index, piece in enumerate(found):
                progress.report(number + index / len(found), len(names), piece.path.stem)
                predictor.predict(piece, result, overwrite=overwrite)
            predictor.finish(found, result)
        except (AisError, OSError, MemoryError) as error:
            result.status, result.error = "failed", sentence(error, folder / name)
        results.append(result)
    return results


def usable_models(paths: Sequence[Path | str], tta: int) -> list[ChosenModel]:
    """Models that can predict pieces, averaged over `tta` symmetries.

    Raises
    ------
    AisError
        If one looks at whole tomograms, or has not so many symmetries; and as `read_models`.
    """
    from ais.segmentation.symmetries import check_count

    models = read_models(paths)
    for model in models:
        check_count(tta, model.info.depth)
        if model.info.is_classic:
            raise AisError(f"{model.path} is a classic model, which looks at whole tomograms: use it with ais segment.")
    return models


def predicted_path(folder: Path, piece: Path, feature: str) -> Path:
    """Where the prediction of a piece lies in the folder of its tomogram."""
    named = output_path(folder, piece, feature)
    return named.with_name(named.name.removesuffix(".mrc") + piece.suffix)


@dataclass(frozen=True)
class _Wanted:
    feature: str
    path: Path
    identity: Identity


class Predictor:
    """Models, loaded once and only when there is work, and what to do with each piece.

    Parameters
    ----------
    models
        Of `ais.chosen_models.read_models`.
    settings
        See `StageSettings`.
    """

    def __init__(self, models: list[ChosenModel], settings: StageSettings) -> None:
        self._models = models
        self._settings = settings
        self._features = {feature: model for model in models for feature in model.info.found}
        self._segmenters: dict[Path, Segmenter] = {}
        self._has_warned = False
        if settings.rules is not None:
            settings.rules.check(list(self._features))

    def predict(self, piece: PieceFile, result: StageResult, *, overwrite: bool = False) -> None:
        """Make what is missing of a piece, and count it in the result of its tomogram.

        Raises
        ------
        AisError
            If the piece or a model cannot be used, or another file is in the way.
        """
        described = piece.described()
        states = [
            (one, state_of(one.path, one.identity, overwrite=overwrite)) for one in self._all(piece, described, result)
        ]
        wanted = [one for one, state in states if state in (State.MISSING, State.STALE)]
        figures = result.figures
        figures["pieces"] = figures.get("pieces", 0) + len(states)
        figures["kept"] = figures.get("kept", 0) + len(states) - len(wanted)
        figures["corrected"] = figures.get("corrected", 0) + [state for _, state in states].count(State.CORRECTED)
        if not wanted:
            return
        tomogram = PieceTomogram(piece)
        found = self._probabilities(tomogram, piece, [one.feature for one in wanted])
        for one in wanted:
            stored = np.zeros(piece.place.shape, np.uint8)
            stored[piece.place.inside] = quantised(found[one.feature], "uint8")
            with staged_output(one.path, one.identity) as made:
                label = f"A piece of a prediction by Ais: {one.feature}"
                write_piece(made.path, piece.path.suffix, stored, piece.source, piece.place, label)
                made.result |= {"exact": self._is_exact(piece), **piece.facts()}

    def finish(self, pieces: Sequence[PieceFile], result: StageResult) -> None:
        """Say what became of a tomogram, and remove predictions of these features for pieces that are no more."""
        if result.figures["kept"] == result.figures["pieces"]:
            result.status = "kept"
        paths = {predicted_path(result.output, piece.path, feature) for piece in pieces for feature in self._features}
        records = [record_of(path, COMMAND) for path in paths]
        result.figures["exact"] = all(
            record is not None and record["result"].get("exact") is True for record in records
        )
        for path in remove_others(result.output, COMMAND, paths | self._of_others(result.output)):
            logger.warning("%s was corrected by hand for pieces that are no more, and is no longer used.", path)
        if self._segmenters and not result.figures["exact"] and not self._has_warned:
            self._has_warned = True
            logger.warning(
                "The models see farther than the pieces overlap, so that values near their seams are not quite those "
                "of the whole tomogram: split with --overlap %s.",
                self._sufficient_overlap(pieces[0]),
            )

    def _all(self, piece: PieceFile, described: dict[str, Any], result: StageResult) -> Iterator[_Wanted]:
        rules = self._settings.rules
        for feature, model in self._features.items():
            settings: dict[str, Any] = {
                "feature": feature,
                "model": model.hash,
                "tta": self._settings.tta,
                "precision": self._settings.precision,
            }
            if rules is not None:
                settings |= {
                    "rules": rules.content(),
                    "models": {name: one.hash for name, one in self._features.items()},
                }
            path = predicted_path(result.output, piece.path, feature)
            yield _Wanted(feature, path, Identity(COMMAND, [described], settings))

    def _probabilities(self, tomogram: PieceTomogram, piece: PieceFile, wanted: Sequence[str]) -> Probabilities:
        """Of the part of a piece that counts, (nz, ny, nx)."""
        rules, kept = self._settings.rules, piece.place.kept
        across = 0 if rules is None else rules.reach(tomogram.voxel_size)
        # Rules look around, as far as the piece goes.
        (y0, y1), (x0, x1) = (
            (max(first - across, start), min(last + across, stop))
            for (first, last), (start, stop) in zip(kept[1:], piece.place.box[1:], strict=True)
        )
        found: Probabilities = {}
        for model in self._models:
            if rules is None and not set(wanted) & set(model.info.found):
                continue
            values = self._segmenter(model).predict_slices(tomogram, *kept[0], (x0, x1, y0, y1))
            found |= zip(model.info.found, values if values.ndim == 4 else values[None], strict=True)
        if rules is not None:
            apply_rules(found, rules, tomogram.voxel_size)
        y, x = slice(kept[1][0] - y0, kept[1][1] - y0), slice(kept[2][0] - x0, kept[2][1] - x0)
        return {feature: found[feature][:, y, x] for feature in wanted}

    def _segmenter(self, model: ChosenModel) -> Segmenter:
        from ais.models import load_model
        from ais.segmentation import Segmenter

        if model.path not in self._segmenters:
            self._segmenters[model.path] = Segmenter(
                load_model(model.path),
                tta=self._settings.tta,
                precision=self._settings.precision,
                device=self._settings.device,
            )
        return self._segmenters[model.path]

    def _reach(self, piece: PieceFile) -> tuple[int, int, int]:
        """How many voxels of the tomogram around one have a say in its value by a model of this run, along z, y, x."""
        from ais.models.reach import reach

        far = [0, 0, 0]
        for model in self._models:
            if model.path in self._segmenters:
                radius = reach(self._segmenters[model.path].model.network).radius
                across = (_stored(radius, model.info.voxel_size, size) for size in piece.source.voxel_sizes[1:])
                far = [max(pair) for pair in zip(far, (model.info.depth // 2, *across), strict=True)]
        rules = self._settings.rules
        beyond = 0 if rules is None else rules.reach(piece.source.voxel_sizes[2])
        return (far[0], far[1] + beyond, far[2] + beyond)

    def _is_exact(self, piece: PieceFile) -> bool:
        spares = (piece.place.spare(axis) for axis in range(3))
        return all(spare is None or spare >= far for spare, far in zip(spares, self._reach(piece), strict=True))

    def _sufficient_overlap(self, piece: PieceFile) -> str:
        return "x".join(str(2 * far) for far in self._reach(piece))

    def _of_others(self, folder: Path) -> set[Path]:
        """Predictions of features that these models do not find."""
        records = records_in(folder, COMMAND)
        return {path for path, record in records.items() if record["settings"].get("feature") not in self._features}


def _stored(radius: int, wanted: float, voxel_size: float) -> int:
    """A distance at a model's voxel size in voxels of the tomogram, with what resampling adds."""
    if wanted <= 0 or voxel_size <= 0:
        return radius
    return math.ceil(radius * wanted / voxel_size) + RESAMPLING_PX if wanted != voxel_size else radius
