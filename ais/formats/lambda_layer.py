"""What a Lambda layer of Keras 2 does to the axes of its image, found by reading its code, which is never executed.

Networks of Ais 1.x use such layers to make a volume of the slices of an image and an image of a slice again. Code that
does anything but insert, remove, or pick from axes is not understood, and the model that it belongs to is refused.
"""

from __future__ import annotations

import base64
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ais.errors import AisError
from ais.formats.marshalled_code import StoredCode, read_code

LIBRARIES = ("tf", "tensorflow", "K", "keras", "backend")
AXIS_FUNCTIONS = ("expand_dims", "squeeze")
MOST_INSTRUCTIONS = 200
LONGEST_TEXT = 1 << 16
# As BINARY_OP of Python 3.11 counts operators, and those before it had operations of their own.
ARITHMETIC: Mapping[int, Callable[[int, int], int]] = {0: operator.add, 2: operator.floordiv, 10: operator.sub}
OPERATORS_BEFORE_3_11 = {23: 0, 24: 10, 26: 2}
SAME_IN_ALL = {
    **{11: "NEGATIVE", 25: "PICK", 83: "RETURN", 100: "CONSTANT", 102: "TUPLE", 106: "ATTRIBUTE", 116: "GLOBAL"},
    **{124: "VARIABLE", 133: "SLICE", 160: "ATTRIBUTE"},
}
BEFORE_3_11 = {
    **SAME_IN_ALL,
    **dict.fromkeys(OPERATORS_BEFORE_3_11, "OPERATOR"),
    131: "CALL",
    136: "FROM_AROUND",
    141: "CALL_NAMED",
    161: "CALL",
}
SINCE_3_11 = {
    **SAME_IN_ALL,
    **{0: "NOTHING", 2: "NOTHING", 122: "OPERATOR", 137: "FROM_AROUND", 149: "NOTHING", 151: "NOTHING"},
    **{166: "NOTHING", 171: "CALL", 172: "NAMES"},
}


@dataclass(frozen=True)
class AxisStep:
    """One thing done to the axes of an array.

    Attributes
    ----------
    kind
        ``"expand_dims"``, ``"squeeze"`` or ``"pick"``.
    axis
        Of the first two, as in NumPy.
    key
        Of the last: what stands in the brackets.
    """

    kind: str
    axis: int = 0
    key: tuple[Any, ...] = ()


@dataclass(frozen=True)
class _Array:
    """The layer's image after some steps."""

    steps: tuple[AxisStep, ...] = ()


@dataclass(frozen=True)
class _Name:
    """Something that the code calls by a name, such as ``tf.expand_dims``."""

    path: tuple[str, ...]


def axis_steps(config: Mapping[str, Any]) -> tuple[AxisStep, ...]:
    """What a Lambda layer does, from Keras 2's description of it.

    Raises
    ------
    AisError
        A clause without the file's name, if its code does anything else or cannot be read.
    """
    name = str(config.get("name"))[:80]
    try:
        if config.get("function_type") != "lambda" or config.get("arguments"):
            raise ValueError("code that is elsewhere")
        code, defaults, around = config["function"]
        if defaults or not isinstance(code, str) or len(code) > LONGEST_TEXT:
            raise ValueError("more than a function of one array")
        return _steps(read_code(base64.b64decode(code.encode("ascii"))), list(around or ()))
    except (ValueError, ArithmeticError, LookupError, TypeError) as error:
        raise AisError(
            f"its layer '{name}' (Lambda) holds program code, of which Ais runs none, and which cannot be read as one "
            "that only turns slices into a volume or back: train the network again"
        ) from error


def _steps(code: StoredCode, around: Sequence[Any]) -> tuple[AxisStep, ...]:
    if code.arguments != 1 or len(code.instructions) > 2 * MOST_INSTRUCTIONS:
        raise ValueError("more than a function of one array")
    operations = SINCE_3_11 if code.since_3_11 else BEFORE_3_11
    stack: list[Any] = []
    names: tuple[str, ...] = ()
    pairs = list(zip(code.instructions[::2], code.instructions[1::2], strict=True))
    for place, (operation, number) in enumerate(pairs):
        match operations.get(operation, "UNKNOWN"):
            case "NOTHING":
                pass
            case "CONSTANT":
                stack.append(code.constants[number])
            case "VARIABLE" if number == 0:
                stack.append(_Array())
            case "FROM_AROUND":
                stack.append(around[number - (len(code.variables) - len(around))])
            case "GLOBAL":
                stack.append(_Name((code.names[number >> 1 if code.since_3_11 else number],)))
            case "ATTRIBUTE":
                stack.append(_Name((*_is_a(stack.pop(), _Name).path, code.names[number])))
            case "TUPLE":
                stack.append(tuple(_popped(stack, number)))
            case "SLICE":
                stack.append(slice(*(_whole(value) for value in _popped(stack, number))))
            case "NEGATIVE":
                stack.append(-_is_a(stack.pop(), int))
            case "PICK":
                array, key = _popped(stack, 2)
                key = key if isinstance(key, tuple) else (key,)
                stack.append(_after(array, AxisStep("pick", key=tuple(_part(part) for part in key))))
            case "OPERATOR":
                one, other = _popped(stack, 2)
                compute = ARITHMETIC[OPERATORS_BEFORE_3_11.get(operation, number)]
                stack.append(compute(_is_a(one, int), _is_a(other, int)))
            case "NAMES":
                names = code.constants[number]
            case "CALL" | "CALL_NAMED":
                if operations[operation] == "CALL_NAMED":
                    names = stack.pop()
                given = _popped(stack, number)
                stack.append(_called(stack.pop(), given, names))
                names = ()
            case "RETURN" if place == len(pairs) - 1 and len(stack) == 1:
                found: _Array = _is_a(stack[0], _Array)
                return found.steps
            case _:
                raise ValueError("another operation")
    raise ValueError("no result")


def _called(function: Any, given: Sequence[Any], names: Sequence[str]) -> _Array:
    path = _is_a(function, _Name).path
    if len(path) < 2 or path[0] not in LIBRARIES or path[-1] not in AXIS_FUNCTIONS or len(given) != 2:
        raise ValueError("another function")
    if list(names) not in ([], ["axis"]):
        raise ValueError("another setting")
    array, axis = given
    return _after(array, AxisStep(path[-1], axis=_is_a(axis, int)))


def _after(array: Any, step: AxisStep) -> _Array:
    return _Array((*_is_a(array, _Array).steps, step))


def _popped(stack: list[Any], count: int) -> list[Any]:
    if not 0 < count <= len(stack):
        raise ValueError("too little on the stack")
    popped = stack[-count:]
    del stack[-count:]
    return popped


def _part(value: Any) -> Any:
    if isinstance(value, slice) or value is None or value is ...:
        return value
    return _is_a(value, int)


def _whole(value: Any) -> int | None:
    return None if value is None else _is_a(value, int)


def _is_a(value: Any, kind: type[Any]) -> Any:
    if not isinstance(value, kind) or isinstance(value, bool):
        raise ValueError(f"no {kind.__name__}")
    return value
