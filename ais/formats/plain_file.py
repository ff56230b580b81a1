"""Refuses what has the name of a file but would be waited for, or read, without end."""

from __future__ import annotations

import stat
from pathlib import Path

from ais.errors import AisError


def require_plain_file(path: Path | str) -> None:
    """Refuse pipes, sockets and devices, also where a link leads to one.

    What is missing, a folder, or may not be looked at is left to who opens it.

    Raises
    ------
    AisError
        If reading would wait for another program, or never end.
    """
    try:
        mode = Path(path).stat().st_mode
    except (OSError, ValueError):
        return
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise AisError(f"{path} is no file but a pipe or a device: save what it gives as a file and open that.")
