"""Accuracy of the whole pipeline on third-party data, through the commands a user types, as a page of Markdown.

Prints the commands and the scores; `run_all.py` puts them into docs/benchmarks.md. Needs the folder of test data
($AIS_TEST_DATA, default ../shared/data). Takes about forty minutes on two cores.
"""

from __future__ import annotations

import csv
import json
import os
import shlex
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

DATA = Path(os.environ.get("AIS_TEST_DATA", Path(__file__).resolve().parents[2] / "shared" / "data")).resolve()
CELL_SLICES = (28, 32, 36, 42, 66, 76, 100)
CELL_FEATURES = {"membrane": 1, "microtubule": 2, "ribosome": 4}
RIBOSOME_LABEL = "4"
MATCH_RADIUS_A = 100
commands: list[str] = []


def ais(*words: object, quiet: bool = False) -> Any:
    """Run a command, remember it for the page, and give back its JSON if it prints some."""
    typed = [str(word) for word in words]
    if not quiet:
        commands.append("ais " + shlex.join(typed).replace(f"{DATA}/", "DATA/"))
    done = subprocess.run([sys.executable, "-m", "ais.cli", *typed], check=True, capture_output=True, text=True)
    return json.loads(done.stdout) if "--json" in typed else None


def listed(slices: object) -> str:
    return ",".join(str(z) for z in slices)  # type: ignore[attr-defined]


def row(*cells: object) -> str:
    return "| " + " | ".join(f"{cell:.3f}" if isinstance(cell, float) else str(cell) for cell in cells) + " |"


def scores(title: str, found: dict[str, Any]) -> str:
    keys = ("dice", "iou", "precision", "recall", "cldice", "surface_distance")
    return row(title, *("-" if found[key] is None else round(found[key], 3) for key in keys))


def train_features(
    tomogram: Path, labels: Path, features: dict[str, int], slices: str, boxes: str, depth: int = 1
) -> list[str]:
    ais("import", tomogram, "-o", "work.aisproj")
    lines = []
    for feature, label in features.items():
        mask = ["--mask", labels, "--label", label, "--slices", slices]
        ais("annotate", "work.aisproj", tomogram.stem, "-f", feature, *mask, "--boxes", boxes, "--background", 80)
        ais(
            "extract",
            "work.aisproj",
            "-f",
            feature,
            "-o",
            f"{feature}.scnt",
            *(["--depth", depth] if depth > 1 else []),
        )
        result = ais("train", f"{feature}.scnt", "-o", f"{feature}.aism", "--epochs", 10, "--copies", 8, "--json")
        rate = f"{result['samples_per_second']:.0f} samples/s"
        lines.append(row(feature, f"{result['seconds']:.0f} s", rate, result["loss"], result["dice"]))
    return ["| feature | training | rate | loss | Dice in training |", "|---|---|---|---|---|", *lines]


