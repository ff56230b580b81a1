"""T2: `ais segment` of 32 x 512 x 512 voxels with UNet S, and with the default network, start of the process included.

The reference is a script that starts TensorFlow, and segments one slice per call of a float32 `predict`.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from figure import compare

from ais.formats.registry import write_volume
from ais.models import Model, ModelInfo, architecture, build, save_model

SHAPE = (32, 512, 512)
PLAIN = """
import sys, mrcfile, numpy
from ais.models import load_model
network = load_model(sys.argv[1]).network
volume = mrcfile.read(sys.argv[2])
values = (volume - volume.mean()) / volume.std()
found = numpy.stack([network.predict(plane[None, ..., None], verbose=0)[0, ..., 0] for plane in values])
mrcfile.write(sys.argv[3], (found * 255).astype("u1"), overwrite=True)
"""


def run(*words: str) -> None:
    subprocess.run([sys.executable, *words], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


with tempfile.TemporaryDirectory() as name:
    folder = Path(name)
    noise = np.random.default_rng(0).normal(0, 1, SHAPE).astype("f4")
    write_volume(folder / "tomogram.mrc", noise, voxel_sizes=10.0)
    for network in ("unet-s", "fastnet"):
        info = ModelInfo(network, architecture(network).arguments(), network, 10.0, 64, 1)
        save_model(folder / f"{network}.aism", Model(build(network), info))
    volume = str(folder / "tomogram.mrc")

    def ours(network: str) -> None:
        model = str(folder / f"{network}.aism")
        run("-m", "ais.cli", "segment", "-m", model, volume, "-o", str(folder / "out"), "--overwrite")

    def plain() -> None:
        run("-c", PLAIN, str(folder / "unet-s.aism"), volume, str(folder / "plain.mrc"))

    compare("T2", lambda: ours("unet-s"), plain, repeats=3, reference_repeats=2, warm_up=0)
    compare("T2 fastnet", lambda: ours("fastnet"), plain, repeats=3, reference_repeats=1, warm_up=0)
