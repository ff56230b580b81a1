"""The page on which files of coordinates find their tomograms: names, a rule, and what would be loaded."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ais.annotation import TomogramEntry
from ais.annotation.particle_loading import LoadedParticles, ParticleFile, load_particles, owner_of
from ais.annotation.particle_names import NAME, NameRule, TomogramNames, bare_name
from ais.errors import AisError

if TYPE_CHECKING:
    from ais.gui.background import Work
    from ais.gui.editor import Editor

LEFT_OUT = 0
"""In the place of a tomogram's number, for particles that are not loaded."""
REST_S = 0.15
"""Files are read again when nothing has been typed for so long."""


@dataclass(frozen=True)
class ImportChoice:
    """How files of coordinates are meant.

    Attributes
    ----------
    in_file, in_project
        The patterns of `NameRule`.
    chosen
        (file, name in it) -> number of the tomogram that the user has chosen, or `LEFT_OUT`; all others go by the rule.
    tilt_series_pixel_size
        Of the unbinned tilt series in angstrom; 0 while it is not known.
    voxel_size
        In angstrom, for tomograms without one; 0 while it is not known.
    """

    in_file: str = NAME
    in_project: str = NAME
    chosen: Mapping[tuple[Path, str], int] = field(default_factory=dict)
    tilt_series_pixel_size: float = 0.0
    voxel_size: float = 0.0


@dataclass(frozen=True)
class NameRow:
    """A name in a file.

    Attributes
    ----------
    file
        Which file.
    name
        The name; "" where the file says none.
    count
        How many particles it has.
    tomogram
        The tomogram that it stands for; None for none.
    by_hand
        Whether the user has chosen it.
    outside
        How many of its particles are not inside the tomogram; None while that is not known.
    """

    file: ParticleFile
    name: str
    count: int
    tomogram: TomogramEntry | None
    by_hand: bool
    outside: int | None

    @property
    def is_certain(self) -> bool:
        """Whether nobody needs to be asked: the name is that of its tomogram."""
        said = self.name or self.file.path.stem
        return self.tomogram is not None and bare_name(said) == bare_name(self.tomogram.name)


