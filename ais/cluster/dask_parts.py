"""The parts of Dask that clusters need: loaded when a cluster is asked for, quiet, and with a sentence if missing."""

from __future__ import annotations

import importlib
import logging
import warnings
from types import ModuleType

from ais.errors import AisError

LOGGERS = ("distributed", "tornado.application", "asyncio", "bokeh")


def load_dask(name: str = "distributed") -> ModuleType:
    """A package of Dask.

    Raises
    ------
    AisError
        If it is not installed.
    """
    try:
        module = importlib.import_module(name)
    except ImportError as error:
        raise AisError(
            f'--cluster needs Dask, and {error.name or name} is missing: python -m pip install "ais[cluster]".'
        ) from error
    for logger in LOGGERS:
        logging.getLogger(logger).setLevel(logging.CRITICAL)  # what goes wrong is said in a sentence
    warnings.filterwarnings("ignore", module=r"(distributed|dask_jobqueue|contextlib)\b.*")
    return module
