"""Commands that compare architectures."""

from __future__ import annotations

from ais.gui.commands.command import Command, with_project
from ais.gui.comparison import Comparison
from ais.gui.editor import Editor
from ais.gui.reveal import reveal


def _open(editor: Editor) -> None:
    editor.shell.comparing = True


def _run(editor: Editor) -> None:
    editor.shell.comparing = True
    editor.modelling.comparisons.run()


def _can_run(editor: Editor) -> bool:
    return not editor.modelling.comparisons.problem()


def _stop(editor: Editor) -> None:
    running = editor.modelling.comparisons.running
    if running is not None:
        editor.modelling.comparisons.stop(running)


def _runs(editor: Editor) -> bool:
    return editor.modelling.comparisons.running is not None


def _selected(editor: Editor) -> Comparison | None:
    return editor.modelling.comparisons.selected


def _go_on(editor: Editor) -> None:
    if (selected := _selected(editor)) is not None:
        editor.modelling.comparisons.go_on(selected)


def _can_go_on(editor: Editor) -> bool:
    selected = _selected(editor)
    return selected is not None and selected.incomplete and not _runs(editor) and not editor.read_only


def _show_folder(editor: Editor) -> None:
    selected = _selected(editor)
    if selected is not None:
        path = selected.folder / "comparison.md"
        editor.background.run(lambda _: reveal(path))


def _has_one(editor: Editor) -> bool:
    return _selected(editor) is not None


def _forget(editor: Editor) -> None:
    selected = _selected(editor)
    if selected is not None:
        editor.modelling.comparisons.forget(selected)


def _has_ended(editor: Editor) -> bool:
    selected = _selected(editor)
    return selected is not None and selected.ended


COMPARE_COMMANDS: tuple[Command, ...] = (
    Command(
        "compare.open",
        "Compare architectures...",
        "Model",
        _open,
        "",
        "Train several kinds of networks on one training set and see which suits it best",
        with_project,
        separated=True,
    ),
    Command(
        "compare.run",
        "Run comparison",
        "Model/Comparison",
        _run,
        "",
        "With the training set and the architectures that are chosen in its window",
        _can_run,
    ),
    Command(
        "compare.stop",
        "Stop comparison",
        "Model/Comparison",
        _stop,
        "",
        "What is finished is kept, and it can be continued",
        _runs,
    ),
    Command(
        "compare.continue",
        "Continue comparison",
        "Model/Comparison",
        _go_on,
        "",
        "What is finished is kept; what was stopped goes on, what failed is tried again",
        _can_go_on,
    ),
    Command(
        "compare.folder",
        "Open folder of comparison",
        "Model/Comparison",
        _show_folder,
        "",
        "With the table, the pictures and the models",
        _has_one,
    ),
    Command(
        "compare.forget",
        "Take comparison off the list",
        "Model/Comparison",
        _forget,
        "",
        "Its files stay",
        _has_ended,
    ),
)
