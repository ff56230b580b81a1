"""How wrong a network's output is: losses and counts that leave out the pixels marked ignore."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ais.errors import AisError

LOSSES = ("bce", "dice", "bce-dice")
IGNORE = 2
BCE_SHARE = 0.3
DICE_SMOOTHING = 1.0


def loss_function(name: str) -> Callable[[Any, Any], Any]:
    """A loss of (labels, logits), both (N, H, W, 1), as a single number; labels 0, 1, and 2 for ignore.

    ``bce`` is the binary cross-entropy, ``dice`` one minus the soft Dice coefficient over the batch, ``bce-dice``
    0.3 of the first and 0.7 of the second.

    References
    ----------
    Milletari et al., 3DV 2016, doi:10.1109/3DV.2016.79 (soft Dice).

    Raises
    ------
    AisError
        For any other name.
    """
    if name == "bce":
        return cross_entropy
    if name == "dice":
        return soft_dice
    if name == "bce-dice":
        return lambda labels, logits: (
            BCE_SHARE * cross_entropy(labels, logits) + (1 - BCE_SHARE) * soft_dice(labels, logits)
        )
    raise AisError(f"'{name}' is not a loss: use {', '.join(LOSSES)}.")


def cross_entropy(labels: Any, logits: Any) -> Any:
    """Binary cross-entropy averaged over the pixels not ignored; 0 if all are."""
    from keras import ops

    truth, kept, logits = _prepared(labels, logits)
    # max(x, 0) - x t + log(1 + exp(-|x|)) is exact where log(sigmoid) would overflow.
    each = ops.relu(logits) - logits * truth + ops.log1p(ops.exp(-ops.abs(logits)))
    return ops.sum(each * kept) / ops.maximum(ops.sum(kept), 1.0)


def soft_dice(labels: Any, logits: Any) -> Any:
    """One minus the Dice coefficient of the probabilities over all pixels of the batch that are not ignored."""
    from keras import ops

    truth, kept, logits = _prepared(labels, logits)
    found = ops.sigmoid(logits) * kept
    both = ops.sum(found * truth)
    return 1.0 - (2.0 * both + DICE_SMOOTHING) / (ops.sum(found) + ops.sum(truth) + DICE_SMOOTHING)


def _prepared(labels: Any, logits: Any) -> tuple[Any, Any, Any]:
    from keras import ops

    truth = ops.cast(ops.equal(labels, 1), "float32")
    kept = ops.cast(ops.not_equal(labels, IGNORE), "float32")
    return truth, kept, ops.cast(logits, "float32")


@dataclass(frozen=True)
class Counts:
    """Pixels counted over a whole epoch.

    Attributes
    ----------
    true_positive, false_positive, false_negative
        Found and true, found and not true, true and not found, at probability 0.5.
    """

    true_positive: float
    false_positive: float
    false_negative: float

    @property
    def dice(self) -> float:
        """Dice coefficient; 1.0 if there was nothing to find and nothing was found."""
        total = 2 * self.true_positive + self.false_positive + self.false_negative
        return 2 * self.true_positive / total if total else 1.0

    @property
    def precision(self) -> float:
        """Share of what was found that is true; 1.0 if nothing was found."""
        found = self.true_positive + self.false_positive
        return self.true_positive / found if found else 1.0

    @property
    def recall(self) -> float:
        """Share of what is true that was found; 1.0 if there was nothing to find."""
        present = self.true_positive + self.false_negative
        return self.true_positive / present if present else 1.0


def count_pixels(labels: Any, logits: Any) -> Any:
    """True positives, false positives, false negatives at probability 0.5, as three float32 numbers."""
    from keras import ops

    truth, kept, logits = _prepared(labels, logits)
    found = ops.cast(logits > 0, "float32") * kept
    both = ops.sum(found * truth)
    return ops.stack([both, ops.sum(found) - both, ops.sum(truth) - both])


def pixel_counter() -> Any:
    """A Keras metric: true positives, false positives, and false negatives since the epoch began."""
    import keras

    class Pixels(keras.Metric):  # type: ignore[misc]  # keras has no types
        """True positives, false positives, and false negatives since the epoch began."""

        def __init__(self) -> None:
            super().__init__(name="pixels", dtype="float32")
            self.total = self.add_weight(shape=(3,), initializer="zeros", name="total")

        def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
            del sample_weight
            self.total.assign_add(count_pixels(y_true, y_pred))

        def result(self) -> Any:
            return self.total

    return Pixels()
