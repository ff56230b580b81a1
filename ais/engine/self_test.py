"""The task that shows whether networks can be computed: one small convolution, compared with NumPy."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from ais.engine.context import TaskContext
from ais.errors import AisError

SIDE_PX = 64
CHANNELS = 8
TOLERANCE = {"float32": 1e-4, "mixed_float16": 5e-3, "mixed_bfloat16": 3e-2}
"""Largest difference allowed, of probabilities from 0 to 1."""


def self_test(_arguments: Mapping[str, Any], context: TaskContext) -> dict[str, Any]:
    """Start the backend and compute a convolution with rectifier, and the probability of each pixel.

    Returns
    -------
    dict
        ``backend``; ``device`` (cpu or gpu); ``precision`` (the Keras policy used); ``error`` (largest difference from
        NumPy's float64 result, of probabilities); ``start_seconds`` and ``seconds`` (the backend's start, and
        building and computing).

    Raises
    ------
    AisError
        If the backend does not start, or the result is wrong.
    """
    from ais.models import Layers
    from ais.models.backend import chosen_backend, compute_dtype

    context.report(0, 2, "Starting the backend")
    began = time.monotonic()
    device = context.device()
    backend = chosen_backend()
    precision = compute_dtype("auto", device)
    context.report(1, 2, "Computing a convolution")
    ready = time.monotonic()
    picture = np.random.default_rng(0).normal(0, 1, (SIDE_PX, SIDE_PX)).astype(np.float32)
    with backend.scope(device):
        layers = Layers(precision, seed=1)
        image = layers.image(1)
        network = layers.model(image, layers.conv(image, CHANNELS), "self-test")
        found = backend.compiled(network, device)(picture[None, :, :, None])[0, :, :, 0]
    seconds = time.monotonic() - ready
    error = float(np.abs(found - convolved(picture, network.get_weights())).max())
    if not error <= TOLERANCE[precision]:
        raise AisError(
            f"{backend.title} computes wrongly on this {device.kind.upper()} (off by {error:.2g}): "
            "install its latest version, or set AIS_BACKEND to another."
        )
    context.report(2, 2, "")
    return {
        "backend": backend.name,
        "device": device.kind,
        "precision": precision,
        "error": error,
        "start_seconds": ready - began,
        "seconds": seconds,
    }


def convolved(picture: NDArray[np.float32], weights: list[NDArray[np.float32]]) -> NDArray[np.float64]:
    """What the network of the self-test must give, by NumPy in float64.

    Parameters
    ----------
    picture
        (ny, nx).
    weights
        (3, 3, 1, C) and (C,) of the convolution, (1, 1, C, 1) and (1,) of the sum that makes a probability.

    Returns
    -------
    ndarray
        (ny, nx), 0 to 1.
    """
    kernel, offset, mixing, level = (part.astype(np.float64) for part in weights)
    around = sliding_window_view(np.pad(picture.astype(np.float64), 1), (3, 3))
    channels = np.maximum(np.einsum("yxij,ijc->yxc", around, kernel[:, :, 0]) + offset, 0)
    probabilities: NDArray[np.float64] = 1 / (1 + np.exp(-(channels @ mixing[0, 0, :, 0] + level[0])))
    return probabilities
