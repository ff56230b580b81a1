"""What was found out about one architecture, and the tables that set several side by side."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

MISSING = "-"


@dataclass(frozen=True)
class ComparisonRow:
    """One architecture of a comparison; figures are None where they do not exist.

    Attributes
    ----------
    architecture, title
        As typed and as shown.
    parameters
        Trainable numbers of the network.
    training_seconds, samples_per_second
        Of the training.
    seconds_per_slice
        To segment a slice of 512 x 512 pixels, after a warm-up.
    loss, val_loss
        Of the epoch whose weights were kept; `val_loss` only where samples were kept aside.
    dice, cldice, precision, recall
        On what was held out, 0 to 1, with centre lines slice by slice. None where not defined, as precision is of a
        network that found nothing.
    status
        ``"trained"``, ``"kept"`` (trained by an earlier run) or ``"failed"``.
    model
        The model file; None if the training failed.
    measured_on
        What was held out, in words.
    error
        The sentence that says why, if it failed.
    """

    architecture: str
    title: str
    parameters: int | None = None
    training_seconds: float | None = None
    samples_per_second: float | None = None
    seconds_per_slice: float | None = None
    loss: float | None = None
    val_loss: float | None = None
    dice: float | None = None
    cldice: float | None = None
    precision: float | None = None
    recall: float | None = None
    status: str = "trained"
    model: Path | None = None
    measured_on: str = ""
    error: str = ""

    def as_dict(self) -> dict[str, Any]:
        """The row by column name, ready for JSON."""
        return {**asdict(self), "model": None if self.model is None else str(self.model)}


@dataclass(frozen=True)
class _Column:
    """A column of the table for people."""

    head: str
    cell: Callable[[ComparisonRow], str]


def _figure(name: str, form: str) -> Callable[[ComparisonRow], str]:
    def cell(row: ComparisonRow) -> str:
        value = getattr(row, name)
        return MISSING if value is None else format(value, form)

    return cell


COLUMNS = (
    _Column("architecture", lambda row: row.architecture),
    _Column("parameters", _figure("parameters", ",d")),
    _Column("training (s)", _figure("training_seconds", ".0f")),
    _Column("samples/s", _figure("samples_per_second", ".0f")),
    _Column("per slice (s)", _figure("seconds_per_slice", ".3f")),
    _Column("loss", _figure("loss", ".4f")),
    _Column("val. loss", _figure("val_loss", ".4f")),
    _Column("Dice", _figure("dice", ".3f")),
    _Column("clDice", _figure("cldice", ".3f")),
    _Column("precision", _figure("precision", ".3f")),
    _Column("recall", _figure("recall", ".3f")),
)


def csv_table(rows: Sequence[ComparisonRow]) -> str:
    """The rows as comma-separated values, with the names of the columns in the first line."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0].as_dict()), lineterminator="\n")
    writer.writeheader()
    writer.writerows(row.as_dict() for row in rows)
    return text.getvalue()


def markdown_table(rows: Sequence[ComparisonRow]) -> str:
    """The figures as a Markdown table whose columns are aligned, so that it reads on a terminal too."""
    lines = [[column.head for column in COLUMNS], *([column.cell(row) for column in COLUMNS] for row in rows)]
    widths = [max(map(len, cells)) for cells in zip(*lines, strict=True)]
    ruler = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    aligned = [
        [cells[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(cells[1:], widths[1:], strict=True))]
        for cells in (lines[0], ruler, *lines[1:])
    ]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in aligned)
