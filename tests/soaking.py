"""How long promises are tried: for moments among all tests, for as long as it takes in ``make soak``."""

from __future__ import annotations

import os
from typing import TypeVar

T = TypeVar("T")
SOAKING = os.environ.get("AIS_SOAK", "") not in ("", "0")
"""Whether this is ``make soak``."""


def moments(short: T, long: T) -> T:
    """Return what a test takes: `short` among all tests, `long` in ``make soak`` (with AIS_SOAK=1).

    >>> volumes = moments(20, 200)
    """
    return long if SOAKING else short
