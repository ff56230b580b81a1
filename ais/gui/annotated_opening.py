"""Annotated tomograms of Ais 1.x that are opened or dropped: read in the background, imported as one step of undo."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ais.annotation import ImportAnnotated, ImportedAnnotation, keep_volume
from ais.annotation.annotated_tomogram import contrast_of, keep_contrast
from ais.gui.state import Tab

if TYPE_CHECKING:
    from ais.formats.scns import Scns
    from ais.gui.background import Work
    from ais.gui.editor import Editor

ENDING = ".scns"


def is_annotated(path: Path) -> bool:
    """Whether a file is an annotated tomogram of Ais 1.x, by its ending."""
    return path.suffix.lower() == ENDING


def add_annotated(editor: Editor, paths: Sequence[Path]) -> None:
    """Import annotated tomograms into the project that is open, or into a new one."""
    if not paths:
        return
    if editor.document is None:
        if editor.projects.beginning is not None:
            editor.projects.after_beginning(lambda: add_annotated(editor, paths))
        else:
            editor.new_project(then=lambda: add_annotated(editor, paths))
        return
    document = editor.document

    def read(_: Work) -> list[Scns]:
        from ais.formats.scns import read_scns

        return [read_scns(path) for path in paths]

    def import_all(contents: list[Scns]) -> None:
        if editor.document is document:
            for content in contents:
                _import(editor, content)

    editor.background.run(read, import_all, title=f"Reading {paths[0].name}" + (" and others" if paths[1:] else ""))


def _import(editor: Editor, content: Scns) -> None:
    document = editor.document
    if document is None:
        return

    def imported(done: ImportedAnnotation) -> None:
        number = done.tomogram.id

        def kept(_: None) -> None:
            if editor.document is document and not done.tomogram.missing:
                editor.select_tomogram(number)
                editor.tomograms.use_kept_contrast(number, contrast_of(content))

        document.ask(lambda project: keep_contrast(project, number, content), kept)
        editor.shell.tab = Tab.ANNOTATE
        for message in done.messages:
            editor.notices.say(message, "hint")

    if content.volume is None:
        editor.submit(ImportAnnotated(content), imported)
    elif editor.untitled:
        editor.notices.problem(
            f"{content.path.name} includes its tomogram, which is written beside the project: name the project first."
        )
    else:
        document.ask(
            lambda project: keep_volume(content, project)[0],
            lambda volume: editor.submit(ImportAnnotated(content, volume), imported),
        )
