"""Draws what is about to be exported: models, tomograms, folder, settings, and the button that begins it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from imgui_bundle import ImVec2, ImVec4, imgui, imgui_ctx
from imgui_bundle import icons_fontawesome_6 as icons

from ais.gui.commands import command
from ais.gui.export_volumes import Choice
from ais.gui.export_wish import ExportPlan, ExportWish, Scope, size_text
from ais.gui.lengths_of_time import clock
from ais.gui.panels.command_button import WHEN_OFF, command_button, flow
from ais.gui.panels.layout import LABEL_EM, coloured, disabled, elided, em, faint, icon_button, label, section
from ais.gui.panels.modal import button_width, strong_button
from ais.gui.project_models import ProjectModel
from ais.gui.reveal import reveal

if TYPE_CHECKING:
    from ais.annotation import TomogramEntry
    from ais.gui.app import Window

FORMATS = (("uint8", "0 to 255 (MRC mode 6)"), ("int8", "0 to 127 (int8)"), ("float32", "0 to 1 (float32)"))
LABELS = (("", "None"), ("beside", "Beside the volumes"), ("inside", "Inside OME-Zarr tomograms"))
ROWS = 6
MOST_PROBLEMS = 3
BUTTON_EM = 2.1
SWATCH = int(
    imgui.ColorEditFlags_.no_tooltip | imgui.ColorEditFlags_.no_drag_drop | imgui.ColorEditFlags_.no_inputs
) | int(imgui.ColorEditFlags_.no_picker)


def draw(window: Window) -> None:
    """Draw the section."""
    wish = window.editor.modelling.exports.wish
    if not section("New export###new export", window.theme, is_open=True):
        return
    plan = wish.plan
    _draw_models(window, wish, plan)
    if not window.editor.modelling.models.models:
        return
    _draw_tomograms(window, wish, plan)
    _draw_folder(window, wish, plan)
    _draw_settings(window, wish, plan)
    _draw_button(window, plan)


def _draw_models(window: Window, wish: ExportWish, plan: ExportPlan) -> None:
    models = window.editor.modelling.models
    if not models.models:
        faint("Volumes are made by models, and this project has none yet.", window.theme.faint)
        command_button(window, "view.tab_models", "Train or add a model", strong=True)
        return
    with _field("Models", "At first those that are active in the tab Models"):
        for model in models.models:
            with imgui_ctx.push_id(str(model.id)):
                _draw_model(window, wish, model)
        _problems(window, plan, Choice.MODELS)
    if not models.rules.content() and not models.rules_problem:
        return
    with _field("Rules", "Between the models of this project, in the order in which they act"):
        _, wish.use_rules = imgui.checkbox("Apply the project's rules", wish.use_rules)
        for words in plan.rules:
            faint(words, window.theme.faint)
        if not plan.rules and not models.rules_problem:
            faint("None of them is about these models.", window.theme.faint)
        _problems(window, plan, Choice.RULES)


def _draw_model(window: Window, wish: ExportWish, model: ProjectModel) -> None:
    with disabled(bool(model.problem)):
        pressed, used = imgui.checkbox(f"###Use {model.name}", wish.uses(model))
    if pressed:
        wish.use[model.id] = used
    for number, ink in enumerate(model.colours):
        imgui.same_line(0, em(0.4 if not number else 0.15))
        side = imgui.get_text_line_height()
        imgui.set_cursor_pos_y(imgui.get_cursor_pos_y() + (imgui.get_frame_height() - side) / 2)
        imgui.color_button(f"##{number}", ImVec4(*ink, 1), SWATCH, ImVec2(side * 0.7, side))
    imgui.same_line(0, em(0.4))
    imgui.align_text_to_frame_padding()
    found = ", ".join(model.found)
    words = model.name if found in ("", model.name) else f"{model.name}: {found}"
    with coloured(window.theme.faint if model.problem else window.theme.text):
        imgui.text(elided(words, imgui.get_content_region_avail().x))
    if imgui.is_item_clicked() and not model.problem:
        wish.use[model.id] = not wish.uses(model)
    imgui.set_item_tooltip(model.problem or f"{words}\n{model.entry.path}")


def _draw_tomograms(window: Window, wish: ExportWish, plan: ExportPlan) -> None:
    entries = window.editor.snapshot.tomograms
    with _field("Tomograms"):
        for number, scope in enumerate(Scope):
            text = f"All {len(entries)}" if scope is Scope.ALL else scope.value
            if number:
                flow(imgui.get_frame_height() + imgui.calc_text_size(text).x + em(0.3))
            if imgui.radio_button(f"{text}###{scope.value}", wish.scope is scope):
                if scope is Scope.CHOSEN and not wish.chosen:
                    wish.chosen = {entry.id for entry in wish.tomograms}
                wish.scope = scope
        if wish.scope is Scope.CHOSEN:
            _draw_list(window, wish)
        _problems(window, plan, Choice.TOMOGRAMS)


def _draw_list(window: Window, wish: ExportWish) -> None:
    """The tomograms with their boxes; All and None act on those that the search finds."""
    count = len(window.editor.snapshot.tomograms)
    imgui.set_next_item_width(-button_width("All", "None") - imgui.get_style().item_spacing.x)
    _, wish.search = imgui.input_text_with_hint("##Search exported", f"Search {count}", wish.search)
    entries = wish.listed
    imgui.same_line()
    if imgui.button("All###Choose all"):
        wish.chosen |= {entry.id for entry in entries}
    imgui.same_line()
    if imgui.button("None###Choose none"):
        wish.chosen -= {entry.id for entry in entries}
    row = imgui.get_frame_height()
    space = imgui.get_style().item_spacing
    with (
        imgui_ctx.begin_child("exported tomograms", ImVec2(0, max(min(len(entries), ROWS), 1) * row)),
        imgui_ctx.push_style_var(imgui.StyleVar_.item_spacing, ImVec2(space.x, 0)),
    ):
        clipper = imgui.ListClipper()
        clipper.begin(len(entries), row)
        while clipper.step():
            for at in range(clipper.display_start, clipper.display_end):
                _draw_choice(window, wish, entries[at])
    faint(f"{len(wish.tomograms)} chosen", window.theme.faint)


def _draw_choice(window: Window, wish: ExportWish, entry: TomogramEntry) -> None:
    with coloured(window.theme.faint if entry.missing else window.theme.text):
        text = elided(entry.name, imgui.get_content_region_avail().x - imgui.get_frame_height())
        pressed, chosen = imgui.checkbox(f"{text}###Export {entry.name}", entry.id in wish.chosen)
    if imgui.is_item_hovered(imgui.HoveredFlags_.for_tooltip):
        imgui.set_tooltip(f"{entry.path}{' is missing' if entry.missing else ''}")
    if pressed:
        wish.chosen ^= {entry.id} if chosen != (entry.id in wish.chosen) else set()


def _draw_folder(window: Window, wish: ExportWish, plan: ExportPlan) -> None:
    folder = wish.folder
    with _field("Folder", "Files are called tomogram__feature.mrc"):
        gap = imgui.get_style().item_spacing.x / 2
        imgui.align_text_to_frame_padding()
        room = imgui.get_content_region_avail().x
        imgui.text(_end_of(str(folder), room - 2 * (em(1.9) + gap)))
        imgui.set_item_tooltip(str(folder))
        imgui.same_line(room - 2 * em(1.9) - gap)
        command_button(window, "volumes.folder", "Choose folder", icon=icons.ICON_FA_FOLDER_OPEN)
        imgui.same_line(0, gap)
        if icon_button(icons.ICON_FA_ARROW_UP_RIGHT_FROM_SQUARE, "Open folder", "Open it in the file manager"):
            target = folder / "any"
            window.editor.background.run(lambda _: reveal(target))
        _problems(window, plan, Choice.FOLDER)
        if plan.hint:
            with coloured(window.theme.accent):
                imgui.text_wrapped(plan.hint)


def _draw_settings(window: Window, wish: ExportWish, plan: ExportPlan) -> None:
    opened = imgui.tree_node_ex("Settings###export settings", int(imgui.TreeNodeFlags_.no_tree_push_on_open))
    if not opened:
        imgui.same_line(em(LABEL_EM))
        summary = _summary(wish)
        with coloured(window.theme.faint):
            imgui.text(elided(summary, imgui.get_content_region_avail().x))
        imgui.set_item_tooltip(summary)
    else:
        label("Values", "Of a probability of 0 to 1; 0 to 255 is what most programs read")
        at = next((at for at, (name, _) in enumerate(FORMATS) if name == wish.dtype), 0)
        changed, at = imgui.combo("##Format", at, [words for _, words in FORMATS])
        if changed:
            wish.dtype = FORMATS[at][0]
        _draw_slices(window, wish)
        label("Region", "The rest of a volume becomes 0")
        _, wish.use_crops = imgui.checkbox("Only crop regions", wish.use_crops)
        imgui.set_item_tooltip("Where a tomogram has a crop region, only this part is segmented")
        label("Average", "Over rotations and flips of each slice: a little better, and as many times as slow")
        text = "%d views" if wish.tta > 1 else "off"
        _, views = imgui.slider_int("##Average", wish.tta, 1, wish.most_tta, text)
        wish.tta = min(max(views, 1), wish.most_tta)
        label("Labels", "OME-Zarr labels for napari and other viewers: 1 where a value of 0 to 255 reaches 128, else 0")
        at = next((at for at, (place, _) in enumerate(LABELS) if place == wish.labels), 0)
        changed, at = imgui.combo("##Labels", at, [words for _, words in LABELS])
        if changed:
            wish.labels = LABELS[at][0]
        label("Existing files")
        if imgui.radio_button("Skip", not wish.overwrite):
            wish.overwrite = False
        imgui.set_item_tooltip("What was finished with the same settings is not made again")
        imgui.same_line()
        if imgui.radio_button("Replace", wish.overwrite):
            wish.overwrite = True
    _problems(window, plan, Choice.SLICES)
    _problems(window, plan, Choice.SETTINGS)


def _draw_slices(window: Window, wish: ExportWish) -> None:
    label("Slices")
    shown = window.editor.shown
    pressed, everything = imgui.checkbox("All", not wish.some_slices)
    if pressed:
        wish.some_slices = not everything
        if wish.some_slices and shown is not None and not 0 < wish.last < shown.shape[0]:
            wish.first, wish.last = 0, shown.shape[0] - 1
    if not wish.some_slices:
        return
    for name, words in (("first", "from"), ("last", "to")):
        imgui.same_line()
        imgui.text(words)
        imgui.same_line()
        imgui.set_next_item_width(em(3.2))
        _, value = imgui.input_int(f"##{name} slice", getattr(wish, name), 0, 0)
        setattr(wish, name, min(max(value, 0), 1 << 30))


def _summary(wish: ExportWish) -> str:
    """What the folded settings say."""
    parts = [next(words for name, words in FORMATS if name == wish.dtype).split(" (")[0]]
    parts += [f"slices {wish.first} to {wish.last}"] if wish.some_slices else []
    parts += [f"{wish.tta} views"] if wish.tta > 1 else []
    parts += (
        [f"labels {wish.labels} {'the volumes' if wish.labels == 'beside' else 'the tomograms'}"] if wish.labels else []
    )
    parts += ["existing files are replaced" if wish.overwrite else "finished files are skipped"]
    return ", ".join(parts)


def _draw_button(window: Window, plan: ExportPlan) -> None:
    editor, theme = window.editor, window.theme
    item = command("volumes.export")
    words = f"Export {plan.volumes} volume{'s' if plan.volumes != 1 else ''}" if plan.volumes else "Export"
    imgui.spacing()
    with disabled(not item.enabled(editor)):
        if strong_button(f"{words}###Export volumes", theme.accent, theme.on_accent, ImVec2(-1, em(BUTTON_EM))):
            item.run(editor)
    if imgui.is_item_hovered(WHEN_OFF):
        imgui.set_tooltip(plan.problems[0][1] if plan.problems else item.tooltip)
    if plan.problems or not plan.volumes:
        return
    seconds = editor.modelling.exports.seconds_for(plan.work)
    size = f"p to {size_text(plan.bytes)}; go on working meanwhile."
    faint(f"U{size}" if seconds is None else f"About {clock(max(seconds, 1))}, u{size}", theme.faint)
    imgui.spacing()


def _problems(window: Window, plan: ExportPlan, choice: Choice) -> None:
    found = plan.problems_of(choice)
    if not found:
        return
    with coloured(window.theme.accent):
        for sentence in found[:MOST_PROBLEMS]:
            imgui.text_wrapped(sentence)
        if len(found) > MOST_PROBLEMS:
            imgui.text(f"And {len(found) - MOST_PROBLEMS} more like this.")


@contextmanager
def _field(name: str, tooltip: str = "") -> Iterator[None]:
    """A label, and beside it as many lines as are drawn."""
    label(name, tooltip)
    imgui.begin_group()
    try:
        yield
    finally:
        imgui.end_group()


def _end_of(text: str, width: float) -> str:
    """The last part of a path, which says most, with an ellipsis where it does not fit."""
    if imgui.calc_text_size(text).x <= width:
        return text
    parts = Path(text).parts
    for at in range(1, len(parts)):
        short = str(Path("...", *parts[at:]))
        if imgui.calc_text_size(short).x <= width:
            return short
    return elided(parts[-1] if parts else text, width)
