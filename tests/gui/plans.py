"""What a story is: functions that act in the window, one start of the program each, and what they begin with."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from acting import Context

Act = Callable[["Context", Any], None]
Prepare = Callable[[Path], Sequence[Path]]


def nothing(folder: Path) -> Sequence[Path]:
    """Open the window without a file."""
    return ()


@dataclass(frozen=True)
class Plan:
    """A story: its acts, each in a process of its own, on the same folder, settings and files.

    Attributes
    ----------
    acts
        Functions (ctx, editor); the program is started anew for each.
    paths
        Makes the story's files in its folder, before the first act, and returns those given to the program.
    seconds
        The longest time that one act may take, in seconds.
    app
        The module whose ``run`` opens the window.
    """

    acts: tuple[Act, ...]
    paths: Prepare = nothing
    seconds: float = 90.0
    app: str = "ais.gui.app"


@dataclass
class Result:
    """What came of an act, in ``result-ACT.json`` of the story's folder.

    Attributes
    ----------
    ok, died
        Whether all of the act was done; whether it ended the process on purpose.
    traceback
        Empty, or why it was not done.
    seconds, frames
        How long the act took, in seconds, and how many frames the window drew meanwhile.
    """

    ok: bool = False
    died: bool = False
    traceback: str = "the window never performed the story"
    seconds: float = 0.0
    frames: int = 0

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self)), encoding="utf-8")


def story(
    *, paths: Prepare = nothing, then: Sequence[Act] = (), seconds: float = 90.0, app: str = "ais.gui.app"
) -> Callable[[Act], Plan]:
    """Make a story of a function: see ``Plan``; the program is started anew for each function in ``then``."""

    def plan(act: Act) -> Plan:
        return Plan((act, *then), paths, seconds, app)

    return plan


def stories_of(module: ModuleType) -> dict[str, Plan]:
    """Return the stories of a module by name: what ``story`` made, and plain functions named ``story_...``."""
    found: dict[str, Plan] = {}
    for name, value in vars(module).items():
        if isinstance(value, Plan):
            found[name] = value
        elif name.startswith("story_") and callable(value):
            found[name] = Plan((value,))
    return found
