"""Which program computes networks, on which processor, and in which precision."""

from __future__ import annotations

import os
import re

from ais.errors import AisError
from ais.models.backends.base import Backend, Device
from ais.models.backends.jax_backend import JaxBackend
from ais.models.backends.tensorflow_backend import TensorFlowBackend
from ais.models.backends.torch_backend import TorchBackend

PRECISIONS = ("auto", "float32", "mixed")
BFLOAT16 = "mixed_bfloat16"
BACKENDS: tuple[Backend, ...] = (TensorFlowBackend(), TorchBackend(), JaxBackend())
VARIABLE = "AIS_BACKEND"


def chosen_backend() -> Backend:
    """The backend that the environment variable AIS_BACKEND names, by default TensorFlow; it is not loaded yet.

    Raises
    ------
    AisError
        If there is none of that name.
    """
    name = os.environ.get(VARIABLE) or BACKENDS[0].name
    for backend in BACKENDS:
        if backend.name == name.strip().lower():
            return backend
    known = ", ".join(backend.name for backend in BACKENDS)
    raise AisError(f"{VARIABLE} is '{name}', which Ais does not know: set it to one of {known}.")


def load_backend() -> Backend:
    """The chosen backend, loaded, so that Keras can be used.

    Raises
    ------
    AisError
        As `chosen_backend`, or if it is not installed or does not start.
    """
    backend = chosen_backend()
    backend.load()
    return backend


def check_can_train() -> None:
    """AisError unless the chosen backend can train networks; all can segment."""
    backend = chosen_backend()
    if backend.name != BACKENDS[0].name:
        raise AisError(
            f"Networks are trained with {BACKENDS[0].title} only, and {VARIABLE} is {backend.name}: "
            "train without it; the model then segments on every backend."
        )


def start(device: str = "auto") -> Device:
    """Load the chosen backend and choose the processor.

    Parameters
    ----------
    device
        ``"auto"`` (a GPU where there is one), ``"cpu"``, ``"gpu"``, or ``"gpu:0,1"``.

    Raises
    ------
    AisError
        If the device is not one of these, a GPU is asked for where there is none, or the backend does not start.
    """
    kind, wanted = parse_device(device)
    backend = load_backend()
    if kind == "cpu":
        return backend.cpu()
    count = len(backend.gpus())
    if not count:
        if kind == "gpu":
            raise AisError(f"A GPU was asked for but {backend.title} finds none: use --device cpu, or see ais doctor.")
        return backend.cpu()
    for number in wanted:
        if number >= count:
            raise AisError(f"GPU {number} was asked for but {backend.title} finds {count}, counted from 0.")
    return backend.gpu(wanted or tuple(range(count)))


def parse_device(device: str) -> tuple[str, tuple[int, ...]]:
    """The kind (auto, cpu, gpu) and the GPU numbers of a ``--device`` value; AisError for anything else."""
    match = re.fullmatch(r"(auto|cpu|gpu)|gpu:(\d{1,3}(?:,\d{1,3})*)", device)
    if match is None:
        raise AisError(f"'{device}' is not a device: use auto, cpu, gpu, or gpu:0,1.")
    if match[1]:
        return match[1], ()
    return "gpu", tuple(int(number) for number in match[2].split(","))


def compute_dtype(precision: str, device: Device, *, training: bool = False) -> str:
    """The Keras policy (``float32``, ``mixed_bfloat16``, ``mixed_float16``) for a ``--precision`` value.

    ``auto`` segments in 16 bits where the processor gains by it. It trains in bfloat16 where the processor gains by
    that, since nothing was lost by it over five seeds and several features (docs/explanation/training.md); float16,
    which has a smaller range, has not been shown to lose nothing, so ``auto`` trains in float32 there. ``mixed`` is 16
    bits on any processor. Weights are float32 in every case.
    """
    if precision not in PRECISIONS:
        raise AisError(f"'{precision}' is not a precision: use {', '.join(PRECISIONS)}.")
    if precision == "float32":
        return "float32"
    if precision == "mixed":
        return "mixed_float16" if device.kind == "gpu" else BFLOAT16
    return "float32" if training and device.fast_dtype != BFLOAT16 else device.fast_dtype
