"""Commands about saving the 3D scene: meshes, scripts, pictures and movies."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ais.gui.commands.command import Command, with_project, with_tomogram
from ais.gui.dialogs import FileKind
from ais.gui.editor import Editor
from ais.gui.saved_pictures import PNG, picture_folder
from ais.gui.scene_movies import Turntable
from ais.gui.sheet import ChoiceField, NumberField, Sheet
from ais.scene_files.programs import BLENDER, CHIMERAX, Program

MENU = "Render/Save"
MP4 = FileKind("MP4 video", (".mp4",))
GIF = FileKind("Animated GIF", (".gif",))
APNG = FileKind("Animated PNG", (".png",))
MOVIES = (MP4, GIF, APNG)
MOST_PX = 16_384
MOST_MOVIE_PX = 4096


def _save(editor: Editor) -> None:
    editor.rendering.files.page = True


def _open_in(program: Program, ending: str) -> Callable[[Editor], None]:
    def run(editor: Editor) -> None:
        editor.rendering.files.open_in(program, ending)

    return run


def _can_open(program: Program) -> Callable[[Editor], bool]:
    def can(editor: Editor) -> bool:
        return with_tomogram(editor) and editor.rendering.files.has(program)

    return can


def _picture(editor: Editor) -> None:
    view = editor.rendering.view
    height = 2160
    width = NumberField("Width", round(height * view.aspect), 16, MOST_PX, "px", whole=True)
    tall = NumberField("Height", height, 16, MOST_PX, "px", whole=True)
    behind = ChoiceField("Background", ("As in the scene", "Transparent"))

    def accept() -> None:
        suggestion = picture_folder(editor) / f"{editor.rendering.files.name} 3D.png"

        def save(path: Path) -> None:
            full = path if path.suffix.lower() == ".png" else path.with_name(f"{path.name}.png")
            editor.rendering.files.save_picture(full, width.count, tall.count, transparent=behind.value == 1)

        editor.dialogs.save_file("Save picture of the scene", suggestion, (PNG,), save)

    note = "The scene as it is seen now; what is in the middle stays there, whatever the picture's shape."
    editor.shell.sheets.append(Sheet("Picture of the scene", "Save...", (width, tall, behind), accept, note))


def _movie(editor: Editor) -> None:
    last = editor.rendering.files.turning
    width = NumberField("Width", last.width, 16, MOST_MOVIE_PX, "px", whole=True)
    height = NumberField("Height", last.height, 16, MOST_MOVIE_PX, "px", whole=True)
    seconds = NumberField(
        "Length", last.seconds, 0.5, 600, "s", tooltip="Of one turn; it can be repeated without a jump"
    )
    rate = NumberField("Frames", last.frames_per_second, 1, 60, "per second")
    axis = ChoiceField("Turns about", ("The view's upright", "z of the tomogram"), 1 if last.axis == "z" else 0)
    swing = ChoiceField("Turns", ("All the way round", "To and fro by 30 degrees"), 0 if last.swing >= 360 else 1)

    def accept() -> None:
        wish = Turntable(
            width.count,
            height.count,
            seconds.value,
            rate.value,
            "z" if axis.value else "view",
            30.0 if swing.value else 360.0,
        )
        suggestion = picture_folder(editor) / f"{editor.rendering.files.name} turning.mp4"
        _ask_movie(editor, suggestion, lambda path: editor.rendering.files.save_turntable(path, wish))

    note = "The scene as it is seen now, turning. One can go on working while it is made; Jobs shows how far it is."
    fields = (width, height, seconds, rate, axis, swing)
    editor.shell.sheets.append(Sheet("Movie of the scene", "Save...", fields, accept, note))


def _slices(editor: Editor) -> None:
    assert editor.shown is not None
    crop = editor.snapshot.crop
    low, high = (crop.z[0], crop.z[1] - 1) if crop is not None else (0, editor.shown.shape[0] - 1)
    first = NumberField("First slice", low, low, high, "", whole=True)
    last = NumberField("Last slice", high, low, high, "", whole=True)
    step = NumberField("Every", 1, 1, 1000, "slices", whole=True)
    rate = NumberField("Frames", 25, 1, 60, "per second")

    def accept() -> None:
        down = last.count < first.count
        slices = range(first.count, last.count + (-1 if down else 1), -step.count if down else step.count)
        suggestion = picture_folder(editor) / f"{editor.rendering.files.name} slices.mp4"
        _ask_movie(editor, suggestion, lambda path: editor.rendering.files.save_slices(path, slices, rate.value))

    note = "The slices as they are seen, with contrast, filters and what lies over them. The view goes through them."
    editor.shell.sheets.append(Sheet("Movie of the slices", "Save...", (first, last, step, rate), accept, note))


def _ask_movie(editor: Editor, suggestion: Path, then: Callable[[Path], None]) -> None:
    def save(path: Path) -> None:
        if editor.shown is None or editor.rendering.files.movie is not None:
            return  # it was closed, or another one was begun, while the dialog was open
        known = {ending for kind in MOVIES for ending in kind.endings}
        then(path if path.suffix.lower() in known else path.with_name(f"{path.name}.mp4"))

    editor.dialogs.save_file("Save movie", suggestion, MOVIES, save)


def _can_film(editor: Editor) -> bool:
    return with_tomogram(editor) and editor.rendering.files.movie is None


SCENE_FILE_COMMANDS: tuple[Command, ...] = (
    Command(
        "scene_files.save",
        "Save 3D scene...",
        MENU,
        _save,
        "ctrl+shift+E",
        "Surfaces and particles for Blender, ChimeraX, viewers and printers; also those of all tomograms",
        with_project,
    ),
    Command(
        "scene_files.chimerax",
        "Open scene in ChimeraX",
        MENU,
        _open_in(CHIMERAX, ".cxc"),
        "",
        "With the volumes themselves, their levels, colours and dust; where ChimeraX is installed",
        _can_open(CHIMERAX),
    ),
    Command(
        "scene_files.blender",
        "Open scene in Blender",
        MENU,
        _open_in(BLENDER, ".py"),
        "",
        "With camera and light, ready to be rendered; where Blender is installed",
        _can_open(BLENDER),
    ),
    Command(
        "scene_files.picture",
        "Save picture of the scene...",
        MENU,
        _picture,
        "",
        "At any size, with the background or without",
        with_tomogram,
        separated=True,
    ),
    Command(
        "scene_files.movie",
        "Save movie of the scene...",
        MENU,
        _movie,
        "",
        "The scene turning, as MP4, GIF or animated PNG",
        _can_film,
    ),
    Command(
        "scene_files.slices",
        "Save movie of the slices...",
        MENU,
        _slices,
        "",
        "From slice to slice as they are on the screen, as MP4, GIF or animated PNG",
        _can_film,
    ),
)
