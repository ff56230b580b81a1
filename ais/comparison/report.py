"""The files of a comparison: a table for programs, a page for people, and a picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ais.comparison.held_out import Example, HeldOut
from ais.comparison.picture import comparison_picture
from ais.comparison.row import ComparisonRow, csv_table, markdown_table
from ais.formats.atomic import write_bytes, write_text
from ais.training.settings import Settings

if TYPE_CHECKING:
    from ais.trainset import TrainingSet

CSV, PAGE, PICTURE = "comparison.csv", "comparison.md", "comparison.png"
CAUTION = (
    "Each architecture was trained once. Another `--seed` can change Dice by 0.05 and more, so smaller differences may "
    "be chance. Times are of the machine on which each was trained and measured."
)


def write_report(
    folder: Path,
    rows: Sequence[ComparisonRow],
    found: Sequence[NDArray[np.float32] | None],
    held: HeldOut,
    example: Example,
    samples: TrainingSet,
    plan: Settings,
) -> None:
    """Write ``comparison.csv``, ``comparison.md`` and ``comparison.png``.

    Parameters
    ----------
    folder
        Where to.
    rows, found
        For each architecture its figures, and what it found in the example, 0 to 255; None if it failed.
    held
        What was measured on.
    example
        What is shown.
    samples
        What was trained on.
    plan
        Settings of one of the trainings; they differ in their architecture only.
    """
    feature = samples.features[0] if samples.features else samples.name
    shown = [(row, part) for row, part in zip(rows, found, strict=True) if part is not None]
    picture = comparison_picture([row for row, _ in shown], [part for _, part in shown], example, feature)
    write_text(folder / CSV, csv_table(rows))
    write_bytes(folder / PICTURE, picture)
    write_text(folder / PAGE, _page(rows, held, samples, plan, feature, example.title))


def _page(
    rows: Sequence[ComparisonRow], held: HeldOut, samples: TrainingSet, plan: Settings, feature: str, example: str
) -> str:
    failed = [f"- {row.architecture} failed: {row.error}" for row in rows if row.status == "failed"]
    parts = [
        f"# Architectures compared: {feature}",
        f"- {_samples_text(samples)}\n- {_settings_text(plan)}\n- Measured on {held.text}.",
        markdown_table(rows),
        *(["\n".join(failed)] if failed else []),
        CAUTION,
        f"![What each found in {example}]({PICTURE})",
    ]
    return "\n\n".join(parts) + "\n"


def _samples_text(samples: TrainingSet) -> str:
    slices = "1 slice" if samples.depth == 1 else f"{samples.depth} slices"
    voxel_size = f" of {samples.voxel_size:g} A" if samples.voxel_size else ""
    return (
        f"Trained on {samples.name}: {len(samples.images)} samples, {samples.n_positive} of them positive, "
        f"{samples.box_size} x {samples.box_size} pixels{voxel_size}, {slices}."
    )


def _settings_text(plan: Settings) -> str:
    negatives = (
        "as many negatives as there are" if plan.negatives is None else f"{plan.negatives:g} negatives per positive"
    )
    aside = f"{plan.validation:.0%} of the samples kept aside" if plan.validation else "no samples kept aside"
    return (
        f"{plan.epochs} epochs, batches of {plan.batch_size}, {plan.copies} copies, {negatives}, {plan.augment} "
        f"augmentation, {aside}, seed {plan.seed}."
    )
