"""Options of the commands that train networks, so that they read and mean the same everywhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from ais.errors import AisError

ArchitectureOptions = Annotated[
    list[str] | None, typer.Option("--option", metavar="KEY=VALUE", help="Option of the architecture; repeatable.")
]
Epochs = Annotated[int | None, typer.Option("--epochs", help="By default 50.")]
BatchSize = Annotated[int | None, typer.Option("--batch-size", help="Samples in a step, by default 32.")]
Copies = Annotated[int | None, typer.Option("--copies", help="Varied copies of each sample per epoch, by default 10.")]
Negatives = Annotated[
    float | None, typer.Option("--negatives", help="Negatives per positive; by default as many as there are.")
]
Validation = Annotated[
    float | None, typer.Option("--validation", help="Share of samples kept aside to measure with, 0 to 0.9.")
]
Augment = Annotated[str | None, typer.Option("--augment", help="none, basic (default) or strong.")]
Precision = Annotated[str | None, typer.Option("--precision", help="auto (default), float32 or mixed.")]
TrainingSeed = Annotated[int | None, typer.Option("--seed", help="Seed of every random choice, by default 0.")]


def parse_options(words: Sequence[str]) -> dict[str, str]:
    """``["first_filters=4"]`` as ``{"first_filters": "4"}``; AisError for a word without a key or an equals sign."""
    options = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or not key:
            raise AisError(f"--option takes KEY=VALUE, not '{word}'.")
        options[key.strip()] = value.strip()
    return options
