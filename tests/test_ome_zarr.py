"""OME-Zarr volumes: what zarr-python writes is read, what we write it reads, and nothing comes of bad files."""

from __future__ import annotations

import gzip
import http.server
import json
import os
import shutil
import threading
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numcodecs
import numpy as np
import pytest
import zarr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_project import make_model
from windowless import nothing, picture, settled, until
from zarr.codecs import BloscCodec, BytesCodec, Crc32cCodec, GzipCodec, TransposeCodec, ZstdCodec

from ais.cli.main import run
from ais.errors import AisError
from ais.formats.ome_zarr import OmeZarrVolume
from ais.formats.record import describe_input
from ais.formats.registry import find_volumes, open_volume, volume_stem, volume_suffix, write_volume
from ais.formats.zarr_codecs import decode
from ais.formats.zarr_path import remote_address, zarr_path
from ais.gui.editor import Editor
from ais.tomogram import Tomogram

VOLUME = np.random.default_rng(3).normal(size=(20, 37, 45)).astype(np.float32)
FAST = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
ANGSTROM = [{"name": axis, "type": "space", "unit": "angstrom"} for axis in "zyx"]


def make(
    path: Path,
    volume: np.ndarray = VOLUME,
    *,
    axes: list[Any] | None = None,
    scale: list[float] | None = None,
    version: str = "0.4",
    image: dict[str, Any] | None = None,
    **keywords: Any,
) -> Path:
    """An OME-Zarr image of one level as zarr-python writes it."""
    v3 = version == "0.5"
    group = zarr.open_group(str(path), mode="w", zarr_format=3 if v3 else 2)
    keywords.setdefault("chunks", tuple(min(16, n) for n in volume.shape))
    array = group.create_array("0", shape=volume.shape, dtype=volume.dtype, **keywords)
    array[:] = volume
    multiscale = {
        "axes": axes or ANGSTROM,
        "datasets": [
            {"path": "0", "coordinateTransformations": [{"type": "scale", "scale": scale or [10.0] * volume.ndim}]}
        ],
        **(image or {}),
    }
    if v3:
        group.attrs["ome"] = {"version": version, "multiscales": [multiscale]}
    else:
        group.attrs["multiscales"] = [{"version": version, **multiscale}]
    return path


def read(path: Path | str) -> tuple[Any, np.ndarray]:
    volume = open_volume(path)
    try:
        return volume.info, volume.read(0, volume.info.shape[0])
    finally:
        volume.close()


# --- files of other programs -----------------------------------------------------------------------------------

PACKED: dict[str, dict[str, Any]] = {
    "blosc lz4": {"compressors": numcodecs.Blosc("lz4")},
    "blosc zstd, bits": {"compressors": numcodecs.Blosc("zstd", shuffle=2)},
    "gzip": {"compressors": numcodecs.GZip()},
    "zlib": {"compressors": numcodecs.Zlib()},
    "zstd": {"compressors": numcodecs.Zstd()},
    "lz4": {"compressors": numcodecs.LZ4()},
    "bz2": {"compressors": numcodecs.BZ2()},
    "lzma": {"compressors": numcodecs.LZMA()},
    "none, columns first": {"compressors": None, "order": "F"},
    "slashes": {"chunk_key_encoding": {"name": "v2", "separator": "/"}},
    "0.5": {"version": "0.5"},
    "0.5 shards": {"version": "0.5", "shards": (32, 32, 32)},
    "0.5 blosc, transposed": {
        "version": "0.5",
        "compressors": BloscCodec(),
        "filters": [TransposeCodec(order=(2, 0, 1))],
    },
    "0.5 gzip": {"version": "0.5", "compressors": GzipCodec()},
    "0.5 big-endian with checksum": {
        "version": "0.5",
        "serializer": BytesCodec(endian="big"),
        "compressors": [ZstdCodec(), Crc32cCodec()],
    },
    "0.5 bare": {"version": "0.5", "compressors": None},
}


