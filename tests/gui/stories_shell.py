"""Stories about what is around the views: menus, palette, keys, settings, the first page, files, messages."""

from __future__ import annotations

import ctypes
import json
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import glfw
import numpy as np
from acting import Context, click, frames, in_window, middle, pixels, press, screenshot, until
from imgui_bundle import ImVec2, icons_fontawesome_6, imgui
from imgui_bundle.glfw_utils import glfw_window_hello_imgui
from numpy.typing import NDArray
from plans import story

from ais.annotation import AddFeature, AddTomogram, PaintStroke
from ais.formats.registry import write_volume
from ais.gui import theme, untitled
from ais.gui.editor import Editor
from ais.project import Project


def volume(path: Path) -> Path:
    """Write a small tomogram."""
    values = np.random.default_rng(1).normal(size=(8, 64, 96)).astype(np.float32)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_volume(path, values, voxel_sizes=10.0)
    return path


def settings(folder: Path, **values: Any) -> None:
    """Write what the program remembers of its user."""
    (folder / "settings").mkdir(exist_ok=True)
    (folder / "settings" / "settings.json").write_text(json.dumps(values), encoding="utf-8")


def a_tomogram(folder: Path) -> Sequence[Path]:
    return [volume(folder / "tomogram.mrc")]


def said(editor: Editor) -> str:
    """Return everything the program has told, for looking into."""
    return "\n".join(notice.text for notice in editor.notices.said)


def shown(ctx: Context, editor: Editor) -> None:
    """Wait until the tomogram is on the screen."""
    until(ctx, lambda: editor.shown is not None, 10, "the tomogram is shown")
    frames(ctx, 5)


def exists(ctx: Context, reference: str) -> bool:
    """Return whether there is such an item, without failing."""
    return bool(ctx.item_info(reference, imgui.test_engine.TestOpFlags_.no_error).id_)


def open_menu(ctx: Context, name: str) -> None:
    """Open a menu and go straight down into it: a pointer that passes over the next one would open that."""
    x, y = middle(ctx, f"**/{name}")
    click(ctx, (x, y))
    frames(ctx, 3)
    ctx.mouse_move_to_pos(ImVec2(x, y + 40))
    frames(ctx, 2)


@story(paths=a_tomogram)
def the_menu_bar_runs_commands(ctx: Context, editor: Editor) -> None:
    shown(ctx, editor)
    open_menu(ctx, "View")
    screenshot(ctx, "shell/menu")
    assert not editor.state.ortho
    ctx.item_click("**/Show XZ and YZ views")
    frames(ctx, 2)
    assert editor.state.ortho
    open_menu(ctx, "View")
    ctx.item_click("**/Show XZ and YZ views")
    frames(ctx, 2)
    assert not editor.state.ortho
    # Nothing to redo: the item is there, and does nothing.
    click(ctx, middle(ctx, "**/Edit"))
    frames(ctx, 3)
    assert int(ctx.item_info("**/Redo").item_flags) & int(imgui.ItemFlags_.disabled)
    press(ctx, "esc")
    frames(ctx, 3)
    assert not imgui.is_popup_open("", imgui.PopupFlags_.any_popup)
    assert exists(ctx, "**/File")


@story(paths=a_tomogram)
def the_palette_finds_and_runs(ctx: Context, editor: Editor) -> None:
    shown(ctx, editor)
    before = editor.state.z
    press(ctx, "ctrl+shift+p")
    assert editor.shell.palette
    ctx.key_chars("nxt slc")
    frames(ctx, 2)
    screenshot(ctx, "shell/palette")
    press(ctx, "return")
    assert not editor.shell.palette
    assert editor.state.z == before + 1
    # What was used last is the first; arrows go to the others; Escape does nothing.
    press(ctx, "ctrl+shift+p")
    press(ctx, "return")
    assert editor.state.z == before + 2
    press(ctx, "ctrl+shift+p")
    ctx.key_chars("slice")
    press(ctx, "down")
    press(ctx, "up")
    press(ctx, "up")
    press(ctx, "esc")
    assert not editor.shell.palette
    assert editor.state.z == before + 2
    # Keys do not reach the views while it is open, and what cannot be done now is not run.
    press(ctx, "ctrl+shift+p")
    press(ctx, "home")
    assert editor.state.z == before + 2
    ctx.key_chars("redo")
    press(ctx, "return")
    assert editor.shell.palette
    click(ctx, (20, 500))
    assert not editor.shell.palette


