"""The task that checks whether a model suits a tomogram."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from ais.engine.context import TaskContext
from ais.engine.work.opened import opened_segmenter, opened_tomogram
from ais.model_check import Verdict, check_polarity
from ais.model_check import check_model as findings_of


def check_model(arguments: Mapping[str, Any], context: TaskContext) -> list[dict[str, str]]:
    """Check a model against a tomogram.

    Parameters
    ----------
    arguments
        ``tomogram``, ``voxel_size``, ``normalization`` as in the task ``live``; ``model`` with ``path`` and ``hash``.

    Returns
    -------
    list of dict
        The attributes of each `ais.model_check.Finding`.

    Raises
    ------
    AisError
        If the model or the tomogram cannot be opened.
    """
    from ais.models import read_model_info

    context.report(0, 0, "Reading the tomogram")
    tomogram = opened_tomogram(arguments, context)
    info = read_model_info(arguments["model"]["path"])
    findings = findings_of(info, tomogram)
    if not info.is_classic and all(finding.verdict is not Verdict.PROBLEM for finding in findings):
        segmenter = opened_segmenter(arguments["model"], arguments, context)
        findings.append(check_polarity(segmenter, tomogram, context))
    return [{name: str(value) for name, value in asdict(finding).items()} for finding in findings]
