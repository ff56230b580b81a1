"""Saving the 3D scene: what is wanted, writing it in threads, and other programs that show it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ais.annotation.feature_operations import PALETTE
from ais.annotation.volume_looks import VolumeEntry
from ais.errors import AisError
from ais.gui.saved_pictures import picture_folder
from ais.gui.scene_batches import Defaults, looks_of, tasks_of
from ais.gui.scene_contents import SeenScene, seen_scene
from ais.gui.scene_movies import MovieMaking, SliceMovie, Turntable, turntable
from ais.gui.scene_pictures import SceneShot, camera_for, scene_for, write_scene_picture
from ais.gui.scene_wish import SceneWish, Scope
from ais.gui.volume_search import SEPARATOR
from ais.scene_files.naming import plain_name, unique_names

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ais.annotation.entries import Colour
    from ais.batch import FileResult
    from ais.gui.background import Work
    from ais.gui.editor import Editor
    from ais.scene_files.programs import Program
    from ais.scene_files.volumes import SceneTask

FAILURES_NAMED = 3
READ_AFTER_S = 3600.0
"""A program has read the scene that it was started with after so long."""
SCENE_ENDINGS = (".cxc", ".py", ".glb", ".cmm", ".bild")
LARGE_PX, LARGE_SAMPLES = 3_000_000, 2
"""Pictures with more pixels are drawn with fewer samples for each."""


class SceneFiles:
    """Saves the scene of the tomogram on the screen, and those of others.

    Parameters
    ----------
    editor
        Whose scene it is.

    Attributes
    ----------
    wish
        What is chosen on its page.
    page
        Whether the page is open.
    movie
        The one that is being made; None if none is.
    turning
        How the scene turned in the last movie.
    """

    def __init__(self, editor: Editor) -> None:
        self._editor = editor
        self.wish = SceneWish()
        self.page = False
        self.movie: MovieMaking | SliceMovie | None = None
        self.turning = Turntable()
        self._programs: dict[str, Path] | None = None
        self._seen: tuple[tuple[object, ...], SeenScene] | None = None

    def follow(self) -> None:
        """Go on with a movie; once a frame."""
        if self.movie is not None:
            self.movie.follow()
            if self.movie.over:
                self.movie = None
        if self._editor.document is None:
            self.page = False
        if not self.page:
            self._seen = None  # it would keep surfaces in memory

    # What there is

    def seen(self) -> SeenScene:
        """What is in the scene now; the same object as long as that is the same."""
        rendering = self._editor.rendering
        view = rendering.view
        parts = (*rendering.volumes.items(), *rendering.particles.items(), view.camera, view.look, view.aspect)
        if self._seen is None or not _alike(self._seen[0], parts):
            self._seen = parts, seen_scene(self._editor)
        return self._seen[1]

    def estimate(self) -> int:
        """About how many bytes the files of the scene will have."""
        from ais.scene_files.writing import bytes_of_particles, bytes_of_surface

        seen, kind = self.seen(), self.wish.kind.ending.lstrip(".")
        total = 0
        for surface in seen.surfaces:
            if kind != "cxc" or surface.changed or surface.look is None:
                # A closed surface has half as many vertices as triangles.
                total += bytes_of_surface(surface.seen // 2, surface.seen, kind)
        if self.wish.scope is Scope.SCENE:
            total += sum(bytes_of_particles(len(item.states), item.body, kind) for _, item in seen.particles)
        return total

    @property
    def making(self) -> bool:
        """Whether surfaces are still being made that belong to the scene."""
        volumes = self._editor.rendering.volumes
        return any(volumes.busy(volume.path) for volume in volumes.listed)

    def problem(self) -> str:
        """Why nothing can be saved as it is chosen; empty if it can."""
        if self.wish.scope is Scope.ALL:
            return "" if self._editor.snapshot.tomograms else "There are no tomograms in the project."
        if self._editor.shown is None:
            return "Open a tomogram first."
        seen = self.seen()
        if self.wish.scope is Scope.EACH:
            return "" if seen.triangles else "No volume is shown in the scene."
        if seen.triangles or seen.count:
            return ""
        return "Nothing is to be seen in the scene yet: show a volume or particles first."

    @property
    def folder(self) -> Path:
        """Where files go if nothing else is chosen."""
        return self.wish.folder if self.wish.folder is not None else picture_folder(self._editor) / "surfaces"

    @property
    def name(self) -> str:
        """What a file of the scene is called at first, without its ending."""
        shown = self._editor.shown
        return plain_name(shown.entry.name) if shown is not None else "scene"

    # Saving

    def save(self) -> None:
        """Save what is chosen on the page: at once, or after asking for a name."""
        if self.problem():
            return
        match self.wish.scope:
            case Scope.SCENE:
                self._ask_scene()
            case Scope.EACH:
                self._save_each()
            case Scope.ALL:
                self._save_all()

    def save_scene(self, path: Path, then: Callable[[Path], None] | None = None) -> None:
        """Write what is in the scene now into a file whose ending says the format; then do something more."""
        seen = self.seen()

        def write(_: Work) -> list[Path]:
            from ais.scene_files.writing import write_scene_file

            return write_scene_file(path, seen.contents(maps=path.suffix.lower() == ".cxc"))

        def done(written: list[Path]) -> None:
            if then is not None:
                then(path)
                return
            beside = f" with {len(written) - 1} more beside it" if len(written) > 1 else ""
            self._editor.notices.say(f"The scene was saved as {path}{beside}.")

        self._editor.background.run(write, done, title=f"Saving {path.name}")

    def _ask_scene(self) -> None:
        from ais.gui.dialogs import FileKind

        kind = self.wish.kind
        suggestion = picture_folder(self._editor) / f"{self.name}{kind.ending}"

        def save(path: Path) -> None:
            self.page = False
            self.save_scene(path if path.suffix.lower() == kind.ending else path.with_name(path.name + kind.ending))

        self._editor.dialogs.save_file("Save 3D scene", suggestion, (FileKind(kind.name, (kind.ending,)),), save)

    def _save_each(self) -> None:
        seen, folder, ending = self.seen(), self.folder, self.wish.kind.ending
        names = unique_names(f"{self.name}{SEPARATOR}{surface.name}" for surface in seen.surfaces)
        targets = [folder / f"{name}{ending}" for name in names]

        def write(work: Work) -> list[FileResult]:
            from ais.batch import FileResult
            from ais.scene_files.writing import write_scene_file

            contents = seen.contents(maps=ending == ".cxc")
            results = []
            for number, (part, target) in enumerate(zip(contents.surfaces, targets, strict=True)):
                work.report(number, len(targets), target.name)
                result = FileResult(target, target)
                try:
                    write_scene_file(target, replace(contents, surfaces=(part,), particles=()))
                except AisError as error:
                    result.status, result.error = "failed", f"{target.name}: {error}"
                results.append(result)
            return results

        self._write_many(targets, write)

    def _save_all(self) -> None:
        editor, wish = self._editor, replace(self.wish)
        assert editor.document is not None
        entries, folder = editor.snapshot.tomograms, self.folder
        exports = editor.modelling.exports
        results = {entry.id: tuple(one.path for one in exports.results_of(entry.path)) for entry in entries}
        shared = exports.wish.folder
        defaults = self._defaults()

        def plan(volumes: dict[int, list[VolumeEntry]]) -> None:
            def make(_: Work) -> list[SceneTask]:
                tasks: list[SceneTask] = []
                for entry in entries:
                    looks = looks_of(entry, shared, results[entry.id], volumes[entry.id], defaults)
                    tasks += tasks_of(entry, looks, folder, wish.kind.ending, together=wish.together)
                return tasks

            editor.background.run(make, begin)

        def begin(tasks: list[SceneTask]) -> None:
            if not tasks:
                editor.notices.say("None of the tomograms has a segmented volume yet: export some first.", "hint")
                return

            def write(work: Work) -> list[FileResult]:
                from ais.scene_files.volumes import write_scenes

                return write_scenes(tasks, work)

            self._write_many([task.output for task in tasks], write)

        editor.document.ask(lambda project: {entry.id: project.volumes(entry.id) for entry in entries}, plan)

    def _defaults(self) -> Defaults:
        """Gives colour, level and dust of a feature's name, or of the number of a volume that has none."""
        editor = self._editor
        features = {feature.name.casefold(): feature for feature in editor.snapshot.features}
        shelf = editor.feature_shelf

        def default(name: str, number: int) -> tuple[Colour, float, float]:
            known = features.get(name.casefold()) or shelf.entry(name)
            if known is not None:
                return known.colour, known.level, known.dust
            return PALETTE[number % len(PALETTE)], 128.0, 0.0

        return default

    def _write_many(self, targets: Sequence[Path], write: Callable[[Work], list[FileResult]]) -> None:
        editor = self._editor

        def begin() -> None:
            self.page = False
            editor.background.run(write, self._tell, title=f"Saving {len(targets)} files of surfaces")

        there = [path for path in targets if path.exists()]
        if not there:
            begin()
            return
        first = there[0].name
        words = f"{first} exists" if len(there) == 1 else f"{first} and {len(there) - 1} more files exist"
        editor.dialogs.confirm(f"{words} already in {there[0].parent}.", "Replace", begin)

    def _tell(self, results: list[FileResult]) -> None:
        failed = [result for result in results if result.status == "failed"]
        done, notices = len(results) - len(failed), self._editor.notices
        if done:
            where = next(result.output.parent for result in results if result.status != "failed")
            notices.say(f"{done} file{'s were' if done != 1 else ' was'} saved in {where}.")
        if failed:
            named = " ".join(result.error for result in failed[:FAILURES_NAMED])
            more = f" And {len(failed) - FAILURES_NAMED} more." if len(failed) > FAILURES_NAMED else ""
            notices.problem(f"{len(failed)} of {len(results)} could not be saved. {named}{more}")

    # Other programs

    def has(self, program: Program) -> bool:
        """Whether a program is installed; looked for once, in a thread, so the first answer is no."""
        if self._programs is None:
            self._programs = {}

            def look(_: Work) -> dict[str, Path]:
                from ais.scene_files.programs import BLENDER, CHIMERAX, find_program

                found = {one.name: find_program(one) for one in (CHIMERAX, BLENDER)}
                return {name: path for name, path in found.items() if path is not None}

            def use(found: dict[str, Path]) -> None:
                self._programs = found

            self._editor.background.run(look, use)
        return program.name in self._programs

    def open_in(self, program: Program, ending: str) -> None:
        """Write a script of what is in the scene into the editor's own folder, and start a program with it."""
        found = (self._programs or {}).get(program.name)
        folder = self._editor.settings_folder / "scenes"

        def start(script: Path) -> None:
            from ais.scene_files.programs import start_program

            self._editor.background.run(lambda _: start_program(program, script, found))

        def forget_earlier(_: Work) -> None:
            # Meshes are large, and nobody else looks into this folder.
            for old in folder.glob("*"):
                if old.suffix in SCENE_ENDINGS and time.time() - old.stat().st_mtime > READ_AFTER_S:
                    old.unlink(missing_ok=True)

        def save(_: None) -> None:
            self.save_scene(folder / f"{self.name}{ending}", start)

        self._editor.background.run(forget_earlier, save)

    # Pictures and movies

    def save_picture(self, path: Path, width: int, height: int, *, transparent: bool) -> None:
        """Save a picture of the scene as it is seen."""
        editor = self._editor
        drawn = editor.watch(f"Drawing picture of {width} x {height} pixels")

        def write_later(picture: NDArray[np.uint8]) -> None:
            drawn.finished = True

            def write(_: Work) -> None:
                write_scene_picture(path, picture if transparent else picture[..., :3])

            editor.background.run(
                write, lambda _: editor.notices.say(f"The picture was saved as {path}."), title=f"Saving {path.name}"
            )

        def wanted() -> bool:
            # Cancelled, or the project was closed.
            drawn.finished = drawn.finished or drawn.cancelled
            return not drawn.finished

        def tell(fraction: float) -> None:
            drawn.fraction = fraction

        def fail(problem: str) -> None:
            drawn.finished = True
            editor.notices.problem(problem)

        shot = SceneShot(
            write_later,
            width,
            height,
            scene_for(editor),
            camera_for(editor, width, height),
            transparent,
            wanted=wanted,
            told=tell,
            failed=fail,
        )
        if width * height > LARGE_PX:
            shot.samples = LARGE_SAMPLES
        editor.shell.scene_requests.append(shot)

    def save_turntable(self, path: Path, wish: Turntable) -> None:
        """Save a movie of the scene, turning."""
        self.turning = wish
        self.movie = turntable(self._editor, path, wish)

    def save_slices(self, path: Path, slices: range, frames_per_second: float) -> None:
        """Save a movie of the slices as they are on the screen."""
        self.movie = SliceMovie(self._editor, path, slices, frames_per_second)


def _alike(old: tuple[object, ...], new: tuple[object, ...]) -> bool:
    return len(old) == len(new) and all(
        a is b or (not hasattr(a, "states") and a == b) for a, b in zip(old, new, strict=True)
    )
