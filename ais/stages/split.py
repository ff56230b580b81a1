"""The first stage: tomograms cut into pieces, each a file with a record that says where it belongs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ais.errors import AisError, sentence
from ais.formats.record import Identity, describe_input
from ais.formats.registry import volume_stem
from ais.progress import SILENT, Progress
from ais.stages.grid import Place, places
from ais.stages.kept import State, records_in, remove_others, staged_output, state_of
from ais.stages.pieces import PieceFile, Source, check_complete, write_piece
from ais.stages.settings import SPLIT, SUFFIXES, StageResult, StageSettings
from ais.tomogram import Tomogram, slice_spreads

if TYPE_CHECKING:
    from numpy.typing import NDArray

COMMAND = "stages split"


def split(
    inputs: Sequence[Path],
    folder: Path,
    settings: StageSettings,
    *,
    overwrite: bool = False,
    progress: Progress = SILENT,
) -> list[StageResult]:
    """Cut tomograms into pieces: ``<folder>/<name>/<name>_z0000_y0000_x0000.mrc``, a record beside each.

    Parameters
    ----------
    inputs
        Volumes with different stems.
    folder
        Of this stage.
    settings
        Tile, overlap, format and voxel size are looked at.
    overwrite
        Make everything again.
    progress
        Told the tomograms done.

    Returns
    -------
    list of StageResult
        One per input; one that cannot be read does not stop the others.
    """
    results = []
    for number, path in enumerate(inputs):
        name = volume_stem(path)
        result = StageResult(SPLIT, name, folder / name)
        try:
            _split_one(path, result, settings, number, len(inputs), overwrite=overwrite, progress=progress)
        except (AisError, OSError, MemoryError) as error:
            result.status, result.error = "failed", sentence(error, path)
        results.append(result)
    return results


def pieces_of(folder: Path) -> list[PieceFile]:
    """The pieces of a tomogram, all of them, in order of z, y and x.

    Parameters
    ----------
    folder
        Of the tomogram, in that of this stage.

    Raises
    ------
    AisError
        If there are none, or some are missing.
    """
    records = records_in(folder, COMMAND)
    if not records:
        raise AisError(f"{folder} holds no pieces: run the stage {SPLIT} first.")
    newest = PieceFile.of(max(records, key=lambda path: str(records[path].get("finished"))))
    wanted = newest.place.all_of_tomogram()
    paths = {place: folder / f"{place.name(folder.name)}{newest.path.suffix}" for place in wanted}
    check_complete([path.name for path in paths.values()], {path.name for path in records}, str(folder), SPLIT)
    pieces = [PieceFile.of(path) for path in paths.values()]
    for piece, place in zip(pieces, wanted, strict=True):
        if piece.place != place:
            raise AisError(f"{piece.path} was cut in another way than the other pieces: run the stage {SPLIT} again.")
    return pieces


def _split_one(
    path: Path,
    result: StageResult,
    settings: StageSettings,
    number: int,
    count: int,
    *,
    overwrite: bool,
    progress: Progress,
) -> None:
    progress.report(number, count, result.tomogram)
    with Tomogram.open(path, settings.voxel_size) as tomogram:
        tomogram.require_voxel_size()
        suffix = SUFFIXES[settings.format]
        grid = {
            result.output / f"{place.name(result.tomogram)}{suffix}": place
            for place in places(tomogram.shape, settings.tile, settings.overlap)
        }
        identity = Identity(
            COMMAND,
            [describe_input(path)],
            {"tile": settings.tile, "overlap": settings.overlap, "voxel_size": settings.voxel_size},
        )
        states = {piece: state_of(piece, identity, overwrite=overwrite) for piece in grid}
        wanted = [piece for piece, state in states.items() if state in (State.MISSING, State.STALE)]
        result.figures = {
            "pieces": len(grid),
            "kept": len(grid) - len(wanted),
            "corrected": list(states.values()).count(State.CORRECTED),
        }
        if wanted:
            # All of it is read before anything is written, so that a damaged tomogram leaves nothing behind.
            centers, scales = _spreads(tomogram)
            for index, piece in enumerate(wanted):
                progress.report(number + index / len(wanted), count, piece.stem)
                source = _source(tomogram, result.tomogram, grid[piece], centers, scales)
                _write(tomogram, piece, suffix, source, grid[piece], identity)
        else:
            result.status = "kept"
        remove_others(result.output, COMMAND, set(grid))


def _spreads(tomogram: Tomogram) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    found = [slice_spreads(tomogram.slab(z, z + 1)) for z in range(tomogram.shape[0])]
    return np.concatenate([one[0] for one in found]), np.concatenate([one[1] for one in found])


def _source(
    tomogram: Tomogram, name: str, place: Place, centers: NDArray[np.float32], scales: NDArray[np.float32]
) -> Source:
    slices = slice(*place.box[0])
    return Source(
        name,
        tomogram.voxel_sizes,
        tomogram.origin,
        tomogram.normalization,
        tuple(centers[slices].tolist()),
        tuple(scales[slices].tolist()),
    )


def _write(tomogram: Tomogram, piece: Path, suffix: str, source: Source, place: Place, identity: Identity) -> None:
    (z0, z1), y, x = place.box
    values = tomogram.raw(z0, z1, slice(*y), slice(*x))
    with staged_output(piece, identity) as made:
        write_piece(made.path, suffix, values, source, place, "A piece of a tomogram, cut by Ais")
        made.result |= {"place": place.as_record(), "source": source.as_record()}
