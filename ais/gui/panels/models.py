"""The Models tab: training sets, trainings, and the models of the project with how each is used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ais.gui.panels import curate_section, model_list, rules_section, training_section, training_set_section
from ais.gui.panels.layout import faint

if TYPE_CHECKING:
    from ais.gui.app import Window


def draw(window: Window) -> None:
    """Draw the panel."""
    if window.editor.document is None:
        faint("Models appear here, once a tomogram is open.", window.theme.faint)
        return
    for part in (training_set_section, training_section, model_list, rules_section, curate_section):
        part.draw(window)
