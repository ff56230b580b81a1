"""Draws a section of the Render tab. Picking particles from a segmented volume."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from imgui_bundle import ImVec2, imgui, imgui_ctx

from ais.gui.lengths import ANGSTROM_PER, length_text
from ais.gui.panels.command_button import command_button, flow
from ais.gui.panels.curate_setup import combo
from ais.gui.panels.layout import coloured, disabled, elided, em, faint, label, section
from ais.gui.panels.modal import button_width
from ais.gui.panels.swatch import swatch
from ais.gui.picking import Picking
from ais.gui.picking_choice import Orient
from ais.gui.theme import GRAB_SHARE, Rgb, colour, mix

if TYPE_CHECKING:
    from ais.gui.app import Window

A3_PER_NM3 = 1000.0
LARGEST = {"volume": 1e5, "length": 300.0, "long": 2000.0}
"""Ends of the sliders in nm3 and nm; more can be typed."""
LOGARITHMIC = int(imgui.SliderFlags_.logarithmic)
COUNT_SCALE = 1.5
BAR_EM = 1.2
MOST_PROBLEMS = 4


def draw(window: Window) -> None:
    """Draw this part of the Render tab."""
    editor = window.editor
    picking = editor.rendering.picking
    picking.looked_at = False
    is_open = section("Pick particles###pick particles", window.theme, is_open=True)
    if not is_open:
        return
    picking.looked_at = True
    with imgui_ctx.push_id("picking"):
        source = picking.source
        if editor.shown is None:
            faint("Open a tomogram to pick particles from its segmented volumes.", window.theme.faint)
        elif source is None:
            text = "Particles are picked from segmented volumes. Export some in the Export tab, or add a volume above."
            faint(text, window.theme.faint)
            command_button(window, "view.tab_export", "Go to Export")
        else:
            PickingForm(window, picking).draw(source.colour)
        _draw_run(window)


class PickingForm:
    """The settings of a feature, and what would come of them.

    Parameters
    ----------
    window
        The window.
    picking
        What is picked.
    """

    def __init__(self, window: Window, picking: Picking) -> None:
        self._window = window
        self._picking = picking
        self._choice = picking.choice
        shown = window.editor.shown
        self._sized = shown is not None and shown.tomogram.voxel_size > 0
        self._units = window.editor.settings.units

    def draw(self, tint: Rgb) -> None:
        """Draw all."""
        theme, choice = self._window.theme, self._choice
        self._draw_source()
        self._draw_count()
        grab = mix(theme.field, tint, GRAB_SHARE)
        with (
            imgui_ctx.push_style_color(imgui.Col_.slider_grab, colour(grab)),
            imgui_ctx.push_style_color(imgui.Col_.slider_grab_active, colour(tint)),
        ):
            self._number("Threshold", "threshold", "Voxels from here on belong to particles, 0 to 255", 1, 255, "%.0f")
            with disabled(not self._sized):
                if choice.filaments:
                    self._draw_filaments()
                else:
                    self._draw_particles()
                self._length("Margin", "margin", "Nothing is picked so close to the volume's faces", LARGEST["length"])
            self._draw_most()
            if not choice.filaments:
                self._draw_orientation()
            self._draw_surface()
        if not self._sized and not self._picking.problem:
            faint("Lengths need a voxel size: set it with Tomogram > Set voxel size.", theme.faint)
        self._draw_buttons()

    # What is picked from, and what comes of it

    def _draw_source(self) -> None:
        picking, choice = self._picking, self._choice
        source = picking.source
        assert source is not None
        label("From", "The segmented volume; its settings are used for all tomograms")
        with combo("##source", source.feature) as opened:
            if opened:
                for one in picking.sources:
                    swatch(one.colour)
                    if imgui.selectable(one.feature.replace("##", "# #"), one == source)[0]:
                        picking.use_feature(one.feature)
        label("As")
        if imgui.radio_button("Particles", not choice.filaments):
            picking.change(filaments=False, remember=True)
        flow(imgui.get_frame_height() + imgui.calc_text_size("Filaments").x + em(0.4))
        if imgui.radio_button("Filaments", choice.filaments):
            picking.change(filaments=True, remember=True)

    def _draw_count(self) -> None:
        picking, theme = self._picking, self._window.theme
        picked = picking.picked
        eye = "Preview"
        imgui.push_font(None, imgui.get_font_size() * COUNT_SCALE)
        height = imgui.get_text_line_height()
        if picking.problem:
            imgui.text_disabled("None")
        elif picked is None:
            imgui.text_disabled("...")
        else:
            with coloured(theme.faint if picking.busy else theme.text):
                imgui.text(f"{picked.filaments if picked.task.choice.filaments else len(picked):,}")
        imgui.pop_font()
        imgui.same_line(0, em(0.4))
        at = imgui.get_cursor_pos_y()
        imgui.set_cursor_pos_y(at + (height - imgui.get_text_line_height()) / 2 + em(0.1))
        words = self._count_in_words()
        room = imgui.get_content_region_avail().x - imgui.get_frame_height() - imgui.calc_text_size(eye).x - em(0.8)
        imgui.text_disabled(elided(words, max(room, em(2))))
        if picked is not None:
            units = self._window.editor.settings.units
            lengths = [length_text(picked.lengths[at], units) for at in (-1, 0)] if picked.lengths else []
            long = [f"{lengths[0]} to {lengths[1]} long"] if lengths and self._sized else []
            imgui.set_item_tooltip("\n".join(part for part in (words, *long, picked.note) if part))
        imgui.same_line()
        width = imgui.get_frame_height() + imgui.calc_text_size(eye).x + em(0.4)
        imgui.set_cursor_pos_x(imgui.get_cursor_pos_x() + max(imgui.get_content_region_avail().x - width, 0))
        imgui.set_cursor_pos_y(at + (height - imgui.get_frame_height()) / 2)
        changed, on = imgui.checkbox(eye, picking.previewing)
        if changed:
            picking.previewing = on
        imgui.set_item_tooltip("Show in the slices and in the scene what would be picked")
        if picking.problem:
            faint(picking.problem, theme.danger)

    def _count_in_words(self) -> str:
        picking, picked = self._picking, self._picking.picked
        if picking.problem:
            return ""
        if picked is None:
            return "looking" if picking.busy else ""
        if picked.task.choice.filaments:
            return f"filaments, {len(picked):,} points"
        left_out = picked.found - len(picked)
        return f"of {picked.found:,} particles" if left_out else f"particle{'s' if len(picked) != 1 else ''}"

    # Settings

    def _draw_particles(self) -> None:
        tooltip = "Smaller ones are left out"
        label("Min. volume", tooltip)
        start = self._choice.min_volume / A3_PER_NM3
        text = "%.0f nm³" if start >= 10 or start == 0 else "%.2f nm³"
        moved, value = imgui.slider_float("##min volume", start, 0, LARGEST["volume"], text, LOGARITHMIC)
        self._take(moved, min_volume=value * A3_PER_NM3)
        self._length("Spacing", "spacing", "Of two that are closer, the heavier one stays", LARGEST["length"])

    def _draw_filaments(self) -> None:
        self._length("Min. length", "min_length", "Shorter filaments are left out", LARGEST["long"])
        self._length("Step", "step", "Distance of the points along a filament", 100.0)
        self._number("Twist", "twist", "About the filament from point to point, right-handed", -180, 180, "%.1f deg")

    def _draw_most(self) -> None:
        count = self._choice.max_count
        label("At most", "Only the heaviest are kept; 0 keeps all")
        clamp = int(imgui.SliderFlags_.always_clamp)
        moved, value = imgui.drag_int("##at most", count, 1.0, 0, 1_000_000, "%d" if count else "All", clamp)
        self._take(moved, max_count=value)

    def _draw_orientation(self) -> None:
        choice = self._choice
        label("Orient", "Along what the particles' own z axis lies")
        with combo("##orient", choice.orient.value) as opened:
            if opened:
                for one in Orient:
                    if imgui.selectable(one.value, one is choice.orient)[0]:
                        surface = choice.surface
                        others = self._others()
                        if one is Orient.NORMAL and not surface and others:
                            surface = others[0]
                        self._picking.change(orient=one, surface=surface, remember=True)

    def _draw_surface(self) -> None:
        choice, others = self._choice, self._others()
        if not others and not choice.surface:
            return
        label("Surface of", "Another feature: each particle gets its distance to it, and may be left out by it")
        with combo("##surface", choice.surface or "None") as opened:
            if opened:
                for one in ("", *others):
                    if imgui.selectable(one.replace("##", "# #") or "None", one == choice.surface)[0]:
                        self._picking.change(surface=one, remember=True)
        if not choice.surface:
            return
        self._number("Its level", "surface_level", "From here on a voxel is inside, 0 to 255", 1, 255, "%.0f")
        with disabled(not self._sized):
            self._length("Nearest", "nearest", "What is closer to the surface is left out", LARGEST["length"])
            self._length(
                "Farthest", "farthest", "What is farther from the surface is left out", LARGEST["length"], "No limit"
            )

    def _others(self) -> list[str]:
        source = self._picking.source
        return [one.feature for one in self._picking.sources if one != source]

    def _number(self, text: str, name: str, tooltip: str, low: float, high: float, words: str) -> None:
        label(text, tooltip)
        moved, value = imgui.slider_float(f"##{name}", getattr(self._choice, name), low, high, words)
        self._take(moved, **{name: value})

    def _length(self, text: str, name: str, tooltip: str, most_nm: float, none: str = "") -> None:
        scale = ANGSTROM_PER[self._units]
        value = getattr(self._choice, name)
        words = none if none and not value else f"%.1f {self._units}"
        label(text, tooltip)
        high = most_nm * ANGSTROM_PER["nm"] / scale
        moved, chosen = imgui.slider_float(f"##{name}", value / scale, 0, high, words, LOGARITHMIC)
        self._take(moved, **{name: chosen * scale})

    def _take(self, moved: bool, **properties: Any) -> None:
        if moved:
            self._picking.change(**properties)
        if imgui.is_item_deactivated_after_edit():
            self._picking.remember()

    def _draw_buttons(self) -> None:
        window = self._window
        imgui.dummy(ImVec2(0, em(0.2)))
        command_button(window, "picking.pick", "Pick this tomogram", strong=not self._picking.is_applied)
        count = len(window.editor.snapshot.tomograms)
        if count > 1:
            text = f"Pick all {count} tomograms"
            flow(button_width(text))
            command_button(window, "picking.pick_all", f"{text}###Pick all tomograms")
        flow(button_width("Gallery"))
        command_button(window, "picking.gallery", "Gallery")


def _draw_run(window: Window) -> None:
    """How far picking all tomograms is, or what came of it."""
    run, theme = window.editor.rendering.picking.run, window.theme
    if not run.feature:
        return
    imgui.spacing()
    if run.running:
        done = len(run.outcomes)
        words = "Saving" if not run.current else f"{done + 1} of {run.total}: {run.current}"
        stop = button_width("Stop")
        size = ImVec2(-stop - em(0.6), em(BAR_EM) + em(0.35))
        room = imgui.get_content_region_avail().x - stop - em(1.4)
        imgui.progress_bar(done / max(run.total, 1), size, elided(words, room))
        imgui.same_line()
        with disabled(run.stopping or not run.current):
            if imgui.button("Stop###Stop picking"):
                run.stop()
        return
    picked = [one for one in run.outcomes if one.count is not None]
    imgui.text_wrapped(f"{run.count:,} {run.feature} in {len(picked)} of {run.total} tomograms")
    missing = [one.name for one in run.outcomes if one.without_volume]
    if missing:
        faint(f"Without a volume of it: {_listed(missing)}.", theme.faint)
    failed = [one for one in run.outcomes if one.problem]
    for one in failed[:MOST_PROBLEMS]:
        faint(f"{one.name}: {one.problem}", theme.danger)
    if len(failed) > MOST_PROBLEMS:
        faint(f"And {len(failed) - MOST_PROBLEMS} more.", theme.danger)
    if run.problem:
        faint(run.problem, theme.danger)
    if picked:
        command_button(window, "picking.save", "Save...")
        flow(button_width("Dismiss"))
    if imgui.button("Dismiss###Dismiss picking"):
        run.forget()


def _listed(names: list[str]) -> str:
    return ", ".join(names[:MOST_PROBLEMS]) + (
        f" and {len(names) - MOST_PROBLEMS} more" if len(names) > MOST_PROBLEMS else ""
    )
