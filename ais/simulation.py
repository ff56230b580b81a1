"""Simulated tomograms with their ground truth: what was imaged is known voxel by voxel.

The structures of `ais.phantom` are imaged as an electron microscope and a tilt series would: a contrast transfer
function blurs them, what the tilt range does not see is missing, noise is added, and protein is dark on grey.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ais.errors import AisError
from ais.formats.atomic import write_text
from ais.formats.coordinates import Coordinates, rotation_to_angles, write_coordinates
from ais.formats.registry import write_volume
from ais.phantom import FEATURES, FILAMENTS, PARTICLES, Canvas, Phantom, build_phantom
from ais.phantom.shapes import Curve, DoubleArray, FloatArray
from ais.progress import SILENT, Progress

SIZES = {"small": (64, 192, 192), "medium": (128, 256, 256)}
"""Shapes (z, y, x) that have a name on the command line."""

DEFAULT_VOXEL_SIZE_A = 10.0
DEFAULT_SNR = 0.5
DEFAULT_TILT_RANGE_DEG = 60.0
DEFAULT_DEFOCUS_UM = 3.5

_MARGIN_A = 160.0
_SMALLEST_SHAPE = (16, 48, 48)
_LARGEST_VOLUME = 2**30
_VOXEL_SIZES_A = (2.0, 40.0)
_FILAMENT_STEP_A = 40.0

_WAVELENGTH_A = 0.0197  # of electrons at 300 kV
_SPHERICAL_ABERRATION_A = 2.7e7
_AMPLITUDE_CONTRAST = 0.2
_ENVELOPE_A2 = 900.0
_NOISE_ENVELOPE_A2 = 500.0
_NOTHING = 1e-12


@dataclass(frozen=True)
class SimulatedParticles:
    """Where particles of one feature are, and how they are turned.

    Parameters
    ----------
    positions
        (n, 3) centroids x, y, z in voxels of the tomogram, 0-based, voxel centres at whole numbers.
    angles
        (n, 3) RELION angles rot, tilt, psi in degrees: Rz(-psi) Ry(-tilt) Rz(-rot) maps reference to tomogram.
    """

    positions: DoubleArray
    angles: DoubleArray


@dataclass(frozen=True)
class SimulatedFilament:
    """A centre line inside the tomogram.

    Parameters
    ----------
    feature
        ``"microtubule"`` or ``"actin"``.
    number
        Counts the filaments of a feature from 0.
    points
        (n, 3) positions x, y, z in voxels, in steps of 4 nm.
    tangents
        (n, 3) unit vectors x, y, z.
    """

    feature: str
    number: int
    points: DoubleArray
    tangents: DoubleArray


@dataclass(frozen=True)
class SimulatedTomogram:
    """A tomogram and everything that is in it.

    Parameters
    ----------
    volume
        (z, y, x) float32, protein dark on grey, mean 0 and standard deviation 1.
    labels
        (z, y, x) uint8: 0, or 1 + the index of the feature in `ais.phantom.FEATURES`. Features do not overlap.
    voxel_size
        A.
    particles
        For ribosome, membrane_protein and gold, those whose centre lies in the volume.
    filaments
        Centre lines of microtubules and actin.
    seed, snr, tilt_range, defocus
        What it was made with; see `simulate`.
    """

    volume: FloatArray
    labels: npt.NDArray[np.uint8]
    voxel_size: float
    particles: dict[str, SimulatedParticles]
    filaments: tuple[SimulatedFilament, ...]
    seed: int
    snr: float
    tilt_range: float
    defocus: float

    def mask(self, feature: str) -> npt.NDArray[np.uint8]:
        """(z, y, x) uint8, 1 where the feature is; a new array each time.

        Raises
        ------
        AisError
            If there is no such feature.
        """
        if feature not in FEATURES:
            raise AisError(f"There is no simulated feature {feature!r}: choose one of {', '.join(FEATURES)}.")
        return np.asarray(self.labels == FEATURES.index(feature) + 1, dtype=np.uint8)

    @property
    def masks(self) -> dict[str, npt.NDArray[np.uint8]]:
        """A mask for each feature."""
        return {feature: self.mask(feature) for feature in FEATURES}


def parse_size(text: str) -> tuple[int, int, int]:
    """The (z, y, x) shape that ``small``, ``medium`` or a text such as ``128x256x256`` (ZxYxX) stands for.

    Raises
    ------
    AisError
        If it is neither.
    """
    if text in SIZES:
        return SIZES[text]
    match = re.fullmatch(r"(\d{1,6})x(\d{1,6})x(\d{1,6})", text.strip().lower())
    if match is None:
        raise AisError(f"The size {text!r} is not understood: give small, medium or ZxYxX such as 128x256x256.")
    z, y, x = (int(number) for number in match.groups())
    return z, y, x


def simulate(
    shape: tuple[int, int, int] = SIZES["small"],
    *,
    seed: int = 0,
    voxel_size: float = DEFAULT_VOXEL_SIZE_A,
    snr: float = DEFAULT_SNR,
    tilt_range: float = DEFAULT_TILT_RANGE_DEG,
    defocus: float = DEFAULT_DEFOCUS_UM,
    progress: Progress = SILENT,
) -> SimulatedTomogram:
    """Make a tomogram of membranes, microtubules, actin, ribosomes, membrane proteins, carbon film and gold beads.

    The same arguments give the same tomogram. The structures depend on shape, voxel size and seed alone, so tomograms
    that differ in `snr`, `tilt_range` or `defocus` show the same scene. The peak of memory is about 30 bytes per voxel.

    Parameters
    ----------
    shape
        (z, y, x), at least 16 x 48 x 48 voxels and at most 2^30 in all.
    seed
        Not negative.
    voxel_size
        A, 2 to 40.
    snr
        Variance of the imaged structures, within their masks and without carbon and gold, over the variance of the
        noise. Infinity gives a tomogram without noise.
    tilt_range
        The tilt series goes from minus to plus this angle, degrees about the y axis; 90 leaves nothing out.
    defocus
        Underfocus in micrometres, 0 to 20.

    Returns
    -------
    SimulatedTomogram

    Raises
    ------
    AisError
        If an argument is outside its range or there is not enough memory.
    """
    shape = _checked_shape(shape)
    _check_range("voxel size", voxel_size, *_VOXEL_SIZES_A, "A")
    _check_range("tilt range", tilt_range, 10.0, 90.0, "degrees")
    _check_range("defocus", defocus, 0.0, 20.0, "micrometres")
    if not snr > 0.0:
        raise AisError(f"The signal-to-noise ratio must be above 0, not {snr:g}.")
    if seed < 0:
        raise AisError(f"The seed must be 0 or more, not {seed}.")
    scene_random, noise_random = (np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(2))
    try:
        canvas = Canvas.blank(shape, _margin(shape, voxel_size), voxel_size)
        phantom = build_phantom(canvas, scene_random, progress)
        volume = _imaged(canvas, noise_random, snr, tilt_range, defocus, progress)
    except MemoryError as error:
        raise AisError(f"There is not enough memory for {' x '.join(map(str, shape))} voxels: choose fewer.") from error
    return SimulatedTomogram(
        volume=volume,
        labels=np.ascontiguousarray(canvas.labels[canvas.field_of_view]),
        voxel_size=voxel_size,
        particles={name: _particles(phantom, name) for name in PARTICLES},
        filaments=tuple(part for name in FILAMENTS for part in _filaments(phantom, name)),
        seed=seed,
        snr=snr,
        tilt_range=tilt_range,
        defocus=defocus,
    )


def image(
    density: FloatArray,
    voxel_size: float,
    *,
    tilt_range: float = DEFAULT_TILT_RANGE_DEG,
    defocus: float = DEFAULT_DEFOCUS_UM,
) -> FloatArray:
    """What a tilt series without noise shows of a density: the contrast transfer function and the missing wedge.

    Parameters
    ----------
    density
        (z, y, x) float32, taken as periodic.
    voxel_size
        A.
    tilt_range
        Degrees about the y axis. What is missing are the spatial frequencies with ``|kz| > tan(tilt_range) |kx|``.
    defocus
        Underfocus, micrometres. Phases are flipped, as after the usual correction.

    Returns
    -------
    ndarray
        (z, y, x) float32, dense still positive.

    References
    ----------
    Transfer function of the weak phase object: Erickson and Klug, Phil. Trans. R. Soc. B 261 (1971) 105-118.
    """
    return _filtered(density, voxel_size, tilt_range, defocus)


def write_simulation(
    folder: Path | str, simulated: SimulatedTomogram, name: str, *, progress: Progress = SILENT
) -> list[Path]:
    """Write a simulated tomogram and, in a folder of its own so that nobody segments it, the ground truth.

    ``<name>.mrc`` is the tomogram (float32). In ``truth`` are, for each feature, ``<name>_<feature>.mrc`` with 0 and
    255 on the scale of Ais' segmentations (mode 6); for particles ``<name>_<feature>_coords.star`` in RELION 5's
    convention; ``<name>_filaments.csv`` with centre lines (positions x, y, z in voxels, tangents, track length in A);
    and ``<name>.json`` with the settings and the counts.

    Parameters
    ----------
    folder
        Made if missing; files of the same names are replaced.
    simulated
        From `simulate`.
    name
        The tomogram's name, without extension.

    Returns
    -------
    list of Path
        The files written, the tomogram first.

    Raises
    ------
    AisError
        If the name is no file name, the folder cannot be written or the disk is full.
    """
    if not name or name.startswith(".") or Path(name).name != name or "\\" in name:
        raise AisError(f"{name!r} cannot name a tomogram: give a name without folders and without a leading dot.")
    truth = Path(folder) / "truth"
    tomogram = Path(folder) / f"{name}.mrc"
    total = len(FEATURES) + 2
    progress.report(0, total, f"Writing {name}")
    size = simulated.voxel_size
    write_volume(tomogram, simulated.volume, voxel_sizes=size, label=f"Simulated tomogram, seed {simulated.seed}")
    written = [tomogram]
    for done, feature in enumerate(FEATURES):
        progress.report(done + 1, total, f"Writing {name}: {feature}")
        mask = simulated.mask(feature)
        mask *= 255
        written.append(truth / f"{name}_{feature}.mrc")
        write_volume(written[-1], mask, voxel_sizes=size, label=f"Ground truth: {feature}")
    progress.report(total - 1, total, f"Writing {name}: coordinates")
    for feature, particles in simulated.particles.items():
        table = Coordinates(particles.positions, [name] * len(particles.positions), particles.angles)
        path = truth / f"{name}_{feature}_coords.star"
        written += write_coordinates(path, table, voxel_size=size, shape=simulated.labels.shape)
    written += [truth / f"{name}_filaments.csv", truth / f"{name}.json"]
    write_text(written[-2], _filaments_csv(simulated))
    write_text(written[-1], json.dumps(_facts(simulated), indent=1) + "\n")
    return written


def _filaments_csv(simulated: SimulatedTomogram) -> str:
    lines = ["feature,filament,x,y,z,tx,ty,tz,length_A"]
    for filament in simulated.filaments:
        steps = np.linalg.norm(np.diff(filament.points, axis=0), axis=1) * simulated.voxel_size
        lengths = np.concatenate([[0.0], np.cumsum(steps)])
        for point, tangent, length in zip(filament.points, filament.tangents, lengths, strict=True):
            numbers = [f"{v:.3f}" for v in point] + [f"{v:.5f}" for v in tangent] + [f"{length:.1f}"]
            lines.append(",".join([filament.feature, str(filament.number), *numbers]))
    return "\n".join(lines) + "\n"


def _facts(simulated: SimulatedTomogram) -> dict[str, object]:
    counts = {name: len(particles.positions) for name, particles in simulated.particles.items()}
    for name in FILAMENTS:
        counts[name] = sum(filament.feature == name for filament in simulated.filaments)
    return {
        "shape": list(simulated.labels.shape),
        "voxel_size": simulated.voxel_size,
        "seed": simulated.seed,
        "snr": simulated.snr if math.isfinite(simulated.snr) else None,
        "tilt_range": simulated.tilt_range,
        "defocus": simulated.defocus,
        "counts": counts,
        "voxels": {name: int(np.count_nonzero(simulated.labels == i + 1)) for i, name in enumerate(FEATURES)},
    }


def _imaged(
    canvas: Canvas,
    random: np.random.Generator,
    snr: float,
    tilt_range: float,
    defocus: float,
    progress: Progress,
) -> FloatArray:
    view = canvas.field_of_view
    progress.report(0, 3, "Imaging the structures")
    volume = np.negative(_filtered(canvas.density, canvas.voxel_size, tilt_range, defocus)[view])
    if math.isfinite(snr):
        progress.report(1, 3, "Adding noise")
        power = _signal_power(volume, canvas.labels[view])
        # The density has been imaged; its memory holds the noise.
        noise = random.standard_normal(out=canvas.density, dtype=np.float32)
        noise = _filtered(noise, canvas.voxel_size, tilt_range, None)[view]
        noise *= np.float32(math.sqrt(power / snr) / max(float(np.std(noise, dtype=np.float64)), _NOTHING))
        volume += noise
    progress.report(2, 3, "Scaling")
    volume -= np.float32(np.mean(volume, dtype=np.float64))
    volume /= np.float32(max(float(np.std(volume, dtype=np.float64)), _NOTHING))
    return volume


def _signal_power(volume: FloatArray, labels: npt.NDArray[np.uint8]) -> float:
    # Carbon and gold, the last two features, would outweigh what one looks for.
    chosen = (labels > 0) & (labels <= FEATURES.index("membrane_protein") + 1)
    return float(np.var(volume[chosen], dtype=np.float64)) if chosen.any() else float(np.var(volume))


def _filtered(volume: FloatArray, voxel_size: float, tilt_range: float, defocus: float | None) -> FloatArray:
    # Without a defocus only the envelope of noise is applied, and the wedge.
    from scipy import fft

    spectrum = fft.rfftn(volume, workers=-1)
    kz, ky = (fft.fftfreq(n, voxel_size).astype(np.float32) for n in volume.shape[:2])
    kx = fft.rfftfreq(volume.shape[2], voxel_size).astype(np.float32)
    slope = math.tan(math.radians(tilt_range)) if tilt_range < 90.0 else math.inf
    in_plane = ky[:, None] ** 2 + kx[None, :] ** 2
    for i, height in enumerate(kz):
        squared = in_plane + height**2
        gain = _transfer(squared, defocus * 1e4) if defocus is not None else np.exp(-_NOISE_ENVELOPE_A2 / 4 * squared)
        seen = np.ones(kx.shape, bool) if math.isinf(slope) else abs(height) <= slope * kx * (1.0 + 1e-6)
        spectrum[i] *= gain * seen[None, :]
    return np.asarray(fft.irfftn(spectrum, s=volume.shape, workers=-1, overwrite_x=True), dtype=np.float32)


def _transfer(squared_frequency: FloatArray, defocus_a: float) -> FloatArray:
    phase = (np.pi * _WAVELENGTH_A * defocus_a) * squared_frequency
    phase -= (0.5 * np.pi * _SPHERICAL_ABERRATION_A * _WAVELENGTH_A**3) * squared_frequency**2
    contrast = np.abs(np.sin(phase + math.asin(_AMPLITUDE_CONTRAST)))
    return np.asarray(contrast * np.exp(-_ENVELOPE_A2 / 4 * squared_frequency), dtype=np.float32)


def _particles(phantom: Phantom, feature: str) -> SimulatedParticles:
    positions = np.array(phantom.positions[feature]).reshape(-1, 3)
    rotations = np.array(phantom.rotations[feature]).reshape(-1, 3, 3)
    inside = phantom.canvas.within_view(positions)
    return SimulatedParticles(positions[inside] / phantom.canvas.voxel_size, _relion_angles(rotations[inside]))


def _relion_angles(rotations: DoubleArray) -> DoubleArray:
    from scipy.spatial.transform import Rotation

    return rotation_to_angles(Rotation.from_matrix(rotations)) if len(rotations) else np.empty((0, 3))


def _filaments(phantom: Phantom, feature: str) -> list[SimulatedFilament]:
    found: list[SimulatedFilament] = []
    for curve in phantom.curves[feature]:
        coarse = curve.every(max(1, round(_FILAMENT_STEP_A / curve.step)))
        for start, stop in _runs(phantom.canvas.within_view(coarse.points)):
            part: Curve = coarse.between(start, stop)
            points = part.points / phantom.canvas.voxel_size
            found.append(SimulatedFilament(feature, len(found), points, part.tangents))
    return found


def _runs(inside: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    # A bent filament may leave the volume and come back; each stay of two points or more counts as a filament.
    edges = np.flatnonzero(np.diff(np.concatenate([[0], inside.astype(np.int8), [0]])))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True) if b - a >= 2]


def _margin(shape: tuple[int, int, int], voxel_size: float) -> tuple[int, int, int]:
    from scipy import fft

    least = math.ceil(_MARGIN_A / voxel_size)
    # Sizes that transform fast, with the same margin on both sides.
    z, y, x = (next(m for m in range(least, n + 2 * least) if fft.next_fast_len(n + 2 * m) == n + 2 * m) for n in shape)
    return z, y, x


def _checked_shape(shape: tuple[int, int, int]) -> tuple[int, int, int]:
    text = " x ".join(str(n) for n in shape)
    if len(shape) != 3 or any(n < least for n, least in zip(shape, _SMALLEST_SHAPE, strict=True)):
        least = " x ".join(map(str, _SMALLEST_SHAPE))
        raise AisError(f"A simulated tomogram needs at least {least} voxels (z, y, x), not {text}.")
    if math.prod(shape) > _LARGEST_VOLUME:
        raise AisError(f"A simulated tomogram of {text} voxels is too large: 2^30 voxels are the most.")
    z, y, x = (int(n) for n in shape)
    return z, y, x


def _check_range(name: str, value: float, least: float, most: float, unit: str) -> None:
    if not least <= value <= most:
        raise AisError(f"The {name} must lie between {least:g} and {most:g} {unit}, not {value:g}.")
