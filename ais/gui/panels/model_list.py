"""The part of the Models tab that lists the project's models, and how the selected one is used."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from imgui_bundle import ImVec2, imgui, imgui_ctx
from imgui_bundle import icons_fontawesome_6 as icons

from ais.gui.commands import command
from ais.gui.commands.model import relink
from ais.gui.modelling import KEYS_OF_MODELS as KEYS_OF
from ais.gui.panels import model_properties
from ais.gui.panels.bare_button import bare_button, eye_button
from ais.gui.panels.colour_choice import colour_popup, colour_square
from ais.gui.panels.command_button import flowing_buttons
from ais.gui.panels.layout import coloured, disabled, elided, em, faint, section
from ais.gui.panels.menu import context_menu
from ais.gui.panels.name_field import NameField
from ais.gui.project_models import ProjectModel
from ais.gui.theme import Rgb, packed

if TYPE_CHECKING:
    from ais.gui.app import Window

EMPTY = (
    "No model yet: train one on your annotations, add a model file (files may be dropped here), or begin with a "
    "classic model, which needs no training."
)
FILTER_FROM = 7
MOST_ROWS = 8
STRIPES = 4
KEYS = frozenset({"up", "down", "delete", "F2"})
MENU = (
    *("model.rename", "model.active", "model.show", "model.check", "model.change_classic", ""),
    *("model.save_group", "model.save_copy", "model.save_for_repository", "model.to_library", "model.relink"),
    *("model.reveal", "", "model.remove"),
)
ROW_FLAGS = int(
    imgui.SelectableFlags_.span_all_columns
    | imgui.SelectableFlags_.allow_overlap
    | imgui.SelectableFlags_.allow_double_click
)


def draw(window: Window) -> None:
    """Draw this part of the Models tab."""
    window.part(ModelList).draw(window)


class ModelList:
    """The list, what it is filtered by, and the name that is being typed in it."""

    def __init__(self) -> None:
        self._filter = ""
        self._name = NameField()
        self._had_some: bool | None = None
        self._scroll_to: int | None = None

    def draw(self, window: Window) -> None:
        """Draw the list, what adds to it, and how the selected model is used."""
        models = window.editor.modelling.models.models
        if bool(models) != self._had_some:
            if self._had_some is not None:
                imgui.set_next_item_open(bool(models))
            self._had_some = bool(models)
        renaming = window.editor.shell.renaming
        if renaming is not None and renaming[0] == "model":
            imgui.set_next_item_open(True)
        count = f"Models ({len(models)})" if len(models) > 1 else "Models"
        focused = False
        if section(f"{count}###models", window.theme, is_open=bool(models)):
            focused = self._draw_open(window, models)
        self._take_keys(window, focused)

    def _draw_open(self, window: Window, models: Sequence[ProjectModel]) -> bool:
        editor = window.editor
        if not models:
            faint(EMPTY, window.theme.faint)
        if len(models) >= FILTER_FROM:
            imgui.set_next_item_width(-1)
            _, self._filter = imgui.input_text_with_hint("##Filter models", "Filter", self._filter)
        else:
            self._filter = ""
        words = self._filter.casefold().split()
        shown = [model for model in models if all(word in _words_of(model) for word in words)]
        focused = self._draw_table(window, shown) if shown else False
        if models and not shown:
            faint("No model has this in its name or features.", window.theme.faint)
        imgui.spacing()
        flowing_buttons(
            window,
            ("model.add", "Add models..."),
            ("model.new_classic", "New classic..."),
            ("model.library", "Library..."),
            ("model.save_group", "Save group..."),
        )
        model = editor.modelling.models.model(editor.modelling.selected or 0)
        if model is not None:
            imgui.push_id(model.id)
            model_properties.draw(window, model)
            imgui.pop_id()
        return focused

    def _take_keys(self, window: Window, focused: bool) -> None:
        """While a row has the keyboard, up, down, delete and F2 are the list's."""
        shell = window.editor.shell
        if not focused:
            shell.keys_taken.pop(KEYS_OF, None)
        else:
            shell.keys_taken[KEYS_OF] = KEYS
            for key, name in (
                (imgui.Key.up_arrow, "model.previous"),
                (imgui.Key.down_arrow, "model.next"),
                (imgui.Key.delete, "model.remove"),
                (imgui.Key.f2, "model.rename"),
            ):
                repeats = key in (imgui.Key.up_arrow, imgui.Key.down_arrow)
                if imgui.is_key_pressed(key, repeats) and command(name).enabled(window.editor):
                    command(name).run(window.editor)
                    self._scroll_to = window.editor.modelling.selected

    def _draw_table(self, window: Window, models: Sequence[ProjectModel]) -> bool:
        """Draw the rows; whether one of them has the keyboard."""
        row = imgui.get_frame_height() + 2 * em(0.1)
        scrolls = len(models) > MOST_ROWS
        flags = imgui.TableFlags_.no_pad_outer_x | imgui.TableFlags_.sizing_fixed_fit
        if scrolls:
            flags |= imgui.TableFlags_.scroll_y
        focused = False
        with (
            imgui_ctx.push_style_var(imgui.StyleVar_.cell_padding, ImVec2(em(0.2), em(0.1))),
            imgui_ctx.begin_table("models", 5, int(flags), ImVec2(0, MOST_ROWS * row if scrolls else 0)) as table,
        ):
            if not table:
                return False
            imgui.table_setup_column("active", imgui.TableColumnFlags_.width_fixed)
            imgui.table_setup_column("colour", imgui.TableColumnFlags_.width_fixed, imgui.get_frame_height() * 0.8)
            imgui.table_setup_column("name", imgui.TableColumnFlags_.width_stretch)
            imgui.table_setup_column("state", imgui.TableColumnFlags_.width_fixed)
            imgui.table_setup_column("shown", imgui.TableColumnFlags_.width_fixed, em(1.5))
            for model in models:
                imgui.push_id(model.id)
                focused = self._draw_row(window, model) or focused
                imgui.pop_id()
        return focused

    def _draw_row(self, window: Window, model: ProjectModel) -> bool:
        editor = window.editor
        imgui.table_next_row()
        imgui.table_next_column()
        with disabled(editor.read_only):
            changed, active = imgui.checkbox("##Active", model.use.active)
        imgui.set_item_tooltip("Use it on the slice on the screen")
        if changed:
            editor.modelling.models.change(model.id, active=active)
        imgui.table_next_column()
        _draw_swatch(window, model)
        imgui.table_next_column()
        focused = False
        if editor.shell.renaming == ("model", model.id):
            name = self._name.draw(editor.shell, model.id, model.name)
            if name is not None:
                editor.modelling.models.rename(model.id, name)
        else:
            focused = self._draw_name(window, model)
        imgui.table_next_column()
        _draw_state(window, model)
        imgui.table_next_column()
        if eye_button(window.theme, "Show", "Show or hide its overlay", shown=model.use.show):
            editor.modelling.models.change(model.id, show=not model.use.show)
        return focused

    def _draw_name(self, window: Window, model: ProjectModel) -> bool:
        """Draw the name; whether it has the keyboard."""
        editor = window.editor
        is_selected = editor.modelling.selected == model.id
        usable = model.use.active and not model.problem
        # The line of the checkbox before it moves it down by as much as its own height makes up for.
        imgui.set_cursor_pos_y(imgui.get_cursor_pos_y() - imgui.get_style().frame_padding.y)
        imgui.push_style_var(imgui.StyleVar_.selectable_text_align, ImVec2(0, 0.5))
        with coloured(window.theme.text if usable else window.theme.faint):
            pressed, _ = imgui.selectable(
                f"{elided(model.name, imgui.get_content_region_avail().x)}###{model.name}",
                is_selected,
                ROW_FLAGS,
                ImVec2(0, imgui.get_frame_height()),
            )
        imgui.pop_style_var()
        focused = imgui.is_item_focused() and imgui.is_window_focused()
        if self._scroll_to == model.id:
            self._scroll_to = None
            if not imgui.is_item_visible():
                imgui.set_scroll_here_y(0.5)
        if imgui.is_item_hovered(imgui.HoveredFlags_.for_tooltip):
            imgui.set_tooltip(_tooltip(model))
        if pressed or imgui.is_item_clicked(1):
            editor.modelling.selected = model.id
        if pressed and imgui.is_mouse_double_clicked(0) and not editor.read_only:
            editor.shell.renaming = ("model", model.id)
        context_menu(window, MENU)
        return focused


