"""Draws the page about the program, and the list of all messages."""

from __future__ import annotations

import importlib.metadata
import platform
import subprocess
import sys
import time
from functools import cache
from typing import TYPE_CHECKING

from imgui_bundle import ImVec2, imgui, imgui_ctx

from ais import __version__
from ais.errors import AisError
from ais.gui.panels.modal import at_right_end, button_width, disabled, modal
from ais.gui.theme import colour
from ais.installation.redaction import of_this_user

if TYPE_CHECKING:
    from ais.gui.app import Window

WIDTH, MESSAGES_WIDTH, MESSAGES_HEIGHT, LABELS = 34.0, 44.0, 28.0, 8.0
PARTS = ("numpy", "imgui-bundle", "glfw", "PyOpenGL")
PURPOSE = "Segment cryo-electron tomograms: from a few painted slices to segmented volumes, particles and surfaces."
LICENCE = "GNU General Public License, version 3 or later"
DOCTOR_PATIENCE_S = 120
LABEL = 18
"""Characters before the values of what 'ais doctor' prints."""


def draw_about(window: Window) -> None:
    """Draw the page about the program while it is open."""
    editor = window.editor
    with modal("About Ais###about", WIDTH) as stays:
        if stays is None:
            return
        imgui.spacing()
        with imgui_ctx.push_font(None, imgui.get_style().font_size_base * 1.6):
            imgui.text_unformatted(f"Ais {__version__}")
        imgui.text_wrapped(PURPOSE)
        imgui.spacing()
        for label, text in (
            ("Licence", LICENCE),
            ("Graphics", graphics()),
            ("Python", f"{platform.python_version()}, {platform.system()}"),
            ("Parts", parts()),
            ("Settings", str(editor.settings_folder)),
        ):
            imgui.text_disabled(label)
            imgui.same_line(LABELS * imgui.get_font_size())
            imgui.text_wrapped(text)
        imgui.spacing()
        imgui.spacing()
        at_right_end(button_width("Copy for a report", "Close"))
        collecting = any(work.title == COLLECTING for work in editor.background.works)
        with disabled(collecting):
            if imgui.button("Copy for a report"):
                _copy_report(window)
        imgui.set_item_tooltip("What 'ais doctor' says of this installation; takes some seconds")
        imgui.same_line()
        if imgui.button("Close") or not stays:
            editor.shell.about = False
            imgui.close_current_popup()


COLLECTING = "Collecting what the installation consists of"


def _copy_report(window: Window) -> None:
    editor, shown_by = window.editor, graphics()

    def collect() -> str:
        # In a process of its own: it starts the networks, which must never be in this one.
        words = [sys.executable, "-m", "ais.cli", "doctor"]
        try:
            done = subprocess.run(words, capture_output=True, text=True, timeout=DOCTOR_PATIENCE_S, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise AisError("The installation could not be examined: run ais doctor in a terminal.") from error
        lines = [*done.stdout.rstrip().splitlines(), f"{'window':>{LABEL}}  {shown_by}"]
        redaction = of_this_user()
        return "".join(f"{redaction.log(line)}\n" for line in lines)

    def collected(text: str) -> None:
        imgui.set_clipboard_text(text)
        editor.notices.say("Copied; paste it into your report.")

    editor.notices.say("Collecting what the installation consists of...", "hint")
    editor.background.run(lambda _: collect(), collected, title=COLLECTING)


@cache
def graphics() -> str:
    """Which OpenGL draws the window; asked once."""
    from OpenGL import GL

    version, renderer = (GL.glGetString(name) for name in (GL.GL_VERSION, GL.GL_RENDERER))
    return f"OpenGL {version.decode(errors='replace')}, {renderer.decode(errors='replace')}"


@cache
def parts() -> str:
    """The libraries that the window stands on, with their versions."""
    return ", ".join(f"{name} {importlib.metadata.version(name)}" for name in PARTS)


def draw_messages(window: Window) -> None:
    """Draw the list of everything that was said, newest first, while it is open."""
    editor = window.editor
    with modal("Messages###messages", MESSAGES_WIDTH, MESSAGES_HEIGHT) as stays:
        if stays is None:
            return
        below = imgui.get_frame_height_with_spacing() + imgui.get_style().item_spacing.y
        with imgui_ctx.begin_child("said", ImVec2(0, -below)):
            if not editor.notices.said:
                imgui.text_disabled("Nothing has been said yet.")
            for notice in reversed(editor.notices.said):
                at = time.strftime("%H:%M:%S", time.localtime(time.time() - notice.age()))
                imgui.text_disabled(at)
                imgui.same_line(5 * imgui.get_font_size())
                ink = window.theme.danger if notice.kind == "problem" else window.theme.text
                with imgui_ctx.push_style_color(imgui.Col_.text, colour(ink)):
                    imgui.text_wrapped(notice.text)
        at_right_end(button_width("Copy all", "Close"))
        with disabled(not editor.notices.said):
            if imgui.button("Copy all"):
                imgui.set_clipboard_text("\n".join(notice.text for notice in editor.notices.said))
        imgui.same_line()
        if imgui.button("Close") or not stays:
            editor.shell.messages = False
            imgui.close_current_popup()
