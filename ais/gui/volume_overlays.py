"""Segmented volumes that are shown over the tomogram on the screen, in all three planes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ais.annotation.feature_operations import PALETTE
from ais.gui.export_volumes import ExportResult
from ais.gui.slice_reader import SliceReader, SliceRequest
from ais.gui.slice_source import Picture
from ais.gui.state import VolumeLook
from ais.tomogram import Tomogram

if TYPE_CHECKING:
    from ais.annotation.entries import Colour
    from ais.gui.background import Work
    from ais.gui.display import Plane
    from ais.gui.editor import Editor

READING_BYTES = 256 << 20
"""Memory that the pictures of all shown volumes take together."""

ROWS_AT_ONCE = 16

Opened = tuple[Path, float]
"""A volume's file, and when it was made: one that is made again is opened again."""


@dataclass
class _Volume:
    """An open volume.

    Attributes
    ----------
    factor
        By which its values become 0 to 255.
    """

    tomogram: Tomogram
    reader: SliceReader
    factor: float

    def close(self) -> None:
        self.reader.close()
        self.tomogram.close()


@dataclass(frozen=True, eq=False)
class VolumePicture:
    """What a volume shows in a slice.

    Attributes
    ----------
    path
        The volume's file.
    values
        Picture of the plane as it is stored, float32; the same object as long as it is the same picture.
    factor
        By which they become 0 to 255.
    look
        How it is shown.
    """

    path: Path
    values: Picture
    factor: float
    look: VolumeLook

    def bytes(self) -> NDArray[np.uint8]:
        """(rows, columns), 0 to 255; some rows at a time, which stay in the processor's cache: three times as fast."""
        found = np.empty(self.values.shape, np.uint8)
        for row in range(0, len(found), ROWS_AT_ONCE):
            part = self.values[row : row + ROWS_AT_ONCE] * np.float32(self.factor)
            part += np.float32(0.5)
            found[row : row + ROWS_AT_ONCE] = np.clip(part, 0, 255, out=part)
        return found


