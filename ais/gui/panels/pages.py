"""Draws the pages over the panels: the first page, the Curator, the palette, and those about the editor itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ais.gui.panels import (
    about,
    analysis_page,
    analysis_plots,
    classic_page,
    compare_page,
    curator_page,
    export_question,
    first_page,
    gallery_page,
    library_page,
    model_library_page,
    palette,
    particle_import_page,
    particle_table,
    prepare_page,
    relink_page,
    samples_page,
    scene_save_page,
    settings_page,
    shortcuts_page,
    star_preview,
)
from ais.gui.scene_pictures import answer_all

if TYPE_CHECKING:
    from ais.gui.app import Window


def draw(window: Window) -> None:
    """Draw those that are open."""
    answer_all(window)
    if first_page.is_shown(window):
        first_page.draw(window)
    else:
        window.welcome.forget()
    curator_page.draw(window)
    samples_page.draw(window)
    particle_table.draw(window)
    gallery_page.draw(window)
    shell = window.editor.shell
    if shell.comparing and window.editor.document is not None:
        compare_page.draw(window)
    else:
        compare_page.forget(window)
    if window.editor.modelling.classic.draft is not None:
        classic_page.draw(window)
    if shell.analysis and window.editor.document is not None:
        analysis_page.draw(window)
    else:
        analysis_plots.forget_distributions(window)
    if window.editor.preparing.page is None:
        prepare_page.forget(window)
    if window.editor.dialogs.browser is not None or window.editor.dialogs.confirmations:
        return  # the page comes back when the question has been answered
    for is_open, page in (
        (shell.palette, palette.draw),
        (shell.shortcuts, shortcuts_page.draw),
        (shell.settings, settings_page.draw),
        (shell.about, about.draw_about),
        (shell.messages, about.draw_messages),
        (shell.feature_library, library_page.draw),
        (shell.model_library, model_library_page.draw),
        (window.editor.rendering.particles.saving is not None, star_preview.draw),
        (window.editor.rendering.particles.importing is not None, particle_import_page.draw),
        (window.editor.rendering.files.page, scene_save_page.draw),
        (window.editor.preparing.page is not None, prepare_page.draw),
        (shell.relinking is not None, relink_page.draw),
        (export_question.is_asked(window), export_question.draw),
    ):
        if is_open:
            page(window)
            break  # one at a time
