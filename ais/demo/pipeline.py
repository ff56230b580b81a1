"""The demo's steps, one after the other, each with the function that the command of the same name calls."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ais.demo.commands import PROJECT, RULES, DemoCommands
from ais.demo.folder import DemoFolder
from ais.demo.settings import DemoSettings, FeaturePlan
from ais.errors import AisError
from ais.formats.atomic import write_text
from ais.formats.record import record_path
from ais.progress import Progress
from ais.report import Step
from ais.tomogram import Tomogram

if TYPE_CHECKING:
    from ais.annotation import MaskAnnotation
    from ais.batch import FileResult
    from ais.simulation import SimulatedTomogram
    from ais.training import TrainingResult

PICKED = "ribosome"
AVOIDED = "membrane"
COMPETING = ("membrane", "microtubule")
SHARES = {"Simulate": 4.0, "Annotate": 1.0, "Cut": 1.0, "Start": 8.0, "Train": 24.0, "Segment": 5.0, "Pick": 1.0}
"""About how long steps take compared with each other, by the first word of their titles; others take 2."""


@dataclass
class Made:
    """What the steps have made so far."""

    simulated: SimulatedTomogram
    annotations: dict[str, MaskAnnotation] = field(default_factory=dict)
    trainings: dict[str, TrainingResult] = field(default_factory=dict)
    segmentations: dict[str, Path] = field(default_factory=dict)
    picks: FileResult | None = None
    surfaces: dict[str, FileResult] = field(default_factory=dict)


class Clock:
    """Times the steps and tells how far the demo is."""

    def __init__(self, titles: Sequence[str], progress: Progress) -> None:
        self.steps: list[Step] = []
        self._titles = titles
        self._progress = progress

    @contextmanager
    def step(self, title: str, commands: tuple[str, ...] = ()) -> Iterator[Progress]:
        """One step; yields what its functions report to."""
        shares = [_share(name) for name in self._titles]
        before = sum(shares[: len(self.steps)])
        part = _Part(self._progress, title, before, _share(title), sum(shares))
        part.report(0, 1)
        began = time.perf_counter()
        yield part
        self.steps.append(Step(title, time.perf_counter() - began, commands))


class _Part(Progress):
    """The progress of a step as a part of the whole."""

    def __init__(self, whole: Progress, title: str, before: float, share: float, total: float) -> None:
        self._whole = whole
        self._title = title
        self._before = before
        self._share = share
        self._total = total

    def report(self, done: float, total: float, text: str = "") -> None:
        part = self._share * min(done / total, 1.0) if total else 0.0
        self._whole.report(self._before + part, self._total, f"{self._title}: {text}" if text else self._title)


class Pipeline:
    """Runs the demo's steps in its folder; call them in the order in which they stand here."""

    def __init__(self, folder: DemoFolder, settings: DemoSettings, seed: int, progress: Progress) -> None:
        self.settings = settings
        self.name = f"sim_{seed + 1:03d}"
        self.folder = folder
        self.seed = seed
        self.picked = next((plan for plan in settings.features if plan.name == PICKED), None)
        self.clock = Clock(self._titles(), progress)
        self._commands = DemoCommands(settings, seed, self.name)
        self._root = folder.path

    @property
    def tomogram(self) -> Path:
        """The simulated tomogram."""
        return self._root / "tomograms" / f"{self.name}.mrc"

    def truth(self, feature: str) -> Path:
        """The mask of a feature."""
        return self._root / "tomograms" / "truth" / f"{self.name}_{feature}.mrc"

    def simulate(self) -> Made:
        """Make the tomogram and its ground truth."""
        from ais.simulation import simulate, write_simulation

        with self.clock.step("Simulate", self._commands.simulate()) as progress:
            settings = self.settings
            simulated = simulate(settings.shape, seed=self.seed, voxel_size=settings.voxel_size, progress=progress)
            self.folder.making(self.tomogram)
            self.folder.made(write_simulation(self.tomogram.parent, simulated, self.name, progress=progress))
        return Made(simulated)

    def annotate(self, made: Made) -> None:
        """Make the project, and annotate some slices of each feature as a person would."""
        from ais.annotation import AddFeature, AddTomogram, AnnotateFromMask
        from ais.project import Project

        path = self._root / PROJECT
        beside = [path.with_name(path.name + ending) for ending in ("-wal", "-shm", "-journal", ".lock")]
        with self.clock.step("Annotate", self._commands.annotate()) as progress:
            self.folder.making(path, *beside)
            with closing(Project.create(path)) as project:
                entry = project.apply(AddTomogram(self.tomogram))
                for plan in self.settings.features:
                    project.apply(AddFeature(plan.name, plan.colour, box_size=self.settings.box_size))
                    with closing(Tomogram.open(self.truth(plan.name))) as mask:
                        made.annotations[plan.name] = project.apply(
                            AnnotateFromMask(
                                entry.id,
                                plan.name,
                                mask,
                                slices=self.settings.annotated_slices,
                                auto_boxes=plan.boxes,
                                background_boxes=plan.background_boxes,
                                seed=self.seed,
                                progress=progress,
                            )
                        )
            self.folder.made([path])

    def extract(self) -> None:
        """Cut a training set for each feature."""
        from ais.project import Project
        from ais.trainset import extract_to

        with (
            self.clock.step("Cut training sets", self._commands.extract()) as progress,
            closing(Project.open(self._root / PROJECT)) as project,
        ):
            for plan in self.settings.features:
                target = self._set(plan)
                self.folder.making(target)
                extract_to(
                    target,
                    project,
                    [plan.name],
                    box_size=self.settings.box_size,
                    depth=plan.depth,
                    seed=self.seed,
                    progress=progress,
                )
                self.folder.made([target])

    def start_tensorflow(self) -> None:
        """Load TensorFlow, which takes some seconds and is needed from here on."""
        from ais.models.backend import start

        with self.clock.step("Start TensorFlow"):
            start()

    def train(self, made: Made, plan: FeaturePlan) -> None:
        """Train the network of a feature."""
        from ais.training import train
        from ais.training.checkpoint import checkpoint_path

        settings, target = self.settings, self._model(plan)
        with self.clock.step(f"Train {plan.name}", self._commands.train(plan)) as progress:
            self.folder.making(target, checkpoint_path(target))
            made.trainings[plan.name] = train(
                [self._set(plan)],
                target,
                architecture="fastnet",
                options={"first_filters": settings.first_filters},
                epochs=settings.epochs,
                copies=settings.copies,
                batch_size=settings.batch_size,
                learning_rate=settings.learning_rate,
                seed=self.seed,
                colour=plan.colour,
                progress=progress,
            )
            self.folder.made([target])

    def segment(self, made: Made) -> None:
        """Segment the whole volume with all models; where two find something, the rules decide."""
        from ais.export import SegmentSettings, segment
        from ais.interactions import Rules
        from ais.segmented_volumes import MANIFEST, output_path

        target, rules = self._root / "segmentations", self._root / RULES
        with self.clock.step("Segment the volume", self._commands.segment()) as progress:
            content = self._rules()
            self.folder.making(rules)
            write_text(rules, json.dumps(content, indent=1) + "\n")
            outputs = {p.name: output_path(target, self.tomogram, p.name) for p in self.settings.features}
            files = [file for path in outputs.values() for file in (path, record_path(path))] + [target / MANIFEST]
            self.folder.making(*files)
            models = [self._model(plan) for plan in self.settings.features]
            settings = SegmentSettings(rules=Rules.parse(content))
            (result,) = segment([self.tomogram], models, target, settings, progress=progress)
            _require(result.status, result.error)
            made.segmentations = result.outputs
            self.folder.made([rules, *files])

    def pick(self, made: Made) -> None:
        """Pick the particles."""
        from ais.batch import PickSettings, pick

        if self.picked is None:
            return
        source = made.segmentations[self.picked.name]
        with self.clock.step(f"Pick {self.picked.name}s", self._commands.pick(self.picked)) as progress:
            settings = PickSettings(min_volume=self.settings.min_particle, spacing=self.settings.spacing)
            output = self._root / "picks" / f"{source.stem}_coords.star"
            files = [output, record_path(output), output.parent / f"relion5_import__{self.picked.name}.star"]
            self.folder.making(*files)
            (made.picks,) = pick([source], output.parent, settings, progress=progress)
            _require(made.picks.status, made.picks.error)
            self.folder.made(files)

    def mesh(self, made: Made) -> None:
        """Make a surface of each feature."""
        from ais.batch import MeshSettings, mesh

        target = self._root / "surfaces"
        with self.clock.step("Make surfaces", self._commands.mesh()) as progress:
            sources = list(made.segmentations.values())
            outputs = [target / f"{source.stem}.obj" for source in sources]
            files = [file for path in outputs for file in (path, record_path(path))]
            self.folder.making(*files)
            results = mesh(sources, target, MeshSettings(dust=self.settings.dust), progress=progress)
            for feature, result in zip(made.segmentations, results, strict=True):
                _require(result.status, result.error)
                made.surfaces[feature] = result
            self.folder.made(files)

    def evaluation(self) -> tuple[str, tuple[str, ...]]:
        """Title and commands of the step that compares with the ground truth."""
        return "Evaluate", self._commands.evaluate(self.picked)

    def _titles(self) -> list[str]:
        train = [f"Train {plan.name}" for plan in self.settings.features]
        start = ["Simulate", "Annotate", "Cut training sets", "Start TensorFlow"]
        pick = ["Pick particles"] if self.picked else []
        return [*start, *train, "Segment the volume", *pick, "Make surfaces", "Evaluate", "Render surfaces"]

    def _rules(self) -> list[dict[str, object]]:
        names = {plan.name for plan in self.settings.features}
        rules: list[dict[str, object]] = []
        if names.issuperset(COMPETING):
            rules.append({"competition": {"emit": list(COMPETING), "absorb": list(COMPETING)}})
        if names.issuperset((PICKED, AVOIDED)):
            rules.append({"child": PICKED, "parent": AVOIDED, "type": "avoid", "radius": 20.0, "threshold": 0.5})
        return rules

    def _set(self, plan: FeaturePlan) -> Path:
        return self._root / "sets" / f"{plan.name}.scnt"

    def _model(self, plan: FeaturePlan) -> Path:
        return self._root / "models" / f"{plan.name}.aism"


def _share(title: str) -> float:
    return SHARES.get(title.split()[0], 2.0)


def _require(status: str, error: str) -> None:
    if status == "failed":
        raise AisError(error)
