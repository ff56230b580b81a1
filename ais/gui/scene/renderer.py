"""Draws the 3D scene into a texture, and tells what lies under a pixel."""

from __future__ import annotations

import math
import time
from collections.abc import Hashable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ais.gui.gl.draw_target import DrawTarget
from ais.gui.gl.state import drawing_state
from ais.gui.gl.texture import Texture2D
from ais.gui.scene.bodies import Bodies
from ais.gui.scene.camera import Camera
from ais.gui.scene.contents import Hit, Rgb, Scene
from ais.gui.scene.frame import Frame
from ais.gui.scene.glow import seconds_of_glow
from ais.gui.scene.painter import SOFTWARE_GUESS, ScenePainter, has_transparent
from ais.gui.scene.picture_drawing import PictureDrawing
from ais.gui.scene.table import SceneTable
from ais.gui.scene.targets import Targets

SAMPLES = 2
"""How many times larger the view is drawn at rest, along each side."""

MOST_VIEW_PIXELS = 9_000_000
"""A larger view than this, samples included, is drawn with one sample. A pixel takes up to 38 bytes."""

SLOW_SECONDS_PER_PIXEL = 8e-8
"""For light and lines without a graphics card."""

COARSE_FROM, COARSE_SHARE, TRANSPARENT_SHARE = 60_000, 0.6, 0.55
"""Without a graphics card, a moving scene of more triangles is drawn in so much of the view's size, and one with
something transparent or glowing in it."""

SLICE_NUMBERS = 0xFFFFFF00
UNITS = 10


