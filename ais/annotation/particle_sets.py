"""Sets of particles of a tomogram, as a project keeps them: a table that seldom changes, and what is done to it.

A set is two rows of ``pick_sets``: one without a name that holds the table (positions, angles, all columns) as
compressed text, and one that says how the set is called and looks, which particles are removed and which are moved. So
taking away one of 50,000 particles writes a few kilobytes to the history and not the table.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ais.annotation.entries import Colour
from ais.errors import AisError
from ais.formats.coord_table import Column, text_of
from ais.formats.coordinates import Coordinates
from ais.formats.star import Block

FORMAT = 1
MAX_PARTICLES = 1_000_000
MAX_RADIUS = 1e6
MAX_POSITION = 1e7
COLOUR_MAPS = ("viridis", "cividis", "inferno", "coolwarm")
DAMAGED = "Particles of the project are damaged: restore the project from a copy."
_FASTEST = 1  # numbers hardly shrink, and text shrinks well enough at once

Position = tuple[float, float, float]


@dataclass(frozen=True)
class ColumnRange:
    """Which particles are seen: those with a value between two limits; others are hidden, not removed.

    Attributes
    ----------
    column
        Its label; particles whose value is no number are hidden.
    low, high
        Both included; None is no limit.
    """

    column: str
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class ParticleLook:
    """How a set of particles is shown.

    Attributes
    ----------
    colour
        Red, green, blue, each 0 to 1.
    radius
        In angstrom; in voxels where the tomogram has no voxel size.
    shown
        Whether it is seen at all.
    body
        A sphere, or an arrow along the particle's own z axis.
    colour_by
        The column that gives each particle its colour; None for `colour`.
    colour_map
        One of `COLOUR_MAPS`, for columns of numbers.
    limits
        The values at the ends of the colour map; None for the least and the greatest.
    ranges
        Which particles are seen; all must hold.
    """

    colour: Colour = (0.94, 0.89, 0.26)
    radius: float = 50.0
    shown: bool = True
    body: Literal["sphere", "arrow"] = "sphere"
    colour_by: str | None = None
    colour_map: str = COLOUR_MAPS[0]
    limits: tuple[float, float] | None = None
    ranges: tuple[ColumnRange, ...] = ()


@dataclass(frozen=True, eq=False)
class ParticleSet:
    """A set of particles of a tomogram; its table is read apart.

    Attributes
    ----------
    id, tomogram
        Its own number and the tomogram's.
    name
        Shown in lists.
    look
        How it is shown.
    origin
        Where it is from, as a JSON object: ``file``, or ``volume`` and the settings of picking.
    table
        Number of the row with the table.
    digest
        Of the table: another digest is another table.
    total
        Rows of the table; a particle's number is its row.
    removed
        (total,) bool: which are no longer there.
    moved
        Particles that lie elsewhere than the table says: x, y, z in voxels.
    """

    id: int
    tomogram: int
    name: str
    look: ParticleLook
    origin: Mapping[str, Any]
    table: int
    digest: str
    total: int
    removed: NDArray[np.bool_]
    moved: Mapping[int, Position] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """How many particles there are."""
        return self.total - int(np.count_nonzero(self.removed))

    def positions(self, table: NDArray[np.float64]) -> NDArray[np.float64]:
        """(total, 3) x, y, z in voxels of the particles, from those in the table."""
        if not self.moved:
            return table
        positions = table.copy()
        for number, place in self.moved.items():
            positions[number] = place
        return positions

    def particles(self, table: Coordinates) -> Coordinates:
        """The particles as they are now, with all columns, from the whole table."""
        now = Coordinates(
            self.positions(table.positions),
            table.tomograms,
            table.angles,
            table.subtomogram_angles,
            table.columns,
            table.blocks,
        )
        return now.select(~self.removed) if self.removed.any() else now


# The table as text


def encode_table(table: Coordinates) -> str:
    """A table as text for a project; nothing is rounded, and columns of text stay text.

    Raises
    ------
    AisError
        If it has too many particles, or positions that cannot be in any tomogram.
    """
    if len(table) > MAX_PARTICLES:
        raise AisError(f"A set can have at most {MAX_PARTICLES} particles, not {len(table)}.")
    if len(table) and np.abs(table.positions).max() > MAX_POSITION:
        raise AisError("A particle lies too far away to belong to a tomogram: check the units of the positions.")
    parts: list[bytes] = []
    layout: list[dict[str, Any]] = []

    def put(name: str, values: Column | None, label: str = "") -> None:
        if values is not None:
            kind, data = _packed(values)
            layout.append({"part": name, "kind": kind, "bytes": len(data), "label": label})
            parts.append(data)

    put("positions", table.positions)
    put("angles", table.angles)
    put("subtomogram_angles", table.subtomogram_angles)
    for label, column in table.columns.items():
        put("column", column, label)
    names = table.tomogram_names
    header = {
        "count": len(table),
        "layout": layout,
        "tomogram": names[0] if len(names) == 1 else "",
        "blocks": [asdict(block) for block in table.blocks],
    }
    head = json.dumps(header, ensure_ascii=True).encode("ascii")
    return base64.b64encode(zlib.compress(b"\n".join((head, b"".join(parts))), _FASTEST)).decode("ascii")


def decode_table(text: str) -> Coordinates:
    """The table that `encode_table` made text of; an AisError if the text is damaged."""
    try:
        header, parts = _unpacked(text)
        count = int(header["count"])
        columns: dict[str, Column] = {}
        found: dict[str, Any] = {}
        for entry, data in parts:
            values = _values(entry["kind"], data)
            if entry["part"] == "column":
                columns[str(entry["label"])] = values
            else:
                found[entry["part"]] = np.asarray(values).reshape(count, 3)
        blocks = [Block(str(b["name"]), dict(b["columns"]), bool(b["loop"])) for b in header["blocks"]]
        angles, subtomogram = found.get("angles"), found.get("subtomogram_angles")
        names = [str(header["tomogram"])] * count
        return Coordinates(found["positions"], names, angles, subtomogram, columns, blocks)
    except (ValueError, TypeError, KeyError, zlib.error, MemoryError) as error:
        raise AisError(DAMAGED) from error


def decode_positions(text: str) -> NDArray[np.float64]:
    """Only the positions (n, 3), x, y, z in voxels, of a table."""
    try:
        _, parts = _unpacked(text)
        data = next(data for entry, data in parts if entry["part"] == "positions")
        return np.frombuffer(data, np.float64).reshape(-1, 3).copy()
    except (ValueError, TypeError, KeyError, StopIteration, zlib.error, MemoryError) as error:
        raise AisError(DAMAGED) from error


def digest_of(text: str) -> str:
    """What tells one table from another."""
    return hashlib.sha256(text.encode("ascii")).hexdigest()[:16]


def _packed(values: Column) -> tuple[str, bytes]:
    array = np.asarray(values)
    if array.dtype.kind == "f":
        return "float", array.astype("<f8").tobytes()
    if array.dtype.kind in "iu":
        return "whole", array.astype("<i8").tobytes()
    try:
        text = "\0".join(values)
    except TypeError:  # not all of them are text
        text = "\0".join(text_of(value) for value in values)
    if len(values) and text.count("\0") != len(values) - 1:
        raise AisError("A column of the particles holds text that cannot be stored.")
    # A file may hold half a character where its writer cut a text.
    return "text", text.encode("utf-8", "surrogatepass")


def _values(kind: str, data: bytes) -> Column:
    match kind:
        case "float":
            return np.frombuffer(data, "<f8").astype(np.float64)
        case "whole":
            return np.frombuffer(data, "<i8").astype(np.int64)
        case "text":
            return data.decode("utf-8", "surrogatepass").split("\0")
    raise ValueError(kind)


def _unpacked(text: str) -> tuple[dict[str, Any], list[tuple[dict[str, Any], bytes]]]:
    head, _, body = zlib.decompress(base64.b64decode(text, validate=True)).partition(b"\n")
    header = json.loads(head)
    parts, at = [], 0
    for entry in header["layout"]:
        size = int(entry["bytes"])
        if not 0 <= size <= len(body) - at:
            raise ValueError("a part of the table is missing")
        # An empty table has no texts, though splitting nothing gives one.
        data = body[at : at + size]
        parts.append((entry, data))
        at += size
    if header["count"] == 0:
        parts = [(entry | {"kind": "float"}, b"") for entry, _ in parts]
    return header, parts


# The other row


def set_data(
    table: int,
    digest: str,
    total: int,
    look: ParticleLook,
    origin: Mapping[str, Any],
    removed: NDArray[np.bool_] | None = None,
    moved: Mapping[int, Position] = MappingProxyType({}),
) -> dict[str, Any]:
    """The JSON object of a set, beside its table."""
    data: dict[str, Any] = {"particles": FORMAT, "table": table, "digest": digest, "total": total}
    data |= {"look": asdict(look), "origin": dict(origin)}
    if removed is not None and removed.any():
        data["removed"] = base64.b64encode(zlib.compress(np.packbits(removed).tobytes())).decode("ascii")
    if moved:
        data["moved"] = [[number, *place] for number, place in sorted(moved.items())]
    return data


def set_of(number: int, tomogram: int, name: str, data: Mapping[str, Any]) -> ParticleSet:
    """The set of a row; an AisError if it is damaged."""
    try:
        total = int(data["total"])
        if data["particles"] != FORMAT or not 0 <= total <= MAX_PARTICLES:
            raise ValueError("an unknown format")
        removed = np.zeros(total, bool)
        if "removed" in data:
            bits = np.frombuffer(zlib.decompress(base64.b64decode(data["removed"], validate=True)), np.uint8)
            removed = np.unpackbits(bits, count=total).astype(bool)
        moved = {int(n): (_real(x), _real(y), _real(z)) for n, x, y, z in data.get("moved", ())}
        if len(removed) != total or not all(0 <= n < total for n in moved):
            raise ValueError("particles that are not there")
        removed.flags.writeable = False
        look, origin = look_of(data["look"]), dict(data["origin"])
        return ParticleSet(
            number, tomogram, name, look, origin, int(data["table"]), str(data["digest"]), total, removed, moved
        )
    except (ValueError, TypeError, KeyError, AttributeError, zlib.error) as error:
        raise AisError(DAMAGED) from error


def look_of(data: Mapping[str, Any]) -> ParticleLook:
    """A look from its JSON object; a ValueError, TypeError or KeyError if it is none."""
    red, green, blue = data["colour"]
    limits, by = data["limits"], data["colour_by"]
    return checked_look(
        ParticleLook(
            (_real(red), _real(green), _real(blue)),
            _real(data["radius"]),
            bool(data["shown"]),
            data["body"],
            None if by is None else str(by),
            str(data["colour_map"]),
            None if limits is None else (_real(limits[0]), _real(limits[1])),
            tuple(ColumnRange(str(r["column"]), _limit(r["low"]), _limit(r["high"])) for r in data["ranges"]),
        )
    )


def checked_look(look: ParticleLook) -> ParticleLook:
    """The same look; a ValueError with a sentence if it makes no sense."""
    if not (math.isfinite(look.radius) and 0 < look.radius <= MAX_RADIUS):
        raise ValueError(f"The radius of particles must be more than 0 and at most {MAX_RADIUS:g} A.")
    if not all(0 <= part <= 1 for part in look.colour):
        raise ValueError("Red, green and blue of a colour lie between 0 and 1.")
    if look.body not in ("sphere", "arrow"):
        raise ValueError(f"Particles are drawn as spheres or arrows, not as {look.body}.")
    if look.colour_map not in COLOUR_MAPS:
        raise ValueError(f"There is no colour map {look.colour_map}; there are: {', '.join(COLOUR_MAPS)}.")
    numbers = [*(look.limits or ()), *(v for r in look.ranges for v in (r.low, r.high) if v is not None)]
    if not all(map(math.isfinite, numbers)):
        raise ValueError("Limits of values must be finite numbers.")
    return look


def _limit(value: Any) -> float | None:
    return None if value is None else _real(value)


def _real(value: Any) -> float:
    if isinstance(value, (int, float)) and math.isfinite(value):
        return float(value)
    raise ValueError(f"{value!r} is no number")


def joined_numbers(numbers: Sequence[int], total: int) -> NDArray[np.intp]:
    """Numbers of particles in order, each once; an AisError if one of them is not in the table."""
    found = np.unique(np.asarray(numbers, np.int64)) if len(numbers) else np.zeros(0, np.int64)
    if len(found) and not (found[0] >= 0 and found[-1] < total):
        wrong = found[0] if found[0] < 0 else found[-1]
        raise AisError(f"There is no particle number {wrong} in this set of {total}.")
    return found.astype(np.intp)
