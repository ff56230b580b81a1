"""A segmented volume in the list of those that are seen in 3D, and what is known of its components."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ais.annotation.feature_operations import PALETTE
from ais.annotation.volume_looks import SurfaceLook
from ais.gui.scene.contents import Point
from ais.gui.volume_search import FoundVolume

if TYPE_CHECKING:
    from ais.annotation.entries import Colour
    from ais.gui.scene_volumes import SceneVolumes


@dataclass(frozen=True, eq=False)
class SceneVolume(FoundVolume):
    """A volume in the list, with what is known of it beyond its file."""

    _volumes: SceneVolumes

    @property
    def look(self) -> SurfaceLook:
        """How it looks now; see `SceneVolumes.look`."""
        return self._volumes.look(self.path)

    @property
    def colour(self) -> Colour:
        """The colour that it has now."""
        return self.look.colour or PALETTE[0]

    @property
    def problem(self) -> str:
        """Why it cannot be shown, in one sentence; empty if it can."""
        return self._volumes.problem(self.path)


@dataclass(frozen=True)
class ComponentFacts:
    """What is known of a component.

    Attributes
    ----------
    volume_nm3
        Its voxels at or above the level.
    centre
        x, y, z of the mean of its voxels, in angstrom.
    voxel
        z, y, x of the same in voxels of the tomogram.
    weight
        Sum of the prediction over its voxels, on the scale of 0 to 255.
    anchor
        z, y, x of a voxel of it, where the prediction is highest.
    at_border
        Whether it reaches a face of the volume.
    """

    volume_nm3: float
    centre: Point
    voxel: tuple[float, float, float]
    weight: float
    anchor: tuple[int, int, int]
    at_border: bool
