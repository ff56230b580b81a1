"""Draws the page on which files of coordinates find their tomograms, before anything is loaded."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from imgui_bundle import ImVec2, imgui, imgui_ctx

from ais.gui.panels.layout import coloured, elided, em, faint, label
from ais.gui.panels.modal import SHARE_OF_WINDOW, at_right_end, button_width, disabled, modal, strong_button
from ais.gui.particle_import import LEFT_OUT, NameRow, ParticleImport

if TYPE_CHECKING:
    from ais.annotation import TomogramEntry
    from ais.gui.app import Window

WIDTH = 44.0
ROWS = 3, 12
"""At least and at most so many names are seen at once."""
OTHERS_EM = 21.0
"""Height of all that is not names."""
COUNT_EM = 6.0
MOST_A = 1000.0
LEAVE_OUT = "Leave out"
PATTERN = (
    "{name} is the part that is the same in both; * is anything.\n"
    "Such as {name}_rec in the file, and lamella_{name}_* here."
)
NO_NAME = "(no name)"


def draw(window: Window) -> None:
    """Draw the page."""
    particles = window.editor.rendering.particles
    page = particles.importing
    if page is None:
        return
    ended = accepted = False
    with modal("Load particles###load particles", WIDTH) as stays:
        if stays is None:
            return
        faint(_note(page), window.theme.faint)
        imgui.spacing()
        if page.has_names:
            _draw_rule(page)
        _draw_lengths(page)
        imgui.spacing()
        _draw_names(window, page)
        imgui.spacing()
        missing = page.missing() or page.problem
        # What is still to be entered is no failure, so it is not red.
        with coloured(window.theme.danger if page.problem else window.theme.accent if missing else window.theme.faint):
            imgui.text_wrapped(missing or _outcome(page))
        at_right_end(button_width("Cancel", "Load"))
        ended = imgui.button("Cancel") or not stays
        imgui.same_line()
        with disabled(bool(missing) or page.busy):
            accepted = strong_button("Load", window.theme.accent, window.theme.on_accent)
        if ended or accepted:
            imgui.close_current_popup()
    if ended or accepted:
        particles.end_importing(accepted)


def _note(page: ParticleImport) -> str:
    count = sum(sum(file.counts.values()) for file in page.files)
    names = len({name for file in page.files for name in file.counts})
    what = page.files[0].path.name if len(page.files) == 1 else f"{len(page.files)} files"
    particles = f"{count:,} particle{'s' if count != 1 else ''}"
    if page.has_names:
        note = (
            f"{what}: {particles} of {names} tomogram{'s' if names != 1 else ''}. A name goes to the tomogram that is "
            "called like it; file endings and such as _10.00Apx do not matter."
        )
    else:
        note = f"{what}: {particles}. No tomogram is named: choose the one that they belong to."
    if any(file.needs_shape for file in page.files):
        note += " Positions are counted from the centre of the tomogram, in angstrom (RELION 5)."
    return note


def _draw_rule(page: ParticleImport) -> None:
    label("In the file", PATTERN)
    if imgui.is_window_appearing():
        imgui.set_keyboard_focus_here()
    _, in_file = imgui.input_text("##In the file", page.choice.in_file)
    label("In the project", PATTERN)
    _, in_project = imgui.input_text("##In the project", page.choice.in_project)
    page.choice = replace(page.choice, in_file=in_file, in_project=in_project)


def _draw_lengths(page: ParticleImport) -> None:
    choice = page.choice
    if page.asks_pixel_size:
        size = _length("Tilt series", "A per pixel, before binning", choice.tilt_series_pixel_size)
        page.choice = choice = replace(choice, tilt_series_pixel_size=size)
    if unknown := page.without_voxel_size():
        whose = unknown[0].name if len(unknown) == 1 else f"{len(unknown)} tomograms"
        size = _length("Voxel size", f"A, of {whose}", choice.voxel_size)
        page.choice = replace(choice, voxel_size=size)


def _length(name: str, unit: str, value: float) -> float:
    label(name)
    imgui.set_next_item_width(em(7))
    _, value = imgui.input_double(f"##{name}", value, 0.0, 0.0, "%.6g", imgui.InputTextFlags_.auto_select_all)
    imgui.same_line()
    imgui.text_disabled(unit)
    return min(max(0.0, value), MOST_A)


def _draw_names(window: Window, page: ParticleImport) -> None:
    rows = page.rows()
    style = imgui.get_style()
    step = imgui.get_frame_height() + 2 * style.cell_padding.y
    room = imgui.get_main_viewport().size.y * SHARE_OF_WINDOW
    seen = min(max((room - em(OTHERS_EM)) / step, ROWS[0]), ROWS[1], len(rows))
    flags = int(imgui.TableFlags_.scroll_y | imgui.TableFlags_.borders_inner_h)
    with imgui_ctx.begin_table("names", 3, flags, ImVec2(0, (seen + 1) * step)) as table:
        if not table:
            return
        imgui.table_setup_scroll_freeze(0, 1)
        imgui.table_setup_column("Name in the file", imgui.TableColumnFlags_.width_stretch, 1.0)
        imgui.table_setup_column("Particles", imgui.TableColumnFlags_.width_fixed, em(COUNT_EM))
        imgui.table_setup_column("Tomogram", imgui.TableColumnFlags_.width_stretch, 1.4)
        imgui.table_headers_row()
        clipper = imgui.ListClipper()
        clipper.begin(len(rows), step)
        while clipper.step():
            for at in range(clipper.display_start, clipper.display_end):
                with imgui_ctx.push_id(str(at)):
                    _draw_row(window, page, rows[at])


def _draw_row(window: Window, page: ParticleImport, row: NameRow) -> None:
    imgui.table_next_row()
    imgui.table_next_column()
    imgui.align_text_to_frame_padding()
    said = row.name or NO_NAME
    several = len(page.files) > 1
    if several:
        said = row.file.path.name if not row.name else f"{row.name}  ({row.file.path.name})"
    with coloured(window.theme.text if row.tomogram is not None else window.theme.faint):
        imgui.text_unformatted(elided(said, imgui.get_content_region_avail().x))
    if several:
        imgui.set_item_tooltip(f"{row.name or NO_NAME} in {row.file.path}")
    imgui.table_next_column()
    imgui.align_text_to_frame_padding()
    if row.outside and row.tomogram is not None:
        with coloured(window.theme.danger):
            imgui.text_unformatted(f"{row.count:,} (!)")
        imgui.set_item_tooltip(f"{row.outside:,} of them lie outside {row.tomogram.name}: check pixel and voxel sizes.")
    else:
        imgui.text_unformatted(f"{row.count:,}")
    imgui.table_next_column()
    _draw_owner(window, page, row)


def _draw_owner(window: Window, page: ParticleImport, row: NameRow) -> None:
    entries = window.editor.snapshot.tomograms
    imgui.set_next_item_width(-1)
    left_out = LEAVE_OUT if row.by_hand else "Not in this project"
    shown = elided(row.tomogram.name if row.tomogram is not None else left_out, imgui.calc_item_width() - em(2.5))
    with coloured(window.theme.text if row.tomogram is not None else window.theme.faint):
        drawn = imgui.begin_combo("##Tomogram", shown)
    if row.tomogram is not None:
        imgui.set_item_tooltip(_facts(row.tomogram, row.by_hand))
    if not drawn:
        return
    if row.by_hand and imgui.selectable("As the patterns say", False)[0]:
        page.choose(row, None)
    if imgui.selectable(LEAVE_OUT, row.tomogram is None)[0]:
        page.choose(row, LEFT_OUT)
    imgui.separator()
    for entry in entries:
        chosen = row.tomogram is not None and row.tomogram.id == entry.id
        if imgui.selectable(f"{entry.name}###{entry.name} {entry.id}", chosen)[0]:
            page.choose(row, entry.id)
    imgui.end_combo()


def _facts(entry: TomogramEntry, by_hand: bool) -> str:
    sides = " x ".join(str(side) for side in entry.shape[::-1])
    size = f"{entry.voxel_size:.4g} A" if entry.voxel_size else "unknown size"
    how = "chosen by hand" if by_hand else "found by its name"
    return f"{entry.name}: {how}\n{sides} voxels of {size}"


def _outcome(page: ParticleImport) -> str:
    if page.loaded is None:
        return "Reading..."
    count = sum(one.count for one in page.loaded)
    tomograms = len({number for one in page.loaded for number in one.parts})
    left = sum(sum(one.unknown.values()) for one in page.loaded)
    outside = sum(sum(one.outside.values()) for one in page.loaded)
    where = f"{tomograms} tomogram{'s' if tomograms != 1 else ''}"
    said = f"{count:,} particle{'s go' if count != 1 else ' goes'} to {where}"
    said += f"; {left:,} {'are' if left != 1 else 'is'} left out." if left else "."
    if outside:
        said += f" {outside:,} {'lie' if outside != 1 else 'lies'} outside: check pixel and voxel sizes."
    return said
