"""Writes docs/reference/shortcuts.md from the editor's list of commands, so that the two never differ."""

from __future__ import annotations

from pathlib import Path

from ais.gui.commands import COMMANDS, MENUS, Command
from ais.gui.keys import readable
from ais.gui.mouse_actions import MOUSE_ACTIONS

HEAD = """# Keys and mouse

Written from the editor's list of commands by `docs/make_shortcut_reference.py`.

Every key can be changed: Help > Keys and mouse... (F1). Every command is also in the menu and in the palette
(Ctrl+Shift+P). On a Mac the command key takes the place of Ctrl. While a text field is typed in, keys belong to it.
"""


def reference() -> str:
    """The page's text."""
    parts = [HEAD, "## Mouse", "", "| mouse | does |", "|---|---|"]
    parts += [f"| {action} | {does} |" for action, does in MOUSE_ACTIONS]
    for menu in MENUS:
        commands = [command for command in COMMANDS if command.menu.split("/")[0] == menu]
        if commands:
            parts += ["", f"## {menu}", "", "| command | keys | |", "|---|---|---|", *map(_row, commands)]
    return "\n".join(parts) + "\n"


def _row(command: Command) -> str:
    path = " > ".join([*command.menu.split("/")[1:], command.text])
    keys = ", ".join(f"`{readable(part)}`" for part in command.shortcut.split())
    return f"| {path} | {keys} | {command.tooltip} |"


if __name__ == "__main__":
    target = Path(__file__).parent / "reference" / "shortcuts.md"
    target.write_text(reference(), encoding="utf-8")
