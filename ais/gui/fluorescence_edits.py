"""What can be done to the fluorescence images over a tomogram: add, place, set landmarks, relink."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ais.annotation import AddOverlay, RemoveOverlay
from ais.annotation.entries import Colour
from ais.errors import AisError
from ais.fluorescence import (
    Affine,
    FitKind,
    Landmark,
    Overlay,
    Point,
    content_of,
    describe_image,
    fit_landmarks,
    placing,
)
from ais.fluorescence.records import MAX_LANDMARKS

if TYPE_CHECKING:
    from ais.gui.background import Work
    from ais.gui.editor import Editor

COLOURS: tuple[Colour, ...] = (
    (0.2, 1.0, 0.35),
    (1.0, 0.2, 0.8),
    (0.2, 0.75, 1.0),
    (1.0, 0.75, 0.15),
    (1.0, 0.3, 0.2),
)
"""Of one image after the other, as they are told apart when they are added."""

WHITE: Colour = (1.0, 1.0, 1.0)


def add_images(editor: Editor, paths: Sequence[Path]) -> None:
    """Lay images over the tomogram on the screen: as large as there is room for, to be placed by hand or landmarks."""
    shown, tomogram, document = editor.shown, editor.state.tomogram, editor.document
    if shown is None or tomogram is None:
        editor.notices.say("Open a tomogram first; then an image can be laid over it.", "hint")
        return
    if editor.read_only:
        editor.notices.problem(document.project.notice if document is not None else "This project can only be read.")
        return
    shape, count = (shown.shape[1], shown.shape[2]), len(editor.fluorescence.listed)

    def look(_: Work) -> list[Overlay]:
        return [_new_overlay(path.absolute(), shape, count + number) for number, path in enumerate(paths)]

    def found(overlays: list[Overlay]) -> None:
        if editor.document is not document:
            return
        for overlay in overlays:
            editor.submit(AddOverlay(tomogram, overlay), select)

    def select(overlay: Overlay) -> None:
        if editor.state.tomogram == tomogram:
            editor.fluorescence.selected = overlay.key
            editor.fluorescence.show_section()

    title = f"Reading {paths[0].name}" if len(paths) == 1 else "Reading images"
    editor.background.run(look, found, title=title)


def _new_overlay(path: Path, slice_shape: tuple[int, int], number: int) -> Overlay:
    facts = describe_image(path)
    return Overlay(
        name=path.stem,
        path=path,
        content=content_of(path),
        to_tomogram=placing.fitted(facts.shape, slice_shape, first_row_at_top=facts.first_row_at_top),
        channel=0 if facts.channels > 1 and not facts.in_colour else None,
        colour=WHITE if facts.in_colour else COLOURS[number % len(COLOURS)],
        shape=facts.shape,
    )


def remove_image(editor: Editor, overlay: Overlay) -> None:
    """Take an image off the tomogram; its file stays."""
    if editor.state.tomogram is not None:
        editor.submit(RemoveOverlay(editor.state.tomogram, overlay.key))


def duplicate_image(editor: Editor, overlay: Overlay) -> None:
    """Add an image once more at the same place, in the next channel and colour: for images of several channels."""
    if editor.state.tomogram is None:
        return
    facts = editor.fluorescence.facts(overlay.key)
    channels = facts.channels if facts is not None else 1
    channel = (overlay.channel or 0) + 1 if channels > 1 else None
    copy = replace(
        overlay,
        channel=channel % channels if channel is not None else overlay.channel,
        colour=COLOURS[len(editor.fluorescence.listed) % len(COLOURS)],
        low=None,
        high=None,
        key="",
        visible=True,
    )

    def select(added: Overlay) -> None:
        editor.fluorescence.selected = added.key

    editor.submit(AddOverlay(editor.state.tomogram, copy), select)


def relink_image(editor: Editor, overlay: Overlay, path: Path) -> None:
    """Say where the file of an image is now; another image of the same size is taken as well."""

    def look(_: Work) -> str:
        content = content_of(path)
        if content != overlay.content and describe_image(path).shape != overlay.shape:
            ny, nx = overlay.shape
            raise AisError(f"{path.name} is another image: {overlay.name} has {nx} x {ny} pixels.")
        return content

    def found(content: str) -> None:
        editor.fluorescence.change(overlay.key, f"Relink image {overlay.name}", path=path.absolute(), content=content)

    editor.background.run(look, found, title=f"Reading {path.name}")


# Placed by hand


def place(editor: Editor, overlay: Overlay, affine: Affine, verb: str) -> None:
    """Lay an image elsewhere, as one step of undo."""
    if placing.is_usable(affine):
        editor.fluorescence.change(overlay.key, f"{verb} image {overlay.name}", to_tomogram=affine)


def flip_image(editor: Editor, overlay: Overlay, way: Literal["horizontally", "vertically"]) -> None:
    """Mirror an image as it is seen."""
    place(editor, overlay, placing.flipped(overlay.to_tomogram, overlay.shape, way), "Flip")


def reset_image(editor: Editor, overlay: Overlay) -> None:
    """Lay an image as it lay when it was added."""
    shown, facts = editor.shown, editor.fluorescence.facts(overlay.key)
    if shown is not None:
        top = facts.first_row_at_top if facts is not None else True
        fitted = placing.fitted(overlay.shape, (shown.shape[1], shown.shape[2]), first_row_at_top=top)
        place(editor, overlay, fitted, "Reset")


# Placed by landmarks


def add_landmark(editor: Editor, overlay: Overlay, image: Point, tomogram: Point) -> None:
    """Set one more landmark, by which the image is placed as soon as there are enough."""
    if len(overlay.landmarks) < MAX_LANDMARKS:
        _use(editor, overlay, (*overlay.landmarks, Landmark(image, tomogram)), "Set landmark of")


def remove_landmark(editor: Editor, overlay: Overlay, number: int) -> None:
    """Remove a landmark, and place the image by the others."""
    left = tuple(mark for index, mark in enumerate(overlay.landmarks) if index != number)
    _use(editor, overlay, left, "Remove landmark of")


def clear_landmarks(editor: Editor, overlay: Overlay) -> None:
    """Remove all landmarks; the image stays where it is."""
    editor.fluorescence.change(overlay.key, f"Remove landmarks of {overlay.name}", landmarks=())


def use_landmarks(editor: Editor, overlay: Overlay, kind: FitKind) -> None:
    """Place an image by its landmarks, with what they may do to it."""
    _use(editor, replace(overlay, fit=kind), overlay.landmarks, "Place by landmarks")


def why_not_placed(overlay: Overlay) -> str:
    """Why landmarks do not place an image, in one sentence; empty if they do."""
    try:
        _fitted(overlay)
    except AisError as error:
        return str(error)
    return ""


def residuals(overlay: Overlay) -> list[float]:
    """For each landmark how far it lies now from where it belongs, in voxels."""
    found = [(placing.at(overlay.to_tomogram, mark.image), mark.tomogram) for mark in overlay.landmarks]
    return [((x - to_x) ** 2 + (y - to_y) ** 2) ** 0.5 for (x, y), (to_x, to_y) in found]


def _fitted(overlay: Overlay) -> Affine:
    flipped = placing.determinant(overlay.to_tomogram) < 0
    return fit_landmarks(overlay.landmarks, overlay.fit, flipped=flipped).to_tomogram


def _use(editor: Editor, overlay: Overlay, landmarks: tuple[Landmark, ...], verb: str) -> None:
    wanted = replace(overlay, landmarks=landmarks)
    try:
        affine = _fitted(wanted)
    except AisError:  # the panel says why
        affine = overlay.to_tomogram
    editor.fluorescence.change(
        overlay.key, f"{verb} {overlay.name}", landmarks=landmarks, fit=wanted.fit, to_tomogram=affine
    )
