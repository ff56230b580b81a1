"""The window in which architectures are compared: what is compared on the left, tables and pictures on the right."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from imgui_bundle import ImVec2, ImVec4, imgui, imgui_ctx

from ais.gui.commands.file import tomogram_kinds
from ais.gui.comparison import MEANINGS, PANELS, SHARES, Comparison, ComparisonState
from ais.gui.lengths_of_time import clock
from ais.gui.panels.command_button import command_button, flow, flowing_buttons
from ais.gui.panels.comparison_pictures import ComparisonPictures
from ais.gui.panels.comparison_table import ComparisonTable
from ais.gui.panels.floating import FLOATING
from ais.gui.panels.history import local_time
from ais.gui.panels.layout import coloured, disabled, elided, em, faint, label
from ais.gui.panels.modal import SHARE_OF_WINDOW, closes_by_escape

if TYPE_CHECKING:
    from ais.gui.app import Window
    from ais.gui.comparing import Comparisons

WIDTH, HEIGHT = 86.0, 48.0
PLAN_WIDTH, PLAN_SHARE = 21.0, 0.4
LARGEST_EPOCHS = 10_000
LIST_LEAST = 8.0
BAR = 0.4
TITLE = "Compare architectures"


def draw(window: Window) -> None:
    """Draw it, where one can go on working beside it."""
    viewport = imgui.get_main_viewport()
    size = ImVec2(
        min(em(WIDTH), viewport.work_size.x * SHARE_OF_WINDOW), min(em(HEIGHT), viewport.work_size.y * SHARE_OF_WINDOW)
    )
    imgui.set_next_window_size(size, imgui.Cond_.appearing)
    imgui.set_next_window_pos(viewport.get_center(), imgui.Cond_.appearing, ImVec2(0.5, 0.5))
    drawn, stays = imgui.begin(f"{TITLE}###compare", True, FLOATING)
    try:
        if drawn:
            _draw_inside(window)
        focused = imgui.is_window_focused(imgui.FocusedFlags_.root_and_child_windows)
        if not stays or (focused and closes_by_escape()):
            window.editor.shell.comparing = False
    finally:
        imgui.end()


def forget(window: Window) -> None:
    """Free the pictures; not in the frame in which the window was closed, where they are still to be drawn."""
    window.part(ComparisonPictures).release()


def _draw_inside(window: Window) -> None:
    width = min(em(PLAN_WIDTH), PLAN_SHARE * imgui.get_content_region_avail().x)
    with imgui_ctx.begin_child("plan", ImVec2(width, 0)):
        _draw_plan(window)
    imgui.same_line(0, em(1))
    with imgui_ctx.begin_child("results"):
        _draw_results(window)


# What is to be compared


def _draw_plan(window: Window) -> None:
    comparisons = window.editor.modelling.comparisons
    plan, chosen = comparisons.plan, comparisons.training_set
    label("Training set")
    name = "none yet" if chosen is None else _set_words(Path(chosen.file).stem, chosen.n_samples)
    with disabled(chosen is None):
        if imgui.begin_combo("##Training set", name):
            for one in comparisons.sets:
                words = _set_words(Path(one.file).stem, one.n_samples)
                if imgui.selectable(f"{words}###{one.file}", one is chosen)[0]:
                    plan.training_set = one.file
            imgui.end_combo()
    label("Epochs", "How often each network sees all samples")
    _, epochs = imgui.input_int("##Epochs", plan.epochs, 1, 10)
    plan.epochs = min(max(epochs, 1), LARGEST_EPOCHS)
    _draw_held_out(window, comparisons)
    _draw_shown(window, comparisons)
    _draw_architectures(window, comparisons)
    command_button(window, "compare.run", "Run comparison", strong=not comparisons.problem())
    problem = comparisons.problem()
    if problem and comparisons.running is None:
        faint(problem, window.theme.faint)


def _set_words(stem: str, count: int) -> str:
    return f"{stem}, {count} samples"


def _draw_held_out(window: Window, comparisons: Comparisons) -> None:
    editor, plan = window.editor, comparisons.plan
    label("Measure on", "What no network is trained on")
    if imgui.radio_button("Samples kept aside", not plan.on_tomogram):
        plan.on_tomogram = False
    imgui.set_cursor_pos_x(em(6.2))
    if imgui.radio_button("A tomogram", plan.on_tomogram):
        plan.on_tomogram = True
    imgui.set_item_tooltip("Slices of a tomogram, for which you have a volume that says what is true")
    if not plan.on_tomogram:
        label("Kept aside")
        if imgui.begin_combo("##Kept aside", f"{100 * plan.validation:.0f} % of the samples"):
            for share in SHARES:
                if imgui.selectable(f"{100 * share:.0f} % of the samples", share == plan.validation)[0]:
                    plan.validation = share
            imgui.end_combo()
        return
    entry = editor.snapshot.tomogram(plan.test)
    label("Tomogram")
    if imgui.begin_combo("##Tomogram", entry.name if entry is not None else "choose"):
        for one in editor.snapshot.tomograms:
            if imgui.selectable(f"{one.name}###{one.id}", one is entry)[0]:
                plan.test = one.id
        imgui.end_combo()
    label("Truth", "A mask or labels of that tomogram")

    def take(paths: list[Path]) -> None:
        plan.truth = paths[0]

    text = elided(plan.truth.name if plan.truth is not None else "Choose file...", em(11))
    if imgui.button(f"{text}###Choose truth"):
        editor.dialogs.open_files("Choose truth", tomogram_kinds(), take, many=False)
    if plan.truth is not None:
        imgui.set_item_tooltip(str(plan.truth))


def _draw_shown(window: Window, comparisons: Comparisons) -> None:
    shown = window.editor.shown
    where = f"slice {window.editor.state.z} of {shown.entry.name}" if shown is not None else "the slice on the screen"
    text = elided(f"Show {where}", imgui.get_content_region_avail().x - em(2))
    _, comparisons.plan.show_slice = imgui.checkbox(f"{text}###Show slice", comparisons.plan.show_slice)
    imgui.set_item_tooltip(f"Pictures show what each network finds in {where}\nrather than in what is kept aside")


def _draw_architectures(window: Window, comparisons: Comparisons) -> None:
    plan, choices = comparisons.plan, comparisons.choices
    imgui.spacing()
    imgui.align_text_to_frame_padding()
    imgui.text(f"Architectures: {len(comparisons.chosen)} of {len(choices)}")
    flow(em(8))
    if imgui.button("All"):
        plan.left_out.clear()
    imgui.same_line()
    if imgui.button("None"):
        plan.left_out.update(choice.name for choice in choices)
    below = imgui.get_frame_height_with_spacing() + 2 * imgui.get_text_line_height_with_spacing()
    height = max(imgui.get_content_region_avail().y - below, em(LIST_LEAST))
    with imgui_ctx.begin_child("architectures", ImVec2(0, height)):
        for choice in choices:
            changed, on = imgui.checkbox(f"{choice.title}###Compare {choice.name}", choice.name not in plan.left_out)
            if changed:
                plan.left_out ^= {choice.name}
            del on
            imgui.indent(em(1.7))
            faint(choice.good_for, window.theme.faint)
            imgui.unindent(em(1.7))


# What has come of it


def _draw_results(window: Window) -> None:
    comparisons = window.editor.modelling.comparisons
    comparison = comparisons.selected
    if comparison is None:
        faint(
            "No comparison yet. Choose what to compare on the left and run it: each architecture is trained on the "
            "same training set, and measured on what none of them has seen. You can go on working meanwhile.",
            window.theme.faint,
        )
        window.part(ComparisonPictures).follow(None, window.editor.background)
        return
    imgui.set_next_item_width(-1)
    if imgui.begin_combo("##Comparison", _title(comparison)):
        for one in reversed(comparisons.comparisons):
            if imgui.selectable(f"{_title(one)}###{one.folder}", one is comparison)[0]:
                comparisons.selected = one
        imgui.end_combo()
    _draw_state(window, comparison)
    _draw_buttons(window, comparison)
    table = window.part(ComparisonTable)
    titles = {choice.name: choice.title for choice in comparisons.choices}
    titles |= {row["architecture"]: row["title"] for row in comparison.rows}
    room = imgui.get_content_region_avail().y
    wanted = (1 + len(comparison.architectures)) * imgui.get_frame_height_with_spacing() + em(1.4)
    table.draw(window, comparison, titles, min(wanted, max(0.5 * room, em(6))))
    _draw_pictures(window, comparison, table.order(comparison), titles)


def _title(comparison: Comparison) -> str:
    when = local_time(comparison.made)
    made = f", {when:%Y-%m-%d %H:%M}" if when is not None else ""
    count = len(comparison.architectures)
    state = "" if comparison.state is ComparisonState.DONE else f", {comparison.state.value}"
    return f"{comparison.name}, {count} architecture{'s' if count != 1 else ''}{made}{state}"


def _draw_state(window: Window, comparison: Comparison) -> None:
    if comparison.ended:
        if comparison.error:
            with coloured(window.theme.danger):
                imgui.text_wrapped(comparison.error)
        elif comparison.incomplete:
            faint("Not all architectures were compared. Continue it, and what is finished is kept.", window.theme.faint)
        elif comparison.rows:
            faint(f"Measured on {comparison.rows[0]['measured_on']}.", window.theme.faint)
        return
    fraction = comparison.fraction
    imgui.progress_bar(fraction if fraction is not None else -imgui.get_time(), ImVec2(-1, em(BAR)), "")
    left = comparison.seconds_left
    parts = ["Waits until what runs now has ended"] if comparison.waiting else []
    parts += [f"{100 * fraction:.0f} %"] if fraction is not None else []
    parts += [f"{clock(left)} left"] if left is not None else []
    parts += [comparison.message] if comparison.message else []
    faint(", ".join(parts) or "Starting", window.theme.faint)


def _draw_buttons(window: Window, comparison: Comparison) -> None:
    first = ("compare.stop", "Stop") if not comparison.ended else ("compare.continue", "Continue")
    wanted = not comparison.ended or comparison.incomplete
    flowing_buttons(
        window,
        *([first] if wanted else []),
        ("compare.folder", "Open folder"),
        ("compare.forget", "Take off the list"),
    )
    imgui.spacing()


def _draw_pictures(window: Window, comparison: Comparison, names: list[str], titles: dict[str, str]) -> None:
    pictures = window.part(ComparisonPictures)
    pictures.follow(comparison, window.editor.background)
    measured = [name for name in names if any(r["architecture"] == name and r.get("model") for r in comparison.rows)]
    if not measured:
        return
    imgui.spacing()
    with_truth = comparison.arguments.get("shown") is None
    panels = [panel for panel in PANELS if with_truth or panel != "Truth"]
    with imgui_ctx.begin_child("pictures"):
        _draw_legend(window, with_truth=with_truth)
        width = imgui.get_content_region_avail().x
        with coloured(window.theme.faint):
            for number, panel in enumerate(panels):
                if number:
                    imgui.same_line(number * width / len(panels))
                imgui.text_unformatted(elided(panel, width / len(panels) - em(0.5)))
        for name in measured:
            texture = pictures.texture(name)
            imgui.text_unformatted(titles.get(name, name))
            if texture is not None:
                size = ImVec2(width, width * texture.height / texture.width)
                imgui.image(imgui.ImTextureRef(texture.name), size)
            imgui.spacing()


def _draw_legend(window: Window, *, with_truth: bool) -> None:
    meanings = MEANINGS if with_truth else MEANINGS[:1]
    flags = int(imgui.ColorEditFlags_.no_tooltip | imgui.ColorEditFlags_.no_drag_drop)
    side = em(0.8)
    for number, (words, shade) in enumerate(meanings):
        if number:
            flow(side + em(0.5) + imgui.calc_text_size(words).x)
        imgui.color_button(f"##{words}", ImVec4(*shade, 1), flags, ImVec2(side, side))
        imgui.same_line(0, em(0.4))
        with coloured(window.theme.faint):
            imgui.text_unformatted(words)
