"""The stories that take long, in a file of their own: tests of one file are run one after the other."""

from __future__ import annotations

from pathlib import Path

import pytest
from plans import Plan
from repertoire import LONG, stories_in
from stage import Stage


@pytest.mark.parametrize(("module", "name", "plan"), stories_in(LONG))
def test_story(stage: Stage, tmp_path: Path, module: str, name: str, plan: Plan) -> None:
    results = stage.perform(module, name, plan, tmp_path)
    assert len(results) == len(plan.acts)
