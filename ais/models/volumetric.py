"""3D networks of Ais 1.x as layers on images: what their Lambda layers do to axes is read, never run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ais.errors import AisError
from ais.formats.lambda_layer import AxisStep, axis_steps
from ais.models.layer_settings import NAMES_OF_KERAS_2
from ais.models.unrolled import VOLUME_LAYERS, Image, PlanarNetwork, Unrolled, WeightsOf

LAMBDA = "Lambda"
OF_VOLUMES = (LAMBDA, *VOLUME_LAYERS)
Z_AXIS = 2  # of volumes (y, x, z, channels)
EVERYTHING = slice(None)
PLANE_AXES, VOLUME_AXES = 4, 5


class DescribedLayer(Protocol):
    """A layer as Keras 2 described it; inputs are numbered as in `ais.models.layer_list.ListedLayer`."""

    @property
    def kind(self) -> str:
        """Of layer."""

    @property
    def config(self) -> Mapping[str, Any]:
        """Its settings."""

    @property
    def inputs(self) -> Sequence[int]:
        """What it is given."""


@dataclass(frozen=True)
class _Value:
    """What a layer gives: an image (N, y, x, channels), or slices.

    Slices are a volume (N, y, x, z, channels), or one without channels (N, y, x, z).
    """

    image: Image
    has_channels: bool = True

    @property
    def axes(self) -> int:
        return VOLUME_AXES if isinstance(self.image, list) and self.has_channels else PLANE_AXES


def unrolled_network(
    layers: Sequence[DescribedLayer], output: int, depth: int, stored: Callable[[int], WeightsOf]
) -> PlanarNetwork:
    """A network of Ais 1.x that makes a volume of its slices, as layers on images.

    Parameters
    ----------
    layers
        Each after those that it is given.
    output
        Number of the last one, from 1.
    depth
        Slices that the network is given.
    stored
        Where the weights of the n-th layer, from 1, come from.

    Raises
    ------
    AisError
        A clause without the file's name, if a Lambda layer does anything but insert, remove, or pick from the axis of
        the slices, or another layer cannot be made of layers on images.
    """
    unrolled = Unrolled(depth, Z_AXIS, NAMES_OF_KERAS_2)
    values = [_Value(0)]
    for number, layer in enumerate(layers, start=1):
        given = [values[source] for source in layer.inputs]
        if layer.kind == LAMBDA:
            (value,) = given
            for step in axis_steps(layer.config):
                value = _after(unrolled, value, step, str(layer.config["name"])[:80])
            values.append(value)
        else:
            images = [value.image if value.axes == VOLUME_AXES else unrolled.channels(value.image) for value in given]
            values.append(_Value(unrolled.after(layer.kind, layer.config, stored(number), images)))
    result = values[output]
    several = isinstance(result.image, list) and (result.has_channels or len(result.image) > 1)
    return unrolled.finished(result.image if several else unrolled.channels(result.image))


def _after(unrolled: Unrolled, value: _Value, step: AxisStep, name: str) -> _Value:
    """The image or the volume after one step of a Lambda layer."""
    axis = step.axis
    if step.kind == "expand_dims" and value.axes == PLANE_AXES and axis in (-1, PLANE_AXES):
        return _with_channel(unrolled, value)
    if step.kind == "squeeze" and value.axes == VOLUME_AXES:
        if axis in (-2, VOLUME_AXES - 2):
            return _Value(unrolled.only_slice(value.image))
        if axis in (-1, VOLUME_AXES - 1) and unrolled.channel_count(value.image) == 1:
            return _Value(value.image, has_channels=False)
    if step.kind == "pick":
        picked = _picked(unrolled, value, step.key)
        if picked is not None:
            return picked
    raise AisError(f"its layer '{name}' (Lambda) turns axes in a way that Ais does not know: train the network again")


def _with_channel(unrolled: Unrolled, value: _Value) -> _Value:
    return _Value(value.image if isinstance(value.image, list) else unrolled.slices(value.image))


def _picked(unrolled: Unrolled, value: _Value, key: tuple[Any, ...]) -> _Value | None:
    """What brackets give; None if it is not known."""
    parts = list(key)
    new_channel = bool(parts) and parts[-1] is None
    if new_channel:
        parts.pop()
    if ... in parts:
        place = parts.index(...)
        parts[place : place + 1] = [EVERYTHING] * (value.axes - len(parts) + 1)
    parts += [EVERYTHING] * (value.axes - len(parts))
    if len(parts) != value.axes or any(part is None or part is ... for part in parts):
        return None
    *plane, z = parts[:PLANE_AXES]
    if plane != [EVERYTHING] * len(plane):
        return None
    if new_channel:
        whole = value.axes == PLANE_AXES and z == EVERYTHING
        return _with_channel(unrolled, value) if whole else None
    if value.axes == PLANE_AXES:
        if not isinstance(z, slice):
            return None
        slices = value.image if isinstance(value.image, list) else unrolled.slices(value.image)
        return _Value(slices[z], has_channels=False)
    return _picked_from_volume(unrolled, value.image, z, parts[-1])


def _picked_from_volume(unrolled: Unrolled, volume: Image, z: Any, channel: Any) -> _Value | None:
    if not isinstance(volume, list):
        return None
    if channel != EVERYTHING:
        if channel not in (0, -1) or unrolled.channel_count(volume) != 1 or not isinstance(z, slice):
            return None
        return _Value(volume[z], has_channels=False)
    return _Value(volume[z])
