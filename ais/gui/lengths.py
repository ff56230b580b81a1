"""Lengths as a user reads them: nanometres, angstrom or micrometres, and pixels where the voxel size is not known."""

from __future__ import annotations

import math

ANGSTROM_PER = {"A": 1.0, "nm": 10.0, "um": 10_000.0}


def round_length(most: float) -> float:
    """The largest of 1, 2, 5, 10, 20, ... (and 0.5, 0.2, ...) that is not above `most`, which is positive."""
    power = 10.0 ** math.floor(math.log10(most))
    return float(max((step * power for step in (1, 2, 5) if step * power <= most * (1 + 1e-9)), default=power))


def length_text(angstrom: float, units: str) -> str:
    """A length in the user's units ("nm" or "A"), with as many digits as are worth reading; long ones in um."""
    if angstrom >= ANGSTROM_PER["um"]:
        return f"{_short(angstrom / ANGSTROM_PER['um'])} um"
    return f"{_short(angstrom / ANGSTROM_PER[units])} {units}"


def pixels_text(pixels: float, voxel_size: float, units: str) -> str:
    """A length in pixels of `voxel_size` angstrom (0 if not known) as "12.5 nm (9.3 px)" or "9.3 px"."""
    text = f"{_short(pixels)} px"
    return f"{length_text(pixels * voxel_size, units)} ({text})" if voxel_size > 0 else text


def volume_text(nm3: float, voxel_size: float) -> str:
    """A volume in a few digits; in voxels where their size is not known, and 1 angstrom is taken for it."""
    if voxel_size <= 0:
        return f"{nm3 * ANGSTROM_PER['nm'] ** 3:,.0f} voxels"
    return f"{nm3:,.0f} nm³" if nm3 >= 100 else f"{nm3:.3g} nm³"


def scale_bar(pixels: float, voxel_size: float, units: str) -> tuple[float, str]:
    """A round length that takes at most so many picture pixels.

    Returns
    -------
    tuple of float and str
        Its length in picture pixels, and what it is called, such as "100 nm".
    """
    if voxel_size <= 0:
        length = max(round_length(pixels), 1.0)
        return length, f"{length:.15g} px"
    most = pixels * voxel_size
    unit = "um" if most >= ANGSTROM_PER["um"] else units
    length = round_length(most / ANGSTROM_PER[unit])
    return length * ANGSTROM_PER[unit] / voxel_size, f"{length:.6g} {unit}"


def _short(value: float) -> str:
    decimals = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return f"{value:.{decimals}f}"
