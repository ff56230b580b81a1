"""The masks of one plane in the graphics driver, as the overlays of its picture."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ais.annotation import IGNORE, Feature
from ais.gui.display import PLANES, Plane
from ais.gui.editor import Editor
from ais.gui.feature_preview import shown_features
from ais.gui.masks import MaskKey, Rect, ShownMask
from ais.gui.views.overlay import MaskTexture, Overlay

IGNORE_COLOUR = (0.62, 0.62, 0.62)
STRIPE_COLOUR, STRIPE_ALPHA = (0.0, 0.0, 0.0), 0.5
BORDER_COLOUR, BORDER_ALPHA = (1.0, 1.0, 1.0), 0.8
STRIPES_PER_PICTURE = 64
LEAST_STRIPE_PX = 6


@dataclass
class _Layer:
    """A texture and what it was filled from."""

    texture: MaskTexture
    mask: ShownMask | None = None
    bits: NDArray[np.uint8] | None = None
    stripes: MaskTexture | None = None


@dataclass
class MaskLayers:
    """Overlays of the features' masks in one plane; a mask is sent to the graphics driver when it has changed.

    Attributes
    ----------
    plane
        Which plane.
    turned
        Whether its picture is drawn with rows as columns.
    """

    plane: Plane
    turned: bool = False
    _layers: dict[int, _Layer] = field(default_factory=dict)
    _marked: tuple[int, dict[int, frozenset[int]]] = (-1, {})

    def overlays(self, editor: Editor, position: int) -> list[Overlay]:
        """What lies over the picture of a slice: in the order of the features, the selected one on top."""
        shown, masks, tomogram = editor.shown, editor.masks, editor.state.tomogram
        if shown is None or masks is None or tomogram is None:
            return []
        shape = shown.picture_shape(self.plane)
        found: list[Overlay] = []
        features = shown_features(editor)
        selected = editor.state.feature
        order = sorted((feature for feature in features if feature.visible), key=lambda item: item.id == selected)
        used = set()
        for number, feature in ((IGNORE, None), *((item.id, item) for item in order)):
            if not self._may_be_painted(editor, number, position):
                continue
            mask = masks.get(MaskKey(tomogram, number, self.plane, position), shape)
            if mask.any:
                used.add(number)
                layer = self._filled(number, mask, shape)
                found += _overlays(layer, feature)
        for number in set(self._layers) - used - {feature.id for feature in features} - {IGNORE}:
            _release(self._layers.pop(number))
        return found

    def prefetch(self, editor: Editor, position: int) -> None:
        """Have the masks of a slice read that will be shown soon, if there is such a slice."""
        shown, masks, tomogram = editor.shown, editor.masks, editor.state.tomogram
        if shown is None or masks is None or tomogram is None:
            return
        if not 0 <= position < shown.shape[PLANES.index(self.plane)]:
            return
        shape = shown.picture_shape(self.plane)
        for number in (IGNORE, *(feature.id for feature in editor.snapshot.features if feature.visible)):
            if self._is_marked(editor, number, position):
                masks.get(MaskKey(tomogram, number, self.plane, position), shape)

    def release(self) -> None:
        """Free the textures."""
        for layer in self._layers.values():
            _release(layer)
        self._layers.clear()

    def _may_be_painted(self, editor: Editor, number: int, position: int) -> bool:
        return number == editor.state.feature or self._is_marked(editor, number, position)

    def _is_marked(self, editor: Editor, number: int, position: int) -> bool:
        """Whether the feature has been painted there, as far as the project knows."""
        snapshot = editor.snapshot
        if self._marked[0] != snapshot.revision:
            slices = {feature: frozenset(found) for feature, found in snapshot.annotated.items()}
            self._marked = snapshot.revision, slices
        marked = self._marked[1].get(number)
        if not marked:
            return False
        return self.plane != "xy" or position in marked

    def _filled(self, number: int, mask: ShownMask, shape: tuple[int, int]) -> _Layer:
        drawn = shape[::-1] if self.turned else shape
        layer = self._layers.get(number)
        if layer is not None and layer.texture.shape != drawn:
            _release(layer)
            layer = None
        if layer is None:
            layer = self._layers[number] = _Layer(MaskTexture(drawn))
            if number == IGNORE:
                layer.stripes = MaskTexture(drawn)
        dirty = mask.take_dirty()
        # A mask that was read anew has another array.
        if layer.mask is not mask or layer.bits is not mask.bits:
            dirty = (0, shape[0], 0, shape[1])
            layer.mask, layer.bits = mask, mask.bits
        if dirty is not None:
            self._send(layer, mask.bits, dirty)
        return layer

    def _send(self, layer: _Layer, bits: NDArray[np.uint8], dirty: Rect) -> None:
        row0, row1, column0, column1 = dirty
        if self.turned:
            bits, row0, row1, column0, column1 = bits.T, column0, column1, row0, row1
        rect = row0, row1, column0, column1
        layer.texture.update(rect, bits)
        if layer.stripes is not None:
            striped = np.zeros_like(bits)
            part = slice(row0, row1), slice(column0, column1)
            striped[part] = bits[part] * _stripes(bits.shape, row0, row1, column0, column1)
            layer.stripes.update(rect, striped)


def _stripes(shape: tuple[int, ...], row0: int, row1: int, column0: int, column1: int) -> NDArray[np.bool_]:
    """Diagonal stripes, as wide as the gaps between them."""
    width = max(max(shape) // (2 * STRIPES_PER_PICTURE), LEAST_STRIPE_PX // 2)
    diagonal = np.arange(row0, row1)[:, None] + np.arange(column0, column1)[None, :]
    stripes: NDArray[np.bool_] = (diagonal // width) % 2 == 0
    return stripes


def outline_alpha(alpha: float) -> float:
    """The opacity of a thin line which is seen as well as a surface of an opacity, both 0 to 1."""
    return 1 - (1 - alpha) ** 3


def _overlays(layer: _Layer, feature: Feature | None) -> list[Overlay]:
    if feature is not None:
        alpha = outline_alpha(feature.alpha) if feature.outline else feature.alpha
        return [Overlay(layer.texture, feature.colour, alpha, feature.outline)]
    # Dark stripes in a bright line are seen on any ground, and no feature looks like that.
    border = Overlay(layer.texture, BORDER_COLOUR, BORDER_ALPHA, outline=True)
    if layer.stripes is None:
        return [border]
    return [Overlay(layer.stripes, STRIPE_COLOUR, STRIPE_ALPHA), border]


def _release(layer: _Layer) -> None:
    layer.texture.release()
    if layer.stripes is not None:
        layer.stripes.release()
