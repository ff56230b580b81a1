"""The window's own log in the settings folder, so that a fault can be reported after the window has been closed."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from ais import __version__
from ais.installation.bundle import LOG_NAME

LONGEST = 512 * 1024
FORMAT = f"%(asctime)s Ais {__version__} %(levelname)s %(name)s: %(message)s"


@contextmanager
def kept_log(folder: Path) -> Iterator[None]:
    """Within it, warnings and errors of Ais go to a file as well; without one where the folder cannot be written."""
    logger = logging.getLogger("ais")
    with ExitStack() as handlers:
        for handler in (_to_file(folder / LOG_NAME), _to_terminal()):
            if handler is not None:
                logger.addHandler(handler)
                handlers.callback(handler.close)
                handlers.callback(logger.removeHandler, handler)
        yield


def _to_file(path: Path) -> logging.Handler | None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and path.stat().st_size > LONGEST:
            path.replace(path.with_name(f"{path.name}.old"))
        handler = logging.FileHandler(path, encoding="utf-8", errors="backslashreplace")
    except OSError:
        return None
    handler.setLevel(logging.WARNING)
    handler.setFormatter(logging.Formatter(FORMAT))
    return handler


def _to_terminal() -> logging.Handler | None:
    # Once there is a handler, Python itself prints nothing any more.
    if logging.getLogger().handlers or sys.stderr is None:
        return None
    handler = logging.StreamHandler()
    handler.setLevel(logging.WARNING)
    return handler