def the_key_is_kept(ctx: Context, editor: Editor) -> None:
    shown(ctx, editor)
    assert editor.settings.shortcuts == {"view.ortho": "K", "view.slice_on": ""}
    press(ctx, "k")
    assert editor.state.ortho
    before = editor.state.z
    press(ctx, "right")
    assert editor.state.z == before
    press(ctx, "f1")
    ctx.item_click("**/Reset all")
    press(ctx, "esc")
    press(ctx, "esc")
    press(ctx, "right")
    assert editor.state.z == before + 1


@story(paths=a_tomogram, then=[the_key_is_kept])
def a_key_is_changed(ctx: Context, editor: Editor) -> None:
    shown(ctx, editor)
    press(ctx, "f1")
    press(ctx, "esc")
    assert not editor.shell.shortcuts, "the empty field, which has the keyboard, does not keep the key"
    press(ctx, "f1")
    ctx.item_click("**/##Search keys")
    ctx.key_chars("xz and yz")
    frames(ctx, 2)
    ctx.item_click("**/###Keys of Show XZ and YZ views")
    screenshot(ctx, "shell/press-keys")
    press(ctx, "right")
    assert "view.ortho" not in editor.settings.shortcuts, "another command has that key"
    frames(ctx, 2)
    screenshot(ctx, "shell/keys-conflict")
    ctx.item_click("**/Press other keys")
    press(ctx, "k")
    assert editor.settings.shortcuts == {"view.ortho": "K"}
    # Once more, and this time the key is taken from the other one.
    ctx.item_click("**/###Keys of Show XZ and YZ views")
    press(ctx, "right")
    ctx.item_click("**/Use it here instead")
    assert editor.settings.shortcuts == {"view.ortho": "right", "view.slice_on": ""}
    ctx.item_click("**/###Keys of Show XZ and YZ views")
    press(ctx, "k")
    # Escape gives up, and does not close the page.
    ctx.item_click("**/###Keys of Show XZ and YZ views")
    press(ctx, "esc")
    assert editor.shell.shortcuts
    ctx.item_click("**/Mouse")
    frames(ctx, 2)
    screenshot(ctx, "shell/mouse")
    press(ctx, "esc")
    assert not editor.shell.shortcuts
    press(ctx, "k")
    assert editor.state.ortho
    until(ctx, lambda: not editor.background.busy, 5, "the settings are saved")
    kept = json.loads((ctx.folder / "settings" / "settings.json").read_text(encoding="utf-8"))
    assert kept["shortcuts"]["view.ortho"] == "K"


def small_and_large(folder: Path) -> Sequence[Path]:
    settings(folder, window_size=[1280, 720])
    return [volume(folder / "tomogram.mrc")]


@story(paths=small_and_large)
def themes_and_letters(ctx: Context, editor: Editor) -> None:
    shown(ctx, editor)
    assert pixels(ctx).shape == (720, 1280, 3)
    press(ctx, "ctrl+,")
    for name in ("Light", "High contrast", "Dark"):
        ctx.item_click(f"**/{name}")
        frames(ctx, 3)
        assert editor.settings.theme == name.casefold()
    small = ctx.item_info("**/Angstrom").rect_full
    ctx.item_input_value("**/##Size of letters", 150)
    frames(ctx, 5)
    assert editor.settings.font_scale == 1.5
    large = ctx.item_info("**/Angstrom").rect_full
    assert 1.35 < (large.max.x - large.min.x) / (small.max.x - small.min.x) < 1.65
    ctx.item_click("**/Angstrom")
    assert editor.settings.units == "A"
    ctx.item_click("**/Close")
    assert not editor.shell.settings
    for name, wanted in theme.THEMES.items():
        editor.settings.theme = name
        frames(ctx, 5)
        picture = pixels(ctx)
        screenshot(ctx, f"shell/theme-{name.replace(' ', '-')}-150")
        # Between two menus there is nothing but the panel's colour.
        left, right = ctx.item_info("**/View").rect_full, ctx.item_info("**/Help").rect_full
        there = picture[round(left.min.y) + 2, round(right.max.x) + 20]
        assert np.abs(there / 255 - np.array(wanted.panel)).max() < 0.01, name
    for page in ("settings", "shortcuts", "about", "messages"):
        setattr(editor.shell, page, True)
        frames(ctx, 4)
        screenshot(ctx, f"shell/{page}-150")
        setattr(editor.shell, page, False)
        frames(ctx, 2)


