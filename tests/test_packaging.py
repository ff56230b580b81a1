"""The pins resolve on Windows too, the wheel builds, installs and starts, and what a window needs is there or named."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
OFFLINE = (
    "NewConnectionError",
    "Temporary failure in name resolution",
    "Network is unreachable",
    "ConnectTimeoutError",
)


def pip(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pip", "--disable-pip-version-check", *words], capture_output=True, text=True, cwd=ROOT
    )


def skip_if_offline(output: str) -> None:
    if "CI" not in os.environ and any(sign in output for sign in OFFLINE):
        pytest.skip("no package registry can be reached from here")


def drawn_with() -> list[Path]:
    """Return the files of the package that are no Python: shaders, fonts, icons."""
    return [path for folder in ("shaders", "res") for path in (ROOT / "ais" / folder).rglob("*")]


def test_constraints_are_names_and_versions_only() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    assert len(lines) > 50
    for line in lines:
        name, equals, version = line.partition("==")
        assert equals, line
        assert version[0].isdigit(), line
        assert not set("/:@ ") & set(name + version), line


@pytest.mark.parametrize("version", ["3.11.0", "3.13.0"])
def test_pins_resolve_on_windows_from_wheels_alone(tmp_path: Path, version: str) -> None:
    extras = PROJECT["optional-dependencies"]
    backend = [requirement for requirement in extras["test"] if requirement.startswith("jax")]
    wanted = PROJECT["dependencies"] + extras["cluster"] + backend
    report = tmp_path / "report.json"
    done = pip(
        *("install", "--quiet", "--dry-run", "--ignore-installed", "--only-binary=:all:", "--implementation=cp"),
        *("--platform=win_amd64", f"--python-version={version}", f"--target={tmp_path}", f"--report={report}"),
        *("-c", "constraints.txt", *wanted),
    )
    skip_if_offline(done.stderr)
    assert done.returncode == 0, done.stderr
    resolved = {
        entry["metadata"]["name"].lower() for entry in json.loads(report.read_text(encoding="utf-8"))["install"]
    }
    assert {"tensorflow", "jaxlib", "vtk", "edt", "connected-components-3d", "numpy"} <= resolved
    assert {"imgui-bundle", "glfw", "pyopengl"} <= resolved


def test_the_wheel_builds_installs_and_starts(tmp_path: Path) -> None:
    built = subprocess.run(
        # The wheel is built from the source archive: what that lacks, the wheel lacks.
        [sys.executable, "-m", "build", "--outdir", str(tmp_path), "."],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    skip_if_offline(built.stdout + built.stderr)
    assert built.returncode == 0, built.stdout + built.stderr
    (wheel,) = tmp_path.glob("ais-*.whl")
    (source,) = tmp_path.glob("ais-*.tar.gz")
    with zipfile.ZipFile(wheel) as archive:
        packed = set(archive.namelist())
    with tarfile.open(source) as archive:
        in_source = {name.partition("/")[2] for name in archive.getnames()}
    assert {"LICENSE", "NOTICE"} <= in_source
    assert {"LICENSE", "NOTICE"} <= {name.rpartition("/")[2] for name in packed if "/licenses/" in name}
    data = [path.relative_to(ROOT).as_posix() for path in drawn_with() if path.is_file()]
    assert any(name.endswith(".frag") for name in data)
    assert set(data) <= packed
    # Dependencies come from this environment; the package itself only from the wheel.
    environment = tmp_path / "venv"
    venv.create(environment, with_pip=False, symlinks=os.name != "nt")
    python = environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    target = tmp_path / "installed"
    assert pip("install", "--quiet", "--no-deps", f"--target={target}", str(wheel)).returncode == 0
    packages = [str(target), *(p for p in sys.path if "site-packages" in p)]
    done = subprocess.run(
        [str(python), "-c", "import ais.cli.main as m, sys; sys.exit(m.run(['--version']))"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(packages)},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Ais ")
    started = subprocess.run(
        [str(python), "-c", "import ais, ais.tomogram; print(ais.__file__)"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(packages)},
    )
    assert str(target) in started.stdout, started.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="windows need nothing of the system elsewhere")
def test_what_a_window_needs_is_there_or_named(tmp_path: Path) -> None:
    script = ROOT / ".ci" / "system-libraries"
    there = subprocess.run([script], capture_output=True, text=True)
    assert (there.returncode, there.stdout, there.stderr) == (0, "", "")
    # A machine without Xvfb, and without a way to install it.
    for name in ("bash", "env", "uname", "ldconfig", "id"):
        found = shutil.which(name) or shutil.which(name, path="/sbin:/usr/sbin")
        assert found is not None, name
        (tmp_path / name).symlink_to(found)
    lacking = subprocess.run([script], capture_output=True, text=True, env={"PATH": str(tmp_path)})
    assert lacking.returncode == 1
    assert lacking.stdout == ""
    assert len(lacking.stderr.splitlines()) == 1
    assert "Xvfb" in lacking.stderr
