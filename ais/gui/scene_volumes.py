"""Segmented volumes of the tomogram on the screen as surfaces: found, meshed in threads, looked at."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ais.annotation.feature_operations import PALETTE
from ais.annotation.volume_look_operations import ChangeVolumes
from ais.annotation.volume_looks import LOOK_DEFAULT, Removals, SurfaceLook, VolumeEntry
from ais.formats.registry import volume_stem
from ais.gui.feature_preview import shown_features
from ais.gui.scene.contents import HIDDEN, HIGHLIGHTED, SHOWN, SurfaceItem
from ais.gui.scene_meshing import MeshWish, VolumeMesh
from ais.gui.scene_volume import ComponentFacts, SceneVolume
from ais.gui.state import Tab
from ais.gui.volume_meshes import VolumeMeshes, Wanted
from ais.gui.volume_search import SearchPlan, VolumeSearch, plan_of, volumes_of

if TYPE_CHECKING:
    from ais.annotation.entries import Colour
    from ais.gui.document import Document
    from ais.gui.editor import Editor

LEVEL, DUST = 128.0, 0.0
"""Where neither the project nor the feature library knows better."""
KEYS_OF_VOLUMES = "segmented volumes"
"""What `Shell.keys_taken` calls the list of them."""
LEAST_LEVEL = 0.5


class SceneVolumes:
    """The volumes of the tomogram on the screen, and their surfaces.

    Parameters
    ----------
    editor
        Whose tomogram they belong to.

    Attributes
    ----------
    listed
        In the order of the list; the same object as long as it is the same list.
    selected
        The one whose properties are shown; None if there is none.
    """

    def __init__(self, editor: Editor) -> None:
        self._editor = editor
        self.listed: tuple[SceneVolume, ...] = ()
        self._told = False
        self.selected: Path | None = None
        self._document: Document | None = None
        self._tomogram: Path | None = None
        self._search = VolumeSearch(editor.background)
        self._meshes = VolumeMeshes(editor.background)
        self._previews: dict[Path, dict[str, Any]] = {}
        self._listed_of: tuple[object, ...] = ()
        self._entries: dict[Path, VolumeEntry] = {}
        self._colours: dict[Path, Colour] = {}
        self._items: dict[Path, tuple[tuple[object, ...], SurfaceItem]] = {}
        self._together: tuple[SurfaceItem, ...] = ()
        self._selection: tuple[object, dict[Hashable, tuple[int, ...]]] = (None, {})

    # For lists and panels

    def volume(self, key: Hashable) -> SceneVolume | None:
        """The volume of a key, or None."""
        return next((volume for volume in self.listed if volume.path == key), None)

    def look(self, path: Path) -> SurfaceLook:
        """How a volume looks now: as previewed, else as saved; colour, level and dust are never None."""
        entry = self._entries.get(path)
        look = entry.look if entry is not None else LOOK_DEFAULT
        if preview := self._previews.get(path):
            look = replace(look, **preview)
        if look.colour is not None and look.level is not None and look.dust is not None:
            return look
        colour, level, dust = self._default(path)
        return replace(
            look,
            colour=look.colour if look.colour is not None else colour,
            level=look.level if look.level is not None else level,
            dust=look.dust if look.dust is not None else dust,
        )

    def removals(self, path: Path) -> Removals:
        """Which components of a volume of the tomogram on the screen are taken for false."""
        return self.look(path).removals

    def mesh(self, path: Path) -> VolumeMesh | None:
        """The newest surface of a volume, with what is known of its components; None while there is none."""
        return self._meshes.mesh(path)

    def busy(self, path: Path) -> bool:
        """Whether its surface is being made."""
        return self._meshes.busy(path)

    def slow(self, path: Path) -> bool:
        """Whether its surface has been being made for so long that it is to be said."""
        return self._meshes.slow(path)

    def fraction(self, path: Path) -> float | None:
        """How much of it has been read; None while that cannot be said."""
        return self._meshes.fraction(path)

    def problem(self, path: Path) -> str:
        """Why it cannot be shown, in one sentence; empty if it can."""
        volume = self.volume(path)
        if volume is not None and volume.missing:
            return f"{path} is missing: put it back, or remove it from the list."
        return self._meshes.problem(path)

    def note(self, path: Path) -> str:
        """What is unusual about it, in one sentence; empty if nothing is."""
        return self._meshes.note(path)

    def counts(self, path: Path) -> tuple[int, int]:
        """How many components are drawn, and how many there are but for those that were removed."""
        mesh = self.mesh(path)
        if mesh is None:
            return 0, 0
        return int(np.count_nonzero(self.visible(path))), int(np.count_nonzero(~mesh.removed))

    def visible(self, path: Path) -> NDArray[np.bool_]:
        """(k,) bool: the components of its surface that are drawn."""
        mesh = self.mesh(path)
        if mesh is None:
            return np.zeros(0, np.bool_)
        shown = ~(mesh.removed | mesh.hidden)
        shown[_larger(mesh, self.look(path).dust or 0.0) :] = False
        return shown

    @property
    def voxel_size(self) -> float:
        """Of the tomogram on the screen, in angstrom; 0 if it is not known."""
        shown = self._editor.shown
        return shown.tomogram.voxel_size if shown is not None else 0.0

    @property
    def looking(self) -> bool:
        """Whether it is still being looked for volumes."""
        return self._editor.shown is not None and self._search.plan is None

    # What may be changed

    def preview(self, path: Path, **properties: Any) -> None:
        """Show a volume otherwise: properties of `SurfaceLook` by name, not saved yet."""
        self._previews[path] = {**self._previews.get(path, {}), **properties}

    def save_preview(self, path: Path, title: str) -> None:
        """Save what is previewed of a volume, as one step of undo."""
        if wanted := self._previews.get(path):
            self._submit({path: wanted}, title)

    def change(self, changes: Mapping[Path, Mapping[str, Any]], title: str) -> None:
        """Change how volumes look, as one step of undo; seen at once.

        Parameters
        ----------
        changes
            For each volume properties of `SurfaceLook` by name.
        title
            For the history panel.
        """
        for path, properties in changes.items():
            self._meshes.try_again(path)
            self.preview(path, **properties)
        self._submit({path: self._previews[path] for path in changes}, title)

    def add(self, paths: Sequence[Path]) -> None:
        """Put volumes into the list, wherever they lie."""
        absolute = [Path(path).absolute() for path in paths]
        if absolute:
            self.selected = absolute[0]
            names = ", ".join(path.name for path in absolute)
            self._submit({path: {"by_hand": True, "listed": True} for path in absolute}, f"Add volume {names}")

    def take_off(self, path: Path) -> None:
        """Take a volume off the list; its file stays."""
        self._submit({path: {"by_hand": False, "listed": False}}, f"Remove {path.name} from the list of volumes")

    def look_again(self) -> None:
        """Look for volumes once more, such as when other programs may have written files."""
        self._search.look_again()

    # Components

    def component(self, key: Hashable, index: int) -> ComponentFacts | None:
        """What is known of a component of a surface of `items`; None if there is none of this number."""
        mesh = self._meshes.mesh(key) if isinstance(key, Path) else None
        if mesh is None or not 0 <= index < mesh.surface.volumes.size:
            return None
        z, y, x = (float(at) for at in mesh.centroids[index])
        peak_z, peak_y, peak_x = (int(at) for at in mesh.peaks[index])
        return ComponentFacts(
            volume_nm3=float(mesh.surface.volumes_nm3[index]),
            centre=self._editor.rendering.to_angstrom(z, y, x),
            voxel=(z, y, x),
            weight=float(mesh.weights[index]),
            anchor=(peak_z, peak_y, peak_x),
            at_border=bool(mesh.at_border[index]),
        )

    def component_at(self, key: Hashable, voxel: tuple[int, int, int]) -> int | None:
        """The component at a voxel z, y, x of the tomogram; None where there is none that is seen."""
        mesh = self._meshes.mesh(key) if isinstance(key, Path) else None
        if mesh is None or not isinstance(key, Path):
            return None
        found = int(mesh.components.at([[at // mesh.bin for at in voxel]])[0])
        return found if found >= 0 and self.visible(key)[found] else None

    # Every frame

    def follow(self) -> None:
        """Take in what threads have made and have made what is missing; once a frame."""
        editor = self._editor
        tomogram = editor.shown.entry.path if editor.shown is not None else None
        if editor.state.tab is not Tab.RENDER or tomogram is None:
            editor.shell.keys_taken.pop(KEYS_OF_VOLUMES, None)  # the list is not drawn, so it cannot give them back
        if editor.document is not self._document or tomogram != self._tomogram:
            self._told = self._told and editor.document is self._document
            self._document, self._tomogram = editor.document, tomogram
            self._previews.clear()
            self._items.clear()
            self._colours.clear()
            self._meshes.forget()
            self._search.forget()
            self.listed, self._listed_of, self.selected = (), (), None
        wanted = self._is_wanted()
        self._told |= wanted and bool(self._together)  # at its start the window shows every tab for a moment
        self._search.follow(self._plan() if wanted or not self._told else None)
        self._list()
        if not (wanted or self._told or self._entries) and self.listed:
            self._tell()
        self._meshes.forget({volume.path: None for volume in self.listed})
        self._meshes.follow(self._wanted() if wanted else {})
        self._colour_overlays()

    def items(self) -> tuple[SurfaceItem, ...]:
        """What of it is in the scene; the same objects as long as nothing changes."""
        found = [item for volume in self.listed if (item := self._item(volume.path)) is not None]
        if len(found) != len(self._together) or any(a is not b for a, b in zip(found, self._together, strict=True)):
            self._together = tuple(found)
        return self._together

    @property
    def seconds_to_frame(self) -> float | None:
        """When `follow` has something to do though nobody wakes the window."""
        return self._meshes.seconds_to_frame

    # Within

    def _is_wanted(self) -> bool:
        """Whether anybody sees it: it costs memory, and time of two processors."""
        editor = self._editor
        return editor.shown is not None and (editor.state.tab is Tab.RENDER or editor.shell.scene_shown)

    def _tell(self) -> None:
        """Say, once for each project, that there is something to see in 3D, to somebody who has not looked yet."""
        self._told, count = True, len(self.listed)
        words, them = ("a segmented volume", "it") if count == 1 else (f"{count} segmented volumes", "them")
        name = self._editor.shown.entry.name if self._editor.shown is not None else "The tomogram"
        self._editor.notices.say(f"{name} has {words}: the tab Render shows {them} in 3D.", "hint")

    def _plan(self) -> SearchPlan | None:
        editor, path = self._editor, self._tomogram
        if path is None or not editor.snapshot.revision:
            return None
        exports = editor.modelling.exports
        results = exports.results_of(path)
        exported = frozenset(result.path for result in results)
        known = {entry.path: entry for entry in editor.snapshot.volumes}
        newest = max((result.finished for result in results), default=0.0)
        return replace(plan_of(path, exports.wish.folder, exported, known), exported=newest)

    def _list(self) -> None:
        """Make the list anew if anything in it may have changed."""
        snapshot, found = self._editor.snapshot, self._search.found
        made_of = (self._tomogram, snapshot.volumes, found, self._search.plan)
        if self._listed_of and all(new is old for new, old in zip(made_of, self._listed_of, strict=True)):
            return
        self._listed_of = made_of
        entries = {entry.path: entry for entry in snapshot.volumes if snapshot.watched == self._editor.state.tomogram}
        self._entries = entries
        if self._tomogram is None or self._search.plan is None:
            self.listed = ()
            return
        exported = {result.path for result in self._editor.modelling.exports.results_of(self._tomogram)}
        self.listed = tuple(
            SceneVolume(**vars(one), _volumes=self) for one in volumes_of(self._tomogram, found, exported, entries)
        )
        if self.volume(self.selected) is None:
            self.selected = self.listed[0].path if self.listed else None

    def _wanted(self) -> dict[Path, Wanted]:
        editor = self._editor
        assert editor.shown is not None
        size, origin, shape = editor.rendering.voxel_size, editor.rendering.origin, editor.shown.shape
        found = {}
        for volume in sorted(self.listed, key=lambda volume: volume.path != self.selected):
            look = self.look(volume.path)
            if not look.shown or volume.missing:
                continue
            level = max(look.level or 0.0, LEAST_LEVEL)
            wish = MeshWish(level, look.smooth, look.removals, look.hidden, size, origin)
            dragged = "level" in self._previews.get(volume.path, {})
            file = self._search.found.get(volume.path)
            found[volume.path] = Wanted(file, shape, look.bin, wish, dragged)
        return found

    def _item(self, path: Path) -> SurfaceItem | None:
        look, mesh = self.look(path), self.mesh(path)
        if mesh is None or not look.shown or look.colour is None:
            self._items.pop(path, None)
            return None
        selected = self._selected_of(path)
        made_of = (mesh, look.dust, look.colour, look.alpha, selected)
        known = self._items.get(path)
        if known is None or known[0] != made_of:
            states = np.where(self.visible(path), np.uint8(SHOWN), np.uint8(HIDDEN))
            numbers = np.array([index for index in selected if index < states.size], np.intp)
            states[numbers[states[numbers] == SHOWN]] = HIGHLIGHTED
            known = made_of, SurfaceItem(path, mesh.surface, look.colour, look.alpha, states)
            self._items[path] = known
        return known[1]

    def _selected_of(self, path: Path) -> tuple[int, ...]:
        """Components of a volume that are selected; the same object as long as the selection is."""
        selected = self._editor.rendering.view.selected
        if self._selection[0] is not selected:
            numbers: dict[Hashable, list[int]] = {}
            for key, index in selected:
                numbers.setdefault(key, []).append(index)
            self._selection = selected, {key: tuple(found) for key, found in numbers.items()}
        return self._selection[1].get(path, ())

    def _default(self, path: Path) -> tuple[Colour, float, float]:
        """Colour, level and dust of the feature, or of its name in the feature library."""
        editor, volume = self._editor, self.volume(path)
        name = (volume.feature if volume is not None else volume_stem(path)).casefold()
        for feature in shown_features(editor):
            if feature.name.casefold() == name:
                return feature.colour, feature.level, feature.dust
        remembered = editor.feature_shelf.entry(name)
        if remembered is not None:
            return remembered.colour, remembered.level, remembered.dust
        number = next((at for at, each in enumerate(self.listed) if each.path == path), 0)
        for model in editor.modelling.models.models:
            for found, ink in zip(model.found, model.colours, strict=False):
                if found.casefold() == name:
                    return ink, LEVEL, DUST
        return PALETTE[number % len(PALETTE)], LEVEL, DUST

    def _submit(self, changes: Mapping[Path, Mapping[str, Any]], title: str) -> None:
        editor = self._editor
        if editor.state.tomogram is None or editor.document is None:
            return
        if editor.read_only and all(path in self._previews for path in changes):
            return  # it is seen so as long as the window is open
        previews = {path: self._previews.get(path) for path in changes}

        def forget() -> None:
            for path, wanted in previews.items():
                if wanted is not None and self._previews.get(path) is wanted:
                    del self._previews[path]

        copies = {path: dict(properties) for path, properties in changes.items()}
        editor.submit(ChangeVolumes(editor.state.tomogram, copies, title), lambda _: forget(), forget)

    def _colour_overlays(self) -> None:
        """A volume has the same colour over the slices."""
        overlays = self._editor.modelling.overlays
        for volume in self.listed:
            colour = self.look(volume.path).colour
            if colour is not None and self._colours.get(volume.path) != colour:
                self._colours[volume.path] = colour
                if overlays.shown(volume.path):
                    overlays.change(volume.path, colour=colour)


def _larger(mesh: VolumeMesh, dust: float) -> int:
    """How many components are at least as large as a volume in cubic angstrom; the largest come first."""
    return int(np.searchsorted(-mesh.surface.volumes, -dust, side="right"))
