"""Any edit of a project, drawn by number: of all kinds that there are, on whatever the project holds."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ais.annotation import (
    IGNORE,
    AddFeature,
    AddModel,
    AddOrRelinkTomogram,
    AddOverlay,
    AddParticleSet,
    AddPicks,
    AddPickSet,
    AddTomogram,
    AnnotateFromMask,
    AutoPlaceBoxes,
    BackgroundBoxes,
    ChangeFeature,
    ChangeFeatures,
    ChangeModel,
    ChangeOverlay,
    ChangeParticleLook,
    ChangePickSet,
    ChangeSetting,
    ChangeVolumes,
    ClearFeature,
    ClearSlice,
    CopyPrediction,
    CopySlice,
    DeleteFeature,
    DeleteParticles,
    DuplicateFeature,
    DuplicateParticleSet,
    EraseStroke,
    FeatureMask,
    FillHoles,
    FillPolygon,
    GrowMask,
    ImportAnnotated,
    ImportSlice,
    ImportVolume,
    InterpolateSlices,
    Intersect,
    JudgeTile,
    MergeFeatures,
    MergeParticleSets,
    MoveBox,
    MoveParticle,
    MovePick,
    Operation,
    PaintRegion,
    PaintStroke,
    ParticleLook,
    PlaceBoxes,
    RelinkTomogram,
    RelinkTomograms,
    RemoveBoxes,
    RemoveBoxesIn,
    RemoveModel,
    RemoveOverlay,
    RemoveParticleSet,
    RemovePicks,
    RemovePickSet,
    RemoveTomogram,
    RenameParticleSet,
    ReorderFeatures,
    ReplaceParticles,
    SetParticleColumn,
    SetPickRadius,
    SetRules,
    SetSliceMask,
    SetVoxelSize,
    ShrinkMask,
    StrokeAcross,
    Together,
    Verdict,
)
from ais.annotation.picking_operations import NewPicks, PutPicks
from ais.fluorescence import Overlay
from ais.formats.coordinates import Coordinates
from ais.formats.registry import write_volume
from ais.formats.scns import Scns, ScnsFeature
from ais.gui.import_mask import ImportMaskFile
from ais.gui.tools.flood import PaintDabs
from ais.gui.tools.lasso import PaintByThreshold
from ais.project import Project
from ais.project.edit import Edit
from ais.project.reading import ProjectReader
from ais.trainset.recorded import ForgetTrainingSet, RecordedSet, RecordTrainingSets

SHAPE = (4, 70, 60)
GROWING = 30
"""So many edits in a row mostly make things, so that the others find some."""

Making = Callable[["Chance"], Operation[Any]]


def begin_project(path: Path) -> None:
    """Make a project with two tomograms and a feature, and a mask file and a third tomogram beside it."""
    rng = np.random.default_rng(0)
    for name in ("a", "b", "c"):
        volume = path.with_name(f"{name}.mrc")
        if not volume.exists():
            write_volume(volume, rng.integers(-99, 99, SHAPE).astype(np.int8), voxel_sizes=10.0)
    mask = path.with_name("mask.mrc")
    if not mask.exists():
        write_volume(mask, (rng.random(SHAPE) < 0.2).astype(np.int8), voxel_sizes=10.0)
    with Project.create(path) as project:
        for name in ("a", "b"):
            project.apply(AddTomogram(path.with_name(f"{name}.mrc")))
        project.apply(AddFeature("membrane"))


class Chance:
    """What an edit is drawn from.

    Parameters
    ----------
    project
        What it holds now.
    seed
        Of all that is drawn.
    """

    def __init__(self, project: ProjectReader, seed: int) -> None:
        self.project, self.rng, self.folder = project, random.Random(seed), project.path.parent
        self.tomogram = self.one_of("tomograms")
        self.feature = self.one_of("features")
        self.target = self.feature if self.rng.random() < 0.85 else IGNORE
        self.z = self.rng.randrange(SHAPE[0])

    def one_of(self, table: str, where: str = "") -> int:
        """Return the number of a row; 77, which there is hardly, where there is none."""
        return self.rng.choice(
            [row[0] for row in self.project._rows(f"SELECT id FROM {table} {where} ORDER BY id")] or [77]
        )

    @property
    def particles(self) -> int:
        """Number of a set of particles."""
        sets = [one.id for entry in self.project.tomograms() for one in self.project.particle_sets(entry.id)]
        return self.rng.choice(sets or [77])

    @property
    def picked(self) -> tuple[int, int]:
        """Tomogram and feature of particles picked by hand."""
        found = [(one.id, f) for one in self.project.tomograms() for f in self.project.hand_picks_of(one.id)]
        return self.rng.choice(found or [(self.tomogram, self.feature)])

    @property
    def overlay(self) -> str:
        """Key of an image over the tomogram."""
        return self.rng.choice([one.key for one in self.project.overlays(self.tomogram)] or ["none"])

    def number(self, count: int) -> int:
        return self.rng.randrange(count)

    def point(self) -> tuple[float, float]:
        return self.rng.uniform(-5, SHAPE[1] + 5), self.rng.uniform(-5, SHAPE[2] + 5)

    def points(self, count: int = 4) -> list[tuple[float, float]]:
        return [self.point() for _ in range(count)]

    def voxel(self) -> tuple[int, int, int]:
        return self.z, self.number(SHAPE[1]), self.number(SHAPE[2])

    def mask(self, *shape: int) -> np.ndarray:
        return (np.random.default_rng(self.number(1 << 30)).random(shape or SHAPE[1:]) < 0.3).astype(np.uint8)

    def values(self, *shape: int) -> np.ndarray:
        return np.random.default_rng(self.number(1 << 30)).integers(0, 256, shape or SHAPE[1:]).astype(np.uint8)

    def word(self) -> str:
        return self.rng.choice(["actin", "Ribosom ä", "細胞", "m", "membrane"]) + str(self.number(30))

    def coordinates(self) -> Coordinates:
        rng = np.random.default_rng(self.number(1 << 30))
        count = self.number(40)
        columns = {"score": rng.random(count)}
        return Coordinates(rng.random((count, 3)) * SHAPE[::-1], columns=columns)

    def look(self) -> ParticleLook:
        return ParticleLook(radius=1.0 + self.number(90), shown=self.number(2) == 0)

    def training_set(self) -> RecordedSet:
        return RecordedSet(f"set {self.number(4)}.scnt", ("membrane",), 9, 5, 32, 1, 10.0, "2026-01-01T00:00:00+00:00")

    def annotated(self) -> Scns:
        feature = ScnsFeature(self.word(), (0.1, 0.2, 0.3), 0.5, None, 32, True, False, {}, (self.voxel(),))
        return Scns(self.folder / "old.scns", str(self.folder / "b.mrc"), SHAPE, 10.0, (feature,), None, None)


def _together(chance: Chance) -> Operation[Any]:
    return Together("Two at once", [AddFeature(chance.word()), SetVoxelSize(chance.tomogram, 7.5)])


MAKING: Sequence[Making] = (
    lambda c: PaintStroke(c.tomogram, c.target, c.z, c.points(), c.rng.uniform(0.5, 9)),
    lambda c: FillPolygon(c.tomogram, c.target, c.z, c.points()),
    lambda c: PaintRegion(c.tomogram, c.target, c.z, 5, 6, c.mask(20, 30)),
    lambda c: StrokeAcross(c.tomogram, c.target, "xz", c.number(SHAPE[1]), [(0.0, 9.0), (3.0, 40.0)], 2),
    lambda c: PaintDabs(c.tomogram, c.target, c.z, [(3, 4, c.mask(9, 9))], c.points(1), c.values, 6.0, 0.5),
    lambda c: PaintByThreshold(c.tomogram, c.target, c.z, c.points(), c.values, 99.0, True, False),
    lambda c: SetSliceMask(c.tomogram, c.target, c.z, c.mask()),
    lambda c: ImportSlice(c.tomogram, c.target, c.z, c.mask()),
    lambda c: ImportVolume(c.tomogram, c.target, c.mask(*SHAPE), slices=[0, 2]),
    lambda c: ImportMaskFile(c.folder / "mask.mrc", c.tomogram, c.target),
    lambda c: AnnotateFromMask(c.tomogram, c.word(), c.mask(*SHAPE), slices=[1], auto_boxes=2, background_boxes=1),
    lambda c: ImportAnnotated(c.annotated()),
    lambda c: CopyPrediction(c.tomogram, c.target, c.z, c.values(), 0.7, "model"),
    lambda c: JudgeTile(c.tomogram, c.feature, c.z, 30, 30, c.rng.choice(list(Verdict)), c.values(16, 16), 0.5, "m"),
    lambda c: PlaceBoxes(c.tomogram, c.feature, [c.voxel(), c.voxel()], negative=c.number(3) == 0),
    lambda c: AutoPlaceBoxes(c.tomogram, c.feature, 3, c.number(9)),
    lambda c: BackgroundBoxes(c.tomogram, c.feature, 2, c.number(9)),
    lambda c: AddPicks(c.tomogram, c.feature, [c.voxel(), c.voxel()]),
    lambda c: AddFeature(c.word()),
    lambda c: AddModel(c.folder / f"{c.word()}.aism", settings={"threshold": c.rng.random()}),
    lambda c: AddPickSet(c.tomogram, c.word(), {"x": [c.number(9)]}),
    lambda c: AddParticleSet(c.tomogram, c.word(), c.coordinates(), look=c.look()),
    lambda c: PutPicks("actin", [NewPicks(c.tomogram, c.coordinates(), {"volume": "a"}, c.look())]),
    lambda c: AddOverlay(c.tomogram, Overlay(c.word(), c.folder / "light.png", shape=(20, 30))),
    lambda c: ChangeVolumes(c.tomogram, {c.folder / "seg.mrc": {"level": float(c.number(255))}}, "Level"),
    lambda c: RecordTrainingSets([c.training_set()]),
    lambda c: ChangeSetting(c.word(), [c.number(99)], "a setting"),
    lambda c: SetRules([{"competition": {"emit": [c.word()], "absorb": []}}]),
    lambda c: AddTomogram(c.folder / f"away {c.number(3)}.mrc", SHAPE, 5.0),
    lambda c: AddOrRelinkTomogram(c.folder / "c.mrc"),
    _together,
)
"""Edits that add something."""

CHANGING: Sequence[Making] = (
    lambda c: EraseStroke(c.tomogram, c.target, c.z, c.points(), c.rng.uniform(0.5, 20)),
    lambda c: FillHoles(c.tomogram, c.target, c.z),
    lambda c: GrowMask(c.tomogram, c.target, c.z, 2.5),
    lambda c: ShrinkMask(c.tomogram, c.target, c.z, 1.5),
    lambda c: ClearSlice(c.tomogram, c.target, c.z),
    lambda c: InterpolateSlices(c.tomogram, c.target),
    lambda c: CopySlice(c.tomogram, c.target, c.z, to_z=(c.z + 1) % SHAPE[0], replace=c.number(2) == 0),
    lambda c: Intersect(c.tomogram, c.feature, FeatureMask(c.one_of("features")), outside=c.number(2) == 0),
    lambda c: RemoveBoxes([c.one_of("boxes")]),
    lambda c: RemoveBoxesIn(c.tomogram, c.feature, (0, 0, 0), (c.z + 1, 40, 40)),
    lambda c: MoveBox(c.one_of("boxes"), c.voxel()),
    lambda c: MovePick(*c.picked, 1, c.voxel()),
    lambda c: RemovePicks(*c.picked, [1]),
    lambda c: SetPickRadius(*c.picked, 5.0 + c.number(50)),
    lambda c: ChangeFeature(c.feature, name=c.word(), alpha=c.rng.random(), box_size=32),
    lambda c: ChangeFeatures([ChangeFeature(c.feature, visible=False), ChangeFeature(c.one_of("features"), dust=5.5)]),
    lambda c: ReorderFeatures(c.rng.sample(found := [one.id for one in c.project.features()], len(found))),
    lambda c: DuplicateFeature(c.feature),
    lambda c: MergeFeatures(c.feature, [c.one_of("features")]),
    lambda c: ClearFeature(c.tomogram, c.target),
    lambda c: DeleteFeature(c.feature),
    lambda c: ChangeModel(c.one_of("models"), name=c.word(), settings={"threshold": c.number(9)}),
    lambda c: RemoveModel(c.one_of("models")),
    lambda c: ChangePickSet(c.one_of("pick_sets", "WHERE data LIKE '{\"x\"%'"), data={"x": [c.number(99)]}),
    lambda c: RemovePickSet(c.one_of("pick_sets", "WHERE data LIKE '{\"x\"%'")),
    lambda c: ReplaceParticles(c.particles, c.coordinates()),
    lambda c: DeleteParticles(c.particles, [c.number(20)]),
    lambda c: MoveParticle(c.particles, c.number(20), (1.0, 2.0, 3.0)),
    lambda c: SetParticleColumn(c.particles, "score", None),
    lambda c: RenameParticleSet(c.particles, c.word()),
    lambda c: ChangeParticleLook(c.particles, c.look(), everywhere=c.number(2) == 0),
    lambda c: DuplicateParticleSet(c.particles),
    lambda c: MergeParticleSets([c.particles, c.particles]),
    lambda c: RemoveParticleSet(c.particles),
    lambda c: ChangeOverlay(c.tomogram, c.overlay, {"opacity": c.rng.random()}, "Opacity"),
    lambda c: RemoveOverlay(c.tomogram, c.overlay),
    lambda c: ForgetTrainingSet(f"set {c.number(4)}.scnt"),
    lambda c: SetVoxelSize(c.tomogram, 1.0 + c.number(20)),
    lambda c: RelinkTomogram(c.tomogram, c.folder / "c.mrc"),
    lambda c: RelinkTomograms(f"away {c.number(3)}", "b"),
    lambda c: RemoveTomogram(c.tomogram),
)
"""Edits that change or take away what is there."""


@dataclass(frozen=True)
class AnyEdit(Operation[Any]):
    """An edit that is drawn when its turn comes, from what the project holds then; the same each time it is repeated.

    Attributes
    ----------
    number
        Which of a row of edits it is; the first ones mostly make things.
    seed
        Of the row.
    """

    number: int
    seed: int

    def text(self, edit: Edit) -> str:
        return self.drawn(edit.project).text(edit)

    def apply(self, edit: Edit) -> Any:
        return self.drawn(edit.project).apply(edit)

    def drawn(self, project: ProjectReader) -> Operation[Any]:
        """Return the edit itself."""
        chance = Chance(project, hash((self.seed, self.number)))
        making = chance.rng.random() < (0.8 if self.number < GROWING else 0.6)
        return chance.rng.choice(MAKING if making else CHANGING)(chance)
