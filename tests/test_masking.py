"""Volumes kept inside or outside a mask: against plain numpy on whole volumes, in slabs, with masks that do not fit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ais.cli.main import run
from ais.errors import AisError, Cancelled
from ais.filters import mask_volume, masking
from ais.formats.registry import write_volume
from ais.progress import Progress
from ais.tomogram import Tomogram

SHAPE = (9, 14, 17)
ORIGIN = (100.0, -50.0, 25.0)


@pytest.fixture
def segmented(tmp_path: Path) -> tuple[Path, np.ndarray]:
    values = np.random.default_rng(1).integers(0, 256, SHAPE).astype(np.uint8)
    path = tmp_path / "TS_1__ribosome.mrc"
    write_volume(path, values, voxel_sizes=10.0, origin=ORIGIN)
    return path, values


def mask_file(folder: Path, mask: np.ndarray, voxel_size: float = 10.0) -> Path:
    path = folder / "mask.mrc"
    write_volume(path, mask, voxel_sizes=voxel_size)
    return path


def read(path: Path) -> np.ndarray:
    with Tomogram.open(path) as tomogram:
        return np.array(tomogram.raw(0, tomogram.shape[0]))


@pytest.mark.parametrize("outside", [False, True])
@pytest.mark.parametrize("slab", [1, 500, 1 << 25])
def test_all_voxels_outside_become_zero(
    tmp_path: Path, segmented: tuple[Path, np.ndarray], monkeypatch: pytest.MonkeyPatch, outside: bool, slab: int
) -> None:
    monkeypatch.setattr(masking, "_SLAB_VOXELS", slab)
    path, values = segmented
    mask = np.random.default_rng(2).integers(0, 3, SHAPE).astype(np.int8)
    mask_volume(path, tmp_path / "out.mrc", mask_file(tmp_path, mask), outside=outside)
    made = read(tmp_path / "out.mrc")
    assert made.dtype == read(path).dtype
    assert np.array_equal(made, values * ((mask == 0) if outside else (mask != 0)))
    with Tomogram.open(tmp_path / "out.mrc") as volume:
        assert volume.voxel_size == 10.0
        assert volume.origin == ORIGIN


def test_a_threshold_says_what_is_inside(tmp_path: Path, segmented: tuple[Path, np.ndarray]) -> None:
    path, values = segmented
    mask = np.random.default_rng(2).normal(size=SHAPE).astype(np.float32)
    mask_volume(path, tmp_path / "out.mrc", mask_file(tmp_path, mask), threshold=-0.5)
    assert np.array_equal(read(tmp_path / "out.mrc"), values * (mask >= -0.5))


@pytest.mark.parametrize("slab", [1, 1 << 25])
@pytest.mark.parametrize("factor", [2, 3, 4])
def test_a_binned_mask_stands_for_blocks(
    tmp_path: Path, segmented: tuple[Path, np.ndarray], monkeypatch: pytest.MonkeyPatch, slab: int, factor: int
) -> None:
    monkeypatch.setattr(masking, "_SLAB_VOXELS", slab)
    path, values = segmented
    mask = np.random.default_rng(3).integers(0, 2, [n // factor for n in SHAPE]).astype(np.uint8)
    mask_volume(path, tmp_path / "out.mrc", mask_file(tmp_path, mask, 10.0 * factor))
    blocks = np.kron(mask, np.ones((factor,) * 3, np.uint8))
    rest = [(0, whole - part) for whole, part in zip(SHAPE, blocks.shape, strict=True)]
    assert np.array_equal(read(tmp_path / "out.mrc"), values * np.pad(blocks, rest, mode="edge"))


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), threshold=st.none() | st.integers(-2, 3))
def test_inside_and_outside_make_up_the_whole(
    tmp_path_factory: pytest.TempPathFactory, seed: int, threshold: int | None
) -> None:
    folder = tmp_path_factory.mktemp("law")
    random = np.random.default_rng(seed)
    values, mask = random.integers(-99, 100, (2, 5, 6, 7)).astype(np.int16)
    write_volume(folder / "in.mrc", values, voxel_sizes=5.0)
    for name, outside in (("a.mrc", False), ("b.mrc", True)):
        mask_volume(
            *(folder / "in.mrc", folder / name, mask_file(folder, mask, 5.0)), outside=outside, threshold=threshold
        )
    assert np.array_equal(read(folder / "a.mrc") + read(folder / "b.mrc"), values)


@pytest.mark.parametrize(
    ("shape", "voxel_size", "words"),
    [
        ((9, 14, 16), 10.0, "give a mask of the same size"),
        ((4, 7, 5), 20.0, "give a mask of the same size"),
        ((1, 1, 1), 10.0, "its voxels are 10 A and not 90 A"),
        ((90, 140, 170), 1.0, "give a mask of the same size"),
        ((4, 7, 8), 10.0, "its voxels are 10 A and not 20 A"),
    ],
)
def test_masks_that_do_not_fit_are_refused(
    tmp_path: Path, segmented: tuple[Path, np.ndarray], shape: tuple[int, ...], voxel_size: float, words: str
) -> None:
    mask = mask_file(tmp_path, np.ones(shape, np.uint8), voxel_size)
    with pytest.raises(AisError, match=words):
        mask_volume(segmented[0], tmp_path / "out.mrc", mask)
    assert not (tmp_path / "out.mrc").exists()


@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_masks_and_volumes_with_values_that_are_no_numbers_are_refused(
    tmp_path: Path, segmented: tuple[Path, np.ndarray], number: float
) -> None:
    damaged = np.ones(SHAPE, np.float32)
    damaged[7, 3, 2] = number
    mask = mask_file(tmp_path, damaged)
    for volume, other in ((segmented[0], mask), (mask, segmented[0])):
        with pytest.raises(AisError, match=r"mask\.mrc contains values that are not finite"):
            mask_volume(volume, tmp_path / "out.mrc", other)
        assert not (tmp_path / "out.mrc").exists()


def test_neither_file_is_overwritten_and_cancelling_leaves_none(
    tmp_path: Path, segmented: tuple[Path, np.ndarray]
) -> None:
    class Impatient(Progress):
        def report(self, *_: object) -> None:
            raise Cancelled

    mask = mask_file(tmp_path, np.ones(SHAPE, np.uint8))
    for target, words in ((segmented[0], "is the input itself"), (mask, "is the mask itself")):
        before = target.read_bytes()
        with pytest.raises(AisError, match=words):
            mask_volume(segmented[0], target, mask)
        assert target.read_bytes() == before
    with pytest.raises(Cancelled):
        mask_volume(segmented[0], tmp_path / "out.mrc", mask, progress=Impatient())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["TS_1__ribosome.mrc", "mask.mrc"]


def test_by_the_command(tmp_path: Path, segmented: tuple[Path, np.ndarray]) -> None:
    path, values = segmented
    mask = np.random.default_rng(5).integers(0, 256, SHAPE).astype(np.uint8)
    mask_path, out = mask_file(tmp_path, mask), tmp_path / "out.mrc"
    command = ["filter", str(path), "-o", str(out), "--mask", str(mask_path)]
    assert run([*command, "--threshold", "128", "--outside"]) == 0
    assert np.array_equal(read(out), values * (mask < 128))
    assert run([*command, "--overwrite"]) == 0
    assert np.array_equal(read(out), values * (mask > 0))


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--mask", "MASK"], "exists"),
        (["--mask", "nowhere.mrc", "--overwrite"], "nowhere.mrc"),
        (["--mask", "MASK", "--threshold", "nan", "--overwrite"], "threshold"),
        (["--mask", "MASK", "--invert", "--overwrite"], "Choose one of"),
        (["--invert", "--outside", "--overwrite"], "give --mask"),
        (["--mask", "MASK", "--voxel-size", "5", "--overwrite"], "leave out --voxel-size"),
    ],
)
def test_mistakes_cost_one_sentence(
    tmp_path: Path,
    segmented: tuple[Path, np.ndarray],
    capsys: pytest.CaptureFixture[str],
    more: list[str],
    words: str,
) -> None:
    mask = mask_file(tmp_path, np.ones(SHAPE, np.uint8))
    out = tmp_path / "out.mrc"
    out.write_bytes(b"precious")
    arguments = [str(mask) if word == "MASK" else word for word in more]
    assert run(["filter", str(segmented[0]), "-o", str(out), *arguments]) == 2
    assert out.read_bytes() == b"precious"
    assert words in capsys.readouterr().err
