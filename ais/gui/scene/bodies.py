"""What the graphics driver holds of a scene: surfaces, particles and slices, each sent once."""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ais.gui.gl.texture import Texture2D, max_texture_size
from ais.gui.gl.vertices import VertexArray
from ais.gui.scene.contents import HIDDEN, ParticleItem, ProjectionItem, Scene, SliceItem, SurfaceItem
from ais.gui.scene.detail import DetailMaker, Mesh, whole
from ais.surfaces import Surface

Floats = NDArray[np.float32]

ARROW_LENGTH = 3.0
"""In radii."""

DETAIL_FROM = 20_000
"""Surfaces of more triangles have coarser meshes for the moving view."""


@dataclass
class _MeshBody:
    """A mesh in the driver; its faces lie component after component only in full detail."""

    array: VertexArray
    faces: int


@dataclass
class SurfaceBody:
    """A surface in the driver, in full and in less detail."""

    surface: Surface
    low: Floats
    high: Floats
    meshes: list[_MeshBody]
    wished: Future[list[Mesh]] | None = None

    def visible_faces(self, states: NDArray[np.uint8]) -> int:
        """How many faces there are up to the last that is not hidden: dust is last, and costs nothing."""
        shown = np.flatnonzero(states != HIDDEN)
        return int(self.surface.face_starts[shown[-1] + 1]) if len(shown) else 0

    def draw(self, detail: int, first: int, count: int) -> None:
        """Draw some of the faces of a mesh; 0 is full detail."""
        self.meshes[detail].array.draw_faces(first, count)

    def release(self) -> None:
        """Free what the driver holds."""
        if self.wished is not None:
            self.wished.cancel()
        for mesh in self.meshes:
            mesh.array.release()


@dataclass
class ParticleBody:
    """Places of particles in the driver, with the body that is drawn at each, and a plain one for the moving view."""

    positions: Floats
    directions: Floats | None
    array: VertexArray
    plain: VertexArray
    low: Floats
    high: Floats
    faces: int = 0

    def release(self) -> None:
        """Free what the driver holds."""
        self.array.release()
        self.plain.release()


@dataclass
class SliceBody:
    """A picture in the driver."""

    picture: NDArray[np.uint8]
    texture: Texture2D


@dataclass
class ProjectionBody:
    """An image in the driver, with smaller copies of it."""

    pixels: NDArray[np.uint8]
    texture: Texture2D


