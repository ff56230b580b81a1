"""The third stage: predicted pieces put together to whole volumes, probabilities and masks."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ais import __version__
from ais.errors import AisError, sentence
from ais.formats.mrc import MrcWriter
from ais.formats.record import Identity
from ais.formats.registry import open_volume
from ais.prediction import FULL_SCALE, reaching, scale_of, slabs
from ais.progress import SILENT, Progress
from ais.segmented_volumes import output_path
from ais.stages.kept import DIGEST, State, described, digest, records_in, staged_output, state_of
from ais.stages.pieces import PieceFile, Source, check_complete, wrong_shape
from ais.stages.predict import COMMAND as PREDICTED
from ais.stages.settings import ASSEMBLE, PREDICT, StageResult, StageSettings
from ais.tomogram import Tomogram

if TYPE_CHECKING:
    from numpy.typing import NDArray

COMMAND, MASK_COMMAND = "stages assemble", "stages assemble: mask"
MASK_ENDING = "_mask.mrc"
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Predicted:
    """A predicted piece.

    Attributes
    ----------
    piece
        Where it belongs.
    is_corrected
        Whether it is no longer as it was predicted.
    """

    piece: PieceFile
    is_corrected: bool


def assemble(
    predictions: Path,
    folder: Path,
    names: Sequence[str],
    settings: StageSettings,
    *,
    features: Sequence[str] | None = None,
    overwrite: bool = False,
    progress: Progress = SILENT,
) -> list[StageResult]:
    """Put predicted pieces together: ``<folder>/<name>__<feature>.mrc``, 0 to 255, and ``..._mask.mrc``, 0 and 1.

    Of each piece counts the part that no neighbour has predicted; pieces corrected by hand count as they are.

    Parameters
    ----------
    predictions, folder
        Of the stage before, and of this one.
    names
        Of the tomograms.
    settings
        The threshold of the masks is looked at.
    features
        Those to assemble; None: all that were predicted.
    overwrite
        Make everything again.
    progress
        Told the tomograms done.

    Returns
    -------
    list of StageResult
        One per tomogram and feature; one without a feature where nothing was predicted.
    """
    results = []
    for number, name in enumerate(names):
        progress.report(number, len(names), name)
        found = _by_feature(predictions / name)
        wanted = list(found) if features is None else list(features)
        if not wanted:
            error = f"{predictions / name} holds no predictions: run the stage {PREDICT} first."
            results.append(StageResult(ASSEMBLE, name, folder, status="failed", error=error))
        for feature in wanted:
            result = StageResult(ASSEMBLE, name, output_path(folder, Path(f"{name}.mrc"), feature), feature)
            try:
                pieces = _complete(predictions / name, found.get(feature, {}))
                _assemble_one(pieces, result, settings, overwrite=overwrite)
            except (AisError, OSError, MemoryError) as error:
                result.status, result.error = "failed", sentence(error, result.output)
            results.append(result)
    return results


def mask_path(volume: Path) -> Path:
    """Where the mask of an assembled volume lies."""
    return volume.with_name(volume.name.removesuffix(".mrc") + MASK_ENDING)


def _by_feature(folder: Path) -> dict[str, dict[Path, dict[str, Any]]]:
    """Records of the predicted pieces of a tomogram."""
    found: dict[str, dict[Path, dict[str, Any]]] = {}
    for path, record in records_in(folder, PREDICTED).items():
        found.setdefault(str(record["settings"].get("feature")), {})[path] = record
    return found


def _complete(folder: Path, records: dict[Path, dict[str, Any]]) -> list[_Predicted]:
    """The pieces of a tomogram in order of z, y and x; an AisError if some are missing."""
    if not records:
        raise AisError(f"{folder} holds no predictions: run the stage {PREDICT} first.")
    pieces = {path: PieceFile.of(path) for path in records}
    newest = max(records, key=lambda path: str(records[path].get("finished")))
    # Pieces of another division of the tomogram may have stayed, since they were corrected by hand.
    by_place = {piece.place: piece for piece in pieces.values()}
    wanted = pieces[newest].place.all_of_tomogram()
    names = {place: place.name(folder.name) for place in wanted}
    check_complete(names.values(), {names[place] for place in wanted if place in by_place}, str(folder), PREDICT)
    found = [by_place[place] for place in wanted]
    return [_Predicted(one, digest(one.path) != records[one.path]["result"].get(DIGEST)) for one in found]


def _assemble_one(
    pieces: Sequence[_Predicted], result: StageResult, settings: StageSettings, *, overwrite: bool
) -> None:
    made = _write_probabilities(pieces, result, overwrite=overwrite)
    also = _write_mask(result.output, pieces[0].piece.source, settings.threshold, overwrite=overwrite)
    if not made and not also:
        result.status = "kept"
    result.figures |= {
        "pieces": len(pieces),
        "corrected": sum(one.is_corrected for one in pieces),
        "mask": str(mask_path(result.output)),
    }


def _write_probabilities(pieces: Sequence[_Predicted], result: StageResult, *, overwrite: bool) -> bool:
    """Put pieces together, unless that was done; returns whether it was done now."""
    inputs = [{**described(one.piece.path), "is_corrected": one.is_corrected} for one in pieces]
    identity = Identity(COMMAND, inputs, {"feature": result.feature})
    if state_of(result.output, identity, overwrite=overwrite) in (State.FINISHED, State.CORRECTED):
        return False
    source = pieces[0].piece.source
    with (
        staged_output(result.output, identity) as made,
        MrcWriter(
            made.path,
            pieces[0].piece.place.whole,
            "uint8",
            voxel_sizes=source.voxel_sizes,
            origin=source.origin,
            labels=[f"Ais {__version__} segmentation: {result.feature}"],
        ) as writer,
    ):
        for layer in _layers(pieces):
            writer.write(layer)
    return True


def _layers(pieces: Sequence[_Predicted]) -> Iterator[NDArray[np.uint8]]:
    """The volume from the first slice to the last, in slabs as thick as what counts of the pieces."""
    for (start, stop), row in itertools.groupby(pieces, key=lambda one: one.piece.place.kept[0]):
        _, ny, nx = pieces[0].piece.place.whole
        layer = np.zeros((stop - start, ny, nx), np.uint8)
        for one in row:
            (y0, y1), (x0, x1) = one.piece.place.kept[1:]
            layer[:, y0:y1, x0:x1] = _values(one)[one.piece.place.inside]
        yield layer


def _values(predicted: _Predicted) -> NDArray[np.uint8]:
    """A piece on the scale of 0 to 255; of one corrected by hand the type may have become another."""
    path, expected = predicted.piece.path, predicted.piece.place.shape
    volume = open_volume(path)
    try:
        if volume.info.shape != expected:
            raise wrong_shape(path, volume.info.shape, expected)
        values = np.array(volume.read(0, expected[0]))
    finally:
        volume.close()
    if not predicted.is_corrected:
        return values.astype(np.uint8)
    factor = scale_of(values).factor
    if values.dtype.kind in "iu" and values.max() == 1:
        logger.warning("%s holds only 0 and 1, which are taken as a mask of 0 and 255.", path)
        factor = FULL_SCALE
    stored: NDArray[np.uint8] = np.rint(np.clip(values * factor, 0, FULL_SCALE)).astype(np.uint8)
    return stored


def _write_mask(volume: Path, source: Source, threshold: float, *, overwrite: bool) -> bool:
    """Write the mask of an assembled volume, unless it is there; returns whether it was written now."""
    target = mask_path(volume)
    identity = Identity(MASK_COMMAND, [described(volume)], {"threshold": threshold})
    if state_of(target, identity, overwrite=overwrite) in (State.FINISHED, State.CORRECTED):
        return False
    with (
        Tomogram.open(volume) as probabilities,
        staged_output(target, identity) as made,
        MrcWriter(
            made.path,
            probabilities.shape,
            "int8",
            voxel_sizes=source.voxel_sizes,
            origin=source.origin,
            labels=[f"Made by Ais {__version__}: 1 from {threshold:g} of 255 on"],
        ) as writer,
    ):
        scale = scale_of(probabilities)
        for _, slab in slabs(probabilities):
            writer.write(reaching(slab, threshold, scale))
    return True
