"""What the screen can draw: OpenGL asked in a process of its own, so that a bad driver takes down nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

TIMEOUT_S = 30.0
SOURCE = str(Path(__file__).resolve().parents[2])
# Neither `-m` nor the current folder, which may be gone, or on a drive that does not answer.
START = "import sys; sys.path.append(sys.argv[1]); from ais.cli.opengl import answer; answer()"
NEEDED = (3, 3)
SOFTWARE = ("llvmpipe", "softpipe", "swrast", "GDI Generic")
DRIVER_ADVICE = "install the driver of the graphics card or, on Linux, Mesa's software renderer (libgl1-mesa-dri)"

FORWARDED = "ssh -X passes only old OpenGL through; use a remote desktop (VNC, X2Go) instead"
DISPLAYS = {0x60001: "Windows", 0x60002: "macOS", 0x60003: "Wayland", 0x60004: "X11"}


@dataclass(frozen=True)
class OpenGL:
    """What was found.

    Attributes
    ----------
    text
        Such as ``"OpenGL 4.5, llvmpipe"``; empty if no window can be opened.
    advice
        One sentence on what is missing or slow, or empty.
    scale
        How many times larger than usual the desktop asks letters to be drawn; 0 if no window can be opened.
    display
        "Wayland", "X11", "Windows", or empty.
    """

    text: str = ""
    advice: str = ""
    scale: float = 0.0
    display: str = ""


def find_opengl(limit_s: float = TIMEOUT_S) -> OpenGL:
    """Open a hidden window in a process of its own and say what draws in it; it has `limit_s` seconds."""
    words = [sys.executable, "-P", "-c", START, SOURCE]
    try:
        done = subprocess.run(
            words, capture_output=True, text=True, errors="replace", timeout=limit_s, check=False, cwd=SOURCE
        )
    except subprocess.TimeoutExpired:
        return OpenGL(advice=f"The graphics driver does not answer: {DRIVER_ADVICE}.")
    try:
        return OpenGL(**json.loads(done.stdout))
    except ValueError:
        return OpenGL(advice=f"The graphics driver crashes (exit code {done.returncode}): {DRIVER_ADVICE}.")


def open_hidden_window() -> OpenGL:
    """Ask OpenGL in this process, which may end by that."""
    try:
        import glfw
        from OpenGL import GL
    except ImportError as error:
        return OpenGL(advice=f"The window cannot be opened ({error}): install Ais again.")
    errors: list[str] = []

    def note(_code: int, text: Any) -> None:
        errors.append(text.decode(errors="replace"))  # bytes, whatever its type hints say

    glfw.set_error_callback(note)
    if not glfw.init():
        return OpenGL(
            advice=f"There is no screen for the window ({'; '.join(errors)}): "
            "commands work without; for the window log in to a desktop, or use a remote desktop."
        )
    display = DISPLAYS.get(glfw.get_platform(), "")
    try:
        glfw.window_hint(glfw.VISIBLE, glfw.FALSE)
        glfw.window_hint(glfw.CONTEXT_VERSION_MAJOR, NEEDED[0])
        glfw.window_hint(glfw.CONTEXT_VERSION_MINOR, NEEDED[1])
        glfw.window_hint(glfw.OPENGL_PROFILE, glfw.OPENGL_CORE_PROFILE)
        glfw.window_hint(glfw.OPENGL_FORWARD_COMPAT, glfw.TRUE)
        window = glfw.create_window(16, 16, "Ais", None, None)
        if not window:
            needed = ".".join(map(str, NEEDED))
            what = FORWARDED if through_ssh() else DRIVER_ADVICE
            return OpenGL(advice=f"The window needs OpenGL {needed} ({'; '.join(errors)}): {what}.", display=display)
        glfw.make_context_current(window)
        scale = glfw.get_window_content_scale(window)[0]
        version, renderer = (GL.glGetString(name).decode(errors="replace") for name in (GL.GL_VERSION, GL.GL_RENDERER))
    finally:
        glfw.terminate()
    return replace(described(version, renderer), scale=round(scale, 2), display=display)


def through_ssh() -> bool:
    """Whether the screen is another computer's, reached by ssh -X."""
    name = os.environ.get("DISPLAY", "")
    return "SSH_CONNECTION" in os.environ and bool(name) and not name.startswith(":")


def described(version: str, renderer: str) -> OpenGL:
    """OpenGL's own words in short, such as ``"OpenGL 4.6, NVIDIA GeForce RTX 3080"``."""
    name = renderer.split(" (")[0].split("/")[0]
    slow = any(software in renderer for software in SOFTWARE)
    advice = f"The window is drawn by the processor ({name}), more slowly: {DRIVER_ADVICE.split(' or,')[0]}."
    number = ".".join(version.split()[0].split(".")[:2])
    return OpenGL(f"OpenGL {number}, {name}", advice if slow else "")


def answer() -> None:
    """Ask OpenGL in this process, and print what it says as JSON."""
    sys.stdout.write(json.dumps(asdict(open_hidden_window())))
