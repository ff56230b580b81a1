"""Classic segmentation: thresholds, spots, filaments, sheets, templates and watershed, as models without a network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from ais.classic.methods import classic_filter
from ais.classic.segmenter import ClassicSegmenter
from ais.errors import AisError
from ais.models import ModelInfo, save_classic_model
from ais.models.classic import CLASSIC_METHODS, ClassicMethod, classic_method

__all__ = [
    "CLASSIC_METHODS",
    "ClassicMethod",
    "ClassicSegmenter",
    "classic_filter",
    "classic_info",
    "classic_method",
    "make_classic_model",
]


def make_classic_model(
    path: Path | str,
    method: str,
    feature: str,
    options: Mapping[str, object] | None = None,
    *,
    colour: tuple[float, float, float] | None = None,
) -> ModelInfo:
    """Write a model file of a classic method; it can be used wherever a trained model can.

    Parameters
    ----------
    path
        The file to write, ``.aism``; one that is there is replaced.
    method
        Such as ``"sheet"``; see `CLASSIC_METHODS`.
    feature
        What it finds, such as ``"membrane"``.
    options
        Of the method, by name; lengths in angstrom.
    colour
        Red, green, blue, each 0 to 1; None for the usual one.

    Returns
    -------
    ModelInfo
        What the file says.

    Raises
    ------
    AisError
        For an unknown method or option, a value out of range, or a file that cannot be written.
    """
    info = classic_info(method, feature, options, colour=colour)
    save_classic_model(path, info)
    return info


def classic_info(
    method: str,
    feature: str,
    options: Mapping[str, object] | None = None,
    *,
    colour: tuple[float, float, float] | None = None,
) -> ModelInfo:
    """What the file of such a model says; parameters and errors as of `make_classic_model`."""
    chosen = classic_method(method)
    name = feature.strip()
    if not name:
        raise AisError("A classic model needs the name of the feature that it finds.")
    info = ModelInfo(chosen.name, chosen.arguments(options), name, voxel_size=0.0, box_size=1, depth=1)
    if colour is None:
        return info
    return replace(info, colour=colour)
