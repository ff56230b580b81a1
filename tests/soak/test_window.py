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
LEFT_AT_LEAST = 1 / 3
"""So much of the monkey's day is looked at, whatever is still done for the first time in it."""
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
    """Nothing has grown since hardly anything was done for the first time; gives the figures as a sentence."""
    left = rounds[warm(rounds) :]
    grown = {name: growth([one[name] for one in left], 0.0) for name in ("own", "memory", "process")}
    for name, share in grown.items():
        assert share < MOST_GROWTH, (name, [one[name] >> 20 for one in rounds])
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
        f"{last['minutes']:.0f} minutes, {last['actions']} actions, {len(rounds)} projects; in the last {len(left)}: "
        f"memory of the window "
        f"{grown['own']:+.1%}, of the compute process {grown['process']:+.1%}; {last['driver']}"
    )


def warm(rounds: list[dict[str, Any]]) -> int:
    """The number of the round from which on no shader was compiled and no module of Python loaded any more.

    What is made for good when something is done for the first time is no leak. At the latest it is that from which on
    `LEFT_AT_LEAST` of the day is left.
    """

    def loaded(one: dict[str, Any]) -> tuple[int, int]:
        return one["driver"]["Program"], one["modules"]

    first = next(number for number, one in enumerate(rounds) if loaded(one) == loaded(rounds[-1]))
    return min(first, round(len(rounds) * (1 - LEFT_AT_LEAST)))


@pytest.mark.parametrize("grows", [0.0, 0.003, 0.02])
def test_growth_is_told_from_what_is_made_once(grows: float) -> None:
    driver = dict.fromkeys(("Texture", "Program"), 20)
    rounds = []
    for number in range(30):
        memory = round(1e8 * (1.5 if number > 10 else 1) * (1 + grows * number))
        rounds.append(
            {
                "minutes": number / 2,
                "actions": 100 * number,
                **dict.fromkeys(("own", "memory", "process"), memory),
                "handles": [13, 8, 20, 2],
                "process_handles": [10, 0, 5, 0],
                "driver": driver | {"Program": 20 + (number > 10)},
                "modules": 900,
            }
        )
    if grows > 0.01:
        with pytest.raises(AssertionError, match="own"):
            check(rounds)
    else:
        assert check(rounds).startswith("14 minutes, 2900 actions")
    rounds[-1]["handles"] = [40, 8, 20, 2]
    with pytest.raises(AssertionError):
        check(rounds)
