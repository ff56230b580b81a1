"""The stage tells a story that went well from one that failed, hung, crashed or was never performed."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import acts_of_the_stage
import numpy as np
import pytest
from PIL import Image
from plans import stories_of
from stage import Stage, a_stage
from tiny_window import COLOUR

MODULE = "acts_of_the_stage"
PLANS = stories_of(acts_of_the_stage)


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A stage whose pictures of failures are nobody else's: here the failures are meant."""
    with a_stage(tmp_path_factory.mktemp("screen"), tmp_path_factory.getbasetemp() / "failures") as made:
        yield made


@pytest.mark.parametrize("name", ["two_starts", "uses_hands_and_eyes", "dies"])
def test_a_story_that_goes_well(stage: Stage, tmp_path: Path, name: str) -> None:
    results = stage.perform(MODULE, name, PLANS[name], tmp_path)
    assert [result.ok for result in results] == [True] * len(PLANS[name].acts)
    assert results[0].died is (name == "dies")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("misses_an_item", ["ctx.item_click('**/Not there',) failed", "Unable to locate", "acts_of_the_stage.py"]),
        ("raises", ["seven clicks", "assert editor.clicks == 7"]),
        ("raises_in_the_window", ["ZeroDivisionError"]),
        ("waits_in_vain", ["waited 0.2 s in vain: somebody clicks"]),
        ("exits", ["SystemExit"]),
        ("crashes", ["Segmentation fault", "in crashes"]),
        ("hangs", ["was not over after 4 s", "in hangs"]),
        ("ends_without_a_word", ["act 2 of 2", "the window never performed the story"]),
        ("uses_a_network_here", ["tensorflow is in the window's process"]),
    ],
)
def test_a_story_that_fails(stage: Stage, tmp_path: Path, name: str, words: list[str]) -> None:
    with pytest.raises(AssertionError) as caught:
        stage.perform(MODULE, name, PLANS[name], tmp_path)
    for word in words:
        assert word in str(caught.value)
    assert not (tmp_path / "went-on").exists()
    if name in ("raises", "misses_an_item", "hangs"):
        path = Path(str(caught.value).split("The screen: ")[1].splitlines()[0])
        # The window stands in the top left corner of the screen.
        assert tuple(np.asarray(Image.open(path))[230, 250]) == COLOUR


def test_an_act_can_be_killed_from_outside(stage: Stage, tmp_path: Path) -> None:
    running = stage.start(MODULE, "hangs", PLANS["hangs"], tmp_path)
    os.kill(running.pid, signal.SIGTERM if sys.platform == "win32" else signal.SIGKILL)
    with pytest.raises(AssertionError, match="failed"):
        stage.finish(running, 10)
