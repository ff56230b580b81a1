"""Which stories there are, and which of them take long."""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from plans import stories_of

MODULES = tuple(sorted(path.stem for path in Path(__file__).parent.glob("stories_*.py")))
LONG = (
    "stories_compare",
    "stories_curate",
    "stories_export",
    "stories_monkey",
    "stories_training",
    "stories_tutorial_models",
    "stories_tutorial_scene",
)
"""Modules of which a story takes half a minute or more."""


def stories_in(modules: Iterable[str]) -> list[Any]:
    """Return module, name and plan of each story in these modules, as parameters of a test."""
    return [
        pytest.param(module, name, plan, id=f"{module}-{name}")
        for module in modules
        for name, plan in stories_of(importlib.import_module(module)).items()
    ]
