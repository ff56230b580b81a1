"""Surfaces made slab by slab are those of the whole volume, number by number, in bounded memory."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import mrcfile
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from peak_memory import MIB, ball, peaks_of, write_sparse
from soaking import moments

import ais.formats.mesh
from ais import surface_slabs
from ais.annotation.volume_looks import Removal, Removals
from ais.batch import MeshSettings, mesh
from ais.errors import AisError
from ais.formats.mesh import MESH_FORMATS, write_mesh
from ais.progress import Progress
from ais.scene_files.volumes import SceneTask, VolumeLook, write_scenes
from ais.surface_slabs import surface_of_volume
from ais.surfaces import Surface, isosurface
from ais.tomogram import Tomogram

SIZES = (3.0, 2.0, 1.5)
ORIGIN = (100.5, -7.25, 1e4)
ARRAYS = ("vertices", "faces", "normals", "volumes", "vertex_starts", "face_starts")


def in_slabs(planes: int, volume: NDArray[Any] | Tomogram, level: float, **options: Any) -> Surface:
    """The surface made of slabs of so many planes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(surface_slabs, "WHOLE_BYTES", 0)
        patch.setattr(surface_slabs, "SLAB_BYTES", 1)
        patch.setattr(surface_slabs, "READ_BYTES", 1)
        patch.setattr(surface_slabs, "LEAST_PLANES", planes)
        return surface_of_volume(volume, level, voxel_sizes=SIZES, origin=ORIGIN, **options)


def assert_same(one: Surface, other: Surface) -> None:
    for name in ARRAYS:
        ours, theirs = getattr(one, name), getattr(other, name)
        assert ours.dtype == theirs.dtype
        assert ours.tobytes() == theirs.tobytes(), name


