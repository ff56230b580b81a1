"""The one error a user can cause, and the signal that a user has cancelled."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

OUT_OF_MEMORY = frozenset({"ResourceExhaustedError", "OutOfMemoryError"})
EXHAUSTED = "RESOURCE_EXHAUSTED"
NO_SPACE = "No space left to write"


class AisError(Exception):
    """Something the user can put right: a bad file, a wrong option, a full disk.

    The message is one sentence that says what is wrong, with which file, and what to do about it.
    The command line prints it and exits with code 2, the editor shows it as a notification.
    """


class Cancelled(Exception):
    """Raised inside a long function after the user has asked it to stop."""


def sentence(error: Exception, path: Path | str) -> str:
    """One sentence for what stopped the work on a file: an AisError, an error of the system, or too little memory."""
    if isinstance(error, MemoryError):
        return f"There is not enough memory for {path}: use a smaller range, crop or batch size."
    return describe_os_error(error, path) if isinstance(error, OSError) else str(error)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory does not suffice, be it the computer's or, by TensorFlow, torch or JAX, the graphics card's."""
    return isinstance(error, MemoryError) or type(error).__name__ in OUT_OF_MEMORY or EXHAUSTED in str(error)


@contextmanager
def memory_errors() -> Iterator[None]:
    """Within it, want of memory is a MemoryError, whatever the backend of the networks calls it."""
    try:
        yield
    except Exception as error:
        if isinstance(error, MemoryError) or not is_out_of_memory(error):
            raise
        raise MemoryError(str(error)) from error


def says_no_space(text: str) -> bool:
    """Whether a sentence of `describe_os_error` says that a disk is full."""
    return text.startswith(NO_SPACE)


def describe_os_error(error: OSError, path: Path | str | None = None) -> str:
    """One sentence for an error of the operating system.

    Parameters
    ----------
    error
        What the operating system raised.
    path
        The file concerned; by default the one that `error` names.

    Returns
    -------
    str
        A sentence with the file's name that says what to do, without a traceback.
    """
    name = str(path if path is not None else error.filename or "a file")
    # NumPy says "4096 requested and 2508 written" and gives no number when the disk is full.
    short_write = error.errno is None and "requested and" in str(error)
    match errno.ENOSPC if short_write else error.errno:
        case errno.ENOSPC | errno.EDQUOT | errno.EFBIG:
            return f"{NO_SPACE} {name}: free some space or choose another folder."
        case errno.EACCES | errno.EPERM | errno.EROFS:
            return f"{name} may not be read or written: check its permissions or choose another folder."
        case errno.ENOENT:
            return f"{name} does not exist."
        case errno.EISDIR:
            return f"{name} is a folder where a file is expected."
        case errno.ENOTDIR:
            return f"{name} cannot be made: a part of its path is a file, not a folder."
        case errno.EEXIST if path is not None and error.filename and Path(error.filename) in Path(path).parents:
            return f"{name} cannot be made: {error.filename} is a file, not a folder."
        case errno.EEXIST:
            return f"{name} exists already."
        case errno.ENAMETOOLONG:
            return f"{name} is too long for a file name: choose a shorter one."
        case _:
            reason = error.strerror or str(error) or type(error).__name__
            return f"{name} could not be read or written: {reason}."
