"""What the editor does with networks: the models of the open project, what they show, trainings, exports, curation."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ais.gui.classic_models import ClassicModels
from ais.gui.comparing import Comparisons
from ais.gui.curation import Curation
from ais.gui.curator import Curator
from ais.gui.export_queue import ExportQueue
from ais.gui.live_segmentation import LiveSegmentation
from ais.gui.live_view import view_of
from ais.gui.model_checks import ModelChecks
from ais.gui.model_library import ModelLibrary
from ais.gui.model_use import ModelUse
from ais.gui.project_models import ProjectModel, ProjectModels
from ais.gui.state import Tab
from ais.gui.training_queue import TrainingQueue
from ais.gui.training_sets import TrainingSets
from ais.gui.uncertainty import UncertaintyQueue
from ais.gui.volume_overlays import VolumeOverlays

if TYPE_CHECKING:
    from ais.gui.document import Document
    from ais.gui.editor import Editor

KEYS_OF_MODELS = "models"
"""Under which the list of models takes keys, in `Shell.keys_taken`."""


class Modelling:
    """Keeps everything that has to do with networks true to the open project.

    Parameters
    ----------
    editor
        Whose project, tomogram and compute process it uses.

    Attributes
    ----------
    models
        Of the project, and the rules between them.
    classic
        The classic model that is being made or changed.
    checks
        Whether models suit the tomogram on the screen.
    library
        Models kept for all projects.
    live
        What the active models find in the slice on the screen.
    training_sets
        The plan of the next set, and the sets that there are.
    trainings
        One after the other, with their curves.
    comparisons
        Of architectures, with their tables.
    exports
        Volumes that are being made, and those that were.
    overlays
        Exported volumes that are shown over the tomogram.
    curator
        Tiles of a prediction to be judged.
    curation
        What the Curator and the search for uncertain places are asked for.
    uncertainty
        Places where a model is least sure.
    selected
        Number of the model that is selected in the list; None where there is none.
    preview
        How models are used while something of it is dragged, by their numbers; saved when the drag ends.
    """

    def __init__(self, editor: Editor) -> None:
        self._editor = editor
        self._document: Document | None = None
        self._warm = False
        self.models = ProjectModels(editor.background, editor.submit)
        self.classic = ClassicModels(editor, self.models)
        self.checks = ModelChecks(editor)
        self.library = ModelLibrary(editor)
        self.live = LiveSegmentation(lambda: editor.engine, editor.background, self.models)
        self.training_sets = TrainingSets(editor)
        self.trainings = TrainingQueue(editor)
        self.comparisons = Comparisons(editor)
        self.exports = ExportQueue(editor)
        self.overlays = VolumeOverlays(editor)
        self.curator = Curator(editor)
        self.uncertainty = UncertaintyQueue(editor)
        self.curation = Curation(editor)
        self.selected: int | None = None
        self.preview: dict[int, ModelUse] = {}

    def use_of(self, model: ProjectModel) -> ModelUse:
        """How a model is used as it is to be drawn now: as previewed, else as saved."""
        return self.preview.get(model.id, model.use)

    def shown(self, model: ProjectModel) -> ProjectModel:
        """A model as it is to be drawn now, with `use_of` as its use: for its threshold and its colours."""
        use = self.preview.get(model.id)
        return model if use is None else replace(model, use=use)

    def preview_use(self, model: ProjectModel, **properties: Any) -> None:
        """Show a model as if it were used otherwise: properties of `ModelUse` by name, not saved yet."""
        self.preview[model.id] = replace(self.use_of(model), **properties)

    def save_preview(self, model: ProjectModel) -> None:
        """Save what is previewed of a model, as one step of undo."""
        wanted = self.preview.get(model.id)
        if wanted is None:
            return
        operation = self.models.use_operation(model.id, wanted)
        if operation is None or self._editor.read_only:
            del self.preview[model.id]
            return

        def forget() -> None:
            if self.preview.get(model.id) is wanted:
                del self.preview[model.id]

        self._editor.submit(operation, lambda _: forget(), forget)

    def follow(self) -> None:
        """Take in what has come and ask for what is next; once a frame."""
        editor = self._editor
        if editor.document is not self._document:
            if self._document is not None:
                self.live.forget()
            self._document, self.selected = editor.document, None
            self.preview.clear()
        self.models.follow(editor.snapshot)
        self.classic.follow()
        if self.models.model(self.selected or 0) is None:
            self.selected = self.models.models[0].id if self.models.models else None
        if editor.state.tab is not Tab.MODELS or editor.document is None:
            editor.shell.keys_taken.pop(KEYS_OF_MODELS, None)  # the list is not drawn, so it cannot give them back
        view = view_of(editor)
        self.checks.follow(self.models.models)
        self.live.follow(view)
        self.training_sets.follow()
        self.trainings.follow(view)
        self.comparisons.follow()
        self.exports.follow()
        self.overlays.follow()
        self.curator.follow()
        self.uncertainty.follow()
        self.curation.follow()
        if editor.state.tab is Tab.MODELS and editor.shown is not None and not self._warm:
            # Who looks at models will soon ask for a result: the backend takes seconds to start.
            self._warm = True
            self.live.warm_up()

    def follow_place(self) -> None:
        """Show what is known of the slice if it has changed since `follow`, instead of one frame later."""
        view = view_of(self._editor)
        if view is not None and self.live.place not in (None, (view.path, view.z)):
            self.live.follow(view)

    @property
    def seconds_to_frame(self) -> float | None:
        """When `follow` has something to do though nobody wakes the window; None if only news of a thread do."""
        waits = [self.live.seconds_to_frame]
        if self._editor.shell.samples:
            waits.append(self.training_sets.seconds_to_frame)
        return min((wait for wait in waits if wait is not None), default=None)
