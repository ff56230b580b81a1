"""Files of coordinates that become sets of particles, in the background."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ais.annotation import AddParticleSet, ParticleLook, Together
from ais.annotation.feature_operations import PALETTE
from ais.annotation.particle_files import LoadedParticles, load_particles, names_text
from ais.formats.coordinates import SUFFIXES, PixelSizeUnknown
from ais.gui.dialogs import FileKind
from ais.gui.sheet import NumberField, Sheet

if TYPE_CHECKING:
    from ais.gui.background import Work
    from ais.gui.editor import Editor

KINDS = (
    FileKind("Coordinates", SUFFIXES),
    FileKind("Star files", (".star",)),
    FileKind("Tables", (".csv", ".txt", ".tsv")),
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


def load_into_project(editor: Editor, path: Path, tilt_series_pixel_size: float | None = None) -> None:
    """Read a file, and add what it holds to the tomograms that it names."""
    document = editor.document
    if document is None or not editor.snapshot.tomograms:
        editor.notices.say("Open a tomogram first; then its particles can be loaded.", "hint")
        return
    tomograms = editor.snapshot.tomograms
    current = editor.snapshot.tomogram(editor.state.tomogram)

    def read(_: Work) -> LoadedParticles | None:
        try:
            return load_particles(path, tomograms, current, tilt_series_pixel_size=tilt_series_pixel_size)
        except PixelSizeUnknown:
            return None

    def there(loaded: LoadedParticles | None) -> None:
        if editor.document is not document:
            return
        if loaded is None:
            _ask_pixel_size(editor, path)
        else:
            _add(editor, loaded)

    editor.background.run(read, there, title=f"Reading {path.name}")


def default_look(editor: Editor, number: int) -> ParticleLook:
    """How the particles of a tomogram look at first; the next colour for each set."""
    entry = editor.snapshot.tomogram(number)
    radius = FALLBACK_RADIUS
    if entry is not None:
        radius = SHARE_OF_TOMOGRAM * max(entry.shape) * (entry.voxel_size or 1.0)
    present = len(editor.rendering.particles.sets) if number == editor.state.tomogram else 0
    return ParticleLook(PALETTE[(COLOURS_FROM + present) % len(PALETTE)], float(f"{radius:.2g}"))


def _ask_pixel_size(editor: Editor, path: Path) -> None:
    size = NumberField("Unbinned pixel", 1.0, 0.01, 1000.0, "A", tooltip="Of the tilt series before binning")

    def accept() -> None:
        load_into_project(editor, path, size.value)

    note = f"{path.name} counts in pixels of the tilt series and does not say how large they are."
    editor.shell.sheets.append(Sheet("Load particles", "Load", (size,), accept, note))


def _add(editor: Editor, loaded: LoadedParticles) -> None:
    origin = {"file": str(loaded.path.absolute())}
    looks = {number: default_look(editor, number) for number in loaded.parts}
    first = looks.get(editor.state.tomogram or 0) or next(iter(looks.values()))
    operations = [
        AddParticleSet(number, loaded.path.stem, table, origin, first) for number, table in loaded.parts.items()
    ]
    here = editor.state.tomogram in loaded.parts
    words = _words(editor, loaded)

    def told(_: object) -> None:
        editor.notices.say(words)
        if not here:
            editor.select_tomogram(next(iter(loaded.parts)))

    title = f"Adding {loaded.path.name}"
    if len(operations) == 1:
        editor.submit(operations[0], told, title=title)
    else:
        editor.submit(Together(f"Load {loaded.path.name}", operations), told, title=title)
    if loaded.unknown:
        count = sum(loaded.unknown.values())
        names = names_text(list(loaded.unknown))
        are = "is" if len(loaded.unknown) == 1 else "are"
        editor.notices.problem(
            f"{count:,} particle{'s' if count != 1 else ''} of {loaded.path.name} were left out: {names} {are} not in "
            "this project."
        )


def _words(editor: Editor, loaded: LoadedParticles) -> str:
    particles = f"{loaded.count:,} particle{'s' if loaded.count != 1 else ''}"
    numbers = list(loaded.parts)
    entry = editor.snapshot.tomogram(numbers[0])
    where = f"{len(numbers)} tomograms" if len(numbers) > 1 else entry.name if entry is not None else "a tomogram"
    return f"Loaded {particles} of {loaded.path.name} into {where}."
