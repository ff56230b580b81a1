"""What is done with what is selected in the 3D scene: hide, remove, keep only, and jump to it."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING

import numpy as np

from ais.gui.scene_things import Thing, show_in_slices, thing

if TYPE_CHECKING:
    from ais.gui.editor import Editor

SUMMED = 2000
"""Of so many selected things at most the middle is computed from each."""


def selected_of(editor: Editor, *, volumes: bool) -> dict[Hashable, list[int]]:
    """Numbers of what is selected, by key, ascending: components of volumes, or particles of sets."""
    rendering = editor.rendering
    items = rendering.volumes.items() if volumes else rendering.particles.items()
    keys = {item.key for item in items}
    found: dict[Hashable, list[int]] = {}
    for key, index in sorted(rendering.view.selected, key=lambda chosen: chosen[1]):
        if key in keys:
            found.setdefault(key, []).append(index)
    return found


def selected_middle(editor: Editor) -> Thing | None:
    """What is selected as one thing: the middle and the lengths of all of it; None if nothing is."""
    chosen = list(editor.rendering.view.selected)[:SUMMED]
    found = [each for each in (thing(editor, one) for one in chosen) if each is not None]
    if len(found) <= 1:
        return found[0] if found else None
    centres, extents = np.array([each.centre for each in found]), np.array([each.extent for each in found])
    low, high = (centres - extents / 2).min(axis=0), (centres + extents / 2).max(axis=0)
    middle, size = (low + high) / 2, high - low
    x, y, z = (float(value) for value in middle)
    a, b, c = (float(value) for value in size)
    return Thing(found[0].chosen, f"{len(chosen)} selected", (x, y, z), (a, b, c))


def jump_to_selected(editor: Editor) -> None:
    """Show it in the slices."""
    found = selected_middle(editor)
    if found is not None:
        show_in_slices(editor, found)


def centre_on_selected(editor: Editor) -> None:
    """Have it in the middle of the scene."""
    found = selected_middle(editor)
    if found is not None:
        editor.rendering.view.centre_on(found.centre)
