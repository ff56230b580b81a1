"""OpenGL's global state, given back as it was found, so that Dear ImGui's own drawing is not disturbed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ais.gui.gl.binding import GL

UNITS = 16
"""Texture units that OpenGL 3.3 promises to a fragment shader."""

_SWITCHES = (
    "GL_BLEND",
    "GL_SCISSOR_TEST",
    "GL_DEPTH_TEST",
    "GL_STENCIL_TEST",
    "GL_CULL_FACE",
    "GL_FRAMEBUFFER_SRGB",
)


@contextmanager
def drawing_state(units: int = UNITS) -> Iterator[None]:
    """Plain drawing inside (nothing blended, clipped or culled), and everything as before afterwards.

    Parameters
    ----------
    units
        How many texture units, from 0 on, the drawing inside binds textures to.
    """
    draw = int(GL.glGetIntegerv(GL.GL_DRAW_FRAMEBUFFER_BINDING))
    read = int(GL.glGetIntegerv(GL.GL_READ_FRAMEBUFFER_BINDING))
    viewport = [int(value) for value in GL.glGetIntegerv(GL.GL_VIEWPORT)]
    scissor = [int(value) for value in GL.glGetIntegerv(GL.GL_SCISSOR_BOX)]
    program = int(GL.glGetIntegerv(GL.GL_CURRENT_PROGRAM))
    vertices = int(GL.glGetIntegerv(GL.GL_VERTEX_ARRAY_BINDING))
    unpack = int(GL.glGetIntegerv(GL.GL_PIXEL_UNPACK_BUFFER_BINDING))
    pack = int(GL.glGetIntegerv(GL.GL_PIXEL_PACK_BUFFER_BINDING))
    blend = [
        int(GL.glGetIntegerv(name))
        for name in (GL.GL_BLEND_SRC_RGB, GL.GL_BLEND_DST_RGB, GL.GL_BLEND_SRC_ALPHA, GL.GL_BLEND_DST_ALPHA)
    ]
    equations = [int(GL.glGetIntegerv(name)) for name in (GL.GL_BLEND_EQUATION_RGB, GL.GL_BLEND_EQUATION_ALPHA)]
    switches = {name: bool(GL.glIsEnabled(getattr(GL, name))) for name in _SWITCHES}
    active = int(GL.glGetIntegerv(GL.GL_ACTIVE_TEXTURE))
    bound: list[tuple[int, int]] = []
    for unit in range(units):
        GL.glActiveTexture(GL.GL_TEXTURE0 + unit)
        bound.append((int(GL.glGetIntegerv(GL.GL_TEXTURE_BINDING_2D)), int(GL.glGetIntegerv(GL.GL_SAMPLER_BINDING))))
        GL.glBindSampler(unit, 0)
    GL.glActiveTexture(GL.GL_TEXTURE0)
    GL.glBindBuffer(GL.GL_PIXEL_UNPACK_BUFFER, 0)
    GL.glBindBuffer(GL.GL_PIXEL_PACK_BUFFER, 0)
    for name in _SWITCHES:
        GL.glDisable(getattr(GL, name))
    GL.glColorMask(True, True, True, True)
    try:
        yield
    finally:
        GL.glBindFramebuffer(GL.GL_DRAW_FRAMEBUFFER, draw)
        GL.glBindFramebuffer(GL.GL_READ_FRAMEBUFFER, read)
        GL.glViewport(*viewport)
        GL.glScissor(*scissor)
        GL.glUseProgram(program)
        GL.glBindVertexArray(vertices)
        GL.glBindBuffer(GL.GL_PIXEL_UNPACK_BUFFER, unpack)
        GL.glBindBuffer(GL.GL_PIXEL_PACK_BUFFER, pack)
        GL.glBlendFuncSeparate(*blend)
        GL.glBlendEquationSeparate(*equations)
        for name, on in switches.items():
            (GL.glEnable if on else GL.glDisable)(getattr(GL, name))
        for unit, (texture, sampler) in enumerate(bound):
            GL.glActiveTexture(GL.GL_TEXTURE0 + unit)
            GL.glBindTexture(GL.GL_TEXTURE_2D, texture)
            GL.glBindSampler(unit, sampler)
        GL.glActiveTexture(active)
