"""Where files are looked for: folders that the list of files offers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ais.gui.editor import Editor

RECENT_PLACES = 8


def file_places(editor: Editor) -> list[tuple[str, Path]]:
    """The home folder, that of the project, and those of recent files, each with what to call it."""
    places = [("Home", Path.home())]
    if editor.document is not None and not editor.untitled:
        places.append(("Project", editor.document.project.path.parent))
    recent = [Path(path).parent for path in (*editor.settings.recent_files, *editor.settings.recent_projects)]
    folders = [folder for folder in dict.fromkeys(recent) if folder not in {place for _, place in places}]
    return [*places, *((folder.name or str(folder), folder) for folder in folders[:RECENT_PLACES])]
