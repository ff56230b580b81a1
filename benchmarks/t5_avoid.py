"""T5: the rule "avoid" on a slice of 1024 x 1024, radius 30 pixels; the reference dilates with a disc of pixels."""

from __future__ import annotations

import numpy as np
from figure import compare
from numpy.typing import NDArray
from scipy import ndimage
from skimage.morphology import disk

from ais.interactions import Interaction, InteractionType, Rules, apply_rules

SIDE = 1024
RADIUS_PX = 30
VOXEL_SIZE_A = 10.0

RULES = Rules(interactions=(Interaction("child", "parent", InteractionType.AVOID, RADIUS_PX * VOXEL_SIZE_A, 0.5),))


def predictions() -> dict[str, NDArray[np.float32]]:
    """A child everywhere, and a parent of smooth islands over some 2 % of the whole slice."""
    rng = np.random.default_rng(0)
    hills = ndimage.gaussian_filter(rng.normal(size=(SIDE, SIDE)), 12)
    parent = 1 / (1 + np.exp(-6 * (hills / hills.std() - 2)))
    return {"child": rng.random((SIDE, SIDE), dtype=np.float32), "parent": parent.astype(np.float32)}


def avoid_plainly(values: dict[str, NDArray[np.float32]]) -> NDArray[np.float32]:
    dilated = ndimage.binary_dilation(values["parent"] >= 0.5, disk(RADIUS_PX))
    return values["child"] * (1 - dilated.astype(np.float32))


if __name__ == "__main__":
    compare(
        "T5",
        lambda values: apply_rules(values, RULES, VOXEL_SIZE_A),
        avoid_plainly,
        prepare=predictions,
        repeats=15,
        reference_repeats=5,
    )
