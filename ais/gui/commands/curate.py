"""Commands of the Curator and the uncertainty queue."""

from __future__ import annotations

from ais.gui.commands.command import Command
from ais.gui.editor import Editor

MENU = "Model/Curate"


def _open(editor: Editor) -> None:
    editor.shell.curator = not editor.shell.curator or editor.modelling.curation.aside
    editor.modelling.curation.aside = False


def _is_open(editor: Editor) -> bool:
    return editor.shell.curator and not editor.modelling.curation.aside


def _with_model(editor: Editor) -> bool:
    return bool(editor.snapshot.tomograms) and editor.modelling.curation.model is not None


def _find(editor: Editor) -> None:
    editor.modelling.curation.find_uncertain()


def _next(editor: Editor) -> None:
    editor.modelling.curation.next_uncertain()


def _retrain(editor: Editor) -> None:
    editor.modelling.curation.retrain()


def _can_retrain(editor: Editor) -> bool:
    curation = editor.modelling.curation
    return not editor.read_only and curation.new_verdicts > 0 and not curation.preparing


CURATE_COMMANDS: tuple[Command, ...] = (
    Command(
        "curate.open",
        "Open the Curator",
        MENU,
        _open,
        "",
        "Tiles of a prediction, each judged with one key: good, bad, ignore or edit",
        _with_model,
        checked=_is_open,
    ),
    Command(
        "curate.retrain",
        "Retrain with verdicts",
        MENU,
        _retrain,
        "",
        "Makes the training set as planned last, with the judged tiles, and trains the model further",
        _can_retrain,
    ),
    Command(
        "curate.find",
        "Find uncertain places",
        MENU,
        _find,
        "",
        "Ranks slices or tiles by how unsure the model is, those first that should be labelled next",
        _with_model,
        separated=True,
    ),
    Command(
        "curate.next",
        "Next uncertain slice",
        MENU,
        _next,
        "N",
        "Goes where the model is least sure, of what is neither visited nor labelled",
        _with_model,
    ),
)
