"""Fixtures of the tests that try to break promises."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from commands import Bench, make_stock
from forge import Forge


@pytest.fixture(scope="session")
def forge() -> Iterator[Forge]:
    """A warm process that runs commands in children."""
    with Forge() as made:
        yield made


@pytest.fixture(scope="session")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files of every kind, to be copied."""
    folder = tmp_path_factory.mktemp("stock")
    make_stock(folder)
    return folder


@pytest.fixture
def bench(forge: Forge, stock: Path, tmp_path: Path) -> Bench:
    """Where commands are run, again and again on the same files."""
    return Bench(forge, stock, tmp_path / "work")
