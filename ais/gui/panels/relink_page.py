"""Draws the page on which all tomograms are relinked at once: find and replace, with what would be found."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from imgui_bundle import imgui

from ais.annotation import RelinkTomograms, TomogramEntry
from ais.gui.background import Work
from ais.gui.editor import Editor
from ais.gui.panels.layout import disabled, faint, label
from ais.gui.panels.modal import at_right_end, button_width, modal, strong_button
from ais.gui.relinking import Found, common_folder, look

if TYPE_CHECKING:
    from ais.gui.app import Window

WIDTH = 36.0
NOTE = "When tomograms were moved together, say which part of their paths has changed."


class RelinkPage:
    """What is typed, and what would be found."""

    def __init__(self) -> None:
        self._is_open = False
        self._find = self._replace = ""
        self._looked_for: tuple[object, ...] = ()
        self._found: Found | None = None
        self._work: Work | None = None

    def draw(self, window: Window) -> None:
        """Draw the page while it is open."""
        editor = window.editor
        if not self._is_open:
            self._is_open = True
            self._find, self._replace = editor.shell.relinking or ("", "")
            self._find = self._find or common_folder(editor.snapshot.tomograms)
            self._found, self._looked_for = None, ()
        with modal("Relink tomograms###relink", WIDTH) as stays:
            if stays is None:
                return
            faint(NOTE, window.theme.faint)
            imgui.spacing()
            self._draw_fields(editor)
            imgui.spacing()
            self._look(editor)
            faint(self._sentence(), window.theme.faint)
            imgui.spacing()
            at_right_end(button_width("Cancel", "Relink"))
            ended = imgui.button("Cancel") or not stays
            imgui.same_line()
            found = self._found.found if self._found is not None else 0
            with disabled(not found):
                accepted = strong_button("Relink", window.theme.accent, window.theme.on_accent)
            if accepted:
                self._relink(editor)
            if ended or accepted:
                editor.shell.relinking = None
                self._is_open = False
                imgui.close_current_popup()

    def _draw_fields(self, editor: Editor) -> None:
        label("Find", "A part of the paths as they were")
        if imgui.is_window_appearing():
            imgui.set_keyboard_focus_here()
        _, self._find = imgui.input_text("##Find", self._find)
        label("Replace by", "What is there now")
        browse = "Browse..."
        imgui.set_next_item_width(-button_width(browse) - imgui.get_style().item_spacing.x)
        _, self._replace = imgui.input_text_with_hint("##Replace by", "such as /data/2024", self._replace)
        imgui.same_line()
        if imgui.button(browse):
            editor.dialogs.choose_folder("Choose the folder that replaces it", self._use_folder)

    def _use_folder(self, folder: Path) -> None:
        self._replace = str(folder)

    def _look(self, editor: Editor) -> None:
        """Look in a thread, one look after the other, as the disk may be a slow one."""
        if self._work is not None and not self._work.finished:
            return
        wanted = (editor.snapshot, self._find, self._replace)
        if wanted == self._looked_for:
            return
        self._looked_for = wanted
        entries: Sequence[TomogramEntry] = editor.snapshot.tomograms
        find, replace = self._find, self._replace
        self._work = editor.background.run(lambda _: look(entries, find, replace), self._take)

    def _take(self, found: Found) -> None:
        self._found = found

    def _sentence(self) -> str:
        found = self._found
        if found is None:
            return "Looking...\n "
        if not self._find or found.example is None:
            return "No tomogram has this in its path.\n "
        text = f"{found.found} of {found.matching} would be found, {found.missing} of them missing now."
        return f"{text}\nSuch as {found.example[1]}"

    def _relink(self, editor: Editor) -> None:
        def relinked(entries: Sequence[TomogramEntry]) -> None:
            editor.notices.say(f"{len(entries)} tomogram{'s were' if len(entries) != 1 else ' was'} relinked.")
            if any(entry.id == editor.state.tomogram for entry in entries):
                editor.reopen_tomogram()

        editor.submit(RelinkTomograms(self._find, self._replace), relinked)


def draw(window: Window) -> None:
    """Draw the page while it is open."""
    window.part(RelinkPage).draw(window)
