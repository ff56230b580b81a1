"""What is done with what is selected in the 3D scene: hide, remove, keep only, and jump to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ais.gui import component_edits
from ais.gui.scene_things import Rows, Thing, facts, items_of, show_in_slices, things

if TYPE_CHECKING:
    from ais.gui.editor import Editor
    from ais.gui.scene_view_state import Chosen


def components_selected(editor: Editor) -> bool:
    """Whether any component of a volume is selected."""
    rendering = editor.rendering
    return any(len(rendering.particles.chosen(item.key)) for item in rendering.volumes.items())


def particles_selected(editor: Editor) -> bool:
    """Whether any particle is selected that can be deleted."""
    return bool(editor.rendering.particles.chosen_in_sets())


def selected_thing(editor: Editor) -> Thing | None:
    """What is selected, as one thing; None if nothing is. Found once, until something changes."""
    rendering = editor.rendering
    view = rendering.view
    if not view.selected:
        view.known = None
        return None
    items = items_of(editor)
    if view.known is None or view.known[0] is not view.selected or view.known[1] != items:
        chosen = [(item, rendering.particles.chosen(item.key)) for item in items]
        view.known = view.selected, items, things(editor, chosen)
    return view.known[2]


def selected_facts(editor: Editor) -> Rows:
    """What is told of what is selected."""
    found = selected_thing(editor)
    return facts(editor, found) if found is not None else ()


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
    found = selected_thing(editor)
    if found is not None:
        show_in_slices(editor, found)


def centre_on_selected(editor: Editor) -> None:
    """Have it in the middle of the scene."""
    found = selected_thing(editor)
    if found is not None:
        editor.rendering.view.centre_on(found.centre)


def _components(editor: Editor) -> list[Chosen]:
    rendering = editor.rendering
    keys = [item.key for item in rendering.volumes.items()]
    return [(key, int(index)) for key in keys for index in rendering.particles.chosen(key)]


def _deselect_components(editor: Editor) -> None:
    view = editor.rendering.view
    view.select(view.selected - set(_components(editor)))
