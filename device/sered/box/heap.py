"""Keeps memory flat over weeks: one heap for all threads, and what a call has freed goes back."""

from __future__ import annotations

import ctypes

# glibc's; another C library has none and needs none
_libc = ctypes.CDLL(None)
_trim = getattr(_libc, "malloc_trim", None)
_option = getattr(_libc, "mallopt", None)
_ARENA_MAX = -8
"""glibc's M_ARENA_MAX."""


def share_one_heap() -> None:
    """Let every thread allocate from the same heap: each heap of its own collects its own holes.

    To be called before there are threads; those that allocated already keep what they have.
    """
    if _option is not None:
        _option(_ARENA_MAX, 1)


def give_back() -> None:
    """Return free memory at once instead of keeping it for the next call."""
    if _trim is not None:
        _trim(0)
