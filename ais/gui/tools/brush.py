"""The round brush: a stroke is shown piece by piece while it is drawn, and is one edit when the button is released."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ais.annotation import EraseStroke, Operation, PaintStroke, StrokeAcross, Together, stroke_spans
from ais.gui.masks import MaskKey, Masks
from ais.gui.tools import Pointer
from ais.gui.tools.brush_radius import brush_radius
from ais.gui.tools.target import Target

if TYPE_CHECKING:
    from ais.gui.editor import Editor

Point = tuple[float, float]
"""Row and column in a plane's picture, in pixels."""


@dataclass
class Piece:
    """The part of a stroke that lies in one slice.

    Attributes
    ----------
    key
        The mask that it is painted on.
    points
        Its path.
    """

    key: MaskKey
    points: list[Point] = field(default_factory=list)


class BrushStroke:
    """A drag with the round brush.

    When the slice changes under the drag, such as by the wheel, the stroke goes on in the new slice; all of it is one
    edit.

    Parameters
    ----------
    editor
        Where it paints.
    target
        What it paints.
    pointer
        Where it begins.
    erase
        Whether it erases.
    """

    def __init__(self, editor: Editor, target: Target, pointer: Pointer, erase: bool) -> None:
        assert editor.masks is not None
        assert editor.shown is not None
        self._editor = editor
        self._target = target
        self._masks: Masks = editor.masks
        self._shape = editor.shown.picture_shape(pointer.plane)
        self._radius = brush_radius(editor)
        self._erase = erase
        self._plane = pointer.plane
        self._pieces: list[Piece] = []
        self.move(pointer)

    def move(self, pointer: Pointer) -> None:
        """Paint from where the pointer was to where it is."""
        if pointer.plane != self._plane:
            return
        point = pointer.row, pointer.column
        piece = self._pieces[-1] if self._pieces else None
        if piece is None or piece.key.position != pointer.position:
            piece = self._begin_piece(pointer.position)
        elif piece.points[-1] == point:
            return
        spans = stroke_spans([*piece.points[-1:], point], self._radius, self._shape)
        piece.points.append(point)
        self._masks.change(piece.key, self._shape, spans, self._erase)

    def release(self, pointer: Pointer) -> None:
        """Save the stroke."""
        self.move(pointer)
        operations = [self._operation(piece) for piece in self._pieces]
        if len(operations) == 1:
            self._editor.submit(operations[0])
        else:
            self._editor.submit(Together(f"{'Erase' if self._erase else 'Paint'} across slices", operations))
        self._end_pieces()

    def cancel(self) -> None:
        """Show what the project holds again."""
        self._end_pieces()

    def _begin_piece(self, position: int) -> Piece:
        piece = Piece(MaskKey(self._target.tomogram, self._target.feature, self._plane, position))
        self._masks.begin_stroke(piece.key, self._shape)
        self._pieces.append(piece)
        return piece

    def _end_pieces(self) -> None:
        for piece in self._pieces:
            self._masks.end_stroke(piece.key)

    def _operation(self, piece: Piece) -> Operation[None]:
        tomogram, feature = self._target
        if piece.key.plane == "xy":
            kind = EraseStroke if self._erase else PaintStroke
            return kind(tomogram, feature, piece.key.position, piece.points, self._radius)
        return StrokeAcross(
            tomogram, feature, piece.key.plane, piece.key.position, piece.points, self._radius, self._erase
        )