@dataclass
class Bodies:
    """Everything that a scene needs in the driver, made when it first comes and freed when it has gone.

    Attributes
    ----------
    uploads
        How many times vertices have been sent.
    version
        Another number after something has come or gone that may be nearer than something else.
    images
        How many images to be thrown through the scene have been sent.
    """

    uploads: int = 0
    version: int = 0
    images: int = 0
    _maker: DetailMaker = field(default_factory=DetailMaker)
    _surfaces: dict[int, SurfaceBody] = field(default_factory=dict)
    _particles: dict[tuple[int, int, str], ParticleBody] = field(default_factory=dict)
    _slices: dict[int, SliceBody] = field(default_factory=dict)
    _projections: dict[int, ProjectionBody] = field(default_factory=dict)

    def follow(self, scene: Scene, kept: Iterable[Scene] = ()) -> None:
        """Send what is new, free what has gone, and take in coarser meshes that have been made.

        Parameters
        ----------
        scene
            What is drawn.
        kept
            Other scenes that are being drawn; what they have is not freed.
        """
        scenes = [scene, *kept]
        surfaces = {id(item.surface) for one in scenes for item in one.surfaces}
        for key in [key for key in self._surfaces if key not in surfaces]:
            self._surfaces.pop(key).release()
            self.version += 1
        particles = {_particle_key(item) for one in scenes for item in one.particles}
        for particle_key in [key for key in self._particles if key not in particles]:
            self._particles.pop(particle_key).release()
            self.version += 1
        pictures = {id(item.picture) for one in scenes for item in one.slices}
        for key in [key for key in self._slices if key not in pictures]:
            self._slices.pop(key).texture.release()
            self.version += 1
        images = {id(item.pixels) for one in scenes for item in one.projections}
        for key in [key for key in self._projections if key not in images]:
            self._projections.pop(key).texture.release()
        for surface_item in scene.surfaces:
            body = self.surface(surface_item)
            if body is not None:
                self._take_in(body)
        for _ in self.sending(scene):
            pass

    def sending(self, scene: Scene) -> Iterator[None]:
        """Send what is new, one thing in each step."""
        for surface_item in scene.surfaces:
            surface = surface_item.surface
            if len(surface.faces) and id(surface) not in self._surfaces:
                self._surfaces[id(surface)] = self._sent(surface)
                yield
        for item in scene.particles:
            if len(item.positions) and _particle_key(item) not in self._particles:
                self._particles[_particle_key(item)] = self._sent_particles(item)
                yield
        for plane in scene.slices:
            if plane.picture.size and id(plane.picture) not in self._slices:
                self._slices[id(plane.picture)] = _sent_picture(plane.picture)
                self.version += 1
                yield
        for image in scene.projections:
            if image.pixels.size and id(image.pixels) not in self._projections:
                self._projections[id(image.pixels)] = _sent_image(image.pixels)
                self.images += 1
                yield

    @property
    def preparing(self) -> bool:
        """Whether coarser meshes are still being made."""
        return any(body.wished is not None for body in self._surfaces.values())

    def surface(self, item: SurfaceItem) -> SurfaceBody | None:
        """The body of an item; None of an empty one."""
        return self._surfaces.get(id(item.surface))

    def faces(self, items: Iterable[SurfaceItem]) -> int:
        """How many triangles surfaces have in full detail, hidden ones too."""
        bodies = (self.surface(item) for item in items)
        return sum(body.meshes[0].faces for body in bodies if body is not None)

    def details(self, items: Iterable[SurfaceItem], budget: int) -> dict[int, int]:
        """Which mesh of each surface to draw, so that all have at most `budget` triangles, as far as there are such.

        Gives the number of the mesh by the item's identity; what is not in it is drawn in full detail.
        """
        chosen: dict[int, int] = {}
        heap: list[tuple[int, int, SurfaceItem, SurfaceBody]] = []
        for number, item in enumerate(items):
            body = self.surface(item)
            if body is not None:
                heapq.heappush(heap, (-body.visible_faces(item.states), number, item, body))
        total = -sum(entry[0] for entry in heap)
        while heap and total > budget:
            # The largest first; once it has no coarser mesh it stays as it is.
            faces, number, item, body = heapq.heappop(heap)
            detail = chosen.get(id(item), 0) + 1
            if detail < len(body.meshes):
                chosen[id(item)] = detail
                total += faces + body.meshes[detail].faces
                heapq.heappush(heap, (-body.meshes[detail].faces, number, item, body))
        return chosen

    def particles(self, item: ParticleItem) -> ParticleBody | None:
        """The body of an item; None of an empty one."""
        return self._particles.get(_particle_key(item))

    def slice(self, item: SliceItem) -> SliceBody | None:
        """The body of an item; None of an empty one."""
        return self._slices.get(id(item.picture))

    def projection(self, item: ProjectionItem) -> ProjectionBody | None:
        """The body of an item; None of an empty one."""
        return self._projections.get(id(item.pixels))

    def bounds(self, scene: Scene) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
        """Opposite corners of a box that holds everything in the scene, x, y, z in angstrom."""
        ends: list[NDArray[Any]] = [np.array(scene.low, np.float64), np.array(scene.high, np.float64)]
        for surface_item in scene.surfaces:
            surface = self.surface(surface_item)
            ends += [surface.low, surface.high] if surface is not None else []
        for item in scene.particles:
            body = self.particles(item)
            room = item.radius * (ARROW_LENGTH if item.body == "arrow" else 1.0)
            ends += [body.low - room, body.high + room] if body is not None else []
        for plane in scene.slices:
            corner, right, up = (np.array(value) for value in (plane.corner, plane.along_columns, plane.along_rows))
            ends += [corner, corner + right, corner + up, corner + right + up]
        low, high = np.min(ends, axis=0), np.max(ends, axis=0)
        return (float(low[0]), float(low[1]), float(low[2])), (float(high[0]), float(high[1]), float(high[2]))

    def release(self) -> None:
        """Free everything."""
        self._maker.release()
        self.follow(Scene())

    def _sent(self, surface: Surface) -> SurfaceBody:
        self.uploads += 1
        self.version += 1
        low, high = surface.vertices.min(axis=0), surface.vertices.max(axis=0)
        body = SurfaceBody(surface, low, high, [_mesh_body(whole(surface))])
        if len(surface.faces) > DETAIL_FROM:
            body.wished = self._maker.make(surface)
        return body

    def _take_in(self, body: SurfaceBody) -> None:
        if body.wished is not None and body.wished.done():
            made, body.wished = body.wished, None
            if made.exception() is None:  # else it moves in full detail
                body.meshes += [_mesh_body(mesh) for mesh in made.result() if len(mesh.faces)]

    def _sent_particles(self, item: ParticleItem) -> ParticleBody:
        self.uploads += 1
        self.version += 1
        positions = np.ascontiguousarray(item.positions, np.float32)
        low, high = positions.min(axis=0), positions.max(axis=0)
        if item.directions is None or item.body != "arrow":
            array, plain = VertexArray([], [positions]), VertexArray([positions])
            return ParticleBody(item.positions, item.directions, array, plain, low, high)
        vertices, normals, faces = arrow_mesh()
        directions = np.ascontiguousarray(item.directions, np.float32)
        array = VertexArray([vertices, normals], [positions, directions], faces)
        plain = VertexArray([np.repeat(positions, 3, axis=0), np.repeat(directions, 3, axis=0)])
        return ParticleBody(item.positions, item.directions, array, plain, low, high, len(faces))


