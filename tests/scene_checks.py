"""What is true of the picture of the 3D scene: each check runs in a process of its own, by its name.

Drawing and TensorFlow must not share a process, and that of pytest may have imported TensorFlow.
"""

from __future__ import annotations

import contextlib
import itertools
import sys
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from unittest import mock

import numpy as np
from gl_checks import driver_state
from gl_window import hidden_window
from numpy.typing import NDArray

from ais.gui.gl.binding import check_errors
from ais.gui.gl.draw_target import DrawTarget
from ais.gui.gl.framebuffer import Framebuffer
from ais.gui.gl.objects import live_objects
from ais.gui.gl.state import drawing_state
from ais.gui.scene import picture_drawing
from ais.gui.scene.camera import Camera, box_corners
from ais.gui.scene.contents import (
    HIDDEN,
    HIGHLIGHTED,
    SHOWN,
    ParticleItem,
    Scene,
    SceneLook,
    Shading,
    SliceItem,
    SurfaceItem,
)
from ais.gui.scene.detail import DetailMaker, Mesh
from ais.gui.scene.painter import ScenePainter
from ais.gui.scene.renderer import SceneRenderer
from ais.surfaces import Surface, isosurface

sys.path.insert(0, str(Path(__file__).with_name("gui")))
import segmented_tomogram as tomogram

CHECKS: dict[str, Callable[[], None]] = {}
SIZE = (320, 240)
ASPECT = SIZE[0] / SIZE[1]
RED, GREEN, BLUE = (0.9, 0.1, 0.1), (0.1, 0.8, 0.1), (0.1, 0.2, 0.9)
BACKGROUND = (0.2, 0.4, 0.6)
PLAIN = SceneLook(
    Shading.FLAT, ambient=1.0, head_light=0.0, depth_cue=0.0, edges=False, background=BACKGROUND, box=False, axes=False
)
"""Each thing in its own colour, nothing else."""

Mask = NDArray[np.bool_]
Picture = NDArray[np.uint8]
Volume = NDArray[np.float32]


def check(function: Callable[[], None]) -> Callable[[], None]:
    CHECKS[function.__name__] = function
    return function


def item(
    key: str, volume: NDArray[np.generic], colour: tuple[float, float, float], alpha: float = 1.0, level: float = 127.0
) -> SurfaceItem:
    surface = isosurface(volume, level, voxel_sizes=(10.0,) * 3, origin=tomogram.ORIGIN)
    return SurfaceItem(key, surface, colour, alpha, np.full(len(surface.volumes), SHOWN, np.uint8))


def ball(centre: tuple[float, float, float], radius: float, shape: tuple[int, int, int] = (40, 40, 40)) -> Volume:
    """A ball whose isosurface at 127 is a sphere; centre z, y, x in voxels."""
    grid = np.stack(np.meshgrid(*(np.arange(n) for n in shape), indexing="ij"), axis=-1)
    away = np.linalg.norm(grid - np.array(centre), axis=-1)
    return np.clip(127 + 20 * (radius - away), 1, 254).astype(np.float32)


def scene_of(*surfaces: SurfaceItem, look: SceneLook = PLAIN, **others: object) -> Scene:
    low = tuple(value - 5 for value in tomogram.ORIGIN)
    high = tuple(a + 10 * n for a, n in zip(low, tomogram.SHAPE[::-1], strict=True))
    return Scene(tuple(surfaces), low=low, high=high, look=look, **others)  # type: ignore[arg-type]


def looking_at(scene: Scene, perspective: bool = True) -> Camera:
    return Camera(perspective=perspective).fit(scene.low, scene.high, ASPECT)


def particles(places: NDArray[np.float32], radius: float, **others: object) -> ParticleItem:
    count = len(places)
    values: dict[str, object] = {"states": np.full(count, SHOWN, np.uint8)} | others
    return ParticleItem("picks", places, None, np.tile(np.float32(RED), (count, 1)), radius=radius, **values)  # type: ignore[arg-type]


def shown(renderer: SceneRenderer, scene: Scene, camera: Camera, **options: object) -> Picture:
    """What `draw` draws, in the size of its texture."""
    texture = renderer.draw(scene, camera, *SIZE, **options)  # type: ignore[arg-type]
    with drawing_state():
        frame = Framebuffer(texture)
        values: Picture = frame.read()
        frame.release()
    assert (values[..., 3] == 255).all()
    return values[..., :3]


