"""What is true of images thrown through the 3D scene, against integrals along lines; run as scene_checks.py is."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from unittest import mock

import numpy as np
from numpy.typing import NDArray
from scene_checks import (
    BACKGROUND,
    BLUE,
    GREEN,
    RED,
    SIZE,
    Picture,
    ball,
    check,
    coloured,
    item,
    looking_at,
    main,
    particles,
    place_of,
    scene_of,
    shown,
)

from ais.gui.gl.objects import live_objects
from ais.gui.scene import glow, picture_drawing
from ais.gui.scene.camera import Camera
from ais.gui.scene.contents import Affine, ProjectionItem, Scene, SliceItem
from ais.gui.scene.painter import ScenePainter
from ais.gui.scene.renderer import SceneRenderer

Floats = NDArray[np.float64]

LOW, HIGH = scene_of().low, scene_of().high
THICKNESS = HIGH[2] - LOW[2]
EVERY = 6
"""One in so many pixels is compared, along each side."""

STEP = 10.0
"""Of a pixel of an image that has one for each voxel, in angstrom."""
UPRIGHT: Affine = ((STEP, 0.0, LOW[0] + STEP / 2), (0.0, STEP, LOW[1] + STEP / 2))
TURNED: Affine = ((7.0, -4.0, LOW[0] + 250.0), (5.0, 6.0, LOW[1] + 60.0))
DARK = replace(scene_of().look, background=(0.0, 0.0, 0.0))


def light(values: NDArray[np.floating], colour: tuple[float, float, float]) -> NDArray[np.uint8]:
    """An image of one colour; values (rows, columns), 0 to 1."""
    whole = np.concatenate([values[..., None] * np.array(colour), values[..., None]], axis=-1)
    return np.asarray(np.rint(255 * whole), np.uint8)


def even(colour: tuple[float, float, float] = GREEN, value: float = 1.0) -> NDArray[np.uint8]:
    return light(np.full((96, 112), value), colour)


def waves() -> NDArray[np.uint8]:
    """An image whose every part is different, and smooth."""
    y, x = np.mgrid[:96, :112]
    return light(0.5 + 0.3 * np.sin(x / 9.0) + 0.2 * np.cos(y / 7.0 + x / 30), (1.0, 0.5, 0.25))


def projection(pixels: NDArray[np.uint8], **others: object) -> ProjectionItem:
    values: dict[str, object] = {"to_scene": UPRIGHT, "low": LOW, "high": HIGH, "density": 0.5} | others
    return ProjectionItem(pixels, **values)  # type: ignore[arg-type]


def some(picture: NDArray[Any]) -> NDArray[Any]:
    """The pixels that are compared."""
    return picture[EVERY // 2 :: EVERY, EVERY // 2 :: EVERY, :3]


def some_rays(camera: Camera) -> tuple[Floats, Floats]:
    """Where lines of sight through these pixels begin, and where they go: (rows, columns, 3) each."""
    columns, rows = (range(EVERY // 2, length, EVERY) for length in SIZE)
    both = np.array([[camera.ray(x + 0.5, y + 0.5, SIZE) for x in columns] for y in rows])
    return both[:, :, 0], both[:, :, 1]


def part_of_rays(camera: Camera, item: ProjectionItem) -> tuple[Floats, Floats, Floats, Floats]:
    """The same rays, and from and to which distance they are in the image's box."""
    start, way = some_rays(camera)
    with np.errstate(divide="ignore", invalid="ignore"):
        one, other = (np.array(item.low) - start) / way, (np.array(item.high) - start) / way
    first = np.minimum(one, other).max(axis=-1)
    return start, way, np.maximum(first, 0) if camera.perspective else first, np.maximum(one, other).min(axis=-1)


