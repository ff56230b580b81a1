"""The architectures compared on three features of the simulated cell, by the commands a user types, for the docs.

Writes docs/explanation/architectures-compared.md between its marks and pictures beside it. Needs the folder of test
data ($AIS_TEST_DATA, default ../shared/data). Names of architectures may be given; by default all that take five
slices are trained, which takes more than an hour on two cores.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from run_all import between, machine

DATA = Path(os.environ.get("AIS_TEST_DATA", Path(__file__).resolve().parents[2] / "shared" / "data")).resolve()
DOCS = Path(__file__).resolve().parents[1] / "docs"
PAGE = DOCS / "explanation" / "architectures-compared.md"
FEATURES = {"membrane": 1, "microtubule": 2, "ribosome": 4}
SLICES = "28,32,36,42,66,76,100"
TRAINING = ["--epochs", "5", "--copies", "8"]


def ais(folder: Path, *words: object) -> str:
    """Run a command in the folder, and give it back as typed."""
    typed = [str(word) for word in words]
    subprocess.run([sys.executable, "-m", "ais.cli", *typed], check=True, cwd=folder)
    return "ais " + shlex.join(typed).replace(f"{DATA}/", "DATA/")


def compared(folder: Path, feature: str, label: int, chosen: list[str]) -> list[str]:
    """The section of a feature."""
    tomogram, labels = DATA / "cell_sim" / "tomogram.mrc", DATA / "cell_sim" / "labels.mrc"
    mask = ["--mask", labels, "--label", label, "--slices", SLICES, "--boxes", "auto:60", "--background", 40]
    architectures = [word for name in chosen for word in ("--architecture", name)]
    commands = [
        ais(folder, "annotate", "work.aisproj", tomogram.stem, "-f", feature, *mask),
        ais(folder, "extract", "work.aisproj", "-f", feature, "-o", f"{feature}.scnt", "--depth", 5),
        ais(
            *(folder, "compare", f"{feature}.scnt", "-o", feature, *architectures),
            *("--test", tomogram, "--truth", labels, "--label", label, *TRAINING),
        ),
    ]
    picture = f"compared_{feature}.png"
    shutil.copy(folder / feature / "comparison.png", DOCS / "images" / picture)
    lines = (folder / feature / "comparison.md").read_text(encoding="utf-8").splitlines()
    table = [line for line in lines if line.startswith("|")]
    shown = f"![{feature.capitalize()} as each architecture finds it](../images/{picture})"
    return [f"## {feature.capitalize()}", "", "```", *commands, "```", "", *table, "", shown, ""]


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ais(folder, "import", DATA / "cell_sim" / "tomogram.mrc", "-o", "work.aisproj")
        sections = [compared(folder, feature, label, sys.argv[1:]) for feature, label in FEATURES.items()]
    content = "\n".join([f"Measured on {machine()}.", "", *(line for section in sections for line in section)])
    PAGE.write_text(between(PAGE.read_text(encoding="utf-8"), "compared", content), encoding="utf-8")
