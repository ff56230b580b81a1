"""A screen for tests of windows and of drawing: an X server that draws into memory, with OpenGL in software.

Windows and macOS have a screen of their own; there nothing is started and nothing is changed.
"""

from __future__ import annotations

import os
import select
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

SIZE = (1600, 1000)
# llvmpipe draws the same picture on every machine; a driver of the machine's GPU would not, and may not be there.
SOFTWARE_DRAWING: Mapping[str, str] = MappingProxyType({"LIBGL_ALWAYS_SOFTWARE": "1", "GALLIUM_DRIVER": "llvmpipe"})
OPTIONS = ("-nolisten", "tcp", "-noreset", "+extension", "GLX", "+extension", "RANDR")
SECONDS_TO_START = 30.0
MISSING = "Xvfb is missing: run .ci/system-libraries, which installs it or says how"


def needs_a_screen() -> bool:
    """Return whether windows need an X server here (not on Windows and macOS)."""
    return sys.platform not in ("win32", "darwin", "cygwin")


@contextmanager
def virtual_screen(size: tuple[int, int] = SIZE, memory: Path | None = None) -> Iterator[dict[str, str]]:
    """Start one Xvfb of its own and end it; give the environment in which a child process draws on it.

    Parameters
    ----------
    size
        Width and height of the screen in pixels.
    memory
        An existing folder in which the screen's memory is kept as a file, for ``picture_of_screen``.

    Yields
    ------
    dict
        A copy of this process's environment with ``DISPLAY`` and with software drawing; unchanged on Windows and
        macOS. This process's own environment stays as it is: see ``drawing_here`` for that.

    Raises
    ------
    RuntimeError
        If Xvfb is not installed or does not start.
    """
    if not needs_a_screen():
        yield dict(os.environ)
        return
    program = shutil.which("Xvfb")
    if program is None:
        raise RuntimeError(MISSING)
    keep = [] if memory is None else ["-fbdir", str(memory)]
    reading, writing = os.pipe()
    try:
        # The server chooses a free display itself and writes its number: nothing to guess, so servers can run beside.
        server = subprocess.Popen(
            [program, "-displayfd", str(writing), "-screen", "0", f"{size[0]}x{size[1]}x24", *OPTIONS, *keep],
            pass_fds=(writing,),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
    finally:
        os.close(writing)
    try:
        number = _first_line(reading)
        if not number:
            raise RuntimeError(f"Xvfb did not start (exit code {server.poll()})")
        environment = {**os.environ, **SOFTWARE_DRAWING, "DISPLAY": f":{number}"}
        # A Wayland session would win over DISPLAY, and its cookie is for another server.
        for name in ("WAYLAND_DISPLAY", "XAUTHORITY"):
            environment.pop(name, None)
        yield environment
    finally:
        os.close(reading)
        server.terminate()
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def picture_of_screen(memory: Path) -> NDArray[np.uint8] | None:
    """Return what the whole screen shows now, whatever has become of the process that drew it.

    Parameters
    ----------
    memory
        The folder given to ``virtual_screen``.

    Returns
    -------
    numpy.ndarray or None
        RGB, shape (height, width, 3); None where there is no such screen (Windows, macOS).
    """
    file = memory / "Xvfb_screen0"
    if not file.is_file():
        return None
    data = file.read_bytes()
    # The file has the XWD format: 25 big-endian numbers, a name, a colour table, the rows.
    header = np.frombuffer(data, ">u4", 25).astype(int)
    start, (width, height), line = header[0] + 12 * header[19], header[4:6], header[12]
    rows = np.frombuffer(data, np.uint8, height * line, start).reshape(height, line)
    return rows[:, : 4 * width].reshape(height, width, 4)[:, :, 2::-1].copy()


@contextmanager
def drawing_here(environment: Mapping[str, str]) -> Iterator[None]:
    """Let this very process draw on the screen of ``virtual_screen`` while the block runs."""
    names = ("DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY", *SOFTWARE_DRAWING)
    before = {name: os.environ.get(name) for name in names}
    try:
        _set({name: environment.get(name) for name in names})
        yield
    finally:
        _set(before)


def _set(values: Mapping[str, str | None]) -> None:
    for name, value in values.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def _first_line(descriptor: int) -> str:
    """Return the first line that arrives, or what came of it when the writer ended or the time was over."""
    text = b""
    while not text.endswith(b"\n"):
        ready, _, _ = select.select([descriptor], [], [], SECONDS_TO_START)
        piece = os.read(descriptor, 64) if ready else b""
        if not piece:
            break
        text += piece
    return text.decode().strip()
