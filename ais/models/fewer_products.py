"""The same network with fewer multiplications, for segmenting: doubling and convolving an image become one step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import keras

# Of the three weights of a kernel along one side, which ones each of the four weights of the new kernel adds up.
WEIGHTS_ADDED = np.array([[0, 0, 1], [0, 1, 1], [1, 1, 0], [1, 0, 0]], np.float32)


def with_fewer_products(network: keras.Model) -> keras.Model:
    """A network that computes the same, where possible with fewer multiplications; it is not meant to be trained.

    A 3 x 3 kernel on an image whose pixels have been doubled multiplies each pixel of the small image by up to four of
    its weights in turn. With these added up before, the image need not be doubled: four products are left of nine.
    Of channels that are joined with others before, as in a U-Net, these alone are treated so.

    Parameters
    ----------
    network
        A Keras model of layers with their weights.

    Returns
    -------
    keras.Model
        Equal up to rounding, with the same layers where nothing can be gained.
    """
    import keras

    makers = {id(operation.output): operation for operation in network.operations}
    replaced: dict[int, Any] = {}
    for operation in network.operations:
        given = operation.input
        several = isinstance(given, list | tuple)
        if _can_be_split(operation, makers):
            replaced[id(operation.output)] = _split(operation, makers, replaced)
        elif any(id(tensor) in replaced for tensor in (given if several else [given])):
            now = [replaced.get(id(tensor), tensor) for tensor in (given if several else [given])]
            replaced[id(operation.output)] = operation(now if several else now[0])
    output = network.output
    return keras.Model(network.input, replaced.get(id(output), output), name=network.name)


def _can_be_split(operation: Any, makers: dict[int, Any]) -> bool:
    import keras

    return (
        type(operation) is keras.layers.Conv2D
        and operation.kernel_size == (3, 3)
        and operation.strides == (1, 1)
        and operation.dilation_rate == (1, 1)
        and operation.groups == 1
        and operation.padding == "same"
        and any(_doubles(makers[id(part)]) for part in _joined_parts(operation, makers))
    )


def _joined_parts(operation: Any, makers: dict[int, Any]) -> list[Any]:
    maker = makers[id(operation.input)]
    joins = type(maker).__name__ == "Concatenate" and maker.axis in (-1, 3)
    return list(maker.input) if joins else [operation.input]


def _doubles(operation: Any) -> bool:
    import keras

    return (
        type(operation) is keras.layers.UpSampling2D
        and operation.size == (2, 2)
        and operation.interpolation == "nearest"
    )


def _split(layer: Any, makers: dict[int, Any], replaced: dict[int, Any]) -> Any:
    # The convolution of the doubled parts at their small size, and of the others as it was, added up.
    import keras

    kernel, *bias = layer.get_weights()
    parts = _joined_parts(layer, makers)
    kernels = np.split(kernel, np.cumsum([part.shape[-1] for part in parts])[:-1], axis=2)
    small, small_kernels, others, other_kernels = [], [], [], []
    for part, own_kernel in zip(parts, kernels, strict=True):
        maker = makers[id(part)]
        if _doubles(maker):
            small.append(replaced.get(id(maker.input), maker.input))
            small_kernels.append(own_kernel)
        else:
            others.append(replaced.get(id(part), part))
            other_kernels.append(own_kernel)
    added = np.concatenate(small_kernels, axis=2)
    added = np.einsum("ai,bj,ijcf->abfc", WEIGHTS_ADDED, WEIGHTS_ADDED, added, optimize=True)
    settings = {"padding": "same", "kernel_initializer": "zeros", "dtype": layer.dtype_policy}
    biased = bool(bias) and not others
    name = f"{layer.name}_doubled"
    doubled = keras.layers.Conv2DTranspose(layer.filters, 4, strides=2, use_bias=biased, name=name, **settings)
    x = doubled(_one(small))
    doubled.set_weights([added, *bias] if biased else [added])
    if others:
        # The bias goes here, where TensorFlow adds bias and sum in one step with the convolution.
        name = f"{layer.name}_beside"
        beside = keras.layers.Conv2D(layer.filters, 3, use_bias=bool(bias), name=name, **settings)
        x = keras.layers.Add(dtype=layer.dtype_policy)([beside(_one(others)), x])
        beside.set_weights([np.concatenate(other_kernels, axis=2), *bias])
    return keras.layers.Activation(layer.activation, dtype=layer.dtype_policy)(x)


def _one(parts: list[Any]) -> Any:
    import keras

    return parts[0] if len(parts) == 1 else keras.layers.Concatenate(dtype=parts[0].dtype)(parts)
