"""Prepared volumes: smoothed, inverted, binned, turned, masked, or given another tomogram's amplitude spectrum."""

from __future__ import annotations

from ais.filters.arrays import anisotropic_diffusion, bin_volume, edge_strength, gaussian, invert, median, swap_axes
from ais.filters.masking import mask_volume
from ais.filters.spectrum import AmplitudeSpectrum, amplitude_spectrum, match_spectrum
from ais.filters.volumes import KINDS, filter_volume

__all__ = [
    "KINDS",
    "AmplitudeSpectrum",
    "amplitude_spectrum",
    "anisotropic_diffusion",
    "bin_volume",
    "edge_strength",
    "filter_volume",
    "gaussian",
    "invert",
    "mask_volume",
    "match_spectrum",
    "median",
    "swap_axes",
]
