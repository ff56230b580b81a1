"""Graphics cards for computing: what the machine has, what its driver says, and which piece is missing."""

from __future__ import annotations

import ctypes
import importlib.metadata
import os
import platform
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ais.installation.probes import Finding
from ais.installation.software import PIP, requirements, unfit

DEVICES = Path("/sys/bus/pci/devices")
DISPLAY_CLASS = "0x03"
MAKERS = {"0x10de": "NVIDIA", "0x1002": "AMD", "0x8086": "Intel"}
SMI_LIMIT_S = 5.0
SMI = ("nvidia-smi", "--query-gpu=name,driver_version,memory.total", "--format=csv,noheader,nounits")
MIB_PER_GIB = 1024
OLDEST_DRIVERS = {"nvidia-cuda-runtime-cu12": (525, 60), "nvidia-cuda-runtime": (580, 65)}
CONTAINERS = {
    "docker": "start it with --gpus all (and NVIDIA's container toolkit on the host)",
    "podman": "start it with --device nvidia.com/gpu=all",
    "apptainer": "start it with --nv",
}
NO_GPU = "No GPU found: networks run on the CPU, more slowly."
DRIVER_PAGE = "https://www.nvidia.com/drivers"
TORCH_PAGE = "run the command that https://pytorch.org/get-started shows for pip and CUDA"
DRIVER_COMMANDS = {
    "ubuntu": "sudo ubuntu-drivers install",
    "debian": "sudo apt-get install nvidia-driver (from non-free)",
    "fedora": "sudo dnf install akmod-nvidia xorg-x11-drv-nvidia-cuda (from RPM Fusion)",
}


@dataclass(frozen=True)
class Machine:
    """What bears on the use of graphics cards.

    Attributes
    ----------
    cards
        Makers of the graphics cards on the bus: "NVIDIA", "AMD", "Intel".
    smi
        "fine", "missing", "silent" or "failed": how NVIDIA's tool nvidia-smi answered.
    said
        What it said when it failed.
    gpus
        The GPUs it names.
    driver
        Version of NVIDIA's driver, or empty.
    has_libcuda
        Whether the driver's library for computing can be loaded.
    denied
        Device files that this user may not open.
    missing
        NVIDIA's packages that the installed TensorFlow asks for and that are not there, or of a wrong version.
    runtimes
        Those of NVIDIA's packages that decide how new the driver must be.
    hidden
        Value of CUDA_VISIBLE_DEVICES if it hides every GPU, else None.
    container
        "docker", "podman" or "apptainer", or empty.
    system
        Name of the Linux distribution, "windows", "wsl", or empty.
    """

    cards: tuple[str, ...] = ()
    smi: str = "missing"
    said: str = ""
    gpus: tuple[str, ...] = ()
    driver: str = ""
    has_libcuda: bool = False
    denied: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    runtimes: tuple[str, ...] = ()
    hidden: str | None = None
    container: str = ""
    system: str = ""


def examine_cards() -> Finding:
    """The state of graphics cards and their driver, as the fields of `Machine`."""
    smi, said, gpus, driver = ask_driver()
    found: dict[str, Any] = {
        "cards": cards_on_bus(DEVICES),
        "smi": smi,
        "said": said,
        "gpus": gpus,
        "driver": driver,
        "has_libcuda": _has_libcuda(),
        "denied": denied_devices(Path("/dev")),
        "missing": missing_packages(),
        "runtimes": [name for name in OLDEST_DRIVERS if _installed(name)],
        "hidden": hidden_by(os.environ.get("CUDA_VISIBLE_DEVICES")),
        "container": _container(),
        "system": _system(),
    }
    return Finding(found)


def machine(figures: dict[str, Any]) -> Machine:
    """The `Machine` of what `examine_cards` found."""
    values: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in figures.items()}
    return Machine(**values)


def explain(machine: Machine, backend: str, gpu_build: bool | None) -> str:
    """Why networks run on no GPU, and what to do about it, as one sentence or two.

    Parameters
    ----------
    machine
        What is there.
    backend
        "tensorflow", "torch" or "jax": what computes networks, and has found no GPU.
    gpu_build
        Whether it was built for GPUs; None if that is not known.
    """
    working = machine.smi == "fine" and machine.gpus
    if not working and "NVIDIA" not in machine.cards and machine.smi in ("missing", "fine"):
        others = [maker for maker in machine.cards if maker != "Intel"]
        return f"{NO_GPU} The {others[0]} card is not used by this version." if others else NO_GPU
    return f"{NO_GPU} {_reason(machine, backend, gpu_build)}"


