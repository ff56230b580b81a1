"""The window is closed in the middle of something: it goes at once, and what was finished is in one whole file."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import closing
import pytest
from stage import HERE, ROOT
from xvfb import virtual_screen

from ais.project import Project

SECONDS_TO_START = 40.0
SECONDS_TO_CLOSE = 2.0
SLACK = 2.0
"""The limit is that of an idle machine; tests run beside each other."""

SECONDS_TO_REST = 3.0
SECONDS_AT_REST = 5.0
MOST_OF_A_CORE = 0.05

SITUATIONS = [
    ("stroke", "SIGTERM"),
    ("stroke", "button"),
    ("stroke", "SIGKILL"),
    ("playing", "SIGINT"),
    ("opening", "SIGTERM"),
    ("saving", "button"),
    ("copying", "SIGTERM"),
    ("exporting", "SIGTERM"),
    ("picturing", "button"),
]


@pytest.fixture(scope="module")
def screen() -> object:
    with virtual_screen() as environment:
        yield environment


def start(situation: str, folder: Path, environment: dict[str, str]) -> subprocess.Popen[str]:
    """Open the window and wait until it is in the middle of it."""
    home = {f"XDG_{kind}_HOME": str(folder / "home" / kind.lower()) for kind in ("CONFIG", "DATA", "STATE", "CACHE")}
    paths = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
    process = subprocess.Popen(
        [sys.executable, str(HERE / "closing.py"), situation, str(folder)],
        env={**environment, **home, "PYTHONPATH": paths},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line)
        if line == "ready\n":
            return process
    raise AssertionError("".join(said))


def seconds_used(pid: int) -> float:
    """Time on a core since the process began; of all its threads."""
    words = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="only Linux says in this way")
def test_a_window_that_nobody_touches_draws_nothing(tmp_path: Path, screen: dict[str, str]) -> None:
    closing.prepare(tmp_path, "resting")
    process = start("resting", tmp_path, screen)
    assert process.stdin is not None
    assert process.stdout is not None

    def frames() -> int:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write("frames\n")
        process.stdin.flush()
        return int(process.stdout.readline())

    try:
        time.sleep(SECONDS_TO_REST)
        used, drawn = seconds_used(process.pid), frames()
        time.sleep(SECONDS_AT_REST)
        used, drawn = seconds_used(process.pid) - used, frames() - drawn
    finally:
        process.communicate("close\n", 20)
    assert drawn <= 1
    assert used < MOST_OF_A_CORE * SECONDS_AT_REST, f"{used / SECONDS_AT_REST:.1%} of a core"
    assert process.returncode == 0


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
@pytest.mark.parametrize(("situation", "how"), SITUATIONS, ids=["-".join(pair) for pair in SITUATIONS])
def test_closing(situation: str, how: str, tmp_path: Path, screen: dict[str, str]) -> None:
    closing.prepare(tmp_path, situation)
    process = start(situation, tmp_path, screen)
    try:
        if how == "button":
            assert process.stdin is not None
            process.stdin.write("close\n")
            process.stdin.flush()
        else:
            process.send_signal(getattr(signal, how))
        began = time.perf_counter()
        code = process.wait(30)
        took = time.perf_counter() - began
        said = process.communicate()[0]
    finally:
        process.kill()
    path = tmp_path / closing.PROJECT
    if how == "SIGKILL":
        assert code == -signal.SIGKILL
    else:
        assert code == 0, said
        assert took < SECONDS_TO_CLOSE + SLACK
        beside = [found.name for found in tmp_path.glob(f"{closing.PROJECT}*")]
        assert beside == [closing.PROJECT]
        assert not said, said
    with Project.open(path) as project:
        assert not project.read_only
        project.check_integrity()
        strokes = [entry.text for entry in project.history() if entry.text.startswith("Paint")]
    expected = {"stroke": closing.FINISHED, "saving": closing.WAITING, "copying": closing.WAITING, "exporting": 1}
    assert len(strokes) == expected.get(situation, 0)
    # Nothing is left half written.
    for name in (closing.EXPORTED, closing.PICTURE, closing.MOVIE):
        assert not (tmp_path / name).exists()
    assert not [found for found in tmp_path.rglob("*") if ".tmp" in found.name or "partial" in found.name]
    copy = tmp_path / closing.COPY
    if copy.exists():
        with Project.open(copy) as project:
            project.check_integrity()
