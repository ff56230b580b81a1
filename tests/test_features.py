"""docs/features.md names only tests and scripts that exist, and gives every feature a state."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ROW = re.compile(r"^\| ([A-Z]\d+)\*? \| (.+?) \| (.*?) \| (.*?) ?\|$", re.MULTILINE)
COUNTS = {"D": 8, "V": 8, "A": 15, "M": 11, "X": 7, "P": 5, "R": 5, "N": 4, "S": 6}


def rows() -> list[tuple[str, str, str, str]]:
    return ROW.findall((ROOT / "docs" / "features.md").read_text(encoding="utf-8"))


def test_every_feature_stands_there_once() -> None:
    wanted = [f"{letter}{number}" for letter, count in COUNTS.items() for number in range(1, count + 1)]
    assert [row[0] for row in rows()] == wanted


def test_every_state_is_shown_by_something_that_exists() -> None:
    for name, _, state, shown in rows():
        assert state.split(":")[0].split()[0] in ("done", "part", "later"), name
        assert bool(shown) == (not state.startswith("later")), name
        for entry in re.findall(r"`([^`]+)`", shown):
            file, _, test = entry.partition("::")
            path = ROOT / "tests" / f"{file}.py" if file.startswith("test_") else ROOT / file
            assert path.exists(), f"{name}: {entry}"
            assert not test or f"def {test}(" in path.read_text(encoding="utf-8"), f"{name}: {entry}"
