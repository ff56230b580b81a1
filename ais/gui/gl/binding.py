"""PyOpenGL, set up before it is first imported: the only module that imports it."""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any

from ais.errors import AisError

DEBUG_VARIABLE = "AIS_GL_DEBUG"
"""With this environment variable set, PyOpenGL checks for an error after every call (several times slower)."""


class GraphicsError(AisError):
    """The graphics driver refused something; the message carries the driver's own words."""


def _load() -> tuple[Any, Any, Any]:
    if sys.platform.startswith("linux"):
        # The window's GLFW is an X11 build, under Wayland too (through XWayland); PyOpenGL would guess EGL there.
        os.environ.setdefault("PYOPENGL_PLATFORM", "x11")
    opengl: Any = importlib.import_module("OpenGL")
    debug = bool(os.environ.get(DEBUG_VARIABLE))
    opengl.ERROR_CHECKING = debug
    opengl.ERROR_LOGGING = False
    opengl.CONTEXT_CHECKING = debug
    return (
        importlib.import_module("OpenGL.GL"),
        importlib.import_module("OpenGL.raw.GL.VERSION.GL_1_0"),
        importlib.import_module("OpenGL.raw.GL.VERSION.GL_1_1"),
    )


GL, RAW_1_0, RAW_1_1 = _load()
"""OpenGL's functions; the raw ones take addresses and leave the pixel storage modes alone."""


def check_errors() -> None:
    """Raise what OpenGL has recorded since the last check.

    Raises
    ------
    GraphicsError
        If OpenGL has recorded an error; the record is empty afterwards.
    """
    codes: list[str] = []
    # Without a context some drivers report the same error for ever.
    while len(codes) < 16 and (code := int(RAW_1_0.glGetError())) != 0:
        codes.append(f"0x{code:04x}")
    if codes:
        raise GraphicsError(
            f"The graphics driver reported {', '.join(codes)}: update the driver, or set {DEBUG_VARIABLE}=1 to see "
            "which call failed."
        )


SOFTWARE = ("llvmpipe", "softpipe", "swrast", "swiftshader", "gdi generic", "basic render", "software")
"""Words in the names of drivers that draw without a graphics card."""


def draws_in_software() -> bool:
    """Whether the current context's driver has no graphics card to draw with."""
    name = GL.glGetString(GL.GL_RENDERER) or b""
    text = name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name)
    return any(word in text.lower() for word in SOFTWARE)
