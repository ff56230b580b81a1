"""The tasks of the compute process, by name.

A task is a function ``task(arguments, context)``: `arguments` is the mapping that was submitted, `context` an
`ais.engine.context.TaskContext`, which is also the `ais.progress.Progress` for the functions that it calls. It returns
JSON-able values and NumPy arrays, and raises `AisError` for what the user can put right. A new task is one module and
one line in `TASKS`; a task that is not listed, such as one in a test or a plugin, is named ``"module:function"``.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from ais.engine.context import TaskContext

Task = Callable[[Mapping[str, Any], TaskContext], Any]

TASKS: Mapping[str, str] = MappingProxyType(
    {
        "check_model": "ais.engine.work.check:check_model",
        "compare": "ais.engine.work.compare:compare",
        "export": "ais.engine.work.export:export",
        "leave_training": "ais.engine.work.training:leave_training",
        "live": "ais.engine.work.live:live",
        "save_for_ais_1": "ais.engine.work.saving:save_for_ais_1",
        "self_test": "ais.engine.self_test:self_test",
        "tiles_of_slice": "ais.engine.work.tiles:tiles_of_slice",
        "train": "ais.engine.work.training:train",
        "watch_slice": "ais.engine.work.training:watch_slice",
    }
)


def known(name: str) -> bool:
    """Whether `name` is listed or has the form ``"module:function"``."""
    module, separator, function = name.partition(":")
    return name in TASKS or bool(module and separator and function)


def task_function(name: str) -> Task:
    """The function of a task; its module is imported only now, in the compute process."""
    module, _, function = TASKS.get(name, name).partition(":")
    task: Task = getattr(importlib.import_module(module), function)
    return task
