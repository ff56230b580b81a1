"""Training a network on boxes cut from annotated tomograms."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ais.errors import AisError
from ais.models.backend import check_can_train, compute_dtype, start
from ais.models.file import Model, load_model, save_model
from ais.models.info import ModelInfo
from ais.models.registry import DEFAULT
from ais.models.registry import architecture as find_architecture
from ais.progress import SILENT, Progress
from ais.training.checkpoint import checkpoint_path, remove_checkpoint
from ais.training.preview import training_preview
from ais.training.report import EpochReport, TrainingResult
from ais.training.run import TrainingRun
from ais.training.samples import check_samples
from ais.training.settings import Settings

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
    patience: int = 0,
    augment: str = "basic",
    loss: str | None = None,
    averaging: float = 0.0,
    weight_decay: float = 0.0,
    clip: float = 0.0,
    precision: str = "auto",
    device: str = "auto",
    seed: int = 0,
    continue_from: Path | str | None = None,
    name: str | None = None,
    colour: tuple[float, float, float] | None = None,
    preprocessing: str = "",
    on_epoch: Callable[[EpochReport], None] | None = None,
    on_model: Callable[[Model], None] | None = None,
    on_step: Callable[[Model], None] | None = None,
    progress: Progress = SILENT,
) -> TrainingResult:
    """Train a network and write it as a model file.

    A set of several features trains one network that tells them, and the background, from each other.

    After each epoch the state is kept in a hidden file beside `output`; a run that is killed goes on from there when
    it is started again with the same samples and settings, and ends with the same weights. When `progress` asks to
    stop after at least one epoch, the best weights so far become the model. On a CPU the same seed gives the
    same weights. When memory runs out the epoch is trained again with half as many samples in a step.

    Parameters
    ----------
    training_sets
        Sets, or their files; they are pooled.
    output
        The ``.aism`` file to write.
    architecture, options
        Name and options of the network; by default ``fastnet``, or those of `continue_from`.
    epochs
        How many; each shows every positive sample `copies` times.
    batch_size
        Samples in a step.
    copies
        How often each sample is shown in an epoch, each time varied.
    negatives
        Negatives per positive; by default as many as there are.
    learning_rate
        The highest rate; it is reached after a short warm-up and falls towards the end. By default the architecture's.
    validation
        Share of the samples kept aside to measure with, 0 to 0.9.
    patience
        Epochs without a better validation loss after which the training comes to its end (see
        `ais.training.settings.course`); 0 trains all epochs.
    augment
        ``none``, ``basic``, or ``strong`` (see `ais.training.augmentation`).
    loss
        ``bce``, ``dice``, or ``bce-dice``; by default the architecture's.
    averaging
        Keep a moving average of the weights, whose old value counts this much in each step, such as 0.99; it is what
        is validated and written. 0 for none.
    weight_decay, clip
        Of the optimizer, AdamW, and the greatest length of all gradients together; 0 for none.
    precision, device
        As in `ais.models.backend`.
    seed
        Decides weights, split, order, and variations.
    continue_from
        A model of the same architecture and depth to start from; if it finds several features, of the same ones.
    name, colour, preprocessing
        Feature's name (default: the set's, several joined by ``+``), its colour, and how the tomograms were filtered,
        for the record.
    on_epoch
        Called after each epoch.
    on_model
        Called after each epoch with the model as it is then, such as to show what it finds.
    on_step
        Called after each step with the model in training itself, always the same one, in the precision in which it is
        trained. It may be looked at, and used to segment as it is then (`Segmenter` with ``in_training``).
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

    References
    ----------
    Loshchilov and Hutter, ICLR 2019, arXiv:1711.05101 (AdamW). Polyak and Juditsky, SIAM J. Control Optim. 30, 838
    (1992), doi:10.1137/0330046 (averaging).
    """
    check_can_train()
    samples = _pooled(training_sets)
    processor = start(device)
    base = None if continue_from is None else load_model(continue_from)
    chosen, arguments = _chosen_architecture(architecture, options, base, samples)
    settings = Settings(
        architecture=chosen,
        arguments=arguments,
        depth=samples.depth,
        epochs=epochs,
        batch_size=batch_size,
        copies=copies,
        negatives=negatives,
        learning_rate=find_architecture(chosen).learning_rate if learning_rate is None else learning_rate,
        validation=validation,
        patience=patience,
        augment=augment,
        loss=loss or find_architecture(chosen).default_loss,
        averaging=averaging,
        weight_decay=weight_decay,
        clip=clip,
        dtype=compute_dtype(precision, processor, training=True),
        seed=seed,
        continued_from=None if base is None else base.hash,
    )
    settings.check()
    info = ModelInfo(
        architecture=chosen,
        arguments=arguments,
        feature=name or "+".join(samples.features) or samples.name,
        voxel_size=float(samples.voxel_size),
        box_size=int(samples.box_size),
        depth=samples.depth,
        normalization="global_mad" if samples.normalization == "global_mad" else "slice",
        preprocessing=preprocessing,
        features=tuple(samples.features) if len(samples.features) > 1 else (),
        layers=() if base is None else base.info.layers,
        architecture_hash=find_architecture(chosen).source_hash if base is None else base.info.architecture_hash,
    )
    info = info if colour is None else replace(info, colour=colour)
    import tensorflow as tf

    with tf.device(processor.scope):
        try:
            run = TrainingRun(settings, info, samples, checkpoint_path(Path(output)), base)
        except tf.errors.ResourceExhaustedError as error:
            title = find_architecture(chosen).title
            raise AisError(f"There is not enough memory for {title}: choose a smaller network.") from error
        show = None if on_model is None else lambda network: on_model(Model(network, info))
        if on_step is not None:
            in_training = Model(run.learner.network, info)
            run.on_step = lambda: on_step(in_training)
        stopped = run.go(on_epoch, show, progress)
        model = Model(run.best_network(), replace(info, training=run.record()))
        save_model(output, model, training_preview(model, run.samples))
    remove_checkpoint(run.checkpoint)
    return run.result(Path(output), stopped)


def _pooled(training_sets: Sequence[TrainingSet | Path | str]) -> TrainingSet:
    if not training_sets:
        raise AisError("No training set was given: name at least one .scnt file.")
    from ais.trainset import TrainingSet, pool

    sets = [TrainingSet.read(item) if isinstance(item, Path | str) else item for item in training_sets]
    samples = sets[0] if len(sets) == 1 else pool(sets)
    check_samples(samples)
    return samples


def _chosen_architecture(
    name: str | None, options: Mapping[str, object] | None, base: Model | None, samples: TrainingSet
) -> tuple[str, dict[str, int | float]]:
    if base is None:
        chosen = name or DEFAULT
        return chosen, find_architecture(chosen).arguments(options)
    info = base.info
    if name not in (None, info.architecture):
        raise AisError(f"The model to continue from is a {info.architecture}, not a {name}: leave out --architecture.")
    if samples.depth != info.depth:
        raise AisError(f"The model to continue from has depth {info.depth} and the training set has {samples.depth}.")
    if max(len(info.features), len(samples.features)) > 1 and info.features != tuple(samples.features):
        raise AisError(
            f"The model to continue from finds {', '.join(info.found)} and the training set is for "
            f"{', '.join(samples.features)}: use a set for the same features in the same order."
        )
    arguments = find_architecture(info.architecture).arguments(options or info.arguments)
    if arguments != info.arguments:
        raise AisError("The model to continue from was built with other options: leave out --option.")
    return info.architecture, arguments