def _words_of(model: ProjectModel) -> str:
    return " ".join((model.name, *model.found)).casefold()


def _tooltip(model: ProjectModel) -> str:
    finds = f"Finds {', '.join(model.found)}" if model.found else model.problem or "Its file is being read"
    return f"{model.name}\n{finds}\n{model.entry.path}"


def _draw_state(window: Window, model: ProjectModel) -> None:
    """Time for a slice, or what keeps the model from being used."""
    modelling = window.editor.modelling
    theme = window.theme
    if model.entry.missing or (model.file is not None and model.file.missing):
        tooltip = f"{model.entry.path} is missing.\nClick to say where it is now"
        if bare_button(theme, icons.ICON_FA_LINK_SLASH, "Relink", tooltip, theme.text):
            relink(window.editor, model)
        return
    if model.file is None:
        _draw_text("...", theme.faint, "Its file is being read")
        return
    problem = model.problem or (modelling.live.problems.get(model.id, "") if model.use.active else "")
    if problem:
        _draw_text(icons.ICON_FA_TRIANGLE_EXCLAMATION, theme.danger, problem)
        return
    hint = modelling.checks.hint(model)
    seconds = modelling.live.seconds.get(model.id)
    if model.use.active and hint:
        _draw_text(icons.ICON_FA_TRIANGLE_EXCLAMATION, theme.accent, hint)
        if seconds is not None:
            imgui.same_line()
    if model.use.active and seconds is not None:
        _draw_text(_time_text(seconds), theme.faint, "Time for the last slice")
    elif model.use.active and modelling.live.pending:
        _draw_text("...", theme.faint, "It is segmenting the slice on the screen")


