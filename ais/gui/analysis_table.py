"""The instances of several volumes as one table: searched, sorted, and by columns for plots."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from ais.analysis import Instances
    from ais.gui.analysis_work import VolumeResult


@dataclass(frozen=True)
class Quantity:
    """A figure of an instance.

    Attributes
    ----------
    name
        Of the column in `ais.analysis.Instances.columns`.
    title, unit
        For people; the unit may be empty.
    factor
        From the column's unit to this one.
    tooltip
        One sentence more.
    """

    name: str
    title: str
    unit: str
    factor: float
    tooltip: str

    @property
    def words(self) -> str:
        """Title and unit."""
        return f"{self.title} ({self.unit})" if self.unit else self.title


VOLUME = Quantity("volume_nm3", "Volume", "nm³", 1.0, "Of its voxels at or above the threshold")
QUANTITIES = (
    VOLUME,
    Quantity("length_A", "Length", "nm", 0.1, "Of the longest way along its skeleton"),
    Quantity("surface_area_A2", "Surface", "nm²", 0.01, "Area of its surface at the threshold"),
    Quantity("distance_A", "Distance", "nm", 0.1, "From its nearest voxel to the other feature; 0 where they overlap"),
    Quantity("neighbour_distance_A", "Neighbour", "nm", 0.1, "From its centre to that of the nearest other one"),
    Quantity("mean_intensity", "Intensity", "", 1.0, "Mean value of the tomogram in it"),
    Quantity("mean_prediction", "Prediction", "", 1.0, "Mean value of the volume in it, 0 to 255"),
)


class InstanceTable:
    """All instances of some results, in the order of the results.

    Parameters
    ----------
    results
        Of which those that failed have no rows.

    Attributes
    ----------
    results
        The same.
    owner
        (n,) which result each row belongs to.
    row
        (n,) which instance of that result.
    """

    def __init__(self, results: Sequence[VolumeResult]) -> None:
        self.results = tuple(results)
        counts = [0 if one.instances is None else len(one.instances) for one in self.results]
        self.owner = np.repeat(np.arange(len(counts)), counts)
        self.row = np.concatenate([np.zeros(0, np.int64), *(np.arange(count) for count in counts)]).astype(np.int64)
        self._values: dict[str, NDArray[np.float64]] = {}

    def __len__(self) -> int:
        return len(self.owner)

    @cached_property
    def quantities(self) -> tuple[Quantity, ...]:
        """Those that are known of any row."""
        return tuple(one for one in QUANTITIES if np.isfinite(self.values(one)).any())

    @cached_property
    def ids(self) -> NDArray[np.int64]:
        """(n,) the numbers of the instances in their volumes."""
        parts = [one.ids for one in self._measured()]
        return np.concatenate([np.zeros(0, np.int64), *parts])

    @cached_property
    def at_border(self) -> NDArray[np.bool_]:
        """(n,) whether an instance has voxels on a face of its volume."""
        return np.concatenate([np.zeros(0, np.bool_), *(one.touches_border for one in self._measured())])

    def values(self, quantity: Quantity) -> NDArray[np.float64]:
        """(n,) float64 in the unit of the quantity; NaN where it is not known."""
        if quantity.name not in self._values:
            parts = []
            for one in self._measured():
                column = one.columns().get(quantity.name)
                parts.append(np.full(len(one), math.nan) if column is None else column * quantity.factor)
            self._values[quantity.name] = np.concatenate([np.zeros(0), *parts])
        return self._values[quantity.name]

    def chosen(self, search: str, sort_by: str = "", *, descending: bool = False) -> NDArray[np.intp]:
        """Rows in the order in which they are shown.

        Parameters
        ----------
        search
            Parts of the names of tomogram and feature, separated by blanks; all must be there.
        sort_by
            "tomogram", "feature", "id", "touches_border" or the name of a quantity; empty for the order of the results.
        descending
            Whether the largest come first; rows without the figure come last in either case.
        """
        words = search.casefold().split()
        texts = [f"{one.volume.tomogram_name} {one.volume.feature}".casefold() for one in self.results]
        wanted = np.array([all(word in text for word in words) for text in texts], dtype=np.bool_)
        rows = np.flatnonzero(wanted[self.owner]) if len(self) else np.zeros(0, np.intp)
        if not sort_by:
            return rows
        keys = self._keys(sort_by)[rows]
        keys = np.where(np.isnan(keys), math.inf, -keys if descending else keys)
        return rows[np.argsort(keys, kind="stable")]

    def groups(
        self, quantity: Quantity, *, by_tomogram: bool, rows: NDArray[np.intp]
    ) -> dict[str, NDArray[np.float64]]:
        """The known values of some rows, by the name of the feature or of the tomogram."""
        values, owner = self.values(quantity)[rows], self.owner[rows]
        found: dict[str, list[NDArray[np.float64]]] = {}
        for number, one in enumerate(self.results):
            name = one.volume.tomogram_name if by_tomogram else one.volume.feature
            part = values[owner == number]
            found.setdefault(name, []).append(part[np.isfinite(part)])
        return {name: np.concatenate(parts) for name, parts in found.items() if any(len(part) for part in parts)}

    def counts(self) -> dict[str, dict[str, int]]:
        """Feature to tomogram to number of instances."""
        found: dict[str, dict[str, int]] = {}
        for one in self.results:
            if one.instances is not None:
                of_feature = found.setdefault(one.volume.feature, {})
                name = one.volume.tomogram_name
                of_feature[name] = of_feature.get(name, 0) + len(one.instances)
        return found

    def _measured(self) -> list[Instances]:
        return [one.instances for one in self.results if one.instances is not None]

    def _keys(self, name: str) -> NDArray[np.float64]:
        match name:
            case "id":
                return self.ids.astype(np.float64)
            case "touches_border":
                return self.at_border.astype(np.float64)
            case "tomogram" | "feature":
                texts = [getattr(one.volume, "tomogram_name" if name == "tomogram" else name) for one in self.results]
                order = {text: number for number, text in enumerate(sorted(set(texts), key=str.casefold))}
                return np.array([order[text] for text in texts], dtype=np.float64)[self.owner]
        return self.values(next(one for one in QUANTITIES if one.name == name))


class RowOrder:
    """Which rows of a table are shown, in which order.

    Attributes
    ----------
    search
        As in `InstanceTable.chosen`.
    sort_by, descending
        The same.
    """

    def __init__(self) -> None:
        self.search = ""
        self.sort_by = ""
        self.descending = False
        self._rows: NDArray[np.intp] = np.zeros(0, np.intp)
        self._made_of: tuple[object, ...] = ()

    def rows(self, table: InstanceTable) -> NDArray[np.intp]:
        """Rows of a table; the same array as long as nothing changes."""
        made_of = (table, self.search, self.sort_by, self.descending)
        if self._made_of != made_of:
            self._made_of = made_of
            self._rows = table.chosen(self.search, self.sort_by, descending=self.descending)
        return self._rows
