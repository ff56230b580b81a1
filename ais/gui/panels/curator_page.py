"""Draws the Curator: tiles of a prediction in a grid, judged with one key each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imgui_bundle import ImVec2, imgui, imgui_ctx
from imgui_bundle import icons_fontawesome_6 as icons

from ais.annotation import Verdict
from ais.gui.curation import MOST_TILES, Curation
from ais.gui.curator import Curator, CuratorTile
from ais.gui.keys import modifiers_held
from ais.gui.panels import curator_strip
from ais.gui.panels.command_button import command_button, flow
from ais.gui.panels.curate_section import retrain_in_words
from ais.gui.panels.curate_setup import combo, draw_choices, draw_problem, progress_in_words
from ais.gui.panels.floating import FLOATING, STILL, place_over_views
from ais.gui.panels.layout import coloured, disabled, em, faint
from ais.gui.panels.modal import at_right_end, button_width, strong_button
from ais.gui.theme import Rgb, packed
from ais.gui.training import TrainingState
from ais.gui.views.tile_atlas import TileAtlas
from ais.uncertainty import TileRule

if TYPE_CHECKING:
    from ais.gui.app import Window
    from ais.gui.training import Training

TITLE = "Curator###Curator"
WIDTH_EM, HEIGHT_EM, LEAST_EM = 62.0, 42.0, 18.0
FIELD_EM = 9.0
SIZES_EM = (3.0, 16.0)
GAP_EM = 0.35
TRAY_EM = 2.6
KEYS = frozenset(("B", "G", "I", "E", "H", "left", "right", "up", "down", "home", "end", "pageup", "pagedown")) | {
    "enter",
    "escape",
}
"""Belong to the Curator while it is in front."""
STEPS = {
    imgui.Key.left_arrow: (0, -1),
    imgui.Key.right_arrow: (0, 1),
    imgui.Key.up_arrow: (-1, 0),
    imgui.Key.down_arrow: (1, 0),
    imgui.Key.page_up: (-3, 0),
    imgui.Key.page_down: (3, 0),
}
VERDICTS: dict[Verdict, tuple[str, imgui.Key, str, Rgb, str]] = {
    # Colours of Okabe and Ito, which those who see few colours can tell apart; the signs differ as well.
    Verdict.GOOD: (
        *("Good", imgui.Key.g, icons.ICON_FA_CHECK, (0.0, 0.62, 0.45)),
        "The prediction becomes annotation, with a box; a negative one where nothing is found",
    ),
    Verdict.BAD: (
        *("Bad", imgui.Key.b, icons.ICON_FA_XMARK, (0.84, 0.37, 0.0)),
        "The feature is erased in the tile, which becomes a negative box",
    ),
    Verdict.IGNORE: (
        *("Ignore", imgui.Key.i, icons.ICON_FA_MINUS, (0.60, 0.60, 0.62)),
        "The tile is painted as ignore region: it neither trains nor counts",
    ),
}


def draw(window: Window) -> None:
    """Draw it while it is open."""
    editor = window.editor
    editor.shell.keys_taken.pop("Curator", None)
    page = window.part(CuratorPage)
    if not editor.shell.curator or editor.document is None:
        page.release()
    elif editor.modelling.curation.aside:
        curator_strip.draw(window)
    else:
        page.draw(window)


class CuratorPage:
    """The grid, and what of it is on the screen.

    Attributes
    ----------
    size_em
        Side of a tile in multiples of the letters' size.
    columns
        How many tiles are beside each other.
    """

    def __init__(self) -> None:
        self.size_em = 8.0
        self.columns = 1
        self._atlas = TileAtlas()
        self._hidden = False
        self._shown_current: tuple[object, int] = (None, -1)

    def release(self) -> None:
        """Free the pictures."""
        self._atlas.release()

    def draw(self, window: Window) -> None:
        """Draw the window with the grid."""
        editor = window.editor
        place_over_views(editor, WIDTH_EM, HEIGHT_EM, LEAST_EM)
        drawn, stays = imgui.begin(TITLE, True, FLOATING | STILL)
        if drawn:
            self._take_keys(window)
            self._draw_setup(window)
            imgui.separator()
            self._draw_bar(window)
            self._draw_grid(window)
            self._draw_tray(window)
        imgui.end()
        if not stays:
            editor.shell.curator = False

    # What is chosen

    def _draw_setup(self, window: Window) -> None:
        editor = window.editor
        curation, curator = editor.modelling.curation, editor.modelling.curator
        first = True

        def place(text: str, tooltip: str) -> None:
            nonlocal first
            if not first:
                flow(imgui.calc_text_size(text).x + em(FIELD_EM) + imgui.get_style().item_spacing.x)
            first = False
            imgui.align_text_to_frame_padding()
            imgui.text(text)
            imgui.set_item_tooltip(tooltip)
            imgui.same_line(0, em(0.4))
            imgui.set_next_item_width(em(FIELD_EM))

        with disabled(curator.gathering):
            draw_choices(window, place)
            place("First", "Which tiles come first")
            with combo("##Rule", rule_in_words(curation.rule)) as opened:
                if opened:
                    for rule in TileRule:
                        if imgui.selectable(rule_in_words(rule), rule is curation.rule)[0]:
                            curation.rule = rule
            place("Tiles", "How many tiles, in all")
            imgui.set_next_item_width(em(4))
            clamp = int(imgui.SliderFlags_.always_clamp)
            _, curation.count = imgui.drag_int("##Count", curation.count, 0.3, 1, MOST_TILES, "%d", clamp)
        flow(max(button_width("Gather other tiles"), em(18)))
        self._draw_gathering(window, curation, curator)
        draw_problem(window, curation.problem or curator.problem)

    def _draw_gathering(self, window: Window, curation: Curation, curator: Curator) -> None:
        if curator.gathering:
            done, total = curator.slices_done
            words = progress_in_words(done, total, curator.seconds_left)
            imgui.progress_bar(done / max(total, 1), ImVec2(em(14), imgui.get_frame_height()), words)
            imgui.same_line()
            if imgui.button("Stop###Stop gathering"):
                curator.stop()
            return
        with disabled(curation.model is None or window.editor.read_only):
            if curator.tiles:
                if imgui.button("Gather other tiles###Gather"):
                    curation.gather()
                imgui.set_item_tooltip("Verdicts stay: they are written already")
            elif strong_button("Gather tiles###Gather", window.theme.accent, window.theme.on_accent):
                curation.gather()

    def _draw_bar(self, window: Window) -> None:
        curator = window.editor.modelling.curator
        imgui.align_text_to_frame_padding()
        if curator.tiles:
            imgui.text(f"{curator.judged} of {len(curator.tiles)} judged")
        else:
            imgui.text_disabled("No tiles yet")
        slider = em(8)
        imgui.same_line()
        at_right_end(slider + imgui.calc_text_size("Tile size").x + em(0.6))
        imgui.text_disabled("Tile size")
        imgui.same_line(0, em(0.4))
        imgui.set_next_item_width(slider)
        _, self.size_em = imgui.slider_float("##Tile size", self.size_em, *SIZES_EM, "")
        imgui.set_item_tooltip("How large tiles are drawn")

    # The grid

    def _draw_grid(self, window: Window) -> None:
        editor = window.editor
        curator = editor.modelling.curator
        tray = em(TRAY_EM) + imgui.get_text_line_height_with_spacing()
        with imgui_ctx.begin_child("tiles", ImVec2(0, -tray)) as child:
            if not child:
                return
            wish = curator.wish
            if wish is None or not curator.tiles:
                self._atlas.release()
                self._draw_nothing(window, curator)
                return
            if self._atlas.follow(curator.tiles, wish, wish.model.threshold, wish.count):
                editor.wake()
            side, gap = float(round(em(self.size_em))), float(round(em(GAP_EM)))
            width = imgui.get_content_region_avail().x
            self.columns = max(1, int((width + gap) // (side + gap)))
            rows = -(-len(curator.tiles) // self.columns)
            self._follow_current(curator, side, gap)
            start, draw_list = imgui.get_cursor_screen_pos(), imgui.get_window_draw_list()
            feature = editor.snapshot.feature(wish.feature)
            tint = None if self._hidden or feature is None else packed(feature.colour)
            clipper = imgui.ListClipper()
            clipper.begin(rows, side + gap)
            while clipper.step():
                for row in range(clipper.display_start, clipper.display_end):
                    for index in range(row * self.columns, min((row + 1) * self.columns, len(curator.tiles))):
                        x = start.x + (index % self.columns) * (side + gap)
                        low = ImVec2(x, start.y + row * (side + gap))
                        self._draw_tile(window, draw_list, index, low, side, tint)
            imgui.set_cursor_screen_pos(ImVec2(start.x, start.y + rows * (side + gap)))
            imgui.dummy(ImVec2(1, 1))

    def _draw_tile(
        self, window: Window, draw_list: imgui.ImDrawList, index: int, low: ImVec2, side: float, tint: int | None
    ) -> None:
        curation, curator = window.editor.modelling.curation, window.editor.modelling.curator
        high = ImVec2(low.x + side, low.y + side)
        imgui.set_cursor_screen_pos(low)
        imgui.invisible_button(f"tile {index}", ImVec2(side, side))
        if imgui.is_item_clicked():
            curator.select(index)
            self._shown_current = (curator.wish, index)
        if imgui.is_item_hovered():
            if imgui.is_mouse_double_clicked(imgui.MouseButton_.left):
                curation.edit()
            if imgui.is_item_hovered(imgui.HoveredFlags_.for_tooltip):
                imgui.set_tooltip(tile_in_words(window, curator.tiles[index]))
        draw_list.add_rect_filled(low, high, packed(window.theme.view))
        self._atlas.draw(draw_list, index, low, high, tint)
        verdict = curator.verdict(index)
        if verdict is not None:
            _, _, icon, rgb, _ = VERDICTS[verdict]
            _draw_corner(draw_list, high.x, low.y, icon, rgb)
        elif index in curation.edited:
            _draw_corner(draw_list, high.x, low.y, icons.ICON_FA_PEN, (0.35, 0.70, 0.90))
        if index == curator.current:
            draw_list.add_rect(low, high, packed((0.0, 0.0, 0.0)), thickness=em(0.3))
            draw_list.add_rect(low, high, packed(window.theme.accent), thickness=em(0.18))
        elif imgui.is_item_hovered():
            draw_list.add_rect(low, high, packed(window.theme.text, 0.6), thickness=1.0)

    def _draw_nothing(self, window: Window, curator: Curator) -> None:
        imgui.dummy(ImVec2(0, em(2)))
        if curator.gathering:
            faint("Looking for tiles. They appear as soon as a tomogram has been looked at.", window.theme.faint)
        elif curator.wish is None:
            text = "Gather tiles of the prediction and judge each with one key: the next model learns from it."
            faint(text, window.theme.faint)

    def _follow_current(self, curator: Curator, side: float, gap: float) -> None:
        """Keep the current tile in sight when it has changed."""
        now = (curator.wish, curator.current)
        if now == self._shown_current:
            return
        self._shown_current = now
        top = (curator.current // self.columns) * (side + gap)
        scroll, height = imgui.get_scroll_y(), imgui.get_window_height()
        if top < scroll:
            imgui.set_scroll_y(top)
        elif top + side > scroll + height:
            imgui.set_scroll_y(top + side - height)

    # Verdicts

    def _draw_tray(self, window: Window) -> None:
        editor = window.editor
        curation, curator = editor.modelling.curation, editor.modelling.curator
        tile = curator.tiles[curator.current] if curator.tiles else None
        if tile is not None:
            imgui.text_disabled(f"{tile_in_words(window, tile)}    H hides the prediction, arrows move")
        else:
            imgui.text_disabled(" ")
        with disabled(tile is None or editor.read_only):
            for verdict, (name, key, icon, rgb, tooltip) in VERDICTS.items():
                with coloured(rgb):
                    imgui.align_text_to_frame_padding()
                    imgui.text(icon)
                imgui.same_line(0, em(0.3))
                if imgui.button(f"{name} ({imgui.get_key_name(key)})###{name}"):
                    curator.judge(verdict)
                imgui.set_item_tooltip(tooltip)
                imgui.same_line()
            if imgui.button("Edit (E)###Edit"):
                curation.edit()
            imgui.set_item_tooltip("Goes to the tile to correct it by hand; also by a double click")
        training = curation.training
        words = retrain_in_words(window)
        if not curation.new_verdicts and training is not None:
            words = ""
        imgui.same_line()
        if words:
            at_right_end(button_width(words))
            command_button(window, "curate.retrain", words, strong=curation.new_verdicts > 0)
        elif training is not None:
            text = training_in_words(training)
            at_right_end(imgui.calc_text_size(text).x)
            imgui.text_disabled(text)

    def _take_keys(self, window: Window) -> None:
        """Keys of a window in front, unless something in it takes them first."""
        focus = imgui.FocusedFlags_.root_and_child_windows | imgui.FocusedFlags_.no_popup_hierarchy
        free = imgui.is_window_focused(int(focus)) and not imgui.get_io().want_text_input
        self._hidden = False
        if not free or imgui.is_popup_open("", imgui.PopupFlags_.any_popup):
            return
        editor = window.editor
        curation, curator = editor.modelling.curation, editor.modelling.curator
        editor.shell.keys_taken["Curator"] = KEYS
        if modifiers_held() or imgui.is_any_item_active():
            return
        self._hidden = imgui.is_key_down(imgui.Key.h)
        if imgui.is_key_pressed(imgui.Key.escape, False):
            editor.shell.curator = False
        if not curator.tiles:
            return
        for key, (rows, columns) in STEPS.items():
            if imgui.is_key_pressed(key):
                curator.select(curator.current + rows * self.columns + columns)
        if imgui.is_key_pressed(imgui.Key.home):
            curator.select(0)
        if imgui.is_key_pressed(imgui.Key.end):
            curator.select(len(curator.tiles) - 1)
        if not editor.read_only:
            for verdict, (_, key, *_) in VERDICTS.items():
                if imgui.is_key_pressed(key, False):
                    curator.judge(verdict)
        if imgui.is_key_pressed(imgui.Key.e, False) or imgui.is_key_pressed(imgui.Key.enter, False):
            curation.edit()


def rule_in_words(rule: TileRule) -> str:
    """Such as "Least certain"."""
    return rule.value.capitalize()


def tile_in_words(window: Window, tile: CuratorTile) -> str:
    """Where a tile is, and how sure the model is there."""
    entry = window.editor.snapshot.tomogram(tile.tomogram)
    name = entry.name if entry is not None else "removed"
    return f"{name}, slice {tile.z}, unsure by {tile.entropy:.2f} bit"


def training_in_words(training: Training) -> str:
    """How far the training with the verdicts is."""
    if training.state is TrainingState.DONE:
        return f"{training.output.stem} has learned from them: gather other tiles"
    share = f" {training.fraction:.0%}" if training.fraction is not None else f": {training.state.value}"
    return f"Training {training.output.stem}{share}"


def _draw_corner(draw_list: imgui.ImDrawList, right: float, top: float, icon: str, rgb: Rgb) -> None:
    """Draw a verdict into the upper right corner of a tile."""
    side = em(1.35)
    draw_list.add_rect_filled(ImVec2(right - side, top), ImVec2(right, top + side), packed(rgb))
    size = imgui.calc_text_size(icon)
    at = ImVec2(right - (side + size.x) / 2, top + (side - size.y) / 2)
    draw_list.add_text(at, packed((0.0, 0.0, 0.0)), icon)
