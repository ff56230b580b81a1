"""Every architecture learns membranes of a simulated cell, if only a little in so short a time."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import mrcfile
import numpy as np
import pytest

from ais.models import ARCHITECTURES, Architecture, build, load_model
from ais.tomogram import Tomogram
from ais.training import train
from ais.trainset import SampleRecord, TrainingSet

SIDE, DEPTH, COUNT = 32, 5, 16
Z0 = 60
FEW = {"first_filters": 8, "blocks": 1, "modules": 1}


@pytest.fixture(scope="module")
def boxes(test_data: Path) -> TrainingSet:
    """Boxes of five slices of the simulated cell, those with the most membrane in the middle slice of each place."""
    truth = mrcfile.read(test_data / "cell_sim" / "labels.mrc") == 1
    with Tomogram.open(test_data / "cell_sim" / "tomogram.mrc") as tomogram:
        values = tomogram.normalization.apply(tomogram.slab(Z0 - 2, Z0 + 3))
    places = [(y, x) for y in range(0, 256, SIDE) for x in range(0, 256, SIDE)]
    places.sort(key=lambda at: -int(truth[Z0, at[0] : at[0] + SIDE, at[1] : at[1] + SIDE].sum()))
    images, labels, records = [], [], []
    for y, x in places[:COUNT]:
        images.append(values[:, y : y + SIDE, x : x + SIDE])
        labels.append(truth[Z0, y : y + SIDE, x : x + SIDE])
        place = (Z0, y + SIDE // 2, x + SIDE // 2)
        records.append(SampleRecord(f"{y:08x}{x:08x}", "cell", "", "membrane", *place, SIDE, SIDE, negative=False))
    return TrainingSet(np.stack(images), np.stack(labels).astype(np.uint8), records, ["membrane"], 10.0, "membrane")


@pytest.mark.parametrize("chosen", ARCHITECTURES, ids=lambda a: a.name)
def test_the_loss_falls(chosen: Architecture, boxes: TrainingSet, tmp_path: Path) -> None:
    depth = 1 if chosen.depths[0] == 1 else DEPTH
    first = (DEPTH - depth) // 2
    samples = replace(boxes, images=boxes.images[:, first : first + depth])
    options = {option.name: FEW[option.name] for option in chosen.options if option.name in FEW}
    result = train(
        [samples],
        tmp_path / "m.aism",
        architecture=chosen.name,
        options=options,
        epochs=3,
        copies=4,
        batch_size=8,
        learning_rate=3e-3,
    )
    losses = [report.loss for report in result.history]
    assert losses[-1] < losses[0] - 0.02, losses
    untrained = build(chosen.name, depth, options, seed=0).get_weights()
    trained = load_model(result.path).network.get_weights()
    assert not any(np.array_equal(x, y) for x, y in zip(untrained, trained, strict=True))
