"""One training run: epochs, validation, checkpoints, and the best weights so far."""

from __future__ import annotations

import logging
import math
import platform
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ais.errors import AisError, Cancelled
from ais.models.file import Model
from ais.models.registry import architecture, build
from ais.progress import Progress
from ais.training.augmentation import augment
from ais.training.checkpoint import Checkpoint, read_checkpoint
from ais.training.losses import IGNORE, Counts, loss_function, pixel_counter
from ais.training.report import EpochReport, TrainingResult
from ais.training.sampling import epoch_batches, split
from ais.training.settings import Settings, learning_rate_at

if TYPE_CHECKING:
    import keras

    from ais.trainset import TrainingSet

PREFETCHED_BATCHES = 4
log = logging.getLogger(__name__)


class TrainingRun:
    """One training: samples, network, optimizer, and what has been reached so far."""

    def __init__(self, settings: Settings, samples: TrainingSet, checkpoint: Path, base: Model | None) -> None:
        self.settings = settings
        self.checkpoint = checkpoint
        self.images, self.labels = _channels_last(samples, architecture(settings.architecture).stride)
        positive = (self.labels == 1).any(axis=(1, 2))
        ids = [record.id for record in samples.records]
        shown, self.held = split(ids, positive, settings.validation, settings.seed)
        self.positives, self.negatives = shown[positive[shown]], shown[~positive[shown]]
        self.network, self.trainer = self._compiled(base, positive)
        self.history: list[EpochReport] = []
        self.best = self.network.get_weights()
        self.digest = settings.digest(samples.hash)
        self._resume()

    def go(self, on_epoch: Callable[[EpochReport], None] | None, progress: Progress) -> str:
        """Train the epochs that are left; returns why it stopped early, if it did."""
        while len(self.history) < self.settings.epochs:
            try:
                report = self._epoch(len(self.history), progress)
            except Cancelled:
                if not self.history:
                    raise
                return (
                    f"Stopped after {len(self.history)} of {self.settings.epochs} epochs; the best weights were kept."
                )
            if not math.isfinite(report.loss if report.val_loss is None else report.loss + report.val_loss):
                return self._diverged(report.epoch)
            if report.best:
                self.best = self.network.get_weights()
            self.history.append(report)
            self._keep()
            log.info(report.text())
            if on_epoch is not None:
                on_epoch(report)
        return ""

    def best_network(self) -> keras.Model:
        """The network with the best weights, computing in float32."""
        settings = self.settings
        network = build(settings.architecture, settings.depth, settings.arguments)
        network.set_weights(self.best)
        return network

    def result(self, path: Path, stopped: str) -> TrainingResult:
        """The summary for the caller."""
        kept = self._kept_epoch()
        seconds = sum(report.seconds for report in self.history)
        shown = sum(report.seconds * report.samples_per_second for report in self.history)
        return TrainingResult(
            path,
            kept.loss,
            kept.val_loss,
            kept.dice,
            kept.precision,
            kept.recall,
            seconds,
            shown / seconds,
            tuple(self.history),
            stopped,
        )

    def record(self, samples: TrainingSet) -> dict[str, Any]:
        """The training record of the model file."""
        import keras
        import tensorflow as tf

        from ais import __version__

        kept = self._kept_epoch()
        versions = {
            "ais": __version__,
            "keras": keras.__version__,
            "tensorflow": tf.__version__,
            "python": platform.python_version(),
        }
        return {
            **asdict(self.settings),
            "set": samples.name,
            "set_hash": samples.hash,
            "samples": len(self.images),
            "positive_samples": int((self.labels == 1).any(axis=(1, 2)).sum()),
            "validation_samples": len(self.held),
            "kept_epoch": kept.epoch,
            "results": {key: getattr(kept, key) for key in ("loss", "val_loss", "dice", "precision", "recall")},
            "history": [asdict(report) for report in self.history],
            "versions": versions,
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
        }

    def _kept_epoch(self) -> EpochReport:
        return next(report for report in reversed(self.history) if report.best)

    def _compiled(self, base: Model | None, positive: NDArray[np.bool_]) -> tuple[keras.Model, keras.Model]:
        import keras

        settings = self.settings
        network = build(
            settings.architecture, settings.depth, settings.arguments, dtype=settings.dtype, seed=settings.seed
        )
        logits = network.get_layer("logits")
        if base is not None:
            network.set_weights(base.network.get_weights())
        else:
            logits.bias.assign(np.full(logits.bias.shape, _log_odds(self.labels[positive]), np.float32))
        # The loss is computed from what goes into the sigmoid, which keeps its precision far from 0.
        trainer = keras.Model(network.input, logits.output)
        optimizer = keras.optimizers.Adam(settings.learning_rate)
        if settings.dtype == "mixed_float16":
            # Keras scales the loss by itself only where the model's own policy says so; small gradients would be 0.
            optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
        trainer.compile(
            optimizer=optimizer,
            loss=loss_function(settings.loss),
            metrics=[pixel_counter()],
            jit_compile=False,
        )
        trainer.optimizer.build(trainer.trainable_variables)
        return network, trainer

    def _epoch(self, epoch: int, progress: Progress) -> EpochReport:
        settings = self.settings
        rng = np.random.default_rng([settings.seed, 2, epoch])
        order = epoch_batches(
            self.positives,
            self.negatives,
            copies=settings.copies,
            ratio=settings.negatives,
            batch_size=settings.batch_size,
            rng=rng,
        )
        steps, began = len(order), time.perf_counter()
        self.trainer.reset_metrics()
        logs: dict[str, Any] = {}
        for step, (images, labels) in enumerate(self._batches(order, epoch)):
            done = epoch * steps + step
            rate = learning_rate_at(done, settings.epochs * steps, settings.learning_rate)
            self.trainer.optimizer.learning_rate = rate
            logs = self.trainer.train_on_batch(images, labels, return_dict=True)
            if not math.isfinite(logs["loss"]):
                break
            progress.report(done + 1, settings.epochs * steps, self._step_text(epoch, step + 1, steps, logs["loss"]))
        rate = order.size / (time.perf_counter() - began)
        loss, counts, val_loss = float(logs["loss"]), Counts(*map(float, logs["pixels"])), None
        if len(self.held):
            val_loss, counts = self._validate()
        before = [report.loss if report.val_loss is None else report.val_loss for report in self.history]
        reached = loss if val_loss is None else val_loss
        return EpochReport(
            epoch=epoch + 1,
            epochs=settings.epochs,
            loss=loss,
            val_loss=val_loss,
            dice=counts.dice,
            precision=counts.precision,
            recall=counts.recall,
            samples_per_second=rate,
            seconds=time.perf_counter() - began,
            best=all(reached < value for value in before),
        )

    def _step_text(self, epoch: int, step: int, steps: int, loss: float) -> str:
        last = f", last epoch {self.history[-1].text().partition(': ')[2]}" if self.history else ""
        return f"epoch {epoch + 1} of {self.settings.epochs}, step {step} of {steps}: loss {loss:.4f}{last}"

    def _batches(self, order: NDArray[np.intp], epoch: int) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
        # Each batch has its own generator, so what is drawn depends neither on the thread nor on where a run resumed.
        def make(step: int) -> tuple[NDArray[Any], NDArray[Any]]:
            rng = np.random.default_rng([self.settings.seed, 3, epoch, step])
            chosen = order[step]
            images, labels = augment(self.images[chosen], self.labels[chosen], self.settings.augment, rng)
            return images, labels[..., None].astype(np.float32)

        waiting: deque[Future[tuple[NDArray[Any], NDArray[Any]]]] = deque()
        with ThreadPoolExecutor(1, "augmentation") as pool:
            for step in range(len(order)):
                waiting.append(pool.submit(make, step))
                if len(waiting) > PREFETCHED_BATCHES:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()

    def _validate(self) -> tuple[float, Counts]:
        self.trainer.reset_metrics()
        logs: dict[str, Any] = {}
        size = self.settings.batch_size
        for first in range(0, len(self.held), size):
            chosen = self.held[first : first + size]
            labels = self.labels[chosen][..., None].astype(np.float32)
            logs = self.trainer.test_on_batch(self.images[chosen], labels, return_dict=True)
        return float(logs["loss"]), Counts(*map(float, logs["pixels"]))

    def _diverged(self, epoch: int) -> str:
        sentence = f"The loss was no longer a number in epoch {epoch}: lower --learning-rate (it is "
        sentence += f"{self.settings.learning_rate:g}) or use --precision float32"
        if not self.history:
            raise AisError(f"{sentence}.")
        log.warning("%s; the best weights before were kept.", sentence)
        return f"{sentence}; the best weights before were kept."

    def _keep(self) -> None:
        optimizer = [np.asarray(variable) for variable in self.trainer.optimizer.variables]
        history = [asdict(report) for report in self.history]
        Checkpoint(self.digest, history, self.network.get_weights(), optimizer, self.best).write(self.checkpoint)

    def _resume(self) -> None:
        found = read_checkpoint(self.checkpoint, self.digest)
        if found is None:
            return
        try:
            history = [EpochReport(**record) for record in found.history]
            self.network.set_weights(found.weights)
            for variable, values in zip(self.trainer.optimizer.variables, found.optimizer, strict=True):
                variable.assign(values)
        except (TypeError, ValueError) as error:
            raise AisError(f"{self.checkpoint} does not fit this training: delete it and start again.") from error
        self.history, self.best = history, list(found.best)
        log.info("Going on after epoch %d of an earlier run.", len(history))


def _channels_last(samples: TrainingSet, stride: int) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    images = np.moveaxis(np.asarray(samples.images, np.float32), 1, 3)
    missing = -samples.box_size % stride
    around = ((0, 0), (0, missing), (0, missing))
    mode = "reflect" if samples.box_size > 1 else "edge"
    padded = np.pad(images, (*around, (0, 0)), mode=mode)  # type: ignore[call-overload]
    return padded, np.pad(np.asarray(samples.labels, np.uint8), around, constant_values=IGNORE)


def _log_odds(labels: NDArray[np.uint8]) -> float:
    # Starting at the feature's share, a rare feature does not first have to unlearn a picture full of it.
    share = float((labels == 1).sum() / max((labels != IGNORE).sum(), 1))
    share = min(max(share, 1e-3), 0.5)
    return math.log(share / (1 - share))
