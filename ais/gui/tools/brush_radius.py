"""The radius of the brush: shown at once, saved when it has rested, so that turning the wheel is one edit."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ais.annotation import IGNORE, ChangeFeature
from ais.annotation.feature_operations import MAX_BRUSH_PX
from ais.gui.state import RadiusWish

if TYPE_CHECKING:
    from ais.gui.editor import Editor

MIN_BRUSH_PX = 0.5
REST_S = 0.5
STEP = 1.15
"""One notch of the wheel or one press of a key makes the radius larger by this factor, and by at least one pixel."""


def brush_radius(editor: Editor) -> float:
    """Radius of the brush in pixels: of the selected feature, or of ignore regions."""
    state = editor.state
    if state.radius_wish is not None and state.radius_wish.feature == state.feature:
        return state.radius_wish.radius
    feature = editor.snapshot.feature(state.feature)
    return feature.brush_radius if feature is not None else state.ignore_radius


def set_brush_radius(editor: Editor, radius: float) -> None:
    """Use another radius in pixels: at once in the view; in the project when it has not been changed for a while."""
    state = editor.state
    radius = min(max(radius, MIN_BRUSH_PX), MAX_BRUSH_PX)
    if state.feature is None or state.feature == IGNORE or editor.read_only:
        state.ignore_radius = radius
        return
    if state.radius_wish is not None and state.radius_wish.feature != state.feature:
        save_brush_radius(editor)
    state.radius_wish = RadiusWish(state.feature, radius, time.monotonic())


def step_brush_radius(editor: Editor, steps: float) -> None:
    """Make the brush larger (steps > 0) or smaller by steps of the wheel; whole pixels from 2 on."""
    radius = brush_radius(editor)
    scaled = radius * STEP**steps
    if abs(scaled - radius) < abs(steps):
        scaled = radius + steps
    set_brush_radius(editor, float(round(scaled)) if scaled >= 2 else scaled)


def save_rested_radius(editor: Editor) -> None:
    """Save a radius that has not been changed for a while; called once a frame."""
    wish = editor.state.radius_wish
    if wish is not None and not wish.submitted and time.monotonic() - wish.time >= REST_S:
        save_brush_radius(editor)


def save_brush_radius(editor: Editor) -> None:
    """Save the radius that is shown now."""
    wish = editor.state.radius_wish
    if wish is None or wish.submitted:
        return
    feature = editor.snapshot.feature(wish.feature)
    if feature is None or feature.brush_radius == wish.radius:
        editor.state.radius_wish = None
        return
    wish.submitted = True

    def forget() -> None:
        if editor.state.radius_wish is wish:
            editor.state.radius_wish = None

    editor.submit(ChangeFeature(wish.feature, brush_radius=wish.radius), lambda _: forget(), forget)
