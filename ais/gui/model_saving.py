"""Models of the project as files of Ais 1.x, written by the compute process, which alone loads networks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ais.gui.dialogs import FileKind
from ais.gui.project_models import rules_among

if TYPE_CHECKING:
    from ais.gui.editor import Editor
    from ais.gui.project_models import ProjectModel

TASK = "save_for_ais_1"
MODELS = FileKind("Models of Ais 1.x", (".scnm",))
GROUPS = FileKind("Groups of models of Ais 1.x", (".scnmgroup",))


def save_for_repository(editor: Editor, model: ProjectModel) -> None:
    """Ask where to, and write a model as the public model repository takes it; the user is told why if it cannot be."""
    if _possible(editor, [model]):
        _ask(editor, "Save for the model repository", Path(f"{model.name}.scnm"), MODELS, [model])


def save_group_for_ais_1(editor: Editor, models: Sequence[ProjectModel]) -> None:
    """The same for several models and the rules between them."""
    if _possible(editor, models):
        suggestion = Path(f"{editor.project_name or 'Models'}.scnmgroup")
        _ask(editor, "Save the active models as a group of Ais 1.x", suggestion, GROUPS, models)


def _possible(editor: Editor, models: Sequence[ProjectModel]) -> bool:
    for model in models:
        if len(model.found) > 1:
            many = f"{model.name} finds {len(model.found)} features"
            editor.notices.problem(f"{many}, and a model of Ais 1.x one: train one for each.")
            return False
        if model.info is not None and model.info.is_classic:
            editor.notices.problem(f"{model.name} is a classic model, and models of Ais 1.x are networks.")
            return False
    return True


def _ask(editor: Editor, title: str, suggestion: Path, kind: FileKind, models: Sequence[ProjectModel]) -> None:
    rules = rules_among(editor.modelling.models.rules, {name for model in models for name in model.found}).content()
    files, group = [str(model.entry.path) for model in models], kind is GROUPS
    what = f"{len(models)} model{'s' if len(models) != 1 else ''}" if group else models[0].name

    def write(path: Path) -> None:
        editor.compute(
            TASK,
            {"path": str(path), "models": files, "rules": rules, "group": group},
            f"Saving {path.name}",
            lambda _: editor.notices.say(f"{what} {'was' if len(models) == 1 else 'were'} saved as {path.name}."),
        )

    editor.dialogs.save_file(title, suggestion, (kind,), write)
