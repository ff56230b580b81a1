"""The textures that a picture of the scene passes through on its way."""

from __future__ import annotations

from ais.gui.gl.draw_target import DrawTarget
from ais.gui.gl.texture import Texture2D, TextureFormat

SKY_REDUCTION = 2
"""The occlusion is computed for one in so many pixels of the picture, along each side."""


class Targets:
    """Textures of one size; those that not every scene needs are made when they are first asked for.

    Parameters
    ----------
    width, height
        Of the picture, in pixels.
    samples
        How many times larger everything is drawn, along each side, to have smooth edges.
    """

    def __init__(self, width: int, height: int, samples: int) -> None:
        self.width, self.height, self.samples = width, height, samples
        self.reduction = SKY_REDUCTION * samples
        self._textures: list[Texture2D] = []
        self._targets: dict[str, DrawTarget] = {}
        try:
            depth = self._texture("depth")
            self.numbers = self._target("numbers", [self._texture("rg32ui")], depth)
            colour = self._texture("rgba8")
            # Shown in another size, or at a position that may not be whole in the window.
            colour.smooth(True)
            self.colour = self._target("colour", [colour])
            self.lines = self._target("lines", [colour], depth)
        except BaseException:
            self.release()  # nobody else could
            raise

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of what is drawn, in its own pixels."""
        return self.width * self.samples, self.height * self.samples

    @property
    def layers(self) -> DrawTarget:
        """Where transparent things are summed up, behind what is opaque."""
        found = self._targets.get("layers")
        if found is None:
            textures = [self._texture("rgba16f"), self._texture("r16f")]
            found = self._target("layers", textures, self.numbers.depth)
        return found

    @property
    def front(self) -> DrawTarget:
        """Numbers and depth of what is nearest, be it transparent or not."""
        found = self._targets.get("front")
        if found is None:
            found = self._target("front", [self._texture("rg32ui")], self._texture("depth"))
        return found

    @property
    def sky(self) -> tuple[DrawTarget, DrawTarget]:
        """The occlusion as it is sampled, and smoothed."""
        if "sky" not in self._targets:
            for name in ("sampled", "sky"):
                texture = self._texture("r8", self.reduction // self.samples, 1)
                texture.smooth(True)
                self._target(name, [texture])
        return self._targets["sampled"], self._targets["sky"]

    def glow(self, reduction: int) -> DrawTarget:
        """Light with what it lets through, and weights of it; for one in so many pixels of what is drawn, each way."""
        name = f"glow {reduction}"
        found = self._targets.get(name)
        if found is None:
            found = self._target(name, [self._texture("rgba16f", reduction), self._texture("r16f", reduction)])
        return found

    @property
    def final(self) -> DrawTarget:
        """The picture in its own size."""
        if self.samples == 1:
            return self.colour
        found = self._targets.get("final")
        if found is None:
            texture = self._texture("rgba8", samples=1)
            texture.smooth(True)
            found = self._target("final", [texture])
        return found

    def release(self) -> None:
        """Free all of them."""
        for target in self._targets.values():
            target.release()
        for texture in self._textures:
            texture.release()
        self._targets.clear()
        self._textures.clear()

    def _texture(self, pixels: TextureFormat, reduction: int = 1, samples: int | None = None) -> Texture2D:
        factor = self.samples if samples is None else samples
        width, height = -(-self.width * factor // reduction), -(-self.height * factor // reduction)
        texture = Texture2D(width, height, pixels)
        self._textures.append(texture)
        return texture

    def _target(self, name: str, colours: list[Texture2D], depth: Texture2D | None = None) -> DrawTarget:
        self._targets[name] = DrawTarget(colours, depth)
        return self._targets[name]
