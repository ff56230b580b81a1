"""What the active models find in the slice on the screen: asked for, kept, put under the rules, looked ahead for."""

from __future__ import annotations

import itertools
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ais.errors import AisError
from ais.gui.project_models import ProjectModel, ProjectModels, rules_among
from ais.interactions import Rules, apply_rules

if TYPE_CHECKING:
    from ais.engine import Engine, Job
    from ais.gui.background import Background
    from ais.gui.editor import Editor

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

Region = tuple[int, int, int, int]
"""(x0, x1, y0, y1), half open."""


@dataclass(frozen=True)
class LiveView:
    """The slice on the screen, as far as it matters to networks.

    Attributes
    ----------
    path
        Of the tomogram.
    shape
        Its (nz, ny, nx).
    voxel_size
        In angstrom, where the user has corrected the file's; else None.
    voxel_sizes
        (z, y, x) in angstrom, with that correction.
    normalization
        (center, scale), None if they are not known yet.
    z
        The slice.
    crop
        ((z0, z1), (y0, y1), (x0, x1)) that is worked on; None for all of it.
    """

    path: str
    shape: tuple[int, int, int]
    voxel_size: float | None
    voxel_sizes: tuple[float, float, float]
    normalization: tuple[float, float] | None
    z: int
    crop: tuple[tuple[int, int], tuple[int, int], tuple[int, int]] | None = None

    @property
    def plane(self) -> Region:
        """The part of the slice that is worked on."""
        _, ny, nx = self.shape
        if self.crop is None:
            return 0, nx, 0, ny
        (y0, y1), (x0, x1) = (
            (max(low, 0), min(high, n)) for (low, high), n in zip(self.crop[1:], (ny, nx), strict=True)
        )
        return x0, x1, y0, y1

    @property
    def slices(self) -> range:
        """The slices that are worked on."""
        z0, z1 = (0, self.shape[0]) if self.crop is None else self.crop[0]
        return range(max(z0, 0), min(z1, self.shape[0]))

    def arguments(self, z: int, region: Region) -> dict[str, Any]:
        """What the tasks ``live`` and ``watch_slice`` are told of it."""
        _, ny, nx = self.shape
        return {
            "tomogram": self.path,
            "voxel_size": self.voxel_size,
            "normalization": None if self.normalization is None else list(self.normalization),
            "z": z,
            "crop": None if region == (0, nx, 0, ny) else list(region),
        }


def view_of(editor: Editor) -> LiveView | None:
    """The slice on the screen; None while there is none."""
    shown, crop = editor.shown, editor.snapshot.crop
    if shown is None:
        return None
    tomogram, known = shown.tomogram, shown.entry.normalization
    corrected = tomogram.voxel_sizes != tomogram.info.voxel_sizes
    return LiveView(
        str(tomogram.path),
        tomogram.shape,
        tomogram.voxel_size if corrected else None,
        tomogram.voxel_sizes,
        None if known is None else (known.center, known.scale),
        editor.state.z,
        None if crop is None else (crop.z, crop.y, crop.x),
    )


@dataclass(frozen=True, eq=False)
class LiveMap:
    """What a model finds in the slice on the screen, after the rules.

    Attributes
    ----------
    model
        Its number in the project.
    feature
        What is found.
    path, z
        Tomogram and slice.
    values
        (ny, nx) uint8 of the whole slice, 0 to 255, 0 outside the crop region; nobody may change it.
    revision
        Another number for other values.
    """

    model: int
    feature: str
    path: str
    z: int
    values: NDArray[np.uint8]
    revision: int


class _Key(NamedTuple):
    """All that a network's result depends on."""

    path: str
    voxel_sizes: tuple[float, float, float]
    z: int
    region: Region
    hash: str
    tta: int


class _Shown(NamedTuple):
    """All that the maps on the screen depend on."""

    shape: tuple[int, int, int]
    plane: Region
    rules: Rules
    parts: tuple[tuple[int, _Key], ...]


