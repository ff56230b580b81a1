"""Commands of the Tomogram menu: the list, where files are, voxel size, and new files made from a tomogram."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ais.annotation import RelinkTomogram, RemoveTomogram, SetVoxelSize, TomogramEntry
from ais.gui.background import Work
from ais.gui.commands.command import Command
from ais.gui.commands.conditions import can_edit
from ais.gui.commands.file import tomogram_kinds
from ais.gui.dialogs import FileKind
from ais.gui.editor import Editor
from ais.gui.relinking import Found, look, replacement
from ais.gui.reveal import reveal
from ais.gui.sheet import ChoiceField, NumberField, Sheet
from ais.tomogram import PLAUSIBLE_A

VOLUMES = (FileKind("MRC volumes", (".mrc",)), FileKind("TIFF volumes", (".tif", ".tiff")))
MOST_BINNING = 16
ORDERS = ("yzx", "xyz", "zxy", "yxz", "xzy")
ORDER_NAMES = (
    "Exchange y and z",
    "Exchange x and z",
    "Exchange x and y",
    "Turn: y becomes z, x becomes y",
    "Turn: x becomes z, z becomes y",
)
AFTERWARDS = ("Add it to this project", "Only write the file")


def run_on(editor: Editor, command: Command, tomogram: int) -> None:
    """Run one of `LIST_COMMANDS` on a tomogram that need not be the one on the screen."""
    _ACTIONS[command.name](editor, tomogram)


def relink(editor: Editor, tomogram: int) -> None:
    """Ask where the file of a tomogram is now."""
    entry = editor.snapshot.tomogram(tomogram)
    if entry is None:
        return

    def relinked(new: TomogramEntry) -> None:
        editor.notices.say(f"{new.name} is now read from {new.path}.")
        _offer_others(editor, entry, new)
        if editor.state.tomogram == tomogram:
            editor.reopen_tomogram()

    editor.dialogs.open_files(
        f"Where is {entry.name} now?",
        tomogram_kinds(),
        lambda paths: editor.submit(RelinkTomogram(tomogram, paths[0]), relinked),
        many=False,
    )


def _offer_others(editor: Editor, old: TomogramEntry, new: TomogramEntry) -> None:
    """If other tomograms that are missing went the same way, open the page that relinks them."""
    find, replace = replacement(old.path, new.path)
    others = [entry for entry in editor.snapshot.tomograms if entry.missing and entry.id != new.id]

    def found(there: Found) -> None:
        if there.missing:
            editor.shell.relinking = (find, replace)

    if others:
        editor.background.run(lambda _: look(others, find, replace), found)


def _relink_all(editor: Editor) -> None:
    editor.shell.relinking = ("", "")


def _reveal(editor: Editor, tomogram: int) -> None:
    entry = editor.snapshot.tomogram(tomogram)
    if entry is not None:
        path = entry.path
        editor.background.run(lambda _: reveal(path))


def _remove(editor: Editor, tomogram: int) -> None:
    entry = editor.snapshot.tomogram(tomogram)
    if entry is not None:
        editor.submit(RemoveTomogram(tomogram))
        editor.notices.say(f"{entry.name} was removed from the project, its file was not; undo brings it back.")


def _voxel_size(editor: Editor, tomogram: int) -> None:
    entry = editor.snapshot.tomogram(tomogram)
    if entry is None:
        return
    header = entry.header_voxel_size
    size = NumberField("Voxel size", entry.voxel_size or 10.0, *PLAUSIBLE_A, "A")
    which = ChoiceField("Use", ["This value", "What the file says"])

    def accept() -> None:
        def changed(_: TomogramEntry) -> None:
            if editor.state.tomogram == tomogram:
                editor.reopen_tomogram()

        editor.submit(SetVoxelSize(tomogram, None if which.value else size.value), changed)

    says = f"The file says {header:.5g} A." if header > 0 else "The file does not say."
    note = f"{says} The value is kept in the project; the file is never changed."
    editor.shell.sheets.append(Sheet(f"Voxel size of {entry.name}", "Set", (size, which), accept, note))


def _bin(editor: Editor, tomogram: int) -> None:
    entry = editor.snapshot.tomogram(tomogram)
    if entry is None:
        return
    most = min(MOST_BINNING, *entry.shape)
    factor = NumberField("Factor", min(2, most), min(2, most), most, whole=True)
    then = ChoiceField("Then", AFTERWARDS)
    note = "Averages blocks of so many voxels along each axis into one. This tomogram stays as it is."

    def accept() -> None:
        _write(editor, entry, f"_bin{factor.count}", "bin", factor.count, then.value == 0)

    editor.shell.sheets.append(Sheet(f"Bin {entry.name}", "Choose file...", (factor, then), accept, note))


def _swap(editor: Editor, tomogram: int) -> None:
    entry = editor.snapshot.tomogram(tomogram)
    if entry is None:
        return
    order = ChoiceField("How", ORDER_NAMES)
    then = ChoiceField("Then", AFTERWARDS)
    note = "For a tomogram whose slices are not in the XY plane. This one stays as it is."

    def accept() -> None:
        _write(editor, entry, "_swapped", "swap-axes", ORDERS[order.value], then.value == 0)

    editor.shell.sheets.append(Sheet(f"Swap axes of {entry.name}", "Choose file...", (order, then), accept, note))


def _prepare(editor: Editor, tomogram: int) -> None:
    editor.preparing.begin(tomogram)


def _write(editor: Editor, entry: TomogramEntry, words: str, kind: str, value: int | str, adding: bool) -> None:
    """Ask for a file and write the filtered tomogram to it, in a thread."""

    def save(path: Path) -> None:
        size = entry.voxel_size if entry.voxel_size != entry.header_voxel_size and entry.voxel_size > 0 else None

        def write(work: Work) -> None:
            from ais.filters import FilterSettings, filter_with_record

            filter_with_record(entry.path, path, FilterSettings(kind, value, voxel_size=size), progress=work)

        def written(_: None) -> None:
            editor.notices.say(f"Wrote {path}.")
            if adding:
                editor.open_paths([path])

        editor.background.run(write, written, title=f"Writing {path.name}")

    suggestion = entry.path.with_name(f"{entry.name}{words}.mrc")
    editor.dialogs.save_file("Write a new tomogram", suggestion, VOLUMES, save)


def _previous(editor: Editor) -> None:
    editor.select_neighbour(-1)


def _next(editor: Editor) -> None:
    editor.select_neighbour(1)


def _any(editor: Editor) -> bool:
    return bool(editor.snapshot.tomograms)


def _selected(editor: Editor) -> bool:
    return editor.snapshot.tomogram(editor.state.tomogram) is not None


def _can_change(editor: Editor) -> bool:
    return _selected(editor) and can_edit(editor)


def _on_selected(action: Callable[[Editor, int], None]) -> Callable[[Editor], None]:
    def run(editor: Editor) -> None:
        if editor.state.tomogram is not None:
            action(editor, editor.state.tomogram)

    return run


_ACTIONS: dict[str, Callable[[Editor, int], None]] = {
    "tomogram.reveal": _reveal,
    "tomogram.relink": relink,
    "tomogram.voxel_size": _voxel_size,
    "tomogram.bin": _bin,
    "tomogram.swap": _swap,
    "tomogram.prepare": _prepare,
    "tomogram.remove": _remove,
}


def _command(
    name: str, text: str, tooltip: str, enabled: Callable[[Editor], bool], *, separated: bool = False
) -> Command:
    run = _on_selected(_ACTIONS[name])
    return Command(name, text, "Tomogram", run, "", tooltip, enabled, separated=separated)


LIST_COMMANDS = (
    _command("tomogram.reveal", "Show in folder", "In the file manager of the desktop", _selected),
    _command("tomogram.relink", "Relink...", "Say where the file is now", _can_change, separated=True),
    _command("tomogram.voxel_size", "Set voxel size...", "Where the file is wrong; it is not changed", _can_change),
    _command("tomogram.bin", "Bin to a new file...", "Fewer, larger voxels", _selected, separated=True),
    _command("tomogram.swap", "Swap axes to a new file...", "Where slices are not in the XY plane", _selected),
    _command(
        "tomogram.prepare",
        "Prepare a filtered copy...",
        "Smoothed, inverted, or with the amplitudes of another tomogram, to train and segment on comparable data",
        _selected,
    ),
    _command(
        "tomogram.remove",
        "Remove from project",
        "With its annotations, boxes and picks; the file stays",
        _can_change,
        separated=True,
    ),
)
"""Those that the list of tomograms offers for each of its rows."""

TOMOGRAM_COMMANDS: tuple[Command, ...] = (
    Command("tomogram.previous", "Previous tomogram", "Tomogram", _previous, "up", "", _any),
    Command("tomogram.next", "Next tomogram", "Tomogram", _next, "down", "", _any),
    *LIST_COMMANDS,
    Command(
        "tomogram.relink_all",
        "Relink all tomograms...",
        "Tomogram",
        _relink_all,
        "",
        "Find and replace a part of their paths",
        lambda editor: _any(editor) and can_edit(editor),
        separated=True,
    ),
)
