"""What a gesture acts on: which feature in which tomogram; or what the user is told when there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ais.annotation import IGNORE

if TYPE_CHECKING:
    from ais.gui.editor import Editor

ADD_A_FEATURE = "There is no feature yet: add one first (ctrl+shift+N), then paint."
CHOOSE_A_FEATURE = "Choose a feature in the list first: ignore regions have neither boxes nor picks."


class Target(NamedTuple):
    """What is painted on.

    Attributes
    ----------
    tomogram, feature
        Their numbers; the feature may be IGNORE.
    """

    tomogram: int
    feature: int


def paint_target(editor: Editor) -> Target | None:
    """What painting acts on; None, and the user is told why, when nothing can be painted."""
    document, state = editor.document, editor.state
    if document is None or editor.shown is None or state.tomogram is None:
        return None
    if editor.read_only:
        editor.notices.problem(document.project.notice or "This project can only be read.")
        return None
    if state.feature is None:
        editor.notices.say(ADD_A_FEATURE, "hint")
        return None
    feature = editor.snapshot.feature(state.feature)
    if feature is not None and not feature.visible:
        editor.notices.say(f"{feature.name} is hidden: show it first (X), to see what you paint.", "hint")
        return None
    return Target(state.tomogram, state.feature)


def feature_target(editor: Editor) -> Target | None:
    """What boxes and picks belong to: as `paint_target`, but ignore regions have none."""
    target = paint_target(editor)
    if target is not None and target.feature == IGNORE:
        editor.notices.say(CHOOSE_A_FEATURE, "hint")
        return None
    return target
