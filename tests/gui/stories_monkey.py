"""Whatever is done in the window, in whatever order: nothing unexpected happens, and all can be undone and redone.

The seed is fixed. ``AIS_MONKEY_SEED`` and ``AIS_MONKEY_ACTIONS`` try others, or more; ``AIS_MONKEY_MENU=Render`` has it
choose mostly commands of this menu. What was done is in ``actions.txt`` in the story's folder.
"""

from __future__ import annotations

import logging
import os
import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from acting import BUTTONS, Context, chord, frames, in_window, until
from imgui_bundle import ImVec2
from PIL import Image
from plans import story

from ais.annotation import AddFeature
from ais.formats.registry import write_volume
from ais.gui.commands import COMMANDS, Command, command
from ais.gui.display import PLANES
from ais.gui.editor import Editor
from ais.gui.gl.binding import check_errors
from ais.gui.settings import Settings, SettingsFile
from ais.gui.sheet import ChoiceField, NumberField, Sheet, TextField
from ais.gui.state import Tab
from ais.project import Project

SEED = int(os.environ.get("AIS_MONKEY_SEED", "1"))
ACTIONS = int(os.environ.get("AIS_MONKEY_ACTIONS", "2000"))
MENU = os.environ.get("AIS_MONKEY_MENU", "")
LONGEST_S = 0.04 * ACTIONS
"""On a machine that is busy with other things, fewer actions must do."""
SHAPE = (8, 60, 70)
WINDOW = (1000, 700)
MENU_BAR_PX = 30
LISTED = 60

# The window must stay; no other program and no network is to be started; a screen without a window manager has no
# full screen.
LEFT_OUT = {
    "file.leave",
    "view.full_screen",
    "tomogram.reveal",
    "model.reveal",
    "help.self_test",
    "compare.run",
    "compare.folder",
    "scene_files.chimerax",
    "scene_files.blender",
}
LEFT_OUT |= {"training.train", "training.make_and_train"}
# What takes another project; one in so many draws is enough, as an empty project can do little.
RARE = {"file.new_project", "file.open_project", "file.close", "file.demo", "file.name"}
RARELY = 0.012
SCENE_SHARE = 0.35
"""So often the mouse acts in the 3D scene, where it is shown."""
TO_RENDER = 0.02
MOSTLY = 0.8
MODIFIERS = ("", "", "", "shift", "ctrl", "alt", "ctrl+shift", "shift+alt")


def files(folder: Path) -> Sequence[Path]:
    """Make tomograms, and files that can be imported, that are wrong, and that are no tomograms."""
    SettingsFile(folder / "settings").save(Settings(window_size=WINDOW))
    rng = np.random.default_rng(0)
    given = folder / "given"
    given.mkdir()
    for name, shape in (("first", SHAPE), ("second", SHAPE), ("one slice", (1, 40, 30)), ("one voxel", (1, 1, 1))):
        write_volume(given / f"{name}.mrc", rng.normal(0, 1, shape).astype(np.float32), voxel_sizes=10.0)
    mask = (rng.random(SHAPE) < 0.2).astype(np.int8)
    write_volume(given / "mask.mrc", mask, voxel_sizes=10.0)
    for name in ("first__blobs", "second__blobs"):
        write_volume(given / f"{name}.mrc", mask.astype(np.uint8) * np.uint8(200), voxel_sizes=10.0)
    Image.fromarray(np.uint8(255) * mask[0].astype(np.uint8)).save(given / "slice.png")
    (given / "text.mrc").write_text("no volume" * 300, encoding="utf-8")
    (given / "particles.csv").write_text("x,y,z,weight,kind\n5,6,3,0.5,a\n20,9,2,,b\n11,30,0,7,a\n", encoding="utf-8")
    (given / "wrong.aism").write_text("no model" * 300, encoding="utf-8")
    return [given / "first.mrc"]


