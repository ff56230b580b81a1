"""EM files, HDF5 files of EMAN2 and series of TIFF files, made here by their published layouts."""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from windowless import nothing, picture, until

from ais.cli.main import run
from ais.errors import AisError
from ais.formats.record import describe_input
from ais.formats.registry import open_volume, volume_stem
from ais.gui.editor import Editor

FAST = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
VOLUME = np.random.default_rng(7).normal(size=(6, 11, 13)).astype(np.float32)


def read(path: Path | str) -> tuple[Any, np.ndarray]:
    volume = open_volume(path)
    try:
        whole = np.array(volume.read(0, volume.info.shape[0]))
        part = volume.read(1, 3, slice(2, 9, 2), slice(8, 1, -3))
        np.testing.assert_array_equal(part, whole[1:3, 2:9:2, 8:1:-3])
        return volume.info, whole
    finally:
        volume.close()


# --- EM --------------------------------------------------------------------------------------------------------


def em_file(path: Path, volume: np.ndarray, machine: int = 6, pixel: int = 0, kind: int | None = None) -> Path:
    """A file by the description of the format: machine, type, size, comment, 40 numbers, voxels."""
    order = ">" if machine in (3, 4, 5) else "<"
    kinds = {"i1": 1, "i2": 2, "i4": 4, "f4": 5, "f8": 9}
    header = bytes([machine, 0, 0, kind or kinds[volume.dtype.str[1:]]])
    header += struct.pack(f"{order}3i", *volume.shape[::-1]) + b"a comment".ljust(80)
    header += struct.pack(f"{order}40i", *[0] * 6, pixel, *[0] * 33)
    path.write_bytes(header.ljust(512, b"\0") + volume.astype(volume.dtype.newbyteorder(order)).tobytes())
    return path


@pytest.mark.parametrize("machine", [3, 5, 6])
@pytest.mark.parametrize("dtype", ["i1", "i2", "i4", "f4", "f8"])
def test_em_files(tmp_path: Path, machine: int, dtype: str) -> None:
    values = (VOLUME * 20).astype(dtype)
    info, voxels = read(em_file(tmp_path / "a.em", values, machine, pixel=1348))
    assert info.shape == values.shape
    assert info.dtype == np.dtype(dtype)
    assert info.voxel_sizes == (13.48, 13.48, 13.48)
    assert info.labels == ("a comment",)
    np.testing.assert_array_equal(voxels, values)


