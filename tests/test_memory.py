"""What a call has freed goes back to the system."""

from __future__ import annotations

import psutil

from sered.memory import give_back


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
