"""Copies of tomograms that the window writes: as `ais filter` writes them, with its record, which makes them again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from windowless import nothing, settled, until

from ais.annotation import SetVoxelSize
from ais.cli.main import run
from ais.formats.record import read_record
from ais.formats.registry import write_volume
from ais.gui.commands import command
from ais.gui.editor import Editor
from ais.gui.preparing import Of

COPIES: dict[str, tuple[dict[str, Any], str]] = {
    "gaussian": ({"kind": "gaussian", "sigma": 25.0}, "--gaussian 25"),
    "median": ({"kind": "median", "window": 3, "dimensions": 2}, "--median 3"),
    "median in 3D": ({"kind": "median", "window": 3, "dimensions": 3}, "--median 3 --cube"),
    "edge-preserving": ({"kind": "anisotropic", "iterations": 4}, "--anisotropic 4"),
    "inverted": ({"kind": "invert"}, "--invert"),
    "matched": ({"kind": "match", "reference": Path("two.mrc")}, "--match two.mrc --reference-voxel-size 12"),
}


@pytest.fixture
def editor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Editor]:
    """Two tomograms, of which the second has another voxel size in the project than in its file."""
    monkeypatch.chdir(tmp_path)
    for number, name in enumerate(("one", "two")):
        values = np.random.default_rng(number).normal(size=(6, 20, 24)).astype(np.float32)
        write_volume(tmp_path / f"{name}.mrc", values, voxel_sizes=10.0)
    made = Editor(tmp_path / "settings", nothing)
    made.open_paths([tmp_path / "one.mrc", tmp_path / "two.mrc"])
    until(made, lambda: len(made.snapshot.tomograms) == 2)
    made.submit(SetVoxelSize(made.snapshot.tomograms[1].id, 12.0))
    until(made, lambda: made.snapshot.tomograms[1].voxel_size == 12.0)
    settled(made)
    yield made
    made.close()


def is_as_typed(copy: Path, words: str, source: str = "one.mrc") -> None:
    """Compare a copy and its record with what the command writes, and have the record make it again."""
    typed = Path("typed", copy.name)
    assert run(["filter", source, "-o", str(typed), *words.split()]) == 0
    assert copy.read_bytes() == typed.read_bytes()
    ours, theirs = (
        {name: record[name] for name in ("command", "settings", "inputs", "result", "output")}
        for record in (read_record(copy), read_record(typed))
        if record is not None
    )
    assert ours == theirs
    assert run(["repeat", str(copy), "-o", "again"]) == 0
    assert Path("again", copy.name).read_bytes() == copy.read_bytes()


@pytest.mark.parametrize("name", COPIES)
def test_a_copy_has_the_record_of_the_command(editor: Editor, name: str, tmp_path: Path) -> None:
    values, words = COPIES[name]
    preparing = editor.preparing
    preparing.begin(editor.snapshot.tomograms[0].id)
    preparing.wish.adding = False
    for key, value in values.items():
        setattr(preparing.wish, key, value.absolute() if isinstance(value, Path) else value)
    assert not preparing.problem()
    editor.dialogs.answers.append([tmp_path / "copy.mrc"])
    preparing.start()
    until(editor, lambda: Path("copy.mrc.json").exists())
    settled(editor)
    is_as_typed(tmp_path / "copy.mrc", words)


def test_copies_of_all_tomograms_have_records(editor: Editor, tmp_path: Path) -> None:
    preparing = editor.preparing
    preparing.begin(editor.snapshot.tomograms[0].id)
    preparing.wish.kind, preparing.wish.of, preparing.wish.adding = "invert", Of.ALL, False
    (tmp_path / "copies").mkdir()
    editor.dialogs.answers.append([tmp_path / "copies"])
    preparing.start()
    until(editor, lambda: len(list(Path("copies").glob("*.json"))) == 2)
    settled(editor)
    is_as_typed(tmp_path / "copies" / "two_inverted.mrc", "--invert --voxel-size 12", "two.mrc")


@pytest.mark.parametrize(("name", "label", "value"), [("bin", "Factor", 2), ("swap", "How", 0)])
def test_binned_and_turned_tomograms_have_records(
    editor: Editor, name: str, label: str, value: int, tmp_path: Path
) -> None:
    editor.select_tomogram(editor.snapshot.tomograms[0].id)
    until(editor, lambda: editor.shown)
    command(f"tomogram.{name}").run(editor)
    (sheet,) = editor.shell.sheets
    fields: dict[str, Any] = {one.label: one for one in sheet.fields}
    fields[label].value, fields["Then"].value = value, 1
    editor.dialogs.answers.append([tmp_path / "copy.mrc"])
    sheet.on_accept()
    until(editor, lambda: Path("copy.mrc.json").exists())
    settled(editor)
    settings = json.loads(Path("copy.mrc.json").read_text())["settings"]
    is_as_typed(tmp_path / "copy.mrc", f"--swap-axes {settings['swap_axes']}" if name == "swap" else "--bin 2")
