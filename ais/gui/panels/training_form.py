"""Draws what the next training is: sets, network, numbers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from imgui_bundle import imgui

from ais.gui.lengths_of_time import clock
from ais.gui.panels.command_button import command_button
from ais.gui.panels.layout import coloured, disabled, elided, em, faint, label
from ais.gui.panels.modal import at_right_end, button_width
from ais.gui.panels.training_set_section import made_at, set_tooltip
from ais.gui.training_plan import AUGMENTATIONS, LOSSES, VALIDATIONS, TrainingPlan, known_architecture

if TYPE_CHECKING:
    from ais.gui.app import Window
    from ais.gui.project_models import ProjectModel
    from ais.models.architecture import Architecture, Option

MOST_EPOCHS, MOST_BATCH, MOST_COPIES, MOST_SEED = 10_000, 1024, 1000, 2**31 - 1
MOST_NEGATIVES, MOST_DECAY, MOST_CLIP = 100.0, 1.0, 100.0
LOOKS_EVERY_FRAMES = 120
OWN = "Your own, from {}"
BY_ITSELF = "The network's own"
VARIED = {"none": "None", "basic": "Turned, mirrored, moved", "strong": "Also scaled, blurred, noisy"}
LOSS_NAMES = {"bce-dice": "Cross-entropy and Dice", "bce": "Cross-entropy", "dice": "Dice"}


class OwnArchitectures:
    """Names of the files in the user's models folder; none of them is executed here. Looked up in a thread."""

    def __init__(self) -> None:
        self.names: tuple[str, ...] = ()
        self.folder = ""
        self._asked_at: int | None = None

    def look(self, window: Window) -> None:
        """Look again, once in a while."""
        now = imgui.get_frame_count()
        if self._asked_at is None or now - self._asked_at > LOOKS_EVERY_FRAMES:
            self._asked_at = now
            window.editor.background.run(lambda _: _own_architectures(), self._take, failed=lambda _: None)

    def _take(self, found: tuple[str, tuple[str, ...]]) -> None:
        self.folder, self.names = found


def _own_architectures() -> tuple[str, tuple[str, ...]]:
    from ais.models.user_architectures import models_folder, user_architecture_names

    return str(models_folder()), tuple(user_architecture_names())


def draw(window: Window) -> None:
    """Draw the form."""
    editor = window.editor
    plan, sets = editor.modelling.trainings.plan, editor.modelling.training_sets.sets
    label("Train on")
    _draw_sets(window, plan)
    bases = [model for model in editor.modelling.models.models if model.info is not None and not model.info.is_classic]
    base = next((model for model in bases if model.entry.path == plan.continue_from), None)
    if base is None:
        plan.continue_from = None
    if bases:
        label("Begin with", "A fresh network, or what a model has learnt already")
        _draw_base(plan, bases)
    if base is None:
        label("Network")
        _draw_architecture(window, plan)
    label("Epochs", "How often the network sees all samples")
    plan.epochs = _whole("epochs", plan.epochs, 1, MOST_EPOCHS)
    label("Validation", "Samples kept aside to measure with: only these tell how well it does on what it has not seen")
    _draw_validation(plan)
    label("Name")
    usual = [plan.name_for(group) for group in plan.groups(sets)]
    _, plan.name = imgui.input_text_with_hint("##name of model", " and ".join(usual), plan.name)
    if imgui.tree_node_ex("Advanced###advanced", int(imgui.TreeNodeFlags_.no_tree_push_on_open)):
        _draw_advanced(plan, known_architecture(plan.architecture) if base is None else None)
    problem = plan.problem(sets, base.info if base is not None else None)
    if problem and sets:
        with coloured(window.theme.danger):
            imgui.text_wrapped(problem)
    with disabled(bool(problem)):
        command_button(window, "training.train", "Train", strong=True)
    seconds = plan.seconds(sets, editor.modelling.trainings.trainings)
    if seconds is not None and not problem:
        imgui.same_line()
        imgui.align_text_to_frame_padding()
        faint(f"about {clock(seconds)}", window.theme.faint)
    imgui.same_line()
    at_right_end(button_width("Compare..."))
    command_button(window, "compare.open", "Compare...")


def _draw_sets(window: Window, plan: TrainingPlan) -> None:
    sets = window.editor.modelling.training_sets.sets
    chosen = plan.chosen(sets)
    names = " + ".join(Path(one.file).stem for one in chosen) or ("Choose a set" if sets else "No set yet")
    if imgui.begin_combo("##sets", elided(names, imgui.calc_item_width() - em(2))):
        for one in reversed(sets):
            text = f"{Path(one.file).stem}  ({one.n_samples} samples, {made_at(one)})###{one.file}"
            changed, wanted = imgui.checkbox(text, one in chosen)
            imgui.set_item_tooltip(set_tooltip(one))
            if changed:
                plan.sets = tuple(other.file for other in sets if (wanted if other is one else other in chosen))
        imgui.end_combo()
    groups = plan.groups(sets)
    if len(groups) > 1:
        faint(f"{len(groups)} networks, one after the other: the sets teach different features.", window.theme.faint)


def _draw_base(plan: TrainingPlan, bases: Sequence[ProjectModel]) -> None:
    base = next((model for model in bases if model.entry.path == plan.continue_from), None)
    if imgui.begin_combo("##base", base.name if base is not None else "A fresh network"):
        if imgui.selectable("A fresh network", base is None)[0]:
            plan.continue_from = None
        for model in bases:
            if imgui.selectable(f"{model.name}###{model.id}", model is base)[0]:
                plan.continue_from = model.entry.path
        imgui.end_combo()


