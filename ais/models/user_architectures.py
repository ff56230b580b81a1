"""Architectures of the user's own: Python files in the models folder, read only when one of them is asked for."""

from __future__ import annotations

import hashlib
import logging
import math
import os
import re
import sys
import traceback
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from ais.errors import AisError, describe_os_error
from ais.formats.atomic import write_text
from ais.models.architecture import Architecture, Layers, Option, OptionValue
from ais.models.backend import load_backend
from ais.models.reach import reach

if TYPE_CHECKING:
    import keras

    Network = Callable[[Layers, int, Mapping[str, OptionValue]], keras.Model]

FOLDER_VARIABLE = "AIS_MODELS"
VARIABLE = "ARCHITECTURE"
NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
MAX_FILE_BYTES = 1 << 20
TEMPLATE = Path(__file__).with_name("template.py")
TEMPLATE_NAME = "my-net"
log = logging.getLogger(__name__)


def models_folder() -> Path:
    """The folder of the user's own architectures: ``$AIS_MODELS``, or ``models`` beside the user's other data."""
    from platformdirs import user_data_path

    return Path(os.environ.get(FOLDER_VARIABLE) or user_data_path("ais") / "models")


def user_architecture_names() -> list[str]:
    """Names of the files in the models folder, as architectures; nothing is read."""
    return list(_files())


def user_architectures(taken: Collection[str] = ()) -> list[Architecture]:
    """All architectures in the models folder; a file that cannot be used is named in a warning and left out.

    Parameters
    ----------
    taken
        Names that a file may not have.
    """
    found, files = [], _files()
    for path in _python_files():
        name = path.stem.replace("_", "-")
        try:
            if not NAME.fullmatch(name):
                raise AisError(f"{path} is left out: call it by lower-case letters, digits and hyphens, as my-net.py.")
            if name in taken:
                raise AisError(f"{path} is left out: Ais has an architecture {name} already, so call yours otherwise.")
            if files[name] != path:
                raise AisError(f"{path} is left out: {files[name].name} has the same name, so call one otherwise.")
            found.append(_loaded(path, name, _source(path)))
        except AisError as error:
            log.warning("%s", error)
    return found


def user_architecture(name: str) -> Architecture | None:
    """The architecture in the models folder of that name, None if there is no such file.

    Raises
    ------
    AisError
        If the file cannot be used: one sentence that says why.
    """
    path = _files().get(name)
    return None if path is None else _loaded(path, name, _source(path))


def check_user_architecture(name: str, digest: str) -> None:
    """AisError unless the models folder holds the file that a model was trained with; the file is not executed.

    Parameters
    ----------
    name
        Of the architecture.
    digest
        SHA-256 of the file, 64 hex digits.
    """
    path = _files().get(name)
    if path is None:
        raise AisError(
            f"its architecture '{name}' is a user's own, and {models_folder()} holds no {name}.py: "
            f"copy that file there, or name its folder in {FOLDER_VARIABLE}"
        )
    if hashlib.sha256(_source(path)).hexdigest() != digest:
        raise AisError(
            f"{path} has changed since the model was trained: put the earlier file back, or train the model again"
        )


def write_template(name: str, taken: Collection[str] = ()) -> Path:
    """Put a file into the models folder that describes a small network, to be changed into one's own.

    Parameters
    ----------
    name
        Of the architecture: lower-case letters, digits and hyphens.
    taken
        Names that it may not have.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    AisError
        If the name is no such name, or taken, or the file cannot be written.
    """
    if not NAME.fullmatch(name):
        raise AisError(f"'{name}' must be made of lower-case letters, digits and hyphens, such as {TEMPLATE_NAME}.")
    if name in taken:
        raise AisError(f"Ais has an architecture {name} already: choose another name.")
    if name in _files():
        raise AisError(f"{_files()[name]} exists already: choose another name.")
    path = models_folder() / f"{name.replace('-', '_')}.py"
    write_text(path, TEMPLATE.read_text(encoding="utf-8").replace(TEMPLATE_NAME, name))
    return path


def _python_files() -> list[Path]:
    folder = models_folder()
    try:
        return sorted(path for path in folder.glob("*.py") if not path.name.startswith((".", "_")))
    except OSError as error:
        raise AisError(describe_os_error(error, folder)) from error


def _files() -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in _python_files():
        name = path.stem.replace("_", "-")
        if NAME.fullmatch(name):
            found.setdefault(name, path)
    return found


