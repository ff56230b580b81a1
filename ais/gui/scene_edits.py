"""What is done with what is selected in the 3D scene: hide, remove, keep only, and jump to it."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from ais.gui import component_edits
from ais.gui.scene_things import Thing, facts, group_name, show_in_slices, thing
from ais.gui.scene_view_state import Chosen

if TYPE_CHECKING:
    from ais.gui.editor import Editor

MOST_GROUPS = 6
SUMMED = 2000
"""Of so many selected things at most the middle is computed from each."""


def components_selected(editor: Editor) -> bool:
    """Whether any component of a volume is selected."""
    return bool(_components(editor))


def particles_selected(editor: Editor) -> bool:
    """Whether any particle is selected that can be deleted."""
    return bool(editor.rendering.particles.chosen_in_sets())


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


def selected_facts(editor: Editor) -> list[tuple[str, str]]:
    """What is told of what is selected: names and texts."""
    found = selected_middle(editor)
    if found is None:
        return []
    selected = editor.rendering.view.selected
    if len(selected) == 1:
        return facts(editor, found)
    groups = Counter(key for key, _ in selected)
    rows = [(group_name(editor, key), f"{count} selected") for key, count in groups.most_common(MOST_GROUPS)]
    volume = sum(each.volume_nm3 or 0.0 for each in map(partial(thing, editor), list(selected)[:SUMMED]) if each)
    if volume and len(selected) <= SUMMED:
        rows.append(("Volume", f"{volume:,.0f} nm3 together"))
    return [*rows, *facts(editor, found, "Middle")[1:2]]


def hide_selected(editor: Editor) -> None:
    """Do not draw the components; can be undone."""
    component_edits.hide(editor, _components(editor))
    _deselect_components(editor)


def remove_selected(editor: Editor) -> None:
    """Take the components for false, and delete the particles; can be undone."""
    component_edits.remove(editor, _components(editor))
    _deselect_components(editor)
    editor.rendering.particles.delete_chosen()


def keep_selected(editor: Editor) -> None:
    """Take all other components of the same volumes for false, delete all other particles of the same sets."""
    component_edits.keep_only(editor, _components(editor))
    editor.rendering.particles.keep_chosen()


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


def _components(editor: Editor) -> list[Chosen]:
    rendering = editor.rendering
    keys = {item.key for item in rendering.volumes.items()}
    return [chosen for chosen in rendering.view.selected if chosen[0] in keys]


def _deselect_components(editor: Editor) -> None:
    view = editor.rendering.view
    view.select(view.selected - set(_components(editor)))
