"""`ais classic`: a model of a classic method, without a network and without training."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ais.cli.options import Json, Overwrite
from ais.cli.outputs import check_output
from ais.cli.terminal import show, show_json
from ais.cli.training_options import parse_options
from ais.errors import AisError

if TYPE_CHECKING:
    from ais.models.classic import Choice, Quantity


def run(
    method: Annotated[
        str | None, typer.Argument(metavar="METHOD", help="Name from --list, such as sheet.", show_default=False)
    ] = None,
    output: Annotated[str | None, typer.Option("-o", "--output", help="Model file to write (.aism).")] = None,
    feature: Annotated[
        str | None, typer.Option("--feature", metavar="NAME", help="What it finds, such as membrane.")
    ] = None,
    option: Annotated[
        list[str] | None,
        typer.Option("--option", metavar="KEY=VALUE", help="Option of the method; repeatable. Lengths in angstrom."),
    ] = None,
    list_: Annotated[bool, typer.Option("--list", help="List the methods and their options.")] = False,
    overwrite: Overwrite = False,
    json: Json = False,
) -> None:
    """Write a model that finds a feature by a classic method: thresholds, spots, filaments, sheets, watershed.

    It needs no training and is used as a trained model is, such as by ais segment -m. --option takes the method's
    options.
    """
    if list_:
        _show_methods(json=json)
        return
    if method is None or output is None or feature is None:
        raise AisError("ais classic needs a method, --feature NAME and -o MODEL.aism; ais classic --list has methods.")
    target = Path(output)
    if target.suffix.lower() != ".aism":
        raise AisError(f"{target} must end in .aism.")
    check_output(target, overwrite=overwrite)
    from ais.classic import make_classic_model

    info = make_classic_model(target, method, feature, parse_options(option or []))
    if json:
        show_json(
            {"path": str(target), "method": info.architecture, "feature": info.feature, "options": info.arguments}
        )
    else:
        show(str(target))


def _show_methods(*, json: bool) -> None:
    from ais.models.classic import CLASSIC_METHODS, PREFIX

    if json:
        show_json(
            [
                {
                    "name": method.name.removeprefix(PREFIX),
                    "title": method.title,
                    "good_for": method.good_for,
                    "reference": method.reference,
                    "options": {option.name: _described(option) for option in method.options},
                }
                for method in CLASSIC_METHODS
            ]
        )
        return
    for method in CLASSIC_METHODS:
        show(f"{method.name.removeprefix(PREFIX)}  {method.good_for}")
        for option in method.options:
            show(f"    --option {option.name}={option.default}  {option.text} ({_limits(option)})")


def _described(option: Quantity | Choice) -> dict[str, object]:
    from ais.models.classic import Choice

    if isinstance(option, Choice):
        return {"default": option.default, "choices": list(option.words)}
    return {"default": option.default, "from": option.minimum, "to": option.maximum, "unit": option.unit}


def _limits(option: Quantity | Choice) -> str:
    from ais.models.classic import Choice

    if isinstance(option, Choice):
        return ", ".join(option.words)
    return f"{option.minimum:g} to {option.maximum:g}{f' {option.unit}' if option.unit else ''}"
