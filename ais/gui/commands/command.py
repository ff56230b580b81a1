"""A command: one thing a user can do, by menu, key or palette."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ais.gui.editor import Editor

MENUS = ("File", "Edit", "View", "Tomogram", "Feature", "Model", "Export", "Render", "Tools", "Help")


def always(editor: Editor) -> bool:
    """For commands that can be used at any time."""
    del editor
    return True


def with_project(editor: Editor) -> bool:
    """Whether a project is open."""
    return editor.document is not None


def with_tomogram(editor: Editor) -> bool:
    """Whether a tomogram is on the screen."""
    return editor.shown is not None


def with_feature(editor: Editor) -> bool:
    """Whether a tomogram is on the screen and a feature is selected that may be changed."""
    return editor.shown is not None and bool(editor.state.feature) and not editor.read_only


@dataclass(frozen=True)
class Command:
    """One thing a user can do.

    Attributes
    ----------
    name
        Never changes: under it the user's own keys are kept; such as "view.fit".
    text
        In the menu and the palette: verb first; an ellipsis if it asks more.
    menu
        One of `MENUS`; a submenu after a slash.
    run
        Does it.
    shortcut
        Keys by default, such as "ctrl+shift+P"; several are separated by blanks; empty for none.
    tooltip
        One sentence more.
    enabled
        Whether it can be done now.
    checked
        For a command that switches something: whether it is on.
    repeats
        Whether it is done again while the key is held down.
    held
        For a command that lasts while its key is held: called with True and False instead of `run`.
    separated
        Whether the menu draws a line above it.
    """

    name: str
    text: str
    menu: str
    run: Callable[[Editor], None]
    shortcut: str = ""
    tooltip: str = ""
    enabled: Callable[[Editor], bool] = always
    checked: Callable[[Editor], bool] | None = None
    repeats: bool = False
    held: Callable[[Editor, bool], None] | None = None
    separated: bool = False
