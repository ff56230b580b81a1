"""Commands of the File menu: tomograms and projects opened, copied, named and closed."""

from __future__ import annotations

import time
from pathlib import Path

from ais.formats.registry import readable_suffixes
from ais.gui import project_files
from ais.gui.annotated_opening import ENDING as ANNOTATED
from ais.gui.commands.command import Command, with_project
from ais.gui.copick_opening import ENDING as COPICK
from ais.gui.dialogs import ALL_FILES, FileKind
from ais.gui.editor import Editor
from ais.gui.file_opening import PROJECT_ENDING

PACKED = (".gz", ".bz2")
PROJECTS = FileKind("Projects of Ais", (PROJECT_ENDING,))


def tomogram_kinds(name: str = "Tomograms") -> tuple[FileKind, ...]:
    """What can be chosen where tomograms, or other volumes, are asked for."""
    endings = tuple(readable_suffixes())
    packed = tuple(f"{ending}{extra}" for ending in endings for extra in PACKED)
    return FileKind(name, endings + packed), ALL_FILES


def _open_tomogram(editor: Editor) -> None:
    everything, others = tomogram_kinds()
    kinds = (
        FileKind(everything.name, (*everything.endings, ANNOTATED)),
        FileKind("copick projects", (COPICK,)),
        others,
    )
    editor.dialogs.open_files("Open tomogram", kinds, editor.open_paths)


def _open_project(editor: Editor) -> None:
    editor.dialogs.open_files(
        "Open project", (PROJECTS, ALL_FILES), lambda paths: editor.open_project(paths[0]), many=False
    )


def _new_project(editor: Editor) -> None:
    editor.new_project()


def _demo(editor: Editor) -> None:
    from ais.gui.demo_tomogram import open_demo

    editor.projects.begin(lambda work: open_demo(editor.settings_folder, work), "Making the demo tomogram")


def _is_free(editor: Editor) -> bool:
    return editor.projects.beginning is None


def _save(editor: Editor) -> None:
    document = editor.document
    if document is None:
        return

    def saved(_: None) -> None:
        at = document.saved_at
        text = "Everything is saved already"
        text += f"; the last edit at {time.strftime('%H:%M:%S', time.localtime(at))}." if at is not None else "."
        if project_files.is_unnamed(editor):
            text += " Name this project to keep it at a place of your own."
        editor.notices.say(text)

    document.ask(lambda _: None, saved)


def _suggested_name(editor: Editor, suffix: str = "") -> Path:
    document = editor.document
    if document is None:
        return Path(f"Project{PROJECT_ENDING}")
    if project_files.is_unnamed(editor):
        tomograms = editor.snapshot.tomograms
        place = tomograms[0].path.parent if tomograms else Path.home()
        if editor.settings_folder in place.parents:
            place = editor.dialogs.folder or Path.home()
        return place / f"{tomograms[0].name if len(tomograms) == 1 else 'Project'}{PROJECT_ENDING}"
    path = document.project.path
    return path.with_name(f"{path.stem}{suffix}{PROJECT_ENDING}")


def _save_copy(editor: Editor) -> None:
    editor.dialogs.save_file(
        "Save a copy of the project",
        _suggested_name(editor, " copy"),
        (PROJECTS,),
        lambda path: project_files.save_copy(editor, path),
    )


def _give_name(editor: Editor) -> None:
    editor.dialogs.save_file(
        "Name this project",
        _suggested_name(editor),
        (PROJECTS,),
        lambda path: project_files.give_name(editor, path),
    )


def _close(editor: Editor) -> None:
    editor.close_project()


def _leave(editor: Editor) -> None:
    editor.shell.leave = True


FILE_COMMANDS = (
    Command(
        "file.open_tomogram",
        "Open tomogram...",
        "File",
        _open_tomogram,
        "ctrl+O",
        "Add tomograms to the project; without one, an unnamed project is made",
        _is_free,
    ),
    Command("file.open_project", "Open project...", "File", _open_project, "ctrl+shift+O", "", _is_free),
    Command("file.new_project", "New project", "File", _new_project, "ctrl+N", "Begin an empty project", _is_free),
    Command(
        "file.demo",
        "Try the demo",
        "File",
        _demo,
        tooltip="A small simulated tomogram to try everything on; nothing is fetched",
        enabled=_is_free,
    ),
    Command(
        "file.save",
        "Save",
        "File",
        _save,
        "ctrl+S",
        "Every edit is saved when it is made; this says when the last one was",
        with_project,
        separated=True,
    ),
    Command(
        "file.save_copy",
        "Save a copy...",
        "File",
        _save_copy,
        "ctrl+shift+S",
        "Write the project with its history to another file; this one stays open if it can be edited",
        with_project,
    ),
    Command(
        "file.name",
        "Name this project...",
        "File",
        _give_name,
        tooltip="Move an unnamed project to a place and a name of your own",
        enabled=project_files.is_unnamed,
    ),
    Command("file.close", "Close project", "File", _close, "ctrl+W", "", with_project),
    Command("file.leave", "Quit", "File", _leave, "ctrl+Q", separated=True),
)
