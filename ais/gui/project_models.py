"""The models of the project: how each is used, what its file says, and the rules between them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ais.annotation import Operation
from ais.annotation.entries import Colour, ModelEntry
from ais.annotation.feature_operations import PALETTE
from ais.annotation.operation import Together
from ais.annotation.record_operations import AddModel, ChangeModel, RemoveModel, SetRules
from ais.errors import AisError
from ais.gui.model_files import ModelFile, read_model_file
from ais.gui.model_use import ModelUse, settings_of
from ais.interactions import Rules
from ais.project.reading import file_state

if TYPE_CHECKING:
    from ais.gui.background import Background, Work
    from ais.gui.document import Snapshot
    from ais.models import ModelInfo

DRAFT = -1
"""Number of a model that is being made and not in the project yet."""


@dataclass(frozen=True)
class ProjectModel:
    """A model of the project.

    Attributes
    ----------
    entry
        What the project says of it.
    use
        How it is used.
    file
        What its file says; None while it is being read.
    own_colours
        One for each feature that it finds, where the project chooses none: those of the project's features of these
        names, else the file's, or others where models before it have these.
    """

    entry: ModelEntry
    use: ModelUse
    file: ModelFile | None
    own_colours: tuple[Colour, ...] = ()

    @property
    def id(self) -> int:
        """Its number in the project."""
        return self.entry.id

    @property
    def name(self) -> str:
        """Shown in lists."""
        return self.entry.name

    @property
    def info(self) -> ModelInfo | None:
        """What the file says; None if it is not known."""
        return None if self.file is None else self.file.info

    @property
    def problem(self) -> str:
        """Why it cannot be used, in one sentence; else empty."""
        return "" if self.file is None else self.file.problem

    @property
    def found(self) -> tuple[str, ...]:
        """The features that it finds; empty while that is not known."""
        return () if self.info is None else self.info.found

    @property
    def threshold(self) -> float:
        """Probability from which its feature is shown as present, 0 to 1."""
        if self.use.threshold is not None:
            return self.use.threshold
        return 0.5 if self.info is None else self.info.threshold

    @property
    def colours(self) -> tuple[Colour, ...]:
        """One for each feature that it finds."""
        if self.info is None or self.use.colour is None:
            return self.own_colours
        from ais.models.colours import feature_colours

        return tuple(feature_colours(self.use.colour, len(self.found)))


class ProjectModels:
    """The models of the open project, kept true to it.

    Call `follow` in every frame; it costs next to nothing while nothing has changed.

    Parameters
    ----------
    background
        Threads in which files are read.
    submit
        Makes an edit of the project, and gives its result to a second argument; such as `Editor.submit`.

    Attributes
    ----------
    models
        In the project's order.
    rules
        Between them.
    rules_problem
        Why the project's rules cannot be used, in one sentence; else empty.
    revision
        Grows whenever something here has changed.
    """

    def __init__(self, background: Background, submit: Callable[..., None]) -> None:
        self._background = background
        self._submit = submit
        self._entries: tuple[ModelEntry, ...] = ()
        self._feature_colours: dict[str, Colour] = {}
        self._raw_rules: tuple[Mapping[str, Any], ...] = ()
        self._files: dict[Path, tuple[object, ModelFile]] = {}
        self._reading: dict[Path, Work] = {}
        self._looking: Work | None = None
        self._draft: tuple[int, ModelFile, str, ModelUse] | None = None
        self._drafted: tuple[ProjectModel, ...] = ()
        self.models: tuple[ProjectModel, ...] = ()
        self.rules = Rules()
        self.rules_problem = ""
        self.revision = 0

    def follow(self, snapshot: Snapshot) -> None:
        """Take in what the project holds now; for every frame."""
        colours = {feature.name.casefold(): feature.colour for feature in snapshot.features}
        if snapshot.models != self._entries or colours != self._feature_colours:
            self._entries, self._feature_colours = snapshot.models, colours
            self._read_new()
            self._renew()
        if snapshot.rules != self._raw_rules:
            self._raw_rules = snapshot.rules
            try:
                self.rules, self.rules_problem = Rules.parse(list(snapshot.rules), "the project"), ""
            except AisError as error:
                self.rules, self.rules_problem = Rules(), str(error)
            self.revision += 1

    def refresh(self) -> None:
        """Read files again that have changed on disk, such as after the window got the focus."""
        self._read_new()

    @property
    def reading(self) -> bool:
        """Whether files are being read, or looked at whether they have changed."""
        return bool(self._reading) or self._looking is not None

    def model(self, number: int) -> ProjectModel | None:
        """The model of a number, or None; of `DRAFT` the one that is being made."""
        return next((model for model in (*self.models, *self._drafted) if model.id == number), None)

    @property
    def active(self) -> tuple[ProjectModel, ...]:
        """Those that segment the slice on the screen and can be used."""
        return tuple(model for model in self.models if model.use.active and model.info is not None)

    @property
    def segmenting(self) -> tuple[ProjectModel, ...]:
        """Those whose results are shown: the active ones, and the one that is being made or changed."""
        changed = None if self._draft is None else self._draft[0]
        here = (model for model in self.models if model.use.active or model.id == changed)
        return tuple(model for model in (*here, *self._drafted) if model.info is not None)

    def show_draft(
        self, number: int | None, file: ModelFile | None = None, name: str = "", use: ModelUse | None = None
    ) -> None:
        """Show a model as if its file were another, or one that the project does not have; nothing is saved.

        Parameters
        ----------
        number
            Of the model, `DRAFT` for a new one, None to show the models as they are again.
        file
            What its file would say.
        name, use
            Of a new one.
        """
        self._draft = None if number is None or file is None else (number, file, name, use or ModelUse())
        self._renew()

    def is_read(self, path: Path) -> bool:
        """Whether the file of a model has been read."""
        return path in self._files

    # Edits

    def add(
        self,
        paths: Sequence[Path],
        use: ModelUse | None = None,
        then: Callable[[ModelEntry], None] = lambda _: None,
    ) -> None:
        """Add model files, and the contents of groups beside these, to the project; `then` gets a single new one.

        A model that is there already is not added again, nor is one of a group that computes the same as one that is
        there. A group's models are unpacked into a folder of its name beside it, and its rules are added to those of
        the project.
        """
        groups = [path for path in paths if path.suffix.lower() in (".aisgroup", ".scnmgroup")]
        new = self._new([path for path in paths if path not in groups])
        self._add(new, [], use, then)
        known = {*(entry.path for entry in self._entries), *new}
        for group in groups:
            self._background.run(
                lambda _, group=group: _unpacked(group, known),  # type: ignore[misc]
                lambda found: self._add(self._new(found[0]), found[1], use, then),
                title=f"Unpacking {group.name}",
            )

    def change(self, number: int, **properties: Any) -> None:
        """Change how a model is used: properties of `ModelUse` by name, as one step of undo."""
        model = self.model(number)
        operation = None if model is None else self.use_operation(number, replace(model.use, **properties))
        if operation is not None:
            self._submit(operation)

    def use_operation(self, number: int, use: ModelUse) -> ChangeModel | None:
        """The edit after which a model is used so; None if it is already, or there is no such model."""
        model = self.model(number)
        if model is None or use == model.use:
            return None
        return ChangeModel(number, settings={**model.entry.settings, **settings_of(use)})

    def rename(self, number: int, name: str) -> None:
        """Give a model another name in the list."""
        self._submit(ChangeModel(number, name=name))

    def relink(self, number: int, path: Path) -> None:
        """Use another file for a model, such as where it was moved to."""
        self._submit(ChangeModel(number, path=path.absolute()))

    def remove(self, number: int) -> None:
        """Take a model out of the project; its file stays."""
        self._submit(RemoveModel(number))

    def set_rules(self, rules: Rules) -> None:
        """Replace the rules, as one step of undo."""
        self._submit(SetRules(rules.content()))

    def save_group(self, path: Path, numbers: Sequence[int], then: Callable[[Path], None] = lambda _: None) -> None:
        """Write models, and the rules that name nothing but their features, as one file in the background."""
        chosen = [model for model in self.models if model.id in numbers]
        features = {feature for model in chosen for feature in model.found}
        files, rules = [model.entry.path for model in chosen], rules_among(self.rules, features).content()

        def write(_: Work) -> Path:
            from ais.models import write_group

            write_group(path, files, rules)
            return path

        self._background.run(write, then, title=f"Saving {path.name}")

    # Within

    def _new(self, paths: Sequence[Path]) -> list[Path]:
        known = {entry.path for entry in self._entries}
        return [path.absolute() for path in paths if path.absolute() not in known]

    def _add(
        self,
        paths: Sequence[Path],
        rules: Sequence[Mapping[str, Any]],
        use: ModelUse | None,
        then: Callable[[ModelEntry], None],
    ) -> None:
        settings = (use or ModelUse()).as_settings()
        edits: list[Operation[Any]] = [AddModel(path, settings=settings) for path in paths]
        if rules:
            edits.append(SetRules(self.rules.joined(Rules.parse(list(rules))).content()))
        if len(edits) == 1 and paths:
            self._submit(edits[0], then)
        elif len(edits) == 1:
            self._submit(edits[0])
        elif edits:
            self._submit(Together(f"Add {len(paths)} model{'s' if len(paths) != 1 else ''}", edits))

    def _read_new(self) -> None:
        """Read files that are new here, and, once a thread has looked, those that have changed."""
        wanted = {entry.path for entry in self._entries}
        self._files = {path: known for path, known in self._files.items() if path in wanted}
        for path in wanted - self._files.keys():
            self._read(path)
        known = {path: state for path, (state, _) in self._files.items()}
        if self._looking is not None or not known:
            return

        def show(found: Mapping[Path, object]) -> None:
            self._looking = None
            for path, state in found.items():
                if path in self._files and self._files[path][0] != state:
                    self._read(path)

        self._looking = self._background.run(lambda _: {path: file_state(path) for path in known}, show)

    def _read(self, path: Path) -> None:
        if path in self._reading:
            return

        def show(read: tuple[object, ModelFile]) -> None:
            self._reading.pop(path, None)
            self._files[path] = read
            self._renew()

        self._reading[path] = self._background.run(lambda _: (file_state(path), read_model_file(path)), show)

    def _renew(self) -> None:
        models: list[ProjectModel] = []
        for entry in self._entries:
            use, (_, file) = ModelUse.from_settings(entry.settings), self._files.get(entry.path, (None, None))
            if self._draft is not None and self._draft[0] == entry.id:
                file = self._draft[1]
            models.append(ProjectModel(entry, use, file, self._colours_of(file, models)))
        self.models = tuple(models)
        self._drafted = ()
        if self._draft is not None and self._draft[0] == DRAFT:
            number, file, name, use = self._draft
            entry = ModelEntry(number, name, Path(), {}, missing=False)
            self._drafted = (ProjectModel(entry, use, file, self._colours_of(file, models)),)
        self.revision += 1

    def _colours_of(self, file: ModelFile | None, before: Sequence[ProjectModel]) -> tuple[Colour, ...]:
        if file is None or file.info is None:
            return ()
        return _own_colours(file.info, self._feature_colours, {one for model in before for one in model.colours})


def _own_colours(info: ModelInfo, features: Mapping[str, Colour], taken: set[Colour]) -> tuple[Colour, ...]:
    from ais.models.colours import feature_colours

    first = info.colour
    if first in taken:
        first = next((colour for colour in PALETTE if colour not in taken.union(features.values())), first)
    colours = feature_colours(first, len(info.found))
    return tuple(features.get(name.casefold(), colour) for name, colour in zip(info.found, colours, strict=True))


def _unpacked(group: Path, known: Iterable[Path]) -> tuple[list[Path], list[dict[str, Any]]]:
    from ais.models import new_among, unpack_group

    paths, rules = unpack_group(group, group.with_suffix(""))
    Rules.parse(rules, group.name)
    return new_among(paths, known), rules


def rules_among(rules: Rules, features: set[str]) -> Rules:
    """The part of rules that names nothing but these features."""
    competition = replace(
        rules.competition,
        emit=tuple(name for name in rules.competition.emit if name in features),
        absorb=tuple(name for name in rules.competition.absorb if name in features),
    )
    return Rules(competition, tuple(r for r in rules.interactions if {r.child, r.parent} <= features))
