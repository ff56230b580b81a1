"""Colours of the features that one network finds."""

from __future__ import annotations

import colorsys

Colour = tuple[float, float, float]


def feature_colours(first: Colour, count: int) -> list[Colour]:
    """As many colours, from 0 to 1, as far apart in hue as they can be."""
    hue, lightness, saturation = colorsys.rgb_to_hls(*first)
    turned = [colorsys.hls_to_rgb((hue + number / count) % 1, lightness, saturation) for number in range(1, count)]
    return [first, *turned]
