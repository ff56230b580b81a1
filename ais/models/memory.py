"""How much memory a network needs for its intermediate images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import keras

PROBE_PX = 128
SAFETY = 1.25


def peak_bytes_per_pixel(network: keras.Model) -> float:
    """Bytes per pixel of the input that are in use at once at the fullest moment of one forward pass.

    Counts, layer by layer in the order of computation, the images that a later layer still needs, with a quarter
    on top for the processor's own scratch space.
    """
    layers = network.layers
    last_use: dict[int, int] = {}
    for number, layer in enumerate(layers):
        for tensor in _tensors(layer.input):
            last_use[id(tensor)] = number
    shapes: dict[int, tuple[int, ...]] = {id(network.input): (1, PROBE_PX, PROBE_PX, network.input.shape[-1])}
    in_use: dict[int, float] = {}
    peak = 0.0
    for number, layer in enumerate(layers):
        inputs = _tensors(layer.input)
        if id(layer.output) not in shapes:
            given = [shapes[id(tensor)] for tensor in inputs]
            shapes[id(layer.output)] = layer.compute_output_shape(given if len(given) > 1 else given[0])
        width = np.dtype(np.float32).itemsize if layer.compute_dtype == "float32" else 2
        in_use[id(layer.output)] = float(np.prod(shapes[id(layer.output)])) * width
        peak = max(peak, sum(in_use.values()))
        in_use = {key: size for key, size in in_use.items() if last_use.get(key, -1) > number}
    return SAFETY * peak / PROBE_PX**2


def _tensors(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]
