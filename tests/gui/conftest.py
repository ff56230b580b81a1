"""One screen for all stories of a test run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from stage import Stage, a_stage


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The screen on which stories are performed."""
    with a_stage(tmp_path_factory.mktemp("screen")) as made:
        yield made
