"""Commands about seeing the 3D scene, and about what is selected in it."""

from __future__ import annotations

from ais.gui.commands.command import Command, with_tomogram
from ais.gui.commands.conditions import can_edit
from ais.gui.display import Plane
from ais.gui.editor import Editor
from ais.gui.scene.camera import Direction
from ais.gui.scene_edits import (
    centre_on_selected,
    components_selected,
    hide_selected,
    jump_to_selected,
    keep_selected,
    particles_selected,
    remove_selected,
)

MENU, VIEW, SLICES, SELECTED = "Render", "Render/View from", "Render/Slices in the scene", "Render/Selected"
SIDES: tuple[tuple[Direction, str], ...] = (
    ("top", "As the XY slice"),
    ("bottom", "XY from behind"),
    ("front", "As the XZ slice"),
    ("back", "XZ from behind"),
    ("right", "As the YZ slice"),
    ("left", "YZ from behind"),
)


def _show(editor: Editor) -> None:
    shell = editor.shell
    shell.scene, shell.scene_alone = not shell.scene_shown, False


def _alone(editor: Editor) -> None:
    shell = editor.shell
    shell.scene, shell.scene_alone = shell.scene_alone, not shell.scene_alone


def _seen(editor: Editor) -> bool:
    return editor.shown is not None and editor.shell.scene_shown


def _selected(editor: Editor) -> bool:
    return editor.shown is not None and bool(editor.rendering.view.selected)


def _components(editor: Editor) -> bool:
    return _selected(editor) and can_edit(editor) and components_selected(editor)


def _editable(editor: Editor) -> bool:
    return _components(editor) or (_selected(editor) and can_edit(editor) and particles_selected(editor))


def _fit(editor: Editor) -> None:
    editor.rendering.view.fit()


def _perspective(editor: Editor) -> None:
    editor.rendering.view.switch_projection()


def _clear(editor: Editor) -> None:
    editor.rendering.view.clear()


def _view_from(side: Direction, text: str, key: str) -> Command:
    def run(editor: Editor) -> None:
        editor.rendering.view.look_from(side)

    return Command(f"scene.from_{side}", text, VIEW, run, key, f"The scene from the {side}", _seen)


def _slice(plane: Plane, key: str = "") -> Command:
    def run(editor: Editor) -> None:
        editor.rendering.view.planes.switch(plane)

    def on(editor: Editor) -> bool:
        return plane in editor.rendering.view.planes.shown

    name, tooltip = plane.upper(), "Through the cross-hair, with the contrast of the slices"
    return Command(f"scene.slice_{plane}", f"{name} slice in the scene", SLICES, run, key, tooltip, _seen, on)


def _fluorescence(editor: Editor) -> None:
    editor.rendering.view.light.switch()


def _can_glow(editor: Editor) -> bool:
    return _seen(editor) and (editor.rendering.view.light.shown or bool(editor.fluorescence.listed))


def _turn(across: int, up: int, where: str) -> Command:
    def run(editor: Editor) -> None:
        editor.rendering.view.turn(across, up)

    tooltip = "The arrow keys do so too while the pointer is over the scene"
    return Command(
        f"scene.turn_{where}", f"Turn {where}", VIEW, run, "", tooltip, _seen, repeats=True, separated=where == "left"
    )


SCENE_COMMANDS: tuple[Command, ...] = (
    Command(
        "scene.show",
        "Show 3D scene",
        MENU,
        _show,
        "shift+4",
        "Surfaces and particles of the tomogram, beside its slices",
        with_tomogram,
        lambda editor: editor.shell.scene_shown,
    ),
    Command(
        "scene.alone",
        "Give the scene all the room",
        MENU,
        _alone,
        "ctrl+4",
        "In place of the slices, and back beside them",
        with_tomogram,
        lambda editor: editor.shell.scene_alone,
    ),
    Command("scene.fit", "Fit scene", MENU, _fit, "alt+0", "Have all of the scene in sight", _seen, separated=True),
    Command(
        "scene.perspective",
        "Perspective",
        MENU,
        _perspective,
        "alt+P",
        "Far things are smaller; without it, a scale bar is true everywhere",
        _seen,
        lambda editor: editor.rendering.view.camera.perspective,
    ),
    *(_view_from(side, text, f"alt+{number}") for number, (side, text) in enumerate(SIDES, 1)),
    *(_turn(*turn) for turn in ((-1, 0, "left"), (1, 0, "right"), (0, 1, "up"), (0, -1, "down"))),
    _slice("xy", "alt+S"),
    _slice("xz"),
    _slice("yz"),
    Command(
        "scene.fluorescence",
        "Fluorescence in the scene",
        MENU,
        _fluorescence,
        "",
        "The images over the tomogram as light in it, the same in all slices that they lie over",
        _can_glow,
        lambda editor: editor.rendering.view.light.shown,
    ),
    Command(
        "scene.hide",
        "Hide what is selected",
        SELECTED,
        hide_selected,
        "shift+X",
        "Components are not drawn, but still picked; particles are hidden with their set, by its eye",
        _components,
    ),
    Command(
        "scene.remove",
        "Remove what is selected",
        SELECTED,
        remove_selected,
        "delete",
        "Components are taken for false everywhere, the file stays as it is; particles are deleted",
        _editable,
    ),
    Command(
        "scene.keep",
        "Keep only what is selected",
        SELECTED,
        keep_selected,
        "shift+K",
        "All other components of the same volumes, and particles of the same sets, are removed",
        _editable,
    ),
    Command(
        "scene.jump",
        "Go to it in the slices",
        SELECTED,
        jump_to_selected,
        "J",
        "The cross-hair goes to its middle; also by ctrl + double click",
        _selected,
        separated=True,
    ),
    Command(
        "scene.centre",
        "Turn about it",
        SELECTED,
        centre_on_selected,
        "alt+J",
        "Puts it in the middle of the scene; also by a double click",
        _selected,
    ),
    Command("scene.clear", "Select nothing", SELECTED, _clear, "", "Also by escape over the scene", _selected),
)
