"""What a file of a 3D scene holds, as plain data; lengths are in angstrom, coordinates x, y, z."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ais.formats.mesh import GREY, Colour, TriangleMesh
from ais.scene_files.naming import unique_names

Point = tuple[float, float, float]


@dataclass(frozen=True)
class MapSource:
    """The segmented volume that a surface is of.

    Attributes
    ----------
    path
        Its file.
    level
        Of the surface, on the file's own scale.
    dust
        Components below this volume are not in the surface, in cubic angstrom; 0 for none left out.
    bin, smooth
        Edge of the blocks of voxels that were averaged first, and rounds of smoothing.
    voxel_sizes
        z, y, x.
    origin
        x, y, z of the centre of the first voxel.
    whole
        Whether all components of at least `dust` are in the surface.
    """

    path: Path
    level: float
    dust: float = 0.0
    bin: int = 1
    smooth: int = 0
    voxel_sizes: Point = (1.0, 1.0, 1.0)
    origin: Point = (0.0, 0.0, 0.0)
    whole: bool = True


@dataclass(frozen=True, eq=False)
class SurfacePart:
    """A surface that is seen.

    Attributes
    ----------
    name
        What it is of.
    mesh
        Only of what is to be seen.
    colour, alpha
        As shown on the screen (sRGB), 0-1.
    colours
        (n, 3), 0-1, a colour for each vertex in place of `colour`; None for one colour.
    source
        The volume it is of, if it is of one.
    """

    name: str
    mesh: TriangleMesh
    colour: Colour = GREY
    alpha: float = 1.0
    colours: NDArray[np.float32] | None = None
    source: MapSource | None = None


@dataclass(frozen=True, eq=False)
class ParticlePart:
    """Particles that are seen, each as the same small body.

    Attributes
    ----------
    name
        What they are.
    positions
        (n, 3).
    directions
        (n, 3) unit vectors, for arrows; None where the particles have no orientation.
    colours
        (n, 3), 0-1.
    radius
        Of a sphere; arrows begin at the position and are three radii long.
    body
        What stands for a particle.
    alpha
        0-1.
    """

    name: str
    positions: NDArray[np.float32]
    directions: NDArray[np.float32] | None
    colours: NDArray[np.float32]
    radius: float
    body: Literal["sphere", "arrow"] = "sphere"
    alpha: float = 1.0

    @property
    def arrows(self) -> bool:
        """Whether it is drawn as arrows."""
        return self.body == "arrow" and self.directions is not None


@dataclass(frozen=True)
class SceneView:
    """From where the scene is seen.

    Attributes
    ----------
    target
        What is looked at.
    right, up, backward
        The view's axes as unit vectors of the scene; the last points towards the viewer.
    distance
        From the target to the viewer.
    field_of_view
        Between the lower and the upper edge of the picture, in degrees; without perspective, of what is seen in the
        target's plane.
    perspective
        Whether far things are smaller.
    aspect
        Width of the picture divided by its height.
    """

    target: Point
    right: Point = (1.0, 0.0, 0.0)
    up: Point = (0.0, 1.0, 0.0)
    backward: Point = (0.0, 0.0, 1.0)
    distance: float = 1000.0
    field_of_view: float = 30.0
    perspective: bool = True
    aspect: float = 4 / 3

    @property
    def eye(self) -> Point:
        """Where the viewer is."""
        x, y, z = (at + self.distance * along for at, along in zip(self.target, self.backward, strict=True))
        return x, y, z


@dataclass(frozen=True)
class SceneLight:
    """How the scene is lit.

    Attributes
    ----------
    shading
        "phong", "cartoon" or "flat".
    ambient, head_light, occlusion, depth_cue
        0-1: light from everywhere and from the viewer, darkness of hollows, fading of what is far.
    edges
        Whether silhouettes are lined.
    background
        Red, green, blue, 0-1.
    """

    shading: Literal["phong", "cartoon", "flat"] = "phong"
    ambient: float = 0.35
    head_light: float = 0.75
    occlusion: float = 0.0
    depth_cue: float = 0.0
    edges: bool = False
    background: Colour = (0.0, 0.0, 0.0)


@dataclass(frozen=True, eq=False)
class SceneContents:
    """A scene.

    Attributes
    ----------
    surfaces, particles
        What is seen.
    low, high
        Opposite outer corners of the tomogram.
    view
        From where it is seen; None for from anywhere.
    light
        How it is lit.
    """

    surfaces: tuple[SurfacePart, ...] = ()
    particles: tuple[ParticlePart, ...] = ()
    low: Point = (0.0, 0.0, 0.0)
    high: Point = (1.0, 1.0, 1.0)
    view: SceneView | None = None
    light: SceneLight = field(default_factory=SceneLight)

    @property
    def names(self) -> list[str]:
        """What the parts are called, surfaces first; none twice, and particles of a surface say that they are that."""
        surfaces = [part.name for part in self.surfaces]
        taken = {name.casefold() for name in surfaces}
        particles = [part.name for part in self.particles]
        return unique_names(
            [*surfaces, *(f"{name} particles" if name.casefold() in taken else name for name in particles)]
        )

    @property
    def empty(self) -> bool:
        """Whether there is nothing to see."""
        faces = any(len(part.mesh.faces) for part in self.surfaces)
        return not faces and not any(len(part.positions) for part in self.particles)
