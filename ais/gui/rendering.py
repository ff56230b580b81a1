"""What the Render tab works with: surfaces of volumes, sets of particles, picking, and the scene made of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ais.gui.particle_sets import ParticleSets
from ais.gui.picking import Picking
from ais.gui.scene.contents import Point, Scene
from ais.gui.scene_files import SceneFiles
from ais.gui.scene_view_state import SceneViewState
from ais.gui.scene_volumes import SceneVolumes

if TYPE_CHECKING:
    from ais.gui.editor import Editor


class Rendering:
    """Keeps everything that is seen in 3D true to the open project.

    Parameters
    ----------
    editor
        Whose project and tomogram it uses.

    Attributes
    ----------
    volumes
        Segmented volumes of the tomogram on the screen, and their surfaces.
    particles
        Sets of particles of the tomogram on the screen.
    picking
        What particles are picked from, and how.
    view
        From where the scene is seen, how it is drawn, and what is selected in it.
    files
        Saves it, and pictures and movies of it.
    """

    def __init__(self, editor: Editor) -> None:
        self._editor = editor
        self.volumes = SceneVolumes(editor)
        self.particles = ParticleSets(editor)
        self.picking = Picking(editor)
        self.view = SceneViewState(editor)
        self.files = SceneFiles(editor)

    def follow(self) -> None:
        """Take in what has come and ask for what is next; once a frame."""
        self.volumes.follow()
        self.particles.follow()
        self.picking.follow()
        self.view.follow()
        self.files.follow()

    def scene(self) -> Scene:
        """What is in the scene now."""
        low, high = self.bounds()
        return Scene(
            (*self.volumes.items(), *self.picking.surfaces()),
            (*self.particles.items(), *self.picking.items()),
            self.view.slices(),
            low,
            high,
            self.view.look,
            self.view.projections(),
            self.view.light.covers,
        )

    def bounds(self) -> tuple[Point, Point]:
        """Opposite outer corners of the tomogram on the screen, x, y, z in angstrom (in voxels without voxel size)."""
        shown = self._editor.shown
        if shown is None:
            return (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
        size, origin = self.voxel_size, self.origin
        lengths = [float(count) * size for count in shown.shape[::-1]]
        low = [at - size / 2 for at in origin]
        high = [at + length for at, length in zip(low, lengths, strict=True)]
        return (low[0], low[1], low[2]), (high[0], high[1], high[2])

    @property
    def voxel_size(self) -> float:
        """Of the tomogram on the screen, in angstrom; 1 where it is not known, so that something is seen."""
        shown = self._editor.shown
        size = shown.tomogram.voxel_size if shown is not None else 0.0
        return size if size > 0 else 1.0

    @property
    def origin(self) -> Point:
        """x, y, z of the centre of the first voxel of the tomogram on the screen, in angstrom."""
        shown = self._editor.shown
        return shown.tomogram.origin if shown is not None else (0.0, 0.0, 0.0)

    def to_angstrom(self, z: float, y: float, x: float) -> Point:
        """Where a voxel of the tomogram on the screen lies in the scene: x, y, z in angstrom."""
        size, (ox, oy, oz) = self.voxel_size, self.origin
        return ox + x * size, oy + y * size, oz + z * size

    def to_voxel(self, position: Point) -> tuple[float, float, float]:
        """The voxel z, y, x of the tomogram on the screen at a point of the scene."""
        size, (ox, oy, oz) = self.voxel_size, self.origin
        x, y, z = position
        return (z - oz) / size, (y - oy) / size, (x - ox) / size

    @property
    def seconds_to_frame(self) -> float | None:
        """When `follow` has something to do though nobody wakes the window; None if only news of a thread do."""
        parts = (self.volumes, self.particles, self.picking, self.view)
        waits = (part.seconds_to_frame for part in parts)
        return min((wait for wait in waits if wait is not None), default=None)
