"""From where the scene is seen, how it is drawn, and what is selected in it; nothing here can be undone."""

from __future__ import annotations

import time
from collections.abc import Hashable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from ais.gui.scene.camera import Camera, Direction
from ais.gui.scene.contents import Hit, Point, ProjectionItem, SceneLook, SliceItem
from ais.gui.scene_projections import DENSITY, SceneProjections
from ais.gui.scene_record import (
    LIGHT_KEY,
    LOOK_KEY,
    camera_key,
    read_camera,
    read_light,
    read_look,
    write_camera,
    write_light,
    write_look,
)
from ais.gui.scene_slices import SceneSlices
from ais.gui.state import Tab

if TYPE_CHECKING:
    from ais.gui.document import Document
    from ais.gui.editor import Editor
    from ais.gui.scene_things import Item, Thing

Chosen = tuple[Hashable, int]
"""Key of an item of the scene, and the number of a component or a particle of it."""
Bounds = tuple[Point, Point]

KEYS_OF_SCENE = "scene"
"""Under which the scene takes keys while the pointer is over it, in `Shell.keys_taken`."""
REST_S = 0.2
"""So long after the last movement the scene is drawn in full detail."""
LOOK_AFTER_S = 0.15
"""A pointer that rests for so long is told what lies under it."""
REMEMBER_AFTER_S = 2.0
SETTLED_FRAMES = 4
"""While a window is laid out, every tab is in front for two frames or so."""
STEP_DEGREES = 15.0


