"""Reads hostile files through the command line, each in a process of its own that is watched and limited.

`python read_hostile.py FOLDER` makes every file of `hostile_files.HOSTILE` in FOLDER, runs the commands that take such
a file, and prints as JSON what became of each.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import resource
import shutil
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # a process with threads should not be forked

from hostile_files import COORDINATES, ENDINGS, HOSTILE, THINGS, VOLUMES

from ais.cli.main import run

MORE_MEMORY = 3 << 30
SECONDS = 60
LARGEST_FILE = 1 << 30


def commands(suffix: str, file: str) -> list[list[str]]:
    """The commands that take a file of a kind."""
    info = ["info", "--json", file]
    if suffix in VOLUMES:
        return [info, ["convert", file, "out.mrc"]]
    if suffix in COORDINATES:
        return [info, ["convert", file, "out.csv", "--voxel-size", "10"]]
    match suffix:
        case ".scnt":
            return [info, ["convert", file, "out.scnt"]]
        case ".scns" | ".scnm" | ".scnmgroup" | ".aism":
            return [info, ["import", file, "-o", "new.aisproj"]]
        case _:
            return [info]


def listing(place: Path) -> set[str]:
    """Every file, folder and link below a place."""
    return {str(path.relative_to(place)) for path in place.rglob("*")}


def tried(lines: list[list[str]], place: Path) -> list[dict[str, Any]]:
    """What became of commands in a process of its own, with a folder as its place."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _child(lines, place, writing)
    os.close(writing)
    with os.fdopen(reading, "rb") as stream:
        told = [json.loads(line) for line in stream]
    _, status, used = os.wait4(child, 0)
    for words in lines[len(told) :]:
        told.append({"words": words, "code": os.waitstatus_to_exitcode(status), "said": "killed", "seconds": SECONDS})
    return [{**each, "peak": used.ru_maxrss / 1024} for each in told]


def _child(lines: list[list[str]], place: Path, writing: int) -> None:
    try:
        os.chdir(place)
        signal.alarm(SECONDS)
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        limit = pages * resource.getpagesize() + MORE_MEMORY
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST_FILE, LARGEST_FILE))
        for words in lines:
            os.write(writing, json.dumps(_ran(words, place.parent.parent)).encode() + b"\n")
    finally:
        os._exit(0)


def _ran(words: list[str], outer: Path) -> dict[str, Any]:
    code, said, before, began = 99, io.StringIO(), listing(outer), os.times()
    try:
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
            code = run(words)
    except BaseException:  # noqa: BLE001 - whatever it is, the other process is told
        said.write(traceback.format_exc())
    ended = os.times()
    seconds = ended.user + ended.system - began.user - began.system
    made = sorted(listing(outer) - before)
    return {"words": words, "code": code, "said": said.getvalue()[-3000:], "seconds": seconds, "made": made}


def made_at(root: Path, number: int, suffix: str, make: Callable[[Path], object]) -> Path:
    """A hostile file, two folders below one that is its own."""
    place = root / str(number) / "a" / "b"
    place.mkdir(parents=True)
    file = place / f"bad{suffix}"
    make(file)
    return file


def main() -> None:
    """Make and read all of them, or those whose name has the second argument in it."""
    root = Path(sys.argv[1])
    wanted = sys.argv[2] if len(sys.argv) > 2 else ""
    os.environ["AIS_CACHE"] = str(root / "cache")
    results: dict[str, list[dict[str, Any]]] = {}
    _warm(root / "warm")
    for number, (name, (suffix, make)) in enumerate(HOSTILE.items()):
        if wanted in name:
            file = made_at(root, number, suffix, make)
            results[name] = tried(commands(suffix, file.name), file.parent)
            shutil.rmtree(root / str(number))
    for name, make in THINGS.items():
        if wanted in name:
            files = [made_at(root / name, number, suffix, make) for number, suffix in enumerate(ENDINGS)]
            lines = [line for file, suffix in zip(files, ENDINGS, strict=True) for line in commands(suffix, str(file))]
            results[name] = tried(lines, files[0].parent)
            shutil.rmtree(root / name)
    json.dump(results, sys.stdout)


def _warm(folder: Path) -> None:
    """Import what the commands import late, lest each process does it again."""
    folder.mkdir(parents=True)
    for suffix in ENDINGS:
        (folder / f"a{suffix}").write_text("no such thing")
    with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
        for suffix in ENDINGS:
            for words in commands(suffix, str(folder / f"a{suffix}")):
                run(words)


if __name__ == "__main__":
    main()
