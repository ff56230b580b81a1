"""The report of a run from annotation to surfaces: one HTML page, and its pictures as files beside it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ais.formats.atomic import write_bytes, write_text
from ais.report.contents import DemoResult, FeatureResult, PickResult, SliceView, Step
from ais.report.page import report_page
from ais.report.pictures import picks_picture, png, side_by_side, slice_panels

__all__ = ["DemoResult", "FeatureResult", "PickResult", "SliceView", "Step", "report_files", "write_report"]

PAGE = "report.html"
PICTURES = "pictures"


def report_files(result: DemoResult) -> list[Path]:
    """The files that `write_report` writes: the page, then the pictures."""
    names = [f"slice_{view.z:03d}" for view in result.slices]
    names += ["surfaces"] if result.surface_picture is not None else []
    names += ["picks"] if result.picks is not None and result.pick_slice is not None else []
    return [result.folder / PAGE, *(result.folder / PICTURES / f"{name}.png" for name in names)]


def write_report(result: DemoResult) -> DemoResult:
    """Write ``report.html``, which holds everything it shows, and the pictures as PNG files in ``pictures``.

    The pictures are ``surfaces.png``, ``picks.png`` and for each slice ``slice_<z>.png``: the tomogram, the ground
    truth and the segmentation side by side.

    Parameters
    ----------
    result
        What is shown, and the folder to write to.

    Returns
    -------
    DemoResult
        The same with the path of the page.

    Raises
    ------
    AisError
        If the folder cannot be written or the disk is full.
    """
    inside: dict[str, bytes] = {}
    beside: dict[str, bytes] = {}
    if result.surface_picture is not None:
        inside["surfaces"] = beside["surfaces"] = png(result.surface_picture)
    if result.picks is not None and result.pick_slice is not None:
        feature = result.picks.feature
        colour = next((f.colour for f in result.features if f.name == feature), (1.0, 1.0, 1.0))
        picture = picks_picture(result.pick_slice, result.picks, colour, result.voxel_size)
        inside["picks"] = beside["picks"] = png(picture)
    for view in result.slices:
        panels = slice_panels(view, result.features, result.voxel_size)
        name = f"slice_{view.z:03d}"
        for key, panel in zip(("tomogram", "truth", "segmentation"), panels, strict=True):
            inside[f"{name}_{key}"] = png(panel)
        beside[name] = png(side_by_side(panels))
    for name, content in beside.items():
        write_bytes(result.folder / PICTURES / f"{name}.png", content)
    write_text(result.folder / PAGE, report_page(result, inside))
    return replace(result, report=result.folder / PAGE)
