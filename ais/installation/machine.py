"""Processor and memory, as far as this process may use them: containers and batch jobs often have less."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterator
from pathlib import Path

from ais.installation.probes import Finding
from ais.models.backends.base import cpu_has_bfloat16

GIB = 2**30
LOW_MEMORY = 8 * GIB
NO_LIMIT = 2**60
"""Version 1 of control groups writes a number near 2^63 for none."""
FEATURES = ("sse4_2", "avx", "avx2", "fma", "avx512f", "avx512_bf16", "amx_bf16")
WINDOWS_FEATURES = {39: "avx", 40: "avx2", 41: "avx512f"}
X86 = ("x86_64", "amd64")
GROUPS = Path("/sys/fs/cgroup")


def examine_processor() -> Finding:
    """Its name, the cores that may be used, and the instructions that matter."""
    name, flags = described(_text(Path("/proc/cpuinfo")))
    if sys.platform == "win32":
        flags = _windows_features()
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    figures = {
        "cores": os.cpu_count(),
        "cores_usable": usable,
        "cpu": name or platform.processor() or None,
        "cpu_features": flags,
        "cpu_bfloat16": cpu_has_bfloat16(),
    }
    return Finding(figures, processor_advice(platform.machine(), flags))


def processor_advice(machine: str, flags: list[str] | None) -> list[str]:
    """What follows from the instructions that a processor has; None if the system does not say which."""
    if machine.lower() not in X86 or flags is None or "avx" in flags:
        return []
    return [
        "This processor, or the virtual machine around it, has no AVX instructions, without which TensorFlow crashes: "
        "let the virtual machine pass the processor through (CPU type 'host'), or use another computer."
    ]


def described(cpuinfo: str) -> tuple[str, list[str] | None]:
    """A processor's name and those of `FEATURES` that it has, from the text of /proc/cpuinfo; None if not said."""
    fields: dict[str, str] = {}
    for line in cpuinfo.splitlines():
        key, _, value = line.partition(":")
        fields.setdefault(key.strip(), value.strip())
    flags = fields.get("flags")
    found = None if flags is None else [name for name in FEATURES if name in flags.split()]
    return fields.get("model name", ""), found


def examine_memory() -> Finding:
    """Memory in GiB: ``memory`` is what this process may use."""
    total, free = _windows_memory() if sys.platform == "win32" else _memory()
    limit = memory_limit(_text(Path("/proc/self/cgroup")), GROUPS)
    usable = min((number for number in (total, limit) if number is not None), default=None)
    figures = {
        "memory": _gib(usable),
        "memory_total": _gib(total),
        "memory_free": _gib(free),
        "memory_limit": _gib(limit),
    }
    advice = []
    if usable is not None and usable < LOW_MEMORY:
        sentence = "Less than 8 GiB of memory: segment large tomograms with --batch-size 1."
        if total is not None and total >= LOW_MEMORY:
            sentence = (
                f"This container or batch job may use {_gib(usable)} of the machine's {_gib(total)} GiB of memory, "
                "and is ended beyond: ask for more (SLURM: --mem=16G, Docker: --memory 16g)."
            )
        advice.append(sentence)
    return Finding(figures, advice)


def free_memory() -> int | None:
    """Bytes that this process and others it starts can still use; None if the system does not tell."""
    _, free = _windows_memory() if sys.platform == "win32" else _memory()
    limit = memory_limit(_text(Path("/proc/self/cgroup")), GROUPS)
    return min((number for number in (free, limit) if number is not None), default=None)


def memory_limit(membership: str, groups: Path) -> int | None:
    """The smallest memory limit of the control groups of a process.

    Parameters
    ----------
    membership
        Text of /proc/self/cgroup.
    groups
        Folder in which the control groups are mounted.

    Returns
    -------
    int or None
        Bytes; None if there is no limit.
    """
    limits = [number for path in _limit_files(membership, groups) if (number := _number(path)) is not None]
    return min(limits, default=None)


def _limit_files(membership: str, groups: Path) -> Iterator[Path]:
    for line in membership.splitlines():
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if number == "0" and not controllers:
            root, name = groups, "memory.max"
        elif "memory" in controllers.split(","):
            root, name = groups / "memory", "memory.limit_in_bytes"
        else:
            continue
        parts = [part for part in path.strip().split("/") if part not in ("", "..")]
        for depth in range(len(parts), -1, -1):  # a group is bound by those above it too
            yield root.joinpath(*parts[:depth], name)


def _number(path: Path) -> int | None:
    text = _text(path).strip()
    return int(text) if text.isdecimal() and int(text) < NO_LIMIT else None


def _memory() -> tuple[int | None, int | None]:
    fields = {line.partition(":")[0]: line.split()[1:2] for line in _text(Path("/proc/meminfo")).splitlines()}
    total, free = (int(found[0]) * 1024 if (found := fields.get(key)) else None for key in ("MemTotal", "MemAvailable"))
    if total is None and hasattr(os, "sysconf"):
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return total, free


def _windows_memory() -> tuple[int | None, int | None]:
    import ctypes

    class Status(ctypes.Structure):
        _fields_ = (
            ("length", ctypes.c_uint32),
            ("load", ctypes.c_uint32),
            *((name, ctypes.c_uint64) for name in ("total", "free", "f1", "f2", "v1", "v2", "v3")),
        )

    status = Status()
    status.length = ctypes.sizeof(Status)
    if not ctypes.WinDLL("kernel32").GlobalMemoryStatusEx(ctypes.byref(status)):  # type: ignore[attr-defined,unused-ignore]
        return None, None
    return int(status.total), int(status.free)


def _windows_features() -> list[str]:
    import ctypes

    present = ctypes.WinDLL("kernel32").IsProcessorFeaturePresent  # type: ignore[attr-defined,unused-ignore]
    return [name for number, name in WINDOWS_FEATURES.items() if present(number)]


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _gib(number: int | None) -> float | None:
    return None if number is None else round(number / GIB, 1)
