"""What the Curator and the search for uncertain places are asked for, and the training that follows from verdicts."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ais.annotation import Feature, PlaceBoxes, TomogramEntry
from ais.gui.curator import CuratorTile, CuratorWish
from ais.gui.model_places import ModelChoice
from ais.gui.training import TrainingState
from ais.gui.training_set_plan import Role, TrainingSetPlan
from ais.gui.uncertainty import Ranking
from ais.uncertainty import TileRule

if TYPE_CHECKING:
    from pathlib import Path

    from ais.gui.document import Document
    from ais.gui.editor import Editor
    from ais.gui.project_models import ProjectModel
    from ais.gui.training import Training
    from ais.trainset.recorded import RecordedSet

MOST_TILES = 400
LOOKS = (1, 4, 8)
"""Over so many rotations and flips a result may be averaged; where they disagree a model is unsure as well."""


class Curation:
    """What is chosen in the panels of curation, kept true to the open project.

    Parameters
    ----------
    editor
        Whose project, models, Curator and trainings it uses.

    Attributes
    ----------
    model_wish, feature_wish
        Numbers of the model and of the feature that the user has chosen; None to follow what fits.
    finds
        Which feature of a network that finds several; empty for the one that fits.
    left_out
        Numbers of tomograms that are not looked at.
    rule, count
        Which tiles the Curator gathers, and how many.
    ranking
        Whether uncertain slices or tiles are looked for.
    looks
        Over how many rotations and flips the result is averaged then.
    problem
        Why what was asked for last cannot be done, in one sentence; else empty.
    aside
        Whether the Curator has made room for a tile that is edited.
    training
        The training that was asked for last with verdicts; None before.
    edited
        Indices of tiles that were edited by hand.
    """

    def __init__(self, editor: Editor) -> None:
        self._editor = editor
        self._document: Document | None = None
        self._reset()

    def _reset(self) -> None:
        self.model_wish: int | None = None
        self.feature_wish: int | None = None
        self.finds = ""
        self.left_out: set[int] = set()
        self.rule = TileRule.UNCERTAIN
        self.count = 48
        self.ranking: Ranking = "slices"
        self.looks = 1
        self.problem = ""
        self.aside = False
        self.training: Training | None = None
        self.edited: set[int] = set()
        self._awaited: Path | None = None
        self._preparing = False
        self._used: tuple[object, int] = (None, 0)

    def follow(self) -> None:
        """Forget what was chosen in another project; once a frame."""
        if self._editor.document is not self._document:
            self._document = self._editor.document
            self._editor.shell.curator = False
            self._reset()
        training = self.training
        if training is not None and training.output == self._awaited and training.state is TrainingState.DONE:
            made = next((model for model in self.models if model.entry.path == training.output), None)
            if made is not None:  # the next tiles are those of the model that has learned from these
                self.model_wish, self._awaited = made.id, None

    # What is chosen

    @property
    def models(self) -> list[ProjectModel]:
        """The models that can be used."""
        return [model for model in self._editor.modelling.models.models if model.info is not None]

    @property
    def model(self) -> ProjectModel | None:
        """The model whose prediction is looked at; that of the list of models where none has been chosen."""
        models = {model.id: model for model in self.models}
        for number in (self.model_wish, self._editor.modelling.selected):
            if number in models:
                return models[number]
        return next(iter(models.values()), None)

    @property
    def feature(self) -> Feature | None:
        """The feature that is corrected; where none has been chosen, that of the model's name or the selected one."""
        snapshot, model = self._editor.snapshot, self.model
        chosen = snapshot.feature(self.feature_wish)
        if chosen is not None:
            return chosen
        names = [] if model is None else [name.casefold() for name in (model.use.feature, *model.found) if name]
        named = [feature for feature in snapshot.features if feature.name.casefold() in names]
        return next(iter(named), None) or snapshot.feature(self._editor.state.feature) or _first(snapshot.features)

    @property
    def found(self) -> str:
        """Which of the features that the model finds is looked at; empty where there is no model."""
        model, feature = self.model, self.feature
        if model is None or not model.found:
            return ""
        if self.finds in model.found:
            return self.finds
        wanted = "" if feature is None else feature.name.casefold()
        return next((name for name in model.found if name.casefold() == wanted), model.found[0])

    @property
    def tomograms(self) -> list[TomogramEntry]:
        """Those that are looked at."""
        return [entry for entry in self._editor.snapshot.tomograms if entry.id not in self.left_out]

    def choose_tomograms(self, numbers: Sequence[int]) -> None:
        """Look at these and leave out the others."""
        self.left_out = {entry.id for entry in self._editor.snapshot.tomograms} - set(numbers)

    # The Curator

    def gather(self) -> None:
        """Gather tiles in place of those that are shown."""
        choice, feature = self._choice(), self.feature
        if choice is None or feature is None:
            self.problem = "Train or add a model first." if choice is None else "Add the feature that is corrected."
            return
        curator = self._editor.modelling.curator
        self.edited = set()
        seed = curator.wish.seed + 1 if curator.wish is not None else 0
        numbers = tuple(entry.id for entry in self.tomograms)
        self.problem = curator.gather(CuratorWish(choice, feature.id, numbers, self.rule, self.count, seed=seed))

    def edit(self) -> None:
        """Go to the current tile, and have the Curator make room."""
        curator = self._editor.modelling.curator
        if curator.tiles:
            self.aside = curator.edit()

    def add_sample(self, tile: CuratorTile) -> None:
        """Place a box over a tile that was corrected by hand, and go back to the others."""
        curator = self._editor.modelling.curator
        if curator.wish is None or tile not in curator.tiles:
            return
        index = curator.tiles.index(tile)
        self.edited.add(index)
        self._editor.submit(PlaceBoxes(tile.tomogram, curator.wish.feature, [(tile.z, tile.y, tile.x)]))
        curator.select(curator.next_open(index))
        self.aside = False

    # The places

    def find_uncertain(self) -> None:
        """Look for places where the model is least sure."""
        choice, feature = self._choice(), self.feature
        if choice is None or feature is None:
            self.problem = "Train or add a model first." if choice is None else "Add the feature that is labelled."
            return
        choice = replace(choice, tta=max(choice.tta, self.looks))
        numbers = [entry.id for entry in self.tomograms]
        self.problem = self._editor.modelling.uncertainty.begin(choice, feature.id, numbers, ranking=self.ranking)

    def next_uncertain(self) -> None:
        """Go to the next place; with none found yet, look for some first and go to the first of them."""
        queue = self._editor.modelling.uncertainty
        if not queue.places() and not queue.busy:
            self.find_uncertain()
        if self.problem and not queue.busy:
            self._editor.notices.say(self.problem, "hint")
        else:
            queue.next()

    # The next training

    @property
    def new_verdicts(self) -> int:
        """How many tiles have been judged or corrected since a training was asked for."""
        used = self._used[1] if self._used[0] is self._editor.modelling.curator.wish else 0
        return max(self._given - used, 0)

    @property
    def _given(self) -> int:
        curator = self._editor.modelling.curator
        return curator.judged + sum(curator.verdict(index) is None for index in self.edited)

    @property
    def preparing(self) -> bool:
        """Whether the training set is being made."""
        return self._preparing and self._editor.modelling.training_sets.writing is not None

    def retrain(self) -> None:
        """Make a training set as planned last, with the verdicts, and train the model further with it.

        Nothing of it needs the panel: the set is written in the background, and the training waits for its turn.
        """
        editor, curator = self._editor, self._editor.modelling.curator
        wish, document = curator.wish, editor.document
        feature = editor.snapshot.feature(wish.feature) if wish is not None else None
        if wish is None or feature is None or document is None or self.preparing:
            return
        model = next((model for model in self.models if model.entry.path == wish.model.path), None)
        if model is None:
            self.problem = f"The model {wish.model.name} is not in the project any more: gather tiles of another one."
            return
        sets = editor.modelling.training_sets
        verdicts = self._given

        def made(records: Sequence[RecordedSet]) -> None:
            self._preparing = False
            files = [sets.path_of(record) for record in records]
            taken = {one.name for one in editor.modelling.models.models}
            taken |= {one.name for one in editor.modelling.trainings.trainings}
            name = next_name(model.name, taken)
            training = self.training = editor.modelling.trainings.add(name, files, self._settings(model))
            self._awaited = training.output
            self._used = (wish, verdicts)
            classic = model.info is not None and model.info.is_classic
            does = "A network learns from what was judged" if classic else f"{model.name} is trained further"
            editor.notices.say(f"{does}: it becomes {name}.")

        before, sets.plan = sets.plan, self._plan(sets.plan, feature, model)
        stops = [problem.text for problem in sets.counts().problems if problem.stops]
        begun = sets.write(made)
        sets.plan = before
        self._preparing = begun
        busy = "A training set is being made: retrain when it is there."
        self.problem = "" if begun else next(iter(stops), busy)

    # Within

    def _choice(self) -> ModelChoice | None:
        model = self.model
        return None if model is None else ModelChoice.of(model, self.found if len(model.found) > 1 else "")

    def _plan(self, last: TrainingSetPlan, feature: Feature, model: ProjectModel) -> TrainingSetPlan:
        """As the user has planned last, for what this model finds; as the model was trained where nobody has."""
        names = [name.casefold() for name in model.found]
        features = self._editor.snapshot.features
        several = [one for one in features if len(names) > 1 and one.name.casefold() in names]
        positive = dict.fromkeys([one.id for one in several] or [feature.id], Role.POSITIVE)
        negative = {number: role for number, role in last.roles.items() if role is Role.NEGATIVE}
        plan = replace(last, roles={**negative, **positive}, left_out=set(last.left_out), together=len(several) > 1)
        if model.info is None or model.info.is_classic:
            return plan
        plan.depth = model.info.depth  # a network goes on with as many slices as it began with
        if last.role(feature.id) is Role.POSITIVE:
            return plan
        return replace(plan, name="", box_size=feature.box_size, voxel_size=model.info.voxel_size or None)

    def _settings(self, model: ProjectModel) -> dict[str, object]:
        """Those that the model was trained with, or else those planned for the next training, to go on from it."""
        trainings = self._editor.modelling.trainings
        if model.info is not None and model.info.is_classic:
            return replace(trainings.plan, continue_from=None).settings()  # a network that begins where it ends
        earlier = [one for one in trainings.trainings if one.output == model.entry.path]
        if earlier:
            return {**earlier[-1].settings, "continue_from": str(model.entry.path)}
        return replace(trainings.plan, continue_from=model.entry.path).settings()


def next_name(name: str, taken: Collection[str]) -> str:
    """What the next of a row of models is called: membrane, membrane 2, membrane 3."""
    stem, number = name, 1
    head, _, tail = name.rpartition(" ")
    if head and tail.isascii() and tail.isdigit():
        stem, number = head, int(tail)
    while True:
        number += 1
        if f"{stem} {number}" not in taken:
            return f"{stem} {number}"


def _first(features: Sequence[Feature]) -> Feature | None:
    return features[0] if features else None
