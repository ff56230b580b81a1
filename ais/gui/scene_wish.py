"""What is chosen on the page that saves the 3D scene; nothing of it is saved itself."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from pathlib import Path


class Scope(Enum):
    """What is saved; the value is what the user reads."""

    SCENE = "The scene"
    EACH = "Each volume"
    ALL = "All tomograms"


@dataclass(frozen=True)
class SceneFormat:
    """A kind of file.

    Attributes
    ----------
    ending
        With its dot.
    name
        What it is called.
    good_for
        What it is good for, as a sentence.
    """

    ending: str
    name: str
    good_for: str


FORMATS = (
    SceneFormat(".glb", "glTF (.glb)", "Blender, slides and viewers: parts with names, colours and transparency."),
    SceneFormat(".obj", "Wavefront (.obj)", "Nearly every program: colours in a file of materials beside it."),
    SceneFormat(".ply", "Polygons (.ply)", "MeshLab, Paraview and others: one mesh with colours."),
    SceneFormat(".stl", "3D print (.stl)", "Printers: one mesh without colours."),
    SceneFormat(".cxc", "ChimeraX (.cxc)", "A script that opens the volumes themselves, with level, dust and view."),
    SceneFormat(".py", "Blender (.py)", "A script that builds the scene, with camera and light, ready to render."),
)


@dataclass
class SceneWish:
    """What is chosen on the page that saves the scene.

    Attributes
    ----------
    scope
        What is saved.
    kind
        The file's format.
    together
        For all tomograms: whether each gets one file with all its volumes.
    folder
        For more than one file; None for the folder of the project.
    """

    scope: Scope = Scope.SCENE
    kind: SceneFormat = FORMATS[0]
    together: bool = True
    folder: Path | None = None