def _draw_architecture(window: Window, plan: TrainingPlan) -> None:
    from ais.models.registry import ARCHITECTURES

    own, theme = window.part(OwnArchitectures), window.theme
    own.look(window)
    chosen = known_architecture(plan.architecture)
    if imgui.begin_combo("##architecture", chosen.title if chosen is not None else plan.architecture):
        width = em(26)
        for one in ARCHITECTURES:
            if imgui.selectable(f"{one.title}###{one.name}", one is chosen)[0]:
                plan.architecture, plan.options = one.name, {}
            imgui.push_text_wrap_pos(width)
            faint(one.good_for, theme.faint)
            imgui.pop_text_wrap_pos()
        for name in own.names:
            if imgui.selectable(f"{name}###own {name}", name == plan.architecture)[0]:
                plan.architecture, plan.options = name, {}
            faint(OWN.format(own.folder), theme.faint)
        imgui.end_combo()
    faint(chosen.good_for if chosen is not None else OWN.format(own.folder or "the models folder"), theme.faint)


def _draw_validation(plan: TrainingPlan) -> None:
    names = ["None", *(f"{100 * share:.0f} % of the samples" for share in VALIDATIONS[1:])]
    at = VALIDATIONS.index(plan.validation) if plan.validation in VALIDATIONS else 1
    changed, at = imgui.combo("##validation", at, names)
    plan.validation = VALIDATIONS[at] if changed else plan.validation


def _draw_advanced(plan: TrainingPlan, known: Architecture | None) -> None:
    if known is not None:
        for option in known.options:
            _draw_option(plan, option)
    label("Batch", "Samples in a step; smaller ones need less memory")
    plan.batch_size = _whole("batch", plan.batch_size, 1, MOST_BATCH, "%d samples")
    label("Copies", "How often each sample is shown in an epoch, each time varied")
    plan.copies = _whole("copies", plan.copies, 1, MOST_COPIES)
    label("Variations", "How the copies of a sample differ from it")
    changed, at = imgui.combo("##augment", AUGMENTATIONS.index(plan.augment), list(VARIED.values()))
    plan.augment = AUGMENTATIONS[at] if changed else plan.augment
    plan.negatives = _optional(
        ("Negatives", "How many negative samples are shown for each positive one"),
        *("As many as there are", plan.negatives, 1.0, (0.0, MOST_NEGATIVES), "%.2g for each positive"),
    )
    usual_rate = known.learning_rate if known is not None else 1e-3
    plan.learning_rate = _optional(
        ("Learning rate", "The highest; it is reached after a short while and falls towards the end"),
        *(BY_ITSELF, plan.learning_rate, usual_rate, (1e-7, 1.0), "%.2g"),
    )
    label("Patience", "Epochs without a better validation loss after which the training comes to its end; 0 for never")
    with disabled(plan.validation == 0):
        plan.patience = _whole("patience", plan.patience, 0, MOST_EPOCHS)
    label("Loss", "What the training makes small")
    names = [BY_ITSELF, *(LOSS_NAMES[loss] for loss in LOSSES)]
    changed, at = imgui.combo("##loss", LOSSES.index(plan.loss) + 1 if plan.loss in LOSSES else 0, names)
    if changed:
        plan.loss = LOSSES[at - 1] if at else None
    label("Averaging", "How much of the moving average of the weights each step keeps, such as 0.99; 0 for no average")
    plan.averaging = _number("averaging", plan.averaging, 0.0, 0.9999, "%.4g")
    label("Weight decay")
    plan.weight_decay = _number("decay", plan.weight_decay, 0.0, MOST_DECAY, "%.4g")
    label("Clip", "The greatest length of all gradients together; 0 for any")
    plan.clip = _number("clip", plan.clip, 0.0, MOST_CLIP, "%.3g")
    label("Seed", "The same seed trains the same network")
    plan.seed = _whole("seed", plan.seed, 0, MOST_SEED)


def _draw_option(plan: TrainingPlan, option: Option) -> None:
    label(option.name.replace("_", " ").capitalize(), f"{option.text[0].upper()}{option.text[1:]}")
    now = plan.options.get(option.name, option.default)
    if isinstance(option.default, int):
        value: int | float = _whole(option.name, round(now), round(option.minimum), round(option.maximum))
    else:
        value = _number(option.name, float(now), option.minimum, option.maximum, "%.2g")
    if value == option.default:
        plan.options.pop(option.name, None)
    else:
        plan.options[option.name] = value


def _whole(name: str, value: int, low: int, high: int, form: str = "%d") -> int:
    speed = max(value * 0.01, 0.1)
    _, new = imgui.drag_int(f"##{name}", value, speed, low, high, form)
    return min(max(new, low), high)


def _number(name: str, value: float, low: float, high: float, form: str) -> float:
    _, new = imgui.input_double(f"##{name}", value, 0.0, 0.0, form)
    return _between(new, value, low, high)


def _between(new: float, old: float, low: float, high: float) -> float:
    return min(max(new, low), high) if new == new else old  # what was typed may be nan


def _optional(
    named: tuple[str, str],
    usual: str,
    value: float | None,
    first: float,
    limits: tuple[float, float],
    form: str,
) -> float | None:
    """A number that need not be given: what is usual, or one's own."""
    name, hint = named
    label(name, hint)
    changed, chosen = imgui.combo(f"##{name}", int(value is not None), [usual, "My own"])
    if changed:
        value = first if chosen else None
    if value is None:
        return None
    label("")
    return _number(f"own {name}", value, *limits, form)
