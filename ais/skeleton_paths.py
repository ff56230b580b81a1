"""Which arms of a skeleton are one filament: the straightest are paired, so that crossing filaments stay apart."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from ais.skeleton_graph import SkeletonGraph, Stub

if TYPE_CHECKING:
    from numpy.typing import NDArray

    FloatArray: TypeAlias = NDArray[np.float64]

LARGEST_BEND_DEG = 60.0
CROSSING_BEND_DEG = 30.0
JUNCTION_RADII = 1.5
"""Junctions closer to each other than this are one; nearer than this to one, an arm lies in another one's mask."""
DIRECTION_RADII = 4.0
"""An arm's direction is measured over this length, from where it leaves the junction."""
FUSED_RADII = 10.0
"""Filaments that cross at a small angle are one in the mask over at most this length."""
RUNG_RADII = 4.0
"""Longest bridge between two filaments that is no filament itself."""


@dataclass(frozen=True, eq=False)
class Path:
    """The rough course of one filament.

    Attributes
    ----------
    points
        (k, 3) positions x, y, z, with gaps where it passes a junction.
    free
        Whether its first and last point are ends of the mask, and not at a junction.
    closed
        A ring, whose last point is followed by the first.
    """

    points: FloatArray
    free: tuple[bool, bool]
    closed: bool = False


def filament_paths(graph: SkeletonGraph, radius: float) -> list[Path]:
    """Divide a skeleton into filaments.

    Parameters
    ----------
    graph
        Of one connected mask.
    radius
        Of its filaments, in the unit of the graph's positions.

    Returns
    -------
    list of Path
        Each arm is in one of them, but for those that only bridge two filaments or two junctions of one crossing.
    """
    junctions = _Junctions(graph, radius)
    links: dict[Stub, Stub] = {}
    for stubs in junctions.meeting():
        links |= junctions.paired(stubs)
    # Where two arms meet without a junction it is a ring.
    for stubs in graph.stubs.values():
        if len(stubs) == 2:
            links |= {stubs[0]: stubs[1], stubs[1]: stubs[0]}
    paths = []
    for walk, closed in _walks([number for number in graph.arms if number not in junctions.bridges], links):
        path = junctions.path(walk, closed=closed)
        if path is not None:
            paths.append(path)
    return paths


