"""A warm process that forks a child for each command it is asked to run, so that a command costs tenths of a second.

Run as a program it imports the commands and waits for orders; `Forge` starts it and gives them.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import io
import os
import pickle
import subprocess
import sys
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

HERE = Path(__file__).resolve().parent
PREPARED = (
    "ais.export",
    "ais.batch",
    "ais.pick_tables",
    "ais.formats.coord_star",
    "ais.formats.tiff",
    "ais.formats.ome_zarr_writer",
    "ais.stages",
    "ais.surfaces",
    "ais.analysis.batch",
    "ais.classic.segmenter",
    "ais.filters",
    "ais.project",
    "ais.trainset",
    "ais.segmentation",
    "scipy.ndimage",
    "skimage.segmentation",
    "skimage.measure",
    "matplotlib.figure",
    "matplotlib.backends.backend_agg",
    "matplotlib.backends.backend_svg",
    "zipfile",
    "tifffile",
)
"""Imported before the first fork."""


@dataclass(frozen=True)
class Order:
    """A command to run, and what happens to it.

    Attributes
    ----------
    folder
        The current folder of the command, and what is watched.
    words
        What follows `ais`.
    fate
        Name of a function of `fates`, and the call at which it acts; none: the command runs to its end.
    """

    folder: str
    words: tuple[str, ...]
    fate: str = ""
    at: int = 0


@dataclass
class Outcome:
    """How a command ended.

    Attributes
    ----------
    code
        Exit code; negative: the signal that ended it.
    errors
        What it wrote for the user to read when something is wrong.
    count
        Calls that change the disk, as far as it came.
    calls
        All of them, if they were to be noted.
    """

    code: int = 0
    errors: str = ""
    count: int = 0
    calls: list[Any] = field(default_factory=list)


class Forge:
    """Runs commands in children of a warm process."""

    def __init__(self, *further: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(HERE / "forge.py"), *further], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def run(self, folder: Path, words: Sequence[str], fate: str = "", at: int = 0) -> Outcome:
        """Run a command to its end, whatever that is."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        pickle.dump(Order(str(folder.resolve()), tuple(words), fate, at), stdin)
        stdin.flush()
        outcome = pickle.load(stdout)
        assert isinstance(outcome, Outcome)
        return outcome

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(60)
        self._process.stdout.close()


def _serve() -> None:
    import ais.cli.main

    orders, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever is printed is no answer
    for command in ais.cli.main.COMMANDS.values():
        importlib.import_module(command.module)
    for name in (*PREPARED, *sys.argv[1:]):
        importlib.import_module(name)
    while True:
        try:
            order = pickle.load(orders)
        except EOFError:
            return
        pickle.dump(_run(order), answers)
        answers.flush()


def _run(order: Order) -> Outcome:
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        os.close(reader)
        _child(order, writer)
    os.close(writer)
    with os.fdopen(reader, "rb") as file:
        told = file.read()
    _, status = os.waitpid(child, 0)
    outcome = pickle.loads(told) if told else Outcome()
    outcome.code = os.waitstatus_to_exitcode(status)
    return outcome


def _child(order: Order, writer: int) -> None:
    import fates  # type: ignore[import-not-found, unused-ignore]

    from ais.cli.main import run

    code, heard, watcher = 70, io.StringIO(), None
    try:
        os.chdir(order.folder)
        watcher = fates.watch(order)
        with contextlib.redirect_stderr(heard), contextlib.redirect_stdout(io.StringIO()):
            code = run(order.words)
    except BaseException:  # noqa: BLE001 - told to the test
        heard.write(traceback.format_exc())
    calls = getattr(watcher, "calls", [])
    told = pickle.dumps(Outcome(0, heard.getvalue(), getattr(watcher, "count", len(calls)), calls))
    with io.FileIO(writer, "w") as file:
        view = memoryview(told)
        while view:
            view = view[file.write(view) or 0 :]
    os._exit(code)


def give_up_privileges() -> None:
    """Let permissions count for root as well: it keeps its files, but may write only where they say so."""
    if sys.platform != "linux" or os.geteuid():
        return

    class Header(ctypes.Structure):
        _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))

    header, sets = Header(0x20080522, 0), (ctypes.c_uint32 * 6)()
    if ctypes.CDLL(None, use_errno=True).capset(ctypes.byref(header), ctypes.byref(sets)):
        raise OSError(ctypes.get_errno(), "capset")


if __name__ == "__main__":
    importlib.import_module("forge")._serve()  # whose classes have the names that are sent
