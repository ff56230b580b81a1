"""T4: isosurface, normals and components of a volume with 300 particles when the level or the dust limit changes.

Reference: scikit-image's marching cubes on the whole volume with scipy's labels; for the dust limit the mesh made
anew from the volume without its small components.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from figure import compare
from numpy.typing import NDArray
from scipy import ndimage
from skimage.measure import marching_cubes

from ais.surfaces import isosurface, prepare

SHAPE = (200, 512, 512)
PARTICLES = 300
FOREGROUND = 0.03
VOXEL_SIZE_A = 10.0
EDGE_PX = 1.5
LEVEL = 128.0


def particles(dtype: str) -> NDArray[Any]:
    """A volume 0-255 with balls of two sizes in random places, some of which touch, and soft edges."""
    random = np.random.default_rng(0)
    radius = (FOREGROUND * np.prod(SHAPE) / PARTICLES / (4 / 3 * np.pi)) ** (1 / 3)
    reach = int(radius * 1.2) + 3
    offsets = np.indices((2 * reach + 1,) * 3) - reach
    volume = np.zeros(SHAPE, np.float32)
    for number in range(PARTICLES):
        centre = random.uniform(reach, np.array(SHAPE) - reach - 1)
        near = centre.astype(int)
        distance = np.sqrt(((offsets - (centre - near)[:, None, None, None]) ** 2).sum(axis=0))
        size = radius * (0.8 if number % 2 else 1.15)
        ball = 255 * np.clip((size - distance) / (2 * EDGE_PX) + 0.5, 0, 1)
        place = volume[tuple(slice(c - reach, c + reach + 1) for c in near)]
        np.maximum(place, ball, out=place)
    return volume.astype(dtype)


def naive(volume: NDArray[Any], level: float) -> tuple[Any, ...]:
    labels, _ = ndimage.label(volume >= level)
    vertices, faces, normals, _ = marching_cubes(np.pad(volume, 1), level, spacing=(VOXEL_SIZE_A,) * 3)
    nearest = np.rint(vertices / VOXEL_SIZE_A - 1).astype(int).clip(0, np.array(SHAPE) - 1)
    return vertices, faces, normals, labels[tuple(nearest.T)], np.bincount(labels.ravel())


def naive_dust(volume: NDArray[Any], level: float, min_voxels: float) -> tuple[Any, ...]:
    labels, _ = ndimage.label(volume >= level)
    small = np.bincount(labels.ravel()) < min_voxels
    return marching_cubes(np.pad(np.where(small[labels], 0, volume), 1), level)


def main() -> None:
    voxel_sizes = (VOXEL_SIZE_A,) * 3
    volume = particles("uint8")
    prepared = prepare(volume, voxel_sizes=voxel_sizes)
    surface = prepared.surface(LEVEL)
    limit = float(np.median(surface.volumes))
    compare("T4 level", lambda: prepared.surface(LEVEL), lambda: naive(volume, LEVEL), reference_repeats=2)
    compare(
        "T4 dust",
        lambda: surface.without_dust(limit),
        lambda: naive_dust(volume, LEVEL, limit / VOXEL_SIZE_A**3),
        reference_repeats=2,
    )
    compare("T4 volume and level", lambda: isosurface(volume, LEVEL, voxel_sizes=voxel_sizes), None)
    as_float = prepare(particles("float32"), voxel_sizes=voxel_sizes)
    compare("T4 level of float32", lambda: as_float.surface(LEVEL), None)


if __name__ == "__main__":
    main()
