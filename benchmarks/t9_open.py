"""T9: open a tomogram of 4 GiB and have its middle slice with limits of contrast, the file not in the system's cache.

The reference does what the published program does in the window's thread: it reads the volume and sorts its values.
That is timed on a sixteenth of the slices, and multiplied by 16. Further lines: limits and histogram of the whole
tomogram, one step to a slice not read ahead, and the first picture across the slices of a volume of 600 MiB.
"""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
from figure import Figure, compare, report

from ais.formats.mrc import MrcWriter
from ais.gui.contrast import automatic_limits, measure
from ais.gui.slice_reader import SliceReader, SliceRequest
from ais.tomogram import Tomogram

SHAPE = (1024, 1024, 1024)
SMALLER = (300, 1024, 1024)
PART = 16


def written(path: Path, shape: tuple[int, int, int], dtype: str) -> Path:
    """A file of noise; each slice is another one, shifted."""
    noise = (np.random.default_rng(0).normal(size=shape[1:]) * 1000).astype(dtype)
    with MrcWriter(path, shape, dtype, voxel_sizes=(10.0, 10.0, 10.0)) as writer:
        for z in range(shape[0]):
            writer.write(np.roll(noise, z, axis=1)[np.newaxis])
    return path


def forget(path: Path) -> Path:
    """Let the system write the file out and drop it from its cache, where it can be asked to."""
    file = os.open(path, os.O_RDONLY)
    os.fsync(file)
    if hasattr(os, "posix_fadvise"):
        os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(file)
    return path


def picture(reader: SliceReader, came: threading.Event, request: SliceRequest) -> np.ndarray:
    reader.request(request)
    while reader.waiting(request.plane):
        came.wait(1.0)
        came.clear()
    newest = reader.newest(request.plane)
    assert newest is not None
    return newest[1]


def opened(path: Path) -> None:
    came = threading.Event()
    with Tomogram.open(path) as tomogram:
        reader = SliceReader(tomogram, came.set)
        automatic_limits(picture(reader, came, SliceRequest("xy", tomogram.shape[0] // 2)))
        reader.close()


def first_across(path: Path) -> None:
    came = threading.Event()
    with Tomogram.open(path) as tomogram:
        reader = SliceReader(tomogram, came.set)
        picture(reader, came, SliceRequest("yz", tomogram.shape[2] // 2))
        reader.close()


def read_and_sorted(path: Path) -> None:
    with Tomogram.open(path) as tomogram:
        values = np.sort(tomogram.slab(0, tomogram.shape[0] // PART), axis=None)
        np.percentile(values, [0.35, 99.65])


def measured(path: Path) -> None:
    with Tomogram.open(path) as tomogram:
        measure(tomogram)


def scaled(id: str, call: Callable[[Path], None], path: Path) -> None:
    figure = compare(
        f"{id} (reference: a sixteenth)",
        call,
        read_and_sorted,
        prepare=lambda: forget(path),
        repeats=5,
        reference_repeats=1,
    )
    assert figure.reference is not None
    report(Figure(f"{id} (reference: scaled)", figure.ours, figure.reference * PART))


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        large = written(Path(folder) / "large.mrc", SHAPE, "float32")
        scaled("T9 open 4 GiB", opened, large)
        scaled("T9 limits of the whole", measured, large)
        smaller = written(Path(folder) / "smaller.mrc", SMALLER, "int16")
        compare("T9 first yz slice of 600 MiB", first_across, None, prepare=lambda: forget(smaller))
        came = threading.Event()
        with Tomogram.open(smaller) as tomogram:
            reader = SliceReader(tomogram, came.set)
            places = iter([x for offset in range(8) for x in range(offset * 16, 1024, 128)])
            compare(
                "T9 another yz slice",
                lambda: picture(reader, came, SliceRequest("yz", next(places))),
                lambda: tomogram.raw(0, SMALLER[0], slice(None), slice(500, 501)),
                repeats=30,
                reference_repeats=5,
            )
            reader.close()


if __name__ == "__main__":
    main()
