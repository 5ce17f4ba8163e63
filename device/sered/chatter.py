"""Keeps from the terminal what a C library tells it unasked; everything else passes."""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_STDERR = threading.Lock()
_MOST_BYTES = 1 << 20


@contextmanager
def without(unasked: Callable[[bytes], bool]) -> Iterator[None]:
    """While this lasts, no line of which `unasked` is true reaches the process's stderr.

    Other lines, those of other threads among them, are passed on when it ends: keep it short. A
    process that is started meanwhile by another thread loses its stderr.
    """
    with _STDERR:
        try:
            kept = os.dup(2)
        except OSError:
            # it is closed: nothing can reach it
            yield
            return
        caught = os.memfd_create("stderr")
        os.dup2(caught, 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.lseek(caught, 0, os.SEEK_SET)
            for line in os.read(caught, _MOST_BYTES).splitlines(keepends=True):
                if not unasked(line):
                    os.write(2, line)
            os.close(kept)
            os.close(caught)
