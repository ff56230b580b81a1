"""One zip file with what a report of a problem needs, and nothing private."""

from __future__ import annotations

import importlib.metadata
import io
import json
import zipfile
from pathlib import Path
from typing import Any

from ais.errors import AisError
from ais.formats.atomic import write_bytes
from ais.installation.redaction import Redaction, of_this_user

LOG_NAME = "ais.log"
LOG_TAIL = 64 * 1024
SETTINGS_NAME = "settings.json"
SHARED_SETTINGS = ("theme", "font_scale", "link_views", "shortcuts", "window_size", "units", "native_dialogs")
README = """What `ais doctor` found, for a report of a problem.

doctor.txt, doctor.json  the state of the installation
packages.txt             the installed packages and their versions
settings.json            settings of the window; no recent files
log.txt                  the last messages of the window

Names of the user and the computer, and paths, have been taken out. Have a look before you send it.
"""


def check_target(target: Path) -> None:
    """AisError unless a bundle can be written there."""
    if target.suffix.lower() != ".zip":
        raise AisError(f"{target} is not the name of a .zip file: give the bundle one, such as report.zip.")
    if target.exists():
        raise AisError(f"{target} exists already: choose another name for the bundle.")
    if not target.absolute().parent.is_dir():
        raise AisError(f"{target.parent} is not a folder: make it first.")


def write_bundle(target: Path, state: dict[str, Any], text: str, settings_folder: Path) -> None:
    """Write a bundle; it appears whole or not at all.

    Parameters
    ----------
    target
        The zip file.
    state
        What `ais doctor --json` shows.
    text
        What `ais doctor` shows.
    settings_folder
        Where the editor keeps its own files.
    """
    redaction = of_this_user()
    parts = {
        "README.txt": README,
        "doctor.json": json.dumps(redaction.values(state), indent=1, ensure_ascii=False),
        "doctor.txt": "\n".join(redaction.log(line) for line in text.splitlines()),
        "packages.txt": redaction.report(_packages()),
        "settings.json": json.dumps(_settings(settings_folder / SETTINGS_NAME, redaction), indent=1),
        "log.txt": redaction.log(_tail(settings_folder / LOG_NAME)),
    }
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content.rstrip() + "\n")
    write_bytes(target, memory.getvalue())


def _packages() -> str:
    found = {f"{one.metadata['Name']}=={one.version}" for one in importlib.metadata.distributions()}
    return "\n".join(sorted(found, key=str.casefold))


def _settings(path: Path, redaction: Redaction) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError):
        return {"unreadable": True}
    if not isinstance(found, dict):
        return {"unreadable": True}
    shared: dict[str, Any] = redaction.values({key: found[key] for key in SHARED_SETTINGS if key in found})
    return shared


def _tail(path: Path) -> str:
    try:
        with path.open("rb") as file:
            size = file.seek(0, io.SEEK_END)
            file.seek(max(size - LOG_TAIL, 0))
            text = file.read().decode(errors="replace")
    except OSError:
        return ""
    # The first line may be cut, and a cut path would not be known as one.
    return text.partition("\n")[2] if size > LOG_TAIL else text
