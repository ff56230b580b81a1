"""T3: particles picked in a 200 x 512 x 512 prediction with 300 soft-edged blobs, 3 % foreground, some touching.

The reference is the plain way: components, distance, maxima and watershed on the whole volume with scipy and
scikit-image.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from figure import compare
from numpy.typing import NDArray
from scipy import ndimage
from skimage.feature import peak_local_max
from skimage.segmentation import watershed

from ais.picking import pick_particles

SHAPE = (200, 512, 512)
PARTICLES = 300
RADIUS_PX = 10.8
VOXEL_SIZE_A = 10.0
MIN_VOLUME_A3 = 500.0 * VOXEL_SIZE_A**3
SPACING_A = 80.0
THRESHOLD = 128


def prediction() -> NDArray[np.uint8]:
    """A volume as a network predicts it: blobs of 85 to 115 % of the radius, every sixth against its neighbour."""
    rng = np.random.default_rng(0)
    volume = np.zeros(SHAPE, dtype=np.uint8)
    reach = 16
    box = np.mgrid[-reach : reach + 1, -reach : reach + 1, -reach : reach + 1].astype(np.float32)
    low, high = np.full(3, reach + 0.5), np.array(SHAPE) - reach - 1.5
    centre = rng.uniform(low, high)
    for number in range(PARTICLES):
        direction = rng.normal(size=3)
        beside = centre + direction / np.linalg.norm(direction) * 1.8 * RADIUS_PX
        centre = np.clip(beside if number % 6 == 5 else rng.uniform(low, high), low, high)
        corner = np.rint(centre).astype(int)
        offset = (centre - corner).astype(np.float32)[:, None, None, None]
        distance = np.sqrt(((box - offset) ** 2).sum(axis=0)) - RADIUS_PX * rng.uniform(0.85, 1.15)
        place = tuple(slice(middle - reach, middle + reach + 1) for middle in corner)
        np.maximum(volume[place], (255 / (1 + np.exp(1.5 * distance))).astype(np.uint8), out=volume[place])
    return volume


def picked(volume: NDArray[np.uint8]) -> NDArray[np.float64]:
    picks = pick_particles(
        volume, threshold=THRESHOLD, min_volume=MIN_VOLUME_A3, spacing=SPACING_A, voxel_sizes=VOXEL_SIZE_A
    )
    return picks.positions


def picked_plainly(volume: NDArray[np.uint8]) -> list[Any]:
    inside = volume >= THRESHOLD
    components, count = ndimage.label(inside)
    voxels = ndimage.sum_labels(inside, components, np.arange(count + 1))
    inside &= (voxels * VOXEL_SIZE_A**3 >= MIN_VOLUME_A3)[components]
    distance = ndimage.distance_transform_edt(inside)
    seeds = np.zeros(volume.shape, dtype=np.int32)
    peaks = peak_local_max(distance, min_distance=int(SPACING_A / VOXEL_SIZE_A / 2), labels=inside)
    seeds[tuple(peaks.T)] = np.arange(1, len(peaks) + 1)
    regions = watershed(-distance, seeds, mask=inside)
    return list(ndimage.center_of_mass(volume, regions, np.arange(1, len(peaks) + 1)))


if __name__ == "__main__":
    segmented = prediction()
    compare("T3", lambda: picked(segmented), lambda: picked_plainly(segmented), repeats=7, reference_repeats=1)
