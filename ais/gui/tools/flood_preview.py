"""What the flood brush would paint under the pointer, computed in a thread while the pointer rests or moves."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ais.annotation.flood import Part, flood_region
from ais.gui.state import Tool
from ais.gui.tools import Pointer
from ais.gui.tools.flood import flood_radius
from ais.gui.tools.slice_picture import slice_picture

if TYPE_CHECKING:
    from ais.gui.editor import Editor


class _Place(NamedTuple):
    """What a preview depends on."""

    tomogram: int
    z: int
    slab: int
    row: float
    column: float
    radius: float
    sensitivity: float

    def same_slice(self, other: _Place) -> bool:
        return self[:3] == other[:3]


class FloodPreview:
    """The region that a click of the flood brush would paint; the view asks for it in every frame.

    Parameters
    ----------
    editor
        Whose tool, slice and brush it follows.
    """

    def __init__(self, editor: Editor) -> None:
        self._editor = editor
        self._found: tuple[_Place, Part] | None = None
        self._computing = False

    def at(self, pointer: Pointer) -> Part | None:
        """The region under the pointer.

        Parameters
        ----------
        pointer
            Where the pointer is now.

        Returns
        -------
        (y0, x0, mask) or None
            Row and column of the mask's first pixel in the XY slice, and the mask, 0 or 1. It may be a frame or two
            late. None when the flood brush is not in hand, during a drag, and until there is something to show.
        """
        editor = self._editor
        if editor.state.tool is not Tool.FLOOD or pointer.plane != "xy" or editor.gesture is not None:
            return None
        if editor.state.tomogram is None or editor.state.feature is None:
            return None
        place = _Place(
            editor.state.tomogram,
            pointer.position,
            editor.state.slab,
            pointer.row,
            pointer.column,
            flood_radius(editor),
            editor.state.flood_sensitivity,
        )
        if (self._found is None or self._found[0] != place) and not self._computing:
            self._compute(place)
        found = self._found
        return found[1] if found is not None and found[0].same_slice(place) else None

    def _compute(self, place: _Place) -> None:
        picture = slice_picture(self._editor, place.z)
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

        self._editor.background.run(
            lambda _: flood_region(picture, (place.row, place.column), place.radius, place.sensitivity),
            done,
            failed=failed,
        )
