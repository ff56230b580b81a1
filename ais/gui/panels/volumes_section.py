"""Draws a section of the Render tab. Segmented volumes of the tomogram on the screen, and how their surfaces look."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from imgui_bundle import ImVec2, imgui, imgui_ctx
from imgui_bundle import icons_fontawesome_6 as icons

from ais.gui.commands import command
from ais.gui.commands.surfaces import show
from ais.gui.lengths import volume_text
from ais.gui.panels.bare_button import eye_button
from ais.gui.panels.colour_choice import colour_popup, colour_square
from ais.gui.panels.command_button import command_button, flowing_buttons
from ais.gui.panels.layout import coloured, elided, em, faint, heading, label, section
from ais.gui.panels.menu import run_item
from ais.gui.panels.size_histogram import SizeHistogram
from ais.gui.reveal import reveal
from ais.gui.scene_volumes import KEYS_OF_VOLUMES
from ais.gui.theme import GRAB_SHARE, colour, mix
from ais.surfaces import A3_PER_NM3

if TYPE_CHECKING:
    from pathlib import Path

    from ais.gui.app import Window
    from ais.gui.scene_meshing import VolumeMesh
    from ais.gui.scene_volume import SceneVolume

ROWS = 6
KEYS = frozenset(("up", "down", "delete"))
EYE_EM = 1.5
FULL = 255.0
LEAST_LEVEL = 1.0
SMALLER = 0.8
"""The slider of dust begins so much below the smallest component: there it is off."""
MOST_SMOOTH = 20
BINS = (None, 1, 2, 3, 4, 6, 8)
MENU = (
    "surfaces.only",
    "surfaces.in_slices",
    "",
    "surfaces.everywhere",
    "surfaces.as_feature",
    "",
    "scene_files.save",
    "surfaces.take_off",
)
TABLE_FLAGS = int(imgui.TableFlags_.no_pad_outer_x | imgui.TableFlags_.sizing_fixed_fit | imgui.TableFlags_.row_bg)
ROW_FLAGS = int(imgui.SelectableFlags_.span_all_columns | imgui.SelectableFlags_.allow_overlap)
LOGARITHMIC = int(imgui.SliderFlags_.logarithmic)


def draw(window: Window) -> None:
    """Draw this part of the Render tab."""
    window.part(VolumesSection).draw(window)


class VolumesSection:
    """The list, what is searched in it, and the histogram of the selected volume."""

    def __init__(self) -> None:
        self._search = ""
        self._focused = False
        self._histogram = SizeHistogram()

    def draw(self, window: Window) -> None:
        """Draw the section."""
        editor = window.editor
        editor.shell.keys_taken.pop(KEYS_OF_VOLUMES, None)
        volumes = editor.rendering.volumes
        count = f": {len(volumes.listed)}" if volumes.listed else ""
        if not section(f"Volumes{count}###scene volumes", window.theme, is_open=True):
            return
        if editor.shown is None:
            faint("Segmented volumes appear here, once a tomogram is open.", window.theme.faint)
            return
        if not volumes.listed:
            if volumes.looking:
                faint("Looking for segmented volumes...", window.theme.faint)
            else:
                name = editor.shown.entry.name
                faint(f"There is no segmented volume of {name} yet: export one in the tab Export.", window.theme.faint)
            command_button(window, "surfaces.add")
            return
        self._draw_head(window)
        words = self._search.casefold().split()
        found = [volume for volume in volumes.listed if all(word in volume.name.casefold() for word in words)]
        if found:
            self._draw_table(window, found)
        else:
            faint("No volume has this in its name.", window.theme.faint)
        selected = volumes.volume(volumes.selected)
        if selected is not None:
            self._draw_properties(window, selected)

    def _draw_head(self, window: Window) -> None:
        volumes = window.editor.rendering.volumes
        gap = imgui.get_style().item_spacing.x / 2
        imgui.set_next_item_width(-2 * (em(1.9) + gap))
        hint = f"Search {len(volumes.listed)} volumes" if len(volumes.listed) > 1 else "Search"
        _, self._search = imgui.input_text_with_hint("##Search volumes", hint, self._search)
        shown = any(volume.look.shown for volume in volumes.listed)
        imgui.same_line(0, gap)
        command_button(window, "surfaces.show_all", icon=icons.ICON_FA_EYE if shown else icons.ICON_FA_EYE_SLASH)
        imgui.same_line(0, gap)
        command_button(window, "surfaces.add", icon=icons.ICON_FA_PLUS)

    def _draw_table(self, window: Window, found: list[SceneVolume]) -> None:
        row = imgui.get_frame_height()
        padding = ImVec2(em(0.2), em(0.07))
        many = len(found) > ROWS
        height = ROWS * (row + 2 * padding.y) if many else 0.0
        flags = TABLE_FLAGS | int(imgui.TableFlags_.scroll_y) if many else TABLE_FLAGS
        with (
            imgui_ctx.push_style_var(imgui.StyleVar_.cell_padding, padding),
            imgui_ctx.begin_table("volumes", 4, flags, ImVec2(0, height)) as table,
        ):
            if not table:
                return
            imgui.table_setup_column("colour", imgui.TableColumnFlags_.width_fixed, row * 0.8)
            imgui.table_setup_column("name", imgui.TableColumnFlags_.width_stretch)
            imgui.table_setup_column("state", imgui.TableColumnFlags_.width_fixed)
            imgui.table_setup_column("shown", imgui.TableColumnFlags_.width_fixed, em(EYE_EM))
            self._focused = False
            for volume in found:
                with imgui_ctx.push_id(str(volume.path)):
                    self._draw_row(window, volume)
            if self._focused:
                _take_keys(window, found)

    def _draw_row(self, window: Window, volume: SceneVolume) -> None:
        editor, theme = window.editor, window.theme
        volumes, look, height = editor.rendering.volumes, volume.look, imgui.get_frame_height()
        imgui.table_next_row()
        imgui.table_next_column()
        self._draw_swatch(window, volume)
        imgui.table_next_column()
        with (
            imgui_ctx.push_style_var(imgui.StyleVar_.selectable_text_align, ImVec2(0, 0.5)),
            coloured(theme.text if look.shown and not volume.problem else theme.faint),
        ):
            text = elided(volume.name, imgui.get_content_region_avail().x)
            chosen = volumes.selected == volume.path
            pressed, _ = imgui.selectable(f"{text}###{volume.name}", chosen, ROW_FLAGS, ImVec2(0, height))
        if imgui.is_item_hovered(imgui.HoveredFlags_.for_tooltip):
            imgui.set_tooltip(str(volume.path))
        if pressed or imgui.is_item_clicked(1):
            volumes.selected = volume.path
        self._focused |= imgui.is_item_focused() and imgui.is_window_focused()
        if imgui.begin_popup_context_item("menu"):
            _draw_menu(window, volume)
            imgui.end_popup()
        imgui.table_next_column()
        self._draw_state(window, volume)
        imgui.table_next_column()
        if eye_button(theme, f"Show {volume.name}", "Show or hide its surface", shown=look.shown):
            volumes.selected = volume.path
            show(editor, volume, not look.shown)

    def _draw_state(self, window: Window, volume: SceneVolume) -> None:
        """How many components are shown, or why there are none."""
        theme, volumes = window.theme, window.editor.rendering.volumes
        imgui.align_text_to_frame_padding()
        if volume.problem:
            imgui.text_colored(colour(theme.accent), icons.ICON_FA_TRIANGLE_EXCLAMATION)
            imgui.set_item_tooltip(volume.problem)
        elif volumes.slow(volume.path):
            read = volumes.fraction(volume.path)
            imgui.text_colored(colour(theme.faint), f"{read:.0%}" if read else icons.ICON_FA_HOURGLASS_HALF)
            imgui.set_item_tooltip("Its surface is being made")
        elif volume.look.shown and volumes.mesh(volume.path) is not None:
            shown, count = volumes.counts(volume.path)
            imgui.text_colored(colour(theme.faint), f"{shown:,}")
            imgui.set_item_tooltip(f"{shown:,} of {count:,} components are shown")

    def _draw_swatch(self, window: Window, volume: SceneVolume) -> None:
        volumes, title = window.editor.rendering.volumes, f"Change colour of {volume.name}"
        if colour_square(volume.colour):
            volumes.selected = volume.path
        colour_popup(
            volume.colour,
            lambda chosen: volumes.change({volume.path: {"colour": chosen}}, title),
            lambda picked: volumes.preview(volume.path, colour=picked),
            lambda: volumes.save_preview(volume.path, title),
            read_only=window.editor.read_only,
        )

    def _draw_properties(self, window: Window, volume: SceneVolume) -> None:
        volumes = window.editor.rendering.volumes
        heading(elided(volume.name, imgui.get_content_region_avail().x * 0.7))
        if volume.problem:
            with coloured(window.theme.accent):
                imgui.text_wrapped(volume.problem)
        if volume.missing:
            return
        look, mesh, ink = volume.look, volumes.mesh(volume.path), volume.colour
        if note := volumes.note(volume.path):
            faint(note, window.theme.faint)
        grab = mix(window.theme.field, ink, GRAB_SHARE)
        with (
            imgui_ctx.push_style_color(imgui.Col_.slider_grab, colour(grab)),
            imgui_ctx.push_style_color(imgui.Col_.slider_grab_active, colour(ink)),
        ):
            label("Level", "The surface encloses voxels of at least this value, on the scale of 0 to 255")
            changed, level = imgui.slider_float("##level", look.level or 0.0, LEAST_LEVEL, FULL, "%.0f of 255")
            self._slid(window, volume, changed, "level", min(max(level, LEAST_LEVEL), FULL))
            label("Dust", "Components smaller than this are not shown; they stay in the file")
            dust = (look.dust or 0.0) / A3_PER_NM3
            low, high = _dust_range(mesh, dust)
            words = volume_text(dust, volumes.voxel_size)
            changed, chosen = imgui.slider_float("##dust", max(dust, low), low, high, words, LOGARITHMIC)
            self._slid(window, volume, changed, "dust", chosen * A3_PER_NM3 if chosen > low else 0.0)
            if mesh is not None and mesh.surface.volumes.size and look.shown:
                self._draw_histogram(window, volume)
            label("Opacity", "Of the surface")
            changed, percent = imgui.slider_float("##opacity", 100 * look.alpha, 0, 100, "%.0f %%")
            self._slid(window, volume, changed, "alpha", min(max(percent / 100, 0.0), 1.0), "opacity")
            label("Smoothing", "Rounds of smoothing that keep the volume")
            words = "none" if not look.smooth else f"%d round{'s' if look.smooth != 1 else ''}"
            changed, rounds = imgui.slider_int("##smoothing", look.smooth, 0, MOST_SMOOTH, words)
            self._slid(window, volume, changed, "smooth", min(max(rounds, 0), MOST_SMOOTH), "smoothing")
        self._draw_binning(window, volume)
        more = []
        if look.hidden:
            more.append(("surfaces.show_hidden", "Show hidden"))
        if look.removals:
            more.append(("surfaces.restore", "Restore removed"))
        if more:
            flowing_buttons(window, *more)

    def _slid(self, window: Window, volume: SceneVolume, changed: bool, name: str, value: Any, words: str = "") -> None:
        """Take over what the slider before says: seen at once, saved when it is let go."""
        volumes = window.editor.rendering.volumes
        if changed:
            volumes.preview(volume.path, **{name: value})
        if imgui.is_item_deactivated_after_edit():
            volumes.save_preview(volume.path, f"Change {words or name} of {volume.name}")

    def _draw_histogram(self, window: Window, volume: SceneVolume) -> None:
        volumes = window.editor.rendering.volumes
        mesh = volumes.mesh(volume.path)
        if mesh is None:
            return
        chosen, ended = self._histogram.draw(window, mesh, volume.look.dust or 0.0, volume.colour)
        if chosen is not None:
            volumes.preview(volume.path, dust=chosen)
        if ended:
            volumes.save_preview(volume.path, f"Change dust of {volume.name}")
        shown, count = volumes.counts(volume.path)
        removed = int(mesh.removed.sum())
        words = f"{shown:,} of {count:,} component{'s' if count != 1 else ''}"
        words += f", {removed:,} removed" if removed else ""
        words += f", {int(mesh.hidden.sum()):,} hidden" if mesh.hidden.any() else ""
        faint(words, window.theme.faint)
        imgui.set_item_tooltip(f"The surface of all of them has {len(mesh.surface.faces):,} triangles")

    def _draw_binning(self, window: Window, volume: SceneVolume) -> None:
        volumes, look = window.editor.rendering.volumes, volume.look
        label("Binning", "Of so many voxels along each axis the mean is taken: a coarser surface that is made faster")
        if not imgui.begin_combo("##binning", _bin_words(look.bin)):
            return
        for binned in BINS:
            pressed, _ = imgui.selectable(_bin_words(binned), binned == look.bin)
            if pressed and binned != look.bin:
                volumes.change({volume.path: {"bin": binned}}, f"Change binning of {volume.name}")
        imgui.end_combo()


def _take_keys(window: Window, found: list[SceneVolume]) -> None:
    """While one of the rows has the keyboard, up, down and delete are the list's."""
    volumes = window.editor.rendering.volumes
    window.editor.shell.keys_taken[KEYS_OF_VOLUMES] = KEYS
    paths = [volume.path for volume in found]
    at = paths.index(volumes.selected) if volumes.selected in paths else None
    for key, step in ((imgui.Key.up_arrow, -1), (imgui.Key.down_arrow, 1)):
        if imgui.is_key_pressed(key):
            volumes.selected = paths[min(max(at + step, 0), len(paths) - 1) if at is not None else 0]
    if at is not None and imgui.is_key_pressed(imgui.Key.delete, False) and not window.editor.read_only:
        volumes.take_off(paths[at])


def _draw_menu(window: Window, volume: SceneVolume) -> None:
    for name in MENU:
        if name:
            run_item(window, command(name))
        else:
            imgui.separator()
    path: Path = volume.path
    if imgui.menu_item_simple("Show in folder"):
        window.editor.background.run(lambda _: reveal(path))
    if imgui.menu_item_simple("Copy path"):
        imgui.set_clipboard_text(str(path))


def _dust_range(mesh: VolumeMesh | None, dust: float) -> tuple[float, float]:
    """Ends of the slider in nm3, for which the smallest component stays, and the largest alone."""
    smallest = largest = 1.0
    if mesh is not None and mesh.surface.volumes.size:
        smallest, largest = float(mesh.surface.volumes_nm3[-1]), float(mesh.surface.volumes_nm3[0])
    low = smallest * SMALLER
    return low, max(largest, dust, low / SMALLER)


def _bin_words(binned: int | None) -> str:
    if binned is None:
        return "As little as memory allows"
    return "None" if binned == 1 else f"{binned} x {binned} x {binned} voxels"
