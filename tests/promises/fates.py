"""What can happen to a command while it runs."""

from __future__ import annotations

import datetime
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from disk import Call, Counting, Disk, Noting, ask_to_end, kill, refuse

from ais import shards
from ais.formats import claim

if TYPE_CHECKING:
    from forge import Order

OUTPUT, INPUT, OTHER = "out", "tomo.mrc", "other.mrc"


def watch(order: Order) -> Any:
    """Let it happen to this process, which is in a hurry; returns who watches."""
    claim.STALE_S, shards.LOOK_S = 0.3, 0.05
    watcher: Any = WATCHERS[order.fate](order)
    Disk(Path(order.folder), watcher).watch()
    return watcher


def _vanish(_call: Call) -> None:
    """The folder of the outputs is gone, as when a share is no longer mounted."""
    if Path(OUTPUT).exists():
        shutil.rmtree(OUTPUT)


def _unprivileged(_order: Order) -> Any:
    from forge import give_up_privileges

    give_up_privileges()
    return Counting(None, kill)


def _replaced(order: Order) -> Any:
    """At the n-th time that the tomogram is opened, or that anything is written, another has taken its place."""

    def act(_call: Call) -> None:
        shutil.copy(OTHER, f"{INPUT}.copied")
        os.replace(f"{INPUT}.copied", INPUT)

    return Counting(order.at, act, reads=True)


def _clock(order: Order) -> Any:
    """From the n-th call on the clock is ten years back; before it was right."""

    def act(_call: Call) -> None:
        jump_s = -10 * 365 * 86400.0
        real, day = time.time, datetime.datetime
        time.time = lambda: real() + jump_s

        class Shifted(day):  # type: ignore[valid-type, misc]
            @classmethod
            def now(cls, tz: Any = None) -> Any:
                return day.now(tz) + datetime.timedelta(seconds=jump_s)

        datetime.datetime = Shifted  # type: ignore[misc]

    return Counting(order.at, act)


WATCHERS: dict[str, Callable[[Order], Any]] = {
    "": lambda _: Counting(None, kill),
    "noted": lambda _: Noting(),
    "killed": lambda order: Counting(order.at, kill),
    "full": lambda order: Counting(order.at, refuse, keeps_on=True),
    "full for a moment": lambda order: Counting(order.at, refuse),
    "asked to end": lambda order: Counting(order.at, ask_to_end),
    "vanished": lambda order: Counting(order.at, _vanish),
    "unprivileged": _unprivileged,
    "replaced": _replaced,
    "clock": _clock,
}
