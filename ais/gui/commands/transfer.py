"""Commands that read annotations from files of other programs and write them for others."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ais.annotation import IGNORE, ImportSlice
from ais.annotation.exporting import Kind, export_coordinates, export_mask_slice, export_mask_volume
from ais.annotation.slice_files import read_slice
from ais.gui.background import Work
from ais.gui.commands.command import Command
from ais.gui.commands.conditions import annotated, can_paint, slice_in_hand
from ais.gui.commands.file import tomogram_kinds
from ais.gui.dialogs import ALL_FILES, FileKind
from ais.gui.editor import Editor
from ais.gui.import_mask import ImportMaskFile
from ais.gui.sheet import ChoiceField, Field, NumberField, Sheet
from ais.project import Project

VOLUMES = FileKind("MRC volumes", (".mrc",))
PICTURES = FileKind("Slices", (".png", ".tif", ".tiff", ".mrc"))
PICTURE_KINDS = (
    FileKind("PNG pictures", (".png",)),
    FileKind("TIFF pictures", (".tif", ".tiff")),
    FileKind("MRC files", (".mrc",)),
)
COORDINATES = (
    FileKind("Star files", (".star",)),
    FileKind("Tables with commas", (".csv",)),
    FileKind("Text: x y z", (".txt", ".tsv")),
)
PAINT_BY = ("Above 0", "At least the value", "Equal to the value")
DIALECTS = ("relion5", "warp", "relion4")
DIALECT_NAMES = ("RELION 5", "Warp", "RELION 4")


# Import


def _import(editor: Editor, title: str, path: Path, paint: Callable[[dict[str, Any]], None]) -> None:
    """Ask which voxels of a mask are painted."""
    chosen = ChoiceField("Paint voxels", PAINT_BY)
    value = NumberField("Value", 1.0, -1e30, 1e30, asked=lambda: chosen.value > 0)
    kept = ChoiceField("What is there", ["Stays", "Is replaced"])

    def accept() -> None:
        threshold = value.value if chosen.value == 1 else None
        label = value.value if chosen.value == 2 else None
        paint({"threshold": threshold, "label": label, "replace": bool(kept.value)})

    editor.shell.sheets.append(Sheet(title, "Import", (chosen, value, kept), accept, path.name))


def _import_mask(editor: Editor) -> None:
    tomogram, feature, _ = slice_in_hand(editor)

    def chosen(paths: list[Path]) -> None:
        path = paths[0]

        def paint(how: dict[str, Any]) -> None:
            work = editor.watch(f"Importing {path.name}")

            def end() -> None:
                work.finished = True

            def done(slices: list[int]) -> None:
                end()
                count = f"{len(slices)} slice{'s' if len(slices) != 1 else ''}"
                editor.notices.say(f"Imported {count} of {path.name}.")

            editor.submit(ImportMaskFile(path, tomogram, feature, **how, progress=work), done, end)

        _import(editor, "Import a mask", path, paint)

    editor.dialogs.open_files("Import mask", tomogram_kinds("Masks"), chosen, many=False)


def _import_slice(editor: Editor) -> None:
    tomogram, feature, z = slice_in_hand(editor)

    def chosen(paths: list[Path]) -> None:
        path = paths[0]

        def paint(how: dict[str, Any]) -> None:
            editor.background.run(
                lambda _: read_slice(path),
                lambda picture: editor.submit(ImportSlice(tomogram, feature, z, picture, **how)),
                title=f"Importing {path.name}",
            )

        _import(editor, f"Import into slice {z}", path, paint)

    editor.dialogs.open_files("Import slice", (PICTURES, ALL_FILES), chosen, many=False)


# Export


def _suggestion(editor: Editor, words: str, ending: str) -> Path:
    tomogram = editor.snapshot.tomogram(editor.state.tomogram)
    feature = editor.snapshot.feature(editor.state.feature)
    name = feature.name if feature is not None else "ignore"
    return Path(f"{tomogram.name if tomogram is not None else 'tomogram'}__{name}{words}{ending}")


def _write(editor: Editor, path: Path, write: Callable[[Project, Work], object], done: str = "") -> None:
    """Write a file in a thread, after the edits that were made before."""

    def begin(project: Project) -> None:
        editor.background.run(
            lambda work: write(project, work),
            lambda _: editor.notices.say(done or f"Wrote {path}."),
            title=f"Writing {path.name}",
        )

    if editor.document is not None:
        editor.document.ask(lambda project: project, begin)


def _export_marks(editor: Editor, what: str, kinds: tuple[Kind, ...]) -> None:
    tomogram, feature, _ = slice_in_hand(editor)
    where = ChoiceField("From", ["This tomogram", "All tomograms"])
    which = ChoiceField("Boxes", ["Positive", "Negative"])
    dialect = ChoiceField("Star file for", DIALECT_NAMES)
    tilt_pixel = NumberField(
        "Unbinned pixel",
        1.0,
        *(0.01, 1000.0, "A"),
        tooltip="Of the tilt series before binning, which RELION 4 counts in",
        asked=lambda: DIALECTS[dialect.value] == "relion4",
    )
    fields: list[Field] = [where, *([which] if len(kinds) > 1 else []), dialect, tilt_pixel]

    def accept() -> None:
        def save(path: Path) -> None:
            def write(project: Project, _: Work) -> None:
                export_coordinates(
                    project,
                    feature,
                    kinds[which.value],
                    path,
                    tomograms=None if where.value else [tomogram],
                    dialect=DIALECTS[dialect.value],
                    tilt_series_pixel_size=tilt_pixel.value if DIALECTS[dialect.value] == "relion4" else None,
                )

            _write(editor, path, write)

        editor.dialogs.save_file(f"Export {what}", _suggestion(editor, f"_{what}", ".star"), COORDINATES, save)

    note = "The file is chosen next; its ending says what it is: .star, .csv, .txt or .tsv."
    editor.shell.sheets.append(Sheet(f"Export {what}", "Choose file...", fields, accept, note))


def _export_boxes(editor: Editor) -> None:
    _export_marks(editor, "boxes", ("boxes", "negative boxes"))


def _export_picks(editor: Editor) -> None:
    _export_marks(editor, "picks", ("picks",))


def _export_slice(editor: Editor) -> None:
    tomogram, feature, z = slice_in_hand(editor)

    def save(path: Path) -> None:
        _write(editor, path, lambda project, _: export_mask_slice(project, tomogram, feature, z, path))

    editor.dialogs.save_file("Export slice", _suggestion(editor, f"_slice{z}", ".png"), PICTURE_KINDS, save)


def _export_volume(editor: Editor) -> None:
    tomogram, feature, _ = slice_in_hand(editor)

    def save(path: Path) -> None:
        _write(editor, path, lambda project, work: export_mask_volume(project, tomogram, feature, path, progress=work))

    editor.dialogs.save_file("Export annotation", _suggestion(editor, "_annotation", ".mrc"), (VOLUMES,), save)


def _has_boxes(editor: Editor) -> bool:
    feature = editor.state.feature or IGNORE
    found = (counts.get(feature) for counts in editor.snapshot.box_counts.values())
    return _with_feature_shown(editor) and any(count is not None and count.positive + count.negative for count in found)


def _has_picks(editor: Editor) -> bool:
    found = editor.snapshot.picks.get(editor.state.feature or IGNORE)
    return _with_feature_shown(editor) and found is not None and bool(found.picks)


def _with_feature_shown(editor: Editor) -> bool:
    return editor.shown is not None and editor.snapshot.feature(editor.state.feature) is not None


def _has_slice(editor: Editor) -> bool:
    return editor.state.z in annotated(editor)


def _has_annotation(editor: Editor) -> bool:
    return bool(annotated(editor))


TRANSFER_COMMANDS = (
    Command(
        "annotation.import_mask",
        "Import mask...",
        "Feature/Import",
        _import_mask,
        "",
        "A volume of the tomogram's shape becomes the annotation of this feature",
        can_paint,
    ),
    Command(
        "annotation.import_slice",
        "Import slice...",
        "Feature/Import",
        _import_slice,
        "",
        "A picture becomes the annotation of this slice",
        can_paint,
    ),
    Command("export.boxes", "Export boxes...", "Export/Annotation", _export_boxes, "", "", _has_boxes),
    Command("export.picks", "Export picks...", "Export/Annotation", _export_picks, "", "", _has_picks),
    Command("export.slice", "Export slice...", "Export/Annotation", _export_slice, "", "", _has_slice),
    Command(
        "export.annotation",
        "Export annotation as a volume...",
        "Export/Annotation",
        _export_volume,
        "",
        "",
        _has_annotation,
    ),
)
