"""Draws a section of the Render tab. How the 3D scene is drawn."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from imgui_bundle import imgui

from ais.gui.commands import command
from ais.gui.panels.command_button import WHEN_OFF, command_button, tooltip
from ais.gui.panels.layout import LABEL_EM, disabled, em, label, section
from ais.gui.scene.contents import SceneLook, Shading
from ais.gui.scene_projections import MOST_DENSITY

if TYPE_CHECKING:
    from ais.gui.app import Window

ALWAYS_CLAMP = int(imgui.SliderFlags_.always_clamp)
LOGARITHMIC = ALWAYS_CLAMP | int(imgui.SliderFlags_.logarithmic)
PERSPECTIVE_EM = 7.0
SHARES = (
    ("Ambient", "ambient", "Light that comes from everywhere"),
    ("Headlight", "head_light", "Light that comes from the viewer"),
    ("Depth cue", "depth_cue", "How much what is far fades into the background"),
    ("Occlusion", "occlusion", "How dark hollows are, as light reaches them less; drawn when the scene rests"),
)
LIGHTS = (
    ("Glows", False, "It is added to what is behind it"),
    ("Covers", True, "It hides what is behind it, as coloured glass does"),
)
NO_IMAGES = "Load an image in the section Fluorescence first"


def draw(window: Window) -> None:
    """Draw this part of the Render tab."""
    if window.editor.shown is not None and section("Scene###scene look", window.theme):
        label("Show")
        item = command("scene.show")
        changed, _ = imgui.checkbox("3D scene", window.editor.shell.scene_shown)
        imgui.set_item_tooltip(tooltip(window, item.name))
        if changed:
            item.run(window.editor)
        draw_look(window)


def draw_look(window: Window) -> None:
    """Draw all that can be set of the scene."""
    view = window.editor.rendering.view
    _draw_views(window)
    label("Shading")
    names = [shading.value for shading in Shading]
    changed, chosen = imgui.combo("##shading", names.index(view.look.shading.value), names)
    if changed:
        view.look = replace(view.look, shading=list(Shading)[chosen])
    for name, attribute, what in SHARES:
        label(name, what)
        changed, percent = imgui.slider_float(
            f"##{attribute}", 100 * getattr(view.look, attribute), 0, 100, "%.0f %%", ALWAYS_CLAMP
        )
        if changed:
            _change(window, **{attribute: percent / 100})
    label("Background")
    changed, rgb = imgui.color_edit3("##background", list(view.look.background), int(imgui.ColorEditFlags_.no_inputs))
    if changed:
        red, green, blue = (min(max(float(value), 0.0), 1.0) for value in rgb)
        view.look = replace(view.look, background=(red, green, blue))
    label("Lines")
    for number, (name, attribute, what) in enumerate(
        (
            ("Edges", "edges", "Outlines of what stands before something else"),
            ("Box", "box", "The tomogram's borders and lengths"),
            ("Axes", "axes", "The directions x, y and z"),
        )
    ):
        if number:
            imgui.same_line(0, em(0.6))
        changed, on = imgui.checkbox(name, getattr(view.look, attribute))
        imgui.set_item_tooltip(what)
        if changed:
            _change(window, **{attribute: on})
    _draw_slices(window)
    _draw_light(window)
    with disabled(view.look == SceneLook()):
        if imgui.button("Reset look"):
            view.look = SceneLook()


def _change(window: Window, **properties: Any) -> None:
    view = window.editor.rendering.view
    view.look = replace(view.look, **properties)


def _draw_views(window: Window) -> None:
    editor = window.editor
    label("View")
    command_button(window, "scene.fit", "Fit")
    imgui.same_line(0, em(0.3))
    for number, (name, text) in enumerate(
        (("scene.from_top", "XY"), ("scene.from_front", "XZ"), ("scene.from_right", "YZ"))
    ):
        if number:
            imgui.same_line(0, em(0.3))
        command_button(window, name, text)
    imgui.same_line(0, em(0.6))
    if imgui.get_content_region_avail().x < em(PERSPECTIVE_EM):
        imgui.new_line()
        imgui.set_cursor_pos_x(em(LABEL_EM))
    changed, _ = imgui.checkbox("Perspective", editor.rendering.view.camera.perspective)
    if changed:
        editor.rendering.view.switch_projection()


def _draw_slices(window: Window) -> None:
    planes = window.editor.rendering.view.planes
    label("Slices", "Of the tomogram, through the cross-hair")
    for number, plane in enumerate(("xy", "xz", "yz")):
        if number:
            imgui.same_line(0, em(0.6))
        item = command(f"scene.slice_{plane}")
        changed, _ = imgui.checkbox(f"{plane.upper()}##slice", bool(item.checked and item.checked(window.editor)))
        if changed:
            item.run(window.editor)
    if planes.shown:
        label("Opacity", "Of the slices")
        changed, percent = imgui.slider_float("##slice alpha", 100 * planes.alpha, 5, 100, "%.0f %%", ALWAYS_CLAMP)
        if changed:
            planes.alpha = percent / 100


def _draw_light(window: Window) -> None:
    editor, light = window.editor, window.editor.rendering.view.light
    label("Fluorescence", "Images over the tomogram, as light in all slices that they lie over")
    item = command("scene.fluorescence")
    with disabled(not item.enabled(editor)):
        changed, _ = imgui.checkbox("Show in 3D", light.shown)
    if imgui.is_item_hovered(WHEN_OFF):
        imgui.set_tooltip(tooltip(window, item.name) if editor.fluorescence.listed else NO_IMAGES)
    if changed:
        item.run(editor)
    if not light.shown:
        return
    label(
        "Density",
        "Of the light: at 100 % it is as bright as the image where it is seen along z, elsewhere by its depth",
    )
    changed, percent = imgui.slider_float(
        "##light density", 100 * light.density, 5, 100 * MOST_DENSITY, "%.0f %%", LOGARITHMIC
    )
    if changed:
        light.density = percent / 100
    label("Light")
    for number, (name, covers, what) in enumerate(LIGHTS):
        if number:
            imgui.same_line(0, em(0.6))
        if imgui.radio_button(name, light.covers == covers):
            light.covers = covers
        imgui.set_item_tooltip(what)
