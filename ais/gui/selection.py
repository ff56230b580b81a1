"""What is selected stays true to the project: after undo a tomogram or a feature may have gone, or be elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ais.annotation import IGNORE
from ais.gui.document import Edited

if TYPE_CHECKING:
    from ais.gui.editor import Editor


class Selection:
    """Follows the project that is open, and goes to where undo and redo have acted.

    Parameters
    ----------
    editor
        Whose selection.
    """

    def __init__(self, editor: Editor) -> None:
        self._editor = editor
        self._first: dict[str, Any] | None = None

    def begin(self) -> None:
        """Select what was selected when the project that is shown from now on was open last, once it is known."""
        self._editor.state.feature = None
        self._first = None
        if self._editor.document is not None:
            self._editor.document.ask(lambda opened: opened.view_state("selected", {}), self._select_at_first)

    def follow(self) -> None:
        """Leave what is no longer there; once a frame."""
        editor, snapshot, state = self._editor, self._editor.snapshot, self._editor.state
        if not snapshot.revision:
            return
        if state.tomogram is not None and snapshot.tomogram(state.tomogram) is None:
            editor.tomograms.close()
            state.tomogram = None
        if state.tomogram is None and snapshot.tomograms and self._first is not None:
            wanted = self._first.get("tomogram")
            first = snapshot.tomogram(wanted) or snapshot.tomograms[0]
            state.feature = self._first.get("feature")
            self._first = {}
            editor.select_tomogram(first.id)
        if state.feature != IGNORE and snapshot.feature(state.feature) is None:
            state.feature = snapshot.features[0].id if snapshot.features else None

    def after_edit(self, edited: Edited) -> None:
        """Go to where an edit was undone or made again; one that is made leaves the user where they are."""
        editor, state, region = self._editor, self._editor.state, edited.region
        if not edited.travelled or region is None:
            return
        if region.feature is not None and editor.snapshot.feature(region.feature) is not None:
            state.feature = region.feature
        if region.tomogram is not None and region.tomogram != state.tomogram:
            if region.z is not None:
                editor.tomograms.go_there(region.tomogram, (region.z, None, None))
            editor.select_tomogram(region.tomogram)
        elif region.z is not None and region.tomogram is not None:
            editor.sight.go_to(z=region.z)
            if region.bounds is not None:
                editor.sight.bring_into_view(region.bounds)

    def _select_at_first(self, selected: dict[str, Any]) -> None:
        self._first = selected
