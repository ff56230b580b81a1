"""Commands about the models of the project."""

from __future__ import annotations

from pathlib import Path

from ais.formats.atomic import write_bytes
from ais.gui.background import Work
from ais.gui.commands.command import Command
from ais.gui.commands.conditions import can_edit
from ais.gui.dialogs import FileKind
from ais.gui.editor import Editor
from ais.gui.file_opening import MODEL_ENDINGS, add_models, is_model
from ais.gui.model_saving import save_for_repository, save_group_for_ais_1
from ais.gui.project_models import ProjectModel
from ais.gui.reveal import reveal
from ais.gui.state import Tab

GROUPS = FileKind("Model groups", (".aisgroup",))
MODELS = FileKind("Models", (".aism", ".scnm"))
MODELS_AND_GROUPS = FileKind("Models and groups", MODEL_ENDINGS)


def selected(editor: Editor) -> ProjectModel | None:
    """The model that is selected in the list; None if there is none."""
    return editor.modelling.models.model(editor.modelling.selected or 0)


def _with_selected(editor: Editor) -> bool:
    return can_edit(editor) and selected(editor) is not None


def _with_file(editor: Editor) -> bool:
    model = selected(editor)
    return model is not None and model.info is not None


def _checkable(editor: Editor) -> bool:
    model = selected(editor)
    return model is not None and model.info is not None and editor.shown is not None


def _several(editor: Editor) -> bool:
    return len(editor.modelling.models.models) > 1


def _with_active(editor: Editor) -> bool:
    return bool(editor.modelling.models.active)


def _add(editor: Editor) -> None:
    def chosen(paths: list[Path]) -> None:
        others = [path.name for path in paths if not is_model(path)]
        if others:
            editor.notices.problem(
                f"{others[0]} is not a model: choose files that end in .aism, .scnm, .aisgroup or .scnmgroup."
            )
        add_models(editor, [path for path in paths if is_model(path)])

    editor.dialogs.open_files("Add models", (MODELS_AND_GROUPS,), chosen)


def _new_classic(editor: Editor) -> None:
    editor.modelling.classic.begin()


def _change_classic(editor: Editor) -> None:
    model = selected(editor)
    if model is not None:
        editor.modelling.classic.change(model)


def _is_classic(editor: Editor) -> bool:
    model = selected(editor)
    return can_edit(editor) and model is not None and model.info is not None and model.info.is_classic


def _open_library(editor: Editor) -> None:
    editor.shell.model_library = True


def _save_group(editor: Editor) -> None:
    models = editor.modelling.models.active

    def saved(path: Path) -> None:
        count = f"{len(models)} model{'s' if len(models) != 1 else ''}"
        editor.notices.say(f"{count} and the rules between them were saved in {path.name}.")

    editor.dialogs.save_file(
        "Save the active models as a group",
        Path(f"{editor.project_name or 'Models'}.aisgroup"),
        (GROUPS,),
        lambda path: editor.modelling.models.save_group(path, [model.id for model in models], saved),
    )


def _step(editor: Editor, step: int) -> None:
    numbers = [model.id for model in editor.modelling.models.models]
    now = editor.modelling.selected
    if numbers:
        at = numbers.index(now) + step if now in numbers else 0
        editor.modelling.selected = numbers[min(max(at, 0), len(numbers) - 1)]


def _previous(editor: Editor) -> None:
    _step(editor, -1)


def _next(editor: Editor) -> None:
    _step(editor, 1)


def _activate(editor: Editor) -> None:
    model = selected(editor)
    if model is not None:
        editor.modelling.models.change(model.id, active=not model.use.active)


def _show(editor: Editor) -> None:
    model = selected(editor)
    if model is not None:
        editor.modelling.models.change(model.id, show=not model.use.show)


def _is_active(editor: Editor) -> bool:
    model = selected(editor)
    return model is not None and model.use.active


def _is_shown(editor: Editor) -> bool:
    model = selected(editor)
    return model is not None and model.use.show


def _check(editor: Editor) -> None:
    model = selected(editor)
    if model is not None:
        editor.shell.tab = Tab.MODELS
        editor.modelling.checks.ask(model)


def _rename(editor: Editor) -> None:
    model = selected(editor)
    if model is not None:
        editor.shell.tab = Tab.MODELS
        editor.shell.renaming = ("model", model.id)


def relink(editor: Editor, model: ProjectModel) -> None:
    """Ask where the file of a model is now."""
    editor.dialogs.open_files(
        f"Where is {model.name} now?",
        (MODELS,),
        lambda paths: editor.modelling.models.relink(model.id, paths[0]),
        many=False,
    )


def _relink(editor: Editor) -> None:
    model = selected(editor)
    if model is not None:
        relink(editor, model)


