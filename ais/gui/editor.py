"""The editor without its window: the open project, the tomogram on the screen, what is selected, what runs."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ais.annotation import Operation
from ais.errors import AisError
from ais.gui import untitled
from ais.gui.analyses import Analyses
from ais.gui.background import Background, Work
from ais.gui.computing import Computing
from ais.gui.dialogs import Dialogs
from ais.gui.display import Plane
from ais.gui.document import Document, Edited, Snapshot
from ais.gui.feature_shelf import FeatureShelf
from ais.gui.file_opening import open_paths
from ais.gui.file_places import file_places
from ais.gui.fluorescence import FluorescenceOverlays
from ais.gui.masks import Masks
from ais.gui.modelling import Modelling
from ais.gui.notices import Notices
from ais.gui.playing import Playing
from ais.gui.preparing import Preparing
from ais.gui.project_switch import ProjectSwitch
from ais.gui.rendering import Rendering
from ais.gui.selection import Selection
from ais.gui.settings import SettingsFile
from ais.gui.shell import Shell
from ais.gui.shown_tomogram import ShownTomogram
from ais.gui.sight import Sight
from ais.gui.state import EditorState, ViewState
from ais.gui.tomogram_list import TomogramList
from ais.gui.tomogram_switch import TomogramSwitch
from ais.gui.tools import Gesture
from ais.gui.tools.brush_radius import save_brush_radius, save_rested_radius
from ais.project import Project

if TYPE_CHECKING:
    from ais.engine import Engine, Job

FRAME_S = 1 / 60
JUST_NOW_S = 0.2
"""Whoever has started what takes longer has turned to something else, and is told when it ends."""
REMEMBER_VIEW_AFTER_S = 2.0
NO_PROJECT = Snapshot()

Result = TypeVar("Result")
_log = logging.getLogger(__name__)


class Editor:
    """Everything the window shows and does, free of the library that draws it.

    All methods are called by the window's thread and return at once; what takes time runs elsewhere and comes back
    by `poll`.

    Parameters
    ----------
    settings_folder
        Where the editor keeps its settings and the projects that have no name yet.
    wake
        Makes the window draw another frame; may be called from any thread.

    Attributes
    ----------
    state
        What is selected and shown.
    tomogram_list
        What of the list of tomograms is shown, in which order.
    settings
        What is remembered of the user.
    notices
        Sentences on the screen.
    feature_shelf
        Features remembered from other projects.
    background
        Threads for reading and measuring.
    document, masks
        The open project and the masks on the screen; None without a project.
    shown
        The tomogram on the screen; None while there is none or while it is being opened.
    gesture
        The drag under way.
    shell
        Requests to the window.
    dialogs
        Files, folders and confirmations asked of the user.
    computing
        The compute process and its jobs.
    sight
        Where the views look.
    projects, tomograms
        Open and close project files, and the tomogram on the screen.
    modelling
        Models, trainings, exports and curation of the open project.
    rendering
        Surfaces, particles and the 3D scene of the tomogram on the screen.
    analyses
        Instances measured in segmented volumes of the open project.
    fluorescence
        Images of a light microscope over the tomogram on the screen.
    preparing
        Filtered copies of tomograms.
    untitled
        Whether a project is open that has no name yet.
    wake
        Makes the window draw another frame; may be called from any thread.
    closing
        Whether the program is about to end.
    """

    def __init__(self, settings_folder: Path, wake: Callable[[], None]) -> None:
        self.settings_folder = settings_folder
        self.settings_file = SettingsFile(settings_folder)
        self.settings = self.settings_file.load()
        self.state = EditorState()
        self.tomogram_list = TomogramList()
        self.notices = Notices()
        self.background = Background(wake, self.notices.problem)
        self.background.tell_end = self._after_work
        self.feature_shelf = FeatureShelf(settings_folder, self.background)
        self.document: Document | None = None
        self.masks: Masks | None = None
        self.shown: ShownTomogram | None = None
        self.gesture: Gesture | None = None
        self.shell = Shell()
        folder = Path(self.settings.last_folder) if self.settings.last_folder else None
        self.dialogs = Dialogs(self.background, folder=folder, places=lambda: file_places(self))
        self.closing = False
        self.wake = wake
        self.computing = Computing(wake, self.notices)
        self.sight = Sight(self)
        self._selection = Selection(self)
        self._playing = Playing(self)
        self.projects = ProjectSwitch(self.background, settings_folder, self.use_project)
        self.tomograms = TomogramSwitch(self)
        self.modelling = Modelling(self)
        self.rendering = Rendering(self)
        self.analyses = Analyses(self)
        self.fluorescence = FluorescenceOverlays(self)
        self.preparing = Preparing(self)
        self.untitled = False
        self._remember_at = 0.0

    # The project

    @property
    def snapshot(self) -> Snapshot:
        """What the project holds now; empty without a project."""
        return self.document.snapshot if self.document is not None else NO_PROJECT

    @property
    def read_only(self) -> bool:
        """Whether the project can only be read."""
        return self.document is not None and self.document.project.read_only

    @property
    def project_name(self) -> str:
        """What to call the project on the screen; empty without one."""
        if self.document is None:
            return ""
        return "Untitled project" if self.untitled else self.document.project.path.stem

    def open_paths(self, paths: Sequence[Path]) -> None:
        """Open a project, or tomograms into the project that is open, or into a new one."""
        open_paths(self, paths)

    def open_project(self, path: Path, then: Callable[[], None] | None = None) -> None:
        """Open a project in place of the one that is open."""
        if self.document is not None and self.document.project.path == Path(os.path.realpath(path)):
            if then is not None:
                then()
            return
        self.projects.begin(lambda _: Project.open(path), f"Opening {path.name}", then)

    def new_project(self, path: Path | None = None, then: Callable[[], None] | None = None) -> None:
        """Make a project and open it; without a path it is kept in the editor's own folder."""

        def make(_: Work) -> Project:
            return Project.create(path) if path is not None else untitled.create_untitled(self.settings_folder)

        self.projects.begin(make, "Making a project", then)

    def use_project(self, project: Project, *, removing: bool = False) -> None:
        """Show a project that has been opened; the one before is closed, and its file removed if that is asked for."""
        self.close_project(removing=removing)
        self.document = Document(project, self.wake, self.notices.problem)
        self.masks = Masks(self.document)
        self.untitled = untitled.is_untitled(project.path, self.settings_folder)
        if not self.untitled:
            self.settings.remember_project(project.path)
        if project.notice:
            self.notices.problem(project.notice)
        self.tomograms.forget()
        self._selection.begin()

    def close_project(self, *, removing: bool = False) -> None:
        """Close the project; everything in it is on disk already, and stays there unless it is to be removed."""
        self.cancel_gesture()
        save_brush_radius(self)
        self.remember_view()
        self.tomograms.close()
        if self.document is not None:
            document, self.document, self.masks = self.document, None, None
            self.state = EditorState(tab=self.state.tab)
            self.shell.sheets.clear()  # what they ask about has other numbers in another project
            self.projects.close_later(document, removing)

    def submit(
        self,
        operation: Operation[Result],
        then: Callable[[Result], None] | None = None,
        failed: Callable[[], None] | None = None,
        title: str = "",
    ) -> None:
        """Make an edit of the project; see `Document.submit`.

        Parameters
        ----------
        operation, then, failed
            As there.
        title
            For the list of jobs, while it takes long.
        """
        if self.document is None or self.read_only:
            if self.document is None:
                self.notices.say("Open a tomogram first.", "hint")
            else:
                self.notices.problem(self.document.project.notice or "This project can only be read.")
            if failed is not None:
                failed()
        elif not title:
            self.document.submit(operation, then, failed)
        else:
            work = self.watch(title)

            def done(result: Result) -> None:
                work.finished = True
                if then is not None:
                    then(result)

            def given_up() -> None:
                work.finished = True
                if failed is not None:
                    failed()

            self.document.submit(operation, done, given_up)

    def watch(self, title: str) -> Work:
        """Put what the project's thread does on the list of jobs, until its `finished` is set or the project closed."""
        return self.background.watch(title, self.document.closed if self.document is not None else None)

    def undo(self) -> None:
        """Take the last edit back, or the last corner of an open outline; the view goes to where it acted."""
        if self.gesture is not None:
            self.cancel_gesture()
        elif self.state.outline:
            self.state.outline.pop()
        elif self.document is not None:
            self.document.undo()

    def redo(self) -> None:
        """Make the last edit that was undone again."""
        if self.document is not None and self.gesture is None:
            self.document.redo()

    def save_settings(self) -> None:
        """Write what is remembered of the user, in a thread; done at the end of the program as well."""
        settings = replace(self.settings)
        self.background.run(lambda _: self.settings_file.save(settings))

    # Selection

    def select_tomogram(self, number: int | None) -> None:
        """Show a tomogram of the project."""
        if self.document is None or (number == self.state.tomogram and self.shown is not None):
            return
        entry = self.snapshot.tomogram(number)
        self.remember_view()
        self.cancel_gesture()
        self.tomograms.close()
        self.state.tomogram = number
        self.document.watch(number)
        if entry is None:
            return
        self.tomograms.open(entry)

    def reopen_tomogram(self) -> None:
        """Open the selected tomogram anew, such as after its voxel size has changed or it was relinked."""
        number = self.state.tomogram
        if number is not None:
            self.remember_view()
            self.tomograms.close()
            self.state.tomogram = None
            self.select_tomogram(number)

    def select_neighbour(self, step: int) -> None:
        """Show the next (1) or previous (-1) tomogram of the list, as it is searched and sorted."""
        numbers = [entry.id for entry in self.tomogram_list.shown(self.snapshot)]
        if numbers:
            at = numbers.index(self.state.tomogram) + step if self.state.tomogram in numbers else 0
            self.select_tomogram(numbers[min(max(at, 0), len(numbers) - 1)])

    def select_feature(self, number: int | None) -> None:
        """Make a feature, or IGNORE, the one that is painted."""
        self.cancel_gesture()
        self.state.feature = number

    @property
    def opening(self) -> bool:
        """Whether a tomogram is being opened."""
        return self.tomograms.opening

    def view(self, plane: Plane) -> ViewState:
        """How a plane is shown."""
        return self.state.views[plane]

    def cancel_gesture(self) -> None:
        """End the drag under way without an edit."""
        if self.gesture is not None:
            gesture, self.gesture = self.gesture, None
            gesture.cancel()

    # What runs

    @property
    def engine(self) -> Engine:
        """The compute process; started when it is first used."""
        return self.computing.engine

    def compute(
        self, task: str, arguments: Mapping[str, Any], title: str, then: Callable[[Any], None] | None = None
    ) -> Job:
        """Have the compute process do something.

        Parameters
        ----------
        task, arguments, title
            As for `ais.engine.Engine.submit`.
        then
            Gets the result in the window's thread; what goes wrong is shown.
        """
        return self.computing.submit(task, arguments, title, then)

    @property
    def engine_in_use(self) -> Engine | None:
        """The compute process, if something has used it."""
        return self.computing.in_use

    def poll(self) -> None:
        """Take in what has come back from threads; called at the beginning of every frame."""
        self.background.poll()
        self.computing.poll()
        if self.document is not None:
            for edited in self.document.poll():
                self._after_edit(edited)
        self._selection.follow()
        self.feature_shelf.follow(self.document)
        self.modelling.follow()
        self.rendering.follow()
        self.analyses.follow()
        self.fluorescence.follow()
        self.preparing.follow()
        if self.shown is not None:
            for text, kind in self.shown.news():
                self.notices.say(text, kind)
        self._playing.follow()
        save_rested_radius(self)
        if time.monotonic() > self._remember_at:
            self._remember_at = time.monotonic() + REMEMBER_VIEW_AFTER_S
            self.remember_view()

    @property
    def animating(self) -> bool:
        """Whether frames must follow each other without input: a drag, a brush that waits to be saved."""
        return self.gesture is not None or self.state.radius_wish is not None

    @property
    def seconds_to_frame(self) -> float | None:
        """When the next frame is needed though there is no input; None if only input or news of a thread need one."""
        asked = (
            *(self.notices.seconds_to_change(), self.background.seconds_to_change()),
            *(self.modelling.seconds_to_frame, self.rendering.seconds_to_frame),
            self._playing.seconds_to_frame,
        )
        waits = [wait for wait in asked if wait is not None]
        if self.animating:
            waits.append(FRAME_S)
        return max(0.0, min(waits)) if waits else None

    def close(self) -> None:
        """Finish the edits that are waiting, remember the view, stop all threads and processes."""
        self.closing = True
        self.cancel_gesture()
        save_brush_radius(self)
        self.remember_view()
        self.tomograms.close()
        self.modelling.overlays.close()
        self.computing.stop()
        self.background.close()
        try:
            self.feature_shelf.close()
        except AisError as error:
            _log.warning("%s", error)
        self.projects.close_not_shown()
        if self.document is not None:
            document, self.document = self.document, None
            self.projects.close(document)
        try:
            if self.dialogs.folder is not None:
                self.settings.last_folder = str(self.dialogs.folder)
            self.settings_file.save(self.settings)
        except AisError as error:
            _log.warning("%s", error)

    # Within

    def _after_edit(self, edited: Edited) -> None:
        region = edited.region
        if self.gesture is None:
            self.state.dragged = None
        if self.masks is not None:
            if edited.local and region is not None:
                self.masks.invalidate(region.tomogram)
            else:
                self.masks.invalidate()
        self._selection.after_edit(edited)

    def _after_work(self, work: Work) -> None:
        # Whoever has just said what came of it needs no second sentence.
        said = self.notices.said and self.notices.said[-1].age() < JUST_NOW_S
        if work.outcome == "done" and not said:
            self.notices.say_ended(work.title, work.seconds)

    def remember_view(self) -> None:
        """Have the project keep what is selected and how the tomogram is shown, if that has changed."""
        self.tomograms.remember()
