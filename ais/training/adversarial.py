"""Training against a second network that learns to tell the network's output from a person's labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ais.models.pix2pix import discriminator
from ais.training.learner import Learner, make_optimizer
from ais.training.losses import probabilities, truth_and_kept
from ais.training.settings import Settings

if TYPE_CHECKING:
    import keras

ADVERSARIAL_WEIGHT = 0.01
DISCRIMINATOR_RATE_SHARE = 0.25
DISCRIMINATOR_MOMENTUM = 0.5
CALLED_REAL = 0.9
DISCRIMINATOR_SEED_OFFSET = 500


class AdversarialLearner(Learner):
    """A network with its optimizer, and a discriminator with its own.

    The loss is that of the labels plus a hundredth of how far the discriminator is from taking the output for a
    person's, so that with few samples the labels decide and the discriminator only refines. Both are compared as
    squares, the discriminator learns at a quarter of the rate, and it is not asked to be certain of real labels; all of
    this keeps it from winning. It sees nothing of the pixels marked ignore, and patches of only these do not count.

    Parameters are those of `Learner`.

    References
    ----------
    Isola et al., CVPR 2017, arXiv:1611.07004 (pix2pix). Mao et al., ICCV 2017, arXiv:1611.04076 (squared losses).
    Salimans et al., NeurIPS 2016, arXiv:1606.03498 (one-sided label smoothing).
    """

    def __init__(self, network: keras.Model, settings: Settings, features: int, side: int, depth: int) -> None:
        seed = settings.seed + DISCRIMINATOR_SEED_OFFSET
        self.discriminator = discriminator(settings.dtype, depth, network.output.shape[-1], seed)
        self._opponent = make_optimizer(
            settings,
            DISCRIMINATOR_RATE_SHARE * settings.learning_rate,
            self.discriminator.trainable_variables,
            momentum=DISCRIMINATOR_MOMENTUM,
        )
        super().__init__(network, settings, features, side, depth)

    def _variables(self) -> list[Any]:
        return [*super()._variables(), *self.discriminator.variables, *self._opponent.variables]

    def _update(self, images: Any, labels: Any, rate: Any) -> tuple[Any, Any]:
        import tensorflow as tf

        with tf.GradientTape(persistent=True) as tape:
            logits = self.trainer(images, training=True)
            loss = self._loss(labels, logits)
            truth, drawn, kept = _maps(labels, logits)
            judged_truth = self.discriminator([images, truth], training=True)
            judged_drawn = self.discriminator([images, drawn], training=True)
            fooled = _squares(judged_drawn - CALLED_REAL, kept)
            told_apart = 0.5 * (_squares(judged_truth - CALLED_REAL, kept) + _squares(judged_drawn, kept))
            wanted = self.optimizer.scale_loss(loss + ADVERSARIAL_WEIGHT * fooled + sum(self.trainer.losses))
            opposed = self._opponent.scale_loss(told_apart)
        weights, opposing = self.trainer.trainable_variables, self.discriminator.trainable_variables
        gradients, opposed_gradients = tape.gradient(wanted, weights), tape.gradient(opposed, opposing)
        del tape
        self.optimizer.learning_rate.assign(rate)
        self.optimizer.apply(gradients, weights)
        self._opponent.learning_rate.assign(DISCRIMINATOR_RATE_SHARE * rate)
        self._opponent.apply(opposed_gradients, opposing)
        return logits, loss


def _maps(labels: Any, logits: Any) -> tuple[Any, Any, Any]:
    # What the discriminator compares, (N, H, W, outputs) each, zero where ignored, and what is kept (N, H, W, 1).
    from keras import ops

    truth, kept = truth_and_kept(labels, logits.shape[-1])
    drawn = probabilities(logits)
    if logits.shape[-1] > 1:
        truth, drawn = (
            ops.concatenate([1.0 - ops.sum(values, axis=-1, keepdims=True), values], axis=-1)
            for values in (truth, drawn)
        )
    return truth * kept, drawn * kept, kept


def _squares(values: Any, kept: Any) -> Any:
    # The mean square over patches (N, h, w, 1), of which those count in which a pixel is kept; 0 if none does.
    from keras import ops

    step = kept.shape[1] // values.shape[1]
    seen = ops.max_pool(kept, step, step, padding="same")
    return ops.sum(values * values * seen) / ops.maximum(ops.sum(seen), 1.0)