def _particle_key(item: ParticleItem) -> tuple[int, int, str]:
    return id(item.positions), id(item.directions), item.body


def _mesh_body(mesh: Mesh) -> _MeshBody:
    return _MeshBody(VertexArray([mesh.vertices, mesh.normals, mesh.components], (), mesh.faces), len(mesh.faces))


def _sent_picture(picture: NDArray[np.uint8]) -> SliceBody:
    step = -(-max(picture.shape) // max_texture_size())
    shown = picture[::step, ::step]
    texture = Texture2D(shown.shape[1], shown.shape[0], "r8")
    texture.upload(shown)
    texture.smooth(True)
    return SliceBody(picture, texture)


def _sent_image(pixels: NDArray[np.uint8]) -> ProjectionBody:
    step = -(-max(pixels.shape[:2]) // max_texture_size())
    shown = pixels[::step, ::step]
    texture = Texture2D(shown.shape[1], shown.shape[0], "rgba8")
    texture.upload(shown)
    texture.keep_smaller_copies()
    return ProjectionBody(pixels, texture)


def arrow_mesh() -> tuple[Floats, Floats, NDArray[np.int32]]:
    """An arrow along z, three long and one wide: vertices, normals, faces."""
    return _turned([(0.0, 0.0), (0.4, 0.0), (0.4, 1.7), (1.0, 1.7), (0.0, ARROW_LENGTH)], 10)


def _turned(profile: list[tuple[float, float]], sides: int) -> tuple[Floats, Floats, NDArray[np.int32]]:
    """The body that a line of (radius, z) makes when it turns about z, with an edge at each of its points."""
    angles = 2 * np.pi * np.arange(sides) / sides
    circle = np.stack([np.cos(angles), np.sin(angles), np.zeros(sides)], axis=1)
    up = np.array([0.0, 0.0, 1.0])
    vertices: list[NDArray[np.float64]] = []
    normals: list[NDArray[np.float64]] = []
    faces: list[tuple[int, int, int]] = []
    for (radius, low), (other, high) in itertools.pairwise(profile):
        start = sides * len(vertices)
        vertices += [radius * circle + low * up, other * circle + high * up]
        length = math.hypot(high - low, radius - other)
        normals += [((high - low) * circle + (radius - other) * up) / length] * 2
        for k in range(sides):
            a, b = start + k, start + (k + 1) % sides
            if radius > 0:
                faces.append((a, b, a + sides))
            if other > 0:
                faces.append((b, b + sides, a + sides))
    return (
        np.concatenate(vertices).astype(np.float32),
        np.concatenate(normals).astype(np.float32),
        np.array(faces, np.int32),
    )
