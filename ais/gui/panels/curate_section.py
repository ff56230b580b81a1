"""The part of the Models tab that leads to what should be corrected: the Curator and the least certain places."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imgui_bundle import ImVec2, imgui, imgui_ctx
from imgui_bundle import icons_fontawesome_6 as icons

from ais.gui.curation import LOOKS
from ais.gui.panels.command_button import command_button
from ais.gui.panels.curate_setup import combo, draw_choices, draw_problem, progress_in_words
from ais.gui.panels.layout import em, faint, label, section
from ais.gui.panels.modal import button_width

if TYPE_CHECKING:
    from ais.gui.app import Window
    from ais.gui.uncertainty import UncertaintyQueue

ROWS = 7
BAR_EM = 1.2


def draw(window: Window) -> None:
    """Draw this part of the Models tab."""
    if not section("Curate", window.theme):
        return
    editor = window.editor
    curation, curator = editor.modelling.curation, editor.modelling.curator
    if curation.model is None:
        faint("Train or add a model first: then its mistakes are corrected here, worst first.", window.theme.faint)
        return
    with imgui_ctx.push_id("curate"):
        draw_choices(window, label)
        imgui.dummy(ImVec2(0, em(0.2)))
        command_button(window, "curate.open", strong=not curator.tiles)
        if curator.tiles:
            imgui.same_line()
            imgui.align_text_to_frame_padding()
            imgui.text_disabled(f"{curator.judged} of {len(curator.tiles)} tiles judged")
            if curation.new_verdicts:
                command_button(window, "curate.retrain", retrain_in_words(window), strong=True)
        imgui.separator_text("Least certain places")
        _draw_wish(window)
        _draw_places(window, editor.modelling.uncertainty)
        draw_problem(window, curation.problem or editor.modelling.uncertainty.problem)


def retrain_in_words(window: Window) -> str:
    """Such as "Retrain with 12 verdicts"."""
    count = window.editor.modelling.curation.new_verdicts
    return f"Retrain with {count or ''}{' ' if count else ''}verdict{'s' if count != 1 else ''}###Retrain"


def _draw_wish(window: Window) -> None:
    curation, queue = window.editor.modelling.curation, window.editor.modelling.uncertainty
    label("Rank", "Whole slices, or tiles of the feature's box size")
    if imgui.radio_button("Slices", curation.ranking == "slices"):
        curation.ranking = "slices"
    imgui.same_line()
    if imgui.radio_button("Tiles", curation.ranking == "tiles"):
        curation.ranking = "tiles"
    tooltip = (
        "Several looks, each rotated or mirrored otherwise, also find where these disagree; they take as much longer"
    )
    label("Looks", tooltip)
    with combo("##Looks", looks_in_words(curation.looks)) as opened:
        if opened:
            for count in LOOKS:
                if imgui.selectable(looks_in_words(count), count == curation.looks)[0]:
                    curation.looks = count
    if not queue.busy:
        command_button(window, "curate.find", strong=not queue.places())
        if queue.places():
            imgui.same_line()
            command_button(window, "curate.next", "Next")
        return
    done, total = queue.slices_done
    words = progress_in_words(done, total, queue.seconds_left)
    stop = button_width("Stop")
    imgui.progress_bar(done / max(total, 1), ImVec2(-stop - em(0.6), em(BAR_EM) + em(0.35)), words)
    imgui.same_line()
    if imgui.button("Stop###Stop looking"):
        queue.stop()


def looks_in_words(count: int) -> str:
    """How often each slice is looked at."""
    return "One" if count == 1 else f"{count} rotations and flips"


def _draw_places(window: Window, queue: UncertaintyQueue) -> None:
    places = queue.places()
    if not places:
        return
    visited = sum(map(queue.visited, places))
    imgui.text_disabled(f"{visited} of {len(places)} visited")
    flags = imgui.TableFlags_.scroll_y | imgui.TableFlags_.row_bg | imgui.TableFlags_.pad_outer_x
    row = imgui.get_text_line_height() + 2 * imgui.get_style().cell_padding.y
    height = (min(len(places), ROWS) + 1) * row + em(0.3)
    with imgui_ctx.begin_table("places", 4, int(flags), ImVec2(0, height)) as table:
        if not table:
            return
        imgui.table_setup_scroll_freeze(0, 1)
        imgui.table_setup_column("", imgui.TableColumnFlags_.width_fixed, em(1.2))
        imgui.table_setup_column("Tomogram", imgui.TableColumnFlags_.width_stretch)
        imgui.table_setup_column("Slice", imgui.TableColumnFlags_.width_fixed, imgui.calc_text_size("00000").x)
        imgui.table_setup_column(
            "Unsure", imgui.TableColumnFlags_.width_fixed, imgui.calc_text_size("0.000 bit").x + em(0.5)
        )
        imgui.table_headers_row()
        clipper = imgui.ListClipper()
        clipper.begin(len(places))
        while clipper.step():
            for index in range(clipper.display_start, clipper.display_end):
                _draw_place(window, queue, index)


def _draw_place(window: Window, queue: UncertaintyQueue, index: int) -> None:
    place = queue.places()[index]
    entry = window.editor.snapshot.tomogram(place.tomogram)
    imgui.table_next_row()
    imgui.table_next_column()
    labelled, visited = queue.labelled(place), queue.visited(place)
    if labelled or visited:
        imgui.text_disabled(icons.ICON_FA_PEN if labelled else icons.ICON_FA_CHECK)
        imgui.set_item_tooltip("Annotated since" if labelled else "Visited")
    imgui.table_next_column()
    span = int(imgui.SelectableFlags_.span_all_columns)
    name = entry.name if entry is not None else "removed"
    if imgui.selectable(f"{name}###place {index}", place is queue.shown, span)[0] and entry is not None:
        queue.go_to(place)
    imgui.table_next_column()
    imgui.text(str(place.z))
    imgui.table_next_column()
    imgui.text(f"{place.entropy:.3f} bit")
