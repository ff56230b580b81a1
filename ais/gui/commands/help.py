"""Commands of the Help menu, and the pages about the editor itself."""

from __future__ import annotations

from typing import Any

from ais.gui.commands.command import Command
from ais.gui.editor import Editor


def _shortcuts(editor: Editor) -> None:
    editor.shell.shortcuts = True


def _about(editor: Editor) -> None:
    editor.shell.about = True


def _test(editor: Editor) -> None:
    def tested(found: dict[str, Any]) -> None:
        editor.notices.say(
            f"Networks are computed correctly on the {found['device'].upper()} with {found['backend']} "
            f"({found['precision']}); the start took {found['start_seconds']:.0f} s."
        )

    editor.shell.jobs = True
    editor.compute("self_test", {}, "Testing the compute process", tested)


def _is_not_testing(editor: Editor) -> bool:
    engine = editor.engine_in_use
    return engine is None or all(job.finished or job.task != "self_test" for job in engine.jobs)


def _said(editor: Editor) -> None:
    editor.shell.messages = True


HELP_COMMANDS: tuple[Command, ...] = (
    Command("help.shortcuts", "Keys and mouse...", "Help", _shortcuts, "F1", "Every key, to read and to change"),
    Command(
        "help.self_test",
        "Test the compute process",
        "Help",
        _test,
        tooltip="Start what trains and segments, and compare a small network with what it must give",
        enabled=_is_not_testing,
    ),
    Command("help.messages", "Show all messages...", "Help", _said, tooltip="What the editor has said so far"),
    Command("help.about", "About Ais...", "Help", _about, tooltip="Version, licence, graphics", separated=True),
)
