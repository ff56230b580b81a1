"""Draws a frame of the scene step by step: what is opaque, what is transparent, then the light and the lines."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial

from ais.gui.gl.binding import GL, draws_in_software
from ais.gui.gl.draw_target import DrawTarget
from ais.gui.gl.program import Program, ProgramCache
from ais.gui.gl.triangle import FullScreenTriangle
from ais.gui.scene.bodies import Bodies, ParticleBody, SliceBody, SurfaceBody
from ais.gui.scene.contents import HIDDEN, HIGHLIGHTED, ParticleItem, Scene, Shading, SliceItem, SurfaceItem
from ais.gui.scene.frame import Frame, Matrices
from ais.gui.scene.glow import GlowPainter, reduction_of
from ais.gui.scene.lines import Lines, axes_lines, box_lines
from ais.gui.scene.table import SceneTable
from ais.gui.scene.targets import Targets

SOFTWARE_GUESS, CARD_GUESS = 3e6, 3e8
"""Triangles per second before any have been timed, without and with a graphics card."""

SLOW = 3e7
"""A computer that draws fewer triangles per second is spared what can be spared."""

LEAST_WHILE_MOVING = 40_000
"""Triangles that a moving scene is drawn with at least, however busy the computer is."""

STEP_SECONDS = 0.03
MOVING_SECONDS = 0.015
TIMED_FROM = 50_000
BANDS = 8
MESH, SPHERE, SLICE, DISC = 0, 1, 2, 3
"""As BODY in scene_body.glsl."""

TRIANGLES_OF_A_SPHERE = 20
"""Two, but they take as long as so many of a surface."""

TEXTURES = 10
BOX_PX, AXES_PX = 1.2, 2.6

Item = SurfaceItem | ParticleItem | SliceItem


class ScenePainter:
    """Draws frames; each step of its methods leaves OpenGL's state to be restored by `drawing_state`.

    Parameters
    ----------
    table, bodies
        True to the scene that is drawn.

    Attributes
    ----------
    triangles_per_second
        As measured.
    """

    def __init__(self, table: SceneTable, bodies: Bodies) -> None:
        self._table = table
        self._bodies = bodies
        self._programs: dict[tuple[str, str, tuple[tuple[str, int], ...]], Program] = {}
        self._flat = ProgramCache()
        self._triangle = FullScreenTriangle()
        self._glow = GlowPainter(bodies, self._flat, self._triangle)
        self.triangles_per_second = SOFTWARE_GUESS if draws_in_software() else CARD_GUESS

    @property
    def slow(self) -> bool:
        """Whether there seems to be no graphics card that is worth the name."""
        return self.triangles_per_second < SLOW

    def triangles(self, frame: Frame) -> int:
        """How many triangles the frame has in full detail."""
        surfaces = [(item, self._bodies.surface(item)) for item in frame.scene.surfaces]
        count = sum(body.visible_faces(item.states) for item, body in surfaces if body is not None)
        return count + sum(
            len(item.positions) * (60 if item.body == "arrow" else TRIANGLES_OF_A_SPHERE)
            for item in frame.scene.particles
        )

    def numbers(self, frame: Frame, targets: Targets, *, moving: bool = False) -> Iterator[None]:
        """Draw what is opaque; and, unless the view moves, all that is nearest, for picking and for lines."""
        opaque = [item for item in _items(frame.scene) if item.alpha >= 1]
        targets.numbers.bind()
        targets.numbers.clear((0, 0, 0, 0))
        yield from self._draw(frame, targets.numbers, opaque, "scene_numbers.frag", moving)
        clear = _transparent(frame)
        if moving or not clear:
            return
        front = targets.front
        GL.glBindFramebuffer(GL.GL_READ_FRAMEBUFFER, targets.numbers.name)
        GL.glBindFramebuffer(GL.GL_DRAW_FRAMEBUFFER, front.name)
        width, height = targets.size
        both = GL.GL_COLOR_BUFFER_BIT | GL.GL_DEPTH_BUFFER_BIT
        GL.glBlitFramebuffer(0, 0, width, height, 0, 0, width, height, both, GL.GL_NEAREST)
        # A slice that one sees through is not in the way of a click.
        pickable: list[Item] = [item for item in clear if not isinstance(item, SliceItem)]
        yield from self._draw(frame, front, pickable, "scene_numbers.frag", moving)

    def light(self, frame: Frame, targets: Targets, *, moving: bool = False, cover: float = 1.0) -> Iterator[None]:
        """Make the picture of what `numbers` has drawn; `cover` 0 leaves the background out."""
        clear, look = _transparent(frame), frame.scene.look
        if clear:
            targets.layers.bind()
            # Behind what is opaque, whose depth is kept.
            targets.layers.clear((0, 0, 0, 1), (0, 0, 0, 1), depth=False)
            yield from self._draw(frame, targets.layers, clear, "scene_layers.frag", moving, blended=True)
        shaded = look.occlusion > 0 and not moving
        if shaded:
            yield from self._shade(frame, targets)
        glowing = bool(frame.scene.projections)
        reduction = reduction_of(targets, quick=moving and self.slow)
        if glowing:
            yield from self._glow.draw(frame, targets, moving=moving, slow=self.slow)
        targets.colour.bind()
        lined = look.edges or _highlights(frame)
        program = self._flat.get(
            "scene_compose.frag",
            SHADING=list(Shading).index(look.shading),
            LAYERS=int(bool(clear)),
            OCCLUSION=int(shaded),
            EDGES=0 if not lined else 2 if clear and not moving else 1,
            SILHOUETTES=int(look.edges),
            HIGHLIGHTS=int(_highlights(frame)),
            GLOW=0 if not glowing else 1 if reduction == 1 else 2,
        )
        frame.set_depth(program)
        frame.set_light(program)
        program.set("cover", float(cover))
        program.set("line", targets.samples)
        self._bind(program, "table", 0)
        self._bind_target(program, targets.numbers, "numbers", 1, "depth", 2)
        if clear:
            self._bind_target(program, targets.layers, "sum", 3)
            program.set("weights", 4)
            targets.layers.colours[1].bind(4)
            if not moving and lined:
                self._bind_target(program, targets.front, "front_numbers", 5, "front_depth", 6)
        if shaded:
            program.set("occlusion", float(look.occlusion))
            self._bind_target(program, targets.sky[1], "open_sky", 7)
        if glowing:
            program.set("reduction", reduction)
            program.set("glow", 8)
            program.set("glow_weights", 9)
            for unit, texture in enumerate(targets.glow(reduction).colours, 8):
                texture.bind(unit)
        yield from self._fill(targets.colour, program, moving)
        self._draw_lines(frame, targets)
        if targets.samples > 1:
            targets.final.bind()
            program = self._flat.get("scene_resolve.frag", SAMPLES=targets.samples)
            self._bind_target(program, targets.colour, "picture", 0)
            yield from self._fill(targets.final, program, moving)

    def release(self) -> None:
        """Free everything in the graphics driver."""
        for program in self._programs.values():
            program.release()
        self._programs.clear()
        self._flat.release()
        self._triangle.release()

    def _draw(
        self,
        frame: Frame,
        target: DrawTarget,
        items: list[Item],
        fragment: str,
        moving: bool,
        *,
        blended: bool = False,
    ) -> Iterator[None]:
        details = self._details(frame, items) if moving else {}
        for item in items:
            for count, draw in self._pieces(frame, item, fragment, details.get(id(item), 0), moving):
                began = time.perf_counter()
                target.bind()
                _prepare(blended, frame.inside)
                draw()
                GL.glDisable(GL.GL_DEPTH_TEST)
                GL.glDisable(GL.GL_CULL_FACE)
                GL.glDisable(GL.GL_BLEND)
                GL.glDepthMask(True)
                GL.glCullFace(GL.GL_BACK)
                if moving:
                    continue
                if count >= TIMED_FROM:
                    GL.glFinish()
                    rate = count / max(time.perf_counter() - began, 1e-6)
                    self.triangles_per_second += 0.3 * (rate - self.triangles_per_second)
                yield

    def _pieces(
        self, frame: Frame, item: Item, fragment: str, detail: int, moving: bool
    ) -> Iterator[tuple[int, Callable[[], None]]]:
        """How many triangles to draw, and a function that does it: small enough for a step each at rest."""
        if isinstance(item, SurfaceItem):
            yield from self._surface_pieces(frame, item, fragment, detail, moving)
        elif isinstance(item, ParticleItem):
            yield from self._particle_pieces(frame, item, fragment, moving)
        else:
            body = self._bodies.slice(item)
            if body is not None:
                yield 2, partial(self._draw_slice, frame, item, body, fragment)

    def _surface_pieces(
        self, frame: Frame, item: SurfaceItem, fragment: str, detail: int, moving: bool
    ) -> Iterator[tuple[int, Callable[[], None]]]:
        body = self._bodies.surface(item)
        if body is None:
            return
        count = body.visible_faces(item.states)
        if detail:
            count = body.meshes[detail].faces if count else 0
        step = count if moving else max(int(self.triangles_per_second * STEP_SECONDS), TIMED_FROM)
        first = 0
        while first < count:
            some = min(step, count - first)
            # A last piece that is hardly worth a step goes with the one before.
            some = count - first if count - first < 1.5 * step else some
            yield some, partial(self._draw_surface, frame, item, body, fragment, detail, first, some)
            first += some

    def _particle_pieces(
        self, frame: Frame, item: ParticleItem, fragment: str, moving: bool
    ) -> Iterator[tuple[int, Callable[[], None]]]:
        body = self._bodies.particles(item)
        if body is None:
            return
        count, each = len(item.positions), body.faces or TRIANGLES_OF_A_SPHERE
        if moving:
            plain = count * each > self.triangles_per_second * MOVING_SECONDS / 4
            yield count * each, partial(self._draw_particles, frame, item, body, fragment, 0, count, plain)
            return
        step = max(int(self.triangles_per_second * STEP_SECONDS), TIMED_FROM) // each
        for first in range(0, count, step):
            some = min(step, count - first)
            yield some * each, partial(self._draw_particles, frame, item, body, fragment, first, some)

    def _draw_surface(
        self, frame: Frame, item: SurfaceItem, body: SurfaceBody, fragment: str, detail: int, first: int, count: int
    ) -> None:
        program = self._program("scene_surface.vert", fragment, frame, item)
        program.set("first", self._table.first(item))
        body.draw(detail, first, count)

    def _draw_particles(
        self,
        frame: Frame,
        item: ParticleItem,
        body: ParticleBody,
        fragment: str,
        first: int,
        count: int,
        plain: bool = False,
    ) -> None:
        if body.faces:
            vertex, kind = "scene_spike.vert" if plain else "scene_arrow.vert", MESH
        else:
            vertex, kind = ("scene_point.vert", DISC) if plain else ("scene_sphere.vert", SPHERE)
        program = self._program(vertex, fragment, frame, item, kind)
        program.set("first", self._table.first(item) + first)
        program.set("radius", float(item.radius))
        program.set("pixels", float(GL.glGetIntegerv(GL.GL_VIEWPORT)[3]))
        if body.faces and not plain:
            body.array.draw_instances(body.faces, first, count)
            return
        # Triangles that face the viewer have no far side.
        GL.glDisable(GL.GL_CULL_FACE)
        if body.faces:
            body.plain.draw_corners(3 * count)
        elif plain:
            body.plain.draw_points(count)
        else:
            body.array.draw_strips(4, first, count)

    def _draw_slice(self, frame: Frame, item: SliceItem, body: SliceBody, fragment: str) -> None:
        program = self._program("scene_slice.vert", fragment, frame, item, SLICE)
        for name in ("corner", "along_columns", "along_rows"):
            x, y, z = getattr(item, name)
            program.set(name, (float(x), float(y), float(z)))
        program.set("picture", 1)
        body.texture.bind(1)
        GL.glDisable(GL.GL_CULL_FACE)
        self._triangle.draw_strip(4)

    def _program(self, vertex: str, fragment: str, frame: Frame, item: Item, body: int = MESH) -> Program:
        """A program in use that knows the view, and the light if it needs that."""
        lit = fragment == "scene_layers.frag"
        definitions = {"BODY": body} | (
            {"SHADING": list(Shading).index(frame.scene.look.shading), "QUICK": int(frame.quick)} if lit else {}
        )
        key = (vertex, fragment, tuple(sorted(definitions.items())))
        program = self._programs.get(key)
        if program is None:
            program = self._programs[key] = Program.from_files(vertex, fragment, definitions)
        program.use()
        frame.set_view(program)
        if lit:
            frame.set_light(program)
            program.set("alpha", float(item.alpha))
        program.set("table", 0)
        self._table.bind(0)
        return program

    def _details(self, frame: Frame, items: list[Item]) -> dict[int, int]:
        """Which mesh of each surface to draw while the view moves, by the item's identity."""
        drawn = [item for item in items if isinstance(item, SurfaceItem)]
        # The opaque and the transparent have a turn each.
        share = self._bodies.faces(drawn) / max(self._bodies.faces(frame.scene.surfaces), 1)
        budget = max(self.triangles_per_second * MOVING_SECONDS, LEAST_WHILE_MOVING) * max(share, 0.1)
        return self._bodies.details(drawn, int(budget))

    def _shade(self, frame: Frame, targets: Targets) -> Iterator[None]:
        sampled, smooth = targets.sky
        sampled.bind()
        program = self._flat.get("scene_occlusion.frag")
        frame.set_depth(program)
        program.set("to_clip", frame.to_clip)
        program.set("radius", float(frame.shade))
        program.set("reduction", targets.reduction)
        self._bind_target(program, targets.numbers, "numbers", 1, "depth", 2)
        yield from self._fill(sampled, program, False)
        smooth.bind()
        program = self._flat.get("scene_blur.frag")
        frame.set_depth(program)
        program.set("reduction", targets.reduction)
        self._bind_target(program, targets.numbers, "numbers", 1, "depth", 2)
        self._bind_target(program, sampled, "open_sky", 0)
        yield from self._fill(smooth, program, False)

    def _fill(self, target: DrawTarget, program: Program, moving: bool) -> Iterator[None]:
        """Run a program on all pixels, in bands that take a step each; textures must stay bound in between."""
        bands = 1 if moving or not self.slow else BANDS
        bound = _bound_textures()
        width, height = target.colours[0].width, target.colours[0].height
        for band in range(bands):
            target.bind()
            program.use()
            for unit, name in enumerate(bound):
                GL.glActiveTexture(GL.GL_TEXTURE0 + unit)
                GL.glBindTexture(GL.GL_TEXTURE_2D, name)
            GL.glEnable(GL.GL_SCISSOR_TEST)
            first, last = height * band // bands, height * (band + 1) // bands
            GL.glScissor(0, first, width, last - first)
            self._triangle.draw()
            GL.glDisable(GL.GL_SCISSOR_TEST)
            if not moving:
                if bands > 1:
                    GL.glFinish()
                yield

    def _draw_lines(self, frame: Frame, targets: Targets) -> None:
        look = frame.scene.look
        targets.lines.bind()
        GL.glEnable(GL.GL_BLEND)
        GL.glBlendEquation(GL.GL_FUNC_ADD)
        GL.glBlendFunc(GL.GL_ONE, GL.GL_ONE_MINUS_SRC_ALPHA)
        size = tuple(float(length) for length in targets.size)
        thickness = targets.size[0] / frame.columns
        if look.box:
            GL.glEnable(GL.GL_DEPTH_TEST)
            GL.glDepthMask(False)
            lines = box_lines(frame.scene.low, frame.scene.high, look.background)
            self._draw_some(lines, frame.to_clip @ frame.to_view, size, max(BOX_PX * thickness, BOX_PX))
            GL.glDepthMask(True)
            GL.glDisable(GL.GL_DEPTH_TEST)
        if look.axes:
            self._draw_some(axes_lines(frame.camera, frame.size), frame.crop, size, max(AXES_PX * thickness, BOX_PX))
        GL.glDisable(GL.GL_BLEND)

    def _draw_some(self, lines: Lines, to_clip: Matrices, size: tuple[float, ...], width: float) -> None:
        ends, colours = lines
        key = ("scene_line.vert", "scene_line.frag", (("LINES", len(colours)),))
        program = self._programs.get(key)
        if program is None:
            program = self._programs[key] = Program.from_files(key[0], key[1], dict(key[2]))
        program.use()
        program.set("ends", ends)
        program.set("colours", colours)
        program.set("to_clip", to_clip)
        program.set("size", size)
        program.set("width", width)
        self._triangle.draw_corners(6 * len(colours))

    def _bind(self, program: Program, name: str, unit: int) -> None:
        program.set(name, unit)
        self._table.bind(unit)

    def _bind_target(
        self, program: Program, target: DrawTarget, name: str, unit: int, depth_name: str = "", depth_unit: int = 0
    ) -> None:
        program.set(name, unit)
        target.colours[0].bind(unit)
        if depth_name and target.depth is not None:
            program.set(depth_name, depth_unit)
            target.depth.bind(depth_unit)


