"""Commands about sets of particles."""

from __future__ import annotations

import numpy as np

from ais.annotation import ChangeParticleLook, DuplicateParticleSet, MergeParticleSets, ParticleSet, RemoveParticleSet
from ais.gui.commands.command import Command
from ais.gui.editor import Editor
from ais.gui.particle_distances import measure_distances
from ais.gui.particle_loading import KINDS
from ais.gui.sheet import ChoiceField, Sheet
from ais.gui.state import Tab

MENU = "Render/Particles"


def _current(editor: Editor) -> ParticleSet:
    found = editor.rendering.particles.current
    assert found is not None
    return found


def _can_load(editor: Editor) -> bool:
    return bool(editor.snapshot.tomograms) and not editor.read_only


def _with_set(editor: Editor) -> bool:
    return editor.shown is not None and editor.rendering.particles.current is not None


def _may_edit(editor: Editor) -> bool:
    return _with_set(editor) and not editor.read_only


def _several(editor: Editor) -> bool:
    return _may_edit(editor) and len(editor.rendering.particles.sets) > 1


def _selected(editor: Editor) -> bool:
    return editor.shown is not None and not editor.read_only and bool(editor.rendering.particles.chosen_in_sets())


def _some_hidden(editor: Editor) -> bool:
    return _may_edit(editor) and len(_hidden(editor)) > 0


def _hidden(editor: Editor) -> list[int]:
    """The particles of the selected set that are hidden by their values."""
    one = _current(editor)
    shown = editor.rendering.particles.shown(one.id)
    if shown is None or len(shown.visible) != one.total:
        return []
    return [int(number) for number in np.flatnonzero(~shown.visible & ~one.removed)]


def _load(editor: Editor) -> None:
    editor.dialogs.open_files("Load particles", KINDS, editor.rendering.particles.load)


def _save(editor: Editor) -> None:
    editor.rendering.particles.save(_current(editor).id)


def _table(editor: Editor) -> None:
    particles = editor.rendering.particles
    particles.table_open = not particles.table_open


def _table_shown(editor: Editor) -> bool:
    return editor.rendering.particles.table_open


def _rename(editor: Editor) -> None:
    editor.shell.tab = Tab.RENDER
    editor.shell.renaming = ("particles", _current(editor).id)


def _duplicate(editor: Editor) -> None:
    editor.submit(DuplicateParticleSet(_current(editor).id), title="Copying particles")


def _remove(editor: Editor) -> None:
    editor.submit(RemoveParticleSet(_current(editor).id))


def _join(editor: Editor) -> None:
    first = _current(editor)
    others = [one for one in editor.rendering.particles.sets if one.id != first.id]
    field = ChoiceField("With", [one.name for one in others])

    def accept() -> None:
        editor.submit(MergeParticleSets([first.id, others[field.value].id]), title="Joining particles")

    note = f"{first.name} gets the particles of the other set, which is gone then."
    editor.shell.sheets.append(Sheet("Join sets of particles", "Join", (field,), accept, note))


def _look_everywhere(editor: Editor) -> None:
    one = _current(editor)
    look = editor.rendering.particles.look(one)
    editor.submit(ChangeParticleLook(one.id, look, everywhere=True))


def _can_measure(editor: Editor) -> bool:
    return _may_edit(editor) and any(not volume.missing for volume in editor.rendering.volumes.listed)


def _measure(editor: Editor) -> None:
    one = _current(editor)
    volumes = [volume for volume in editor.rendering.volumes.listed if not volume.missing]
    field = ChoiceField("Surface of", [volume.name for volume in volumes])

    def accept() -> None:
        measure_distances(editor, one, volumes[field.value])

    note = f"Each particle of {one.name} gets its distance as a column, to colour, filter and sort by."
    editor.shell.sheets.append(Sheet("Distance to a surface", "Measure", (field,), accept, note))


def _delete_hidden(editor: Editor) -> None:
    editor.rendering.particles.delete({_current(editor).id: _hidden(editor)})


def _delete_selected(editor: Editor) -> None:
    editor.rendering.particles.delete_chosen()


def _keep_selected(editor: Editor) -> None:
    editor.rendering.particles.keep_chosen()


def _copy_selected(editor: Editor) -> None:
    operations = [
        DuplicateParticleSet(number, tuple(map(int, chosen)))
        for number, chosen in editor.rendering.particles.chosen_in_sets().items()
    ]
    for operation in operations:
        editor.submit(operation, title="Copying particles")


def _select_all(editor: Editor) -> None:
    particles = editor.rendering.particles
    one = _current(editor)
    shown = particles.shown(one.id)
    if shown is not None:
        particles.choose(one.id, [int(number) for number in np.flatnonzero(shown.visible)])


PARTICLE_COMMANDS = (
    Command(
        "particles.load",
        "Load particles...",
        MENU,
        _load,
        "",
        "Star files and tables; particles of several tomograms find theirs by name",
        _can_load,
    ),
    Command(
        "particles.save",
        "Save particles...",
        MENU,
        _save,
        "",
        "For RELION, Warp or as a table, with all columns that were read",
        _with_set,
    ),
    Command(
        "particles.table",
        "Table of particles",
        MENU,
        _table,
        "",
        "All columns of the selected set; a row leads to its particle",
        _with_set,
        checked=_table_shown,
    ),
    Command("particles.rename", "Rename particles", MENU, _rename, "", "", _may_edit, separated=True),
    Command("particles.duplicate", "Copy particles", MENU, _duplicate, "", "Within this tomogram", _may_edit),
    Command("particles.join", "Join particles with another set...", MENU, _join, "", "", _several),
    Command(
        "particles.look_everywhere",
        "Use this look in all tomograms",
        MENU,
        _look_everywhere,
        "",
        "For the sets of the same name",
        _may_edit,
    ),
    Command(
        "particles.distance",
        "Measure distance to a surface...",
        MENU,
        _measure,
        "",
        "Of a segmented volume; it becomes a column of the particles",
        _can_measure,
    ),
    Command("particles.remove", "Remove particles", MENU, _remove, "", "The whole selected set", _may_edit),
    Command(
        "particles.select_all", "Select all particles of the set", MENU, _select_all, "", "", _with_set, separated=True
    ),
    Command(
        "particles.copy_selected",
        "Copy selected particles to a new set",
        MENU,
        _copy_selected,
        enabled=_selected,
    ),
    Command(
        "particles.delete_selected",
        "Delete selected particles",
        MENU,
        _delete_selected,
        "",
        "In all sets of this tomogram",
        _selected,
    ),
    Command(
        "particles.keep_selected",
        "Keep only selected particles",
        MENU,
        _keep_selected,
        "",
        "Delete all others of their sets",
        _selected,
    ),
    Command(
        "particles.delete_hidden",
        "Delete hidden particles",
        MENU,
        _delete_hidden,
        "",
        "Those of the selected set that are hidden by their values",
        _some_hidden,
    ),
)
