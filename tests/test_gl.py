"""Drawing with OpenGL: the wrappers, the slice renderer and the display filters, in a real context without a screen."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from xvfb import virtual_screen

CHECKS = Path(__file__).with_name("gl_checks.py")
# Found by reading: importing the checks would bring OpenGL into a process that may have TensorFlow.
NAMES = [
    node.name
    for node in ast.parse(CHECKS.read_text(encoding="utf-8")).body
    if isinstance(node, ast.FunctionDef) and any(ast.unparse(item) == "check" for item in node.decorator_list)
]


@pytest.fixture(scope="module")
def screen() -> Iterator[dict[str, str]]:
    with virtual_screen() as environment:
        yield environment


@pytest.mark.parametrize("name", NAMES)
def test_drawing(name: str, screen: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, str(CHECKS), name], env=screen, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr


def test_there_are_checks() -> None:
    assert len(NAMES) > 20


def test_wayland_does_not_choose_another_platform() -> None:
    code = (
        "import sys; from ais.gui.gl import binding; from OpenGL.platform import PLATFORM; "
        "sys.stdout.write(type(PLATFORM).__name__)"
    )
    environment = {key: value for key, value in os.environ.items() if key != "PYOPENGL_PLATFORM"}
    environment |= {"WAYLAND_DISPLAY": "wayland-0", "XDG_SESSION_TYPE": "wayland", "DISPLAY": ":0"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert (done.stdout == "GLXPlatform") == sys.platform.startswith("linux")
