"""Draws the page that makes filtered copies of tomograms: the filter, which tomograms, and a part before and after."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from imgui_bundle import ImVec2, imgui, imgui_ctx

from ais.gui.commands.file import tomogram_kinds
from ais.gui.gl.texture import Texture2D
from ais.gui.panels.curate_setup import combo
from ais.gui.panels.layout import coloured, disabled, elided, em, faint, label
from ais.gui.panels.modal import at_right_end, button_width, modal, strong_button
from ais.gui.panels.sheets import draw_ticks
from ais.gui.preparing import FILTERS, Of, Page, Preparation, Preparing

if TYPE_CHECKING:
    from ais.gui.app import Window
    from ais.gui.filter_preview import Grey, PreviewPictures

WIDTH_EM, FORM_EM, GAP_EM = 58.0, 20.0, 0.6
NUMBER_EM = 5.5
LIST_ROWS = 4


def draw(window: Window) -> None:
    """Draw it."""
    preparing = window.editor.preparing
    page = preparing.page
    if page is None:
        return
    pictures = window.part(PartPictures)
    entry = window.editor.snapshot.tomogram(page.tomogram)
    ended = accepted = False
    with modal(f"Prepare a filtered copy of {entry.name if entry else ''}###prepare", WIDTH_EM) as stays:
        if stays is None:
            return
        with imgui_ctx.begin_table("parts", 2) as table:
            if table:
                imgui.table_setup_column("form", imgui.TableColumnFlags_.width_fixed, em(FORM_EM))
                imgui.table_setup_column("pictures", imgui.TableColumnFlags_.width_stretch)
                imgui.table_next_column()
                _draw_form(window, preparing, page)
                imgui.table_next_column()
                _draw_pictures(window, preparing, pictures)
        imgui.spacing()
        problem = preparing.problem()
        many = len(preparing.targets) != 1
        verb = "Choose folder..." if many else "Choose file..."
        with coloured(window.theme.danger):
            imgui.text_wrapped(problem or " ")
        at_right_end(button_width("Cancel", verb))
        ended = imgui.button("Cancel") or not stays
        imgui.same_line()
        with disabled(bool(problem)):
            accepted = strong_button(verb, window.theme.accent, window.theme.on_accent)
        if ended or accepted:
            imgui.close_current_popup()
    if accepted:
        preparing.start()
    elif ended:
        preparing.close()


def forget(window: Window) -> None:
    """Free the pictures; not in the frame in which the page was closed, where they are still to be drawn."""
    window.part(PartPictures).release()


class PartPictures:
    """The two pictures in the graphics driver."""

    def __init__(self) -> None:
        self._of: PreviewPictures | None = None
        self.textures: tuple[Texture2D, ...] = ()

    def release(self) -> None:
        """Free them; they are made anew when they are drawn."""
        for texture in self.textures:
            texture.release()
        self._of, self.textures = None, ()

    def follow(self, pictures: PreviewPictures | None) -> None:
        """Take in the newest."""
        if pictures is self._of:
            return
        self.release()
        self._of = pictures
        if pictures is not None:
            self.textures = tuple(_texture(picture) for picture in (pictures.before, pictures.after))


def _texture(picture: Grey) -> Texture2D:
    rows, columns = picture.shape
    texture = Texture2D(columns, rows, "r8")
    texture.show_as("grey")
    texture.smooth(True)
    texture.upload(picture)
    return texture


def _draw_form(window: Window, preparing: Preparing, page: Page) -> None:
    wish = preparing.wish
    _draw_remembered(window, preparing)
    label("Filter")
    now = next(one for one in FILTERS if one.kind == wish.kind)
    with combo("##Filter", now.title) as opened:
        if opened:
            for one in FILTERS:
                if imgui.selectable(f"{one.title}###{one.kind}", one is now)[0]:
                    wish.kind = one.kind
    faint(now.good_for, window.theme.faint)
    imgui.spacing()
    _draw_values(window, wish)
    label("Of", "Copies are written beside each other into one folder")
    for number, of in enumerate(Of):
        if number:
            imgui.same_line()
        if imgui.radio_button(of.value, wish.of is of):
            wish.of = of
    if wish.of is Of.CHOSEN:
        draw_ticks(page.ticks, LIST_ROWS)
    elif wish.of is Of.ALL:
        faint(f"{len(preparing.targets)} tomograms", window.theme.faint)
    label("Then", "The tomogram itself stays as it is")
    _, wish.adding = imgui.checkbox("Add to the project", wish.adding)


def _draw_remembered(window: Window, preparing: Preparing) -> None:
    remembered = preparing.remembered
    if not remembered:
        return
    label("As for", "How the training data of the project's models were prepared")
    with combo("##As for", "a model...") as opened:
        if opened:
            for number, (name, words) in enumerate(remembered):
                if imgui.selectable(f"{name}: {words}###model {number}", False)[0] and not preparing.take(words):
                    window.editor.notices.say(f"{name} remembers: {words}. This is not one of these filters.", "hint")


def _draw_values(window: Window, wish: Preparation) -> None:
    flags = int(imgui.InputTextFlags_.auto_select_all)
    if wish.kind == "gaussian":
        label("Width", "Standard deviation")
        imgui.set_next_item_width(em(NUMBER_EM))
        _, wish.sigma = imgui.input_double("##Width", wish.sigma, 0.0, 0.0, "%.4g", flags)
        _unit("A")
    elif wish.kind == "median":
        label("Window", "Edge; an odd number")
        imgui.set_next_item_width(em(NUMBER_EM))
        _, wish.window = imgui.input_int("##Window", wish.window, 2, 2)
        _unit("px")
        label("In")
        for dimensions, name in ((2, "Each slice"), (3, "3D")):
            if dimensions == 3:
                imgui.same_line()
            if imgui.radio_button(name, wish.dimensions == dimensions):
                wish.dimensions = dimensions
    elif wish.kind == "anisotropic":
        label("Rounds", "The more, the smoother")
        imgui.set_next_item_width(em(NUMBER_EM))
        _, wish.iterations = imgui.input_int("##Rounds", wish.iterations, 1, 5)
    elif wish.kind == "match":
        _draw_reference(window, wish)


def _unit(text: str) -> None:
    imgui.same_line()
    imgui.text_disabled(text)


def _draw_reference(window: Window, wish: Preparation) -> None:
    editor = window.editor
    label("Like", "The tomogram whose amplitudes and mean the copies get")
    entries = [one for one in editor.snapshot.tomograms if not one.missing]
    named = {one.path: one.name for one in entries}
    shown = "Choose..." if wish.reference is None else named.get(wish.reference, wish.reference.name)
    width = imgui.get_content_region_avail().x - imgui.get_frame_height()
    with combo("##Like", elided(shown, width)) as opened:
        if opened:
            for one in entries:
                if imgui.selectable(f"{one.name}###like {one.id}", one.path == wish.reference)[0]:
                    wish.reference = one.path
            if imgui.selectable("A file...", False)[0]:
                _ask_reference(window, wish)


def _ask_reference(window: Window, wish: Preparation) -> None:
    def chosen(paths: list[Path]) -> None:
        wish.reference = paths[0].absolute()

    window.editor.dialogs.open_files("Match amplitudes of", tomogram_kinds(), chosen, many=False)


def _draw_pictures(window: Window, preparing: Preparing, pictures: PartPictures) -> None:
    preview = preparing.preview
    pictures.follow(preview.pictures)
    rows, columns = preparing.part_shape
    longest = max(rows, columns)
    gap = em(GAP_EM)
    side = (imgui.get_content_region_avail().x - gap) / 2
    imgui.dummy(ImVec2(0, 0))  # so that both titles stand at the same height, beside fields
    low = imgui.get_cursor_pos()
    for number, title in enumerate(("Before", "After")):
        left = low.x + number * (side + gap)
        imgui.set_cursor_pos(ImVec2(left, low.y))
        imgui.text_disabled(title if number == 0 or not preview.busy else "After, filtering...")
        imgui.set_cursor_pos(ImVec2(left, low.y + imgui.get_text_line_height_with_spacing()))
        # As large as it will be, so that nothing moves when it comes; row 0 is drawn at the bottom, as in the views.
        size = ImVec2(columns * side / longest, rows * side / longest)
        if number < len(pictures.textures):
            texture = pictures.textures[number]
            scale = min(size.x / texture.width, size.y / texture.height)
            drawn = ImVec2(texture.width * scale, texture.height * scale)
            imgui.image(imgui.ImTextureRef(texture.name), drawn, ImVec2(0, 1), ImVec2(1, 0))
        else:
            imgui.dummy(size)
    _draw_caption(window, preparing)


def _draw_caption(window: Window, preparing: Preparing) -> None:
    preview = preparing.preview
    if preview.problem and not preparing.problem():
        with coloured(window.theme.danger):
            imgui.text_wrapped(preview.problem)
    elif preview.pictures is not None:
        rows, columns = preview.pictures.before.shape
        exact = "; the copy may differ a little" if preview.pictures.wish.kind in ("match", "anisotropic") else ""
        text = f"{columns} x {rows} px of slice {preview.pictures.wish.z}, each with its own contrast{exact}."
        faint(text, window.theme.faint)
    else:
        imgui.text(" ")
