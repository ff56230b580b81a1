"""Rules between models: competition, and one feature's prediction allowed only near, or only away from, another's.

Rules are read from a file such as::

    [
      {"competition": {"emit": ["ribosome"], "absorb": ["membrane", "microtubule"]}},
      {"child": "membrane", "parent": "carbon", "type": "avoid", "radius": 100.0, "threshold": 0.5}
    ]

Competition comes first wherever it stands; the interactions follow in their order. ``radius`` is in angstrom and 0 if
left out, ``threshold`` is a probability and 0.5 if left out.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ais.errors import AisError, describe_os_error

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Probabilities = NDArray[np.float32]

LARGEST_FILE_BYTES = 1 << 20
LARGEST_RADIUS_A = 1e6
# A radius of exactly some voxels must not lose its outermost ones because radius / voxel size was rounded down.
ROUNDING = 1e-6


class InteractionType(StrEnum):
    """What a child does near its parent."""

    COLOCALIZE = "colocalize"
    AVOID = "avoid"


@dataclass(frozen=True)
class Competition:
    """Where an emitting feature is more probable than an absorbing one, the absorbing one becomes zero.

    Attributes
    ----------
    emit, absorb
        Names of features; one may stand in both.
    """

    emit: tuple[str, ...] = ()
    absorb: tuple[str, ...] = ()


@dataclass(frozen=True)
class Interaction:
    """One feature, the child, kept only near (colocalize) or only away from (avoid) another one, its parent.

    Attributes
    ----------
    child, parent
        Names of two different features.
    type
        Whether the child is kept near the parent or away from it.
    radius
        How far the parent's influence reaches beyond its own voxels, in angstrom; 0 is its own voxels.
    threshold
        Probability from which on the parent is there, 0 to 1.
    """

    child: str
    parent: str
    type: InteractionType
    radius: float = 0.0
    threshold: float = 0.5


@dataclass(frozen=True)
class Rules:
    """Competition between features, then interactions in their order."""

    competition: Competition = Competition()
    interactions: tuple[Interaction, ...] = ()

    @classmethod
    def read(cls, path: Path | str) -> Rules:
        """Read a rules file.

        Raises
        ------
        AisError
            If the file cannot be read, or says something else than rules; the sentence names the faulty entry.
        """
        return cls.parse(_file_content(Path(path)), str(path))

    @classmethod
    def parse(cls, content: object, source: str = "the rules") -> Rules:
        """Rules from what a rules file holds: a list of dictionaries; raises as `read`, naming `source`."""
        if not isinstance(content, list):
            raise AisError(f"{source} must hold a list of rules in square brackets.")
        competitions: list[Competition] = []
        interactions: list[Interaction] = []
        for number, entry in enumerate(content, start=1):
            where = f"Rule {number} of {source}"
            if not isinstance(entry, dict):
                raise AisError(f"{where} must be a rule in curly brackets.")
            if "competition" in entry:
                competitions.append(_competition(entry, where))
            else:
                interactions.append(_interaction(entry, where))
        if len(competitions) > 1:
            raise AisError(f"{source} has {len(competitions)} competitions: put all names into one.")
        return cls(competitions[0] if competitions else Competition(), tuple(interactions))

    def content(self) -> list[dict[str, Any]]:
        """The rules as a rules file holds them; `parse` reads it back."""
        entries: list[dict[str, Any]] = []
        if self.competition.emit or self.competition.absorb:
            emit, absorb = list(self.competition.emit), list(self.competition.absorb)
            entries.append({"competition": {"emit": emit, "absorb": absorb}})
        for rule in self.interactions:
            names = {"child": rule.child, "parent": rule.parent, "type": str(rule.type)}
            entries.append({**names, "radius": rule.radius, "threshold": rule.threshold})
        return entries

    def joined(self, other: Rules) -> Rules:
        """These rules, then the others; what is in both stands once."""
        emit = tuple(dict.fromkeys((*self.competition.emit, *other.competition.emit)))
        absorb = tuple(dict.fromkeys((*self.competition.absorb, *other.competition.absorb)))
        return Rules(Competition(emit, absorb), tuple(dict.fromkeys((*self.interactions, *other.interactions))))

    @property
    def names(self) -> tuple[str, ...]:
        """The features that the rules name, each once, in the order in which they appear."""
        pairs = [name for rule in self.interactions for name in (rule.child, rule.parent)]
        return tuple(dict.fromkeys([*self.competition.emit, *self.competition.absorb, *pairs]))

    def reach(self, voxel_size: float) -> int:
        """How many pixels around a region have a say in it; `voxel_size` in angstrom."""
        # Rules follow each other, so their reaches add up.
        radii = sum(rule.radius for rule in self.interactions)
        return math.ceil(radii / voxel_size) if radii > 0 else 0

    def check(self, features: Iterable[str]) -> None:
        """Raise an AisError if a rule names something that is not one of `features`."""
        known = list(features)
        for name in self.names:
            if name not in known:
                raise AisError(f'The rules name "{name}", which is not among the features: {", ".join(known)}.')


def apply_rules(
    probabilities: dict[str, Probabilities],
    rules: Rules,
    voxel_size: float | tuple[float, float, float],
    *,
    ball: bool = False,
) -> dict[str, Probabilities]:
    """Let competition and interactions change the predictions of several features.

    All competition happens at once, on the values as they come; then each interaction reads the values that the
    ones before it left. Interactions reach within a slice, so that slabs can be treated one after the other.

    Parameters
    ----------
    probabilities
        One array per feature, float32, 0 to 1, all of the same shape (n, ny, nx) or (ny, nx). Changed in place.
    rules
        What to apply.
    voxel_size
        In angstrom, one number or (z, y, x). Needed for interactions with a radius.
    ball
        Let the radius reach into the slices above and below as well. The arrays must then be the whole volume, or a
        slab with that many slices to spare on either side.

    Returns
    -------
    dict
        `probabilities` itself.

    Raises
    ------
    AisError
        If a rule names none of the features, the shapes differ, or the voxel size is needed but not known.
    """
    rules.check(probabilities)
    shapes = {values.shape for values in probabilities.values()}
    if len(shapes) > 1:
        raise AisError(f"The predictions differ in shape: {', '.join(str(shape) for shape in sorted(shapes))}.")
    edges = _edges(voxel_size, needed=any(rule.radius > 0 for rule in rules.interactions))
    slabs = {name: values[np.newaxis] if values.ndim == 2 else values for name, values in probabilities.items()}
    _compete(slabs, rules.competition)
    for rule in rules.interactions:
        _interact(slabs[rule.child], slabs[rule.parent], rule, edges, ball=ball)
    return probabilities


def _edges(voxel_size: float | tuple[float, float, float], *, needed: bool) -> tuple[float, float, float]:
    z, y, x = np.broadcast_to(np.asarray(voxel_size, dtype=np.float64), (3,)).tolist()
    if needed and not all(math.isfinite(edge) and edge > 0 for edge in (z, y, x)):
        raise AisError("Rules with a radius in angstrom need the voxel size: give it, for example --voxel-size 13.48.")
    return (z, y, x)


def _compete(slabs: dict[str, Probabilities], competition: Competition) -> None:
    if not competition.emit or not competition.absorb:
        return
    # Slice by slice: the strongest emission needs the memory of one slice only.
    for z in range(len(slabs[competition.emit[0]])):
        strongest = slabs[competition.emit[0]][z].copy()
        for name in competition.emit[1:]:
            np.maximum(strongest, slabs[name][z], out=strongest)
        for name in competition.absorb:
            values = slabs[name][z]
            values[values < strongest] = 0


def _interact(
    child: Probabilities, parent: Probabilities, rule: Interaction, edges: tuple[float, float, float], *, ball: bool
) -> None:
    if ball:
        _interact_within(child, parent, rule, edges)
        return
    for z in range(len(child)):
        _interact_within(child[z], parent[z], rule, edges[1:])


def _interact_within(child: Probabilities, parent: Probabilities, rule: Interaction, edges: tuple[float, ...]) -> None:
    """Apply one interaction to a slice or a volume, by distances over all its axes."""
    avoid = rule.type == InteractionType.AVOID
    reach = [math.ceil(rule.radius / edge) + 1 if rule.radius > 0 else 0 for edge in edges]
    box = _box_around(parent >= rule.threshold, reach)
    if box is None:
        if not avoid:
            child[...] = 0
        return
    near = _dilated(parent[box] >= rule.threshold, rule.radius, edges)
    if avoid:
        child[box][near] = 0
        return
    kept = np.where(near, child[box], np.float32(0))
    child[...] = 0
    child[box] = kept


def _box_around(mask: NDArray[np.bool_], reach: list[int]) -> tuple[slice, ...] | None:
    """The smallest box that holds the mask and what is within reach of it; None for an empty mask."""
    box = []
    for axis, distance in enumerate(reach):
        others = tuple(other for other in range(mask.ndim) if other != axis)
        occupied = np.flatnonzero(mask.any(axis=others))
        if not len(occupied):
            return None
        box.append(slice(max(0, int(occupied[0]) - distance), int(occupied[-1]) + distance + 1))
    return tuple(box)


def _dilated(mask: NDArray[np.bool_], radius: float, edges: tuple[float, ...]) -> NDArray[np.bool_]:
    """Where the distance to the mask is at most the radius; `edges` in the same unit."""
    if radius == 0:
        return mask
    import edt

    # In voxels of the last axis, whose squares are exact in single precision.
    spacing = tuple(edge / edges[-1] for edge in edges)
    squared = edt.edtsq((~mask).view(np.uint8), anisotropy=spacing)
    return np.asarray(squared <= (radius / edges[-1]) ** 2 * (1 + ROUNDING))


def _file_content(path: Path) -> object:
    try:
        with path.open("rb") as file:
            text = file.read(LARGEST_FILE_BYTES + 1)
    except OSError as error:
        raise AisError(describe_os_error(error, path)) from error
    if len(text) > LARGEST_FILE_BYTES:
        raise AisError(f"{path} is far too large for a rules file.")
    try:
        content: object = json.loads(
            text.decode("utf-8-sig"), object_pairs_hook=_without_repeats, parse_constant=_refused_constant
        )
    except (ValueError, RecursionError) as error:
        raise AisError(f"{path} is not a rules file: {_reason(error)}.") from error
    return content


def _reason(error: ValueError | RecursionError) -> str:
    match error:
        case json.JSONDecodeError():
            return f"{error.msg} in line {error.lineno}"
        case UnicodeDecodeError():
            return "it is not a text file"
        case RecursionError():
            return "it is nested too deeply"
        case _:
            return str(error)


def _without_repeats(pairs: list[tuple[str, object]]) -> dict[str, object]:
    entry: dict[str, object] = {}
    for key, value in pairs:
        if key in entry:
            raise ValueError(f'"{key}" stands twice in one entry')
        entry[key] = value
    return entry


def _refused_constant(name: str) -> float:
    raise ValueError(f"{name} is not a number that a rule can have")


def _competition(entry: dict[str, object], where: str) -> Competition:
    _check_keys(entry, {"competition"}, {"competition"}, where)
    sides = entry["competition"]
    if not isinstance(sides, dict):
        raise AisError(f'{where}: "competition" must hold "emit" and "absorb" in curly brackets.')
    _check_keys(sides, {"emit", "absorb"}, {"emit", "absorb"}, where)
    return Competition(_names(sides, "emit", where), _names(sides, "absorb", where))


def _interaction(entry: dict[str, object], where: str) -> Interaction:
    needed = {"child", "parent", "type"}
    _check_keys(entry, needed | {"radius", "threshold"}, needed, where)
    child, parent = _name(entry["child"], "child", where), _name(entry["parent"], "parent", where)
    if child == parent:
        raise AisError(f'{where} names "{child}" as child and as parent: they must be two features.')
    kind = entry["type"]
    if kind not in list(InteractionType):
        raise AisError(f'{where}: "type" must be "colocalize" or "avoid", not {json.dumps(kind)}.')
    radius = _number(entry.get("radius", 0.0), "radius", LARGEST_RADIUS_A, where)
    threshold = _number(entry.get("threshold", 0.5), "threshold", 1.0, where)
    return Interaction(child, parent, InteractionType(str(kind)), radius, threshold)


def _check_keys(entry: dict[str, object], known: set[str], needed: set[str], where: str) -> None:
    unknown, missing = sorted(entry.keys() - known), sorted(needed - entry.keys())
    if unknown:
        raise AisError(f'{where} has an unknown key "{unknown[0]}"; known are {", ".join(sorted(known))}.')
    if missing:
        raise AisError(f'{where} has no "{missing[0]}".')


def _name(value: object, key: str, where: str) -> str:
    if not isinstance(value, str) or not value:
        raise AisError(f'{where}: "{key}" must be the name of a feature, not {json.dumps(value)}.')
    return value


def _names(sides: dict[str, object], key: str, where: str) -> tuple[str, ...]:
    values = sides[key]
    if not isinstance(values, list):
        raise AisError(f'{where}: "{key}" must be a list of features in square brackets.')
    names = tuple(_name(value, key, where) for value in values)
    for name in names:
        if names.count(name) > 1:
            raise AisError(f'{where} names "{name}" twice in "{key}".')
    return names


def _number(value: object, key: str, highest: float, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= highest:
        raise AisError(f'{where}: "{key}" must be a number from 0 to {highest:g}, not {json.dumps(value)}.')
    return float(value)
