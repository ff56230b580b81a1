"""A skeleton as a graph: arms that meet at nodes, without what roughness adds to it."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    FloatArray: TypeAlias = NDArray[np.float64]
    IndexArray: TypeAlias = NDArray[np.int64]

Stub: TypeAlias = tuple[int, int]
"""An end of an arm: the arm's number, and 0 for where its points begin or 1 for where they end."""

DETOUR_STEPS = 4
"""Voxels that are linked in so few steps need no link of their own: it would close a loop of neighbours."""


@dataclass(eq=False)
class Arm:
    """A line between two nodes.

    Attributes
    ----------
    nodes
        Where it begins and ends; the same twice for a ring.
    points
        (k, 3) positions x, y, z from the first node to the last, both included.
    """

    nodes: tuple[int, int]
    points: FloatArray

    def __post_init__(self) -> None:
        self.length = float(np.linalg.norm(np.diff(self.points, axis=0), axis=1).sum())

    def leaving(self, end: int) -> FloatArray:
        """Its points in the order in which they are passed when it is left behind at this end's node."""
        return self.points if end == 0 else self.points[::-1]


class SkeletonGraph:
    """Arms and nodes of one connected skeleton.

    Parameters
    ----------
    points
        (n, 3) positions x, y, z of the skeleton's voxels.
    links
        (m, 2) which of them are neighbours, each pair once, all of them connected.

    Attributes
    ----------
    arms
        By number.
    stubs
        Node -> the ends of arms that meet there. A free end has one, a junction three or more.
    """

    def __init__(self, points: FloatArray, links: IndexArray) -> None:
        self.arms: dict[int, Arm] = {}
        self.stubs: dict[int, list[Stub]] = {}
        self._next_arm = 0
        neighbours: list[list[int]] = [[] for _ in range(len(points))]
        for a, b in links.tolist():
            neighbours[a].append(b)
            neighbours[b].append(a)
        nodes = [voxel for voxel, near in enumerate(neighbours) if len(near) != 2] or [0]
        for node in nodes:
            self.stubs[node] = []
        for chain in _chains(neighbours, nodes):
            self._add((chain[0], chain[-1]), points[chain])
        if not self.arms:
            self._add((nodes[0], nodes[0]), points[nodes[:1]])

    @property
    def length(self) -> float:
        """Of all arms together."""
        return sum(arm.length for arm in self.arms.values())

    def is_junction(self, node: int) -> bool:
        """Whether three or more ends of arms meet at a node."""
        return len(self.stubs[node]) > 2

    def remove_spurs(self, limit: float) -> None:
        """Remove arms with a free end that are shorter than the limit, the shortest first; one arm always stays."""
        heap = [(arm.length, number) for number, arm in self.arms.items()]
        heapq.heapify(heap)
        while heap:
            length, number = heapq.heappop(heap)
            if length >= limit:
                return
            arm = self.arms.get(number)
            if arm is None:
                continue
            degrees = sorted(len(self.stubs[node]) for node in arm.nodes)
            if degrees[0] == 1 and degrees[1] > 2:
                for new in self._remove(number):
                    heapq.heappush(heap, (self.arms[new].length, new))

    def remove_small_rings(self, limit: float) -> None:
        """Open rings that are shorter than the limit, such as go around holes in the mask, at their longest arm."""
        pending = sorted(self.arms, key=lambda number: self.arms[number].length)
        while pending:
            number = pending.pop()
            arm = self.arms.get(number)
            if arm is not None and arm.length < limit and self._detour(number, limit - arm.length):
                pending += self._remove(number)

    def _detour(self, number: int, limit: float) -> bool:
        """Whether an arm's nodes are connected by others that are together no longer than the limit."""
        start, goal = self.arms[number].nodes
        if start == goal:
            return self.is_junction(start)
        front = [(0.0, start)]
        done: set[int] = set()
        while front:
            way, node = heapq.heappop(front)
            if node == goal:
                return True
            if node in done:
                continue
            done.add(node)
            for other, end in self.stubs[node]:
                further = way + self.arms[other].length
                if other != number and further <= limit:
                    heapq.heappush(front, (further, self.arms[other].nodes[1 - end]))
        return False

    def _add(self, nodes: tuple[int, int], points: FloatArray) -> int:
        number = self._next_arm
        self._next_arm += 1
        self.arms[number] = Arm(nodes, points)
        for end, node in enumerate(nodes):
            self.stubs[node].append((number, end))
        return number

    def _take(self, number: int) -> Arm:
        arm = self.arms.pop(number)
        for end, node in enumerate(arm.nodes):
            self.stubs[node].remove((number, end))
        return arm

    def _remove(self, number: int) -> list[int]:
        """Remove an arm, and join what then meets in pairs; gives the new arms."""
        arm = self._take(number)
        joined: list[int] = []
        for node in dict.fromkeys(arm.nodes):
            if not self.stubs[node]:
                del self.stubs[node]
            elif len(self.stubs[node]) == 2:
                joined += self._join_at(node)
        return [new for new in joined if new in self.arms]

    def _join_at(self, node: int) -> list[int]:
        (first, first_end), (second, second_end) = self.stubs[node]
        if first == second:
            return []
        before, after = self._take(first), self._take(second)
        del self.stubs[node]
        points = np.concatenate([before.leaving(1 - first_end), after.leaving(second_end)[1:]])
        return [self._add((before.nodes[1 - first_end], after.nodes[1 - second_end]), points)]


