"""Groups of models of Ais 1.x (``.scnmgroup``): a tar of model files and the interactions between them."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from ais.errors import AisError
from ais.formats.scnm import SUFFIX as MODEL_SUFFIX
from ais.formats.scnm import open_members, read_member

SUFFIX = ".scnmgroup"
KIND = "a group of models of Ais 1.x"
INTERACTIONS_END = "_interactions.json"
MOST_MODELS = 200
MAX_MODEL_BYTES = 4 << 30
MAX_INTERACTIONS_BYTES = 1 << 20
MOST_INTERACTIONS = 1000
A_PER_NM = 10.0
TYPES = {0: "colocalize", 1: "avoid"}


@dataclass(frozen=True)
class Scnmgroup:
    """An open group.

    Attributes
    ----------
    names
        Of its model files, without folders, in the order in which Ais 1.x numbered them.
    interactions
        Rules between the titles of its models, as in a rules file.
    """

    names: tuple[str, ...]
    interactions: tuple[Mapping[str, Any], ...]
    _read: Callable[[str], bytes]

    def model(self, name: str) -> bytes:
        """The bytes of a model file.

        Raises
        ------
        AisError
            If it is damaged or far too large.
        """
        return self._read(name)


@contextmanager
def open_scnmgroup(path: Path | str) -> Iterator[Scnmgroup]:
    """Open a group of Ais 1.x; nothing is unpacked to disk.

    Raises
    ------
    AisError
        If it cannot be read, is no group, or is damaged.
    """
    with open_members(path, KIND, MOST_MODELS + 1) as (tar, members):
        found = {PurePosixPath(member.name).name: member for member in members if not member.isdir()}
        models = sorted((name for name in found if name.lower().endswith(MODEL_SUFFIX)), key=_number_in)
        rules = [name for name in found if name.endswith(INTERACTIONS_END)]
        if not models or len(rules) > 1 or len(found) != len(models) + len(rules):
            raise AisError(f"{path} is not {KIND}: it must hold models and at most one list of interactions.")
        text = read_member(tar, found[rules[0]], MAX_INTERACTIONS_BYTES, path) if rules else b"[]"

        def read(name: str) -> bytes:
            return read_member(tar, found[name], MAX_MODEL_BYTES, path)

        yield Scnmgroup(tuple(models), tuple(_interactions(text, path)), read)


def _number_in(name: str) -> tuple[int, str]:
    digits = PurePosixPath(name).stem.rpartition("_")[2]
    return (int(digits) if digits.isdecimal() and len(digits) < 6 else 0, name)


def _interactions(text: bytes, path: Path | str) -> Iterator[Mapping[str, Any]]:
    """Interactions in our words: what Ais 1.x calls the parent owns the rule, and the partner is what it looks at."""
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise AisError(f"{path} is damaged: its list of interactions is not JSON.") from error
    if not isinstance(content, list) or len(content) > MOST_INTERACTIONS:
        raise AisError(f"{path} is damaged: its list of interactions makes no sense.")
    for number, entry in enumerate(content, start=1):
        values: Mapping[str, Any] = entry if isinstance(entry, dict) else {}
        child, parent, kind = (values.get(key) for key in ("parent_title", "partner_title", "type"))
        radius, threshold = values.get("radius", 0.0), values.get("threshold", 0.5)
        if (
            not isinstance(child, str)
            or not isinstance(parent, str)
            or not isinstance(kind, int)
            or kind not in TYPES
            or not _within(radius, 0.0, 1e5)
            or not _within(threshold, 0.0, 1.0)
        ):
            raise AisError(f"{path} is damaged: interaction {number} of it makes no sense.")
        yield {
            "child": child,
            "parent": parent,
            "type": TYPES[kind],
            "radius": float(radius) * A_PER_NM,
            "threshold": float(threshold),
        }


def _within(value: Any, low: float, high: float) -> bool:
    return isinstance(value, int | float) and math.isfinite(value) and low <= value <= high
