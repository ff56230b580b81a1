"""Writes docs/reference/classic-methods.md from what the methods state, so that the two never differ."""

from __future__ import annotations

from pathlib import Path

from ais.models.classic import CLASSIC_METHODS, PREFIX, Choice, ClassicMethod, Quantity

HEAD = """# Classic methods

Written from what the methods state by `docs/make_classic_reference.py`; the tests hold them to it.

`ais classic METHOD --feature NAME -o MODEL.aism` writes a model of one, and `--option KEY=VALUE` sets its options;
see [Begin without training](../how-to/classic-segmentation.md).

Lengths are in angstrom and follow the tomogram's voxel size. SD is the standard deviation of the tomogram's
values, by its median absolute deviation, so that a few bright beads do not count; for a strength it is that of the
method's own response, measured once in windows all over the tomogram.
"""
NAMES = "| option | default | may be | unit | what it is |\n|---|---|---|---|---|"


def reference() -> str:
    """The page's text."""
    return "\n".join([HEAD, *map(_section, CLASSIC_METHODS)])


def _section(method: ClassicMethod) -> str:
    source = method.reference.removeprefix("after ")
    about = f"{method.good_for} After: {source}." if source else method.good_for
    rows = "\n".join(map(_row, method.options))
    return f"## {method.name.removeprefix(PREFIX)}\n\n{about}\n\n{NAMES}\n{rows}\n"


def _row(option: Quantity | Choice) -> str:
    if isinstance(option, Choice):
        return f"| `{option.name}` | {option.default} | {', '.join(option.words)} | | {option.text} |"
    unit = "Å" if option.unit == "A" else option.unit
    limits = f"{option.minimum:g} to {option.maximum:g}"
    return f"| `{option.name}` | {option.default:g} | {limits} | {unit} | {option.text} |"


if __name__ == "__main__":
    page = Path(__file__).parent / "reference" / "classic-methods.md"
    page.write_text(reference(), encoding="utf-8")
