"""Commands of the Feature menu: features added, chosen, shown, joined and removed."""

from __future__ import annotations

from ais.annotation import (
    IGNORE,
    AddFeature,
    ChangeFeature,
    ClearSlice,
    DeleteFeature,
    DuplicateFeature,
    Feature,
    MergeFeatures,
    ReorderFeatures,
    Together,
)
from ais.feature_library import as_operation
from ais.gui.commands.command import Command, with_project
from ais.gui.commands.conditions import annotated, can_edit, painted
from ais.gui.editor import Editor
from ais.gui.sheet import ChoiceField, Sheet, TextField


def _selected(editor: Editor) -> Feature | None:
    return editor.snapshot.feature(editor.state.feature)


def _with_selected(editor: Editor) -> bool:
    return can_edit(editor) and _selected(editor) is not None


def _several(editor: Editor) -> bool:
    return _with_selected(editor) and len(editor.snapshot.features) > 1


def _add(editor: Editor) -> None:
    present = {feature.name.casefold() for feature in editor.snapshot.features}
    known = [entry.name for entry in editor.feature_shelf.entries if entry.name.casefold() not in present]

    def check(text: str) -> str:
        return f"There is a feature {text} already." if text.casefold() in present else ""

    name = TextField("Name", hint="such as membrane", suggestions=known, check=check)

    def accept() -> None:
        entry = editor.feature_shelf.entry(name.value)
        operation = as_operation(entry) if entry is not None else AddFeature(name.value)
        editor.submit(operation, lambda feature: editor.select_feature(feature.id))

    editor.shell.sheets.append(Sheet("Add a feature", "Add", (name,), accept))


def _open_library(editor: Editor) -> None:
    editor.shell.feature_library = True


def _step(editor: Editor, step: int) -> None:
    """Select the next feature of the list; after the last come the ignore regions, if they are in hand or painted."""
    numbers = [feature.id for feature in editor.snapshot.features]
    if editor.state.feature == IGNORE or editor.snapshot.annotated.get(IGNORE):
        numbers.append(IGNORE)
    if numbers:
        at = numbers.index(editor.state.feature) if editor.state.feature in numbers else 0
        editor.select_feature(numbers[min(max(at + step, 0), len(numbers) - 1)])


def _previous(editor: Editor) -> None:
    _step(editor, -1)


def _next(editor: Editor) -> None:
    _step(editor, 1)


def _hide(editor: Editor) -> None:
    feature = _selected(editor)
    if feature is not None:
        editor.submit(ChangeFeature(feature.id, visible=not feature.visible))


def _outline(editor: Editor) -> None:
    feature = _selected(editor)
    if feature is not None:
        editor.submit(ChangeFeature(feature.id, outline=not feature.outline))


def _hidden(editor: Editor) -> bool:
    feature = _selected(editor)
    return feature is not None and not feature.visible


def _outlined(editor: Editor) -> bool:
    feature = _selected(editor)
    return feature is not None and feature.outline


def _rename(editor: Editor) -> None:
    if editor.state.feature:
        editor.shell.renaming = ("feature", editor.state.feature)


def _duplicate(editor: Editor) -> None:
    feature = _selected(editor)
    if feature is not None:
        title = f"Duplicating {feature.name}"
        editor.submit(DuplicateFeature(feature.id), lambda copy: editor.select_feature(copy.id), title=title)


def _merge(editor: Editor) -> None:
    feature = _selected(editor)
    if feature is None:
        return
    others = [other for other in editor.snapshot.features if other.id != feature.id]
    into = ChoiceField("Into", [other.name for other in others])

    def accept() -> None:
        target = others[into.value].id
        title = f"Merging {feature.name}"
        editor.submit(MergeFeatures(target, [feature.id]), lambda _: editor.select_feature(target), title=title)

    note = f"All that belongs to {feature.name}, in all tomograms, becomes part of the other feature."
    editor.shell.sheets.append(Sheet(f"Merge {feature.name}", "Merge", (into,), accept, note))


