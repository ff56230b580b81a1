"""Tasks in a process whose processor has little memory: named ``"memory_tasks:function"``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from unittest import mock

from ais.engine.context import TaskContext
from ais.engine.tasks import task_function


def with_little_memory(arguments: Mapping[str, Any], context: TaskContext) -> Any:
    """Run ``task`` with ``arguments``, where no network computes more than ``most`` numbers or samples at once.

    With ``loads``, only so many networks can be loaded before memory runs out, -1 for any number.
    """
    with _little_memory(int(arguments["most"]), int(arguments.get("loads", -1))):
        return task_function(arguments["task"])(arguments["arguments"], context)


@contextmanager
def _little_memory(most: int, loads: int) -> Iterator[None]:
    import tensorflow as tf

    import ais.segmentation.ready
    from ais.training.learner import Learner

    constant, learn, load_model = tf.constant, Learner.learn, ais.segmentation.ready.load_model
    loaded = []

    def exhausted() -> Exception:
        return tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor with shape [8,512,512,64]")

    def small_constant(value: Any, *rest: Any, **more: Any) -> Any:
        if getattr(value, "size", 0) > most:
            raise exhausted()
        return constant(value, *rest, **more)

    def small_step(learner: Learner, images: Any, *rest: Any) -> None:
        if len(images) > most:
            raise exhausted()
        learn(learner, images, *rest)

    def load(path: Any) -> Any:
        loaded.append(path)
        if 0 <= loads < len(loaded):
            raise exhausted()
        return load_model(path)

    with (
        mock.patch.object(tf, "constant", small_constant),
        mock.patch.object(Learner, "learn", small_step),
        mock.patch.object(ais.segmentation.ready, "load_model", load),
    ):
        yield
