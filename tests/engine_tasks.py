"""Tasks that the tests give to the compute process, named ``"engine_tasks:function"``."""

from __future__ import annotations

import logging
import os
import resource
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from ais.engine.context import TaskContext
from ais.errors import AisError, Cancelled

Arguments = Mapping[str, Any]


def echo(arguments: Arguments, context: TaskContext) -> Any:
    return arguments.get("value")


def count(arguments: Arguments, context: TaskContext) -> int:
    """`steps` steps of `seconds`, each reported; marks in a file when it began."""
    if "mark" in arguments:
        Path(arguments["mark"]).write_text(str(os.getpid()))
    for step in range(arguments["steps"]):
        context.report(step, arguments["steps"], f"step {step}")
        if arguments.get("seconds"):
            time.sleep(arguments["seconds"])
    context.report(arguments["steps"], arguments["steps"], "all")
    return int(arguments["steps"])


def reports_then_waits(arguments: Arguments, context: TaskContext) -> None:
    for step in range(100):
        context.report(step, 1000, f"step {step}")
    while True:
        context.checkpoint()
        time.sleep(0.01)


def publishes(arguments: Arguments, context: TaskContext) -> str:
    """Shows many values, the last of which count, and waits to be cancelled."""
    for number in range(arguments["count"]):
        context.publish("number", number)
        context.publish("picture", np.full((64, 64), number % 256, np.uint8))
    context.publish("other", [1, None, "x"])
    if arguments.get("wait"):
        while True:
            context.checkpoint()
            time.sleep(0.01)
    return "shown"


def publishes_what_cannot_be_sent(arguments: Arguments, context: TaskContext) -> None:
    context.publish("path", Path("x"))


def keeps(arguments: Arguments, context: TaskContext) -> list[int]:
    """How many things were made anew, and how many bytes are kept."""
    made = []
    for key in arguments["keys"]:
        context.kept.get(key, lambda key=key: made.append(key) or key, lambda _: 300 << 20)  # type: ignore[misc]
    return [len(made), context.kept.nbytes]


def keeps_its_best(arguments: Arguments, context: TaskContext) -> str:
    """As a training: asked to stop, it takes longer than the patience to keep what it has."""
    try:
        reports_then_waits(arguments, context)
    except Cancelled:
        time.sleep(arguments["seconds"])
    return "kept"


def deaf(arguments: Arguments, context: TaskContext) -> None:
    """Never looks whether it is cancelled."""
    context.checkpoint()
    Path(arguments["mark"]).write_text(str(os.getpid()))
    time.sleep(60)


def killed(arguments: Arguments, context: TaskContext) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def aborts(arguments: Arguments, context: TaskContext) -> None:
    os.abort()


def exits_at_once(arguments: Arguments, context: TaskContext) -> None:
    os._exit(7)


def wrong_file(arguments: Arguments, context: TaskContext) -> None:
    raise AisError("a.mrc is damaged: copy it again.")


def bug(arguments: Arguments, context: TaskContext) -> float:
    return 1 / int(arguments.get("divisor", 0))


def leaves(arguments: Arguments, context: TaskContext) -> None:
    sys.exit(3)


def strange_result(arguments: Arguments, context: TaskContext) -> object:
    return {"path": Path("x")}


def self_test_of_a_wrong_network(arguments: Arguments, context: TaskContext) -> Any:
    from ais.engine.self_test import self_test
    from ais.models.backend import chosen_backend

    with mock.patch.object(type(chosen_backend()), "compiled", return_value=lambda images: 1 - images):
        return self_test(arguments, context)


def talks(arguments: Arguments, context: TaskContext) -> None:
    context.log("of its own")
    logging.getLogger("ais.training").info("epoch %d", 3)


def array(arguments: Arguments, context: TaskContext) -> Any:
    shape, dtype = arguments["shape"], arguments["dtype"]
    return {"array": np.arange(np.prod(shape)).astype(dtype).reshape(shape), "given": arguments.get("given")}


def process(arguments: Arguments, context: TaskContext) -> dict[str, Any]:
    """Facts about the process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1]) if Path("/proc/self/statm").exists() else 0
    return {
        "pid": os.getpid(),
        "niceness": os.nice(0),
        "resident": pages * resource.getpagesize(),
        "modules": [name for name in ("tensorflow", "keras", "glfw", "imgui_bundle") if name in sys.modules],
    }
