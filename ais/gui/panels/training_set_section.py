"""The part of the Models tab that makes a training set."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from imgui_bundle import ImVec2, ImVec4, imgui, imgui_ctx
from imgui_bundle import icons_fontawesome_6 as icons

from ais.annotation import Feature
from ais.gui.panels.colour_choice import SQUARE_FLAGS
from ais.gui.panels.command_button import command_button, flowing_buttons
from ais.gui.panels.feature_list import counts_text
from ais.gui.panels.layout import coloured, disabled, elided, em, faint, label, section
from ais.gui.panels.modal import strong_button
from ais.gui.panels.training_actions import BAR_EM
from ais.gui.reveal import reveal
from ais.gui.theme import colour
from ais.gui.training_set_plan import About, PlanCounts, Role, SetCounts
from ais.project.overview import BoxCount
from ais.tomogram import PLAUSIBLE_A
from ais.trainset.extraction import BOX_SIZES_PX
from ais.trainset.recorded import RecordedSet

if TYPE_CHECKING:
    from ais.gui.app import Window
    from ais.gui.training_sets import TrainingSets

DEPTHS = (
    (1, "2D: one slice"),
    (3, "2.5D: 3 slices"),
    (5, "2.5D: 5 slices"),
    (7, "2.5D or 3D: 7 slices"),
    (9, "2.5D or 3D: 9 slices"),
    (17, "2.5D or 3D: 17 slices"),
)
ROLES = (
    (Role.POSITIVE, "+", "Learn it: its boxes show what is to be found"),
    (Role.NOT_USED, "0", "Do not use it"),
    (Role.NEGATIVE, "-", "Its boxes show what is not to be found"),
)
ROWS = 6
MOST_BACKGROUND = 10_000
NETWORKS = ("One for each feature", "One that tells them apart")
SIZES = ("That of the tomograms", "Another")
DEPTH_HINT = "How many slices a network sees at once, the one in question in the middle"
BOX_HINT = "Side of a sample: what belongs together should fit in"
BACKGROUND_HINT = "Further negative samples, at random places away from what is painted"
VOXEL_HINT = "Tomograms that differ from it by 5 % or more are resampled; a model then expects this size"


def draw(window: Window) -> None:
    """Draw this part of the Models tab."""
    editor = window.editor
    sets = editor.modelling.training_sets
    count = f" ({len(sets.sets)})" if sets.sets else ""
    begins = not editor.snapshot.models and not editor.modelling.trainings.trainings
    sets.suggest()
    if not section(f"Training set{count}###training set", window.theme, is_open=begins):
        return
    if not editor.snapshot.features:
        faint("Annotate something first: add a feature in the tab Annotate and paint it.", window.theme.faint)
        with disabled(editor.read_only), imgui_ctx.push_id("training set"):
            flowing_buttons(window, ("training.add_set", "Add..."))
            _draw_sets(window, sets)
        return
    with disabled(editor.read_only), imgui_ctx.push_id("training set"):
        counts = sets.counts()
        _draw_features(window, sets)
        _draw_problems(window, counts, "features")
        if sets.without_boxes():
            if strong_button("Place boxes", window.theme.accent, window.theme.on_accent):
                sets.place_boxes()
            imgui.set_item_tooltip("50 over the annotation of each feature and 50 beside it, in each tomogram")
        _draw_plan(window, sets, counts)
        _draw_counts(counts)
        _draw_buttons(window, sets)
        _draw_sets(window, sets)
    imgui.spacing()


def _draw_features(window: Window, sets: TrainingSets) -> None:
    snapshot = window.editor.snapshot
    row = imgui.get_frame_height_with_spacing()
    height = min(len(snapshot.features), ROWS) * row
    flags = imgui.TableFlags_.no_pad_outer_x | imgui.TableFlags_.sizing_fixed_fit | imgui.TableFlags_.scroll_y
    with (
        imgui_ctx.push_style_var(imgui.StyleVar_.cell_padding, ImVec2(em(0.2), em(0.1))),
        imgui_ctx.begin_table("roles", 4, int(flags), ImVec2(0, height + em(0.2))) as table,
    ):
        if not table:
            return
        imgui.table_setup_column("colour", imgui.TableColumnFlags_.width_fixed, em(1.0))
        imgui.table_setup_column("name", imgui.TableColumnFlags_.width_stretch)
        clipper = imgui.ListClipper()
        clipper.begin(len(snapshot.features), row)
        while clipper.step():
            for feature in snapshot.features[clipper.display_start : clipper.display_end]:
                imgui.push_id(feature.id)
                _draw_feature(window, sets, feature)
                imgui.pop_id()


def _draw_feature(window: Window, sets: TrainingSets, feature: Feature) -> None:
    role = sets.plan.role(feature.id)
    imgui.table_next_row()
    imgui.table_next_column()
    side = imgui.get_frame_height() * 0.72
    imgui.set_cursor_pos_y(imgui.get_cursor_pos_y() + imgui.get_frame_height() * 0.14)
    imgui.color_button("##swatch", ImVec4(*feature.colour, 1), SQUARE_FLAGS, ImVec2(side, side))
    imgui.table_next_column()
    imgui.align_text_to_frame_padding()
    with coloured(window.theme.faint if role is Role.NOT_USED else window.theme.text):
        imgui.text_unformatted(elided(feature.name, imgui.get_content_region_avail().x))
    imgui.table_next_column()
    total = sets.total(feature)
    imgui.align_text_to_frame_padding()
    with coloured(window.theme.faint):
        imgui.text(f"{total.slices}  {icons.ICON_FA_VECTOR_SQUARE} {total.positive_boxes + total.negative_boxes}")
    boxes = BoxCount(total.positive_boxes, total.negative_boxes)
    imgui.set_item_tooltip(f"In all tomograms: {counts_text(total.slices, boxes)}")
    imgui.table_next_column()
    for number, (one, sign, hint) in enumerate(ROLES):
        if number:
            imgui.same_line(0, em(0.15))
        if role is one:
            imgui.push_style_color(imgui.Col_.button, colour(window.theme.accent, 0.55))
        if imgui.button(f"{sign}###{feature.name} {one.value}", ImVec2(em(1.7), 0)):
            sets.mark(feature, one)
        if role is one:
            imgui.pop_style_color()
        imgui.set_item_tooltip(hint)


def _draw_plan(window: Window, sets: TrainingSets, counts: PlanCounts) -> None:
    plan = sets.plan
    label("Tomograms")
    _draw_tomograms(window, sets)
    _draw_problems(window, counts, "tomograms")
    if sum(role is Role.POSITIVE for role in plan.roles.values()) > 1:
        label("Networks", "One network for each feature, or one that finds all of them and tells them apart")
        changed, chosen = imgui.combo("##together", int(plan.together), list(NETWORKS))
        plan.together = bool(chosen) if changed else plan.together
    label("Box size", BOX_HINT)
    _, side = imgui.drag_int("##box size", plan.box_size, 0.5, *BOX_SIZES_PX, "%d px")
    plan.box_size = min(max(side, BOX_SIZES_PX[0]), BOX_SIZES_PX[1])
    _draw_problems(window, counts, "box size")
    label("Depth", DEPTH_HINT)
    at = next((number for number, (depth, _) in enumerate(DEPTHS) if depth == plan.depth), 0)
    changed, at = imgui.combo("##depth", at, [text for _, text in DEPTHS])
    plan.depth = DEPTHS[at][0] if changed else plan.depth
    _draw_problems(window, counts, "depth")
    _draw_voxel_size(window, sets, counts)
    label("Background", BACKGROUND_HINT)
    _, count = imgui.drag_int("##background", plan.background, 0.3, 0, MOST_BACKGROUND, "%d random samples")
    plan.background = min(max(count, 0), MOST_BACKGROUND)
    _draw_problems(window, counts, "background")
    label("Name")
    usual = counts.sets[0].title if counts.sets else ""
    _, plan.name = imgui.input_text_with_hint("##name of set", usual, plan.name)


def _draw_tomograms(window: Window, sets: TrainingSets) -> None:
    entries, left_out = window.editor.snapshot.tomograms, sets.plan.left_out
    used = sum(entry.id not in left_out for entry in entries)
    text = f"All {len(entries)}" if used == len(entries) else f"{used} of {len(entries)}"
    if len(entries) == 1 and used:
        text = entries[0].name
    if not imgui.begin_combo("##tomograms", elided(text, imgui.calc_item_width() - em(2)), 0):
        return
    if imgui.button("All"):
        left_out.clear()
    imgui.same_line()
    if imgui.button("None"):
        left_out.update(entry.id for entry in entries)
    clipper = imgui.ListClipper()
    clipper.begin(len(entries))
    while clipper.step():
        for entry in entries[clipper.display_start : clipper.display_end]:
            changed, wanted = imgui.checkbox(f"{entry.name}###{entry.id}", entry.id not in left_out)
            if changed:
                (left_out.discard if wanted else left_out.add)(entry.id)
    imgui.end_combo()


def _draw_voxel_size(window: Window, sets: TrainingSets, counts: PlanCounts) -> None:
    plan = sets.plan
    label("Voxel size", VOXEL_HINT)
    changed, chosen = imgui.combo("##voxel size", int(plan.voxel_size is not None), list(SIZES))
    if changed:
        usual = next((one.voxel_size for one in counts.sets if one.voxel_size > 0), 10.0)
        plan.voxel_size = usual if chosen else None
    if plan.voxel_size is not None:
        label("")
        _, size = imgui.input_double("##angstrom", plan.voxel_size, 0.0, 0.0, "%.4g A")
        plan.voxel_size = min(max(size, PLAUSIBLE_A[0]), PLAUSIBLE_A[1])
    _draw_problems(window, counts, "voxel size")
    names = list(dict.fromkeys(name for one in counts.sets for name in one.resampled))
    if names:
        which = names[0] if len(names) == 1 else f"{len(names)} tomograms"
        faint(f"{which} will be resampled to {counts.sets[0].voxel_size:.4g} A.", window.theme.faint)


def _draw_problems(window: Window, counts: PlanCounts, about: About) -> None:
    for problem in counts.problems:
        if problem.about == about:
            with coloured(window.theme.accent if problem.stops else window.theme.faint):  # red is for failure
                imgui.text_wrapped(problem.text)


def _draw_counts(counts: PlanCounts) -> None:
    imgui.spacing()
    for one in counts.sets:
        imgui.text_wrapped(counted(one))
        if one.voxel_size > 0:
            imgui.set_item_tooltip(f"{one.voxel_size:.4g} A per pixel")


def counted(one: SetCounts) -> str:
    """Such as "membrane: 60 samples, 50 of them positive, from 12 slices of 2 tomograms"."""
    tomograms = f"{len(one.tomograms)} tomogram{'s' if len(one.tomograms) != 1 else ''}"
    slices = f"{one.slices} annotated slice{'s' if one.slices != 1 else ''}"
    samples = f"{one.samples} sample{'s' if one.samples != 1 else ''}"
    return f"{one.title}: {samples}, {one.positive_boxes} of them positive, from {slices} of {tomograms}"


def _draw_buttons(window: Window, sets: TrainingSets) -> None:
    work = sets.writing
    if work is not None:
        imgui.progress_bar(
            work.fraction if work.fraction is not None else -imgui.get_time(), ImVec2(-1, em(BAR_EM)), ""
        )
        faint(work.message or work.title, window.theme.faint)
        if imgui.button("Cancel"):
            sets.cancel()
        return
    command_button(window, "training.make_and_train", "Make training set and train", strong=True)
    flowing_buttons(
        window,
        ("training.make_set", "Make training set"),
        ("training.samples", "Show samples"),
        ("training.add_set", "Add..."),
    )


def _draw_sets(window: Window, sets: TrainingSets) -> None:
    if not sets.sets:
        return
    imgui.spacing()
    row = imgui.get_frame_height_with_spacing()
    flags = imgui.TableFlags_.no_pad_outer_x | imgui.TableFlags_.sizing_fixed_fit | imgui.TableFlags_.scroll_y
    height = min(len(sets.sets), ROWS) * row + em(0.2)
    with imgui_ctx.begin_table("sets", 3, int(flags), ImVec2(0, height)) as table:
        if not table:
            return
        imgui.table_setup_column("name", imgui.TableColumnFlags_.width_stretch)
        clipper = imgui.ListClipper()
        clipper.begin(len(sets.sets), row)
        newest = tuple(reversed(sets.sets))
        while clipper.step():
            for one in newest[clipper.display_start : clipper.display_end]:
                _draw_set(window, sets, one)


def _draw_set(window: Window, sets: TrainingSets, one: RecordedSet) -> None:
    name = Path(one.file).stem
    imgui.table_next_row()
    imgui.table_next_column()
    imgui.align_text_to_frame_padding()
    imgui.text_unformatted(elided(name, imgui.get_content_region_avail().x))
    imgui.set_item_tooltip(set_tooltip(one))
    if imgui.begin_popup_context_item(f"menu {one.file}"):
        path = sets.path_of(one)
        if imgui.menu_item_simple("Show in the file manager"):
            window.editor.background.run(lambda _: reveal(path))
        if imgui.menu_item_simple("Remove from the list", "", False, not window.editor.read_only):
            sets.forget(one)
        imgui.end_popup()
    imgui.table_next_column()
    imgui.align_text_to_frame_padding()
    with coloured(window.theme.faint):
        imgui.text(f"{one.n_samples} samples, {made_at(one)}")
    imgui.set_item_tooltip(set_tooltip(one))
    imgui.table_next_column()
    with imgui_ctx.push_style_color(imgui.Col_.button, colour(window.theme.panel, 0.0)), coloured(window.theme.faint):
        if imgui.button(f"{icons.ICON_FA_XMARK}###Remove set {name}"):
            sets.forget(one)
    imgui.set_item_tooltip("Take it off the list; its file stays, and undo brings it back")


def set_tooltip(one: RecordedSet) -> str:
    """What is in a set."""
    size = f", {one.voxel_size:.4g} A per pixel" if one.voxel_size > 0 else ""
    depth = f", {one.depth} slices" if one.depth > 1 else ""
    return (
        f"{' and '.join(one.features)}: {one.n_samples} samples, {one.n_positive} of them positive\n"
        f"Boxes of {one.box_size} px{depth}{size}\n{one.file}"
    )


def made_at(one: RecordedSet) -> str:
    """When a set was made, in the user's time zone: the time of today, else the date."""
    try:
        when = datetime.fromisoformat(one.made).astimezone()
    except ValueError:
        return one.made
    return f"{when:%H:%M}" if when.date() == datetime.now(when.tzinfo).date() else f"{when:%Y-%m-%d}"
