"""`ais train`: a network trained on training sets."""

from __future__ import annotations

import json as json_format
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ais.cli.options import Device, Json, Overwrite
from ais.cli.outputs import check_output
from ais.cli.terminal import complain, show, show_json, terminal_progress
from ais.cli.training_options import (
    ArchitectureOptions,
    Augment,
    BatchSize,
    Copies,
    Epochs,
    Negatives,
    Precision,
    TrainingSeed,
    Validation,
    parse_options,
)
from ais.errors import AisError, describe_os_error

if TYPE_CHECKING:
    from ais.training import EpochReport

DEFAULTS: dict[str, Any] = {
    "architecture": None,
    "epochs": 50,
    "batch_size": 32,
    "copies": 10,
    "negatives": None,
    "learning_rate": None,
    "validation": 0.0,
    "patience": 0,
    "augment": "basic",
    "precision": "auto",
    "seed": 0,
    "name": None,
}


def run(
    sets: Annotated[
        list[str] | None, typer.Argument(metavar="SET...", help="Training sets (.scnt); pooled.", show_default=False)
    ] = None,
    output: Annotated[str | None, typer.Option("-o", "--output", help="Model file to write (.aism).")] = None,
    list_: Annotated[
        bool, typer.Option("--list", help="List the architectures, with those of your own, and their options.")
    ] = False,
    template: Annotated[
        str | None,
        typer.Option("--template", metavar="NAME", help="Begin an architecture of your own: write its file and stop."),
    ] = None,
    architecture: Annotated[
        str | None, typer.Option("--architecture", help="Name from --list; by default fastnet.")
    ] = None,
    option: ArchitectureOptions = None,
    config: Annotated[
        str | None, typer.Option("--config", metavar="FILE", help="JSON with any of these options; typed ones win.")
    ] = None,
    epochs: Epochs = None,
    batch_size: BatchSize = None,
    copies: Copies = None,
    negatives: Negatives = None,
    learning_rate: Annotated[
        float | None, typer.Option("--learning-rate", help="By default the architecture's: 0.001, of fastnet 0.0025.")
    ] = None,
    validation: Validation = None,
    patience: Annotated[
        int | None,
        typer.Option(
            "--patience",
            metavar="EPOCHS",
            help="With --validation: come to the end after so many epochs without a better validation loss; "
            "by default all epochs are trained.",
        ),
    ] = None,
    augment: Augment = None,
    precision: Precision = None,
    continue_: Annotated[
        str | None, typer.Option("--continue", metavar="MODEL", help="Go on from a trained model.")
    ] = None,
    name: Annotated[
        str | None,
        typer.Option("--name", metavar="FEATURE", help="What the model finds; by default the set's feature."),
    ] = None,
    device: Device = "auto",
    seed: TrainingSeed = None,
    overwrite: Overwrite = False,
    json: Json = False,
) -> None:
    """Train a network on training sets and write it as a model file.

    A set of several features trains one network that tells them apart. A run that was killed goes on where it was when
    it is started again. Ctrl+C keeps the best epoch so far.
    """
    if list_:
        _show_architectures(json=json)
        return
    if template is not None:
        from ais.models import new_user_architecture

        show(str(new_user_architecture(template)))
        return
    if not sets or output is None:
        raise AisError("ais train needs at least one training set and -o MODEL.aism.")
    target = Path(output)
    if target.suffix.lower() != ".aism":
        raise AisError(f"{target} must end in .aism.")
    check_output(target, overwrite=overwrite, inputs=map(Path, sets))
    typed = {
        "architecture": architecture,
        "epochs": epochs,
        "batch_size": batch_size,
        "copies": copies,
        "negatives": negatives,
        "learning_rate": learning_rate,
        "validation": validation,
        "patience": patience,
        "augment": augment,
        "precision": precision,
        "seed": seed,
        "name": name,
    }
    configured = _read_config(Path(config)) if config else {}
    options = {**configured.pop("options", {}), **parse_options(option or [])}
    settings = {**DEFAULTS, **configured, **{key: value for key, value in typed.items() if value is not None}}
    from ais.training import train

    with terminal_progress(f"Training {target.stem}") as progress:
        result = train(
            [Path(path) for path in sets],
            target,
            options=options,
            continue_from=Path(continue_) if continue_ else None,
            device=device,
            on_epoch=_log_epoch,
            progress=progress,
            **settings,
        )
    if result.stopped:
        complain(result.stopped)
    if json:
        show_json({**asdict(result), "path": str(result.path)})
    else:
        validation_loss = "" if result.val_loss is None else f", validation loss {result.val_loss:.4f}"
        each = ", ".join(f"{feature} {dice:.3f}" for feature, dice in result.dice_by_feature.items())
        features = f" ({each})" if len(result.dice_by_feature) > 1 else ""
        show(
            f"{result.path}  loss {result.loss:.4f}{validation_loss}, Dice {result.dice:.3f}{features}, "
            f"{result.seconds:.0f} s, {result.samples_per_second:.0f} samples/s"
        )


def _log_epoch(report: EpochReport) -> None:
    complain(report.text())


def _read_config(path: Path) -> dict[str, Any]:
    try:
        content = json_format.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise AisError(describe_os_error(error, path)) from error
    except ValueError as error:
        raise AisError(f"{path} is not a JSON file of training options.") from error
    if not isinstance(content, dict):
        raise AisError(f'{path} must hold options in curly brackets, such as {{"epochs": 20}}.')
    settings = {key.replace("-", "_"): value for key, value in content.items()}
    for key, value in settings.items():
        if key not in DEFAULTS and key != "options":
            raise AisError(f"{path} names an unknown option '{key}': known are {', '.join(DEFAULTS)}, options.")
        default = DEFAULTS.get(key)
        expected: tuple[type, ...] = (str, type(None)) if key in ("architecture", "name") else (int, float, type(None))
        if key == "options":
            expected = (dict,)
        elif isinstance(default, float):
            expected = (int, float)
        elif default is not None:
            expected = (type(default),)
        if isinstance(value, bool) or not isinstance(value, expected):
            raise AisError(f"Option '{key}' of {path} makes no sense: {value!r}.")
    return settings


def _show_architectures(*, json: bool) -> None:
    from ais.models import DEFAULT, all_architectures

    entries = all_architectures()
    if json:
        show_json(
            [
                {
                    "name": entry.name,
                    "title": entry.title,
                    "default": entry.name == DEFAULT,
                    "own": bool(entry.source_hash),
                    "parameters": entry.parameters,
                    "good_for": entry.good_for,
                    "reference": entry.reference,
                    "options": {
                        o.name: {"default": o.default, "from": o.minimum, "to": o.maximum} for o in entry.options
                    },
                }
                for entry in entries
            ]
        )
        return
    for entry in entries:
        mark = " (default)" if entry.name == DEFAULT else " (your own)" if entry.source_hash else ""
        show(f"{entry.name}{mark}  {entry.parameters / 1e6:.2f} M parameters. {entry.good_for}")
        for choice in entry.options:
            show(f"    --option {choice.name}={choice.default}  {choice.text} ({choice.minimum} to {choice.maximum})")
