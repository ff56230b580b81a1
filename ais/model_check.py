"""Whether a model suits a tomogram: voxel size, contrast polarity, and what the values are like, with advice."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ais.errors import AisError
from ais.progress import SILENT, Progress

if TYPE_CHECKING:
    from ais.models import ModelInfo
    from ais.segmentation import ReadyModel
    from ais.tomogram import Tomogram
    from ais.trainset import TrainingSet

SLICES = 5
MARGIN = 0.1
VOXEL_SIZE_TOLERANCE = 0.05
LARGE_FACTOR = 2.0
LARGEST_RESCALING = 16.0
"""Beyond this factor `ais.segmentation.Segmenter` refuses to rescale."""
LEAST_CONTRAST = 0.1
LEAST_FOUND = 1e-3
CLEAR_RATIO = 3.0
CORRELATION_TOLERANCE = 0.25
SPREAD_RATIO = 2.0


class Verdict(StrEnum):
    """How serious a finding is."""

    GOOD = "good"
    HINT = "hint"
    PROBLEM = "problem"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes
    ----------
    about
        ``"voxel size"``, ``"values"``, ``"polarity"`` or ``"result"``.
    verdict
        How serious it is.
    text
        What was found, and what to do if it is not good; sentences.
    """

    about: str
    verdict: Verdict
    text: str


@dataclass(frozen=True)
class Intensity:
    """What normalised values are like.

    Attributes
    ----------
    mean, spread
        Mean and standard deviation.
    skewness
        Below 0 where dark values reach farther than bright ones.
    correlation
        Of neighbours in the plane, -1 to 1: near 0 for noise, near 1 for smooth pictures.
    """

    mean: float
    spread: float
    skewness: float
    correlation: float


def intensity_of(planes: NDArray[np.float32]) -> Intensity:
    """What normalised pictures (..., ny, nx) are like."""
    values = planes.astype(np.float64)
    mean, spread = float(values.mean()), float(values.std())
    if spread <= 0:
        return Intensity(mean, 0.0, 0.0, 0.0)
    values = (values - mean) / spread
    across = [(values[..., 1:, :] * values[..., :-1, :]).mean(), (values[..., 1:] * values[..., :-1]).mean()]
    return Intensity(mean, spread, float((values**3).mean()), float(np.mean(across)))


