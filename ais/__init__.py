"""Ais segments cryo-electron tomograms.

The names below are the whole public API; each is imported when it is first used, so that ``import ais`` is quick.

>>> import ais
>>> ais.Tomogram
<class 'ais.tomogram.Tomogram'>
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

_HOMES = {
    "AisError": "ais.errors",
    "Progress": "ais.progress",
    "Tomogram": "ais.tomogram",
}

__all__ = ["__version__", *_HOMES]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'ais' has no attribute '{name}'")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
