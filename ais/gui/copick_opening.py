"""copick projects that are opened or dropped: a page asks which tomograms of which runs are added, with which picks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ais.formats.coord_copick import has_no_points
from ais.formats.copick_project import CopickProject, is_copick_project, read_copick_project
from ais.gui.sheet import ChoiceField, Sheet, TicksField

if TYPE_CHECKING:
    from ais.gui.background import Work
    from ais.gui.editor import Editor

ENDING = ".json"
ADD_PICKS = ("Add to the tomograms", "Leave out")

AddParticles = Callable[[Sequence[Path]], None]


def may_be_copick(path: Path) -> bool:
    """Whether a file may be a project or picks of copick, by its ending."""
    return path.suffix.lower() == ENDING


def open_documents(editor: Editor, paths: Sequence[Path], add_particles: AddParticles) -> None:
    """Open JSON files: projects by a page, picks as particles; which of them they are is looked up in a thread."""

    def look(_: Work) -> tuple[list[CopickProject], list[Path]]:
        projects = [path for path in paths if is_copick_project(path)]
        return [read_copick_project(path) for path in projects], [path for path in paths if path not in projects]

    def found(those: tuple[list[CopickProject], list[Path]]) -> None:
        projects, picks = those
        if picks:
            add_particles(picks)
        for project in projects:
            _ask(editor, project, add_particles)

    editor.background.run(look, found, title=f"Reading {paths[0].name}")


def _ask(editor: Editor, project: CopickProject, add_particles: AddParticles) -> None:
    choices = [(size, kind) for size in project.voxel_sizes for kind in project.kinds(size)]
    if not choices:
        editor.notices.problem(f"{project.path.name} has no tomograms: add them with copick first.")
        return
    runs = sorted({one.run for one in project.tomograms})
    tomograms = ChoiceField(
        "Tomograms", [f"{size:g} A, {kind}" for size, kind in choices], tooltip="One of each run is added"
    )
    ticked = TicksField("Runs", runs, set(range(len(runs))))
    picks = ChoiceField(
        "Picks",
        ADD_PICKS,
        tooltip="They become sets of particles; the files are not changed",
        asked=lambda: bool(project.picks),
    )

    def accept() -> None:
        size, kind = choices[tomograms.value]
        wanted = {runs[number] for number in ticked.chosen}
        paths = [
            one.path for one in project.tomograms if (one.voxel_size, one.kind) == (size, kind) and one.run in wanted
        ]
        if not paths:
            editor.notices.problem(f"None of these runs has a tomogram of {size:g} A called {kind}.")
            return
        editor.open_paths(paths)
        if project.picks and picks.value == 0:
            found = {one.run for one in project.tomograms if one.path in paths}
            files = [one.path for one in project.picks if one.run in found]
            editor.background.run(lambda _: [path for path in files if not has_no_points(path)], add_particles)

    there = f"{len(runs)} run{'s' if len(runs) != 1 else ''}"
    made = (
        f"{len(project.picks)} file{'s' if len(project.picks) != 1 else ''} of picks" if project.picks else "no picks"
    )
    editor.shell.sheets.append(
        Sheet(f"Add tomograms of {project.name[:40]}", "Add", (tomograms, ticked, picks), accept, f"{there}, {made}.")
    )