def training_intensity(samples: TrainingSet) -> dict[str, float]:
    """What the record of a training keeps of its samples.

    Returns
    -------
    dict
        The attributes of `Intensity`, and ``contrast``: how much brighter what is labelled is than the rest of its
        sample, in units of the normalised values; negative where it is darker.
    """
    images = samples.images[:, samples.depth // 2]
    shown = (samples.labels == 1) | (samples.labels > 2)
    rest = samples.labels == 0
    usable = shown.any(axis=(1, 2)) & rest.any(axis=(1, 2))
    contrast = 0.0
    if usable.any():
        contrast = float(images[usable][shown[usable]].mean() - images[usable][rest[usable]].mean())
    return {**asdict(intensity_of(images)), "contrast": contrast}


def check_model(info: ModelInfo, tomogram: Tomogram) -> list[Finding]:
    """Compare a tomogram with what a model's file says of its training; no network is computed.

    Parameters
    ----------
    info
        Of the model.
    tomogram
        Some of its slices are read.

    Returns
    -------
    list of Finding
        On the voxel size and the values; of a tomogram that cannot be used, a problem that says why.
    """
    findings = [check_voxel_size(info, tomogram)]
    try:
        found = intensity_of(_inner_planes(tomogram))
    except AisError as error:
        return [*findings, Finding("values", Verdict.PROBLEM, str(error))]
    if info.is_classic and found.spread > 0:
        return findings  # it was trained on nothing that the values could be compared with
    return [*findings, *_check_values(info, found)]


def check_voxel_size(info: ModelInfo, tomogram: Tomogram) -> Finding:
    """Compare the voxel sizes."""
    about, own, wanted = "voxel size", tomogram.voxel_size, info.voxel_size
    if info.is_classic:
        if own <= 0:
            text = "The tomogram has no voxel size, which the lengths of a classic model need: set the voxel size."
            return Finding(about, Verdict.PROBLEM, text)
        return Finding(about, Verdict.GOOD, f"Its lengths are measured with the tomogram's voxel size, {own:.4g} A.")
    if wanted <= 0:
        return Finding(about, Verdict.HINT, "The model does not say its voxel size, so nothing is rescaled.")
    if own <= 0:
        text = f"The tomogram has no voxel size and the model was trained at {wanted:g} A: set the voxel size."
        return Finding(about, Verdict.PROBLEM, text)
    factor = own / wanted
    both = f"The voxel size is {own:.4g} A and the model was trained at {wanted:.4g} A"
    if abs(factor - 1) <= VOXEL_SIZE_TOLERANCE + 1e-6:
        return Finding(about, Verdict.GOOD, f"{both}.")
    if not 1 / LARGEST_RESCALING <= factor <= LARGEST_RESCALING:
        return Finding(about, Verdict.PROBLEM, f"{both}, which is too far apart: correct the voxel size.")
    if max(factor, 1 / factor) >= LARGE_FACTOR:
        what = "train a model at this voxel size" if factor > 1 else "bin the tomogram, or train at this voxel size"
        return Finding(about, Verdict.HINT, f"{both}: slices are rescaled, but details differ; better {what}.")
    return Finding(about, Verdict.GOOD, f"{both}: slices are rescaled.")


def check_polarity(segmenter: ReadyModel, tomogram: Tomogram, progress: Progress = SILENT) -> Finding:
    """Compare what the network finds in some slices with what it finds when dark and bright are exchanged.

    Parameters
    ----------
    segmenter
        The model, ready to segment.
    tomogram
        Some of its slices are segmented, each twice.
    progress
        Told after each.

    Raises
    ------
    AisError
        If the tomogram cannot be segmented.
    Cancelled
        If `progress` asks to stop.
    """
    from ais.tomogram import Normalization
    from ais.tomogram import Tomogram as Volume

    about, info = "polarity", segmenter.info
    if info.normalization == "slice":
        text = "The model normalises each slice by itself; whether dark and bright are exchanged cannot be told."
        return Finding(about, Verdict.HINT, text)
    usual = tomogram.normalization
    places = _places(tomogram.shape[0])
    shares, contrasts = np.zeros(2), []
    opposite = Normalization(usual.center, -usual.scale)
    override = tomogram.voxel_size if tomogram.voxel_size > 0 else None
    with Volume(tomogram.path, override, opposite) as inverted:
        for number, z in enumerate(places):
            for side, volume in enumerate((tomogram, inverted)):
                found = segmenter.predict_slices(volume, z, z + 1)
                there = found.reshape(-1, *found.shape[-2:]).max(axis=0) >= info.threshold
                shares[side] += there.mean() / len(places)
                if side == 0 and 0 < there.mean() < 1:
                    values = usual.apply(tomogram.slab(z, z + 1))[0]
                    contrasts.append(float(values[there].mean() - values[~there].mean()))
                progress.report(2 * number + side + 1, 2 * len(places), "Segmenting some slices")
    as_is, inverted_share = (float(share) for share in shares)
    percent = f"{as_is:.2%} of the voxels as they are, {inverted_share:.2%} with dark and bright exchanged"
    expected = info.training.get("intensity", {}).get("contrast", 0.0) if isinstance(info.training, dict) else 0.0
    seen = float(np.mean(contrasts)) if contrasts else 0.0
    wrong_way = abs(expected) > LEAST_CONTRAST and abs(seen) > LEAST_CONTRAST and expected * seen < 0
    if wrong_way or (inverted_share > LEAST_FOUND and inverted_share > CLEAR_RATIO * max(as_is, LEAST_FOUND / 3)):
        text = f"Dark and bright seem to be exchanged: the model finds {percent}. Invert the tomogram."
        return Finding(about, Verdict.PROBLEM, text)
    if max(as_is, inverted_share) <= LEAST_FOUND:
        text = f"The model finds nearly nothing in {len(places)} slices, so their contrast could not be judged."
        return Finding(about, Verdict.HINT, text)
    return Finding(about, Verdict.GOOD, f"Dark and bright are as in the training data: the model finds {percent}.")


def _check_values(info: ModelInfo, found: Intensity) -> list[Finding]:
    if found.spread <= 0:
        return [Finding("values", Verdict.PROBLEM, "All values of the tomogram are the same: there is nothing in it.")]
    record = info.training.get("intensity")
    filtered = f' The training data were prepared so: "{info.preprocessing}".' if info.preprocessing else ""
    expected = _recorded(record)
    if expected is None:
        text = f"The model's file says nothing about the values it was trained on.{filtered}"
        return [Finding("values", Verdict.HINT, text)]
    findings = []
    difference = found.correlation - expected.correlation
    if abs(difference) > CORRELATION_TOLERANCE:
        kind, advice = (
            ("smoother", "use it as it was before filtering, or filter the training data alike")
            if difference > 0
            else ("noisier", "filter it as the training data were")
        )
        numbers = f"neighbours correlate by {found.correlation:.2f}, in training by {expected.correlation:.2f}"
        findings.append(Finding("values", Verdict.HINT, f"The tomogram is {kind} ({numbers}): {advice}.{filtered}"))
    ratio = found.spread / expected.spread if expected.spread > 0 else 1.0
    if not 1 / SPREAD_RATIO <= ratio <= SPREAD_RATIO:
        text = (
            f"The values spread {ratio:.2g} times as far as in training, such as by gold beads or an empty border: "
            "crop the tomogram, or match its spectrum to a training tomogram."
        )
        findings.append(Finding("values", Verdict.HINT, text))
    return findings or [Finding("values", Verdict.GOOD, "The values are like those of the training data.")]


def _recorded(record: object) -> Intensity | None:
    if not isinstance(record, Mapping):
        return None
    numbers: dict[str, Any] = {name: record.get(name) for name in Intensity.__dataclass_fields__}
    usable = all(isinstance(number, int | float) and math.isfinite(number) for number in numbers.values())
    return Intensity(**numbers) if usable else None


def _places(nz: int) -> list[int]:
    first, last = MARGIN * (nz - 1), (1 - MARGIN) * (nz - 1)
    return [int(z) for z in np.unique(np.linspace(first, last, min(SLICES, nz)).round().astype(int))]


def _inner_planes(tomogram: Tomogram) -> NDArray[np.float32]:
    planes = [tomogram.normalization.apply(tomogram.slab(z, z + 1)) for z in _places(tomogram.shape[0])]
    return np.concatenate(planes)
