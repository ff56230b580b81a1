"""A volume, or the places of its instances, compared with a file that says what is true."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from imgui_bundle import imgui, imgui_ctx

from ais.gui.panels.command_button import command_button
from ais.gui.panels.layout import coloured, disabled, elided, em, faint, label

if TYPE_CHECKING:
    from ais.gui.app import Window

LARGEST_NM = 1000.0
SCORE_EM = 8.5
SCORES = (
    ("dice", "Dice", "", "Overlap of both, 0 to 1"),
    ("iou", "IoU", "", "What both share of what either has, 0 to 1"),
    ("precision", "Precision", "", "Share of what was found that is true"),
    ("recall", "Recall", "", "Share of what is true that was found"),
    ("cldice", "clDice", "", "Overlap of centre lines: whether threads are whole"),
    ("surface_distance", "Surface distance", "nm", "Mean distance between the two surfaces"),
    ("f1", "F1", "", "Precision and recall in one figure"),
    ("f4", "F4", "", "The same, in which recall counts four times as much"),
    ("n_predicted", "Found", "", "Instances"),
    ("n_true", "True", "", "Positions in the file"),
    ("n_matched", "Matched", "", "Pairs within the radius"),
    ("mean_distance", "Mean distance", "nm", "Of the pairs"),
)
IN_NM = ("surface_distance", "mean_distance")
ABOUT = (
    "Compare a volume with a mask or labels of the same tomogram, or the centres of its instances with coordinates "
    "(.star, .tsv, .txt)."
)


def draw(window: Window) -> None:
    """Draw the tab."""
    analyses = window.editor.analyses
    reference, compared = analyses.reference, analyses.compared
    faint(ABOUT, window.theme.faint)
    label("Volume")
    measured = [one.volume for one in analyses.table.results if one.instances is not None]
    name = "none" if compared is None else f"{compared.volume.tomogram_name}  {compared.volume.feature}"
    with disabled(compared is None):
        if imgui.begin_combo("##Compared volume", name):
            for one in measured:
                words = f"{one.tomogram_name}  {one.feature}###{one.path}"
                if imgui.selectable(words, compared is not None and one.path == compared.volume.path)[0]:
                    reference.volume, reference.scores = one.path, None
            imgui.end_combo()
    label("Truth")
    text = "Choose file..." if reference.path is None else reference.path.name
    if imgui.button(f"{elided(text, imgui.get_content_region_avail().x - em(1))}###Choose reference"):
        window.editor.dialogs.open_files("Choose reference", reference_kinds(), _take(window), many=False)
    if reference.path is not None:
        imgui.set_item_tooltip(str(reference.path))
    if reference.of_positions:
        label("Radius", "Largest distance between a centre and a true position that belong together")
        _, radius = imgui.input_float("##Radius", reference.radius, 0.0, 0.0, "%.4g nm")
        reference.radius = min(max(radius, 0.01), LARGEST_NM)
    command_button(window, "analysis.compare", "Compare", strong=reference.path is not None)
    if analyses.comparing:
        imgui.same_line()
        faint("Comparing", window.theme.faint)
    if reference.problem:
        with coloured(window.theme.danger):
            imgui.text_wrapped(reference.problem)
    if reference.scores is not None:
        _draw_scores(window, reference.scores)


def _take(window: Window) -> Any:
    def take(paths: list[Path]) -> None:
        reference = window.editor.analyses.reference
        reference.path, reference.scores, reference.problem = paths[0], None, ""

    return take


def reference_kinds() -> Any:
    """What can be chosen as a reference."""
    from ais.gui.analyses import COORDINATES
    from ais.gui.commands.file import tomogram_kinds
    from ais.gui.file_browser import FileKind

    volumes, everything = tomogram_kinds("Masks and labels")
    return FileKind("Masks, labels and coordinates", (*volumes.endings, *COORDINATES)), volumes, everything


def _draw_scores(window: Window, scores: dict[str, Any]) -> None:
    imgui.spacing()
    with imgui_ctx.begin_table("scores", 2, int(imgui.TableFlags_.sizing_fixed_fit)) as drawn:
        if not drawn:
            return
        for column in ("score", "value"):
            imgui.table_setup_column(column, imgui.TableColumnFlags_.width_fixed, em(SCORE_EM))
        for name, title, unit, about in SCORES:
            if name not in scores:
                continue
            imgui.table_next_row()
            imgui.table_next_column()
            with coloured(window.theme.faint):
                imgui.text_unformatted(title)
            imgui.set_item_tooltip(about)
            imgui.table_next_column()
            imgui.text_unformatted(_score_text(name, scores[name], unit))
    for note in scores.get("notes", ()):
        faint(note, window.theme.faint)


def _score_text(name: str, value: float | int | None, unit: str) -> str:
    if value is None:
        return "not defined"
    if isinstance(value, int):
        return str(value)
    return f"{value / 10:.2f} {unit}" if name in IN_NM else f"{value:.3f}"