def coloured(picture: Picture, colour: tuple[float, float, float]) -> Mask:
    return np.asarray((np.abs(picture[..., :3].astype(int) - np.array(colour) * 255) <= 2).all(axis=-1))


def rays(camera: Camera) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Where the lines of sight through all pixels' centres begin, and their directions: (rows, columns, 3) each."""
    found = [[camera.ray(x + 0.5, y + 0.5, SIZE) for x in range(SIZE[0])] for y in range(SIZE[1])]
    both = np.array(found)
    return both[:, :, 0], both[:, :, 1]


def meets_sphere(camera: Camera, centre: NDArray[np.floating], radius: float) -> Mask:
    start, way = rays(camera)
    offset = centre - start
    along = (offset * way).sum(axis=-1, keepdims=True)
    return np.asarray(np.linalg.norm(offset - along * way, axis=-1) < radius)


def meets_box(camera: Camera, low: NDArray[np.floating], high: NDArray[np.floating]) -> Mask:
    start, way = rays(camera)
    with np.errstate(divide="ignore", invalid="ignore"):
        one, other = (low - start) / way, (high - start) / way
    return np.asarray(np.minimum(one, other).max(axis=-1) < np.maximum(one, other).min(axis=-1))


def place_of(z: float, y: float, x: float) -> NDArray[np.float64]:
    """A voxel of the test tomogram in angstrom."""
    return np.array(tomogram.ORIGIN) + 10 * np.array([x, y, z])


@check
def a_sphere_covers_its_area() -> None:
    renderer = SceneRenderer()
    for centre, radius, perspective in (
        ((20, 20, 20), 12.3, True),
        ((20, 20, 20), 12.3, False),
        ((14, 22, 25), 9.0, True),
    ):
        scene = scene_of(item("ball", ball(centre, radius), RED))
        camera = looking_at(scene, perspective).orbit(37, -61, SIZE).dolly(1.4)
        wanted = meets_sphere(camera, place_of(*centre), 10 * radius)
        assert wanted.sum() > 1500
        found = renderer.picture(scene, camera, *SIZE, transparent=True, samples=4)[..., 3] / 255
        assert abs(found.sum() / wanted.sum() - 1) < 0.01
        assert (np.abs(found - wanted) > 0.6).mean() < 0.002
        # The same by drawing it as a particle.
        scene = scene_of(particles=(particles(place_of(*centre)[None].astype(np.float32), 10 * radius),))
        found = renderer.picture(scene, camera, *SIZE, transparent=True, samples=1)[..., 3] / 255
        assert abs(found.sum() / wanted.sum() - 1) < 0.003
        assert (found != wanted).mean() < 0.001


@check
def a_cube_is_at_its_pixels() -> None:
    renderer = SceneRenderer()
    low, high = place_of(9.5, 11.5, 24.5), place_of(19.5, 36.5, 30.5)
    scene = scene_of(SurfaceItem("box", cuboid(low, high), GREEN, 1.0, np.array([SHOWN], np.uint8)))
    for number in range(6):
        camera = looking_at(scene, perspective=number % 2 == 0).orbit(53.0 * number + 10, 31.0 * number + 17, SIZE)
        camera = camera.pan(12 * number - 30, 10 - 7 * number, SIZE).dolly(1 + 0.1 * number)
        wanted = meets_box(camera, low, high)
        assert wanted.sum() > 300
        assert (coloured(renderer.picture(scene, camera, *SIZE, samples=1), GREEN) != wanted).sum() <= 3
        smooth = renderer.picture(scene, camera, *SIZE, transparent=True, samples=4)[..., 3] / 255
        assert abs(smooth.sum() / wanted.sum() - 1) < 0.02


def cuboid(low: NDArray[np.floating], high: NDArray[np.floating]) -> Surface:
    corners = box_corners(tuple(low), tuple(high))
    quads = [(0, 2, 3, 1), (4, 5, 7, 6), (0, 1, 5, 4), (2, 6, 7, 3), (0, 4, 6, 2), (1, 3, 7, 5)]
    faces = [face for a, b, c, d in quads for face in ((a, b, c), (a, c, d))]
    normals = corners - corners.mean(axis=0)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    return Surface(
        corners.astype(np.float32),
        np.array(faces, np.int32),
        normals.astype(np.float32),
        np.array([float(np.prod(high - low))]),
        np.array([0, 8]),
        np.array([0, 12]),
    )