def integral(camera: Camera, item: ProjectionItem, until: Floats | None = None, *, covers: bool = False) -> Floats:
    """(rows, columns, 4): light of an image as it is seen on black, and what it lets through; by many small steps."""
    start, way, first, last = part_of_rays(camera, item)
    if until is not None:
        last = np.minimum(last, until)
    inside = last > first
    first, length = np.where(inside, first, 0), np.where(inside, last - first, 0)
    inverse = np.linalg.inv(np.vstack([item.to_scene, (0, 0, 1)]))[:2]
    found = np.zeros((*length.shape, 3))
    through = np.ones(length.shape)
    steps = 100
    step = length / steps * item.density / (item.high[2] - item.low[2])
    for number in range(steps):
        place = start + (first + (number + 0.5) / steps * length)[..., None] * way
        seen = between_pixels(item.pixels, place[..., :2] @ inverse[:, :2].T + inverse[:, 2])
        if covers:
            passed = np.exp(-step * seen[..., 3])
            found += (through * (1 - passed))[..., None] * seen[..., :3] / np.maximum(seen[..., 3:], 1e-9)
            through *= passed
        else:
            found += step[..., None] * seen[..., :3]
    return np.concatenate([found, through[..., None]], axis=-1)


def between_pixels(pixels: NDArray[np.uint8], places: Floats) -> Floats:
    """Values 0 to 1 at (column, row), between pixels in proportion; 0 outside the outer edges of the image."""
    rows, columns = pixels.shape[:2]
    x, y = places[..., 0], places[..., 1]
    outside = (x < -0.5) | (y < -0.5) | (x > columns - 0.5) | (y > rows - 0.5)
    x, y = np.clip(x, 0, columns - 1), np.clip(y, 0, rows - 1)
    left, low = np.minimum(x.astype(int), columns - 2), np.minimum(y.astype(int), rows - 2)
    across, up = (x - left)[..., None], (y - low)[..., None]
    values = pixels / 255
    lower = (1 - across) * values[low, left] + across * values[low, left + 1]
    upper = (1 - across) * values[low + 1, left] + across * values[low + 1, left + 1]
    return np.where(outside[..., None], 0.0, (1 - up) * lower + up * upper)


def views() -> list[Camera]:
    """From several sides, with and without perspective, and from within."""
    outside = looking_at(scene_of()).orbit(33, -47, SIZE).dolly(1.3)
    within = replace(outside.orbit(20, 90, SIZE), target=tuple(place_of(30, 45, 50)), distance=60.0)
    return [
        outside,
        looking_at(scene_of(), perspective=False).orbit(33, -47, SIZE).dolly(1.3),
        looking_at(scene_of(), perspective=False),
        looking_at(scene_of()).looking("front"),
        looking_at(scene_of(), perspective=False).looking("right"),
        within,
    ]


def glowing(*items: ProjectionItem, covers: bool = False, **others: object) -> Scene:
    values: dict[str, object] = {"look": DARK} | others
    return replace(scene_of(**values), projections=items, projections_cover=covers)  # type: ignore[arg-type]


def compare(found: Picture, wanted: Floats, tolerance: float = 0.015) -> None:
    """A picture and what `integral` tells of some of its pixels.

    Nearly everywhere the same; at the box's edges a pixel may be half in it.
    """
    wrong = np.abs(some(found) / 255 - np.minimum(wanted, 1)).max(axis=-1)
    allowed = 1.5 / 255 + tolerance * np.minimum(wanted, 1).max(axis=-1)
    assert wanted.max() > 0.05
    assert np.median(wrong) < 0.004
    assert (wrong > allowed).mean() < 0.006, ((wrong > allowed).mean(), wrong.max())


