"""The fluorescence images over the tomogram on the screen, read and coloured in threads."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ais.annotation import ChangeOverlay
from ais.fluorescence import Affine, ImageFacts, Overlay, Point, placing
from ais.gui.fluorescence_images import FluorescenceImages, limits
from ais.gui.state import Tab, Tool

if TYPE_CHECKING:
    from ais.gui.editor import Editor

TOOLS = (Tool.IMAGE, Tool.LANDMARKS)
"""Tools that act on an image."""


@dataclass(frozen=True, eq=False)
class ShownOverlay:
    """An image as it is seen.

    Attributes
    ----------
    overlay
        Which one, where, and how.
    pixels
        (ny, nx, 4): red, green and blue of its light on black, contrast and colour applied, opacity not; then how
        bright it is, of 255, so that colours are premultiplied by it. Row 0 is the first of the image as it is read.
        Large images are reduced: see `to_tomogram`.
    to_tomogram
        Takes (column, row) of `pixels` to voxels (x, y) of the tomogram; that of the overlay unless it is reduced.
    version
        Another one whenever pixels or overlay are others.
    """

    overlay: Overlay
    pixels: NDArray[np.uint8]
    to_tomogram: Affine
    version: int


class FluorescenceOverlays:
    """Fluorescence images of the tomogram on the screen.

    Parameters
    ----------
    editor
        Whose tomogram they lie over.

    Attributes
    ----------
    selected
        Key of the one whose properties are shown, and which is placed; None if there is none.
    pending
        (column, row) of the image, where a landmark was begun that is still to be set in the tomogram; None for none.
    unfold
        Whether the section of the images is to be opened, as something in it has been asked for.
    """

    def __init__(self, editor: Editor) -> None:
        self._editor = editor
        self._images = FluorescenceImages(editor.background)
        self._previews: dict[str, dict[str, Any]] = {}
        self._of: tuple[object, int | None] = (None, None)
        self._shown: list[ShownOverlay] = []
        self._versions = itertools.count(1)
        self.selected: str | None = None
        self.pending: Point | None = None
        self.unfold = False

    # For lists and panels

    @property
    def listed(self) -> list[Overlay]:
        """All images over the tomogram on the screen as they are now, with what is not saved yet; the lowest first."""
        editor = self._editor
        if editor.shown is None or editor.snapshot.watched != editor.state.tomogram:
            return []
        return [
            replace(overlay, **preview) if (preview := self._previews.get(overlay.key)) else overlay
            for overlay in editor.snapshot.fluorescence
        ]

    def overlay(self, key: str | None) -> Overlay | None:
        """The image of a key as it is now, or None."""
        return next((overlay for overlay in self.listed if overlay.key == key), None)

    @property
    def at_hand(self) -> Overlay | None:
        """The image that is selected, or None."""
        return self.overlay(self.selected)

    def facts(self, key: str) -> ImageFacts | None:
        """What the file of an image holds; None until it has been read."""
        return self._images.facts(key)

    def reading(self, key: str) -> bool:
        """Whether an image is being read."""
        return self._images.reading(key)

    def note(self, key: str) -> str:
        """What is unusual about an image, in one sentence; empty if nothing is."""
        return self._images.note(key)

    def problem(self, key: str) -> str:
        """Why an image cannot be shown, in one sentence; empty if it can."""
        overlay = self.overlay(key)
        if overlay is not None and overlay.missing:
            return f"{overlay.path} is missing: relink the image to where it is now."
        return self._images.problem(key)

    def limits(self, key: str) -> tuple[float, float] | None:
        """The values of an image that are drawn dark and in full colour; None until it has been read."""
        overlay, stored = self.overlay(key), self._images.stored(key)
        return limits(overlay, stored) if overlay is not None and stored is not None else None

    def extent(self, key: str) -> tuple[float, float]:
        """The lowest and the highest value of an image; 0 and 1 until it has been read."""
        stored = self._images.stored(key)
        return (stored.lowest, stored.highest) if stored is not None else (0.0, 1.0)

    # What may be changed

    def preview(self, key: str, **properties: Any) -> None:
        """Show an image otherwise: properties of `Overlay` by name, not saved yet."""
        self._previews[key] = {**self._previews.get(key, {}), **properties}

    def save_preview(self, key: str, title: str) -> None:
        """Save what is previewed of an image, as one step of undo."""
        editor, wanted = self._editor, self._previews.get(key)
        if wanted is None or editor.state.tomogram is None or editor.document is None:
            return
        if editor.read_only:
            return  # it is seen so as long as the window is open

        def forget() -> None:
            if self._previews.get(key) is wanted:
                del self._previews[key]

        editor.submit(ChangeOverlay(editor.state.tomogram, key, wanted, title), lambda _: forget(), forget)

    def change(self, key: str, title: str, **properties: Any) -> None:
        """Change properties of an image as one step of undo; seen at once."""
        self._images.try_again(key)
        self.preview(key, **properties)
        self.save_preview(key, title)

    def forget_preview(self, key: str) -> None:
        """Show an image as it is saved."""
        self._previews.pop(key, None)

    def show_section(self) -> None:
        """Open the section of the images, and a tab that has it."""
        self.unfold = True
        if self._editor.state.tab not in (Tab.ANNOTATE, Tab.RENDER):
            self._editor.shell.tab = Tab.ANNOTATE

    # Every frame

    def follow(self) -> None:
        """Take in what threads have made and have made what is missing; once a frame."""
        editor = self._editor
        here = (editor.document, editor.state.tomogram)
        if here != self._of:
            self._of = here
            self._previews.clear()
            self.selected = self.pending = None
        listed = self.listed
        if self.selected not in [overlay.key for overlay in listed]:
            self.selected = listed[-1].key if listed else None
            self.pending = None
        if editor.state.tool in TOOLS and self.selected is None:
            editor.state.tool = Tool.BRUSH
        if editor.state.tool is not Tool.LANDMARKS:
            self.pending = None
        self._images.follow(listed)
        before = {shown.overlay.key: shown for shown in self._shown}
        self._shown = [
            shown
            for overlay in listed
            if overlay.visible and (shown := self._see(overlay, before.get(overlay.key))) is not None
        ]

    def shown(self) -> list[ShownOverlay]:
        """Visible images that have been read, the lowest first; the same objects as long as nothing changes."""
        return self._shown

    def _see(self, overlay: Overlay, before: ShownOverlay | None) -> ShownOverlay | None:
        light = self._images.light(overlay.key)
        if light is None or overlay.missing:
            return None
        pixels, reduction = light
        if before is not None and before.pixels is pixels and before.overlay == overlay:
            return before
        affine = placing.of_reduced(overlay.to_tomogram, reduction)
        return ShownOverlay(overlay, pixels, affine, next(self._versions))