def earlier_work(folder: Path) -> Sequence[Path]:
    named = folder / "Chloroplasts é.aisproj"
    with Project.create(named) as project:
        project.apply(AddTomogram(volume(folder / "tomogram.mrc")))
    with untitled.create_untitled(folder / "settings") as project:
        project.apply(AddTomogram(folder / "tomogram.mrc"))
        project.apply(AddFeature("membrane"))
    with untitled.create_untitled(folder / "settings") as project:
        project.apply(AddFeature("to be removed"))
    settings(folder, recent_projects=[str(named), str(folder / "gone.aisproj")])
    return []


@story(paths=earlier_work)
def the_first_page(ctx: Context, editor: Editor) -> None:
    until(ctx, lambda: exists(ctx, "**/###Open gone.aisproj"), 5, "recent projects are listed")
    frames(ctx, 3)
    screenshot(ctx, "shell/first-page")
    gone = ctx.item_info("**/###Open gone.aisproj")
    assert int(gone.item_flags) & int(imgui.ItemFlags_.disabled)
    unnamed = untitled.untitled_projects(ctx.folder / "settings")
    assert len(unnamed) == 2
    # One of the unnamed ones is removed, after a question.
    remove = next(path for path in unnamed if _features(path) == ["to be removed"])
    ctx.item_click(_bin(remove))
    frames(ctx, 3)
    screenshot(ctx, "shell/confirm")
    ctx.item_click("**/Cancel")
    assert remove.exists()
    ctx.item_click(_bin(remove))
    ctx.item_click("//Are you sure?###confirmation/Remove")
    until(ctx, lambda: not remove.exists(), 5, "it is removed")
    # The other is opened, and the named one in its place.
    other = next(path for path in unnamed if path != remove)
    ctx.item_click(f"**/###Open {other.name}")
    shown(ctx, editor)
    assert [feature.name for feature in editor.snapshot.features] == ["membrane"]
    press(ctx, "ctrl+w")
    until(ctx, lambda: editor.document is None, 5, "the project is closed")
    until(ctx, lambda: exists(ctx, "**/###Open Chloroplasts é.aisproj"), 5, "the first page is back")
    ctx.item_click("**/###Open Chloroplasts é.aisproj")
    shown(ctx, editor)
    assert editor.project_name == "Chloroplasts é"
    assert glfw.get_window_title(glfw_window_hello_imgui()).startswith("Ais")


def _bin(path: Path) -> str:
    return f"**/{icons_fontawesome_6.ICON_FA_TRASH_CAN}##Remove {path.name}"


def _features(path: Path) -> list[str]:
    with Project.open(path, read_only=True) as project:
        return [feature.name for feature in project.features()]


@story(seconds=60)
def the_demo(ctx: Context, editor: Editor) -> None:
    ctx.item_click("**/Try the demo")
    until(ctx, lambda: editor.document is not None, 40, "the demo's tomogram is made")
    shown(ctx, editor)
    assert [feature.name for feature in editor.snapshot.features] == ["Microtubule", "Ribosome", "Membrane"]
    assert editor.project_name == "Untitled project"
    screenshot(ctx, "shell/demo")


def odd_files(folder: Path) -> Sequence[Path]:
    volume(folder / "a folder" / "inside.mrc")
    volume(folder / "good é.mrc")
    (folder / "empty.mrc").touch()
    (folder / "text.mrc").write_text("this is a letter to my aunt", encoding="utf-8")
    (folder / "letter.txt").write_text("and another", encoding="utf-8")
    (folder / "nothing").mkdir()
    (folder / "broken.aisproj").write_bytes(b"no project")
    return []