@check
def what_is_nearer_hides_what_is_farther() -> None:
    renderer = SceneRenderer()
    near, far = item("near", ball((30, 20, 20), 6), RED), item("far", ball((8, 20, 20), 9), GREEN)
    dot = particles(place_of(38, 20, 20)[None].astype(np.float32), 25.0)
    blue = replace(dot, colours=np.array([BLUE], np.float32))
    for order in ((near, far), (far, near)):
        scene = scene_of(*order, particles=(blue,))
        camera = looking_at(scene, perspective=False)
        camera = replace(camera, target=tuple(place_of(20, 20, 20)))
        picture = shown(renderer, scene, camera)
        centre = picture[SIZE[1] // 2, SIZE[0] // 2]
        assert coloured(centre, BLUE)
        step = camera.angstrom_per_pixel(SIZE)
        assert coloured(picture[SIZE[1] // 2, SIZE[0] // 2 + int(45 / step)], RED)
        assert coloured(picture[SIZE[1] // 2, SIZE[0] // 2 + int(75 / step)], GREEN)
        behind = shown(renderer, scene, camera.looking("bottom"))[SIZE[1] // 2, SIZE[0] // 2]
        assert coloured(behind, GREEN)


@check
def what_is_transparent_lets_the_rest_through_in_any_order() -> None:
    renderer = SceneRenderer()
    glass, other = item("glass", ball((30, 20, 20), 8), RED, 0.4), item("other", ball((20, 20, 20), 8), BLUE, 0.7)
    solid = item("solid", ball((8, 20, 20), 5), GREEN)
    scene = scene_of(glass)
    camera = replace(looking_at(scene, perspective=False), target=tuple(place_of(20, 20, 20)))
    y, x = SIZE[1] // 2, SIZE[0] // 2
    found = shown(renderer, scene, camera)[y, x] / 255
    assert np.abs(found - (0.4 * np.array(RED) + 0.6 * np.array(BACKGROUND))).max() < 0.02
    found = shown(renderer, scene_of(glass, solid), camera)[y, x] / 255
    assert np.abs(found - (0.4 * np.array(RED) + 0.6 * np.array(GREEN))).max() < 0.02
    both = shown(renderer, scene_of(glass, other, solid), camera)
    assert np.abs(both.astype(int) - shown(renderer, scene_of(solid, other, glass), camera)).max() <= 2
    through = both[y, x, 1] / 255
    assert abs(through - (0.6 * 0.3 * GREEN[1] + (1 - 0.18) * 0.15)) < 0.06, "what is behind shines through both"
    near = item("near", ball((36, 20, 20), 2.5), GREEN)
    for look in (PLAIN, replace(PLAIN, depth_cue=0.5, box=True)):
        before = shown(renderer, scene_of(near, glass, look=look), camera)[y, x]
        alone = shown(renderer, scene_of(near, replace(glass, alpha=0.0), look=look), camera)[y, x]
        assert (before == alone).all(), "what is before it is not covered"
    gone = shown(renderer, scene_of(replace(glass, alpha=0.0), solid), camera)[y, x]
    assert coloured(gone, GREEN)


@check
def states_and_colours_send_no_vertices() -> None:
    renderer = SceneRenderer()
    balls = item("balls", tomogram.balls(), RED)
    dots = particles(np.array([place_of(32, 48, 56), place_of(32, 60, 56)], np.float32), 30.0)
    scene = scene_of(balls, particles=(dots,))
    camera = looking_at(scene)
    before = shown(renderer, scene, camera)
    sent = renderer.uploads
    assert sent > 0
    states = balls.states.copy()
    states[[4, 7]] = HIDDEN
    fewer = shown(renderer, scene_of(replace(balls, states=states), particles=(dots,)), camera)
    assert 0 < coloured(fewer, RED).sum() < coloured(before, RED).sum()
    states = balls.states.copy()
    states[5] = HIGHLIGHTED
    chosen = shown(renderer, scene_of(replace(balls, states=states), particles=(dots,)), camera)
    assert 20 < (chosen != before).any(axis=-1).sum() < 3000
    hidden = replace(dots, states=np.full(2, HIDDEN, np.uint8))
    assert (shown(renderer, scene_of(balls, particles=(hidden,)), camera) != before).any()
    green = shown(renderer, scene_of(replace(balls, colour=GREEN), particles=(dots,)), camera)
    assert (coloured(green, GREEN) == (coloured(before, RED) & ~coloured(green, RED))).mean() > 0.99
    colours = np.tile(np.float32(BLUE), (20, 1))
    assert coloured(shown(renderer, scene_of(replace(balls, colours=colours)), camera), BLUE).any()
    shown(renderer, scene_of(replace(balls, alpha=0.5), particles=(dots,)), camera)
    shown(renderer, scene, camera.orbit(10, 10, SIZE))
    assert (shown(renderer, scene, camera) == before).all()
    assert renderer.uploads == sent + 1, "only the particles, which were gone once, have been sent again"


@check
def each_of_twenty_balls_is_picked_where_it_is_seen() -> None:
    renderer = SceneRenderer()
    balls = item("balls", tomogram.balls(), RED)
    membrane = item("membrane", tomogram.vesicle(), BLUE, 0.3)
    scene = scene_of(balls, membrane)
    starts = balls.surface.vertex_starts
    middles = np.array([balls.surface.vertices[a:b].mean(axis=0) for a, b in itertools.pairwise(starts)])
    for perspective in (True, False):
        camera = looking_at(scene, perspective).orbit(25, 36, SIZE)
        renderer.draw(scene, camera, *SIZE)
        for number, centre in enumerate(tomogram.BALLS):
            place = place_of(*centre)
            (x, y), _ = (value[0] for value in camera.project([place], SIZE))
            hit = renderer.pick(scene, camera, *SIZE, x, y)
            assert hit is not None
            assert hit.key == "balls"
            assert np.linalg.norm(middles[hit.index] - place) < 1
            radius = 10 * (tomogram.BALL_RADIUS + 0.05 * number)
            assert abs(np.linalg.norm(np.array(hit.position) - place) - radius) < 6
            assert (camera.axes[2] @ (np.array(hit.position) - place)) > 0.8 * radius
        (x, y), _ = (value[0] for value in camera.project([place_of(*tomogram.VESICLE)], SIZE))
        hit = renderer.pick(scene, camera, *SIZE, x, y)
        assert hit is not None
        assert hit.key == "membrane"
        assert renderer.pick(scene, camera, *SIZE, 2, 2) is None
        assert renderer.pick(scene, camera, *SIZE, -5, 1e4) is None
    (x, y), _ = (value[0] for value in camera.project([place_of(*tomogram.BALLS[0])], SIZE))
    hit = renderer.pick(scene, camera, *SIZE, x, y)
    assert hit is not None
    states = balls.states.copy()
    states[hit.index] = HIDDEN
    other = renderer.pick(scene_of(replace(balls, states=states)), camera, *SIZE, x, y)
    assert other is None or other.index != hit.index


@check
def a_pick_needs_no_drawing_after_the_first() -> None:
    renderer = SceneRenderer()
    scene = scene_of(item("balls", tomogram.balls(), RED))
    camera = looking_at(scene)
    renderer.pick(scene, camera, *SIZE, 10, 10)
    with mock.patch.object(renderer._painter, "numbers", side_effect=AssertionError("drawn again")):
        for x in range(0, 300, 20):
            renderer.pick(scene, camera, *SIZE, x, 100)
        states = scene.surfaces[0].states.copy()
        states[3] = HIGHLIGHTED
        chosen = replace(scene, surfaces=(replace(scene.surfaces[0], states=states),))
        renderer.pick(chosen, camera, *SIZE, 100, 100)
        shown(renderer, chosen, camera)


@check
def particles_are_picked_also_by_a_rectangle() -> None:
    renderer = SceneRenderer()
    rng = np.random.default_rng(3)
    scene = scene_of()
    # More than a row of the table holds.
    places = rng.uniform(scene.low, scene.high, (5000, 3)).astype(np.float32)
    arrows = rng.normal(size=(5000, 3))
    directions = (arrows / np.linalg.norm(arrows, axis=1, keepdims=True)).astype(np.float32)
    states = np.full(5000, HIDDEN, np.uint8)
    few = rng.choice(5000, 30, replace=False)
    states[few] = SHOWN
    for body in ("sphere", "arrow"):
        dots = replace(particles(places, 8.0, states=states), directions=directions, body=body)
        scene = scene_of(particles=(dots,))
        camera = looking_at(scene).orbit(40, 30, SIZE)
        tip = 12.0 if body == "arrow" else 0.0
        seen, depth = camera.project(places[few] + tip * directions[few], SIZE)
        for number, (x, y), away in zip(few, seen, depth, strict=True):
            hit = renderer.pick(scene, camera, *SIZE, x, y)
            close = np.linalg.norm(seen - (x, y), axis=1) < 12
            if close.sum() == 1:
                assert hit is not None, (body, number)
                assert (hit.key, hit.index) == ("picks", number)
                assert abs(camera.project([hit.position], SIZE)[1][0] - away) < 30
        box = (80.0, 60.0, 250.0, 170.0)
        found = {index for _, index in renderer.pick_rectangle(scene, camera, *SIZE, *box)}
        inside = (seen > box[:2]).all(axis=1) & (seen < box[2:]).all(axis=1)
        assert found <= set(few.tolist())
        assert len(set(few[inside].tolist()) - found) <= 2, "only what lies behind another is left out"
        assert renderer.pick_rectangle(scene, camera, *SIZE, 250, 170, 80, 60) == renderer.pick_rectangle(
            scene, camera, *SIZE, *box
        )
        assert renderer.pick_rectangle(scene, camera, *SIZE, 400, 300, 500, 500) == []


@check
def a_slice_lies_as_it_should_and_is_not_mirrored() -> None:
    renderer = SceneRenderer()
    picture = np.zeros((96, 112), np.uint8)
    picture[20:30, 70:100] = 255
    picture[60:64, 5:9] = 120
    low, high = scene_of().low, scene_of().high
    plane = SliceItem(picture, (low[0], low[1], low[2] + 300), (1120.0, 0.0, 0.0), (0.0, 960.0, 0.0))
    scene = scene_of(slices=(plane,))
    camera = looking_at(scene, perspective=False)
    found = shown(renderer, scene, camera)
    for (row, column), value in {(25, 85): 255, (62, 7): 120, (85, 100): 0, (5, 5): 0}.items():
        x, y = camera.project([place_of(29.5, row, column)], SIZE)[0][0]
        assert abs(int(found[int(y), int(x), 0]) - value) < 12, (row, column)
    # Row 0 is at the bottom, columns go to the right.
    y, x = np.argwhere((found == 255).all(axis=-1)).mean(axis=0)
    assert x > SIZE[0] / 2
    assert y > SIZE[1] / 2
    assert len(np.unique(found)) > 3
    assert coloured(found[1, 1], BACKGROUND)
    assert high[0] - low[0] == 1120
    # A transparent one lets through what is behind, and is no obstacle to a click.
    dot = particles(place_of(10, 85, 100)[None].astype(np.float32), 60.0)
    scene = scene_of(slices=(replace(plane, alpha=0.5),), particles=(dot,))
    x, y = camera.project(dot.positions, SIZE)[0][0]
    assert np.abs(shown(renderer, scene, camera)[int(y), int(x)] / 255 - np.array(RED) / 2).max() < 0.03
    hit = renderer.pick(scene, camera, *SIZE, x, y)
    assert hit is not None
    assert hit.key == "picks"
    solid = scene_of(slices=(plane,), particles=(dot,))
    assert renderer.pick(solid, camera, *SIZE, x, y) is None


@check
def right_is_right_from_every_side() -> None:
    renderer = SceneRenderer()
    places = {RED: (20, 20, 33), GREEN: (20, 33, 20), BLUE: (33, 20, 20)}
    surfaces = [item(str(colour), ball(centre, 4), colour) for colour, centre in places.items()]
    scene = scene_of(*surfaces)
    for number in range(8):
        camera = replace(looking_at(scene), target=tuple(place_of(22, 22, 22))).orbit(47.0 * number, 23.0, SIZE)
        picture = shown(renderer, scene, camera)
        for colour, centre in places.items():
            x, y = camera.project([place_of(*centre)], SIZE)[0][0]
            seen = np.argwhere(coloured(picture, colour))
            if len(seen) > 40:
                assert np.linalg.norm(seen.mean(axis=0) - (y, x)) < 6, (number, colour)
    top = shown(renderer, scene, looking_at(scene))
    centre_of = {colour: np.argwhere(coloured(top, colour)).mean(axis=0) for colour in places}
    assert centre_of[RED][1] > centre_of[BLUE][1] + 10, "x to the right"
    assert centre_of[GREEN][0] < centre_of[BLUE][0] - 10, "y up"


@check
def pictures_may_be_larger_than_the_view_and_without_background() -> None:
    renderer = SceneRenderer()
    balls, glass = item("balls", tomogram.balls(), RED), item("glass", tomogram.vesicle(), BLUE, 0.3)
    look = SceneLook(background=BACKGROUND, occlusion=0.7)
    scene = scene_of(balls, glass, look=look)
    camera = looking_at(scene).orbit(20, 10, SIZE)
    whole = renderer.picture(scene, camera, 900, 675, samples=2)
    assert whole.shape == (675, 900, 4)
    assert (whole[..., 3] == 255).all()
    with mock.patch.object(picture_drawing, "MOST_PIXELS", 600 * 600):
        tiled = renderer.picture(scene, camera, 900, 675, samples=2)
    different = np.abs(tiled.astype(int) - whole).max(axis=-1)
    assert (different > 8).mean() < 0.01
    assert np.median(different) == 0
    clear = renderer.picture(scene, camera, 900, 675, transparent=True, samples=2)
    assert clear[-1, -1, 3] == 0
    assert clear[2, 2, 3] == 0
    laid = clear[..., 3:] / 255 * clear[..., :3] + (1 - clear[..., 3:] / 255) * 255 * np.array(BACKGROUND)
    assert np.abs(laid - whole[..., :3]).max() < 4
    assert (clear[..., 3] == 255).mean() > 0.02
    assert ((clear[..., 3] > 20) & (clear[..., 3] < 235)).mean() > 0.02, "the membrane stays transparent"
    small = renderer.picture(scene, camera, 7, 5)
    assert small.shape == (5, 7, 4)


@check
def drawn_in_pieces_it_is_the_same() -> None:
    renderer, pieces = SceneRenderer(), SceneRenderer()
    scene = scene_of(
        item("balls", tomogram.balls(), RED),
        item("glass", tomogram.vesicle(), BLUE, 0.5),
        look=SceneLook(occlusion=0.8, background=BACKGROUND),
    )
    camera = looking_at(scene).orbit(20, 10, SIZE)
    wanted = shown(renderer, scene, camera)
    with mock.patch.object(SceneRenderer, "_expected_seconds", return_value=9.0):
        rounds = 0
        found = shown(pieces, scene, camera, seconds=0.0)
        while pieces.pending:
            rounds += 1
            assert rounds < 1000
            found = shown(pieces, scene, camera, seconds=0.0)
    assert rounds > 5
    assert (found == wanted).all()
    assert not renderer.pending
    # A view that moves on in the middle of it begins anew, and ends with its own picture.
    other = camera.orbit(50, 0, SIZE)
    with mock.patch.object(SceneRenderer, "_expected_seconds", return_value=9.0):
        shown(pieces, scene, camera.orbit(5, 0, SIZE), seconds=0.0)
        shown(pieces, scene, other, seconds=0.0)
    assert (shown(pieces, scene, other) == shown(renderer, scene, other)).all()


@check
def the_moving_picture_is_like_that_at_rest() -> None:
    renderer = SceneRenderer()
    rng = np.random.default_rng(5)
    noise = rng.normal(size=(60, 80, 90)).astype(np.float32)
    for axis in range(3):
        noise = sum(np.roll(noise, shift, axis) for shift in range(-2, 3)) / 5
    blobs = item("blobs", (127 + 60 * noise / noise.std()).astype(np.float32), RED, level=220.0)
    assert len(blobs.surface.faces) > 50_000
    dots = particles(rng.uniform(scene_of().low, scene_of().high, (8000, 3)).astype(np.float32), 6.0)
    ways = rng.normal(size=(8000, 3))
    arrows = replace(dots, key="arrows", directions=(ways / np.linalg.norm(ways, axis=1)[:, None]).astype(np.float32))
    for bodies in ((), (replace(dots, states=dots.states.copy()),), (replace(arrows, body="arrow"),)):
        scene = scene_of(blobs, particles=bodies, look=replace(PLAIN, shading=Shading.PHONG))
        camera = looking_at(scene).orbit(10, 20, SIZE)
        full = shown(renderer, scene, camera).astype(float)
        deadline = time.monotonic() + 30
        while renderer.preparing and time.monotonic() < deadline:
            time.sleep(0.05)
            renderer.draw(scene, camera.orbit(1, 0, SIZE), *SIZE, moving=True)
        body = renderer._bodies.surface(blobs)
        assert body is not None
        counts = [mesh.faces for mesh in body.meshes]
        assert all(one > 1.2 * other for one, other in itertools.pairwise(counts)), counts
        renderer._painter.triangles_per_second = 3e6
        renderer._quick_key = renderer._rest_key = None
        quick = shown(renderer, scene, camera, moving=True)
        rows = (np.arange(SIZE[1]) + 0.5) * quick.shape[0] / SIZE[1]
        columns = (np.arange(SIZE[0]) + 0.5) * quick.shape[1] / SIZE[0]
        stretched = quick[rows.astype(int)][:, columns.astype(int)].astype(float)
        blank = np.abs(full - np.array(BACKGROUND) * 255).mean()
        assert np.abs(stretched - full).mean() < 0.45 * blank
        assert np.abs(stretched.mean((0, 1)) - full.mean((0, 1))).max() < 12


@check
def light_shadows_and_lines_do_what_they_say() -> None:
    renderer = SceneRenderer()
    volume = np.zeros((40, 60, 60), np.uint8)
    volume[10:14, 5:55, 5:55] = 255
    volume[14:32, 25:35, 25:35] = 255
    table = item("table", volume, (0.8, 0.8, 0.8), level=127.5)
    scene = scene_of(table, look=replace(PLAIN, ambient=0.8))
    camera = replace(looking_at(scene), target=tuple(place_of(15, 30, 30))).dolly(1.8)
    bright = shown(renderer, scene, camera)
    occluded = shown(renderer, replace(scene, look=replace(scene.look, occlusion=1.0)), camera)

    def at(picture: Picture, row: float, column: float, z: float = 13.5) -> int:
        x, y = camera.project([place_of(z, row, column)], SIZE)[0][0]
        return int(picture[int(y), int(x)].mean())

    assert at(bright, 38, 30) == at(bright, 10, 10)
    assert at(occluded, 38, 30) < at(occluded, 10, 10) - 8, "the foot of the pillar is darker than the open floor"
    assert at(occluded, 10, 10) > at(bright, 10, 10) - 12
    lined = shown(renderer, replace(scene, look=replace(scene.look, edges=True)), camera)
    dark = (lined.sum(axis=-1) < 0.6 * bright.sum(axis=-1)).mean()
    assert 0.002 < dark < 0.05
    lit = shown(renderer, replace(scene, look=SceneLook(edges=False, background=BACKGROUND)), camera)
    cartoon = replace(scene.look, shading=Shading.CARTOON, ambient=0.3, head_light=0.7)
    steps = shown(renderer, replace(scene, look=cartoon), camera)
    assert len(np.unique(steps)) < len(np.unique(lit))
    cued = shown(renderer, replace(scene, look=replace(scene.look, depth_cue=1.0)), camera)
    nearer = np.abs(cued - np.array(BACKGROUND) * 255).mean(axis=-1)
    assert at(nearer[..., None], 30, 30, 31.5) > at(nearer[..., None], 10, 10) + 5, "what is far fades"
    boxed = shown(renderer, replace(scene, look=replace(scene.look, box=True)), camera.dolly(0.5))
    framed = shown(renderer, scene, camera.dolly(0.5))
    assert 100 < (boxed != framed).any(axis=-1).sum() < 6000
    axes = shown(renderer, replace(scene, look=replace(scene.look, axes=True)), camera)
    y, x = np.argwhere((axes != bright).any(axis=-1)).mean(axis=0)
    assert x < SIZE[0] / 4
    assert y > 3 * SIZE[1] / 4


@check
def from_within_walls_are_seen_from_behind() -> None:
    renderer = SceneRenderer()
    scene = scene_of(item("shell", tomogram.vesicle(), RED))
    centre = place_of(*tomogram.VESICLE)
    camera = replace(looking_at(scene), target=tuple(centre), distance=20.0)
    assert coloured(shown(renderer, scene, camera), RED).mean() > 0.95


@check
def nothing_is_left_behind_and_the_state_is_given_back() -> None:
    before = driver_state()
    renderer = SceneRenderer()
    empty = Surface(
        np.zeros((0, 3), np.float32),
        np.zeros((0, 3), np.int32),
        np.zeros((0, 3), np.float32),
        np.zeros(0),
        np.zeros(1, np.intp),
        np.zeros(1, np.intp),
    )
    nothing = SurfaceItem("empty", empty, RED, 1.0, np.zeros(0, np.uint8))
    balls, glass = item("balls", tomogram.balls(), RED), item("glass", tomogram.vesicle(), BLUE, 0.5)
    none = particles(np.zeros((0, 3), np.float32), 5.0)
    look = SceneLook(occlusion=0.5)
    plane = SliceItem(np.zeros((5, 4), np.uint8), (300.0, 0.0, 60.0), (500.0, 0.0, 0.0), (0.0, 500.0, 0.0), 0.5)
    camera = looking_at(scene_of())
    for scene in (
        scene_of(nothing, particles=(none,), look=look),
        scene_of(balls, glass, look=look, slices=(plane,)),
        scene_of(),
    ):
        for moving in (True, False):
            texture = renderer.draw(scene, camera, *SIZE, moving=moving)
            assert driver_state() == before
            assert renderer.draw(scene, camera, *SIZE, moving=moving) is texture
        renderer.pick(scene, camera, *SIZE, 10, 10)
        renderer.pick_rectangle(scene, camera, *SIZE, 0, 0, 50, 50)
        renderer.picture(scene, camera, 50, 40)
        assert driver_state() == before
    assert live_objects().get("buffer") is None, "a surface that has gone is freed"
    for size in ((1, 1), (33, 500), (700, 20)):
        renderer.draw(scene_of(balls), camera, *size)
    renderer.release()
    assert live_objects() == {}


@check
def a_scene_that_could_not_be_drawn_can_be_drawn_later() -> None:
    before = driver_state()
    renderer = SceneRenderer()
    scene = scene_of(item("balls", tomogram.balls(), RED))
    camera = looking_at(scene)
    place = renderer.draw(scene, camera, *SIZE)
    whole = shown(renderer, scene, camera)
    assert place is not None
    for failing in ("numbers", "light"):
        with mock.patch.object(ScenePainter, failing, side_effect=MemoryError):
            for moving in (False, True):
                with contextlib.suppress(MemoryError):
                    renderer.draw(scene, replace(camera, distance=900.0), *SIZE, moving=moving)
            for _ in range(2):
                with contextlib.suppress(MemoryError):
                    renderer.pick(scene, replace(camera, distance=900.0), *SIZE, 10, 10)
        assert driver_state() == before
        assert renderer.pick(scene, replace(camera, distance=900.0), *SIZE, SIZE[0] // 2, 2) is None
    with mock.patch("ais.gui.scene.renderer.Targets", side_effect=MemoryError), contextlib.suppress(MemoryError):
        renderer.draw(scene, camera, 2 * SIZE[0], 2 * SIZE[1])
    with mock.patch("ais.gui.scene.renderer.Targets", side_effect=MemoryError), contextlib.suppress(MemoryError):
        renderer.draw(scene, camera, 2 * SIZE[0], 2 * SIZE[1], moving=True)
    np.testing.assert_array_equal(shown(renderer, scene, camera), whole)
    assert shown(renderer, scene, camera, moving=True).any()
    with mock.patch.object(DetailMaker, "make", return_value=failed_future()):
        large = scene_of(item("balls", tomogram.balls(), GREEN))
        with mock.patch("ais.gui.scene.bodies.DETAIL_FROM", 10):
            for moving in (True, False, True):
                shown(renderer, large, camera, moving=moving)
        assert not renderer.preparing
    with mock.patch.object(DrawTarget, "__init__", side_effect=MemoryError), contextlib.suppress(MemoryError):
        renderer.draw(scene, camera, 50, 40)
    renderer.release()
    assert live_objects() == {}


def failed_future() -> Future[list[Mesh]]:
    failed: Future[list[Mesh]] = Future()
    failed.set_exception(MemoryError())
    return failed


def main(name: str) -> None:
    """Run one check in a hidden window; it must leave no error in the driver."""
    with hidden_window():
        CHECKS[name]()
        check_errors()


if __name__ == "__main__":
    main(sys.argv[1])
