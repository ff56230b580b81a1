"""What is wrong is said in the window, and the window lives on."""

from __future__ import annotations

import itertools
import shutil
import warnings
from collections.abc import Sequence
from pathlib import Path

import mrcfile
import numpy as np
from acting import Context, drag, frames, in_window, pixels, press, screenshot, until, wheel
from plans import story
from stories_views import a_feature, settled, shown, spot

from ais.formats.registry import write_volume
from ais.gui.commands import command
from ais.gui.display import PLANES, DisplayFilter
from ais.gui.editor import Editor
from ais.gui.gl.binding import check_errors

FILTERS = ("gaussian", "difference", "box", "sobel", "unsharp", "median")
SHAPE = (12, 80, 90)


def odd_volumes(folder: Path) -> Sequence[Path]:
    """Make volumes that few would call tomograms, none with a voxel size; the last one is a good one."""
    rng = np.random.default_rng(0)
    nans = rng.normal(0, 1, SHAPE).astype(np.float32)
    nans[3:6, 20:40] = np.nan
    nans[0, 0, 0] = np.inf
    volumes = {
        "not a number": np.full(SHAPE, np.nan, np.float32),
        "partly not a number": nans,
        "all the same": np.full(SHAPE, 7.0, np.float32),
        "extreme": np.where(rng.random(SHAPE) < 0.5, 3e38, -3e38).astype(np.float32),
        "one voxel": np.ones((1, 1, 1), np.float32),
        "one slice": rng.normal(0, 1, (1, 40, 50)).astype(np.float32),
        "strip": rng.normal(0, 1, (2, 5000, 10)).astype(np.float32),
        "column": rng.integers(-9, 9, (900, 1, 2)).astype(np.int8),
        "good": rng.normal(0, 1, SHAPE).astype(np.float32),
    }
    paths = []
    for name, volume in volumes.items():
        paths.append(folder / f"{name} – ä 細.mrc")
        with warnings.catch_warnings(action="ignore"), mrcfile.new(paths[-1]) as file:
            file.set_data(volume)
    return paths


@story(paths=odd_volumes)
def odd_volumes_are_shown(ctx: Context, editor: Editor) -> None:
    until(ctx, lambda: editor.shown is not None and len(editor.snapshot.tomograms) == 9, 20, "all are added")
    feature = a_feature(ctx, editor)
    editor.state.ortho = True
    editor.state.filters = [DisplayFilter(kind) for kind in FILTERS]
    for entry in editor.snapshot.tomograms:
        editor.select_tomogram(entry.id)
        until(ctx, lambda entry=entry: editor.shown is not None and editor.shown.entry.id == entry.id, 10, entry.name)
        shown(ctx, editor, PLANES)
        until(ctx, lambda: editor.state.contrast is not None, 10, "its values are measured")
        ny, nx = entry.shape[1:]
        press(ctx, "ctrl+0")
        wheel(ctx, spot(editor, ny / 2, nx / 2), -2)
        wheel(ctx, spot(editor, ny / 2, nx / 2), 3, "shift")
        editor.sight.fit()
        shown(ctx, editor, PLANES)
        z = editor.state.z
        drag(ctx, [spot(editor, ny / 2, nx / 2), spot(editor, ny / 2 + 1, nx / 2)])
        settled(ctx, editor)
        assert editor.snapshot.annotated.get(feature) == (z,), entry.name
        in_window(ctx, check_errors)
        assert not editor.shell.unexpected
        screenshot(ctx, f"faults/{entry.name.split(' –')[0]}")
    problems = [notice.text for notice in editor.notices.said if notice.kind == "problem"]
    assert not problems, problems


def files_that_are_wrong(folder: Path) -> Sequence[Path]:
    (good,) = [path for path in odd_volumes(folder) if path.name.startswith("good")]
    (folder / "notes.mrc").write_text("These are notes.\n" * 200, encoding="utf-8")
    (folder / "empty.mrc").touch()
    (folder / "folder").mkdir()
    (folder / "cut off.mrc").write_bytes(good.read_bytes()[:5000])
    (folder / "spoilt.aisproj").write_bytes(b"no project" * 999)
    shutil.copy(good, folder / "taken away.mrc")
    # What another version, or a full disk, may have left of the window's own files.
    settings = folder / "settings"
    settings.mkdir(exist_ok=True)
    (settings / "settings.json").write_text('{"theme": 12', encoding="utf-8")
    (settings / "layout.ini").write_bytes(b"[Window][\xff\xfe\x00\x00nothing\n=\n;;;DIVIDER" * 50)
    return [good]


def telling(ctx: Context, editor: Editor, words: str) -> None:
    until(ctx, lambda: any(words in notice.text for notice in editor.notices.shown()), 10, f"{words} is said")


@story(paths=files_that_are_wrong)
def wrong_files_are_said(ctx: Context, editor: Editor) -> None:
    shown(ctx, editor)
    assert (ctx.folder / "settings" / "settings.json.bad").exists()
    wrong = [ctx.folder / name for name in ("notes.mrc", "empty.mrc", "folder", "cut off.mrc", "missing.mrc")]
    editor.open_paths(wrong)
    for path in wrong:
        telling(ctx, editor, path.name)
    editor.open_paths([ctx.folder / "spoilt.aisproj"])
    telling(ctx, editor, "spoilt.aisproj")
    frames(ctx, 3)
    screenshot(ctx, "faults/wrong-files")
    assert len(editor.snapshot.tomograms) == 1
    # One that is taken away while it is shown.
    path = ctx.folder / "taken away.mrc"
    editor.open_paths([path])
    until(ctx, lambda: editor.shown is not None and editor.shown.entry.path == path, 10, "it is open")
    shown(ctx, editor)
    path.unlink()
    keys = itertools.cycle(["right", "left"])
    until(ctx, lambda: press(ctx, next(keys)) or editor.shown.reader.problem, 10, "it is noticed")  # type: ignore[func-returns-value, union-attr]
    telling(ctx, editor, "taken away.mrc")
    in_window(ctx, lambda: command("tomogram.previous").run(editor))
    until(ctx, lambda: editor.shown is not None and editor.shown.entry.path != path, 10, "the good one is open")
    shown(ctx, editor)
    feature = a_feature(ctx, editor)
    drag(ctx, [spot(editor, 30, 30), spot(editor, 40, 50)])
    settled(ctx, editor)
    assert editor.snapshot.annotated.get(feature)
    assert not editor.shell.unexpected


def settings_that_are_a_file(folder: Path) -> Sequence[Path]:
    settings = folder / "settings"
    shutil.rmtree(settings)
    settings.write_text("not a folder", encoding="utf-8")
    path = folder / "tomogram.mrc"
    write_volume(path, np.random.default_rng(0).normal(0, 1, SHAPE).astype(np.float32), voxel_sizes=10.0)
    return [path]


@story(paths=settings_that_are_a_file)
def settings_cannot_be_kept(ctx: Context, editor: Editor) -> None:
    telling(ctx, editor, "settings are not kept")
    telling(ctx, editor, "unnamed projects")
    screenshot(ctx, "faults/no-settings")
    assert len(np.unique(pixels(ctx).reshape(-1, 3), axis=0)) > 16
    editor.new_project(ctx.folder / "named.aisproj", then=lambda: editor.open_paths([ctx.folder / "tomogram.mrc"]))
    shown(ctx, editor)
    assert not editor.shell.unexpected
    assert (ctx.folder / "settings").read_text(encoding="utf-8") == "not a folder"