@pytest.mark.parametrize("packed", PACKED)
def test_whatever_zarr_python_packs_is_read(tmp_path: Path, packed: str) -> None:
    path = make(tmp_path / "a.zarr", **PACKED[packed])
    volume = OmeZarrVolume(path)
    assert volume.info.shape == VOLUME.shape
    assert volume.info.voxel_sizes == (10.0, 10.0, 10.0)
    assert not volume.info.notes
    np.testing.assert_array_equal(volume.read(0, 20), VOLUME)
    np.testing.assert_array_equal(volume.read(3, 18, slice(2, 30, 3), slice(40, 5, -2)), VOLUME[3:18, 2:30:3, 40:5:-2])
    assert volume.read(4, 4).shape == (0, 37, 45)
    volume.close()
    with pytest.raises(AisError, match="closed"):
        volume.read(0, 1)


@pytest.mark.parametrize("dtype", ["u1", "i1", "<u2", ">i2", ">u4", "<i8", "<f2", ">f4", "<f8", "?"])
def test_types(tmp_path: Path, dtype: str) -> None:
    values = np.arange(24).reshape(2, 3, 4).astype(dtype)
    info, voxels = read(make(tmp_path / "a.zarr", values))
    np.testing.assert_array_equal(voxels, values.astype(info.dtype))
    assert info.dtype.isnative
    assert info.dtype == (np.uint8 if dtype == "?" else np.dtype(dtype).newbyteorder("="))


def test_a_file_of_the_data_portal(test_data: Path) -> None:
    folder = test_data / "formats" / "portal" / "sample_tomos" / "input_omezarr.zarr"
    info, voxels = read(folder)
    assert info.shape == (4, 4, 4)
    assert info.voxel_sizes == (14.08, 14.08, 14.08)
    stored = zarr.open_array(str(folder / "0"), mode="r")[:]
    np.testing.assert_array_equal(voxels, stored.transpose(2, 1, 0))  # it says that its axes are x, y, z
    assert any("xyz" in note for note in info.notes)
    assert any("unit" in note for note in info.notes)


def test_a_reference_image_by_its_chunks(tmp_path: Path) -> None:
    """Chunks that are not there are the fill value; the array may begin inside one."""
    path = make(tmp_path / "a.zarr", np.zeros((8, 40, 40), np.int16), fill_value=-7)
    (path / "0" / "0.1.1").unlink(missing_ok=True)
    _, voxels = read(path)
    assert (voxels[:, 16:32, 16:32] == -7).all()
    assert (voxels[:, :16, :16] == 0).all() or (voxels[:, :16, :16] == -7).all()


@pytest.mark.parametrize("fill", ["NaN", "0x7fc00000", 2.5])
def test_fill_values_of_version_3(tmp_path: Path, fill: object) -> None:
    path = make(tmp_path / "a.zarr", version="0.5")
    document = json.loads((path / "0" / "zarr.json").read_text())
    document["fill_value"] = fill
    (path / "0" / "zarr.json").write_text(json.dumps(document))
    shutil.rmtree(path / "0" / "c" / "0")
    _, voxels = read(path)
    np.testing.assert_array_equal(voxels[:16], np.full((16, 37, 45), 2.5 if fill == 2.5 else np.nan, np.float32))
    np.testing.assert_array_equal(voxels[16:], VOLUME[16:])


# --- axes, units, levels ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("unit", "size"),
    [("angstrom", 13.48), ("nanometer", 1.348), ("micrometer", 0.001348), ("picometer", 1348.0), ("meter", 1.348e-9)],
)
def test_units(tmp_path: Path, unit: str, size: float) -> None:
    axes = [{**axis, "unit": unit} for axis in ANGSTROM]
    info, _ = read(make(tmp_path / "a.zarr", axes=axes, scale=[size, size, size]))
    assert info.voxel_sizes == pytest.approx((13.48, 13.48, 13.48), rel=1e-6)
    assert not info.notes


def test_axes_in_any_order_are_turned_to_zyx(tmp_path: Path) -> None:
    axes = [{"name": "t"}, {"name": "x", "type": "space", "unit": "nanometer"}, {"name": "c"}, *reversed(ANGSTROM[:2])]
    stored = VOLUME.transpose(2, 1, 0)[None, :, None]
    info, voxels = read(make(tmp_path / "a.zarr", stored, axes=axes, scale=[1, 1.0, 1, 11.0, 12.0]))
    assert info.voxel_sizes == (12.0, 11.0, 10.0)
    np.testing.assert_array_equal(voxels, VOLUME)


