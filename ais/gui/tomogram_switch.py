"""The tomogram on the screen: opened and measured in threads, shown as it was shown last; the newest wish wins."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ais.annotation import TomogramEntry
from ais.annotation.annotated_tomogram import contrast_key
from ais.formats.registry import unpack
from ais.gui.background import Work
from ais.gui.contrast import ContrastStatistics, measure
from ais.gui.display import Contrast, Plane
from ais.gui.linked_views import ContrastRule, carried_placement, rule_of
from ais.gui.shown_tomogram import ShownTomogram
from ais.gui.view_record import ViewRecord

if TYPE_CHECKING:
    from ais.gui.editor import Editor

Place = tuple[float | None, float | None, float | None]
"""A voxel (z, y, x); None leaves a coordinate as it is."""


class TomogramSwitch:
    """Opens and closes the tomogram that the editor shows.

    Parameters
    ----------
    editor
        Shows it.
    """

    def __init__(self, editor: Editor) -> None:
        self._editor = editor
        self._opening: Work | None = None
        self._contrast_rule: ContrastRule | None = None
        self._place: tuple[int, Place] | None = None
        self._remembered: dict[str, Any] = {}
        self._sizes: dict[Plane, tuple[int, int]] = {}

    @property
    def opening(self) -> bool:
        """Whether a tomogram is being opened."""
        return self._opening is not None and not self._opening.finished

    def open(self, entry: TomogramEntry) -> None:
        """Open a tomogram and show it, unless another one is wanted before that is done."""
        editor = self._editor
        document = editor.document
        assert document is not None
        project = document.project

        def open_it(work: Work) -> tuple[ShownTomogram, Any, Any]:
            if not entry.missing:
                unpack(entry.path, work)
            remembered, kept = (project.view_state(key) for key in (_key(entry.id), contrast_key(entry.id)))
            return ShownTomogram.open(entry, project.open_tomogram(entry), editor.wake), remembered, kept

        def opened(found: tuple[ShownTomogram, Any, Any]) -> None:
            shown, remembered, kept = found
            if self._opening is not work or editor.document is not document or editor.closing:
                editor.background.run(lambda _: shown.close())
            else:
                self._show(shown, ViewRecord.read(self._remembered.get(_key(entry.id), remembered)))
                self.use_kept_contrast(entry.id, kept)

        def failed(sentence: str) -> None:
            if self._opening is work:
                self._opening = None
                # A file that is known to be elsewhere is no failure: the list and the empty view say it as well.
                editor.notices.say(sentence, "hint" if entry.missing else "problem")

        work = self._opening = editor.background.run(open_it, opened, title=f"Opening {entry.name}", failed=failed)

    def go_there(self, tomogram: int, place: Place) -> None:
        """Show a voxel of the tomogram once it is on the screen."""
        self._place = tomogram, place

    def use_kept_contrast(self, tomogram: int, value: Any) -> None:
        """Show the tomogram on the screen as a file says that it was shown, unless the user has chosen a contrast.

        Parameters
        ----------
        tomogram
            Its number; nothing happens while another one is shown.
        value
            As `ais.annotation.annotated_tomogram.contrast_of` gives it; anything else is passed over.
        """
        editor, state = self._editor, self._editor.state
        if editor.shown is None or editor.shown.entry.id != tomogram or not isinstance(value, dict):
            return
        if state.contrast_is_automatic or state.contrast is None:
            invert, low, high = value.get("invert") is True, value.get("low"), value.get("high")
            if isinstance(low, float) and isinstance(high, float) and low < high:
                editor.sight.use_contrast(Contrast(low, high, invert))
            else:
                state.contrast = replace(state.contrast or Contrast(), invert=invert)
        if editor.document is not None:
            editor.document.remember(contrast_key(tomogram), None)

    def close(self) -> None:
        """Close the tomogram on the screen, in a thread."""
        editor, state = self._editor, self._editor.state
        self._opening = None
        state.outline, state.measured, state.dragged = [], None, None
        if editor.shown is not None:
            shown, editor.shown = editor.shown, None
            automatic = state.contrast_is_automatic
            if not automatic or shown.statistics is not None:
                self._contrast_rule = rule_of(state.contrast, automatic, shown.statistics)
            if editor.closing:
                shown.close()
            else:
                editor.background.run(lambda _: shown.close())
        if editor.masks is not None:
            editor.masks.clear()

    def forget(self) -> None:
        """Another project is shown from now on."""
        self._opening, self._remembered = None, {}

    def remember(self) -> None:
        """Have the project keep what is selected and how the tomogram is shown, if that has changed."""
        editor, state = self._editor, self._editor.state
        document = editor.document
        if document is None or editor.shown is None or editor.read_only:
            return
        for key, value in (
            (_key(editor.shown.entry.id), ViewRecord.of(state).write()),
            ("selected", {"tomogram": state.tomogram, "feature": state.feature}),
        ):
            if self._remembered.get(key) != value:
                self._remembered[key] = value
                document.remember(key, value)

    def _show(self, shown: ShownTomogram, record: ViewRecord | None) -> None:
        self._opening = None
        editor, state = self._editor, self._editor.state
        editor.shown = shown
        nz, ny, nx = shown.shape
        state.position = (nz // 2, ny // 2, nx // 2)
        linked = editor.settings.link_views and state.contrast is not None
        if linked:
            for plane, view in state.views.items():
                size, before = shown.picture_shape(plane), self._sizes.get(plane)
                if view.turned:
                    size, before = size[::-1], before and before[::-1]
                view.placement = carried_placement(view.placement, size, before)
        else:
            state.contrast, state.filters, self._contrast_rule = None, [], None
            editor.sight.fit()
        self._sizes = {plane: shown.picture_shape(plane) for plane in state.views}
        state.contrast_is_automatic = True
        if record is not None:
            editor.sight.go_to(*record.position)
            if not linked:
                record.use(state)
        place, self._place = self._place, None
        if place is not None and place[0] == shown.entry.id:
            editor.sight.show_voxel(*place[1])
        editor.background.run(
            lambda _: measure(shown.tomogram),
            lambda found: self._measured(shown, found),
            failed=lambda sentence: editor.notices.problem(sentence) if shown is editor.shown else None,
        )

    def _measured(self, shown: ShownTomogram, statistics: ContrastStatistics) -> None:
        editor, state = self._editor, self._editor.state
        shown.statistics = statistics
        if shown is editor.shown and (state.contrast is None or state.contrast_is_automatic):
            editor.sight.use_automatic_contrast()
            if self._contrast_rule is not None and state.contrast is not None:
                editor.sight.use_contrast(self._contrast_rule.limits(statistics, state.contrast.invert))


def _key(tomogram: int) -> str:
    """Under which the project remembers how a tomogram is shown."""
    return f"view {tomogram}"
