"""How much memory a command takes at most, in a process of its own, and large volumes that take no room on disk."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import mrcfile
import numpy as np
from numpy.typing import NDArray

MIB = 1 << 20
_COMMANDS = """
import sys
from pathlib import Path
from ais.cli.main import run

for words in sys.argv[1:]:
    assert run(words.split("\\n")) == 0, words
    status = Path("/proc/self/status").read_text()
    print("peak", next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")))
"""
# `resource` would give the peak of the process that started it, where that is larger.


def peaks_of(*commands: list[str | Path]) -> list[int]:
    """Peak memory in bytes of a process after each of some `ais` commands, which it runs one after the other.

    The first is best a small one of the same kind: then the differences are what a large volume takes beside the
    program and its libraries.
    """
    words = ["\n".join(map(str, command)) for command in commands]
    done = subprocess.run([sys.executable, "-c", _COMMANDS, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [int(line.split()[1]) * 1024 for line in done.stdout.splitlines() if line.startswith("peak ")]


def write_sparse(path: Path, shape: tuple[int, int, int], block: NDArray[Any], places: list[tuple[int, ...]]) -> None:
    """An MRC file of zeros with copies of a block at some places (z, y, x); only those take room on disk."""
    with mrcfile.new_mmap(path, shape, mrc_mode=mrcfile.utils.mode_from_dtype(block.dtype), overwrite=True) as file:
        for place in places:
            file.data[tuple(slice(at, at + size) for at, size in zip(place, block.shape, strict=True))] = block
        file.voxel_size = 10.0


def ball(radius: int, dtype: str = "uint16") -> NDArray[Any]:
    """A ball of 255 in a cube, at whose faces it is zero."""
    z, y, x = np.indices((2 * radius + 3,) * 3) - radius - 1
    distance = np.sqrt(z**2 + y**2 + x**2)
    return np.asarray(255 * np.clip(radius - distance, 0, 1), dtype)
