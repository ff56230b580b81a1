"""What models find in a slice, put together under the rules."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ais.errors import AisError
from ais.gui.live_view import LiveView, Region
from ais.interactions import Rules, apply_rules


@dataclass(frozen=True, eq=False)
class LiveMap:
    """What a model finds in the slice on the screen, after the rules.

    Attributes
    ----------
    model
        Its number in the project.
    feature
        What is found.
    path, z
        Tomogram and slice.
    values
        (ny, nx) uint8 of the whole slice, 0 to 255, 0 outside the crop region; nobody may change it.
    revision
        Another number for other values.
    """

    model: int
    feature: str
    path: str
    z: int
    values: NDArray[np.uint8]
    revision: int


class ResultKey(NamedTuple):
    """All that a network's result depends on."""

    path: str
    voxel_sizes: tuple[float, float, float]
    z: int
    region: Region
    hash: str
    tta: int


class Composition(NamedTuple):
    """All that the maps on the screen depend on."""

    shape: tuple[int, int, int]
    plane: Region
    rules: Rules
    parts: tuple[tuple[int, ResultKey], ...]


Found = Sequence[tuple[int, tuple[str, ...], NDArray[np.float32]]]
"""For each model its number, the features that it finds, and (feature, ny, nx) probabilities."""


def composed(
    view: LiveView, wanted: Composition, found: Found, revisions: Sequence[int]
) -> tuple[tuple[LiveMap, ...], str]:
    """The maps of networks' results after the rules, and why these could not be applied, if so."""
    problem = ""
    ruled: dict[str, NDArray[np.float32]] = {}
    if wanted.rules != Rules():
        for _, features, values in found:
            for feature, plane in zip(features, values, strict=True):
                ruled.setdefault(feature, plane)  # of two models for one feature the first counts
        ruled = {feature: plane.copy() for feature, plane in ruled.items()}
        try:
            apply_rules(ruled, wanted.rules, view.voxel_sizes)
        except AisError as error:
            problem, ruled = str(error), {}
    maps, numbers = [], iter(revisions)
    for (model, key), (_, features, values) in zip(wanted.parts, found, strict=True):
        for feature, plane in zip(features, values, strict=True):
            after = ruled.pop(feature, plane)
            maps.append(LiveMap(model, feature, key.path, key.z, _placed(after, wanted, key.region), next(numbers)))
    return tuple(maps), problem


def _placed(values: NDArray[np.float32], wanted: Composition, region: Region) -> NDArray[np.uint8]:
    """Probabilities of a region as 0 to 255 in the whole slice, 0 outside the part that is worked on."""
    x0, x1, y0, y1 = wanted.plane
    part = values[y0 - region[2] : y1 - region[2], x0 - region[0] : x1 - region[0]]
    rounded: NDArray[np.uint8] = np.rint(part * np.float32(255)).astype(np.uint8)
    if rounded.shape == wanted.shape[1:]:
        return rounded
    whole = np.zeros(wanted.shape[1:], np.uint8)
    whole[y0:y1, x0:x1] = rounded
    return whole


def bytes_of(shown: OrderedDict[Composition, tuple[tuple[LiveMap, ...], str]]) -> int:
    """How much memory maps take that are kept."""
    return sum(made.values.nbytes for maps, _ in shown.values() for made in maps)
