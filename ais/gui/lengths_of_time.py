"""Lengths of time as people read them."""

from __future__ import annotations


def clock(seconds: float) -> str:
    """Such as "0:41", "12:05" or "1:02:03"; below ten seconds "4 s"."""
    whole = max(0, round(seconds))
    if whole < 10:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
