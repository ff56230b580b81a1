"""Reads and colours the images over a tomogram in threads, and keeps them as long as it is on the screen."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ais.errors import AisError
from ais.fluorescence import ImageFacts, Overlay, StoredImage, content_of, describe_image, read_image
from ais.fluorescence.colouring import Light
from ais.fluorescence.overlay import Colour, Projection

if TYPE_CHECKING:
    from ais.gui.background import Background, Work

CHANGED = "The file has changed since it was laid over the tomogram: see whether it still lies right."
Source = tuple[Path, int | None, Projection, str]
Look = tuple[StoredImage, float, float, Colour]


@dataclass
class _Kept:
    """What is known of an image."""

    source: Source | None = None
    work: Work | None = None
    problem: str = ""
    note: str = ""
    stored: StoredImage | None = None
    facts: ImageFacts | None = None
    colouring: Work | None = None
    look: Look | None = None
    light: Light | None = None
    reduction: int = 1

    def give_up(self) -> None:
        for work in (self.work, self.colouring):
            if work is not None:
                work.cancel()


class FluorescenceImages:
    """The pixels of the images over the tomogram on the screen.

    Parameters
    ----------
    background
        Where they are read and coloured.
    """

    def __init__(self, background: Background) -> None:
        self._background = background
        self._kept: dict[str, _Kept] = {}

    def facts(self, key: str) -> ImageFacts | None:
        """What the file holds; None until it has been read."""
        return self._of(key).facts

    def problem(self, key: str) -> str:
        """Why an image cannot be shown, in one sentence; empty if it can."""
        return self._of(key).problem

    def note(self, key: str) -> str:
        """What is unusual about an image, in one sentence; empty if nothing is."""
        return self._of(key).note

    def reading(self, key: str) -> bool:
        """Whether it is being read."""
        work = self._of(key).work
        return work is not None and not work.finished

    def stored(self, key: str) -> StoredImage | None:
        """The image as it was read; None until then."""
        return self._of(key).stored

    def light(self, key: str) -> tuple[Light, int] | None:
        """The newest pixels of an image, and how many of the file each of them stands for; None until there are any."""
        kept = self._of(key)
        return (kept.light, kept.reduction) if kept.light is not None else None

    def try_again(self, key: str) -> None:
        """Read an image that could not be read."""
        kept = self._kept.get(key)
        if kept is not None and kept.problem:
            kept.source = None

    def follow(self, overlays: Iterable[Overlay]) -> None:
        """Have made what is missing of these images, and forget all others; once a frame.

        An image is read once it is visible, and then kept.
        """
        wanted = {overlay.key: overlay for overlay in overlays}
        for key in self._kept.keys() - wanted.keys():
            self._kept.pop(key).give_up()
        for key, overlay in wanted.items():
            kept = self._kept.setdefault(key, _Kept())
            if overlay.missing or not overlay.visible:
                continue
            self._read(kept, overlay)
            self._colour(kept, overlay)

    def _of(self, key: str) -> _Kept:
        return self._kept.get(key) or _Kept()

    def _read(self, kept: _Kept, overlay: Overlay) -> None:
        source = (overlay.path, overlay.channel, overlay.projection, overlay.content)
        if kept.source == source:
            return
        if kept.work is not None:
            kept.work.cancel()
        kept.source, kept.problem = source, ""

        def read(_: Work) -> tuple[StoredImage, ImageFacts, str]:
            facts = describe_image(source[0])
            changed = content_of(source[0]) != source[3]
            if changed and facts.shape != overlay.shape:
                ny, nx = overlay.shape
                raise AisError(f"{source[0]} is no longer the image of {nx} x {ny} pixels that was placed: relink it.")
            return StoredImage.of(read_image(*source[:3])), facts, CHANGED if changed else ""

        def done(found: tuple[StoredImage, ImageFacts, str]) -> None:
            if kept.source == source:
                kept.stored, kept.facts, kept.note = found

        def failed(problem: str) -> None:
            if kept.source == source:
                kept.problem = problem

        kept.work = self._background.run(read, done, title=f"Reading {overlay.path.name}", failed=failed, awaited=False)

    def _colour(self, kept: _Kept, overlay: Overlay) -> None:
        """One after the other: while a slider is drawn, each is made for where it was when the one before was ready."""
        stored = kept.stored
        if stored is None or (kept.colouring is not None and not kept.colouring.finished):
            return
        look = (stored, *limits(overlay, stored), overlay.colour)
        if kept.look == look:
            return
        kept.look = look

        def done(light: Light) -> None:
            kept.light, kept.reduction = light, stored.reduction

        kept.colouring = self._background.run(lambda _: stored.light(*look[1:]), done, awaited=False)


def limits(overlay: Overlay, stored: StoredImage) -> tuple[float, float]:
    """The values that are drawn dark and in full colour; those chosen by the user, else those measured."""
    low = overlay.low if overlay.low is not None else stored.low
    high = overlay.high if overlay.high is not None else stored.high
    return low, max(high, low)