@story(paths=odd_files)
def files_are_dropped(ctx: Context, editor: Editor) -> None:
    handle = glfw_window_hello_imgui()
    drop: Any = in_window(ctx, lambda: glfw.set_drop_callback(handle, None))
    assert drop is not None

    def dropped(*names: str) -> None:
        paths = [str(ctx.folder / name).encode() for name in names]
        in_window(ctx, lambda: drop(handle, len(paths), (ctypes.c_char_p * len(paths))(*paths)))

    dropped("good é.mrc", "empty.mrc", "text.mrc", "letter.txt", "not there.mrc")
    until(ctx, lambda: said(editor).count("\n") >= 3, 10, "each wrong file is named")
    shown(ctx, editor)
    screenshot(ctx, "shell/wrong-files")
    assert [entry.name for entry in editor.snapshot.tomograms] == ["good é"]
    for name in ("empty.mrc", "text.mrc", "letter.txt", "not there.mrc"):
        assert name in said(editor), name
    dropped("a folder")
    until(ctx, lambda: len(editor.snapshot.tomograms) == 2, 10, "what is in the folder is opened")
    dropped("nothing")
    until(ctx, lambda: "no tomogram in nothing" in said(editor), 5, "an empty folder is said")
    dropped("broken.aisproj")
    until(ctx, lambda: "broken.aisproj" in said(editor), 5, "a broken project is said")
    assert len(editor.snapshot.tomograms) == 2
    # All of it can be read again, and the cards go when they are dismissed.
    menu_help = middle(ctx, "**/Help")
    click(ctx, menu_help)
    ctx.item_click("**/Show all messages...")
    frames(ctx, 2)
    screenshot(ctx, "shell/messages")
    ctx.item_click("**/Close")
    count = len(editor.notices.shown())
    assert count
    ctx.item_click("**/###Dismiss")
    frames(ctx, 2)
    assert len(editor.notices.shown()) == count - 1


def a_folder_of_tomograms(folder: Path) -> Sequence[Path]:
    for number in (1, 2, 10):
        volume(folder / "data" / f"TS_{number}.mrc")
    (folder / "data" / "notes.txt").write_text("notes", encoding="utf-8")
    (folder / "data" / ".hidden.mrc").write_text("", encoding="utf-8")
    (folder / "data" / "deeper").mkdir()
    settings(folder, last_folder=str(folder / "data"))
    return []


@story(paths=a_folder_of_tomograms)
def files_are_chosen_in_our_own_list(ctx: Context, editor: Editor) -> None:
    press(ctx, "ctrl+o")
    browser = editor.dialogs.browser
    assert browser is not None
    until(ctx, lambda: browser.shown, 5, "the folder is read")
    frames(ctx, 3)
    screenshot(ctx, "shell/open")
    assert [entry.name for entry in browser.shown] == ["deeper", "TS_1.mrc", "TS_2.mrc", "TS_10.mrc"]
    # With keys: a part of the name, then the arrows, shift takes the ones between.
    ctx.key_chars("ts_")
    frames(ctx, 2)
    assert len(browser.shown) == 3
    press(ctx, "down")
    press(ctx, "shift+down")
    assert browser.chosen == {"TS_2.mrc", "TS_10.mrc"}
    press(ctx, "return")
    shown(ctx, editor)
    until(ctx, lambda: len(editor.snapshot.tomograms) == 2, 5, "both are opened")
    # With a path that is typed or pasted, and with a double click.
    press(ctx, "ctrl+o")
    ctx.item_input_value("**/##Path", str(ctx.folder / "nowhere"))
    frames(ctx, 3)
    assert editor.dialogs.browser is not None
    assert "does not exist" in editor.dialogs.browser.problem
    screenshot(ctx, "shell/open-problem")
    ctx.item_input_value("**/##Path", str(ctx.folder / "data" / "TS_1.mrc"))
    until(ctx, lambda: len(editor.snapshot.tomograms) == 3, 5, "the typed one is opened")
    press(ctx, "ctrl+o")
    until(ctx, lambda: editor.dialogs.browser is not None and editor.dialogs.browser.shown, 5, "the folder is read")
    settings = imgui.get_io()  # a busy machine is slow with its frames
    settings.mouse_single_click_delay, settings.mouse_double_click_time = 6.0, 5.0
    ctx.item_double_click("**/##deeper")
    until(ctx, lambda: editor.dialogs.browser.folder.name == "deeper", 5, "the folder is entered")  # type: ignore[union-attr]
    press(ctx, "esc")
    assert editor.dialogs.browser is None