def _reveal(editor: Editor) -> None:
    model = selected(editor)
    if model is not None:
        path = model.entry.path
        editor.background.run(lambda _: reveal(path))


def _save_copy(editor: Editor) -> None:
    model = selected(editor)
    if model is None:
        return
    source = model.entry.path

    def write(path: Path) -> None:
        def copy(_: Work) -> None:
            write_bytes(path, source.read_bytes())

        saved = f"{source.stem} was saved as {path.name}."
        editor.background.run(copy, lambda _: editor.notices.say(saved), title=f"Saving {path.name}")

    suggestion = Path(f"{model.name}{source.suffix}")
    editor.dialogs.save_file("Save a copy of the model", suggestion, (MODELS,), write)


def _with_network(editor: Editor) -> bool:
    model = selected(editor)
    return model is not None and model.info is not None and not model.info.is_classic


def _save_for_repository(editor: Editor) -> None:
    model = selected(editor)
    if model is not None:
        save_for_repository(editor, model)


def _save_group_for_ais_1(editor: Editor) -> None:
    save_group_for_ais_1(editor, editor.modelling.models.active)


def _to_library(editor: Editor) -> None:
    model = selected(editor)
    if model is not None:
        editor.modelling.library.remember(model.entry.path)


def _remove(editor: Editor) -> None:
    model = selected(editor)
    if model is None:
        return
    numbers = [other.id for other in editor.modelling.models.models]
    at = numbers.index(model.id)
    rest = numbers[:at] + numbers[at + 1 :]
    editor.modelling.models.remove(model.id)
    editor.modelling.selected = rest[min(at, len(rest) - 1)] if rest else None
    editor.notices.say(f"{model.name} was removed from the project, its file was not; undo brings it back.")


MODEL_COMMANDS: tuple[Command, ...] = (
    Command("model.add", "Add models...", "Model", _add, tooltip="Model files, and groups of them with their rules"),
    Command(
        "model.new_classic",
        "New classic model...",
        "Model",
        _new_classic,
        tooltip="Thresholds, spots, filaments, sheets and the like: no training is needed",
        enabled=can_edit,
    ),
    Command(
        "model.library",
        "Model library...",
        "Model",
        _open_library,
        tooltip="Models that you keep for all projects, by what they find and their voxel size",
    ),
    Command(
        "model.save_group",
        "Save group...",
        "Model",
        _save_group,
        tooltip="The active models and the rules between them as one file",
        enabled=_with_active,
    ),
    Command(
        "model.save_group_for_ais_1",
        "Save group for Ais 1.x...",
        "Model",
        _save_group_for_ais_1,
        tooltip="The active models and the rules between them as a .scnmgroup file",
        enabled=_with_active,
    ),
    Command("model.previous", "Previous model", "Model", _previous, enabled=_several, repeats=True, separated=True),
    Command("model.next", "Next model", "Model", _next, enabled=_several, repeats=True),
    Command(
        "model.active",
        "Use on the slice on the screen",
        "Model",
        _activate,
        tooltip="Active models segment what you look at, and count for the rules",
        enabled=_with_selected,
        checked=_is_active,
        separated=True,
    ),
    Command(
        "model.show",
        "Show its overlay",
        "Model",
        _show,
        tooltip="One that is hidden still counts for the rules",
        enabled=_with_selected,
        checked=_is_shown,
    ),
    Command(
        "model.check",
        "Check against this tomogram",
        "Model",
        _check,
        tooltip="Compares voxel size, values and contrast with what the model was trained on",
        enabled=_checkable,
    ),
    Command(
        "model.change_classic",
        "Edit options of classic model...",
        "Model",
        _change_classic,
        tooltip="Change its method and its options, and see on the slice what it finds",
        enabled=_is_classic,
    ),
    Command("model.rename", "Rename model", "Model", _rename, enabled=_with_selected, separated=True),
    Command("model.relink", "Relink model...", "Model", _relink, "", "Say where its file is now", _with_selected),
    Command(
        "model.reveal",
        "Show model in folder",
        "Model",
        _reveal,
        enabled=lambda editor: selected(editor) is not None,
    ),
    Command("model.save_copy", "Save a copy of the model...", "Model", _save_copy, "", "One file to share", _with_file),
    Command(
        "model.save_for_repository",
        "Save for the model repository...",
        "Model",
        _save_for_repository,
        tooltip="A .scnm file, which the public model repository takes and Ais 1.x opens; not for classic models",
        enabled=_with_network,
    ),
    Command(
        "model.to_library",
        "Copy to the model library",
        "Model",
        _to_library,
        tooltip="So that other projects find it",
        enabled=_with_file,
    ),
    Command(
        "model.remove",
        "Remove model from the project",
        "Model",
        _remove,
        tooltip="Its file stays",
        enabled=_with_selected,
        separated=True,
    ),
)
