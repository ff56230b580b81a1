"""When a command that edits annotations can be used."""

from __future__ import annotations

from ais.gui.editor import Editor


def can_edit(editor: Editor) -> bool:
    """Whether there is a project that may be changed."""
    return editor.document is not None and not editor.read_only


def can_paint(editor: Editor) -> bool:
    """Whether a tomogram is on the screen and a feature, or ignore regions, are selected that may be changed."""
    return editor.shown is not None and editor.state.feature is not None and can_edit(editor)


def annotated(editor: Editor) -> tuple[int, ...]:
    """The slices of the tomogram on the screen in which the selected feature is painted."""
    if editor.state.feature is None or editor.shown is None:
        return ()
    return editor.snapshot.annotated.get(editor.state.feature, ())


def painted_here(editor: Editor) -> bool:
    """Whether the selected feature is painted in the slice on the screen, and may be changed."""
    return can_paint(editor) and editor.state.z in annotated(editor)


def painted(editor: Editor) -> bool:
    """Whether the selected feature is painted anywhere in the tomogram, and may be changed."""
    return can_paint(editor) and bool(annotated(editor))


def painted_twice(editor: Editor) -> bool:
    """Whether the selected feature is painted in two slices with one between them, and may be changed."""
    slices = annotated(editor)
    return can_paint(editor) and len(slices) > 1 and slices[-1] - slices[0] >= len(slices)


def slice_in_hand(editor: Editor) -> tuple[int, int, int]:
    """Tomogram, feature and slice that an edit acts on; only where `can_paint` holds."""
    assert editor.state.tomogram is not None
    assert editor.state.feature is not None
    return editor.state.tomogram, editor.state.feature, editor.state.z