def test_an_em_file_without_a_pixel_size_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = em_file(tmp_path / "a.em", VOLUME)
    assert run(["info", "--json", str(path)]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["voxel_size"] == 0.0
    assert "no voxel size" in said.err
    target = tmp_path / "a.mrc"
    assert run(["convert", str(path), str(target), "--voxel-size", "10"]) == 0
    info, voxels = read(target)
    assert info.voxel_sizes == (10.0, 10.0, 10.0)
    np.testing.assert_array_equal(voxels, VOLUME)


def test_em_files_are_not_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = em_file(tmp_path / "a.em", VOLUME)
    assert run(["convert", str(path), str(tmp_path / "b.em")]) == 2
    assert "writes MRC, TIFF and OME-Zarr" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda data: data[:400], "not an EM file"),
        (lambda data: b"\x42" + data[1:], "not an EM file"),
        (lambda data: data[:-1], "truncated"),
        (lambda data: data[:4] + struct.pack("<3i", *[2**31 - 1] * 3) + data[16:], "not an EM file"),
        (lambda data: data[:4] + struct.pack("<3i", *[2**20] * 3) + data[16:], "truncated"),
        (lambda data: data[:4] + struct.pack("<3i", -1, 2, 3) + data[16:], "not an EM file"),
        (lambda data: data[:3] + b"\x08" + data[4:], "complex"),
        (lambda data: data[:3] + b"\x63" + data[4:], "not an EM file"),
        (lambda data: data[:0], "not an EM file"),
    ],
)
def test_bad_em_files(
    tmp_path: Path, spoil: Callable[[bytes], bytes], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = em_file(tmp_path / "a.em", VOLUME)
    path.write_bytes(spoil(path.read_bytes()))
    assert run(["info", str(path)]) == 2
    assert words in capsys.readouterr().err


# --- HDF5 of EMAN2 ---------------------------------------------------------------------------------------------


def hdf_file(
    path: Path, volume: np.ndarray = VOLUME, attributes: dict[str, Any] | None = None, **keywords: Any
) -> Path:
    with h5py.File(path, "w") as file:
        image = file.create_group("MDF/images/0")
        image.create_dataset("image", data=volume, **keywords)
        image.attrs.update({"EMAN.apix_x": 12.5, "EMAN.apix_y": 12.5, "EMAN.apix_z": 13.0, **(attributes or {})})
    return path


@pytest.mark.parametrize(
    "keywords",
    [
        {},
        {"chunks": (2, 4, 5)},
        {"chunks": (2, 4, 5), "compression": "gzip"},
        {
            "chunks": (4, 16, 16),
            "maxshape": (None, None, None),
            "compression": "gzip",
            "shuffle": True,
            "fletcher32": True,
        },
    ],
)
@pytest.mark.parametrize("dtype", ["u1", "<i2", ">f4", "f8"])
def test_hdf_files_of_eman(tmp_path: Path, keywords: dict[str, Any], dtype: str) -> None:
    values = (VOLUME * 20 + 100).astype(dtype)
    info, voxels = read(hdf_file(tmp_path / "a.hdf", values, **keywords))
    assert info.shape == values.shape
    assert info.voxel_sizes == (13.0, 12.5, 12.5)
    with h5py.File(tmp_path / "a.hdf") as file:
        np.testing.assert_array_equal(voxels, file["MDF/images/0/image"][:])


def test_values_packed_into_few_bits_are_given_back(tmp_path: Path) -> None:
    low, high = -3.5, 4.0
    stored = np.round((VOLUME.clip(low, high) - low) / (high - low) * 255).astype(np.uint8)
    attributes = {"EMAN.stored_renderbits": 8, "EMAN.stored_rendermin": [low], "EMAN.stored_rendermax": high}
    info, voxels = read(hdf_file(tmp_path / "a.hdf", stored, attributes, chunks=True, compression="gzip"))
    assert info.dtype == np.float32
    np.testing.assert_allclose(voxels, VOLUME.clip(low, high), atol=0.5 * (high - low) / 255 + 1e-5)


def test_missing_chunks_are_zero(tmp_path: Path) -> None:
    path = tmp_path / "a.hdf"
    with h5py.File(path, "w") as file:
        data = file.create_dataset("MDF/images/0/image", (6, 11, 13), "f4", chunks=(2, 11, 13), compression="gzip")
        data[2:4] = VOLUME[2:4]
    _, voxels = read(path)
    assert not voxels[:2].any()
    np.testing.assert_array_equal(voxels[2:4], VOLUME[2:4])


def external_link(path: Path) -> None:
    other = hdf_file(path.with_name("other.hdf"))
    with h5py.File(path, "w") as file:
        file["MDF"] = h5py.ExternalLink(other.name, "/MDF")


def soft_link(path: Path) -> None:
    with h5py.File(path, "a") as file:
        file["elsewhere"] = VOLUME
        del file["MDF/images/0/image"]
        file["MDF/images/0/image"] = h5py.SoftLink("/elsewhere")


def external_data(path: Path) -> None:
    with h5py.File(path, "w") as file:
        image = file.create_group("MDF/images/0")
        image.create_dataset("image", (2, 3, 4), "u1", external=[("/etc/hostname", 0, 24)])


def virtual_data(path: Path) -> None:
    layout = h5py.VirtualLayout((6, 11, 13), "f4")
    layout[:] = h5py.VirtualSource(hdf_file(path.with_name("other.hdf")), "MDF/images/0/image", (6, 11, 13))
    with h5py.File(path, "w") as file:
        file.create_group("MDF/images/0").create_virtual_dataset("image", layout)


def several(path: Path) -> None:
    with h5py.File(path, "a") as file:
        file["MDF/images/1/image"] = VOLUME


def plain(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["data"] = VOLUME


def enormous(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file.create_dataset("MDF/images/0/image", (2**20, 2**20, 2**20), "u1", chunks=(1, 1, 1))


def empty(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file.create_dataset("MDF/images/0/image", (200, 200, 200), "u1")


def other_filter(path: Path) -> None:
    hdf_file(path, chunks=(2, 4, 5), compression="lzf")


def bomb(path: Path) -> None:
    """A chunk that says it is small and unpacks to 64 MiB."""
    import zlib

    path.unlink()
    with h5py.File(hdf_file(path), "a") as file:
        del file["MDF/images/0/image"]
        data = file.create_dataset("MDF/images/0/image", (64, 64, 64), "u1", chunks=(64, 64, 64), compression="gzip")
        data.id.write_direct_chunk((0, 0, 0), zlib.compress(bytes(1 << 26)))


BAD_HDF: dict[str, tuple[Callable[[Path], object], str]] = {
    "a link to another file": (external_link, "not followed"),
    "a link inside": (soft_link, "not followed"),
    "data of another file": (external_data, "other files"),
    "virtual data": (virtual_data, "other files"),
    "several images": (several, "2 images"),
    "not of EMAN2": (plain, "not a volume of EMAN2"),
    "2^60 voxels": (enormous, "does not read"),
    "no voxels": (empty, "truncated"),
    "another filter": (other_filter, "HDF5 filter"),
    "a bomb": (bomb, "cannot be unpacked"),
    "no HDF5": (lambda path: path.write_bytes(b"hello" * 100), "not an HDF5 file"),
    "nothing": (lambda path: path.write_bytes(b""), "not an HDF5 file"),
    "half": (lambda path: path.write_bytes(hdf_file(path).read_bytes()[:3000]), ""),
    "no number": (lambda path: hdf_file(path, VOLUME.astype(complex)), "type complex128"),
}


@pytest.mark.parametrize("kind", BAD_HDF)
def test_bad_hdf_files(tmp_path: Path, kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = hdf_file(tmp_path / "a.hdf")
    spoil, words = BAD_HDF[kind]
    spoil(path)
    assert run(["info", str(path)]) == 2
    said = capsys.readouterr().err
    assert words in said
    assert len(said.strip().splitlines()) == 1


@FAST
@given(place=st.integers(0, 4000), value=st.integers(0, 255))
def test_em_files_with_any_byte_changed(tmp_path_factory: pytest.TempPathFactory, place: int, value: int) -> None:
    path = em_file(tmp_path_factory.mktemp("em") / "a.em", VOLUME)
    data = bytearray(path.read_bytes())
    data[place % 512] = value
    path.write_bytes(data)
    try:
        open_volume(path).close()
    except AisError:
        return


# --- TIFF series -----------------------------------------------------------------------------------------------


@pytest.fixture
def series(tmp_path: Path) -> Path:
    folder = tmp_path / "slices"
    folder.mkdir()
    for z, plane in enumerate(VOLUME):
        tifffile.imwrite(folder / f"TS_1_{z + 8:03d}.tif", plane)  # 008 to 013
    (folder / "TS_1_notes.txt").write_text("not one of them")
    return folder / "TS_1_###.tif"


def test_a_series_is_one_volume(series: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    info, voxels = read(series)
    assert info.shape == VOLUME.shape
    np.testing.assert_array_equal(voxels, VOLUME)
    assert volume_stem(series) == "TS_1"
    target = tmp_path / "TS_1.mrc"
    assert run(["convert", str(series), str(target), "--voxel-size", "9.5"]) == 0
    info, voxels = read(target)
    np.testing.assert_array_equal(voxels, VOLUME)
    assert info.voxel_sizes == (9.5, 9.5, 9.5)
    assert run(["info", str(series)]) == 0
    assert describe_input(series) == describe_input(series)
    capsys.readouterr()
    assert run(["import", str(series), "-o", str(tmp_path / "p.aisproj")]) == 2
    assert "convert it to a file first" in capsys.readouterr().err


def test_series_that_are_none(series: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def said(path: Path | str) -> str:
        capsys.readouterr()
        assert run(["info", str(path)]) == 2
        return capsys.readouterr().err

    folder = series.parent
    assert "0 files" in said(folder / "other_#.tif")
    assert "two places" in said(folder / "TS_#_###.tif")
    tifffile.imwrite(folder / "TS_1_0009.tif", VOLUME[0])
    assert "same number" in said(series)
    (folder / "TS_1_0009.tif").unlink()
    (folder / "TS_1_010.tif").rename(folder / "kept")
    assert "after number 9 is missing" in said(series)
    tifffile.imwrite(folder / "TS_1_010.tif", VOLUME[0, :5])
    assert "size and type" in said(series)
    tifffile.imwrite(folder / "TS_1_008.tif", VOLUME)
    assert "one each" in said(series)
    (folder / "TS_1_008.tif").write_bytes(b"II*\0")
    assert "TS_1_008.tif" in said(series)


@pytest.mark.skipif(os.name == "nt", reason="Windows allows no * in names, but # everywhere")
def test_a_file_with_the_mark_in_its_name_is_itself(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "sample#3.tif", VOLUME)
    np.testing.assert_array_equal(read(tmp_path / "sample#3.tif")[1], VOLUME)


def test_chunks_of_an_hdf_file_are_read_by_many_threads_at_once(tmp_path: Path) -> None:
    """HDF5 itself may not be asked by several threads: it once broke the memory of the process."""
    values = np.arange(24 * 30 * 36, dtype="f4").reshape(24, 30, 36)
    for turn in range(40):
        path = hdf_file(tmp_path / f"{turn % 3}.hdf", values, chunks=(3, 5, 6), compression="gzip")
        with closing(open_volume(path)) as volume, ThreadPoolExecutor(4) as pool:
            sections = pool.map(lambda z, volume=volume: volume.read(z, z + 1), range(24))
            assert np.array_equal(np.concatenate(list(sections)), values)


def test_an_hdf_file_behind_a_block_of_other_data_is_refused(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.hdf", "w", userblock_size=512) as file:
        file.create_dataset("MDF/images/0/image", data=VOLUME, chunks=(2, 4, 5))
    with pytest.raises(AisError, match="block of other data"):
        read(tmp_path / "a.hdf")


@pytest.mark.parametrize("ending", [".em", ".hdf"])
def test_the_window_opens_them(ending: str, tmp_path: Path) -> None:
    made = {".em": em_file, ".hdf": hdf_file}[ending](tmp_path / f"TS_1{ending}", VOLUME)
    editor = Editor(tmp_path / "settings", nothing)
    try:
        editor.open_paths([made])
        until(editor, lambda: editor.shown is not None)
        shown = picture(editor, "xy", 4)
        assert shown is not None
        np.testing.assert_array_equal(shown, VOLUME[4])
        assert [entry.name for entry in editor.snapshot.tomograms] == ["TS_1"]
    finally:
        editor.close()