@check
def light_along_a_ray_is_the_integral_of_the_image() -> None:
    renderer = SceneRenderer()
    for pixels, to_scene in ((even(), UPRIGHT), (waves(), UPRIGHT), (waves(), TURNED)):
        image = projection(pixels, to_scene=to_scene, density=0.35)
        for camera in views():
            found = renderer.picture(glowing(image), camera, *SIZE, samples=1)[..., :3]
            compare(found, integral(camera, image)[..., :3])
    # Straight along z it is the density, whatever the thickness.
    camera = replace(looking_at(scene_of(), perspective=False), target=tuple(place_of(30, 48, 56)))
    for top in (HIGH[2], LOW[2] + 20):
        image = projection(even(), density=0.6, high=(*HIGH[:2], top))
        middle = shown(renderer, glowing(image), camera)[SIZE[1] // 2, SIZE[0] // 2] / 255
        assert np.abs(middle - 0.6 * np.array(GREEN)).max() < 0.004


@check
def what_covers_lets_through_what_it_should() -> None:
    renderer = SceneRenderer()
    for camera in views()[::2]:
        for pixels in (even(RED, 0.5), waves()):
            image = projection(pixels, density=0.5)
            seen = integral(camera, image, covers=True)
            scene = glowing(image, covers=True, look=scene_of().look)
            found = renderer.picture(scene, camera, *SIZE, samples=1)[..., :3]
            compare(found, seen[..., :3] + seen[..., 3:] * np.array(BACKGROUND))
    camera = looking_at(scene_of(), perspective=False)
    one, other = projection(even(RED), density=0.4), projection(even(BLUE), density=0.7)
    middle = SIZE[1] // 2, SIZE[0] // 2
    look = scene_of().look
    both = shown(renderer, glowing(one, other, covers=True, look=look), camera)
    assert np.abs(both.astype(int) - shown(renderer, glowing(other, one, covers=True, look=look), camera)).max() <= 1
    # Two in the same place let through as much as one after the other, and have their share of what they cover.
    through, red, blue = np.exp(-1.1), 1 - np.exp(-0.4), 1 - np.exp(-0.7)
    shares = (red * np.array(RED) + blue * np.array(BLUE)) / (red + blue)
    wanted = through * np.array(BACKGROUND) + (1 - through) * shares
    assert np.abs(both[middle] / 255 - wanted).max() < 0.006


@check
def light_of_several_images_is_their_sum() -> None:
    renderer = SceneRenderer()
    items = [projection(even(colour), density=0.1 + 0.04 * n) for n, colour in enumerate([RED, GREEN, BLUE] * 2)]
    camera = views()[0]
    wanted = sum(integral(camera, image)[..., :3] for image in items)
    for some in (items, items[::-1]):
        found = renderer.picture(glowing(*some), camera, *SIZE, samples=1)[..., :3]
        compare(found, np.asarray(wanted))


@check
def what_is_opaque_hides_the_light_behind_it() -> None:
    renderer = SceneRenderer()
    image = projection(waves(), density=0.4)
    centre, radius = place_of(28, 50, 60), 180.0
    dot = replace(particles(centre[None].astype(np.float32), radius), colours=np.array([[0, 0, 0]], np.float32))
    for camera in views()[:3]:
        start, way = some_rays(camera)
        offset = centre - start
        along = (offset * way).sum(axis=-1)
        aside = np.linalg.norm(offset - along[..., None] * way, axis=-1)
        hit = aside < radius
        ends = np.where(hit, along - np.sqrt(np.maximum(radius**2 - aside**2, 0)), np.inf)
        assert hit.sum() > 2000 / EVERY**2
        found = renderer.picture(glowing(image, particles=(dot,)), camera, *SIZE, samples=1)[..., :3]
        wanted = integral(camera, image, ends)[..., :3]
        compare(found, wanted)
        assert wanted[hit].mean() < 0.8 * integral(camera, image)[hit, :3].mean()
        # Fine edges, also where a view has one ray for several pixels.
        for moving in (False, True):
            with (
                mock.patch.object(ScenePainter, "slow", True),
                mock.patch("ais.gui.scene.renderer.TRANSPARENT_SHARE", 1),
            ):
                rough = shown(SceneRenderer(), glowing(image, particles=(dot,)), camera, moving=moving)
            wrong = np.abs(some(rough) / 255 - np.minimum(wanted, 1)).max(axis=-1)
            assert (wrong > 0.06).mean() < 0.02, (moving, (wrong > 0.06).mean())
    # Outside the image's box nothing is added to a surface before it.
    near = particles(np.array([[*place_of(0, 50, 60)[:2], HIGH[2] + 300]], np.float32), 100.0)
    camera = replace(looking_at(scene_of(), perspective=False), target=tuple(place_of(30, 50, 60)))
    assert coloured(shown(renderer, glowing(image, particles=(near,)), camera)[SIZE[1] // 2, SIZE[0] // 2], RED)
    # A slice in the scene stops the light as well.
    grey = SliceItem(np.full((4, 4), 90, np.uint8), (*LOW[:2], LOW[2] + THICKNESS / 4), (1120.0, 0, 0), (0, 960.0, 0))
    bright = shown(renderer, glowing(projection(even(), density=0.4), slices=(grey,)), camera)
    assert np.abs(bright[SIZE[1] // 2, SIZE[0] // 2] / 255 - 90 / 255 - 0.75 * 0.4 * np.array(GREEN)).max() < 0.006


@check
def each_pixel_of_the_image_is_at_its_voxel() -> None:
    renderer = SceneRenderer()
    values = np.zeros((96, 112))
    values[0, 0] = values[90, 3] = values[40, 100] = 1
    image = projection(light(values, (1.0, 1.0, 1.0)), density=1.0)
    for camera in (
        looking_at(scene_of(), perspective=False),
        looking_at(scene_of(), perspective=False).looking("bottom"),
    ):
        found = renderer.picture(glowing(image), camera, *SIZE, samples=1)[..., 0]
        for row, column in ((0, 0), (90, 3), (40, 100)):
            x, y = camera.project([place_of(30, row, column)], SIZE)[0][0]
            around = np.argwhere(found > 60)
            assert np.linalg.norm(around - (y - 0.5, x - 0.5), axis=1).min() < 1.2, (row, column)
        if camera == looking_at(scene_of(), perspective=False):
            assert found[SIZE[1] // 2 :, : SIZE[0] // 2].max() > 60, "row 0 is low, column 0 is left"
    # With a turned image: where its affine says.
    values[:] = 0
    values[60:63, 30:33] = 1
    image = projection(light(values, (1.0, 1.0, 1.0)), density=1.0, to_scene=TURNED)
    (a, b, c), (d, e, f) = TURNED
    place = a * 31 + b * 61 + c, d * 31 + e * 61 + f, 0.0
    camera = looking_at(scene_of(), perspective=False)
    found = renderer.picture(glowing(image), camera, *SIZE, samples=1)[..., 0].astype(float)
    weights = found / found.sum()
    rows, columns = np.mgrid[: SIZE[1], : SIZE[0]]
    x, y = camera.project([place], SIZE)[0][0]
    assert abs((weights * (columns + 0.5)).sum() - x) < 0.3
    assert abs((weights * (rows + 0.5)).sum() - y) < 0.3


@check
def only_between_its_two_heights_is_there_light() -> None:
    renderer = SceneRenderer()
    low, high = LOW[2] + 0.25 * THICKNESS, LOW[2] + 0.5 * THICKNESS
    image = projection(even(), density=0.8, low=(*LOW[:2], low), high=(*HIGH[:2], high))
    camera = looking_at(scene_of(), perspective=False).looking("front")
    found = renderer.picture(glowing(image), camera, *SIZE, samples=1)[..., 1]
    x, edges = SIZE[0] / 2, [camera.project([(0.0, 0.0, z)], SIZE)[0][0, 1] for z in (low, high)]
    bright = np.flatnonzero(found[:, int(x)] > 3)
    assert abs(bright.max() + 1 - edges[0]) <= 1
    assert abs(bright.min() - edges[1]) <= 1
    for seen in views()[1::2]:
        compare(renderer.picture(glowing(image), seen, *SIZE, samples=1)[..., :3], integral(seen, image)[..., :3])


@check
def how_many_steps_there_are_makes_no_difference() -> None:
    image = projection(waves(), density=0.4)
    for covers in (False, True):
        scene = glowing(image, covers=covers)
        camera = views()[0]
        many = SceneRenderer().picture(scene, camera, *SIZE, samples=1)[..., :3].astype(int)
        for steps in (12, 40, 500):
            with mock.patch.object(glow, "MOST_STEPS", steps):
                few = SceneRenderer().picture(scene, camera, *SIZE, samples=1)[..., :3].astype(int)
            assert abs(few.mean() / many.mean() - 1) < 0.01
            assert np.percentile(np.abs(few - many), 99) < (10 if steps < 20 else 4), steps


@check
def pictures_of_any_size_and_without_background_have_it() -> None:
    renderer = SceneRenderer()
    image = projection(waves(), density=0.5)
    for covers in (False, True):
        scene = glowing(image, covers=covers, look=scene_of().look)
        scene = replace(scene, surfaces=(item("ball", ball((20, 20, 20), 9), RED),))
        camera = views()[0]
        whole = renderer.picture(scene, camera, 450, 337, samples=2)
        with mock.patch.object(picture_drawing, "MOST_PIXELS", 300 * 300):
            tiled = renderer.picture(scene, camera, 450, 337, samples=2)
        assert (np.abs(tiled.astype(int) - whole).max(axis=-1) > 4).mean() < 0.002
        clear = renderer.picture(scene, camera, 450, 337, transparent=True, samples=2)
        assert clear[2, 2, 3] == 0
        laid = clear[..., 3:] / 255 * clear[..., :3] + (1 - clear[..., 3:] / 255) * 255 * np.array(BACKGROUND)
        if covers:
            assert np.abs(laid - whole[..., :3]).max() < 4
        else:  # laid over black it is the light that it would be on black
            dark = renderer.picture(replace(scene, look=DARK), camera, 450, 337, samples=2)
            assert np.abs(clear[..., 3:] / 255 * clear[..., :3] - dark[..., :3]).max() < 5
        small = renderer.picture(scene, camera, *SIZE, samples=1)[..., :3]
        assert abs(small.mean() / whole[..., :3].mean() - 1) < 0.02


@check
def a_moving_view_and_one_in_pieces_are_as_bright() -> None:
    image = projection(waves(), density=0.4)
    scene = replace(glowing(image), surfaces=(item("ball", ball((20, 20, 20), 9), RED, 0.5),))
    camera = views()[0]
    with mock.patch.object(ScenePainter, "slow", True):
        renderer = SceneRenderer()
        whole = shown(renderer, scene, camera)
        quick = shown(SceneRenderer(), scene, camera, moving=True)
        pieces = SceneRenderer()
        found = shown(pieces, scene, camera, seconds=0.0)
        rounds = 0
        while pieces.pending:
            found = shown(pieces, scene, camera, seconds=0.0)
            rounds += 1
    assert rounds > 3
    np.testing.assert_array_equal(found, whole)
    assert np.abs(quick.mean(axis=(0, 1)) - whole.mean(axis=(0, 1))).max() < 1.5


@check
def without_images_there_is_no_cost_and_nothing_is_left() -> None:
    renderer = SceneRenderer()
    scene = scene_of(item("ball", ball((20, 20, 20), 9), RED))
    camera = views()[0]
    before = shown(renderer, scene, camera)
    with mock.patch.object(glow.GlowPainter, "draw", side_effect=AssertionError):
        shown(renderer, scene, camera.orbit(3, 0, SIZE))
    held = live_objects()
    pixels = waves()
    lit = replace(scene, projections=(projection(pixels, density=0.4),))
    drawings: list[Callable[[], Picture]] = [
        lambda: shown(renderer, lit, camera),
        lambda: shown(renderer, replace(lit, projections=(projection(pixels, density=0.6),)), camera),
        lambda: shown(renderer, replace(lit, projections=(projection(pixels, to_scene=TURNED),)), camera),
        lambda: shown(renderer, replace(lit, projections=(projection(waves() // 2),)), camera),
        lambda: shown(renderer, replace(lit, projections_cover=True), camera),
    ]
    pictures = [draw() for draw in drawings]
    assert all((one != other).any() for n, one in enumerate(pictures) for other in [before, *pictures[:n]])
    hit = renderer.pick(lit, camera, *SIZE, *camera.project([place_of(20, 20, 20)], SIZE)[0][0])
    assert hit is not None, "light is not in the way of a click"
    assert (shown(renderer, scene, camera) == before).all()
    assert live_objects()["texture"] <= held["texture"] + 2, "the image has gone; the light's own textures stay"
    renderer.release()
    assert live_objects() == {}
    empty = replace(lit, projections=(projection(np.zeros((0, 5, 4), np.uint8)), projection(waves()[:1, :1])))
    other = SceneRenderer()
    shown(other, empty, camera)
    shown(other, empty, camera, moving=True)
    other.release()
    assert live_objects() == {}


if __name__ == "__main__":
    main(sys.argv[1])
