"""Simulated tomograms: shapes against closed forms, imaging against its definition, truth against what is drawn."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial import cKDTree

from ais.errors import AisError, Cancelled
from ais.formats.coordinates import read_coordinates
from ais.phantom import FEATURES, Canvas, shapes
from ais.phantom.drawing import draw_actin, draw_gold, draw_microtubule, draw_particle, draw_vesicle
from ais.phantom.shapes import Curve, DoubleArray, Vesicle
from ais.progress import Progress
from ais.simulation import SIZES, SimulatedTomogram, image, parse_size, simulate, write_simulation
from ais.tomogram import Tomogram


@pytest.fixture(scope="module")
def small() -> SimulatedTomogram:
    return simulate(seed=1)


@pytest.fixture(scope="module")
def clean() -> SimulatedTomogram:
    return simulate(seed=1, snr=math.inf)


def blank(size: int, voxel_size: float) -> Canvas:
    return Canvas.blank((size, size, size), (0, 0, 0), voxel_size)


def labelled(canvas: Canvas, feature: str) -> np.ndarray:
    return canvas.labels == FEATURES.index(feature) + 1


def middle_of(canvas: Canvas) -> DoubleArray:
    return (np.array(canvas.labels.shape[::-1]) - 1) / 2 * canvas.voxel_size


def sphere(centre: DoubleArray, radius: float) -> Vesicle:
    return Vesicle(centre, radius, np.zeros((3, 3)), np.array([0.0, 0.0, 1.0]), 0.0)


def relion_matrix(rot: float, tilt: float, psi: float) -> DoubleArray:
    """Rz(-psi) Ry(-tilt) Rz(-rot), written out."""

    def about_z(degrees: float) -> DoubleArray:
        c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
        return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])

    c, s = math.cos(math.radians(-tilt)), math.sin(math.radians(-tilt))
    about_y = np.array([[c, 0.0, s], [0.0, 1.0, 0.0], [-s, 0.0, c]])
    return about_z(-psi) @ about_y @ about_z(-rot)


def positions_of(mask: np.ndarray) -> DoubleArray:
    return np.argwhere(mask)[:, ::-1].astype(float)


# Shapes


def test_a_spherical_membrane_is_a_shell_of_five_nanometres() -> None:
    canvas = blank(100, 5.0)
    centre = middle_of(canvas)
    draw_vesicle(canvas, sphere(centre, 180.0))
    mask = labelled(canvas, "membrane")
    volume = 4 / 3 * math.pi * (205.0**3 - 155.0**3)
    assert mask.sum() * 5.0**3 == pytest.approx(volume, rel=0.01)
    radii = np.linalg.norm(positions_of(mask) * 5.0 - centre, axis=1)
    assert 155.0 <= radii.min() < 160.0
    assert 200.0 < radii.max() <= 205.0


def test_a_membrane_has_two_leaflets() -> None:
    canvas = blank(101, 5.0)
    draw_vesicle(canvas, sphere(middle_of(canvas), 180.0))
    profile = canvas.density[50, 50, 50:]
    peaks = [i for i in range(1, len(profile) - 1) if profile[i - 1] < profile[i] >= profile[i + 1]]
    assert len(peaks) == 2
    assert np.array(peaks) * 5.0 == pytest.approx([161.0, 199.0], abs=5.0)
    assert profile[36] < 0.5 * profile[peaks[0]]


def test_the_leaflets_are_resolved_at_ten_angstrom() -> None:
    canvas = blank(61, 10.0)
    draw_vesicle(canvas, sphere(middle_of(canvas), 200.0))
    profile = canvas.density[30, 30, 30:]
    assert profile[20] < 0.6 * min(profile[18], profile[22])


def test_a_deformed_membrane_keeps_its_thickness() -> None:
    canvas = blank(112, 5.0)
    stretch = 0.15 * np.diag([1.0, -0.35, -0.65])
    vesicle = Vesicle(middle_of(canvas), 170.0, stretch, np.array([0.0, 0.6, 0.8]), 0.05)
    draw_vesicle(canvas, vesicle)
    mask = labelled(canvas, "membrane")
    points, normals = vesicle.surface(shapes.even_directions(200))
    steps = np.arange(-60.0, 60.0, 1.0)
    probes = points[:, None, :] + steps[None, :, None] * normals[:, None, :]
    z, y, x = np.rint(probes.reshape(-1, 3)[:, ::-1] / 5.0).astype(int).T
    thickness = mask[z, y, x].reshape(200, -1).sum(axis=1) * 1.0
    assert thickness.mean() == pytest.approx(50.0, abs=1.5)
    assert thickness.min() > 42.0
    assert thickness.max() < 58.0


def test_surface_points_and_normals_agree_with_the_distance() -> None:
    vesicle = Vesicle(np.array([10.0, -20.0, 5.0]), 300.0, 0.1 * np.diag([0.5, 0.5, -1.0]), np.array([1.0, 0, 0]), 0.08)
    points, normals = vesicle.surface(shapes.even_directions(100))
    assert vesicle.signed_distance(points) == pytest.approx(np.zeros(100), abs=1e-6)
    assert vesicle.signed_distance(points + 2.0 * normals) == pytest.approx(np.full(100, 2.0), abs=0.05)


def straight(canvas: Canvas, length: float) -> Curve:
    centre = middle_of(canvas)
    return Curve.through(centre + np.outer(np.linspace(-length / 2, length / 2, 50), [0.0, 0.0, 1.0]), 20.0)


def test_a_microtubule_is_a_hollow_tube_of_25_nanometres() -> None:
    canvas = blank(81, 5.0)
    draw_microtubule(canvas, straight(canvas, 360.0))
    section = labelled(canvas, "microtubule")[40]
    assert section.sum() * 25.0 == pytest.approx(math.pi * 125.0**2, rel=0.01)
    y, x = np.indices(section.shape) * 5.0 - 200.0
    radius = np.hypot(x, y)
    rings = canvas.density.mean(axis=0)
    assert abs(rings[radius < 75.0]).max() == 0.0
    assert rings[(radius > 95.0) & (radius < 115.0)].mean() == pytest.approx(0.9, abs=0.1)
    assert abs(rings[radius > 132.0]).max() == 0.0


def test_a_microtubule_has_thirteen_protofilaments() -> None:
    canvas = blank(131, 2.5)
    draw_microtubule(canvas, straight(canvas, 320.0))
    angles = 2 * np.pi * np.arange(720) / 720
    x, y = (65 + 105.0 / 2.5 * function(angles) for function in (np.cos, np.sin))
    wall = canvas.density[20:110, np.rint(y).astype(int), np.rint(x).astype(int)].mean(axis=0)
    spectrum = np.abs(np.fft.rfft(wall - wall.mean()))
    assert np.argmax(spectrum) == 13


def test_a_bent_microtubule_fills_all_voxels_near_its_line() -> None:
    canvas = blank(60, 10.0)
    angle = np.linspace(0.2, 0.9, 400)
    points = np.array([-450.0, -250.0, 300.0]) + 1000.0 * np.stack([np.cos(angle), np.sin(angle), 0 * angle], axis=1)
    curve = Curve.through(points, 20.0)
    draw_microtubule(canvas, curve)
    fine = np.stack([np.interp(np.linspace(0, 399, 8000), np.arange(400), points[:, i]) for i in range(3)], axis=1)
    distance, nearest = cKDTree(fine).query(np.argwhere(np.ones(canvas.labels.shape))[:, ::-1] * 10.0)
    expected = (distance <= 125.0) & (nearest > 0) & (nearest < 7999)
    found = labelled(canvas, "microtubule").ravel()
    assert (expected != found).sum() < 0.01 * expected.sum()


def test_an_actin_filament_is_seven_nanometres_thick() -> None:
    canvas = blank(81, 5.0)
    draw_actin(canvas, straight(canvas, 360.0))
    section = labelled(canvas, "actin")[40]
    assert section.sum() * 25.0 == pytest.approx(math.pi * 35.0**2, rel=0.05)
    mass = canvas.density.sum(axis=0)
    inside = labelled(canvas, "actin").any(axis=0)
    assert mass[inside].sum() > 0.85 * mass.sum()


def test_actin_subunits_rise_and_turn_as_published() -> None:
    points = np.outer(np.linspace(0.0, 1000.0, 51), [0.0, 0.0, 1.0])
    subunits = shapes.actin_subunits(Curve.through(points, 20.0))
    assert np.diff(subunits[:, 2]) == pytest.approx(np.full(len(subunits) - 1, 27.5), abs=1e-6)
    angle = np.unwrap(np.arctan2(subunits[:, 1], subunits[:, 0]), discont=math.pi)
    assert np.degrees(np.diff(angle)) == pytest.approx(np.full(len(subunits) - 1, -166.6), abs=0.1)


def test_a_gold_bead_is_a_ball_of_ten_nanometres() -> None:
    canvas = blank(41, 5.0)
    draw_gold(canvas, middle_of(canvas))
    assert labelled(canvas, "gold").sum() * 125.0 == pytest.approx(4 / 3 * math.pi * 50.0**3, rel=0.02)


@pytest.mark.parametrize("feature", ["ribosome", "membrane_protein"])
def test_a_particle_lies_around_the_centroid_of_its_mask(feature: str) -> None:
    template = getattr(shapes, f"{feature}_template")(10.0)
    canvas = blank(60, 10.0)
    position = middle_of(canvas) + np.array([1.7, -3.1, 2.2])
    draw_particle(canvas, template, position, relion_matrix(20.0, 70.0, -130.0), feature)
    centroid = positions_of(labelled(canvas, feature)).mean(axis=0) * 10.0
    assert centroid == pytest.approx(position, abs=2.0)


def test_the_ribosome_has_the_size_of_a_ribosome_and_no_symmetry() -> None:
    template = shapes.ribosome_template(10.0)
    points = positions_of(template.level > 0) * template.spacing
    assert all(210.0 < extent < 300.0 for extent in np.ptp(points, axis=0))
    moments = np.linalg.eigvalsh(np.cov(points.T))
    assert np.diff(np.sqrt(moments)).min() > 1.0
    centred = template.level > 0
    for axes in ((0, 1), (0, 2), (1, 2)):
        assert dice(centred, np.flip(centred, axes)) < 0.93


def dice(a: np.ndarray, b: np.ndarray) -> float:
    return float(2 * (a & b).sum() / (a.sum() + b.sum()))


# The whole scene


def test_every_feature_is_there_and_none_overlap(small: SimulatedTomogram) -> None:
    assert small.volume.shape == small.labels.shape == SIZES["small"]
    assert small.volume.dtype == np.float32
    total = np.zeros(SIZES["small"], dtype=int)
    for feature, mask in small.masks.items():
        assert mask.dtype == np.uint8
        assert set(np.unique(mask)) == {0, 1}, feature
        total += mask
    assert total.max() == 1
    assert set(small.masks) == set(FEATURES)
    assert 0.02 < small.mask("membrane").mean() < 0.12


@pytest.mark.parametrize(("seed", "size"), [(0, "small"), (0, "medium")])
def test_there_are_enough_of_each(seed: int, size: str) -> None:
    simulated = simulate(SIZES[size], seed=seed)
    share = np.prod(SIZES[size]) / np.prod(SIZES["small"])
    for feature, least in {"ribosome": 8, "membrane_protein": 4, "gold": 3}.items():
        assert len(simulated.particles[feature].positions) >= int(least * share), feature
    for feature, least in {"microtubule": 1.5, "actin": 3}.items():
        assert sum(f.feature == feature for f in simulated.filaments) >= int(least * share), feature


def test_ribosomes_lie_at_the_centroid_of_their_voxels(small: SimulatedTomogram) -> None:
    tree = cKDTree(positions_of(small.mask("ribosome")))
    for position in small.particles["ribosome"].positions:
        own = tree.data[tree.query_ball_point(position, 14.5)]
        assert np.linalg.norm(own.mean(axis=0) - position) < 0.5


@pytest.mark.parametrize("feature", ["ribosome", "membrane_protein"])
def test_angles_turn_the_reference_onto_the_particle(small: SimulatedTomogram, feature: str) -> None:
    template = getattr(shapes, f"{feature}_template")(10.0)
    inside = small.mask(feature) > 0
    particles = small.particles[feature]
    right, wrong = [], []
    for position, (rot, tilt, psi) in zip(particles.positions, particles.angles, strict=True):
        low = np.maximum(np.rint(position).astype(int) - 12, 0)
        box = tuple(slice(a, a + 25) for a in low[::-1])
        here = inside[box]
        points = (np.argwhere(np.ones(here.shape))[:, ::-1] + low - position) * 10.0
        for angles, scores in (((rot, tilt, psi), right), ((-psi, -tilt, -rot), wrong)):
            # A maps reference to tomogram, so its transpose maps a voxel to the reference.
            _, expected = template.sample((relion_matrix(*angles).T @ points.T).T)
            chosen = np.linalg.norm(points, axis=1) < (150.0 if feature == "ribosome" else 65.0)
            scores.append(dice(expected[chosen], here.ravel()[chosen]))
    assert min(right) > 0.97
    assert np.mean(wrong) < 0.9


def test_membrane_proteins_stand_on_a_membrane(small: SimulatedTomogram) -> None:
    membrane = small.mask("membrane")
    template = shapes.membrane_protein_template(10.0)
    root = shapes.membrane_protein_root(template) / 10.0
    particles = small.particles["membrane_protein"]
    for position, angles in zip(particles.positions, particles.angles, strict=True):
        turn = relion_matrix(*angles)
        x, y, z = np.rint(position + turn @ root).astype(int)
        assert membrane[z, y, x] == 1
        x, y, z = np.rint(position).astype(int)
        assert membrane[z, y, x] == 0


def test_filaments_run_inside_their_masks(small: SimulatedTomogram) -> None:
    for filament in small.filaments:
        mask = small.mask(filament.feature)
        x, y, z = np.rint(filament.points).astype(int).T
        assert mask[z, y, x].mean() > 0.9
        steps = np.diff(filament.points, axis=0)
        assert np.linalg.norm(steps, axis=1) * 10.0 == pytest.approx(np.full(len(steps), 40.0), abs=2.0)
        assert np.linalg.norm(filament.tangents, axis=1) == pytest.approx(np.ones(len(filament.points)))
        assert np.einsum("ij,ij->i", steps, filament.tangents[:-1]).min() > 0.0


@pytest.mark.parametrize(("feature", "radius"), [("microtubule", 11.0), ("actin", 2.5)])
def test_nothing_else_lies_in_a_filament(small: SimulatedTomogram, feature: str, radius: float) -> None:
    voxels = np.argwhere(np.ones(small.labels.shape, dtype=bool))[:, ::-1]
    for filament in (f for f in small.filaments if f.feature == feature):
        distance, nearest = cKDTree(filament.points).query(voxels, distance_upper_bound=radius)
        # Distances from points 4 voxels apart: what is near one of the inner points is inside the tube.
        inner = np.isfinite(distance) & (nearest > 3) & (nearest < len(filament.points) - 4)
        x, y, z = voxels[inner].T
        assert small.mask(feature)[z, y, x].all()


def test_the_same_seed_gives_the_same_tomogram() -> None:
    first, second = (simulate((24, 96, 96), seed=5) for _ in range(2))
    assert np.array_equal(first.volume, second.volume)
    assert np.array_equal(first.labels, second.labels)
    assert not np.array_equal(first.labels, simulate((24, 96, 96), seed=6).labels)


def test_imaging_does_not_change_the_scene() -> None:
    first = simulate((24, 96, 96), seed=5)
    second = simulate((24, 96, 96), seed=5, snr=2.0, tilt_range=45.0, defocus=5.0)
    assert np.array_equal(first.labels, second.labels)
    assert not np.array_equal(first.volume, second.volume)


@pytest.mark.parametrize(("shape", "voxel_size"), [((16, 48, 48), 10.0), ((20, 64, 301), 13.48), ((50, 70, 60), 5.0)])
def test_odd_shapes_and_voxel_sizes(shape: tuple[int, int, int], voxel_size: float) -> None:
    simulated = simulate(shape, voxel_size=voxel_size)
    assert simulated.volume.shape == shape
    assert np.isfinite(simulated.volume).all()
    for particles in simulated.particles.values():
        inside = (particles.positions >= -0.5) & (particles.positions < np.array(shape[::-1]) - 0.5)
        assert inside.all()


# Imaging


def frequencies(shape: tuple[int, ...], voxel_size: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    kz, ky, kx = np.meshgrid(*(np.fft.fftfreq(n, voxel_size) for n in shape), indexing="ij")
    return kz, ky, kx


@pytest.mark.parametrize("tilt_range", [40.0, 60.0])
def test_the_missing_wedge_is_empty(tilt_range: float) -> None:
    density = np.random.default_rng(0).standard_normal((30, 40, 50)).astype(np.float32)
    power = np.abs(np.fft.fftn(image(density, 10.0, tilt_range=tilt_range))) ** 2
    kz, _, kx = frequencies(density.shape, 10.0)
    angle = np.degrees(np.arctan2(np.abs(kz), np.abs(kx)))
    missing = angle > tilt_range + 0.1
    assert missing.mean() == pytest.approx((90.0 - tilt_range) / 90.0, abs=0.15)
    assert power[missing].max() < 1e-8 * power[~missing].mean()
    assert (power[(angle < tilt_range - 0.1) & (np.hypot(kz, kx) > 0)] > 0).all()


def test_the_whole_tomogram_lacks_the_wedge(small: SimulatedTomogram) -> None:
    window = np.ones(1)
    for n in small.volume.shape:
        window = window[..., None] * np.hanning(n)
    power = np.abs(np.fft.fftn(small.volume * window[0])) ** 2
    kz, _, kx = frequencies(power.shape, 10.0)
    angle, radius = np.degrees(np.arctan2(np.abs(kz), np.abs(kx))), np.hypot(kz, kx)
    band = radius > 0.015
    ratio = power[band & (angle > 70.0)].mean() / power[band & (angle < 55.0)].mean()
    assert ratio < 0.01


def test_the_transfer_function_is_that_of_a_weak_phase_object() -> None:
    density = np.zeros((8, 64, 64), dtype=np.float32)
    density[0, 0, 0] = 1.0
    gain = np.fft.fftn(image(density, 10.0, tilt_range=90.0, defocus=4.0)).real
    k = np.fft.fftfreq(64, 10.0)[:32]
    lag = math.pi * 0.0197 * 4.0e4 * k**2 - 0.5 * math.pi * 2.7e7 * 0.0197**3 * k**4
    expected = np.abs(0.2 * np.cos(lag) + math.sqrt(1 - 0.2**2) * np.sin(lag))
    measured = gain[0, 0, :32]
    damping = measured[expected > 0.1] / expected[expected > 0.1]
    assert damping[0] == pytest.approx(1.0, abs=1e-4)
    assert (np.diff(damping) < 1e-6).all()
    assert measured[expected < 0.03].max(initial=0.0) < 0.03


@pytest.mark.parametrize("snr", [0.2, 1.0])
def test_the_signal_to_noise_ratio_is_the_one_asked_for(clean: SimulatedTomogram, snr: float) -> None:
    noisy = simulate(seed=1, snr=snr)
    slope = float((clean.volume * noisy.volume).mean() / (clean.volume**2).mean())
    noise = noisy.volume - slope * clean.volume
    structures = (clean.labels > 0) & (clean.labels <= FEATURES.index("membrane_protein") + 1)
    assert slope**2 * clean.volume[structures].var() / noise.var() == pytest.approx(snr, rel=0.03)


def test_protein_is_dark_on_grey(small: SimulatedTomogram) -> None:
    assert small.volume.mean() == pytest.approx(0.0, abs=1e-4)
    assert small.volume.std() == pytest.approx(1.0, abs=1e-4)
    background = small.volume[small.labels == 0]
    for feature in ("membrane", "ribosome", "membrane_protein", "gold"):
        assert small.volume[small.mask(feature) > 0].mean() < background.mean() - 0.25, feature
    for feature in ("microtubule", "actin"):
        assert small.volume[small.mask(feature) > 0].mean() < background.mean() - 0.05, feature


# What a user can get wrong, and files


@pytest.mark.parametrize(
    "arguments",
    [
        {"shape": (4, 64, 64)},
        {"shape": (64, 64, 0)},
        {"shape": (-64, 64, 64)},
        {"shape": (100_000, 100_000, 100_000)},
        {"shape": (64, 64)},
        {"voxel_size": 0.0},
        {"voxel_size": math.nan},
        {"voxel_size": 500.0},
        {"snr": 0.0},
        {"snr": -1.0},
        {"snr": math.nan},
        {"tilt_range": 0.0},
        {"tilt_range": 91.0},
        {"defocus": -3.0},
        {"seed": -1},
    ],
)
def test_absurd_arguments_are_refused(arguments: dict[str, object]) -> None:
    with pytest.raises(AisError):
        simulate(**arguments)  # type: ignore[arg-type]


def test_sizes_by_name_and_by_number() -> None:
    assert parse_size("small") == SIZES["small"]
    assert parse_size("medium") == SIZES["medium"]
    assert parse_size(" 32x64X96 ") == (32, 64, 96)
    for text in ("", "huge", "32x64", "axbxc", "32x64x96x2", "-1x2x3", "1.5x2x3"):
        with pytest.raises(AisError, match="size"):
            parse_size(text)


def test_cancelling_stops_at_once() -> None:
    class Impatient(Progress):
        def report(self, done: float, *_: object) -> None:
            if done >= 2:
                raise Cancelled

    with pytest.raises(Cancelled):
        simulate((16, 48, 48), progress=Impatient())


def test_the_files_hold_what_was_simulated(small: SimulatedTomogram, tmp_path: Path) -> None:
    folder = tmp_path / "simulated data"
    written = write_simulation(folder, small, "sim_é 1")
    assert all(path.is_file() for path in written)
    assert [path.name for path in folder.glob("*.mrc")] == ["sim_é 1.mrc"]
    with Tomogram.open(written[0]) as tomogram:
        assert tomogram.voxel_size == pytest.approx(10.0)
        assert np.array_equal(tomogram.slab(0, 64), small.volume)
    for feature in FEATURES:
        with Tomogram.open(folder / "truth" / f"sim_é 1_{feature}.mrc") as mask:
            assert np.array_equal(mask.slab(0, 64), 255.0 * small.mask(feature))
    for feature, particles in small.particles.items():
        path = folder / "truth" / f"sim_é 1_{feature}_coords.star"
        read = read_coordinates(path, voxel_size=10.0, shape=small.labels.shape)
        assert read.positions == pytest.approx(particles.positions, abs=1e-4)
        assert read.angles is not None
        for found, expected in zip(read.angles, particles.angles, strict=True):
            assert relion_matrix(*found) == pytest.approx(relion_matrix(*expected), abs=1e-5)
    with open(folder / "truth" / "sim_é 1_filaments.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == sum(len(filament.points) for filament in small.filaments)
    first = small.filaments[0]
    assert [float(rows[1][key]) for key in "xyz"] == pytest.approx(first.points[1], abs=1e-3)
    assert float(rows[1]["length_A"]) == pytest.approx(40.0, abs=2.0)
    facts = json.loads((folder / "truth" / "sim_é 1.json").read_text(encoding="utf-8"))
    assert facts["seed"] == 1
    assert facts["counts"]["ribosome"] == len(small.particles["ribosome"].positions)
    assert facts["voxels"]["membrane"] == small.mask("membrane").sum()


@pytest.mark.parametrize("name", ["", ".", "..", ".hidden", "a/b", "a\\b"])
def test_a_name_must_be_a_file_name(small: SimulatedTomogram, tmp_path: Path, name: str) -> None:
    with pytest.raises(AisError):
        write_simulation(tmp_path, small, name)
    assert not list(tmp_path.iterdir())


def test_an_unknown_feature_is_named(small: SimulatedTomogram) -> None:
    with pytest.raises(AisError, match="mitochondrion"):
        small.mask("mitochondrion")


def test_a_folder_that_is_a_file_is_refused(small: SimulatedTomogram, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(AisError):
        write_simulation(tmp_path / "taken", small, "sim")
