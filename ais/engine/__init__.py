"""The editor's one compute process: jobs with progress, cancelling, and a new process after a crash.

The window's process never loads TensorFlow, which does not live beside OpenGL in one process. It owns an `Engine`,
which starts a process of low priority and gives it tasks by name (`ais.engine.tasks`).
"""

from __future__ import annotations

from ais.engine.engine import Engine, EngineStatus
from ais.engine.job import Job, JobState

__all__ = ["Engine", "EngineStatus", "Job", "JobState"]
