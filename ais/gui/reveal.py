"""Shows a file in the desktop's file manager."""

from __future__ import annotations

import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from ais.errors import AisError

WAIT_S = 3.0
"""Most file managers are told and the call returns; one that does not is left alone, open."""


def reveal(path: Path) -> None:
    """Open the folder of a file; where the desktop can, with the file selected.

    Parameters
    ----------
    path
        The file; where it is missing, the nearest folder above it that exists is opened.

    Raises
    ------
    AisError
        If there is no file manager.
    """
    folder = next((folder for folder in path.parents if folder.is_dir()), Path.home())
    try:
        manager = subprocess.Popen(
            _command(path, folder),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError as error:
        raise AisError(f"The folder could not be opened: it is {folder}.") from error
    with suppress(subprocess.TimeoutExpired):
        manager.wait(WAIT_S)


def _command(path: Path, folder: Path) -> list[str]:
    if sys.platform == "win32":
        return ["explorer", f"/select,{path}"] if path.exists() else ["explorer", str(folder)]
    if sys.platform == "darwin":
        return ["open", "-R", str(path)] if path.exists() else ["open", str(folder)]
    return ["xdg-open", str(folder)]
