"""Records of what commands write that do not keep records themselves, and the words that make an output again."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ais.errors import AisError
from ais.formats.record import Identity, describe_input, record_path, refuse_changed, write_record

NOT_SETTINGS = ("output", "overwrite", "json", "device", "list_", "template")
"""Parameters that have no part in the result, or whose part the record tells otherwise."""
MODELS = (".aism", ".scnm")
MANY = ("sets", "inputs")
"""Parameters that name several files."""
SCENE = " scene"
"""What is added to the name of `ais mesh` where it writes all surfaces to one file, which has a record of its own."""


@dataclass(frozen=True)
class Recorded:
    """How the parameters of a command are told in a record.

    Attributes
    ----------
    inputs
        Those that name files which are read.
    file
        Name of the file in the folder that ``-o`` names; empty where ``-o`` or OUT is the file itself.
    """

    inputs: tuple[str, ...] = ()
    file: str = ""

    def is_setting(self, name: str) -> bool:
        """Whether a parameter belongs to the settings."""
        return name not in self.inputs and name not in NOT_SETTINGS


RECORDED: Mapping[str, Recorded] = {
    "extract": Recorded(("project",)),
    "train": Recorded(("sets", "config", "continue_")),
    "compare": Recorded(("sets", "test", "truth"), "comparison.csv"),
    "classic": Recorded(),
    "filter": Recorded(("input_", "match", "mask")),
    "convert": Recorded(("input_", "tomogram")),
    "simulate": Recorded((), "sim_{number:03d}.mrc"),
    "mesh scene": Recorded(("inputs",), "{scene}"),
}


def recorded(command: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """The function of a command, which leaves a record beside each output when it has ended well.

    The inputs are looked at before the work begins, so that the record tells what was read.
    """
    if command not in RECORDED and command + SCENE not in RECORDED:
        return function

    @functools.wraps(function)
    def with_record(**values: Any) -> Any:
        kind = command + SCENE if values.get("scene") else command
        if kind not in RECORDED:
            return function(**values)
        inputs = list(_inputs(kind, values))
        started = time.monotonic()
        code = function(**values)
        if not code:
            for output, settings in _outputs(kind, values):
                identity = Identity(kind, inputs, settings)
                try:
                    # A model that is trained further may be replaced by what it becomes.
                    refuse_changed([one for one in inputs if Path(one["path"]) != output.resolve()])
                    write_record(output, identity, _result(output), time.monotonic() - started)
                except BaseException:  # such as a full disk: a record of what has been replaced would be wrong
                    with suppress(OSError):
                        record_path(output).unlink()
                    raise
        return code

    return with_record


def _inputs(command: str, values: dict[str, Any]) -> Iterator[dict[str, Any]]:
    from ais.cli.inputs import find_inputs

    for role in RECORDED[command].inputs:
        named = values[role] or []
        words = [named] if isinstance(named, str) else named
        try:
            for path in find_inputs(words) if role == "inputs" else map(Path, words):
                yield {"role": role, **describe_input(path)}
        except AisError:
            return  # the command itself says what is wrong with it
    if command == "extract":
        yield from _annotated_tomograms(Path(values["project"]), [*values["feature"], *(values["negative"] or [])])


def _annotated_tomograms(path: Path, features: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Those from which samples are cut."""
    from ais.project import Project

    try:
        with closing(Project.open(path, read_only=True)) as project:
            wanted = [feature.id for feature in project.features() if feature.name in features]
            for entry in project.tomograms():
                if any(project.boxes(entry.id, feature) for feature in wanted):
                    yield {"role": "tomogram", **describe_input(entry.path)}
    except AisError:
        return  # as above


def _outputs(command: str, values: dict[str, Any]) -> Iterator[tuple[Path, dict[str, Any]]]:
    """What has been written, and the settings that make it alone."""
    from ais.formats.ome_zarr_labels import inside_an_image

    how = RECORDED[command]
    if values["output"] is None:
        return  # it has shown a list, or begun a file for the user to fill
    settings = {name: value for name, value in values.items() if how.is_setting(name)}
    target = Path(values["output"])
    if command == "simulate":
        for index in range(values["count"]):
            seed = values["seed"] + index
            yield target / how.file.format(number=seed + 1), {**settings, "seed": seed, "count": 1}
    elif how.file:
        yield target / how.file.format(**values), settings
    elif target.exists() and not inside_an_image(target):  # a label image inside another volume carries its record
        yield target, settings


def _result(output: Path) -> dict[str, Any]:
    if output.suffix.lower() not in MODELS:
        return {}
    from ais.models import model_hash

    return {"model": model_hash(output)}
