"""The 3D scene at 1280 x 800 with OpenGL in software: frames per second while orbiting, time at rest, time of a pick.

A scene of 10 volumes with 2 million triangles, the same with half of the volumes transparent, and with a fluorescence
image thrown through it, 50,000 particles as spheres and as arrows, and three such images alone. The reference of a
moving scene is the same picture in full detail, as it is drawn at rest.

Then the longest frame of the window while a large picture of the first scene is drawn, and one of a movie; the
reference is the picture drawn in one go.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from figure import Figure, report

if TYPE_CHECKING:
    from ais.gui.scene.camera import Camera
    from ais.gui.scene.contents import ParticleItem, ProjectionItem, Scene, SurfaceItem

Corner = tuple[float, float, float]
TESTS = Path(__file__).resolve().parent.parent / "tests"
sys.path.insert(0, str(TESTS))
SIZE = 1280, 800
SIDE = 100
IMAGE_SIDE = 1024
TRIANGLES = 2_000_000
FRAMES = 30
PICTURES = (3840, 2160), (1280, 720)
SAMPLES = 2


def volumes() -> list[SurfaceItem]:
    """Ten surfaces of blobs with together two million triangles and thousands of components."""
    from scipy import ndimage

    from ais.gui.scene.contents import SHOWN, SurfaceItem
    from ais.surfaces import isosurface

    rng = np.random.default_rng(0)
    items = []
    for number in range(10):
        noise = ndimage.gaussian_filter(rng.normal(size=(SIDE,) * 3).astype(np.float32), 2.0)
        surface = isosurface(noise / noise.std(), 1.5, voxel_sizes=(10.0,) * 3, origin=(0, 0, 100.0 * number))
        states = np.full(len(surface.volumes), SHOWN, np.uint8)
        items.append(SurfaceItem(number, surface, tuple(rng.uniform(0.2, 0.9, 3)), 1.0, states))
    return items


def particles(body: Literal["sphere", "arrow"]) -> ParticleItem:
    from ais.gui.scene.contents import SHOWN, ParticleItem

    rng = np.random.default_rng(1)
    count = 50_000
    places = rng.uniform(0, 10 * SIDE, (count, 3)).astype(np.float32)
    ways = rng.normal(size=(count, 3))
    ways = (ways / np.linalg.norm(ways, axis=1, keepdims=True)).astype(np.float32)
    colours = rng.uniform(0.2, 0.9, (count, 3)).astype(np.float32)
    states = np.full(count, SHOWN, np.uint8)
    return ParticleItem("p", places, ways if body == "arrow" else None, colours, states, 6.0, body)


def images(low: Corner, high: Corner) -> tuple[ProjectionItem, ...]:
    """Three images with spots of light, twice as large as the tomogram."""
    from scipy import ndimage

    from ais.gui.scene.contents import ProjectionItem

    rng = np.random.default_rng(3)
    items = []
    for colour in np.eye(3):
        light = ndimage.gaussian_filter(rng.normal(size=(IMAGE_SIDE,) * 2), 12)
        light = np.clip(light / light.std() - 0.7, 0, 2) / 2
        pixels = np.rint(255 * light[..., None] * np.array([*colour, 1.0])).astype(np.uint8)
        step = 2 * (high[0] - low[0]) / IMAGE_SIDE
        turned = ((0.8 * step, -0.6 * step, 0.0), (0.6 * step, 0.8 * step, -0.7 * step * IMAGE_SIDE / 2))
        items.append(ProjectionItem(pixels, turned, low, high))
    return tuple(items)


def child() -> None:
    from gl_window import hidden_window

    from ais.gui.scene.camera import Camera
    from ais.gui.scene.contents import Scene, SceneLook

    items = volumes()
    count = sum(len(item.surface.faces) for item in items)
    low, high = (0.0, 0.0, 0.0), (10.0 * SIDE, 10.0 * SIDE, 10.0 * SIDE + 900)
    half = [replace(item, alpha=0.5 if number % 2 else 1.0) for number, item in enumerate(items)]
    look = SceneLook(occlusion=0.5)
    scenes = {
        f"10 volumes {count / 1e6:.1f} million triangles": Scene(tuple(items), (), (), low, high, look),
        "5 of them transparent": Scene(tuple(half), (), (), low, high, look),
        "these and a fluorescence image": Scene(tuple(items), (), (), low, high, look, images(low, high)[:1]),
        "50000 spheres": Scene((), (particles("sphere"),), (), low, high, look),
        "50000 arrows": Scene((), (particles("arrow"),), (), low, high, look),
        "3 fluorescence images": Scene((), (), (), low, high, look, images(low, high)),
    }
    camera = Camera().fit(low, high, SIZE[0] / SIZE[1])
    with hidden_window():
        for name, scene in scenes.items():
            measure(name, scene, camera)
        for width, height in PICTURES:
            measure_picture(next(iter(scenes.values())), camera, width, height)


def measure(name: str, scene: Scene, camera: Camera) -> None:
    """Print the figures of one scene."""
    from ais.gui.gl.binding import GL
    from ais.gui.scene.renderer import SceneRenderer

    renderer = SceneRenderer()

    def seconds(seen: Camera, **options: object) -> float:
        GL.glFinish()
        began = time.perf_counter()
        renderer.draw(scene, seen, *SIZE, **options)  # type: ignore[arg-type]
        GL.glFinish()
        return time.perf_counter() - began

    seconds(camera)
    # The coarser meshes are made in a thread meanwhile.
    deadline = time.monotonic() + 60
    while renderer.preparing and time.monotonic() < deadline:
        time.sleep(0.1)
        seconds(camera, moving=True)
    moving = [seconds(camera.orbit(7.0 * n, 3.0 * n, SIZE), moving=True) for n in range(1, FRAMES)]
    busy = time.process_time()
    for n in range(1, FRAMES):
        seconds(camera.orbit(5.0 * n, -3.0 * n, SIZE), moving=True)
    busy = (time.process_time() - busy) / (FRAMES - 1)
    rest = seconds(camera.orbit(30, 20, SIZE))
    turned = camera.orbit(50, 20, SIZE)
    waits = [seconds(turned, seconds=0.03)]
    while renderer.pending:
        waits.append(seconds(turned, seconds=0.03))
    picks = []
    for x, y in np.random.default_rng(2).uniform(0, 1, (50, 2)) * SIZE:
        began = time.perf_counter()
        renderer.pick(scene, turned, *SIZE, x, y)
        picks.append(time.perf_counter() - began)
    rate = 1 / statistics.median(moving)
    report(Figure(f"scene of {name}: orbiting", rate, 1 / rest, "frames/s", more_is_better=True))
    report(Figure(f"scene of {name}: processor time of a frame", busy, None))
    report(Figure(f"scene of {name}: longest wait until it is drawn in full", max(waits), rest))
    report(Figure(f"scene of {name}: pick", statistics.median(picks), None))
    renderer.release()


def measure_picture(scene: Scene, camera: Camera, width: int, height: int) -> None:
    """Print the figures of a picture while the scene is at rest in the window."""
    from ais.gui.gl.binding import GL
    from ais.gui.scene.renderer import SceneRenderer
    from ais.gui.scene_pictures import SHARE_S

    renderer = SceneRenderer()
    renderer.draw(scene, camera, *SIZE)
    renderer.picture(scene, camera, 64, 64)
    began = time.perf_counter()
    whole = renderer.picture(scene, camera, width, height, samples=SAMPLES)
    at_once = time.perf_counter() - began
    drawing = renderer.begin_picture(scene, camera, width, height, samples=SAMPLES)
    frames = []
    while not drawing.over:
        began = time.perf_counter()
        renderer.draw(scene, camera, *SIZE)
        drawing.go_on(SHARE_S)
        GL.glFinish()
        frames.append(time.perf_counter() - began)
    assert np.array_equal(whole, drawing.picture)
    report(Figure(f"picture of {width} x {height}: longest frame of the window", max(frames), at_once))
    report(Figure(f"picture of {width} x {height}: all frames of the window", sum(frames), at_once))
    renderer.release()


def main() -> None:
    from xvfb import virtual_screen

    with virtual_screen() as environment:
        subprocess.run([sys.executable, __file__, "child"], env={**os.environ, **environment}, check=True)


if __name__ == "__main__":
    child() if sys.argv[1:] else main()
