"""T1: one 512 x 512 slice through VGGNet M, and through the default network; the reference is a float32 `predict`.

Normalising, the reflected margin and the way from and to NumPy are included; making the network ready is not.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from figure import compare

from ais import Tomogram
from ais.formats.registry import write_volume
from ais.models import Model, ModelInfo, architecture, build
from ais.models.backend import start
from ais.segmentation import Segmenter

SIDE_PX = 512
DEVICE = "gpu" if "--gpu" in sys.argv else "cpu"


def plain(name: str) -> Any:
    """The architecture as a Keras model in float32, one slice per call of `predict`."""
    network = build(name)
    slice_ = np.random.default_rng(0).normal(0, 1, (1, SIDE_PX, SIDE_PX, 1)).astype("f4")
    return lambda: network.predict(slice_, verbose=0)


def ours(name: str, tomogram: Tomogram) -> Any:
    info = ModelInfo(name, architecture(name).arguments(), "membrane", 10.0, 64, 1)
    segmenter = Segmenter(Model(build(name), info), device=DEVICE)
    return lambda: segmenter.predict_slices(tomogram, 0, 1)


start(DEVICE)
with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "tomogram.mrc"
    noise = np.random.default_rng(0).normal(0, 1, (1, SIDE_PX, SIDE_PX)).astype("f4")
    write_volume(path, noise, voxel_sizes=10.0)
    with Tomogram.open(path) as tomogram:
        published = plain("vggnet-m")
        compare("T1", ours("vggnet-m", tomogram), published, repeats=9)
        compare("T1 fastnet", ours("fastnet", tomogram), published, repeats=9, reference_repeats=3)
