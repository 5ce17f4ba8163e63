"""How many boxes say `health` or `status` in the same second."""

from __future__ import annotations

import random
from collections import Counter

from sered.delivery.backoff import spread_s

_EVERY_S = 300.0
_BOXES = 10_000


def test_boxes_that_got_power_at_once_speak_evenly() -> None:
    """After their first word at most twice the mean in any second; each about as often as told."""
    die = random.Random(1).uniform
    heard = Counter[int]()
    rounds = 0
    for _ in range(_BOXES):
        at, first = 0.0, True
        while (at := at + spread_s(_EVERY_S, first=first, die=die)) < 3600.0:
            heard[int(at)] += 1
            first = False
            rounds += 1
    mean = _BOXES / _EVERY_S
    assert max(heard.values()) < 2 * mean
    assert max(heard[second] for second in range(int(0.1 * _EVERY_S))) == 0
    assert abs(rounds / _BOXES - 3600.0 / _EVERY_S) < 1.0
