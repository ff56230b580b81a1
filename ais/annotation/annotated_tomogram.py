"""An annotated tomogram of Ais 1.x made a part of a project: its tomogram, features, masks, boxes and crop region."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ais.annotation.box_operations import PlaceBoxes
from ais.annotation.entries import Feature, TomogramEntry
from ais.annotation.feature_operations import (
    BOX_SIZES_PX,
    MAX_BRUSH_PX,
    MAX_NAME,
    AddFeature,
    ChangeFeature,
    file_safe_name,
)
from ais.annotation.operation import Operation
from ais.annotation.record_operations import ChangeSetting
from ais.annotation.tiles import cut_into_tiles
from ais.annotation.tomogram_operations import AddTomogram, SetVoxelSize
from ais.errors import AisError
from ais.formats.registry import volume_stem
from ais.formats.scns import Scns, ScnsFeature

if TYPE_CHECKING:
    from ais.project import Project
    from ais.project.edit import Edit
    from ais.project.reading import ProjectReader

FOLDER_END = "_tomograms"
DEFAULT_BOX_SIZE, DEFAULT_BRUSH_RADIUS, DEFAULT_ALPHA = 64, 10.0, 0.5
MIN_BRUSH_PX = 0.1
DIFFERENT = 0.01


@dataclass(frozen=True)
class ImportedAnnotation:
    """What came of an annotated tomogram of Ais 1.x.

    Attributes
    ----------
    tomogram
        The tomogram it belongs to, which may be missing.
    features
        How many features it has.
    slices, boxes
        How many of them were painted, and placed.
    messages
        Sentences for the user about what is missing or was left out.
    """

    tomogram: TomogramEntry
    features: int
    slices: int
    boxes: int
    messages: list[str]


@dataclass(frozen=True)
class ImportAnnotated(Operation[ImportedAnnotation]):
    """Add what a ``.scns`` holds, as one step of undo; what is there already is kept, and not added again.

    The tomogram is the file that it names, if that exists; else the one of the project with the same file name (without
    ending) and size; else it is kept as missing, to be relinked.

    Attributes
    ----------
    content
        What `ais.formats.scns.read_scns` gives.
    tomogram
        Its tomogram's file, if that is known better than from what the content says.
    voxel_size
        Overrides the tomogram's, in angstrom.
    """

    content: Scns
    tomogram: Path | None = None
    voxel_size: float | None = None

    def text(self, edit: Edit) -> str:
        """Names the file."""
        del edit
        return f"Import {self.content.path.name}"

    def apply(self, edit: Edit) -> ImportedAnnotation:
        """Add the tomogram, then feature by feature what is painted and placed."""
        content, messages = self.content, list[str]()
        entry = self._tomogram(edit, messages)
        entry = self._with_voxel_size(edit, entry, messages)
        slices = boxes = 0
        for name, feature in _named(content.features):
            number = _feature(edit, name, feature).id
            for z, mask in sorted(feature.masks.items()):
                tiles = cut_into_tiles(mask.read() != 0)
                if tiles:
                    edit.paint(entry.id, number, z, tiles)
                    slices += 1
            inside = [
                box for box in feature.boxes if all(0 <= at < side for at, side in zip(box, entry.shape, strict=True))
            ]
            boxes += len(PlaceBoxes(entry.id, number, inside).apply(edit))
            if left := len(feature.boxes) - len(inside):
                boxes_left = f"{left} box{'es' if left > 1 else ''}"
                messages.append(f"{content.path}: {boxes_left} of {name} outside the tomogram left out.")
        if content.crop is not None and edit.project.setting(_crop_key(entry.id)) is None:
            ranges = [list(limits) for limits in content.crop]
            ChangeSetting(_crop_key(entry.id), ranges, "crop region").apply(edit)
        return ImportedAnnotation(entry, len(content.features), slices, boxes, messages)

    def _tomogram(self, edit: Edit, messages: list[str]) -> TomogramEntry:
        content = self.content
        path = self.tomogram or _own_path(content)
        if path is not None and path.exists():
            return AddTomogram(path, content.shape).apply(edit)
        there, missing = same_tomograms(edit.project, content)
        if len(there) == 1:
            return there[0]
        place = content.tomogram if path is None else str(path)
        if there:
            files = ", ".join(str(entry.path) for entry in there)
            messages.append(
                f"{content.path} is about {place}, which is missing; it could be any of {files}: relink it."
            )
        else:
            messages.append(
                f"{content.path} is about {place}, which is missing: add that tomogram as well, or relink it."
            )
        if missing:
            return missing[0]
        if path is not None:
            return AddTomogram(path, content.shape, content.voxel_size).apply(edit)
        stem = volume_stem(Path(content.tomogram_file))
        number = edit.insert(
            "tomograms",
            name=edit.check_text(stem),
            path=edit.check_text(content.tomogram),
            relative_path=None,
            **dict(zip(("nz", "ny", "nx"), content.shape, strict=True)),
            header_voxel_size=content.voxel_size,
        )
        edit.acted_on(number)
        return edit.project.tomogram_by_id(number)

    def _with_voxel_size(self, edit: Edit, entry: TomogramEntry, messages: list[str]) -> TomogramEntry:
        stated = self.content.voxel_size
        if self.voxel_size is not None:
            return SetVoxelSize(entry.id, self.voxel_size).apply(edit)
        if stated and not entry.voxel_size:
            return SetVoxelSize(entry.id, stated).apply(edit)
        if stated and abs(stated - entry.voxel_size) > DIFFERENT * entry.voxel_size:
            messages.append(
                f"{self.content.path} was annotated at {stated:g} A per voxel; "
                f"{entry.name} has {entry.voxel_size:g} A, which is kept."
            )
        return entry


def contrast_key(tomogram: int) -> str:
    """Under which a project keeps the contrast of Ais 1.x until the window has shown it; see `keep_contrast`."""
    return f"contrast {tomogram}"


def contrast_of(content: Scns) -> dict[str, Any] | None:
    """What the window takes over: ``low``, ``high`` (both None where the file does not say) and ``invert``."""
    if content.contrast is None and not content.invert:
        return None
    low, high = content.contrast or (None, None)
    return {"low": low, "high": high, "invert": content.invert}


def keep_contrast(project: Project, tomogram: int, content: Scns) -> None:
    """Have the window show a tomogram as Ais 1.x did, unless the user has chosen another contrast for it."""
    value = contrast_of(content)
    if value is not None:
        project.set_view_state(contrast_key(tomogram), value)


def _crop_key(tomogram: int) -> str:
    # The editor keeps its crop regions under this key; a test compares both.
    return f"crop {tomogram}"


def _named(features: tuple[ScnsFeature, ...]) -> Iterator[tuple[str, ScnsFeature]]:
    """Features by names that a project can have; of several with one name the second is always numbered 2."""
    times: dict[str, int] = {}
    for feature in features:
        name = file_safe_name(feature.title[: MAX_NAME - 6].strip())
        times[name.casefold()] = count = times.get(name.casefold(), 0) + 1
        yield (name if count == 1 else f"{name} {count}"), feature


def _feature(edit: Edit, name: str, wanted: ScnsFeature) -> Feature:
    """The project's feature of this name, or a new one that looks as it did."""
    for feature in edit.project.features():
        if feature.name.casefold() == name.casefold():
            return feature
    box_size = wanted.box_size or DEFAULT_BOX_SIZE
    brush = wanted.brush_radius or DEFAULT_BRUSH_RADIUS
    feature = AddFeature(
        name,
        wanted.colour,
        min(max(box_size, BOX_SIZES_PX[0]), BOX_SIZES_PX[1]),
        min(max(brush, MIN_BRUSH_PX), MAX_BRUSH_PX),
        wanted.alpha or DEFAULT_ALPHA,
    ).apply(edit)
    if wanted.visible and not wanted.outline:
        return feature
    return ChangeFeature(feature.id, visible=wanted.visible, outline=wanted.outline).apply(edit)


