"""Shortcuts such as "ctrl+shift+P": read, written, and pressed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass

from imgui_bundle import imgui

from ais.errors import AisError
from ais.gui.commands import COMMANDS, Command
from ais.gui.editor import Editor

_NAMED = {
    "[": imgui.Key.left_bracket,
    "]": imgui.Key.right_bracket,
    "-": imgui.Key.minus,
    "=": imgui.Key.equal,
    ",": imgui.Key.comma,
    ".": imgui.Key.period,
    "/": imgui.Key.slash,
    ";": imgui.Key.semicolon,
    "'": imgui.Key.apostrophe,
    "`": imgui.Key.grave_accent,
    "left": imgui.Key.left_arrow,
    "right": imgui.Key.right_arrow,
    "up": imgui.Key.up_arrow,
    "down": imgui.Key.down_arrow,
    "pageup": imgui.Key.page_up,
    "pagedown": imgui.Key.page_down,
    "home": imgui.Key.home,
    "end": imgui.Key.end,
    "space": imgui.Key.space,
    "enter": imgui.Key.enter,
    "escape": imgui.Key.escape,
    "delete": imgui.Key.delete,
    "backspace": imgui.Key.backspace,
    "tab": imgui.Key.tab,
    "insert": imgui.Key.insert,
    **{f"F{number}": getattr(imgui.Key, f"f{number}") for number in range(1, 13)},
    **{chr(letter): getattr(imgui.Key, chr(letter).lower()) for letter in range(ord("A"), ord("Z") + 1)},
    **{str(digit): getattr(imgui.Key, f"_{digit}") for digit in range(10)},
}
_SHOWN = {"pageup": "Page up", "pagedown": "Page down"}
_MODIFIERS = {"ctrl": imgui.Key.mod_ctrl, "shift": imgui.Key.mod_shift, "alt": imgui.Key.mod_alt}


@dataclass(frozen=True)
class Shortcut:
    """A key with the modifiers that are held.

    Attributes
    ----------
    key
        Of Dear ImGui.
    modifiers
        Any of "ctrl", "shift", "alt".
    """

    key: imgui.Key
    modifiers: frozenset[str]

    def pressed(self, held: Set[str], repeats: bool) -> bool:
        """Whether it has been pressed in this frame, with exactly these modifiers held."""
        return held == self.modifiers and imgui.is_key_pressed(self.key, repeats)

    def down(self, held: Set[str]) -> bool:
        """Whether it is held, with exactly these modifiers."""
        return held == self.modifiers and imgui.is_key_down(self.key)


def modifiers_held() -> Set[str]:
    """Which of "ctrl", "shift", "alt" are held; the command key of a Mac counts as ctrl."""
    io = imgui.get_io()
    held = (("ctrl", io.key_ctrl or io.key_super), ("shift", io.key_shift), ("alt", io.key_alt))
    return frozenset(name for name, on in held if on)


def parse(text: str) -> Shortcut:
    """A shortcut from its text, such as "ctrl+shift+P".

    Raises
    ------
    AisError
        If it names no key.
    """
    *modifiers, name = [part.strip() for part in text.replace("++", "+=").split("+")]
    known = {key.casefold(): value for key, value in _NAMED.items()}
    if name.casefold() not in known or not set(modifiers) <= set(_MODIFIERS):
        raise AisError(f"{text!r} is no shortcut: write it as ctrl+shift+P, F5 or [.")
    return Shortcut(known[name.casefold()], frozenset(modifiers))


def readable(text: str) -> str:
    """Shortcuts as menus show them: "Ctrl+Shift+P"; of several, the first."""
    first = text.split()[:1]
    names = [*first[0].replace("++", "+=").split("+")] if first else []
    return "+".join(_SHOWN.get(name, name[:1].upper() + name[1:]) for name in names)


def pressed_now() -> str | None:
    """The shortcut that has been pressed in this frame, as text; None if there is none."""
    held = modifiers_held()
    for name, key in _NAMED.items():
        if imgui.is_key_pressed(key, False):
            return "+".join([*(modifier for modifier in _MODIFIERS if modifier in held), name])
    return None


class KeyMap:
    """Which keys do what, with the changes of the user.

    Parameters
    ----------
    changes
        Name of a command to its shortcuts, as in the settings.
    """

    def __init__(self, changes: Mapping[str, str]) -> None:
        self._held: set[str] = set()
        self.text: dict[str, str] = {}
        self._shortcuts: list[tuple[Command, tuple[Shortcut, ...]]] = []
        self.use(changes)

    def use(self, changes: Mapping[str, str]) -> None:
        """Take in other changes; one that makes no sense is passed over."""
        self._shortcuts = []
        for command in COMMANDS:
            text = changes.get(command.name, command.shortcut)
            try:
                shortcuts = tuple(parse(part) for part in text.split())
            except AisError:
                text = command.shortcut
                shortcuts = tuple(parse(part) for part in text.split())
            self.text[command.name] = text
            if shortcuts:
                self._shortcuts.append((command, shortcuts))

    def conflicts(self, name: str, text: str) -> list[Command]:
        """Other commands that have one of the shortcuts."""
        wanted = {parse(part) for part in text.split()}
        return [command for command, found in self._shortcuts if command.name != name and wanted & set(found)]

    def run_pressed(self, editor: Editor) -> None:
        """Run the commands whose keys have been pressed in this frame; text fields, menus and pages take keys first."""
        if imgui.get_io().want_text_input or imgui.is_popup_open("", imgui.PopupFlags_.any_popup):
            self._release(editor, ())
            return
        held, modifiers = [], modifiers_held()
        taken = {parse(text) for keys in editor.shell.keys_taken.values() for text in keys}
        for command, all_shortcuts in self._shortcuts:
            shortcuts = [shortcut for shortcut in all_shortcuts if shortcut not in taken] if taken else all_shortcuts
            if command.held is not None:
                if any(shortcut.down(modifiers) for shortcut in shortcuts) and command.enabled(editor):
                    held.append(command)
            elif any(shortcut.pressed(modifiers, command.repeats) for shortcut in shortcuts) and command.enabled(
                editor
            ):
                command.run(editor)
        self._release(editor, held)

    def _release(self, editor: Editor, held: Iterable[Command]) -> None:
        now = {command.name: command for command in held}
        for command, _ in self._shortcuts:
            if command.held is not None and (command.name in now) != (command.name in self._held):
                command.held(editor, command.name in now)
        self._held = set(now)
