"""Writes docs/reference/data-files.md: what Ais says of every file of the test data, as `ais info --json` does."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ais.cli.main import run

DATA_VARIABLE = "AIS_TEST_DATA"
ROOT = Path(__file__).resolve().parent.parent

HEAD = """# Files of other programs, one by one

What `ais info` says of each file of the test data, which the programs named in its folders wrote. Written by
`docs/make_data_files.py`; a test opens every file again and compares. Shapes and voxel sizes are z, y, x, in angstrom.
"""

TABLE = "| file | kind | what is in it, or why it is refused |\n|---|---|---|"


def reference(data: Path) -> str:
    """The page's text for the files in a folder of test data."""
    parts = [HEAD]
    folders: dict[str, list[str]] = {}
    for path in data_files(data):
        name = path.relative_to(data)
        parent = name.parent.as_posix()
        folders.setdefault("" if parent == "." else parent, []).append(_row(data, name))
    for folder, rows in folders.items():
        title = f"## {folder}\n\n" if folder else ""
        parts.append("\n".join([title + TABLE, *rows]) + "\n")
    return "\n".join(parts)


def data_files(data: Path) -> Iterator[Path]:
    """Every file of the test data; an OME-Zarr folder is one."""
    for path in sorted(data.rglob("*")):
        if path.suffix == ".zarr" or (path.is_file() and not any(parent.suffix == ".zarr" for parent in path.parents)):
            yield path


def asked(data: Path, name: Path) -> tuple[int, dict[str, Any], str]:
    """Exit code of `ais info --json`, what it found, and what it said, with the path as seen from the data's folder."""
    printed, said = io.StringIO(), io.StringIO()
    with contextlib.chdir(data), contextlib.redirect_stdout(printed), contextlib.redirect_stderr(said):
        code = run(["info", str(name), "--json"])
    return code, json.loads(printed.getvalue() or "{}"), said.getvalue().strip()


def _row(data: Path, name: Path) -> str:
    code, found, said = asked(data, name)
    kind = str(found.pop("kind", "refused"))
    text = _sentence(said, name) if code else _found(kind, found)
    return f"| `{name.name}` | {kind} | {text} |"


def _sentence(said: str, name: Path) -> str:
    sentence = said.removeprefix("ais: ").replace(name.as_posix(), name.name).replace("|", "\\|")
    return re.sub(r"(must end in one of) \..*", r"\1 ... (all endings that Ais reads).", sentence)


def _found(kind: str, found: dict[str, Any]) -> str:
    match kind:
        case "volume":
            sizes = " x ".join(dict.fromkeys(f"{size:g}" for size in found["voxel_sizes"]))
            size = f"{sizes} A" if found["voxel_size"] else ""
            values = f"{found['dtype']}, {found['min']:.4g} to {found['max']:.4g}"
            shape = " x ".join(map(str, found["shape"]))
            return "; ".join(part for part in (shape, size, values, " ".join(found["notes"])) if part)
        case "coordinates":
            if found["dialect"] == "set":
                return "names the file of its particles, which is read in its place"
            names = found["tomograms"]
            of = f" of {_list(names)}" if names else ""
            rows = "1 particle" if found["rows"] == 1 else f"{found['rows']} particles"
            return f"{rows}{of}; dialect {found['dialect']}"
        case "star":
            blocks = [name or "no name" for name in found["blocks"]]
            return f"no particles; blocks: {_list(blocks)}"
        case "training set":
            boxes = f"{found['box_size']} x {found['box_size']} x {found['depth']}"
            counts = f"{found['n_samples']} samples, {found['n_positive']} positive"
            return f"{', '.join(found['features'])}; {counts}; boxes {boxes}, {found['voxel_size']:g} A"
        case "model":
            return f"{found['feature']}; {found['architecture']}; box {found['box_size']}, {found['voxel_size']:g} A"
        case "model group":
            rules = [f"{rule['child']} {rule['type']} {rule['parent']}" for rule in found["rules"]]
            return f"{', '.join(found['models'])}; rules: {', '.join(rules)}"
        case "annotated tomogram":
            features = [f"{each['name']} ({each['boxes']} boxes)" for each in found["features"]]
            return f"{' x '.join(map(str, found['shape']))}; {found['voxel_size']:g} A; {', '.join(features)}"
        case _:
            plain = {key: value for key, value in found.items() if key != "path"}
            return "; ".join(f"{key} {value}" for key, value in plain.items())


def _list(names: list[str]) -> str:
    shown = ", ".join(f"`{name}`" for name in names[:4])
    return f"{shown} and {len(names) - 4} more" if len(names) > 4 else shown


if __name__ == "__main__":
    folder = Path(os.environ.get(DATA_VARIABLE, ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        sys.exit(f"No test data in {folder}: set {DATA_VARIABLE}.")
    (ROOT / "docs" / "reference" / "data-files.md").write_text(reference(folder), encoding="utf-8")