class _Junctions:
    """The junctions of a graph, those of one crossing together."""

    def __init__(self, graph: SkeletonGraph, radius: float) -> None:
        self._graph = graph
        self._radius = radius
        self._trim = JUNCTION_RADII * radius
        self.bridges: set[int] = set()
        self._cluster = {node: node for node in graph.stubs}
        self._join_near()
        self._join_crossings()

    def meeting(self) -> Iterator[list[Stub]]:
        """The ends of arms that meet at each junction."""
        for stubs in self._gathered().values():
            if len(stubs) > 2 or any(self._graph.is_junction(self._node(stub)) for stub in stubs):
                yield stubs

    def paired(self, stubs: Sequence[Stub]) -> dict[Stub, Stub]:
        """Pairs of arms, the straightest first, none that bends too much."""
        bends = sorted((self._bend(a, b), a, b) for a, b in combinations(stubs, 2))
        links: dict[Stub, Stub] = {}
        for bend, a, b in bends:
            if bend <= LARGEST_BEND_DEG and a not in links and b not in links:
                links[a], links[b] = b, a
        return links

    def path(self, walk: Sequence[Stub], *, closed: bool) -> Path | None:
        """The points of arms that follow each other, each given by the end where it is entered."""
        arms = self._graph.arms
        ends = [(walk[0][0], walk[0][1]), (walk[-1][0], 1 - walk[-1][1])]
        free = tuple(not self._graph.is_junction(self._node(end)) for end in ends)
        only = arms[walk[0][0]]
        if len(walk) == 1 and not closed and not any(free) and only.length < RUNG_RADII * self._radius:
            return None
        parts = []
        for place, (number, end) in enumerate(walk):
            before = self._graph.is_junction(self._node((number, end)))
            after = self._graph.is_junction(self._node((number, 1 - end)))
            part = _trimmed(arms[number].leaving(end), self._trim * before, self._trim * after)
            if not len(part) and not closed and place in (0, len(walk) - 1):
                part = arms[number].leaving(end)[-1 if place else 0 :][:1]
            parts.append(part)
        points = np.concatenate(parts)
        if not len(points):
            points = np.concatenate([arms[number].leaving(end) for number, end in walk])
        if closed and len(points) > 1 and np.allclose(points[0], points[-1]):
            points = points[:-1]
        return Path(points, (free[0], free[1]), closed and len(points) > 2)

    def _join_near(self) -> None:
        for number, arm in self._graph.arms.items():
            if self._between_junctions(number) and arm.length <= self._trim:
                self._join(number)

    def _join_crossings(self) -> None:
        """Two junctions that are one shallow crossing: each way across the arm between them is straight."""
        arms = self._graph.arms
        longest = FUSED_RADII * self._radius
        between = [
            n for n in arms if n not in self.bridges and self._between_junctions(n) and arms[n].length <= longest
        ]
        used: set[int] = set()
        for number in sorted(between, key=lambda n: arms[n].length):
            near, far = (self._root(node) for node in arms[number].nodes)
            if near == far or near in used or far in used:
                continue
            gathered = self._gathered()
            here, there = ([stub for stub in gathered[side] if stub[0] != number] for side in (near, far))
            if len(here) == len(there) == 2 and self._crosses(here, there):
                self._join(number)
                used |= {near, far}

    def _crosses(self, here: Sequence[Stub], there: Sequence[Stub]) -> bool:
        ways = (((here[0], there[0]), (here[1], there[1])), ((here[0], there[1]), (here[1], there[0])))
        return any(all(self._bend(a, b) <= CROSSING_BEND_DEG for a, b in way) for way in ways)

    def _between_junctions(self, number: int) -> bool:
        first, last = self._graph.arms[number].nodes
        return first != last and self._graph.is_junction(first) and self._graph.is_junction(last)

    def _join(self, number: int) -> None:
        self.bridges.add(number)
        first, last = (self._root(node) for node in self._graph.arms[number].nodes)
        self._cluster[first] = last

    def _gathered(self) -> dict[int, list[Stub]]:
        gathered: dict[int, list[Stub]] = {}
        for node, stubs in self._graph.stubs.items():
            gathered.setdefault(self._root(node), []).extend(stub for stub in stubs if stub[0] not in self.bridges)
        return gathered

    def _root(self, node: int) -> int:
        while self._cluster[node] != node:
            node = self._cluster[node]
        return node

    def _node(self, stub: Stub) -> int:
        return self._graph.arms[stub[0]].nodes[stub[1]]

    def _bend(self, a: Stub, b: Stub) -> float:
        """By how many degrees a filament turns that comes along one arm and leaves along the other."""
        (from_a, away_a), (from_b, away_b) = self._leaving(a), self._leaving(b)
        across = from_b - from_a
        if np.linalg.norm(across) < 0.5 * self._radius:
            return _angle(-away_a, away_b)
        return _angle(-away_a, across) + _angle(across, away_b)

    def _leaving(self, stub: Stub) -> tuple[FloatArray, FloatArray]:
        """Where an arm leaves its junction, and in which direction."""
        points = self._graph.arms[stub[0]].leaving(stub[1])
        way = _way(points)
        start = min(self._trim, 0.5 * way[-1])
        stop = min(start + DIRECTION_RADII * self._radius, way[-1])
        first, last = (_at(points, way, along) for along in (start, stop))
        return first, last - first


def _walks(arms: Iterable[int], links: dict[Stub, Stub]) -> Iterator[tuple[list[Stub], bool]]:
    """Arms that follow each other, from an end without a link; what is left are rings."""
    left = dict.fromkeys(arms)
    open_ends = [(number, end) for number in left for end in (0, 1) if (number, end) not in links]
    for start in [*open_ends, *((number, 0) for number in list(left))]:
        if start[0] not in left:
            continue
        walk: list[Stub] = []
        entered: Stub | None = start
        while entered is not None and entered[0] in left:
            del left[entered[0]]
            walk.append(entered)
            entered = links.get((entered[0], 1 - entered[1]))
        yield walk, entered is not None


def _trimmed(points: FloatArray, first: float, last: float) -> FloatArray:
    way = _way(points)
    inside: FloatArray = points[(way >= first) & (way <= way[-1] - last)]
    return inside


def _way(points: FloatArray) -> FloatArray:
    steps = np.linalg.norm(np.diff(points, axis=0), axis=1)
    return np.concatenate([[0.0], np.cumsum(steps)])


def _at(points: FloatArray, way: FloatArray, along: float) -> FloatArray:
    return np.array([np.interp(along, way, column) for column in points.T])


def _angle(first: FloatArray, second: FloatArray) -> float:
    lengths = float(np.linalg.norm(first) * np.linalg.norm(second))
    if lengths == 0:
        return 90.0
    return float(np.degrees(np.arccos(np.clip(first @ second / lengths, -1.0, 1.0))))
