"""Images that are opened or dropped while a tomogram is on the screen: they are laid over it, not opened as volumes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ais.errors import AisError
from ais.fluorescence import ImageFacts, describe_image
from ais.fluorescence.images import PICTURES
from ais.gui.fluorescence_edits import add_images
from ais.gui.sheet import ChoiceField, Sheet

if TYPE_CHECKING:
    from ais.gui.background import Work
    from ais.gui.editor import Editor

EITHER = (".tif", ".tiff")
"""Endings of images and of volumes."""


def open_images(editor: Editor, paths: Sequence[Path], as_tomograms: Callable[[Sequence[Path]], None]) -> None:
    """Lay over the tomogram on the screen what is an image; ask of what may be one; open all else.

    Parameters
    ----------
    editor
        Whose tomogram.
    paths
        Volumes, pictures, and what may be either.
    as_tomograms
        Opens volumes.
    """
    pictures = [path for path in paths if path.suffix.lower() in PICTURES]
    doubtful = [path for path in paths if editor.shown is not None and _may_be_either(path)]
    as_tomograms([path for path in paths if path not in pictures and path not in doubtful])
    if pictures:
        add_images(editor, pictures)
    if doubtful:
        _look(editor, doubtful, as_tomograms)


def _may_be_either(path: Path) -> bool:
    return path.suffix.lower() in EITHER and path.is_file()


def _look(editor: Editor, paths: list[Path], as_tomograms: Callable[[Sequence[Path]], None]) -> None:
    """See what TIFF files hold: a stack of grey slices is a tomogram, of all else the user is asked."""
    document = editor.document

    def look(_: Work) -> list[Path]:
        return [path for path in paths if _is_flat(path)]

    def found(flat: list[Path]) -> None:
        if editor.document is not document:
            return
        as_tomograms([path for path in paths if path not in flat])
        if flat and editor.shown is not None:
            _ask(editor, flat, as_tomograms)
        elif flat:
            as_tomograms(flat)

    editor.background.run(look, found)


def _is_flat(path: Path) -> bool:
    try:
        facts: ImageFacts = describe_image(path)
    except AisError:
        return False  # whoever opens it as a volume says what is wrong with it
    return facts.planes == 1 or facts.channels > 1


def _ask(editor: Editor, paths: list[Path], as_tomograms: Callable[[Sequence[Path]], None]) -> None:
    name = editor.shown.entry.name if editor.shown is not None else ""
    chosen = ChoiceField("Open it as", [f"An image over {name}", "A tomogram"])

    def accept() -> None:
        if chosen.value:
            as_tomograms(paths)
        else:
            add_images(editor, paths)

    what = paths[0].name if len(paths) == 1 else f"{len(paths)} images"
    editor.shell.sheets.append(Sheet(f"Open {what}", "Open", (chosen,), accept))
