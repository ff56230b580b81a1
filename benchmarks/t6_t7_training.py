"""T6, T7: training VGGNet M and UNet S in 16 bits, 64 x 64, batch 32; the reference is a plain float32 Keras fit."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import numpy as np
from figure import Figure, report
from scipy import ndimage

from ais.models import build
from ais.models.backend import start
from ais.training import train
from ais.trainset import SampleRecord, TrainingSet

SIDE = 64
BATCH = 32
EPOCHS = 2
STEPS = {"vggnet-m": 10, "unet-s": 20}  # per epoch, so that both take about as long


def samples(count: int) -> TrainingSet:
    """Smooth islands in noise; each sample shows some."""
    rng = np.random.default_rng(0)
    hills = ndimage.gaussian_filter(rng.normal(size=(count, SIDE, SIDE)), (0, 5, 5))
    inside = hills > 1.5 * hills.std()
    images = rng.normal(size=inside.shape) - 2 * inside
    records = [SampleRecord(f"{n:016x}", "", "", "island", 0, 0, 0, SIDE, SIDE, False) for n in range(count)]
    return TrainingSet(images[:, None].astype("f4"), inside.astype("u1"), records, ["island"], 10.0, "islands")


def our_rate(architecture: str, training_set: TrainingSet) -> float:
    with tempfile.TemporaryDirectory() as folder:
        result = train(
            [training_set],
            Path(folder) / "model.aism",
            architecture=architecture,
            epochs=EPOCHS,
            batch_size=BATCH,
            copies=1,
            precision="mixed",
        )
    return result.samples_per_second


def plain_rate(architecture: str, training_set: TrainingSet) -> float:
    import keras

    network = build(architecture)
    network.compile(keras.optimizers.Adam(1e-3), "binary_crossentropy", jit_compile=False)
    images, labels = np.moveaxis(training_set.images, 1, 3), training_set.labels[..., None].astype("f4")
    began = time.perf_counter()
    network.fit(images, labels, batch_size=BATCH, epochs=EPOCHS, verbose=0)
    return EPOCHS * len(images) / (time.perf_counter() - began)


if __name__ == "__main__":
    start()
    for id, architecture in (("T6", "vggnet-m"), ("T7", "unet-s")):
        training_set = samples(BATCH * STEPS[architecture])
        ours, plain = our_rate(architecture, training_set), plain_rate(architecture, training_set)
        report(Figure(id, ours, plain, "samples/s", more_is_better=True))
