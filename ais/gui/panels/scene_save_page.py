"""The page that saves the 3D scene: what of it, as what, where to, and about how large it will be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imgui_bundle import ImVec2, imgui

from ais.gui.commands import command
from ais.gui.export_wish import size_text
from ais.gui.panels.command_button import command_button
from ais.gui.panels.layout import LABEL_EM, elided, em, faint, label
from ais.gui.panels.modal import at_right_end, button_width, disabled, modal, strong_button
from ais.gui.scene_wish import FORMATS, Scope

if TYPE_CHECKING:
    from ais.gui.app import Window
    from ais.gui.scene_files import SceneFiles

WIDTH = 34.0
TITLE = "Save 3D scene###save scene"
PROGRAMS = (("scene_files.chimerax", "Open in ChimeraX"), ("scene_files.blender", "Open in Blender"))


def draw(window: Window) -> None:
    """Draw it."""
    files = window.editor.rendering.files
    with modal(TITLE, WIDTH) as stays:
        if stays is None:
            return
        _draw_scope(files)
        _draw_format(window, files)
        if files.wish.scope is Scope.ALL:
            _draw_together(files)
        if files.wish.scope is not Scope.SCENE:
            _draw_folder(window, files)
        imgui.spacing()
        _draw_facts(window, files)
        imgui.spacing()
        _draw_programs(window)
        problem = files.problem()
        save = "Save..." if files.wish.scope is Scope.SCENE else "Save"
        imgui.same_line()
        at_right_end(button_width("Cancel", save))
        if imgui.button("Cancel") or not stays:
            files.page = False
        imgui.same_line()
        with disabled(bool(problem)):
            if strong_button(f"{save}###Save files", window.theme.accent, window.theme.on_accent):
                files.save()
        if not files.page:
            imgui.close_current_popup()


def _draw_scope(files: SceneFiles) -> None:
    label("What", "The scene as it is seen; its volumes one by one; or those of all tomograms with their own looks")
    for number, scope in enumerate(Scope):
        if number:
            imgui.same_line()
        if imgui.radio_button(scope.value, files.wish.scope is scope):
            files.wish.scope = scope


def _draw_format(window: Window, files: SceneFiles) -> None:
    label("As")
    if imgui.begin_combo("##As", files.wish.kind.name):
        for kind in FORMATS:
            if imgui.selectable(kind.name, kind is files.wish.kind)[0]:
                files.wish.kind = kind
            imgui.set_item_tooltip(kind.good_for)
        imgui.end_combo()
    _indented(window, files.wish.kind.good_for)


def _draw_together(files: SceneFiles) -> None:
    label("Files")
    if imgui.radio_button("One for each tomogram", files.wish.together):
        files.wish.together = True
    imgui.same_line()
    if imgui.radio_button("One for each volume", not files.wish.together):
        files.wish.together = False


def _draw_folder(window: Window, files: SceneFiles) -> None:
    label("Folder")

    def choose() -> None:
        def take(folder: object) -> None:
            from pathlib import Path

            files.wish.folder = Path(str(folder))

        window.editor.dialogs.choose_folder("Choose a folder for surfaces", take)

    text = str(files.folder)
    if imgui.button(f"{elided(text, imgui.get_content_region_avail().x - em(1))}###Choose folder"):
        choose()
    imgui.set_item_tooltip(text)


def _draw_facts(window: Window, files: SceneFiles) -> None:
    problem = files.problem()
    if problem:
        _indented(window, problem)
        return
    if files.wish.scope is Scope.ALL:
        count = len(window.editor.snapshot.tomograms)
        _indented(
            window,
            f"The volumes of {count} tomogram{'s' if count != 1 else ''}, with level, colour, dust and what was "
            "removed. It runs in the background.",
        )
        return
    seen = files.seen()
    shown = [surface for surface in seen.surfaces if surface.seen]
    parts = [f"{len(shown)} volume{'s' if len(shown) != 1 else ''} with {seen.triangles:,} triangles"] if shown else []
    if seen.count and files.wish.scope is Scope.SCENE:
        parts.append(f"{seen.count:,} particle{'s' if seen.count != 1 else ''}")
    size = size_text(files.estimate())
    making = " Some surfaces are still being made." if files.making else ""
    _indented(window, f"{', '.join(parts)}: about {size}.{making}")


def _draw_programs(window: Window) -> None:
    for number, (name, text) in enumerate(PROGRAMS):
        if number:
            imgui.same_line()
        if command_button(window, name, text):
            window.editor.rendering.files.page = False
        if imgui.is_item_hovered(int(imgui.HoveredFlags_.allow_when_disabled)):
            item = command(name)
            if not item.enabled(window.editor):
                imgui.set_tooltip(f"{text.removeprefix('Open in ')} was not found on this computer")


def _indented(window: Window, text: str) -> None:
    imgui.dummy(ImVec2(0, 0))
    imgui.same_line(em(LABEL_EM))
    imgui.begin_group()
    faint(text, window.theme.faint)
    imgui.end_group()