class SceneRenderer:
    """The picture of the scene. All methods need the window's OpenGL context; OpenGL's state is left as it was.

    A picture at rest is drawn larger than the view and made smaller, for smooth edges. Both it and the quick picture
    while the view moves are kept, and not drawn again as long as nothing changes.

    Attributes
    ----------
    accent
        Colour of what is highlighted, red, green, blue.
    """

    def __init__(self) -> None:
        self.accent: Rgb = (0.36, 0.62, 0.90)
        self._bodies = Bodies()
        self._table = SceneTable()
        self._painter = ScenePainter(self._table, self._bodies)
        # Pictures are drawn between the frames of the view, and each sets what its programs are told.
        self._picture_table = SceneTable()
        self._picture_painter = ScenePainter(self._picture_table, self._bodies)
        self._picture: PictureDrawing | None = None
        self._quick: Targets | None = None
        self._rest: Targets | None = None
        self._quick_key: Any = None
        self._rest_key: Any = None
        self._numbers_key: Any = None
        self._job: Any = None
        self._job_key: Any = None
        self._job_frame: Frame | None = None
        self._frame: Frame | None = None
        self._scene = Scene()

    @property
    def uploads(self) -> int:
        """How many times vertices have been sent to the graphics driver."""
        return self._bodies.uploads

    @property
    def pending(self) -> bool:
        """Whether the last `draw` with limited time has left something to be drawn by the next one."""
        return self._job is not None

    @property
    def preparing(self) -> bool:
        """Whether a thread still makes the coarser meshes that the moving view is drawn with."""
        return self._bodies.preparing

    def draw(
        self,
        scene: Scene,
        camera: Camera,
        width: int,
        height: int,
        *,
        moving: bool = False,
        seconds: float | None = None,
    ) -> Texture2D:
        """The view's picture; drawn anew only if something has changed since the last call.

        Parameters
        ----------
        scene, camera
            What is seen, and from where.
        width, height
            Of the view, in screen pixels.
        moving
            Whether to draw quickly: with fewer triangles, without occlusion and with jagged edges.
        seconds
            About how long it may take. A large scene at rest then takes several calls, of which those before the last
            (`pending`) give the quick picture.

        Returns
        -------
        Texture2D
            RGBA, opaque, its first row at the top of the view: to be shown by Dear ImGui in the view's size with the
            default texture coordinates. It may have fewer pixels than the view while that moves. It stays valid until
            the next `draw` or `release`.
        """
        began = time.perf_counter()
        size = max(int(width), 1), max(int(height), 1)
        with drawing_state(UNITS):
            self._follow(scene)
            key = self._key(scene, camera, size)
            if key == self._rest_key and self._rest is not None:
                self._job = None
                return self._rest.final.colours[0]
            if moving:
                self._job = None
                return self._drawn_quickly(scene, camera, size, key)
            if self._job is None or self._job_key != key:
                self._begin(scene, camera, size, key)
            if seconds is None or self._expected_seconds() < seconds:
                return self._drawn_to_the_end()
            quick = self._drawn_quickly(scene, camera, size, key)
            while self._go_on():
                if time.perf_counter() - began > seconds:
                    return quick
            return self._drawn_to_the_end()

    def pick(self, scene: Scene, camera: Camera, width: int, height: int, x: float, y: float) -> Hit | None:
        """The component or particle that is seen at a pixel, transparent ones too; None for none.

        Parameters
        ----------
        scene, camera, width, height
            As they were drawn; then it takes no more than reading a pixel, else the scene is drawn first.
        x, y
            In pixels from the top left corner.
        """
        if not (0 <= x < width and 0 <= y < height):
            return None
        with drawing_state(UNITS):
            targets, front = self._numbered(scene, camera, (int(width), int(height)))
            column, row = int(x * targets.samples), int(y * targets.samples)
            number = int(front.read(column, row, 1, 1)[0, 0, 0])
            depth = float(front.read_depth(column, row, 1, 1)[0, 0])
        found = self._table.found(number - 1) if 0 < number < SLICE_NUMBERS else None
        if found is None or self._frame is None:
            return None
        item, index = found
        columns, rows = targets.size
        clip = (2 * (column + 0.5) / columns - 1, 2 * (row + 0.5) / rows - 1, 2 * depth - 1, 1.0)
        matrix = (self._frame.to_clip[0] @ self._frame.to_view[0]).astype(np.float64)
        place = np.linalg.solve(matrix, clip)
        x_a, y_a, z_a = (float(value) for value in place[:3] / place[3])
        return Hit(item.key, index, (x_a, y_a, z_a))

    def pick_rectangle(
        self, scene: Scene, camera: Camera, width: int, height: int, x0: float, y0: float, x1: float, y1: float
    ) -> list[tuple[Hashable, int]]:
        """The components and particles of which at least a pixel is seen in a rectangle: key and index of each."""
        left, right = (min(max(value, 0.0), float(width)) for value in sorted((x0, x1)))
        top, bottom = (min(max(value, 0.0), float(height)) for value in sorted((y0, y1)))
        with drawing_state(UNITS):
            targets, front = self._numbered(scene, camera, (int(width), int(height)))
            column, row = int(left * targets.samples), int(top * targets.samples)
            columns = min(int(np.ceil(right * targets.samples)), targets.size[0]) - column
            rows = min(int(np.ceil(bottom * targets.samples)), targets.size[1]) - row
            if columns <= 0 or rows <= 0:
                return []
            numbers = np.unique(front.read(column, row, columns, rows)[..., 0])
        found = [self._table.found(int(number) - 1) for number in numbers if 0 < number < SLICE_NUMBERS]
        return [(pair[0].key, pair[1]) for pair in found if pair is not None]

    def picture(
        self,
        scene: Scene,
        camera: Camera,
        width: int,
        height: int,
        *,
        transparent: bool = False,
        samples: int = 3,
    ) -> NDArray[np.uint8]:
        """A picture of any size in full detail.

        Parameters
        ----------
        scene, camera
            What is seen, and from where.
        width, height
            In pixels; also larger than the graphics driver's textures.
        transparent
            Whether the background is left out.
        samples
            Along each side of a pixel.

        Returns
        -------
        ndarray of uint8
            (height, width, 4), red, green, blue, alpha (not premultiplied); row 0 at the top.
        """
        drawing = self.begin_picture(scene, camera, width, height, transparent=transparent, samples=samples)
        drawing.go_on(math.inf)
        return drawing.picture

    def begin_picture(
        self,
        scene: Scene,
        camera: Camera,
        width: int,
        height: int,
        *,
        transparent: bool = False,
        samples: int = 3,
    ) -> PictureDrawing:
        """Begin a picture that is then drawn little by little, whatever else is drawn meanwhile; see `picture`.

        One that was begun before and is not over is given up.
        """
        if self._picture is not None:
            self._picture.release()
        self._picture = PictureDrawing(
            scene,
            camera,
            (width, height),
            self._bodies,
            self._picture_table,
            self._picture_painter,
            self.accent,
            transparent=transparent,
            samples=samples,
        )
        return self._picture

    def forget(self) -> None:
        """Free what was drawn and its picture; what a picture in the making needs stays, and so do the programs."""
        self._job = self._job_key = self._job_frame = self._frame = None
        self._quick_key = self._rest_key = self._numbers_key = None
        for targets in (self._quick, self._rest):
            if targets is not None:
                targets.release()
        self._quick = self._rest = None
        with drawing_state(UNITS):
            self._follow(Scene())

    def forget_picture(self) -> None:
        """Let go of a picture that is over, and of what only it needed; in no other case does this do anything."""
        if self._picture is not None and self._picture.over:
            with drawing_state(UNITS):
                self._picture_table.follow(Scene())
                self._follow(self._scene)

    def release(self) -> None:
        """Free everything in the graphics driver; the renderer cannot be used afterwards."""
        if self._picture is not None:
            self._picture.release()
        self.forget()
        self._bodies.release()
        for table, painter in ((self._table, self._painter), (self._picture_table, self._picture_painter)):
            table.release()
            painter.release()

    def _follow(self, scene: Scene) -> None:
        if self._picture is not None and self._picture.over:
            self._picture = None
        self._scene = scene
        self._bodies.follow(scene, [self._picture.scene] if self._picture is not None else [])
        self._table.follow(scene)

    def _key(self, scene: Scene, camera: Camera, size: tuple[int, int]) -> Any:
        surfaces = tuple((id(item.surface), item.alpha) for item in scene.surfaces)
        slices = tuple(item.alpha for item in scene.slices)
        images = tuple(
            (id(item.pixels), item.to_scene, item.low, item.high, item.density) for item in scene.projections
        )
        light = images, self._bodies.images, scene.projections_cover
        version, look = self._table.version, scene.look
        return self._numbers_of(scene, camera, size), version, look, surfaces, slices, light, self.accent

    def _numbers_of(self, scene: Scene, camera: Camera, size: tuple[int, int]) -> Any:
        """All that decides what lies under which pixel."""
        table = self._table.layout_version, self._table.hidden_version, self._bodies.version
        surfaces = tuple((id(item.surface), item.alpha > 0, item.alpha < 1) for item in scene.surfaces)
        particles = tuple(
            (id(item.positions), id(item.directions), item.radius, item.body, item.alpha) for item in scene.particles
        )
        slices = tuple(
            (id(item.picture), item.corner, item.along_columns, item.along_rows, item.alpha < 1)
            for item in scene.slices
        )
        return camera, size, table, surfaces, particles, slices, scene.low, scene.high

    def _seen(self, scene: Scene, camera: Camera, size: tuple[int, int], quick: bool = False) -> Frame:
        return Frame.seen(scene, camera, size, self._bodies.bounds(scene), self.accent, quick=quick)

    def _drawn_quickly(self, scene: Scene, camera: Camera, size: tuple[int, int], key: Any) -> Texture2D:
        if self._quick_key != key or self._quick is None:
            frame = self._seen(scene, camera, size, quick=True)
            share = 1.0
            if self._painter.slow and (has_transparent(scene) or scene.projections):
                share = TRANSPARENT_SHARE
            elif self._painter.slow and self._painter.triangles(frame) > COARSE_FROM:
                share = COARSE_SHARE
            before, self._quick, self._quick_key = self._quick, None, None
            self._quick = _sized(before, (math.ceil(size[0] * share), math.ceil(size[1] * share)), 1)
            _finish(self._painter.numbers(frame, self._quick, moving=True))
            _finish(self._painter.light(frame, self._quick, moving=True))
            self._quick_key = key
        return self._quick.final.colours[0]

    def _begin(self, scene: Scene, camera: Camera, size: tuple[int, int], key: Any) -> None:
        samples = SAMPLES if size[0] * size[1] * SAMPLES**2 <= MOST_VIEW_PIXELS else 1
        if self._rest is None or (self._rest.width, self._rest.height, self._rest.samples) != (*size, samples):
            self._numbers_key = None
        before, self._rest, self._rest_key = self._rest, None, None
        self._rest = _sized(before, size, samples)
        frame = self._seen(scene, camera, size)
        self._job_frame, self._job_key = frame, key
        self._job = self._steps(frame, self._rest, self._numbers_of(scene, camera, size))

    def _steps(self, frame: Frame, targets: Targets, numbers_key: Any) -> Iterator[None]:
        if self._numbers_key != numbers_key:
            self._numbers_key = None
            yield from self._painter.numbers(frame, targets)
            self._numbers_key = numbers_key
            self._frame = frame
        yield from self._painter.light(frame, targets)

    def _go_on(self) -> bool:
        """Draw a step of the job; gives whether there was one. One that fails is begun anew by whoever wants it."""
        if self._job is None:
            return False
        try:
            return next(self._job, self) is not self
        except BaseException:
            self._job = None
            raise

    def _drawn_to_the_end(self) -> Texture2D:
        assert self._rest is not None
        while self._go_on():
            pass
        self._job = None
        self._rest_key = self._job_key
        return self._rest.final.colours[0]

    def _expected_seconds(self) -> float:
        """How long the job will about take."""
        frame, targets = self._job_frame, self._rest
        if frame is None or targets is None or not self._painter.slow:
            return 0.0 if frame is None else self._painter.triangles(frame) / self._painter.triangles_per_second
        columns, rows = targets.size
        flat = columns * rows * SLOW_SECONDS_PER_PIXEL + seconds_of_glow(frame, targets)
        return flat + self._painter.triangles(frame) / SOFTWARE_GUESS

    def _numbered(self, scene: Scene, camera: Camera, size: tuple[int, int]) -> tuple[Targets, DrawTarget]:
        """The numbers of what is seen, drawn if they are not there."""
        self._follow(scene)
        wanted = self._numbers_of(scene, camera, size)
        if self._numbers_key != wanted:
            key = self._key(scene, camera, size)
            if self._job is None or self._job_key != key:
                self._begin(scene, camera, size, key)
            while self._numbers_key != wanted and self._go_on():
                pass
        assert self._rest is not None
        return self._rest, self._rest.front if has_transparent(scene) else self._rest.numbers


def _finish(steps: Iterator[None]) -> None:
    for _ in steps:
        pass


def _sized(targets: Targets | None, size: tuple[int, int], samples: int) -> Targets:
    if targets is not None and (targets.width, targets.height, targets.samples) == (*size, samples):
        return targets
    if targets is not None:
        targets.release()
    return Targets(*size, samples)
