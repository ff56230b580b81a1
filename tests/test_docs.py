"""The documentation: its examples run, its links lead somewhere, its command reference is current."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

import ais
from ais.cli.main import COMMANDS

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
EXAMPLE = re.compile(r"```python\n(.*?)```", re.DOTALL)
LINK = re.compile(r"\]\(([^)#:]+?)(?:#[^)]*)?\)")
TABLE_LINES = 60


@pytest.mark.parametrize("page", ["docs/reference/python.md"])
def test_python_examples_run(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    examples = EXAMPLE.findall((ROOT / page).read_text(encoding="utf-8"))
    assert len(examples) > 5
    for example in examples:
        exec(compile(example, page, "exec"), names)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), f"{page} links to {target}"


def test_every_public_name_can_be_imported() -> None:
    for name in ais.__all__:
        assert getattr(ais, name) is not None
    with pytest.raises(AttributeError):
        ais.nonsense  # noqa: B018


def test_the_readme_names_every_command() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for command in COMMANDS.values():
        assert (f"| `ais {command.name}" in readme) != command.later, command.name


def test_the_command_reference_is_current() -> None:
    sys.path.insert(0, str(ROOT / "docs"))
    try:
        from make_command_reference import reference
    finally:
        sys.path.remove(str(ROOT / "docs"))
    written = (ROOT / "docs" / "reference" / "commands.md").read_text(encoding="utf-8")
    assert written == reference(), "run: .venv/bin/python docs/make_command_reference.py"
