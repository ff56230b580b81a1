"""Commands of the View menu: slices, zoom, contrast, planes."""

from __future__ import annotations

from dataclasses import replace

from ais.gui.commands.command import Command, always, with_tomogram
from ais.gui.editor import Editor
from ais.gui.saved_pictures import ask_and_save_view, save_window
from ais.gui.state import Tab

PAGE = 10
PLAY_SPEED = 20.0


def _step(count: int) -> Command:
    direction = "Next" if count > 0 else "Previous"
    many = abs(count) > 1
    text = f"Go {abs(count)} slices {'on' if count > 0 else 'back'}" if many else f"{direction} slice"
    keys = {1: "right", -1: "left", PAGE: "pagedown", -PAGE: "pageup"}[count]

    def run(editor: Editor) -> None:
        editor.sight.step(count)

    name = f"view.slice_{'on' if count > 0 else 'back'}{'_page' if many else ''}"
    return Command(name, text, "View/Slice", run, keys, "", with_tomogram, repeats=True)


def _first(editor: Editor) -> None:
    editor.sight.go_to(z=0)


def _last(editor: Editor) -> None:
    if editor.shown is not None:
        editor.sight.go_to(z=editor.shown.shape[0] - 1)


def _fit(editor: Editor) -> None:
    editor.sight.fit()


def _ortho(editor: Editor) -> None:
    editor.state.ortho = not editor.state.ortho


def _automatic(editor: Editor) -> None:
    editor.sight.use_automatic_contrast()


def _invert(editor: Editor) -> None:
    if editor.state.contrast is not None:
        editor.state.contrast = replace(editor.state.contrast, invert=not editor.state.contrast.invert)


def _interpolate(editor: Editor) -> None:
    editor.state.interpolate = not editor.state.interpolate


def _hide_overlays(editor: Editor, held: bool) -> None:
    editor.state.overlays_hidden = held


def _nothing(editor: Editor) -> None:
    """What the menu does with a command that only lasts while its key is held."""
    editor.notices.say("Hold the key to hide all overlays.", "hint")


def _play(editor: Editor) -> None:
    editor.state.playing = 0.0 if editor.state.playing else PLAY_SPEED


def _full_screen(editor: Editor) -> None:
    editor.shell.full_screen = not editor.shell.full_screen


def _show_tab(tab: Tab, key: str) -> Command:
    def run(editor: Editor) -> None:
        editor.shell.tab = tab

    name = f"view.tab_{tab.value.lower()}"
    return Command(name, f"Show {tab.value}", "View/Tab", run, key, f"Bring the tab {tab.value} to the front")


VIEW_COMMANDS = (
    Command("view.fit", "Fit to window", "View", _fit, "ctrl+0", "Show the whole slice", with_tomogram),
    Command(
        "view.ortho",
        "Show XZ and YZ views",
        "View",
        _ortho,
        "O",
        "Three planes through one point",
        with_tomogram,
        lambda editor: editor.state.ortho,
    ),
    Command("view.auto_contrast", "Set contrast automatically", "View", _automatic, "A", "", with_tomogram),
    Command(
        "view.invert",
        "Invert contrast",
        "View",
        _invert,
        "V",
        "",
        with_tomogram,
        lambda editor: editor.state.contrast is not None and editor.state.contrast.invert,
    ),
    Command(
        "view.interpolate",
        "Smooth enlarged pixels",
        "View",
        _interpolate,
        "shift+V",
        "",
        with_tomogram,
        lambda editor: editor.state.interpolate,
    ),
    Command(
        "view.hide_overlays",
        "Hide all overlays while held",
        "View",
        _nothing,
        "H",
        "",
        with_tomogram,
        held=_hide_overlays,
    ),
    _step(1),
    _step(-1),
    _step(PAGE),
    _step(-PAGE),
    Command("view.slice_first", "Go to the first slice", "View/Slice", _first, "home", "", with_tomogram),
    Command("view.slice_last", "Go to the last slice", "View/Slice", _last, "end", "", with_tomogram),
    Command(
        "view.play",
        "Play through the slices",
        "View/Slice",
        _play,
        "ctrl+space",
        "",
        with_tomogram,
        lambda editor: editor.state.playing > 0,
    ),
    Command(
        "view.full_screen",
        "Full screen",
        "View",
        _full_screen,
        "F11",
        "",
        always,
        lambda editor: editor.shell.full_screen,
        separated=True,
    ),
    Command(
        "view.save_window",
        "Save picture of the window",
        "View",
        save_window,
        "F12",
        "A PNG file beside the project",
        always,
        separated=True,
    ),
    Command(
        "view.save_view",
        "Save picture of the view...",
        "View",
        ask_and_save_view,
        "shift+F12",
        "The slice with its overlays and a scale bar, one pixel for each voxel",
        with_tomogram,
    ),
    _show_tab(Tab.ANNOTATE, "1"),
    _show_tab(Tab.MODELS, "2"),
    _show_tab(Tab.EXPORT, "3"),
    _show_tab(Tab.RENDER, "4"),
)
