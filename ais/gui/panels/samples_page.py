"""The window that shows the samples of the next training set before it is made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from imgui_bundle import ImVec2, imgui, imgui_ctx

from ais.gui.gl.texture import Texture2D
from ais.gui.panels.command_button import command_button
from ais.gui.panels.floating import FLOATING, place_over_slice
from ais.gui.panels.layout import coloured, em, faint
from ais.gui.panels.modal import closes_by_escape
from ais.gui.training_pictures import SampleSheet, sample_sheet
from ais.trainset import SampleRecord, SetPreview

if TYPE_CHECKING:
    from ais.gui.app import Window

WIDTH_EM, HEIGHT_EM, LEAST_EM = 44.0, 36.0, 14.0
TILE_EM = 5.0
GAP_EM = 0.15
NOTE = "The next training set: what is labelled, and darker what nobody has looked at. It follows the plan."


def draw(window: Window) -> None:
    """Draw the window while it is open."""
    window.part(SamplesPage).draw(window)


class SamplesPage:
    """The pictures, and the textures that hold them."""

    def __init__(self) -> None:
        self._outlined = False
        self._wanted: tuple[int, bool] | None = None
        self._previews: tuple[SetPreview, ...] = ()
        self._sheets: tuple[SampleSheet, ...] = ()
        self._textures: list[Texture2D] = []

    def release(self) -> None:
        """Free the textures."""
        for texture in self._textures:
            texture.release()
        self._textures = []
        self._sheets = ()
        self._wanted = None

    def draw(self, window: Window) -> None:
        """Draw it."""
        shell = window.editor.shell
        if not shell.samples or window.editor.document is None:
            shell.samples = False
            if self._textures:
                self.release()
            return
        place_over_slice(window.editor, WIDTH_EM, HEIGHT_EM, LEAST_EM)
        shown, stays = imgui.begin("Samples###samples", True, FLOATING)
        try:
            if imgui.is_window_focused(imgui.FocusedFlags_.root_and_child_windows) and closes_by_escape():
                stays = False
            if shown:
                self._follow(window)
                self._draw_inside(window)
        finally:
            imgui.end()
        shell.samples = bool(stays)

    def _follow(self, window: Window) -> None:
        """Have the pictures drawn when there are others, in a thread."""
        editor = window.editor
        sets = editor.modelling.training_sets
        sets.show_pictures()
        wanted = (id(sets.previews), self._outlined)
        if wanted == self._wanted:
            return
        previews, outlined = sets.previews, self._outlined
        self._wanted, self._previews = wanted, previews  # kept, so that its id stays its own
        colours = {feature.name: feature.colour for feature in editor.snapshot.features}

        def take(sheets: tuple[SampleSheet, ...]) -> None:
            if self._wanted == wanted:
                self._show(sheets)

        editor.background.run(
            lambda _: tuple(sample_sheet(one, colours, outlined=outlined) for one in previews if len(one.images)), take
        )

    def _show(self, sheets: tuple[SampleSheet, ...]) -> None:
        wanted = self._wanted
        self.release()
        self._wanted, self._sheets = wanted, sheets
        for sheet in sheets:
            rows, columns = sheet.picture.shape[:2]
            texture = Texture2D(columns, rows, "rgba8")
            texture.upload(sheet.picture)
            self._textures.append(texture)

    def _draw_inside(self, window: Window) -> None:
        sets = window.editor.modelling.training_sets
        counts = sets.counts()
        faint(NOTE, window.theme.faint)
        _, self._outlined = imgui.checkbox("Outlines", self._outlined)
        imgui.same_line()
        command_button(window, "training.make_set", "Make training set")
        if sets.previewing:
            imgui.same_line()
            imgui.align_text_to_frame_padding()
            imgui.text_disabled("Looking at samples...")
        problem = sets.preview_problem or next((one.text for one in counts.problems if one.stops), "")
        if problem:
            with coloured(window.theme.danger):
                imgui.text_wrapped(problem)
            return
        with imgui_ctx.begin_child("sheet", ImVec2(0, 0)):
            for number, (sheet, texture) in enumerate(zip(self._sheets, self._textures, strict=True)):
                with imgui_ctx.push_id(str(number)):
                    _draw_sheet(sheet, texture)


def _draw_sheet(sheet: SampleSheet, texture: Texture2D) -> None:
    preview = sheet.preview
    shown = len(sheet.records)
    part = "" if shown == preview.n_samples else f", {shown} of them here"
    name = " and ".join(preview.features)
    imgui.separator_text(f"{name}: {preview.n_samples} samples, {preview.n_positive} of them positive{part}")
    side, gap = em(TILE_EM), em(GAP_EM)
    per_row = max(int((imgui.get_content_region_avail().x + gap) / (side + gap)), 1)
    clipper = imgui.ListClipper()
    clipper.begin(-(-shown // per_row), side + gap)
    reference = imgui.ImTextureRef(texture.name)
    with imgui_ctx.push_style_var(imgui.StyleVar_.item_spacing, ImVec2(gap, gap)):
        while clipper.step():
            for row in range(clipper.display_start, clipper.display_end):
                for number in range(row * per_row, min((row + 1) * per_row, shown)):
                    if number % per_row:
                        imgui.same_line()
                    _draw_sample(sheet, texture, reference, number, side)


def _draw_sample(
    sheet: SampleSheet, texture: Texture2D, reference: imgui.ImTextureRef, number: int, side: float
) -> None:
    top, left = sheet.corner(number)
    # A sample's row 0 is drawn at the bottom, as in the views.
    low = ImVec2(left / texture.width, (top + sheet.side) / texture.height)
    high = ImVec2((left + sheet.side) / texture.width, top / texture.height)
    imgui.image(reference, ImVec2(side, side), low, high)
    if imgui.is_item_hovered():
        imgui.set_tooltip(where(sheet.records[number], sheet.preview.features))


def where(record: SampleRecord, features: Sequence[str]) -> str:
    """Where a sample comes from."""
    kind = "negative" if record.negative or record.feature not in features else "positive"
    return f"{record.tomogram}, slice {record.z}, x {record.x}, y {record.y}\n{record.feature}, {kind}"
