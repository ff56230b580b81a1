"""The models of a batch, and what their files say of themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ais.errors import AisError
from ais.models import ModelInfo, model_hash, read_model_info
from ais.segmented_volumes import output_path


@dataclass(frozen=True)
class ChosenModel:
    """A model to segment with.

    Attributes
    ----------
    path
        Its file.
    info
        What it says of itself.
    hash
        Of its content.
    """

    path: Path
    info: ModelInfo
    hash: str

    def as_record(self) -> dict[str, Any]:
        """Where the file was and what it was, by which a record's reader finds it again."""
        return {"path": str(self.path.resolve()), "hash": self.hash, "features": list(self.info.found)}


def read_models(paths: Sequence[Path | str]) -> list[ChosenModel]:
    """What model files say of themselves; no network is loaded yet.

    Raises
    ------
    AisError
        If there are none, one cannot be read, or two find the same feature.
    """
    if not paths:
        raise AisError("At least one model is needed.")
    chosen: list[ChosenModel] = []
    for path in map(Path, paths):
        chosen.append(ChosenModel(path, read_model_info(path), model_hash(path)))
    _check_different([(feature, model.path) for model in chosen for feature in model.info.found])
    return chosen


def _check_different(features: Sequence[tuple[str, Path]]) -> None:
    """Raise an AisError if two features, each with the model that finds it, would be written to one file."""
    taken: dict[str, tuple[str, Path]] = {}
    for feature, path in features:
        # Compared as file names, which Windows takes for the same whatever the case of their letters.
        name = output_path(Path(), Path("x.mrc"), feature).name.casefold()
        if name not in taken:
            taken[name] = (feature, path)
            continue
        other, first = taken[name]
        if first == path and other != feature:
            raise AisError(f"The features '{other}' and '{feature}' of {path} would be one file: rename one of them.")
        raise AisError(f"{first} and {path} both find '{feature}': rename the feature of one.")
