"""Finding a command by a few letters of its name."""

from __future__ import annotations

from collections.abc import Sequence

from ais.gui.commands import COMMANDS, Command
from ais.gui.editor import Editor

REMEMBERED = 12
RECENT_BONUS = 0.15
MENU_WEIGHT, TOOLTIP_WEIGHT = 0.5, 0.3
NOT_LISTED = frozenset({"edit.palette"})


def likeness(letters: str, text: str) -> float:
    """How well a few letters fit a text, without regard to capitals.

    Parameters
    ----------
    letters
        Without blanks.
    text
        Words.

    Returns
    -------
    float
        0 if the letters do not occur in the text in their order; up to 1 for the text's beginning. Letters that stand
        together or begin words fit better than scattered ones.
    """
    letters, text = letters.casefold(), text.casefold()
    if not letters:
        return 1.0
    at = text.find(letters)
    if at >= 0:
        best = at
        while at >= 0 and not _begins_word(text, at):
            at = text.find(letters, at + 1)
        return 0.9 + 0.1 / (1 + at) if at >= 0 else 0.7 + 0.1 / (1 + best)
    position, starts = -1, 0
    first = last = 0
    for number, letter in enumerate(letters):
        found = _next(text, letter, position + 1)
        if found < 0:
            return 0.0
        starts += _begins_word(text, found)
        first = found if number == 0 else first
        position = last = found
    tight = len(letters) / (last - first + 1)
    return 0.1 + 0.25 * tight + 0.25 * starts / len(letters)


def _next(text: str, letter: str, start: int) -> int:
    """Where the letter comes next, the beginning of a word rather than the middle of one."""
    found = text.find(letter, start)
    at = found
    while at >= 0:
        if _begins_word(text, at):
            return at
        at = text.find(letter, at + 1)
    return found


def _begins_word(text: str, at: int) -> bool:
    return at == 0 or not text[at - 1].isalnum()


def search(text: str, recent: Sequence[str], commands: Sequence[Command] = COMMANDS) -> list[Command]:
    """The commands that fit what was typed, best first.

    Parameters
    ----------
    text
        Words, each of which must fit the command's text, menu or tooltip; with none, all commands are given.
    recent
        Names of commands used before, newest first; they come before others that fit as well.
    """
    words = text.split()
    scored = []
    for order, command in enumerate(commands):
        if command.name in NOT_LISTED:
            continue
        score = _score(words, command)
        if score > 0:
            rank = recent.index(command.name) if command.name in recent else len(recent)
            bonus = RECENT_BONUS * (1 - rank / len(recent)) if recent else 0.0
            scored.append((-(score + bonus), rank if not words else 0, order, command))
    return [command for *_, command in sorted(scored, key=lambda item: item[:3])]


def _score(words: Sequence[str], command: Command) -> float:
    whole = likeness("".join(words), command.text.replace(" ", "")) if len(words) > 1 else 0.0
    total = 0.0
    for word in words:
        tooltip = TOOLTIP_WEIGHT if word.casefold() in command.tooltip.casefold() else 0.0
        menu = MENU_WEIGHT * likeness(word, command.menu) if len(word) > 1 else 0.0
        found = max(likeness(word, command.text), tooltip, menu if menu > MENU_WEIGHT / 2 else 0.0)
        if not found:
            return whole / 2
        total += found
    return total / len(words) if words else 1.0


class Palette:
    """What has been typed, what was found, and which of it the keys act on.

    Attributes
    ----------
    text
        As typed.
    found
        Best first, each with whether it can be done now.
    cursor
        Index of the one that Enter runs.
    """

    def __init__(self) -> None:
        self.text = ""
        self.found: list[tuple[Command, bool]] = []
        self.cursor = 0

    def find(self, text: str, editor: Editor) -> None:
        """Look for what was typed."""
        self.text = text
        # What fits best stays first even if it cannot be done now: Enter must not run something else instead.
        self.found = [(command, command.enabled(editor)) for command in search(text, editor.settings.recent_commands)]
        self.cursor = 0

    def move(self, step: int) -> None:
        """Go up or down, from one end to the other."""
        if self.found:
            self.cursor = (self.cursor + step) % len(self.found)

    def chosen(self) -> Command | None:
        """What Enter would run; None if it cannot be done now."""
        if not self.found:
            return None
        command, enabled = self.found[self.cursor]
        return command if enabled else None


def remember(name: str, recent: Sequence[str]) -> list[str]:
    """The names of recent commands with this one as the newest."""
    return [name, *(other for other in recent if other != name)][:REMEMBERED]
