"""Draws the gallery: pictures of the particles of a set in a grid, to take the wrong ones out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imgui_bundle import ImVec2, imgui, imgui_ctx
from imgui_bundle import icons_fontawesome_6 as icons

from ais.gui.gallery import SIDES_PX, Gallery, order_in_words
from ais.gui.keys import modifiers_held
from ais.gui.lengths import ANGSTROM_PER
from ais.gui.panels.command_button import flow
from ais.gui.panels.curate_setup import combo
from ais.gui.panels.floating import FLOATING, STILL, place_over_views
from ais.gui.panels.layout import coloured, disabled, em, faint, icon_button
from ais.gui.panels.modal import at_right_end, closes_by_escape
from ais.gui.theme import packed
from ais.gui.views.crop_atlas import CropAtlas

if TYPE_CHECKING:
    from ais.gui.app import Window

NAME = "Gallery"
WIDTH_EM, HEIGHT_EM, LEAST_EM = 46.0, 38.0, 16.0
FIELD_EM = 8.5
SIZES_EM = (3.0, 16.0)
GAP_EM = 0.35
CROSS_EM = 1.35
MOST_COLUMNS = 6
"""So many are told of a particle under the pointer."""
KEYS = frozenset(("delete", "backspace", "left", "right", "up", "down", "home", "end", "pageup", "pagedown", "escape"))
"""Belong to the gallery while it is in front."""
ACROSS = {imgui.Key.left_arrow: -1, imgui.Key.right_arrow: 1}
DOWN = {imgui.Key.up_arrow: -1, imgui.Key.down_arrow: 1, imgui.Key.page_up: -4, imgui.Key.page_down: 4}


def draw(window: Window) -> None:
    """Draw it while it is open."""
    editor = window.editor
    editor.shell.keys_taken.pop(NAME, None)
    page = window.part(GalleryPage)
    if editor.rendering.picking.gallery.open and editor.document is not None:
        page.draw(window)
    else:
        page.release()


class GalleryPage:
    """The grid, and what of it is on the screen.

    Attributes
    ----------
    size_em
        Side of a picture in multiples of the letters' size.
    columns
        How many are beside each other.
    """

    def __init__(self) -> None:
        self.size_em = 6.0
        self.columns = 1
        self._atlas = CropAtlas()
        self._followed: int | None = None

    def release(self) -> None:
        """Free the pictures."""
        self._atlas.release()

    def draw(self, window: Window) -> None:
        """Draw the window with the grid."""
        editor = window.editor
        gallery = editor.rendering.picking.gallery
        place_over_views(editor, WIDTH_EM, HEIGHT_EM, LEAST_EM)
        drawn, stays = imgui.begin(f"Gallery of particles###{NAME}", True, FLOATING | STILL)
        try:
            if drawn:
                if imgui.is_window_focused(imgui.FocusedFlags_.root_and_child_windows) and closes_by_escape():
                    stays = False
                self._take_keys(window, gallery)
                self._draw_setup(window, gallery)
                imgui.separator()
                self._draw_grid(window, gallery)
                self._draw_tray(window, gallery)
        finally:
            imgui.end()
        gallery.open = bool(stays)

    # What is chosen

    def _draw_setup(self, window: Window, gallery: Gallery) -> None:
        first = True

        def place(text: str, tooltip: str, field: float = FIELD_EM) -> None:
            nonlocal first
            if not first:
                flow(imgui.calc_text_size(text).x + em(field) + imgui.get_style().item_spacing.x)
            first = False
            imgui.align_text_to_frame_padding()
            imgui.text(text)
            imgui.set_item_tooltip(tooltip)
            imgui.same_line(0, em(0.4))
            imgui.set_next_item_width(em(field))

        now = gallery.set
        place("Set", "Of the tomogram on the screen")
        with combo("##Set", now.name.replace("##", "# #") if now is not None else "None") as opened:
            if opened:
                for one in window.editor.rendering.particles.sets:
                    if imgui.selectable(f"{one.name.replace('##', '# #')}###{one.id}", one is now)[0]:
                        gallery.use_set(one.id)
        place("Sort by", "Which come first", FIELD_EM)
        with combo("##Sort", order_in_words(gallery.order)) as opened:
            if opened:
                for order in gallery.orders:
                    if imgui.selectable(order_in_words(order), order == gallery.order)[0]:
                        gallery.order = order
        imgui.same_line(0, em(0.3))
        with disabled(not gallery.order):
            icon = icons.ICON_FA_ARROW_DOWN_WIDE_SHORT if gallery.descending else icons.ICON_FA_ARROW_UP_SHORT_WIDE
            if icon_button(icon, "Direction", "Largest first" if gallery.descending else "Smallest first"):
                gallery.descending = not gallery.descending
        units = window.editor.settings.units
        scale, edge = ANGSTROM_PER[units], window.editor.rendering.voxel_size
        place("Shows", "Side of what a picture shows; double click to type", 5.0)
        low, high = SIDES_PX[0] * edge / scale, SIDES_PX[1] * edge / scale
        clamp = int(imgui.SliderFlags_.always_clamp)
        with disabled(now is None):
            moved, side = imgui.drag_float("##Side", gallery.side / scale, 0.2, low, high, f"%.1f {units}", clamp)
        if moved:
            gallery.side_wish = side * scale
        for text, name, tooltip, usable in (
            ("Projection", "projected", "The mean over the particle's depth; else the slice through its centre", True),
            ("Upright", "upright", "Cut along the particle's own axis, which then points up", gallery.can_be_upright),
        ):
            flow(imgui.get_frame_height() + imgui.calc_text_size(text).x + em(0.4))
            with disabled(not usable):
                pressed, on = imgui.checkbox(text, getattr(gallery, name))
            imgui.set_item_tooltip(tooltip)
            if pressed:
                setattr(gallery, name, on)

    # The grid

    def _draw_grid(self, window: Window, gallery: Gallery) -> None:
        with imgui_ctx.begin_child("pictures", ImVec2(0, -imgui.get_frame_height_with_spacing())) as child:
            if not child:
                return
            rows = gallery.rows
            if not len(rows):
                self._draw_nothing(window, gallery)
                gallery.want(())
                return
            side, gap = float(round(em(self.size_em))), float(round(em(GAP_EM)))
            width, height = imgui.get_content_region_avail().x, imgui.get_window_height()
            self.columns = max(1, int((width + gap) // (side + gap)))
            lines = -(-len(rows) // self.columns)
            shown = self.columns * (int(height // (side + gap)) + 3)
            self._atlas.follow(gallery.pictures_of, gallery.style.picture_px, shown)
            self._follow_current(gallery, side, gap)
            start, draw_list = imgui.get_cursor_screen_pos(), imgui.get_window_draw_list()
            wanted: list[int] = []
            clipper = imgui.ListClipper()
            clipper.begin(lines, side + gap)
            while clipper.step():
                for line in range(clipper.display_start, clipper.display_end):
                    for at in range(line * self.columns, min((line + 1) * self.columns, len(rows))):
                        number = int(rows[at])
                        wanted.append(number)
                        low = ImVec2(start.x + (at % self.columns) * (side + gap), start.y + line * (side + gap))
                        self._draw_picture(window, gallery, draw_list, number, low, side)
            gallery.want(wanted)
            imgui.set_cursor_screen_pos(ImVec2(start.x, start.y + lines * (side + gap)))
            imgui.dummy(ImVec2(1, 1))

    def _draw_picture(
        self, window: Window, gallery: Gallery, draw_list: imgui.ImDrawList, number: int, low: ImVec2, side: float
    ) -> None:
        high = ImVec2(low.x + side, low.y + side)
        imgui.set_cursor_screen_pos(low)
        imgui.set_next_item_allow_overlap()
        imgui.invisible_button(f"particle {number}", ImVec2(side, side))
        # Also over the cross, and while that is pressed.
        here = imgui.is_window_hovered(int(imgui.HoveredFlags_.allow_when_blocked_by_active_item))
        hovered = here and imgui.is_mouse_hovering_rect(low, high)
        if imgui.is_item_clicked():
            io = imgui.get_io()
            gallery.select(number, toggle=io.key_ctrl, extend=io.key_shift)
            self._followed = number
        if imgui.is_item_hovered(imgui.HoveredFlags_.for_tooltip):
            imgui.set_tooltip(particle_in_words(gallery, number))
        draw_list.add_rect_filled(low, high, packed(window.theme.view))
        picture = gallery.picture(number)
        if not self._atlas.draw(draw_list, number, picture, low, high) and picture is not None:
            window.editor.wake()  # it comes with the next frame
        if number in gallery.selected:
            draw_list.add_rect(low, high, packed((0.0, 0.0, 0.0)), thickness=em(0.3))
            draw_list.add_rect(low, high, packed(window.theme.accent), thickness=em(0.18))
        elif hovered:
            draw_list.add_rect(low, high, packed(window.theme.text, 0.6), thickness=1.0)
        if hovered and not window.editor.read_only:
            self._draw_cross(window, gallery, draw_list, number, ImVec2(high.x, low.y))

    def _draw_cross(
        self, window: Window, gallery: Gallery, draw_list: imgui.ImDrawList, number: int, corner: ImVec2
    ) -> None:
        """Draw the button that takes a particle out, into the upper right corner of its picture."""
        side = em(CROSS_EM)
        low = ImVec2(corner.x - side, corner.y)
        imgui.set_cursor_screen_pos(low)
        if imgui.invisible_button(f"delete {number}", ImVec2(side, side)):
            gallery.delete([number])
        over = imgui.is_item_hovered()
        imgui.set_item_tooltip("Take it out of the set; undo brings it back")
        ground = window.theme.danger if over else window.theme.panel
        draw_list.add_rect_filled(low, ImVec2(corner.x, corner.y + side), packed(ground, 0.9))
        size = imgui.calc_text_size(icons.ICON_FA_XMARK)
        at = ImVec2(low.x + (side - size.x) / 2, low.y + (side - size.y) / 2)
        ink = window.theme.on_danger if over else window.theme.text
        draw_list.add_text(at, packed(ink), icons.ICON_FA_XMARK)

    def _draw_nothing(self, window: Window, gallery: Gallery) -> None:
        imgui.dummy(ImVec2(0, em(2)))
        if gallery.set is None:
            text = "No particles in this tomogram yet. Pick some from a segmented volume, or load a .star file."
        elif gallery.reading:
            text = "Reading the particles..."
        else:
            text = "All particles of this set have been taken out, or are filtered out. Undo brings the former back."
        faint(text, window.theme.faint)

    def _follow_current(self, gallery: Gallery, side: float, gap: float) -> None:
        """Keep the current particle in sight when it has changed."""
        current = gallery.current
        if current is None or current == self._followed:
            return
        self._followed = current
        found = (gallery.rows == current).nonzero()[0]
        if not len(found):
            return
        top = (int(found[0]) // self.columns) * (side + gap)
        scroll, height = imgui.get_scroll_y(), imgui.get_window_height()
        if top < scroll:
            imgui.set_scroll_y(top)
        elif top + side > scroll + height:
            imgui.set_scroll_y(top + side - height)

    # Below it

    def _draw_tray(self, window: Window, gallery: Gallery) -> None:
        count, chosen = len(gallery.rows), len(gallery.selected)
        with disabled(not chosen or window.editor.read_only):
            text = f"Delete {chosen:,}" if chosen else "Delete"
            if imgui.button(f"{text}###Delete selected"):
                gallery.delete()
        imgui.set_item_tooltip("Take the selected particles out of the set (Del); undo brings them back")
        imgui.same_line()
        imgui.align_text_to_frame_padding()
        if gallery.problem:
            with coloured(window.theme.danger):
                imgui.text(gallery.problem)
        else:
            imgui.text_disabled(f"{count:,} particle{'s' if count != 1 else ''}")
            imgui.set_item_tooltip("A click selects and goes there, ctrl and shift select more, arrows move")
        slider = min(em(8), max(imgui.get_content_region_avail().x, em(3)))
        imgui.same_line()
        words = "Size"
        at_right_end(slider + imgui.calc_text_size(words).x + em(0.6))
        imgui.text_disabled(words)
        imgui.same_line(0, em(0.4))
        imgui.set_next_item_width(slider)
        _, self.size_em = imgui.slider_float("##Size", self.size_em, *SIZES_EM, "")
        imgui.set_item_tooltip("How large pictures are drawn")

    def _take_keys(self, window: Window, gallery: Gallery) -> None:
        """Keys of a window in front, unless something in it takes them first."""
        focus = imgui.FocusedFlags_.root_and_child_windows | imgui.FocusedFlags_.no_popup_hierarchy
        free = imgui.is_window_focused(int(focus)) and not imgui.get_io().want_text_input
        if not free or imgui.is_popup_open("", imgui.PopupFlags_.any_popup):
            return
        window.editor.shell.keys_taken[NAME] = KEYS
        if modifiers_held() or imgui.is_any_item_active():
            return
        for key, by in ACROSS.items():
            if imgui.is_key_pressed(key):
                gallery.step(by)
        for key, by in DOWN.items():
            if imgui.is_key_pressed(key):
                gallery.step(by * self.columns)
        if imgui.is_key_pressed(imgui.Key.home):
            gallery.step(-len(gallery.rows))
        if imgui.is_key_pressed(imgui.Key.end):
            gallery.step(len(gallery.rows))
        if imgui.is_key_pressed(imgui.Key.delete, False) or imgui.is_key_pressed(imgui.Key.backspace, False):
            gallery.delete()


def particle_in_words(gallery: Gallery, number: int) -> str:
    """Where a particle is, and what is known of it."""
    x, y, z = gallery.place(number)
    lines = [f"Particle {number + 1}", f"x {x:.1f}  y {y:.1f}  z {z:.1f}"]
    for name in gallery.orders[1 : MOST_COLUMNS + 1]:
        values = gallery.values(name)
        if values is not None:
            lines.append(f"{order_in_words(name)} {values[number]:.6g}")
    return "\n".join(lines)
