"""Pictures for the user: of the window, and of a slice at its own size with what lies over it, as PNG files."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ais.annotation import Feature
from ais.gui.dialogs import FileKind
from ais.gui.lengths import scale_bar
from ais.gui.shell import Picture

if TYPE_CHECKING:
    from ais.gui.background import Work
    from ais.gui.editor import Editor

PNG = FileKind("PNG pictures", (".png",))
BAR_SHARE = 0.2
"""Of a picture's width that its scale bar takes at most."""


@dataclass(frozen=True)
class Mark:
    """A box or a pick in a picture.

    Attributes
    ----------
    kind
        "box", "negative" (a negative box) or "pick".
    row, column
        Its centre in the slice.
    half
        Half the side, or the radius, in pixels.
    colour
        Red, green, blue, 0 to 1.
    """

    kind: str
    row: float
    column: float
    half: float
    colour: tuple[float, float, float]


def save_window(editor: Editor) -> None:
    """Save a picture of the whole window beside the project, or in the user's folder; says where."""
    path = free_path(picture_folder(editor), f"Ais {time.strftime('%Y-%m-%d %H.%M.%S')}")
    editor.shell.picture_requests.append(lambda picture: _write_later(editor, path, picture))


def ask_and_save_view(editor: Editor) -> None:
    """Ask for a name, and save the XY slice with its overlays, one pixel for each voxel."""
    if editor.shown is None:
        return
    suggestion = picture_folder(editor) / f"{editor.shown.entry.name} z{editor.state.z}.png"

    def save(path: Path) -> None:
        ending = path if path.suffix.casefold() == ".png" else path.with_name(f"{path.name}.png")
        marks = marks_of_slice(editor)
        entry = editor.snapshot.tomogram(editor.state.tomogram)
        voxel_size = entry.voxel_size if entry is not None else 0.0
        units = editor.settings.units

        def got(picture: Picture) -> None:
            bar = scale_bar(BAR_SHARE * picture.shape[1], voxel_size, units)
            _write_later(editor, ending, picture, marks, bar)

        editor.shell.view_requests.append(got)

    editor.dialogs.save_file("Save picture of the view", suggestion, (PNG,), save)


def marks_of_slice(editor: Editor) -> list[Mark]:
    """The boxes and picks that lie in the XY slice on the screen, of the features that are visible."""
    position = editor.view("xy").position
    if editor.state.overlays_hidden or position is None:
        return []
    found: list[Mark] = []
    snapshot = editor.snapshot
    for feature in snapshot.features:
        if feature.visible:
            found += _boxes(feature, editor, position)
            picks = snapshot.picks.get(feature.id)
            if picks is not None:
                here = [pick for pick in picks.picks if abs(pick.z - position) <= picks.radius]
                found += [
                    Mark("pick", p.y, p.x, (picks.radius**2 - (p.z - position) ** 2) ** 0.5, feature.colour)
                    for p in here
                ]
    return found


def picture_folder(editor: Editor) -> Path:
    """Where pictures go: beside the project; of a project without a name, into the user's folder."""
    if editor.document is None or editor.untitled:
        return Path.home()
    return editor.document.project.path.parent


def free_path(folder: Path, stem: str) -> Path:
    """A PNG file in the folder that does not exist yet."""
    path, number = folder / f"{stem}.png", 2
    while path.exists():
        path, number = folder / f"{stem} ({number}).png", number + 1
    return path


def write_picture(path: Path, picture: Picture, marks: list[Mark], bar: tuple[float, str] | None) -> None:
    """Write a picture with marks and a scale bar drawn into it; nothing is left behind if it fails.

    Parameters
    ----------
    path
        Of the PNG file; one that exists is replaced.
    picture
        (height, width, 3), row 0 at the top; for marks, of the size of the slice.
    marks
        Drawn where they are.
    bar
        Length in pixels and words of the scale bar; None for none.

    Raises
    ------
    AisError, OSError
        If it cannot be written.
    """
    import io

    from PIL import Image, ImageDraw, ImageFont

    from ais.formats.atomic import write_bytes

    image = Image.fromarray(np.ascontiguousarray(picture))
    draw = ImageDraw.Draw(image)
    height, width = picture.shape[:2]
    for mark in marks:
        colour = tuple(round(255 * part) for part in mark.colour)
        x, y, half = mark.column, height - 1 - mark.row, mark.half
        around = (x - half, y - half, x + half, y + half)
        if mark.kind == "pick":
            draw.ellipse(around, outline=colour)
        else:
            draw.rectangle(around, outline=colour)
        if mark.kind == "negative":
            draw.line((x - half / 4, y, x + half / 4, y), fill=colour)
    if bar is not None:
        length, words = bar
        edge, thick = max(width // 40, 4), max(width // 150, 2)
        size = max(width / 32, 10)
        right, low = width - 1 - edge, height - 1 - edge
        left = min(right - length + 1, right)  # a bar may be shorter than a pixel
        draw.rectangle((left, low - thick + 1, right, low), fill="white", outline=None)
        font = ImageFont.load_default(size)
        middle = right - length / 2
        draw.text((middle, low - thick - size / 4), words, "white", font, "mb", stroke_width=1, stroke_fill="black")
    content = io.BytesIO()
    image.save(content, "png")
    write_bytes(path, content.getvalue())


def _boxes(feature: Feature, editor: Editor, position: int) -> list[Mark]:
    return [
        Mark("negative" if box.negative else "box", box.y, box.x, feature.box_size / 2, feature.colour)
        for box in editor.snapshot.boxes.get(feature.id, ())
        if box.z == position
    ]


def _write_later(
    editor: Editor, path: Path, picture: Picture, marks: list[Mark] | None = None, bar: tuple[float, str] | None = None
) -> None:
    def write(_: Work) -> None:
        write_picture(path, picture, marks or [], bar)

    editor.background.run(write, lambda _: editor.notices.say(f"The picture was saved as {path}."), title="Saving")
