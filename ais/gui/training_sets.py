"""Training sets in the window: the plan, what it would hold, pictures of samples, and making the files."""

from __future__ import annotations

import datetime
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ais.annotation import AutoPlaceBoxes, BackgroundBoxes, Feature, Together, file_safe_name
from ais.gui import untitled
from ais.gui.background import Work
from ais.gui.document import Document, Snapshot
from ais.gui.training_set_plan import PlanCounts, Role, SetCounts, TrainingSetPlan, count_samples
from ais.project import Project
from ais.trainset import SetPreview, extract_to, preview_samples
from ais.trainset.recorded import ForgetTrainingSet, RecordedSet, RecordTrainingSets, recorded_sets

if TYPE_CHECKING:
    from ais.gui.editor import Editor

FOLDER = "training sets"
ENDING = ".scnt"
PICTURES = 64
BOXES = 50
"""So many are placed over the annotation of a feature in a tomogram, and as many beside it."""
REST_S = 0.4
"""Pictures are made when the plan has not been changed for this long."""


@dataclass(frozen=True)
class FeatureTotal:
    """What is annotated of a feature in all tomograms.

    Attributes
    ----------
    slices, positive_boxes, negative_boxes
        How many.
    tomograms
        Numbers of those in which it is painted.
    """

    slices: int
    positive_boxes: int
    negative_boxes: int
    tomograms: tuple[int, ...]


NOTHING = FeatureTotal(0, 0, 0, ())


