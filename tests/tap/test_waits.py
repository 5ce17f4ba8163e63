"""A card that is away is tried for ever, ever more rarely, and soon again when cards change."""

from random import Random

import pytest

from sered.tap.waits import Waits, spread


@pytest.mark.parametrize(
    ("shown", "grow"), [(True, [1.0, 2.0, 4.0, 8.0, 16.0, 30.0]), (False, [1.0, 2.0, 4.0, 5.0])]
)
def test_attempts_become_rarer_for_ever(shown: bool, grow: list[float]) -> None:
    """1, 2, 4 ... 30 s without end; 5 s at most where the kernel shows no coming."""
    waits = Waits()
    took = [waits.first_s]
    while len(took) < 60:
        took.append(waits.after(took[-1], changed=False, shown=shown))
    assert took == grow + [grow[-1]] * (60 - len(grow))
    assert waits.after(took[-1], changed=True, shown=shown) == waits.first_s


def test_lines_of_a_box_do_not_all_try_at_once() -> None:
    """Each wait is a quarter sooner or later, evenly."""
    die = Random(4)
    shares = [spread(8.0, die) / 8.0 for _ in range(400)]
    assert 0.75 <= min(shares) < 0.78
    assert 1.22 < max(shares) <= 1.25
