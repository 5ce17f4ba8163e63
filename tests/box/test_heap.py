"""What a call has freed goes back to the system."""

from __future__ import annotations

import subprocess
import sys

import psutil

from sered.box.heap import give_back


def test_freed_memory_leaves_the_process() -> None:
    """Holes under something that stays, as a recogniser leaves them, are given back."""
    process = psutil.Process()
    blocks = [bytes(1_000) for _ in range(100_000)]
    stays = [bytes(1_000) for _ in range(100)]
    held = process.memory_info().rss
    del blocks
    give_back()
    assert held - process.memory_info().rss > 60e6
    assert len(stays) == 100


ARENAS = """
import ctypes, sys, threading
from sered.box.heap import share_one_heap
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
if sys.argv[1] == "shared":
    share_one_heap()
together = threading.Barrier(4)
def allocate():
    together.wait()
    libc.malloc(5_000)
    together.wait()
threads = [threading.Thread(target=allocate) for _ in range(4)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
libc.malloc_stats()
"""


def test_threads_share_one_heap() -> None:
    """Threads that allocate at once get heaps of their own, but not once they are told to share."""

    def heaps(how: str) -> int:
        command = [sys.executable, "-c", ARENAS, how]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30)
        return done.stderr.count("Arena ")

    assert heaps("apart") > 1
    assert heaps("shared") == 1
