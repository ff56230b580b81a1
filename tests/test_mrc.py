"""MRC files: every mode and oddity, checked against mrcfile and against files of other programs."""

from __future__ import annotations

import bz2
import gzip
from pathlib import Path

import mrcfile
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ais.errors import AisError
from ais.formats.mrc import MrcVolume, MrcWriter
from ais.formats.registry import open_volume, volume_stem, write_volume
from ais.tomogram import Tomogram

VOLUME = np.arange(3 * 4 * 5).reshape(3, 4, 5)


def made_by_mrcfile(path: Path, data: np.ndarray, voxel_size: float = 13.48) -> Path:
    with mrcfile.new(path, overwrite=True) as file:
        file.set_data(data)
        file.voxel_size = voxel_size
    return path


def patched(path: Path, offset: int, values: bytes) -> Path:
    raw = bytearray(path.read_bytes())
    raw[offset : offset + len(values)] = values
    path.write_bytes(raw)
    return path


@pytest.mark.parametrize("dtype", ["int8", "int16", "float32", "uint16", "float16"])
def test_every_mode_written_by_mrcfile_is_read(tmp_path: Path, dtype: str) -> None:
    path = made_by_mrcfile(tmp_path / "ü 1.mrc", VOLUME.astype(dtype))
    volume = open_volume(path)
    assert volume.info.dtype == np.dtype(dtype)
    assert volume.info.voxel_sizes == (13.48,) * 3
    np.testing.assert_array_equal(volume.read(0, 3), VOLUME)
    np.testing.assert_array_equal(volume.read(1, 2, slice(1, 3), slice(0, 2)), VOLUME[1:2, 1:3, 0:2])


@settings(max_examples=40, deadline=None)
@given(
    data=hnp.arrays(
        st.sampled_from(
            [np.dtype(name) for name in ("int8", "int16", "uint16", "float32", "float16", "uint8", "bool")]
        ),
        hnp.array_shapes(min_dims=3, max_dims=3, max_side=7),
    ),
    voxel_size=st.floats(0.1, 200),
)
def test_write_then_read_gives_the_same_and_mrcfile_agrees(
    tmp_path_factory: pytest.TempPathFactory, data: np.ndarray, voxel_size: float
) -> None:
    path = tmp_path_factory.mktemp("mrc") / "volume.mrc"
    write_volume(path, data, voxel_sizes=voxel_size)
    ours = open_volume(path)
    np.testing.assert_array_equal(ours.read(0, data.shape[0]), data)
    assert ours.info.voxel_sizes[0] == pytest.approx(voxel_size, rel=1e-5)
    with mrcfile.open(path) as theirs:
        np.testing.assert_array_equal(theirs.data, data)
        if np.isfinite(data.astype("f4")).all():
            assert theirs.header.dmax == pytest.approx(float(data.max()))


def test_written_files_are_valid_by_mrcfile(tmp_path: Path) -> None:
    path = tmp_path / "v.mrc"
    write_volume(path, VOLUME.astype("float32"), voxel_sizes=(10, 11, 12), origin=(1, 2, 3), label="made by a test")
    assert mrcfile.validate(path)
    with mrcfile.open(path) as file:
        assert float(file.voxel_size.x) == pytest.approx(12)
        assert float(file.header.dmean) == pytest.approx(VOLUME.mean())
        assert float(file.header.rms) == pytest.approx(VOLUME.std())
        assert file.get_labels() == ["made by a test"]


def test_big_endian(tmp_path: Path) -> None:
    path = made_by_mrcfile(tmp_path / "v.mrc", VOLUME.astype(">f4"))
    assert path.read_bytes()[212] == 0x11
    np.testing.assert_array_equal(open_volume(path).read(0, 3), VOLUME)


def test_without_machine_stamp_and_map_letters(tmp_path: Path) -> None:
    path = patched(made_by_mrcfile(tmp_path / "v.mrc", VOLUME.astype(">i2")), 208, bytes(8))
    np.testing.assert_array_equal(open_volume(path).read(0, 3), VOLUME)


def test_imod_bytes_are_unsigned_only_with_stamp_and_without_the_signed_flag(tmp_path: Path) -> None:
    data = np.full((1, 2, 2), -1, "int8")
    stamp = (1146047817).to_bytes(4, "little")
    plain = made_by_mrcfile(tmp_path / "plain.mrc", data)
    unsigned = patched(made_by_mrcfile(tmp_path / "unsigned.mrc", data), 152, stamp + bytes(4))
    signed = patched(made_by_mrcfile(tmp_path / "signed.mrc", data), 152, stamp + bytes([1, 0, 0, 0]))
    assert open_volume(plain).read(0, 1).max() == -1
    assert open_volume(unsigned).read(0, 1).min() == 255
    assert open_volume(signed).read(0, 1).max() == -1


