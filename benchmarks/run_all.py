"""Runs every benchmark and puts the figures into docs/benchmarks.md, between its marks.

`python benchmarks/run_all.py` measures speed and size; with `--real-data` also the accuracy on third-party data, and
with `--architectures` all architectures of the library on three features of it, which takes more than an hour.
"""

from __future__ import annotations

import platform
import re
import subprocess
import sys
from datetime import date
from pathlib import Path

HERE = Path(__file__).resolve().parent
PAGE = HERE.parent / "docs" / "benchmarks.md"
CPU_INFO = Path("/proc/cpuinfo")


def run(script: Path, *words: str) -> str:
    sys.stderr.write(f"{script.name} ...\n")
    done = subprocess.run([sys.executable, str(script), *words], cwd=HERE, stdout=subprocess.PIPE, text=True)
    return done.stdout if done.returncode == 0 else f"{script.stem}, failed, -, -\n"


def between(text: str, mark: str, content: str) -> str:
    """`text` with `content` between the comments ``<!-- mark -->`` and ``<!-- end mark -->``."""
    pattern = re.compile(f"(<!-- {mark} -->\n).*?(<!-- end {mark} -->)", re.DOTALL)
    return pattern.sub(lambda found: f"{found[1]}{content}\n{found[2]}", text)


def number(script: Path) -> int:
    return int(re.findall(r"\d+", script.stem)[0])


def machine() -> str:
    names = re.findall(r"model name\s*:\s*(.+)", CPU_INFO.read_text()) if CPU_INFO.exists() else [platform.processor()]
    return f"{len(names)} cores of {names[0]}, {platform.system()}, Python {platform.python_version()}, {date.today()}"


def main() -> None:
    lines = [
        line
        for script in sorted(HERE.glob("t[0-9]*.py"), key=number)
        for line in run(script).splitlines()
        if line.count(",") == 3
    ]
    table = ["| figure | ours | reference | ratio |", "|---|---|---|---|"]
    table += ["| " + " | ".join(cell.strip() for cell in line.split(",")) + " |" for line in lines]
    page = between(PAGE.read_text(encoding="utf-8"), "figures", "\n".join([f"Measured on {machine()}.", "", *table]))
    if "--real-data" in sys.argv:
        page = between(page, "real data", run(HERE / "real_data.py").strip())
    PAGE.write_text(page, encoding="utf-8")
    if "--architectures" in sys.argv:
        run(HERE / "architectures.py")
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
