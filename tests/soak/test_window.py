"""The window used over and over, and for long, holds at the end what it held before."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import stories_long_use
import stories_rounds
from held import growth
from stage import Stage

from ais.engine.kept import MOST

MOST_GROWTH = 0.05
WARM_UP = 1 / 3
"""Of the monkey's day: until then most commands have been run once, with all that they make at their first time."""
MADE_LATE = 8
"""Programs and pictures of panels that are opened for the first time after that; each is made once."""


def test_the_same_things_over_and_over(stage: Stage, tmp_path: Path) -> None:
    (result,) = stage.perform("stories_rounds", "rounds", stories_rounds.rounds, tmp_path)
    assert result.ok
    print(told(tmp_path))  # noqa: T201 - figures of `make soak`


@pytest.mark.soak
def test_the_day_of_a_monkey(stage: Stage, tmp_path: Path) -> None:
    (result,) = stage.perform("stories_long_use", "a_day", stories_long_use.a_day, tmp_path)
    assert result.ok
    lines = (tmp_path / "held.jsonl").read_text(encoding="utf-8").splitlines()
    print(check([json.loads(line) for line in lines]))  # noqa: T201


def told(folder: Path) -> str:
    """The line of figures that a story has printed."""
    output = (folder / "output-0.txt").read_text(encoding="utf-8", errors="replace")
    return next(line for line in output.splitlines() if line.startswith("MB:"))


def check(rounds: list[dict[str, Any]]) -> str:
    """Nothing has grown; gives the figures as a sentence."""
    grown = {name: growth([one[name] for one in rounds], WARM_UP) for name in ("own", "memory", "process")}
    for name, share in grown.items():
        assert share < MOST_GROWTH, (name, [one[name] >> 20 for one in rounds])
    left = rounds[round(len(rounds) * WARM_UP) :]
    third = max(1, len(left) // 3)
    early, late = left[:third], left[-third:]
    for number, what in enumerate(("files", "threads of Python", "threads", "child processes")):
        before, after = (max(one["handles"][number] for one in part) for part in (early, late))
        assert after <= before + (what == "threads"), (what, [one["handles"] for one in rounds])
    # The tomograms of the last jobs stay open there.
    least = min(one["process_handles"][0] for one in rounds if one["process_handles"])
    assert max(one["process_handles"][0] for one in late) <= least + MOST
    for kind in rounds[0]["driver"]:
        before, after = (max(one["driver"][kind] for one in part) for part in (early, late))
        assert after <= before + MADE_LATE, (kind, [one["driver"][kind] for one in rounds])
    last = rounds[-1]
    return (
        f"{last['minutes']:.0f} minutes, {last['actions']} actions, {len(rounds)} projects: memory of the window "
        f"{grown['own']:+.1%}, of the compute process {grown['process']:+.1%}; {last['driver']}"
    )
