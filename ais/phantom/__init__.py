"""The ground truth of a simulated tomogram: its structures, where they lie, and their density."""

from __future__ import annotations

from ais.phantom.canvas import FEATURES, Canvas
from ais.phantom.placing import FILAMENTS, PARTICLES, Phantom, build_phantom

__all__ = ["FEATURES", "FILAMENTS", "PARTICLES", "Canvas", "Phantom", "build_phantom"]
