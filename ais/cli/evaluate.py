"""`ais evaluate`: a segmentation or picks compared with the truth."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ais.cli.inputs import parse_slices
from ais.cli.options import Json, Threshold, VoxelSize, check_at_least, check_voxel_option
from ais.cli.terminal import complain, show, show_json, terminal_progress
from ais.errors import AisError
from ais.formats.record import read_record
from ais.tomogram import Tomogram

if TYPE_CHECKING:
    from ais.formats.coordinates import Coordinates

CENTRED = "relion5"


def run(
    prediction: Annotated[
        str, typer.Argument(metavar="PREDICTION", help="Segmented volume, or picks.", show_default=False)
    ],
    truth: Annotated[
        str, typer.Argument(metavar="TRUTH", help="Mask or label volume, or true positions.", show_default=False)
    ],
    threshold: Threshold = 128.0,
    label: Annotated[
        int | None, typer.Option("--label", metavar="N", help="Value of the feature in TRUTH; all others count as not.")
    ] = None,
    slices: Annotated[
        str | None, typer.Option("--slices", metavar="LIST", help="Only these, such as 10,20,30-40.")
    ] = None,
    picks: Annotated[bool, typer.Option("--picks", help="Compare coordinates instead of volumes.")] = False,
    radius: Annotated[
        float | None, typer.Option("--radius", metavar="A", help="Largest distance of a match, with --picks.")
    ] = None,
    tilt_series_pixel_size: Annotated[
        float | None,
        typer.Option("--tilt-series-pixel-size", metavar="A", help="Of the unbinned tilt series, for RELION 4 picks."),
    ] = None,
    tomogram: Annotated[
        str | None, typer.Option("--tomogram", metavar="FILE", help="Gives shape and voxel size, with --picks.")
    ] = None,
    voxel_size: VoxelSize = None,
    json: Json = False,
) -> None:
    """Compare a segmentation with the truth: Dice, IoU, precision, recall, clDice, surface distance in angstrom.

    With --picks: precision, recall, F1 and F4 of coordinates matched one to one within --radius.
    """
    check_voxel_option(voxel_size)
    if picks:
        if radius is None:
            raise AisError("--picks needs --radius, the largest distance of a match in angstrom.")
        check_at_least("--tilt-series-pixel-size", tilt_series_pixel_size, 1e-3)
        frame = _frame(Path(prediction), Path(truth), voxel_size, tomogram)
        figures = _evaluate_picks(Path(prediction), Path(truth), radius, frame, tilt_series_pixel_size)
    else:
        figures = _evaluate_volumes(prediction, truth, threshold, label, slices, voxel_size)
        for note in figures["notes"]:
            if "Whole numbers were taken" not in note:
                complain(note)
    if json:
        show_json(figures)
    else:
        for key, value in figures.items():
            if key != "notes":
                show(f"{key.replace('_', ' '):>17}  {_readable(value)}")


def _evaluate_volumes(
    prediction: str, truth: str, threshold: float, label: int | None, slices: str | None, voxel_size: float | None
) -> dict[str, Any]:
    from ais.metrics import evaluate_segmentation

    with (
        closing(Tomogram.open(prediction, voxel_size)) as predicted,
        closing(Tomogram.open(truth, voxel_size)) as true,
        terminal_progress("Comparing") as progress,
    ):
        predicted.require_voxel_size()
        return evaluate_segmentation(
            predicted,
            true,
            threshold=threshold,
            label=label,
            slices=parse_slices(slices, predicted.shape[0]),
            progress=progress,
        ).as_dict()


@dataclass(frozen=True)
class _Frame:
    """What turns the positions of a file into voxels; None where it is not known."""

    shape: tuple[int, int, int] | None
    voxel_size: float | tuple[float, float, float] | None


def _evaluate_picks(
    prediction: Path, truth: Path, radius: float, frame: _Frame, tilt_series_pixel_size: float | None
) -> dict[str, Any]:
    from ais.formats.coordinates import describe_star, read_coordinates
    from ais.metrics import evaluate_picks

    stars = [path for path in (prediction, truth) if path.suffix.lower() == ".star"]
    both_centred = len(stars) == 2 and all(describe_star(path).dialect == CENTRED for path in stars)
    if frame.shape is None and both_centred:
        # Positions from the same centre compare without knowing where it is.
        frame = _Frame((0, 0, 0), 1.0)
    if frame.voxel_size is None:
        raise AisError(f"{prediction} does not say its voxel size: give --voxel-size or --tomogram.")
    tables = [
        read_coordinates(
            path,
            voxel_size=frame.voxel_size,
            shape=frame.shape,
            tilt_series_pixel_size=tilt_series_pixel_size or _tilt_series_pixel_size(path),
        )
        for path in (prediction, truth)
    ]
    predicted, true = _of_one_tomogram(*tables)
    return evaluate_picks(predicted.positions, true.positions, radius, frame.voxel_size).as_dict()


def _frame(prediction: Path, truth: Path, voxel_size: float | None, tomogram: str | None) -> _Frame:
    """Shape and voxel size: of the tomogram named, else of the record that `ais pick` left beside the picks."""
    if tomogram is not None:
        with closing(Tomogram.open(tomogram, voxel_size)) as volume:
            volume.require_voxel_size()
            return _Frame(volume.shape, volume.voxel_sizes)
    for path in (prediction, truth):
        result = (read_record(path) or {}).get("result", {})
        if "shape" in result and "voxel_sizes" in result:
            nz, ny, nx = result["shape"]
            z, y, x = result["voxel_sizes"]
            return _Frame((nz, ny, nx), voxel_size or (z, y, x))
    return _Frame(None, voxel_size)


def _tilt_series_pixel_size(path: Path) -> float | None:
    """What `ais pick` was told when it wrote these picks."""
    size = (read_record(path) or {}).get("settings", {}).get("tilt_series_pixel_size")
    return None if size is None else float(size)


def _of_one_tomogram(predicted: Coordinates, true: Coordinates) -> tuple[Coordinates, Coordinates]:
    names = [name for name in predicted.tomogram_names if name]
    if len(names) == 1 and names[0] in true.tomogram_names:
        return predicted, true.of_tomogram(names[0])
    if len(names) > 1 or len(set(true.tomogram_names)) > 1:
        raise AisError("The picks are of several tomograms: compare those of one tomogram at a time.")
    return predicted, true


def _readable(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.4f}" if isinstance(value, float) else str(value)
