"""Colours and states of all components and particles of a scene, in one texture that shaders look them up in."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ais.gui.gl.texture import Texture2D
from ais.gui.scene.contents import HIDDEN, ParticleItem, Scene, SurfaceItem

ROW = 4096
"""Entries side by side; as in scene_table.glsl."""

STATE_CODES = np.array([0, 128, 255], np.uint8)
"""What stands in alpha for HIDDEN, SHOWN and HIGHLIGHTED; shaders tell them apart at a quarter and at three."""

Item = SurfaceItem | ParticleItem


@dataclass
class _Entry:
    """An item as it stands in the texture."""

    item: Item
    row: int
    rows: int
    hidden: NDArray[np.bool_]


class SceneTable:
    """Numbers all components and particles of a scene, and tells shaders what they look like.

    Attributes
    ----------
    layout_version, hidden_version
        Other numbers after the numbering, or what is hidden, has changed.
    version
        Another number after anything has changed.
    """

    def __init__(self) -> None:
        self._texture: Texture2D | None = None
        self._entries: list[_Entry] = []
        self._rows: dict[tuple[type[Item], Hashable], int] = {}
        self.layout_version = 0
        self.hidden_version = 0
        self.version = 0

    def follow(self, scene: Scene) -> None:
        """Make the texture true to the scene; only rows of items that have changed are sent."""
        items: list[Item] = [*scene.surfaces, *scene.particles]
        if [_place(entry.item) for entry in self._entries] != [_place(item) for item in items]:
            self._lay_out(items)
            return
        for entry, item in zip(self._entries, items, strict=True):
            if entry.item is item:
                continue
            if not _looks_alike(entry.item, item):
                hidden = item.states == HIDDEN
                if not np.array_equal(hidden, entry.hidden):
                    self.hidden_version += 1
                entry.hidden = hidden
                self._send(entry, item)
            entry.item = item

    def first(self, item: Item) -> int:
        """The number of the item's first component or particle."""
        return self._rows[type(item), item.key] * ROW

    def found(self, number: int) -> tuple[Item, int] | None:
        """The item and the index in it of a number, as they stood at the last `follow`."""
        for entry in self._entries:
            index = number - entry.row * ROW
            if 0 <= index < len(entry.item.states):
                return entry.item, index
        return None

    def bind(self, unit: int) -> None:
        """Show it to shaders."""
        if self._texture is not None:
            self._texture.bind(unit)

    def release(self) -> None:
        """Free the texture."""
        if self._texture is not None:
            self._texture.release()
        self._texture = None
        self._entries = []

    def _lay_out(self, items: list[Item]) -> None:
        rows = [max(-(-len(item.states) // ROW), 1) for item in items]
        needed = max(sum(rows), 1)
        if self._texture is None or self._texture.height < needed:
            if self._texture is not None:
                self._texture.release()
            self._texture = Texture2D(ROW, needed + needed // 2 + 8, "rgba8")
        self._entries, self._rows = [], {}
        row = 0
        for item, count in zip(items, rows, strict=True):
            entry = _Entry(item, row, count, item.states == HIDDEN)
            self._entries.append(entry)
            self._rows[type(item), item.key] = row
            self._send(entry, item)
            row += count
        self.layout_version += 1
        self.version += 1

    def _send(self, entry: _Entry, item: Item) -> None:
        count = len(item.states)
        values = np.zeros((entry.rows * ROW, 4), np.uint8)
        colours: Any = item.colours
        if colours is None and isinstance(item, SurfaceItem):
            colours = np.array(item.colour, np.float32)
        values[:count, :3] = np.rint(np.clip(colours, 0, 1) * 255)
        values[:count, 3] = STATE_CODES[np.minimum(item.states, 2)]
        if self._texture is not None:
            self._texture.upload(values.reshape(entry.rows, ROW, 4), entry.row)
        self.version += 1


def _place(item: Item) -> tuple[Any, ...]:
    return type(item), item.key, len(item.states)


def _looks_alike(one: Item, other: Item) -> bool:
    if isinstance(one, SurfaceItem) and isinstance(other, SurfaceItem) and one.colour != other.colour:
        return False
    return _same(one.states, other.states) and _same(one.colours, other.colours)


def _same(one: NDArray[Any] | None, other: NDArray[Any] | None) -> bool:
    if one is other:
        return True
    return one is not None and other is not None and np.array_equal(one, other)
