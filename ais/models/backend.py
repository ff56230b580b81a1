"""Starting TensorFlow: which processor computes, in which precision, and without its log lines on the screen."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ais.errors import AisError

PRECISIONS = ("auto", "float32", "mixed")
BFLOAT16_FLAGS = ("avx512_bf16", "amx_bf16")
TENSOR_CORES_FROM = (7, 0)


@dataclass(frozen=True)
class Device:
    """The processor that computes.

    Attributes
    ----------
    kind
        ``"cpu"`` or ``"gpu"``.
    scope
        TensorFlow's name of it, such as ``"/GPU:0"``.
    fast_dtype
        The 16-bit policy that this processor computes faster than float32 without harm, else ``"float32"``.
    """

    kind: str
    scope: str
    fast_dtype: str


def start(device: str = "auto", threads: int | None = None) -> Device:
    """Import TensorFlow, once per process, and choose the processor.

    Parameters
    ----------
    device
        ``"auto"`` (a GPU where there is one), ``"cpu"``, ``"gpu"``, or ``"gpu:0,1"``.
    threads
        Processor threads to use; by default all. Only the first call in a process can set it.

    Raises
    ------
    AisError
        If the device is not one of these, a GPU is asked for where there is none, or TensorFlow is missing.
    """
    kind, wanted = parse_device(device)
    tf = import_tensorflow()
    if threads is not None:
        _limit_threads(tf, threads)
    if kind == "cpu":
        _show_gpus(tf, [])
        return _cpu()
    with _silenced_stderr():  # without a driver, CUDA complains here
        gpus = tf.config.list_physical_devices("GPU")
    if not gpus:
        if kind == "gpu":
            raise AisError("A GPU was asked for but TensorFlow finds none: use --device cpu, or see ais doctor.")
        return _cpu()
    for index in wanted:
        if index >= len(gpus):
            raise AisError(f"GPU {index} was asked for but there are {len(gpus)}, counted from 0.")
    chosen = [gpus[index] for index in wanted] or gpus
    restricted = _show_gpus(tf, chosen)
    scope = "/GPU:0" if restricted or not wanted else f"/GPU:{wanted[0]}"
    capability = tf.config.experimental.get_device_details(chosen[0]).get("compute_capability", (0, 0))
    return Device("gpu", scope, "mixed_float16" if tuple(capability) >= TENSOR_CORES_FROM else "float32")


def gpu_names() -> list[str]:
    """Names of the GPUs that TensorFlow finds.

    Raises
    ------
    AisError
        If TensorFlow does not start.
    """
    tf = import_tensorflow()
    found = tf.config.list_physical_devices("GPU")
    return [str(tf.config.experimental.get_device_details(gpu).get("device_name", gpu.name)) for gpu in found]


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

    ``auto`` segments in 16 bits where the processor gains by it, and trains in float32, since 16-bit training has not
    been shown to lose nothing. ``mixed`` is 16 bits on any processor. Weights are float32 in every case.
    """
    if precision not in PRECISIONS:
        raise AisError(f"'{precision}' is not a precision: use {', '.join(PRECISIONS)}.")
    if precision == "float32":
        return "float32"
    if precision == "mixed":
        return "mixed_float16" if device.kind == "gpu" else "mixed_bfloat16"
    return "float32" if training else device.fast_dtype


def import_tensorflow() -> Any:
    """TensorFlow, imported with its start-up messages silenced."""
    if "tensorflow" in sys.modules:
        return sys.modules["tensorflow"]
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    try:
        with _silenced_stderr():
            import keras  # noqa: F401  (belongs to the start-up and writes the same lines)
            import tensorflow as tf
    except ImportError as error:
        raise AisError(f"TensorFlow cannot be loaded ({error}): see ais doctor for what is missing.") from error
    return tf


@contextmanager
def _silenced_stderr() -> Iterator[None]:
    # The lines that TensorFlow writes while it loads come before it reads its own log level.
    try:
        kept = os.dup(2)
    except OSError:
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def _cpu() -> Device:
    return Device("cpu", "/CPU:0", "mixed_bfloat16" if _cpu_has_bfloat16() else "float32")


def _cpu_has_bfloat16() -> bool:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return any(flag in text for flag in BFLOAT16_FLAGS)


def _show_gpus(tf: Any, gpus: list[Any]) -> bool:
    # After the first computation TensorFlow refuses to change what it sees; the device scope then decides alone.
    try:
        tf.config.set_visible_devices(gpus, "GPU")
        for gpu in gpus:
            tf.config.experimental.set_memory_growth(gpu, True)
    except (RuntimeError, ValueError):
        return False
    return True


def _limit_threads(tf: Any, threads: int) -> None:
    if threads < 1:
        raise AisError(f"{threads} is not a number of threads: use 1 or more.")
    try:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(min(threads, 2))
    except RuntimeError:
        return  # TensorFlow has already computed something and keeps its threads
