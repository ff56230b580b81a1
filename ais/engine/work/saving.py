"""The task that writes models as files of Ais 1.x."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ais.engine.context import TaskContext


def save_for_ais_1(arguments: Mapping[str, Any], context: TaskContext) -> None:
    """Write a model, or a group of models with their rules, as Ais 1.2.40 and the public model repository take it.

    Parameters
    ----------
    arguments
        ``path`` to write; ``group``, whether it is to be a group; ``models``, paths, only one of them without a group;
        ``rules`` between them, as in a rules file.

    Raises
    ------
    AisError
        If a model cannot be read, Ais 1.x has no such model, or the file cannot be written.
    """
    from ais.models import load_model, read_preview, save_scnm, save_scnmgroup

    path, models = Path(arguments["path"]), [Path(model) for model in arguments["models"]]
    context.report(0, 0, f"Writing {path.name}")
    if arguments["group"]:
        save_scnmgroup(path, models, arguments["rules"])
    else:
        save_scnm(path, load_model(models[0]), read_preview(models[0]))
