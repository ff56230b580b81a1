"""Shader programs: compiled, linked, and fed with uniforms."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib import resources
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ais.gui.gl.binding import GL, GraphicsError
from ais.gui.gl.objects import GlObject

HEADER = "#version 330 core\n"

_INCLUDE = re.compile(r'^#include "([\w.]+)"$', re.MULTILINE)

Uniform = int | float | tuple[float, ...] | NDArray[np.float32]


def shader_source(name: str) -> str:
    """The text of a shader that comes with the program, e.g. "slice.frag", with the files that it includes.

    Raises
    ------
    GraphicsError
        If there is none of this name.
    """
    try:
        text = resources.files("ais").joinpath("shaders", name).read_text(encoding="utf-8")
    except OSError as error:
        raise GraphicsError(f"The shader {name} is missing from this installation: install Ais again.") from error
    return _INCLUDE.sub(lambda found: shader_source(found[1]), text)


class Program(GlObject):
    """A vertex and a fragment shader, linked.

    Parameters
    ----------
    vertex, fragment
        GLSL 3.30 without the version line, which is put before it with the definitions.
    definitions
        Names and values that the text may use as macros.
    title
        What error messages call it.

    Raises
    ------
    GraphicsError
        With the driver's log if it does not compile or link.
    """

    kind: ClassVar[str] = "program"

    def __init__(
        self, vertex: str, fragment: str, definitions: Mapping[str, int | str] | None = None, title: str = "a shader"
    ) -> None:
        defined = "".join(f"#define {key} {value}\n" for key, value in (definitions or {}).items())
        shaders: list[int] = []
        try:
            for stage, text in ((GL.GL_VERTEX_SHADER, vertex), (GL.GL_FRAGMENT_SHADER, fragment)):
                shaders.append(_compiled(stage, HEADER + defined + "#line 1\n" + text, title))
            super().__init__(_linked(shaders, title))
        finally:
            for shader in shaders:
                GL.glDeleteShader(shader)
        self._locations: dict[str, int] = {}
        self._values: dict[str, Any] = {}

    @classmethod
    def from_files(cls, vertex: str, fragment: str, definitions: Mapping[str, int | str] | None = None) -> Program:
        """A program of two shader files that come with Ais."""
        return cls(shader_source(vertex), shader_source(fragment), definitions, fragment)

    def use(self) -> None:
        """Make it the program that draws, and that `set` speaks to."""
        GL.glUseProgram(self.name)

    def set(self, name: str, value: Uniform) -> None:
        """Give a uniform its value; the program must be in use. One that the shader does not use is left out.

        Parameters
        ----------
        name
            Of the uniform.
        value
            An int (int, bool, sampler), a float, a tuple of 2-4 floats or of as many ints, or an array of float32:
            (n,) for float[n], (n, 4) for vec4[n], (n, 4, 4) for mat4[n] as rows. Its type must be the shader's.
        """
        if isinstance(value, np.ndarray):
            key: Any = (value.shape, value.tobytes())
        else:
            key = value
        if self._values.get(name) == key:
            return
        location = self._locations.get(name)
        if location is None:
            location = self._locations[name] = int(GL.glGetUniformLocation(self.name, name))
        self._values[name] = key
        if location >= 0:
            _send(location, value)

    def _delete(self, name: int) -> None:
        GL.glDeleteProgram(name)


def _compiled(stage: int, text: str, title: str) -> int:
    shader = int(GL.glCreateShader(stage))
    GL.glShaderSource(shader, text)
    GL.glCompileShader(shader)
    if not GL.glGetShaderiv(shader, GL.GL_COMPILE_STATUS):
        log = _text(GL.glGetShaderInfoLog(shader))
        GL.glDeleteShader(shader)
        raise GraphicsError(f"The graphics driver cannot compile {title}: update the driver. It says: {log}")
    return shader


def _linked(shaders: list[int], title: str) -> int:
    program = int(GL.glCreateProgram())
    for shader in shaders:
        GL.glAttachShader(program, shader)
    GL.glLinkProgram(program)
    for shader in shaders:
        GL.glDetachShader(program, shader)
    if not GL.glGetProgramiv(program, GL.GL_LINK_STATUS):
        log = _text(GL.glGetProgramInfoLog(program))
        GL.glDeleteProgram(program)
        raise GraphicsError(f"The graphics driver cannot link {title}: update the driver. It says: {log}")
    return program


def _text(log: bytes | str) -> str:
    return (log.decode("utf-8", "replace") if isinstance(log, bytes) else log).strip()


def _send(location: int, value: Uniform) -> None:
    if isinstance(value, int):
        GL.glUniform1i(location, value)
    elif isinstance(value, float):
        GL.glUniform1f(location, value)
    elif isinstance(value, tuple) and all(isinstance(item, int) for item in value):
        (GL.glUniform2i, GL.glUniform3i, GL.glUniform4i)[len(value) - 2](location, *value)
    elif isinstance(value, tuple):
        (GL.glUniform2f, GL.glUniform3f, GL.glUniform4f)[len(value) - 2](location, *value)
    elif value.ndim == 1:
        GL.glUniform1fv(location, len(value), np.ascontiguousarray(value, np.float32))
    elif value.ndim == 2:
        GL.glUniform4fv(location, len(value), np.ascontiguousarray(value, np.float32))
    else:
        GL.glUniformMatrix4fv(location, len(value), GL.GL_TRUE, np.ascontiguousarray(value, np.float32))


class ProgramCache:
    """Programs made of shader files, each compiled when it is first asked for; several views can share one cache."""

    def __init__(self) -> None:
        self._programs: dict[tuple[str, tuple[tuple[str, int | str], ...]], Program] = {}

    def get(self, fragment: str, **definitions: int | str) -> Program:
        """A program that draws the full-screen triangle with a fragment shader file, put in use.

        Parameters
        ----------
        fragment
            The file's name, e.g. "slice.frag".
        **definitions
            Macros for its text.
        """
        key = (fragment, tuple(sorted(definitions.items())))
        program = self._programs.get(key)
        if program is None:
            program = self._programs[key] = Program.from_files("screen.vert", fragment, definitions)
        program.use()
        return program

    def release(self) -> None:
        """Free all programs."""
        for program in self._programs.values():
            program.release()
        self._programs.clear()
