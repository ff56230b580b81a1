"""What is curated: model, feature, tomograms; the same choices in the Models tab and in the Curator."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from imgui_bundle import imgui

from ais.gui.curation import Curation
from ais.gui.lengths_of_time import clock
from ais.gui.panels.layout import coloured

if TYPE_CHECKING:
    from ais.gui.app import Window

Place = Callable[[str, str], None]
"""Writes a label, with a tooltip, and puts the field that follows in its place."""


@contextmanager
def combo(name: str, shown: str) -> Iterator[bool]:
    """A list that is opened by a click; whether it is open."""
    opened = bool(imgui.begin_combo(name, shown))
    try:
        yield opened
    finally:
        if opened:
            imgui.end_combo()


def draw_choices(window: Window, place: Place) -> None:
    """Draw the fields that decide whose prediction is looked at, where, and for which feature."""
    curation = window.editor.modelling.curation
    model, feature = curation.model, curation.feature
    place("Model", "Whose prediction is looked at")
    with combo("##Model looked at", model.name if model is not None else "None") as opened:
        if opened:
            for one in curation.models:
                if imgui.selectable(f"{one.name}##{one.id}", model is not None and one.id == model.id)[0]:
                    curation.model_wish, curation.finds = one.id, ""
    if model is not None and len(model.found) > 1:
        place("It finds", "Which of the features that the model finds")
        with combo("##Feature found", curation.found) as opened:
            if opened:
                for name in model.found:
                    if imgui.selectable(name, name == curation.found)[0]:
                        curation.finds = name
    place("Feature", "The feature of the project that is corrected")
    with combo("##Feature corrected", feature.name if feature is not None else "None") as opened:
        if opened:
            for each in window.editor.snapshot.features:
                if imgui.selectable(f"{each.name}##{each.id}", feature is not None and each.id == feature.id)[0]:
                    curation.feature_wish = each.id
    place("Where", "Tomograms that are looked at; crop regions are kept to")
    with combo("##Tomograms looked at", tomograms_in_words(window)) as opened:
        if opened:
            _draw_tomograms(window, curation)


def tomograms_in_words(window: Window) -> str:
    """Such as "All 12 tomograms"."""
    chosen, all_of_them = window.editor.modelling.curation.tomograms, window.editor.snapshot.tomograms
    if len(chosen) == 1:
        return chosen[0].name
    if len(chosen) == len(all_of_them):
        return f"All {len(all_of_them)} tomograms"
    return f"{len(chosen)} of {len(all_of_them)} tomograms" if chosen else "None"


def _draw_tomograms(window: Window, curation: Curation) -> None:
    entries, shown = window.editor.snapshot.tomograms, window.editor.state.tomogram
    if imgui.selectable("All", not curation.left_out)[0]:
        curation.left_out = set()
    if shown is not None and imgui.selectable("Only the one on the screen", False)[0]:
        curation.choose_tomograms([shown])
    imgui.separator()
    clipper = imgui.ListClipper()
    clipper.begin(len(entries))
    while clipper.step():
        for entry in entries[clipper.display_start : clipper.display_end]:
            changed, on = imgui.checkbox(f"{entry.name}##{entry.id}", entry.id not in curation.left_out)
            if changed:
                (curation.left_out.discard if on else curation.left_out.add)(entry.id)


def progress_in_words(done: int, total: int, seconds_left: float | None) -> str:
    """Such as "Slice 3 of 24, 0:12 left"."""
    if not total:
        return "Preparing"
    left = f", {clock(seconds_left)} left" if seconds_left is not None and done < total else ""
    return f"Slice {min(done + 1, total)} of {total}{left}"


def draw_problem(window: Window, sentence: str) -> None:
    """Say why something could not be done."""
    if sentence:
        with coloured(window.theme.danger):
            imgui.text_wrapped(sentence)
