"""A model of any kind made ready to segment: a network, or a classic method, which needs none."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from ais.errors import AisError
from ais.models import load_model, model_hash, read_model_info
from ais.models.info import ModelInfo
from ais.progress import SILENT, Progress
from ais.segmentation.segmenter import Crop, Segmenter
from ais.tomogram import Tomogram


class ReadyModel(Protocol):
    """What segments slices; `Segmenter` and `ais.classic.ClassicSegmenter` are such.

    Attributes
    ----------
    info
        What the model's file says.
    tta, batch_size
        As of `Segmenter`; a classic method finds the same whatever they are.
    """

    tta: int
    batch_size: int | Literal["auto"]

    @property
    def info(self) -> ModelInfo:
        """What the model's file says."""

    @property
    def nbytes(self) -> int:
        """About how much memory it keeps."""

    def predict_slices(
        self, tomogram: Tomogram, z0: int, z1: int, crop: Crop | None = None, *, progress: Progress = SILENT
    ) -> NDArray[np.float32]:
        """As `Segmenter.predict_slices`."""

    def iter_slabs(
        self,
        tomogram: Tomogram,
        z0: int = 0,
        z1: int | None = None,
        crop: Crop | None = None,
        *,
        progress: Progress = SILENT,
    ) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """As `Segmenter.iter_slabs`."""


def segmenter_for(
    path: Path | str,
    *,
    batch_size: int | Literal["auto"] = "auto",
    tta: int = 1,
    precision: str = "auto",
    device: str = "auto",
    expected: str | None = None,
) -> ReadyModel:
    """A model file made ready to segment; for a classic model, no backend for networks is loaded.

    Parameters
    ----------
    path
        A ``.aism`` file, or a ``.scnm`` of Ais 1.x.
    batch_size, tta, precision, device
        As of `Segmenter`.
    expected
        The `ais.models.model_hash` that it must have; None for any.

    Raises
    ------
    AisError
        If the file cannot be used, or is another than expected; and as `Segmenter`.
    """
    info = read_model_info(path)
    if info.is_classic:
        from ais.classic import ClassicSegmenter

        check_hash(path, model_hash(path), expected)
        return ClassicSegmenter(info)
    model = load_model(path)
    check_hash(path, model.hash, expected)
    return Segmenter(model, batch_size=batch_size, tta=tta, precision=precision, device=device)


def check_hash(path: Path | str, found: str | None, expected: str | None) -> None:
    """AisError if a model file does not have the hash that it is expected to have; None expects nothing."""
    if expected is not None and found != expected:
        raise AisError(f"{path} has changed while it was in use: it is read anew.")
