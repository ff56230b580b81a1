"""What the user is about to export: models, tomograms, folder and settings, and what is still wrong with them."""

from __future__ import annotations

import math
import os
import shutil
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ais.gui import untitled
from ais.gui.export_volumes import Choice, ExportRequest
from ais.gui.project_models import rules_among
from ais.gui.rule_words import rule_words

if TYPE_CHECKING:
    from ais.annotation import TomogramEntry
    from ais.gui.background import Work
    from ais.gui.editor import Editor
    from ais.gui.project_models import ProjectModel

WISH_KEY = "export wish"
"""The view state that holds what is worth remembering of it."""
FOLDER_NAME = "segmented"
BYTES = {"uint8": 2, "int8": 1, "float32": 4}
"""Of a voxel in a file of each type."""
LABELS = ("", "beside", "inside")
"""Where OME-Zarr labels are written; none at first."""
MOST_IN_PLANE = 8
MOST_WITH_DEPTH = 16


class Scope(Enum):
    """Which tomograms are exported; the value is what the user reads."""

    THIS = "This one"
    ALL = "All"
    CHOSEN = "Chosen"


@dataclass(frozen=True)
class FolderState:
    """What is known of a folder.

    Attributes
    ----------
    problem
        Why nothing can be written to it, in one sentence; else empty.
    free
        Bytes; None if it is not known.
    """

    problem: str = ""
    free: int | None = None


@dataclass(frozen=True)
class ExportPlan:
    """What would be exported.

    Attributes
    ----------
    request
        For the queue.
    models
        Those that are chosen.
    volumes
        How many files.
    features
        How many of each tomogram.
    work
        As `ais.gui.export_volumes.ExportVolume.work`, of all tomograms.
    bytes
        Of all files.
    rules
        The rules that are applied, in words.
    problems
        What makes it impossible: the choice that it comes from, and one sentence.
    hint
        One sentence about what may go wrong; else empty.
    """

    request: ExportRequest
    models: tuple[ProjectModel, ...] = ()
    volumes: int = 0
    features: int = 0
    work: float = 0.0
    bytes: int = 0
    rules: tuple[str, ...] = ()
    problems: tuple[tuple[Choice, str], ...] = ()
    hint: str = ""

    def problems_of(self, choice: Choice) -> list[str]:
        """The sentences about one choice."""
        return [sentence for where, sentence in self.problems if where is choice]


