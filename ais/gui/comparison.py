"""A comparison of architectures: what is wished for, where it stands, and how the project remembers it."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ais.engine import Job

SHARES = (0.1, 0.2, 0.5)
SLOW = ("unet-l", "unet-3d", "vggnet-l", "pix2pix")
"""They take most of the time of a comparison of all, so they are not chosen at first."""
PANELS = ("Image", "Truth", "Probability", "Found and missed")
"""What `ais.comparison.picture` shows side by side; without a truth the second is left out."""
MEANINGS = (
    ("found", (1.0, 1.0, 1.0)),
    ("found, but not true", (0.902, 0.624, 0.0)),
    ("true, but missed", (0.0, 0.45, 0.8)),
)
"""Its colours, red, green, blue from 0 to 1; loading that module for them would take the window too long."""


class ComparisonState(enum.Enum):
    """Where a comparison stands."""

    RUNNING = "running"
    STOPPING = "stopping"
    DONE = "done"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


ENDED = frozenset({ComparisonState.DONE, ComparisonState.FAILED, ComparisonState.INTERRUPTED})


@dataclass(frozen=True)
class ArchitectureChoice:
    """An architecture that can be compared.

    Attributes
    ----------
    name, title
        As the library knows it, and as shown.
    good_for
        One sentence for choosing.
    parameters
        Trainable numbers; 0 where not known.
    depths
        Smallest and largest number of slices that it takes.
    """

    name: str
    title: str
    good_for: str
    parameters: int = 0
    depths: tuple[int, int] = (1, 65)


@dataclass
class ComparisonPlan:
    """What the next comparison is to be; the page changes it.

    Attributes
    ----------
    training_set
        File of the set, as the project records it; empty for the newest.
    left_out
        Names of architectures that are not compared.
    epochs
        Of each training.
    validation
        Share of the samples that is kept aside and measured on.
    on_tomogram
        Whether a tomogram is measured on instead.
    test
        Number of that tomogram in the project.
    truth
        Volume that says what is true in it.
    show_slice
        Whether pictures show the slice on the screen instead of what is held out.
    more
        Further arguments of `ais.comparison.compare`.
    """

    training_set: str = ""
    left_out: set[str] = field(default_factory=lambda: set(SLOW))
    epochs: int = 20
    validation: float = SHARES[1]
    on_tomogram: bool = False
    test: int | None = None
    truth: Path | None = None
    show_slice: bool = False
    more: dict[str, Any] = field(default_factory=dict)


@dataclass(eq=False)
class Comparison:
    """One comparison; only `Comparisons` changes it.

    Attributes
    ----------
    name
        What is shown; also that of its folder.
    arguments
        Of the task ``compare``.
    state
        Where it stands.
    rows
        Figures of the architectures that are known, as `ais.comparison.ComparisonRow.as_dict` gives them.
    error
        Why it failed or was interrupted, in one sentence; else empty.
    made
        When it was asked for, ISO 8601 in UTC.
    fraction, message, seconds_left
        While it runs: 0 to 1, what is being done, estimated time; None where not known.
    """

    name: str
    arguments: dict[str, Any]
    state: ComparisonState = ComparisonState.RUNNING
    rows: tuple[dict[str, Any], ...] = ()
    error: str = ""
    made: str = ""
    job: Job | None = None

    @property
    def folder(self) -> Path:
        """Where its files are."""
        return Path(self.arguments["output"])

    @property
    def architectures(self) -> tuple[str, ...]:
        """Names of those that are compared, in order."""
        return tuple(self.arguments["architectures"])

    @property
    def ended(self) -> bool:
        """Whether it neither runs nor waits."""
        return self.state in ENDED

    @property
    def incomplete(self) -> bool:
        """Whether it has ended without figures of every architecture."""
        return self.ended and sum(row["status"] != "failed" for row in self.rows) < len(self.architectures)

    @property
    def waiting(self) -> bool:
        """Whether another job is still done before it."""
        return self.job is not None and self.job.started is None

    @property
    def fraction(self) -> float | None:
        """How far it is, 0 to 1; None when it is not known."""
        return None if self.job is None else self.job.fraction

    @property
    def message(self) -> str:
        """What is being done now."""
        return "" if self.job is None else self.job.message

    @property
    def seconds_left(self) -> float | None:
        """Estimated; None when it is not known."""
        return None if self.job is None else self.job.seconds_left

    def part(self, name: str) -> float | None:
        """How far one architecture is, 0 to 1; None if it is not this one that is being trained and measured."""
        names = self.architectures
        fraction = self.fraction
        if fraction is None or self.ended or name not in names or len(self.rows) != names.index(name):
            return None
        return min(max(fraction * len(names) - names.index(name), 0.0), 1.0)

    def as_record(self) -> dict[str, Any]:
        """As the project remembers it."""
        return {
            "name": self.name,
            "arguments": self.arguments,
            "state": self.state.value,
            "rows": list(self.rows),
            "error": self.error,
            "made": self.made,
        }

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Comparison:
        """From what the project remembers; one that ran then is interrupted now."""
        state = ComparisonState(record["state"])
        arguments = dict(record["arguments"])
        found = cls(
            str(record["name"]),
            arguments,
            state if state in ENDED else ComparisonState.INTERRUPTED,
            tuple(dict(row) for row in record["rows"]),
            str(record["error"]),
            str(record["made"]),
        )
        if not (arguments["output"] and arguments["sets"] and found.architectures):
            raise ValueError("a comparison without an output, sets or architectures")
        return found
