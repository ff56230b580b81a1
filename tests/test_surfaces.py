"""Isosurfaces against closed forms, brute force and scipy's labels."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import mrcfile
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage

from ais.errors import AisError
from ais.surfaces import Surface, isosurface, prepare

UNIT = (1.0, 1.0, 1.0)
DTYPES = [
    "bool",
    "int8",
    "uint8",
    "int16",
    "uint16",
    "int32",
    "uint32",
    "uint64",
    "int64",
    "float16",
    "float32",
    "float64",
    ">i2",
    ">f4",
]


def edge_counts(surface: Surface) -> set[int]:
    edges = np.sort(surface.faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1)
    return set(np.unique(edges, axis=0, return_counts=True)[1].tolist())


def face_crosses(surface: Surface) -> NDArray[np.float64]:
    a, b, c = surface.vertices[surface.faces].astype(np.float64).transpose(1, 0, 2)
    return np.cross(b - a, c - a)


def enclosed_volume(surface: Surface) -> float:
    corners = surface.vertices[surface.faces].astype(np.float64)
    return float(np.einsum("ij,ij->", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])) / 6)


def ball(shape: tuple[int, int, int], centre: tuple[float, float, float], radius: float) -> NDArray[np.float32]:
    z, y, x = np.indices(shape)
    distance = np.sqrt((z - centre[0]) ** 2 + (y - centre[1]) ** 2 + (x - centre[2]) ** 2)
    return (255 * np.clip((radius - distance) / 4 + 0.5, 0, 1)).astype(np.float32)


@pytest.fixture
def cube() -> NDArray[np.uint8]:
    volume = np.zeros((24, 26, 28), np.uint8)
    volume[10:20, 10:20, 10:20] = 255
    return volume


def test_a_cube_has_its_faces_half_a_voxel_beyond_its_voxels(cube: NDArray[np.uint8]) -> None:
    surface = isosurface(cube, 127.5, voxel_sizes=UNIT)
    assert np.array_equal(surface.vertices.min(axis=0), [9.5, 9.5, 9.5])
    assert np.array_equal(surface.vertices.max(axis=0), [19.5, 19.5, 19.5])
    assert edge_counts(surface) == {2}
    assert surface.volumes.tolist() == [1000.0]
    assert surface.vertices.dtype == surface.normals.dtype == np.float32
    assert surface.faces.dtype == surface.component.dtype == np.int32


def test_faces_and_normals_point_outwards(cube: NDArray[np.uint8]) -> None:
    surface = isosurface(cube, 127.5, voxel_sizes=UNIT)
    outwards = surface.vertices[surface.faces].mean(axis=1) - 14.5
    assert (np.einsum("ij,ij->i", face_crosses(surface), outwards) > 0).all()
    assert (np.einsum("ij,ij->i", surface.normals, surface.vertices - 14.5) > 0).all()


def test_voxel_sizes_and_origin_place_each_axis(cube: NDArray[np.uint8]) -> None:
    surface = isosurface(cube, 127.5, voxel_sizes=(2.0, 3.0, 5.0), origin=(100.0, -200.0, 300.0))
    expected = np.array([100.0, -200.0, 300.0]) + 9.5 * np.array([5.0, 3.0, 2.0])
    assert np.allclose(surface.vertices.min(axis=0), expected)
    assert np.allclose(surface.vertices.max(axis=0), expected + 10 * np.array([5.0, 3.0, 2.0]))
    assert surface.volumes.tolist() == [1000.0 * 30]
    assert surface.volumes_nm3.tolist() == [30.0]


def test_a_full_volume_is_capped_on_its_border() -> None:
    surface = isosurface(np.full((5, 6, 7), 255, np.uint8), 127.5, voxel_sizes=UNIT)
    assert np.array_equal(surface.vertices.min(axis=0), [-0.5, -0.5, -0.5])
    assert np.array_equal(surface.vertices.max(axis=0), [6.5, 5.5, 4.5])
    assert edge_counts(surface) == {2}


@pytest.mark.parametrize("bin", [2, 4, 5])
def test_a_binned_full_volume_ends_where_the_volume_ends(bin: int) -> None:
    surface = isosurface(np.full((20, 40, 60), 255, np.uint8), 127.5, voxel_sizes=UNIT, bin=bin)
    assert np.allclose(surface.vertices.min(axis=0), -0.5)
    assert np.allclose(surface.vertices.max(axis=0), [59.5, 39.5, 19.5])


def test_an_incomplete_bin_counts_as_zero_beyond_the_volume() -> None:
    surface = isosurface(np.full((5, 5, 5), 200, np.uint8), 50.0, voxel_sizes=UNIT, bin=2)
    corner_value = 200 / 8
    face_value = 200 / 2
    assert surface.vertices.max() == pytest.approx(4.5 + 2 * (face_value - 50.0) / face_value)
    assert corner_value < 50.0


@pytest.mark.parametrize("bin", [1, 2, 3, 4])
@pytest.mark.parametrize("border", [False, True])
def test_binning_leaves_a_ball_in_place(bin: int, border: bool) -> None:
    centre = (0.0, 30.25, 59.0) if border else (21.0, 30.25, 28.5)
    volume = ball((43, 61, 60), centre, 14.0)
    surface = isosurface(volume, 127.5, voxel_sizes=(2.0, 2.0, 2.0), origin=(7.0, 0.0, 0.0), bin=bin)
    radii = np.linalg.norm(surface.vertices - (7 + 2 * centre[2], 2 * centre[1], 2 * centre[0]), axis=1)
    if border:
        inner = (surface.vertices[:, 2] > 4 * bin) & (surface.vertices[:, 0] < 7 + 2 * (59 - 2 * bin))
        radii = radii[inner]
    assert abs(radii.mean() / 2 - 14.0) < 0.03 * bin**2
    assert radii.std() < 0.15 * bin
    assert edge_counts(surface) == {2}


def test_a_ball_has_the_volume_area_and_normals_of_a_sphere() -> None:
    surface = isosurface(ball((40, 40, 40), (19.5, 19.0, 20.25), 14.0), 127.5, voxel_sizes=UNIT)
    sphere = 4 / 3 * np.pi * 14**3
    assert enclosed_volume(surface) == pytest.approx(sphere, rel=0.01)
    assert surface.volumes[0] == pytest.approx(sphere, rel=0.01)
    assert np.linalg.norm(face_crosses(surface), axis=1).sum() / 2 == pytest.approx(4 * np.pi * 14**2, rel=0.01)
    radial = surface.vertices - (20.25, 19.0, 19.5)
    radial /= np.linalg.norm(radial, axis=1)[:, None]
    assert np.einsum("ij,ij->i", surface.normals, radial).min() > 0.99


def test_normals_are_right_where_voxels_are_not_cubes() -> None:
    z, y, x = np.indices((20, 40, 60))
    plane = np.clip(40.0 * (2 * z + 1 * y + 0.5 * x - 40) + 128, 1, 255)
    surface = isosurface(plane, 128.0, voxel_sizes=(2.0, 1.0, 0.5))
    inner = np.all((surface.vertices > (2, 3, 6)) & (surface.vertices < (27, 36, 32)), axis=1)
    assert inner.sum() > 100
    assert np.allclose(surface.normals[inner], -np.ones(3) / np.sqrt(3), atol=0.02)


@pytest.mark.parametrize("name", DTYPES)
def test_every_type_of_number_gives_the_same_surface(name: str, cube: NDArray[np.uint8]) -> None:
    dtype = np.dtype(name)
    top = 1 if dtype.kind == "b" else 100
    volume = (cube // 255 * top).astype(dtype)
    surface = isosurface(volume, top / 2, voxel_sizes=UNIT)
    expected = isosurface(cube, 127.5, voxel_sizes=UNIT)
    assert np.array_equal(surface.vertices, expected.vertices)
    assert np.array_equal(surface.faces, expected.faces)
    assert np.allclose(surface.normals, expected.normals)


def test_volumes_in_fortran_order_and_read_only_are_read(cube: NDArray[np.uint8]) -> None:
    cube[11, 12, 13:] = 255
    expected = isosurface(cube, 127.5, voxel_sizes=UNIT)
    other = np.asfortranarray(cube)
    other.flags.writeable = False
    assert np.array_equal(isosurface(other, 127.5, voxel_sizes=UNIT).vertices, expected.vertices)


def assert_components_are_those_of(volume: NDArray[np.generic], level: float) -> None:
    """Face-connected labels of scipy, the number of voxels of each and the voxel next to each vertex."""
    surface = isosurface(volume, level, voxel_sizes=UNIT)
    labels, count = ndimage.label(volume.astype(np.float64) >= level)
    assert np.array_equal(surface.volumes, np.sort(np.bincount(labels.ravel())[1:])[::-1])
    assert (np.diff(surface.vertex_starts) > 0).all()
    assert edge_counts(surface) <= {2}
    component = surface.component
    assert (component[surface.faces] == component[surface.faces[:, :1]]).all()
    assert np.array_equal(np.diff(surface.face_starts), np.bincount(component[surface.faces[:, 0]], minlength=count))
    padded = np.pad(labels, 1)
    low, high = (np.asarray(end(surface.vertices + 1), int)[:, ::-1] for end in (np.floor, np.ceil))
    inside = np.maximum(padded[tuple(low.T)], padded[tuple(high.T)])
    known = inside > 0
    partner = np.full(count + 1, -1)
    partner[inside[known]] = component[known]
    assert np.array_equal(partner[inside[known]], component[known])
    assert len(set(partner[partner >= 0].tolist())) == (partner >= 0).sum()


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    shape=st.tuples(*[st.integers(1, 9)] * 3),
    density=st.floats(0.02, 0.98),
    values=st.sampled_from(["mask", "uint8", "float32"]),
)
def test_components_agree_with_face_connected_voxels(
    seed: int, shape: tuple[int, int, int], density: float, values: str
) -> None:
    random = np.random.default_rng(seed)
    noise = random.random(shape)
    if values == "mask":
        assert_components_are_those_of((noise < density).astype(np.uint8) * 255, 127.5)
    elif values == "uint8":
        assert_components_are_those_of((noise * 5).astype(np.uint8), float(np.ceil(density * 5)))
    else:
        assert_components_are_those_of(noise.astype(np.float32), float(np.float32(density)))


@pytest.mark.parametrize(("top", "level"), [(1e30, 0.5), (1e6, 1e-6), (1.0, 1e-30), (1.0, 1 - 1e-7)])
def test_crossings_on_a_voxel_centre_find_their_component(top: float, level: float) -> None:
    random = np.random.default_rng(1)
    volume = (random.random((12, 13, 14)) < 0.3) * np.float32(top)
    assert_components_are_those_of(volume.astype(np.float32), level)


def test_a_level_between_two_floats_is_compared_as_the_surface_compares() -> None:
    volume = np.zeros((4, 4, 6), np.float32)
    volume[1:3, 1:3, 1:3] = np.nextafter(np.float32(0.3), np.float32(0))
    volume[1:3, 1:3, 4] = np.float32(0.3)
    assert isosurface(volume, 0.3, voxel_sizes=UNIT).volumes.tolist() == [4.0]


def test_a_hollow_shell_is_one_component_with_two_walls() -> None:
    shell = np.zeros((16, 16, 16), np.uint8)
    shell[2:14, 2:14, 2:14] = 255
    shell[5:11, 5:11, 5:11] = 0
    surface = isosurface(shell, 127.5, voxel_sizes=UNIT)
    assert surface.volumes.tolist() == [12.0**3 - 6**3]
    assert enclosed_volume(surface) == pytest.approx(12**3 - 6**3, rel=0.02)


@pytest.fixture
def crumbs() -> NDArray[np.uint8]:
    volume = np.zeros((10, 10, 40), np.uint8)
    for length, x in zip((1, 5, 3, 5, 2), (2, 6, 14, 20, 30), strict=True):
        volume[4, 5, x : x + length] = 255
    return volume


def test_dust_is_what_is_smaller_than_the_limit(crumbs: NDArray[np.uint8]) -> None:
    surface = isosurface(crumbs, 127.5, voxel_sizes=(2.0, 2.0, 2.0))
    assert surface.volumes.tolist() == [40.0, 40.0, 24.0, 16.0, 8.0]
    for limit, kept in [(0, 5), (8, 5), (8.1, 4), (24, 3), (24.1, 2), (40, 2), (41, 0)]:
        clean = surface.without_dust(limit)
        assert clean.volumes.size == kept
        assert edge_counts(clean) <= {2}
        assert np.shares_memory(clean.vertices, surface.vertices) or kept == 0
        assert clean.faces.size == 0 or clean.faces.max() == len(clean.vertices) - 1
        assert enclosed_volume(clean) == pytest.approx(
            sum(map(enclosed_volume, map(surface.only, [[i] for i in range(kept)])))
        )


def test_chosen_components_stand_alone(crumbs: NDArray[np.uint8]) -> None:
    surface = isosurface(crumbs, 127.5, voxel_sizes=UNIT)
    pair = surface.only([4, 2])
    assert pair.volumes.tolist() == [3.0, 1.0]
    assert pair.vertices[pair.component == 0][:, 0].min() == 13.5
    assert pair.vertices[pair.component == 1][:, 0].max() == 2.5
    assert edge_counts(pair) == {2}
    assert surface.only([]).vertices.shape == (0, 3)
    for absent in (5, -1):
        with pytest.raises(AisError, match=f"5 components.* no {absent}"):
            surface.only([0, absent])


def test_smoothing_flattens_steps_and_keeps_the_volume() -> None:
    volume = (ball((40, 40, 40), (19.5, 19.0, 20.25), 13.0) > 127).astype(np.uint8)
    rough = isosurface(volume, 0.5, voxel_sizes=(2.0, 2.0, 2.0))
    smooth = isosurface(volume, 0.5, voxel_sizes=(2.0, 2.0, 2.0), smooth=20)

    def radii(surface: Surface) -> NDArray[np.float32]:
        return np.linalg.norm(surface.vertices - 2 * np.array([20.25, 19.0, 19.5], np.float32), axis=1)

    assert radii(smooth).std() < 0.6 * radii(rough).std()
    assert enclosed_volume(smooth) == pytest.approx(enclosed_volume(rough), rel=0.01)
    assert edge_counts(smooth) == {2}
    radial = smooth.vertices - 2 * np.array([20.25, 19.0, 19.5])
    assert np.einsum("ij,ij->i", smooth.normals, radial / np.linalg.norm(radial, axis=1)[:, None]).min() > 0.93


def test_normals_have_unit_length_even_in_noise() -> None:
    noise = np.random.default_rng(3).integers(0, 2, (20, 20, 20)).astype(np.uint8)
    for smooth in (0, 3):
        surface = isosurface(noise, 0.5, voxel_sizes=(1.0, 2.0, 3.0), smooth=smooth)
        assert np.allclose(np.linalg.norm(surface.normals, axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("level", [256.0, 1e9, 255.5])
def test_nothing_above_the_level_is_an_empty_surface(cube: NDArray[np.uint8], level: float) -> None:
    surface = isosurface(cube, level, voxel_sizes=UNIT)
    assert surface.vertices.shape == surface.normals.shape == surface.faces.shape == (0, 3)
    assert surface.component.shape == surface.volumes.shape == (0,)
    assert surface.without_dust(10).vertices.shape == (0, 3)


def test_a_level_below_the_whole_volume_is_its_box() -> None:
    surface = isosurface(np.full((3, 3, 3), 100, np.uint8), 1.0, voxel_sizes=UNIT)
    assert surface.vertices.max() == pytest.approx(2.99)
    assert surface.volumes.tolist() == [27.0]


def test_one_prepared_volume_gives_surfaces_at_several_levels(cube: NDArray[np.uint8]) -> None:
    prepared = prepare(cube, voxel_sizes=UNIT)
    for level in (50.0, 200.0, 50.0):
        again = isosurface(cube, level, voxel_sizes=UNIT)
        assert np.array_equal(prepared.surface(level).vertices, again.vertices)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"volume": np.zeros((4, 4), np.uint8)}, "three dimensions"),
        ({"volume": np.zeros((0, 4, 4), np.uint8)}, "three dimensions"),
        ({"volume": np.zeros((4, 4, 4), np.complex64)}, "real numbers"),
        ({"volume": np.full((4, 4, 4), np.nan, np.float32)}, "NaN"),
        ({"volume": np.full((4, 4, 4), np.inf, np.float16)}, "infinite"),
        ({"voxel_sizes": (0.0, 0.0, 0.0)}, "voxel size is not known"),
        ({"voxel_sizes": (1.0, -1.0, 1.0)}, "voxel size is not known"),
        ({"voxel_sizes": (1.0, float("nan"), 1.0)}, "voxel size is not known"),
        ({"origin": (0.0, float("inf"), 0.0)}, "origin"),
        ({"bin": 0}, "binned by 0"),
        ({"bin": 10**11}, "binned by 100000000000: choose 1 to"),
        ({"smooth": -1}, "smoothing"),
        ({"level": 0.0}, "above 0"),
        ({"level": -5.0}, "above 0"),
        ({"level": -0.5}, "above 0"),
        ({"level": 1e-60, "volume": np.ones((4, 4, 4), np.float32)}, "above 0"),
        ({"level": float("inf")}, "above 0"),
        ({"level": float("nan")}, "above 0"),
    ],
)
def test_what_cannot_be_used_is_said_in_a_sentence(change: dict[str, object], words: str) -> None:
    arguments: dict[str, object] = {"volume": np.ones((4, 4, 4), np.uint8), "level": 0.5, "voxel_sizes": UNIT}
    with pytest.raises(AisError, match=words):
        isosurface(**{**arguments, **change})  # type: ignore[arg-type]


def test_nan_in_one_voxel_is_found_when_binned() -> None:
    volume = np.zeros((9, 9, 9), np.float32)
    volume[8, 8, 8] = np.nan
    with pytest.raises(AisError, match="NaN"):
        isosurface(volume, 0.5, voxel_sizes=UNIT, bin=2)


def test_labels_of_a_simulated_cell(test_data: Path) -> None:
    with mrcfile.open(test_data / "cell_sim_small" / "labels.mrc", permissive=True) as file:
        labels = np.asarray(file.data)
    for label in (1, 4):
        assert_components_are_those_of((labels == label).astype(np.uint8) * 255, 127.5)


def test_no_opengl_and_no_slow_import_comes_with_the_module() -> None:
    program = (
        "import sys, numpy as np, ais.surfaces as s\n"
        "assert not {'vtkmodules', 'scipy', 'skimage'} & set(sys.modules)\n"
        "s.isosurface(np.ones((3, 3, 3)), 0.5, voxel_sizes=(1, 1, 1))\n"
        "assert not [m for m in sys.modules if 'OpenGL' in m or 'Rendering' in m]\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
