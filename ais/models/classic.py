"""Classic methods, which find structures by rules instead of by what a network has learnt, and their options."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from ais.errors import AisError
from ais.models.architecture import Option

PREFIX = "classic-"
"""Begins the names of all classic methods in model files; no network may be called so."""
ClassicValue: TypeAlias = int | float | str
"""Of an option: a number, or a word of a choice."""
LONGEST_A = 10_000.0
MOST_SD = 50.0


@dataclass(frozen=True)
class Quantity(Option):
    """A number with its unit.

    Attributes
    ----------
    unit
        Such as ``"A"`` for angstrom; ``"SD"`` for standard deviations of the tomogram's values (see
        `ais.tomogram.global_mad`); empty for a count.
    """

    unit: str = ""


@dataclass(frozen=True)
class Choice:
    """One of several words.

    Attributes
    ----------
    name, text
        Its key, and what it decides.
    words
        What may be chosen, and what each means; the first is taken when nothing is set.
    """

    name: str
    words: Mapping[str, str]
    text: str

    @property
    def default(self) -> str:
        """The word that is taken when nothing is set."""
        return next(iter(self.words))

    def read(self, value: object, method: str) -> str:
        """The value as one of the words; AisError otherwise."""
        if not isinstance(value, str) or value not in self.words:
            raise AisError(f"Option {self.name} of {method} must be {' or '.join(self.words)}, not {value!r}.")
        return value


@dataclass(frozen=True)
class ClassicMethod:
    """A way to find structures without a network.

    Attributes
    ----------
    name, title
        As typed and stored, `PREFIX` included, and as shown.
    good_for
        One sentence for choosing.
    reference
        Where the idea comes from.
    options
        What may be set, in the order in which it is asked for.
    """

    name: str
    title: str
    good_for: str
    reference: str
    options: tuple[Quantity | Choice, ...]

    def arguments(self, options: Mapping[str, object] | None = None) -> dict[str, ClassicValue]:
        """All options with their values: the given ones checked, the others at their defaults.

        Raises
        ------
        AisError
            For an option that the method does not have, or a value that it cannot take.
        """
        given, short = dict(options or {}), self.name.removeprefix(PREFIX)
        known = {option.name: option for option in self.options}
        for name in given:
            if name not in known:
                raise AisError(f"The method {short} has no option '{name}': it has {', '.join(known)}.")
        values = {name: option.read(given.get(name, option.default), short) for name, option in known.items()}
        for low, high in ORDERED:
            if low in values and high in values and not float(values[low]) <= float(values[high]):
                raise AisError(f"Option {low} of {short} must not be above {high}.")
        return values


ORDERED = (("low", "high"), ("background", "seed"))
"""Options of which the first must not be above the second."""
POLARITY = Choice("polarity", {"dark": "Dark", "bright": "Bright"}, "whether the structure is darker or brighter")
DIMENSIONS = Choice(
    "dimensions", {"3d": "In 3D", "2d": "In each slice"}, "whether slices above and below count; 2d is faster"
)


def _strength(default: float) -> Quantity:
    text = "standard deviations (SD) above what is usual in the tomogram; more finds less"
    return Quantity("strength", default, 0.0, MOST_SD, text, unit="SD")


def _smoothing(default: float) -> Quantity:
    text = "standard deviation of the Gaussian that smooths first; 0 for none"
    return Quantity("smoothing", default, 0.0, 1000.0, text, unit="A")


def _beyond(name: str, default: float, text: str) -> Quantity:
    return Quantity(name, default, -MOST_SD, MOST_SD, text, unit="SD")


THRESHOLD = ClassicMethod(
    "classic-threshold",
    "Threshold",
    "What is darker or brighter than one value everywhere, such as gold beads, ice, or a filtered tomogram.",
    "Otsu, IEEE Trans. Syst. Man Cybern. 9 (1979) 62-66",
    (
        POLARITY,
        Choice(
            "limit",
            {"otsu": "By itself (Otsu)", "value": "A value"},
            "whether the value that parts the grey values best is found for each tomogram, or is given",
        ),
        _beyond("value", 1.0, "with limit value: standard deviations (SD) darker (brighter) than the mean"),
        _smoothing(15.0),
        DIMENSIONS,
    ),
)
LOCAL = ClassicMethod(
    "classic-local",
    "Local threshold",
    "What differs from its surroundings, where the background varies over the slice.",
    "",
    (
        POLARITY,
        Quantity(
            "window", 400.0, 10.0, LONGEST_A, "edge of the square, in the slice, that a pixel is compared with", "A"
        ),
        _beyond("offset", 0.6, "standard deviations (SD) darker (brighter) than the mean of that square"),
        _smoothing(15.0),
        DIMENSIONS,
    ),
)
HYSTERESIS = ClassicMethod(
    "classic-hysteresis",
    "Two thresholds (hysteresis)",
    "Connected structures with faint parts: what is beyond the low threshold and connected to what is beyond the high.",
    "Canny, IEEE Trans. Pattern Anal. Mach. Intell. 8 (1986) 679-698",
    (
        POLARITY,
        _beyond("low", 0.6, "belongs if connected; standard deviations (SD) darker (brighter) than the mean"),
        _beyond("high", 1.2, "belongs for certain; standard deviations (SD) darker (brighter) than the mean"),
        Quantity("reach", 60.0, 0.0, 1000.0, "how far up and down a connection is followed", "A"),
        _smoothing(15.0),
        DIMENSIONS,
    ),
)
SPOT = ClassicMethod(
    "classic-spot",
    "Spots",
    "Round particles of one size, such as ribosomes (250 A), proteasomes or gold beads.",
    "Lindeberg, Int. J. Comput. Vis. 30 (1998) 79-116",
    (POLARITY, Quantity("diameter", 250.0, 5.0, LONGEST_A, "of a particle", "A"), _strength(3.0), DIMENSIONS),
)
FILAMENT = ClassicMethod(
    "classic-filament",
    "Filaments",
    "Thin lines of one width, such as actin (70 A). For hollow ones, such as microtubules, see Cylinder correlation.",
    "after Frangi et al., MICCAI (1998) 130-137, and Sato et al., Med. Image Anal. 2 (1998) 143-168",
    (POLARITY, Quantity("width", 70.0, 5.0, LONGEST_A, "of a filament", "A"), _strength(3.0), DIMENSIONS),
)
SHEET = ClassicMethod(
    "classic-sheet",
    "Sheets",
    "Thin sheets of one thickness, such as membranes (60 A).",
    "after Frangi et al., MICCAI (1998) 130-137, and Descoteaux et al., MICCAI (2005) 169-176",
    (POLARITY, Quantity("width", 60.0, 5.0, LONGEST_A, "thickness of the sheet", "A"), _strength(2.0), DIMENSIONS),
)
CYLINDER = ClassicMethod(
    "classic-cylinder",
    "Cylinder correlation",
    "Straight filaments and tubes that lie in the slice, such as microtubules (250 A, wall 60 A); slower.",
    "Rigort et al., J. Struct. Biol. 177 (2012) 135-144",
    (
        POLARITY,
        Quantity("diameter", 250.0, 5.0, LONGEST_A, "of the filament", "A"),
        Quantity("length", 800.0, 10.0, LONGEST_A, "of the piece that is looked for", "A"),
        Quantity("wall", 0.0, 0.0, 1000.0, "thickness of the wall of a hollow one, such as 60; 0 if it is filled", "A"),
        Quantity("angles", 18, 2, 90, "how many directions in the slice are tried"),
        _strength(4.0),
    ),
)
WATERSHED = ClassicMethod(
    "classic-watershed",
    "Watershed",
    "Compact bodies with a clear rim: what is undecided goes where the rim, the steepest change, parts the two sides.",
    "Vincent and Soille, IEEE Trans. Pattern Anal. Mach. Intell. 13 (1991) 583-598",
    (
        POLARITY,
        _beyond("seed", 1.0, "belongs for certain; standard deviations (SD) darker (brighter) than the mean"),
        _beyond(
            "background", 0.3, "is background for certain; standard deviations (SD) darker (brighter) than the mean"
        ),
        _smoothing(25.0),
        DIMENSIONS,
    ),
)
CLASSIC_METHODS = (THRESHOLD, LOCAL, HYSTERESIS, SPOT, FILAMENT, SHEET, CYLINDER, WATERSHED)


def is_classic(name: str) -> bool:
    """Whether a name of an architecture is, or claims to be, that of a classic method."""
    return name.startswith(PREFIX)


def classic_method(name: str) -> ClassicMethod:
    """The method of that name, with or without `PREFIX`.

    Raises
    ------
    AisError
        If there is none, with a list of the names.
    """
    wanted = name if is_classic(name) else PREFIX + name
    for method in CLASSIC_METHODS:
        if method.name == wanted:
            return method
    known = ", ".join(method.name.removeprefix(PREFIX) for method in CLASSIC_METHODS)
    raise AisError(f"There is no classic method '{name.removeprefix(PREFIX)}': choose one of {known}.")
