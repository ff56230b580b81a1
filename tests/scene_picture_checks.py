"""What is true of pictures of the 3D scene that are drawn little by little; run as scene_checks.py is."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from unittest import mock

import numpy as np
from gl_checks import driver_state
from scene_checks import BLUE, GREEN, RED, SIZE, Picture, check, item, looking_at, main, particles, scene_of, shown

from ais.errors import AisError
from ais.gui.gl.objects import live_objects
from ais.gui.scene import picture_drawing
from ais.gui.scene.camera import Camera
from ais.gui.scene.contents import Scene, SceneLook, SliceItem
from ais.gui.scene.painter import ScenePainter
from ais.gui.scene.renderer import SceneRenderer
from ais.gui.scene_pictures import SceneShot, answer

sys.path.insert(0, str(Path(__file__).with_name("gui")))
import segmented_tomogram as tomogram

WIDTH, HEIGHT = 500, 300


def rich_scene() -> Scene:
    """Something of each kind."""
    places = np.random.default_rng(3).uniform(scene_of().low, scene_of().high, (300, 3)).astype(np.float32)
    plane = SliceItem(np.full((5, 4), 90, np.uint8), (300.0, 0.0, 60.0), (500.0, 0.0, 0.0), (0.0, 500.0, 0.0), 0.5)
    return scene_of(
        item("balls", tomogram.balls(), RED),
        item("glass", tomogram.vesicle(), BLUE, 0.5),
        look=SceneLook(occlusion=0.8),
        particles=(particles(places, 12.0),),
        slices=(plane,),
    )


@check
def drawn_between_other_frames_a_picture_is_the_same() -> None:
    before = driver_state()
    scene = rich_scene()
    camera = looking_at(scene).orbit(20, 10, SIZE)
    alone, renderer = SceneRenderer(), SceneRenderer()
    for transparent in (False, True):
        with mock.patch.object(picture_drawing, "MOST_PIXELS", 350 * 350 * 4):
            wanted = alone.picture(scene, camera, WIDTH, HEIGHT, transparent=transparent, samples=2)
            drawing = renderer.begin_picture(scene, camera, WIDTH, HEIGHT, transparent=transparent, samples=2)
            # What the view shows comes, goes and changes meanwhile, and is right as well.
            others = [
                replace(scene, look=replace(scene.look, occlusion=0.0)),
                scene_of(),
                scene_of(replace(scene.surfaces[0], colour=GREEN, alpha=0.4), look=scene.look),
                replace(scene, particles=(), surfaces=scene.surfaces[::-1]),
            ]
            fractions, calls = [drawing.fraction], 0
            while not drawing.go_on(0.0):
                assert driver_state() == before
                shown(renderer, others[calls % 4], camera.orbit(calls, 0, SIZE), moving=calls % 3 == 0)
                calls += 1
                fractions.append(drawing.fraction)
        assert calls > 50, "one step in each call"
        assert fractions == sorted(fractions)
        assert 0.9 < fractions[-1] < 1 == drawing.fraction
        assert drawing.over
        np.testing.assert_array_equal(drawing.picture, wanted)
        other = others[1]
        assert (shown(renderer, other, camera) == shown(alone, other, camera)).all()
    assert live_objects().get("buffer") is None, "what only the picture needed is freed"
    renderer.release()
    alone.release()
    assert live_objects() == {}


@check
def a_picture_that_is_given_up_is_freed() -> None:
    before = driver_state()
    scene = rich_scene()
    camera, renderer = looking_at(scene), SceneRenderer()
    renderer.picture(scene, camera, WIDTH, HEIGHT)
    held = live_objects()
    first = renderer.begin_picture(scene, camera, WIDTH, HEIGHT)
    for _ in range(10):
        assert not first.go_on(0.0)
    assert live_objects() != held
    second = renderer.begin_picture(scene, camera, WIDTH, HEIGHT)
    assert first.over
    assert not first.go_on(1.0), "it cannot go on"
    assert live_objects() == held
    with mock.patch.object(ScenePainter, "light", side_effect=MemoryError):
        try:
            second.go_on(60.0)
        except MemoryError:
            pass
        else:
            raise AssertionError("it fails")
    assert second.over
    assert not second.complete
    assert live_objects() == held
    assert driver_state() == before
    renderer.begin_picture(scene, camera, WIDTH, HEIGHT).go_on(0.0)
    renderer.release()
    assert live_objects() == {}, "also when the window closes in the middle"


@check
def wanted_pictures_come_in_their_turn_and_the_others_not_at_all() -> None:
    scene = rich_scene()
    camera, renderer = looking_at(scene), SceneRenderer()
    got: dict[str, Picture] = {}
    told: list[float] = []
    failed: list[str] = []
    unwanted: set[str] = set()
    seen: dict[str, Camera] = {}
    requests: list[SceneShot] = []

    def ask(name: str, seen_from: Camera, width: int = WIDTH) -> None:
        def keep(picture: Picture) -> None:
            got[name] = picture

        wanted: Callable[[], bool] = lambda: name not in unwanted  # noqa: E731
        seen[name] = seen_from
        requests.append(
            SceneShot(
                keep, width, HEIGHT, scene, seen_from, wanted=wanted, told=told.append, failed=failed.append, samples=1
            )
        )

    for name, angle in (("a", 0), ("b", 30), ("c", 60), ("d", 90)):
        ask(name, camera.orbit(angle, 0, SIZE))
    answer(requests, renderer, 0.0)
    assert [*got, *told] == told == sorted(told), "a part of the first"
    assert len(requests) == 4
    unwanted.update("ac")
    answer(requests, renderer, 0.0)
    for _ in range(1000):
        if not requests:
            break
        answer(requests, renderer, 0.01)
    assert list(got) == ["b", "d"]
    assert not failed
    for name, picture in got.items():
        np.testing.assert_array_equal(picture, renderer.picture(scene, seen[name], WIDTH, HEIGHT, samples=1))
    # What fails says so once, and those after it come all the same.
    got.clear()
    ask("e", camera)
    ask("f", camera)
    with mock.patch.object(ScenePainter, "light", side_effect=AisError("The driver is tired.")):
        while requests and requests[0].width == WIDTH and not failed:
            answer(requests, renderer, 0.0)
    assert failed == ["The driver is tired."]
    answer(requests, renderer, 60.0)
    assert list(got) == ["f"]
    # Without a pause, and with the one that was in the middle of it begun anew by another renderer.
    ask("g", camera)
    answer(requests, renderer, 0.0)
    renderer.release()
    other = SceneRenderer()
    began = time.monotonic()
    answer(requests, other, 60.0)
    assert time.monotonic() - began < 60
    np.testing.assert_array_equal(got["g"], got["f"])
    other.release()
    assert live_objects() == {}


if __name__ == "__main__":
    main(sys.argv[1])