class ParticleImport:
    """What is chosen on the page, and what would be loaded.

    Parameters
    ----------
    editor
        Into whose project.
    files
        What is in the files.
    on_accept
        Gets what is loaded.

    Attributes
    ----------
    files
        The same.
    choice
        What is chosen now; the page replaces it.
    loaded
        What would be loaded; None until it is known, and where something is missing.
    problem
        Why there is none.
    """

    def __init__(
        self,
        editor: Editor,
        files: Sequence[ParticleFile],
        on_accept: Callable[[Sequence[LoadedParticles], float], None],
    ) -> None:
        self._editor = editor
        self.files = tuple(files)
        self.choice = ImportChoice()
        self.loaded: tuple[LoadedParticles, ...] | None = None
        self.problem = ""
        self._on_accept = on_accept
        self._wanted: object = None
        self._wanted_at = 0.0
        self._made: object = None
        self._work: Work | None = None
        self._rows: tuple[object, tuple[NameRow, ...]] | None = None
        self._names: tuple[object, TomogramNames] | None = None

    # What the page shows

    def rows(self) -> tuple[NameRow, ...]:
        """All names of all files."""
        key = self._key(), self._made
        if self._rows is None or self._rows[0] != key:
            outside = {(one.path, name): n for one in self.loaded or () for name, n in one.outside.items()}
            known = self.loaded is not None and not self.busy
            found = [
                NameRow(
                    file, name, count, *self._owner(file, name), outside.get((file.path, name), 0) if known else None
                )
                for file in self.files
                for name, count in file.counts.items()
            ]
            self._rows = key, tuple(found)
        return self._rows[1]

    @property
    def busy(self) -> bool:
        """Whether what is known is behind what is chosen."""
        return self._made is None or self._made != self._key()

    @property
    def has_names(self) -> bool:
        """Whether any file names tomograms, so that there is something to match."""
        return any(name for file in self.files for name in file.counts)

    @property
    def asks_pixel_size(self) -> bool:
        """Whether the pixel size of the tilt series is needed."""
        return any(file.needs_pixel_size for file in self.files)

    def without_voxel_size(self) -> list[TomogramEntry]:
        """Tomograms that get particles whose file needs a voxel size, and have none."""
        found = {
            row.tomogram.id: row.tomogram
            for row in self.rows()
            if row.tomogram is not None and not row.tomogram.voxel_size and row.file.needs_voxel_size
        }
        return list(found.values())

    def rule_problem(self) -> str:
        """What is wrong with the patterns; empty if nothing."""
        try:
            NameRule(self.choice.in_file, self.choice.in_project)
        except AisError as error:
            return str(error)
        return ""

    def missing(self) -> str:
        """What has to be entered or chosen before anything can be loaded; empty if nothing."""
        if problem := self.rule_problem():
            return problem
        if self.asks_pixel_size and not self.choice.tilt_series_pixel_size:
            return "Enter the pixel size of the tilt series before binning."
        if self.without_voxel_size() and not self.choice.voxel_size:
            return "Enter the voxel size of the tomograms that have none."
        if not any(row.tomogram is not None for row in self.rows()):
            if not self.has_names:
                return "Choose the tomogram that the particles belong to."
            return "No name is that of a tomogram of this project: change the patterns, or choose tomograms."
        return ""

    @property
    def is_certain(self) -> bool:
        """Whether each file is about one tomogram, which it names, and nothing has to be asked."""
        if self.missing() or any(len(file.counts) > 1 for file in self.files):
            return False
        alone = len(self._editor.snapshot.tomograms) == 1
        return all(row.is_certain or (alone and not row.name) for row in self.rows())

    # What the page does

    def choose(self, row: NameRow, tomogram: int | None) -> None:
        """Say which tomogram a name stands for; `LEFT_OUT` for none, None for what the rule says."""
        key = row.file.path, row.name
        chosen = {other: number for other, number in self.choice.chosen.items() if other != key}
        if tomogram is not None:
            chosen[key] = tomogram
        self.choice = replace(self.choice, chosen=chosen)

    def follow(self) -> None:
        """Have the files read when something else is chosen; once a frame while the page is open."""
        wanted = self._key()
        if wanted != self._wanted:
            self._wanted, self._wanted_at = wanted, time.monotonic()
        if wanted == self._made or self._work is not None or time.monotonic() < self._wanted_at + REST_S:
            return
        if self.missing():
            self._made, self.loaded, self.problem = wanted, None, ""
            return
        self.read(lambda _: None, wanted)

    def read(self, then: Callable[[Sequence[LoadedParticles]], None], wanted: object = None) -> None:
        """Read the files as they are meant now, in a thread."""
        editor, choice, rows = self._editor, self.choice, self.rows()
        wanted = wanted or self._key()
        tomograms = editor.snapshot.tomograms

        def look(_: Work) -> tuple[LoadedParticles, ...]:
            return tuple(
                load_particles(
                    file.path,
                    tomograms,
                    tilt_series_pixel_size=choice.tilt_series_pixel_size if file.needs_pixel_size else None,
                    voxel_size=choice.voxel_size or None,
                    chosen={row.name: row.tomogram for row in rows if row.file is file},
                )
                for file in self.files
            )

        def there(loaded: tuple[LoadedParticles, ...]) -> None:
            self._work, self._made, self.loaded, self.problem = None, wanted, loaded, ""
            then(loaded)

        def failed(sentence: str) -> None:
            self._work, self._made, self.loaded, self.problem = None, wanted, None, sentence
            if not self._is_open:
                editor.notices.problem(sentence)

        title = "Reading " + (self.files[0].path.name if len(self.files) == 1 else f"{len(self.files)} files")
        self._work = editor.background.run(look, there, failed=failed, title=title)

    def accept(self) -> None:
        """Load what is shown."""
        if self.loaded is not None and not self.busy:
            self._on_accept(self.loaded, self.choice.voxel_size if self.without_voxel_size() else 0.0)

    @property
    def seconds_to_frame(self) -> float | None:
        """When `follow` has something to do though nobody wakes the window."""
        if not self.busy or self._work is not None:
            return None
        return max(self._wanted_at + REST_S - time.monotonic(), 0.001)

    # Within

    @property
    def _is_open(self) -> bool:
        return self._editor.rendering.particles.importing is self

    def _key(self) -> object:
        return self.choice, self._editor.snapshot.tomograms, self._editor.state.tomogram

    def _owner(self, file: ParticleFile, name: str) -> tuple[TomogramEntry | None, bool]:
        snapshot = self._editor.snapshot
        chosen = self.choice.chosen.get((file.path, name))
        if chosen is not None:
            return snapshot.tomogram(chosen) if chosen != LEFT_OUT else None, True
        if self.rule_problem():
            return None, False
        rule = NameRule(self.choice.in_file, self.choice.in_project)
        current = snapshot.tomogram(self._editor.state.tomogram)
        if self._names is None or self._names[0] is not snapshot.tomograms:
            self._names = snapshot.tomograms, TomogramNames(snapshot.tomograms)
        return owner_of(name, file.path, self._names[1], current, (rule,)), False
