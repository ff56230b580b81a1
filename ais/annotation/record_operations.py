"""Edits of what a project keeps beside annotations: models, rules between them, picks, settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ais.annotation.entries import ModelEntry, PickSet
from ais.annotation.operation import Operation
from ais.errors import AisError

if TYPE_CHECKING:
    from ais.project.edit import Edit


@dataclass(frozen=True, eq=False)
class AddModel(Operation[ModelEntry]):
    """Add a model file to a project; the file stays where it is.

    Attributes
    ----------
    path
        The model file.
    name
        Shown in lists; by default the file's.
    settings
        How the project uses it, as a JSON object.
    """

    path: Path | str
    name: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)

    def text(self, edit: Edit) -> str:
        """Names the model."""
        del edit
        return f"Add model {self.name or Path(self.path).stem}"

    def apply(self, edit: Edit) -> ModelEntry:
        """Add it."""
        name = edit.check_text(self.name or Path(self.path).stem)
        settings = edit.write_json(dict(self.settings))
        number = edit.insert("models", name=name, **edit.stored_paths(Path(self.path)), settings=settings)
        return _model(edit, number)


@dataclass(frozen=True, eq=False)
class ChangeModel(Operation[ModelEntry]):
    """Rename or relink a model, or change how the project uses it; None leaves a property as it is.

    Attributes
    ----------
    model
        Its number.
    name, path
        The new ones.
    settings
        Replaces all settings.
    """

    model: int
    name: str | None = None
    path: Path | str | None = None
    settings: Mapping[str, Any] | None = None

    def text(self, edit: Edit) -> str:
        """Names the model."""
        return f"Change model {_model(edit, self.model).name}"

    def apply(self, edit: Edit) -> ModelEntry:
        """Change it."""
        _model(edit, self.model)
        columns: dict[str, Any] = {}
        if self.name is not None:
            columns["name"] = edit.check_text(self.name)
        if self.path is not None:
            columns |= edit.stored_paths(Path(self.path))
        if self.settings is not None:
            columns["settings"] = edit.write_json(dict(self.settings))
        if columns:
            edit.update("models", (self.model,), **columns)
        return _model(edit, self.model)


@dataclass(frozen=True)
class RemoveModel(Operation[None]):
    """Remove a model from the project; its file stays."""

    model: int

    def text(self, edit: Edit) -> str:
        """Names the model."""
        return f"Remove model {_model(edit, self.model).name}"

    def apply(self, edit: Edit) -> None:
        """Remove it."""
        _model(edit, self.model)
        edit.delete("models", (self.model,))


@dataclass(frozen=True, eq=False)
class SetRules(Operation[None]):
    """Replace the rules between models.

    Attributes
    ----------
    rules
        JSON objects in the order in which they act, as in ``RULES.json``.
    """

    rules: Sequence[Mapping[str, Any]]

    def text(self, edit: Edit) -> str:
        """Says how many."""
        del edit
        return f"Set {len(self.rules)} rule{'s' if len(self.rules) != 1 else ''} between models"

    def apply(self, edit: Edit) -> None:
        """Replace those that differ."""
        before = {key[0] for key in edit.keys_where("rules")}
        for position, rule in enumerate(self.rules):
            text = edit.write_json(dict(rule))
            if position in before:
                edit.update("rules", (position,), rule=text)
            else:
                edit.insert("rules", position=position, rule=text)
        for position in sorted(before - set(range(len(self.rules)))):
            edit.delete("rules", (position,))


@dataclass(frozen=True, eq=False)
class AddPickSet(Operation[PickSet]):
    """Add picked particles to a tomogram.

    Attributes
    ----------
    tomogram
        Its number.
    name
        Shown in lists.
    data
        Positions and columns, as a JSON object.
    """

    tomogram: int
    name: str
    data: Mapping[str, Any]

    def text(self, edit: Edit) -> str:
        """Names the picks and the tomogram."""
        return f"Add picks {self.name} to {edit.project.tomogram_by_id(self.tomogram).name}"

    def apply(self, edit: Edit) -> PickSet:
        """Add them."""
        edit.project.tomogram_by_id(self.tomogram)
        edit.acted_on(self.tomogram)
        name, data = _checked_name(edit, self.name), edit.write_json(dict(self.data))
        return _pick_set(edit, edit.insert("pick_sets", tomogram=self.tomogram, name=name, data=data))


@dataclass(frozen=True, eq=False)
class ChangePickSet(Operation[PickSet]):
    """Rename picks or replace them; None leaves a property as it is.

    Attributes
    ----------
    pick_set
        Its number.
    name, data
        The new ones.
    """

    pick_set: int
    name: str | None = None
    data: Mapping[str, Any] | None = None

    def text(self, edit: Edit) -> str:
        """Names the picks."""
        return f"Change picks {_pick_set(edit, self.pick_set).name}"

    def apply(self, edit: Edit) -> PickSet:
        """Change them."""
        edit.acted_on(_pick_set(edit, self.pick_set).tomogram)
        columns = {}
        if self.name is not None:
            columns["name"] = _checked_name(edit, self.name)
        if self.data is not None:
            columns["data"] = edit.write_json(dict(self.data))
        if columns:
            edit.update("pick_sets", (self.pick_set,), **columns)
        return _pick_set(edit, self.pick_set)


@dataclass(frozen=True)
class RemovePickSet(Operation[None]):
    """Remove picks from the project."""

    pick_set: int

    def text(self, edit: Edit) -> str:
        """Names the picks."""
        return f"Remove picks {_pick_set(edit, self.pick_set).name}"

    def apply(self, edit: Edit) -> None:
        """Remove them."""
        edit.acted_on(_pick_set(edit, self.pick_set).tomogram)
        edit.delete("pick_sets", (self.pick_set,))


@dataclass(frozen=True, eq=False)
class ChangeSetting(Operation[None]):
    """Change a setting that belongs to the work, such as a region of interest or an overlay's place.

    Attributes
    ----------
    key
        Its name.
    value
        A JSON value; None removes it.
    label
        What it is called in the history panel.
    """

    key: str
    value: Any
    label: str = ""

    def text(self, edit: Edit) -> str:
        """Names the setting."""
        del edit
        return f"Change {self.label or self.key}"

    def apply(self, edit: Edit) -> None:
        """Change it."""
        key = edit.check_text(self.key)
        if self.value is None:
            edit.delete("settings", (key,))
        elif edit.keys_where("settings", key=key):
            edit.update("settings", (key,), value=edit.write_json(self.value))
        else:
            edit.insert("settings", key=key, value=edit.write_json(self.value))


def _model(edit: Edit, number: int) -> ModelEntry:
    for model in edit.project.models():
        if model.id == number:
            return model
    raise AisError(f"The project has no model number {number}.")


def _checked_name(edit: Edit, name: str) -> str:
    if not name:
        raise AisError("Picks need a name.")
    return edit.check_text(name)


def _pick_set(edit: Edit, number: int) -> PickSet:
    found = edit.rows("SELECT tomogram FROM pick_sets WHERE id = ?", number)
    for pick_set in edit.project.pick_sets(found[0][0]) if found else []:
        if pick_set.id == number:
            return pick_set
    raise AisError(f"The project has no picks number {number}.")
