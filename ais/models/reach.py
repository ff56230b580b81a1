"""How far an input pixel acts on a network's output, and which image sides the network takes."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from ais.errors import AisError

if TYPE_CHECKING:
    import keras

CONVOLUTIONS = ("Conv2D", "Conv3D", "DepthwiseConv2D", "SeparableConv2D")
TRANSPOSED = ("Conv2DTranspose", "Conv3DTranspose")
POOLINGS = ("MaxPooling2D", "AveragePooling2D", "MaxPooling3D", "AveragePooling3D")
UPSAMPLINGS = ("UpSampling2D", "UpSampling3D")
PADDINGS = ("ZeroPadding2D", "ZeroPadding3D")
CROPPINGS = ("Cropping2D", "Cropping3D")
JOINING = ("Add", "Average", "Concatenate", "Maximum", "Minimum", "Multiply", "Subtract")
POINTWISE = (
    *("Activation", "BatchNormalization", "Dropout", "ELU", "GaussianNoise", "LeakyReLU", "PReLU", "ReLU"),
    *("Rescaling", "Softmax", "SpatialDropout2D", "SpatialDropout3D"),
)
PROBE_STRIDES = 256


@dataclass(frozen=True)
class Reach:
    """What of an image a network needs.

    Attributes
    ----------
    stride
        Image sides must be multiples of this, and outputs shift exactly with inputs by multiples of it.
    radius
        How far, in pixels, an input pixel can act on the output.
    """

    stride: int
    radius: int


@dataclass(frozen=True)
class _Field:
    # Sample i along an axis of an intermediate image sees the input pixels from i * step + low to i * step + high.
    axis: int
    step: Fraction
    low: Fraction
    high: Fraction

    def sampled(self, step: Fraction | int, low: Fraction | int, high: Fraction | int) -> _Field:
        """The field of an image whose sample i sees samples i * step + low to i * step + high of this one."""
        return _Field(self.axis, self.step * step, self.low + self.step * low, self.high + self.step * high)


def reach(network: keras.Model) -> Reach:
    """Stride and radius of a network, from its layers; both axes of the plane are looked at.

    Parameters
    ----------
    network
        A Keras model from (N, H, W, ...) to (N, H, W, ...).

    Raises
    ------
    AisError
        If a layer looks at the whole image, or is not known: tiles would not agree with the whole slice then. Also if
        the output is not of the size of the input.
    """
    found = [_along(network, axis) for axis in (1, 2)]
    stride = math.lcm(*(one.stride for one in found))
    side = PROBE_STRIDES * stride
    if tuple(network.compute_output_shape((1, side, side, network.input.shape[-1]))[1:3]) != (side, side):
        raise AisError(f"The network {network.name} does not give an image of the size of its input.")
    return Reach(stride, max(one.radius for one in found))


def _along(network: keras.Model, axis: int) -> Reach:
    fields: dict[int, _Field] = {id(network.input): _Field(axis, Fraction(1), Fraction(0), Fraction(0))}
    stride = Fraction(1)
    for operation in network.operations:
        if type(operation).__name__ == "InputLayer":
            continue
        given = operation.input if isinstance(operation.input, list | tuple) else [operation.input]
        field = _after(operation, [fields[id(tensor)] for tensor in given])
        fields[id(operation.output)] = field
        stride = Fraction(math.lcm(stride.numerator, field.step.numerator))
    output = fields[id(network.output)]
    if output.step != 1 or output.axis != axis:
        raise AisError(f"The network {network.name} does not give an image of the size of its input.")
    return Reach(int(stride), math.ceil(max(-output.low, output.high, Fraction(0))))


def _after(operation: Any, given: list[_Field]) -> _Field:
    kind = type(operation).__name__
    if kind in JOINING:
        if len({field.step for field in given}) > 1:
            raise AisError(f"The layer {operation.name} joins images of different sizes.")
        return replace(given[0], low=min(field.low for field in given), high=max(field.high for field in given))
    field = given[0]
    axis = field.axis - 1  # Keras counts axes without that of the batch
    if kind in POINTWISE:
        return field
    if kind in CONVOLUTIONS:
        size = (operation.kernel_size[axis] - 1) * operation.dilation_rate[axis] + 1
        return _windowed(field, size, operation.strides[axis], operation.padding)
    if kind in POOLINGS:
        return _windowed(field, operation.pool_size[axis], operation.strides[axis], operation.padding)
    if kind in TRANSPOSED:
        size, step = operation.kernel_size[axis], operation.strides[axis]
        before = max(size - step, 0) // 2 if operation.padding == "same" else 0
        return field.sampled(Fraction(1, step), Fraction(before - (size - 1), step), Fraction(before, step))
    if kind in UPSAMPLINGS:
        times = operation.size[axis]
        if getattr(operation, "interpolation", "nearest") != "nearest":
            # Keras computes these on TensorFlow only for images of a size known beforehand.
            raise AisError(f"The layer {operation.name} interpolates, which Keras does for images of one size only.")
        return field.sampled(Fraction(1, times), Fraction(1 - times, times), 0)
    if kind == "Pad":
        # What stands there, mirrored or zero, comes from no farther away than what would have stood there.
        before = operation.pad_width[field.axis][0]
        return field.sampled(1, -before, -before)
    if kind in PADDINGS:
        return field.sampled(1, -operation.padding[axis][0], -operation.padding[axis][0])
    if kind in CROPPINGS:
        return field.sampled(1, operation.cropping[axis][0], operation.cropping[axis][0])
    if kind in ("Permute", "ExpandDims", "Squeeze"):
        return replace(field, axis=_axis_after(operation, field.axis))
    raise AisError(
        f"The layer {operation.name} ({kind}) is not one of those that see a bounded part of the image: "
        "use convolutions, poolings, and what acts on each pixel."
    )


def _windowed(field: _Field, size: int, step: int, padding: str) -> _Field:
    before = max(size - step, 0) // 2 if padding == "same" else 0
    return field.sampled(step, -before, size - 1 - before)


def _axis_after(operation: Any, axis: int) -> int:
    # Where an axis is after an operation that only renames axes.
    kind, rank = type(operation).__name__, len(operation.input.shape)
    if kind == "Permute":
        return int(operation.dims.index(axis)) + 1
    moved = operation.axis % (rank + 1 if kind == "ExpandDims" else rank)
    if kind == "ExpandDims":
        return axis + 1 if moved <= axis else axis
    return axis - 1 if moved < axis else axis