class VolumeOverlays:
    """Which exported volumes are shown over the tomogram that they were made from, and their slices.

    Call `follow` in every frame: volumes are opened and read in threads, and only those of the tomogram on the screen
    are open. Which are shown, and how, is `EditorState.volumes`.

    Parameters
    ----------
    editor
        Whose tomogram and exports they belong to.

    Attributes
    ----------
    problems
        For a volume's path why it cannot be shown, in one sentence.
    """

    def __init__(self, editor: Editor) -> None:
        self._editor = editor
        self._open: dict[Opened, _Volume] = {}
        self._opening: dict[Opened, Work] = {}
        self._failed: set[Opened] = set()
        self._wanted: tuple[object, tuple[ExportResult, ...]] = (None, ())
        self.problems: dict[Path, str] = {}

    # For lists and buttons

    def shown(self, path: Path) -> bool:
        """Whether a volume is to be shown, whenever its tomogram is on the screen."""
        return path in self._editor.state.volumes

    def show(self, path: Path, on: bool = True) -> None:
        """Show a volume or hide it; one that could not be shown is tried again."""
        volumes = self._editor.state.volumes
        self.problems.pop(path, None)
        self._failed = {opened for opened in self._failed if opened[0] != path}
        if not on:
            volumes.pop(path, None)
        elif path not in volumes:
            volumes[path] = VolumeLook(self._colour(path))

    def look(self, path: Path) -> VolumeLook:
        """How a volume is shown, or would be."""
        return self._editor.state.volumes.get(path) or VolumeLook(self._colour(path))

    def change(self, path: Path, **properties: Any) -> None:
        """Show a volume otherwise: properties of `VolumeLook` by name; at once, nothing is read again."""
        self._editor.state.volumes[path] = replace(self.look(path), **properties)

    def result(self, path: Path) -> ExportResult | None:
        """What a volume is, if it is to be shown over the tomogram on the screen; else None."""
        return next((result for result in self._results() if result.path == path), None)

    # Every frame

    def follow(self) -> None:
        """Open what is to be shown and close what is not."""
        wanted = {(result.path, result.finished) for result in self._results()}
        for opened in [opened for opened in self._open if opened not in wanted]:
            self._close(self._open.pop(opened))
        for opened in wanted - self._open.keys() - self._opening.keys() - self._failed:
            self._begin(opened)
        for opened, volume in self._open.items():
            if volume.reader.problem and opened not in self._failed:
                self._fail(opened, volume.reader.problem)

    def pictures(self, plane: Plane, wanted: int, position: int) -> list[VolumePicture]:
        """What the shown volumes show in a slice, as far as it has been read.

        Parameters
        ----------
        plane
            Which plane.
        wanted
            Position along its normal that is to be read.
        position
            Position of the slice that is on the screen; nothing of another slice is given.
        """
        found = []
        for result in self._results():
            volume = self._open.get((result.path, result.finished))
            if volume is None:
                continue
            volume.reader.request(SliceRequest(plane, wanted))
            picture = volume.reader.ready(SliceRequest(plane, position))
            if picture is not None:
                found.append(VolumePicture(result.path, picture, volume.factor, self.look(result.path)))
        return found

    def close(self) -> None:
        """Close all files, at the end of the program."""
        for volume in self._open.values():
            volume.close()
        self._open.clear()

    # Within

    def _results(self) -> tuple[ExportResult, ...]:
        """Of the tomogram on the screen those that are to be shown, in the order in which they were switched on."""
        editor = self._editor
        if editor.shown is None or not editor.state.volumes:
            return ()
        results, path = editor.modelling.exports.results, editor.shown.entry.path
        others = editor.rendering.volumes.listed
        key = (results, others, path, tuple(editor.state.volumes))
        known = self._wanted[0]
        if not isinstance(known, tuple) or known[0] is not results or known[1] is not others or known[2:] != key[2:]:
            mine = {one.path: ExportResult(path, one.feature, one.path, Path(), 0.0, 0.0) for one in others}
            mine |= {result.path: result for result in results if result.tomogram == path}
            self._wanted = key, tuple(mine[one] for one in editor.state.volumes if one in mine)
        return self._wanted[1]

    def _begin(self, opened: Opened) -> None:
        editor, path = self._editor, opened[0]
        shown = editor.shown
        assert shown is not None
        shape, count = shown.shape, len(editor.state.volumes)
        self.problems.pop(path, None)

        def there(volume: _Volume) -> None:
            self._opening.pop(opened, None)
            if volume.tomogram.shape != shape:
                other = " x ".join(map(str, volume.tomogram.shape[::-1]))
                self._fail(opened, f"{path} has {other} voxels, unlike the tomogram: export it again.")
                self._close(volume)
            elif editor.closing:
                volume.close()
            else:
                self._open[opened] = volume

        def failed(sentence: str) -> None:
            self._opening.pop(opened, None)
            self._fail(opened, sentence)

        wake, memory = editor.wake, READING_BYTES // max(count, 1)
        self._opening[opened] = editor.background.run(lambda _: _opened(path, wake, memory), there, failed=failed)

    def _fail(self, opened: Opened, sentence: str) -> None:
        self._failed.add(opened)
        self.problems[opened[0]] = sentence
        self._editor.notices.problem(sentence)

    def _close(self, volume: _Volume) -> None:
        self._editor.background.run(lambda _: volume.close())

    def _colour(self, path: Path) -> Colour:
        """That of its surface, of the feature, of the model, else one of the palette."""
        editor = self._editor
        volume = editor.rendering.volumes.volume(path)
        if volume is not None:
            return volume.colour
        results = editor.modelling.exports.results
        number = next((index for index, result in enumerate(results) if result.path == path), None)
        if number is None:
            return PALETTE[0]
        result = results[number]
        for feature in editor.snapshot.features:
            if feature.name == result.feature:
                return feature.colour
        for model in editor.modelling.models.models:
            if model.entry.path == result.model and result.feature in model.found:
                return model.colours[model.found.index(result.feature)]
        return PALETTE[number % len(PALETTE)]


def _opened(path: Path, wake: Any, memory: int) -> _Volume:
    tomogram = Tomogram.open(path)
    kind = tomogram.dtype
    factor = 255.0 if kind.kind == "f" else 255 / 127 if kind == np.int8 else 1.0
    return _Volume(tomogram, SliceReader(tomogram, wake, memory_bytes=memory), factor)