class TrainingSets:
    """The plan of the open project's next training set, and the sets that it has.

    Parameters
    ----------
    editor
        Whose project it is.

    Attributes
    ----------
    plan
        What the user wishes; the panel changes it.
    previews
        Pictures of samples, one entry for each file that would be made; empty while there are none.
    preview_problem
        One sentence if the samples cannot be read, such as for values that are not numbers; else empty.
    sets
        What the project remembers, oldest first.
    """

    def __init__(self, editor: Editor) -> None:
        self.plan = TrainingSetPlan()
        self.previews: tuple[SetPreview, ...] = ()
        self.preview_problem = ""
        self.sets: tuple[RecordedSet, ...] = ()
        self._editor = editor
        self._document: Document | None = None
        self._counted: tuple[object, PlanCounts] | None = None
        self._seen: object = None
        self._seen_at = 0.0
        self._previewed: object = None
        self._previewing: Work | None = None
        self._writing: Work | None = None
        self._listed = -1
        self._suggested = -1
        self._totals: tuple[int, dict[int, FeatureTotal]] = -1, {}

    # For every frame

    def follow(self) -> None:
        """Keep true to the open project; once a frame, whether the panel is shown or not."""
        document = self._editor.document
        if document is not self._document:
            for work in (self._previewing, self._writing):
                if work is not None:
                    work.cancel()
            self._document = document
            self.plan = TrainingSetPlan()
            self.previews, self.preview_problem, self.sets = (), "", ()
            self._counted = self._seen = self._previewed = self._previewing = self._writing = None
            self._listed = self._suggested = -1
            self._totals = -1, {}
        if document is not None and document.snapshot.revision not in (0, self._listed):
            self._listed = document.snapshot.revision
            document.ask(recorded_sets, lambda found: self._list(document, found))

    def counts(self) -> PlanCounts:
        """What the plan would make; computed anew only when something has changed."""
        key = self._key()
        if self._counted is None or self._counted[0] != key:
            self._counted = key, count_samples(self.plan, self._editor.snapshot)
        return self._counted[1]

    def suggest(self) -> None:
        """Mark every feature that is annotated as positive, unless the user has said what it is."""
        snapshot = self._editor.snapshot
        if self._suggested == snapshot.revision:
            return
        self._suggested = snapshot.revision
        for feature in snapshot.features:
            if feature.id not in self.plan.roles and self.total(feature).tomograms:
                self.mark(feature, Role.POSITIVE)

    def mark(self, feature: Feature, role: Role) -> None:
        """Say what a feature is in the set; the first one that is positive also brings the size of its boxes."""
        positive = any(one is Role.POSITIVE for one in self.plan.roles.values())
        self.plan.roles[feature.id] = role
        if role is Role.POSITIVE and not positive:
            self.plan.box_size = feature.box_size

    def total(self, feature: Feature) -> FeatureTotal:
        """What is annotated of a feature in all tomograms; counted anew only after an edit."""
        snapshot = self._editor.snapshot
        if self._totals[0] != snapshot.revision:
            self._totals = snapshot.revision, {one.id: _total(snapshot, one.id) for one in snapshot.features}
        return self._totals[1].get(feature.id, NOTHING)

    def without_boxes(self) -> list[tuple[int, Feature]]:
        """Tomograms and positive features that are painted there, where the feature has no box in any tomogram."""
        found = []
        for feature in self._editor.snapshot.features:
            total = self.total(feature)
            if self.plan.role(feature.id) is Role.POSITIVE and not total.positive_boxes + total.negative_boxes:
                found += [(number, feature) for number in total.tomograms if number not in self.plan.left_out]
        return found

    def place_boxes(self) -> None:
        """Place boxes over the annotation and negative ones beside it, where there are none; one step of undo."""
        places = self.without_boxes()
        steps = [
            operation
            for number, feature in places
            for operation in (AutoPlaceBoxes(number, feature.id, BOXES), BackgroundBoxes(number, feature.id, BOXES))
        ]
        if steps:
            names = " and ".join(dict.fromkeys(feature.name for _, feature in places))
            self._editor.submit(Together(f"Place boxes of {names}", steps), title="Placing boxes")

    def show_pictures(self) -> None:
        """Have `previews` made when the plan has rested; once a frame while they are on the screen."""
        key = self._key()
        if key != self._seen:
            self._seen, self._seen_at = key, time.monotonic()
        if key == self._previewed or self.previewing or time.monotonic() - self._seen_at < REST_S:
            return
        self._previewed = key
        counts = self.counts()
        if not counts.can_be_made or self._document is None:
            self.previews, self.preview_problem = (), ""
            return
        self._begin_preview(self._document, counts.sets)

    @property
    def seconds_to_frame(self) -> float | None:
        """When `show_pictures` has something to do though nothing happens; None if it has not."""
        if self._seen == self._previewed or self.previewing:
            return None
        return max(0.0, self._seen_at + REST_S - time.monotonic())

    @property
    def previewing(self) -> bool:
        """Whether pictures are being made."""
        return self._previewing is not None and not self._previewing.finished

    @property
    def writing(self) -> Work | None:
        """The work that makes the files now; None if nothing does."""
        return self._writing if self._writing is not None and not self._writing.finished else None

    # For buttons

    def write(self, then: Callable[[Sequence[RecordedSet]], None] = lambda _: None) -> bool:
        """Make the plan's files in the background; False if something stops it, or files are being made already.

        All of them are made and recorded in the project as one edit, or none.

        Parameters
        ----------
        then
            Gets what was made, if the project is still open.
        """
        document, counts = self._document, self.counts()
        if document is None or not counts.can_be_made or self.writing is not None or self._editor.read_only:
            return False
        sets, plan, project = counts.sets, self._frozen(), document.project
        title = f"Making training set {', '.join(one.title for one in sets)}"
        # A project without a name moves elsewhere when it gets one; its sets do not.
        stays = not untitled.is_untitled(project.path, self._editor.settings_folder)

        def made(records: list[RecordedSet]) -> None:
            if self._editor.document is document:
                self._editor.submit(RecordTrainingSets(records))
                self._editor.notices.say(_said(records))
                then(records)

        # What was painted a moment ago is to be in it.
        work = self._writing = self._editor.watch(title)

        def begin(_: None) -> None:
            if work.cancelled or self._editor.document is not document:
                work.finished = True
                return
            work.finished = True
            self._writing = self._editor.background.run(
                lambda running: _write(project, plan, sets, running, stays=stays), made, title=title
            )

        document.ask(lambda _: None, begin)
        return True

    def cancel(self) -> None:
        """Stop making files; nothing is left of them."""
        if self._writing is not None:
            self._writing.cancel()

    def forget(self, one: RecordedSet) -> None:
        """Take a set off the list; its file stays. Can be undone."""
        self._editor.submit(ForgetTrainingSet(one.file))

    def path_of(self, one: RecordedSet) -> Path:
        """Where a set's file lies."""
        if self._document is None:
            return Path(one.file)
        return one.path(self._document.project.path)

    # Within

    def _key(self) -> object:
        # Pictures and counts change with annotations, not with the history alone.
        return self._editor.snapshot.revision, self.plan.name, self.plan.key()

    def _list(self, document: Document, found: list[RecordedSet]) -> None:
        if self._document is document:
            self.sets = tuple(found)

    def _frozen(self) -> TrainingSetPlan:
        plan = self.plan
        return TrainingSetPlan(
            *(plan.name, dict(plan.roles), set(plan.left_out), plan.box_size, plan.depth),
            *(plan.voxel_size, plan.together, plan.background, plan.seed),
        )

    def _begin_preview(self, document: Document, sets: Sequence[SetCounts]) -> None:
        plan, project = self._frozen(), document.project

        def look(work: Work) -> tuple[SetPreview, ...]:
            share = max(1, PICTURES // len(sets))
            return tuple(
                preview_samples(
                    project,
                    [feature.name for feature in one.features],
                    [feature.name for feature in one.negatives],
                    box_size=plan.box_size,
                    depth=plan.depth,
                    voxel_size=plan.voxel_size,
                    background=plan.background,
                    seed=plan.seed,
                    tomograms=one.tomograms,
                    count=share,
                    progress=work,
                )
                for one in sets
            )

        def show(found: tuple[SetPreview, ...]) -> None:
            if self._document is document:
                self.previews, self.preview_problem = found, ""

        def failed(sentence: str) -> None:
            if self._document is document:
                self.previews, self.preview_problem = (), sentence

        self._previewing = self._editor.background.run(look, show, title="Looking at samples", failed=failed)


def _total(snapshot: Snapshot, feature: int) -> FeatureTotal:
    marks = {number: counts[feature] for number, counts in snapshot.marks.items() if counts.get(feature)}
    boxes = [counts[feature] for counts in snapshot.box_counts.values() if feature in counts]
    positive, negative = sum(one.positive for one in boxes), sum(one.negative for one in boxes)
    tomograms = tuple(entry.id for entry in snapshot.tomograms if entry.id in marks)
    return FeatureTotal(sum(marks.values()), positive, negative, tomograms)


def _write(
    project: Project, plan: TrainingSetPlan, sets: Sequence[SetCounts], work: Work, *, stays: bool
) -> list[RecordedSet]:
    """Write the files; `stays` is whether the project and they will remain beside each other."""
    folder = project.path.parent / FOLDER
    written: list[Path] = []
    records = []
    try:
        for one in sets:
            path = _free_path(folder, one.title)
            figures = extract_to(
                path,
                project,
                [feature.name for feature in one.features],
                [feature.name for feature in one.negatives],
                box_size=plan.box_size,
                depth=plan.depth,
                voxel_size=plan.voxel_size,
                background=plan.background,
                seed=plan.seed,
                tomograms=one.tomograms,
                progress=work,
            )
            written.append(path)
            records.append(
                RecordedSet(
                    (path.relative_to(project.path.parent) if stays else path.absolute()).as_posix(),
                    tuple(figures["features"]),
                    *(figures["n_samples"], figures["n_positive"], figures["box_size"], figures["depth"]),
                    figures["voxel_size"],
                    datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
                )
            )
    except BaseException:
        for path in written:
            path.unlink(missing_ok=True)
        raise
    return records


def _free_path(folder: Path, title: str) -> Path:
    """A file of that name that does not exist yet."""
    stem, number = file_safe_name(title), 1
    path = folder / f"{stem}{ENDING}"
    while os.path.lexists(path):
        number += 1
        path = folder / f"{stem} {number}{ENDING}"
    return path


def _said(records: Sequence[RecordedSet]) -> str:
    parts = [
        f"{Path(r.file).stem}: {r.n_samples} sample{'s' if r.n_samples != 1 else ''}, {r.n_positive} positive"
        for r in records
    ]
    return f"Training set made: {'; '.join(parts)}."
