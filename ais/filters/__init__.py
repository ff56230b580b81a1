"""Prepared volumes: smoothed, inverted, binned, turned, masked, or given another tomogram's amplitude spectrum."""

from __future__ import annotations

from ais.filters.arrays import anisotropic_diffusion, bin_volume, edge_strength, gaussian, invert, median, swap_axes
from ais.filters.masking import mask_volume
from ais.filters.part import central_spectrum, filtered_part
from ais.filters.record import FilterSettings, filter_with_record
from ais.filters.spectrum import AmplitudeSpectrum, amplitude_spectrum, match_spectrum
from ais.filters.volumes import KINDS, filter_volume, spectrum_of
from ais.filters.words import FilterInWords, filter_from_words

__all__ = [
    "KINDS",
    "AmplitudeSpectrum",
    "FilterInWords",
    "FilterSettings",
    "amplitude_spectrum",
    "anisotropic_diffusion",
    "bin_volume",
    "central_spectrum",
    "edge_strength",
    "filter_from_words",
    "filter_volume",
    "filter_with_record",
    "filtered_part",
    "gaussian",
    "invert",
    "mask_volume",
    "match_spectrum",
    "median",
    "spectrum_of",
    "swap_axes",
]