class Listener(logging.Handler):
    """Keeps errors that nobody expected; the user sees only some of them."""

    def __init__(self, heard: list[str]) -> None:
        super().__init__(logging.ERROR)
        self.heard = heard

    def emit(self, record: logging.LogRecord) -> None:
        self.heard.append(logging.Formatter().format(record))


class Monkey:
    """Does things at random and remembers which.

    Parameters
    ----------
    ctx, editor
        The window.
    seed
        Of what is done.
    """

    def __init__(self, ctx: Context, editor: Editor, seed: int) -> None:
        self.ctx, self.editor = ctx, editor
        self.random = random.Random(seed)
        self.done: list[str] = []
        self.given = ctx.folder / "given"
        self.written = ctx.folder / "written"
        self.written.mkdir()
        self.projects: set[Path] = set()
        self.logged: list[str] = []
        logging.getLogger("ais").addHandler(Listener(self.logged))

    def act(self) -> None:
        """Do one thing, or a few commands one after the other."""
        if self.random.random() < TO_RENDER:
            self.note("to the tab Render")
            self.editor.shell.tab = Tab.RENDER
        choose = self.random.random()
        document = self.editor.document
        if document is not None and not document.busy and not self.editor.snapshot.features and choose < 0.5:
            # Without one, hardly a command can be used.
            self.note("add a feature")
            self.editor.submit(AddFeature(f"feature {len(self.done)}"))
        elif self.editor.shell.sheets and choose < 0.5:
            self.fill_sheet()
        elif self.page_open() and choose < 0.3:
            self.keys("escape")
        elif choose < 0.55:
            self.commands()
        elif choose < 0.65:
            self.keys(self.random.choice([c.shortcut.split()[0] for c in self.possible() if c.shortcut] or ["escape"]))
        elif choose < 0.85:
            self.drag()
        elif choose < 0.97:
            self.wheel()
        else:
            self.type()

    def note(self, what: str) -> None:
        """Remember what is about to be done, also if nothing comes after it."""
        self.done.append(what)
        with (self.ctx.folder / "actions.txt").open("a", encoding="utf-8") as file:
            file.write(f"{what}\n")

    def check(self) -> None:
        """Nothing unexpected has happened."""
        assert not self.editor.shell.unexpected, self.editor.shell.unexpected[0]
        assert not self.logged, self.logged[0]
        if self.editor.document is not None:
            self.projects.add(self.editor.document.project.path)

    def tell(self) -> str:
        """What was done last."""
        return f"seed {SEED}, {len(self.done)} actions, the last of them:\n" + "\n".join(self.done[-LISTED:])

    # What it does

    def commands(self) -> None:
        """Several commands between two frames."""

        def run() -> None:
            check_errors()
            for _ in range(self.random.randint(1, 6)):
                chosen = self.choose()
                answers = self.answers(chosen.name)
                self.note(chosen.name)
                self.editor.dialogs.answers[:] = answers
                if chosen.held is not None:
                    chosen.held(self.editor, self.random.random() < 0.3)
                else:
                    chosen.run(self.editor)
                if not self.editor.dialogs.answers:
                    self.note(f"  answered by {[path.name for path in answers[0]]}")
                self.editor.dialogs.answers.clear()

        in_window(self.ctx, run)

    def possible(self) -> list[Command]:
        return [c for c in COMMANDS if c.name not in LEFT_OUT | RARE and c.enabled(self.editor)]

    def choose(self) -> Command:
        rare = [c for c in COMMANDS if c.name in RARE and c.enabled(self.editor)]
        if rare and self.random.random() < RARELY:
            return self.random.choice(rare)
        if not self.editor.snapshot.tomograms and self.random.random() < 0.6:
            return command("file.open_tomogram")
        possible = self.possible()
        wanted = [c for c in possible if MENU and c.menu.split("/")[0] == MENU]
        return self.random.choice(wanted if wanted and self.random.random() < MOSTLY else possible)

    def answers(self, name: str) -> list[list[Path]]:
        """What is chosen if the command asks for files."""
        new = self.written / f"{len(self.done)} ä"
        if name == "file.open_project":
            return [[self.random.choice([*sorted(self.projects), self.given / "missing.aisproj"])]]
        if name in ("file.save_copy", "file.name"):
            return [[new.with_suffix(".aisproj")]]
        if name.startswith("export."):
            return [[new.with_suffix(self.random.choice([".star", ".csv", ".png", ".mrc", ".txt"]))]]
        if self.random.random() < 0.1:
            return [[]]
        wanted = "*.mrc" if name == "file.open_tomogram" else "*"
        return [[self.random.choice(sorted(self.given.glob(wanted)))]]

    def fill_sheet(self) -> None:
        """Fill in what is asked for, right or wrong, and accept or change one's mind."""
        sheet: Sheet = self.editor.shell.sheets[-1]
        for field in sheet.fields:
            if isinstance(field, ChoiceField):
                field.value = self.random.randrange(len(field.options)) if field.options else 0
            elif isinstance(field, TextField):
                field.value = self.random.choice(["", "membrane", "Ribosom ä", "a" * 300, "50% & more %s"])
            elif isinstance(field, NumberField):
                reach = min(field.high - field.low, 60.0)
                field.value = self.random.choice([field.low + reach * self.random.random(), field.high, -1.0, 2.0])
        self.note(f"sheet {sheet.title}: {[field.value for field in sheet.fields]}")
        self.editor.dialogs.answers[:] = self.answers("export.")
        self.keys(self.random.choice(["enter", "enter", "escape"]))
        self.editor.dialogs.answers.clear()

    def keys(self, keys: str) -> None:
        self.note(f"keys {keys}")
        self.ctx.key_press(chord(keys))

    def type(self) -> None:
        text = self.random.choice(["membrane", "1.5", "-3", "ä", "\\", "%s %d", "1e300", "nan"])
        self.note(f"type {text}")
        self.ctx.key_chars(text)

    def place(self) -> tuple[int, int]:
        """A place to point at: mostly in a view, else anywhere below the menu bar."""
        shown = PLANES if self.editor.state.ortho else PLANES[:1]
        view, scene = self.editor.view(self.random.choice(shown)), self.editor.rendering.view
        if self.editor.shown is not None and self.editor.shell.scene_shown and self.random.random() < SCENE_SHARE:
            x, y = (start + self.random.random() * size for start, size in zip(scene.origin, scene.extent, strict=True))
        elif self.editor.shown is not None and self.random.random() < 0.65:
            x, y = (start + self.random.random() * size for start, size in zip(view.origin, view.size, strict=True))
        else:
            x = self.random.random() * (WINDOW[0] - 1)
            y = MENU_BAR_PX + self.random.random() * (WINDOW[1] - 1 - MENU_BAR_PX)
        return min(max(round(x), 0), WINDOW[0] - 1), min(max(round(y), MENU_BAR_PX), WINDOW[1] - 1)

    def drag(self) -> None:
        """Click, double click or drag; sometimes something else happens in the middle of it."""
        button, modifiers = (
            self.random.choice(("left", "left", "left", "right", "middle")),
            self.random.choice(MODIFIERS),
        )
        x, y = self.place()
        path = [(x, y)]
        for _ in range(self.random.choice([0, 0, 1, 2, 4])):
            x, y = x + self.random.randint(-60, 60), y + self.random.randint(-60, 60)
            path.append((x, y))
        self.note(f"drag {button} {modifiers} {path}")
        interrupted = len(path) > 1 and self.random.random() < 0.25
        with self.held(modifiers):
            for _ in range(2 if len(path) == 1 and self.random.random() < 0.3 else 1):
                self.point(path[0])
                self.ctx.inputs.mouse_buttons_value = 1 << BUTTONS.index(button)
                for position in path:
                    self.point(position)
                if interrupted:
                    self.random.choice([self.commands, self.commands, lambda: self.keys("escape"), self.wheel])()
                self.ctx.inputs.mouse_buttons_value = 0
                frames(self.ctx)

    def wheel(self) -> None:
        notches, modifiers = self.random.choice([-5, -1, 1, 2, 0.4]), self.random.choice(MODIFIERS)
        at = self.place()
        self.note(f"wheel {notches} {modifiers} {at}")
        with self.held(modifiers):
            self.point(at)
            self.ctx.inputs.mouse_wheel = ImVec2(0, notches)
            frames(self.ctx)

    def point(self, position: tuple[int, int]) -> None:
        """Move the pointer in one frame; the engine's own actions take several, which a story can afford."""
        self.ctx.inputs.mouse_pos_value = ImVec2(*position)
        frames(self.ctx)

    @contextmanager
    def held(self, modifiers: str) -> Iterator[None]:
        if modifiers:
            self.ctx.key_down(chord(modifiers))
        yield
        if modifiers:
            self.ctx.key_up(chord(modifiers))

    def page_open(self) -> bool:
        shell, dialogs = self.editor.shell, self.editor.dialogs
        pages = shell.palette or shell.shortcuts or shell.about or shell.settings or shell.messages
        return bool(pages or shell.sheets or dialogs.open)

    # What it leaves

    def come_to_rest(self) -> None:
        """Let go of everything, and wait until everything is done."""
        ctx, editor = self.ctx, self.editor
        ctx.inputs.mouse_buttons_value = 0
        for _ in range(20):
            if not self.page_open() and editor.gesture is None:
                break
            ctx.key_press(chord("escape"))
            frames(ctx, 2)
        assert not self.page_open()
        assert editor.gesture is None
        editor.state.playing = 0.0
        for work in editor.background.works:  # a movie of 36,000 frames or a picture of 16,384 pixels, perhaps
            if editor.rendering.files.movie is not None or work.title.startswith("Drawing picture"):
                work.cancel()

        def still() -> bool:
            document = editor.document
            return not (editor.background.busy or editor.opening or (document is not None and document.busy))

        until(ctx, still, 60, "all is done")
        frames(ctx, 3)
        until(ctx, still, 60, "all is done")


