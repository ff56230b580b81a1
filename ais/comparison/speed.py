"""How long a network takes to segment a slice, measured on noise."""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

import numpy as np

from ais.formats.registry import write_volume
from ais.segmentation import Segmenter
from ais.tomogram import Tomogram

SIDE_PX = 512
SLICES = 2
REPEATS = 5


def seconds_per_slice(segmenter: Segmenter) -> float:
    """Seconds to segment a slice of 512 x 512 pixels: the median of several times, after one that does not count.

    Slices are segmented two at a time, as `ais segment` takes several, so that a network that slides along z is not
    charged for the neighbours of each slice by itself.
    """
    noise = np.random.default_rng(0).normal(size=(SLICES, SIDE_PX, SIDE_PX)).astype(np.float32)
    with tempfile.TemporaryDirectory(prefix="ais-", ignore_cleanup_errors=True) as folder:
        path = Path(folder) / "noise.mrc"
        write_volume(path, noise, voxel_sizes=segmenter.model.info.voxel_size)
        with Tomogram.open(path) as tomogram:
            times = [_seconds(segmenter, tomogram) for _ in range(1 + REPEATS)]
    return statistics.median(times[1:]) / SLICES


def _seconds(segmenter: Segmenter, tomogram: Tomogram) -> float:
    began = time.perf_counter()
    segmenter.predict_slices(tomogram, 0, SLICES)
    return time.perf_counter() - began
