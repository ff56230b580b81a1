"""Draws a section of the Render tab: sets of particles, and how the selected one looks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imgui_bundle import ImVec2, imgui, imgui_ctx

from ais.annotation import ParticleSet, RemoveParticleSet, RenameParticleSet
from ais.gui.panels import particle_look
from ais.gui.panels.bare_button import eye_button
from ais.gui.panels.colour_choice import colour_popup, colour_square
from ais.gui.panels.command_button import flowing_buttons
from ais.gui.panels.layout import coloured, disabled, elided, em, faint, section
from ais.gui.panels.menu import context_menu
from ais.gui.panels.name_field import NameField
from ais.gui.panels.swatch import swatch
from ais.gui.particle_sets import KEYS_OF_LIST

if TYPE_CHECKING:
    from ais.gui.app import Window
    from ais.gui.particle_sets import ParticleSets

ROWS = 7
KEYS = frozenset(("up", "down", "delete", "F2"))
RENAMED = "particles"
"""What `Shell.renaming` calls these."""
MENU = (
    "particles.rename",
    "particles.table",
    "particles.save",
    "",
    "particles.distance",
    "particles.look_everywhere",
    "particles.duplicate",
    "particles.join",
    "",
    "particles.delete_hidden",
    "particles.remove",
)
FLAGS = int(imgui.TableFlags_.no_pad_outer_x | imgui.TableFlags_.sizing_fixed_fit)
SCROLLED = int(imgui.TableFlags_.scroll_y)
ROW_FLAGS = int(imgui.SelectableFlags_.allow_overlap | imgui.SelectableFlags_.allow_double_click)


def draw(window: Window) -> None:
    """Draw this part of the Render tab."""
    window.part(ParticlesSection).draw(window)


class ParticlesSection:
    """The list, and the name that is being typed in it."""

    def __init__(self) -> None:
        self._name = NameField()
        self._focused = False

    def draw(self, window: Window) -> None:
        """Draw the section."""
        editor = window.editor
        editor.shell.keys_taken.pop(KEYS_OF_LIST, None)
        particles = editor.rendering.particles
        by_hand = particles.hand_picks()
        count = len(particles.sets) + len(by_hand)
        title = f"Particles: {count} set{'s' if count != 1 else ''}" if count else "Particles"
        if not section(f"{title}###particles", window.theme, is_open=True):
            return
        with imgui_ctx.push_id("particles"):
            if count:
                self._draw_list(window, particles)
            else:
                faint(
                    "No particles yet: pick them from a volume, or load a file; it can be dropped here.",
                    window.theme.faint,
                )
            flowing_buttons(
                window,
                ("particles.load", "Load..."),
                ("particles.save", "Save..."),
                ("particles.table", "Table"),
            )
            current = particles.current
            if current is not None:
                with disabled(editor.read_only):
                    particle_look.draw(window, current)

    def _draw_list(self, window: Window, particles: ParticleSets) -> None:
        row, padding = imgui.get_frame_height(), ImVec2(em(0.2), em(0.07))
        by_hand = particles.hand_picks()
        rows = len(particles.sets) + len(by_hand)
        height = ROWS * (row + 2 * padding.y) if rows > ROWS else 0.0
        with (
            imgui_ctx.push_style_var(imgui.StyleVar_.cell_padding, padding),
            imgui_ctx.begin_table("sets", 4, FLAGS | SCROLLED * (rows > ROWS), ImVec2(0, height)) as table,
        ):
            if not table:
                return
            imgui.table_setup_column("colour", imgui.TableColumnFlags_.width_fixed, row * 0.8)
            imgui.table_setup_column("name", imgui.TableColumnFlags_.width_stretch)
            imgui.table_setup_column("count", imgui.TableColumnFlags_.width_fixed)
            imgui.table_setup_column("shown", imgui.TableColumnFlags_.width_fixed, em(1.5))
            self._focused = False
            for one in particles.sets:
                with imgui_ctx.push_id(str(one.id)):
                    self._draw_row(window, particles, one)
            current = particles.current
            if self._focused and current is not None:
                self._take_keys(window, particles, current)
            for feature, picks in by_hand:
                imgui.table_next_row()
                imgui.table_next_column()
                swatch(feature.colour, in_frame=True)
                imgui.table_next_column()
                imgui.align_text_to_frame_padding()
                with coloured(window.theme.faint):
                    imgui.text(elided(f"{feature.name} by hand", imgui.get_content_region_avail().x))
                imgui.set_item_tooltip("Picked by hand: shown and edited with the feature in the tab Annotate")
                _draw_count(window, str(len(picks.picks)), "")

    def _draw_row(self, window: Window, particles: ParticleSets, one: ParticleSet) -> None:
        editor, theme = window.editor, window.theme
        look = particles.look(one)
        imgui.table_next_row()
        imgui.table_next_column()
        _draw_swatch(window, particles, one)
        imgui.table_next_column()
        if editor.shell.renaming == (RENAMED, one.id):
            name = self._name.draw(editor.shell, one.id, one.name)
            if name is not None:
                editor.submit(RenameParticleSet(one.id, name))
        else:
            self._draw_name(window, particles, one)
        shown = particles.shown(one.id)
        visible = shown.count if shown is not None else one.count
        text = f"{visible:,} of {one.count:,}" if visible != one.count else f"{one.count:,}"
        _draw_count(window, text, particles.problem(one.id))
        imgui.table_next_column()
        with disabled(editor.read_only):
            if eye_button(theme, f"Show {one.name}", "Show or hide", shown=look.shown):
                particles.change_look(one, shown=not look.shown)

    def _draw_name(self, window: Window, particles: ParticleSets, one: ParticleSet) -> None:
        editor, chosen = window.editor, particles.selected == one.id
        with (
            imgui_ctx.push_style_var(imgui.StyleVar_.selectable_text_align, ImVec2(0, 0.5)),
            coloured(window.theme.text if particles.look(one).shown else window.theme.faint),
        ):
            pressed, _ = imgui.selectable(
                f"{elided(one.name, imgui.get_content_region_avail().x)}###{one.name}",
                chosen,
                ROW_FLAGS,
                ImVec2(0, imgui.get_frame_height()),
            )
        if imgui.is_item_hovered(imgui.HoveredFlags_.for_tooltip):
            imgui.set_tooltip(origin_text(one))
        if pressed or imgui.is_item_clicked(1):
            particles.selected = one.id
        if pressed and imgui.is_mouse_double_clicked(0) and not editor.read_only:
            editor.shell.renaming = (RENAMED, one.id)
        self._focused |= imgui.is_item_focused() and imgui.is_window_focused()
        context_menu(window, MENU)

    def _take_keys(self, window: Window, particles: ParticleSets, one: ParticleSet) -> None:
        """While one of the rows has the keyboard, up, down, delete and F2 are the list's."""
        editor = window.editor
        editor.shell.keys_taken[KEYS_OF_LIST] = KEYS
        numbers = [each.id for each in particles.sets]
        for key, step in ((imgui.Key.up_arrow, -1), (imgui.Key.down_arrow, 1)):
            if imgui.is_key_pressed(key):
                particles.selected = numbers[min(max(numbers.index(one.id) + step, 0), len(numbers) - 1)]
        if imgui.is_key_pressed(imgui.Key.delete, False) and not editor.read_only:
            editor.submit(RemoveParticleSet(one.id))
        if imgui.is_key_pressed(imgui.Key.f2, False) and not editor.read_only:
            editor.shell.renaming = (RENAMED, one.id)


def origin_text(one: ParticleSet) -> str:
    """Where a set is from, for reading."""
    source = one.origin.get("file") or one.origin.get("volume")
    verb = "Loaded from" if "file" in one.origin else "Picked from"
    removed = one.total - one.count
    lines = [one.name, f"{one.count:,} particles" + (f", {removed:,} deleted" if removed else "")]
    return "\n".join([*lines, f"{verb} {source}"] if source else lines)


def _draw_count(window: Window, text: str, problem: str) -> None:
    imgui.table_next_column()
    imgui.align_text_to_frame_padding()
    with coloured(window.theme.danger if problem else window.theme.faint):
        imgui.text("damaged" if problem else text)
    if problem:
        imgui.set_item_tooltip(problem)


def _draw_swatch(window: Window, particles: ParticleSets, one: ParticleSet) -> None:
    look = particles.look(one)
    colour_square(look.colour, tooltip=f"Coloured by {look.colour_by}" if look.colour_by else "Choose a colour")
    colour_popup(
        look.colour,
        lambda chosen: particles.change_look(one, colour=chosen, colour_by=None),
        lambda picked: particles.preview(one, colour=picked, colour_by=None),
        lambda: particles.save_look(one),
        read_only=window.editor.read_only,
    )
