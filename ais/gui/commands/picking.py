"""Commands about picking particles from volumes."""

from __future__ import annotations

from ais.gui.commands.command import Command, with_project
from ais.gui.editor import Editor

MENU = "Render"


def _pick(editor: Editor) -> None:
    editor.rendering.picking.pick()


def _can_pick(editor: Editor) -> bool:
    picking = editor.rendering.picking
    if editor.shown is None or editor.read_only or picking.picking or picking.run.running:
        return False
    return picking.can_pick


def _can_pick_all(editor: Editor) -> bool:
    picking = editor.rendering.picking
    free = editor.shown is not None and not editor.read_only and not picking.run.running
    return free and picking.source is not None and not picking.choice.problem()


def _pick_all(editor: Editor) -> None:
    editor.rendering.picking.pick_all()


def _save(editor: Editor) -> None:
    editor.rendering.picking.save()


def _is_picked(editor: Editor) -> bool:
    return editor.shown is not None and editor.rendering.picking.present is not None


def _gallery(editor: Editor) -> None:
    gallery = editor.rendering.picking.gallery
    gallery.open = not gallery.open


def _gallery_is_open(editor: Editor) -> bool:
    return editor.rendering.picking.gallery.open


def _preview(editor: Editor) -> None:
    picking = editor.rendering.picking
    picking.previewing = not picking.previewing


def _previews(editor: Editor) -> bool:
    return editor.rendering.picking.previewing


PICKING_COMMANDS: tuple[Command, ...] = (
    Command(
        "picking.pick",
        "Pick this tomogram",
        MENU,
        _pick,
        tooltip="Keep what the preview shows as a set of particles; picking again replaces it",
        enabled=_can_pick,
        separated=True,
    ),
    Command(
        "picking.pick_all",
        "Pick all tomograms",
        MENU,
        _pick_all,
        tooltip="With the same settings, wherever there is a volume of the feature, in the background",
        enabled=_can_pick_all,
    ),
    Command(
        "picking.save",
        "Save picked particles...",
        MENU,
        _save,
        tooltip="Of the feature, in all tomograms, for RELION or Warp; the first lines are seen before",
        enabled=_is_picked,
    ),
    Command(
        "picking.preview",
        "Preview picking",
        MENU,
        _preview,
        tooltip="Show in the slices and in the scene what would be picked",
        enabled=with_project,
        checked=_previews,
    ),
    Command(
        "picking.gallery",
        "Gallery of particles",
        MENU,
        _gallery,
        tooltip="Pictures of the particles of a set, to look them through and take the wrong ones out",
        enabled=with_project,
        checked=_gallery_is_open,
    ),
)
