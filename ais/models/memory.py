"""How much memory a network needs for its intermediate images."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras

PROBE_PX = 128
PROBE_SLICES = 64
SAFETY = 1.25
VOLUME_SAFETY = 1.9  # margins and doublings of volumes are made in several copies


def peak_bytes_per_pixel(network: keras.Model, slices: int = 1) -> float:
    """Bytes in use at once at the fullest moment of one forward pass, for each pixel of the plane.

    Counts, operation by operation in the order of computation, the images that a later one still needs, with a quarter
    on top for the processor's own scratch space, and more for a network that slides along z.

    Parameters
    ----------
    network
        From (N, H, W, depth), or from (N, H, W, any depth) if it slides along z.
    slices
        Slices of output computed together. One that slides along z sees its neighbours once for all of them.
    """
    import keras

    depth, batch, safety = network.input.shape[-1], slices, SAFETY
    if depth is None:
        seen = network.compute_output_shape((1, PROBE_PX, PROBE_PX, PROBE_SLICES))[-1]
        depth, batch, safety = PROBE_SLICES - seen + slices, 1, VOLUME_SAFETY
    last_use: dict[int, int] = {}
    for number, operation in enumerate(network.operations):
        for tensor in _tensors(operation.input):
            last_use[id(tensor)] = number
    shapes: dict[int, tuple[int, ...]] = {id(network.input): (batch, PROBE_PX, PROBE_PX, depth)}
    in_use: dict[int, float] = {}
    peak = 0.0
    for number, operation in enumerate(network.operations):
        made = operation.output
        if id(made) not in shapes:
            given = [keras.KerasTensor(shapes[id(tensor)], tensor.dtype) for tensor in _tensors(operation.input)]
            shapes[id(made)] = operation.compute_output_spec(given if len(given) > 1 else given[0]).shape
        in_use[id(made)] = math.prod(shapes[id(made)]) * (2.0 if made.dtype.endswith("16") else 4.0)
        peak = max(peak, sum(in_use.values()))
        in_use = {key: size for key, size in in_use.items() if last_use.get(key, -1) > number}
    return safety * peak / PROBE_PX**2


def _tensors(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]
