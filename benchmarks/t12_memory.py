"""T12: peak memory of `ais segment` on a 2 GiB volume with two models, above what TensorFlow itself takes.

The reference is what a whole-volume program holds: the volume as float64 and one copy per model. By default 64 of the
512 slices are segmented (the outputs have all 512), since the peak is that of one slab; `--whole` segments all.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from figure import Figure, report

SHAPE = (512, 1024, 1024)
GIB = 1 << 30

BARE = """
import resource
from ais.models.backend import start
start("cpu")
import keras, numpy
network = keras.Sequential([keras.Input((None, None, 1)), keras.layers.Conv2D(4, 3)])
network(numpy.zeros((1, 64, 64, 1), "f4"))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
MODELS = """
import sys
from ais.models import Model, ModelInfo, build, save_model
for seed, feature in enumerate(("membrane", "ribosome")):
    info = ModelInfo("unet-s", {"first_filters": 64}, feature, 10.0, 64, 1)
    save_model(f"{sys.argv[1]}/{feature}.aism", Model(build("unet-s", 1, info.arguments, seed=seed), info))
"""
SEGMENT = """
import resource
import sys
from ais.cli.main import run
code = run(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
sys.exit(code)
"""


def peak_of(code: str, *words: str) -> int:
    """Peak memory in bytes that a script prints in its last line, in KiB."""
    done = subprocess.run([sys.executable, "-c", code, *words], check=True, capture_output=True, text=True)
    return int(done.stdout.split()[-1]) * 1024


def write_volume(path: Path) -> None:
    from ais.formats.mrc import MrcWriter

    noise = np.random.default_rng(0).normal(0, 1, SHAPE[1:]).astype("f4")
    with MrcWriter(path, SHAPE, "float32", voxel_sizes=(10.0, 10.0, 10.0)) as writer:
        for z in range(SHAPE[0]):
            writer.write(np.roll(noise, z, axis=0)[np.newaxis])


with tempfile.TemporaryDirectory() as name:
    folder = Path(name)
    write_volume(folder / "tomogram.mrc")
    subprocess.run([sys.executable, "-c", MODELS, name], check=True)
    words = [
        "segment",
        "-m",
        f"{name}/membrane.aism",
        "-m",
        f"{name}/ribosome.aism",
        f"{name}/tomogram.mrc",
        "-o",
        name,
    ]
    words += [] if "--whole" in sys.argv else ["--range", "224:288"]
    ours = peak_of(SEGMENT, *words) - peak_of(BARE)
    voxels = SHAPE[0] * SHAPE[1] * SHAPE[2]
    report(Figure("T12", ours / GIB, voxels * (8 + 2 * 4) / GIB, unit="GiB"))
