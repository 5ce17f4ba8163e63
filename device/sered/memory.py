"""Gives memory that a call has freed back to the system: a recogniser leaves holes when it goes."""

from __future__ import annotations

import ctypes

_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
"""glibc's; another C library has none and needs none."""


def give_back() -> None:
    """Return free memory at once instead of keeping it for the next call."""
    if _trim is not None:
        _trim(0)
