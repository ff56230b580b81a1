"""What the demo's report shows: scores against the ground truth, chosen slices, matched picks, rendered surfaces."""

from __future__ import annotations

import datetime
import importlib.metadata
import math
import os
import platform
from contextlib import closing
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ais import __version__
from ais.demo.pipeline import Made, Pipeline
from ais.demo.settings import FeaturePlan
from ais.progress import SILENT, Progress
from ais.report import DemoResult, FeatureResult, PickResult, SliceView
from ais.tomogram import Tomogram

if TYPE_CHECKING:
    from ais.surfaces import Surface

PRESENT = 128
SLICES = 3
SCORES = ("dice", "iou", "precision", "recall", "cldice", "surface_distance")
LIBRARIES = ("tensorflow", "keras", "numpy", "scipy", "scikit-image")
PICTURE_SIZE = (2000, 1320)
AZIMUTH, ELEVATION = -32.0, 42.0

Volume = NDArray[np.uint8]


def demo_result(pipeline: Pipeline, made: Made) -> DemoResult:
    """Compare with the ground truth, render the surfaces, and put together what the report shows."""
    settings = pipeline.settings
    with pipeline.clock.step(*pipeline.evaluation()) as progress:
        scores = {}
        for done, plan in enumerate(settings.features):
            progress.report(done, len(settings.features), plan.name)
            scores[plan.name] = feature_scores(pipeline, made, plan.name)
        picks = pick_result(pipeline, made)
    with pipeline.clock.step("Render surfaces"):
        shown = surfaces(pipeline, made)
        picture = surface_picture(pipeline, shown)
    today = datetime.datetime.now().astimezone()
    return DemoResult(
        folder=pipeline.folder.path,
        tomogram=pipeline.name,
        shape=settings.shape,
        voxel_size=settings.voxel_size,
        features=tuple(feature_result(plan, made, scores[plan.name], shown[plan.name]) for plan in settings.features),
        picks=picks,
        slices=slice_views(pipeline, made),
        pick_slice=None if picks is None else pick_view(pipeline, made, picks),
        surface_picture=picture,
        steps=tuple(pipeline.clock.steps),
        settings=_settings(pipeline, made),
        versions=_versions(),
        date=f"{today.day} {today:%B %Y}",
    )


def feature_scores(pipeline: Pipeline, made: Made, feature: str, progress: Progress = SILENT) -> dict[str, float]:
    """Scores of a feature over the slices held out; NaN for those that are not defined."""
    from ais.metrics import evaluate_segmentation

    with (
        closing(Tomogram.open(made.segmentations[feature])) as found,
        closing(Tomogram.open(pipeline.truth(feature))) as truth,
    ):
        slices = pipeline.settings.held_out_slices
        scores = evaluate_segmentation(found, truth, slices=slices, progress=progress).as_dict()
    return {name: math.nan if scores[name] is None else float(scores[name]) for name in SCORES}


def pick_result(pipeline: Pipeline, made: Made) -> PickResult | None:
    """The picks as they stand in the star file, compared with the true centres."""
    from ais.formats.coordinates import read_coordinates
    from ais.metrics import evaluate_picks, match_picks

    if pipeline.picked is None or made.picks is None:
        return None
    settings, name = pipeline.settings, pipeline.picked.name
    table = read_coordinates(made.picks.output, voxel_size=settings.voxel_size, shape=settings.shape)
    positions, truth = table.positions, made.simulated.particles[name].positions
    scores = evaluate_picks(positions, truth, settings.radius, settings.voxel_size)
    matches = match_picks(positions, truth, settings.radius, settings.voxel_size)
    return PickResult(
        name,
        positions,
        matches.correct,
        truth,
        matches.found,
        settings.radius,
        scores.precision or 0.0,
        scores.recall or 0.0,
        scores.f1 or 0.0,
    )


def feature_result(plan: FeaturePlan, made: Made, scores: dict[str, float], shown: Surface) -> FeatureResult:
    """Everything about a feature that the report shows."""
    annotation, training = made.annotations[plan.name], made.trainings[plan.name]
    return FeatureResult(
        name=plan.name,
        colour=plan.colour,
        annotated_slices=tuple(annotation.slices),
        boxes=annotation.boxes,
        background_boxes=annotation.negative_boxes,
        losses=tuple(epoch.loss for epoch in training.history),
        training_seconds=training.seconds,
        scores=scores,
        surfaces=len(shown.volumes),
        triangles=len(shown.faces),
        volume=float(shown.volumes.sum()),
    )


