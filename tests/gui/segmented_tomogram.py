"""A small tomogram beside its segmented volumes, whose structures are known: balls, a vesicle, crossing filaments."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ais.formats.registry import write_volume

SHAPE = (64, 96, 112)
VOXEL_SIZE = 10.0
ORIGIN = (300.0, -200.0, 50.0)
BALL_RADIUS = 4.5
BALLS = tuple((z, y, x) for z in (16, 48) for y in (14, 82) for x in (12, 34, 56, 78, 100))
"""Centres z, y, x in voxels of the 20 balls, larger and heavier from the first to the last."""
VESICLE, VESICLE_RADIUS = (32, 48, 56), 18.0
TUBES = (((32, 48, 4), (32, 48, 108)), ((20, 8, 90), (44, 88, 90)))
"""Ends z, y, x of two filaments that pass each other."""
TUBE_RADIUS = 2.5


def segmented_tomogram(folder: Path) -> Sequence[Path]:
    """Write TS_01.mrc and TS_01__ribosome.mrc, __membrane.mrc and __microtubule.mrc; gives the tomogram."""
    volumes = {"ribosome": balls(), "membrane": vesicle(), "microtubule": tubes()}
    noise = np.random.default_rng(4).normal(size=SHAPE).astype(np.float32)
    image = noise * 12 - sum(volume.astype(np.float32) for volume in volumes.values()) / 8
    path = folder / "TS_01.mrc"
    write_volume(path, image.astype(np.float32), voxel_sizes=VOXEL_SIZE, origin=ORIGIN)
    for name, volume in volumes.items():
        write_volume(folder / f"TS_01__{name}.mrc", volume, voxel_sizes=VOXEL_SIZE, origin=ORIGIN)
    return [path]


def balls() -> NDArray[np.uint8]:
    """20 balls, 255 inside, with a soft border."""
    volume = np.zeros(SHAPE)
    for number, centre in enumerate(BALLS):
        volume = np.maximum(volume, _soft(BALL_RADIUS + 0.05 * number - _distance(centre)))
    return np.round(volume * 255).astype(np.uint8)


def vesicle() -> NDArray[np.uint8]:
    """A hollow sphere of two voxels' thickness."""
    return np.round(_soft(1.2 - np.abs(_distance(VESICLE) - VESICLE_RADIUS)) * 255).astype(np.uint8)


def tubes() -> NDArray[np.uint8]:
    """Two straight filaments."""
    found = np.zeros(SHAPE)
    for start, end in TUBES:
        found = np.maximum(found, _soft(TUBE_RADIUS - _distance_to_line(start, end)))
    return np.round(found * 255).astype(np.uint8)


def _grid() -> NDArray[np.float64]:
    return np.stack(np.meshgrid(*(np.arange(n) for n in SHAPE), indexing="ij"), axis=-1).astype(np.float64)


def _distance(centre: Sequence[float]) -> NDArray[np.float64]:
    return np.asarray(np.linalg.norm(_grid() - np.array(centre), axis=-1))


def _distance_to_line(start: Sequence[float], end: Sequence[float]) -> NDArray[np.float64]:
    first, along = np.array(start, float), np.array(end, float) - np.array(start, float)
    offset = _grid() - first
    share = np.clip(offset @ along / (along @ along), 0, 1)
    return np.asarray(np.linalg.norm(offset - share[..., None] * along, axis=-1))


def _soft(inside: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.clip(inside + 0.5, 0, 1))