def test_old_versions_have_five_axes_without_names(tmp_path: Path) -> None:
    path = make(tmp_path / "a.zarr", VOLUME[None, None])
    (path / ".zattrs").write_text(json.dumps({"multiscales": [{"version": "0.1", "datasets": [{"path": "0"}]}]}))
    info, voxels = read(path)
    assert info.voxel_sizes == (0.0, 0.0, 0.0)
    np.testing.assert_array_equal(voxels, VOLUME)


def test_one_slice_without_an_axis_z(tmp_path: Path) -> None:
    info, voxels = read(make(tmp_path / "a.zarr", VOLUME[0], axes=ANGSTROM[1:], scale=[8.0, 8.0]))
    assert info.shape == (1, 37, 45)
    assert info.voxel_sizes == (8.0, 8.0, 8.0)
    np.testing.assert_array_equal(voxels[0], VOLUME[0])


@pytest.mark.parametrize(
    ("axes", "words"),
    [
        (["c", "z", "y", "x"], "20 channels"),
        (["t", "z", "y", "x"], "20 time points"),
        (["z", "y", "q", "x"], "along its axis q"),
    ],
)
def test_several_channels_and_times_are_refused(tmp_path: Path, axes: list[str], words: str) -> None:
    stored = np.zeros((20, 3, 4, 5), np.uint8) if axes[0] in "ct" else np.zeros((3, 4, 5, 6), np.uint8)
    with pytest.raises(AisError, match=words):
        read(make(tmp_path / "a.zarr", stored, axes=axes))


def test_a_global_scale_and_translations_are_honoured(tmp_path: Path) -> None:
    image = {
        "datasets": [
            {
                "path": "0",
                "coordinateTransformations": [
                    {"type": "scale", "scale": [2.0, 2.0, 2.0]},
                    {"type": "translation", "translation": [1.0, 2.0, 3.0]},
                ],
            }
        ],
        "coordinateTransformations": [{"type": "scale", "scale": [5.0, 5.0, 5.0]}],
    }
    info, _ = read(make(tmp_path / "a.zarr", image=image))
    assert info.voxel_sizes == (10.0, 10.0, 10.0)
    assert info.origin == (15.0, 10.0, 5.0)


def test_a_missing_unit_and_an_unknown_one_are_told(tmp_path: Path) -> None:
    info, _ = read(make(tmp_path / "a.zarr", axes=["z", "y", "x"], scale=[8.0, 8.0, 8.0]))
    assert info.voxel_sizes == (8.0, 8.0, 8.0)
    assert "angstrom is taken" in info.notes[0]
    info, _ = read(make(tmp_path / "b.zarr", axes=[{**axis, "unit": "parsec"} for axis in ANGSTROM]))
    assert info.voxel_sizes == (0.0, 0.0, 0.0)
    assert "parsec" in info.notes[0]


