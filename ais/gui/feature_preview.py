"""Properties of a feature while they are dragged: seen at once, saved as one edit when the drag has ended."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

from ais.annotation import ChangeFeature, Feature

if TYPE_CHECKING:
    from ais.gui.editor import Editor


def shown_features(editor: Editor) -> tuple[Feature, ...]:
    """The features as they are to be drawn now."""
    preview = editor.state.feature_preview
    features = editor.snapshot.features
    if preview is None:
        return features
    return tuple(preview if feature.id == preview.id else feature for feature in features)


def shown_feature(editor: Editor, number: int | None) -> Feature | None:
    """A feature as it is to be drawn now."""
    preview = editor.state.feature_preview
    return preview if preview is not None and preview.id == number else editor.snapshot.feature(number)


def preview(editor: Editor, number: int, **changes: Any) -> None:
    """Show a feature with other properties, named as in `Feature`, before they are saved."""
    feature = shown_feature(editor, number)
    if feature is not None:
        editor.state.feature_preview = replace(feature, **changes)


def save_preview(editor: Editor) -> None:
    """Save what is previewed, as one edit."""
    wanted = editor.state.feature_preview
    if wanted is None:
        return
    feature = editor.snapshot.feature(wanted.id)
    changes = {
        item.name: getattr(wanted, item.name)
        for item in fields(Feature)
        if feature is not None and getattr(wanted, item.name) != getattr(feature, item.name)
    }
    if not changes or editor.read_only:
        editor.state.feature_preview = None
        return

    def forget() -> None:
        if editor.state.feature_preview is wanted:
            editor.state.feature_preview = None

    editor.submit(ChangeFeature(wanted.id, **changes), lambda _: forget(), forget)
