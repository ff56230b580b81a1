"""Commands that edit the selected feature in whole slices: fill, grow, copy, interpolate, clear."""

from __future__ import annotations

from bisect import bisect_left, bisect_right

from ais.annotation import (
    IGNORE,
    ClearSlice,
    CopySlice,
    FillHoles,
    GrowMask,
    InterpolateSlices,
    ShrinkMask,
)
from ais.annotation.slice_operations import MAX_GROWTH_PX
from ais.gui.commands.command import Command
from ais.gui.commands.conditions import annotated, painted, painted_here, painted_twice, slice_in_hand
from ais.gui.editor import Editor
from ais.gui.sheet import ChoiceField, NumberField, Sheet

MENU = "Feature/Slice"


def _fill_holes(editor: Editor) -> None:
    editor.submit(FillHoles(*slice_in_hand(editor)))


def _grow(editor: Editor) -> None:
    editor.submit(GrowMask(*slice_in_hand(editor), 1.0))


def _shrink(editor: Editor) -> None:
    editor.submit(ShrinkMask(*slice_in_hand(editor), 1.0))


def _resize(editor: Editor) -> None:
    where = slice_in_hand(editor)
    how = ChoiceField("Do", ["Grow", "Shrink"])
    distance = NumberField("By", 2.0, 0.1, MAX_GROWTH_PX, "px")

    def accept() -> None:
        editor.submit((ShrinkMask if how.value else GrowMask)(*where, distance.value))

    editor.shell.sheets.append(Sheet("Grow or shrink", "Apply", (distance, how), accept))


def _clear(editor: Editor) -> None:
    editor.submit(ClearSlice(*slice_in_hand(editor)))


def _copy_to(editor: Editor, step: int) -> None:
    tomogram, feature, z = slice_in_hand(editor)

    def copied(_: None) -> None:
        if editor.state.tomogram == tomogram and editor.state.z == z:
            editor.sight.go_to(z=z + step)

    editor.submit(CopySlice(tomogram, feature, z, z + step), copied)


def _copy_on(editor: Editor) -> None:
    _copy_to(editor, 1)


def _copy_back(editor: Editor) -> None:
    _copy_to(editor, -1)


def _can_copy_on(editor: Editor) -> bool:
    return painted_here(editor) and editor.shown is not None and editor.state.z + 1 < editor.shown.shape[0]


def _can_copy_back(editor: Editor) -> bool:
    return painted_here(editor) and editor.state.z > 0


def _others(editor: Editor) -> list[tuple[int, str]]:
    found = [(feature.id, feature.name) for feature in editor.snapshot.features]
    return [item for item in [*found, (IGNORE, "Ignore regions")] if item[0] != editor.state.feature]


def _copy_to_feature(editor: Editor) -> None:
    tomogram, feature, z = slice_in_hand(editor)
    others = _others(editor)
    to = ChoiceField("To", [name for _, name in others])
    which = ChoiceField("Which", ["This slice", "All annotated slices"], 0 if z in annotated(editor) else 1)
    how = ChoiceField("What is there", ["Stays", "Is replaced"])

    def accept() -> None:
        source = None if which.value else z
        copy = CopySlice(tomogram, feature, source, None, others[to.value][0], bool(how.value))
        name = others[to.value][1]
        editor.submit(copy, lambda _: editor.notices.say(f"Copied to {name}."), title=f"Copying to {name}")

    editor.shell.sheets.append(Sheet("Copy to another feature", "Copy", (to, which, how), accept))


def _can_copy_to_feature(editor: Editor) -> bool:
    return painted(editor) and bool(_others(editor))


def _interpolate_between(editor: Editor, first: int | None, last: int | None) -> None:
    tomogram, feature, _ = slice_in_hand(editor)

    def done(slices: list[int]) -> None:
        if slices:
            number = f"{len(slices)} slice{'s' if len(slices) != 1 else ''}"
            editor.notices.say(f"Painted {number} between {slices[0] - 1} and {slices[-1] + 1}.")
        else:
            editor.notices.say("The outlines lie too far apart to be blended: annotate a slice between them.", "hint")

    editor.submit(InterpolateSlices(tomogram, feature, first, last), done, title="Interpolating")


def _interpolate(editor: Editor) -> None:
    _interpolate_between(editor, None, None)


def _neighbours(editor: Editor) -> tuple[int, int] | None:
    """The annotated slices below and above the one on the screen, which is empty."""
    slices, z = annotated(editor), editor.state.z
    at = bisect_left(slices, z)
    if 0 < at < len(slices) and slices[at] != z:
        return slices[at - 1], slices[at]
    return None


def _interpolate_here(editor: Editor) -> None:
    neighbours = _neighbours(editor)
    if neighbours is not None:
        _interpolate_between(editor, *neighbours)


def _between(editor: Editor) -> bool:
    return painted_twice(editor) and _neighbours(editor) is not None


def _previous_annotated(editor: Editor) -> None:
    slices = annotated(editor)
    at = bisect_left(slices, editor.state.z)
    if at > 0:
        editor.sight.go_to(z=slices[at - 1])


def _next_annotated(editor: Editor) -> None:
    slices = annotated(editor)
    at = bisect_right(slices, editor.state.z)
    if at < len(slices):
        editor.sight.go_to(z=slices[at])


def _annotated(editor: Editor) -> bool:
    return bool(annotated(editor))


SLICE_COMMANDS = (
    Command(
        "slice.interpolate",
        "Interpolate between annotated slices",
        MENU,
        _interpolate,
        "I",
        "Paint all empty slices between annotated ones by blending their outlines",
        painted_twice,
    ),
    Command(
        "slice.interpolate_here",
        "Interpolate around this slice",
        MENU,
        _interpolate_here,
        "shift+I",
        "Only between the annotated slices before and after this one",
        _between,
    ),
    Command(
        "slice.copy_on",
        "Copy to next slice",
        MENU,
        _copy_on,
        "ctrl+D",
        "Adds this slice's annotation to the next one, and goes there",
        _can_copy_on,
        repeats=True,
        separated=True,
    ),
    Command(
        "slice.copy_back", "Copy to previous slice", MENU, _copy_back, "ctrl+shift+D", "", _can_copy_back, repeats=True
    ),
    Command(
        "slice.copy_to_feature", "Copy to another feature...", MENU, _copy_to_feature, "", "", _can_copy_to_feature
    ),
    Command("slice.fill_holes", "Fill holes", MENU, _fill_holes, "shift+H", "", painted_here, separated=True),
    Command("slice.grow", "Grow by 1 px", MENU, _grow, "ctrl+]", "", painted_here, repeats=True),
    Command("slice.shrink", "Shrink by 1 px", MENU, _shrink, "ctrl+[", "", painted_here, repeats=True),
    Command("slice.resize", "Grow or shrink by...", MENU, _resize, "", "", painted_here),
    Command("slice.clear", "Clear slice", MENU, _clear, "ctrl+delete", "", painted_here),
    Command(
        "slice.previous_annotated",
        "Previous annotated slice",
        MENU,
        _previous_annotated,
        "ctrl+left",
        "",
        _annotated,
        repeats=True,
        separated=True,
    ),
    Command(
        "slice.next_annotated",
        "Next annotated slice",
        MENU,
        _next_annotated,
        "ctrl+right",
        "",
        _annotated,
        repeats=True,
    ),
)
