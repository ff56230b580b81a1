"""What befalls workers in the tests of clusters, by the names of tomograms; a worker preloads this module.

``slow`` waits within its segmentation until the file that AIS_TEST_GO names exists, and says by whom it is being done
in a file beside that; ``deadly`` kills its worker; ``unseen`` does not exist for workers with AIS_TEST_BLIND.
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import ais.cluster.worker
import ais.tomogram_task
from ais.progress import Progress
from ais.segmented_slabs import SegmentedSlabs
from ais.tomogram import Tomogram

GO = "AIS_TEST_GO"
BLIND = "AIS_TEST_BLIND"
SLOW_S = 120.0

_exists = ais.cluster.worker.volume_exists


class FaultySlabs(SegmentedSlabs):
    """Slabs of which something happens before the first, when the outputs have been begun."""

    def __init__(self, tomogram: Tomogram, *others: Any, **named: Any) -> None:
        super().__init__(tomogram, *others, **named)
        self._name = tomogram.path.stem
        self._told = next(one for one in (*others, *named.values()) if isinstance(one, Progress))

    def __iter__(self) -> Any:
        if self._name.startswith("deadly"):
            os.kill(os.getpid(), signal.SIGKILL)
        if self._name.startswith("slow"):
            wait(self._name, self._told)
        return super().__iter__()


def wait(name: str, progress: Progress) -> None:
    """Say who is at work, and wait until the test says go."""
    go = Path(os.environ[GO])
    go.with_name(f"{name}.{os.getpid()}").touch()
    until = time.monotonic() + SLOW_S
    while not go.exists() and time.monotonic() < until:
        progress.report(0, 1, f"{name} waits")
        time.sleep(0.05)


def seen(path: Path) -> bool:
    """Whether a worker finds a file."""
    return not ("unseen" in path.name and os.environ.get(BLIND)) and _exists(path)


ais.cluster.worker.volume_exists = seen
ais.tomogram_task.SegmentedSlabs = FaultySlabs  # type: ignore[misc]
