"""Particles as the 3D scene draws them; what has not changed is not made anew."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ais.annotation import Feature, HandPicks, ParticleLook
from ais.gui.scene.contents import HIDDEN, HIGHLIGHTED, SHOWN, ParticleItem
from ais.gui.shown_particles import ShownParticles

if TYPE_CHECKING:
    from ais.gui.editor import Editor

SET_KEY, PICKS_KEY = "particles", "picks by hand"
Key = tuple[str, int]
"""Of an item of the scene: SET_KEY and a set's number, or PICKS_KEY and a feature's."""


class ParticleItems:
    """The items of the sets and hand picks that are shown, kept until something of them changes.

    Parameters
    ----------
    editor
        Whose tomogram they are in.
    """

    def __init__(self, editor: Editor) -> None:
        self._editor = editor
        self._kept: dict[Key, tuple[tuple[object, ...], ParticleItem]] = {}

    def keep(self, sets: Collection[int]) -> None:
        """Forget all sets but these."""
        self._kept = {key: kept for key, kept in self._kept.items() if key[0] == PICKS_KEY or key[1] in sets}

    def of_set(self, number: int, look: ParticleLook, shown: ShownParticles, chosen: NDArray[np.intp]) -> ParticleItem:
        """A set; its particles have the numbers of the set's table, and those that are not seen are hidden.

        Parameters
        ----------
        number
            Of the set.
        look
            Its radius and body count; colours and what is hidden are those of `shown`.
        shown
            How it is shown.
        chosen
            Numbers of the particles that are selected.
        """
        key: Key = (SET_KEY, number)
        place = self._place()
        made_from = (shown, look.radius, look.body, place, chosen.tobytes())
        kept = self._kept.get(key)
        if kept is not None and kept[0] == made_from:
            return kept[1]
        same_places = kept is not None and kept[0][0] is shown and kept[0][3] == place
        states = np.where(shown.visible, np.uint8(SHOWN), np.uint8(HIDDEN))
        inside = chosen[chosen < len(states)]
        states[inside[shown.visible[inside]]] = HIGHLIGHTED
        item = ParticleItem(
            key,
            kept[1].positions if kept is not None and same_places else self._to_angstrom(shown.positions),
            shown.directions if look.body == "arrow" else None,
            shown.colours,
            states,
            look.radius,
            look.body if shown.directions is not None else "sphere",
        )
        self._kept[key] = (made_from, item)
        return item

    def of_picks(self, feature: Feature, picks: HandPicks, chosen: NDArray[np.intp]) -> ParticleItem:
        """What was picked by hand of a feature, in the order in which it was picked."""
        key: Key = (PICKS_KEY, feature.id)
        made_from = (picks, feature.colour, self._place(), chosen.tobytes())
        kept = self._kept.get(key)
        if kept is not None and kept[0] == made_from:
            return kept[1]
        positions = np.array([(pick.x, pick.y, pick.z) for pick in picks.picks], np.float64)
        states = np.full(len(positions), SHOWN, np.uint8)
        states[chosen[chosen < len(states)]] = HIGHLIGHTED
        colours = np.tile(np.array(feature.colour, np.float32), (len(positions), 1))
        radius = picks.radius * self._editor.rendering.voxel_size
        item = ParticleItem(key, self._to_angstrom(positions), None, colours, states, radius)
        self._kept[key] = (made_from, item)
        return item

    def _place(self) -> tuple[object, ...]:
        rendering = self._editor.rendering
        return rendering.voxel_size, rendering.origin

    def _to_angstrom(self, positions: NDArray[np.float64]) -> NDArray[np.float32]:
        """x, y, z in voxels as `Rendering.to_angstrom` has them, all at once."""
        rendering = self._editor.rendering
        return (np.array(rendering.origin) + positions * rendering.voxel_size).astype(np.float32)
