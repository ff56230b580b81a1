"""How wrong a network's output is: losses that leave out the pixels marked ignore.

Labels are (N, H, W, 1): 0 background, 1 the first feature, 2 ignore, 3 and above further features. Logits are what
goes into the last sigmoid, (N, H, W, 1), or into the softmax of a network that finds several features,
(N, H, W, 1 + features) with the background first.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ais.errors import AisError

LOSSES = ("bce", "dice", "bce-dice")
IGNORE = 2
BCE_SHARE = 0.3
DICE_SMOOTHING = 1.0


def loss_function(name: str) -> Callable[[Any, Any], Any]:
    """A loss of (labels, logits) as a single number.

    ``bce`` is the cross-entropy, ``dice`` one minus the soft Dice coefficient over the batch, ``bce-dice`` 0.3 of the
    first and 0.7 of the second.

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
    """Cross-entropy averaged over the pixels not ignored; 0 if all are."""
    from keras import ops

    logits = ops.cast(logits, "float32")
    truth, kept = truth_and_kept(labels, logits.shape[-1])
    if logits.shape[-1] == 1:
        # max(x, 0) - x t + log(1 + exp(-|x|)) is exact where log(sigmoid) would overflow.
        each = ops.relu(logits) - logits * truth + ops.log1p(ops.exp(-ops.abs(logits)))
    else:
        everything = ops.concatenate([1.0 - ops.sum(truth, axis=-1, keepdims=True), truth], axis=-1)
        each = -ops.sum(everything * ops.log_softmax(logits), axis=-1, keepdims=True)
    return ops.sum(each * kept) / ops.maximum(ops.sum(kept), 1.0)


def soft_dice(labels: Any, logits: Any) -> Any:
    """One minus the Dice coefficient of the probabilities over all pixels of the batch that are not ignored.

    Of several features it is the mean over those that the batch shows, or over all if it shows none.
    """
    from keras import ops

    truth, kept = truth_and_kept(labels, logits.shape[-1])
    found = probabilities(logits) * kept
    both, in_truth, in_found = (ops.sum(values, axis=(0, 1, 2)) for values in (found * truth, truth, found))
    each = 1.0 - (2.0 * both + DICE_SMOOTHING) / (in_found + in_truth + DICE_SMOOTHING)
    shown = ops.cast(in_truth > 0, "float32")
    share = ops.where(ops.any(in_truth > 0), shown, ops.ones_like(shown))
    return ops.sum(each * share) / ops.sum(share)


def probabilities(logits: Any) -> Any:
    """Probabilities of the features (N, H, W, features), float32, from logits."""
    from keras import ops

    logits = ops.cast(logits, "float32")
    return ops.sigmoid(logits) if logits.shape[-1] == 1 else ops.softmax(logits)[..., 1:]


def truth_and_kept(labels: Any, outputs: int) -> tuple[Any, Any]:
    """Which feature each pixel shows (N, H, W, features), and which pixels count (N, H, W, 1), as float32 0 or 1."""
    from keras import ops

    labels = ops.cast(labels, "int32")
    names = ops.convert_to_tensor(feature_labels(max(outputs - 1, 1)), "int32")
    return ops.cast(ops.equal(labels, names), "float32"), ops.cast(ops.not_equal(labels, IGNORE), "float32")


def feature_labels(features: int) -> list[int]:
    """The labels that stand for the features: 1, then 3, 4, ..., since 2 means ignore."""
    return [1, *range(IGNORE + 1, IGNORE + features)]