class SceneViewState:
    """The view of the scene.

    Parameters
    ----------
    editor
        Whose scene it is.

    Attributes
    ----------
    look
        How it is drawn.
    planes
        Slices of the tomogram in it.
    light
        Fluorescence images in it.
    selected
        Components and particles that are selected; of volumes and sets in the scene.
    hovered
        What is under the pointer while nothing moves.
    size
        (width, height) of the view in pixels of the frame buffer when it was drawn last.
    origin, extent
        Screen position of its upper left corner, and its (width, height) on the screen.
    dragging
        Whether the mouse holds it.
    pointed_at
        Whether the pointer is over it.
    look_at
        When to find out what is under the pointer, in seconds of `time.monotonic`; None if that is known.
    known
        What is selected, the items of the scene, and what that is as one thing; None until it is asked for.
    drawn
        How it was drawn in this frame: whole, quickly as it moves, or a part of it with more to follow; empty if not.
    """

    def __init__(self, editor: Editor) -> None:
        self._editor = editor
        self.look = SceneLook()
        self.planes = SceneSlices(editor)
        self.light = SceneProjections(editor)
        self.selected: frozenset[Chosen] = frozenset()
        self.hovered: Hit | None = None
        self.size: tuple[int, int] = (1, 1)
        self.origin: tuple[float, float] = (0.0, 0.0)
        self.extent: tuple[float, float] = (1.0, 1.0)
        self.dragging = False
        self.pointed_at = False
        self.look_at: float | None = None
        self.drawn: Literal["", "whole", "quickly", "partly"] = ""
        self._camera: Camera | None = None
        self._before = Camera()
        self._fitted: tuple[Bounds, float] | None = None
        self._bounds: Bounds | None = None
        self._moved_at = -1.0
        self._lit: tuple[ProjectionItem, ...] = ()
        self._document: Document | None = None
        self._tomogram: int | None = None
        self._remembered: dict[str, Any] = {}
        self._remember_at = 0.0
        self._offered = False
        self._frames_in_tab = 0
        self._surfaces: dict[Hashable, object] = {}
        self.known: tuple[frozenset[Chosen], tuple[Item, ...], Thing | None] | None = None

    # From where it is seen

    @property
    def camera(self) -> Camera:
        """From where it is seen; as long as nobody has moved it, all is in sight whatever the view's size."""
        bounds, aspect = self._editor.rendering.bounds(), self.aspect
        if self._camera is None:
            self._camera = self._before.fit(*bounds, aspect)
            self._fitted = bounds, aspect
        elif self._fitted is not None and self._fitted != (bounds, aspect):
            self._camera = self._camera.fit(*bounds, aspect)
            self._fitted = bounds, aspect
        return self._camera

    @property
    def aspect(self) -> float:
        """Width of the view relative to its height."""
        return self.size[0] / max(self.size[1], 1)

    @property
    def moving(self) -> bool:
        """Whether it is being moved, so that how fast it is drawn matters more than how fine."""
        return self.dragging or time.monotonic() < self._moved_at + REST_S

    def move(self, camera: Camera) -> None:
        """See it from elsewhere."""
        if camera != self._camera:
            self._camera, self._fitted, self.hovered = camera, None, None
            self._moved_at = time.monotonic()

    def fit(self) -> None:
        """Have all of it in sight, from the same side."""
        bounds = self._editor.rendering.bounds()
        self._jump(self.camera.fit(*bounds, self.aspect))
        self._fitted = bounds, self.aspect

    def look_from(self, side: Direction) -> None:
        """See all of it from one of its sides."""
        self._camera = self.camera.looking(side)
        self.fit()

    def turn(self, across: int, up: int) -> None:
        """Turn it by steps, about the view's upright (to the right) and about its horizontal (upwards)."""
        camera = self.camera
        if across:
            camera = camera.turned(STEP_DEGREES * across, (0.0, 1.0, 0.0))
        if up:
            camera = camera.turned(-STEP_DEGREES * up, (1.0, 0.0, 0.0))
        self._jump(camera)

    def switch_projection(self) -> None:
        """See it in perspective, or without."""
        fitted = self._fitted
        self._jump(replace(self.camera, perspective=not self.camera.perspective))
        self._fitted = fitted

    def centre_on(self, position: Point) -> None:
        """Have a point (x, y, z in angstrom) in the middle of the view, and turn about it from now on."""
        self._jump(replace(self.camera, target=position))

    def _jump(self, camera: Camera) -> None:
        """See it from elsewhere at once, in full detail."""
        self._camera, self._fitted, self.hovered = camera, None, None

    # What is selected

    def select(self, chosen: Iterable[Chosen], *, add: bool = False) -> None:
        """Select these; with `add`, those that are selected stay so."""
        self.selected = (self.selected if add else frozenset()) | frozenset(chosen)

    def toggle(self, chosen: Chosen) -> None:
        """Select one more, or one less."""
        self.selected ^= {chosen}

    def clear(self) -> None:
        """Select nothing."""
        self.selected = frozenset()

    # Once a frame

    def follow(self) -> None:
        """Keep the view true to the tomogram on the screen; once a frame."""
        editor = self._editor
        if not self.drawn:  # it is closed, or behind another panel
            self.dragging = self.pointed_at = False
            self.look_at = self.hovered = None
            editor.shell.keys_taken.pop(KEYS_OF_SCENE, None)
        self.drawn = ""
        if editor.document is not self._document:
            self._document = editor.document
            self._remembered.clear()
            self._tomogram = None
            self._forget()
            if editor.document is not None:
                editor.document.ask(lambda project: project.view_state(LOOK_KEY, None), self._use_look)
                editor.document.ask(lambda project: project.view_state(LIGHT_KEY, None), self._use_light)
        tomogram = editor.shown.entry.id if editor.shown is not None else None
        if tomogram is not None and tomogram != self._tomogram:
            self.remember()
            self._tomogram = tomogram
            self._forget()
            self._ask_camera(tomogram)
        if editor.shown is not None:
            bounds = editor.rendering.bounds()
            if self._bounds is not None and bounds != self._bounds:  # such as another voxel size
                self._begin_anew()
            self._bounds = bounds
        self._follow_items()
        self._frames_in_tab = self._frames_in_tab + 1 if editor.state.tab is Tab.RENDER else 0
        if self._frames_in_tab >= SETTLED_FRAMES and editor.shown is not None and not self._offered:
            self._offered = True
            editor.shell.scene = not editor.shell.scene_alone
        if time.monotonic() > self._remember_at:
            self._remember_at = time.monotonic() + REMEMBER_AFTER_S
            self.remember()

    def slices(self) -> tuple[SliceItem, ...]:
        """Slices of the tomogram in the scene."""
        return self.planes.items() if self._editor.shell.scene_shown else ()

    def projections(self) -> tuple[ProjectionItem, ...]:
        """Fluorescence images in the scene; while they change it is drawn as one that moves."""
        found = self.light.items() if self._editor.shell.scene_shown else ()
        if found != self._lit:
            self._lit, self._moved_at = found, time.monotonic()
        return found

    @property
    def seconds_to_frame(self) -> float | None:
        """When `follow` has something to do though nobody wakes the window."""
        if not self._editor.shell.scene_shown:
            return None
        if self.dragging or not self.drawn or self.drawn == "whole":
            return max(self.look_at - time.monotonic(), 0.0) if self.drawn and self.look_at is not None else None
        rest = self._moved_at + REST_S - time.monotonic() if self.drawn == "quickly" else 0.0
        return max(rest, 0.0)

    # Within

    def _forget(self) -> None:
        """Begin anew, with another tomogram."""
        self._begin_anew()
        self._bounds = None
        self.hovered = self.known = None
        self.clear()

    def _begin_anew(self) -> None:
        """Have all in sight, from the same side as before."""
        if self._camera is not None:
            self._before = self._camera
        self._camera = self._fitted = None

    def _follow_items(self) -> None:
        """Numbers of components and particles are those of one surface or table: with another they mean nothing."""
        rendering = self._editor.rendering
        particles = (*rendering.particles.items(), *rendering.picking.items())
        now: dict[Hashable, object] = {item.key: item.surface for item in rendering.volumes.items()}
        now.update({item.key: len(item.states) for item in particles})
        if now == self._surfaces:
            return
        same = {key for key, what in now.items() if key in self._surfaces and _same(self._surfaces[key], what)}
        self._surfaces = now
        if any(key not in same for key, _ in self.selected):
            self.selected = frozenset(chosen for chosen in self.selected if chosen[0] in same)
        if self.hovered is not None and self.hovered.key not in same:
            self.hovered = None

    def _ask_camera(self, tomogram: int) -> None:
        document, bounds = self._editor.document, self._editor.rendering.bounds()
        if document is None:
            return

        def use(value: Any) -> None:
            remembered = read_camera(value, bounds)
            if remembered is not None and self._tomogram == tomogram and self._document is document:
                self._camera, self._fitted = remembered, None

        document.ask(lambda project: project.view_state(camera_key(tomogram), None), use)

    def _use_look(self, value: Any) -> None:
        found = read_look(value)
        if found is not None:
            self.look, self.planes.shown, self.planes.alpha = found

    def _use_light(self, value: Any) -> None:
        found = read_light(value)
        if found is not None:
            self.light.shown, self.light.density, self.light.covers = found

    def remember(self) -> None:
        """Have the project keep how the scene is seen, if that has changed."""
        document = self._editor.document
        if document is None or document is not self._document or self._editor.read_only or self._tomogram is None:
            return
        values: dict[str, Any] = {
            LOOK_KEY: write_look(self.look, self.planes.shown, self.planes.alpha),
            LIGHT_KEY: write_light(self.light.shown, self.light.density, self.light.covers),
        }
        if self._camera is not None and self._bounds is not None:
            camera = None if self._fitted is not None else write_camera(self._camera, self._bounds)
            values[camera_key(self._tomogram)] = camera
        for key, value in values.items():
            if self._remembered.get(key, value if value in _DEFAULTS else None) != value:
                self._remembered[key] = value
                document.remember(key, value)


def _same(one: object, other: object) -> bool:
    return one is other or (isinstance(one, int) and one == other)


_DEFAULTS = (write_look(SceneLook(), frozenset(), 1.0), write_light(False, DENSITY, False))
"""What a project that remembers nothing is seen with."""
