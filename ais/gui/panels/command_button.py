"""Buttons that run commands, so that a button, a menu and a key do the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imgui_bundle import ImVec2, imgui

from ais.gui.commands import command
from ais.gui.keys import readable
from ais.gui.panels.layout import disabled, em
from ais.gui.panels.modal import strong_button
from ais.gui.theme import colour, mix

if TYPE_CHECKING:
    from ais.gui.app import Window

WHEN_OFF = int(imgui.HoveredFlags_.for_tooltip | imgui.HoveredFlags_.allow_when_disabled)


def command_button(
    window: Window, name: str, text: str = "", *, icon: str = "", on: bool = False, strong: bool = False
) -> bool:
    """Draw a button that runs a command.

    Parameters
    ----------
    window
        The window.
    name
        Of the command.
    text
        On the button, if not what the menu calls it; with an icon it is what scripts call the button.
    icon
        Drawn instead of a text.
    on
        Whether it stands out, as what it chooses is chosen.
    strong
        Whether it stands out, as it is what most people will want next.

    Returns
    -------
    bool
        Whether it has been pressed, and the command run.
    """
    item = command(name)
    label = f"{icon}###{text or item.text}" if icon else text or item.text
    with disabled(not item.enabled(window.editor)):
        if on:
            # Not transparent: these also lie over pictures.
            imgui.push_style_color(imgui.Col_.button, colour(mix(window.theme.panel, window.theme.accent, 0.55)))
        if strong:
            pressed = strong_button(label, window.theme.accent, window.theme.on_accent)
        else:
            pressed = imgui.button(label, ImVec2(em(1.9), 0) if icon else ImVec2(0, 0))
        if on:
            imgui.pop_style_color()
    if imgui.is_item_hovered(WHEN_OFF):
        imgui.set_tooltip(tooltip(window, name, text if not icon else ""))
    if pressed:
        item.run(window.editor)
    return bool(pressed)


def tooltip(window: Window, name: str, written: str = "") -> str:
    """What a command does, and its keys.

    Parameters
    ----------
    window
        The window.
    name
        Of the command.
    written
        What is on the button already; empty for an icon.
    """
    item = command(name)
    keys = readable(window.keys.text[name])
    title = item.text.rstrip(".") if item.text.rstrip(".") != written.rstrip(".") else ""
    first = f"{title} ({keys})" if title and keys else title or keys
    return "\n".join(part for part in (first, item.tooltip) if part) or item.text


def flow(width: float) -> None:
    """Put the next item, of this width in pixels, on the same line if there is room."""
    imgui.same_line()
    if imgui.get_content_region_avail().x < width:
        imgui.new_line()


def flowing_buttons(window: Window, *buttons: tuple[str, str]) -> None:
    """Draw buttons beside each other, in as many lines as are needed; each is a command and its text."""
    padding = 2 * imgui.get_style().frame_padding.x
    for number, (name, text) in enumerate(buttons):
        if number:
            flow(imgui.calc_text_size(text).x + padding)
        command_button(window, name, text)
