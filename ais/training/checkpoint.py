"""The state of a training run after an epoch, from which a killed run goes on."""

from __future__ import annotations

import json
import logging
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ais.formats.atomic import atomic_path, remove_leftovers

Arrays = Sequence[NDArray[Any]]
PARTS = ("state", "best")
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Checkpoint:
    """A training run after a whole epoch.

    Attributes
    ----------
    settings
        Digest of everything that decides the run; another run does not go on from it.
    history
        One record per epoch done.
    state, best
        All that the next step depends on (`ais.training.learner.Learner.state`), and the best weights so far.
    """

    settings: str
    history: list[dict[str, Any]]
    state: Arrays
    best: Arrays

    def write(self, path: Path) -> None:
        """Replace the checkpoint file; the old one stays whole until then."""
        meta = json.dumps({"settings": self.settings, "history": self.history}).encode("utf-8")
        arrays = {"meta": np.frombuffer(meta, np.uint8)}
        for part in PARTS:
            for number, values in enumerate(getattr(self, part)):
                arrays[f"{part}_{number}"] = values
        with atomic_path(path) as temporary, temporary.open("wb") as file:
            np.savez(file, allow_pickle=False, **arrays)


def checkpoint_path(output: Path) -> Path:
    """Where the checkpoint of a run that writes `output` lies: a hidden file beside it."""
    return output.with_name(f".{output.name}.checkpoint")


def read_checkpoint(path: Path, settings: str) -> Checkpoint | None:
    """The checkpoint of a run with the same settings; None if there is none, or it is damaged."""
    if not path.is_file():
        return None
    try:
        with np.load(path, allow_pickle=False) as file:
            meta = json.loads(bytes(file["meta"]).decode("utf-8"))
            if meta["settings"] != settings:
                return None
            parts = [_numbered(file, part) for part in PARTS]
            return Checkpoint(settings, list(meta["history"]), *parts)
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        log.warning("The checkpoint %s is damaged (%s): training starts anew.", path, error)
        return None


def remove_checkpoint(path: Path) -> None:
    """Remove the file and what killed writers of it have left."""
    path.unlink(missing_ok=True)
    remove_leftovers(path)


def _numbered(file: Any, part: str) -> list[NDArray[Any]]:
    count = sum(name.startswith(f"{part}_") for name in file.files)
    return [file[f"{part}_{number}"] for number in range(count)]
