"""T8: how long the program takes to start, and what its window costs at rest.

`ais --help`, `import ais`: the reference imports what the library stands on. The window: from the start of the process
to its first drawn frame, on software OpenGL; the reference is a Hello ImGui window with nothing in it. At rest: the
share of one core that a window with a tomogram takes when nothing has happened for some seconds.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from figure import Figure, compare, report

ROOT = Path(__file__).resolve().parent.parent
TESTS = ROOT / "tests"
sys.path.insert(0, str(TESTS))

from xvfb import virtual_screen  # noqa: E402

from ais.formats.registry import write_volume  # noqa: E402

EVERYTHING = "import numpy, scipy.ndimage, skimage.measure, mrcfile, tifffile, vtkmodules.vtkFiltersCore, keras"
EMPTY_WINDOW = """
from imgui_bundle import hello_imgui
parameters = hello_imgui.RunnerParams()
parameters.ini_disable = True
def stop():
    parameters.app_shall_exit = True
parameters.callbacks.after_swap = stop
hello_imgui.run(parameters)
"""
SHAPE = (100, 512, 512)


def python(*words: str, environment: Mapping[str, str] | None = None) -> None:
    subprocess.run(
        [sys.executable, *words], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment
    )


@contextmanager
def window(environment: Mapping[str, str], folder: Path, act: str, path: Path) -> Iterator[Iterator[dict[str, float]]]:
    """Start the editor with an act of `tests/window_alone.py`; gives what it tells."""
    words = [sys.executable, str(TESTS / "window_alone.py"), act, str(folder), str(path)]
    with subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield map(json.loads, process.stdout)
        process.kill()


def first_frame(environment: Mapping[str, str], folder: Path, path: Path) -> None:
    """Start the editor with a tomogram and wait until its first frame has been drawn."""
    with window(environment, folder, "nothing", path) as told:
        next(told)


def measure_command() -> None:
    compare(
        "T8 ais --help",
        lambda: python("-m", "ais.cli", "--help"),
        lambda: python("-c", EVERYTHING),
        repeats=7,
        reference_repeats=2,
    )
    compare(
        "T8 import ais",
        lambda: python("-c", "import ais"),
        lambda: python("-c", EVERYTHING),
        repeats=7,
        reference_repeats=1,
    )


def measure_window() -> None:
    with tempfile.TemporaryDirectory() as made, virtual_screen() as screen:
        folder = Path(made)
        path = folder / "tomogram.mrc"
        write_volume(path, np.random.default_rng(0).normal(size=SHAPE).astype(np.float32), voxel_sizes=10.0)
        environment = {**screen, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
        compare(
            "T8 window",
            lambda: first_frame(environment, folder / "settings", path),
            lambda: python("-c", EMPTY_WINDOW, environment=environment),
            repeats=7,
        )
        with window(environment, folder / "settings", "rest", path) as told:
            at_rest = next(line for line in told if "share" in line)
        report(Figure("T8 window at rest", 100 * at_rest["share"], None, unit="% of a core"))


if __name__ == "__main__":
    measure_command()
    measure_window()
