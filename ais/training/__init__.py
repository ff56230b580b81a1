"""Training a network on boxes cut from annotated tomograms."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ais.errors import AisError
from ais.models.backend import compute_dtype, start
from ais.models.file import Model, load_model, save_model
from ais.models.info import ModelInfo
from ais.models.registry import DEFAULT
from ais.models.registry import architecture as find_architecture
from ais.progress import SILENT, Progress
from ais.training.checkpoint import checkpoint_path, remove_checkpoint
from ais.training.losses import IGNORE
from ais.training.preview import training_preview
from ais.training.report import EpochReport, TrainingResult
from ais.training.run import TrainingRun
from ais.training.settings import DEFAULT_LEARNING_RATE, Settings

if TYPE_CHECKING:
    from ais.trainset import TrainingSet

__all__ = ["EpochReport", "TrainingResult", "train"]


def train(
    training_sets: Sequence[TrainingSet | Path | str],
    output: Path | str,
    *,
    architecture: str | None = None,
    options: Mapping[str, object] | None = None,
    epochs: int = 50,
    batch_size: int = 32,
    copies: int = 10,
    negatives: float | None = None,
    learning_rate: float | None = None,
    validation: float = 0.0,
    augment: str = "basic",
    loss: str | None = None,
    precision: str = "auto",
    device: str = "auto",
    seed: int = 0,
    continue_from: Path | str | None = None,
    name: str | None = None,
    colour: tuple[float, float, float] | None = None,
    preprocessing: str = "",
    on_epoch: Callable[[EpochReport], None] | None = None,
    progress: Progress = SILENT,
) -> TrainingResult:
    """Train a network and write it as a model file.

    After each epoch the state is kept in a hidden file beside `output`; a run that is killed goes on from there when
    it is started again with the same samples and settings, and ends with the same weights. When `progress` asks to
    stop after at least one epoch, the best weights so far become the model. On a CPU the same seed gives the
    same weights.

    Parameters
    ----------
    training_sets
        Sets, or their files; they are pooled.
    output
        The ``.aism`` file to write.
    architecture, options
        Name and options of the network; by default ``unet-s``, or those of `continue_from`.
    epochs
        How many; each shows every positive sample `copies` times.
    batch_size
        Samples in a step.
    copies
        How often each sample is shown in an epoch, each time varied.
    negatives
        Negatives per positive; by default as many as there are.
    learning_rate
        The highest rate; it is reached after a short warm-up and falls towards the end. By default 0.001.
    validation
        Share of the samples kept aside to measure with, 0 to 0.9.
    augment
        ``none``, ``basic``, or ``strong`` (see `ais.training.augmentation`).
    loss
        ``bce``, ``dice``, or ``bce-dice``; by default the architecture's.
    precision, device
        As in `ais.models.backend`.
    seed
        Decides weights, split, order, and variations.
    continue_from
        A model of the same architecture and depth to start from.
    name, colour, preprocessing
        Feature's name (default: the set's), its colour, and how the tomograms were filtered, for the record.
    on_epoch
        Called after each epoch.
    progress
        Told after each step.

    Returns
    -------
    TrainingResult

    Raises
    ------
    AisError
        For sets that do not fit together or hold no positive sample, or settings out of range.
    Cancelled
        If it is stopped before the first epoch is done; nothing is written then.
    """
    samples = _pooled(training_sets)
    processor = start(device)
    base = None if continue_from is None else load_model(continue_from)
    chosen, arguments = _chosen_architecture(architecture, options, base, samples.depth)
    settings = Settings(
        architecture=chosen,
        arguments=arguments,
        depth=samples.depth,
        epochs=epochs,
        batch_size=batch_size,
        copies=copies,
        negatives=negatives,
        learning_rate=DEFAULT_LEARNING_RATE if learning_rate is None else learning_rate,
        validation=validation,
        augment=augment,
        loss=loss or find_architecture(chosen).default_loss,
        dtype=compute_dtype(precision, processor, training=True),
        seed=seed,
        continued_from=None if base is None else base.hash,
    )
    settings.check()
    import tensorflow as tf

    with tf.device(processor.scope):
        run = TrainingRun(settings, samples, checkpoint_path(Path(output)), base)
        try:
            stopped = run.go(on_epoch, progress)
        except tf.errors.ResourceExhaustedError as error:
            raise AisError(f"There is not enough memory to train with a batch of {batch_size}: halve it.") from error
        info = ModelInfo(
            architecture=chosen,
            arguments=arguments,
            feature=name or (samples.features[0] if samples.features else samples.name),
            voxel_size=float(samples.voxel_size),
            box_size=int(samples.box_size),
            depth=samples.depth,
            normalization="global_mad" if samples.normalization == "global_mad" else "slice",
            preprocessing=preprocessing,
            training=run.record(samples),
        )
        model = Model(run.best_network(), info if colour is None else replace(info, colour=colour))
        save_model(output, model, training_preview(model, run.images, run.positives))
    remove_checkpoint(run.checkpoint)
    return run.result(Path(output), stopped)


def _pooled(training_sets: Sequence[TrainingSet | Path | str]) -> TrainingSet:
    if not training_sets:
        raise AisError("No training set was given: name at least one .scnt file.")
    from ais.trainset import TrainingSet, pool

    sets = [TrainingSet.read(item) if isinstance(item, Path | str) else item for item in training_sets]
    samples = sets[0] if len(sets) == 1 else pool(sets)
    if len(samples.images) == 0:
        raise AisError(f"The training set {samples.name} holds no samples: place boxes and extract it again.")
    if len(samples.features) > 1 or samples.labels.max() > IGNORE:
        raise AisError(
            f"The training set {samples.name} holds several features; training one network on several comes later."
        )
    if not (samples.labels == 1).any():
        raise AisError(
            f"The training set {samples.name} holds no positive sample: annotate the feature inside some boxes."
        )
    if not np.isfinite(samples.images).all():
        raise AisError(
            f"The training set {samples.name} contains values that are not finite numbers: extract it again."
        )
    return samples


def _chosen_architecture(
    name: str | None, options: Mapping[str, object] | None, base: Model | None, depth: int
) -> tuple[str, dict[str, int | float]]:
    if base is None:
        chosen = name or DEFAULT
        return chosen, find_architecture(chosen).arguments(options)
    info = base.info
    if name not in (None, info.architecture):
        raise AisError(f"The model to continue from is a {info.architecture}, not a {name}: leave out --architecture.")
    if depth != info.depth:
        raise AisError(f"The model to continue from has depth {info.depth} and the training set has {depth}.")
    arguments = find_architecture(info.architecture).arguments(options or info.arguments)
    if arguments != info.arguments:
        raise AisError("The model to continue from was built with other options: leave out --option.")
    return info.architecture, arguments