def _delete(editor: Editor) -> None:
    feature = _selected(editor)
    if feature is None:
        return
    numbers = [other.id for other in editor.snapshot.features]
    at = numbers.index(feature.id)
    rest = numbers[:at] + numbers[at + 1 :]
    editor.submit(DeleteFeature(feature.id))
    editor.select_feature(rest[min(at, len(rest) - 1)] if rest else None)
    editor.notices.say(f"{feature.name} was deleted; undo brings it back.")


def _move(editor: Editor, step: int) -> None:
    numbers = [feature.id for feature in editor.snapshot.features]
    if editor.state.feature not in numbers:
        return
    at = numbers.index(editor.state.feature)
    to = min(max(at + step, 0), len(numbers) - 1)
    if to != at:
        numbers.insert(to, numbers.pop(at))
        editor.submit(ReorderFeatures(numbers))


def _move_up(editor: Editor) -> None:
    _move(editor, -1)


def _move_down(editor: Editor) -> None:
    _move(editor, 1)


def _clear(editor: Editor) -> None:
    tomogram = editor.snapshot.tomogram(editor.state.tomogram)
    if tomogram is None or editor.state.feature is None:
        return
    feature = _selected(editor)
    name = feature.name if feature is not None else "ignore regions"
    clears = [ClearSlice(tomogram.id, editor.state.feature, z) for z in annotated(editor)]
    editor.submit(Together(f"Clear {name} in {tomogram.name}", clears))


def _ignore(editor: Editor) -> None:
    if editor.state.feature != IGNORE:
        editor.select_feature(IGNORE)
        editor.notices.say("What is painted now neither trains nor counts.", "hint")
    else:
        editor.select_feature(editor.snapshot.features[0].id if editor.snapshot.features else None)


FEATURE_COMMANDS = (
    Command(
        "feature.add", "Add feature...", "Feature", _add, "ctrl+shift+N", "A kind of structure to annotate", can_edit
    ),
    Command(
        "feature.library",
        "Feature library...",
        "Feature",
        _open_library,
        tooltip="Features of your other projects, with their colour, brush and boxes",
    ),
    Command("feature.previous", "Previous feature", "Feature", _previous, "W", "", with_project, repeats=True),
    Command("feature.next", "Next feature", "Feature", _next, "S", "", with_project, repeats=True),
    Command(
        "feature.ignore",
        "Paint ignore regions",
        "Feature",
        _ignore,
        tooltip="Regions that neither train nor count",
        enabled=can_edit,
        checked=lambda editor: editor.state.feature == IGNORE,
    ),
    Command("feature.hide", "Hide active feature", "Feature", _hide, "X", "", _with_selected, _hidden, separated=True),
    Command("feature.outline", "Show as outline", "Feature", _outline, "shift+F", "", _with_selected, _outlined),
    Command("feature.rename", "Rename", "Feature", _rename, "F2", "", _with_selected, separated=True),
    Command("feature.move_up", "Move up in the list", "Feature", _move_up, "alt+up", "", _several),
    Command("feature.move_down", "Move down in the list", "Feature", _move_down, "alt+down", "", _several),
    Command(
        "feature.duplicate",
        "Duplicate feature",
        "Feature",
        _duplicate,
        tooltip="A copy with all annotations, boxes and picks",
        enabled=_with_selected,
    ),
    Command("feature.merge", "Merge into another feature...", "Feature", _merge, "", "", _several),
    Command(
        "feature.clear",
        "Clear feature in this tomogram",
        "Feature",
        _clear,
        tooltip="Erases all its slices; boxes and picks stay",
        enabled=painted,
        separated=True,
    ),
    Command(
        "feature.delete",
        "Delete feature",
        "Feature",
        _delete,
        tooltip="With its annotations, boxes and picks in all tomograms",
        enabled=_with_selected,
    ),
)