def _reason(machine: Machine, backend: str, gpu_build: bool | None) -> str:
    if machine.smi != "fine" or not machine.gpus:
        return _driver_reason(machine)
    if machine.hidden is not None:
        return f"CUDA_VISIBLE_DEVICES is '{machine.hidden}', which hides all GPUs: {_unset(machine.system)}."
    name = machine.gpus[0]
    if machine.system == "windows" and backend != "torch":
        return (
            f"The {name} works, but on Windows {_title(backend)} uses no GPU: install PyTorch with CUDA "
            f"({TORCH_PAGE}) and set AIS_BACKEND=torch, or use WSL2."
        )
    if gpu_build is False:
        return f"The {name} works, but this {_title(backend)} was built without GPUs: {_build_command(backend)}."
    if not machine.has_libcuda and machine.system != "windows":
        return (
            f"The {name} works, but the driver's library for computing, libcuda.so.1, is missing: {_libcuda(machine)}."
        )
    if machine.denied:
        names = ", ".join(machine.denied)
        return f"This user may not open {names}: sudo usermod -aG video,render $USER, and log in again."
    if backend == "tensorflow" and machine.missing:
        return (
            f"The {name} works, but TensorFlow lacks {', '.join(machine.missing)}: "
            f'{PIP} install -c constraints.txt ".[gpu]"'
        )
    if needed := _newer_driver(machine):
        return f"The driver {machine.driver} is older than {needed}, which CUDA needs: {_install(machine)}."
    return (
        f"The {name} works and nothing seems to be missing, yet {_title(backend)} does not find it; this says why: "
        f"{_ask_yourself(backend)}"
    )


def _driver_reason(machine: Machine) -> str:
    if machine.smi == "silent":
        return (
            f"NVIDIA's driver does not answer (nvidia-smi, {SMI_LIMIT_S:g} s): restart the computer; if it stays so, "
            f"install the driver again: {_install(machine)}."
        )
    if machine.container:
        return f"NVIDIA's driver is not in this container: {CONTAINERS[machine.container]}."
    if "version mismatch" in machine.said.lower():
        return "NVIDIA's driver was updated while it was in use: restart the computer (sudo reboot)."
    if machine.smi == "fine" or "no devices" in machine.said.lower():
        return "NVIDIA's driver finds no GPU: in a batch job ask for one (SLURM: --gres=gpu:1), else check the card."
    if machine.smi == "missing":
        return f"There is an NVIDIA card, but no driver of NVIDIA's: {_install(machine)}."
    return (
        f"NVIDIA's driver is installed but does not run ({machine.said or 'nvidia-smi fails'}): "
        f"{_install(machine)}, then restart the computer; with Secure Boot its module must be signed."
    )


def ask_driver() -> tuple[str, str, list[str], str]:
    """What nvidia-smi says: how it answered, its words if it failed, the names of GPUs, and the driver's version."""
    try:
        done = subprocess.run(
            SMI,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=SMI_LIMIT_S,
            check=False,
        )
    except FileNotFoundError:
        return "missing", "", [], ""
    except subprocess.TimeoutExpired:
        return "silent", "", [], ""
    except OSError as error:
        return "failed", error.strerror or "", [], ""
    if done.returncode:
        return "failed", " ".join((done.stdout or done.stderr).split())[:200].rstrip("."), [], ""
    rows = [[part.strip() for part in line.split(",")] for line in done.stdout.splitlines() if line.count(",") >= 2]
    names = [f"{row[0]}, {int(row[2]) / MIB_PER_GIB:.0f} GiB" if row[2].isdecimal() else row[0] for row in rows]
    return "fine", "", names, rows[0][1] if rows else ""


def cards_on_bus(devices: Path) -> list[str]:
    """Makers of the graphics cards that the kernel lists, NVIDIA first; those of others are left out.

    Parameters
    ----------
    devices
        The folder of the PCI bus, with the files "class" and "vendor" for each device.
    """
    found = set()
    for folder in devices.glob("*"):
        try:
            if (folder / "class").read_text().startswith(DISPLAY_CLASS):
                found.add(MAKERS.get((folder / "vendor").read_text().strip(), ""))
        except OSError:
            continue
    return [maker for maker in MAKERS.values() if maker in found]


