"""The 3D scene on the screen as it goes into files: only what is seen, with the names and looks it has there."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ais.annotation.volume_looks import SurfaceLook
from ais.errors import AisError
from ais.gui.scene.contents import HIDDEN, ParticleItem, Point, SceneLook, Shading, SurfaceItem
from ais.gui.scene_things import group_name
from ais.scene_files.contents import MapSource, ParticlePart, SceneContents, SceneLight, SceneView, SurfacePart

if TYPE_CHECKING:
    from typing import Literal

    from ais.gui.editor import Editor
    from ais.gui.scene.camera import Camera

SHADINGS: dict[Shading, Literal["phong", "cartoon", "flat"]] = {
    Shading.PHONG: "phong",
    Shading.CARTOON: "cartoon",
    Shading.FLAT: "flat",
}


@dataclass(frozen=True, eq=False)
class SeenSurface:
    """A surface of the scene and what is known of it.

    Attributes
    ----------
    item
        As it is drawn.
    name
        As the user reads it.
    look
        How it was made; None if it is of no volume.
    bin
        How much the volume was binned.
    changed
        Whether components of it were hidden or removed.
    """

    item: SurfaceItem
    name: str
    look: SurfaceLook | None
    bin: int
    changed: bool

    @property
    def seen(self) -> int:
        """How many triangles are seen."""
        counts = np.diff(self.item.surface.face_starts)
        return int(counts[self.item.states != HIDDEN].sum())


@dataclass(frozen=True, eq=False)
class SeenScene:
    """What is in the scene at a moment: gathered at once in the window's thread, made into contents in another.

    Attributes
    ----------
    surfaces, particles
        What is seen, with names.
    low, high
        Opposite outer corners of the tomogram, x, y, z in angstrom.
    origin, voxel_size
        Of the tomogram, in angstrom.
    view, light
        From where it is seen, and how it is lit.
    """

    surfaces: tuple[SeenSurface, ...]
    particles: tuple[tuple[str, ParticleItem], ...]
    low: Point
    high: Point
    origin: Point
    voxel_size: float
    view: SceneView
    light: SceneLight

    @property
    def triangles(self) -> int:
        """How many of surfaces are seen."""
        return sum(surface.seen for surface in self.surfaces)

    @property
    def count(self) -> int:
        """How many particles are seen."""
        return sum(int(np.count_nonzero(item.states != HIDDEN)) for _, item in self.particles)

    def contents(self, *, maps: bool = False) -> SceneContents:
        """Copies of what is seen; takes time.

        Parameters
        ----------
        maps
            Whether the volumes themselves are wanted: then they are looked into for how their values are stored.
        """
        surfaces = tuple(self._surface(one, maps=maps) for one in self.surfaces)
        particles = tuple(_particles(name, item) for name, item in self.particles)
        return SceneContents(surfaces, particles, self.low, self.high, self.view, self.light)

    def _surface(self, one: SeenSurface, *, maps: bool) -> SurfacePart:
        item = one.item
        seen = np.flatnonzero(item.states != HIDDEN)
        whole = seen.size == item.states.size
        surface = item.surface if whole else item.surface.only(seen)
        colours = None
        if item.colours is not None:
            colours = np.repeat(item.colours[seen], np.diff(surface.vertex_starts), axis=0).astype(np.float32)
        source = self._source(one) if maps else None
        return SurfacePart(one.name, surface, item.colour, item.alpha, colours, source)

    def _source(self, one: SeenSurface) -> MapSource | None:
        from ais.prediction import ROUNDING, scale_of
        from ais.tomogram import Tomogram

        path, look = one.item.key, one.look
        if look is None or look.level is None or not isinstance(path, Path):
            return None
        try:
            with closing(Tomogram.open(path)) as volume:
                level = look.level / scale_of(volume).factor * (1 - ROUNDING)
        except (AisError, OSError, MemoryError):
            return None  # its surface is still here, and is written instead
        sizes = (self.voxel_size,) * 3
        return MapSource(path, level, look.dust or 0.0, one.bin, look.smooth, sizes, self.origin, not one.changed)


def seen_scene(editor: Editor) -> SeenScene:
    """What is in the scene now."""
    rendering = editor.rendering
    scene, volumes = rendering.scene(), rendering.volumes
    surfaces = []
    for item in volumes.items():
        path = item.key if isinstance(item.key, Path) else None
        mesh = volumes.mesh(path) if path is not None else None
        name = group_name(editor, item.key)
        if mesh is None or path is None:
            surfaces.append(SeenSurface(item, name, None, 1, True))
            continue
        changed = mesh.cut or bool(mesh.removed.any() or mesh.hidden.any())
        surfaces.append(SeenSurface(item, name, volumes.look(path), mesh.bin, changed))
    # What picking would find is no particle of anybody's yet.
    particles = tuple((group_name(editor, item.key), item) for item in rendering.particles.items())
    view = scene_view(rendering.view.camera, rendering.view.aspect)
    light = scene_light(scene.look)
    size, origin = rendering.voxel_size, rendering.origin
    return SeenScene(tuple(surfaces), particles, scene.low, scene.high, origin, size, view, light)


def scene_view(camera: Camera, aspect: float) -> SceneView:
    """A camera as it goes into files."""
    right, up, backward = ((float(x), float(y), float(z)) for x, y, z in camera.axes)
    return SceneView(
        camera.target, right, up, backward, camera.distance, camera.field_of_view, camera.perspective, aspect
    )


def scene_light(look: SceneLook) -> SceneLight:
    """How a scene is drawn as it goes into files."""
    return SceneLight(
        SHADINGS[look.shading],
        look.ambient,
        look.head_light,
        look.occlusion,
        look.depth_cue,
        look.edges,
        look.background,
    )


def _particles(name: str, item: ParticleItem) -> ParticlePart:
    seen = item.states != HIDDEN
    directions = item.directions[seen] if item.directions is not None else None
    return ParticlePart(name, item.positions[seen], directions, item.colours[seen], item.radius, item.body, item.alpha)
