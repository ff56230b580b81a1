"""A picture of the scene at any size, drawn little by little between the frames of the window."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ais.gui.gl.binding import GL
from ais.gui.gl.state import drawing_state
from ais.gui.gl.texture import max_texture_size
from ais.gui.scene.bodies import Bodies
from ais.gui.scene.camera import Camera
from ais.gui.scene.contents import Rgb, Scene
from ais.gui.scene.frame import Frame, Tile
from ais.gui.scene.painter import ScenePainter
from ais.gui.scene.table import SceneTable
from ais.gui.scene.targets import Targets

MOST_PIXELS = 16_000_000
"""A larger picture, samples included, is drawn in tiles. A pixel takes up to 38 bytes."""

MOST_SAMPLES = 4
TILE_MARGIN_PX = 48
"""Around a tile, so that lines and shadows do not end at its edge."""

ROWS = 128
"""So many rows of a picture are read in a step."""

STEPS_GUESS = 60
"""Of a tile, before one has been drawn."""

FORGET = 0.9
"""What is left of the longest step with each call: one of long ago says little of the next."""

UNITS = 10


class PictureDrawing:
    """A picture that is being drawn. All methods need the window's OpenGL context; OpenGL's state is left as it was.

    What the driver holds for it alone is freed once it is over: complete, failed or released.

    Parameters
    ----------
    scene, camera
        What is seen, and from where.
    size
        Width and height in pixels; also larger than the graphics driver's textures.
    bodies
        May be of other scenes too, but must keep those of this one until the drawing is over.
    table, painter
        Used by no other drawing until this one is over.
    accent
        Colour of what is highlighted, red, green, blue.
    transparent
        Whether the background is left out.
    samples
        Along each side of a pixel.

    Attributes
    ----------
    scene
        As it was given.
    picture
        (height, width, 4) uint8, red, green, blue, alpha (not premultiplied); row 0 at the top. What has not been
        drawn yet is 0.
    fraction
        How much has been done, 0 to 1.
    over
        Whether nothing more will come.
    """

    def __init__(
        self,
        scene: Scene,
        camera: Camera,
        size: tuple[int, int],
        bodies: Bodies,
        table: SceneTable,
        painter: ScenePainter,
        accent: Rgb,
        *,
        transparent: bool = False,
        samples: int = 3,
    ) -> None:
        self.scene = scene
        self.picture: NDArray[np.uint8] = np.zeros((size[1], size[0], 4), np.uint8)
        self.fraction = 0.0
        self.over = False
        self._camera, self._size, self._accent = camera, size, accent
        self._bodies, self._table, self._painter = bodies, table, painter
        self._transparent, self._samples = transparent, min(max(samples, 1), MOST_SAMPLES)
        self._targets: Targets | None = None
        self._steps = self._drawn()
        self._longest = 0.0

    @property
    def complete(self) -> bool:
        """Whether it was drawn to the end."""
        return self.fraction == 1.0

    def go_on(self, seconds: float) -> bool:
        """Draw for about so long, but one step at least; gives `complete`."""
        began = now = time.perf_counter()
        self._longest *= FORGET
        try:
            with drawing_state(UNITS):
                while not self.over and (now == began or now + self._longest < began + seconds):
                    if next(self._steps, self) is self:
                        self.fraction = 1.0
                        self.release()
                    else:
                        GL.glFinish()  # else another drawing would wait for it
                    before, now = now, time.perf_counter()
                    self._longest = max(self._longest, now - before)
        except BaseException:
            self.release()
            raise
        return self.complete

    def release(self) -> None:
        """Give it up, or do nothing if it is over."""
        self.over = True
        if self._targets is not None:
            self._targets.release()
            self._targets = None

    def _drawn(self) -> Iterator[None]:
        yield from self._bodies.sending(self.scene)
        self._table.follow(self.scene)
        bounds = self._bodies.bounds(self.scene)
        side = int(min(max_texture_size(), MOST_PIXELS**0.5) / self._samples)
        tiles = _tiles(*self._size, side)
        (_, _, columns, rows), _ = tiles[0]
        targets = self._targets = Targets(columns, rows, self._samples)
        steps = STEPS_GUESS
        for number, (tile, inner) in enumerate(tiles):
            frame = Frame.seen(self.scene, self._camera, self._size, bounds, self._accent, tile)
            count = 0
            for _ in self._tile_drawn(frame, targets, tile, inner):
                count += 1
                self.fraction = (number + min(count / steps, 0.99)) / len(tiles)
                yield
            steps = count

    def _tile_drawn(self, frame: Frame, targets: Targets, tile: Tile, inner: Tile) -> Iterator[None]:
        yield from self._painter.numbers(frame, targets)
        yield from self._painter.light(frame, targets, cover=0.0 if self._transparent else 1.0)
        left, top, columns, rows = inner
        for row in range(top, top + rows, ROWS):
            drawn = targets.final.read(left - tile[0], row - tile[1], columns, min(ROWS, top + rows - row))
            if self._transparent:
                alpha = np.maximum(drawn[..., 3:], 1).astype(np.float32) / 255
                drawn[..., :3] = np.minimum(np.rint(drawn[..., :3] / alpha), 255)
            else:
                drawn[..., 3] = 255
            self.picture[row : row + len(drawn), left : left + columns] = drawn
            yield


def _tiles(width: int, height: int, side: int) -> list[tuple[Tile, Tile]]:
    """Parts of a picture, all of one size, each with a margin and without."""
    wide, columns = _parts(width, side)
    high, rows = _parts(height, side)
    return [
        ((left, top, wide, high), (first, low, last - first, end - low))
        for top, low, end in rows
        for left, first, last in columns
    ]


def _parts(length: int, side: int) -> tuple[int, list[tuple[int, int, int]]]:
    """The length of parts with their margins, and of each where it begins, and what it gives: first and end."""
    if length <= side:
        return length, [(0, 0, length)]
    count = -(-length // max(side - 2 * TILE_MARGIN_PX, 1))
    step = -(-length // count)
    whole = min(step + 2 * TILE_MARGIN_PX, length)
    firsts = range(0, length, step)
    return whole, [
        (min(max(first - TILE_MARGIN_PX, 0), length - whole), first, min(first + step, length)) for first in firsts
    ]
