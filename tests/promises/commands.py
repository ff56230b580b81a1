"""The commands that write, what each makes of a small stock of files, and what must be true of it at any time."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from forge import Forge, Outcome
from power import Tree, read_tree, write_tree
from small_project import make_project, make_training_set
from soaking import SOAKING

from ais.classic import make_classic_model
from ais.formats.record import RECORD_SUFFIX, is_unchanged, read_record
from ais.formats.registry import write_volume

OUT = "out"
COMMANDS: dict[str, list[str]] = {
    "import": ["import", "tomo.mrc", "-o", "out/new.aisproj"],
    "extract": ["extract", "work.aisproj", "-f", "blob", "-o", "out/new.scnt", "--box-size", "32"],
    "classic": ["classic", "spot", "--feature", "ribosome", "-o", "out/new.aism"],
    "segment": ["segment", "-m", "blob.aism", "-m", "dark.aism", "tomo.mrc", "other.mrc", "-o", "out"],
    "segment with labels": ["segment", "-m", "blob.aism", "tomo.mrc", "-o", "out", "--labels", "beside"],
    "segment a share": ["segment", "-m", "blob.aism", "tomo.mrc", "other.mrc", "-o", "out", "--shard", "0/2"],
    "pick": ["pick", "seg__blob.mrc", "mask.mrc", "-o", "out", "--threshold", "1", "--tsv"],
    "mesh": ["mesh", "seg__blob.mrc", "-o", "out"],
    "mesh into a scene": ["mesh", "seg__blob.mrc", "-o", "out", "--scene", "all.cxc"],
    "analyze": ["analyze", "seg__blob.mrc", "-o", "out"],
    "filter": ["filter", "tomo.mrc", "-o", "out/new.mrc", "--invert"],
    "convert to TIFF": ["convert", "tomo.mrc", "out/new.tif"],
    "convert to OME-Zarr": ["convert", "tomo.mrc", "out/new.zarr"],
    "convert picks": ["convert", "picks.star", "out/new.mod", "--tomogram", "tomo.mrc"],
    "simulate": ["simulate", "-o", "out", "--size", "16x48x48"],
}
TRIED = tuple(COMMANDS) if SOAKING else ("import", "segment a share", "pick", "convert to OME-Zarr")
"""Those that are tried among all tests: by their steps the others write as well."""
BESIDE_A_PROJECT = (".lock", "-wal", "-shm", "-journal")
DATED = (".aisproj", ".aism", ".scnt", ".tif", ".mod", ".svg")
KEEPING = tuple(
    name for name in COMMANDS if name.split()[0] in ("segment", "pick", "mesh", "analyze") and "scene" not in name
)
"""Those that go on where they were stopped; the others say that their output is there."""


def make_stock(folder: Path) -> None:
    """A project with what is made from it, a second tomogram, and two models that need no TensorFlow."""
    make_project(folder)
    make_training_set(folder)
    noise = np.random.default_rng(3).normal(0, 1, (4, 40, 48)).astype("f4")
    write_volume(folder / "other.mrc", noise, voxel_sizes=10.0)
    make_classic_model(folder / "blob.aism", "threshold", "blob", {"smoothing": 0.0})
    make_classic_model(folder / "dark.aism", "local", "dark", {"smoothing": 0.0})


class Bench:
    """A folder with the stock, in which commands are run.

    Attributes
    ----------
    folder
        The current folder of the commands.
    stock
        What lies in it at first.
    """

    def __init__(self, forge: Forge, stock: Path, folder: Path) -> None:
        self.folder = folder
        self._forge = forge
        self.stock = stock

    def renew(self) -> None:
        """The stock, and nothing else."""
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.copytree(self.stock, self.folder)

    def put(self, tree: Tree) -> None:
        """Exactly this."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir()
        write_tree(self.folder, tree)

    def run(self, words: Sequence[str], fate: str = "", at: int = 0) -> Outcome:
        """Run a command to whatever end it comes to."""
        return self._forge.run(self.folder, words, fate, at)

    def made(self) -> Tree:
        """What lies where the outputs go."""
        return read_tree(self.folder / OUT) if (self.folder / OUT).exists() else {}

    def untouched(self) -> bool:
        """Whether everything else is as it was."""
        everything = read_tree(self.folder)
        return {name: content for name, content in everything.items() if name.split("/")[0] != OUT} == read_tree(
            self.stock
        )

    def do(self, words: Sequence[str]) -> Outcome:
        """Run a command, which must end well."""
        outcome = self.run(words)
        assert outcome.code == 0, (words, outcome.errors)
        return outcome


def hidden(tree: Tree) -> list[str]:
    """What is not meant to be seen: what is being written, claims, what lies beside an open project."""
    return [
        name
        for name in tree
        if name.endswith(BESIDE_A_PROJECT)
        or (any(part.startswith(".") for part in name.split("/")) and not _is_zarr(name))
    ]


def _is_zarr(name: str) -> bool:
    return name.split("/")[-1] in (".zattrs", ".zgroup", ".zarray") and not any(
        part.startswith(".") for part in name.split("/")[:-1]
    )


def visible(tree: Tree) -> Tree:
    """Files under their final names."""
    covered = set(hidden(tree))
    return {name: content for name, content in tree.items() if name not in covered and content is not None}


def is_record(name: str) -> bool:
    """Whether this is a record or the manifest made of them: dates differ from run to run."""
    return name.endswith(RECORD_SUFFIX)


def check_records(folder: Path) -> int:
    """Each record beside an output tells what is in it; returns how many."""
    count = 0
    for path in sorted(folder.rglob(f"*{RECORD_SUFFIX}")):
        output = path.with_name(path.name.removesuffix(RECORD_SUFFIX))
        record = read_record(output)
        if output.exists() and record is not None and "output" in record:
            assert is_unchanged(output, record), f"{path.name} tells of something else"
            count += 1
    return count


def same(found: Tree, wanted: Tree) -> bool:
    """Whether two runs have left the same: names, and but for dates the content."""
    return found.keys() == wanted.keys() and all(
        _plain(name, found[name]) == _plain(name, wanted[name]) for name in found
    )


def differences(found: Tree, wanted: Tree) -> list[str]:
    """The names that make two folders different."""
    return sorted(
        name
        for name in found.keys() | wanted.keys()
        if name not in found or name not in wanted or _plain(name, found[name]) != _plain(name, wanted[name])
    )


def _plain(name: str, content: bytes | None) -> object:
    """Content without what differs from run to run: dates, above all in records."""
    if content is None or name.endswith(".zattrs") or is_record(name) or name.endswith(DATED):
        return content is None
    return content