def skeleton_links(index: IndexArray, shape: tuple[int, int, int]) -> IndexArray:
    """Which voxels of a skeleton follow each other: pairs (m, 2) of positions in `index`.

    Neighbours by face, edge or corner; where several lie close together only the shortest links that keep them
    connected, so that a corner is no junction.

    Parameters
    ----------
    index
        (n,) flat indices of the skeleton's voxels, ascending.
    shape
        (nz, ny, nx) of the volume.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import minimum_spanning_tree

    pairs, steps = _neighbours(index, shape)
    if not len(pairs):
        return pairs
    weights = coo_array((steps, (pairs[:, 0], pairs[:, 1])), shape=(len(index), len(index)))
    tree = minimum_spanning_tree(weights.tocsr()).tocoo()
    links = np.stack([tree.coords[0], tree.coords[1]], axis=1).astype(np.int64)
    near: list[list[int]] = [[] for _ in range(len(index))]
    for a, b in links.tolist():
        near[a].append(b)
        near[b].append(a)
    known = set(map(tuple, np.sort(links, axis=1).tolist()))
    order = np.argsort(steps, kind="stable")
    closing = []
    for a, b in np.sort(pairs[order], axis=1).tolist():
        if (a, b) not in known and not _reached(near, a, b):
            near[a].append(b)
            near[b].append(a)
            closing.append((a, b))
    return np.concatenate([links, np.array(closing, np.int64).reshape(-1, 2)])


def _neighbours(index: IndexArray, shape: tuple[int, int, int]) -> tuple[IndexArray, FloatArray]:
    """All pairs of touching voxels (m, 2), and their distances (m,)."""
    place = np.stack(np.unravel_index(index, shape), axis=1)
    offsets = [(dz, dy, dx) for dz in (0, 1) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if (dz, dy, dx) > (0, 0, 0)]
    pairs, steps = [np.zeros((0, 2), np.int64)], [np.zeros(0)]
    for offset in offsets:
        there = place + offset
        inside = np.flatnonzero(((there >= 0) & (there < shape)).all(axis=1))
        flat = np.ravel_multi_index(tuple(there[inside].T), shape)
        found = np.minimum(np.searchsorted(index, flat), len(index) - 1)
        hit = index[found] == flat
        pairs.append(np.stack([inside[hit], found[hit]], axis=1))
        steps.append(np.full(int(hit.sum()), float(np.linalg.norm(offset))))
    return np.concatenate(pairs), np.concatenate(steps)


def _reached(near: list[list[int]], start: int, goal: int) -> bool:
    seen = {start}
    front = [start]
    for _ in range(DETOUR_STEPS):
        front = [voxel for here in front for voxel in near[here] if voxel not in seen]
        if goal in front:
            return True
        seen.update(front)
    return False


def _chains(neighbours: list[list[int]], nodes: list[int]) -> Iterator[list[int]]:
    """Voxels from node to node, each line once."""
    is_node: dict[int, Any] = dict.fromkeys(nodes)
    walked: set[tuple[int, int]] = set()
    for node in nodes:
        for first in neighbours[node]:
            if (node, first) in walked:
                continue
            chain = [node, first]
            while chain[-1] not in is_node:
                before, here = chain[-2], chain[-1]
                ahead = [voxel for voxel in neighbours[here] if voxel != before]
                chain.append(ahead[0])
            walked.add((node, first))
            walked.add((chain[-1], chain[-2]))
            yield chain