def has_transparent(scene: Scene) -> bool:
    """Whether something in the scene is seen through, so that what is nearest is not the same as what is opaque."""
    return any(0 < item.alpha < 1 for item in _items(scene))


def _items(scene: Scene) -> list[Item]:
    bodies: list[SurfaceItem | ParticleItem] = [*scene.surfaces, *scene.particles]
    return [*(item for item in bodies if (item.states != HIDDEN).any()), *scene.slices]


def _transparent(frame: Frame) -> list[Item]:
    return [item for item in _items(frame.scene) if 0 < item.alpha < 1]


def _highlights(frame: Frame) -> bool:
    bodies: list[SurfaceItem | ParticleItem] = [*frame.scene.surfaces, *frame.scene.particles]
    return any((item.states == HIGHLIGHTED).any() for item in bodies)


def _prepare(blended: bool, inside: bool) -> None:
    GL.glEnable(GL.GL_DEPTH_TEST)
    GL.glDepthFunc(GL.GL_LESS)
    if not inside:
        # Surfaces are closed: their far walls are never seen. With y down, what faces the viewer turns clockwise.
        GL.glEnable(GL.GL_CULL_FACE)
        GL.glCullFace(GL.GL_FRONT)
    if blended:
        GL.glDepthMask(False)
        GL.glEnable(GL.GL_BLEND)
        GL.glBlendEquation(GL.GL_FUNC_ADD)
        GL.glBlendFuncSeparate(GL.GL_ONE, GL.GL_ONE, GL.GL_ZERO, GL.GL_ONE_MINUS_SRC_ALPHA)


def _bound_textures() -> list[int]:
    names = []
    for unit in range(TEXTURES):
        GL.glActiveTexture(GL.GL_TEXTURE0 + unit)
        names.append(int(GL.glGetIntegerv(GL.GL_TEXTURE_BINDING_2D)))
    return names
