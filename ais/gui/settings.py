"""What the editor remembers of its user between starts: theme, size of letters, keys, recent files."""

from __future__ import annotations

import json
import logging
import threading
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from ais.errors import AisError
from ais.formats.atomic import write_text

FILE_NAME = "settings.json"
MAX_RECENT = 20
FONT_SCALES = (0.75, 2.0)
THEMES = ("dark", "light", "high contrast")

_log = logging.getLogger(__name__)


@dataclass
class Settings:
    """A user's settings.

    Attributes
    ----------
    theme
        "dark", "light" or "high contrast".
    font_scale
        1.0 is the normal size of letters.
    link_views
        Whether contrast rule, filters and zoom go along to the next tomogram.
    shortcuts
        Keys that the user has changed: name of the command to shortcut; an empty one has none.
    recent_projects, recent_files
        Paths, newest first.
    window_size
        (width, height) in screen coordinates.
    units
        "nm" or "A" for lengths on screen.
    last_folder
        Where a file was chosen last; empty before.
    native_dialogs
        Whether the desktop's own file dialogs are used where there are any.
    recent_commands
        Names of commands found by the palette, newest first.
    """

    theme: str = "dark"
    font_scale: float = 1.0
    link_views: bool = True
    shortcuts: dict[str, str] = field(default_factory=dict)
    recent_projects: list[str] = field(default_factory=list)
    recent_files: list[str] = field(default_factory=list)
    window_size: tuple[int, int] = (1440, 900)
    units: str = "nm"
    last_folder: str = ""
    native_dialogs: bool = True
    recent_commands: list[str] = field(default_factory=list)

    def remember_project(self, path: Path) -> None:
        """Put a project at the head of the recent ones."""
        self.recent_projects = _newest_first(self.recent_projects, path)

    def remember_file(self, path: Path) -> None:
        """Put a tomogram at the head of the recent ones."""
        self.recent_files = _newest_first(self.recent_files, path)


class SettingsFile:
    """The file that keeps a user's settings; a damaged one is set aside, a folder that cannot be written is borne.

    Parameters
    ----------
    folder
        Where the editor keeps its own files.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / FILE_NAME
        self._written = ""
        self._guard = threading.Lock()

    def load(self) -> Settings:
        """The settings; defaults where there are none."""
        try:
            text = self.path.read_text(encoding="utf-8")
            found = json.loads(text)
            settings = _read(found)
        except FileNotFoundError:
            return Settings()
        except (OSError, ValueError, TypeError):
            _log.warning("%s could not be read; it is kept as %s.bad", self.path, self.path.name)
            self._set_aside()
            return Settings()
        self._written = text
        return settings

    def save(self, settings: Settings) -> None:
        """Write the settings if they have changed.

        Raises
        ------
        AisError
            If the folder cannot be written.
        """
        text = json.dumps(asdict(settings), indent=1, ensure_ascii=False)
        with self._guard:
            if text == self._written:
                return
            try:
                self.folder.mkdir(parents=True, exist_ok=True)
                write_text(self.path, text)
            except OSError as error:
                raise AisError(f"The settings could not be written to {self.path}: {error.strerror}.") from error
            self._written = text

    def _set_aside(self) -> None:
        try:
            self.path.replace(self.path.with_name(f"{FILE_NAME}.bad"))
        except OSError:
            _log.warning("%s could not be renamed", self.path)


def _newest_first(paths: list[str], path: Path) -> list[str]:
    return [str(path), *(other for other in paths if other != str(path))][:MAX_RECENT]


def _read(found: Any) -> Settings:
    if not isinstance(found, dict):
        raise TypeError("settings are an object")
    defaults = Settings()
    known = {item.name: found[item.name] for item in fields(Settings) if item.name in found}
    for name, value in known.items():
        wanted = type(getattr(defaults, name))
        if wanted is float and isinstance(value, int):
            known[name] = float(value)
        elif wanted is tuple and isinstance(value, list) and len(value) == 2:
            known[name] = (int(value[0]), int(value[1]))
        elif not isinstance(value, wanted):
            raise TypeError(name)
    settings = Settings(**known)
    settings.theme = settings.theme if settings.theme in THEMES else defaults.theme
    settings.font_scale = min(max(settings.font_scale, FONT_SCALES[0]), FONT_SCALES[1])
    return settings