def test_imod_inverted_origin(tmp_path: Path) -> None:
    path = made_by_mrcfile(tmp_path / "v.mrc", VOLUME.astype("i2"))
    with mrcfile.open(path, "r+") as file:
        file.header.origin = (10, 20, 30)
    assert Tomogram.open(path).origin == (10, 20, 30)
    patched(path, 152, (1146047817).to_bytes(4, "little") + bytes([4, 0, 0, 0]))
    assert Tomogram.open(path).origin == (-10, -20, -30)


def test_four_bit_voxels(tmp_path: Path) -> None:
    rows = np.array([[[1, 2, 15], [4, 0, 9]]])
    packed = bytes([0x21, 0x0F, 0x04, 0x09])
    header = made_by_mrcfile(tmp_path / "v.mrc", np.zeros((1, 2, 3), "i1")).read_bytes()[:1024]
    path = tmp_path / "packed.mrc"
    path.write_bytes(header + packed)
    patched(path, 12, (101).to_bytes(4, "little"))
    volume = open_volume(path)
    np.testing.assert_array_equal(volume.read(0, 1), rows)
    assert volume.info.dtype == np.uint8


def test_permuted_axes_against_the_same_map_unpermuted(test_data: Path) -> None:
    path = test_data / "formats" / "EMD-3001.map"
    with mrcfile.open(path, permissive=True) as file:
        stored = np.array(file.data)  # sections y, rows x, columns z
        voxel = (float(file.voxel_size.z), float(file.voxel_size.y), float(file.voxel_size.x))
        assert (int(file.header.mapc), int(file.header.mapr), int(file.header.maps)) == (3, 1, 2)
    volume = open_volume(path)
    np.testing.assert_array_equal(volume.read(0, volume.info.shape[0]), stored.transpose(2, 0, 1))
    assert volume.info.voxel_sizes == pytest.approx(voxel, rel=1e-4)
    assert "zxy" in volume.info.notes[0]


@pytest.mark.parametrize("name", ["EMD-3001.map.bz2", "emd_3001.map.gz"])
def test_compressed_equals_plain(test_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("AIS_CACHE", str(tmp_path))
    plain, packed = (open_volume(test_data / "formats" / n) for n in ("EMD-3001.map", name))
    np.testing.assert_array_equal(packed.read(0, 73), plain.read(0, 73))


def test_gold_standard_maps_have_the_values_mrcfile_reads(test_data: Path) -> None:
    for path in (test_data / "formats" / "EMD-3197.map", test_data / "cell_sim_small" / "tomogram.mrc"):
        with mrcfile.open(path, permissive=True) as file:
            np.testing.assert_array_equal(open_volume(path).read(0, file.data.shape[0]), file.data)


@pytest.mark.parametrize(
    ("offset", "value", "words"),
    [
        (12, 4, "complex"),
        (12, 16, "RGB"),
        (12, 77, "not an MRC file"),
        (0, 0, "not an MRC file"),
        (0, 1 << 30, "not an MRC file"),
        (8, 30000, "truncated"),
        (88, 401, "stack of volumes"),
        (92, 1 << 28, "truncated"),
        (92, -4, "not an MRC file"),
    ],
)
def test_headers_that_cannot_be_read_are_refused_with_a_sentence(
    tmp_path: Path, offset: int, value: int, words: str
) -> None:
    path = made_by_mrcfile(tmp_path / "v.mrc", VOLUME.astype("f4"))
    patched(path, offset, value.to_bytes(4, "little", signed=True))
    with pytest.raises(AisError, match=words):
        open_volume(path)


@pytest.mark.parametrize("content", [b"", b"hello", b"x" * 5000, bytes(1024), np.random.default_rng(0).bytes(9999)])
def test_files_that_are_no_volumes_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "v.mrc"
    path.write_bytes(content)
    with pytest.raises(AisError, match=r"v\.mrc"):
        open_volume(path)


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress])
def test_damaged_compressed_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pack) -> None:
    monkeypatch.setenv("AIS_CACHE", str(tmp_path / "cache"))
    suffix = ".gz" if pack is gzip.compress else ".bz2"
    path = tmp_path / f"v.mrc{suffix}"
    packed = bytearray(pack(np.random.default_rng(0).bytes(5000)))
    packed[2000:2020] = bytes(20)
    for content in (bytes(packed[:-1000]), bytes(packed), packed[:12] + b"x" * 900, b"noise", b""):
        path.write_bytes(content)
        with pytest.raises(AisError, match="v.mrc"):
            open_volume(path)
    assert not list((tmp_path / "cache").rglob("*.tmp"))


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress])
def test_more_than_the_header_says_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pack) -> None:
    monkeypatch.setenv("AIS_CACHE", str(tmp_path / "cache"))
    plain = made_by_mrcfile(tmp_path / "v.mrc", VOLUME.astype("f4"), 10.0)
    path = tmp_path / f"v.mrc{'.gz' if pack is gzip.compress else '.bz2'}"
    path.write_bytes(pack(plain.read_bytes() + bytes(100)))
    assert open_volume(path).info.shape == VOLUME.shape
    path.write_bytes(pack(plain.read_bytes() + bytes(64 << 20)))
    with pytest.raises(AisError, match="more than its header says"):
        open_volume(path)
    header = bytearray(plain.read_bytes()[:1024])
    header[:12] = np.array([60000, 60000, 60000], "<i4").tobytes()  # nx, ny, nz
    path.write_bytes(pack(bytes(header) + bytes(4096)))
    with pytest.raises(AisError, match="more than is free"):
        open_volume(path)
    assert not list((tmp_path / "cache").rglob("*.tmp"))


