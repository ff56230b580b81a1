"""Draws the model library: models kept for all projects, searched, added to the project, or deleted."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from imgui_bundle import ImVec2, imgui, imgui_ctx
from imgui_bundle import icons_fontawesome_6 as icons

from ais.gui.file_opening import add_models
from ais.gui.model_facts import network_name, score_of
from ais.gui.model_library import LibraryEntry
from ais.gui.panels.command_button import command_button
from ais.gui.panels.layout import coloured, disabled, elided, em, faint
from ais.gui.panels.modal import at_right_end, button_width, modal
from ais.gui.panels.model_pictures import ModelPictures
from ais.gui.theme import colour

if TYPE_CHECKING:
    from ais.gui.app import Window

WIDTH, ROWS, ROW_EM, PICTURE_EM = 42.0, 6, 3.6, 5.0
NOTE = "Models that you keep for all projects."
EMPTY = "No model is kept yet: select one in the Models tab and copy it here."
NOT_FOUND = "No model has these words in its name, features or network."


class ModelLibraryPage:
    """What is searched for, and what was found."""

    def __init__(self) -> None:
        self._is_open = False
        self._text = ""
        self._nearest = True
        self._searched: tuple[object, ...] = ()
        self._found: tuple[LibraryEntry, ...] = ()
        self._pictures = ModelPictures()

    def release(self) -> None:
        """Free what the graphics driver keeps."""
        self._pictures.release()

    def draw(self, window: Window) -> None:
        """Draw the page while it is open."""
        editor = window.editor
        library = editor.modelling.library
        if not self._is_open:
            self._is_open = True
            library.refresh()
        with modal("Model library###model library", WIDTH) as stays:
            if stays is None:
                return
            faint(NOTE, window.theme.faint)
            imgui.set_item_tooltip(str(library.folder))
            imgui.spacing()
            self._draw_search(window)
            imgui.spacing()
            if library.entries is None:
                faint("Reading...", window.theme.faint)
            elif not library.entries:
                faint(EMPTY, window.theme.faint)
            elif not self._found:
                faint(NOT_FOUND, window.theme.faint)
            else:
                self._draw_entries(window)
            imgui.spacing()
            command_button(window, "model.to_library", self._copy_text(window))
            imgui.same_line()
            at_right_end(button_width("Close"))
            if imgui.button("Close") or not stays:
                editor.shell.model_library = False
                self._is_open = False
                imgui.close_current_popup()

    def _copy_text(self, window: Window) -> str:
        modelling = window.editor.modelling
        model = modelling.models.model(modelling.selected or 0)
        name = "" if model is None else elided(model.name, em(12))
        return f"Copy {name} here###Copy here" if name else "Copy the selected model here###Copy here"

    def _draw_search(self, window: Window) -> None:
        editor = window.editor
        shown = editor.shown
        voxel_size = 0.0 if shown is None else shown.tomogram.voxel_size
        text = f"Nearest to {voxel_size:.4g} A first"
        extra = imgui.get_frame_height() + imgui.get_style().item_inner_spacing.x + imgui.get_style().item_spacing.x
        imgui.set_next_item_width(-(imgui.calc_text_size(text).x + extra) if voxel_size > 0 else -1)
        if imgui.is_window_appearing():
            imgui.set_keyboard_focus_here()
        _, self._text = imgui.input_text_with_hint("##Search models", "Feature, name or network", self._text)
        if voxel_size > 0:
            imgui.same_line()
            _, self._nearest = imgui.checkbox(f"{text}###Nearest", self._nearest)
            imgui.set_item_tooltip("The voxel size of the tomogram on the screen")
        wanted = (editor.modelling.library.revision, self._text, voxel_size if self._nearest else 0.0)
        if wanted != self._searched and editor.modelling.library.entries is not None:
            self._searched = wanted
            self._found = editor.modelling.library.found(self._text, voxel_size if self._nearest else None)

    def _draw_entries(self, window: Window) -> None:
        rows = self._found
        present = {model.file.hash for model in window.editor.modelling.models.models if model.file is not None} - {""}
        height = em(ROW_EM) + 2 * imgui.get_style().cell_padding.y
        flags = imgui.TableFlags_.scroll_y | imgui.TableFlags_.sizing_fixed_fit | imgui.TableFlags_.borders_inner_h
        with imgui_ctx.begin_table(
            "models", 4, int(flags), ImVec2(0, min(len(rows), ROWS) * height + em(0.3))
        ) as table:
            if not table:
                return
            imgui.table_setup_column("picture", imgui.TableColumnFlags_.width_fixed, em(PICTURE_EM))
            imgui.table_setup_column("name", imgui.TableColumnFlags_.width_stretch)
            clipper = imgui.ListClipper()
            clipper.begin(len(rows), height)
            while clipper.step():
                for entry in rows[clipper.display_start : clipper.display_end]:
                    imgui.push_id(str(entry.model.path))
                    self._draw_entry(window, entry, is_present=entry.hash in present)
                    imgui.pop_id()

    def _draw_entry(self, window: Window, entry: LibraryEntry, *, is_present: bool) -> None:
        editor, path = window.editor, entry.model.path
        imgui.table_next_row(0, em(ROW_EM))
        imgui.table_next_column()
        if entry.picture is not None:
            self._pictures.draw(entry.hash, entry.picture, em(PICTURE_EM), em(ROW_EM))
        imgui.table_next_column()
        room = imgui.get_content_region_avail().x
        imgui.text_unformatted(elided(path.stem, room))
        imgui.set_item_tooltip(str(path))
        _draw_about(window, entry, room)
        imgui.table_next_column()
        _centred()
        with disabled(is_present or editor.read_only or entry.model.info is None):
            if imgui.button(f"{'In this project' if is_present else 'Add'}###Add {path.stem}"):
                add_models(editor, [path])
        imgui.table_next_column()
        _centred()
        _draw_delete(window, path)


def _draw_about(window: Window, entry: LibraryEntry, room: float) -> None:
    info = entry.model.info
    if info is None:
        with coloured(window.theme.danger):
            imgui.text_unformatted(elided(entry.model.problem, room))
        imgui.set_item_tooltip(entry.model.problem)
        return
    size = f"{info.voxel_size:.4g} A" if info.voxel_size > 0 else "voxel size not known"
    score = score_of(info)
    lines = [", ".join(info.found), ", ".join([size, network_name(info), *([f"Dice {score:.2f}"] if score else [])])]
    with coloured(window.theme.faint):
        for line in lines:
            imgui.text_unformatted(elided(line, room))


def _draw_delete(window: Window, path: Path) -> None:
    with (
        imgui_ctx.push_style_color(imgui.Col_.button, colour(window.theme.panel, 0.0)),
        coloured(window.theme.faint),
    ):
        if imgui.button(f"{icons.ICON_FA_TRASH}###Delete {path.stem}"):
            window.editor.modelling.library.remove(path)
    imgui.set_item_tooltip("Delete the file; you are asked first")


def _centred() -> None:
    imgui.set_cursor_pos_y(imgui.get_cursor_pos_y() + (em(ROW_EM) - imgui.get_frame_height()) / 2)


def draw(window: Window) -> None:
    """Draw the page while it is open."""
    window.part(ModelLibraryPage).draw(window)
