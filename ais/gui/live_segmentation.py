"""What the active models find in the slice on the screen: asked for, kept, put under the rules, looked ahead for."""

from __future__ import annotations

import itertools
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ais.gui.live_maps import Composition, LiveMap, ResultKey, bytes_of, composed
from ais.gui.live_view import LiveView, Region, grown
from ais.gui.project_models import ProjectModel, ProjectModels, rules_among
from ais.interactions import Rules

if TYPE_CHECKING:
    from ais.engine import Engine, Job
    from ais.gui.background import Background

KEPT_BYTES = 320 << 20
SHOWN_BYTES = 96 << 20
AHEAD = 3
"""So many slices before and behind the one on the screen are segmented when there is nothing else to do."""
RESTS_S = 0.2
"""A slice that has been on the screen for so long is looked at, and its neighbours may be next."""
LATE_S = 0.3
"""What takes longer is said to be under way; below, words would only flicker."""
CRASHES = 2
"""After so many ends of the compute process a slice is not tried again."""


class _Asked(NamedTuple):
    job: Job
    key: ResultKey


class LiveSegmentation:
    """Segments the slice on the screen with the active models, without ever waiting.

    Call `follow` in every frame. A network's results are kept as they come from it, so that threshold, opacity and
    rules change without asking it again.

    Parameters
    ----------
    engine
        Gives the compute process.
    background
        Threads in which rules are applied.
    models
        Of the project.

    Attributes
    ----------
    maps
        What is found in the slice on the screen, in the order of the models; those not there yet are left out.
    problems
        For each model's number why its result cannot be shown, in one sentence.
    rules_problem
        Why the rules could not be applied, in one sentence; else empty. The maps are then shown without them.
    seconds
        For each model's number how long it took for its last slice.
    """

    def __init__(self, engine: Callable[[], Engine], background: Background, models: ProjectModels) -> None:
        self._engine = engine
        self._background = background
        self._models = models
        self._kept: OrderedDict[ResultKey, NDArray[np.float32]] = OrderedDict()
        self._shown: OrderedDict[Composition, tuple[tuple[LiveMap, ...], str]] = OrderedDict()
        self._asked: dict[int, _Asked] = {}
        self._crashes: dict[ResultKey, int] = {}
        self._failed: dict[ResultKey, str] = {}
        self._composing: Composition | None = None
        self._on_screen: Composition | None = None
        self._revisions = itertools.count(1)
        self._place: tuple[str, int] | None = None
        self._direction = 1
        self._rests_since = 0.0
        self._pending_since: float | None = None
        self.maps: tuple[LiveMap, ...] = ()
        self.problems: dict[int, str] = {}
        self.rules_problem = ""
        self.seconds: dict[int, float] = {}

    @property
    def pending(self) -> bool:
        """Whether something of the slice on the screen is still to come."""
        return self._pending_since is not None

    @property
    def late(self) -> bool:
        """Whether it has been waited for so long that the user should be told."""
        return self._pending_since is not None and time.monotonic() - self._pending_since >= LATE_S

    @property
    def place(self) -> tuple[str, int] | None:
        """Tomogram and slice that `follow` was told of last, if models are active there."""
        return self._place

    @property
    def seconds_to_frame(self) -> float | None:
        """When there is something to do or to say though nobody wakes the window; None if never."""
        if self._place is None or not self._models.segmenting:
            return None
        now = time.monotonic()
        waits = [RESTS_S - (now - self._rests_since)]
        if self._pending_since is not None:
            waits.append(LATE_S - (now - self._pending_since))
        return min((wait for wait in waits if wait > 0), default=None)

    def warm_up(self) -> None:
        """Start the compute process and its backend, such as when the list of models is first seen."""
        arguments = {"tomogram": "", "z": 0, "models": []}
        self._engine().submit("live", arguments, "Starting networks", urgent=True, replaces="live start")

    def forget(self) -> None:
        """Let go of everything, such as when the project is closed."""
        for asked in self._asked.values():
            self._engine().cancel(asked.job)
        for kept in (self._kept, self._shown, self._asked, self._crashes, self._failed, self.problems, self.seconds):
            kept.clear()
        self.maps, self._on_screen, self._place, self._pending_since = (), None, None, None

    def follow(self, view: LiveView | None) -> None:
        """Ask for what is missing and show what has come; for every frame.

        Parameters
        ----------
        view
            The slice on the screen, such as `view_of` gives it; None for none.
        """
        self._take_results()
        models = self._models.segmenting
        if view is None or not models or view.z not in view.slices:
            self.maps, self._on_screen, self._place, self._pending_since = (), None, None, None
            return
        self._follow_place(view)
        place = view.path, view.z
        rules = rules_among(self._models.rules, {feature for model in models for feature in model.found})
        region = grown(view, rules)
        keys = {model.id: _key(model, view, view.z, region) for model in models}
        self.problems = {number: self._failed[key] for number, key in keys.items() if key in self._failed}
        usable = [model for model in models if model.id not in self.problems]
        missing = [model for model in usable if keys[model.id] not in self._kept]
        for model in missing:
            self._ask(model, view, keys[model.id], region)
        self._note_pending(bool(missing))
        if not (any(map(_is_draft, missing)) and self._on_screen is not None and _place(self._on_screen) == {place}):
            self._compose(view, usable, missing, keys, rules)
        # Else what is shown of this slice stays while the options of a model move, instead of flickering.
        if not missing and not self._asked and time.monotonic() - self._rests_since >= RESTS_S:
            self._look_ahead(view, usable, region)

    def _follow_place(self, view: LiveView) -> None:
        place = view.path, view.z
        if place != self._place:
            if self._place is None or self._place[0] != view.path:
                self._failed.clear()  # what was wrong may have been put right
            else:
                self._direction = 1 if view.z > self._place[1] else -1
            self._place, self._rests_since = place, time.monotonic()

    def _note_pending(self, pending: bool) -> None:
        if not pending:
            self._pending_since = None
        elif self._pending_since is None:
            self._pending_since = time.monotonic()

    # Asking the networks

    def _ask(self, model: ProjectModel, view: LiveView, key: ResultKey, region: Region) -> None:
        from ais.engine import JobState

        asked = self._asked.get(model.id)
        if asked is not None and (asked.key == key or asked.job.state is not JobState.WAITING):
            return  # one that runs cannot be called back, and it ends soon
        wanted: dict[str, Any] = {"path": str(model.entry.path), "hash": key.hash, "tta": key.tta}
        if model.file is not None and model.file.record is not None:
            wanted["record"] = dict(model.file.record)
        job = self._engine().submit(
            "live",
            {**view.arguments(key.z, region), "models": [wanted]},
            f"Segmenting slice {key.z}: {model.name}",
            urgent=True,
            replaces=f"live {model.id}",
        )
        self._asked[model.id] = _Asked(job, key)

    def _take_results(self) -> None:
        from ais.engine import JobState

        for number, (job, key) in list(self._asked.items()):
            if not job.finished:
                continue
            del self._asked[number]
            if job.state is JobState.DONE:
                self._keep(key, job.result["maps"][0])
                self.seconds[number] = job.result["seconds"][0]
            elif job.state is JobState.FAILED:
                self._crashes[key] = self._crashes.get(key, 0) + 1
                if not job.lost or self._crashes[key] >= CRASHES:
                    self._failed[key] = job.error
                    self._models.refresh()  # perhaps the file is another now

    def _keep(self, key: ResultKey, found: NDArray[np.float32]) -> None:
        self._kept[key] = found
        while len(self._kept) > 1 and sum(values.nbytes for values in self._kept.values()) > KEPT_BYTES:
            self._kept.popitem(last=False)

    def _look_ahead(self, view: LiveView, models: Sequence[ProjectModel], region: Region) -> None:
        from ais.engine import EngineStatus

        if self._engine().status is not EngineStatus.READY:
            return  # a training has no time for slices that nobody may ever look at
        for distance, side in itertools.product(range(1, AHEAD + 1), (self._direction, -self._direction)):
            z = view.z + side * distance
            if z not in view.slices:
                continue
            for model in models:
                key = _key(model, view, z, region)
                if key not in self._kept and key not in self._failed:
                    self._ask(model, view, key, region)
                    return

    # Rules

    def _compose(
        self,
        view: LiveView,
        usable: Sequence[ProjectModel],
        missing: Sequence[ProjectModel],
        keys: dict[int, ResultKey],
        rules: Rules,
    ) -> None:
        # What the rules name is shown once all of it is there, lest something appears and vanishes again.
        names = rules.names
        late = {feature for model in missing for feature in model.found}
        complete = not late.intersection(names)
        there = [model for model in usable if model not in missing]
        if not complete:
            there, rules = [model for model in there if not set(names).intersection(model.found)], Rules()
        if not there:
            self.maps, self._on_screen, self.rules_problem = (), None, ""
            return
        known = {feature for model in there for feature in model.found}
        rules = rules_among(rules, known)
        wanted = Composition(view.shape, view.plane, rules, tuple((model.id, keys[model.id]) for model in there))
        if wanted in self._shown:
            self._shown.move_to_end(wanted)
            self.maps, self.rules_problem = self._shown[wanted]
            self._on_screen = wanted
            return
        if self._on_screen is not None and _place(self._on_screen) != _place(wanted):
            self.maps, self._on_screen = (), None
        if self._composing is not None:
            return
        self._composing = wanted
        found = []
        for model in there:
            values = self._kept[keys[model.id]]
            self._kept.move_to_end(keys[model.id])
            found.append((model.id, model.found, values))

        def show(made: tuple[tuple[LiveMap, ...], str]) -> None:
            self._composing = None
            self._shown[wanted] = made
            while len(self._shown) > 1 and bytes_of(self._shown) > SHOWN_BYTES:
                self._shown.popitem(last=False)

        def failed(sentence: str) -> None:
            self._composing = None
            self._shown[wanted] = (), sentence

        numbers = [next(self._revisions) for _, features, _ in found for _ in features]
        self._background.run(lambda _: composed(view, wanted, found, numbers), show, failed=failed)


def _key(model: ProjectModel, view: LiveView, z: int, region: Region) -> ResultKey:
    from ais.segmentation.symmetries import count_for

    assert model.file is not None
    depth = 1 if model.info is None else model.info.depth
    return ResultKey(view.path, view.voxel_sizes, z, region, model.file.hash, min(model.use.tta, count_for(depth)))


def _place(shown: Composition) -> set[tuple[str, int]]:
    return {(key.path, key.z) for _, key in shown.parts}


def _is_draft(model: ProjectModel) -> bool:
    return model.file is not None and model.file.record is not None
