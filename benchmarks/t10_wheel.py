"""T10: frames per second while the wheel turns through slices of 1024 x 1024 pixels with three masks over them.

In the real window, 1600 x 1000, on a screen in memory with OpenGL in software; each notch of the wheel is a frame with
another slice. Then with two display filters, and both once more: while a busy process takes the other core; with the
compute process segmenting each slice with a FastNet as it comes; and while it trains a UNet S, which shows what it
finds about once a second. A line each for the frames per second and for the 99th percentile of the time from frame to
frame. The reference composes the same picture with NumPy, without drawing it.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from figure import Figure, report

HERE = Path(__file__).resolve().parent
TESTS = HERE.parent / "tests"
SHAPE = (100, 1024, 1024)
WINDOW = (1600, 1000)
FRAMES = 240
KINDS = ("three masks", "three masks and two filters")
COLOURS = ((0.9, 0.6, 0.0), (0.34, 0.71, 0.91), (0.0, 0.62, 0.45))
BUSY = "while True: sum(i * i for i in range(100000))"
LOADS = {
    "": "",
    "busy": " beside a busy process",
    "live": " with a FastNet live",
    "training": " while a UNet S trains",
}
MAKE_MODEL = """
import sys
from ais.models import Model, ModelInfo, build, save_model
info = ModelInfo("fastnet", {}, "Membrane", 10.0, 64, 1)
save_model(sys.argv[1], Model(build("fastnet", 1, {}), info))
"""
SETTINGS = {"architecture": "unet-s", "epochs": 1000, "copies": 10, "batch_size": 32, "validation": 0.0}


def make_project(folder: Path) -> Path:
    """A tomogram of noise and blobs, each slice another one, with three features painted in every slice."""
    from ais.annotation import AddFeature, AddTomogram, PaintStroke, Together
    from ais.formats.mrc import MrcWriter
    from ais.project import Project

    rng = np.random.default_rng(0)
    nz, ny, nx = SHAPE
    noise = rng.normal(0, 400, (ny, nx)).astype("int16")
    with MrcWriter(folder / "tomogram.mrc", SHAPE, "int16", voxel_sizes=(10.0, 10.0, 10.0)) as writer:
        for z in range(nz):
            writer.write(np.roll(noise, (7 * z, 13 * z), axis=(0, 1))[np.newaxis])
    project = Project.create(folder / "wheel.aisproj")
    tomogram = project.apply(AddTomogram(folder / "tomogram.mrc"))
    for name, colour in zip(("Membrane", "Ribosome", "Microtubule"), COLOURS, strict=True):
        feature = project.apply(AddFeature(name, colour=colour))
        strokes = [
            PaintStroke(tomogram.id, feature.id, z, rng.uniform(0, 1023, (8, 2)).tolist(), 20.0) for z in range(nz)
        ]
        project.apply(Together("Paint every slice", strokes))
    project.close()
    return folder / "wheel.aisproj"


def make_samples(path: Path) -> None:
    """A training set of boxes of 64 x 64 pixels with a disc in each."""
    from ais.trainset import SampleRecord, TrainingSet

    rng = np.random.default_rng(0)
    count, side = 100, 64
    grid, centre = np.arange(side), rng.uniform(16, 48, (count, 2, 1, 1))
    inside = (grid[:, None] - centre[:, 0]) ** 2 + (grid - centre[:, 1]) ** 2 <= 144
    images = rng.normal(0, 1, inside.shape) - 2 * inside
    records = [SampleRecord(f"{n:016x}", "other", "", "Membrane", 5, 32, 32, side, side, False) for n in range(count)]
    samples = images[:, None].astype("float32"), inside.astype("uint8")
    TrainingSet(*samples, records, ["Membrane"], 10.0, "Membrane").write(path)


def begin(context: Any, editor: Any, load: str, folder: Path) -> None:
    """Have the compute process do what is measured beside it, and wait until it does."""
    from acting import until

    modelling = editor.modelling
    if load == "live":
        modelling.models.add([folder / "membrane.aism"])
        until(context, lambda: modelling.live.maps, 120, "the first slice is segmented")
    elif load == "training":
        until(context, lambda: modelling.trainings._loaded, 20, "trainings are known")
        training = modelling.trainings.add("membrane", [folder / "samples.scnt"], SETTINGS)
        until(context, lambda: modelling.trainings.picture is not None or training.error, 120, "it trains")
        if training.error:
            raise RuntimeError(training.error)


def turn_the_wheel(context: Any, editor: Any, load: str, folder: Path) -> dict[str, dict[str, float]]:
    """Turn the wheel in the window, without and with filters, beside a load; gives what was measured."""
    from acting import frames, until
    from imgui_bundle import ImVec2, hello_imgui
    from imgui_bundle.imgui import test_engine

    from ais.gui.display import DisplayFilter

    until(context, lambda: editor.view("xy").position is not None and editor.state.contrast is not None, 60, "a slice")
    begin(context, editor, load, folder)
    view = editor.view("xy")
    context.mouse_teleport_to_pos(ImVec2(view.origin[0] + view.size[0] / 2, view.origin[1] + view.size[1] / 2))
    # Else a notch takes as long as a slow finger, and some frames show the slice of the frame before.
    settings = test_engine.get_io(hello_imgui.get_imgui_test_engine())
    settings.config_run_speed = test_engine.TestRunSpeed.fast
    settings.config_watchdog_warning = settings.config_watchdog_kill_test = 1e9
    measured = {}
    filters = ([], [DisplayFilter("gaussian", 2.0), DisplayFilter("unsharp", 4.0, 0.5)])
    for kind, editor.state.filters in zip(KINDS, filters, strict=True):
        editor.sight.go_to(z=0)
        frames(context, 30)
        times, seen, way = [time.perf_counter()], [view.position], -1
        for _ in range(FRAMES):
            if not 0 < editor.state.z < SHAPE[0] - 1:
                way = -1 if editor.state.z == 0 else 1
            context.mouse_wheel_y(way)
            times.append(time.perf_counter())
            seen.append(view.position)
        steps = np.diff(times)
        pictures = sum(one != other for one, other in itertools.pairwise(seen))
        measured[kind] = {
            "rate": pictures / (times[-1] - times[0]),
            "frames": FRAMES / (times[-1] - times[0]),
            "slowest": float(np.percentile(steps, 99)),
        }
    return measured


def child(project: Path, folder: Path, load: str) -> None:
    """Open the window and measure in it; in a process of its own, on a screen in memory."""
    sys.path.insert(0, str(TESTS))
    sys.path.insert(0, str(TESTS / "gui"))
    from acting import Context

    from ais.gui import app

    def story(engine: Any, editor: Any) -> None:
        context = Context(engine, folder, lambda: None)
        (folder / "measured.json").write_text(json.dumps(turn_the_wheel(context, editor, load, folder)))

    settings = folder / "settings"
    settings.mkdir(exist_ok=True)
    (settings / "settings.json").write_text(json.dumps({"window_size": list(WINDOW)}))
    app.run([project], settings_folder=settings, story=story)


def measured_in_window(project: Path, folder: Path, load: str) -> dict[str, dict[str, float]]:
    sys.path.insert(0, str(TESTS))
    from xvfb import virtual_screen

    with virtual_screen(WINDOW) as environment:
        words = [sys.executable, __file__, str(project), str(folder), load]
        subprocess.run(words, env=environment, check=True, timeout=300)
    found: dict[str, dict[str, float]] = json.loads((folder / "measured.json").read_text())
    return found


def composed_per_second(filters: bool) -> float:
    """Pictures per second that NumPy composes: limits of contrast, three masks blended, and SciPy's filters."""
    from scipy import ndimage

    rng = np.random.default_rng(0)
    picture = rng.normal(0, 400, SHAPE[1:]).astype("float32")
    masks = rng.random((3, *SHAPE[1:])) < 0.1
    seconds = []
    for _ in range(5):
        began = time.perf_counter()
        shown = picture
        if filters:
            shown = ndimage.gaussian_filter(shown, 2.0)
            shown = shown + 0.5 * (shown - ndimage.gaussian_filter(shown, 4.0))
        grey = np.clip((shown + 1200) / 2400, 0, 1)
        colours = np.repeat(grey[:, :, np.newaxis], 3, axis=2)
        for mask, colour in zip(masks, COLOURS, strict=True):
            colours[mask] = 0.5 * colours[mask] + 0.5 * np.array(colour, "float32")
        (colours * 255).astype("uint8")
        seconds.append(time.perf_counter() - began)
    return 1 / statistics.median(seconds)


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "project").mkdir()
        project = make_project(folder / "project")
        references = dict(zip(KINDS, (composed_per_second(False), composed_per_second(True)), strict=True))
        make_samples(folder / "samples.scnt")
        subprocess.run([sys.executable, "-c", MAKE_MODEL, str(folder / "membrane.aism")], check=True)
        for load, words in LOADS.items():
            busy = subprocess.Popen([sys.executable, "-c", BUSY]) if load == "busy" else None
            own = folder / f"work {load}"
            shutil.copytree(project.parent, own)  # models and trainings become part of a project
            try:
                measured = measured_in_window(own / project.name, folder, load)
            finally:
                if busy is not None:
                    busy.kill()
                    busy.wait()
            for kind in KINDS:
                found = measured[kind]
                report(Figure(f"T10 {kind}{words}", found["rate"], references[kind], "slices/s", more_is_better=True))
                report(Figure(f"T10 {kind}{words}: 99 % of frames", found["slowest"], None))


if __name__ == "__main__":
    if len(sys.argv) == 4:
        child(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
    else:
        os.environ.pop("DISPLAY", None)
        main()
