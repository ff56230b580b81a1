"""Files and folders that are opened, dropped, or named on the command line: projects, tomograms, models."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ais.annotation import AddTomogram, TomogramEntry
from ais.annotation.entries import ModelEntry
from ais.formats.registry import COMPRESSED, is_volume_folder, unpack
from ais.gui.annotated_opening import add_annotated, is_annotated
from ais.gui.background import Work
from ais.gui.dropped import files_in
from ais.gui.image_opening import open_images
from ais.gui.particle_loading import is_coordinates
from ais.gui.state import Tab

if TYPE_CHECKING:
    from ais.gui.editor import Editor

PROJECT_ENDING = ".aisproj"
MODEL_ENDINGS = (".aism", ".scnm", ".aisgroup", ".scnmgroup")


def open_paths(editor: Editor, paths: Sequence[Path]) -> None:
    """Open a project, or tomograms, images, models and particles into the project that is open, or into a new one."""
    if any(path.is_dir() and not is_volume_folder(path) for path in paths):
        _open_folders(editor, paths)
        return
    projects = [path for path in paths if path.suffix == PROJECT_ENDING]
    models = [path for path in paths if is_model(path)]
    particles = [path.absolute() for path in paths if is_coordinates(path)]
    annotated = [path.absolute() for path in paths if is_annotated(path)]
    known = {*projects, *models, *(path for path in paths if is_coordinates(path) or is_annotated(path))}
    others = [path.absolute() for path in paths if path not in known]
    if projects:
        editor.open_project(projects[0], then=lambda: _add(editor, others, annotated, models, particles))
        if len(projects) > 1:
            editor.notices.say("One project is open at a time; the first one was opened.", "hint")
    else:
        _add(editor, others, annotated, models, particles)


def is_model(path: Path) -> bool:
    """Whether a file is a model or a group of models, by its ending."""
    return path.suffix.lower() in MODEL_ENDINGS


def add_models(editor: Editor, paths: Sequence[Path]) -> None:
    """Add models, and what is in groups, to the project that is open, or to a new one, and show the list of them."""
    if not paths:
        return
    if editor.document is None:
        if editor.beginning is not None:
            editor.after_beginning(lambda: add_models(editor, paths))
        else:
            editor.new_project(then=lambda: add_models(editor, paths))
        return
    models = editor.modelling.models
    models.follow(editor.snapshot)  # another project may have been open before
    known = {model.entry.path: model.id for model in models.models}
    there = [known[path.absolute()] for path in paths if path.absolute() in known]

    def select(entry: ModelEntry) -> None:
        editor.modelling.selected = entry.id

    editor.shell.tab = Tab.MODELS
    if there:
        editor.modelling.selected = there[-1]
        editor.notices.say("This model is in the project already.", "hint")
    models.add(paths, then=select)


def _add(
    editor: Editor,
    tomograms: Sequence[Path],
    annotated: Sequence[Path],
    models: Sequence[Path],
    particles: Sequence[Path],
) -> None:
    open_images(editor, tomograms, lambda paths: _add_tomograms(editor, paths))
    add_annotated(editor, annotated)
    add_models(editor, models)
    _add_particles(editor, particles)


def _add_particles(editor: Editor, paths: Sequence[Path]) -> None:
    """Load particles, once the tomograms that were opened with them are in the project."""
    if not paths:
        return
    if editor.document is None:
        if editor.beginning is not None:
            editor.after_beginning(lambda: _add_particles(editor, paths))
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
        if editor.beginning is not None:
            editor.after_beginning(lambda: _add_tomograms(editor, paths))
        else:
            editor.new_project(then=lambda: _add_tomograms(editor, paths))
        return
    known = {entry.path: entry.id for entry in editor.snapshot.tomograms}
    for position, path in enumerate(paths):
        if path in known:
            editor.select_tomogram(known[path])
            continue

        def added(entry: TomogramEntry, first: bool = position == 0) -> None:
            editor.settings.remember_file(entry.path)
            if first:
                editor.select_tomogram(entry.id)

        _add_tomogram(editor, path, added)


def _add_tomogram(editor: Editor, path: Path, added: Callable[[TomogramEntry], None]) -> None:
    """Add a file to the project; a compressed one is unpacked first, beside the edits that are made meanwhile."""
    if path.suffix.lower() not in COMPRESSED:
        editor.submit(AddTomogram(path), added)
        return
    document = editor.document

    def unpacked(_: Path) -> None:
        if editor.document is document:
            editor.submit(AddTomogram(path), added)

    editor.background.run(lambda work: unpack(path, work), unpacked, title=f"Unpacking {path.name}")
