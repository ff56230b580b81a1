"""Draws how the selected set of particles looks: size, body, colour by a column, and which particles are seen."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

from imgui_bundle import ImVec2, imgui, imgui_ctx
from imgui_bundle import icons_fontawesome_6 as icons

from ais.annotation import ColumnRange, ParticleLook, ParticleSet
from ais.annotation.particle_sets import COLOUR_MAPS, MAX_RADIUS
from ais.gui.lengths import ANGSTROM_PER
from ais.gui.panels.command_button import command_button
from ais.gui.panels.layout import coloured, elided, em, faint, icon_button, label
from ais.gui.panels.swatch import swatch
from ais.gui.shown_particles import Legend, ShownParticles, column_tooltips, ends_of
from ais.gui.theme import packed

if TYPE_CHECKING:
    from ais.gui.app import Window

RADII_A = (1.0, 1000.0)
ONE_COLOUR = "One colour"
RAMP_PARTS = 24
RAMP_EM = 0.8
MAP_NAMES = {"viridis": "Viridis", "cividis": "Cividis", "inferno": "Inferno", "coolwarm": "Blue to red"}
LOGARITHMIC = int(imgui.SliderFlags_.logarithmic)


def draw(window: Window, one: ParticleSet) -> None:
    """Draw what can be set of a set."""
    particles = window.editor.rendering.particles
    look, shown = particles.look(one), particles.shown(one.id)
    imgui.spacing()
    _draw_radius(window, one, look)
    _draw_body(window, one, look, shown)
    if shown is None:
        faint(particles.problem(one.id) or "Reading the particles...", window.theme.faint)
        return
    _draw_colour(window, one, look, shown)
    _draw_ranges(window, one, look, shown)


def _draw_radius(window: Window, one: ParticleSet, look: ParticleLook) -> None:
    editor = window.editor
    shown = editor.shown
    known = shown is not None and shown.tomogram.voxel_size > 0
    unit = editor.settings.units if known else "px"
    scale = ANGSTROM_PER.get(unit, 1.0)
    label("Radius", "Of each particle")
    changed, radius = imgui.slider_float(
        "##radius", look.radius / scale, RADII_A[0] / scale, RADII_A[1] / scale, f"%.3g {unit}", LOGARITHMIC
    )
    if changed:
        # In this order, so that what is no number becomes the least.
        editor.rendering.particles.preview(one, radius=min(max(RADII_A[0], radius * scale), MAX_RADIUS))
    if imgui.is_item_deactivated_after_edit():
        editor.rendering.particles.save_look(one)


def _draw_body(window: Window, one: ParticleSet, look: ParticleLook, shown: ShownParticles | None) -> None:
    label("Drawn as", "Arrows point along the particle's own z axis")
    oriented = shown is None or shown.directions is not None
    if not oriented:
        imgui.align_text_to_frame_padding()
        imgui.text_disabled("Spheres (no orientations)")
        return
    for number, (body, name) in enumerate((("sphere", "Spheres"), ("arrow", "Arrows"))):
        if number:
            imgui.same_line()
        if imgui.radio_button(name, look.body == body) and look.body != body:
            window.editor.rendering.particles.change_look(one, body=body)


def _draw_colour(window: Window, one: ParticleSet, look: ParticleLook, shown: ShownParticles) -> None:
    particles = window.editor.rendering.particles
    label("Colour by", "A column of the particles")
    if imgui.begin_combo("##colour by", look.colour_by or ONE_COLOUR):
        if imgui.selectable(ONE_COLOUR, look.colour_by is None)[0]:
            particles.change_look(one, colour_by=None)
        for name in shown.table.labels:
            if imgui.selectable(name, look.colour_by == name)[0]:
                particles.change_look(one, colour_by=name, limits=None)
            if tooltip := column_tooltips().get(name):
                imgui.set_item_tooltip(tooltip)
        imgui.end_combo()
    legend = shown.legend
    if legend is None or look.colour_by is None:
        return
    if legend.ramp is None:
        _draw_words(legend)
        return
    label("Colours", "From the lowest to the highest value")
    if imgui.begin_combo("##colour map", MAP_NAMES[look.colour_map]):
        for name in COLOUR_MAPS:
            if imgui.selectable(MAP_NAMES[name], look.colour_map == name)[0]:
                particles.change_look(one, colour_map=name)
        imgui.end_combo()
    _draw_ramp(legend)
    label("Ends", "Values at the ends of the colours; the cross takes the least and the greatest again")
    low, high = look.limits or (legend.low, legend.high)
    if look.limits is not None:
        imgui.set_next_item_width(_beside_button())
    speed = max(abs(legend.high - legend.low), 1e-9) / 200
    changed, low, high = imgui.drag_float_range2("##ends", low, high, speed, 0.0, 0.0, "%.5g")
    if changed and -math.inf < low < high < math.inf:
        particles.preview(one, limits=(low, high))
    if imgui.is_item_deactivated_after_edit():
        particles.save_look(one)
    if look.limits is not None:
        imgui.same_line()
        if icon_button(icons.ICON_FA_XMARK, "Automatic ends", "Take the least and the greatest value"):
            particles.change_look(one, limits=None)


def _beside_button() -> float:
    """Width in pixels of a range of numbers with an icon's button at the end of its line."""
    style = imgui.get_style()
    return float(imgui.get_content_region_avail().x - em(1.9) - style.item_spacing.x - style.item_inner_spacing.x)