def noise(seed: int, shape: tuple[int, int, int], dtype: str, holes: float) -> NDArray[Any]:
    """Values of 0 to 255 in specks of all sizes, some of which run through many slabs."""
    random = np.random.default_rng(seed)
    coarse = random.random([-(-length // 3) for length in shape])
    values = coarse.repeat(3, 0).repeat(3, 1).repeat(3, 2)[tuple(slice(length) for length in shape)]
    values = values * 200 + random.random(shape) * 55
    values[random.random(shape) < holes] = 0
    return (values > 128).astype(bool) if dtype == "bool" else values.astype(dtype)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    shape=st.tuples(st.integers(1, 20), st.integers(1, 9), st.integers(1, 9)),
    dtype=st.sampled_from(["uint8", "int16", "float16", "float32", "float64", "bool"]),
    part=st.floats(0.01, 1.0),
    planes=st.integers(1, 7),
    bin=st.integers(1, 3),
    smooth=st.sampled_from([0, 0, 2]),
    dust=st.sampled_from([0.0, 30.0, 200.0, 1e9]),
)
def test_slabs_give_the_surface_of_the_whole_volume(
    seed: int,
    shape: tuple[int, int, int],
    dtype: str,
    part: float,
    planes: int,
    bin: int,
    smooth: int,
    dust: float,
) -> None:
    volume = noise(seed, shape, dtype, holes=0.1)
    level = part * (1 if dtype == "bool" else 255)
    options: dict[str, Any] = {"bin": min(bin, *shape), "smooth": smooth}
    whole = isosurface(volume, level, voxel_sizes=SIZES, origin=ORIGIN, **options).without_dust(dust)
    assert_same(in_slabs(planes, volume, level, min_volume=dust, **options), whole)


@pytest.mark.parametrize(("top", "level"), [(1e30, 0.5), (1e6, 1e-6), (1.0, 1e-30), (1.0, 1 - 1e-7)])
@pytest.mark.parametrize("planes", [1, 2, 5])
def test_crossings_on_a_voxel_centre(top: float, level: float, planes: int) -> None:
    random = np.random.default_rng(1)
    volume = ((random.random((23, 13, 14)) < 0.3) * np.float32(top)).astype(np.float32)
    whole = isosurface(volume, level, voxel_sizes=SIZES, origin=ORIGIN)
    assert_same(in_slabs(planes, volume, level), whole)


def test_slabs_without_a_component_are_not_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    volume = np.zeros((60, 8, 8), np.uint8)
    volume[20:26, 2:5, 2:5] = volume[50, 6, 6] = 255
    read = []

    def slab_at(of: NDArray[Any], z0: int, z1: int) -> NDArray[Any]:
        read.extend(range(z0, z1))
        return of[z0:z1]

    monkeypatch.setattr(surface_slabs, "slab_at", slab_at)
    whole = isosurface(volume, 128.0, voxel_sizes=SIZES, origin=ORIGIN)
    assert_same(in_slabs(4, volume, 128.0), whole)
    times = np.bincount(read, minlength=60)
    assert set(times.tolist()) == {1, 2}, "each slice once for the components, and once at most for the surfaces"
    assert times[18:28].tolist() == [2] * 10
    assert times.sum() < 90
    read.clear()
    assert_same(in_slabs(4, volume, 128.0, min_volume=100.0), whole.without_dust(100.0))
    assert np.bincount(read, minlength=60)[40:].max() == 1, "nor are those with dust alone"


@pytest.mark.parametrize("dtype", ["int8", "int16", "uint16", "float32"])
@pytest.mark.parametrize("options", [MeshSettings(), MeshSettings(bin=2, dust=3e4, smooth=1)], ids=["plain", "all"])
def test_the_command_writes_the_same_bytes(
    dtype: str, options: MeshSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    top = {"int8": 127, "float32": 1}.get(dtype, 255)
    values = (noise(5, (31, 20, 22), "float32", holes=0.0) / 255 * top).astype(dtype)
    path = tmp_path / "TS_1__noise.mrc"
    with mrcfile.new(path, values) as file:
        file.voxel_size = 9.5
        file.header.origin = (100.0, 20.0, -7.0)
    some = Removal(*(int(at) for at in np.argwhere(values > top * 0.7)[0]), 170.0)
    written = {}
    for way in ("whole", "slabs"):
        if way == "slabs":
            monkeypatch.setattr(surface_slabs, "WHOLE_BYTES", 0)
            monkeypatch.setattr(surface_slabs, "SLAB_BYTES", 1)
        for kind in MESH_FORMATS:
            (result,) = mesh([path], tmp_path / way, replace(options, level=170.0, format=kind))
            assert result.status == "done", result.error
            assert result.figures["components"] > 1
            written[way, kind] = result.output.read_bytes()
        for name, removals in (("scene", Removals()), ("part", Removals((some,)))):
            look = VolumeLook(path, level=170.0, removals=removals)
            (result,) = write_scenes([SceneTask(tmp_path / f"{way}.glb", (look,))])
            assert result.figures["triangles"] > 100
            written[way, name] = result.output.read_bytes()
    assert len(written["slabs", "part"]) < len(written["slabs", "scene"])
    for kind in (*MESH_FORMATS, "scene", "part"):
        assert written["whole", kind] == written["slabs", kind], kind


@pytest.mark.filterwarnings("ignore:.*values:RuntimeWarning", "ignore:invalid value:RuntimeWarning")
def test_a_value_that_is_no_number_is_found_in_whatever_slab(tmp_path: Path) -> None:
    volume = np.zeros((40, 6, 6), np.float32)
    volume[3, 3, 3] = 1
    volume[37, 5, 0] = np.inf
    for bin in (1, 3):
        with pytest.raises(AisError, match="infinite"):
            in_slabs(4, volume, 0.5, bin=bin)
    mrcfile.write(tmp_path / "a.mrc", volume)
    with Tomogram.open(tmp_path / "a.mrc") as tomogram, pytest.raises(AisError, match=r"a\.mrc holds values"):
        in_slabs(4, tomogram, 0.5)


@pytest.mark.parametrize(
    ("change", "words"),
    [({"smooth": -1}, "smoothing"), ({"bin": 0}, "binned by 0"), ({"level": 0.0}, "above 0"), ({"level": 256.0}, "")],
)
def test_what_cannot_be_used_is_said_and_nothing_is_an_empty_surface(change: dict[str, Any], words: str) -> None:
    arguments: dict[str, Any] = {"volume": np.full((9, 4, 4), 255, np.uint8), "level": 128.0, **change}
    if words:
        with pytest.raises(AisError, match=words):
            in_slabs(4, **arguments)
    else:
        surface = in_slabs(4, **arguments)
        assert surface.vertices.shape == surface.faces.shape == (0, 3)
        assert_same(surface, isosurface(**arguments, voxel_sizes=SIZES, origin=ORIGIN))


def test_it_tells_how_far_it_is_and_can_be_stopped() -> None:
    class Stopping(Progress):
        def __init__(self, at: float) -> None:
            self.at, self.told = at, [0.0]

        def report(self, done: float, total: float, text: str = "") -> None:
            assert text == "making the surface"
            self.told.append(done / total)
            if done / total > self.at:
                raise InterruptedError

    volume = noise(2, (50, 9, 9), "uint8", holes=0.0)
    patient = Stopping(2.0)
    in_slabs(4, volume, 128.0, progress=patient)
    assert patient.told == sorted(patient.told)
    assert len(patient.told) > 20
    for at in (0.3, 0.8):
        with pytest.raises(InterruptedError):
            in_slabs(4, volume, 128.0, progress=Stopping(at))


def test_the_command_takes_no_more_memory_for_a_larger_volume(tmp_path: Path) -> None:
    """Less than 256 MiB beside the program, of files of 600 MB (in `make soak` of 8 GB) whose surfaces are small."""
    shape = moments((300, 1000, 1000), (1000, 2000, 2000))
    random = np.random.default_rng(0)
    sizes = np.array(shape) - 44
    places = [(0, 0, 0), tuple(sizes.tolist()), *map(tuple, (random.random((60, 3)) * sizes).astype(int).tolist())]
    write_sparse(tmp_path / "TS_1__small.mrc", (50, 50, 50), ball(20), [(0, 0, 0)])
    write_sparse(tmp_path / "TS_1__large.mrc", shape, ball(20), places)
    words = ["mesh", "-o", tmp_path, "--format", "ply", "--dust", "1e6"]
    small, large = peaks_of([*words, tmp_path / "TS_1__small.mrc"], [*words, tmp_path / "TS_1__large.mrc"])
    print(f"mesh: {(large - small) / MIB:.0f} MiB beside the program for {np.prod(shape) * 2 / 1e6:.0f} MB")  # noqa: T201
    assert large - small < 256 * MIB
    record = json.loads((tmp_path / "TS_1__large.ply.json").read_text())["result"]
    assert record["components"] > 50


@pytest.fixture(scope="module")
def rough() -> NDArray[np.uint8]:
    """A small volume with a surface of a million triangles in many pieces."""
    z, y, x = np.indices((60, 120, 100), sparse=True)
    return np.asarray((np.sin(z * 0.9) * np.sin(y * 0.9) * np.sin(x * 0.9) + 1) * 127, np.uint8)


def traced(work: Callable[[], Any]) -> int:
    """Peak of the memory that a piece of work takes, in bytes."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("smooth", [0, 2])
def test_bytes_of_a_triangle(rough: NDArray[np.uint8], smooth: int) -> None:
    """What is said of the peak in the docs, beside a slab."""
    triangles = len(isosurface(rough, 140.0, voxel_sizes=SIZES).faces)
    assert triangles > 500_000
    in_slabs(8, rough[:9], 140.0, smooth=smooth)
    peak = traced(lambda: in_slabs(8, rough, 140.0, smooth=smooth))
    assert peak < triangles * (110 if smooth else 80)


@pytest.mark.parametrize("kind", MESH_FORMATS)
def test_writing_makes_no_copy_of_the_surface(rough: NDArray[np.uint8], kind: str, tmp_path: Path) -> None:
    surface = isosurface(rough, 140.0, voxel_sizes=SIZES)
    own = sum(getattr(surface, name).nbytes for name in ARRAYS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ais.formats.mesh, "ROWS_AT_ONCE", 1 << 12)
        assert traced(lambda: write_mesh(tmp_path / "surface", surface, kind)) < own / 4
