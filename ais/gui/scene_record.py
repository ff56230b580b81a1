"""How the 3D scene is seen, as the project remembers it between sessions."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from ais.gui.display import PLANES, Plane
from ais.gui.scene.camera import Camera
from ais.gui.scene.contents import SceneLook, Shading
from ais.gui.scene_projections import MOST_DENSITY

LOOK_KEY, LIGHT_KEY = "scene", "scene light"
_log = logging.getLogger(__name__)


def camera_key(tomogram: int) -> str:
    """Under which the project remembers from where a tomogram's scene is seen."""
    return f"scene {tomogram}"


def write_look(look: SceneLook, planes: frozenset[Plane], alpha: float) -> dict[str, Any]:
    """A JSON object of how the scene is drawn, and of the slices in it with their opacity."""
    return {
        **asdict(look),
        "shading": look.shading.value,
        "background": list(look.background),
        "slices": sorted(planes),
        "slice_alpha": alpha,
    }


def read_look(value: Any) -> tuple[SceneLook, frozenset[Plane], float] | None:
    """What `write_look` has given; None if it is missing or makes no sense."""
    if not value:
        return None
    try:
        red, green, blue = (_share(part) for part in value["background"])
        look = SceneLook(
            shading=Shading(value["shading"]),
            ambient=_share(value["ambient"]),
            head_light=_share(value["head_light"]),
            depth_cue=_share(value["depth_cue"]),
            occlusion=_share(value["occlusion"]),
            edges=bool(value["edges"]),
            background=(red, green, blue),
            box=bool(value["box"]),
            axes=bool(value["axes"]),
        )
        planes = frozenset(plane for plane in PLANES if plane in value["slices"])
        return look, planes, _share(value["slice_alpha"])
    except (KeyError, TypeError, ValueError):
        _log.info("the remembered look of the 3D scene could not be used")
        return None


def write_light(shown: bool, density: float, covers: bool) -> dict[str, Any]:
    """A JSON object of how fluorescence images are in the scene; see `ais.gui.scene_projections`."""
    return {"shown": shown, "density": density, "covers": covers}


def read_light(value: Any) -> tuple[bool, float, bool] | None:
    """What `write_light` has given; None if it is missing or makes no sense."""
    if not value:
        return None
    try:
        return bool(value["shown"]), MOST_DENSITY * _share(value["density"] / MOST_DENSITY), bool(value["covers"])
    except (KeyError, TypeError, ValueError):
        _log.info("the remembered light in the 3D scene could not be used")
        return None


def write_camera(camera: Camera, bounds: Sequence[Sequence[float]]) -> dict[str, Any]:
    """A JSON object of from where a scene with these bounds (low and high, x, y, z in angstrom) is seen."""
    return {
        "target": list(camera.target),
        "rotation": list(camera.rotation),
        "distance": camera.distance,
        "perspective": camera.perspective,
        "field_of_view": camera.field_of_view,
        "bounds": [list(corner) for corner in bounds],
    }


def read_camera(value: Any, bounds: Sequence[Sequence[float]]) -> Camera | None:
    """What `write_camera` has given; None if it is missing, makes no sense, or is of other bounds."""
    if not value:
        return None
    try:
        for old, new in zip(value["bounds"], bounds, strict=True):
            if not all(math.isclose(one, other, abs_tol=1e-3) for one, other in zip(old, new, strict=True)):
                return None
        x, y, z = (float(part) for part in value["target"])
        a, b, c, d = (float(part) for part in value["rotation"])
        distance, angle = float(value["distance"]), float(value["field_of_view"])
        length = math.sqrt(a * a + b * b + c * c + d * d)
        if not (all(map(math.isfinite, (x, y, z, length, distance))) and 0.9 < length < 1.1):
            raise ValueError("no view")
        if not (distance > 0 and 0 < angle < 180):
            raise ValueError("no view")
        return Camera((x, y, z), (a, b, c, d), distance, bool(value["perspective"]), angle)
    except (KeyError, TypeError, ValueError):
        _log.info("the remembered view of the 3D scene could not be used")
        return None


def _share(value: Any) -> float:
    """A number from 0 to 1."""
    number = float(value)
    if not 0 <= number <= 1:
        raise ValueError("not within 0 and 1")
    return number