@story(paths=a_tomogram)
def a_project_gets_a_name(ctx: Context, editor: Editor) -> None:
    shown(ctx, editor)
    assert editor.document is not None
    first = editor.document.project.path
    editor.submit(AddFeature("membrane"))
    until(ctx, lambda: editor.snapshot.features, 5, "the feature is there")
    editor.submit(PaintStroke(1, 1, 3, ((20.0, 20.0), (30.0, 40.0)), 5.0))
    press(ctx, "ctrl+s")
    until(ctx, lambda: "saved already" in said(editor), 5, "it says that all is saved")
    # A copy, which does not replace a file without asking.
    target = ctx.folder / "copy.aisproj"
    target.write_bytes(b"something of somebody")
    press(ctx, "ctrl+shift+s")
    ctx.item_input_value("**/##Path", str(ctx.folder))
    ctx.item_input_value("**/##Name", "copy")
    frames(ctx, 3)
    screenshot(ctx, "shell/replace")
    ctx.item_click("//Are you sure?###confirmation/Cancel")
    frames(ctx, 2)
    ctx.item_click("//Save a copy of the project###files/Save")
    frames(ctx, 2)
    assert target.read_bytes() == b"something of somebody"
    ctx.item_click("//Are you sure?###confirmation/Replace")
    until(ctx, lambda: "A copy was saved" in said(editor), 5, "the copy is written")
    assert editor.document.project.path == first
    # The name: the project moves, with its history, and the unnamed file goes.
    named = ctx.folder / "Chloroplasts é.aisproj"
    editor.dialogs.answers.append([named])
    click(ctx, middle(ctx, "**/File"))
    ctx.item_click("**/Name this project...")
    # An edit that comes while the file is being copied is in the named project too.
    editor.submit(AddFeature("late"))
    until(ctx, lambda: editor.project_name == "Chloroplasts é", 10, "the project has its name")
    until(ctx, lambda: not first.exists(), 5, "the unnamed file is removed")
    shown(ctx, editor)
    assert [feature.name for feature in editor.snapshot.features] == ["membrane", "late"]
    assert editor.snapshot.annotated[1] == (3,)
    assert len(editor.snapshot.history) == 4
    assert editor.settings.recent_projects[0] == str(named)
    press(ctx, "ctrl+z")
    until(ctx, lambda: len(editor.snapshot.features) == 1, 5, "it can still be undone")
    assert sorted(path.name for path in first.parent.iterdir()) == []


def a_work_in_steps(editor: Editor, title: str, seconds: float) -> None:
    def run(work: Any) -> None:
        for step in range(100):
            work.report(step, 100, f"step {step}")
            time.sleep(seconds / 100)

    editor.background.run(run, title=title)


@story(paths=a_tomogram)
def jobs_are_shown_and_cancelled(ctx: Context, editor: Editor) -> None:
    shown(ctx, editor)
    press(ctx, "ctrl+shift+p")
    ctx.key_chars("show jobs")
    press(ctx, "return")
    assert editor.shell.jobs
    names = ("A long export", "A short one")  # on a busy machine opening the project is on the list as well
    a_work_in_steps(editor, names[0], 30)
    a_work_in_steps(editor, names[1], 0.6)

    def ended() -> list[str]:
        return sorted(work.outcome for work in editor.background.ended if work.title in names)

    until(ctx, lambda: ended() == ["done"], 10, "the short one has ended")
    frames(ctx, 3)
    screenshot(ctx, "shell/jobs")
    ctx.item_click("//Jobs/**/Cancel")
    until(ctx, lambda: ended() == ["cancelled", "done"], 5, "the long one is cancelled")
    ctx.item_click("//Jobs/**/Clear finished")
    assert not editor.background.ended
    # The compute process: a failure says why and can be tried again, a log can be read, a running job be cancelled.
    wrong = editor.compute("engine_tasks:wrong_file", {}, "Reading a damaged file")
    until(ctx, lambda: wrong.finished, 20, "it has failed")
    until(ctx, lambda: "a.mrc is damaged" in said(editor), 5, "it is said why")
    results: list[object] = []
    editor.compute("engine_tasks:echo", {"value": 7}, "Saying 7", results.append)
    until(ctx, lambda: results == [7], 10, "the result comes back")
    talks = editor.compute("engine_tasks:talks", {}, "Talking")
    until(ctx, lambda: talks.finished, 10, "it has ended")
    slow = editor.compute("engine_tasks:count", {"steps": 1000, "seconds": 0.05}, "Counting for long")
    until(ctx, lambda: slow.seconds_left, 10, "the time left is known")
    ctx.item_click("//Jobs/**/Log")
    frames(ctx, 3)
    screenshot(ctx, "shell/jobs-of-the-engine")
    ctx.item_click("//Jobs/**/Cancel")
    until(ctx, lambda: slow.finished, 10, "it is cancelled")
    assert slow.state.value == "cancelled"
    assert editor.engine_in_use is not None
    count = len(editor.engine_in_use.jobs)
    ctx.item_click("//Jobs/**/Run again")
    assert len(editor.engine_in_use.jobs) == count + 1
    editor.engine_in_use.cancel(editor.engine_in_use.jobs[0])
    until(ctx, lambda: editor.engine_in_use.jobs[0].finished, 10, "it is cancelled again")
    ctx.item_click("//Jobs/**/Clear finished")
    frames(ctx, 3)
    assert not exists(ctx, "//Jobs/**/Run again")


