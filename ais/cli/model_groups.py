"""Groups of models among the models that a command is given."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from ais.interactions import Rules


@dataclass
class UnpackedModels:
    """The models that a command is given, groups taken apart.

    Attributes
    ----------
    paths
        Model files.
    rules
        Of the groups; None without any.
    is_wanted
        Set by the caller once the models have been of use; what was unpacked is removed otherwise.
    """

    paths: list[Path] = field(default_factory=list)
    rules: Rules | None = None
    is_wanted: bool = False


@contextmanager
def unpacked_models(words: Sequence[str], folder: Path) -> Iterator[UnpackedModels]:
    """Models, those of a group unpacked to ``<folder>/<name of the group>``, where records can go on naming them.

    Raises
    ------
    AisError
        If a group cannot be read.
    """
    from ais.models import is_group, unpack_group

    models, made, was_there = UnpackedModels(), list[Path](), folder.exists()
    try:
        for word in words:
            if not is_group(word):
                models.paths.append(Path(word))
                continue
            place = folder / Path(word).stem
            there = set(place.glob("*"))
            found, entries = unpack_group(word, place)
            made += [path for path in found if path not in there]
            models.paths += found
            rules = Rules.parse(entries, Path(word).name)
            if rules.names:
                models.rules = rules if models.rules is None else models.rules.joined(rules)
        yield models
    finally:
        if not models.is_wanted:
            for path in made:
                path.unlink(missing_ok=True)
            for left in (*{path.parent for path in made}, *([] if was_there else [folder])):
                with suppress(OSError):  # it holds something else
                    left.rmdir()