def _draw_ramp(legend: Legend) -> None:
    """The colours from low to high, with the values at the ends."""
    assert legend.ramp is not None
    imgui.dummy(ImVec2(0, 0))
    imgui.same_line(em(6.2))
    corner, width = imgui.get_cursor_screen_pos(), imgui.get_content_region_avail().x
    draw_list, height = imgui.get_window_draw_list(), em(RAMP_EM)
    stops = [round(part * (len(legend.ramp) - 1) / RAMP_PARTS) for part in range(RAMP_PARTS + 1)]
    inks = [packed((float(red), float(green), float(blue))) for red, green, blue in legend.ramp[stops]]
    for part, (left, right) in enumerate(itertools.pairwise(inks)):
        low = ImVec2(corner.x + width * part / RAMP_PARTS, corner.y)
        high = ImVec2(corner.x + width * (part + 1) / RAMP_PARTS, corner.y + height)
        draw_list.add_rect_filled_multi_color(low, high, left, right, right, left)
    imgui.dummy(ImVec2(width, height))
    imgui.set_item_tooltip(f"{legend.column}: {legend.low:.5g} to {legend.high:.5g}")


def _draw_words(legend: Legend) -> None:
    for word, rgb in legend.words:
        imgui.dummy(ImVec2(0, 0))
        imgui.same_line(em(6.2))
        swatch(rgb)
        imgui.text_unformatted(elided(word or "(empty)", imgui.get_content_region_avail().x))


def _draw_ranges(window: Window, one: ParticleSet, look: ParticleLook, shown: ShownParticles) -> None:
    particles = window.editor.rendering.particles
    numeric = shown.table.numeric_labels()
    for number, limits in enumerate(look.ranges):
        with imgui_ctx.push_id(f"range {number}"):
            _draw_range(window, one, look, shown, number, limits)
    free = [name for name in numeric if name not in {limits.column for limits in look.ranges}]
    hidden = one.count - shown.count
    if free:
        label("Show only", "Particles with values between two limits; the others are hidden and not deleted")
        if imgui.begin_combo("##add range", "Choose a column" if not look.ranges else "Another column"):
            for name in free:
                if imgui.selectable(name, False)[0]:
                    values = shown.table.numbers(name)
                    assert values is not None
                    low, high = ends_of(values[~one.removed])
                    particles.change_look(one, ranges=(*look.ranges, ColumnRange(name, low, high)))
            imgui.end_combo()
    if look.ranges:
        imgui.align_text_to_frame_padding()
        with coloured(window.theme.faint):
            imgui.text(f"{shown.count:,} of {one.count:,} shown")
        if hidden:
            imgui.same_line()
            command_button(window, "particles.delete_hidden", "Delete hidden")


def _draw_range(
    window: Window, one: ParticleSet, look: ParticleLook, shown: ShownParticles, number: int, limits: ColumnRange
) -> None:
    particles = window.editor.rendering.particles
    values = shown.table.numbers(limits.column)
    if values is None:
        return
    least, greatest = ends_of(values[~one.removed])
    imgui.align_text_to_frame_padding()
    imgui.text(elided(limits.column, em(6.2) - imgui.get_style().item_spacing.x))
    imgui.set_item_tooltip(f"{limits.column}: {least:.5g} to {greatest:.5g}")
    imgui.same_line(em(6.2))
    imgui.set_next_item_width(_beside_button())
    low = least if limits.low is None else limits.low
    high = greatest if limits.high is None else limits.high
    speed = max(abs(greatest - least), 1e-9) / 200
    changed, low, high = imgui.drag_float_range2("##limits", low, high, speed, least, greatest, "%.5g")
    if changed and math.isfinite(low) and math.isfinite(high):
        ranges = list(look.ranges)
        ranges[number] = ColumnRange(limits.column, low, high)
        particles.preview(one, ranges=tuple(ranges))
    if imgui.is_item_deactivated_after_edit():
        particles.save_look(one)
    imgui.same_line()
    if icon_button(icons.ICON_FA_XMARK, f"Remove {limits.column}", "Show whatever its value is"):
        particles.change_look(one, ranges=tuple(each for each in look.ranges if each is not limits))
