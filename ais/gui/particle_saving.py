"""What is chosen on the page that saves particles, and the beginning of the file that would come of it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ais.annotation import ParticleSet
from ais.annotation.feature_operations import file_safe_name
from ais.annotation.particle_files import (
    WITHOUT_NAMES,
    FilePreview,
    particles_of_sets,
    preview_file,
    save_particles,
    save_separately,
)
from ais.formats.coordinates import Coordinates
from ais.gui.dialogs import FileKind
from ais.gui.shown_particles import ParticleTable, in_ranges

if TYPE_CHECKING:
    from ais.annotation.entries import TomogramEntry
    from ais.gui.background import Work
    from ais.gui.editor import Editor
    from ais.project import Project


@dataclass(frozen=True)
class Target:
    """A kind of file for a program.

    Attributes
    ----------
    key
        As it is remembered.
    words
        What the user chooses.
    ending
        Of the file.
    dialect
        Of a star file; else empty.
    tooltip
        What is in it, and what is not.
    """

    key: str
    words: str
    ending: str
    dialect: str = ""
    tooltip: str = ""

    @property
    def names_tomograms(self) -> bool:
        """Whether a file says in which tomogram each particle is."""
        return self.ending not in WITHOUT_NAMES


TARGETS = (
    Target("relion5", "RELION 5 (.star)", ".star", "relion5", "Angstrom from the centre of the tomogram; all columns"),
    Target("relion4", "RELION 4 (.star)", ".star", "relion4", "Pixels of the unbinned tilt series; all columns"),
    Target("warp", "Warp, M (.star)", ".star", "warp", "Pixels of this tomogram; all columns"),
    Target("stopgap", "STOPGAP (.star)", ".star", "stopgap", "Voxels, counted from 1; only the columns of STOPGAP"),
    Target("dynamo", "Dynamo (.tbl)", ".tbl", "", "Voxels, counted from 1; names of tomograms are in a .doc file"),
    Target("imod", "IMOD (.mod)", ".mod", "", "Points; filaments become contours; no orientations"),
    Target("cryolo", "crYOLO, TomoTwin (.cbox)", ".cbox", "", "Boxes in voxels; no orientations"),
    Target("copick", "copick (.json)", ".json", "", "Angstrom, orientations and scores; a file for each run"),
    Target("csv", "Table (.csv)", ".csv", "", "x, y, z in voxels, angles and all columns"),
    Target("txt", "Text: x y z (.txt)", ".txt", "", "Voxels with decimals"),
    Target("tsv", "Whole voxels (.tsv)", ".tsv", "", "x, y, z, as Ais 1.x wrote them"),
)
_BY_KEY = {target.key: target for target in TARGETS}
CHOICE_KEY = "saving particles"
"""The view state that holds what was chosen last."""
MOST_A = 1000.0
"""Pixels of tilt series are smaller."""
REST_S = 0.15
"""The beginning of the file is made anew when nothing has been typed for so long."""


@dataclass(frozen=True)
class SavingChoice:
    """What is written, and how.

    Attributes
    ----------
    key
        Of one of the `TARGETS`.
    tilt_series_pixel_size
        Of the unbinned tilt series in angstrom; 0 for not given.
    everywhere
        Whether sets of the same name in other tomograms are written too.
    separate
        Whether each tomogram gets a file of its own then.
    visible_only
        Whether particles outside the ranges of the set's look are left out.
    append
        Whether the particles are added to a file that exists.
    """

    key: str = "relion5"
    tilt_series_pixel_size: float = 0.0
    everywhere: bool = False
    separate: bool = False
    visible_only: bool = True
    append: bool = False

    @property
    def target(self) -> Target:
        """The kind of file."""
        return _BY_KEY[self.key]

    @property
    def in_folder(self) -> bool:
        """Whether there is a file for each tomogram, so that a folder is chosen."""
        return self.everywhere and (self.separate or not self.target.names_tomograms)

    @property
    def pixel_size_matters(self) -> bool:
        """Whether the pixel size of the tilt series is part of the file."""
        return self.target.dialect in ("relion4", "relion5")

    def how(self) -> dict[str, str | float | None]:
        """For `ais.annotation.particle_files`."""
        size = self.tilt_series_pixel_size if self.pixel_size_matters else 0.0
        return {"dialect": self.target.dialect or "relion5", "tilt_series_pixel_size": size or None}


class ParticleSaving:
    """The page that saves a set of particles.

    Parameters
    ----------
    editor
        Whose project the set is in.
    particle_set
        What is saved.
    choice
        What was chosen last time.

    Attributes
    ----------
    particle_set
        The same.
    choice
        What is chosen now.
    preview
        The beginning of the file; None until it is known, and where there is none.
    problem
        Why there is none.
    """

    def __init__(self, editor: Editor, particle_set: ParticleSet, choice: SavingChoice) -> None:
        self._editor = editor
        self.particle_set = particle_set
        self.choice = choice
        self.preview: FilePreview | None = None
        self.problem = ""
        self._wanted: tuple[SavingChoice, int] | None = None
        self._wanted_at = 0.0
        self._made: tuple[SavingChoice, int] | None = None
        self._work: Work | None = None

    @property
    def busy(self) -> bool:
        """Whether what is shown is behind what is chosen."""
        return self._made != self._wanted

    def follow(self) -> None:
        """Have the beginning of the file made when something else is chosen; once a frame while the page is open."""
        editor, choice = self._editor, self.choice
        document = editor.document
        if document is None:
            return
        wanted = choice, editor.snapshot.revision
        if wanted != self._wanted:
            self._wanted, self._wanted_at = wanted, time.monotonic()
        if wanted == self._made or self._work is not None or time.monotonic() < self._wanted_at + REST_S:
            return
        project, name = document.project, self.suggestion

        def look(_: Work) -> FilePreview:
            table, owners = gathered(project, self.particle_set.id, choice)
            return preview_file(name, table, owners, separate=choice.in_folder, **choice.how())  # type: ignore[arg-type]

        def there(preview: FilePreview) -> None:
            self._work, self._made, self.preview, self.problem = None, wanted, preview, ""

        def failed(sentence: str) -> None:
            self._work, self._made, self.preview, self.problem = None, wanted, None, sentence

        self._work = editor.background.run(look, there, failed=failed)

    @property
    def seconds_to_frame(self) -> float | None:
        """When `follow` has something to do though nobody wakes the window."""
        if not self.busy or self._work is not None:
            return None
        return max(self._wanted_at + REST_S - time.monotonic(), 0.001)

    @property
    def suggestion(self) -> str:
        """A name for the file; of files for each tomogram, the part that follows the tomogram's name."""
        entry = self._editor.snapshot.tomogram(self.particle_set.tomogram)
        name = file_safe_name(self.particle_set.name)
        before = "" if self.choice.everywhere or entry is None else f"{entry.name}__"
        return f"{before}{name}{self.choice.target.ending}"

    def save(self) -> None:
        """Ask for the file's name, or for a folder, and write in a thread after the edits that were made before."""
        editor, choice, number, name = self._editor, self.choice, self.particle_set.id, self.suggestion

        def write(project: Project, path: Path) -> tuple[int, list[Path]]:
            table, owners = gathered(project, number, choice)
            if choice.in_folder:
                files = save_separately(path, name, table, owners, append=choice.append, **choice.how())  # type: ignore[arg-type]
            else:
                files = save_particles(path, table, owners, append=choice.append, **choice.how())  # type: ignore[arg-type]
            return len(table), files

        def chosen(path: Path) -> None:
            def done(found: tuple[int, list[Path]]) -> None:
                count, files = found
                verb = "Appended" if choice.append else "Wrote"
                more = f", {len(files)} files" if len(files) > 1 else ""
                editor.notices.say(f"{verb} {count:,} particle{'s' if count != 1 else ''} to {path}{more}.")

            def begin(project: Project) -> None:
                editor.background.run(lambda _: write(project, path), done, title=f"Writing {path.name}")

            if editor.document is not None:
                editor.document.ask(lambda project: project, begin)

        kinds = (FileKind(choice.target.words, (choice.target.ending,)),)
        if choice.in_folder:
            editor.dialogs.choose_folder("Choose the folder for the files", chosen)
        elif choice.append:
            editor.dialogs.open_files("Append particles", kinds, lambda paths: chosen(paths[0]), many=False)
        else:
            editor.dialogs.save_file("Save particles", Path(name), kinds, chosen)


