"""Placements of the three planes that move together: one point in the middle, one scale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal

from ais.gui.display import MAX_SCALE, MIN_SCALE, Placement, Plane
from ais.gui.state import ViewState

Axis = Literal["z", "y", "x"]

DRAWN_AXES: dict[Plane, tuple[Axis, Axis]] = {"xy": ("y", "x"), "xz": ("z", "x"), "yz": ("y", "z")}
"""What the rows and columns of a plane are as it is drawn: YZ is turned, so that it shares the y axis of XY."""


def drawn_shape(plane: Plane, shape: tuple[int, int, int]) -> tuple[int, int]:
    """(rows, columns) of a plane as it is drawn, for a tomogram of (nz, ny, nx)."""
    extent = dict(zip(("z", "y", "x"), shape, strict=True))
    row, column = DRAWN_AXES[plane]
    return extent[row], extent[column]


def fit_together(views: Mapping[Plane, ViewState], planes: Sequence[Plane], shape: tuple[int, int, int]) -> None:
    """Show the whole pictures of these planes, at one scale."""
    scales = []
    for plane in planes:
        rows, columns = drawn_shape(plane, shape)
        width, height = views[plane].size
        scales += [width / max(columns, 1), height / max(rows, 1)]
    scale = min(max(min(scales), MIN_SCALE), MAX_SCALE)
    for plane in planes:
        rows, columns = drawn_shape(plane, shape)
        views[plane].placement = Placement((rows - 1) / 2, (columns - 1) / 2, scale)


def follow(views: Mapping[Plane, ViewState], leader: Plane, shape: tuple[int, int, int]) -> None:
    """Give the other planes the scale and the middle of one of them; a plane not placed yet is centred first."""
    led = views[leader].placement
    if led is None:
        return
    middle: dict[Axis, float] = dict(zip(DRAWN_AXES[leader], (led.row, led.column), strict=True))
    for plane, view in views.items():
        if plane == leader:
            continue
        rows, columns = drawn_shape(plane, shape)
        placed = view.placement or Placement((rows - 1) / 2, (columns - 1) / 2)
        row, column = DRAWN_AXES[plane]
        view.placement = replace(
            placed, row=middle.get(row, placed.row), column=middle.get(column, placed.column), scale=led.scale
        )
