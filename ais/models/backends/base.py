"""What Ais asks of a program that computes networks: start, GPUs, a network as a function, and where it runs."""

from __future__ import annotations

import gc
import importlib
import importlib.util
import os
import sys
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ais.errors import AisError

if TYPE_CHECKING:
    import keras

BFLOAT16_FLAGS = ("avx512_bf16", "amx_bf16")
TENSOR_CORES_FROM = (7, 0)
SILENCING = threading.RLock()  # two threads at once would restore each other's silence
Compute = Callable[[NDArray[np.float32]], NDArray[np.float32]]


@dataclass(frozen=True)
class Device:
    """The processor that computes.

    Attributes
    ----------
    kind
        ``"cpu"`` or ``"gpu"``.
    scope
        The backend's name of it, such as TensorFlow's ``"/GPU:0"``.
    fast_dtype
        The 16-bit policy that this processor computes faster than float32 without harm, else ``"float32"``.
    """

    kind: str
    scope: str
    fast_dtype: str


@dataclass(frozen=True)
class Gpu:
    """A GPU that a backend can use: its name for people, and its `Device.fast_dtype`."""

    name: str
    fast_dtype: str


class Backend(ABC):
    """One of Keras' backends; it holds no state, the process does.

    Attributes
    ----------
    name
        As Keras calls it, and as typed: ``"tensorflow"``, ``"jax"``, or ``"torch"``.
    title
        As written in sentences.
    compiles_each_size
        Whether the first image of each size costs seconds, so that few sizes should be asked for.
    environment
        Settings that it reads when it is loaded; what the user has set goes before them.
    unused
        Packages that it, or Keras, loads where they are installed, for functions that Ais does not call.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    compiles_each_size: ClassVar[bool] = False
    environment: ClassVar[Mapping[str, str]] = {}
    unused: ClassVar[frozenset[str]] = frozenset()

    def load(self) -> None:
        """Import it and Keras, once per process, without their start-up messages.

        Raises
        ------
        AisError
            If it is not installed or does not start, or Keras runs on another backend in this process already.
        """
        if "keras" not in sys.modules:
            self._import_first()
        import keras  # where another thread is at it, this waits

        running = keras.backend.backend()
        if running != self.name:
            raise AisError(
                f"Keras runs on {running} in this process already: set AIS_BACKEND={running}, "
                f"or use {self.title} in a new process."
            )

    @property
    def installed(self) -> bool:
        """Whether it can be found; it is not loaded for that."""
        return importlib.util.find_spec(self.name) is not None

    @abstractmethod
    def gpus(self) -> list[Gpu]:
        """The GPUs that it finds, in its own order."""

    @abstractmethod
    def built_for_gpus(self) -> bool:
        """Whether what is installed of it can use NVIDIA's or Apple's GPUs at all; only once it is loaded."""

    @abstractmethod
    def cpu(self) -> Device:
        """The CPU, and no GPU from here on."""

    @abstractmethod
    def gpu(self, wanted: tuple[int, ...]) -> Device:
        """The first of the GPUs with these numbers; the others of them remain visible, the rest need not."""

    @abstractmethod
    def scope(self, device: Device) -> AbstractContextManager[object]:
        """A context in which networks are built on, and computed by, a device."""

    @abstractmethod
    def compiled(self, network: keras.Model, device: Device) -> Compute:
        """A network as a function for segmenting.

        Parameters
        ----------
        network
            From (N, H, W, D) to (N, H, W, outputs); its weights are taken as they are now.
        device
            Where it has been built.

        Returns
        -------
        callable
            From a float32 array to a float32 array of those shapes. It raises MemoryError, whatever the backend,
            where the device's memory does not suffice.
        """

    def _import_first(self) -> None:
        if not self.installed:
            raise AisError(f"{self.title} is not installed: pip install {self.name}, or set AIS_BACKEND to another.")
        for name, value in self.environment.items():
            os.environ.setdefault(name, value)
        os.environ["KERAS_BACKEND"] = self.name
        try:
            with quick_import(self.unused):
                importlib.import_module(self.name)
                keras = importlib.import_module("keras")
        except ImportError as error:
            raise AisError(f"{self.title} cannot be loaded ({error}): see ais doctor for what is missing.") from error
        # A settings file of Keras' own in the user's home may say otherwise.
        keras.config.set_floatx("float32")
        keras.config.set_image_data_format("channels_last")


def mixed_if_able(capability: tuple[int, ...]) -> str:
    """The fast policy of a CUDA GPU of a compute capability such as (8, 6)."""
    return "mixed_float16" if capability >= TENSOR_CORES_FROM else "float32"


def cpu_has_bfloat16() -> bool:
    """Whether this CPU multiplies bfloat16 numbers in hardware; False where the system does not say."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return any(flag in text for flag in BFLOAT16_FLAGS)


@contextmanager
def quick_import(unused: frozenset[str]) -> Iterator[None]:
    """A context in which large packages are imported quickly and silently.

    Parameters
    ----------
    unused
        Packages that are taken for missing, by this thread only.
    """
    # More than half of the time would go into searching thousands of new objects for garbage, and into packages that
    # the imported one can do without.
    with silenced_stderr():
        collecting = gc.isenabled()
        absent = _Absent(unused, threading.get_ident())
        gc.disable()
        sys.meta_path.insert(0, absent)
        try:
            yield
        finally:
            sys.meta_path.remove(absent)
            gc.freeze()  # what has been imported stays, and need not be searched later either
            if collecting:
                gc.enable()


class _Absent:
    """An import hook to which certain packages do not exist."""

    def __init__(self, packages: frozenset[str], thread: int) -> None:
        self._packages = packages
        self._thread = thread

    def find_spec(self, name: str, *_: Any) -> None:
        if threading.get_ident() == self._thread and name.partition(".")[0] in self._packages:
            raise ModuleNotFoundError(f"No module named '{name}'", name=name)


@contextmanager
def silenced_stderr() -> Iterator[None]:
    """A context in which nothing reaches the process's standard error, not even from compiled code."""
    # The lines that TensorFlow writes while it loads come before it reads its own log level.
    with SILENCING:
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
