"""Writes docs/reference/architectures.md from what the architectures state, so that the two never differ."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ais.models import ARCHITECTURES, DEFAULT, Architecture

HEAD = f"""# Architectures

Written from what the architectures state by `docs/make_architecture_reference.py`; the tests hold them to it.

`ais train --architecture NAME` chooses one, by default `{DEFAULT}`, and `--option KEY=VALUE` sets its options.
`ais compare` trains several on the same samples and says how each does; see
[Choose an architecture](../how-to/compare.md). One of your own can stand in the models folder
(`ais train --template NAME`).
"""
EXPLAINED = """
- **parameters**: numbers that are trained, with the default options and the fewest slices.
- **stride**: how many pixels are one pixel at the smallest size inside. Boxes should be at least as large.
- **radius**: how far, in pixels, a pixel can act on the result. Windows of a slice that does not fit into memory
  overlap by it.
- **slices**: how many a training set may have (`ais extract --depth`, odd). A network that begins at 1 takes more of
  them as channels.
- **loss**: what is made small in training unless another is chosen.
- **rate**: the highest learning rate of its training unless `--learning-rate` says otherwise.

Each gives a probability per pixel, or with several features one for each. Only `unet-3d` slides along z, and finds one
feature. Nothing that a network computes when it segments depends on other slices of a batch or on the size of the
image: batch normalisation uses averages kept from training. So a slice gives the same result whole and in windows, and
a volume at once and in slabs.

`pix2pix` is trained together with a second network that learns to tell its output from a person's labels. That one is
not in the model file.

## Options
"""
NAMES = ("name", "parameters", "stride", "radius", "slices", "loss", "rate", "good for", "reference")
OPTION_NAMES = ("name", "option", "default", "range", "what it is")


def reference() -> str:
    """The page's text."""
    architectures = _table(NAMES, [_cells(entry) for entry in ARCHITECTURES])
    options = _table(OPTION_NAMES, [cells for entry in ARCHITECTURES for cells in _option_cells(entry)])
    return "\n".join([HEAD, architectures, EXPLAINED, options]) + "\n"


def _table(names: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [names, ["---"] * len(names), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _cells(entry: Architecture) -> tuple[str, ...]:
    return (
        f"`{entry.name}`",
        f"{entry.parameters:,}".replace(",", " "),
        f"{entry.stride}",
        f"{entry.radius}",
        f"{entry.depths[0]} to {entry.depths[1]}",
        f"`{entry.default_loss}`",
        f"{entry.learning_rate:g}",
        entry.good_for,
        entry.reference,
    )


def _option_cells(entry: Architecture) -> list[tuple[str, ...]]:
    return [
        (f"`{entry.name}`", f"`{o.name}`", f"{o.default}", f"{o.minimum} to {o.maximum}", o.text) for o in entry.options
    ]


if __name__ == "__main__":
    target = Path(__file__).parent / "reference" / "architectures.md"
    target.write_text(reference(), encoding="utf-8")
