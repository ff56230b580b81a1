"""A small simulated tomogram to try the editor on; made on this computer, so nothing is fetched."""

from __future__ import annotations

from pathlib import Path

from ais.annotation import AddFeature, AddTomogram
from ais.errors import AisError, describe_os_error
from ais.gui import untitled
from ais.progress import Progress
from ais.project import Project

FOLDER = "demo"
NAME = "demo"
SHAPE = (56, 224, 224)
SEED = 1
BOX_SIZE = 64


def open_demo(settings_folder: Path, progress: Progress) -> Project:
    """Make a project without a name that holds the demo's tomogram, with features to paint.

    Parameters
    ----------
    settings_folder
        The tomogram is kept there and used again the next time.
    progress
        Is told how far it is, and may cancel.

    Raises
    ------
    AisError
        If the folder cannot be written.
    Cancelled
        If the progress says so.
    """
    tomogram = settings_folder / FOLDER / f"{NAME}.mrc"
    if not tomogram.exists():
        _simulate(tomogram.parent, progress)
    from ais.demo.settings import FEATURES

    project = untitled.create_untitled(settings_folder)
    try:
        project.apply(AddTomogram(tomogram))
        for plan in FEATURES:
            project.apply(AddFeature(plan.name.capitalize(), plan.colour, box_size=BOX_SIZE))
    except BaseException:
        project.close()
        raise
    return project


def _simulate(folder: Path, progress: Progress) -> None:
    from ais.simulation import simulate, write_simulation

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise AisError(describe_os_error(error, folder)) from error
    write_simulation(folder, simulate(SHAPE, seed=SEED, progress=progress), NAME, progress=progress)
