"""Draws the page that saves particles: for which program, and the first lines of the file as it will be written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from imgui_bundle import ImVec2, imgui, imgui_ctx

from ais.gui.panels.layout import coloured, em, faint, label
from ais.gui.panels.modal import SHARE_OF_WINDOW, at_right_end, button_width, disabled, modal, strong_button
from ais.gui.particle_saving import MOST_A, TARGETS, ParticleSaving, SavingChoice

if TYPE_CHECKING:
    from ais.gui.app import Window

WIDTH = 46.0
FILES_SAID = 3
LINES = 6, 22
"""At least and at most so many lines are seen."""
OTHERS_EM = 20.0
"""Height of all that is not lines."""


def draw(window: Window) -> None:
    """Draw the page."""
    particles = window.editor.rendering.particles
    saving = particles.saving
    if saving is None:
        return
    ended = accepted = False
    with modal("Save particles###save particles", WIDTH) as stays:
        if stays is None:
            return
        _draw_choice(window, saving)
        imgui.spacing()
        _draw_preview(window, saving)
        imgui.spacing()
        file = "Choose file to append to..." if saving.choice.append else "Choose file..."
        verb = "Choose folder..." if saving.choice.in_folder else file
        at_right_end(button_width("Cancel", verb))
        ended = imgui.button("Cancel") or not stays
        imgui.same_line()
        with disabled(bool(saving.problem) or saving.preview is None):
            accepted = strong_button(verb, window.theme.accent, window.theme.on_accent)
        if ended or accepted:
            imgui.close_current_popup()
    if ended or accepted:
        particles.end_saving(accepted)


def _draw_choice(window: Window, saving: ParticleSaving) -> None:
    choice = saving.choice
    faint(f"{saving.particle_set.name}: {saving.particle_set.count:,} particles in this tomogram", window.theme.faint)
    label("For", choice.target.tooltip)
    choice = _draw_target(choice)
    if choice.pixel_size_matters:
        needed = choice.key == "relion4"
        label("Tilt series", "Pixel size of the tilt series before binning")
        imgui.set_next_item_width(em(7))
        flags = imgui.InputTextFlags_.auto_select_all
        _, size = imgui.input_double("##unbinned pixel", choice.tilt_series_pixel_size, 0.0, 0.0, "%.4g", flags)
        choice = replace(choice, tilt_series_pixel_size=min(max(0.0, size), MOST_A))
        imgui.same_line()
        imgui.text_disabled("A per pixel" if needed else "A per pixel; 0 leaves the optics group out")
    label("From")
    where = _options((("here", "This tomogram"), ("all", "All tomograms")), "all" if choice.everywhere else "here")
    choice = replace(choice, everywhere=where == "all")
    if choice.everywhere:
        label("Into")
        with disabled(not choice.target.names_tomograms):
            how = _options((("one", "One file"), ("each", "One for each")), "each" if choice.in_folder else "one")
        if choice.target.names_tomograms:
            choice = replace(choice, separate=how == "each")
        else:
            imgui.set_item_tooltip("Such a file cannot say in which tomogram a particle is")
    label("")
    _, visible = imgui.checkbox("Only those shown", choice.visible_only)
    imgui.set_item_tooltip("Leave out what is hidden by its values")
    imgui.same_line()
    _, append = imgui.checkbox(
        "Add to files that exist" if choice.in_folder else "Add to a file that exists", choice.append
    )
    saving.choice = replace(choice, visible_only=visible, append=append)


def _draw_target(choice: SavingChoice) -> SavingChoice:
    """Draw the list of programs; gives the choice then."""
    if imgui.begin_combo("##For", choice.target.words, imgui.ComboFlags_.height_largest):
        for target in TARGETS:
            if imgui.selectable(target.words, target.key == choice.key)[0]:
                choice = replace(choice, key=target.key)
            imgui.set_item_tooltip(target.tooltip)
        imgui.end_combo()
    return choice


def _draw_preview(window: Window, saving: ParticleSaving) -> None:
    step, room = imgui.get_text_line_height_with_spacing(), imgui.get_main_viewport().size.y * SHARE_OF_WINDOW
    height = min(max((room - em(OTHERS_EM)) / step, LINES[0]), LINES[1]) * step
    flags = int(imgui.WindowFlags_.horizontal_scrollbar)
    with imgui_ctx.begin_child("lines", ImVec2(0, height), imgui.ChildFlags_.frame_style, flags):
        if saving.problem:
            with coloured(window.theme.danger):
                imgui.text_wrapped(saving.problem.replace(" with --tilt-series-pixel-size", " above"))
        elif saving.preview is None:
            imgui.text_disabled("Writing the first lines...")
        else:
            with coloured(window.theme.faint if saving.busy else window.theme.text):
                for line in saving.preview.lines:
                    imgui.text_unformatted(line)
    if saving.preview is None:
        imgui.text(" ")
        return
    dimensions, files = saving.preview.dimensions, saving.preview.files
    more = f" and {len(dimensions) - 1} more" if len(dimensions) > 1 else ""
    faint(f"{dimensions[0] if dimensions else ''}{more}", window.theme.faint)
    if imgui.is_item_hovered() and more:
        imgui.set_tooltip("\n".join(dimensions[:20]))
    if len(files) > 1:
        faint(_files_text(saving, files), window.theme.faint)


def _files_text(saving: ParticleSaving, files: Sequence[str]) -> str:
    """Which files there will be."""
    choice = saving.choice
    if choice.in_folder:
        return f"{len(files)} files: {_few(files)}."
    if choice.target.dialect == "relion5":
        return f"{len(files)} files: one for each tomogram, and a list of them, {files[-1]}, for RELION's import."
    return f"{len(files)} files: {files[-1]}, and {_few(files[:-1])} with the names of the tomograms."


def _few(files: Sequence[str]) -> str:
    more = f" and {len(files) - FILES_SAID} more" if len(files) > FILES_SAID else ""
    return ", ".join(files[:FILES_SAID]) + more


def _options(options: list[tuple[str, str]] | tuple[tuple[str, str], ...], chosen: str) -> str:
    """Radio buttons beside each other; gives what is chosen then."""
    for number, (value, name) in enumerate(options):
        if number:
            imgui.same_line()
        if imgui.radio_button(name, chosen == value):
            chosen = value
    return chosen
