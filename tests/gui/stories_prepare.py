"""Stories about preparation: filtered copies of tomograms, and annotations cut by masks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from acting import Context, frames, press, screenshot, until
from plans import story
from scipy import ndimage
from stories_views import settled

from ais.annotation import IGNORE, AddFeature, AddModel, AddTomogram, SetSliceMask
from ais.classic import classic_info
from ais.filters import filter_volume
from ais.formats.registry import write_volume
from ais.gui.commands import command
from ais.gui.editor import Editor
from ais.gui.preparing import Of
from ais.gui.settings import Settings, SettingsFile
from ais.models import save_classic_model
from ais.project import Project
from ais.tomogram import Tomogram

SHAPE = (24, 90, 120)
PAGE = "//###prepare"
NAMES = ("TS_01", "TS_02", "TS_03")


def three(folder: Path) -> Sequence[Path]:
    """Make a project with three tomograms and a model that remembers a filter, in a small window with large letters."""
    SettingsFile(folder / "settings").save(Settings(window_size=(1280, 720), font_scale=1.5))
    with Project.create(folder / "work.aisproj") as project:
        for number, name in enumerate(NAMES):
            noise = np.random.default_rng(number).normal(size=SHAPE) + 3 * number
            noise[:, 20:50, 30:70] += 1.5
            values = ndimage.gaussian_filter(noise, 0.5 + number).astype(np.float32)
            write_volume(folder / f"{name}.mrc", values, voxel_sizes=10.0)
            project.apply(AddTomogram(folder / f"{name}.mrc"))
        info = replace(classic_info("classic-spot", "ribosome", {}), preprocessing="Filtered: median of 5 voxels, 3D")
        save_classic_model(folder / "spots.aism", info)
        project.apply(AddModel(folder / "spots.aism", name="spots"))
        for name in ("membrane", "cell"):
            project.apply(AddFeature(name))
        first = project.tomograms()[0].id
        membrane, cell = (feature.id for feature in project.features())
        for z in (4, 5, 9):
            project.apply(SetSliceMask(first, membrane, z, band()))
        for z in (4, 5):
            project.apply(SetSliceMask(first, cell, z, half()))
    write_volume(folder / "mask.mrc", np.repeat(half()[None] * np.float32(2), SHAPE[0], 0), voxel_sizes=10.0)
    return [folder / "work.aisproj"]


def band() -> np.ndarray:
    mask = np.zeros(SHAPE[1:], np.uint8)
    mask[40:60] = 1
    return mask


def half() -> np.ndarray:
    mask = np.zeros(SHAPE[1:], np.uint8)
    mask[:, :50] = 1
    return mask


def ready(ctx: Context, editor: Editor) -> None:
    until(ctx, lambda: editor.shown is not None and editor.shown.statistics is not None, 20, "the tomogram is shown")


def open_page(ctx: Context, name: str) -> None:
    ctx.mouse_move(f"//Tomograms/**/###{name}")
    ctx.mouse_click(1)
    frames(ctx, 2)
    ctx.item_click("//$FOCUSED/Prepare a filtered copy...")
    frames(ctx, 3)


def open_list(ctx: Context, name: str) -> None:
    """Open a list of the form."""
    ctx.item_click(f"{PAGE}/parts/##{name}")
    frames(ctx, 2)


def seen(ctx: Context, editor: Editor, kind: str) -> None:
    """Wait until the part is shown with a filter."""
    preview = editor.preparing.preview
    until(
        ctx,
        lambda: not preview.busy and preview.pictures is not None and preview.pictures.wish.kind == kind,
        20,
        f"the part is shown with {kind}",
    )
    frames(ctx, 3)


def volume(path: Path) -> np.ndarray:
    with Tomogram.open(path) as tomogram:
        return tomogram.slab(0, tomogram.shape[0])


@story(paths=three)
def filtered_copies_are_seen_before_they_are_made(ctx: Context, editor: Editor) -> None:
    ready(ctx, editor)
    editor.sight.go_to(z=7)
    frames(ctx, 3)
    open_page(ctx, "TS_01")
    wish, preview = editor.preparing.wish, editor.preparing.preview
    assert wish.sigma == 20.0  # two voxels
    seen(ctx, editor, "gaussian")
    assert preview.pictures is not None
    assert preview.pictures.wish.z == 7
    assert preview.pictures.before.shape == SHAPE[1:]
    screenshot(ctx, "prepare/gaussian")
    # What a model remembers is taken.
    open_list(ctx, "As for")
    ctx.item_click("//$FOCUSED/###model 0")
    seen(ctx, editor, "median")
    assert (wish.window, wish.dimensions) == (5, 3)
    expected = ndimage.median_filter(volume(ctx.folder / "TS_01.mrc"), 5)[7]
    shown = preview.pictures.after.astype(float)
    assert np.corrcoef(shown.ravel(), expected.ravel())[0, 1] > 0.98  # but for what the contrast clips
    # One copy, shown at once.
    editor.dialogs.answers.append([ctx.folder / "smooth.mrc"])
    ctx.item_click("//**/Choose file...")
    until(ctx, lambda: editor.shown is not None and editor.shown.entry.name == "smooth", 20, "it is written and shown")
    assert np.allclose(volume(ctx.folder / "smooth.mrc")[7], expected, atol=1e-6)
    assert editor.preparing.page is None
    # Several, matched to one of the project.
    open_page(ctx, "TS_01")
    seen(ctx, editor, "median")
    open_list(ctx, "Filter")
    ctx.item_click("//$FOCUSED/###match")
    frames(ctx, 3)
    assert editor.preparing.problem() == "Choose the tomogram whose amplitudes it gets."
    open_list(ctx, "Like")
    ctx.item_click("//$FOCUSED/###like 3")
    seen(ctx, editor, "match")
    ctx.item_click("//**/Chosen")
    frames(ctx, 3)
    ctx.item_click("//**/###Take TS_02")
    ctx.item_click("//**/###Take TS_03")  # never matched to itself
    frames(ctx, 3)
    screenshot(ctx, "prepare/match")
    assert wish.of is Of.CHOSEN
    (ctx.folder / "made").mkdir()
    (ctx.folder / "made" / "TS_02_matched.mrc").write_bytes(b"old")
    editor.dialogs.answers.append([ctx.folder / "made"])
    ctx.item_click("//**/Choose folder...")
    until(ctx, lambda: editor.dialogs.confirmations, 10, "it is asked before a file is replaced")
    frames(ctx, 3)
    assert (ctx.folder / "made" / "TS_02_matched.mrc").read_bytes() == b"old"
    ctx.item_click("//**/Replace")
    until(ctx, lambda: len(editor.snapshot.tomograms) == 6, 20, "both copies are in the project")
    for name in NAMES[:2]:
        filter_volume(ctx.folder / f"{name}.mrc", ctx.folder / "again.mrc", "match", ctx.folder / "TS_03.mrc")
        made = volume(ctx.folder / "made" / f"{name}_matched.mrc")
        assert np.array_equal(made, volume(ctx.folder / "again.mrc"))
    # A tomogram of the project is never replaced.
    settled(ctx, editor)
    before = (ctx.folder / "TS_02.mrc").read_bytes()
    open_page(ctx, "TS_01")
    editor.dialogs.answers.append([ctx.folder / "TS_02.mrc"])
    seen(ctx, editor, "match")
    open_list(ctx, "Filter")
    ctx.item_click("//$FOCUSED/###invert")
    seen(ctx, editor, "invert")
    ctx.item_click("//**/Choose file...")
    until(ctx, lambda: any("TS_02" in one.text for one in editor.notices.said), 10, "it is refused")
    assert (ctx.folder / "TS_02.mrc").read_bytes() == before
    press(ctx, "esc")


@story(paths=three)
def annotation_is_cut(ctx: Context, editor: Editor) -> None:
    ready(ctx, editor)
    membrane, cell = editor.snapshot.features
    editor.select_feature(membrane.id)
    editor.sight.go_to(z=4)
    frames(ctx, 3)

    def masks() -> dict[int, np.ndarray]:
        assert editor.document is not None
        assert editor.state.tomogram is not None
        project, tomogram = editor.document.project, editor.state.tomogram
        return {z: project.mask(tomogram, membrane.id, z) for z in (4, 5, 9)}

    command("slice.cut_by_feature").run(editor)
    frames(ctx, 3)
    ctx.item_click("//**/All annotated slices")
    screenshot(ctx, "prepare/cut")
    ctx.item_click("//**/Apply")
    settled(ctx, editor)
    until(ctx, lambda: not np.array_equal(masks()[4], band()), 10, "it is cut")
    inside = band() & half()
    assert [np.array_equal(mask, inside) for mask in masks().values()] == [True, True, False]
    assert np.array_equal(masks()[9], band())
    assert "1 slice without cell stays as it is" in editor.notices.said[-1].text
    press(ctx, "ctrl+z")
    settled(ctx, editor)
    assert all(np.array_equal(mask, band()) for mask in masks().values())
    editor.sight.go_to(z=4)
    editor.dialogs.answers.append([ctx.folder / "mask.mrc"])
    command("slice.cut_by_mask").run(editor)
    frames(ctx, 3)
    ctx.item_click("//**/What is outside")
    ctx.item_click("//**/This slice")
    ctx.item_click("//**/Apply")
    until(ctx, lambda: not np.array_equal(masks()[4], band()), 10, "it is cut")
    assert np.array_equal(masks()[4], band() & (1 - half()))
    assert np.array_equal(masks()[5], band())
    assert editor.state.feature != IGNORE
    assert cell.id in editor.snapshot.annotated
