"""How a tomogram is shown, as the project remembers it between sessions."""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass
from typing import Any

from ais.gui.display import Contrast, DisplayFilter, Placement
from ais.gui.state import EditorState

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ViewRecord:
    """How a tomogram was shown last.

    Attributes
    ----------
    position
        Voxel (z, y, x) of the cross-hair.
    slab
        How many slices are averaged.
    contrast, automatic
        Limits, or None, and whether they are those measured.
    interpolate
        Whether enlarged pixels are blended.
    filters
        The stack of display filters.
    placement
        Of the XY slice in its view; None if it was never drawn.
    """

    position: tuple[int, int, int]
    slab: int
    contrast: Contrast | None
    automatic: bool
    interpolate: bool
    filters: tuple[DisplayFilter, ...]
    placement: Placement | None

    @classmethod
    def of(cls, state: EditorState) -> ViewRecord:
        """What is shown now."""
        return cls(
            state.position,
            state.slab,
            state.contrast,
            state.contrast_is_automatic,
            state.interpolate,
            tuple(state.filters),
            state.views["xy"].placement,
        )

    @classmethod
    def read(cls, value: Any) -> ViewRecord | None:
        """What `write` has given; None if it is missing or makes no sense."""
        if not value:
            return None
        try:
            z, y, x = (int(part) for part in value["position"])
            return cls(
                (z, y, x),
                max(1, int(value["slab"])),
                Contrast(**value["contrast"]) if value["contrast"] is not None else None,
                bool(value["automatic"]),
                bool(value["interpolate"]),
                tuple(DisplayFilter(**item) for item in value["filters"]),
                Placement(**value["placement"]) if value["placement"] is not None else None,
            )
        except (KeyError, TypeError, ValueError):
            _log.info("the remembered view of a tomogram could not be used")
            return None

    def write(self) -> dict[str, Any]:
        """A JSON object."""
        return {**asdict(self), "position": list(self.position), "filters": [asdict(item) for item in self.filters]}

    def use(self, state: EditorState) -> None:
        """Show everything but the position as it was."""
        state.slab, state.interpolate, state.filters = self.slab, self.interpolate, list(self.filters)
        if self.contrast is not None:
            state.contrast, state.contrast_is_automatic = self.contrast, self.automatic
        if self.placement is not None:
            state.views["xy"].placement = self.placement
