"""Movies: of the 3D scene that turns, and of the slices; drawn frame by frame while the window goes on."""

from __future__ import annotations

import queue
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from ais.errors import AisError
from ais.gui.scene_pictures import SceneShot, camera_for, scene_for

if TYPE_CHECKING:
    from ais.gui.background import Work
    from ais.gui.editor import Editor
    from ais.gui.scene.camera import Camera
    from ais.gui.shell import Picture

AHEAD = 3
"""So many frames are drawn before the first of them has been written."""
LOOK_S = 0.1
TRIED = 24
"""Frames of a movie that are looked at to see how far away the viewer must be."""
SAMPLES = 2
TURNTABLE, SLICES = "Saving movie of the scene", "Saving movie of the slices"

Frames = NDArray[np.uint8]


@dataclass(frozen=True)
class Turntable:
    """How the scene turns in a movie.

    Attributes
    ----------
    width, height
        In pixels.
    seconds
        Of one whole turn.
    frames_per_second
        Of the movie.
    axis
        About which it turns: the upright of the view, or z of the tomogram.
    swing
        Degrees to either side; 360 or more for whole turns.
    """

    width: int = 1280
    height: int = 720
    seconds: float = 8.0
    frames_per_second: float = 25.0
    axis: Literal["view", "z"] = "view"
    swing: float = 360.0

    @property
    def frames(self) -> int:
        """How many there are."""
        return max(2, round(self.seconds * self.frames_per_second))

    def first(self, editor: Editor) -> Camera:
        """From where the first frame is seen: as on the screen; what is whole there stays whole as it turns."""
        camera = camera_for(editor, self.width, self.height)
        bounds, aspect = editor.rendering.bounds(), self.width / self.height
        if camera != camera.fit(*bounds, aspect):
            return camera
        steps = range(0, self.frames, max(1, self.frames // TRIED))
        return replace(camera, distance=max(self.camera(camera, n).fit(*bounds, aspect).distance for n in steps))

    def camera(self, first: Camera, number: int) -> Camera:
        """From where a frame is seen; the one after the last would be the first again."""
        share = number / self.frames
        angle = 360 * share if self.swing >= 360 else self.swing * float(np.sin(2 * np.pi * share))
        x, y, z = (0.0, 1.0, 0.0) if self.axis == "view" else (float(part) for part in first.axes[:, 2])
        return first.turned(angle, (x, y, z))


class MovieMaking:
    """A movie that is being made: frames are asked for in the window's thread and written in another.

    Parameters
    ----------
    editor
        Whose pictures they are.
    path
        Of the file; its ending says the format.
    frames_per_second
        Of the movie.
    count
        How many frames there will be.
    want
        Asks for a frame by its number; it is given by `give` with the same number, at once or later.
    title
        For the list of jobs.
    ended
        Called in the window's thread when it has ended, well or not.
    """

    def __init__(
        self,
        editor: Editor,
        path: Path,
        frames_per_second: float,
        count: int,
        want: Callable[[int], None],
        title: str,
        ended: Callable[[], None] = lambda: None,
    ) -> None:
        self.path, self.count = path, count
        self._editor, self._want, self._ended = editor, want, ended
        self._frames: queue.Queue[Frames] = queue.Queue()
        self._asked = self._given = 0
        self._problem = ""
        self.over = False
        document, tomogram = editor.document, editor.state.tomogram
        self._of = (document, tomogram)

        def write(work: Work) -> None:
            from ais.scene_files.movie import movie

            with movie(path, frames_per_second) as film:
                for number in range(count):
                    film.add(self._next(work, number))

        self.work = editor.background.run(write, lambda _: self._end(), title=title, failed=self._fail)

    def follow(self) -> None:
        """Ask for what is next; once a frame."""
        if self.work.finished or self.work.cancelled:
            if not self.over:
                self.over = True
                self._ended()
            return
        if self.elsewhere:
            self.give_up("The movie was given up, because another tomogram was opened.")
        while self._asked < self.count and self._asked - self._given + self._frames.qsize() < AHEAD:
            self._asked += 1
            self._want(self._asked - 1)

    @property
    def elsewhere(self) -> bool:
        """Whether another tomogram has come to the screen since it was begun."""
        return (self._editor.document, self._editor.state.tomogram) != self._of

    @property
    def going_on(self) -> bool:
        """Whether frames are still wanted."""
        return not (self.over or self.work.finished or self.work.cancelled or self._problem)

    def give_up(self, problem: str) -> None:
        """End it; the sentence says why."""
        self._problem = problem

    def give(self, frame: Frames) -> None:
        """The next frame."""
        self._given += 1
        self._frames.put(frame)

    def _next(self, work: Work, number: int) -> Frames:
        work.report(number, self.count, f"{number} of {self.count} frames")
        while True:
            try:
                return self._frames.get(timeout=LOOK_S)
            except queue.Empty:
                if self._problem:
                    raise AisError(self._problem) from None
                work.report(number, self.count, f"{number} of {self.count} frames")

    def _end(self) -> None:
        self._finish()
        self._editor.notices.say(f"The movie was saved as {self.path}.")

    def _fail(self, text: str) -> None:
        self._finish()
        self._editor.notices.problem(text)

    def _finish(self) -> None:
        if not self.over:
            self.over = True
            self._ended()


def turntable(editor: Editor, path: Path, wish: Turntable) -> MovieMaking:
    """Begin a movie of the scene as it is now, turning."""
    scene, first = scene_for(editor), wish.first(editor)
    making: list[MovieMaking] = []

    def want(number: int) -> None:
        shot = SceneShot(
            lambda picture: making[0].give(picture),
            wish.width,
            wish.height,
            scene,
            wish.camera(first, number),
            samples=SAMPLES,
            wanted=lambda: making[0].going_on,
            failed=lambda problem: making[0].give_up(problem),
        )
        editor.shell.scene_requests.append(shot)

    making.append(MovieMaking(editor, path, wish.frames_per_second, wish.frames, want, TURNTABLE))
    return making[0]


class SliceMovie:
    """A movie of the XY slices as they are on the screen, with what lies over them; the view goes through them.

    Parameters
    ----------
    editor
        Whose slices they are.
    path
        Of the file.
    slices
        Which ones, in the order in which they are seen.
    frames_per_second
        Of the movie.
    """

    def __init__(self, editor: Editor, path: Path, slices: range, frames_per_second: float) -> None:
        self._editor, self._slices = editor, slices
        self._before = editor.state.z
        self._wanted: deque[int] = deque()
        self._requested = False
        if editor.shell.scene_alone:
            editor.shell.scene, editor.shell.scene_alone = True, False
        self.making = MovieMaking(
            editor, path, frames_per_second, len(slices), self._wanted.append, SLICES, self._go_back
        )

    @property
    def over(self) -> bool:
        """Whether it has ended."""
        return self.making.over

    def follow(self) -> None:
        """Go on; once a frame."""
        self.making.follow()
        editor = self._editor
        if not self._wanted or self.making.over or self.making.elsewhere or editor.shown is None or self._requested:
            return
        z = self._slices[self._wanted[0]]
        if editor.state.z != z:
            editor.sight.go_to(z=z)  # or as near to it as the crop region allows, which may be another one by now
        if editor.view("xy").position == editor.state.z:
            self._requested = True
            editor.shell.view_requests.append(self._got)

    def _got(self, picture: Picture) -> None:
        self._requested = False
        if self._wanted and not self.making.over:
            self._wanted.popleft()
            self.making.give(np.array(picture))
            self._editor.wake()

    def _go_back(self) -> None:
        self._wanted.clear()
        if self._editor.shown is not None and not self.making.elsewhere:
            self._editor.sight.go_to(z=self._before)
