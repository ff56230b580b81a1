"""Every story in the modules ``stories_*.py`` is performed in a real window, but for those of ``test_long_stories``."""

from __future__ import annotations

from pathlib import Path

import pytest
from plans import Plan
from repertoire import LONG, MODULES, stories_in
from stage import Stage


@pytest.mark.parametrize(("module", "name", "plan"), stories_in(module for module in MODULES if module not in LONG))
def test_story(stage: Stage, tmp_path: Path, module: str, name: str, plan: Plan) -> None:
    results = stage.perform(module, name, plan, tmp_path)
    assert len(results) == len(plan.acts)
