"""Commands about the surfaces of segmented volumes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ais.formats.registry import readable_suffixes
from ais.gui import component_edits
from ais.gui.commands.command import Command, with_tomogram
from ais.gui.dialogs import FileKind
from ais.gui.editor import Editor
from ais.gui.scene_volume import SceneVolume
from ais.gui.volume_looks import look_as_feature, use_look_everywhere

MENU = "Render/Volumes"
VOLUMES = FileKind("Volumes", tuple(readable_suffixes()))


def _selected(editor: Editor) -> SceneVolume | None:
    volumes = editor.rendering.volumes
    return volumes.volume(volumes.selected)


def _can_change(editor: Editor) -> bool:
    return editor.shown is not None and bool(editor.rendering.volumes.listed)


def _can_change_selected(editor: Editor) -> bool:
    return editor.shown is not None and _selected(editor) is not None


def _add(editor: Editor) -> None:
    editor.dialogs.open_files("Add segmented volumes of this tomogram", (VOLUMES,), editor.rendering.volumes.add)


def _look_again(editor: Editor) -> None:
    editor.rendering.volumes.look_again()


def _all_shown(editor: Editor) -> bool:
    volumes = editor.rendering.volumes.listed
    return bool(volumes) and all(volume.look.shown for volume in volumes)


def _show_all(editor: Editor) -> None:
    """Show all, or hide all if all are shown."""
    on = not _all_shown(editor)
    changed = {v.path: {"shown": on} for v in editor.rendering.volumes.listed if v.look.shown != on}
    if changed:
        editor.rendering.volumes.change(changed, f"{'Show' if on else 'Hide'} all volumes")


def _show(editor: Editor) -> None:
    volume = _selected(editor)
    if volume is not None:
        show(editor, volume, not volume.look.shown)


def show(editor: Editor, volume: SceneVolume, on: bool) -> None:
    """Show a volume in the scene, or hide it."""
    editor.rendering.volumes.change({volume.path: {"shown": on}}, f"{'Show' if on else 'Hide'} volume {volume.name}")


def _is_shown(editor: Editor) -> bool:
    volume = _selected(editor)
    return volume is not None and volume.look.shown


def _only(editor: Editor) -> None:
    """Hide all volumes but the selected one."""
    volumes, selected = editor.rendering.volumes, _selected(editor)
    if selected is None:
        return
    changed = {v.path: {"shown": v is selected} for v in volumes.listed if v.look.shown != (v is selected)}
    if changed:
        volumes.change(changed, f"Hide all volumes but {selected.name}")


def _step(count: int) -> Callable[[Editor], None]:
    def run(editor: Editor) -> None:
        volumes = editor.rendering.volumes
        paths: list[Path | None] = [volume.path for volume in volumes.listed]
        if paths:
            at = paths.index(volumes.selected) if volumes.selected in paths else -count
            volumes.selected = paths[(at + count) % len(paths)]

    return run


def _shown_in_2d(editor: Editor) -> bool:
    volume = _selected(editor)
    return volume is not None and editor.modelling.overlays.shown(volume.path)


def _show_in_2d(editor: Editor) -> None:
    """Show the selected volume over the slices as it is in the scene, or hide it there."""
    volume, overlays = _selected(editor), editor.modelling.overlays
    if volume is None:
        return
    if overlays.shown(volume.path):
        overlays.show(volume.path, False)
    else:
        overlays.show(volume.path)
        overlays.change(volume.path, colour=volume.colour, threshold=volume.look.level)


def _as_feature(editor: Editor) -> None:
    volume = _selected(editor)
    if volume is not None:
        look_as_feature(editor, volume)


def _everywhere(editor: Editor) -> None:
    volume = _selected(editor)
    if volume is not None:
        use_look_everywhere(editor, volume)


def _show_hidden(editor: Editor) -> None:
    component_edits.show_all(editor)


def _restore(editor: Editor) -> None:
    component_edits.restore_all(editor)


def _has_hidden(editor: Editor) -> bool:
    return _can_change(editor) and any(volume.look.hidden for volume in editor.rendering.volumes.listed)


def _has_removed(editor: Editor) -> bool:
    return _can_change(editor) and any(volume.look.removals for volume in editor.rendering.volumes.listed)


def _take_off(editor: Editor) -> None:
    volume = _selected(editor)
    if volume is not None:
        editor.rendering.volumes.take_off(volume.path)


SURFACE_COMMANDS: tuple[Command, ...] = (
    Command(
        "surfaces.add",
        "Add volume...",
        MENU,
        _add,
        tooltip="A segmented volume of this tomogram that lies elsewhere or has another name",
        enabled=with_tomogram,
    ),
    Command(
        "surfaces.look",
        "Look for volumes again",
        MENU,
        _look_again,
        tooltip="Those of this tomogram beside it and in the folders of its exports are listed by themselves",
        enabled=with_tomogram,
    ),
    Command(
        "surfaces.show_all",
        "Show all volumes",
        MENU,
        _show_all,
        tooltip="Show the surfaces of all volumes, or hide all",
        enabled=_can_change,
        checked=_all_shown,
        separated=True,
    ),
    Command(
        "surfaces.show",
        "Show selected volume",
        MENU,
        _show,
        tooltip="Show its surface, or hide it",
        enabled=_can_change_selected,
        checked=_is_shown,
    ),
    Command(
        "surfaces.only",
        "Hide all other volumes",
        MENU,
        _only,
        tooltip="Show the surface of the selected volume alone",
        enabled=_can_change_selected,
    ),
    Command(
        "surfaces.in_slices",
        "Show over the slices",
        MENU,
        _show_in_2d,
        tooltip="Show the selected volume over the slices too, from the same level on",
        enabled=_can_change_selected,
        checked=_shown_in_2d,
    ),
    Command("surfaces.next", "Select next volume", MENU, _step(1), enabled=_can_change, repeats=True, separated=True),
    Command("surfaces.previous", "Select previous volume", MENU, _step(-1), enabled=_can_change, repeats=True),
    Command(
        "surfaces.everywhere",
        "Use this look in all tomograms",
        MENU,
        _everywhere,
        tooltip="Colour, level and dust of the selected volume become those of its feature",
        enabled=_can_change_selected,
        separated=True,
    ),
    Command(
        "surfaces.as_feature",
        "Look like the feature",
        MENU,
        _as_feature,
        tooltip="The selected volume gets colour, level and dust of its feature",
        enabled=_can_change_selected,
    ),
    Command(
        "surfaces.show_hidden",
        "Show hidden components",
        MENU,
        _show_hidden,
        tooltip="Components that were hidden in the scene, of all volumes",
        enabled=_has_hidden,
        separated=True,
    ),
    Command(
        "surfaces.restore",
        "Restore removed components",
        MENU,
        _restore,
        tooltip="Components that were removed, of all volumes",
        enabled=_has_removed,
    ),
    Command(
        "surfaces.take_off",
        "Remove volume from the list",
        MENU,
        _take_off,
        tooltip="The file stays; adding it brings it back",
        enabled=_can_change_selected,
        separated=True,
    ),
)
