"""Classic models: what they find, against scikit-image and known structures, whole and in parts."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import mrcfile
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from skimage.feature import blob_log, hessian_matrix, hessian_matrix_eigvals
from skimage.filters import apply_hysteresis_threshold, frangi, threshold_local, threshold_otsu
from training_samples import spots

from ais.classic import CLASSIC_METHODS, ClassicSegmenter, classic_filter, classic_info, make_classic_model
from ais.classic.cylinder import best_correlation
from ais.classic.gaussians import kernel
from ais.classic.ridges import curvatures, hessian
from ais.classic.segmenter import Measurements, surroundings
from ais.classic.thresholds import otsu
from ais.cli.main import run
from ais.engine.kept import Kept
from ais.engine.work.check import check_model
from ais.engine.work.live import live
from ais.engine.work.tiles import tiles_of_slice
from ais.errors import AisError
from ais.export import segment
from ais.formats.registry import write_volume
from ais.models import load_model, model_hash, read_model_info, unpack_group, write_group
from ais.models.classic import Quantity
from ais.tomogram import Normalization, Tomogram
from ais.uncertainty import TileRule

A = 10.0
SHAPE = (40, 90, 100)
NAMES = [method.name.removeprefix("classic-") for method in CLASSIC_METHODS]
SMALL: dict[str, dict[str, object]] = {
    "local": {"window": 150},
    "spot": {"diameter": 90},
    "cylinder": {"diameter": 50, "length": 200, "angles": 8},
}
"""Options with which a method fits into a small tomogram."""


def grid() -> list[NDArray[np.float64]]:
    return [axis.astype(float) for axis in np.meshgrid(*(np.arange(n) for n in SHAPE), indexing="ij")]


def soft(inside: NDArray[np.float64]) -> NDArray[np.float32]:
    return np.clip(inside + 0.5, 0, 1).astype(np.float32)


def ball() -> NDArray[np.float32]:
    z, y, x = grid()
    return soft(4.5 - np.sqrt((z - 20) ** 2 + (y - 25) ** 2 + (x - 70) ** 2))


def tube() -> NDArray[np.float32]:
    z, y, x = grid()
    return soft(2.5 - np.sqrt((z - 20) ** 2 + ((y - 60) * np.cos(0.4) - (x - 50) * np.sin(0.4)) ** 2))


def sheet() -> NDArray[np.float32]:
    _, y, x = grid()
    return soft(2.0 - np.abs(np.sqrt((y - 45) ** 2 + (x - 50) ** 2) - 30))


def noise(seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).normal(0, 1, SHAPE).astype(np.float32)


def written(folder: Path, values: NDArray[Any], voxel_size: float = A, name: str = "TS_1") -> Tomogram:
    path = folder / f"{name}.mrc"
    write_volume(path, values.astype(np.float32), voxel_sizes=voxel_size)
    return Tomogram(path, normalization=Normalization(0.0, 1.0))


def whole(method: str, tomogram: Tomogram, options: dict[str, object]) -> NDArray[np.float32]:
    return ClassicSegmenter(classic_info(method, "x", options)).predict_slices(tomogram, 0, tomogram.shape[0])


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Tomogram:
    """Noise with a ball, a tube and a sheet, all of them dark."""
    structures = np.maximum(np.maximum(ball(), tube()), sheet())
    return written(tmp_path_factory.mktemp("busy"), noise() * 0.5 - 2 * structures)


def dice(found: NDArray[Any], truth: NDArray[Any]) -> float:
    return 2 * float(np.logical_and(found, truth).sum()) / float(found.sum() + truth.sum())


# Against independent sources


@pytest.mark.parametrize("sigma", [1.0, 2.0, 3.7])
def test_second_derivatives_are_those_of_scikit_image(sigma: float) -> None:
    from scipy.ndimage import gaussian_filter

    values = gaussian_filter(noise(1), 1.5) * 4
    reach = int(np.ceil(4 * sigma))
    half = SHAPE[0] // 2
    block = np.pad(values, reach, mode="symmetric")[half : half + 2 * reach + 1]
    own = np.stack(curvatures(hessian(block, (sigma,) * 3))) / sigma**2
    theirs = hessian_matrix_eigvals(
        hessian_matrix(values.astype(np.float64), sigma, mode="reflect", order="rc", use_gaussian_derivatives=True)
    )[:, half]
    inner = (slice(None), slice(reach, -reach), slice(reach, -reach))
    scale = np.abs(theirs[inner]).max()
    # They differentiate once and once more; the two kernels differ by a per cent at a sigma of one voxel.
    assert np.abs(own[inner] - theirs[inner]).max() < 0.05 * scale
    assert np.corrcoef(own[inner].ravel(), theirs[inner].ravel())[0, 1] > 0.999


def test_curvatures_are_the_eigenvalues() -> None:
    parts = [np.random.default_rng(n).normal(size=500).astype(np.float32) for n in range(6)]
    zz, yy, xx, zy, zx, yx = parts
    matrices = np.moveaxis(np.array([[zz, zy, zx], [zy, yy, yx], [zx, yx, xx]]), 2, 0)
    expected = np.linalg.eigvalsh(matrices.astype(np.float64))[:, ::-1].T
    assert np.abs(np.stack(curvatures((zz, yy, xx, zy, zx, yx))) - expected).max() < 1e-3


@given(sigma=st.floats(0.7, 12))
@settings(max_examples=40, deadline=None)
def test_kernels_differentiate_parabolas_exactly(sigma: float) -> None:
    offsets = np.arange(-(len(kernel(sigma, 0)) // 2), len(kernel(sigma, 0)) // 2 + 1)
    assert np.isclose(kernel(sigma, 0).sum(), 1, atol=1e-5)
    assert np.isclose(kernel(sigma, 1) @ (3 * offsets + 7), 3 * sigma, rtol=1e-3, atol=1e-4)
    assert np.isclose(kernel(sigma, 2) @ (offsets**2 + 5 * offsets + 7), 2 * sigma**2, rtol=1e-3, atol=1e-3)


def test_otsu_is_that_of_scikit_image() -> None:
    values = np.concatenate([noise().ravel() * 0.5, noise(2).ravel()[:30000] * 0.7 + 4])
    assert abs(otsu(values) - threshold_otsu(values, nbins=1024)) < 0.02


def test_a_local_threshold_is_that_of_scikit_image(tmp_path: Path) -> None:
    values = noise() + np.linspace(0, 8, SHAPE[2], dtype=np.float32)
    found = whole(
        "local", written(tmp_path, values), {"window": 210, "offset": 0.5, "smoothing": 0, "polarity": "bright"}
    )
    means = threshold_local(values[7].astype(np.float64), 21, method="mean", mode="reflect")
    assert np.mean((found[7] >= 0.5) == (values[7] >= means + 0.5)) > 0.9999


def test_hysteresis_is_that_of_scikit_image(tmp_path: Path) -> None:
    values = noise()
    options = {"low": 1.0, "high": 2.5, "smoothing": 0, "polarity": "bright", "reach": 400}
    found = whole("hysteresis", written(tmp_path, values), options) >= 0.5
    assert np.array_equal(found, apply_hysteresis_threshold(values, 1.0, 2.5))
    # In each slice by itself where nothing is followed up and down.
    alone = whole("hysteresis", written(tmp_path, values, name="TS_2"), {**options, "reach": 0}) >= 0.5
    assert np.array_equal(alone[3], apply_hysteresis_threshold(values[3], 1.0, 2.5))


def test_spots_are_where_scikit_image_finds_blobs(tmp_path: Path) -> None:
    tomogram = written(tmp_path, noise() * 0.3 - 2 * ball())
    found = whole("spot", tomogram, {"diameter": 90})
    place = np.unravel_index(found.argmax(), found.shape)
    blobs = blob_log(
        -tomogram.slab(0, SHAPE[0]).astype(np.float64), min_sigma=2, max_sigma=4, num_sigma=5, threshold=0.5
    )
    assert np.abs(np.array(place) - blobs[0, :3]).max() <= 1
    assert np.abs(np.array(place) - [20, 25, 70]).max() <= 1


def test_filaments_are_where_frangi_finds_tubes(tmp_path: Path) -> None:
    tomogram = written(tmp_path, noise() * 0.5 - 2 * tube())
    found = whole("filament", tomogram, {"width": 50})
    theirs = frangi(tomogram.slab(0, SHAPE[0]).astype(np.float64), sigmas=[1.77], black_ridges=True)
    truth = tube() > 0.5
    best = max(dice(theirs >= level, truth) for level in np.quantile(theirs, np.linspace(0.9, 0.999, 40)))
    assert dice(found >= 0.5, truth) > max(0.75, best - 0.02)


def test_correlation_is_the_weighted_coefficient() -> None:
    random = np.random.default_rng(3)
    planes = random.normal(size=(3, 30, 34)).astype(np.float32)
    values = random.normal(size=(2, 3, 7, 9)).astype(np.float32)
    weights = random.uniform(0.1, 1, size=(2, 3, 7, 9)).astype(np.float32)
    found = best_correlation(planes, (values, weights))
    padded = np.pad(planes, ((0, 0), (3, 3), (4, 4)), mode="symmetric").astype(np.float64)
    for y, x in ((0, 0), (12, 20), (29, 33), (7, 31)):
        part = padded[:, y : y + 7, x : x + 9].ravel()
        expected = max(
            np.cov(part, value.ravel(), aweights=weight.ravel(), ddof=0)[0, 1]
            / np.sqrt(np.prod([np.cov(one, aweights=weight.ravel(), ddof=0) for one in (part, value.ravel())]))
            for value, weight in zip(values, weights, strict=True)
        )
        assert abs(found[y, x] - expected) < 1e-4


# What is known to be there


@pytest.mark.parametrize(
    ("method", "structure", "options", "least"),
    [
        ("spot", ball, {"diameter": 90, "strength": 8}, 0.75),
        ("filament", tube, {"width": 50}, 0.75),
        ("filament", tube, {"width": 50, "dimensions": "2d"}, 0.8),
        ("sheet", sheet, {"width": 40}, 0.8),
        ("sheet", sheet, {"width": 40, "dimensions": "2d"}, 0.75),
        ("cylinder", tube, {"diameter": 50, "length": 250, "angles": 12, "strength": 6}, 0.5),
        ("threshold", sheet, {}, 0.8),
        ("threshold", sheet, {"limit": "value", "value": 1.0}, 0.85),
        ("hysteresis", sheet, {}, 0.8),
        ("watershed", sheet, {"smoothing": 15, "seed": 1.3, "background": 0.6}, 0.8),
        ("local", sheet, {"offset": 0.7}, 0.8),
    ],
)
def test_a_dark_structure_is_found(
    method: str, structure: Any, options: dict[str, object], least: float, tmp_path: Path
) -> None:
    part = slice(8, 33)  # a correlation takes longer than the others
    truth = (structure() > 0.5)[part]
    values = noise()[part] * 0.5 - 2 * structure()[part]
    found = whole(method, written(tmp_path, values), options)
    assert found.dtype == np.float32
    assert found.min() >= 0
    assert found.max() <= 1
    assert dice(found >= 0.5, truth) > least
    # Bright ones as well, and exactly so.
    bright = whole(method, written(tmp_path, -values, name="TS_2"), {**options, "polarity": "bright"})
    assert np.allclose(bright, found, atol=1e-3) or np.mean((bright >= 0.5) == (found >= 0.5)) > 0.999


@pytest.mark.parametrize("method", ["filament", "sheet", "spot"])
def test_noise_is_nearly_empty(method: str, tmp_path: Path) -> None:
    found = whole(method, written(tmp_path, noise(5)), {"strength": 5, **SMALL.get(method, {})})
    assert np.mean(found >= 0.5) < 0.002


def test_lengths_follow_the_voxel_size(tmp_path: Path) -> None:
    values = noise() * 0.5 - 2 * tube()
    fine = whole("filament", written(tmp_path, values, 10.0), {"width": 50})
    coarse = whole("filament", written(tmp_path, values, 20.0, "TS_2"), {"width": 100})
    assert np.allclose(fine, coarse, atol=1e-4)


def test_otsu_says_what_the_whole_tomogram_says(tmp_path: Path) -> None:
    values = noise() * 0.5 - 4 * sheet()
    segmenter = ClassicSegmenter(classic_info("threshold", "x", {"smoothing": 0}))
    tomogram = written(tmp_path, values)
    found = segmenter.predict_slices(tomogram, 0, SHAPE[0])
    limit = threshold_otsu(values)
    assert np.mean((found >= 0.5) == (values <= limit)) > 0.998


# In parts


@pytest.mark.parametrize(
    ("method", "dimensions"),
    [(name, dimensions) for name in NAMES for dimensions in ("3d", "2d") if (name, dimensions) != ("cylinder", "2d")],
)
def test_a_part_has_the_result_of_the_whole(method: str, dimensions: str, busy: Tomogram) -> None:
    options = {**SMALL.get(method, {}), **({} if method == "cylinder" else {"dimensions": dimensions})}
    info = classic_info(method, "x", options)
    segmenter = ClassicSegmenter(info)
    for z0, z1, crop in ((0, 1, None), (17, 20, None), (38, 40, (0, 31, 50, 90)), (9, 11, (40, 41, 3, 88))):
        x0, x1, y0, y1 = crop or (0, SHAPE[2], 0, SHAPE[1])
        first, last = max(z0 - 1, 0), min(z1 + 2, SHAPE[0])
        around = segmenter.predict_slices(busy, first, last)
        part = ClassicSegmenter(info).predict_slices(busy, z0, z1, crop)
        assert np.abs(part - around[z0 - first :, y0:y1, x0:x1][: z1 - z0]).max() < 1e-4


@given(
    z=st.integers(0, 39),
    y=st.tuples(st.integers(0, 89), st.integers(1, 30)),
    x=st.tuples(st.integers(0, 99), st.integers(1, 30)),
)
@settings(max_examples=8, deadline=None)
def test_any_part_of_sheets_is_that_of_the_whole(
    busy: Tomogram, z: int, y: tuple[int, int], x: tuple[int, int]
) -> None:
    segmenter = ClassicSegmenter(classic_info("sheet", "x"))
    crop = (x[0], min(x[0] + x[1], SHAPE[2]), y[0], min(y[0] + y[1], SHAPE[1]))
    whole_slice = segmenter.predict_slices(busy, z, z + 1)
    part = segmenter.predict_slices(busy, z, z + 1, crop)
    assert np.abs(part - whole_slice[:, crop[2] : crop[3], crop[0] : crop[1]]).max() < 1e-4


def test_wide_slices_are_computed_in_bands(busy: Tomogram, monkeypatch: pytest.MonkeyPatch) -> None:
    info = classic_info("sheet", "x")
    at_once = ClassicSegmenter(info).predict_slices(busy, 20, 22)
    monkeypatch.setattr("ais.classic.segmenter.BAND_PX", 1000)
    assert np.abs(ClassicSegmenter(info).predict_slices(busy, 20, 22) - at_once).max() < 1e-4


def test_what_lies_beyond_the_faces_is_mirrored(busy: Tomogram) -> None:
    values = busy.slab(0, SHAPE[0])
    found = surroundings(busy, (0, 2), (80, 90), (0, 5), (3, 4, 6))
    expected = np.pad(values, ((3, 3), (4, 4), (6, 6)), mode="symmetric")[0:8, 80:98, 0:17]
    assert np.array_equal(found, expected)


@pytest.mark.parametrize("method", NAMES)
def test_a_flat_tomogram_is_empty_or_even(method: str, tmp_path: Path) -> None:
    found = whole(method, written(tmp_path, np.zeros((3, 20, 24))), dict(SMALL.get(method, {})))
    assert np.isfinite(found).all()
    if method != "threshold":  # Otsu's method parts even what has no parts
        assert found.max() < 0.5


def test_what_is_usual_is_measured_once(busy: Tomogram, monkeypatch: pytest.MonkeyPatch) -> None:
    measured: list[str] = []
    before = ClassicSegmenter._sample

    def counting(self: ClassicSegmenter, tomogram: Tomogram, sizes: Any) -> Any:
        measured.append(self.info.architecture)
        return before(self, tomogram, sizes)

    monkeypatch.setattr(ClassicSegmenter, "_sample", counting)
    shared: Measurements = OrderedDict()
    for method, options in (
        ("sheet", {}),
        ("sheet", {"strength": 5}),
        ("sheet", {"width": 90}),
        ("threshold", {}),
        ("threshold", {"limit": "value"}),
        ("filament", {}),
    ):
        segmenter = ClassicSegmenter(classic_info(method, "x", options), shared)
        segmenter.predict_slices(busy, 3, 4)
        segmenter.predict_slices(busy, 7, 8, (0, 20, 0, 20))
    assert measured == ["classic-sheet", "classic-sheet", "classic-threshold", "classic-filament"]


# Model files


def test_a_classic_model_is_a_model_file(tmp_path: Path) -> None:
    path = tmp_path / "membrane.aism"
    info = make_classic_model(path, "sheet", "membrane", {"width": 60}, colour=(1.0, 0.5, 0.0))
    assert read_model_info(path).arguments == {"polarity": "dark", "width": 60.0, "strength": 2.0, "dimensions": "3d"}
    assert read_model_info(path).colour == info.colour
    assert read_model_info(path).is_classic
    first = model_hash(path)
    make_classic_model(path, "sheet", "membrane", {"width": 60}, colour=(0.0, 0.5, 0.0))
    assert model_hash(path) == first  # a colour has no part in it
    make_classic_model(path, "sheet", "membrane", {"width": 61})
    assert model_hash(path) != first
    with pytest.raises(AisError, match="no network"):
        load_model(path)


@pytest.mark.parametrize(
    "changed",
    [
        {"architecture": "classic-magic"},
        {"arguments": {"width": "wide"}},
        {"arguments": {"width": -5}},
        {"arguments": {"width": 1e9}},
        {"arguments": {"polarity": 3}},
        {"arguments": {"polarity": "grey"}},
        {"arguments": {"code": "import os"}},
        {"arguments": {"width": None}},
        {"depth": 3},
        {"features": ["a", "b"]},
    ],
)
def test_a_damaged_record_is_refused(changed: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "m.aism"
    info = make_classic_model(path, "sheet", "membrane")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model.json", json.dumps({**info.as_json(), **changed}))
    with pytest.raises(AisError, match="cannot be used as a model"):
        read_model_info(path)


@pytest.mark.parametrize(
    ("method", "options", "words"),
    [
        ("magic", {}, "choose one of threshold, local"),
        ("sheet", {"size": 3}, "has no option 'size'"),
        ("sheet", {"width": "abc"}, "must be a number from 5"),
        ("sheet", {"polarity": "grey"}, "must be dark or bright"),
        ("hysteresis", {"low": 3, "high": 2}, "must not be above high"),
        ("cylinder", {"angles": 2.5}, "must be a whole number"),
    ],
)
def test_wrong_options_are_one_sentence(method: str, options: dict[str, object], words: str) -> None:
    with pytest.raises(AisError, match=words):
        classic_info(method, "x", options)


def test_lengths_need_a_voxel_size_and_room(tmp_path: Path) -> None:
    unknown = written(tmp_path, noise(), 0.0)
    with pytest.raises(AisError, match="no voxel size"):
        whole("sheet", unknown, {})
    fine = written(tmp_path, noise(), 0.5, "TS_2")
    with pytest.raises(AisError, match="too many voxels"):
        whole("spot", fine, {"diameter": 1000})


def test_every_method_is_there() -> None:
    for method in CLASSIC_METHODS:
        assert classic_filter(method.name).reach((A, A, A))


def test_units_are_said_in_words() -> None:
    options = [option for method in CLASSIC_METHODS for option in method.options if isinstance(option, Quantity)]
    assert {option.unit for option in options} == {"A", "SD", ""}
    assert all("standard deviations (SD)" in option.text for option in options if option.unit == "SD")


# The command line


def test_as_typed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    structure = noise() * 0.5 - 2 * sheet()
    tomogram = written(tmp_path, structure)
    model, output = tmp_path / "membrane.aism", tmp_path / "out"
    typed = ["classic", "sheet", "-o", str(model), "--feature", "membrane", "--option", "width=40"]
    assert run(typed) == 0
    assert run(["info", str(model)]) == 0
    shown = capsys.readouterr().out
    assert "classic-sheet" in shown
    assert "width 40" in shown
    assert run(["segment", str(tomogram.path), "-m", str(model), "-o", str(output)]) == 0
    with mrcfile.open(output / "TS_1__membrane.mrc") as found:
        assert dice(found.data >= 128, sheet() > 0.5) > 0.8
    assert run(["segment", str(tomogram.path), "-m", str(model), "-o", str(output)]) == 0
    assert "(kept)" in capsys.readouterr().out
    assert run(["classic", "--list"]) == 0
    listed = capsys.readouterr().out
    assert all(f"{name}  " in listed for name in NAMES)
    assert run(["classic", "--list", "--json"]) == 0
    assert [one["name"] for one in json.loads(capsys.readouterr().out)] == NAMES
    for words, sentence in (
        (["classic", "sheet"], "needs a method"),
        (["classic", "sheet", "-o", str(tmp_path / "m.mrc"), "--feature", "x"], "must end in .aism"),
        (typed, "exists"),
        (["classic", "sheet", "-o", str(tmp_path / "n.aism"), "--feature", " "], "name of the feature"),
        (["convert", str(model), str(tmp_path / "m2.aism")], "no network"),
        (["convert", str(model), str(tmp_path / "m.scnm")], ""),
    ):
        assert run(words) == 2
        said = capsys.readouterr().err.strip().splitlines()
        assert len(said) == 1
        assert sentence in said[0]


class WithoutBackend:
    """What a task gets of the compute process, in which no backend for networks may be started."""

    def __init__(self) -> None:
        self.kept = Kept()

    def device(self) -> None:
        raise AssertionError("a classic model needs no backend")

    def checkpoint(self) -> None:
        pass

    def report(self, done: float, total: float, text: str = "") -> None:
        pass


def test_tasks_take_classic_models_and_start_no_backend(busy: Tomogram, tmp_path: Path) -> None:
    context: Any = WithoutBackend()
    path = tmp_path / "membrane.aism"
    info = make_classic_model(path, "sheet", "membrane", {"width": 40})
    wanted = {"path": str(path), "hash": model_hash(path), "tta": 4}
    where: dict[str, Any] = {"tomogram": str(busy.path), "voxel_size": None, "normalization": [0.0, 1.0], "z": 20}
    (found,) = live({**where, "models": [wanted]}, context)["maps"]
    assert np.array_equal(found, ClassicSegmenter(info).predict_slices(busy, 20, 21))
    # One that is not saved yet, and another in the place of a file that was known.
    draft = {"path": ".", "hash": "x", "record": info.as_json()}
    assert np.array_equal(live({**where, "models": [draft]}, context)["maps"][0], found)
    with pytest.raises(AisError, match="has changed while it was in use"):
        live({**where, "models": [{**wanted, "hash": "another"}]}, context)
    tiles = {"model": wanted, "threshold": 0.5, "size": 32, "count": 3}
    assert len(tiles_of_slice({**where, **tiles, "rule": next(iter(TileRule)).value}, context)["centres"])
    findings = check_model({**where, "model": wanted}, context)
    assert [(one["about"], one["verdict"]) for one in findings] == [("voxel size", "good")]


def test_groups_hold_classic_models(tmp_path: Path) -> None:
    make_classic_model(tmp_path / "a.aism", "sheet", "membrane")
    make_classic_model(tmp_path / "b.aism", "spot", "ribosome")
    write_group(tmp_path / "both.aisgroup", [tmp_path / "a.aism", tmp_path / "b.aism"], [])
    paths, _ = unpack_group(tmp_path / "both.aisgroup", tmp_path / "out")
    assert [read_model_info(path).feature for path in paths] == ["membrane", "ribosome"]


def test_training_does_not_go_on_from_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_classic_model(tmp_path / "a.aism", "sheet", "membrane")
    samples = spots(8)
    samples.write(tmp_path / "s.scnt")
    words = ["train", str(tmp_path / "s.scnt"), "-o", str(tmp_path / "b.aism"), "--continue", str(tmp_path / "a.aism")]
    assert run(words) == 2
    assert "no network" in capsys.readouterr().err


def test_segmenting_loads_no_network(tmp_path: Path) -> None:
    tomogram = written(tmp_path, noise())
    make_classic_model(tmp_path / "m.aism", "sheet", "membrane")
    script = (
        "import sys; from ais.cli.main import run; code = run(sys.argv[1:]); "
        "print(code, sorted({'tensorflow', 'keras', 'torch', 'jax'} & set(sys.modules)))"
    )
    words = ["segment", str(tomogram.path), "-m", str(tmp_path / "m.aism"), "-o", str(tmp_path / "out")]
    done = subprocess.run([sys.executable, "-c", script, *words], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "0 []"


def test_as_python(tmp_path: Path) -> None:
    tomogram = written(tmp_path, noise() * 0.5 - 2 * ball())
    make_classic_model(tmp_path / "m.aism", "spot", "ball", {"diameter": 90})
    (result,) = segment([tomogram.path], [tmp_path / "m.aism"], tmp_path / "out")
    assert result.status == "done"
    record = json.loads((tmp_path / "out" / "TS_1__ball.mrc.json").read_text())
    assert record["settings"]["model"] == model_hash(tmp_path / "m.aism")


def test_the_reference_of_the_methods_is_current() -> None:
    docs = Path(__file__).resolve().parent.parent / "docs"
    sys.path.insert(0, str(docs))
    try:
        from make_classic_reference import reference
    finally:
        sys.path.remove(str(docs))
    written_page = (docs / "reference" / "classic-methods.md").read_text(encoding="utf-8")
    assert written_page == reference(), "run: .venv/bin/python docs/make_classic_reference.py"
