"""Filtered volumes with the record that `ais filter` leaves beside them, whoever makes them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ais.filters.spectrum import AmplitudeSpectrum
from ais.filters.volumes import filter_volume
from ais.formats.record import Identity, describe_input, write_record
from ais.progress import SILENT, Progress

VALUES = {
    "gaussian": "gaussian",
    "median": "median",
    "anisotropic": "anisotropic",
    "bin": "bin_",
    "swap-axes": "swap_axes",
}
"""Of each filter with a value the parameter of the command."""


@dataclass(frozen=True)
class FilterSettings:
    """All that changes a filtered volume, but for the volumes that are read.

    Attributes
    ----------
    kind, value, dimensions, voxel_size
        As of `ais.filters.filter_volume`; of ``match`` the value has no part in it.
    reference_voxel_size
        Overrides the voxel size of the reference of ``match``, A.
    """

    kind: str
    value: float | int | str | None = None
    dimensions: int = 2
    voxel_size: float | None = None
    reference_voxel_size: float | None = None

    def recorded(self) -> dict[str, Any]:
        """The settings of the record: the parameters of `ais filter`."""
        return {
            **{name: self.value if kind == self.kind else None for kind, name in VALUES.items()},
            "invert": self.kind == "invert",
            "cube": self.kind == "median" and self.dimensions == 3,
            "threshold": None,
            "outside": False,
            "voxel_size": self.voxel_size,
            "reference_voxel_size": self.reference_voxel_size,
        }


def filter_with_record(
    source: Path,
    target: Path,
    settings: FilterSettings,
    *,
    reference: Path | None = None,
    spectrum: AmplitudeSpectrum | None = None,
    progress: Progress = SILENT,
) -> None:
    """Filter a volume file into another, as `ais.filters.filter_volume`, and write the record beside it.

    Parameters
    ----------
    source, target
        The volume, and where to.
    settings
        The filter; not ``mask``.
    reference, spectrum
        Of ``match``: the file, and its `ais.filters.spectrum_of`.
    progress
        Told how far it is.

    Raises
    ------
    AisError
        As `ais.filters.filter_volume`, or if the record cannot be written.
    """
    started = time.monotonic()
    inputs = [{"role": "input_", **describe_input(source)}]
    if reference is not None:
        inputs.append({"role": settings.kind, **describe_input(reference)})
    value = spectrum if settings.kind == "match" else settings.value
    filter_volume(
        *(source, target, settings.kind, value),
        dimensions=settings.dimensions,
        voxel_size=settings.voxel_size,
        progress=progress,
    )
    write_record(target, Identity("filter", inputs, settings.recorded()), {}, time.monotonic() - started)