def same_tomograms(project: ProjectReader, content: Scns) -> tuple[list[TomogramEntry], list[TomogramEntry]]:
    """Tomograms of a project with the name and size of an annotated one: those that are there, and missing ones."""
    stem = volume_stem(Path(content.tomogram_file))
    same = [entry for entry in project.tomograms() if entry.name == stem and entry.shape == content.shape]
    return [entry for entry in same if not entry.missing], [entry for entry in same if entry.missing]


def keep_volume(content: Scns, project: ProjectReader) -> tuple[Path | None, bool]:
    """Write the tomogram that a ``.scns`` includes to a folder beside the project, unless it is found elsewhere.

    Returns
    -------
    path, is_new
        Where it was written, None if it was not; and whether it is a file that was not there before. One of that name
        and size that was written before is used again.

    Raises
    ------
    AisError
        If there is another file of that name, or it cannot be written.
    """
    own = _own_path(content)
    if content.volume is None or (own is not None and own.exists()) or same_tomograms(project, content)[0]:
        return None, False
    from ais.formats.registry import write_volume
    from ais.tomogram import Tomogram

    name = file_safe_name(volume_stem(Path(content.tomogram_file)))
    path = project.path.parent / f"{project.path.stem}{FOLDER_END}" / f"{name}.mrc"
    if path.exists():
        with Tomogram.open(path) as tomogram:
            if tomogram.shape == content.shape:
                return path, False
        raise AisError(f"{path} is another tomogram than the one in {content.path}: move one of them elsewhere.")
    dtype = content.volume.dtype.newbyteorder("=")
    slabs = (slab.astype(dtype) for slab in content.volume.slabs())
    write_volume(path, slabs, voxel_sizes=content.voxel_size, shape=content.shape, dtype=dtype)
    return path, True


def _own_path(content: Scns) -> Path | None:
    return None if content.is_path_of_another_system else Path(content.tomogram)
