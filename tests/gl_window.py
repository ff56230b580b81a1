"""A hidden window with an OpenGL 3.3 core context, for tests and benchmarks that run in a process of their own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import glfw


@contextmanager
def hidden_window(width: int = 64, height: int = 64) -> Iterator[None]:
    """A current context for as long as the block runs."""
    assert glfw.init(), "GLFW found no display"
    try:
        glfw.window_hint(glfw.VISIBLE, glfw.FALSE)
        glfw.window_hint(glfw.CONTEXT_VERSION_MAJOR, 3)
        glfw.window_hint(glfw.CONTEXT_VERSION_MINOR, 3)
        glfw.window_hint(glfw.OPENGL_PROFILE, glfw.OPENGL_CORE_PROFILE)
        window = glfw.create_window(width, height, "tests", None, None)
        assert window, "no OpenGL 3.3 core context"
        glfw.make_context_current(window)
        yield
    finally:
        glfw.terminate()
