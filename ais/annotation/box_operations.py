"""Edits of training boxes: place, remove, spread over an annotation, or place in the background."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ais.annotation.entries import Box, Feature
from ais.annotation.operation import Operation
from ais.annotation.placement import Positions, positions_in_background, positions_over_annotation
from ais.errors import AisError

if TYPE_CHECKING:
    from ais.project.edit import Edit
    from ais.project.reading import ProjectReader

MAX_BOXES = 100_000


@dataclass(frozen=True)
class PlacedBoxes:
    """Boxes that were placed on their own.

    Attributes
    ----------
    boxes
        The new ones.
    asked
        How many were wanted.
    message
        A sentence for the user if there are fewer; else empty.
    """

    boxes: list[Box]
    asked: int
    message: str


@dataclass(frozen=True)
class PlaceBoxes(Operation[list[Box]]):
    """Place training boxes.

    Attributes
    ----------
    tomogram, feature
        Where, and of what.
    positions
        z, y, x of each centre in voxels, inside the tomogram. One of the same kind at the same place is not repeated.
    negative
        Whether they show what the feature is not.
    """

    tomogram: int
    feature: int
    positions: Sequence[tuple[int, int, int]]
    negative: bool = False

    def text(self, edit: Edit) -> str:
        """Names how many, the feature and the tomogram."""
        kind = "negative box" if self.negative else "box"
        return _in_words(edit, "Place", len(self.positions), kind, self.tomogram, self.feature)

    def apply(self, edit: Edit) -> list[Box]:
        """Place them; gives back the new ones."""
        shape = edit.project.tomogram_by_id(self.tomogram).shape
        edit.project.feature_by_id(self.feature)
        positions = [_check_inside(position, shape) for position in self.positions]
        if positions:
            edit.acted_on(self.tomogram, self.feature, positions[0][0], _around(edit, self.feature, positions))
        present = edit.project.boxes(self.tomogram, self.feature)
        taken = {(box.z, box.y, box.x) for box in present if box.negative == self.negative}
        if len(present) + len(positions) > MAX_BOXES:
            raise AisError(f"A feature can have at most {MAX_BOXES} boxes in a tomogram.")
        placed = []
        for z, y, x in dict.fromkeys(positions):
            if (z, y, x) not in taken:
                owner = {"tomogram": self.tomogram, "feature": self.feature}
                number = edit.insert("boxes", **owner, z=z, y=y, x=x, negative=int(self.negative))
                placed.append(Box(number, z, y, x, self.negative))
        return placed


@dataclass(frozen=True)
class RemoveBoxes(Operation[None]):
    """Remove training boxes.

    Attributes
    ----------
    boxes
        Their numbers.
    """

    boxes: Sequence[int]

    def text(self, edit: Edit) -> str:
        """Says how many."""
        del edit
        return f"Remove {len(self.boxes)} box{'es' if len(self.boxes) != 1 else ''}"

    def apply(self, edit: Edit) -> None:
        """Remove them."""
        for box in self.boxes:
            found = edit.rows("SELECT tomogram, feature, z, y, x FROM boxes WHERE id = ?", box)
            if not found:
                raise AisError(f"There is no box number {box}.")
            tomogram, feature, *position = found[0]
            edit.acted_on(tomogram, feature, position[0], _around(edit, feature, [position]))
            edit.delete("boxes", (box,))


@dataclass(frozen=True)
class RemoveBoxesIn(Operation[int]):
    """Remove the training boxes of a feature whose centres lie in a part of a tomogram.

    Attributes
    ----------
    tomogram, feature
        Where, and of what.
    low, high
        z, y, x of the first and the last voxel of the part; by default the whole tomogram.
    """

    tomogram: int
    feature: int
    low: tuple[int, int, int] = (0, 0, 0)
    high: tuple[int, int, int] | None = None

    def text(self, edit: Edit) -> str:
        """Names how many, the feature and the tomogram."""
        return _in_words(edit, "Remove", len(self._boxes(edit)), "box", self.tomogram, self.feature)

    def apply(self, edit: Edit) -> int:
        """Remove them; gives back how many."""
        boxes = self._boxes(edit)
        if boxes:
            RemoveBoxes([box.id for box in boxes]).apply(edit)
        return len(boxes)

    def _boxes(self, edit: Edit) -> list[Box]:
        shape = edit.project.tomogram_by_id(self.tomogram).shape
        edit.project.feature_by_id(self.feature)
        sides = list(zip(self.low, self.high or shape, strict=True))
        boxes = edit.project.boxes(self.tomogram, self.feature)
        return [
            b for b in boxes if all(low <= at <= high for at, (low, high) in zip((b.z, b.y, b.x), sides, strict=True))
        ]


@dataclass(frozen=True)
class MoveBox(Operation[Box]):
    """Move a training box.

    Attributes
    ----------
    box
        Its number.
    position
        z, y, x of its new centre in voxels, inside the tomogram and not that of another of the same kind.
    """

    box: int
    position: tuple[int, int, int]

    def text(self, edit: Edit) -> str:
        """Names the feature and the tomogram."""
        tomogram, feature, _ = self._present(edit)
        owner, place = edit.project.feature_by_id(feature), edit.project.tomogram_by_id(tomogram)
        return f"Move a box of {owner.name} in {place.name}"

    def apply(self, edit: Edit) -> Box:
        """Move it; gives it back at its new place."""
        tomogram, feature, before = self._present(edit)
        z, y, x = _check_inside(self.position, edit.project.tomogram_by_id(tomogram).shape)
        moved = Box(self.box, z, y, x, before.negative)
        for other in edit.project.boxes(tomogram, feature):
            if (other.z, other.y, other.x, other.negative) == (z, y, x, before.negative) and other.id != self.box:
                raise AisError(f"There is a box at z, y, x = {(z, y, x)} already: move it elsewhere, or remove one.")
        edit.acted_on(tomogram, feature, z, _around(edit, feature, [(z, y, x)]))
        edit.update("boxes", (self.box,), z=z, y=y, x=x)
        return moved

    def _present(self, edit: Edit) -> tuple[int, int, Box]:
        found = edit.rows("SELECT tomogram, feature, z, y, x, negative FROM boxes WHERE id = ?", self.box)
        if not found:
            raise AisError(f"There is no box number {self.box}.")
        tomogram, feature, z, y, x, negative = found[0]
        return tomogram, feature, Box(self.box, z, y, x, bool(negative))


@dataclass(frozen=True)
class AutoPlaceBoxes(Operation[PlacedBoxes]):
    """Spread training boxes over a feature's annotation in a tomogram.

    Every box is centred on a painted pixel, or moved from it just as far as it takes to stay inside the slice; the
    boxes are spread out, away from those that are there already.

    Attributes
    ----------
    tomogram, feature
        Where, and of what.
    count
        How many.
    seed
        The same seed places the same boxes.
    slices
        Only in these; by default in all annotated slices.
    """

    tomogram: int
    feature: int
    count: int
    seed: int = 0
    slices: Sequence[int] | None = None

    def text(self, edit: Edit) -> str:
        """Names how many, the feature and the tomogram."""
        return _in_words(edit, "Auto-place", self.count, "box", self.tomogram, self.feature)

    def apply(self, edit: Edit) -> PlacedBoxes:
        """Choose positions on painted pixels and place boxes there."""
        count, feature = _check_count(self.count), edit.project.feature_by_id(self.feature)
        slices = _among(edit.project.annotated_slices(self.tomogram, self.feature), self.slices)
        if not slices:
            raise AisError(f"There is no annotation of {feature.name} to place boxes on: paint some first.")
        taken = _centres(edit.project, self.tomogram, self.feature)

        def painted(z: int) -> NDArray[np.uint8]:
            return edit.mask(self.tomogram, self.feature, z)

        found = positions_over_annotation(slices, painted, feature.box_size, count, taken, _check_seed(self.seed))
        return _place(edit, self.tomogram, self.feature, found, count, negative=False)


@dataclass(frozen=True)
class BackgroundBoxes(Operation[PlacedBoxes]):
    """Place negative training boxes of a feature at random, away from where it is painted.

    A centre is at least half a box from every painted pixel of the feature and from every ignore region of its slice.
    Other features are not avoided: what looks alike but is something else is what a network must learn to leave out.
    The boxes lie in the slices where the feature is annotated, since there the user has looked for it; in any slice
    where it is annotated nowhere in the tomogram.

    Attributes
    ----------
    tomogram, feature
        Where, and of what.
    count
        How many.
    seed
        The same seed places the same boxes.
    slices
        In these instead.
    """

    tomogram: int
    feature: int
    count: int
    seed: int = 0
    slices: Sequence[int] | None = None

    def text(self, edit: Edit) -> str:
        """Names how many, the feature and the tomogram."""
        return _in_words(edit, "Place", self.count, "background box", self.tomogram, self.feature)

    def apply(self, edit: Edit) -> PlacedBoxes:
        """Choose positions in the background and place negative boxes there."""
        count, feature = _check_count(self.count), edit.project.feature_by_id(self.feature)
        found = background_positions(
            edit.project, self.tomogram, feature, count, box_size=feature.box_size, seed=self.seed, slices=self.slices
        )
        return _place(edit, self.tomogram, self.feature, found, count, negative=True)


def background_positions(
    project: ProjectReader,
    tomogram: int,
    feature: Feature,
    count: int,
    *,
    box_size: int,
    seed: int,
    slices: Sequence[int] | None = None,
) -> Positions:
    """Where `BackgroundBoxes` places boxes of a side in pixels: (n, 3) z, y, x; fewer if there is no room."""
    depth = project.tomogram_by_id(tomogram).shape[0]
    looked_at = project.annotated_slices(tomogram, feature.id) or range(depth)
    if slices is not None:
        looked_at = _among(range(depth), slices)

    def occupied(z: int) -> NDArray[np.uint8]:
        return project.ignore(tomogram, z) | project.mask(tomogram, feature.id, z)

    taken = _centres(project, tomogram, feature.id)
    return positions_in_background(looked_at, occupied, box_size, count, taken, _check_seed(seed))


def _place(edit: Edit, tomogram: int, feature: int, found: Positions, asked: int, negative: bool) -> PlacedBoxes:
    positions = [(int(z), int(y), int(x)) for z, y, x in found]
    boxes = PlaceBoxes(tomogram, feature, positions, negative).apply(edit)
    message = ""
    if len(boxes) < asked:
        name = edit.project.tomogram_by_id(tomogram).name
        message = f"There was room for {len(boxes)} of {asked} boxes in {name}."
    return PlacedBoxes(boxes, asked, message)


def _check_inside(position: Sequence[int], shape: tuple[int, int, int]) -> tuple[int, int, int]:
    z, y, x = (int(at) for at in position)
    if not all(0 <= at < count for at, count in zip((z, y, x), shape, strict=True)):
        raise AisError(f"A box at z, y, x = {(z, y, x)} lies outside the tomogram of {shape} voxels.")
    return z, y, x


def _centres(project: ProjectReader, tomogram: int, feature: int) -> Positions:
    boxes = project.boxes(tomogram, feature)
    return np.array([(box.z, box.y, box.x) for box in boxes], np.int64).reshape(-1, 3)


def _among(slices: Iterable[int], wanted: Sequence[int] | None) -> list[int]:
    return [z for z in slices if wanted is None or z in wanted]


def _check_seed(seed: int) -> int:
    if seed < 0:
        raise AisError(f"A seed must be 0 or more, not {seed}.")
    return seed


def _check_count(count: int) -> int:
    if not 1 <= count <= MAX_BOXES:
        raise AisError(f"Ask for 1 to {MAX_BOXES} boxes, not {count}.")
    return count


def _around(edit: Edit, feature: int, positions: Sequence[Sequence[int]]) -> tuple[int, int, int, int]:
    """Bounds in the slice of the boxes that lie in the same slice as the first."""
    half = edit.project.feature_by_id(feature).box_size // 2
    y, x = np.array([position[1:] for position in positions if position[0] == positions[0][0]]).T
    return int(y.min()) - half, int(y.max()) + half, int(x.min()) - half, int(x.max()) + half


def _in_words(edit: Edit, verb: str, count: int, kind: str, tomogram: int, feature: int) -> str:
    things = f"{count} {kind}{'es' if count != 1 else ''}"
    name = edit.project.feature_by_id(feature).name
    return f"{verb} {things} of {name} in {edit.project.tomogram_by_id(tomogram).name}"
