"""What the mouse does in a view: a gesture begins with a press, follows the pointer and ends with the release."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from ais.gui.display import Plane


@dataclass(frozen=True)
class Pointer:
    """Where the pointer is in a view.

    Attributes
    ----------
    plane, position
        The plane that the view shows.
    row, column
        In the plane's picture, in pixels; pixel centres have whole numbers.
    scale
        Screen pixels per picture pixel.
    shift, ctrl, alt
        The keys that are held.
    """

    plane: Plane
    position: int
    row: float
    column: float
    scale: float = 1.0
    shift: bool = False
    ctrl: bool = False
    alt: bool = False


class Gesture(Protocol):
    """A drag, from press to release; one step of undo."""

    def move(self, pointer: Pointer) -> None:
        """Follow the pointer; called once a frame, also when it has not moved."""

    def release(self, pointer: Pointer) -> None:
        """End, and make the edit."""

    def cancel(self) -> None:
        """End without an edit, and take back what was shown."""
