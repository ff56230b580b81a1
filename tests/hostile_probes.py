"""Checks of the installation that behave badly, to be run in processes of their own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

from ais.installation.probes import Finding


def fine(word: str) -> Finding:
    sys.stdout.write("a driver's chatter\n")
    return Finding({"word": word}, ["Do this."])


def hangs() -> Finding:
    """Ignores requests to end, and has started another process that holds its output open."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    time.sleep(60)
    return Finding()


def dies() -> Finding:
    os.kill(os.getpid(), signal.SIGSEGV)
    return Finding()


def raises() -> Finding:
    raise RuntimeError("the driver is upside down")


def leaves() -> Finding:
    os._exit(3)
