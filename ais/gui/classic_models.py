"""The classic model that is being made or changed: seen on the slice as its options move, and saved at the end."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ais.annotation.record_operations import AddModel, ChangeModel
from ais.errors import AisError
from ais.gui.model_files import ModelFile
from ais.gui.model_use import ModelUse
from ais.gui.project_models import DRAFT, ProjectModel
from ais.gui.state import Tab
from ais.gui.training_queue import FOLDER

if TYPE_CHECKING:
    from ais.annotation.entries import Colour
    from ais.gui.document import Document
    from ais.gui.editor import Editor
    from ais.gui.project_models import ProjectModels
    from ais.models.classic import ClassicValue
    from ais.models.info import ModelInfo

FIRST_METHOD = "classic-sheet"
UNNAMED = "New classic model"


@dataclass
class ClassicDraft:
    """What the user wishes; changed by the page.

    Attributes
    ----------
    number
        Of the project's model that is changed; `DRAFT` for a new one.
    base
        What the file of that model says; None for a new one.
    name, feature
        Of the model, and what it finds; a model without a name gets that of its feature.
    colour
        Red, green, blue, each 0 to 1; None for that of the feature, or the next of the palette.
    method
        As in `ais.models.classic`.
    options
        What was chosen for each method that has been looked at, by their names.
    """

    number: int = DRAFT
    base: ModelInfo | None = None
    name: str = ""
    feature: str = ""
    colour: Colour | None = None
    method: str = FIRST_METHOD
    options: dict[str, dict[str, ClassicValue]] = field(default_factory=dict)

    @property
    def chosen(self) -> dict[str, ClassicValue]:
        """All options of the method with their values."""
        from ais.models.classic import classic_method

        defaults = {option.name: option.default for option in classic_method(self.method).options}
        return {**defaults, **self.options.get(self.method, {})}

    def choose(self, option: str, value: ClassicValue) -> None:
        """Set an option of the method."""
        self.options.setdefault(self.method, {})[option] = value

    def info(self) -> ModelInfo:
        """What the model's file will say.

        Raises
        ------
        AisError
            If the options contradict each other.
        """
        from ais.classic import classic_info

        made = classic_info(self.method, self.feature.strip() or UNNAMED, self.chosen, colour=self.colour)
        if self.base is None:
            return made
        return replace(self.base, architecture=made.architecture, arguments=made.arguments, feature=made.feature)

    def problem(self) -> str:
        """Why it cannot be saved, in one sentence; empty if it can."""
        if not self.feature.strip():
            return "Type what it finds."
        try:
            self.info()
        except AisError as error:
            return str(error)
        return ""


class ClassicModels:
    """Makes and changes classic models; while it does, the compute process segments the slice as is wished now.

    Parameters
    ----------
    editor
        Whose project it is.
    models
        Of the project; they show what is wished.

    Attributes
    ----------
    draft
        What the page is about; None while it is closed.
    saving
        Whether a file is being written.
    """

    def __init__(self, editor: Editor, models: ProjectModels) -> None:
        self._editor = editor
        self._models = models
        self._document: Document | None = None
        self._shown: tuple[ModelInfo, Colour | None] | None = None
        self._awaited: Path | None = None
        self.draft: ClassicDraft | None = None
        self.saving = False

    def begin(self) -> None:
        """Open the page for a new model; for the feature that is selected, if no model finds it yet."""
        editor = self._editor
        feature = editor.snapshot.feature(editor.state.feature)
        known = {name.casefold() for model in self._models.models for name in model.found}
        name = feature.name if feature is not None and feature.name.casefold() not in known else ""
        self.close()
        self.draft = ClassicDraft(feature=name)

    def change(self, model: ProjectModel) -> None:
        """Open the page for the options of a classic model."""
        if model.info is None or not model.info.is_classic:
            return
        info = model.info
        self.close()
        self.draft = ClassicDraft(
            *(model.id, info, model.name, info.feature, None, info.architecture),
            {info.architecture: dict(info.arguments)},
        )

    def close(self) -> None:
        """Close the page; nothing is saved."""
        self.draft, self._awaited = None, None
        self._show(None)

    def save(self) -> None:
        """Write the model's file and add it to the project, or have the project use it, as one step of undo."""
        draft, document = self.draft, self._document
        if draft is None or document is None or self._editor.read_only or draft.problem():
            return
        info, folder = draft.info(), document.project.path.parent / FOLDER
        if info == draft.base:
            self.close()
            return
        name = draft.name.strip() or info.feature
        self.draft, self.saving = None, True  # the slice still shows it until the file has been read

        def write(_: object) -> Path:
            from ais.models import save_classic_model

            path = _free(folder, name)
            save_classic_model(path, info)
            return path

        def failed(sentence: str) -> None:
            self.saving = False
            self.close()
            self._editor.notices.problem(sentence)

        self._editor.background.run(
            write, lambda path: self._use(path, draft, name), failed=failed, title=f"Saving {name}"
        )

    def follow(self) -> None:
        """Show what is wished now; once a frame."""
        editor = self._editor
        if editor.document is not self._document:
            self._document = editor.document
            self.close()
        awaited = self._awaited
        if awaited is not None and any(
            model.entry.path == awaited and self._models.is_read(awaited) for model in self._models.models
        ):
            self.close()
        if self.draft is None:
            return
        if self.draft.number != DRAFT and self._models.model(self.draft.number) is None:
            self.close()  # it has been removed
            return
        try:
            info = self.draft.info()
        except AisError:
            return  # the page says it; the slice shows what was wished before
        if (info, self.draft.colour) != self._shown:
            self._show(info)

    # Within

    def _show(self, info: ModelInfo | None) -> None:
        draft = self.draft
        if info is None or draft is None:
            if self._shown is not None:
                self._shown = None
                self._models.show_draft(None)
            return
        from ais.models.file import classic_hash

        self._shown = info, draft.colour
        file = ModelFile(info, classic_hash(info), record=info.as_json())
        self._models.show_draft(draft.number, file, draft.name.strip() or info.feature, ModelUse(colour=draft.colour))

    def _use(self, path: Path, draft: ClassicDraft, name: str) -> None:
        editor = self._editor
        self.saving = False
        self._awaited = path

        def added(number: int) -> None:
            if editor.document is self._document:
                editor.modelling.selected = number
                editor.shell.tab = Tab.MODELS

        if draft.number == DRAFT:
            use = ModelUse(colour=draft.colour)
            operation = AddModel(path, name=name, settings=use.as_settings())
            editor.submit(operation, lambda entry: added(entry.id), self.close)
        else:
            editor.submit(ChangeModel(draft.number, path=path), lambda entry: added(entry.id), self.close)


def _free(folder: Path, name: str) -> Path:
    """A path for a model of that name where there is no file yet."""
    from ais.models.group import UNSAFE

    safe = "".join("-" if letter in UNSAFE or ord(letter) < 32 else letter for letter in name).strip(" .") or "model"
    number, path = 1, folder / f"{safe}.aism"
    while path.exists():
        number += 1
        path = folder / f"{safe} {number}.aism"
    return path
