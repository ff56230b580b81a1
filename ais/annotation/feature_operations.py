"""Edits of the list of features: add, change, reorder, delete, merge, duplicate."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from ais.annotation.entries import IGNORE, Colour, Feature
from ais.annotation.operation import Operation
from ais.annotation.pick_operations import copy_picks, delete_picks, move_picks, rename_picks
from ais.annotation.tiles import decompress_tile
from ais.errors import AisError

if TYPE_CHECKING:
    from ais.project.edit import Edit

PALETTE: tuple[Colour, ...] = (
    (0.90, 0.62, 0.00),
    (0.34, 0.71, 0.91),
    (0.00, 0.62, 0.45),
    (0.94, 0.89, 0.26),
    (0.84, 0.37, 0.00),
    (0.80, 0.47, 0.65),
    (0.00, 0.45, 0.70),
    (0.60, 0.87, 0.54),
    (0.77, 0.69, 0.84),
    (1.00, 0.73, 0.47),
    (0.62, 0.85, 0.90),
    (0.86, 0.86, 0.55),
)
"""Colours of new features in turn, told apart by the colour-blind: Okabe and Ito (2008), then lighter ones."""

BOX_SIZES_PX = (8, 2048)
MAX_BRUSH_PX = 2048.0
MAX_NAME = 80
_NOT_IN_NAMES = set('<>:"/\\|?*')
_LIMITS = {"alpha": (0.0, 1.0), "level": (0.0, 255.0), "dust": (0.0, math.inf), "brush_radius": (0.1, MAX_BRUSH_PX)}


@dataclass(frozen=True)
class AddFeature(Operation[Feature]):
    """Add a feature at the end of the list.

    Attributes
    ----------
    name
        Not used by another feature, whatever the case of its letters; fit to be a part of a file name.
    colour
        Red, green, blue, each 0 to 1; by default the next of the palette.
    box_size
        Side of its training boxes in pixels.
    brush_radius
        In pixels.
    alpha, level, dust
        As in `Feature`.
    """

    name: str
    colour: Colour | None = None
    box_size: int = 64
    brush_radius: float = 10.0
    alpha: float = 0.5
    level: float = 128.0
    dust: float = 0.0

    def text(self, edit: Edit) -> str:
        """Names the feature."""
        del edit
        return f"Add feature {self.name}"

    def apply(self, edit: Edit) -> Feature:
        """Add it."""
        present = edit.project.features()
        colour = self.colour or PALETTE[len(present) % len(PALETTE)]
        values = {**asdict(self), "colour": colour, "visible": True, "outline": False}
        values["position"] = 1 + max((row[0] for row in edit.rows("SELECT position FROM features")), default=-1)
        number = edit.insert("features", **_columns(edit, values))
        edit.acted_on(feature=number)
        return edit.project.feature_by_id(number)


@dataclass(frozen=True)
class ChangeFeature(Operation[Feature]):
    """Rename or recolour a feature, or change how it is drawn; None leaves a property as it is.

    Attributes
    ----------
    feature
        Its number.
    name, colour, box_size, brush_radius, alpha, visible, outline, level, dust
        As in `Feature`.
    """

    feature: int
    name: str | None = None
    colour: Colour | None = None
    box_size: int | None = None
    brush_radius: float | None = None
    alpha: float | None = None
    visible: bool | None = None
    outline: bool | None = None
    level: float | None = None
    dust: float | None = None

    def text(self, edit: Edit) -> str:
        """Names the feature and what changes."""
        name = edit.project.feature_by_id(self.feature).name
        if self.name is not None:
            return f"Rename {name} to {self.name}"
        return f"Change {', '.join(key.replace('_', ' ') for key in self.properties())} of {name}"

    def apply(self, edit: Edit) -> Feature:
        """Change it."""
        edit.project.feature_by_id(self.feature)
        edit.acted_on(feature=self.feature)
        columns = _columns(edit, self.properties(), self.feature)
        if columns:
            edit.update("features", (self.feature,), **columns)
        if "name" in columns:
            rename_picks(edit, self.feature, columns["name"])
        return edit.project.feature_by_id(self.feature)

    def properties(self) -> dict[str, Any]:
        """What changes, by the names that `Feature` has for it."""
        return {key: value for key, value in asdict(self).items() if key != "feature" and value is not None}


@dataclass(frozen=True)
class ChangeFeatures(Operation[None]):
    """Change several features as one step of undo, such as hiding all but one.

    Attributes
    ----------
    changes
        One for each feature.
    """

    changes: Sequence[ChangeFeature]

    def text(self, edit: Edit) -> str:
        """Names the features and what changes."""
        if len(self.changes) == 1:
            return self.changes[0].text(edit)
        names = ", ".join(edit.project.feature_by_id(change.feature).name for change in self.changes)
        keys = dict.fromkeys(key.replace("_", " ") for change in self.changes for key in change.properties())
        return f"Change {', '.join(keys)} of {names}"

    def apply(self, edit: Edit) -> None:
        """Change one after the other."""
        for change in self.changes:
            change.apply(edit)


@dataclass(frozen=True)
class ReorderFeatures(Operation[None]):
    """Put the features in another order.

    Attributes
    ----------
    order
        The numbers of all features.
    """

    order: Sequence[int]

    def text(self, edit: Edit) -> str:
        """Says what happens."""
        del edit
        return "Reorder features"

    def apply(self, edit: Edit) -> None:
        """Number their positions anew."""
        if sorted(self.order) != sorted(feature.id for feature in edit.project.features()):
            raise AisError("The new order must name each feature of the project once.")
        for position, feature in enumerate(self.order):
            edit.update("features", (feature,), position=position)


@dataclass(frozen=True)
class DeleteFeature(Operation[None]):
    """Delete a feature with its annotations, boxes and picks by hand in all tomograms."""

    feature: int

    def text(self, edit: Edit) -> str:
        """Names the feature."""
        return f"Delete feature {edit.project.feature_by_id(self.feature).name}"

    def apply(self, edit: Edit) -> None:
        """Remove all rows that belong to it."""
        edit.project.feature_by_id(self.feature)
        edit.acted_on(feature=self.feature)
        _delete(edit, self.feature)


@dataclass(frozen=True)
class ClearFeature(Operation[None]):
    """Erase a feature from a tomogram: its annotation in all slices, its boxes and its picks by hand.

    Attributes
    ----------
    tomogram, feature
        Where, and what; feature may be IGNORE.
    """

    tomogram: int
    feature: int

    def text(self, edit: Edit) -> str:
        """Names the feature and the tomogram."""
        name = "ignore regions" if self.feature == IGNORE else edit.project.feature_by_id(self.feature).name
        return f"Clear {name} in {edit.project.tomogram_by_id(self.tomogram).name}"

    def apply(self, edit: Edit) -> None:
        """Remove all rows of this feature in this tomogram."""
        edit.project.slice_shape(self.tomogram, self.feature, 0)
        slices = edit.project.annotated_slices(self.tomogram, self.feature)
        edit.acted_on(self.tomogram, self.feature, slices[0] if slices else None)
        if self.feature == IGNORE:
            edit.delete_where("ignore_tiles", tomogram=self.tomogram)
            return
        for table in ("mask_tiles", "boxes"):
            edit.delete_where(table, tomogram=self.tomogram, feature=self.feature)
        delete_picks(edit, self.feature, self.tomogram)


@dataclass(frozen=True)
class MergeFeatures(Operation[None]):
    """Move the annotations, boxes and picks by hand of features into another one, and delete them.

    Picks join those of the feature that remains, whose radius holds; one at the same place is not repeated.

    Attributes
    ----------
    into
        The feature that remains.
    others
        The features that are merged into it.
    """

    into: int
    others: Sequence[int]

    def text(self, edit: Edit) -> str:
        """Names all of them."""
        names = ", ".join(edit.project.feature_by_id(feature).name for feature in self.others)
        return f"Merge {names} into {edit.project.feature_by_id(self.into).name}"

    def apply(self, edit: Edit) -> None:
        """Join masks, move boxes and picks, delete the others."""
        edit.project.feature_by_id(self.into)
        if not self.others or self.into in self.others or len(set(self.others)) < len(self.others):
            raise AisError("Choose one or more other features to merge, each once.")
        edit.acted_on(feature=self.into)
        for other in self.others:
            edit.project.feature_by_id(other)
            _copy_masks(edit, other, self.into)
            for key in edit.keys_where("boxes", feature=other):
                edit.update("boxes", key, feature=self.into)
            move_picks(edit, other, self.into)
            _delete(edit, other)


@dataclass(frozen=True)
class DuplicateFeature(Operation[Feature]):
    """Copy a feature with its annotations, boxes and picks by hand.

    Attributes
    ----------
    feature
        Its number.
    name
        Of the copy; by default its name and "copy".
    """

    feature: int
    name: str | None = None

    def text(self, edit: Edit) -> str:
        """Names the feature."""
        return f"Duplicate feature {edit.project.feature_by_id(self.feature).name}"

    def apply(self, edit: Edit) -> Feature:
        """Add the copy and copy all rows."""
        source = edit.project.feature_by_id(self.feature)
        add = AddFeature(
            self.name or _free_name(edit, f"{source.name} copy"),
            *(source.colour, source.box_size, source.brush_radius, source.alpha, source.level, source.dust),
        )
        copy = add.apply(edit)
        _copy_masks(edit, source.id, copy.id)
        for row in edit.rows("SELECT tomogram, z, y, x, negative FROM boxes WHERE feature = ? ORDER BY id", source.id):
            tomogram, z, y, x, negative = row
            edit.insert("boxes", tomogram=tomogram, feature=copy.id, z=z, y=y, x=x, negative=negative)
        copy_picks(edit, source.id, copy)
        return copy


def file_safe_name(text: str) -> str:
    """The nearest name that a feature may have, for names from other programs."""
    kept = "".join("_" if c in _NOT_IN_NAMES or not c.isprintable() else c for c in text).strip(" .")[:MAX_NAME]
    return kept.strip(" .") or "feature"


def _columns(edit: Edit, values: dict[str, Any], feature: int | None = None) -> dict[str, Any]:
    """The columns of `features` for properties of a feature, or an AisError if one is out of its range."""
    columns = dict(values)
    if "name" in columns:
        columns["name"] = _check_name(edit, columns["name"], feature)
    if "colour" in columns:
        colour = columns.pop("colour")
        if len(colour) != 3 or not all(0 <= part <= 1 for part in colour):
            raise AisError(f"A colour is red, green and blue from 0 to 1, not {colour}.")
        columns |= dict(zip(("red", "green", "blue"), (float(part) for part in colour), strict=True))
    if "box_size" in columns and not BOX_SIZES_PX[0] <= columns["box_size"] <= BOX_SIZES_PX[1]:
        raise AisError(f"A box size must be {BOX_SIZES_PX[0]} to {BOX_SIZES_PX[1]} pixels, not {columns['box_size']}.")
    for name, (low, high) in _LIMITS.items():
        if name in columns and not (low <= columns[name] <= high and math.isfinite(columns[name])):
            raise AisError(f"The {name.replace('_', ' ')} must be {low:g} to {high:g}, not {columns[name]:g}.")
    return columns


def _check_name(edit: Edit, name: str, feature: int | None) -> str:
    stripped = edit.check_text(name.strip())
    if not stripped or len(stripped) > MAX_NAME or stripped != file_safe_name(stripped):
        raise AisError(
            f"{name!r} cannot name a feature: use 1 to {MAX_NAME} characters that a file name can have, "
            f"such as {file_safe_name(stripped)!r}."
        )
    taken = {other.name.casefold() for other in edit.project.features() if other.id != feature}
    if stripped.casefold() in taken:
        raise AisError(f"There is a feature {stripped} already: choose another name.")
    return stripped


def _free_name(edit: Edit, wanted: str) -> str:
    taken = {feature.name.casefold() for feature in edit.project.features()}
    number, name = 1, wanted
    while name.casefold() in taken:
        number += 1
        name = f"{wanted} {number}"
    return name


def _copy_masks(edit: Edit, source: int, target: int) -> None:
    for tomogram, _, z, tile_y, tile_x in edit.keys_where("mask_tiles", feature=source):
        sql = "SELECT bits FROM mask_tiles WHERE tomogram = ? AND feature = ? AND z = ? AND tile_y = ? AND tile_x = ?"
        bits = edit.rows(sql, tomogram, source, z, tile_y, tile_x)[0][0]
        edit.paint(tomogram, target, z, {(tile_y, tile_x): decompress_tile(bits)})


def _delete(edit: Edit, feature: int) -> None:
    for table in ("mask_tiles", "boxes"):
        edit.delete_where(table, feature=feature)
    delete_picks(edit, feature)
    edit.delete("features", (feature,))
