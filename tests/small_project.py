"""A small tomogram with everything that is made from it, for tests of the command line."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np

from ais.cli.main import run
from ais.formats.registry import write_volume

SHAPE = (6, 96, 96)
VOXEL_SIZE = 10.0
BLOBS = ((2, 24, 30), (3, 60, 66), (3, 70, 20))  # z, y, x
RADIUS = 9.0
BOX_SIZE = 32


def blobs() -> np.ndarray:
    """Discs through a few slices, 0 or 1, (z, y, x)."""
    z, y, x = np.indices(SHAPE)
    mask = np.zeros(SHAPE, bool)
    for cz, cy, cx in BLOBS:
        mask |= ((y - cy) ** 2 + (x - cx) ** 2 <= RADIUS**2) & (abs(z - cz) <= 1)
    return mask


def make_project(folder: Path) -> None:
    """A tomogram, masks, a segmentation, coordinates, rules, and a project with annotations and boxes."""
    mask = blobs()
    noise = np.random.default_rng(1).normal(0, 0.5, SHAPE)
    write_volume(folder / "tomo.mrc", (noise - 2 * mask).astype("f4"), voxel_sizes=VOXEL_SIZE)
    write_volume(folder / "mask.mrc", mask.astype("i1"), voxel_sizes=VOXEL_SIZE)
    write_volume(folder / "seg__blob.mrc", (mask * 200).astype("u1"), voxel_sizes=VOXEL_SIZE)
    (folder / "boxes.txt").write_text("".join(f"{x} {y} {z}\n" for z, y, x in BLOBS))
    (folder / "rules.json").write_text(json.dumps([{"competition": {"emit": ["blob"], "absorb": []}}]))
    (folder / "config.json").write_text(json.dumps({"epochs": 1}))
    for words in (
        ["import", "tomo.mrc", "-o", "work.aisproj"],
        [
            *("annotate", "work.aisproj", "tomo", "-f", "blob", "--mask", "mask.mrc", "--boxes", "boxes.txt"),
            *("--box-size", str(BOX_SIZE), "--background", "3"),
        ],
        ["convert", "boxes.txt", "picks.star", "--tomogram", "tomo.mrc"],
    ):
        in_folder(folder, words)


def make_training_set(folder: Path) -> None:
    """``set.scnt`` from the project."""
    in_folder(folder, ["extract", "work.aisproj", "-f", "blob", "-o", "set.scnt", "--box-size", str(BOX_SIZE)])


def make_model(folder: Path, name: str = "model.aism", feature: str = "blob", seed: int = 0) -> None:
    """An untrained model."""
    from ais.models import Model, ModelInfo, build, save_model

    info = ModelInfo("unet-s", {"first_filters": 4}, feature, VOXEL_SIZE, BOX_SIZE, 1)
    save_model(folder / name, Model(build("unet-s", 1, info.arguments, seed=seed), info))


def in_folder(folder: Path, words: list[str]) -> None:
    """Run a command with `folder` as the current folder."""
    import contextlib

    with contextlib.chdir(folder):
        code = run(words)
    assert code == 0, words


def volume_of_a_blob() -> float:
    """In cubic angstrom, of the first blob."""
    y, x = np.indices(SHAPE[1:])
    _, cy, cx = BLOBS[0]
    return 3 * int(((y - cy) ** 2 + (x - cx) ** 2 <= RADIUS**2).sum()) * math.pow(VOXEL_SIZE, 3)
