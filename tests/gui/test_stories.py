"""Every story in the modules ``stories_*.py`` is performed in a real window."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest
from plans import Plan, stories_of
from stage import Stage

MODULES = sorted(path.stem for path in Path(__file__).parent.glob("stories_*.py"))
STORIES = [
    (module, name, plan) for module in MODULES for name, plan in stories_of(importlib.import_module(module)).items()
]


@pytest.mark.parametrize(("module", "name", "plan"), STORIES, ids=[f"{module}-{name}" for module, name, _ in STORIES])
def test_story(stage: Stage, tmp_path: Path, module: str, name: str, plan: Plan) -> None:
    results = stage.perform(module, name, plan, tmp_path)
    assert len(results) == len(plan.acts)