def _source(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            source = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise AisError(describe_os_error(error, path)) from error
    if len(source) > MAX_FILE_BYTES:
        raise AisError(f"{path} is too large for a description of a network.")
    return source


@lru_cache(maxsize=64)
def _loaded(path: Path, name: str, source: bytes) -> Architecture:
    # What is executed is what was hashed. The same file is executed once, however often its architecture is asked for.
    digest = hashlib.sha256(source).hexdigest()
    load_backend()  # before the file imports Keras, which would write messages on the screen
    module = ModuleType(f"ais_user_architecture_{digest}")
    module.__file__ = str(path)
    sys.modules[module.__name__] = module
    with _explained(path, "cannot be read"):
        exec(compile(source, str(path), "exec"), module.__dict__)
    given = getattr(module, VARIABLE, None)
    if not isinstance(given, Architecture):
        raise AisError(f"{path} defines no {VARIABLE}, which must be an Architecture.")
    _check_fields(path, name, given)
    guarded = replace(given, options=tuple(given.options), network=_guarded(given.network, path), source_hash=digest)
    with _explained(path, "cannot be used"):
        arguments = guarded.arguments()
    network = guarded.network(Layers("float32"), guarded.depths[0], arguments)
    with _explained(path, "cannot be used"):
        seen = reach(network)
    parameters = sum(math.prod(variable.shape) for variable in network.trainable_variables)
    return replace(guarded, stride=seen.stride, radius=seen.radius, parameters=parameters)


def _check_fields(path: Path, name: str, given: Architecture) -> None:
    if given.name != name:
        raise AisError(f"{path} calls its architecture {given.name!r}: it must be called '{name}', like the file.")
    texts = ("title", "good_for", "reference", "default_loss")
    sensible = {
        **{entry: isinstance(getattr(given, entry), str) for entry in texts},
        **{entry: isinstance(getattr(given, entry), bool) for entry in ("volumetric", "adversarial")},
        "options": isinstance(given.options, list | tuple) and all(isinstance(one, Option) for one in given.options),
        "depths": isinstance(given.depths, tuple) and len(given.depths) == 2 and all(map(_is_depth, given.depths)),
        "network": callable(given.network),
    }
    for entry, fine in sensible.items():
        if not fine:
            wrong = repr(getattr(given, entry))[:80]
            raise AisError(f"{path} cannot be used: entry '{entry}' of its architecture makes no sense: {wrong}.")


def _is_depth(value: object) -> bool:
    return isinstance(value, int) and value >= 1 and value % 2 == 1


def _guarded(network: Network, path: Path) -> Network:
    """The same function of a user, with errors that say which file they come from."""

    def built(layers: Layers, depth: int, options: Mapping[str, OptionValue]) -> keras.Model:
        with _explained(path, "describes a network that cannot be built"):
            made = network(layers, depth, options)
        _check_network(made, depth, layers.outputs, path)
        return made

    return built


def _check_network(network: Any, depth: int, outputs: int, path: Path) -> None:
    import keras

    ends = {"logits", "probability"}
    if not isinstance(network, keras.Model) or not ends <= {layer.name for layer in network.layers}:
        raise AisError(f"{path} describes a network that does not end with layers.model(image, x, name).")
    if len(network.inputs) != 1 or network.inputs[0].shape[1:] not in ((None, None, depth), (None, None, None)):
        raise AisError(f"{path} describes a network that does not begin with layers.image(depth).")
    if len(network.outputs) != 1 or network.outputs[0].shape[-1] not in (outputs, None):
        raise AisError(f"{path} describes a network that does not give {outputs} values per pixel.")


@contextmanager
def _explained(path: Path, what: str) -> Iterator[None]:
    # Code of the user's may do anything, also end the program: whatever it does becomes one sentence.
    try:
        yield
    except AisError as error:
        raise AisError(f"{path} {what}: {str(error).rstrip('.')}.") from error
    except (Exception, SystemExit) as error:
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
        line = error.lineno if isinstance(error, SyntaxError) else lines[-1] if lines else None
        reason = (str(error.msg if isinstance(error, SyntaxError) else error).splitlines() or [""])[0].strip()
        where = f" in line {line}" if line else ""
        raise AisError(
            f"{path} {what}: {type(error).__name__}{where}: {reason.rstrip('.') or 'no reason given'}."
        ) from error
