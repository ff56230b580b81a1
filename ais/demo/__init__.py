"""The demo: a tomogram is simulated, annotated, learnt, segmented, picked, meshed, measured, and all of it reported."""

from __future__ import annotations

from pathlib import Path

from ais.demo.findings import demo_result
from ais.demo.folder import DemoFolder
from ais.demo.pipeline import Pipeline
from ais.demo.settings import SETTINGS, DemoSettings, FeaturePlan
from ais.errors import AisError
from ais.models.backend import check_can_train
from ais.progress import SILENT, Progress
from ais.report import DemoResult, report_files, write_report

__all__ = ["SETTINGS", "DemoResult", "DemoSettings", "FeaturePlan", "run_demo"]

DEFAULT_SEED = 1


def run_demo(
    folder: Path | str,
    size: str = "small",
    *,
    seed: int = DEFAULT_SEED,
    settings: DemoSettings | None = None,
    progress: Progress = SILENT,
) -> DemoResult:
    """Run the whole way from a tomogram to surfaces on a simulated tomogram, and write a report about it.

    Parameters
    ----------
    folder
        Missing, empty, or the folder of an earlier demo, whose files are replaced. Files that the demo has not made,
        or that have been changed since, are never touched.
    size
        ``"small"`` (less than three minutes on two processor cores) or ``"medium"``.
    seed
        Of everything random; not negative.
    settings
        Instead of those of `size`.
    progress
        Told the step being done and how far all steps are.

    Returns
    -------
    DemoResult
        Its `report` is the page that shows everything else.

    Raises
    ------
    AisError
        If there is no such size, the folder holds something else, or the disk is full.
    Cancelled
        If `progress` asks to stop; the next demo in this folder removes what was made.
    """
    if settings is None:
        if size not in SETTINGS:
            raise AisError(f"There is no demo of the size {size!r}: choose {' or '.join(SETTINGS)}.")
        settings = SETTINGS[size]
    if seed < 0:
        raise AisError(f"The seed must be 0 or more, not {seed}.")
    check_can_train()
    pipeline = Pipeline(DemoFolder(folder), settings, seed, progress)
    made = pipeline.simulate()
    pipeline.annotate(made)
    pipeline.extract()
    pipeline.start_tensorflow()
    for plan in settings.features:
        pipeline.train(made, plan)
    pipeline.segment(made)
    pipeline.pick(made)
    pipeline.mesh(made)
    result = demo_result(pipeline, made)
    pipeline.folder.making(*report_files(result))
    result = write_report(result)
    pipeline.folder.made(report_files(result))
    return result
