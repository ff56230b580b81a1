"""The check of a model against a tomogram: each thing that can be wrong is found, and what is right is left alone."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage, stats
from training_samples import spots

from ais.engine import Engine, JobState
from ais.formats.registry import write_volume
from ais.model_check import Finding, Verdict, check_model, check_polarity, intensity_of, training_intensity
from ais.models import ModelInfo, load_model, model_hash, read_model_info
from ais.segmentation import Segmenter
from ais.tomogram import Tomogram
from ais.training import train

SHAPE = (6, 96, 96)


def discs(sign: float = 1.0, blur: float = 0.0) -> np.ndarray:
    """A volume of the kind of `spots`, over noise of the same strength."""
    rng = np.random.default_rng(3)
    marks = np.zeros(SHAPE, bool)
    marks[:, 10:-10:16, 10:-10:16] = True
    grown = np.stack([ndimage.distance_transform_edt(~plane) <= 3.0 for plane in marks])
    values = sign * (rng.normal(size=SHAPE) + 2.5 * grown)
    return (ndimage.gaussian_filter(values, blur) if blur else values).astype("f4")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("check")
    settings = {"architecture": "unet-s", "options": {"first_filters": 4}, "batch_size": 8, "copies": 8, "epochs": 3}
    train([spots(32)], made / "spot.aism", **settings, preprocessing="binned twice")
    write_volume(made / "same.mrc", discs(), voxel_sizes=10.0)
    write_volume(made / "inverted.mrc", discs(-1.0), voxel_sizes=10.0)
    write_volume(made / "smooth.mrc", discs(blur=2.0), voxel_sizes=10.0)
    write_volume(made / "empty.mrc", np.full(SHAPE, 3.0, "f4"), voxel_sizes=10.0)
    broken = discs()
    broken[:, 40, 40] = np.nan
    write_volume(made / "broken.mrc", broken, voxel_sizes=10.0)
    return made


def found(folder: Path, name: str, voxel_size: float | None = None) -> dict[str, Finding]:
    with Tomogram.open(folder / name, voxel_size) as tomogram:
        return {finding.about: finding for finding in check_model(read_model_info(folder / "spot.aism"), tomogram)}


def test_a_tomogram_like_the_training_data_is_good(folder: Path) -> None:
    assert {finding.verdict for finding in found(folder, "same.mrc").values()} == {Verdict.GOOD}


@pytest.mark.parametrize(
    ("voxel_size", "verdict", "words"),
    [
        (10.4, Verdict.GOOD, "trained at 10 A."),
        (12.0, Verdict.GOOD, "rescaled"),
        (25.0, Verdict.HINT, "train a model"),
        (4.0, Verdict.HINT, "bin the tomogram"),
        (200.0, Verdict.PROBLEM, "correct the voxel size"),
    ],
)
def test_the_voxel_size(folder: Path, voxel_size: float, verdict: Verdict, words: str) -> None:
    finding = found(folder, "same.mrc", voxel_size)["voxel size"]
    assert finding.verdict is verdict
    assert words in finding.text


def test_values_unlike_those_of_the_training(folder: Path) -> None:
    smooth = found(folder, "smooth.mrc")["values"]
    assert smooth.verdict is Verdict.HINT
    assert "smoother" in smooth.text
    assert "binned twice" in smooth.text
    assert found(folder, "empty.mrc")["values"].verdict is Verdict.PROBLEM
    broken = found(folder, "broken.mrc")["values"]
    assert broken.verdict is Verdict.PROBLEM
    assert "NaN" in broken.text


def test_a_model_that_says_little_gives_hints(folder: Path) -> None:
    info = ModelInfo("unet-s", {}, "x", 0.0, 32, 1)
    with Tomogram.open(folder / "same.mrc") as tomogram:
        assert {finding.verdict for finding in check_model(info, tomogram)} == {Verdict.HINT}


@pytest.mark.parametrize(("name", "verdict"), [("same.mrc", Verdict.GOOD), ("inverted.mrc", Verdict.PROBLEM)])
def test_the_polarity(folder: Path, name: str, verdict: Verdict) -> None:
    with Tomogram.open(folder / name) as tomogram:
        finding = check_polarity(Segmenter(load_model(folder / "spot.aism")), tomogram)
    assert finding.verdict is verdict, finding
    assert ("Invert" in finding.text) == (verdict is Verdict.PROBLEM)


def test_the_figures_of_values() -> None:
    values = ndimage.gaussian_filter(np.random.default_rng(0).gamma(2.0, size=(3, 60, 70)), (0, 1, 1)).astype("f4")
    found = intensity_of(values)
    assert found.mean == pytest.approx(values.mean(), rel=1e-5)
    assert found.spread == pytest.approx(values.std(), rel=1e-4)
    assert found.skewness == pytest.approx(stats.skew(values, axis=None), rel=1e-3)
    down = np.corrcoef(values[:, 1:].ravel(), values[:, :-1].ravel())[0, 1]
    across = np.corrcoef(values[:, :, 1:].ravel(), values[:, :, :-1].ravel())[0, 1]
    assert found.correlation == pytest.approx((down + across) / 2, abs=0.01)
    samples = spots(32)
    labelled = samples.labels == 1
    positive = labelled.any(axis=(1, 2))
    images = samples.images[:, 0][positive]
    difference = images[labelled[positive]].mean() - images[~labelled[positive]].mean()
    assert training_intensity(samples)["contrast"] == pytest.approx(difference, rel=1e-4)


def test_the_compute_process_checks(folder: Path) -> None:
    engine = Engine()
    model = {"path": str(folder / "spot.aism"), "hash": model_hash(folder / "spot.aism")}
    try:
        jobs = [
            engine.submit("check_model", {"tomogram": str(folder / name), "model": model}, "Check")
            for name in ("inverted.mrc", "broken.mrc")
        ]
        limit = time.monotonic() + 120
        while not all(job.finished for job in jobs):
            assert time.monotonic() < limit
            engine.poll()
            time.sleep(0.01)
    finally:
        engine.stop()
    assert [job.state for job in jobs] == [JobState.DONE] * 2, [job.error for job in jobs]
    assert [finding["verdict"] for finding in jobs[0].result] == ["good", "good", "problem"]
    assert jobs[0].result[2]["about"] == "polarity"
    assert [finding["verdict"] for finding in jobs[1].result] == ["good", "problem"]
