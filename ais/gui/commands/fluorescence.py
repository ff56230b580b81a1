"""Commands about fluorescence images over a tomogram."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal

from ais.fluorescence import Overlay
from ais.fluorescence.images import PICTURES, STACKS
from ais.gui import fluorescence_edits as edits
from ais.gui.commands.annotate import choose_tool
from ais.gui.commands.command import Command, with_tomogram
from ais.gui.dialogs import FileKind
from ais.gui.editor import Editor
from ais.gui.state import Tool

MENU = "Tomogram/Fluorescence"
IMAGES = FileKind("Images", (*PICTURES, *STACKS))


def _can_change(editor: Editor) -> bool:
    return editor.shown is not None and editor.fluorescence.at_hand is not None and not editor.read_only


def _can_add(editor: Editor) -> bool:
    return with_tomogram(editor) and not editor.read_only


def _on(change: Callable[[Editor, Overlay], None]) -> Callable[[Editor], None]:
    """What a command does to the selected image."""

    def run(editor: Editor) -> None:
        overlay = editor.fluorescence.at_hand
        if overlay is not None:
            change(editor, overlay)

    return run


def _add(editor: Editor) -> None:
    def chosen(paths: list[Path]) -> None:
        edits.add_images(editor, paths)

    editor.dialogs.open_files("Lay images over this tomogram", (IMAGES,), chosen)


def _tool(tool: Tool) -> Callable[[Editor], None]:
    def run(editor: Editor) -> None:
        choose_tool(editor, Tool.BRUSH if editor.state.tool is tool else tool)
        if editor.state.tool is tool:
            editor.fluorescence.show_section()

    return run


def _has(tool: Tool) -> Callable[[Editor], bool]:
    return lambda editor: editor.state.tool is tool


def _flip(way: Literal["horizontally", "vertically"]) -> Callable[[Editor], None]:
    return _on(lambda editor, overlay: edits.flip_image(editor, overlay, way))


def _relink(editor: Editor, overlay: Overlay) -> None:
    def chosen(paths: list[Path]) -> None:
        edits.relink_image(editor, overlay, paths[0])

    editor.dialogs.open_files(f"Where is {overlay.name} now?", (IMAGES,), chosen, many=False)


def _show(editor: Editor, overlay: Overlay) -> None:
    verb = "Hide" if overlay.visible else "Show"
    editor.fluorescence.change(overlay.key, f"{verb} image {overlay.name}", visible=not overlay.visible)


def _is_shown(editor: Editor) -> bool:
    overlay = editor.fluorescence.at_hand
    return overlay is not None and overlay.visible


def _can_clear(editor: Editor) -> bool:
    overlay = editor.fluorescence.at_hand
    return _can_change(editor) and overlay is not None and bool(overlay.landmarks)


FLUORESCENCE_COMMANDS: tuple[Command, ...] = (
    Command(
        "fluorescence.add",
        "Add images...",
        MENU,
        _add,
        tooltip="Lay an image of a light microscope over the tomogram: TIFF, PNG, JPEG or MRC",
        enabled=_can_add,
        separated=True,
    ),
    Command(
        "fluorescence.place",
        "Place by hand",
        MENU,
        _tool(Tool.IMAGE),
        tooltip="Drag moves the image; its corners, or alt, scale it; the handle above it, or shift, turns it",
        enabled=_can_change,
        checked=_has(Tool.IMAGE),
        separated=True,
    ),
    Command(
        "fluorescence.landmarks",
        "Place by landmarks",
        MENU,
        _tool(Tool.LANDMARKS),
        tooltip="Click a thing in the image, then the same thing in the tomogram; three or more place it",
        enabled=_can_change,
        checked=_has(Tool.LANDMARKS),
    ),
    Command(
        "fluorescence.flip_horizontally",
        "Flip horizontally",
        MENU,
        _flip("horizontally"),
        tooltip="Mirror the selected image, left to right",
        enabled=_can_change,
    ),
    Command(
        "fluorescence.flip_vertically",
        "Flip vertically",
        MENU,
        _flip("vertically"),
        tooltip="Mirror the selected image, top to bottom",
        enabled=_can_change,
    ),
    Command(
        "fluorescence.reset",
        "Reset placement",
        MENU,
        _on(edits.reset_image),
        tooltip="Lay the selected image over the whole tomogram, as it lay when it was added",
        enabled=_can_change,
    ),
    Command(
        "fluorescence.clear_landmarks",
        "Remove all landmarks",
        MENU,
        _on(edits.clear_landmarks),
        tooltip="The image stays where it is",
        enabled=_can_clear,
    ),
    Command(
        "fluorescence.show",
        "Show image",
        MENU,
        _on(_show),
        tooltip="Show or hide the selected image",
        enabled=_can_change,
        checked=_is_shown,
        separated=True,
    ),
    Command(
        "fluorescence.duplicate",
        "Duplicate image",
        MENU,
        _on(edits.duplicate_image),
        tooltip="Once more at the same place: the next of several channels, in another colour",
        enabled=_can_change,
    ),
    Command(
        "fluorescence.relink",
        "Relink image...",
        MENU,
        _on(_relink),
        tooltip="Say where the file of the selected image is now",
        enabled=_can_change,
    ),
    Command(
        "fluorescence.remove",
        "Remove image",
        MENU,
        _on(edits.remove_image),
        tooltip="Take the selected image off the tomogram; its file stays",
        enabled=_can_change,
    ),
)