@dataclass(eq=False)
class ExportWish:
    """The choices of the next export, as the panel shows them.

    Parameters
    ----------
    editor
        Whose project it is about.

    Attributes
    ----------
    use
        Numbers of models to whether they are used, where that differs from whether they are active.
    use_rules
        Whether the project's rules are applied.
    scope, chosen
        Which tomograms; the numbers count for `Scope.CHOSEN`.
    search
        Parts of names, by which the list of tomograms is filtered.
    own_folder
        Where the user wants the files; None for the folder beside the project.
    dtype, tta, overwrite, use_crops, labels
        As in `ExportRequest`.
    some_slices, first, last
        Whether only slices from `first` to `last`, both included, are segmented.
    """

    editor: Editor
    use: dict[int, bool] = field(default_factory=dict)
    use_rules: bool = True
    scope: Scope = Scope.THIS
    chosen: set[int] = field(default_factory=set)
    search: str = ""
    own_folder: Path | None = None
    dtype: str = "uint8"
    tta: int = 1
    overwrite: bool = False
    use_crops: bool = True
    labels: str = ""
    some_slices: bool = False
    first: int = 0
    last: int = 0
    _folders: dict[Path, FolderState | None] = field(default_factory=dict)
    _made: tuple[tuple[object, ...], ExportPlan] | None = None

    # Choices

    def uses(self, model: ProjectModel) -> bool:
        """Whether a model is used; one that cannot be read is not."""
        return not model.problem and self.use.get(model.id, model.use.active)

    @property
    def tomograms(self) -> tuple[TomogramEntry, ...]:
        """Those that are exported, in the project's order."""
        entries = self.editor.snapshot.tomograms
        if self.scope is Scope.ALL:
            return entries
        if self.scope is Scope.THIS:
            return tuple(entry for entry in entries if entry.id == self.editor.state.tomogram)
        return tuple(entry for entry in entries if entry.id in self.chosen)

    @property
    def listed(self) -> tuple[TomogramEntry, ...]:
        """The tomograms that the search finds."""
        words = self.search.casefold().split()
        entries = self.editor.snapshot.tomograms
        return tuple(entry for entry in entries if all(word in entry.name.casefold() for word in words))

    @property
    def folder(self) -> Path:
        """Where the files are written."""
        if self.own_folder is not None:
            return self.own_folder
        editor = self.editor
        if editor.document is None:
            return Path.home() / FOLDER_NAME
        project = editor.document.project.path
        if not untitled.is_untitled(project, editor.settings_folder):
            return project.with_name(f"{project.stem} {FOLDER_NAME}")
        entries = editor.snapshot.tomograms
        place = entries[0].path.parent if entries else Path.home()
        # The demo lies in the editor's own folder, where nobody would look for results.
        return (Path.home() if editor.settings_folder in place.parents else place) / FOLDER_NAME

    @property
    def most_tta(self) -> int:
        """How many rotations and flips the chosen models allow."""
        depths = [model.info.depth for model in self.plan.models if model.info is not None]
        return MOST_WITH_DEPTH if depths and min(depths) > 1 else MOST_IN_PLANE

    # What comes of them

    @property
    def plan(self) -> ExportPlan:
        """What would be exported; made anew only when something has changed."""
        models, folder = self.editor.modelling.models, self.folder
        state = self._folder_state(folder)
        choices = (
            *(tuple(self.use.items()), self.use_rules, self.scope, frozenset(self.chosen), folder, self.dtype),
            *(self.tta, self.overwrite, self.use_crops, self.labels, self.some_slices, self.first, self.last),
            *(self.editor.snapshot, models.revision, self.editor.state.tomogram, state, self.editor.settings.units),
        )
        if self._made is None or not _same(self._made[0], choices):
            self._made = choices, self._plan(state)
        return self._made[1]

    def look_again(self) -> None:
        """Forget what is known of folders; they are looked at again in a thread."""
        self._folders = {path: state for path, state in self._folders.items() if state is None}

    # Remembered by the project

    def remember(self) -> None:
        """Have the project keep what the next export most likely shares with this one."""
        if self.editor.document is not None:
            record = {
                "folder": None if self.own_folder is None else str(self.own_folder),
                **{
                    name: getattr(self, name)
                    for name in ("use_rules", "dtype", "tta", "overwrite", "use_crops", "labels")
                },
            }
            self.editor.document.remember(WISH_KEY, record)

    def recall(self, found: Any) -> None:
        """Take in what the project has kept; what makes no sense is passed over."""
        if not isinstance(found, dict):
            return
        for name in ("use_rules", "overwrite", "use_crops"):
            if isinstance(found.get(name), bool):
                setattr(self, name, found[name])
        if found.get("dtype") in BYTES:
            self.dtype = found["dtype"]
        if found.get("labels") in LABELS:
            self.labels = found["labels"]
        tta = found.get("tta")
        if isinstance(tta, int) and 1 <= tta <= MOST_WITH_DEPTH:
            self.tta = int(tta)
        if isinstance(found.get("folder"), str):
            self.own_folder = Path(found["folder"])

    # Within

    def _plan(self, state: FolderState) -> ExportPlan:
        editor = self.editor
        entries = self.tomograms
        models = tuple(model for model in editor.modelling.models.models if self.uses(model))
        features = [feature for model in models for feature in model.found]
        rules = rules_among(editor.modelling.models.rules, set(features))
        words = tuple(rule_words(rules, editor.settings.units))
        request = ExportRequest(
            tuple(entry.id for entry in entries),
            tuple(model.entry.path for model in models),
            self.folder,
            z_range=(self.first, self.last + 1) if self.some_slices else None,
            use_crops=self.use_crops,
            rules=tuple(rules.content()) if self.use_rules and words else (),  # half a competition is none
            tta=self.tta,
            dtype=self.dtype,
            overwrite=self.overwrite,
            labels=self.labels,
        )
        problems = [*self._model_problems(models), *request.found(editor.snapshot)]
        if self.use_rules and editor.modelling.models.rules_problem:
            problems.append((Choice.RULES, editor.modelling.models.rules_problem))
        if state.problem:
            problems.append((Choice.FOLDER, state.problem))
        voxels = sum(math.prod(entry.shape) for entry in entries)
        worked = sum((self._slices(entry) * math.prod(entry.shape[1:])) for entry in entries)
        need = voxels * len(features) * BYTES[self.dtype]
        hint = ""
        if state.free is not None and need > state.free:
            hint = f"The files take {size_text(need)}, and only {size_text(state.free)} are free there."
        work = float(worked) * len(models) * self.tta
        count = len(entries) * len(features)
        return ExportPlan(request, models, count, len(features), work, need, words, tuple(problems), hint)

    def _slices(self, entry: TomogramEntry) -> int:
        return self.last + 1 - self.first if self.some_slices else entry.shape[0]

    def _model_problems(self, models: tuple[ProjectModel, ...]) -> list[tuple[Choice, str]]:
        found: list[tuple[Choice, str]] = []
        owners: dict[str, ProjectModel] = {}
        for model in models:
            if model.info is None:
                found.append((Choice.MODELS, f"{model.name} is still being read."))
            for feature in model.found:
                other = owners.setdefault(feature.casefold(), model)
                if other is not model:
                    words = f"{other.name} and {model.name} both find {feature}: choose one of them."
                    found.append((Choice.MODELS, words))
        depths = [model.info.depth for model in models if model.info is not None]
        if self.tta > MOST_IN_PLANE and depths and min(depths) == 1:
            words = f"A model that sees one slice at a time is averaged over {MOST_IN_PLANE} views at most."
            found.append((Choice.SETTINGS, words))
        return found

    def _folder_state(self, folder: Path) -> FolderState:
        if folder not in self._folders:
            self._folders = {folder: None}

            def show(state: FolderState) -> None:
                if folder in self._folders:
                    self._folders[folder] = state

            def look(_: Work) -> FolderState:
                return folder_state(folder)

            self.editor.background.run(look, show)
        return self._folders[folder] or FolderState()


