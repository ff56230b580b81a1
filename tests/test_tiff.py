"""TIFF stacks: what ImageJ, OME and plain TIFF files say about a volume, and files that are not what they claim."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ais.errors import AisError
from ais.formats import tiff
from ais.formats.mrc import MrcVolume
from ais.formats.tiff import TiffVolume, write_tiff

FAST = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
VOLUME = np.random.default_rng(0).integers(0, 60000, (5, 7, 9)).astype(np.uint16)
WRITTEN = ("uint8", "uint16", "int16", "float32")


def opened(path: Path) -> tuple[Any, np.ndarray]:
    volume = TiffVolume(path)
    try:
        return volume.info, np.array(volume.read(0, volume.info.shape[0]))
    finally:
        volume.close()


# --- files of other programs -----------------------------------------------------------------------------------


def test_real_imagej_stack_equals_the_mrc_file_made_from_it(test_data: Path) -> None:
    folder = test_data / "microtubule_real"
    info, voxels = opened(folder / "13pf_MT.tif")
    mrc = MrcVolume(folder / "13pf_MT.mrc")
    assert info.shape == mrc.info.shape == (36, 206, 94)
    assert info.voxel_sizes == pytest.approx(mrc.info.voxel_sizes, rel=1e-6)
    assert info.voxel_sizes == (10.52, 10.52, 10.52)
    np.testing.assert_array_equal(voxels, mrc.read(0, 36))  # the same rows in the same order
    mrc.close()


LAYOUTS: dict[str, dict[str, Any]] = {
    "shaped": {},
    "generic": {"metadata": None},
    "minisblack": {"photometric": "minisblack"},
    "zlib": {"compression": "zlib", "photometric": "minisblack"},
    "lzw": {"compression": "lzw", "predictor": 2, "photometric": "minisblack"},
    "tiles": {"tile": (16, 16), "photometric": "minisblack"},
    "strips": {"rowsperstrip": 2, "photometric": "minisblack", "metadata": None},
    "big-endian": {"byteorder": ">", "photometric": "minisblack"},
    "big-endian zlib": {"byteorder": ">", "compression": "zlib", "photometric": "minisblack"},
    "bigtiff": {"bigtiff": True},
    "imagej slices": {"imagej": True, "metadata": {"axes": "ZYX"}},
    "imagej time points": {"imagej": True, "metadata": {"axes": "TYX"}},
    "imagej channels": {"imagej": True},
    "imagej zlib": {"imagej": True, "compression": "zlib", "metadata": {"axes": "ZYX"}},
    "ome": {"ome": True, "metadata": {"axes": "ZYX"}},
    "ome zlib": {"ome": True, "compression": "zlib", "metadata": {"axes": "ZYX"}},
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts(tmp_path: Path, layout: str) -> None:
    tifffile.imwrite(tmp_path / "a.tif", VOLUME, **LAYOUTS[layout])
    volume = TiffVolume(tmp_path / "a.tif")
    assert volume.info.shape == VOLUME.shape
    assert volume.info.dtype == np.uint16
    np.testing.assert_array_equal(volume.read(0, 5), VOLUME)
    np.testing.assert_array_equal(volume.read(1, 3, slice(2, 6), slice(None, None, 2)), VOLUME[1:3, 2:6, ::2])
    assert volume.read(2, 3).dtype.isnative
    assert (len(volume.info.notes) > 0) == (layout in ("imagej time points", "imagej channels"))
    volume.close()
    with pytest.raises(AisError, match="closed"):
        volume.read(0, 1)


@pytest.mark.parametrize("dtype", ["u1", "i1", "u2", "i2", "u4", "i4", "f2", "f4", "f8"])
def test_types(tmp_path: Path, dtype: str) -> None:
    voxels = VOLUME.astype(dtype)
    for compression in (None, "zlib"):
        tifffile.imwrite(tmp_path / "a.tif", voxels, photometric="minisblack", compression=compression)
        info, back = opened(tmp_path / "a.tif")
        assert info.dtype == back.dtype == voxels.dtype
        np.testing.assert_array_equal(back, voxels)


def test_a_page_is_a_slice(tmp_path: Path) -> None:
    for arguments in ({}, {"imagej": True}, {"compression": "zlib"}, {"ome": True}):
        tifffile.imwrite(tmp_path / "a.tif", VOLUME[0], photometric="minisblack", **arguments)
        info, voxels = opened(tmp_path / "a.tif")
        assert info.shape == (1, 7, 9)
        np.testing.assert_array_equal(voxels, VOLUME[:1])


@pytest.mark.parametrize(
    ("unit", "length"),
    [
        ("nm", 10),
        ("A", 1),
        ("Angstrom", 1),
        ("angstroms", 1),
        ("\\u00C5", 1),
        ("um", 1e4),
        ("micron", 1e4),
        ("microns", 1e4),
        ("\\u00B5m", 1e4),
        ("mm", 1e7),
        ("cm", 1e8),
        ("inch", 0),
        ("pixel", 0),
        ("", 0),
    ],
)
def test_imagej_units(tmp_path: Path, unit: str, length: float) -> None:
    metadata = {"axes": "ZYX", "unit": unit, "spacing": 0.5}
    tifffile.imwrite(tmp_path / "a.tif", VOLUME, imagej=True, metadata=metadata, resolution=(4, 2))
    assert opened(tmp_path / "a.tif")[0].voxel_sizes == pytest.approx((0.5 * length, 0.5 * length, 0.25 * length))


def test_imagej_without_spacing_and_with_nonsense(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", VOLUME, imagej=True, metadata={"axes": "ZYX", "unit": "nm"}, resolution=(2, 2))
    info = opened(tmp_path / "a.tif")[0]
    assert info.voxel_sizes == (5, 5, 5)
    assert "distance of its slices" in info.notes[0]
    metadata = {"axes": "ZYX", "unit": "nm", "spacing": float("nan")}
    tifffile.imwrite(tmp_path / "a.tif", VOLUME, imagej=True, metadata=metadata, resolution=(0, 0))
    assert opened(tmp_path / "a.tif")[0].voxel_sizes == (0, 0, 0)


@pytest.mark.parametrize(
    ("unit", "length"), [("nm", 10), ("Å", 1), ("µm", 1e4), ("pm", 0.01), ("pixel", 0), (None, 1e4)]
)
def test_ome_units(tmp_path: Path, unit: str | None, length: float) -> None:
    metadata: dict[str, Any] = {"axes": "ZYX"}
    for axis, size in zip("XYZ", (0.25, 0.5, 2.0), strict=True):
        metadata[f"PhysicalSize{axis}"] = size
        if unit:
            metadata[f"PhysicalSize{axis}Unit"] = unit
    tifffile.imwrite(tmp_path / "a.ome.tif", VOLUME, ome=True, metadata=metadata)
    sizes = opened(tmp_path / "a.ome.tif")[0].voxel_sizes
    assert sizes == pytest.approx((2 * length, 0.5 * length, 0.25 * length))


def test_resolution_of_plain_files(tmp_path: Path) -> None:
    for resolution, unit, expected in (
        (1e7, "CENTIMETER", 10),
        (28.3, "CENTIMETER", 0),
        (72, "INCH", 0),
        (1e9, "INCH", 0),
    ):
        tifffile.imwrite(tmp_path / "a.tif", VOLUME, resolution=(resolution, resolution), resolutionunit=unit)
        assert opened(tmp_path / "a.tif")[0].voxel_sizes == pytest.approx((expected,) * 3)


# --- writing ---------------------------------------------------------------------------------------------------


@FAST
@given(st.data())
def test_round_trip(tmp_path: Path, data: st.DataObject) -> None:
    dtype = np.dtype(data.draw(st.sampled_from(WRITTEN)))
    shape = data.draw(hnp.array_shapes(min_dims=3, max_dims=3, max_side=6))
    voxels = data.draw(hnp.arrays(dtype, shape))
    sizes = data.draw(st.tuples(*[st.floats(0.1, 1000)] * 3))
    cuts = sorted(data.draw(st.lists(st.integers(0, shape[0]), max_size=3)))
    slabs = np.split(voxels, cuts)
    write_tiff(tmp_path / "a.tif", slabs, shape, dtype, sizes)
    info, back = opened(tmp_path / "a.tif")
    assert (info.shape, info.dtype, info.notes) == (shape, dtype, ())
    np.testing.assert_array_equal(back, voxels)
    expected = sizes if shape[0] > 1 else (info.voxel_sizes[0], *sizes[1:])
    assert info.voxel_sizes == pytest.approx(expected, rel=1e-6)
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        assert file.is_imagej
        assert file.imagej_metadata["unit"] == "nm"
        assert file.imagej_metadata["spacing"] == pytest.approx(sizes[0] / 10)
        x = file.pages[0].tags["XResolution"].value
        assert x[1] / x[0] == pytest.approx(sizes[2] / 10, rel=1e-6)
        if shape[0] > 1:
            assert file.series[0].axes.removesuffix("YX") in ("Z", "")


@pytest.mark.parametrize(
    ("dtype", "stored"), [("bool", "u1"), ("int8", "i2"), ("float16", "f4"), ("float64", "f4"), ("int32", "f4")]
)
def test_types_that_imagej_does_not_know_are_converted(tmp_path: Path, dtype: str, stored: str) -> None:
    voxels = (VOLUME % 2).astype(dtype)
    if dtype != "bool":
        voxels[0] *= -1
    write_tiff(tmp_path / "a.tif", voxels, voxels.shape, voxels.dtype, (0, 10, 10))
    info, back = opened(tmp_path / "a.tif")
    assert info.dtype == np.dtype(stored)
    assert info.voxel_sizes == (0, 0, 0)
    np.testing.assert_array_equal(back, voxels.astype(stored))


def test_large_files_become_bigtiff(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiff, "BIGTIFF_BYTES", 1000)
    write_tiff(tmp_path / "a.tif", VOLUME, VOLUME.shape, VOLUME.dtype, (10.0, 10.0, 10.0))
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        assert file.is_bigtiff
    info, back = opened(tmp_path / "a.tif")
    assert info.voxel_sizes == (10, 10, 10)
    np.testing.assert_array_equal(back, VOLUME)


def test_pages_are_taken_one_by_one(tmp_path: Path) -> None:
    alive: list[int] = []

    def slabs() -> Any:
        for z in range(5):
            written = (tmp_path / "a.tif").stat().st_size
            alive.append(written)
            yield VOLUME[z : z + 1].repeat(300, 1).repeat(300, 2)

    write_tiff(tmp_path / "a.tif", slabs(), (5, 2100, 2700), VOLUME.dtype, (10.0, 10.0, 10.0))
    assert alive[3] > 2 * 2100 * 2700 * 2
    with pytest.raises(ValueError, match="slices were written"):
        write_tiff(tmp_path / "b.tif", VOLUME[:4], VOLUME.shape, VOLUME.dtype, (10.0, 10.0, 10.0))
    with pytest.raises(ValueError, match="does not fit"):
        write_tiff(tmp_path / "b.tif", VOLUME[:, 1:], VOLUME.shape, VOLUME.dtype, (10.0, 10.0, 10.0))


# --- what can go wrong -----------------------------------------------------------------------------------------


def refused(path: Path, message: str = ".") -> None:
    with pytest.raises(AisError, match=message) as caught:
        TiffVolume(path)
    assert path.name in str(caught.value)
    assert str(caught.value).endswith(".")
    assert "\n" not in str(caught.value)


def test_more_than_one_volume_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "a.tif"
    two = np.stack([VOLUME, VOLUME])
    tifffile.imwrite(file, two, imagej=True, metadata={"axes": "TZYX"})
    refused(file, "2 stacks within each other")
    tifffile.imwrite(file, two.swapaxes(0, 1), imagej=True, metadata={"axes": "ZCYX"})
    refused(file, "2 channels")
    tifffile.imwrite(file, two, ome=True, metadata={"axes": "CZYX"})
    refused(file, "2 channels")
    tifffile.imwrite(file, two[:1], ome=True, metadata={"axes": "CZYX"})
    assert opened(file)[0].shape == VOLUME.shape
    tifffile.imwrite(file, VOLUME[..., :3].astype(np.uint8), photometric="rgb")
    refused(file, "colour")


@pytest.mark.parametrize("dtype", ["bool", "c8", "u8", "i8"])
def test_other_types_are_refused(tmp_path: Path, dtype: str) -> None:
    tifffile.imwrite(tmp_path / "a.tif", VOLUME.astype(dtype), photometric="minisblack")
    refused(tmp_path / "a.tif", "voxels of type")


@pytest.mark.parametrize("layout", LAYOUTS)
def test_truncated_files_are_refused_or_named_when_read(tmp_path: Path, layout: str) -> None:
    tifffile.imwrite(tmp_path / "whole.tif", VOLUME, **LAYOUTS[layout])
    whole = (tmp_path / "whole.tif").read_bytes()
    file = tmp_path / "a.tif"
    rejected = 0
    for length in range(0, len(whole), 7):
        file.write_bytes(whole[:length])
        try:
            volume = TiffVolume(file)
        except AisError:
            rejected += 1
            continue
        try:
            np.testing.assert_array_equal(volume.read(0, 5), VOLUME)  # only padding was cut off
        finally:
            volume.close()
    assert rejected >= len(range(0, len(whole) - 32, 7))


def test_noise_text_and_folders(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    for name, content in {
        "empty.tif": b"",
        "text.tif": b"I am a text file\n" * 10,
        "noise.tif": rng.bytes(4000),
        "header.tif": b"II*\x00",
        "nothing.tif": b"II*\x00\x00\x00\x00\x00",
        "far.tif": b"II*\x00\xff\xff\xff\xff" + rng.bytes(300),
        "big.tif": b"II+\x00\x08\x00\x00\x00" + rng.bytes(300),
        "noisy.tif": b"II*\x00\x08\x00\x00\x00\x05\x00" + rng.bytes(60) + bytes(300),
    }.items():
        (tmp_path / name).write_bytes(content)
        refused(tmp_path / name)
    (tmp_path / "folder.tif").mkdir()
    refused(tmp_path / "folder.tif")
    refused(tmp_path / "missing.tif", "does not exist")


def test_damaged_bytes_never_raise_anything_else(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    file = tmp_path / "a.tif"
    for layout in ("generic", "zlib", "imagej slices", "ome", "tiles"):
        tifffile.imwrite(file, VOLUME, **LAYOUTS[layout])
        whole = bytearray(file.read_bytes())
        for _ in range(60):
            damaged = bytearray(whole)
            for place in rng.integers(0, min(len(whole), 600), 3):
                damaged[place] = rng.integers(256)
            file.write_bytes(damaged)
            try:
                volume = TiffVolume(file)
            except AisError:
                continue
            try:
                if np.prod(volume.info.shape) < 10**6:
                    volume.read(0, volume.info.shape[0])
            except AisError:
                continue
            finally:
                volume.close()
