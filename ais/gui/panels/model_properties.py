"""Draws how the selected model is used, whether it suits the tomogram, and where it comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imgui_bundle import imgui, imgui_ctx

from ais.gui.model_facts import facts
from ais.gui.model_use import LARGEST_TTA
from ais.gui.panels.command_button import command_button, flowing_buttons
from ais.gui.panels.layout import LABEL_EM, coloured, disabled, elided, em, faint, heading, label
from ais.gui.panels.model_pictures import ModelPictures
from ais.gui.panels.swatch import swatch
from ais.gui.project_models import ProjectModel
from ais.gui.theme import GRAB_SHARE, colour, mix
from ais.model_check import Verdict

if TYPE_CHECKING:
    from ais.gui.app import Window
    from ais.gui.modelling import Modelling

PICTURE_EM = 14.0
STYLES = ("One colour", "Probability")


def draw(window: Window, model: ProjectModel) -> None:
    """Draw the properties of a model of the project."""
    heading(model.name.replace("##", "# #"))
    if model.problem:
        faint(model.problem, window.theme.danger)
    modelling = window.editor.modelling
    colours = modelling.shown(model).colours
    tint = colours[0] if colours else window.theme.accent
    with (
        imgui_ctx.push_style_color(imgui.Col_.slider_grab, colour(mix(window.theme.field, tint, GRAB_SHARE))),
        imgui_ctx.push_style_color(imgui.Col_.slider_grab_active, colour(tint)),
        disabled(window.editor.read_only),
    ):
        _draw_use(window, model)
    if model.info is None:
        return
    if len(model.found) > 1:
        _draw_found(window, model)
    imgui.spacing()
    flowing_buttons(
        window,
        *([("model.change_classic", "Edit options...")] if model.info.is_classic else []),
        ("live.copy", "Copy to annotation"),
        ("live.copy_inside", "Copy inside lasso"),
        ("live.save_slice", "Save slice..."),
    )
    imgui.spacing()
    _draw_check(window, model)
    if imgui.tree_node_ex("Where it comes from###facts", int(imgui.TreeNodeFlags_.no_tree_push_on_open)):
        _draw_facts(window, model)


def _draw_use(window: Window, model: ProjectModel) -> None:
    modelling = window.editor.modelling
    use = modelling.use_of(model)
    label("Threshold", "Probability from which it is shown as present; right click for the file's own")
    changed, threshold = imgui.slider_float("##threshold", modelling.shown(model).threshold, 0.0, 1.0, "%.2f")
    if changed:
        modelling.preview_use(model, threshold=min(max(threshold, 0.0), 1.0))
    _save_after(modelling, model)
    if imgui.begin_popup_context_item("threshold menu"):
        own = 0.5 if model.info is None else model.info.threshold
        if imgui.menu_item_simple(f"Use the file's, {own:.2f}###own", "", use.threshold is None):
            modelling.models.change(model.id, threshold=None)
        imgui.end_popup()
    label("Opacity", "Of the overlay")
    changed, percent = imgui.slider_float("##opacity", 100 * use.alpha, 0, 100, "%.0f %%")
    if changed:
        modelling.preview_use(model, alpha=min(max(percent / 100, 0.0), 1.0))
    _save_after(modelling, model)
    label("Overlay", "One colour from the threshold on, or the stronger the more probable")
    for number, style in enumerate(STYLES):
        if number:
            imgui.same_line()
            if imgui.get_content_region_avail().x < imgui.calc_text_size(style).x + imgui.get_frame_height():
                imgui.new_line()
                imgui.set_cursor_pos_x(em(LABEL_EM))
        if imgui.radio_button(style, use.blend == bool(number)) and use.blend != bool(number):
            modelling.models.change(model.id, blend=bool(number))
    if model.info is not None and model.info.is_classic:
        return  # it finds the same in every turned image
    most = _most_turns(model)
    label("Average", "Of so many rotations and mirror images of the slice: steadier, and as many times slower")
    text = "%d images" if use.tta > 1 else "off"
    changed, count = imgui.slider_int("##average", min(use.tta, most), 1, most, text)
    if changed:
        modelling.preview_use(model, tta=min(max(count, 1), most))
    _save_after(modelling, model)


def _save_after(modelling: Modelling, model: ProjectModel) -> None:
    if imgui.is_item_deactivated_after_edit():
        modelling.save_preview(model)


def _most_turns(model: ProjectModel) -> int:
    if model.info is None:
        return LARGEST_TTA
    from ais.segmentation.symmetries import count_for

    return count_for(model.info.depth)


def _draw_found(window: Window, model: ProjectModel) -> None:
    """The features of a network that finds several, with their colours."""
    imgui.text_unformatted("Finds")
    for feature, rgb in zip(model.found, window.editor.modelling.shown(model).colours, strict=True):
        if feature == model.found[0]:
            imgui.same_line(em(LABEL_EM))
        else:
            imgui.set_cursor_pos_x(em(LABEL_EM))
        swatch(rgb)
        imgui.text_unformatted(elided(feature, imgui.get_content_region_avail().x))


def _draw_check(window: Window, model: ProjectModel) -> None:
    checks = window.editor.modelling.checks
    job = checks.asked(model)
    if job is None:
        command_button(window, "model.check", "Check against this tomogram")
    else:
        with disabled(True):
            imgui.button("Checking...###Check against this tomogram")
    found, failed, hint = checks.found(model), checks.failed(model), checks.hint(model)
    if failed:
        faint(failed, window.theme.danger)
    elif not found and hint:
        faint(hint, window.theme.text)
    inks = {
        Verdict.GOOD: window.theme.faint,
        Verdict.HINT: window.theme.text,
        Verdict.PROBLEM: window.theme.danger,
    }
    for finding in found:
        with coloured(inks[finding.verdict]):
            imgui.bullet()
            imgui.text_wrapped(finding.text)


def _draw_facts(window: Window, model: ProjectModel) -> None:
    assert model.info is not None
    assert model.file is not None
    for name, text in [*facts(model.info), ("File", str(model.entry.path))]:
        with coloured(window.theme.faint):
            imgui.text_unformatted(name)
        imgui.same_line(em(LABEL_EM))
        imgui.text_wrapped(text)
    if model.file.preview is not None:
        imgui.spacing()
        room = imgui.get_content_region_avail().x
        window.part(ModelPictures).draw(model.file.hash, model.file.preview, room, em(PICTURE_EM))
        imgui.set_item_tooltip("Some training samples, and what the model finds in them")