class _Asked(NamedTuple):
    job: Job
    key: _Key


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
        self._kept: OrderedDict[_Key, NDArray[np.float32]] = OrderedDict()
        self._shown: OrderedDict[_Shown, tuple[tuple[LiveMap, ...], str]] = OrderedDict()
        self._asked: dict[int, _Asked] = {}
        self._crashes: dict[_Key, int] = {}
        self._failed: dict[_Key, str] = {}
        self._composing: _Shown | None = None
        self._on_screen: _Shown | None = None
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
        region = _grown(view, rules)
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

    def _ask(self, model: ProjectModel, view: LiveView, key: _Key, region: Region) -> None:
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

    def _keep(self, key: _Key, found: NDArray[np.float32]) -> None:
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
        keys: dict[int, _Key],
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
        wanted = _Shown(view.shape, view.plane, rules, tuple((model.id, keys[model.id]) for model in there))
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
            while len(self._shown) > 1 and _bytes(self._shown) > SHOWN_BYTES:
                self._shown.popitem(last=False)

        def failed(sentence: str) -> None:
            self._composing = None
            self._shown[wanted] = (), sentence

        numbers = [next(self._revisions) for _, features, _ in found for _ in features]
        self._background.run(lambda _: _composed(view, wanted, found, numbers), show, failed=failed)


Found = Sequence[tuple[int, tuple[str, ...], NDArray[np.float32]]]


def _composed(
    view: LiveView, wanted: _Shown, found: Found, revisions: Sequence[int]
) -> tuple[tuple[LiveMap, ...], str]:
    """The maps of networks' results after the rules, and why these could not be applied, if so."""
    problem = ""
    ruled: dict[str, NDArray[np.float32]] = {}
    if wanted.rules != Rules():
        for _, features, values in found:
            for feature, plane in zip(features, values, strict=True):
                ruled.setdefault(feature, plane)  # of two models for one feature the first counts
        ruled = {feature: plane.copy() for feature, plane in ruled.items()}
        try:
            apply_rules(ruled, wanted.rules, view.voxel_sizes)
        except AisError as error:
            problem, ruled = str(error), {}
    maps, numbers = [], iter(revisions)
    for (model, key), (_, features, values) in zip(wanted.parts, found, strict=True):
        for feature, plane in zip(features, values, strict=True):
            after = ruled.pop(feature, plane)
            maps.append(LiveMap(model, feature, key.path, key.z, _placed(after, wanted, key.region), next(numbers)))
    return tuple(maps), problem


def _placed(values: NDArray[np.float32], wanted: _Shown, region: Region) -> NDArray[np.uint8]:
    """Probabilities of a region as 0 to 255 in the whole slice, 0 outside the part that is worked on."""
    x0, x1, y0, y1 = wanted.plane
    part = values[y0 - region[2] : y1 - region[2], x0 - region[0] : x1 - region[0]]
    rounded: NDArray[np.uint8] = np.rint(part * np.float32(255)).astype(np.uint8)
    if rounded.shape == wanted.shape[1:]:
        return rounded
    whole = np.zeros(wanted.shape[1:], np.uint8)
    whole[y0:y1, x0:x1] = rounded
    return whole


def _grown(view: LiveView, rules: Rules) -> Region:
    """The part that is worked on, grown as far as rules reach, so that what lies beside it counts."""
    x0, x1, y0, y1 = view.plane
    if view.crop is None or view.voxel_sizes[2] <= 0:
        return x0, x1, y0, y1
    _, ny, nx = view.shape
    reach = rules.reach(view.voxel_sizes[2])
    return max(0, x0 - reach), min(nx, x1 + reach), max(0, y0 - reach), min(ny, y1 + reach)


def _key(model: ProjectModel, view: LiveView, z: int, region: Region) -> _Key:
    from ais.segmentation.symmetries import count_for

    assert model.file is not None
    depth = 1 if model.info is None else model.info.depth
    return _Key(view.path, view.voxel_sizes, z, region, model.file.hash, min(model.use.tta, count_for(depth)))


def _place(shown: _Shown) -> set[tuple[str, int]]:
    return {(key.path, key.z) for _, key in shown.parts}


def _is_draft(model: ProjectModel) -> bool:
    return model.file is not None and model.file.record is not None


def _bytes(shown: OrderedDict[_Shown, tuple[tuple[LiveMap, ...], str]]) -> int:
    return sum(made.values.nbytes for maps, _ in shown.values() for made in maps)
