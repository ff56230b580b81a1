"""`ais doctor`: the state of the installation."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import sys
from pathlib import Path
from typing import Any

from ais import __version__
from ais.cli.opengl import find_opengl
from ais.cli.options import Json
from ais.cli.terminal import show, show_json
from ais.errors import AisError

BACKENDS = ("tensorflow", "torch", "jax")
PARTS = ("keras", "numpy", "scipy", "scikit-image", "vtk", "mrcfile", "tifffile", "imgui-bundle", "glfw", "PyOpenGL")
OPTIONAL = {"dask": "ais[cluster]"}
GPU_ADVICE = (
    "On Linux with an NVIDIA GPU: ais[gpu].",
    "On Windows with an NVIDIA GPU: install PyTorch with CUDA and set AIS_BACKEND=torch.",
)
LOW_MEMORY = 8 << 30
LOW_DISK = 10 << 30


def run(json: Json = False) -> int:
    """Say what the installation consists of and what is missing: Python, backend, GPU, screen, memory, disk.

    The backend is what computes networks; the environment variable AIS_BACKEND chooses tensorflow (the default), torch
    or jax.
    """
    state = examine()
    if json:
        show_json(state)
        return 0
    for key, value in state.items():
        if key != "advice":
            show(f"{key:>12}  {value if value not in (None, []) else '-'}")
    for sentence in state["advice"]:
        show(f"{'advice':>12}  {sentence}")
    return 0


def examine() -> dict[str, Any]:
    """What `ais doctor` reports; sizes in GiB."""
    versions = {name: _version(name) for name in (*BACKENDS, *PARTS, *OPTIONAL)}
    computing = _computing()
    opengl = find_opengl()
    memory = _memory_bytes()
    disk = shutil.disk_usage(Path.cwd()).free
    advice = [f"{name} is missing: install Ais again." for name in PARTS if versions[name] is None]
    advice += [f"{name} is not installed: {extra} brings it." for name, extra in OPTIONAL.items() if not versions[name]]
    if failure := computing.pop("failure"):
        advice.append(failure)
    elif not computing["gpus"]:
        advice.append(f"No GPU found: networks run on the CPU, more slowly. {GPU_ADVICE[sys.platform == 'win32']}")
    if opengl.advice:
        advice.append(opengl.advice)
    if memory is not None and memory < LOW_MEMORY:
        advice.append("Less than 8 GiB of memory: segment large tomograms with --batch-size 1.")
    if disk < LOW_DISK:
        advice.append("Less than 10 GiB free on this disk.")
    return {
        "ais": __version__,
        "python": platform.python_version(),
        "system": platform.platform(),
        "cores": os.cpu_count(),
        "memory": None if memory is None else round(memory / 2**30, 1),
        "disk_free": round(disk / 2**30, 1),
        **versions,
        **computing,
        "opengl": opengl.text or None,
        "advice": advice,
    }


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _computing() -> dict[str, Any]:
    # What computes networks: backend, its GPUs, whether the CPU has bfloat16, and what --precision auto segments in.
    from ais.models.backend import chosen_backend, start
    from ais.models.backends.base import cpu_has_bfloat16

    state: dict[str, Any] = {
        "backend": None,
        "gpus": [],
        "cpu_bfloat16": cpu_has_bfloat16(),
        "precision": None,
        "failure": "",
    }
    try:
        backend = chosen_backend()
        state["backend"] = backend.name
        device = start()
        state["gpus"] = [gpu.name for gpu in backend.gpus()]
    except AisError as error:
        return state | {"failure": str(error)}
    return state | {"precision": device.fast_dtype}


def _memory_bytes() -> int | None:
    if sys.platform == "win32" or not hasattr(os, "sysconf"):
        return None
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
