"""Fixtures that all tests share."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings
from soaking import SOAKING

if TYPE_CHECKING:
    from ais.gui.editor import Editor

# A busy machine must not make a law fail: how long an example takes says nothing about whether it holds.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

ROOT = Path(__file__).resolve().parent.parent
LONG_FORMS = tuple(ROOT / "tests" / name for name in ("promises", "soak"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """In ``make soak``, tests of promises are done in their long forms."""
    for item in items:
        if SOAKING and any(folder in item.path.parents for folder in LONG_FORMS):
            item.add_marker(pytest.mark.soak)


@pytest.fixture(scope="session")
def test_data() -> Path:
    """The folder of third-party test data; tests that need it are skipped where it is absent."""
    folder = Path(os.environ.get("AIS_TEST_DATA", ROOT.parent / "shared" / "data"))
    if not (folder / "README.md").is_file():
        pytest.skip(f"test data not found in {folder}; set AIS_TEST_DATA")
    return folder


@pytest.fixture(scope="module")
def one_editor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Editor]:
    """An editor without a window, whose compute process serves all tests of a module."""
    from ais.gui.editor import Editor

    made = Editor(tmp_path_factory.mktemp("settings"), lambda: None)
    yield made
    made.close()


@pytest.fixture(scope="session")
def segmented_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tomogram and what was segmented in it, to be copied: see `segmented_tomogram`."""
    sys.path.insert(0, str(ROOT / "tests" / "gui"))
    from segmented_tomogram import segmented_tomogram

    folder = tmp_path_factory.mktemp("segmented")
    segmented_tomogram(folder)
    return folder
