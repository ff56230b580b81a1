"""What models find, as overlays of one plane: exported volumes, live results, and what a training finds so far."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ais.annotation.feature_operations import PALETTE
from ais.gui.model_use import DEFAULT_ALPHA
from ais.gui.views.overlay import MaskTexture, Overlay

if TYPE_CHECKING:
    from ais.gui.display import Plane
    from ais.gui.editor import Editor
    from ais.gui.live_maps import LiveMap

KEPT_TEXTURES = 8
"""So many textures are kept although nothing is shown in them now: the next slice's map soon will be."""
TRAINING_THRESHOLD = 0.5
"""Probability from which it is shown what a training finds."""

Source = tuple[str, object, str]
"""What a texture is of: "volume", "live" or "training"; which of them; which feature."""


class _Shown(NamedTuple):
    """Something to draw.

    Attributes
    ----------
    source
        What it is of.
    content
        (rows, columns); as long as it is the same object, nothing is sent to the graphics driver.
    colour, alpha, threshold, graded
        As in `Overlay`.
    as_bytes
        Gives the content as uint8, 0 to 255, where it is something else.
    """

    source: Source
    content: NDArray[Any]
    colour: tuple[float, float, float]
    alpha: float
    threshold: float
    graded: bool
    as_bytes: Callable[[], NDArray[np.uint8]] | None = None


@dataclass
class _Layer:
    texture: MaskTexture
    content: NDArray[Any] | None = None


class ModelLayers:
    """Overlays of what models find in one plane.

    A map is sent to the graphics driver once; threshold, colour and opacity are numbers that it is told of when it
    draws.

    Parameters
    ----------
    plane
        Which plane; live results and trainings are shown in XY only.
    turned
        Whether its picture is drawn with rows as columns.
    """

    def __init__(self, plane: Plane, turned: bool = False) -> None:
        self.plane = plane
        self.turned = turned
        self._layers: OrderedDict[Source, _Layer] = OrderedDict()

    def overlays(self, editor: Editor, position: int) -> list[Overlay]:
        """What lies over the picture of a slice, the bottom first; what is known of another slice is not shown."""
        shown = editor.shown
        if shown is None:
            return []
        shape = shown.picture_shape(self.plane)
        items = _volumes(editor, self.plane, position)
        if self.plane == "xy":
            items += [*_live(editor, position), *_training(editor, position)]
        found = []
        for item in items:
            texture = self._filled(item, shape)
            if texture is not None:
                found.append(Overlay(texture, item.colour, item.alpha, False, item.graded, item.threshold))
        for source in list(self._layers)[: max(0, len(self._layers) - max(KEPT_TEXTURES, len(items)))]:
            self._layers.pop(source).texture.release()
        return found

    def release(self) -> None:
        """Free the textures."""
        for layer in self._layers.values():
            layer.texture.release()
        self._layers.clear()

    def _filled(self, item: _Shown, shape: tuple[int, int]) -> MaskTexture | None:
        drawn = shape[::-1] if self.turned else shape
        layer = self._layers.get(item.source)
        if layer is not None and layer.texture.shape != drawn:
            self._layers.pop(item.source).texture.release()
            layer = None
        if layer is None or layer.content is not item.content:
            values = item.content if item.as_bytes is None else item.as_bytes()
            if values.shape != shape:
                return None  # of a file that has been replaced
            if layer is None:
                layer = self._layers[item.source] = _Layer(MaskTexture(drawn, probabilities=True))
            layer.texture.set(np.ascontiguousarray(values.T) if self.turned else values)
            layer.content = item.content
        self._layers.move_to_end(item.source)
        return layer.texture


def maps_of(editor: Editor, position: int) -> list[LiveMap]:
    """Live results of the XY slice at a position of the tomogram on the screen, in the order of the models."""
    modelling, shown = editor.modelling, editor.shown
    if shown is None:
        return []
    modelling.follow_place()
    path = str(shown.tomogram.path)
    return [one for one in modelling.live.maps if (one.path, one.z) == (path, position)]


def training_colour(editor: Editor, feature: str, number: int) -> tuple[float, float, float]:
    """In which colour it is shown what a training finds: that of the project's feature, else one of the palette."""
    known = (one.colour for one in editor.snapshot.features if one.name == feature)
    return next(known, PALETTE[number % len(PALETTE)])


def _volumes(editor: Editor, plane: Plane, position: int) -> list[_Shown]:
    pictures = editor.modelling.overlays.pictures(plane, editor.state.along(plane), position)
    return [
        _Shown(
            *(("volume", one.path, ""), one.values, one.look.colour, one.look.alpha, one.look.threshold / 255),
            graded=False,
            as_bytes=one.bytes,
        )
        for one in pictures
    ]


def _live(editor: Editor, position: int) -> list[_Shown]:
    modelling = editor.modelling
    found = []
    for one in maps_of(editor, position):
        saved = modelling.models.model(one.model)
        if saved is None:
            continue
        model = modelling.shown(saved)
        colour = dict(zip(model.found, model.colours, strict=True)).get(one.feature)
        if model.use.show and colour is not None:
            source, use = ("live", one.model, one.feature), model.use
            found.append(_Shown(source, one.values, colour, use.alpha, model.threshold, use.blend))
    return found


def _training(editor: Editor, position: int) -> list[_Shown]:
    picture, shown = editor.modelling.trainings.picture, editor.shown
    if picture is None or shown is None or not editor.state.training_shown:
        return []
    if (picture.path, picture.z) != (str(shown.tomogram.path), position):
        return []
    return [
        _Shown(
            *(("training", picture.training, feature), values, training_colour(editor, feature, number)),
            *(DEFAULT_ALPHA, TRAINING_THRESHOLD),
            graded=True,
        )
        for number, (feature, values) in enumerate(picture.maps.items())
    ]