# --- what we write ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", [".zarr", ".ome.zarr", ".zarr.zip", ".ozx"])
def test_zarr_python_reads_what_we_write(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"a{ending}"
    volume = np.random.default_rng(1).normal(size=(33, 300, 270)).astype(np.float32)
    write_volume(path, volume, voxel_sizes=(12.0, 10.0, 10.0), origin=(5.0, 6.0, 7.0))
    store = zarr.storage.ZipStore(path, mode="r") if path.is_file() else str(path)
    group = zarr.open_group(store, mode="r")
    np.testing.assert_array_equal(group["0"][:], volume)
    (multiscale,) = group.attrs["multiscales"]
    assert multiscale["version"] == "0.4"
    assert [axis["unit"] for axis in multiscale["axes"]] == ["angstrom"] * 3
    assert len(multiscale["datasets"]) == 3
    for level, dataset in enumerate(multiscale["datasets"]):
        scale, translation = dataset["coordinateTransformations"]
        factor = 2**level
        assert scale["scale"] == [12.0 * factor, 10.0 * factor, 10.0 * factor]
        half = (factor - 1) / 2
        assert translation["translation"] == [7.0 + half * 12, 6.0 + half * 10, 5.0 + half * 10]
    even = volume[:32, :300, :270]
    expected = even.reshape(16, 2, 150, 2, 135, 2).mean(axis=(1, 3, 5))
    np.testing.assert_allclose(group["1"][:16], expected, rtol=1e-4, atol=1e-5)
    assert group["1"].shape == (17, 150, 135)
    if isinstance(store, zarr.storage.ZipStore):
        store.close()
    info, voxels = read(path)
    np.testing.assert_array_equal(voxels, volume)
    assert info.voxel_sizes == (12.0, 10.0, 10.0)
    assert info.origin == (5.0, 6.0, 7.0)
    assert [level.shape for level in info.levels] == [(33, 300, 270), (17, 150, 135), (9, 75, 68)]
    coarse, smaller = read(path / "1")
    assert coarse.voxel_sizes == (24.0, 20.0, 20.0)
    assert smaller.shape == coarse.shape == (17, 150, 135)


@FAST
@given(
    shape=st.tuples(*[st.integers(1, 40)] * 3),
    dtype=st.sampled_from(["u1", "i1", "u2", "i2", "f2", "f4", "?"]),
    start=st.integers(0, 39),
    version=st.sampled_from(["0.4", "0.5"]),
)
def test_any_part_is_the_part_that_zarr_python_reads(
    tmp_path_factory: pytest.TempPathFactory, shape: tuple[int, int, int], dtype: str, start: int, version: str
) -> None:
    values = np.random.default_rng(sum(shape)).integers(0, 2, shape).astype(dtype)
    path = make(tmp_path_factory.mktemp("zarr") / "a.zarr", values, version=version)
    volume = OmeZarrVolume(path)
    z, y, x = (min(start, n - 1) for n in shape)
    expected = zarr.open_array(str(path / "0"), mode="r")[z:, y:, x:]
    np.testing.assert_array_equal(volume.read(z, shape[0], slice(y, None), slice(x, None)), expected)
    volume.close()


def test_writing_is_whole_or_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.zarr"
    write_volume(path, VOLUME, voxel_sizes=10.0)

    def broken() -> Iterator[np.ndarray]:
        yield VOLUME[:3]
        raise AisError("enough")

    with pytest.raises(AisError, match="enough"):
        write_volume(path, broken(), voxel_sizes=10.0, shape=VOLUME.shape, dtype=np.float32)
    np.testing.assert_array_equal(read(path)[1], VOLUME)
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.zarr"]
    write_volume(path, VOLUME[:7], voxel_sizes=10.0)
    assert read(path)[0].shape == (7, 37, 45)
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.zarr"]


def test_a_folder_of_something_else_is_never_replaced(tmp_path: Path) -> None:
    path = tmp_path / "thesis.zarr"
    path.mkdir()
    (path / "chapter.txt").write_text("years of work")
    with pytest.raises(AisError, match="no OME-Zarr volume"):
        write_volume(path, VOLUME, voxel_sizes=10.0)
    assert (path / "chapter.txt").read_text() == "years of work"
    for wrong in (path / "1", "https://host/a.zarr"):
        with pytest.raises(AisError, match="as a whole"):
            write_volume(wrong, VOLUME, voxel_sizes=10.0)


# --- paths -----------------------------------------------------------------------------------------------------


def test_paths() -> None:
    assert volume_suffix("data/TS_1.ome.zarr") == ".ome.zarr"
    assert volume_suffix("data/TS_1.zarr/2") == ".zarr"
    assert volume_suffix("data/TS_1.zarr/notes.mrc") == ".mrc"
    assert volume_suffix("data/TS_1.zarr/picks.star") == ""
    assert volume_suffix("data/.zarr") == ""
    assert volume_stem("data/TS_1.ome.zarr") == volume_stem("TS_1.zarr/0") == volume_stem("TS_1.zarr.zip") == "TS_1"
    assert volume_stem("TS_1.zarr/labels/membrane") == "TS_1__membrane"
    assert volume_stem(Path("https://host/run/TS_1.zarr")) == "TS_1"
    assert remote_address(Path("https://host/TS_1.zarr")) == "https://host/TS_1.zarr"
    assert remote_address(r"s3:\bucket\TS_1.zarr") == "s3://bucket/TS_1.zarr"
    assert remote_address("httpsx/TS_1.zarr") is None
    assert zarr_path("TS_1.mrc") is None


def test_folders_are_found_among_volumes(tmp_path: Path) -> None:
    write_volume(tmp_path / "b.zarr", VOLUME, voxel_sizes=10.0)
    write_volume(tmp_path / "a.mrc", VOLUME, voxel_sizes=10.0)
    (tmp_path / "plain").mkdir()
    assert [path.name for path in find_volumes(tmp_path)] == ["a.mrc", "b.zarr"]


def test_an_input_is_known_again_until_it_changes(tmp_path: Path) -> None:
    path = make(tmp_path / "a.zarr")
    before = describe_input(path)
    assert describe_input(path) == before
    assert describe_input(path / "0")["fingerprint"] != before["fingerprint"]
    make(path, VOLUME + 1)
    assert describe_input(path)["fingerprint"] != before["fingerprint"]


# --- the commands ----------------------------------------------------------------------------------------------


@pytest.fixture
def simulated(tmp_path: Path, test_data: Path) -> Path:
    path = tmp_path / "TS_001.zarr"
    assert run(["convert", str(test_data / "cell_sim_small" / "tomogram.mrc"), str(path)]) == 0
    return path


def test_commands_take_it_as_any_tomogram(
    tmp_path: Path, simulated: Path, test_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert run(["info", "--json", str(simulated)]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["shape"] == [64, 128, 128]
    assert facts["voxel_size"] == 10.0
    assert facts["levels"] == ["0 (64 x 128 x 128, 10 A)"]
    project = tmp_path / "p.aisproj"
    assert run(["import", str(simulated), "-o", str(project)]) == 0
    assert run(["info", "--json", str(project)]) == 0
    (entry,) = json.loads(capsys.readouterr().out.split("\n", 1)[1])["tomograms"]
    assert (entry["name"], entry["missing"]) == ("TS_001", False)
    labels = tmp_path / "TS_001__membrane.zarr"
    mask = (read(test_data / "cell_sim_small" / "labels.mrc")[1] == 1).astype(np.uint8) * 255
    write_volume(labels, mask, voxel_sizes=10.0)
    for command in (
        ["pick", str(labels), "-o", str(tmp_path / "picks"), "--min-volume", "0"],
        ["mesh", str(labels), "-o", str(tmp_path / "surfaces")],
    ):
        assert run(command) == 0, capsys.readouterr().err
        assert run(command) == 0, "what is finished is kept"
    assert any((tmp_path / "picks").iterdir())
    assert any((tmp_path / "surfaces").iterdir())
    back = tmp_path / "back.mrc"
    assert run(["convert", str(simulated), str(back)]) == 0
    np.testing.assert_array_equal(read(back)[1], read(test_data / "cell_sim_small" / "tomogram.mrc")[1])


def test_a_segmentation_is_that_of_the_mrc_file(
    tmp_path: Path, simulated: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    make_model(tmp_path)
    assert run(["convert", str(simulated), "same.mrc"]) == 0
    for source, folder in ((simulated, "a"), (simulated / "0", "b"), (Path("same.mrc"), "c")):
        command = ["segment", str(source), "-m", "model.aism", "-o", folder, "--range", "10:14"]
        assert run(command) == 0, capsys.readouterr().err
    expected = read(tmp_path / "c" / "same__blob.mrc")
    for folder in "ab":
        info, voxels = read(tmp_path / folder / "TS_001__blob.mrc")
        np.testing.assert_array_equal(voxels, expected[1])
        assert info.voxel_sizes == expected[0].voxel_sizes


def test_a_missing_level_and_a_label_group_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = make(tmp_path / "a.zarr")
    assert run(["info", str(path / "7")]) == 2
    assert "does not exist" in capsys.readouterr().err
    make(path / "labels" / "membrane", (VOLUME > 0).astype(np.uint8))
    (path / "labels" / ".zattrs").write_text(json.dumps({"labels": ["membrane"]}))
    assert run(["info", str(path / "labels")]) == 2
    assert "labels/membrane" in capsys.readouterr().err
    info, voxels = read(path / "labels" / "membrane")
    assert info.voxel_sizes == (10.0, 10.0, 10.0)
    np.testing.assert_array_equal(voxels, VOLUME > 0)


def test_the_output_is_not_the_input_and_not_replaced_unasked(
    simulated: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other.zarr"
    assert run(["convert", str(simulated), str(simulated), "--overwrite"]) == 2
    assert run(["convert", str(simulated), str(other)]) == 0
    assert run(["convert", str(simulated), str(other)]) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert run(["convert", str(simulated), str(other), "--overwrite"]) == 0


# --- addresses -------------------------------------------------------------------------------------------------


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        pass


class WithRanges(Quiet):
    """Answers a range as object stores do."""

    def do_GET(self) -> None:
        path = Path(self.translate_path(self.path))
        wanted = self.headers.get("Range", "").removeprefix("bytes=")
        if not path.is_file():
            self.send_error(404)
            return
        data = path.read_bytes()
        first, _, last = wanted.partition("-")
        start = max(0, len(data) - int(last)) if wanted and not first else int(first or 0)
        part = data[start : int(last) + 1 if first and last else None]
        self.send_response(206 if wanted else 200)
        self.send_header("Content-Length", str(len(part)))
        if wanted:
            self.send_header("Content-Range", f"bytes {start}-{start + len(part) - 1}/{len(data)}")
        self.end_headers()
        self.wfile.write(part)


@pytest.fixture(params=[Quiet, WithRanges])
def served(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(request.param, directory=str(tmp_path)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize("keywords", [{}, {"version": "0.5"}, {"version": "0.5", "shards": (32, 32, 32)}])
def test_an_address_is_read(
    tmp_path: Path, served: str, keywords: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    make(tmp_path / "a.zarr", **keywords)
    address = f"{served}/a.zarr"
    _, voxels = read(address)
    np.testing.assert_array_equal(voxels, VOLUME)
    assert run(["info", "--json", address]) == 0
    assert json.loads(capsys.readouterr().out)["voxel_size"] == 10.0
    assert run(["convert", f"{address}/0", str(tmp_path / "b.mrc")]) == 0
    np.testing.assert_array_equal(read(tmp_path / "b.mrc")[1], VOLUME)
    assert run(["import", address, "-o", str(tmp_path / "p.aisproj")]) == 2
    assert "convert it to a file first" in capsys.readouterr().err
    assert run(["info", f"{served}/none.zarr"]) == 2
    assert "not an OME-Zarr volume" in capsys.readouterr().err
    assert describe_input(Path(address))["path"] == address


def test_a_server_that_is_not_there_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["info", "http://127.0.0.1:9/a.zarr"]) == 2
    assert "cannot be read" in capsys.readouterr().err


# --- files that are not what they claim ------------------------------------------------------------------------


def array_document(path: Path, **changes: Any) -> None:
    file = path / "0" / ".zarray"
    file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))


def chunk(path: Path) -> Path:
    return path / "0" / "0.0.0"


def multiscale(path: Path, **changes: Any) -> None:
    file = path / ".zattrs"
    (image,) = json.loads(file.read_text())["multiscales"]
    file.write_text(json.dumps({"multiscales": [{**image, **changes}]}))


BAD: dict[str, tuple[Callable[[Path], object], str]] = {
    "a pickle as codec": (lambda p: array_document(p, filters=[{"id": "pickle"}]), "pickle"),
    "a pickle as packing": (lambda p: array_document(p, compressor={"id": "pickle"}), "pickle"),
    "objects": (lambda p: array_document(p, dtype="|O"), "type '|O'"),
    "structures": (lambda p: array_document(p, dtype=[["a", "<i4"]]), "type"),
    "2^31 voxels each way": (lambda p: array_document(p, shape=[2**31] * 3), "shape"),
    "2^60 voxels": (lambda p: array_document(p, shape=[2**20] * 3), "cannot be a tomogram"),
    "chunks of one": (lambda p: array_document(p, shape=[4096] * 3, chunks=[1] * 3), "cannot be a tomogram"),
    "an enormous chunk": (lambda p: array_document(p, chunks=[2**12] * 3), "chunks of"),
    "no extents": (lambda p: array_document(p, shape=[]), "shape"),
    "negative": (lambda p: array_document(p, shape=[-1, 2, 3]), "shape"),
    "fractions": (lambda p: array_document(p, shape=[1.5, 2, 3]), "shape"),
    "booleans": (lambda p: array_document(p, chunks=[True] * 3), "chunks"),
    "a fill of infinity": (lambda p: array_document(p, dtype="<i2", fill_value=float("inf")), "fill_value"),
    "a level above": (lambda p: multiscale(p, datasets=[{"path": "../../etc"}]), "path of a level"),
    "an absolute level": (lambda p: multiscale(p, datasets=[{"path": "/etc"}]), "path of a level"),
    "a million levels": (lambda p: multiscale(p, datasets=[{"path": "0"}] * 1000), "1000 levels"),
    "no levels": (lambda p: multiscale(p, datasets=None), "0 levels"),
    "the same axis twice": (lambda p: multiscale(p, axes=["x", "y", "x"]), "x y x"),
    "axes that are numbers": (lambda p: multiscale(p, axes=[1, 2, 3]), "axes"),
    "the future": (lambda p: multiscale(p, version="0.9"), "OME-Zarr 0.9"),
    "not JSON": (lambda p: (p / ".zattrs").write_text("{"), "not JSON"),
    "nested JSON": (lambda p: (p / ".zattrs").write_text("[" * 100_000), "not JSON"),
    "a list": (lambda p: (p / ".zattrs").write_text("[]"), "not a JSON object"),
    "a truncated chunk": (lambda p: chunk(p).write_bytes(chunk(p).read_bytes()[:-5]), "cannot be unpacked"),
    "an empty chunk": (lambda p: chunk(p).write_bytes(b""), "cannot be unpacked"),
    "noise": (lambda p: chunk(p).write_bytes(bytes(range(256)) * 4), "cannot be unpacked"),
    "too large a chunk": (lambda p: chunk(p).write_bytes(bytes(1 << 20)), "larger than it can be"),
    "a missing level": (lambda p: shutil.rmtree(p / "0"), "level 0 is missing"),
    "nothing": (lambda p: [shutil.rmtree(p), p.mkdir()], "not an OME-Zarr volume"),
    "a file": (lambda p: [shutil.rmtree(p), p.write_bytes(b"x")], "is a file"),
    "a plate": (lambda p: (p / ".zattrs").write_text('{"plate": {}}'), "plate"),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_files_are_refused_in_one_sentence(tmp_path: Path, kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = make(tmp_path / "a.zarr")
    spoil, words = BAD[kind]
    spoil(path)
    assert run(["info", str(path)]) == 2
    said = capsys.readouterr().err
    assert words in said
    assert len(said.strip().splitlines()) == 1


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
def test_links_that_lead_out_are_not_followed(tmp_path: Path) -> None:
    path = make(tmp_path / "a.zarr")
    secret = tmp_path / "secret"
    secret.write_bytes(chunk(path).read_bytes())
    chunk(path).unlink()
    chunk(path).symlink_to(secret)
    with pytest.raises(AisError, match="leads out of it"):
        read(path)
    chunk(path).unlink()
    os.mkfifo(chunk(path))  # would wait for ever
    assert (read(path)[1][:16, :16, :16] == 0).all()


@pytest.mark.parametrize("codec", ["gzip", "zlib", "bz2", "lzma", "zstd", "lz4", "blosc"])
def test_a_bomb_is_not_unpacked(codec: str) -> None:
    zeros = bytes(1 << 26)
    packers = {"gzip": numcodecs.GZip, "zlib": numcodecs.Zlib, "bz2": numcodecs.BZ2, "lzma": numcodecs.LZMA}
    packers |= {"zstd": numcodecs.Zstd, "lz4": numcodecs.LZ4, "blosc": numcodecs.Blosc}
    data = bytes(packers[codec]().encode(zeros))
    assert decode(codec, data, len(zeros)) == zeros
    tracemalloc.start()
    with pytest.raises((ValueError, RuntimeError)):
        decode(codec, data, 1 << 16)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 24  # the dictionary of lzma has 8 MiB


def test_zip_files(tmp_path: Path) -> None:
    path = make(tmp_path / "a.zarr")
    packed = tmp_path / "b.zarr.zip"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:  # in a folder, as a file manager packs it
        for file in sorted(path.rglob("*")):
            if file.is_file():
                archive.write(file, f"a.zarr/{file.relative_to(path).as_posix()}")
        archive.writestr("a.zarr/../../outside", b"x")
        archive.writestr("a.zarr/0/../../../outside", b"x")
    np.testing.assert_array_equal(read(packed)[1], VOLUME)
    np.testing.assert_array_equal(read(packed / "0")[1], VOLUME)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["a.zarr", "b.zarr.zip"]
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(".zattrs", b" " * (1 << 26))
    with pytest.raises(AisError, match="larger than it can be"):
        read(packed)
    packed.write_bytes(b"PK\x03\x04 and then nothing")
    with pytest.raises(AisError, match=r"not a \.zip"):
        read(packed)
    with pytest.raises(AisError, match="does not exist"):
        read(tmp_path / "none.zarr.zip")


@pytest.mark.parametrize("table", [b"\xff" * 15 + b"\x7f", b"\x00" * 16, b"\x05" * 16])
def test_tables_of_shards_that_lie(tmp_path: Path, table: bytes) -> None:
    path = make(tmp_path / "a.zarr", version="0.5", shards=(32, 32, 32))
    shard = path / "0" / "c" / "0" / "0" / "0"
    data = shard.read_bytes()
    shard.write_bytes(data[: -8 * 16 - 4] + table * 8 + data[-4:])
    with pytest.raises(AisError, match="damaged"):
        read(path)
    shard.write_bytes(b"short")
    with pytest.raises(AisError, match="shorter than its table"):
        read(path)


@FAST
@given(data=st.data())
def test_metadata_with_anything_in_it_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = make(tmp_path_factory.mktemp("zarr") / "a.zarr", version=data.draw(st.sampled_from(["0.4", "0.5"])))
    file = data.draw(
        st.sampled_from(sorted(p for p in path.rglob("*") if p.name in (".zarray", ".zattrs", "zarr.json")))
    )
    document = json.loads(file.read_text())
    holder, keys = document, []
    while isinstance(holder, dict | list) and holder:
        keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
        key = data.draw(st.sampled_from(keys))
        if not isinstance(holder[key], dict | list) or data.draw(st.booleans()):
            break
        holder = holder[key]
    if isinstance(holder, dict | list) and holder:
        junk = st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.floats() | st.text(max_size=5)
        holder[key] = data.draw(
            junk | st.lists(junk, max_size=3) | st.dictionaries(st.text(max_size=4), junk, max_size=2)
        )
    file.write_text(json.dumps(document))
    try:
        volume = open_volume(path)
    except AisError:
        return
    try:
        if np.prod(volume.info.shape) < 1 << 22:
            volume.read(0, volume.info.shape[0])
    except AisError:
        pass
    finally:
        volume.close()


# --- speed and memory ------------------------------------------------------------------------------------------


def test_slices_one_by_one_unpack_each_chunk_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make(tmp_path / "a.zarr", compressors=numcodecs.GZip())
    asked: list[str] = []
    from ais.formats import zarr_array

    unpack = zarr_array.decode
    monkeypatch.setattr(
        zarr_array, "decode", lambda codec, data, limit: asked.append(codec) or unpack(codec, data, limit)
    )
    with Tomogram.open(path) as tomogram, ThreadPoolExecutor(4) as pool:
        planes = list(pool.map(tomogram.slice, range(20)))
        np.testing.assert_array_equal(np.stack(planes), VOLUME)
    assert len(asked) == 2 * 3 * 3


def test_gzip_of_several_members_is_one_chunk() -> None:
    assert decode("gzip", gzip.compress(b"ab") + gzip.compress(b"cd"), 4) == b"abcd"


def test_a_folder_dropped_on_the_window_is_a_tomogram(tmp_path: Path) -> None:
    path = make(tmp_path / "here" / "TS_1.zarr")
    for dropped in (path, path.parent):
        editor = Editor(settings_folder=tmp_path / f"settings {dropped.name}", wake=nothing)
        try:
            editor.open_paths([dropped])
            until(editor, lambda editor=editor: editor.shown)
            settled(editor)
            assert [entry.name for entry in editor.snapshot.tomograms] == ["TS_1"]
            np.testing.assert_array_equal(picture(editor, "xy", 5), VOLUME[5])
        finally:
            editor.close()
