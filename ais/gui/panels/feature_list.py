"""Draws the list of features: colour, name, how much is annotated, whether it is shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from imgui_bundle import ImVec2, imgui, imgui_ctx
from imgui_bundle import icons_fontawesome_6 as icons

from ais.annotation import IGNORE, ChangeFeature, Feature, ReorderFeatures
from ais.gui.commands import command
from ais.gui.feature_preview import preview, save_preview, shown_features
from ais.gui.panels.bare_button import eye_button
from ais.gui.panels.colour_choice import colour_popup, colour_square
from ais.gui.panels.command_button import command_button
from ais.gui.panels.layout import coloured, elided, em, faint
from ais.gui.panels.menu import context_menu, run_item
from ais.gui.panels.name_field import NameField
from ais.gui.theme import packed
from ais.project.overview import BoxCount

if TYPE_CHECKING:
    from ais.gui.app import Window

MOVED = "ais feature"
MENU = (
    "feature.rename",
    "feature.hide",
    "feature.outline",
    "",
    "feature.move_up",
    "feature.move_down",
    "feature.duplicate",
    "feature.merge",
    "",
    "slice.copy_to_feature",
    "feature.clear",
    "feature.delete",
)
ROW_FLAGS = int(
    imgui.SelectableFlags_.span_all_columns
    | imgui.SelectableFlags_.allow_overlap
    | imgui.SelectableFlags_.allow_double_click
)


def draw(window: Window) -> None:
    """Draw it."""
    window.part(FeatureList).draw(window)


class FeatureList:
    """The list, and the name that is being typed in it."""

    def __init__(self) -> None:
        self._name = NameField()

    def draw(self, window: Window) -> None:
        """Draw the list and what adds to it."""
        editor = window.editor
        features = shown_features(editor)
        if not features:
            faint("Nothing to annotate yet: add a feature, such as membrane.", window.theme.faint)
        flags = imgui.TableFlags_.no_pad_outer_x | imgui.TableFlags_.sizing_fixed_fit
        with (
            imgui_ctx.push_style_var(imgui.StyleVar_.cell_padding, ImVec2(em(0.2), em(0.1))),
            imgui_ctx.begin_table("features", 5, flags) as table,
        ):
            if table:
                self._draw_rows(window, features)
        command_button(window, "feature.add", "Add feature", strong=not features and editor.shown is not None)
        if editor.feature_shelf.entries:
            imgui.same_line()
            command_button(window, "feature.library", "Feature library", icon=icons.ICON_FA_BOOK)
        count = len(editor.rendering.volumes.listed)
        if count and not features:
            imgui.spacing()
            what = "a segmented volume" if count == 1 else f"{count} segmented volumes"
            faint(f"The tomogram has {what}.", window.theme.faint)
            command_button(window, "view.tab_render", "Show in 3D")

    def _draw_rows(self, window: Window, features: Sequence[Feature]) -> None:
        icon = em(1.5)
        imgui.table_setup_column("colour", imgui.TableColumnFlags_.width_fixed, imgui.get_frame_height() * 0.8)
        imgui.table_setup_column("name", imgui.TableColumnFlags_.width_stretch)
        imgui.table_setup_column("annotated", imgui.TableColumnFlags_.width_fixed)
        imgui.table_setup_column("outline", imgui.TableColumnFlags_.width_fixed, icon)
        imgui.table_setup_column("shown", imgui.TableColumnFlags_.width_fixed, icon)
        order: list[int] | None = None
        for feature in features:
            imgui.push_id(feature.id)
            moved = self._draw_row(window, feature)
            imgui.pop_id()
            if moved is not None:
                order = _moved([item.id for item in features], moved, feature.id)
        if window.editor.snapshot.revision:
            _draw_ignore(window)
        if order is not None:
            window.editor.submit(ReorderFeatures(order))

    def _draw_row(self, window: Window, feature: Feature) -> int | None:
        """Draw a feature; gives the number of another one that was dropped on it."""
        editor = window.editor
        imgui.table_next_row()
        imgui.table_next_column()
        _draw_swatch(window, feature)
        imgui.table_next_column()
        dropped = None
        if editor.shell.renaming == ("feature", feature.id):
            name = self._name.draw(editor.shell, feature.id, feature.name)
            if name is not None:
                editor.submit(ChangeFeature(feature.id, name=name))
        else:
            dropped = self._draw_name(window, feature)
        imgui.table_next_column()
        _draw_counts(window, feature.id)
        imgui.table_next_column()
        if _draw_filling(window, feature):
            editor.submit(ChangeFeature(feature.id, outline=not feature.outline))
        imgui.table_next_column()
        if eye_button(window.theme, "Show", "Show or hide (X)", shown=feature.visible):
            editor.submit(ChangeFeature(feature.id, visible=not feature.visible))
        return dropped

    def _draw_name(self, window: Window, feature: Feature) -> int | None:
        editor = window.editor
        height = imgui.get_frame_height()
        imgui.push_style_var(imgui.StyleVar_.selectable_text_align, ImVec2(0, 0.5))
        with coloured(window.theme.text if feature.visible else window.theme.faint):
            pressed, _ = imgui.selectable(
                f"{elided(feature.name, imgui.get_content_region_avail().x)}###{feature.name}",
                editor.state.feature == feature.id,
                ROW_FLAGS,
                ImVec2(0, height),
            )
        imgui.pop_style_var()
        has_keyboard = imgui.is_item_focused() and imgui.is_window_focused() and editor.state.feature == feature.id
        removing = has_keyboard and imgui.is_key_pressed(imgui.Key.delete, False)
        if removing and command("feature.delete").enabled(editor):
            command("feature.delete").run(editor)
        if pressed:
            editor.select_feature(feature.id)
            if imgui.is_mouse_double_clicked(0) and not editor.read_only:
                editor.shell.renaming = ("feature", feature.id)
        if imgui.is_item_clicked(1):
            editor.select_feature(feature.id)
        context_menu(window, MENU)
        dropped = None
        if imgui.begin_drag_drop_source():
            imgui.set_drag_drop_payload_py_id(MOVED, feature.id)
            imgui.text(feature.name)
            imgui.end_drag_drop_source()
        if imgui.begin_drag_drop_target():
            payload = imgui.accept_drag_drop_payload_py_id(MOVED)
            if payload is not None:
                dropped = int(payload.data_id)
            imgui.end_drag_drop_target()
        return dropped


def _draw_swatch(window: Window, feature: Feature) -> None:
    editor = window.editor
    colour_square(feature.colour)
    colour_popup(
        feature.colour,
        lambda chosen: editor.submit(ChangeFeature(feature.id, colour=chosen)),
        lambda picked: preview(editor, feature.id, colour=picked),
        lambda: save_preview(editor),
    )


def _draw_counts(window: Window, number: int) -> None:
    """How many slices are annotated in this tomogram, and how many boxes there are."""
    snapshot = window.editor.snapshot
    slices = len(snapshot.annotated.get(number, ()))
    boxes = snapshot.box_counts.get(window.editor.state.tomogram or 0, {}).get(number, BoxCount(0, 0))
    if not slices and not boxes.positive and not boxes.negative:
        return
    imgui.align_text_to_frame_padding()
    parts = [str(slices)]
    if boxes.positive or boxes.negative:
        parts.append(f"{icons.ICON_FA_VECTOR_SQUARE} {boxes.positive + boxes.negative}")
    with coloured(window.theme.faint):
        imgui.text("  ".join(parts))
    imgui.set_item_tooltip(counts_text(slices, boxes))


def counts_text(slices: int, boxes: BoxCount) -> str:
    """Such as "12 annotated slices, 40 boxes, 10 negative ones"."""
    text = f"{slices} annotated slice{'s' if slices != 1 else ''}"
    if boxes.positive or boxes.negative:
        text += f", {boxes.positive} box{'es' if boxes.positive != 1 else ''}"
    if boxes.negative:
        text += f", {boxes.negative} negative one{'s' if boxes.negative != 1 else ''}"
    return text


def _draw_ignore(window: Window) -> None:
    editor = window.editor
    imgui.push_id("ignore")
    imgui.table_next_row()
    imgui.table_next_column()
    _draw_stripes(window)
    imgui.table_next_column()
    imgui.push_style_var(imgui.StyleVar_.selectable_text_align, ImVec2(0, 0.5))
    with coloured(window.theme.text if editor.state.feature == IGNORE else window.theme.faint):
        chosen = editor.state.feature == IGNORE
        pressed, _ = imgui.selectable("Ignore regions", chosen, ROW_FLAGS, ImVec2(0, imgui.get_frame_height()))
    imgui.pop_style_var()
    imgui.set_item_tooltip("Regions that neither train nor count: paint them where you cannot tell")
    if pressed:
        editor.select_feature(IGNORE)
    if imgui.begin_popup_context_item("menu"):
        if imgui.is_window_appearing():
            editor.select_feature(IGNORE)
        run_item(window, command("feature.clear"), "Clear ignore regions in this tomogram")
        imgui.end_popup()
    imgui.table_next_column()
    _draw_counts(window, IGNORE)
    imgui.pop_id()


def _draw_stripes(window: Window) -> None:
    """A striped square, as the regions are drawn in the views."""
    side = round(imgui.get_frame_height() * 0.72)
    corner = imgui.get_cursor_screen_pos()
    top = corner.y + imgui.get_frame_height() * 0.14
    letters = imgui.get_window_draw_list()
    ink = packed(window.theme.faint)
    low, high = ImVec2(corner.x, top), ImVec2(corner.x + side, top + side)
    letters.push_clip_rect(low, high, True)
    for number in range(1, 7):
        offset = 2 * side * number / 7
        letters.add_line(ImVec2(corner.x + offset, top), ImVec2(corner.x + offset - side, top + side), ink, 1.5)
    letters.pop_clip_rect()
    letters.add_rect(low, high, ink, 2.0)
    imgui.dummy(ImVec2(side, imgui.get_frame_height()))


def _draw_filling(window: Window, feature: Feature) -> bool:
    """A square as the feature is drawn, filled or as an outline; whether it was pressed."""
    corner, height = imgui.get_cursor_screen_pos(), imgui.get_frame_height()
    pressed = imgui.invisible_button("Outline", ImVec2(em(1.5), height))
    hovered = imgui.is_item_hovered()
    imgui.set_item_tooltip("Shown as an outline (shift+F)" if feature.outline else "Shown filled (shift+F)")
    side = em(0.72)
    low = ImVec2(round(corner.x + (em(1.5) - side) / 2), round(corner.y + (height - side) / 2))
    high = ImVec2(low.x + round(side), low.y + round(side))
    ink = packed(window.theme.text if hovered else window.theme.faint)
    letters = imgui.get_window_draw_list()
    if not feature.outline:
        letters.add_rect_filled(low, high, packed(window.theme.faint, 0.45))
    letters.add_rect(low, high, ink, 1.0, 1.5)
    return bool(pressed)


def _moved(order: list[int], moved: int, to: int) -> list[int] | None:
    """The order after one has been dropped on another; None if that changes nothing."""
    if moved == to or moved not in order:
        return None
    at = order.index(to)
    rest = [number for number in order if number != moved]
    rest.insert(at, moved)
    return rest
