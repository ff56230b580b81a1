"""Training sets that are opened or dropped: looked into in the background, and put on the project's list."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ais.errors import AisError
from ais.gui.state import Tab
from ais.trainset.recorded import RecordedSet, RecordTrainingSets, recorded_sets, set_of_file

if TYPE_CHECKING:
    from ais.gui.editor import Editor
    from ais.project import Project

ENDING = ".scnt"


def is_training_set(path: Path) -> bool:
    """Whether a file is a training set, by its ending."""
    return path.suffix.lower() == ENDING


def add_training_sets(editor: Editor, paths: Sequence[Path]) -> None:
    """Put training sets on the list of the project that is open, or of a new one, and choose them for training."""
    if not paths:
        return
    if editor.document is None:
        if editor.projects.beginning is not None:
            editor.projects.after_beginning(lambda: add_training_sets(editor, paths))
        else:
            editor.new_project(then=lambda: add_training_sets(editor, paths))
        return
    document = editor.document

    def read(project: Project) -> tuple[list[RecordedSet], list[RecordedSet], list[str]]:
        known = {one.path(project.path): one for one in recorded_sets(project)}
        there: list[RecordedSet] = []
        new: list[RecordedSet] = []
        problems = []
        for path in paths:
            try:
                one = known.get(path.absolute())
                (there if one is not None else new).append(one or set_of_file(path, project.path))
            except AisError as error:
                problems.append(str(error))
        return there, new, problems

    def add(found: tuple[list[RecordedSet], list[RecordedSet], list[str]]) -> None:
        there, new, problems = found
        if editor.document is not document:
            return
        for sentence in problems:
            editor.notices.problem(sentence)
        chosen = [*there, *new]
        if not chosen:
            return

        def added(_: None) -> None:
            editor.modelling.trainings.plan.sets = tuple(one.file for one in chosen)
            editor.shell.tab = Tab.MODELS
            editor.notices.say(_said(chosen))

        if new:
            editor.submit(RecordTrainingSets(new, "Add"), added)
        else:
            added(None)

    title = f"Reading {paths[0].name}" if len(paths) == 1 else f"Reading {len(paths)} training sets"
    editor.background.run(lambda _: read(document.project), add, title=title)


def _said(sets: Sequence[RecordedSet]) -> str:
    parts = [f"{Path(one.file).stem}: {one.n_samples:,} samples of {' and '.join(one.features)}" for one in sets]
    return f"{'; '.join(parts)}. Train on {'them' if len(sets) > 1 else 'it'} in the tab Models."
