"""The 3D scene as it is drawn, against its geometry worked out by other means, in a real context without a screen."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from xvfb import virtual_screen

HERE = Path(__file__).parent
# Found by reading: importing the checks would bring OpenGL into a process that may have TensorFlow.
NAMES = [
    (file, node.name)
    for file in ("scene_checks.py", "scene_picture_checks.py", "scene_glow_checks.py")
    for node in ast.parse((HERE / file).read_text(encoding="utf-8")).body
    if isinstance(node, ast.FunctionDef) and any(ast.unparse(item) == "check" for item in node.decorator_list)
]


@pytest.fixture(scope="module")
def screen() -> Iterator[dict[str, str]]:
    with virtual_screen() as environment:
        yield environment


@pytest.mark.parametrize(("file", "name"), NAMES)
def test_scene(file: str, name: str, screen: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, str(HERE / file), name], env=screen, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr


def test_there_are_checks() -> None:
    assert len(NAMES) > 12
