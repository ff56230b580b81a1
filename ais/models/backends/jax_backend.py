"""Networks computed by JAX: on CPUs everywhere, with CUDA on Linux."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ais.models.backends.base import Backend, Compute, Device, Gpu, mixed_if_able

if TYPE_CHECKING:
    import keras

PLUGINS = ("jax_cuda12_plugin", "jax_cuda13_plugin")
EXHAUSTED = ("RESOURCE_EXHAUSTED", "Out of memory")


class JaxBackend(Backend):
    """JAX."""

    name = "jax"
    title = "JAX"
    compiles_each_size = True
    environment: ClassVar[Mapping[str, str]] = {"XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
    unused = frozenset({"matplotlib", "pandas", "pyarrow"})

    def gpus(self) -> list[Gpu]:
        """Its GPUs with their compute capability."""
        return [Gpu(gpu.device_kind, mixed_if_able(_capability(gpu))) for gpu in _found()]

    def built_for_gpus(self) -> bool:
        """Whether one of its plugins for CUDA is there."""
        return any(importlib.util.find_spec(name) for name in PLUGINS)

    def cpu(self) -> Device:
        """The CPU; it gains nothing by 16 bits (measured with version 0.10)."""
        return Device("cpu", "cpu:0", "float32")

    def gpu(self, wanted: tuple[int, ...]) -> Device:
        """The first of these; memory is taken only where something is computed."""
        return Device("gpu", f"gpu:{wanted[0]}", self.gpus()[wanted[0]].fast_dtype)

    def scope(self, device: Device) -> AbstractContextManager[object]:
        """JAX's default device."""
        import jax

        kind, _, number = device.scope.partition(":")
        chosen = jax.local_devices(backend="cpu")[0] if kind == "cpu" else _found()[int(number)]
        scope: AbstractContextManager[object] = jax.default_device(chosen)
        return scope

    def compiled(self, network: keras.Model, device: Device) -> Compute:
        """One program for each size of image, made when it first comes."""
        import jax

        weights = [[variable.value for variable in network.trainable_variables]]
        weights.append([variable.value for variable in network.non_trainable_variables])

        def computed(trained: list[Any], others: list[Any], images: Any) -> Any:
            # Else GPUs would round products of float32 numbers to ten bits.
            with jax.default_matmul_precision("highest"):
                output, _ = network.stateless_call(trained, others, images, training=False)
            return output

        function = jax.jit(computed)

        def compute(images: NDArray[np.float32]) -> NDArray[np.float32]:
            try:
                with self.scope(device):
                    return np.asarray(function(*weights, images))
            except jax.errors.JaxRuntimeError as error:
                if any(word in str(error) for word in EXHAUSTED):
                    raise MemoryError(str(error)) from error
                raise

        return compute


def _found() -> list[Any]:
    import jax

    return [found for found in jax.local_devices() if found.platform == "gpu"]


def _capability(gpu: Any) -> tuple[int, ...]:
    numbers = str(getattr(gpu, "compute_capability", "")).split(".")
    return tuple(int(number) for number in numbers if number.isdecimal())
