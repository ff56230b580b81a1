"""Files of coordinates that become sets of particles, in the background."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ais.annotation import AddParticleSet, Operation, ParticleLook, SetVoxelSize, Together
from ais.annotation.feature_operations import PALETTE
from ais.annotation.particle_loading import LoadedParticles, ParticleFile, describe_particles, names_text
from ais.errors import AisError
from ais.formats.coordinates import SUFFIXES
from ais.gui.dialogs import FileKind
from ais.gui.particle_import import ParticleImport

if TYPE_CHECKING:
    from ais.gui.background import Work
    from ais.gui.editor import Editor

KINDS = (
    FileKind("Coordinates", SUFFIXES),
    FileKind("Star files", (".star",)),
    FileKind("Tables", (".csv", ".txt", ".tsv")),
    FileKind("Dynamo, IMOD, crYOLO", (".tbl", ".mod", ".cbox")),
)
FALLBACK_RADIUS = 50.0
"""In angstrom, where the tomogram's size says nothing."""
SHARE_OF_TOMOGRAM = 0.012
"""Of the longest side, the radius of particles of which nothing is known."""
COLOURS_FROM = 3
"""The first colours of the palette are mostly those of features."""


def is_coordinates(path: Path) -> bool:
    """Whether a file holds coordinates, by its ending."""
    return path.suffix.lower() in SUFFIXES


def load_into_project(editor: Editor, paths: Sequence[Path]) -> None:
    """Read files, and add what they hold to the tomograms that they name; in case of doubt a page asks first."""
    document = editor.document
    if document is None or not editor.snapshot.tomograms:
        editor.notices.say("Open a tomogram first; then its particles can be loaded.", "hint")
        return

    def read(work: Work) -> tuple[list[ParticleFile], list[str]]:
        files, problems = [], []
        for number, path in enumerate(paths):
            work.report(number, len(paths))
            try:
                files.append(describe_particles(path))
            except AisError as error:
                problems.append(str(error))
        return files, problems

    def there(found: tuple[list[ParticleFile], list[str]]) -> None:
        if editor.document is not document:
            return
        files, problems = found
        for sentence in problems:
            editor.notices.problem(sentence)
        if files:
            _begin(editor, files)

    title = f"Reading {paths[0].name}" if len(paths) == 1 else f"Reading {len(paths)} files"
    editor.background.run(read, there, title=title)


def _begin(editor: Editor, files: Sequence[ParticleFile]) -> None:
    """Load them at once where there is nothing to ask, else open the page."""

    def add(loaded: Sequence[LoadedParticles], voxel_size: float) -> None:
        _add(editor, [one for one in loaded if one.count], voxel_size)

    page = ParticleImport(editor, files, add)
    particles = editor.rendering.particles
    if page.is_certain:
        document = editor.document
        page.read(lambda loaded: add(loaded, 0.0) if editor.document is document else None)
    elif particles.importing is not None:
        particles.importing = ParticleImport(editor, [*particles.importing.files, *files], add)
    else:
        particles.importing = page


def default_look(editor: Editor, number: int | None) -> ParticleLook:
    """How the particles of a tomogram look at first; the next colour for each set."""
    entry = editor.snapshot.tomogram(number)
    radius = FALLBACK_RADIUS
    if entry is not None:
        radius = SHARE_OF_TOMOGRAM * max(entry.shape) * (entry.voxel_size or 1.0)
    present = len(editor.rendering.particles.sets) if number == editor.state.tomogram else 0
    return ParticleLook(PALETTE[(COLOURS_FROM + present) % len(PALETTE)], float(f"{radius:.2g}"))


def _add(editor: Editor, loaded: Sequence[LoadedParticles], voxel_size: float) -> None:
    """Add sets of particles to the project as one step of undo, and voxel sizes to tomograms that have none."""
    snapshot = editor.snapshot
    numbers = list(dict.fromkeys(number for one in loaded for number in one.parts))
    if not numbers:
        return
    operations: list[Operation[Any]] = []
    for number in numbers:
        entry = snapshot.tomogram(number)
        if voxel_size and entry is not None and not entry.voxel_size:
            operations.append(SetVoxelSize(number, voxel_size))
    look = default_look(editor, editor.state.tomogram if editor.state.tomogram in numbers else numbers[0])
    for one in loaded:
        origin = {"file": str(one.path.absolute())}
        operations += [
            AddParticleSet(number, one.path.stem, table, origin, look) for number, table in one.parts.items()
        ]
    what = loaded[0].path.name if len(loaded) == 1 else f"{len(loaded)} files"
    measured = bool(voxel_size)

    def told(_: object) -> None:
        editor.notices.say(_words(editor, loaded, what, numbers))
        if editor.state.tomogram not in numbers:
            editor.select_tomogram(numbers[0])
        elif measured:
            editor.reopen_tomogram()

    if len(operations) == 1:
        editor.submit(operations[0], told, title=f"Adding {what}")
    else:
        editor.submit(Together(f"Load {what}", operations), told, title=f"Adding {what}")
    for one in loaded:
        if one.unknown:
            count = sum(one.unknown.values())
            editor.notices.say(
                f"{count:,} particle{'s' if count != 1 else ''} of {one.path.name} left out: "
                f"{names_text(list(one.unknown))}.",
                "hint",
            )
        for name, outside in one.outside.items():
            editor.notices.problem(
                f"{outside:,} particle{'s' if outside != 1 else ''} of {one.path.name} "
                f"lie{'s' if outside == 1 else ''} outside {one.names[name]}: check pixel and voxel sizes."
            )


def _words(editor: Editor, loaded: Sequence[LoadedParticles], what: str, numbers: Sequence[int]) -> str:
    count = sum(one.count for one in loaded)
    particles = f"{count:,} particle{'s' if count != 1 else ''}"
    entry = editor.snapshot.tomogram(numbers[0])
    where = f"{len(numbers)} tomograms" if len(numbers) > 1 else entry.name if entry is not None else "a tomogram"
    return f"Loaded {particles} of {what} into {where}."
