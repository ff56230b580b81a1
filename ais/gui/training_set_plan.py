"""A training set before it is made: what is wished, what it would hold, and which problems it has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from ais.annotation import Feature, TomogramEntry
from ais.errors import AisError
from ais.gui.document import Snapshot
from ais.trainset.extraction import check_geometry, common_voxel_size, voxels_per_pixel

FEW_POSITIVES = 20
"""With fewer samples that show the feature than this, a network learns little."""


About = Literal["features", "tomograms", "box size", "depth", "voxel size", "background"]


class Role(StrEnum):
    """What a feature is in a training set."""

    NOT_USED = "not used"
    POSITIVE = "positive"
    NEGATIVE = "negative"


@dataclass
class TrainingSetPlan:
    """What the user wishes; changed by the panel.

    Attributes
    ----------
    name
        Of the file, without ending; empty for a name made of the features'.
    roles
        Of each feature, by its number; those that are missing are not used.
    left_out
        Numbers of tomograms that are not used.
    box_size
        Side of a sample in pixels.
    depth
        Slices of a sample; odd.
    voxel_size
        Of the samples, in angstrom; None takes that of the tomogram in the middle, by its number of boxes.
    together
        Whether several positive features make one set for a network that tells them apart, instead of one set each.
    background
        Further samples, in each set, at random places away from what is painted.
    seed
        Of these places.
    """

    name: str = ""
    roles: dict[int, Role] = field(default_factory=dict)
    left_out: set[int] = field(default_factory=set)
    box_size: int = 64
    depth: int = 1
    voxel_size: float | None = None
    together: bool = False
    background: int = 0
    seed: int = 0

    def role(self, feature: int) -> Role:
        """What a feature is in the set."""
        return self.roles.get(feature, Role.NOT_USED)

    def key(self) -> tuple[object, ...]:
        """Differs whenever another set would come of it."""
        used = tuple(sorted((number, role) for number, role in self.roles.items() if role is not Role.NOT_USED))
        left_out = tuple(sorted(self.left_out))
        return (used, left_out, self.box_size, self.depth, self.voxel_size, self.together, self.background, self.seed)


@dataclass(frozen=True)
class Problem:
    """Something about a plan that the user should know.

    Attributes
    ----------
    text
        One sentence.
    stops
        Whether the set cannot be made.
    about
        Which part of the plan it comes from, to be said there.
    """

    text: str
    stops: bool = True
    about: About = "features"


@dataclass(frozen=True)
class SetCounts:
    """What one training set would hold.

    Attributes
    ----------
    title
        Its file's name without ending.
    features, negatives
        What it teaches, and what that is not.
    tomograms
        Numbers of the tomograms that have boxes for it.
    positive_boxes, negative_boxes
        Boxes that show a feature, and those that show what it is not, random ones included.
    slices
        In how many slices its features are annotated.
    voxel_size
        Of the samples, in angstrom; 0.0 when unknown.
    resampled
        Names of the tomograms whose voxels differ from it by 5 % or more.
    """

    title: str
    features: tuple[Feature, ...]
    negatives: tuple[Feature, ...]
    tomograms: tuple[int, ...]
    positive_boxes: int
    negative_boxes: int
    slices: int
    voxel_size: float
    resampled: tuple[str, ...]

    @property
    def samples(self) -> int:
        """All boxes."""
        return self.positive_boxes + self.negative_boxes


@dataclass(frozen=True)
class PlanCounts:
    """What a plan would make.

    Attributes
    ----------
    sets
        One for each file.
    problems
        Those that stop it first.
    """

    sets: tuple[SetCounts, ...]
    problems: tuple[Problem, ...]

    @property
    def can_be_made(self) -> bool:
        """Whether nothing stops it."""
        return bool(self.sets) and not any(problem.stops for problem in self.problems)


def count_samples(plan: TrainingSetPlan, snapshot: Snapshot) -> PlanCounts:
    """What a plan would make, from what the window knows anyway: no file is read.

    Parameters
    ----------
    plan
        What is wished.
    snapshot
        What the project holds.
    """
    problems: dict[Problem, None] = {}
    try:
        check_geometry(box_size=plan.box_size, depth=plan.depth, voxel_size=plan.voxel_size)
    except AisError as error:
        return PlanCounts((), (Problem(str(error), about="box size"),))
    positive = tuple(one for one in snapshot.features if plan.role(one.id) is Role.POSITIVE)
    negative = tuple(one for one in snapshot.features if plan.role(one.id) is Role.NEGATIVE)
    if not positive:
        why = "Mark a feature as positive to make a training set of its boxes."
        return PlanCounts((), (Problem(why if snapshot.features else "Add a feature and annotate it first."),))
    used = tuple(entry for entry in snapshot.tomograms if entry.id not in plan.left_out)
    if not used:
        return PlanCounts((), (Problem("Choose at least one tomogram.", about="tomograms"),))
    groups = [positive] if plan.together else [(feature,) for feature in positive]
    sets = []
    for group in groups:
        counts, found = _count(_Group(plan, snapshot, used, group, negative))
        problems.update(dict.fromkeys(found))
        if counts is not None:
            sets.append(counts)
    return PlanCounts(tuple(sets), tuple(sorted(problems, key=lambda problem: not problem.stops)))


@dataclass(frozen=True)
class _Group:
    """The features of one file."""

    plan: TrainingSetPlan
    snapshot: Snapshot
    tomograms: tuple[TomogramEntry, ...]
    positive: tuple[Feature, ...]
    negative: tuple[Feature, ...]

    def boxes(self, entry: TomogramEntry, feature: Feature) -> tuple[int, int]:
        """How many positive and negative boxes of a feature are in a tomogram."""
        count = self.snapshot.box_counts.get(entry.id, {}).get(feature.id)
        return (0, 0) if count is None else (count.positive, count.negative)

    def slices(self, entry: TomogramEntry, feature: Feature) -> int:
        """In how many slices of a tomogram it is annotated."""
        marks: Mapping[int, int] = self.snapshot.marks.get(entry.id, {})
        return marks.get(feature.id, 0)

    @property
    def title(self) -> str:
        """Of its file."""
        names = " and ".join(feature.name for feature in self.positive)
        if not self.plan.name.strip():
            return names
        alone = self.plan.together or sum(role is Role.POSITIVE for role in self.plan.roles.values()) == 1
        return self.plan.name.strip() if alone else f"{self.plan.name.strip()} {names}"


def _count(group: _Group) -> tuple[SetCounts | None, list[Problem]]:
    problems: list[Problem] = []
    positive_boxes = negative_boxes = 0
    with_boxes: dict[int, tuple[TomogramEntry, int]] = {}
    of_positive = 0
    for entry in group.tomograms:
        here = 0
        for feature in group.positive:
            shown, against = group.boxes(entry, feature)
            positive_boxes, negative_boxes, here = positive_boxes + shown, negative_boxes + against, here + shown
            here += against
            of_positive += shown + against
        for feature in group.negative:
            count = sum(group.boxes(entry, feature))
            negative_boxes, here = negative_boxes + count, here + count
        if here:
            with_boxes[entry.id] = (entry, here)
    names = " or ".join(feature.name for feature in group.positive)
    if not of_positive:
        return None, [
            Problem(f"There are no boxes of {names} in the chosen tomograms: place some over the annotation.")
        ]
    for feature in group.positive:
        if not any(group.slices(entry, feature) for entry, _ in with_boxes.values()):
            problems.append(Problem(f"Nothing is painted as {feature.name} where the boxes are: annotate it there."))
    if not positive_boxes:
        problems.append(Problem(f"All boxes of {names} are negative: place some over the annotation."))
    for feature in group.negative:
        if not any(sum(group.boxes(entry, feature)) for entry, _ in with_boxes.values()):
            text = f"There are no boxes of the negative feature {feature.name}: place some, or do not use it."
            problems.append(Problem(text))
    problems += _of_tomograms([entry for entry, _ in with_boxes.values()], group.plan)
    voxel_size = 0.0
    resampled: tuple[str, ...] = ()
    try:
        voxel_size, resampled, too_small = _voxel_sizes(group.plan, list(with_boxes.values()))
        problems += too_small
    except AisError as error:
        problems.append(Problem(str(error), about="voxel size"))
    negative_boxes += group.plan.background
    if 0 < positive_boxes < FEW_POSITIVES:
        shown_boxes = "is one box" if positive_boxes == 1 else f"are {positive_boxes} boxes"
        text = f"There {shown_boxes} of {names}: a network learns little from fewer than {FEW_POSITIVES}."
        problems.append(Problem(text, stops=False))
    if positive_boxes and not negative_boxes:
        text = f"There are no negative boxes for {names}: without some, the network finds it everywhere."
        problems.append(Problem(text, stops=False, about="background"))
    slices = sum(group.slices(entry, feature) for entry in group.tomograms for feature in group.positive)
    counts = SetCounts(
        title=group.title,
        features=group.positive,
        negatives=group.negative,
        tomograms=tuple(with_boxes),
        positive_boxes=positive_boxes,
        negative_boxes=negative_boxes,
        slices=slices,
        voxel_size=voxel_size,
        resampled=resampled,
    )
    return counts, problems


def _of_tomograms(entries: list[TomogramEntry], plan: TrainingSetPlan) -> list[Problem]:
    problems = []
    for entry in entries:
        if entry.missing:
            text = f"{entry.path} is missing: relink the tomogram {entry.name}, or leave it out."
            problems.append(Problem(text, about="tomograms"))
        if plan.depth > entry.shape[0]:
            few = f"{entry.name} has {entry.shape[0]} slices, fewer than the depth of {plan.depth}"
            text = f"{few}: its first and last are repeated."
            problems.append(Problem(text, stops=False, about="depth"))
    return problems


def _voxel_sizes(
    plan: TrainingSetPlan, boxes: list[tuple[TomogramEntry, int]]
) -> tuple[float, tuple[str, ...], list[Problem]]:
    """The set's voxel size, which tomograms are resampled, and which are smaller than a sample."""
    voxel_size = common_voxel_size([entry for entry, count in boxes for _ in range(count)], plan.voxel_size)
    resampled, problems = [], []
    for entry, _ in boxes:
        step = voxels_per_pixel(entry, voxel_size, plan.box_size)
        if step != 1.0:
            resampled.append(entry.name)
        side = round(plan.box_size * step)
        _, ny, nx = entry.shape
        if side > min(ny, nx):
            text = (
                f"A box of {side} pixels is larger than {entry.name}, which has {nx} x {ny}: choose a smaller box size."
            )
            problems.append(Problem(text, about="box size"))
    return voxel_size, tuple(resampled), problems
