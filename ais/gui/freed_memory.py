"""Whether the memory of arrays that are no longer used goes back to the system."""

from __future__ import annotations

import ctypes

LARGE_BYTES = 1 << 17
M_MMAP_THRESHOLD = -3


def free_large_arrays_at_once() -> None:
    """From now on, arrays of 128 KiB and more go back to the system as soon as they are no longer used.

    So does the C library of Linux at first, but it raises that limit by itself to up to 32 MB and keeps what is
    smaller in heaps, one for each thread: a closed tomogram still counts as some hundred megabytes of this process.
    Where there is no such library, nothing is done.
    """
    try:
        set_option = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # another C library, or Windows
        return
    set_option(M_MMAP_THRESHOLD, LARGE_BYTES)
