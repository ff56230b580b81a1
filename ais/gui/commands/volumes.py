"""Commands about exporting whole volumes, and about the volumes that were made."""

from __future__ import annotations

from pathlib import Path

from ais.gui.commands.command import Command, with_project, with_tomogram
from ais.gui.editor import Editor
from ais.gui.export_volumes import ENDED, VolumeState
from ais.gui.export_wish import Scope
from ais.gui.state import Tab


def _can_export(editor: Editor) -> bool:
    if editor.document is None:
        return False
    plan = editor.modelling.exports.wish.plan
    return plan.volumes > 0 and not plan.problems


def export(editor: Editor) -> None:
    """Put what is chosen into the queue."""
    exports = editor.modelling.exports
    wish = exports.wish
    problems = [sentence for _, sentence in wish.plan.problems] or exports.add(wish.plan.request)
    if problems:
        editor.notices.problem(problems[0])
        return
    wish.remember()
    wish.look_again()


def _export_this(editor: Editor) -> None:
    editor.modelling.exports.wish.scope = Scope.THIS
    if _can_export(editor):
        export(editor)
    else:
        editor.shell.tab = Tab.EXPORT  # what is missing stands there, beside what it is about


def _choose_folder(editor: Editor) -> None:
    wish = editor.modelling.exports.wish

    def chosen(folder: Path) -> None:
        wish.own_folder = folder
        wish.look_again()
        wish.remember()

    editor.dialogs.choose_folder("Choose where volumes are exported to", chosen)


def _pause(editor: Editor) -> None:
    exports = editor.modelling.exports
    if exports.paused:
        exports.resume()
    else:
        exports.pause()


def _is_paused(editor: Editor) -> bool:
    return editor.modelling.exports.paused


def _has_waiting(editor: Editor) -> bool:
    exports = editor.modelling.exports
    return exports.running is not None or any(v.state is VolumeState.WAITING for v in exports.volumes)


def _cancel_all(editor: Editor) -> None:
    editor.modelling.exports.cancel_all()


def _has_ended(editor: Editor) -> bool:
    return any(volume.state in ENDED and not volume.cleared for volume in editor.modelling.exports.volumes)


def _clear(editor: Editor) -> None:
    editor.modelling.exports.clear_ended()


def _shown_here(editor: Editor) -> bool:
    shown = editor.shown
    return shown is not None and bool(editor.modelling.exports.results_of(shown.entry.path))


def _show_results(editor: Editor) -> None:
    """Show all volumes of the tomogram on the screen, or hide them if all are shown."""
    if editor.shown is None:
        return
    overlays = editor.modelling.overlays
    paths = [result.path for result in editor.modelling.exports.results_of(editor.shown.entry.path)]
    on = not all(overlays.shown(path) for path in paths)
    for path in paths:
        overlays.show(path, on)


def _all_shown(editor: Editor) -> bool:
    shown = editor.shown
    if shown is None:
        return False
    found = editor.modelling.exports.results_of(shown.entry.path)
    return bool(found) and all(editor.modelling.overlays.shown(result.path) for result in found)


VOLUME_COMMANDS: tuple[Command, ...] = (
    Command(
        "volumes.export_this",
        "Export this tomogram",
        "Export",
        _export_this,
        tooltip="Segment all of it with the models and settings of the tab Export",
        enabled=with_tomogram,
        separated=True,
    ),
    Command(
        "volumes.export",
        "Export volumes",
        "Export",
        export,
        tooltip="Segment what is chosen in the tab Export, in the background",
        enabled=_can_export,
    ),
    Command(
        "volumes.folder",
        "Choose the export folder...",
        "Export",
        _choose_folder,
        tooltip="Where segmented volumes are written",
        enabled=with_project,
    ),
    Command(
        "volumes.pause",
        "Pause exports",
        "Export",
        _pause,
        tooltip="The volume that is being made is finished, no further one is begun",
        enabled=with_project,
        checked=_is_paused,
        separated=True,
    ),
    Command(
        "volumes.cancel_all",
        "Cancel all exports",
        "Export",
        _cancel_all,
        tooltip="Stop the volume that is being made and those that wait; what is finished stays",
        enabled=_has_waiting,
    ),
    Command(
        "volumes.clear",
        "Clear ended exports",
        "Export",
        _clear,
        tooltip="Take what has ended off the queue; files and results stay",
        enabled=_has_ended,
    ),
    Command(
        "volumes.show",
        "Show exported volumes",
        "Export",
        _show_results,
        tooltip="Show or hide all volumes that were made of the tomogram on the screen",
        enabled=_shown_here,
        checked=_all_shown,
        separated=True,
    ),
)
