"""A small picture that shows what a model finds."""

from __future__ import annotations

import io
import itertools

import numpy as np

from ais.models.colours import feature_colours
from ais.models.file import Model
from ais.training.samples import Samples
from ais.training.sampling import Indices

EXAMPLES = 3
SCALE = 2
CONTRAST_PERCENTILES = (1, 99)
OVERLAY = 0.6


def training_preview(model: Model, samples: Samples) -> bytes:
    """A PNG with three training samples above, and with the model's output laid over them below.

    Parameters
    ----------
    model
        A trained model; the features that it finds get different colours, the first of them its own.
    samples
        What it was trained on.
    """
    from PIL import Image

    images = samples.images[_chosen(samples)]
    found = np.asarray(model.network(images))[..., -samples.features :]
    middle = images[..., images.shape[3] // 2]
    low, high = np.percentile(middle, CONTRAST_PERCENTILES)
    grey = np.clip((middle - low) / max(high - low, 1e-6), 0, 1)[..., None].repeat(3, axis=3)
    share = OVERLAY * found
    painted = share @ np.array(feature_colours(model.info.colour, samples.features))
    coloured = grey * (1 - share.sum(axis=3, keepdims=True)) + painted
    rows = [np.concatenate(list(row[:, ::-1]), axis=1) for row in (grey, coloured)]
    picture = Image.fromarray((np.concatenate(rows) * 255).round().astype(np.uint8))
    memory = io.BytesIO()
    picture.resize((picture.width * SCALE, picture.height * SCALE), Image.Resampling.NEAREST).save(memory, "PNG")
    return memory.getvalue()


def _chosen(samples: Samples) -> Indices:
    # Of each feature in turn.
    chosen = [
        kind[len(kind) * place // EXAMPLES]
        for place, kind in zip(range(EXAMPLES), itertools.cycle(samples.positives), strict=False)
    ]
    return np.array(list(dict.fromkeys(chosen)))
