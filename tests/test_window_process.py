"""The window as a process: what it costs at rest, how it ends, and what it says where it cannot be opened."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from xvfb import needs_a_screen, virtual_screen

from ais.formats.registry import write_volume
from ais.project import Project

ROOT = Path(__file__).resolve().parent.parent
SOON = 20.0
CLOSES_WITHIN = 4.0  # a quarter of a second on a machine that has nothing else to do

pytestmark = pytest.mark.skipif(not needs_a_screen(), reason="signals and X servers are of Linux")


@pytest.fixture(scope="module")
def screen() -> Iterator[dict[str, str]]:
    with virtual_screen() as environment:
        yield {**environment, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}


@pytest.fixture
def tomogram(tmp_path: Path) -> Path:
    values = np.random.default_rng(1).normal(size=(20, 200, 300)).astype(np.float32)
    write_volume(tmp_path / "tomogram é.mrc", values, voxel_sizes=10.0)
    return tmp_path / "tomogram é.mrc"


class Window:
    """A running window and the lines that it tells."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self._lines: queue.Queue[dict[str, Any]] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(json.loads(line))

    def told(self, key: str) -> dict[str, Any]:
        while True:
            line = self._lines.get(timeout=SOON)
            if key in line:
                return line

    def ends_by(self, number: int) -> float:
        """Send a signal; return after how many seconds the process has ended, with exit code 0."""
        start = time.monotonic()
        self.process.send_signal(number)
        assert self.process.wait(SOON) == 0
        return time.monotonic() - start


@contextmanager
def window(screen: dict[str, str], folder: Path, act: str, *paths: Path) -> Iterator[Window]:
    """Start the editor with an act of ``window_alone.py``."""
    words = [sys.executable, str(ROOT / "tests" / "window_alone.py"), act, str(folder), *map(str, paths)]
    with subprocess.Popen(words, env=screen, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Window(process)
        finally:
            process.kill()


def test_a_window_at_rest_draws_nothing_and_ends_at_once(
    screen: dict[str, str], tmp_path: Path, tomogram: Path
) -> None:
    with window(screen, tmp_path / "settings", "rest", tomogram) as shown:
        at_rest = shown.told("frames")
        assert at_rest["frames"] == 0
        assert at_rest["share"] < 0.05
        assert at_rest["heavy"] == [], "these are only for those who need them: the window opens without"
        assert shown.ends_by(signal.SIGTERM) < CLOSES_WITHIN


def test_a_window_that_plays_ends_at_once(screen: dict[str, str], tmp_path: Path, tomogram: Path) -> None:
    with window(screen, tmp_path / "settings", "play", tomogram) as shown:
        assert shown.told("slices")["slices"] == 3
        assert shown.ends_by(signal.SIGINT) < CLOSES_WITHIN


def test_edits_that_wait_are_saved_before_the_window_closes(
    screen: dict[str, str], tmp_path: Path, tomogram: Path
) -> None:
    with window(screen, tmp_path / "settings", "edit_and_close", tomogram) as shown:
        told = shown.told("project")
        assert told["waiting"]
        assert shown.process.wait(SOON) == 0
    with Project.open(told["project"]) as project:
        assert len(project.features()) == 40


def test_a_thread_with_news_wakes_the_window(screen: dict[str, str], tmp_path: Path) -> None:
    with window(screen, tmp_path / "settings", "woken") as shown:
        assert shown.told("after")["after"] < 0.1
        shown.ends_by(signal.SIGTERM)


def test_the_window_is_where_it_was_and_never_off_the_screen(screen: dict[str, str], tmp_path: Path) -> None:
    settings = tmp_path / "settings"
    with window(screen, settings, "move_and_close") as shown:
        assert shown.process.wait(SOON) == 0
    with window(screen, settings, "place") as shown:
        told = shown.told("position")
        assert (told["position"], told["size"]) == ([150, 120], [1000, 700])
        shown.ends_by(signal.SIGTERM)
    layout = settings / "layout.ini"
    text = layout.read_text(encoding="utf-8")
    assert "150" in text
    layout.write_text(text.replace("150", "5000").replace("120", "4000"), encoding="utf-8")
    with window(screen, settings, "place") as shown:
        told = shown.told("position")
        assert told["position"][0] + told["size"][0] <= 1600
        assert told["position"][1] + told["size"][1] <= 1000
        shown.ends_by(signal.SIGTERM)


def ais(environment: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ais.cli", *words],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_where_no_window_can_be_opened_one_sentence_says_so(screen: dict[str, str], tmp_path: Path) -> None:
    without = {key: value for key, value in os.environ.items() if key not in ("DISPLAY", "WAYLAND_DISPLAY")}
    home = {f"XDG_{kind}_HOME": str(tmp_path) for kind in ("CONFIG", "DATA", "STATE", "CACHE")}
    for environment, reason in (
        (without, "no screen"),
        ({**without, "DISPLAY": ":4711"}, "screen could not be reached"),
        ({**screen, "MESA_GL_VERSION_OVERRIDE": "2.1"}, "OpenGL 3.3"),
        ({**screen, "LIBGL_ALWAYS_INDIRECT": "1"}, "OpenGL 3.3"),
    ):
        done = ais({**environment, **home})
        assert done.returncode == 2
        assert reason in done.stderr
        assert done.stderr.count("\n") == 1, done.stderr


def test_a_file_that_is_not_there_is_said_before_a_window_opens(screen: dict[str, str], tomogram: Path) -> None:
    for words in (["nowhere.mrc"], [str(tomogram), "nowhere.mrc"]):
        done = ais(screen, *words)
        assert done.returncode == 2
        assert "nowhere.mrc" in done.stderr
        assert done.stderr.count("\n") == 1
