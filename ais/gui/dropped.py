"""What a folder that is dropped on the window stands for."""

from __future__ import annotations

from pathlib import Path

from ais.errors import AisError, describe_os_error
from ais.formats.registry import find_volumes
from ais.gui.untitled import ENDING


def files_in(folder: Path) -> list[Path]:
    """The project in a folder, or all volume files directly in it.

    Raises
    ------
    AisError
        If the folder cannot be read.
    """
    try:
        projects = sorted(path for path in folder.glob(f"*{ENDING}") if path.is_file())
        return projects if len(projects) == 1 else find_volumes(folder)
    except OSError as error:
        raise AisError(describe_os_error(error, folder)) from error
