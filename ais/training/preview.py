"""A small picture that shows what a model finds."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray

from ais.models.file import Model

EXAMPLES = 3
SCALE = 2
CONTRAST_PERCENTILES = (1, 99)
OVERLAY = 0.6


def training_preview(model: Model, images: NDArray[np.float32], positives: NDArray[np.intp]) -> bytes:
    """A PNG with three training samples above, and with the model's output laid over them below.

    Parameters
    ----------
    model
        A trained model.
    images
        (N, S, S, D) normalised samples.
    positives
        Indices of those that show the feature.
    """
    from PIL import Image

    chosen = positives[np.linspace(0, len(positives) - 1, min(EXAMPLES, len(positives))).astype(int)]
    found = np.asarray(model.network(images[chosen]))[..., 0]
    middle = images[chosen][..., images.shape[3] // 2]
    low, high = np.percentile(middle, CONTRAST_PERCENTILES)
    grey = np.clip((middle - low) / max(high - low, 1e-6), 0, 1)[..., None].repeat(3, axis=3)
    share = OVERLAY * found[..., None]
    coloured = grey * (1 - share) + np.asarray(model.info.colour) * share
    rows = [np.concatenate(list(row[:, ::-1]), axis=1) for row in (grey, coloured)]
    picture = Image.fromarray((np.concatenate(rows) * 255).round().astype(np.uint8))
    memory = io.BytesIO()
    picture.resize((picture.width * SCALE, picture.height * SCALE), Image.Resampling.NEAREST).save(memory, "PNG")
    return memory.getvalue()
