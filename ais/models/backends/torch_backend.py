"""Networks computed by PyTorch: the way to a GPU on Windows without WSL."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ais.models.backends.base import Backend, Compute, Device, Gpu, cpu_has_bfloat16, mixed_if_able

if TYPE_CHECKING:
    import keras

CPU_EXHAUSTED = ("allocate memory", "not enough memory")


class TorchBackend(Backend):
    """PyTorch."""

    name = "torch"
    title = "PyTorch"

    def gpus(self) -> list[Gpu]:
        """CUDA's GPUs with their compute capability, or the one of a Mac."""
        import torch

        if torch.cuda.is_available():
            return [
                Gpu(torch.cuda.get_device_name(number), mixed_if_able(torch.cuda.get_device_capability(number)))
                for number in range(torch.cuda.device_count())
            ]
        return [Gpu("Apple GPU", "float32")] if torch.backends.mps.is_available() else []

    def built_for_gpus(self) -> bool:
        """Its own word: a plain one for Windows has no CUDA."""
        import torch

        return torch.version.cuda is not None or torch.backends.mps.is_built()

    def cpu(self) -> Device:
        """The CPU; in 16 bits, 2.3 times as fast where it has instructions for them."""
        return Device("cpu", "cpu", "mixed_bfloat16" if cpu_has_bfloat16() else "float32")

    def gpu(self, wanted: tuple[int, ...]) -> Device:
        """The first of these; memory is taken only where something is computed."""
        import torch

        scope = f"cuda:{wanted[0]}" if torch.cuda.is_available() else "mps"
        return Device("gpu", scope, self.gpus()[wanted[0]].fast_dtype)

    def scope(self, device: Device) -> AbstractContextManager[object]:
        """Keras' device scope, which decides where its variables lie."""
        import keras

        scope: AbstractContextManager[object] = keras.device(device.scope)
        return scope

    def compiled(self, network: keras.Model, device: Device) -> Compute:
        """Computed layer by layer, without the record that training needs."""
        import torch

        network.eval()

        def compute(images: NDArray[np.float32]) -> NDArray[np.float32]:
            try:
                # Else products of float32 numbers would be rounded to ten bits on GPUs.
                with torch.inference_mode(), torch.backends.cudnn.flags(allow_tf32=False), self.scope(device):
                    output = network(torch.from_numpy(images).to(device.scope), training=False)
                    values: NDArray[np.float32] = output.cpu().numpy()
            except RuntimeError as error:
                if isinstance(error, torch.cuda.OutOfMemoryError):
                    torch.cuda.empty_cache()
                elif not any(words in str(error) for words in CPU_EXHAUSTED):
                    raise
                raise MemoryError(str(error)) from error
            return values

        return compute