@story(paths=a_tomogram)
def the_mouse_goes_through_messages(ctx: Context, editor: Editor) -> None:
    shown(ctx, editor)
    editor.notices.problem("Something could not be read.")
    frames(ctx, 4)
    width, height = imgui.get_io().display_size.x, imgui.get_io().display_size.y
    over_the_card = (width - 200, height - 120)
    ctx.mouse_teleport_to_pos(over_the_card)
    frames(ctx, 3)
    assert editor.view("xy").hovered is not None, "the view has the pointer, not the card"
    ctx.item_click("**/Show all messages")
    frames(ctx, 2)
    assert editor.shell.messages
    press(ctx, "esc")
    assert not editor.shell.messages
    # An item that was on the screen for its time goes away by itself; a page on top of it is not covered.
    assert editor.notices.seconds_to_change() is not None


@story(paths=a_tomogram)
def a_volume_called_after_the_tomogram_is_dropped(ctx: Context, editor: Editor) -> None:
    shown(ctx, editor)
    editor.open_paths([volume(ctx.folder / "elsewhere" / "tomogram__membrane.mrc")])
    until(ctx, lambda: editor.shell.sheets, 10, "it is asked what it is")
    frames(ctx, 3)
    screenshot(ctx, "shell/a-segmentation-is-dropped")
    ctx.item_click("**/Add")
    until(ctx, lambda: len(editor.rendering.volumes.listed) == 1, 10, "it is in the list of volumes")
    frames(ctx, 10)
    screenshot(ctx, "shell/a-segmentation-was-dropped")
    assert len(editor.snapshot.tomograms) == 1


@story(paths=a_tomogram)
def the_scale_bar_stays_in_sight_below_messages(ctx: Context, editor: Editor) -> None:
    def bar() -> NDArray[np.uint8]:
        frames(ctx, 3)
        view = editor.view("xy")
        right, bottom = (round(start + length) for start, length in zip(view.origin, view.size, strict=True))
        return pixels(ctx)[bottom - 40 : bottom - 8, right - 130 : right - 8]

    shown(ctx, editor)
    before = bar()
    assert (before > 240).sum() > 100, "there is a scale bar"
    editor.notices.say("A copy was written.")
    editor.notices.problem("Something could not be read: " + "this takes several lines to say. " * 6)
    frames(ctx, 3)
    screenshot(ctx, "shell/messages-above-the-scale-bar")
    np.testing.assert_array_equal(bar(), before)


def full_screen_and_back(ctx: Context, editor: Editor) -> None:
    size = pixels(ctx).shape
    press(ctx, "f11")
    until(ctx, lambda: pixels(ctx).shape[:2] == (1000, 1600), 5, "the window fills the screen")
    press(ctx, "f11")
    until(ctx, lambda: pixels(ctx).shape == size, 5, "the window is as before")


@story(then=[full_screen_and_back])
def nothing_is_left_of_an_empty_project(ctx: Context, editor: Editor) -> None:
    press(ctx, "ctrl+n")
    until(ctx, lambda: editor.document is not None, 5, "a project is open")
    assert editor.document is not None
    path = editor.document.project.path
    frames(ctx, 3)
    screenshot(ctx, "shell/empty-project")
    press(ctx, "ctrl+w")
    until(ctx, lambda: not path.exists(), 5, "the empty project is gone")
    until(ctx, lambda: os.listdir(path.parent) == [], 5, "nothing lies beside it")
