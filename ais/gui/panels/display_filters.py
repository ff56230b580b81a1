"""Draws the stack of display filters: what is seen, never what a network reads."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from imgui_bundle import icons_fontawesome_6 as icons
from imgui_bundle import imgui

from ais.gui.display import DisplayFilter, FilterKind
from ais.gui.panels.layout import em, faint, icon_button, section

if TYPE_CHECKING:
    from ais.gui.app import Window

NAMES: dict[FilterKind, str] = {
    "gaussian": "Gaussian",
    "difference": "Difference of Gaussians",
    "box": "Box mean",
    "sobel": "Sobel edges",
    "unsharp": "Unsharp mask",
    "median": "Median",
}
FIRST_SIZE: dict[FilterKind, float] = {
    "gaussian": 1.5,
    "difference": 2.0,
    "box": 3.0,
    "sobel": 0.0,
    "unsharp": 3.0,
    "median": 3.0,
}
SIZES: dict[FilterKind, tuple[float, float, str]] = {
    "gaussian": (0.3, 20.0, "sigma %.1f px"),
    "difference": (0.5, 20.0, "sigma %.1f px"),
    "box": (2.0, 31.0, "%.0f px wide"),
    "unsharp": (0.5, 20.0, "sigma %.1f px"),
}
MOVED = "ais filter"


def draw(window: Window) -> None:
    """Draw the section."""
    filters = window.editor.state.filters
    if not section(f"Filters ({len(filters)})###filters" if filters else "Filters###filters", window.theme):
        return
    changed: list[DisplayFilter] | None = None
    for index, item in enumerate(filters):
        imgui.push_id(index)
        new, moved_from, removed = _row(index, item)
        imgui.pop_id()
        if removed:
            changed = [other for at, other in enumerate(filters) if at != index]
        elif moved_from is not None:
            changed = list(filters)
            changed.insert(index, changed.pop(moved_from))
        elif new != item:
            changed = [new if at == index else other for at, other in enumerate(filters)]
    if imgui.button("Add filter"):
        imgui.open_popup("add filter")
    imgui.same_line()
    imgui.align_text_to_frame_padding()
    if not filters:
        faint("Only what is seen changes.", window.theme.faint)
    else:
        imgui.new_line()
    if imgui.begin_popup("add filter"):
        for kind, name in NAMES.items():
            if imgui.menu_item_simple(name):
                changed = [*filters, DisplayFilter(kind, FIRST_SIZE[kind])]
        imgui.end_popup()
    if changed is not None:
        window.editor.state.filters = changed


def _row(index: int, item: DisplayFilter) -> tuple[DisplayFilter, int | None, bool]:
    """One filter: what it is now, from where another was dragged to it, and whether it is to be removed."""
    _, enabled = imgui.checkbox("##on", item.enabled)
    imgui.set_item_tooltip("On or off")
    imgui.same_line()
    imgui.align_text_to_frame_padding()
    imgui.selectable(NAMES[item.kind], False, size=(imgui.get_content_region_avail().x - em(2.4), 0))
    imgui.set_item_tooltip("Drag to change the order in which the filters act")
    moved_from = None
    if imgui.begin_drag_drop_source():
        imgui.set_drag_drop_payload_py_id(MOVED, index)
        imgui.text(NAMES[item.kind])
        imgui.end_drag_drop_source()
    if imgui.begin_drag_drop_target():
        payload = imgui.accept_drag_drop_payload_py_id(MOVED)
        if payload is not None:
            moved_from = int(payload.data_id)
        imgui.end_drag_drop_target()
    imgui.same_line()
    removed = icon_button(icons.ICON_FA_XMARK, "Remove filter", "Remove")
    size = item.size
    half = (imgui.get_content_region_avail().x - em(1.5)) / 2
    imgui.indent(em(1.1))
    if item.kind == "median":
        imgui.set_next_item_width(half - em(0.3))
        _, wide = imgui.combo("##size", int(item.size >= 5), ["3 x 3 px", "5 x 5 px"])
        size = 5.0 if wide else 3.0
        imgui.same_line(0, em(0.3))
    elif item.kind in SIZES:
        low, high, text = SIZES[item.kind]
        imgui.set_next_item_width(half - em(0.3))
        _, size = imgui.slider_float("##size", item.size, low, high, text)
        imgui.same_line(0, em(0.3))
    imgui.set_next_item_width(-1)
    _, percent = imgui.slider_float("##weight", item.weight * 100, 0, 100, "%.0f %%")
    imgui.set_item_tooltip("How much of the result replaces the picture")
    imgui.unindent(em(1.1))
    weight = min(max(percent / 100, 0.0), 1.0)
    return replace(item, enabled=enabled, size=max(size, 0.0), weight=weight), moved_from, removed