def choice_of(value: Any) -> SavingChoice:
    """A choice as the project remembers it; the first one if it is none."""
    if not isinstance(value, dict):
        return SavingChoice()
    size, key = value.get("tilt_series_pixel_size"), value.get("key")
    return SavingChoice(
        key if isinstance(key, str) and key in _BY_KEY else TARGETS[0].key,
        float(size) if isinstance(size, (int, float)) and 0 <= size <= MOST_A else 0.0,
        separate=value.get("separate") is True,
    )


def remembered(choice: SavingChoice) -> dict[str, Any]:
    """What `choice_of` reads."""
    return {
        "key": choice.key,
        "tilt_series_pixel_size": choice.tilt_series_pixel_size,
        "separate": choice.separate,
    }


def gathered(project: Project, number: int, choice: SavingChoice) -> tuple[Coordinates, dict[str, TomogramEntry]]:
    """The particles that are written, and the tomograms that they are in."""
    first = project.particle_set(number)
    sets = [first]
    if choice.everywhere:
        sets = [one for one in project.all_particle_sets() if one.name == first.name]

    def keep(one: ParticleSet, table: Coordinates) -> NDArray[np.bool_]:
        return in_ranges(one.look, ParticleTable(table))

    return particles_of_sets(project, sets, keep if choice.visible_only else None)