def test_odd_cell_along_z_is_replaced_and_reported(tmp_path: Path) -> None:
    path = made_by_mrcfile(tmp_path / "v.mrc", VOLUME.astype("f4"), 10.0)
    with mrcfile.open(path, "r+") as file:
        file.header.cella.z = 0
    info = open_volume(path).info
    assert info.voxel_sizes == (10.0, 10.0, 10.0)
    assert "cell along z" in info.notes[0]


def test_a_segmentation_lies_on_its_tomogram(tmp_path: Path) -> None:
    path = made_by_mrcfile(tmp_path / "v.mrc", VOLUME.astype("f4"))
    with mrcfile.open(path, "r+") as file:
        file.nstart = (3, 4, 5)
        file.header.origin = (1.5, 2.5, 3.5)
        file.add_label("from the microscope")
    info = open_volume(path).info
    write_volume(tmp_path / "s.mrc", VOLUME.astype("u1"), voxel_sizes=13.48, like=info, label="Ais")
    copy = open_volume(tmp_path / "s.mrc").info
    assert (copy.header_origin, copy.nstart, copy.voxel_sizes) == (info.header_origin, info.nstart, info.voxel_sizes)
    assert copy.labels[-2:] == ("from the microscope", "Ais")


def test_origin_falls_back_to_nstart(tmp_path: Path) -> None:
    path = made_by_mrcfile(tmp_path / "v.mrc", VOLUME.astype("f4"), 10.0)
    with mrcfile.open(path, "r+") as file:
        file.nstart = (3, 4, 5)
    assert Tomogram.open(path).origin == (30.0, 40.0, 50.0)


def test_writer_refuses_a_volume_that_is_not_complete(tmp_path: Path) -> None:
    writer = MrcWriter(tmp_path / "v.mrc", (3, 4, 5), "float32", voxel_sizes=(1, 1, 1))
    writer.write(VOLUME[:2])
    with pytest.raises(ValueError, match="2 of 3"):
        writer.close()


def test_labels_wider_than_16_bits_are_narrowed(tmp_path: Path) -> None:
    write_volume(tmp_path / "v.mrc", VOLUME.astype("int64") * 1000, voxel_sizes=1.0)
    np.testing.assert_array_equal(open_volume(tmp_path / "v.mrc").read(0, 3), VOLUME * 1000)


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("TS_001.mrc", "TS_001"),
        ("a.b.ome.tif", "a.b"),
        ("x.rec.gz", "x"),
        (".mrc", ".mrc"),
        ("Zellkörper 1.map", "Zellkörper 1"),
    ],
)
def test_stems(name: str, stem: str) -> None:
    assert volume_stem(Path("folder") / name) == stem


def test_closed_volume_says_so(tmp_path: Path) -> None:
    volume = MrcVolume(made_by_mrcfile(tmp_path / "v.mrc", VOLUME.astype("f4")))
    volume.close()
    with pytest.raises(AisError, match="closed"):
        volume.read(0, 1)
