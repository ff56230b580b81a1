"""Picking particles or filaments from a segmented volume, with a preview, on one or on all tomograms."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ais.annotation.feature_operations import PALETTE
from ais.annotation.picking_operations import PICKED, NewPicks, PutPicks, picked_before
from ais.gui.gallery import Gallery
from ais.gui.picking_choice import PickChoice
from ais.gui.picking_preview import mark_colour, preview_item, tubes_item
from ais.gui.picking_run import PickRun, look_of, origin_of
from ais.gui.picking_work import Picked, PickTask, PickWork, VolumeInput
from ais.gui.scene.contents import ParticleItem, Rgb, SurfaceItem
from ais.gui.state import Tab

if TYPE_CHECKING:
    from ais.annotation.particle_sets import ParticleSet
    from ais.gui.background import Work
    from ais.gui.document import Document
    from ais.gui.editor import Editor

KEY = "picking"
"""The view state that holds the settings of all features, and which feature was chosen."""
REST_S = 0.15
"""What is not at hand is computed when the settings have rested for so long."""
WHITE: Rgb = (1.0, 1.0, 1.0)


@dataclass(frozen=True)
class Source:
    """A segmented volume of the tomogram on the screen that can be picked from.

    Attributes
    ----------
    feature
        What it shows.
    path
        The file.
    colour
        As it is drawn.
    """

    feature: str
    path: Path
    colour: Rgb


class Picking:
    """What is picked, from what, and what would come of it.

    Parameters
    ----------
    editor
        Whose tomogram it is.

    Attributes
    ----------
    looked_at
        Whether the settings are on the screen; without, nothing is computed.
    sources
        The volumes of the tomogram on the screen, one of each feature.
    picked
        The newest preview; None where there is none.
    problem
        Why there is none, in one sentence; else empty.
    run
        Picking all tomograms.
    gallery
        Pictures of the particles of a set.
    """

    def __init__(self, editor: Editor) -> None:
        self._editor = editor
        self._document: Document | None = None
        self._work = PickWork()
        self.run = PickRun(editor, self._work)
        self.gallery = Gallery(editor)
        self._preview_wish: bool | None = None
        self.looked_at = False
        self._reset()

    def _reset(self) -> None:
        self._used = False
        self.sources: tuple[Source, ...] = ()
        self.picked: Picked | None = None
        self.problem = ""
        self._choices: dict[str, PickChoice] = {}
        self._feature_wish = ""
        self._wanted: PickTask | None = None
        self._wanted_at = 0.0
        self._running: Work | None = None
        self._shown: tuple[Picked | None, Rgb, tuple[ParticleItem, ...]] = (None, (0.0, 0.0, 0.0), ())
        self._tubes: tuple[Picked | None, tuple[SurfaceItem, ...]] = (None, ())
        self._applied: tuple[tuple[PickTask | None, ParticleSet | None], bool] = ((None, None), False)
        self._applying: Work | None = None

    # What is chosen

    @property
    def source(self) -> Source | None:
        """The volume that is picked from: the chosen one; where it is not here, that which is selected in the list."""
        sources, selected = self.sources, self._editor.rendering.volumes.selected
        chosen = next((one for one in sources if one.feature == self._feature_wish), None)
        listed = next((one for one in sources if one.path == selected), sources[0] if sources else None)
        return chosen or listed

    @property
    def previewing(self) -> bool:
        """Whether it is shown what would be picked: from when somebody begins to pick, as long as nobody objects."""
        return self._used if self._preview_wish is None else self._preview_wish

    @previewing.setter
    def previewing(self, on: bool) -> None:
        self._preview_wish = on

    @property
    def choice(self) -> PickChoice:
        """How the chosen feature is picked."""
        source = self.source
        return self.choice_of(source.feature) if source is not None else PickChoice()

    def choice_of(self, feature: str) -> PickChoice:
        """How a feature is picked; where nobody has said, what is seen of its volume: its level and its dust."""
        if feature not in self._choices:
            source = next((one for one in self.sources if one.feature == feature), None)
            if source is None:
                return PickChoice()
            look = self._editor.rendering.volumes.look(source.path)
            start = PickChoice()
            level, dust = look.level, look.dust
            return replace(
                start,
                threshold=start.threshold if level is None else level,
                min_volume=start.min_volume if dust is None else dust,
            ).clamped()
        return self._choices[feature]

    def use_feature(self, feature: str) -> None:
        """Pick another feature."""
        self._feature_wish, self._used = feature, True
        self.remember()

    def change(self, *, remember: bool = False, **properties: Any) -> None:
        """Pick otherwise: properties of `PickChoice` by name; remembered by the project when a drag has ended."""
        source, self._used = self.source, True
        if source is not None:
            if properties.get("surface"):
                properties = {"surface_level": self.choice_of(properties["surface"]).threshold, **properties}
            self._choices[source.feature] = replace(self.choice, **properties).clamped()
            if remember:
                self.remember()

    def remember(self) -> None:
        """Have the project remember the settings; without undo, like the settings of an export."""
        if self._document is not None:
            choices = {feature: choice.write() for feature, choice in self._choices.items()}
            self._document.remember(KEY, {"feature": self._feature_wish, "choices": choices})

    # For every frame

    def follow(self) -> None:
        """Take in what threads have found and ask for what is next; once a frame."""
        editor = self._editor
        if editor.document is not self._document:
            self._change_document(editor.document)
        self.sources = self._find_sources()
        self.run.follow()
        self.gallery.follow()
        task = self._task() if self._active else None
        if task != self._wanted:
            self._wanted, self._wanted_at, self.problem = task, time.monotonic(), ""
            if self._running is not None:
                self._running.cancel()
                self._running = None
            if task is None or (self.picked is not None and not _alike(self.picked.task, task)):
                self.picked = None
        if task is None:
            self.problem = self._missing() if self._active else ""
            return
        if self._running is not None or self.problem or (self.picked is not None and self.picked.task == task):
            return
        if self._work.at_hand(task) or time.monotonic() >= self._wanted_at + REST_S:
            self._begin(task)

    def items(self) -> tuple[ParticleItem, ...]:
        """The preview in the scene."""
        picked, colour = self.shown, self.colour
        if self._shown[0] is not picked or self._shown[1] != colour:
            seen = () if picked is None or not len(picked) or picked.tubes is not None else (picked,)
            self._shown = picked, colour, tuple(preview_item(self._editor, one, colour) for one in seen)
        return self._shown[2]

    def surfaces(self) -> tuple[SurfaceItem, ...]:
        """Filaments that would be picked, each a tube in a colour of its own, in the scene."""
        picked = self.shown
        if self._tubes[0] is not picked:
            tubes = picked.tubes if picked is not None and len(picked) else None
            self._tubes = picked, () if tubes is None else (tubes_item(self._editor, tubes, self.colour),)
        return self._tubes[1]

    @property
    def seconds_to_frame(self) -> float | None:
        """When `follow` has something to do though nobody wakes the window."""
        task = self._wanted
        if task is None or self._running is not None or self.problem:
            return None
        if self.picked is not None and self.picked.task == task:
            return None
        return max(self._wanted_at + REST_S - time.monotonic(), 0.0)

    # For the panel and the views

    @property
    def shown(self) -> Picked | None:
        """The preview that is drawn; None once the same particles are a set."""
        if not self.previewing or not self._active or self.picked is None or self.is_applied:
            return None
        return self.picked

    @property
    def colour(self) -> Rgb:
        """Of marks: that of the volume, but brighter."""
        source = self.source
        return mark_colour(source.colour) if source is not None else WHITE

    @property
    def busy(self) -> bool:
        """Whether the preview is behind the settings."""
        if self._wanted is None or self.problem:
            return False
        return self.picked is None or self.picked.task != self._wanted

    @property
    def is_applied(self) -> bool:
        """Whether what would be picked has been picked, so that it is a set; also if that has been edited since."""
        task, present = self._wanted, self.present
        if task is None or present is None:
            return False
        made_of, applied = self._applied
        if made_of[0] is not task or made_of[1] is not present:
            origin = {name: value for name, value in present.origin.items() if name != PICKED}
            applied = origin == origin_of(task)
            self._applied = (task, present), applied
        return applied

    @property
    def present(self) -> ParticleSet | None:
        """What was picked of the feature in the tomogram on the screen before; None if nothing was."""
        source = self.source
        return picked_before(self._editor.rendering.particles.sets, source.feature) if source is not None else None

    @property
    def can_pick(self) -> bool:
        """Whether there is something to pick from, and the settings make sense."""
        return self._task() is not None and not self.choice.problem()

    @property
    def picking(self) -> bool:
        """Whether the particles of this tomogram are on their way into a set."""
        return self._applying is not None and self._applying.outcome != "cancelled"

    def pick(self) -> None:
        """Make what is previewed a set of particles, in place of the set that was picked of this feature before."""
        editor, task, document = self._editor, self._task(), self._document
        number = editor.state.tomogram
        if task is None or number is None or self.picking or document is None:
            return
        source, colour = self.source, self.colour
        assert source is not None

        def done(sets: list[ParticleSet]) -> None:
            ended()
            if sets:
                count, name = sets[0].total, sets[0].name
                editor.notices.say(f"{count:,} particle{'s' if count != 1 else ''} picked: {name}.")

        def ended() -> None:
            if self._applying is work:
                self._applying = None

        def put(picked: Picked) -> None:
            if editor.document is not document:
                ended()
                return
            look = look_of(picked, colour, task.voxel_size)
            new = NewPicks(number, picked.table, origin_of(task), look)
            editor.submit(PutPicks(source.feature, [new]), done, ended)

        def failed(sentence: str) -> None:
            ended()
            editor.notices.problem(sentence)

        work = self._applying = editor.background.run(
            lambda work: self._work.pick(task, work),
            put,
            title=f"Picking {source.feature}",
            failed=failed,
            awaited=False,
        )

    def pick_all(self) -> None:
        """Pick the feature in all tomograms that have a volume of it, in the background."""
        source = self.source
        if source is not None:
            self.run.begin(source.feature, self.choice, self.colour)

    def save(self) -> None:
        """Open the page that saves what was picked of the feature, of all tomograms."""
        present, document, particles = self.present, self._document, self._editor.rendering.particles
        if present is None or document is None:
            return
        particles.selected = present.id
        particles.save(present.id)

        def everywhere(_: None) -> None:
            if particles.saving is not None:
                particles.saving.choice = replace(particles.saving.choice, everywhere=True)

        document.ask(lambda _: None, everywhere)  # answered after the page has been opened

    # Within

    @property
    def _active(self) -> bool:
        """Whether anybody looks."""
        editor = self._editor
        return self.looked_at and editor.state.tab is Tab.RENDER and editor.shown is not None

    def _find_sources(self) -> tuple[Source, ...]:
        volumes = self._editor.rendering.volumes
        found: dict[str, Source] = {}
        for volume in volumes.listed:
            if volume.feature and not volume.missing:
                colour = volumes.look(volume.path).colour or PALETTE[0]
                found.setdefault(volume.feature, Source(volume.feature, volume.path, colour))
        return tuple(found.values())

    def _task(self) -> PickTask | None:
        editor, source = self._editor, self.source
        if editor.shown is None or source is None:
            return None
        choice = self.choice
        surface = next((one for one in self.sources if one.feature == choice.surface), None)
        if choice.surface and surface is None:
            return None
        shown = editor.shown
        return PickTask(
            *(shown.entry.name, shown.shape, shown.tomogram.voxel_size, self._input(source), choice),
            None if surface is None else self._input(surface),
        )

    def _missing(self) -> str:
        """What there must be before anything can be picked, in one sentence; empty if nothing is missing."""
        surface = self.choice.surface
        if self.source is None or not surface or any(one.feature == surface for one in self.sources):
            return ""
        return f"This tomogram has no volume of {surface}: choose another surface, or none."

    def _input(self, source: Source) -> VolumeInput:
        return VolumeInput(source.path, self._editor.rendering.volumes.removals(source.path))

    def _begin(self, task: PickTask) -> None:
        def there(picked: Picked) -> None:
            if self._running is work:
                self._running = None
            if task == self._wanted:
                self.picked = picked

        def failed(sentence: str) -> None:
            if self._running is work:
                self._running = None
            if task == self._wanted:
                self.problem, self.picked = sentence, None

        background = self._editor.background
        work = background.run(lambda work: self._work.pick(task, work), there, failed=failed, awaited=False)
        self._running = work

    def _change_document(self, document: Document | None) -> None:
        if self._running is not None:
            self._running.cancel()
        self._document = document
        self._reset()
        if document is not None:
            document.ask(lambda project: project.view_state(KEY, {}), lambda found: self._recall(document, found))

    def _recall(self, document: Document, found: Any) -> None:
        if self._document is not document or not isinstance(found, dict):
            return
        choices = found.get("choices")
        if isinstance(choices, dict):
            recalled = {str(feature): PickChoice.read(value) for feature, value in choices.items()}
            self._choices = {**recalled, **self._choices}
        if isinstance(found.get("feature"), str) and not self._feature_wish:
            self._feature_wish = found["feature"]


def _alike(one: PickTask, other: PickTask) -> bool:
    """Whether the preview of one may stay on the screen until that of the other is there."""
    return one.volume.path == other.volume.path and one.choice.filaments == other.choice.filaments