def _time_text(seconds: float) -> str:
    return f"{1000 * seconds:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def _draw_text(text: str, ink: Rgb, tooltip: str) -> None:
    imgui.align_text_to_frame_padding()
    with coloured(ink):
        imgui.text_unformatted(text)
    if imgui.is_item_hovered(imgui.HoveredFlags_.for_tooltip) and imgui.begin_tooltip():
        imgui.push_text_wrap_pos(em(24))
        imgui.text_unformatted(tooltip)
        imgui.pop_text_wrap_pos()
        imgui.end_tooltip()


def _draw_swatch(window: Window, model: ProjectModel) -> None:
    """The colour of what is found, in stripes where that is several features."""
    modelling = window.editor.modelling
    colours = modelling.shown(model).colours
    first = colours[0] if colours else window.theme.field
    colour_square(first)
    corner, side = imgui.get_item_rect_min(), imgui.get_item_rect_size().x
    stripes = colours[:STRIPES]
    if len(stripes) > 1:
        letters = imgui.get_window_draw_list()
        width = side / len(stripes)
        for number, one in enumerate(stripes):
            low = ImVec2(corner.x + number * width, corner.y)
            letters.add_rect_filled(low, ImVec2(low.x + width, corner.y + side), packed(one))
    if colours:
        colour_popup(
            first,
            lambda chosen: modelling.models.change(model.id, colour=chosen),
            lambda picked: modelling.preview_use(model, colour=picked),
            lambda: modelling.save_preview(model),
            read_only=window.editor.read_only,
        )
