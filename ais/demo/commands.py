"""The command lines that do what each step of the demo does, to be read in its report."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from ais.demo.settings import DemoSettings, FeaturePlan

PROJECT = "demo.aisproj"
RULES = "rules.json"


class DemoCommands:
    """Command lines of the demo's steps, run inside its folder.

    Parameters
    ----------
    settings, seed
        Of the demo.
    tomogram
        Its name.
    """

    def __init__(self, settings: DemoSettings, seed: int, tomogram: str) -> None:
        self._settings = settings
        self._seed = seed
        self._tomogram = tomogram

    def simulate(self) -> tuple[str, ...]:
        """Make the tomogram."""
        shape = "x".join(map(str, self._settings.shape))
        voxel_size = f"{self._settings.voxel_size:g}"
        words = ["simulate", "-o", "tomograms", "--size", shape, "--seed", str(self._seed)]
        return (_line(*words, "--voxel-size", voxel_size),)

    def annotate(self) -> tuple[str, ...]:
        """Make the project, and annotate each feature."""
        slices = ",".join(map(str, self._settings.annotated_slices))
        lines = [_line("import", self._volume(), "-o", PROJECT)]
        for plan in self._settings.features:
            words = ["annotate", PROJECT, self._volume(), "-f", plan.name, "--mask", self._truth(plan)]
            words += ["--slices", slices, "--boxes", f"auto:{plan.boxes}"]
            words += ["--background", str(plan.background_boxes), "--box-size", str(self._settings.box_size)]
            lines.append(_line(*words, "--seed", str(self._seed)))
        return tuple(lines)

    def extract(self) -> tuple[str, ...]:
        """Cut the training sets."""
        size = ["--box-size", str(self._settings.box_size)]
        return tuple(
            _line("extract", PROJECT, "-f", plan.name, "-o", _set(plan), *size, "--depth", str(plan.depth))
            for plan in self._settings.features
        )

    def train(self, plan: FeaturePlan) -> tuple[str, ...]:
        """Train the network of a feature."""
        settings = self._settings
        words = ["train", _set(plan), "-o", _model(plan), "--architecture", "fastnet"]
        words += ["--option", f"first_filters={settings.first_filters}", "--epochs", str(settings.epochs)]
        words += ["--copies", str(settings.copies), "--batch-size", str(settings.batch_size)]
        return (_line(*words, "--learning-rate", f"{settings.learning_rate:g}", "--seed", str(self._seed)),)

    def segment(self) -> tuple[str, ...]:
        """Segment the volume with all models."""
        models = [word for plan in self._settings.features for word in ("-m", _model(plan))]
        return (_line("segment", *models, self._volume(), "-o", "segmentations", "--rules", RULES),)

    def pick(self, plan: FeaturePlan) -> tuple[str, ...]:
        """Pick the particles of a feature."""
        settings = self._settings
        words = ["pick", self._segmentation(plan), "-o", "picks", "--min-volume", f"{settings.min_particle:.0f}"]
        return (_line(*words, "--spacing", f"{settings.spacing:g}"),)

    def mesh(self) -> tuple[str, ...]:
        """Make the surfaces."""
        volumes = [self._segmentation(plan) for plan in self._settings.features]
        return (_line("mesh", *volumes, "-o", "surfaces", "--dust", f"{self._settings.dust:.0f}"),)

    def evaluate(self, picked: FeaturePlan | None) -> tuple[str, ...]:
        """Compare the segmentations and the picks with the ground truth."""
        slices = _ranges(self._settings.held_out_slices)
        lines = [
            _line("evaluate", self._segmentation(plan), self._truth(plan), "--slices", slices)
            for plan in self._settings.features
        ]
        if picked is not None:
            picks = f"picks/{self._tomogram}__{picked.name}_coords.star"
            truth = f"tomograms/truth/{self._tomogram}_{picked.name}_coords.star"
            words = ["evaluate", "--picks", picks, truth, "--radius", f"{self._settings.radius:g}"]
            lines.append(_line(*words, "--tomogram", self._volume()))
        return tuple(lines)

    def _volume(self) -> str:
        return f"tomograms/{self._tomogram}.mrc"

    def _truth(self, plan: FeaturePlan) -> str:
        return f"tomograms/truth/{self._tomogram}_{plan.name}.mrc"

    def _segmentation(self, plan: FeaturePlan) -> str:
        return f"segmentations/{self._tomogram}__{plan.name}.mrc"


def _set(plan: FeaturePlan) -> str:
    return f"sets/{plan.name}.scnt"


def _model(plan: FeaturePlan) -> str:
    return f"models/{plan.name}.aism"


def _line(*words: str) -> str:
    return shlex.join(["ais", *words])


def _ranges(numbers: Sequence[int]) -> str:
    """Such as ``0-3,5,7-9`` for ascending numbers."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1] = [runs[-1][0], number]
        else:
            runs.append([number])
    return ",".join("-".join(map(str, run)) for run in runs)
