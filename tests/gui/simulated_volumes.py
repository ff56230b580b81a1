"""A simulated tomogram beside its segmented volumes: what is true, and what a network would have found besides."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, gaussian_filter

from ais.annotation import AddTomogram
from ais.formats.registry import write_volume
from ais.gui.settings import Settings, SettingsFile
from ais.project import Project
from ais.simulation import simulate, write_simulation

NAME = "TS_01"
SEED = 4
SHAPE = (64, 192, 192)
VOXEL_SIZE = 10.0
SNR = 2.0
BLUR = {"ribosome": 2.5, "membrane": 1.0, "microtubule": 1.0}
"""Voxels; so that the two halves of a ribosome are one, as they are in what networks find."""
WINDOW = (1280, 800)
FEATURES = ("ribosome", "membrane", "microtubule")
RIBOSOME_RADIUS = 10.7
"""In voxels, about that of the simulated ones."""
FALSE_COUNT, WEAK_COUNT, DUST_COUNT = 5, 3, 60
WEAK = 165
"""Value of what is less certain than all that is true."""
APART = 3.0
"""Voxels between what is added and everything else."""
FALSE_FILE = "false.npy"


def simulated_volumes(folder: Path) -> Sequence[Path]:
    """Write TS_01.mrc, TS_01__ribosome.mrc and so on, and in truth/ what is true; gives a project with the tomogram.

    The ribosomes come with blobs of their size where there is nothing (`FALSE_FILE` has their centres z, y, x), with
    fainter ones, and with dust.
    """
    SettingsFile(folder / "settings").save(Settings(window_size=WINDOW))
    simulated = simulate(SHAPE, seed=SEED, voxel_size=VOXEL_SIZE, snr=SNR)
    tomogram = write_simulation(folder, simulated, NAME)[0]
    free = distance_transform_edt(simulated.labels == 0)
    for name in FEATURES:
        volume = gaussian_filter(simulated.mask(name).astype(np.float32), BLUR[name]) * 255
        if name == "ribosome":
            volume = _with_false_ones(volume, free, folder)
        found = np.round(volume).astype(np.uint8)
        write_volume(folder / f"{NAME}__{name}.mrc", found, voxel_sizes=VOXEL_SIZE)
    with Project.create(folder / "work.aisproj") as project:
        project.apply(AddTomogram(tomogram))
    return [folder / "work.aisproj"]


def _with_false_ones(volume: NDArray[np.float32], free: NDArray[np.float64], folder: Path) -> NDArray[np.float32]:
    """Add uneven balls where there is room for them."""
    random = np.random.default_rng(SEED)
    radii = [RIBOSOME_RADIUS] * FALSE_COUNT + [RIBOSOME_RADIUS * 0.8] * WEAK_COUNT
    radii += random.uniform(1.5, 3.0, DUST_COUNT).tolist()
    uneven = gaussian_filter(random.normal(size=SHAPE), 2.0)
    uneven /= np.abs(uneven).max()
    faces = (np.minimum(np.arange(n), n - 1 - np.arange(n)) for n in SHAPE)
    room = np.minimum.reduce([free, *np.meshgrid(*faces, indexing="ij")])
    centres = []
    for number, radius in enumerate(radii):
        places = np.argwhere(room >= radius + APART)
        centre = places[random.integers(len(places))]
        reach = round(2 * RIBOSOME_RADIUS + APART) + 1
        around = tuple(slice(max(at - reach, 0), min(at + reach + 1, n)) for at, n in zip(centre, SHAPE, strict=True))
        offsets = np.ogrid[around]
        distance = np.sqrt(sum((offset - at) ** 2 for offset, at in zip(offsets, centre, strict=True)))
        value = WEAK if FALSE_COUNT <= number < FALSE_COUNT + WEAK_COUNT else 255
        inside = np.clip(radius * (1 + 0.2 * uneven[around]) + 0.5 - distance, 0, 1)
        volume[around] = np.maximum(volume[around], value * inside)
        room[around] = np.minimum(room[around], distance - radius)
        centres.append(centre)
    np.save(folder / FALSE_FILE, np.array(centres[:FALSE_COUNT]))
    return volume
