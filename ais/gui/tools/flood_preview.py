"""What the flood brush would paint under the pointer, computed in a thread while the pointer rests or moves."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ais.annotation.flood import Part, flood_region
from ais.gui.state import Tool
from ais.gui.tools import Pointer
from ais.gui.tools.flood import flood_radius
from ais.gui.tools.gestures import tool_at_hand
from ais.gui.tools.slice_picture import slice_picture

if TYPE_CHECKING:
    from ais.gui.editor import Editor


class _Place(NamedTuple):
    """What a preview depends on."""

    shown: int
    z: int
    slab: int
    row: float
    column: float
    radius: float
    sensitivity: float

    def same_slice(self, other: _Place) -> bool:
        return self[:3] == other[:3]


class FloodPreview:
    """The region that a click of the flood brush would paint; the view asks for it in every frame."""

    def __init__(self) -> None:
        self._found: tuple[_Place, Part] | None = None
        self._computing = False

    def at(self, editor: Editor, pointer: Pointer) -> Part | None:
        """The region under the pointer.

        Parameters
        ----------
        editor
            Whose tool, slice and brush it follows.
        pointer
            Where the pointer is now.

        Returns
        -------
        (y0, x0, mask) or None
            Row and column of the mask's first pixel in the XY slice, and the mask, 0 or 1. It may be a frame or two
            late. None when the flood brush is not in hand, during a drag, and until there is something to show.
        """
        flooding = tool_at_hand(editor, pointer) is Tool.FLOOD and pointer.plane == "xy"
        if not flooding or editor.gesture is not None or editor.shown is None or editor.state.feature is None:
            return None
        place = _Place(
            id(editor.shown),
            pointer.position,
            editor.state.slab,
            pointer.row,
            pointer.column,
            flood_radius(editor),
            editor.state.flood_sensitivity,
        )
        if (self._found is None or self._found[0] != place) and not self._computing:
            self._compute(editor, place)
        found = self._found
        return found[1] if found is not None and found[0].same_slice(place) else None

    def _compute(self, editor: Editor, place: _Place) -> None:
        picture = slice_picture(editor, place.z)
        if picture is None:
            return
        self._computing = True

        def done(region: Part) -> None:
            self._computing = False
            self._found = place, region

        def failed(sentence: str) -> None:
            del sentence
            self._computing = False
            self._found = None

        editor.background.run(
            lambda _: flood_region(picture, (place.row, place.column), place.radius, place.sensitivity),
            done,
            failed=failed,
        )
