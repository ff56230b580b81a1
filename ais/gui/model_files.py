"""What the files of models say, read in threads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ais.errors import AisError

if TYPE_CHECKING:
    from ais.models import ModelInfo

LARGEST_PREVIEW = 768, 768
"""Columns and rows; a larger picture is shown smaller."""


@dataclass(frozen=True)
class ModelFile:
    """What a model's file says, read in the background.

    Attributes
    ----------
    info
        None if it cannot be read.
    hash
        `ais.models.model_hash`.
    preview
        (rows, columns, 3) uint8, first row on top; None if there is none.
    problem
        Why it cannot be used, in one sentence; else empty.
    missing
        Whether that is because it is not there.
    record
        What the file of a classic model would say that is not saved yet; None for a file.
    """

    info: ModelInfo | None = None
    hash: str = ""
    preview: NDArray[np.uint8] | None = None
    problem: str = ""
    missing: bool = False
    record: Mapping[str, Any] | None = None


def read_model_file(path: Path) -> ModelFile:
    """What a file says; one that is missing or cannot be read says why."""
    # What the window's thread uses of these modules later is loaded here.
    import ais.models.colours
    import ais.segmentation.symmetries  # noqa: F401
    from ais.models import model_hash, read_model_info

    if not path.exists():
        return ModelFile(problem=f"{path} is missing: relink the model to where it is now.", missing=True)
    try:
        info, digest = read_model_info(path), model_hash(path)
    except AisError as error:
        return ModelFile(problem=str(error))
    return ModelFile(info, digest, preview_of(path))


def preview_of(path: Path) -> NDArray[np.uint8] | None:
    """The picture in a model file, (rows, columns, 3) with the first row on top; None if there is none to show."""
    import io

    from PIL import Image

    from ais.models import read_preview

    try:
        data = read_preview(path)
        if data is None:
            return None
        with Image.open(io.BytesIO(data), formats=("PNG",)) as picture:
            small = picture.convert("RGB")
            small.thumbnail(LARGEST_PREVIEW)
            return np.asarray(small)
    except (AisError, OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None  # a picture that cannot be shown does not keep the model from being used
