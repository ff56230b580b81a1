"""Projects that the user has not named yet: they lie in the editor's own folder, so that no work is ever unsaved."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from pathlib import Path

from ais.errors import AisError
from ais.project import Project
from ais.project.database import SIDE_FILES
from ais.project.lock import LockHeldError, ProjectLock

FOLDER = "untitled"
ENDING = ".aisproj"


@dataclass(frozen=True)
class Recovered:
    """A project of an earlier session that has no name yet.

    Attributes
    ----------
    path
        Its file.
    changed
        Seconds since 1970.
    tomograms, edits
        How many are in it.
    """

    path: Path
    changed: float
    tomograms: int
    edits: int


def untitled_folder(settings_folder: Path) -> Path:
    """Where they lie."""
    return settings_folder / FOLDER


def create_untitled(settings_folder: Path) -> Project:
    """Make and open a project that is named by the time.

    Raises
    ------
    AisError
        If the folder cannot be written.
    """
    folder = untitled_folder(settings_folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise AisError(f"{folder} cannot be written ({error.strerror}): Ais keeps unnamed projects there.") from error
    stamp = datetime.datetime.now().strftime("%Y-%m-%d %H.%M.%S")
    number, path = 1, folder / f"Untitled {stamp}{ENDING}"
    while path.exists():
        number += 1
        path = folder / f"Untitled {stamp} ({number}){ENDING}"
    return Project.create(path)


def is_untitled(path: Path, settings_folder: Path) -> bool:
    """Whether a project has not been named yet."""
    return path.parent == untitled_folder(settings_folder).resolve()


def untitled_projects(settings_folder: Path) -> list[Path]:
    """Unnamed projects of earlier sessions, newest first."""
    found = untitled_folder(settings_folder).glob(f"*{ENDING}")
    return sorted(found, key=lambda path: path.name, reverse=True)


def discard_if_empty(path: Path) -> None:
    """Remove an unnamed project in which nothing was ever done but to look at one tomogram."""
    with Project.open(path) as project:
        only_looked = len(project.tomograms()) == project.history_length() <= 1 and not project.features()
        used = project.read_only or not only_looked
    if not used:
        remove(path)


def recovered(settings_folder: Path, but: Path | None = None) -> list[Recovered]:
    """What is in the unnamed projects of earlier sessions, newest first, but for the one that is open."""
    found = []
    for path in untitled_projects(settings_folder):
        if path.resolve() == but:
            continue
        try:
            with Project.open(path, read_only=True) as project:
                edits = project.history_length()
                found.append(Recovered(path, path.stat().st_mtime, len(project.tomograms()), edits))
        except (AisError, OSError):
            # A damaged one is still shown, so that it can be sent to somebody or removed.
            found.append(Recovered(path, 0.0, 0, 0))
    return found


def remove(path: Path) -> None:
    """Remove the file of an unnamed project, and what lies beside it.

    Raises
    ------
    AisError
        If it is open in another window, or cannot be removed.
    """
    try:
        lock = ProjectLock(path)
    except LockHeldError as error:
        raise AisError(f"{path.stem} is not removed, because {error}: close it there first.") from error
    except OSError as error:
        raise AisError(f"{path} could not be removed ({error.strerror}).") from error
    try:
        for ending in ("", *SIDE_FILES):
            path.with_name(path.name + ending).unlink(missing_ok=True)
    except OSError as error:
        raise AisError(f"{path} could not be removed ({error.strerror}).") from error
    finally:
        lock.release()
