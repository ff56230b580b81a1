"""Volumes that are opened or dropped and are called like segmentations of a tomogram: a page asks what they are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ais.annotation.operation import Together
from ais.annotation.volume_look_operations import ChangeVolumes
from ais.errors import AisError
from ais.formats.registry import volume_stem
from ais.gui.sheet import ChoiceField, Sheet
from ais.gui.state import Tab
from ais.gui.volume_search import SEPARATOR
from ais.tomogram import Tomogram

if TYPE_CHECKING:
    from ais.gui.background import Work
    from ais.gui.document import Document
    from ais.gui.editor import Editor

AsTomograms = Callable[[Sequence[Path]], None]
Shape = tuple[int, int, int]


def open_volumes(editor: Editor, paths: Sequence[Path], as_tomograms: AsTomograms) -> None:
    """Open tomograms, and ask of a volume that is called after a tomogram of the project and has its shape.

    Parameters
    ----------
    editor
        Whose project; tomograms that are opened together with such a volume count as well.
    paths
        Volumes.
    as_tomograms
        Opens tomograms.
    """
    known = {entry.path for entry in editor.snapshot.tomograms}
    stems = {*(volume_stem(path) for path in known), *map(volume_stem, paths)}
    doubtful = {path: stem for path in paths if path not in known and (stem := _called_after(path, stems))}
    as_tomograms([path for path in paths if path not in doubtful])
    if not doubtful:
        return
    document = editor.document
    opened = {volume_stem(path): path for path in paths if path not in doubtful}

    def look(_: Work) -> dict[Path, Shape]:
        return _shapes([*doubtful, *(opened[stem] for stem in doubtful.values() if stem in opened)])

    def found(shapes: dict[Path, Shape]) -> None:
        if document is not None and editor.document is not document:
            return
        of = {volume_stem(entry.path): {entry.shape} for entry in editor.snapshot.tomograms}
        for stem, path in opened.items():
            of.setdefault(stem, set()).update({shapes[path]} if path in shapes else ())
        segmentations = {path: stem for path, stem in doubtful.items() if shapes.get(path) in of.get(stem, ())}
        as_tomograms([path for path in doubtful if path not in segmentations])
        if segmentations:
            _ask(editor, segmentations, as_tomograms)

    editor.background.run(look, found)


def _called_after(path: Path, stems: set[str]) -> str:
    """Of these names of tomograms the longest that a volume's name begins with; empty if there is none."""
    stem = volume_stem(path)
    return max((one for one in stems if stem.startswith(one + SEPARATOR)), key=len, default="")


def _shapes(paths: Sequence[Path]) -> dict[Path, Shape]:
    found = {}
    for path in dict.fromkeys(paths):
        try:
            with Tomogram.open(path) as volume:
                found[path] = volume.shape
        except AisError:
            continue  # whoever opens it as a tomogram says what is wrong with it
    return found


def _ask(editor: Editor, segmentations: dict[Path, str], as_tomograms: AsTomograms) -> None:
    one = len(segmentations) == 1
    (path, stem), *_ = segmentations.items()
    as_segmentation = f"A segmented volume of {stem}" if one else "Segmented volumes of their tomograms"
    chosen = ChoiceField("Add as", [as_segmentation, "A tomogram" if one else "Tomograms"])

    def accept() -> None:
        if chosen.value:
            as_tomograms(list(segmentations))
        elif editor.document is not None:
            _add(editor, editor.document, segmentations)

    what = path.name if one else f"{len(segmentations)} volumes"
    note = "Its name begins with that of a tomogram." if one else "Their names begin with those of tomograms."
    editor.shell.sheets.append(Sheet(f"Add {what}", "Add", (chosen,), accept, note))


def _add(editor: Editor, document: Document, segmentations: dict[Path, str]) -> None:
    """Put them into the lists of volumes of their tomograms, as one step of undo, and show those of the first."""
    numbers = {volume_stem(entry.path): entry.id for entry in editor.snapshot.tomograms}
    of: dict[int, list[Path]] = {}
    for path, stem in segmentations.items():
        if stem in numbers:
            of.setdefault(numbers[stem], []).append(path)
        else:
            editor.notices.problem(f"{path.name} was not added: {stem} is not in the project.")
    if not of:
        return
    title = "Add volume " + ", ".join(path.name for path in segmentations) if len(segmentations) < 4 else "Add volumes"
    listed = {"by_hand": True, "listed": True}
    edits = [ChangeVolumes(number, dict.fromkeys(paths, listed), title) for number, paths in of.items()]
    first, (selected, *_) = next(iter(of.items()))

    def show(_: None) -> None:
        if editor.document is document:
            if editor.state.tomogram != first:
                editor.select_tomogram(first)
            editor.rendering.volumes.selected = selected
            editor.shell.tab = Tab.RENDER

    editor.submit(Together(title, edits), show)