def denied_devices(folder: Path) -> list[str]:
    """NVIDIA's device files in a folder that this user may not open."""
    names = ("nvidiactl", "nvidia-uvm", "nvidia0")
    return [str(path) for name in names if (path := folder / name).exists() and not os.access(path, os.R_OK | os.W_OK)]


def missing_packages() -> list[str]:
    """NVIDIA's packages, as "name" or "name 1.0 (>=2.0)", that TensorFlow for GPUs asks for and that are not there."""
    try:
        stated = importlib.metadata.requires("tensorflow") or []
    except importlib.metadata.PackageNotFoundError:
        return []
    problems = unfit(tuple(requirements(stated, "and-cuda")))
    return [one.name if one.found is None else f"{one.name} {one.found} ({one.wanted})" for one in problems]


def hidden_by(value: str | None) -> str | None:
    """The value of CUDA_VISIBLE_DEVICES if it hides every GPU, else None."""
    return value if value is not None and value.strip().partition(",")[0] in ("", "-1", "NoDevFiles") else None


def _installed(name: str) -> bool:
    try:
        importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def _newer_driver(machine: Machine) -> str:
    numbers = tuple(int(number) for number in re.findall(r"\d+", machine.driver)[:2])
    needed = max((OLDEST_DRIVERS[name] for name in machine.runtimes), default=(0, 0))
    if not numbers or numbers >= needed or machine.system in ("windows", "wsl"):
        return ""
    return ".".join(map(str, needed))


def _install(machine: Machine) -> str:
    if machine.system in ("windows", "wsl"):
        inside = " on Windows, and none inside WSL" if machine.system == "wsl" else ""
        return f"install NVIDIA's driver from {DRIVER_PAGE}{inside}"
    return DRIVER_COMMANDS.get(machine.system, f"install NVIDIA's driver from {DRIVER_PAGE}")


def _libcuda(machine: Machine) -> str:
    if machine.container:
        return "start the container with NVIDIA_DRIVER_CAPABILITIES=compute,utility"
    if machine.system == "wsl":
        return "run sudo ldconfig /usr/lib/wsl/lib"
    if machine.system == "ubuntu":
        return f"sudo apt-get install libnvidia-compute-{machine.driver.partition('.')[0]}"
    if machine.system == "debian":
        return "sudo apt-get install libcuda1"
    return _install(machine)


def _build_command(backend: str) -> str:
    if backend == "tensorflow":
        return f'{PIP} uninstall -y tensorflow-cpu tensorflow, then {PIP} install -c constraints.txt ".[gpu]"'
    if backend == "torch":
        return f"{PIP} uninstall -y torch, then {TORCH_PAGE}"
    return f'{PIP} install "jax[cuda13]"'


def _ask_yourself(backend: str) -> str:
    lines = {
        "tensorflow": "import tensorflow as tf; print(tf.config.list_physical_devices('GPU'))",
        "torch": "import torch; torch.zeros(1).cuda()",
        "jax": "import jax; print(jax.devices('gpu'))",
    }
    return f'python -c "{lines[backend]}"'


def _title(backend: str) -> str:
    return {"tensorflow": "TensorFlow", "torch": "PyTorch", "jax": "JAX"}[backend]


def _unset(system: str) -> str:
    return "set CUDA_VISIBLE_DEVICES=" if system == "windows" else "unset CUDA_VISIBLE_DEVICES"


def _has_libcuda() -> bool:
    names = ("nvcuda.dll",) if sys.platform == "win32" else ("libcuda.so.1", "/usr/lib/wsl/lib/libcuda.so.1")
    for name in names:
        try:
            ctypes.CDLL(name)
        except OSError:
            continue
        return True
    return False


def _container() -> str:
    if os.environ.get("APPTAINER_CONTAINER") or os.environ.get("SINGULARITY_CONTAINER"):
        return "apptainer"
    if Path("/run/.containerenv").exists():
        return "podman"
    return "docker" if Path("/.dockerenv").exists() else ""


def _system() -> str:
    if sys.platform == "win32":
        return "windows"
    if "microsoft" in platform.release().lower():
        return "wsl"
    try:
        return platform.freedesktop_os_release().get("ID", "")
    except OSError:
        return ""