def cell(folder: Path, depth: int = 1) -> list[str]:
    """Membrane, microtubule and ribosome in the simulated cell, from seven of its 128 slices."""
    tomogram, labels = DATA / "cell_sim" / "tomogram.mrc", DATA / "cell_sim" / "labels.mrc"
    training = train_features(tomogram, labels, CELL_FEATURES, listed(CELL_SLICES), "auto:80", depth)
    rule = {"child": "ribosome", "parent": "membrane", "type": "avoid", "radius": 30.0, "threshold": 0.5}
    (folder / "rules.json").write_text(json.dumps([rule]))
    models = [word for feature in CELL_FEATURES for word in ("-m", f"{feature}.aism")]
    started = time.monotonic()
    ais("segment", *models, tomogram, "-o", "segmented", "--rules", "rules.json")
    seconds = time.monotonic() - started
    others = listed(z for z in range(128) if z not in CELL_SLICES)
    table = [
        "| feature | Dice | IoU | precision | recall | clDice | surface distance (A) |",
        "|---|---|---|---|---|---|---|",
    ]
    for feature, label in CELL_FEATURES.items():
        volume = f"segmented/tomogram__{feature}.mrc"
        found = ais("evaluate", volume, labels, "--label", label, "--slices", others, "--json", quiet=True)
        table.append(scores(feature, found))
    commands.append("ais evaluate segmented/tomogram__membrane.mrc DATA/cell_sim/labels.mrc --label 1 --slices ...")
    picked = ais(
        *(
            "pick",
            "segmented/tomogram__ribosome.mrc",
            "-o",
            "picks",
            "--min-volume",
            2_000_000,
            "--spacing",
            150,
            "--json",
        )
    )
    write_true_ribosomes(folder / "true.txt")
    found = ais(
        *("evaluate", "picks/tomogram__ribosome_coords.star", "true.txt", "--picks"),
        *("--radius", MATCH_RADIUS_A, "--json"),
    )
    meshes = ais("mesh", "segmented", "-o", "surfaces", "--dust", 1_000_000, "--format", "glb", "--json")
    triangles = ", ".join(f"{Path(m['output']).stem.split('__')[1]} {m['triangles']:,}" for m in meshes)
    return [
        *training,
        "",
        f"Segmentation of the whole volume (128 x 256 x 256) with three models and the rule took {seconds:.0f} s, "
        "start of the process included. Scores on the 121 slices that were not annotated:",
        "",
        *table,
        "",
        f"Ribosomes: {picked['picks']} picks for {found['n_true']} particles; within {MATCH_RADIUS_A} A precision "
        f"{found['precision']:.3f}, recall {found['recall']:.3f}, F1 {found['f1']:.3f}, F4 {found['f4']:.3f}, mean "
        f"distance {found['mean_distance']:.0f} A.",
        "",
        f"Surfaces (triangles): {triangles}.",
    ]


def write_true_ribosomes(path: Path) -> None:
    with open(DATA / "cell_sim" / "particles.csv", newline="") as file:
        rows = [entry for entry in csv.DictReader(file) if entry["label"] == RIBOSOME_LABEL]
    path.write_text("".join(f"{r['x_vox']} {r['y_vox']} {r['z_vox']}\n" for r in rows))


def cell_with_context(folder: Path) -> list[str]:
    """The same with networks that see the two slices above and below as well."""
    return cell(folder, depth=5)


def microtubule(_folder: Path) -> list[str]:
    """The wall of a real microtubule, trained on one half of the crop and tested on the other."""
    tomogram = DATA / "microtubule_real" / "13pf_MT.mrc"
    labels = DATA / "microtubule_real" / "13pf_MT_labels.mrc"
    training = train_features(tomogram, labels, {"microtubule": 1}, listed(range(18)), "auto:60")
    ais("segment", "-m", "microtubule.aism", tomogram, "-o", "segmented")
    words = ["segmented/13pf_MT__microtubule.mrc", labels, "--label", 1, "--slices", listed(range(18, 36)), "--json"]
    found = ais("evaluate", *words)
    table = [
        "| feature | Dice | IoU | precision | recall | clDice | surface distance (A) |",
        "|---|---|---|---|---|---|---|",
    ]
    return [*training, "", "Scores on the other 18 slices:", "", *table, scores("microtubule wall", found)]


def section(title: str, job: Any) -> list[str]:
    commands.clear()
    with tempfile.TemporaryDirectory() as name:
        os.chdir(name)
        lines = job(Path(name))
        os.chdir(DATA)
    return [f"### {title}", "", job.__doc__, "", "```", *commands, "```", "", *lines, ""]


if __name__ == "__main__":
    page = section("A simulated cell (`cell_sim`)", cell)
    page += section("The same with five slices at once", cell_with_context)
    page += section("A real microtubule (`microtubule_real`)", microtubule)
    sys.stdout.write("\n".join(page) + "\n")
