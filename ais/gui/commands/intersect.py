"""Commands that keep the selected feature's annotation only inside or outside a mask."""

from __future__ import annotations

from pathlib import Path

from ais.annotation import IGNORE, FeatureMask, Intersect, Intersection, VolumeMask
from ais.annotation.intersection_operations import CuttingMask
from ais.gui.commands.command import Command
from ais.gui.commands.conditions import annotated, painted, slice_in_hand
from ais.gui.commands.file import tomogram_kinds
from ais.gui.editor import Editor
from ais.gui.sheet import ChoiceField, NumberField, Sheet
from ais.tomogram import Tomogram

MENU = "Feature/Slice"
INSIDE_IS = ("Above 0", "At least the value", "Equal to the value")


def _which(editor: Editor) -> ChoiceField:
    return ChoiceField("Which", ["This slice", "All annotated slices"], 0 if editor.state.z in annotated(editor) else 1)


def _kept() -> ChoiceField:
    return ChoiceField("Keep", ["What is inside", "What is outside"])


def _masks(editor: Editor) -> list[tuple[int, str]]:
    """Other features that are annotated in the tomogram on the screen."""
    found = [(feature.id, feature.name) for feature in editor.snapshot.features]
    return [
        (number, name)
        for number, name in [*found, (IGNORE, "Ignore regions")]
        if number != editor.state.feature and editor.snapshot.annotated.get(number)
    ]


def _with_feature(editor: Editor) -> None:
    tomogram, feature, z = slice_in_hand(editor)
    masks = _masks(editor)
    by, kept, which = ChoiceField("Cut by", [name for _, name in masks]), _kept(), _which(editor)

    def accept() -> None:
        number, name = masks[by.value]
        _submit(editor, (tomogram, feature, z), FeatureMask(number), name, kept, which)

    note = "What is erased comes back with undo. Slices in which the other feature is not annotated stay as they are."
    editor.shell.sheets.append(Sheet("Cut by another feature", "Apply", (by, kept, which), accept, note))


def _with_file(editor: Editor) -> None:
    where = slice_in_hand(editor)

    def chosen(paths: list[Path]) -> None:
        path = paths[0]
        rule = ChoiceField("Inside is", INSIDE_IS)
        value = NumberField("Value", 1.0, -1e30, 1e30, asked=lambda: rule.value > 0)
        kept, which = _kept(), _which(editor)

        def accept() -> None:
            threshold = value.value if rule.value == 1 else None
            label = value.value if rule.value == 2 else None

            def cut(volume: Tomogram) -> None:
                mask = VolumeMask(volume, path.name, label, threshold)
                _submit(editor, where, mask, path.name, kept, which)

            editor.background.run(lambda _: Tomogram.open(path), cut)

        fields = (rule, value, kept, which)
        editor.shell.sheets.append(Sheet("Cut by a mask", "Apply", fields, accept, path.name))

    editor.dialogs.open_files("Choose a mask", tomogram_kinds("Masks"), chosen, many=False)


def _submit(
    editor: Editor,
    where: tuple[int, int, int],
    mask: CuttingMask,
    name: str,
    kept: ChoiceField,
    which: ChoiceField,
) -> None:
    tomogram, feature, z = where
    work = editor.watch(f"Cutting by {name}")

    def end() -> None:
        work.finished = True
        if isinstance(mask, VolumeMask) and isinstance(mask.volume, Tomogram):
            mask.volume.close()

    def done(found: Intersection) -> None:
        end()
        editor.notices.say(_sentence(found, name))

    only = z if which.value == 0 else None
    editor.submit(Intersect(tomogram, feature, mask, only, kept.value == 1, work), done, end)


def _sentence(found: Intersection, name: str) -> str:
    erased = f"Erased {found.erased:,} px in {_slices(len(found.changed))}." if found.erased else "Nothing was erased."
    if not found.left:
        return erased
    stay = "stays as it is" if len(found.left) == 1 else "stay as they are"
    return f"{erased} {_slices(len(found.left))} without {name} {stay}."


def _slices(count: int) -> str:
    return f"{count} slice{'s' if count != 1 else ''}"


def _can_cut_by_feature(editor: Editor) -> bool:
    return painted(editor) and bool(_masks(editor))


INTERSECT_COMMANDS = (
    Command(
        "slice.cut_by_feature",
        "Cut by another feature...",
        MENU,
        _with_feature,
        "",
        "Keep only what lies inside or outside the annotation of another feature",
        _can_cut_by_feature,
        separated=True,
    ),
    Command(
        "slice.cut_by_mask",
        "Cut by a mask file...",
        MENU,
        _with_file,
        "",
        "Keep only what lies inside or outside a mask volume",
        painted,
    ),
)
