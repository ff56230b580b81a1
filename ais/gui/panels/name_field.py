"""The field in which something in a list gets another name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imgui_bundle import imgui

if TYPE_CHECKING:
    from ais.gui.shell import Shell


class NameField:
    """The name that is being typed: enter or a click elsewhere renames, escape gives up."""

    def __init__(self) -> None:
        self._typed = ""
        self._typing: int | None = None

    def draw(self, shell: Shell, number: int, name: str) -> str | None:
        """Draw it in place of a name, as wide as there is room, with the keyboard in it.

        Parameters
        ----------
        shell
            Told when typing has ended.
        number, name
            Of what is renamed.

        Returns
        -------
        str or None
            The new name, once, when it has been typed and is another.
        """
        if self._typing != number:
            self._typing, self._typed = number, name
            imgui.set_keyboard_focus_here()
        imgui.set_next_item_width(-1)
        flags = imgui.InputTextFlags_.auto_select_all | imgui.InputTextFlags_.enter_returns_true
        _, self._typed = imgui.input_text("##Name", self._typed, int(flags))
        if not imgui.is_item_deactivated():
            return None
        self._typing, shell.renaming = None, None
        typed = self._typed.strip()
        return typed if typed and typed != name and not imgui.is_key_pressed(imgui.Key.escape, False) else None
