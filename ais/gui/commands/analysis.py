"""Commands about tables and plots of what was found."""

from __future__ import annotations

from ais.gui.commands.command import Command, with_project
from ais.gui.editor import Editor
from ais.gui.file_browser import FileKind
from ais.gui.saved_pictures import picture_folder

TABLES = (FileKind("Tables", (".csv",)), FileKind("JSON, with profiles", (".json",)))
PLOTS = (FileKind("PNG pictures", (".png",)), FileKind("SVG drawings", (".svg",)))


def _open(editor: Editor) -> None:
    editor.shell.analysis = True
    editor.analyses.look_again()


def _run(editor: Editor) -> None:
    editor.shell.analysis = True
    editor.analyses.run()


def _can_run(editor: Editor) -> bool:
    return not editor.analyses.problem()


def _stop(editor: Editor) -> None:
    editor.analyses.stop()


def _runs(editor: Editor) -> bool:
    return editor.analyses.running is not None


def _save_table(editor: Editor) -> None:
    suggestion = picture_folder(editor) / "instances.csv"
    editor.dialogs.save_file("Save table of instances", suggestion, TABLES, editor.analyses.save_table)


def _save_plots(editor: Editor) -> None:
    editor.dialogs.save_file("Save plots", picture_folder(editor) / "instances.png", PLOTS, editor.analyses.save_plots)


def _has_rows(editor: Editor) -> bool:
    return len(editor.analyses.table) > 0


def _compare(editor: Editor) -> None:
    editor.analyses.compare()


def _can_compare(editor: Editor) -> bool:
    return editor.analyses.reference.path is not None and editor.analyses.compared is not None


ANALYSIS_COMMANDS: tuple[Command, ...] = (
    Command(
        "analysis.open",
        "Analyze segmented volumes...",
        "Tools",
        _open,
        "",
        "Volume, length, distance and number of what was found, as tables and plots",
        with_project,
        separated=True,
    ),
    Command(
        "analysis.run",
        "Analyze",
        "Tools/Analysis",
        _run,
        "",
        "Measure the instances of the features that are chosen in the analysis window",
        _can_run,
    ),
    Command("analysis.stop", "Stop analysis", "Tools/Analysis", _stop, "", "What has been measured stays", _runs),
    Command(
        "analysis.save_table",
        "Save table of instances...",
        "Tools/Analysis",
        _save_table,
        "",
        "The rows that are shown, as .csv, or as .json with profiles",
        _has_rows,
        separated=True,
    ),
    Command(
        "analysis.save_plots",
        "Save plots of instances...",
        "Tools/Analysis",
        _save_plots,
        "",
        "Distributions and counts per tomogram, as .png or .svg",
        _has_rows,
    ),
    Command(
        "analysis.compare",
        "Compare with reference",
        "Tools/Analysis",
        _compare,
        "",
        "With the file that is chosen in the analysis window",
        _can_compare,
    ),
)
