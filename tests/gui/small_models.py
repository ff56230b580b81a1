"""Models for stories, made by a process of their own: the networks must not be in the window's."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent
CODE = """
import sys
from pathlib import Path
from small_project import make_model
for seed, feature in enumerate(sys.argv[2:]):
    make_model(Path(sys.argv[1]), f"{feature}.aism", feature, seed)
"""


def make_models(folder: Path, *features: str) -> list[Path]:
    """Write an untrained model for each feature, as ``feature.aism``; takes some five seconds, however many."""
    done = subprocess.run(
        [sys.executable, "-c", CODE, str(folder), *features], cwd=TESTS, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return [folder / f"{feature}.aism" for feature in features]
