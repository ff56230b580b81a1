"""Commands for training boxes and picks."""

from __future__ import annotations

from collections.abc import Callable

from ais.annotation import IGNORE, AutoPlaceBoxes, BackgroundBoxes, PlacedBoxes, RemoveBoxes, RemovePicks, SetPickRadius
from ais.annotation.box_operations import MAX_BOXES
from ais.annotation.pick_operations import MAX_RADIUS
from ais.gui.commands.command import Command, with_feature
from ais.gui.commands.conditions import painted
from ais.gui.editor import Editor
from ais.gui.sheet import ChoiceField, NumberField, Sheet

BOXES, PICKS = "Tools/Boxes", "Tools/Picks"
AUTOMATIC_BOXES, BACKGROUND_BOXES = 50, 50


def _boxes(editor: Editor) -> list[int]:
    return [box.id for box in editor.snapshot.boxes.get(editor.state.feature or IGNORE, ())]


def _target(editor: Editor) -> tuple[int, int]:
    assert editor.state.tomogram is not None
    assert editor.state.feature is not None
    return editor.state.tomogram, editor.state.feature


def _placed(editor: Editor, kind: str) -> Callable[[PlacedBoxes], None]:
    def tell(placed: PlacedBoxes) -> None:
        number = f"{len(placed.boxes)} {kind}{'es' if len(placed.boxes) != 1 else ''}"
        editor.notices.say(placed.message or f"Placed {number}.", "hint" if placed.message else "done")

    return tell


def _place_boxes(editor: Editor, title: str, note: str, count: int, background: bool) -> None:
    target = _target(editor)
    boxes = NumberField("Boxes", count, 1, MAX_BOXES, whole=True)
    where = ChoiceField("In", ["All annotated slices", "This slice"])
    z = editor.state.z

    def accept() -> None:
        slices = [z] if where.value else None
        seed = len(_boxes(editor))  # so that asking again does not try the same places
        operation = BackgroundBoxes if background else AutoPlaceBoxes
        kind = "background box" if background else "box"
        editor.submit(operation(*target, boxes.count, seed, slices), _placed(editor, kind), title="Placing boxes")

    editor.shell.sheets.append(Sheet(title, "Place", (boxes, where), accept, note))


def _auto_place(editor: Editor) -> None:
    note = "Spread over what is painted, away from boxes that are there already."
    _place_boxes(editor, "Auto-place boxes", note, AUTOMATIC_BOXES, background=False)


def _background(editor: Editor) -> None:
    note = "Negative boxes at random places away from what is painted, to show what the feature is not."
    _place_boxes(editor, "Place background boxes", note, BACKGROUND_BOXES, background=True)


def _can_auto_place(editor: Editor) -> bool:
    return with_feature(editor) and painted(editor)


def _remove_boxes(editor: Editor) -> None:
    editor.submit(RemoveBoxes(_boxes(editor)))


def _has_boxes(editor: Editor) -> bool:
    return with_feature(editor) and bool(_boxes(editor))


def _picks(editor: Editor) -> list[int]:
    found = editor.snapshot.picks.get(editor.state.feature or IGNORE)
    return [pick.id for pick in found.picks] if found is not None else []


def _has_picks(editor: Editor) -> bool:
    return with_feature(editor) and bool(_picks(editor))


def _remove_picks(editor: Editor) -> None:
    editor.submit(RemovePicks(*_target(editor), _picks(editor)))


def _pick_radius(editor: Editor) -> None:
    target = _target(editor)
    radius = NumberField("Radius", editor.snapshot.picks[target[1]].radius, 0.5, MAX_RADIUS, "px")
    editor.shell.sheets.append(
        Sheet("Radius of picks", "Set", (radius,), lambda: editor.submit(SetPickRadius(*target, radius.value)))
    )


MARK_COMMANDS = (
    Command("boxes.auto", "Auto-place boxes...", BOXES, _auto_place, "", "Over what is painted", _can_auto_place),
    Command(
        "boxes.background",
        "Place background boxes...",
        BOXES,
        _background,
        "",
        "Negative boxes away from what is painted",
        with_feature,
    ),
    Command("boxes.remove_all", "Remove all boxes of the feature here", BOXES, _remove_boxes, "", "", _has_boxes),
    Command("picks.radius", "Set radius of picks...", PICKS, _pick_radius, "", "", _has_picks),
    Command("picks.remove_all", "Remove all picks of the feature here", PICKS, _remove_picks, "", "", _has_picks),
)
