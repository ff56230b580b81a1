"""Other programs on this computer that show a scene: found where they are usually installed, and started."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ais.errors import AisError


@dataclass(frozen=True)
class Program:
    """A program that opens our scripts.

    Attributes
    ----------
    name
        As people call it.
    commands
        Names under which it may be on the search path.
    places
        Patterns of where it is else, below a folder that `roots` gives.
    before
        Arguments before the script's path.
    website
        Where it can be got.
    """

    name: str
    commands: tuple[str, ...]
    places: tuple[str, ...]
    before: tuple[str, ...] = ()
    website: str = ""


CHIMERAX = Program(
    "ChimeraX",
    ("chimerax", "ChimeraX"),
    (
        "ChimeraX*/bin/ChimeraX.exe",
        "UCSF/ChimeraX*/bin/ChimeraX",
        "ucsf-chimerax*/bin/ChimeraX",
        "chimerax*/bin/ChimeraX",
        "ChimeraX*.app/Contents/bin/ChimeraX",
    ),
    website="www.cgl.ucsf.edu/chimerax",
)
BLENDER = Program(
    "Blender",
    ("blender",),
    (
        "Blender Foundation/Blender*/blender.exe",
        "blender*/blender",
        "Blender*/blender",
        "Blender.app/Contents/MacOS/Blender",
    ),
    ("--python",),
    "www.blender.org",
)


def roots(environment: Mapping[str, str] = os.environ, platform: str = sys.platform) -> list[Path]:
    """Folders below which programs are installed."""
    if platform == "win32":
        names = ("ProgramFiles", "ProgramW6432", "ProgramFiles(x86)")
        found = [Path(environment[name]) for name in names if environment.get(name)]
        local = environment.get("LOCALAPPDATA")
        return [*found, *([Path(local) / "Programs"] if local else [])]
    home = Path(environment.get("HOME", "/"))
    shared = ["/opt", "/usr/lib", "/usr/libexec", "/usr/local", "/snap/bin", "/Applications"]
    return [*map(Path, shared), home, home / ".local", home / "opt", home / "software", home / "Applications"]


def find_program(program: Program, below: list[Path] | None = None) -> Path | None:
    """The program's file, the newest version if there are several; None if it is not installed.

    Parameters
    ----------
    program
        Which one.
    below
        Folders below which it is looked for, if it is not on the search path; those of `roots` by default.
    """
    for name in program.commands:
        found = shutil.which(name)
        if found is not None:
            return Path(found)
    candidates: list[Path] = []
    for root in below if below is not None else roots():
        for pattern in program.places:
            try:
                candidates += [path for path in root.glob(pattern) if path.is_file()]
            except OSError:
                continue  # a folder that may not be looked into
    return max(candidates, key=_version, default=None)


def start_program(program: Program, script: Path, found: Path | None = None) -> None:
    """Start a program with a script; it goes on when Ais ends.

    Raises
    ------
    AisError
        If it is not installed or cannot be started.
    """
    executable = found or find_program(program)
    if executable is None:
        raise AisError(
            f"{program.name} was not found on this computer: install it ({program.website}), or open {script} there."
        )
    own_group = 0
    if sys.platform == "win32":
        own_group = subprocess.CREATE_NEW_PROCESS_GROUP
    try:
        running = subprocess.Popen(
            [str(executable), *program.before, str(script)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            creationflags=own_group,
        )
    except OSError as error:
        raise AisError(f"{executable} could not be started ({error.strerror}): open {script} there.") from error
    # Somebody must wait for it, or it stays as a zombie after it has ended.
    threading.Thread(target=running.wait, daemon=True, name=f"ais-{program.name}").start()


def _version(path: Path) -> tuple[tuple[int, ...], str]:
    return tuple(int(number) for number in re.findall(r"\d+", str(path))), str(path)
