"""Commands of the View menu about the look of the window: theme, size of letters."""

from __future__ import annotations

from ais.gui.commands.command import Command
from ais.gui.editor import Editor
from ais.gui.settings import FONT_SCALES, THEMES

STEP = 0.1


def _theme(name: str) -> Command:
    def use(editor: Editor) -> None:
        editor.settings.theme = name
        editor.save_settings()

    return Command(
        f"view.theme_{name.replace(' ', '_')}",
        name.capitalize(),
        "View/Theme",
        use,
        checked=lambda editor: editor.settings.theme == name,
    )


def _letters(name: str, text: str, keys: str, step: float) -> Command:
    def change(editor: Editor) -> None:
        low, high = FONT_SCALES
        editor.settings.font_scale = min(max(round(editor.settings.font_scale + step, 2), low), high)
        editor.save_settings()

    return Command(name, text, "View/Letters", change, keys, "Of the whole window")


APPEARANCE_COMMANDS = (
    *(_theme(name) for name in THEMES),
    _letters("view.letters_larger", "Larger letters", "ctrl+=", STEP),
    _letters("view.letters_smaller", "Smaller letters", "ctrl+-", -STEP),
)
