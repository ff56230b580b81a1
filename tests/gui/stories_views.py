"""Stories about the views: browsing, zoom, planes, what is drawn over them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from acting import Context, drag, frames, press, screenshot, until, wheel
from plans import story

from ais.annotation import AddFeature, AddPicks, PlaceBoxes
from ais.formats.registry import write_volume
from ais.gui.display import Contrast, Plane
from ais.gui.editor import Editor

SHAPE = (40, 200, 240)


def blobs(folder: Path) -> Sequence[Path]:
    """Make a tomogram of soft dark balls in noise, with a voxel size of 10 A."""
    rng = np.random.default_rng(1)
    nz, ny, nx = SHAPE
    volume = rng.normal(0, 1, SHAPE).astype(np.float32)
    z, y, x = np.ogrid[:nz, :ny, :nx]
    for centre in rng.uniform((5, 10, 10), (nz - 5, ny - 10, nx - 10), (40, 3)):
        distance = np.sqrt((z - centre[0]) ** 2 + (y - centre[1]) ** 2 + (x - centre[2]) ** 2)
        volume -= 4 / (1 + np.exp(distance - 7)).astype(np.float32)
    path = folder / "TS_001.mrc"
    write_volume(path, volume, voxel_sizes=10.0)
    return [path]


def shown(ctx: Context, editor: Editor, planes: Sequence[Plane] = ("xy",)) -> None:
    """Wait until the slices that are wanted are on the screen."""

    def there() -> bool:
        state = editor.state
        return editor.shown is not None and all(state.views[p].position == state.along(p) for p in planes)

    until(ctx, there, 10, "the slices are shown")
    frames(ctx, 2)


def settled(ctx: Context, editor: Editor) -> None:
    """Wait until edits are saved and masks are read."""

    def done() -> bool:
        document, masks = editor.document, editor.masks
        return document is not None and masks is not None and not document.busy and not masks.loading

    until(ctx, done, 10, "edits are saved")
    frames(ctx, 3)


def a_feature(ctx: Context, editor: Editor) -> int:
    """Add a feature and select it."""
    made: list[int] = []
    editor.submit(AddFeature("Ribosome", colour=(0.9, 0.2, 0.1)), lambda feature: made.append(feature.id))
    until(ctx, lambda: made and editor.snapshot.feature(made[0]), 10, "the feature is there")
    editor.select_feature(made[0])
    return made[0]


def spot(editor: Editor, row: float, column: float, plane: Plane = "xy") -> tuple[float, float]:
    """Return where a point of a plane's picture is on the screen, in whole pixels."""
    x, y = editor.view(plane).to_screen(row, column)
    return round(x), round(y)


@story(paths=blobs)
def browse_and_paint(ctx: Context, editor: Editor) -> None:
    shown(ctx, editor)
    feature = a_feature(ctx, editor)
    editor.use_contrast(Contrast(-5, 3))
    middle = spot(editor, 100, 120)
    z = editor.state.z
    wheel(ctx, middle, -3)
    assert editor.state.z == z + 3
    wheel(ctx, middle, 3)
    assert editor.state.z == z
    press(ctx, "right")
    assert editor.state.z == z + 1
    shown(ctx, editor)
    row, column = editor.view("xy").to_picture(*middle)
    wheel(ctx, middle, 2, "shift")
    after = editor.view("xy").to_picture(*middle)
    assert np.allclose(after, (row, column), atol=1e-6)
    drag(ctx, [spot(editor, 100, 100), spot(editor, 120, 140)])
    settled(ctx, editor)
    assert editor.snapshot.annotated[feature] == (z + 1,)
    screenshot(ctx, "views/painted")


@story(paths=blobs)
def three_planes(ctx: Context, editor: Editor) -> None:
    shown(ctx, editor)
    feature = a_feature(ctx, editor)
    press(ctx, "o")
    shown(ctx, editor, ("xy", "xz", "yz"))
    drag(ctx, [spot(editor, 60, 60), spot(editor, 120, 140)])
    editor.submit(PlaceBoxes(editor.state.tomogram or 0, feature, [(20, 150, 60), (20, 60, 180)]))
    editor.submit(PlaceBoxes(editor.state.tomogram or 0, feature, [(20, 160, 160), (25, 150, 100)], negative=True))
    editor.submit(AddPicks(editor.state.tomogram or 0, feature, [(20, 100, 30), (16, 80, 200)]))
    editor.state.measured = (20.0, 100.0), (40.0, 200.0)
    settled(ctx, editor)
    screenshot(ctx, "views/three-planes")
