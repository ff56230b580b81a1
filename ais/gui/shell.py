"""What the frame around the views is asked to do: open a page, leave, go full screen, take a picture."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ais.gui.state import Tab

if TYPE_CHECKING:
    from ais.gui.scene_pictures import SceneShot

Picture = NDArray[np.uint8]
"""(height, width, 3), red, green, blue; row 0 at the top."""


@dataclass
class Shell:
    """Requests to the window, and which of its parts are open.

    Attributes
    ----------
    palette, shortcuts, about, settings, messages
        Whether the command palette, the page of keys, About, the settings, and all messages are open.
    feature_library
        Whether the page of remembered features is open.
    model_library
        Whether the page of models kept for all projects is open.
    relinking
        The page on which all tomograms are relinked: what to find and what to put there at first; None while closed.
    history, jobs, training
        Whether these panels are shown.
    samples
        Whether the pictures of the samples of the next training set are shown.
    curator
        Whether the Curator is shown.
    comparing
        Whether the window is open in which architectures are compared.
    scene, scene_alone
        Whether the 3D scene is shown beside the slices, and whether it is shown in their place; never both.
    analysis
        Whether the window is open in which instances are measured.
    keys_taken
        Shortcuts that belong to the window or the list in front, by its name, so that no command is run by them.
    tab
        The tab of the left column that is to be shown; None for no other.
    leave
        Whether the window is to close.
    full_screen
        Whether it is to fill the screen.
    reset_layout
        Whether the panels are to go back to their places.
    picture_requests
        Each is called once with a picture of the whole window as it was drawn last.
    view_requests
        Each is called once with a picture of the XY slice with its masks, one pixel for each voxel.
    scene_requests
        Pictures of the 3D scene that are wanted, `ais.gui.scene_pictures.SceneShot`.
    renaming
        What is being renamed in a list: ("feature", number); None for nothing.
    sheets
        Small pages that ask for something, such as a number, newest last; drawn by `ais.gui.panels.sheets`.
    unexpected
        Errors that nobody expected, in full; the window lives on, a test fails.
    """

    palette: bool = False
    shortcuts: bool = False
    about: bool = False
    settings: bool = False
    messages: bool = False
    feature_library: bool = False
    model_library: bool = False
    relinking: tuple[str, str] | None = None
    history: bool = False
    jobs: bool = False
    training: bool = False
    samples: bool = False
    curator: bool = False
    comparing: bool = False
    analysis: bool = False
    scene: bool = False
    scene_alone: bool = False
    keys_taken: dict[str, frozenset[str]] = field(default_factory=dict)
    tab: Tab | None = None
    leave: bool = False
    full_screen: bool = False
    reset_layout: bool = False
    picture_requests: list[Callable[[Picture], None]] = field(default_factory=list)
    view_requests: list[Callable[[Picture], None]] = field(default_factory=list)
    scene_requests: list[SceneShot] = field(default_factory=list)
    renaming: tuple[str, int] | None = None
    sheets: list[Any] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)

    @property
    def scene_shown(self) -> bool:
        """Whether the 3D scene is on the screen."""
        return self.scene or self.scene_alone
