"""T8: how long `ais --help` and `import ais` take; the reference imports what the library stands on."""

from __future__ import annotations

import subprocess
import sys

from figure import compare

EVERYTHING = "import numpy, scipy.ndimage, skimage.measure, mrcfile, tifffile, vtkmodules.vtkFiltersCore, keras"


def python(*words: str) -> None:
    subprocess.run([sys.executable, *words], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


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
