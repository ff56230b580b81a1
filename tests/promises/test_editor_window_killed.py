"""The window is killed while somebody does whatever comes to mind: every project opens, and all of it can be undone."""

from __future__ import annotations

import random
import sys
import time
from pathlib import Path

import pytest
from soaking import moments
from xvfb import needs_a_screen, virtual_screen

from ais.project import Project

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "gui"))
import stories_monkey
from plans import stories_of
from stage import Stage

pytestmark = pytest.mark.skipif(not needs_a_screen(), reason="signals and X servers are of Linux")

SECONDS_TO_START = 120.0
TIMES, LONGEST_S = moments((1, 3.0), (30, 12.0))


def test_whatever_was_being_done(tmp_path: Path) -> None:
    plan = stories_of(stories_monkey)["monkey"]
    actions = edits = 0
    with virtual_screen() as environment:
        for seed in range(TIMES):
            folder = tmp_path / str(seed)
            folder.mkdir()
            caches = tmp_path / "caches"
            caches.mkdir(exist_ok=True)
            window = Stage({**environment, "AIS_MONKEY_SEED": str(seed)}, caches).start(
                "stories_monkey", "monkey", plan, folder
            )
            done = folder / "actions.txt"
            limit = time.monotonic() + SECONDS_TO_START
            while not done.exists():
                assert time.monotonic() < limit, window.said()
                assert window.process.poll() is None, window.said()
                time.sleep(0.01)
            time.sleep(random.Random(seed).uniform(0.0, LONGEST_S))
            window.process.kill()
            window.process.wait()
            actions += len(done.read_text(encoding="utf-8").splitlines())
            edits += sum(check_project(path) for path in folder.rglob("*.aisproj"))
    assert actions > 5 * TIMES
    assert edits >= TIMES


def check_project(path: Path) -> int:
    """How many edits there are; fails unless the project is whole and all can be undone and made again."""
    with Project.open(path) as project:
        assert not project.read_only, project.notice
        project.check_integrity()
        while project.redo() is not None:
            pass
        full, steps = project.content_digest(), 0
        while project.undo() is not None:
            steps += 1
        assert not project.features()
        assert not project.tomograms()
        for _ in range(steps):
            assert project.redo() is not None
        assert project.content_digest() == full
    assert not list(path.parent.glob(f"{path.name}?*"))
    return steps