def empty_digest(folder: Path) -> str:
    with Project.create(folder / "empty for comparison.aisproj") as project:
        return project.content_digest()


def travel(project: Project, step: Callable[[Project], object]) -> int:
    count = 0
    while step(project) is not None:
        count += 1
    return count


@story(paths=files, seconds=150 + 1.5 * LONGEST_S)
def monkey(ctx: Context, editor: Editor) -> None:
    until(ctx, lambda: editor.shown is not None, 10, "the tomogram is open")
    ape = Monkey(ctx, editor, SEED)
    try:
        end = time.perf_counter() + LONGEST_S
        while len(ape.done) < ACTIONS and time.perf_counter() < end:
            ape.act()
            ape.check()
        in_window(ctx, check_errors)
        ape.come_to_rest()
        ape.check()
    except BaseException:
        print(ape.tell())  # noqa: T201 - the stage shows what a story has printed
        raise
    in_window(ctx, editor.close_project)
    ape.come_to_rest()
    empty = empty_digest(ctx.folder)
    undone = 0
    for path in sorted(ape.projects):
        if not path.exists():  # nothing was done in it, or it was named
            continue
        with Project.open(path) as project:
            assert not project.read_only, project.notice
            travel(project, Project.redo)
            full = project.content_digest()
            count = travel(project, Project.undo)
            assert not project.features()
            assert not project.tomograms()
            assert project.content_digest() == empty, path
            assert travel(project, Project.redo) == count
            assert project.content_digest() == full, path
            undone += count
    assert undone > len(ape.done) / 30
    print(f"{len(ape.done)} actions, {len(ape.projects)} projects, {undone} edits undone and redone")  # noqa: T201
