"""One training run: epochs, validation, checkpoints, and the best weights so far."""

from __future__ import annotations

import logging
import math
import platform
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ais.errors import AisError, Cancelled
from ais.model_check import training_intensity
from ais.models.file import Model, build_as
from ais.models.info import ModelInfo
from ais.models.reach import reach
from ais.models.registry import architecture
from ais.progress import Progress
from ais.training.adversarial import AdversarialLearner
from ais.training.augmentation import augment
from ais.training.batches import Batch, Batches
from ais.training.checkpoint import Checkpoint, read_checkpoint
from ais.training.learner import Learner
from ais.training.report import EpochReport, TrainingResult
from ais.training.samples import initial_bias, prepare
from ais.training.sampling import Indices, epoch_batches
from ais.training.scores import Counts, mean_score
from ais.training.settings import Course, Settings, course, learning_rate_at

if TYPE_CHECKING:
    import keras

    from ais.trainset import TrainingSet

LOOKS_EVERY_S = 0.2
log = logging.getLogger(__name__)


class TrainingRun:
    """One training: samples, network, optimizer, and what has been reached so far.

    Attributes
    ----------
    on_step
        Called after each step.
    """

    def __init__(
        self, settings: Settings, info: ModelInfo, training_set: TrainingSet, checkpoint: Path, base: Model | None
    ) -> None:
        self.settings = settings
        self.info = info
        self.on_step: Callable[[], None] = lambda: None
        self.checkpoint = checkpoint
        self.training_set = training_set
        self.names = tuple(training_set.features) or (training_set.name,)
        network = self._network(settings.dtype)
        self.samples = prepare(
            training_set, stride=reach(network).stride, validation=settings.validation, seed=settings.seed
        )
        if base is not None:
            network.set_weights(base.network.get_weights())
        else:
            network.get_layer("logits").bias.assign(initial_bias(self.samples))
        learner = AdversarialLearner if architecture(settings.architecture).adversarial else Learner
        self.learner = learner(network, settings, len(self.names), *self.samples.images.shape[2:])
        self.batch_size = settings.batch_size
        self.history: list[EpochReport] = []
        self.best = self.learner.weights()
        self._digest = settings.digest(training_set.hash + info.architecture_hash)
        self._resume()
        self._last = self._state()

    def go(
        self,
        on_epoch: Callable[[EpochReport], None] | None,
        on_weights: Callable[[keras.Model], None] | None,
        progress: Progress,
    ) -> str:
        """Train the epochs that are left; returns why it stopped early, if it did."""
        while len(self.history) < self._course().epochs:
            try:
                report = self._epoch(len(self.history), progress)
            except Cancelled:
                if not self.history:
                    raise
                return (
                    f"Stopped after {len(self.history)} of {self.settings.epochs} epochs; the best weights were kept."
                )
            except self._out_of_memory() as error:
                self._halve_batch(error)
                continue
            if not math.isfinite(report.loss + report.reached):
                return self._diverged(report.epoch)
            self._finish(report)
            if on_weights is not None:
                on_weights(self._with_weights(self.learner.weights()))
            if on_epoch is not None:
                on_epoch(report)
        if len(self.history) < self.settings.epochs:
            return (
                f"Ended after {len(self.history)} of {self.settings.epochs} epochs: the validation loss had not "
                f"improved for {self.settings.patience} epochs."
            )
        return ""

    def best_network(self) -> keras.Model:
        """The network with the best weights, computing in float32."""
        return self._with_weights(self.best)

    def result(self, path: Path, stopped: str) -> TrainingResult:
        """The summary for the caller."""
        kept = self._kept_epoch()
        # Every epoch shows as many samples, so this is in proportion to the time each took without its validation.
        spent = [1 / report.samples_per_second for report in self.history]
        return TrainingResult(
            path,
            kept.loss,
            kept.val_loss,
            kept.dice,
            kept.precision,
            kept.recall,
            kept.dice_by_feature,
            sum(report.seconds for report in self.history),
            len(spent) / sum(spent),
            float(np.average([report.waiting for report in self.history], weights=spent)),
            tuple(self.history),
            stopped,
            self._notes(),
        )

    def record(self) -> dict[str, Any]:
        """The training record of the model file."""
        import keras
        import tensorflow as tf

        from ais import __version__

        kept = self._kept_epoch()
        results = ("loss", "val_loss", "dice", "precision", "recall", "dice_by_feature")
        versions = {
            "ais": __version__,
            "keras": keras.__version__,
            "tensorflow": tf.__version__,
            "python": platform.python_version(),
        }
        return {
            **asdict(self.settings),
            "set": self.training_set.name,
            "set_hash": self.training_set.hash,
            "intensity": training_intensity(self.training_set),
            "samples": len(self.samples.images),
            "positive_samples": self.training_set.n_positive,
            "validation_samples": len(self.samples.held),
            "kept_epoch": kept.epoch,
            "results": {key: getattr(kept, key) for key in results},
            "history": [asdict(report) for report in self.history],
            "notes": list(self._notes()),
            "versions": versions,
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
        }

    def _kept_epoch(self) -> EpochReport:
        return next(report for report in reversed(self.history) if report.best)

    def _course(self) -> Course:
        val_losses = [report.reached for report in self.history]
        return course(self.settings.epochs, self.settings.patience, val_losses)

    def _network(self, dtype: str) -> keras.Model:
        return build_as(self.info, dtype=dtype, seed=self.settings.seed)

    def _with_weights(self, weights: Any) -> keras.Model:
        network = self._network("float32")
        network.set_weights(weights)
        return network

    def _epoch(self, epoch: int, progress: Progress) -> EpochReport:
        settings, planned = self.settings, self._course()
        order = epoch_batches(
            self.samples.positives,
            self.samples.negatives,
            copies=settings.copies,
            ratio=settings.negatives,
            batch_size=self.batch_size,
            rng=np.random.default_rng([settings.seed, 2, epoch]),
        )
        began = time.perf_counter()
        batches = self._batches(order, epoch)
        self._learn(batches, len(order), epoch, planned, progress)
        trained_s = time.perf_counter() - began
        loss, counts, val_loss = self.learner.loss, self.learner.counts, None
        if len(self.samples.held):
            done = epoch * len(order) + len(order)
            val_loss, counts = self._validate(
                lambda: progress.report(
                    done, planned.epochs * len(order), f"epoch {epoch + 1} of {planned.epochs}: validating"
                )
            )
        reached = loss if val_loss is None else val_loss
        return EpochReport(
            epoch=epoch + 1,
            epochs=planned.epochs,
            loss=loss,
            val_loss=val_loss,
            dice=mean_score(counts, "dice"),
            precision=mean_score(counts, "precision"),
            recall=mean_score(counts, "recall"),
            dice_by_feature={name: one.dice for name, one in zip(self.names, counts, strict=True)},
            samples_per_second=order.size / trained_s,
            seconds=time.perf_counter() - began,
            waiting=batches.waited / trained_s,
            batch_size=self.batch_size,
            best=all(reached < report.reached for report in self.history),
        )

    def _learn(self, batches: Batches, steps: int, epoch: int, planned: Course, progress: Progress) -> None:
        total = planned.epochs * steps
        looked, loss = -math.inf, 0.0
        self.learner.begin_epoch()
        for step, (images, labels) in enumerate(batches):
            done = epoch * steps + step
            rate = learning_rate_at(done, total, self.settings.learning_rate, planned.fall_from)
            self.learner.learn(images, labels, rate)
            if time.perf_counter() - looked > LOOKS_EVERY_S:
                looked, loss = time.perf_counter(), self.learner.loss
                if not math.isfinite(loss):
                    return
            progress.report(done + 1, total, self._step_text(epoch, planned, step + 1, steps, loss))
            self.on_step()

    def _step_text(self, epoch: int, planned: Course, step: int, steps: int, loss: float) -> str:
        last = f", last epoch {self.history[-1].text().partition(': ')[2]}" if self.history else ""
        return f"epoch {epoch + 1} of {planned.epochs}, step {step} of {steps}: loss {loss:.4f}{last}"

    def _batches(self, order: Indices, epoch: int) -> Batches:
        # Each batch has its own generator, so what is drawn depends neither on the thread nor on where a run resumed.
        def make(step: int) -> Batch:
            rng = np.random.Generator(np.random.SFC64([self.settings.seed, 3, epoch, step]))
            chosen = order[step]
            return augment(self.samples.images[chosen], self.samples.labels[chosen], self.settings.augment, rng)

        return Batches(make, len(order))

    def _validate(self, report: Callable[[], None]) -> tuple[float, list[Counts]]:
        held = self.samples.held
        self.learner.begin_epoch()
        reported = time.perf_counter()
        with self.learner.averaged():
            for first in range(0, len(held), self.batch_size):
                chosen = held[first : first + self.batch_size]
                self.learner.measure(self.samples.images[chosen], self.samples.labels[chosen])
                if time.perf_counter() - reported > LOOKS_EVERY_S:
                    reported = time.perf_counter()
                    report()
        return self.learner.loss, self.learner.counts

    def _finish(self, report: EpochReport) -> None:
        if report.best:
            self.best = self.learner.weights()
        self.history.append(report)
        if self._course().back_to_best:
            self.learner.return_to(self.best)
        self._last = self._state()
        self._last.write(self.checkpoint)
        log.info(report.text())

    def _out_of_memory(self) -> tuple[type[BaseException], ...]:
        import tensorflow as tf

        return tf.errors.ResourceExhaustedError, MemoryError

    def _halve_batch(self, error: BaseException) -> None:
        if self.batch_size == 1:
            raise AisError(
                f"There is not enough memory to train {architecture(self.settings.architecture).title} on one sample "
                "at a time: extract smaller boxes, or choose a smaller network."
            ) from error
        self.batch_size //= 2
        self.learner.restore(self._last.state)
        log.warning(
            "Memory ran out in epoch %d: it is trained again with %d samples in a step.",
            len(self.history) + 1,
            self.batch_size,
        )

    def _notes(self) -> tuple[str, ...]:
        notes, before = [], self.settings.batch_size
        for report in self.history:
            if report.batch_size < before:
                notes.append(f"Memory ran out: from epoch {report.epoch} on a step had {report.batch_size} samples.")
            before = report.batch_size
        return tuple(notes)

    def _diverged(self, epoch: int) -> str:
        sentence = f"The loss was no longer a number in epoch {epoch}: lower --learning-rate (it is "
        sentence += f"{self.settings.learning_rate:g}) or use --precision float32"
        if not self.history:
            raise AisError(f"{sentence}.")
        log.warning("%s; the best weights before were kept.", sentence)
        return f"{sentence}; the best weights before were kept."

    def _state(self) -> Checkpoint:
        history = [asdict(report) for report in self.history]
        return Checkpoint(self._digest, history, self.learner.state(), self.best)

    def _resume(self) -> None:
        found = read_checkpoint(self.checkpoint, self._digest)
        if found is None:
            return
        try:
            history = [EpochReport(**record) for record in found.history]
            self.learner.restore(found.state)
        except (TypeError, ValueError) as error:
            raise AisError(f"{self.checkpoint} does not fit this training: delete it and start again.") from error
        self.history, self.best = history, list(found.best)
        self.batch_size = history[-1].batch_size
        log.info("Going on after epoch %d of an earlier run.", len(history))
