"""Networks computed by TensorFlow: the default, fast on CPUs, and with CUDA on Linux."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ais.models.backends.base import (
    Backend,
    Compute,
    Device,
    Gpu,
    cpu_has_bfloat16,
    mixed_if_able,
    silenced_stderr,
)

if TYPE_CHECKING:
    import keras


class TensorFlowBackend(Backend):
    """TensorFlow."""

    name = "tensorflow"
    title = "TensorFlow"
    environment: ClassVar[Mapping[str, str]] = {"TF_CPP_MIN_LOG_LEVEL": "3"}
    unused = frozenset({"jax", "matplotlib", "pandas", "pyarrow"})

    def gpus(self) -> list[Gpu]:
        """Its GPUs with their compute capability."""
        return [
            Gpu(str(details.get("device_name", gpu.name)), mixed_if_able(tuple(details.get("compute_capability", ()))))
            for gpu, details in _found()
        ]

    def built_for_gpus(self) -> bool:
        """Its own word."""
        import tensorflow as tf

        return bool(tf.test.is_built_with_cuda())

    def cpu(self) -> Device:
        """The CPU; in 16 bits, 2.1 times as fast where it has instructions for them."""
        _show_gpus([])
        return Device("cpu", "/CPU:0", "mixed_bfloat16" if cpu_has_bfloat16() else "float32")

    def gpu(self, wanted: tuple[int, ...]) -> Device:
        """The first of these; the others not wanted are hidden, so that no memory is taken on them."""
        found = [gpu for gpu, _ in _found()]
        restricted = _show_gpus([found[number] for number in wanted])
        return Device("gpu", "/GPU:0" if restricted else f"/GPU:{wanted[0]}", self.gpus()[wanted[0]].fast_dtype)

    def scope(self, device: Device) -> AbstractContextManager[object]:
        """TensorFlow's own device scope."""
        import tensorflow as tf

        scope: AbstractContextManager[object] = tf.device(device.scope)
        return scope

    def compiled(self, network: keras.Model, device: Device) -> Compute:
        """One trace for images of every size."""
        import tensorflow as tf

        if device.kind == "gpu" and network.compute_dtype == "float32":
            # Else products would be rounded to ten bits, and differ from those of other processors.
            tf.config.experimental.enable_tensor_float_32_execution(False)
        signature = [tf.TensorSpec((None, None, None, network.input.shape[-1]), tf.float32)]
        traced = tf.function(lambda images: network(images, training=False), input_signature=signature)
        function = traced.get_concrete_function()

        def compute(images: NDArray[np.float32]) -> NDArray[np.float32]:
            try:
                with tf.device(device.scope):
                    output: NDArray[np.float32] = function(tf.constant(images)).numpy()
            except tf.errors.ResourceExhaustedError as error:
                raise MemoryError(str(error)) from error
            return output

        return compute


def _found() -> list[tuple[Any, dict[str, Any]]]:
    import tensorflow as tf

    with silenced_stderr():  # without a driver, CUDA complains here
        gpus = tf.config.list_physical_devices("GPU")
        return [(gpu, tf.config.experimental.get_device_details(gpu)) for gpu in gpus]


def _show_gpus(gpus: list[Any]) -> bool:
    # After the first computation TensorFlow refuses to change what it sees; the device scope then decides alone.
    import tensorflow as tf

    try:
        tf.config.set_visible_devices(gpus, "GPU")
        for gpu in gpus:
            tf.config.experimental.set_memory_growth(gpu, True)
    except (RuntimeError, ValueError):
        return False
    return True