def surfaces(pipeline: Pipeline, made: Made) -> dict[str, Surface]:
    """The surfaces of the segmented features without dust, as in the files."""
    from ais.surfaces import isosurface

    shown = {}
    for feature, path in made.segmentations.items():
        with closing(Tomogram.open(path)) as volume:
            surface = isosurface(
                volume.raw(0, volume.shape[0]), PRESENT, voxel_sizes=volume.voxel_sizes, origin=volume.origin
            )
        shown[feature] = surface.without_dust(pipeline.settings.dust)
    return shown


def surface_picture(pipeline: Pipeline, shown: dict[str, Surface]) -> NDArray[np.uint8]:
    """The surfaces in the outline of the volume, on a transparent ground."""
    from ais.surface_picture import draw_surfaces, volume_box

    colours = {plan.name: plan.colour for plan in pipeline.settings.features}
    box = volume_box(pipeline.settings.shape, (pipeline.settings.voxel_size,) * 3)
    parts = [(surface, colours[feature]) for feature, surface in shown.items()]
    picture = draw_surfaces(parts, PICTURE_SIZE, azimuth=AZIMUTH, elevation=ELEVATION, background=None, box=box)
    return _without_margin(picture)


def _without_margin(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    rows, columns = (np.flatnonzero(picture[..., 3].any(axis=axis)) for axis in (1, 0))
    return picture[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def slice_views(pipeline: Pipeline, made: Made) -> tuple[SliceView, ...]:
    """The annotated slice that shows most, and two held out, far from the annotated ones and from each other."""
    settings = pipeline.settings
    pixels = [np.sqrt(made.simulated.mask(plan.name).sum(axis=(1, 2))) for plan in settings.features]
    shown = np.sum(pixels, axis=0)
    annotated = max(settings.annotated_slices, key=lambda z: shown[z])
    away = {z: min(abs(z - other) for other in settings.annotated_slices) for z in settings.held_out_slices}
    farthest = [z for z, distance in away.items() if distance >= max(away.values()) - 1]
    chosen = [annotated]
    for z in sorted(farthest, key=lambda z: -shown[z]):
        if len(chosen) < SLICES and all(abs(z - other) >= settings.shape[0] // 8 for other in chosen):
            chosen.append(z)
    return tuple(slice_view(pipeline, made, z) for z in [annotated, *sorted(chosen[1:])])


def pick_view(pipeline: Pipeline, made: Made, picks: PickResult) -> SliceView:
    """The slice near which most particles lie."""
    reach = picks.radius / pipeline.settings.voxel_size
    heights = picks.truth[:, 2]
    near = [int((np.abs(heights - z) <= reach).sum()) for z in range(pipeline.settings.shape[0])]
    return slice_view(pipeline, made, int(np.argmax(near)))


def slice_view(pipeline: Pipeline, made: Made, z: int) -> SliceView:
    """One slice with what is there and what was found."""
    names = [plan.name for plan in pipeline.settings.features]
    found = {}
    for name in names:
        with closing(Tomogram.open(made.segmentations[name])) as volume:
            found[name] = volume.slice(z) >= PRESENT
    truth = {name: made.simulated.mask(name)[z] > 0 for name in names}
    annotated = z in pipeline.settings.annotated_slices
    return SliceView(z, annotated, made.simulated.volume[z], truth, found)


def _settings(pipeline: Pipeline, made: Made) -> dict[str, str]:
    settings, simulated = pipeline.settings, made.simulated
    nz, ny, nx = settings.shape
    return {
        "Size": f"{settings.size}, {nx} × {ny} × {nz} voxels of {settings.voxel_size:g} Å",
        "Seed": str(pipeline.seed),
        "Signal to noise": f"{simulated.snr:g}",
        "Tilt range": f"±{simulated.tilt_range:g}°",
        "Defocus": f"{simulated.defocus:g} µm",
        "Annotated slices": ", ".join(map(str, settings.annotated_slices)),
        "Training samples": f"{settings.box_size} × {settings.box_size} pixels, "
        + ", ".join(f"{plan.depth} slices for {plan.name}s" for plan in settings.features),
        "Network": f"UNet S, {settings.first_filters} first filters",
        "Training": f"{settings.epochs} epochs, {settings.copies} copies, batches of {settings.batch_size}, "
        f"learning rate {settings.learning_rate:g}",
        "Picking": f"from {settings.min_particle / 1000:g} nm³, at least {settings.spacing / 10:g} nm apart",
        "Surfaces": f"level {PRESENT} of 255, without dust below {settings.dust / 1000:g} nm³",
    }


def _versions() -> dict[str, str]:
    found = {"Ais": __version__, "Python": platform.python_version()}
    for library in LIBRARIES:
        found[library] = importlib.metadata.version(library)
    return {**found, "System": f"{platform.system()} {platform.machine()}", "Processor cores": str(os.cpu_count() or 1)}
