"""What `ais import` does with the files of Ais 1.x, and with models and groups of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ais.cli.terminal import complain, show
from ais.errors import AisError

if TYPE_CHECKING:
    from ais.annotation import Operation
    from ais.project import Project

ANNOTATED = (".scns",)
GROUPS = (".aisgroup", ".scnmgroup")
TRAINING_SETS = (".scnt",)
AIS_1_SUFFIXES = (*ANNOTATED, ".scnm", *GROUPS, *TRAINING_SETS)


def check_file(path: Path) -> None:
    """Read a file as far as it takes to know that it can be imported.

    Raises
    ------
    AisError
        If it cannot.
    """
    suffix = path.suffix.lower()
    if suffix in ANNOTATED:
        from ais.formats.scns import read_scns

        read_scns(path)
    elif suffix in TRAINING_SETS:
        from ais.trainset import describe_training_set

        describe_training_set(path)
    elif suffix in GROUPS:
        from ais.interactions import Rules
        from ais.models import read_group

        Rules.parse(read_group(path).rules, path.name)
    else:
        from ais.models import read_model_info

        read_model_info(path)


def add_file(project: Project, path: Path, voxel_size: float | None) -> None:
    """Add an annotated tomogram, a model, a training set, or a group of models, which is unpacked beside the project.

    Raises
    ------
    AisError
        If it cannot be read or added; the project is then as it was.
    """
    suffix = path.suffix.lower()
    if suffix in ANNOTATED:
        _add_annotated(project, path, voxel_size)
    elif suffix in GROUPS:
        _add_group(project, path)
    elif suffix in TRAINING_SETS:
        _add_training_set(project, path)
    else:
        _add_model(project, path)


def _add_model(project: Project, path: Path) -> None:
    """Add a model, unless it is there."""
    from ais.annotation import AddModel

    if path.absolute() not in [model.path for model in project.models()]:
        project.apply(AddModel(path))


def _add_training_set(project: Project, path: Path) -> None:
    """Have the project remember a training set, unless it does."""
    from ais.trainset.recorded import RecordTrainingSets, recorded_sets, set_of_file

    one = set_of_file(path, project.path)
    if one.path(project.path) not in [known.path(project.path) for known in recorded_sets(project)]:
        project.apply(RecordTrainingSets([one], "Add"))
    show(f"{path.name}  {one.n_samples} samples of {' and '.join(one.features)}")


def _add_annotated(project: Project, path: Path, voxel_size: float | None) -> None:
    from ais.annotation import ImportAnnotated, keep_volume
    from ais.annotation.annotated_tomogram import keep_contrast
    from ais.formats.scns import read_scns

    content = read_scns(path)
    volume, is_new = keep_volume(content, project)
    try:
        done = project.apply(ImportAnnotated(content, volume, voxel_size))
    except BaseException:
        if volume is not None and is_new:
            volume.unlink(missing_ok=True)
        raise
    keep_contrast(project, done.tomogram.id, content)
    for message in done.messages:
        complain(message)
    if volume is not None and is_new:
        show(f"{volume}  the tomogram in {path.name}")
    show(f"{path.name} -> {done.tomogram.name}  {done.features} features, {done.slices} slices, {done.boxes} boxes")


def _add_group(project: Project, path: Path) -> None:
    from ais.annotation import AddModel, SetRules, Together
    from ais.interactions import Rules
    from ais.models import new_among, unpack_group

    before = Rules.parse(project.rules(), project.path.name)
    known = [model.path for model in project.models()]
    folder = project.path.absolute().parent / path.stem
    if folder.exists() and not folder.is_dir():
        raise AisError(f"{path} would be unpacked to {folder}, which is a file: move it elsewhere.")
    models, entries = unpack_group(path, folder)
    rules = before.joined(Rules.parse(entries, path.name)).content()
    edits: list[Operation[object]] = [AddModel(model) for model in new_among(models, known)]
    if rules != project.rules():
        edits.append(SetRules(rules))
    if edits:
        project.apply(Together(f"Import {path.name}", edits))
    show(f"{path.name} -> {folder}  {len(models)} models")
