"""Boxes and picks over a slice."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ais.annotation import Feature
from ais.gui.display import PLANES
from ais.gui.document import Snapshot
from ais.gui.editor import Editor
from ais.gui.feature_preview import shown_features
from ais.gui.state import Tab, Tool
from ais.gui.tools import Pointer
from ais.gui.tools.gestures import tool_at_hand
from ais.gui.tools.marks import box_under, pick_under
from ais.gui.views.canvas import WHITE, Canvas, Point

NEIGHBOUR_ALPHA = 0.4
NEIGHBOURS = 3.0
"""Boxes of so many slices before and after this one are drawn too, faintly."""
LEAST_PICK_RADIUS_PX = 3.0
MINUS = 0.12
"""Half the length of the minus in a negative box, relative to its side."""


@dataclass
class _Table:
    """Positions of a feature's boxes or picks, (n, 3) as z, y, x; with their numbers, and which are negative."""

    positions: NDArray[np.float64]
    numbers: NDArray[np.int64]
    negative: NDArray[np.bool_]
    radius: float = 0.0


@dataclass
class Marks:
    """Draws the boxes and picks near a slice; what is looked up in each frame is kept in arrays."""

    _revision: int = -1
    _boxes: dict[int, _Table] = field(default_factory=dict)
    _picks: dict[int, _Table] = field(default_factory=dict)

    def draw(self, editor: Editor, canvas: Canvas, pointer: Pointer | None) -> None:
        """Draw those of the features that are visible; the one that a press at the pointer would act on stands out."""
        self._follow(editor.snapshot)
        box, pick = _pointed(editor, pointer)
        for feature in shown_features(editor):
            if feature.visible:
                self._draw_boxes(editor, canvas, feature, box)
                self._draw_picks(editor, canvas, feature, pick)
        dragged = editor.state.dragged
        owner = editor.snapshot.feature(dragged.feature) if dragged is not None else None
        if dragged is not None and owner is not None:
            if dragged.kind == "box":
                _draw_box(canvas, owner, dragged.position, dragged.negative, hovered=True)
            else:
                table = self._picks.get(owner.id)
                radius = table.radius if table is not None else owner.brush_radius
                _draw_pick(canvas, owner, dragged.position, radius, hovered=True)

    def _follow(self, snapshot: Snapshot) -> None:
        if snapshot.revision == self._revision:
            return
        self._revision = snapshot.revision
        self._boxes = {
            feature: _Table(
                np.array([(box.z, box.y, box.x) for box in boxes], np.float64),
                np.array([box.id for box in boxes], np.int64),
                np.array([box.negative for box in boxes], bool),
            )
            for feature, boxes in snapshot.boxes.items()
            if boxes
        }
        self._picks = {
            feature: _Table(
                np.array([(pick.z, pick.y, pick.x) for pick in picks.picks], np.float64),
                np.array([pick.id for pick in picks.picks], np.int64),
                np.zeros(len(picks.picks), bool),
                picks.radius,
            )
            for feature, picks in snapshot.picks.items()
            if picks.picks
        }

    def _draw_boxes(self, editor: Editor, canvas: Canvas, feature: Feature, pointed: int | None) -> None:
        table = self._boxes.get(feature.id)
        if table is None:
            return
        mine = feature.id == editor.state.feature
        reach = feature.box_size / 2
        quiet = editor.state.tab is not Tab.ANNOTATE  # what models make is looked at there
        if quiet:
            reach = 0.5
        elif canvas.plane == "xy":
            reach = min(reach, NEIGHBOURS)
        for index in _near(table, canvas, reach).tolist():
            if not _is_dragged(editor, "box", feature, table.numbers[index]):
                z, y, x = table.positions[index]
                pointed_at = mine and table.numbers[index] == pointed
                _draw_box(canvas, feature, (z, y, x), bool(table.negative[index]), pointed_at, quiet)

    def _draw_picks(self, editor: Editor, canvas: Canvas, feature: Feature, pointed: int | None) -> None:
        table = self._picks.get(feature.id)
        if table is None:
            return
        mine = feature.id == editor.state.feature
        for index in _near(table, canvas, max(table.radius, 0.5)).tolist():
            if not _is_dragged(editor, "pick", feature, table.numbers[index]):
                z, y, x = table.positions[index]
                _draw_pick(canvas, feature, (z, y, x), table.radius, mine and table.numbers[index] == pointed)


def _near(table: _Table, canvas: Canvas, reach: float) -> NDArray[np.intp]:
    """Which lie within a distance of the slice, the nearest drawn last."""
    distance = np.abs(table.positions[:, PLANES.index(canvas.plane)] - canvas.position)
    near = np.flatnonzero(distance <= reach)
    return near[np.argsort(-distance[near], kind="stable")]


def _pointed(editor: Editor, pointer: Pointer | None) -> tuple[int | None, int | None]:
    """The box and the pick that a press at the pointer would act on."""
    if pointer is None or editor.gesture is not None:
        return None, None
    tool = tool_at_hand(editor, pointer)
    box = box_under(editor, pointer) if tool is Tool.BOX else None
    pick = pick_under(editor, pointer) if tool is Tool.PICK else None
    return (box.id if box is not None else None), (pick.id if pick is not None else None)


def _is_dragged(editor: Editor, kind: str, feature: Feature, number: np.int64) -> bool:
    dragged = editor.state.dragged
    return (
        dragged is not None
        and dragged.kind == kind
        and dragged.feature == feature.id
        and dragged.number is not None
        and dragged.number == number
    )


def _in_plane(canvas: Canvas, position: tuple[float, float, float]) -> tuple[Point, float]:
    """Row and column in the plane, and the distance from the slice."""
    normal = PLANES.index(canvas.plane)
    row, column = (value for axis, value in enumerate(position) if axis != normal)
    return (row, column), abs(position[normal] - canvas.position)


def _draw_box(
    canvas: Canvas,
    feature: Feature,
    position: tuple[float, float, float],
    negative: bool,
    hovered: bool = False,
    quiet: bool = False,
) -> None:
    (row, column), distance = _in_plane(canvas, position)
    side = feature.box_size
    alpha = 1.0 if distance <= 0.5 and not quiet else NEIGHBOUR_ALPHA * (1 - distance / side)
    width = 2.5 if hovered else 1.5
    colour = WHITE if hovered else feature.colour
    if canvas.plane != "xy":  # a box lies in one slice, so from the side it is a line
        canvas.line((row, column - side / 2), (row, column + side / 2), colour, alpha, width)
        return
    low, high = (row - side / 2, column - side / 2), (row + side / 2, column + side / 2)
    canvas.rectangle(low, high, colour, alpha, width, dashed=negative)
    if negative:
        canvas.line((row, column - MINUS * side), (row, column + MINUS * side), colour, alpha, width)


def _draw_pick(
    canvas: Canvas, feature: Feature, position: tuple[float, float, float], radius: float, hovered: bool = False
) -> None:
    centre, distance = _in_plane(canvas, position)
    here = distance <= 0.5
    section = max(radius * radius - distance * distance, 0.0) ** 0.5 * canvas.scale
    colour = WHITE if hovered else feature.colour
    canvas.ring(centre, max(section, LEAST_PICK_RADIUS_PX), colour, 1.0 if here else NEIGHBOUR_ALPHA, 1.5)
    if here:
        canvas.ring(centre, 1.0, colour, 1.0, 1.5)
