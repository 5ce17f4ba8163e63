"""Statistics held to published worked examples, and to what they must do."""

from __future__ import annotations

import random
from statistics import mean

import pytest

from sered.central.insight.figures import (
    BASELINE,
    difference,
    funnel,
    laney,
    sample_size,
    share,
    weighted_share,
)


@pytest.mark.parametrize(
    ("k", "n", "low", "high"),
    [
        # Newcombe, Statistics in Medicine 17 (1998) 857-872, table I, method 3
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_a_share_has_wilsons_interval(k: int, n: int, low: float, high: float) -> None:
    """The interval is that of the published examples."""
    found = share(k, n)
    assert (round(found.low, 4), round(found.high, 4)) == (low, high)


def test_a_difference_has_newcombes_interval() -> None:
    """Newcombe, Statistics in Medicine 17 (1998) 873-890, example (a), method 10."""
    found = difference(share(56, 70), share(48, 80))
    assert found is not None
    assert [round(value, 4) for value in found] == [0.2, 0.0524, 0.3339]


def test_a_sample_is_as_large_as_the_textbook_says() -> None:
    """Chow, Shao and Wang, Sample Size Calculations in Clinical Research (2008), 4.2.4."""
    assert sample_size(0.65, 0.85) == 70


def test_small_numbers_are_counts() -> None:
    """Under thirty no per cent is said; from thirty on with the interval."""
    assert str(share(8, 12)) == "8 of 12"
    assert str(share(24, 30)) == "80 % (63 to 90 %)"
    assert share(0, 0).value is None


def test_limits_are_laneys() -> None:
    """By hand: two levels in turn, whose z scores move by one amount each time."""
    periods = [(40, 100), (60, 100)] * 10
    found = laney(periods)
    assert found is not None
    assert found.centre == pytest.approx(0.5)
    # z is -2 and +2 in turn: a mean moving range of 4, by 1.128
    assert found.sigma_z == pytest.approx(4.0 / 1.128)
    assert found.limits[0][1] == pytest.approx(min(1.0, 0.5 + 3 * 4 / 1.128 * 0.05))
    assert found.outside == ()


def test_a_day_that_is_otherwise_lies_outside() -> None:
    """Days by chance alone stay within; one with twice the share does not."""
    rng = random.Random(1)
    periods = [(sum(rng.random() < 0.2 for _ in range(200)), 200) for _ in range(40)]
    calm = laney(periods)
    assert calm is not None
    assert calm.outside == ()
    assert calm.sigma_z == pytest.approx(1.0, abs=0.35)
    odd = laney([*periods, (80, 200)])
    assert odd is not None
    assert odd.outside == (40,)


def test_no_limits_without_a_baseline() -> None:
    """Under twenty periods with calls no limits are drawn."""
    assert laney([(1, 10)] * (BASELINE - 1) + [(0, 0)] * 5) is None
    assert laney([(0, 10)] * BASELINE) is None


def test_a_funnel_is_wider_for_small_groups_and_ranks_nobody() -> None:
    """Small groups may differ more; one that differs beyond chance is outside."""
    rng = random.Random(2)
    groups = [(sum(rng.random() < 0.2 for _ in range(n)), n) for n in (40, 100, 400, 900) * 4]
    found = funnel(groups)
    assert found is not None
    widths = [high - low for low, high in found.limits[:4]]
    assert widths == sorted(widths, reverse=True)
    assert funnel([*groups, (300, 600)]).outside == (16,)  # type: ignore[union-attr]  # not None
    assert funnel(groups[:2]) is None


def test_weights_undo_an_unequal_draw() -> None:
    """95 % intervals of a weighted sample cover the truth about 95 times in a hundred."""
    rng = random.Random(3)
    covered = []
    for _ in range(400):
        sample = [(10.0, rng.random() < 0.3) for _ in range(80)]
        sample += [(1.0, rng.random() < 0.1) for _ in range(80)]
        truth = (0.3 * 10 + 0.1) / 11
        found = weighted_share(sample)
        assert found is not None
        covered.append(found[1] <= truth <= found[2])
    assert 0.92 <= mean(covered) <= 0.98
    assert weighted_share([]) is None
