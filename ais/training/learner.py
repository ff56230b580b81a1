"""A network in training: one step of learning, and what it reached since an epoch began."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ais.training.losses import loss_function
from ais.training.scores import Counts, count_pixels
from ais.training.settings import Settings

if TYPE_CHECKING:
    import keras

MOMENTUM = 0.9
AVERAGE_WARM_UP_STEPS = 10
LARGEST_SEED = 1_000_003


class Learner:
    """A network with its optimizer.

    Losses and counts are summed where the network computes and fetched only when they are asked for, so that a
    processor that works on by itself does not have to wait for them in every step.

    Parameters
    ----------
    network
        With a last layer ``probability``; it is changed in place.
    settings
        Of the run.
    features
        How many features it finds.
    side, depth
        Of the samples.
    """

    def __init__(self, network: keras.Model, settings: Settings, features: int, side: int, depth: int) -> None:
        import keras
        import tensorflow as tf

        self.network = network
        self.settings = settings
        # The loss is computed from what goes into the sigmoid, which keeps its precision far from 0.
        self.trainer = keras.Model(network.input, network.get_layer("probability").input)
        self.optimizer = make_optimizer(settings, settings.learning_rate, self.trainer.trainable_variables)
        self._loss = loss_function(settings.loss)
        # Pixels of an epoch are more than float32 can count.
        self._summed_loss, self._samples = (tf.Variable(0.0, dtype="float64", trainable=False) for _ in range(2))
        self._counts = tf.Variable(tf.zeros((features, 3), "float64"), trainable=False)
        self._averages = [tf.Variable(weight, trainable=False) for weight in self._averaged_weights()]
        self._steps = tf.Variable(0.0, trainable=False)
        _seed_generators(network, settings.seed)
        images = tf.TensorSpec((None, side, side, depth), "float32")
        labels = tf.TensorSpec((None, side, side, 1), "uint8")
        rate = tf.TensorSpec((), "float32")
        # One trace for every batch size. There is no branch or loop for autograph to find, only time to lose.
        self._learn = tf.function(self._traced_step, input_signature=[images, labels, rate], autograph=False)
        self._measure = tf.function(self._traced_measure, input_signature=[images, labels], autograph=False)

    def begin_epoch(self) -> None:
        """Forget what was summed."""
        for variable in (self._summed_loss, self._samples, self._counts):
            variable.assign(np.zeros(variable.shape))

    def learn(self, images: NDArray[np.float32], labels: NDArray[np.uint8], rate: float) -> None:
        """One step on a batch of images (N, S, S, D) with labels (N, S, S) at a learning rate."""
        self._learn(images, labels[..., None], np.float32(rate))

    def measure(self, images: NDArray[np.float32], labels: NDArray[np.uint8]) -> None:
        """Add up loss and counts of a batch without learning from it."""
        self._measure(images, labels[..., None])

    @property
    def loss(self) -> float:
        """Mean over the samples since the epoch began."""
        return float(self._summed_loss.numpy()) / max(float(self._samples.numpy()), 1.0)

    @property
    def counts(self) -> list[Counts]:
        """Of each feature, since the epoch began."""
        return [Counts(*map(float, row)) for row in self._counts.numpy()]

    def weights(self) -> list[NDArray[np.float32]]:
        """Those that a model would get now: the moving averages where they are asked for."""
        with self.averaged():
            return self.network.get_weights()  # type: ignore[no-any-return]

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """The network has the moving averages of its weights in here, if they are asked for."""
        weights = self._averaged_weights()
        kept = [weight.numpy() for weight in weights]
        for weight, average in zip(weights, self._averages, strict=True):
            weight.assign(average)
        try:
            yield
        finally:
            for weight, values in zip(weights, kept, strict=True):
                weight.assign(values)

    def return_to(self, weights: Sequence[NDArray[np.float32]]) -> None:
        """Give the network, and the moving averages, these weights; the optimizer goes on as it is."""
        self.network.set_weights(weights)
        for average, weight in zip(self._averages, self._averaged_weights(), strict=True):
            average.assign(weight)

    def state(self) -> list[NDArray[Any]]:
        """All that the next step depends on."""
        return [np.asarray(variable) for variable in self._variables()]

    def restore(self, state: Sequence[NDArray[Any]]) -> None:
        """Go back to an earlier `state`; ValueError if it is not one of such a network."""
        for variable, values in zip(self._variables(), state, strict=True):
            variable.assign(values)

    def _variables(self) -> list[Any]:
        # With the states of the random generators of layers such as dropout.
        return [*self.network.variables, *self.optimizer.variables, *self._averages, self._steps]

    def _averaged_weights(self) -> list[Any]:
        return [weight.value for weight in self.network.weights] if self.settings.averaging else []

    def _traced_step(self, images: Any, labels: Any, rate: Any) -> None:
        logits, loss = self._update(images, labels, rate)
        self._add(images, labels, logits, loss)
        self._steps.assign_add(1.0)
        self._average()

    def _average(self) -> None:
        import tensorflow as tf

        # After few steps the average is over those few, and not over the initial weights.
        kept = tf.minimum(self._steps / (AVERAGE_WARM_UP_STEPS + self._steps), self.settings.averaging)
        for average, weight in zip(self._averages, self._averaged_weights(), strict=True):
            average.assign_sub((1.0 - kept) * (average - weight))

    def _update(self, images: Any, labels: Any, rate: Any) -> tuple[Any, Any]:
        # Changes the weights; returns logits and loss before that.
        import tensorflow as tf

        with tf.GradientTape() as tape:
            logits = self.trainer(images, training=True)
            loss = self._loss(labels, logits)
            wanted = self.optimizer.scale_loss(loss + sum(self.trainer.losses))
        weights = self.trainer.trainable_variables
        self.optimizer.learning_rate.assign(rate)
        self.optimizer.apply(tape.gradient(wanted, weights), weights)
        return logits, loss

    def _traced_measure(self, images: Any, labels: Any) -> None:
        logits = self.trainer(images, training=False)
        self._add(images, labels, logits, self._loss(labels, logits))

    def _add(self, images: Any, labels: Any, logits: Any, loss: Any) -> None:
        import tensorflow as tf

        samples = tf.cast(tf.shape(images)[0], "float64")
        self._summed_loss.assign_add(tf.cast(loss, "float64") * samples)
        self._samples.assign_add(samples)
        self._counts.assign_add(tf.cast(count_pixels(labels, logits), "float64"))


def make_optimizer(settings: Settings, rate: float, weights: Sequence[Any], momentum: float = MOMENTUM) -> Any:
    """Adam for these weights, with the extras that the settings ask for."""
    import keras

    clip = settings.clip or None
    if settings.weight_decay:
        decay = settings.weight_decay
        optimizer = keras.optimizers.AdamW(rate, beta_1=momentum, weight_decay=decay, global_clipnorm=clip)
        optimizer.exclude_from_weight_decay(var_names=["bias", "beta", "gamma"])
    else:
        optimizer = keras.optimizers.Adam(rate, beta_1=momentum, global_clipnorm=clip)
    if settings.dtype == "mixed_float16":
        # Keras scales the loss by itself only where the model's own policy says so; small gradients would be 0.
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    optimizer.build(weights)
    return optimizer


def _seed_generators(network: keras.Model, seed: int) -> None:
    # Layers such as dropout may have been made without a seed; the same training shall give the same weights.
    generators = [variable for variable in network.variables if variable.name == "seed_generator_state"]
    for number, state in enumerate(generators):
        state.assign(np.array([seed + number * LARGEST_SEED, 0]) % (1 << 32))
