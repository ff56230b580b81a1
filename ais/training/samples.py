"""Training samples as a network takes them: padded, channels last, sorted by what they show."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ais.errors import AisError
from ais.training.losses import IGNORE, feature_labels
from ais.training.sampling import SHOWS_NONE, Indices, rarest_features, split

if TYPE_CHECKING:
    from ais.trainset import TrainingSet

LEAST_SHARE = 1e-3


@dataclass(frozen=True, eq=False)
class Samples:
    """Samples ready for training.

    Attributes
    ----------
    images
        (N, S, S, D) float32 normalised.
    labels
        (N, S, S) uint8: 0 background, 1 first feature, 2 ignore, 3 and above further features.
    features
        How many features there are.
    positives
        Per kind the indices of the samples to train on that show a feature, the kind being the rarest feature shown.
    negatives
        Indices of the samples to train on that show none.
    held
        Indices of those kept for validation.
    """

    images: NDArray[np.float32]
    labels: NDArray[np.uint8]
    features: int
    positives: tuple[Indices, ...]
    negatives: Indices
    held: Indices

    @property
    def positive(self) -> Indices:
        """Indices of all samples to train on that show a feature, sorted."""
        return np.sort(np.concatenate(self.positives))

    def background_and_features(self) -> NDArray[np.float64]:
        """Shares (1 + features,) of the pixels that count, in the samples that show a feature."""
        labels = self.labels[shown_features(self.labels, self.features).any(axis=1)]
        counts = [int((labels == value).sum()) for value in (0, *feature_labels(self.features))]
        return np.array(counts) / max(sum(counts), 1)


def prepare(training_set: TrainingSet, *, stride: int, validation: float, seed: int) -> Samples:
    """Make a training set ready.

    Parameters
    ----------
    training_set
        From `checked`.
    stride
        Of the network: boxes that are no multiple are padded, and the padding is labelled ignore.
    validation, seed
        As for `ais.training.sampling.split`.

    Raises
    ------
    AisError
        If a feature is shown by too few samples to keep some for validation.
    """
    features = max(len(training_set.features), 1)
    images, labels = _channels_last(training_set, stride)
    kinds = rarest_features(shown_features(labels, features))
    chosen, held = split([record.id for record in training_set.records], kinds, validation, seed)
    by_kind = [chosen[kinds[chosen] == kind] for kind in range(features)]
    positives = tuple(group for group in by_kind if len(group))
    return Samples(images, labels, features, positives, chosen[kinds[chosen] == SHOWS_NONE], held)


def check_samples(training_set: TrainingSet) -> None:
    """AisError unless a network can be trained on a set: it shows each of its features, and its values are finite."""
    name, features = training_set.name, training_set.features
    if len(training_set.images) == 0:
        raise AisError(f"The training set {name} holds no samples: place boxes and extract it again.")
    known = feature_labels(max(len(features), 1))
    if training_set.labels.max() > max(known[-1], IGNORE):
        raise AisError(
            f"The training set {name} has the label {training_set.labels.max()}, which stands for none of its "
            "features: extract it again."
        )
    missing = [number for number, value in enumerate(known) if not (training_set.labels == value).any()]
    if len(missing) == len(known):
        raise AisError(f"The training set {name} holds no positive sample: annotate the feature inside some boxes.")
    if missing:
        raise AisError(
            f"The training set {name} shows {features[missing[0]]} nowhere: annotate it inside some boxes, or extract "
            "without it."
        )
    if not np.isfinite(training_set.images).all():
        raise AisError(f"The training set {name} contains values that are not finite numbers: extract it again.")


def shown_features(labels: NDArray[np.uint8], features: int) -> NDArray[np.bool_]:
    """Which features each sample shows, (N, features), from labels (N, S, S)."""
    return np.stack([(labels == value).any(axis=(1, 2)) for value in feature_labels(features)], axis=1)


def initial_bias(samples: Samples) -> NDArray[np.float32]:
    """What the last layer starts with, (1,) for one feature, (1 + features,) for several.

    A network that starts at the features' shares does not first have to unlearn a picture full of rare features.
    """
    background, *shares = (float(np.clip(share, LEAST_SHARE, 1)) for share in samples.background_and_features())
    odds = [math.log(share / background) for share in shares]
    return np.array([min(odds[0], 0.0)] if samples.features == 1 else [0.0, *odds], np.float32)


def _channels_last(training_set: TrainingSet, stride: int) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    images = np.moveaxis(np.asarray(training_set.images, np.float32), 1, 3)
    missing = -training_set.box_size % stride
    around = ((0, 0), (0, missing), (0, missing))
    mode = "reflect" if training_set.box_size > 1 else "edge"
    padded = np.pad(images, (*around, (0, 0)), mode=mode)  # type: ignore[call-overload]
    return padded, np.pad(np.asarray(training_set.labels, np.uint8), around, constant_values=IGNORE)
