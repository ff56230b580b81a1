"""The words of the command line that make an output again, from its record."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ais.batch import FEATURE_MARK, PickSettings, tomogram_and_feature
from ais.cli.recording import MANY, RECORDED, SCENE
from ais.errors import AisError
from ais.formats.atomic import write_text
from ais.formats.recorded import Record, RecordedInput
from ais.formats.registry import volume_exists, volume_stem, volume_suffix

SEGMENT = ("tta", "dtype", "precision", "voxel_size")
MESH = {"level": "level", "dust": "dust", "bin": "bin_", "smooth": "smooth", "format": "format_"}
ANALYZE = {
    **{name: name for name in ("threshold", "min_volume", "labels", "remove_border", "voxel_size")},
    "separated": "separate",
    "lengths": "no_lengths",
    "distances_to": "to",
}
LABELS = ".zarr"
LARGEST = 1 << 53

Values = dict[str, Any]
Files = Mapping[RecordedInput, Path]


class RepeatedWork:
    """What is to be run to make an output again.

    Parameters
    ----------
    record
        Of the output.
    files
        Where its inputs and models are now.
    folder
        Where the output goes.
    workspace
        A folder for files that only this run needs.

    Attributes
    ----------
    command
        Name of the command.
    values
        Its parameters, by the names of its function.
    output
        What it will write.

    Raises
    ------
    AisError
        If the record does not tell enough.
    """

    def __init__(self, record: Record, files: Files, folder: Path, workspace: Path) -> None:
        self._record = record
        self._files = files
        self._workspace = workspace
        self.command = record.command
        self.output = folder / record.output
        if record.command == "labels" or (record.command == "convert" and record.content is None):
            self.command = "convert"
            self.output = folder / (Path(record.output).stem + LABELS)
            self.values = self._labels()
        elif record.command in RECORDED:
            self.command = record.command.removesuffix(SCENE)
            self.values = self._by_roles()
        elif record.command in ("segment", "pick", "mesh", "analyze"):
            self.values = {"inputs": [str(self._first())], "output": str(folder), **self._settings_of_batch()}
            self.output = folder / self._renamed()
        elif record.command.startswith("stages"):
            raise AisError(f"{record.path} is of one stage of many: run ais stages again with another -o instead.")
        else:
            raise AisError(f"{record.path} is of '{record.command}', which this version of Ais cannot repeat.")

    def words(self, parser: Any, *, overwrite: bool) -> list[str]:
        """What to type behind the command's name.

        Parameters
        ----------
        parser
            The command of click, which knows the options.
        overwrite
            Whether files may be replaced.

        Raises
        ------
        AisError
            If the record has settings that the command does not take.
        """
        known = {param.name: param for param in parser.params}
        options, arguments = [], []
        for name in self.values:
            if name not in known:
                raise AisError(f"{self._record.path} has a setting that ais {self.command} does not know.")
        for name, param in known.items():
            value = self.values.get(name)
            if value is None:
                continue
            is_list = isinstance(value, list)
            entries = value if is_list else [value]
            flag = bool(getattr(param, "is_flag", False))
            if (is_list and not getattr(param, "multiple", False) and param.nargs == 1) or not all(
                isinstance(one, bool) == flag and _is_plain(one) for one in entries
            ):
                raise AisError(f"{self._record.path} has a setting that makes no sense to ais {self.command}.")
            if param.param_type_name == "argument":
                arguments += [str(one) for one in entries]
            elif flag:
                options += [param.opts[-1]] * bool(value)
            else:
                options += [f"{param.opts[-1]}={one}" for one in entries]
        return [*options, *(["--overwrite"] if overwrite else []), "--", *arguments]

    def _first(self) -> Path:
        if not self._record.inputs:
            raise AisError(f"{self._record.path} is damaged: it names no input.")
        path = self._files[self._record.inputs[0]]
        if not volume_exists(path) or not volume_suffix(path):
            raise AisError(f"{path} is not a volume, which {self._record.path} says it is.")
        return path

    def _renamed(self) -> str:
        """The output's name, which follows that of its input."""
        old, new = volume_stem(Path(self._record.inputs[0].name)), volume_stem(self._first())
        name = self._record.output
        return new + name[len(old) :] if name.startswith(old) else name

    def _by_roles(self) -> Values:
        how = RECORDED[self._record.command]
        settings = self._record.settings
        if not all(how.is_setting(name) for name in settings):
            raise AisError(f"{self._record.path} has a setting that ais {self.command} does not know.")
        if settings.get("count", 1) != 1:
            raise AisError(f"{self._record.path} is of several outputs, and a record is of one.")
        values: Values = {**settings, "output": str(self.output.parent if how.file else self.output)}
        for one in self._record.inputs:
            if one.role in how.inputs:
                values.setdefault(one.role, []).append(str(self._files[one]))
        for role in {one.role for one in self._record.inputs} & set(how.inputs):
            if role not in MANY and len(values[role]) == 1:
                (values[role],) = values[role]
        return values

    def _labels(self) -> Values:
        return {
            "input_": str(self._first()),
            "output": str(self.output),
            "labels": True,
            "label_threshold": self._record.settings.get("threshold"),
            "voxel_size": self._record.settings.get("voxel_size"),
        }

    def _settings_of_batch(self) -> Values:
        settings = dict(self._record.settings)
        match self._record.command:
            case "segment":
                return self._segment(settings)
            case "pick":
                return self._pick(settings)
            case "mesh":
                return self._renamed_settings(settings, {**MESH, "voxel_size": "voxel_size"})
            case _:
                return self._analyze(settings)

    def _segment(self, settings: Values) -> Values:
        if not self._record.models:
            raise AisError(f"{self._record.path} names no model: it was written before records did so.")
        crop = settings.get("crop")
        values: Values = {
            **{name: settings[name] for name in SEGMENT if name in settings},
            "model": [str(self._files[one]) for one in self._record.models],
            "range_": _range(settings.get("range")),
            "crop": None if crop is None else _crop(crop),
        }
        if "rules" in settings:
            rules = self._workspace / "rules.json"
            write_text(rules, json.dumps(settings["rules"]))
            values["rules"] = str(rules)
        return values

    def _pick(self, settings: Values) -> Values:
        usual = PickSettings()
        values = self._renamed_settings(settings, {name: name for name in vars(usual)})
        if len(self._record.inputs) > 1:
            values["surface"] = str(self._files[self._record.inputs[1]])
        return values

    def _analyze(self, settings: Values) -> Values:
        values = self._renamed_settings(settings, ANALYZE)
        if isinstance(values.get("no_lengths"), bool):
            values["no_lengths"] = not values["no_lengths"]
        further = list(self._record.inputs[1:])
        wanted = values.get("to") or ""
        if wanted and further and _is_of(further[-1], str(wanted)):
            values["to"] = str(self._files[further.pop()])
        if further:
            values["image"] = str(self._files[further[0]])
        return values

    def _renamed_settings(self, settings: Values, names: Mapping[str, str]) -> Values:
        unknown = [name for name in settings if name not in names]
        if unknown:
            raise AisError(f"{self._record.path} has a setting that ais {self.command} does not know.")
        return {names[name]: value for name, value in settings.items()}


def _is_of(volume: RecordedInput, wanted: str) -> bool:
    """Whether a volume is what distances were measured to: the feature of that name, or the file itself."""
    _, feature = tomogram_and_feature(Path(volume.name))
    return feature == wanted or Path(wanted).name == volume.name or volume.name.endswith(FEATURE_MARK + wanted)


def _range(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, list) and len(value) == 2:
        return f"{value[0]}:{value[1]}"
    raise AisError(f"A record's range must be two numbers, not {value!r:.40}.")


def _crop(value: Any) -> str:
    if isinstance(value, list) and len(value) == 4:
        return f"{_range(value[:2])},{_range(value[2:])}"
    raise AisError(f"A record's crop must be four numbers, not {value!r:.40}.")


def _is_plain(value: Any) -> bool:
    """Text or a number; whole numbers as far as JSON carries them exactly."""
    return isinstance(value, str | float) or (isinstance(value, int) and abs(value) < LARGEST)
