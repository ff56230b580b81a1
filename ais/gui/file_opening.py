"""Files and folders that are opened, dropped, or named on the command line: projects, tomograms, models."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ais.annotation import AddOrRelinkTomogram, TomogramEntry
from ais.annotation.entries import ModelEntry
from ais.errors import AisError
from ais.formats.registry import COMPRESSED, is_volume_folder, unpack
from ais.gui.annotated_opening import add_annotated, is_annotated
from ais.gui.background import Work
from ais.gui.copick_opening import may_be_copick, open_documents
from ais.gui.dropped import files_in
from ais.gui.image_opening import open_images
from ais.gui.particle_loading import is_coordinates
from ais.gui.segmentation_opening import open_volumes
from ais.gui.set_opening import add_training_sets, is_training_set
from ais.gui.state import Tab

if TYPE_CHECKING:
    from ais.gui.editor import Editor

PROJECT_ENDING = ".aisproj"
GROUP_ENDINGS = (".aisgroup", ".scnmgroup")
MODEL_ENDINGS = (".aism", ".scnm", *GROUP_ENDINGS)


def open_paths(editor: Editor, paths: Sequence[Path]) -> None:
    """Open a project, or tomograms, images, models and particles into the project that is open, or into a new one."""
    if any(os.path.isdir(path) and not is_volume_folder(path) for path in paths):  # noqa: PTH112 - no error where hidden
        _open_folders(editor, paths)
        return
    projects = [path for path in paths if path.suffix == PROJECT_ENDING]
    models = [path for path in paths if is_model(path)]
    documents = [path.absolute() for path in paths if may_be_copick(path)]
    particles = [path.absolute() for path in paths if is_coordinates(path) and not may_be_copick(path)]
    annotated = [path.absolute() for path in paths if is_annotated(path)]
    sets = [path.absolute() for path in paths if is_training_set(path)]
    known = {*projects, *models, *(p for p in paths if is_coordinates(p) or is_annotated(p) or is_training_set(p))}
    others = [path.absolute() for path in paths if path not in known]

    def add() -> None:
        _add(editor, others, annotated, models, particles)
        add_training_sets(editor, sets)
        if documents:
            open_documents(editor, documents, lambda picks: _add_particles(editor, picks))

    if projects:
        editor.open_project(projects[0], then=add)
        if len(projects) > 1:
            editor.notices.say("One project is open at a time; the first one was opened.", "hint")
    else:
        add()


def is_model(path: Path) -> bool:
    """Whether a file is a model or a group of models, by its ending."""
    return path.suffix.lower() in MODEL_ENDINGS


def add_models(editor: Editor, paths: Sequence[Path]) -> None:
    """Add models, and what is in groups, to the project that is open, or to a new one, and show the list of them."""
    if not paths:
        return
    if editor.document is None:
        if editor.projects.beginning is not None:
            editor.projects.after_beginning(lambda: add_models(editor, paths))
        else:
            editor.new_project(then=lambda: add_models(editor, paths))
        return
    models = editor.modelling.models
    models.follow(editor.snapshot)  # another project may have been open before
    known = {model.entry.path: model.id for model in models.models}
    there = [known[path.absolute()] for path in paths if path.absolute() in known]
    document = editor.document

    def select(entry: ModelEntry) -> None:
        editor.modelling.selected = entry.id

    def looked(problems: dict[Path, str]) -> None:
        if editor.document is not document:
            return
        for sentence in problems.values():
            editor.notices.problem(sentence)
        editor.modelling.models.add([path for path in paths if path not in problems], then=select)

    editor.shell.tab = Tab.MODELS
    if there:
        editor.modelling.selected = there[-1]
        editor.notices.say("This model is in the project already.", "hint")
    if len(there) < len(paths):
        editor.background.run(lambda _: _no_models(paths), looked, title=f"Reading {paths[0].name}")


def _no_models(paths: Sequence[Path]) -> dict[Path, str]:
    """Files that are no models, and a sentence about each; groups are looked at when they are unpacked."""
    from ais.models import read_model_info

    found = {}
    for path in paths:
        if path.suffix.lower() not in GROUP_ENDINGS:
            try:
                read_model_info(path)
            except AisError as error:
                found[path] = str(error)
    return found


def _add(
    editor: Editor,
    tomograms: Sequence[Path],
    annotated: Sequence[Path],
    models: Sequence[Path],
    particles: Sequence[Path],
) -> None:
    def add_volumes(paths: Sequence[Path]) -> None:
        open_volumes(editor, paths, lambda those: _add_tomograms(editor, those))

    open_images(editor, tomograms, add_volumes)
    add_annotated(editor, annotated)
    add_models(editor, models)
    _add_particles(editor, particles)


def _add_particles(editor: Editor, paths: Sequence[Path]) -> None:
    """Load particles, once the tomograms that were opened with them are in the project."""
    if not paths:
        return
    if editor.document is None:
        if editor.projects.beginning is not None:
            editor.projects.after_beginning(lambda: _add_particles(editor, paths))
        else:
            editor.notices.say("Open a tomogram first; then its particles can be loaded.", "hint")
        return
    document = editor.document

    def load(_: object) -> None:
        if editor.document is document:
            editor.rendering.particles.load(paths)
            editor.shell.tab = Tab.RENDER

    document.ask(lambda _: None, load)


def _open_folders(editor: Editor, paths: Sequence[Path]) -> None:
    """Open what is in folders, besides the files."""

    def look(_: Work) -> dict[Path, list[Path]]:
        return {path: files_in(path) if path.is_dir() and not is_volume_folder(path) else [path] for path in paths}

    def found(files: dict[Path, list[Path]]) -> None:
        open_paths(editor, [path for inside in files.values() for path in inside])
        empty = ", ".join(path.name or str(path) for path, inside in files.items() if not inside)
        if empty:
            editor.notices.problem(f"There is no tomogram in {empty}: choose files that end in .mrc, .rec or .tif.")

    editor.background.run(look, found, title="Looking into folders")


def _add_tomograms(editor: Editor, paths: Sequence[Path]) -> None:
    if not paths:
        return
    if editor.document is None:
        if editor.projects.beginning is not None:
            editor.projects.after_beginning(lambda: _add_tomograms(editor, paths))
        else:
            editor.new_project(then=lambda: _add_tomograms(editor, paths))
        return
    known = {entry.path: entry.id for entry in editor.snapshot.tomograms if not entry.missing}
    missing = {entry.id for entry in editor.snapshot.tomograms if entry.missing}
    for position, path in enumerate(paths):
        if path in known:
            editor.select_tomogram(known[path])
            continue

        def added(entry: TomogramEntry, first: bool = position == 0) -> None:
            editor.settings.remember_file(entry.path)
            if entry.id in missing:
                editor.notices.say(f"{entry.name} was missing, and is found again at {entry.path}.")
                if entry.id == editor.state.tomogram:
                    editor.reopen_tomogram()
            if first:
                editor.select_tomogram(entry.id)

        _add_tomogram(editor, path, added)


def _add_tomogram(editor: Editor, path: Path, added: Callable[[TomogramEntry], None]) -> None:
    """Add a file to the project; a compressed one is unpacked first, beside the edits that are made meanwhile."""
    if path.suffix.lower() not in COMPRESSED:
        editor.submit(AddOrRelinkTomogram(path), added)
        return
    document = editor.document

    def unpacked(_: Path) -> None:
        if editor.document is document:
            editor.submit(AddOrRelinkTomogram(path), added)

    editor.background.run(lambda work: unpack(path, work), unpacked, title=f"Unpacking {path.name}")
