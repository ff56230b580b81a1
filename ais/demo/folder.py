"""The demo's folder: which files are the demo's own, so that a new demo replaces them and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path, PurePosixPath
from typing import Any

from ais import __version__
from ais.errors import AisError, describe_os_error
from ais.formats.atomic import write_text
from ais.formats.record import describe_input

MARKER = "demo.json"
PROJECT_SUFFIX = ".aisproj"


class DemoFolder:
    """A folder that belongs to the demo; what an earlier demo has left in it is removed.

    ``demo.json`` lists the files that the demo has made, with their fingerprints. A file that has been changed since,
    or is not on the list, is somebody's work and is never touched.

    Parameters
    ----------
    path
        Missing, empty, or the folder of an earlier demo.

    Raises
    ------
    AisError
        If the folder holds something else, or a file of the earlier demo has been changed.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self._files: dict[str, str | None] = {}
        earlier = _earlier_files(self.path)
        _refuse_changed(self.path, earlier)
        self._remove(earlier)
        self._write()

    def making(self, *paths: Path) -> None:
        """Say that files are about to be written, so that the next demo removes them if this one is killed.

        Raises
        ------
        AisError
            If one of them exists: it is not the demo's.
        """
        for path in paths:
            if path.exists():
                raise AisError(f"{path} is in the way and was not made by the demo: move it, or choose another folder.")
            self._files[self._name(path)] = None
        self._write()

    def made(self, paths: Iterable[Path]) -> None:
        """Say that files are finished."""
        for path in paths:
            if path.exists():
                self._files[self._name(path)] = _fingerprint(path)
        self._write()

    def _name(self, path: Path) -> str:
        return path.relative_to(self.path).as_posix()

    def _write(self) -> None:
        content = {"program": "Ais", "version": __version__, "kind": "demo", "files": self._files}
        write_text(self.path / MARKER, json.dumps(content, indent=1, ensure_ascii=False) + "\n")

    def _remove(self, files: dict[str, Any]) -> None:
        folders: set[Path] = set()
        for name in files:
            path = self.path / name
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                raise AisError(describe_os_error(error, path)) from error
            folders.update(self.path / parent for parent in PurePosixPath(name).parents if parent.name)
        for folder in sorted(folders, key=lambda f: len(f.parts), reverse=True):
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()


def _earlier_files(folder: Path) -> dict[str, Any]:
    """What an earlier demo has listed; an AisError for a folder that is not the demo's."""
    try:
        if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
            return {}
        if not folder.is_dir():
            raise AisError(f"{folder} is a file: name a folder for the demo.")
        content = json.loads((folder / MARKER).read_text(encoding="utf-8"))
    except FileNotFoundError:
        content = None
    except OSError as error:
        raise AisError(describe_os_error(error, folder)) from error
    except ValueError:
        content = None
    files = content.get("files") if isinstance(content, dict) and content.get("kind") == "demo" else None
    if not isinstance(files, dict) or not all(_is_inside(name) for name in files):
        raise AisError(f"{folder} is not empty and was not made by the demo: choose another folder with -o.")
    return files


def _is_inside(name: str) -> bool:
    path = PurePosixPath(name)
    return (
        bool(path.name) and not path.is_absolute() and ".." not in path.parts and ":" not in name and "\\" not in name
    )


def _refuse_changed(folder: Path, files: dict[str, Any]) -> None:
    for name, fingerprint in files.items():
        path = folder / name
        if fingerprint is not None and path.exists() and fingerprint != _fingerprint(path):
            raise AisError(f"{path} has been changed since the demo made it: choose another folder with -o.")


def _fingerprint(path: Path) -> str:
    if path.suffix != PROJECT_SUFFIX:
        return str(describe_input(path)["fingerprint"])
    from ais.project import Project

    # A project file also changes when it is only looked at; what counts is the user's work in it.
    with closing(Project.open(path)) as project:
        if project.read_only:
            raise AisError(f"{path} is in use: {project.notice}")
        return project.content_digest()
