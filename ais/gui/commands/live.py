"""Commands about what models show in the views, and copying it to annotation."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ais.annotation.slice_files import write_slice
from ais.gui.commands.command import Command, always, with_tomogram
from ais.gui.commands.conditions import can_edit
from ais.gui.dialogs import FileKind
from ais.gui.editor import Editor
from ais.gui.live_maps import LiveMap
from ais.gui.live_view import view_of
from ais.gui.model_copy import copy_prediction
from ais.gui.project_models import ProjectModel

SLICES = (
    FileKind("MRC files", (".mrc",)),
    FileKind("TIFF pictures", (".tif", ".tiff")),
    FileKind("PNG pictures", (".png",)),
)


class _Shown(NamedTuple):
    """What the selected model shows in the slice on the screen."""

    model: ProjectModel
    map: LiveMap


def copy_to_annotation(editor: Editor, *, in_outline: bool = False, replace: bool = False) -> bool:
    """Copy what the selected model shows in the slice on the screen to annotation, as one step of undo.

    It goes to the feature that the model is set to, else to the one that is selected.

    Parameters
    ----------
    editor
        Its project is changed.
    in_outline
        Only inside the lasso that is open, which is used up.
    replace
        Whether what was painted there is erased first.

    Returns
    -------
    bool
        False if there was nothing to copy or nowhere to copy it to; the user is told why.
    """
    shown, view = _shown(editor), view_of(editor)
    if shown is None or view is None:
        return False
    wanted = shown.model.use.feature
    target = next((feature for feature in editor.snapshot.features if feature.name == wanted), None)
    if target is not None and target.id != editor.state.feature:
        editor.select_feature(target.id)
    x0, x1, y0, y1 = view.plane
    return copy_prediction(
        editor,
        shown.map.values[y0:y1, x0:x1],
        shown.map.z,
        editor.modelling.shown(shown.model).threshold,
        shown.model.name,
        y0=y0,
        x0=x0,
        in_outline=in_outline,
        replace=replace,
    )


def _shown(editor: Editor) -> _Shown | None:
    """What is to be copied or saved; None, and the user is told why, where there is nothing."""
    modelling, say = editor.modelling, editor.notices.say
    model = modelling.models.model(modelling.selected or 0)
    if editor.shown is None or model is None:
        return None
    path, z = str(editor.shown.tomogram.path), editor.state.z
    maps = [one for one in modelling.live.maps if (one.model, one.path, one.z) == (model.id, path, z)]
    if maps:
        wanted = _wanted(editor, model, maps)
        return None if wanted is None else _Shown(model, wanted)
    if problem := model.problem or modelling.live.problems.get(model.id, ""):
        editor.notices.problem(problem)
    elif not model.use.active:
        say(f"{model.name} is switched off: switch it on in the list of models first.", "hint")
    elif editor.snapshot.crop is not None and z not in range(*editor.snapshot.crop.z):
        say("This slice lies outside the crop region, where nothing is segmented.", "hint")
    else:
        say(f"{model.name} is still segmenting this slice: try again in a moment.", "hint")
    return None


def _wanted(editor: Editor, model: ProjectModel, maps: list[LiveMap]) -> LiveMap | None:
    """Of a network with several features the one that is selected, by its name; the user is told if none is."""
    if len(maps) == 1:
        return maps[0]
    feature = editor.snapshot.feature(editor.state.feature)
    names = {model.use.feature, "" if feature is None else feature.name}
    wanted = next((one for one in maps if one.feature in names), None)
    if wanted is None:
        known = ", ".join(one.feature for one in maps)
        editor.notices.say(f"{model.name} finds several features: select the one of that name first ({known}).", "hint")
    return wanted


def _copying(*, in_outline: bool = False, replace: bool = False) -> Callable[[Editor], None]:
    def run(editor: Editor) -> None:
        copy_to_annotation(editor, in_outline=in_outline, replace=replace)

    return run


def _save_slice(editor: Editor) -> None:
    shown = _shown(editor)
    if shown is None or editor.shown is None:
        return
    one, entry = shown.map, editor.shown.entry
    size = editor.shown.tomogram.voxel_size
    suggestion = Path(f"{entry.name}__{one.feature}_slice{one.z}.mrc")

    def save(path: Path) -> None:
        _write(editor, path, one.values, size)

    editor.dialogs.save_file("Save segmented slice", suggestion, SLICES, save)


def _write(editor: Editor, path: Path, values: NDArray[np.uint8], voxel_size: float) -> None:
    editor.background.run(
        lambda _: write_slice(path, values, voxel_size=voxel_size, limits=(0.0, 255.0)),
        lambda _: editor.notices.say(f"Wrote {path}."),
        title=f"Writing {path.name}",
    )


def _legend(editor: Editor) -> None:
    editor.state.legend = not editor.state.legend


def _training(editor: Editor) -> None:
    editor.state.training_shown = not editor.state.training_shown


def _with_model(editor: Editor) -> bool:
    return editor.shown is not None and editor.modelling.models.model(editor.modelling.selected or 0) is not None


def _can_copy(editor: Editor) -> bool:
    return _with_model(editor) and can_edit(editor)


def _can_copy_inside(editor: Editor) -> bool:
    return _can_copy(editor) and len(editor.state.outline) >= 3


LIVE_COMMANDS: tuple[Command, ...] = (
    Command(
        "live.copy",
        "Copy prediction to annotation",
        "Model",
        _copying(),
        "P",
        "What the selected model shows in this slice is painted into the selected feature, to be corrected",
        _can_copy,
        separated=True,
    ),
    Command(
        "live.copy_inside",
        "Copy prediction inside the lasso",
        "Model",
        _copying(in_outline=True),
        "shift+P",
        "The same, only inside the outline that is open (L)",
        _can_copy_inside,
    ),
    Command(
        "live.copy_replacing",
        "Copy prediction, replacing the annotation",
        "Model",
        _copying(replace=True),
        "",
        "What was painted in this slice is erased first",
        _can_copy,
    ),
    Command(
        "live.save_slice",
        "Save segmented slice...",
        "Model",
        _save_slice,
        "",
        "What the selected model finds in this slice, 0 to 255, as a file of its own",
        _with_model,
    ),
    Command(
        "live.legend",
        "List shown models in the view",
        "View",
        _legend,
        "",
        "Names, colours and times in the corner of the view",
        with_tomogram,
        lambda editor: editor.state.legend,
        separated=True,
    ),
    Command(
        "live.training",
        "Show what a training finds",
        "View",
        _training,
        "",
        "While a model trains, its newest weights segment the slice on the screen about once per second",
        always,
        lambda editor: editor.state.training_shown,
    ),
)