def folder_state(folder: Path) -> FolderState:
    """Look whether files can be written to a folder, or whether it can be made; for a thread."""
    there = next((place for place in (folder, *folder.parents) if place.exists()), None)
    if there is None:
        return FolderState(f"{folder} cannot be made: choose another folder.")
    if not there.is_dir():
        return FolderState(f"{there} is a file: choose a folder.")
    if not os.access(there, os.W_OK | os.X_OK):
        return FolderState(f"{there} cannot be written to: choose another folder.")
    try:
        return FolderState(free=shutil.disk_usage(there).free)
    except OSError:
        return FolderState()


def size_text(count: float) -> str:
    """A number of bytes as people read it, such as "3.2 GB"."""
    for unit, power in (("GB", 9), ("MB", 6), ("kB", 3)):
        if count >= 10**power:
            value = count / 10**power
            return f"{value:.0f} {unit}" if value >= 10 else f"{value:.1f} {unit}"
    return f"{count:.0f} bytes"


def _same(old: tuple[object, ...], new: tuple[object, ...]) -> bool:
    """Whether nothing has changed; a snapshot is another one after each edit, so it is not compared by its contents."""
    return all(one is other or (isinstance(one, _PLAIN) and one == other) for one, other in zip(old, new, strict=True))


_PLAIN = (int, str, tuple, frozenset, Path, FolderState)
