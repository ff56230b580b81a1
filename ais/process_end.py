"""How a process has ended, in words for people."""

from __future__ import annotations

import signal
import sys


def manner_of_end(exit_code: int) -> str:
    """Such as ``"exit code 1"``, or ``"signal 9, perhaps out of memory"`` for -9."""
    if exit_code >= 0:
        return f"exit code {exit_code}"
    if sys.platform != "win32" and -exit_code == signal.SIGKILL:
        return f"signal {-exit_code}, perhaps out of memory"
    return f"signal {-exit_code}, {(signal.strsignal(-exit_code) or 'unknown').lower()}"
