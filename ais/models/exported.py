"""Models as Ais 1.x has them: what Keras 2 must read about the network, and what Ais 1.x about the model."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ais.errors import AisError
from ais.formats.scnm import Scnm
from ais.formats.scnm_writer import (
    WrittenLayer,
    member_stem,
    network_file,
    scnm_bytes,
    write_scnm,
    write_scnmgroup,
)
from ais.models.file import Model, load_model, read_model_info, read_preview
from ais.models.info import ModelInfo
from ais.models.layer_list import ListedLayer, named_shapes
from ais.models.layer_settings import NAMES_OF_KERAS_2
from ais.models.planar import planar_network
from ais.models.registry import architecture
from ais.models.unrolled import PlanarNetwork

NETWORK_NAME = "model"
INPUT_NAME = "input_1"
CHANNELS_LAST = {"data_format": "channels_last"}
# Settings that the list of layers leaves out, since they always have these values.
ALWAYS: Mapping[str, dict[str, Any]] = {
    **dict.fromkeys(("Conv2D", "DepthwiseConv2D", "SeparableConv2D"), CHANNELS_LAST),
    **dict.fromkeys(("MaxPooling2D", "AveragePooling2D", "ZeroPadding2D", "Cropping2D"), CHANNELS_LAST),
    "Conv2DTranspose": {**CHANNELS_LAST, "dilation_rate": [1, 1], "output_padding": None},
    "UpSampling2D": {**CHANNELS_LAST, "interpolation": "nearest"},
    "BatchNormalization": {"axis": [3]},
    "PReLU": {"shared_axes": [1, 2]},
    "Concatenate": {"axis": -1},
}
CAN_END = ("Conv2D", "Conv2DTranspose", "DepthwiseConv2D", "SeparableConv2D")
MILLION = 1e6
# What Ais 1.2.40 writes for a model that is new there, or that ours has no word for.
NEW_MODEL: Mapping[str, Any] = {
    **{"compiled": True, "filament_diameter": None, "model_enum": 0, "active": True, "blend": False, "show": True},
    **{"alpha": 0.75, "overlap": 0.2, "active_tab": 0, "z_jitter": 0, "tta": 1},
}


def save_scnm(path: Path | str, model: Model, preview: bytes | None = None) -> None:
    """Write a model as Ais 1.2.40 and the public model repository take it; the same model gives the same bytes.

    Parameters
    ----------
    path
        The ``.scnm`` file to write.
    model
        Its network, in 32 bits, and its record.
    preview
        A PNG image, which becomes preview and slice of the file; both are plain without one.

    Raises
    ------
    AisError
        If Ais 1.x has no such model, or the file cannot be written.
    """
    write_scnm(path, _exported(model), preview)


def save_scnmgroup(path: Path | str, models: Sequence[Path | str], rules: Sequence[Mapping[str, Any]] = ()) -> None:
    """Write models and the rules between them as a group of Ais 1.x.

    Parameters
    ----------
    path
        The ``.scnmgroup`` file to write.
    models
        Model files. Rules know them by what they find, so no two may find the same.
    rules
        As in a rules file (`ais.interactions.Rules.content`).

    Raises
    ------
    AisError
        If a model cannot be read, Ais 1.x has no such model, or the file cannot be written.
    """
    titles = [read_model_info(model).feature for model in models]
    twice = [title for title in titles if titles.count(title) > 1]
    if twice:
        raise AisError(f'Two models of the group find "{twice[0]}", and Ais 1.x tells models by what they find.')
    competition: Mapping[str, Any] = next((rule["competition"] for rule in rules if "competition" in rule), {})
    emit, absorb = competition.get("emit", ()), competition.get("absorb", ())

    def files() -> Iterator[bytes]:
        for number, (file, title) in enumerate(zip(models, titles, strict=True)):
            content = _exported(load_model(file), emits=title in emit, absorbs=title in absorb)
            yield scnm_bytes(member_stem(path, number), content, read_preview(file))

    write_scnmgroup(path, files(), [rule for rule in rules if "child" in rule])


def _exported(model: Model, **part: bool) -> Scnm:
    try:
        return exported(model, **part)
    except AisError as error:
        what = f'The model that finds "{model.info.feature}" cannot be saved for Ais 1.x'
        raise AisError(f"{what}: {str(error).rstrip('.')}.") from error


def exported(model: Model, *, emits: bool = False, absorbs: bool = False) -> Scnm:
    """A model as the metadata and the network of a file of Ais 1.x.

    Parameters
    ----------
    model
        With its network, in 32 bits.
    emits, absorbs
        Whether it takes part in the competition of its group.

    Raises
    ------
    AisError
        A clause without the file's name, if Ais 1.x has no such model.
    """
    info = model.info
    if info.features:
        raise AisError(
            f"it finds {len(info.features)} features, and a model of Ais 1.x one: train one for each feature"
        )
    planar = planar_network(model.network, info.depth)
    metadata = {**_metadata(info, model.network.count_params()), "emit": emits, "absorb": absorbs}
    return Scnm(metadata, keras_2_network(planar, info.depth))


def keras_2_network(planar: PlanarNetwork, depth: int) -> bytes:
    """The HDF5 file from which Keras 2 makes the same network, for an image of any size.

    Parameters
    ----------
    planar
        The network.
    depth
        Slices that it is given.
    """
    layers, weights = _with_sigmoid(planar)
    names = [INPUT_NAME, *_names(layers)]
    shapes = named_shapes(layers, depth)
    shape = [1, None, None, depth]
    entries = [_entry("InputLayer", INPUT_NAME, {"batch_input_shape": shape, "sparse": False, "ragged": False}, [])]
    written = [WrittenLayer(INPUT_NAME, {})]
    for layer, name, values, named in zip(layers, names[1:], weights, shapes, strict=True):
        settings = {NAMES_OF_KERAS_2.get((layer.kind, key), key): value for key, value in layer.settings.items()}
        config = {"trainable": True, **settings, **ALWAYS.get(layer.kind, {})}
        entries.append(_entry(layer.kind, name, config, [names[source] for source in layer.inputs]))
        written.append(WrittenLayer(name, dict(zip(named, values, strict=True))))
    order = keras_2_order([layer.inputs for layer in layers])
    description = {
        "class_name": "Functional",
        "config": {
            **{"name": NETWORK_NAME, "trainable": True, "layers": [entries[number] for number in order]},
            **{"input_layers": [[INPUT_NAME, 0, 0]], "output_layers": [[names[-1], 0, 0]]},
        },
    }
    return network_file(description, [written[number] for number in order])


def keras_2_order(inputs: Sequence[Sequence[int]]) -> list[int]:
    """Numbers of the layers, 0 for the image, in the order in which Keras 2 lists those of a model.

    That is the order in which it goes through the weights of a file: those farthest from the output come first, and of
    those equally far the one that is come upon first when the network is followed back from its output.

    Parameters
    ----------
    inputs
        Of layer 1, 2, ...: the numbers of what it is given, all smaller than its own. The last is the output.
    """
    given = [(), *inputs]
    distances = [0] * len(given)
    for number in reversed(range(len(given))):
        for source in given[number]:
            distances[source] = max(distances[source], distances[number] + 1)
    met: dict[int, int] = {}
    pending = [len(given) - 1]
    while pending:
        number = pending.pop()
        if number not in met:
            met[number] = len(met)
            pending += reversed(given[number])
    return sorted(met, key=lambda number: (-distances[number], met[number]))


def _with_sigmoid(planar: PlanarNetwork) -> tuple[list[ListedLayer], list[Any]]:
    """The layers with the sigmoid in the last convolution, where networks of Ais 1.x have it."""
    *layers, before, _ = planar.layers
    last = planar.layers[-2:]
    if before.kind in CAN_END and before.settings["activation"] == "linear":
        ending = ListedLayer(before.kind, {**before.settings, "activation": "sigmoid"}, before.inputs)
        return [*layers, ending], list(planar.weights[:-1])
    return [*layers, *last], list(planar.weights)


def _names(layers: Sequence[ListedLayer]) -> list[str]:
    counts: dict[str, int] = {}
    names = []
    for layer in layers:
        number = counts.get(layer.kind, 0)
        counts[layer.kind] = number + 1
        names.append(f"{layer.kind.lower()}_{number}" if number else layer.kind.lower())
    return names


def _entry(kind: str, name: str, config: Mapping[str, Any], inputs: Sequence[str]) -> dict[str, Any]:
    return {
        "class_name": kind,
        "config": {"name": name, "dtype": "float32", **config},
        "name": name,
        "inbound_nodes": [[[source, 0, 0, {}] for source in inputs]] if inputs else [],
    }


def _metadata(info: ModelInfo, parameters: int) -> dict[str, Any]:
    training = info.training
    results = training.get("results")
    loss = _number(results.get("loss") if isinstance(results, Mapping) else training.get("loss"))
    title = training.get("arch") if info.layers else architecture(info.architecture).title
    name = title if isinstance(title, str) and title else info.architecture
    inside = f"{info.box_size}-{info.depth}, {info.voxel_size}, {loss:.4f}"
    return {
        **{"title": info.feature, "colour": list(info.colour), "apix": info.voxel_size, "box_size": info.box_size},
        **{"model_depth": info.depth, "arch": name, "n_parameters": parameters, "loss": loss},
        "epochs": int(_number(training.get("epochs"), 1)),
        "batch_size": int(_number(training.get("batch_size"), 32)),
        "n_copies": int(_number(training.get("copies", training.get("n_copies")), 1)),
        "excess_negative": int(_number(training.get("excess_negative"))),
        "threshold": info.threshold,
        "info": f"{name} ({parameters / MILLION:.1f} Mp, {inside})",
        "info_short": f"({name}, {inside})",
        "normalization": None if info.normalization == "slice" else info.normalization,
        **NEW_MODEL,
    }


def _number(value: object, instead: float = 0.0) -> float:
    known = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if known else instead  # type: ignore[arg-type]
