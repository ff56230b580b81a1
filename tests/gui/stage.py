"""Starts the acts of stories as processes on a screen of their own, and says in words what went wrong."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from plans import Plan, Result
from xvfb import picture_of_screen, virtual_screen

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
FAILURES = ROOT / "build" / "screenshots" / "failures"
# After its time is over a process has this long to write where it was.
GRACE = 3.0


@dataclass(frozen=True)
class Running:
    """An act under way: its process (with ``pid``, for tests that kill it), folder and number."""

    process: subprocess.Popen[bytes]
    title: str
    folder: Path
    act: int

    @property
    def pid(self) -> int:
        return self.process.pid

    def result(self) -> Result:
        """Return what the act wrote of itself so far."""
        return Result(**json.loads((self.folder / f"result-{self.act}.json").read_text(encoding="utf-8")))

    def said(self) -> str:
        """Return the last of what the process printed, and where it crashed."""
        text = (self.folder / f"output-{self.act}.txt").read_text(encoding="utf-8", errors="replace")
        return text[-6000:]


class Stage:
    """A screen, and how acts are started on it."""

    def __init__(self, environment: dict[str, str], folder: Path, failures: Path = FAILURES) -> None:
        """Take a virtual screen's environment, the folder of its memory and caches, and that for pictures of failures.

        The latter is made at the first failure.
        """
        self._environment = environment
        self._failures = failures
        self._folder = folder

    def start(self, module: str, name: str, plan: Plan, folder: Path, act: int = 0) -> Running:
        """Start one act in a process of its own.

        Parameters
        ----------
        module, name, plan
            The module of the story, its name there and the story.
        folder
            The story's folder; the same for all acts of it.
        act
            Which of its functions, from 0.
        """
        home = folder / "home"
        home.mkdir(parents=True, exist_ok=True)
        environment = {
            **self._environment,
            # Nothing of the person who runs the tests is read or changed.
            **dict.fromkeys(("HOME", "USERPROFILE"), str(home)),
            **{f"XDG_{kind}_HOME": str(home / kind.lower()) for kind in ("CONFIG", "DATA", "STATE", "CACHE")},
            "MESA_SHADER_CACHE_DIR": str(self._folder),
            "PYTHONUNBUFFERED": "1",
            "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")])),
        }
        with (folder / f"output-{act}.txt").open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, str(HERE / "drive.py"), module, name, str(folder), str(act)],
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        return Running(process, f"{name}, act {act + 1} of {len(plan.acts)}", folder, act)

    def finish(self, running: Running, seconds: float) -> Result:
        """Wait for an act to end.

        Raises
        ------
        AssertionError
            If it failed, crashed, or took longer than ``seconds``: then it is killed, and a picture of the screen kept.
        """
        try:
            code = running.process.wait(seconds + GRACE)
        except subprocess.TimeoutExpired:
            shown = self._keep_picture(running)
            running.process.kill()
            running.process.wait()
            raise AssertionError(
                f"{running.title} was not over after {seconds:g} s and was ended.{shown}\n{running.said()}"
            ) from None
        result_file = running.folder / f"result-{running.act}.json"
        result = running.result() if result_file.exists() else Result(traceback="the process ended before the story")
        if result.died and code != 0:
            return result
        if code == 0 and result.ok:
            return result
        how = f"ended by signal {-code}" if code < 0 else f"exit code {code}"
        after = "the story was done, then the process failed" if result.ok else result.traceback
        raise AssertionError(
            f"{running.title} failed ({how}).{self._keep_picture(running)}\n{after}\n{running.said()}"
        ) from None

    def perform(self, module: str, name: str, plan: Plan, folder: Path) -> list[Result]:
        """Perform all acts of a story, one after the other."""
        results = []
        for act in range(len(plan.acts)):
            start = time.perf_counter()
            results.append(self.finish(self.start(module, name, plan, folder, act), plan.seconds))
            results[-1].seconds = time.perf_counter() - start
        return results

    def _keep_picture(self, running: Running) -> str:
        own = running.folder / f"result-{running.act}.png"
        picture = np.asarray(Image.open(own)) if own.exists() else picture_of_screen(self._folder)
        if picture is None or not picture.any():
            return ""
        self._failures.mkdir(parents=True, exist_ok=True)
        path = self._failures / f"{running.title.split(',')[0]}-{running.act}.png"
        Image.fromarray(picture).save(path)
        return f" The screen: {path}"


@contextmanager
def a_stage(folder: Path, failures: Path = FAILURES) -> Iterator[Stage]:
    """Start a screen for acts, keeping its memory in the folder, and end it."""
    with virtual_screen(memory=folder) as environment:
        yield Stage(environment, folder, failures)
