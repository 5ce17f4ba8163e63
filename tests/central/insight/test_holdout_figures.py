"""The hold-out's two figures and its table of power, drawn twenty thousand times."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from sered.central.insight.figures import difference, sample_size, share
from sered.central.simulate import year_truth

DRAWS = 20_000
Drawn = npt.NDArray[np.int64]
HELD = year_truth.again(severe=False, soon=False)
CALLED = HELD + year_truth.CALLED_LESS


@pytest.mark.parametrize("truth", [HELD, CALLED], ids=["held out", "to be called"])
def test_an_arms_interval_holds_the_truth_in_95_of_100_years(truth: float) -> None:
    """Of a small site's half-years, each with another number of cases: 95 ± 1 %."""
    rng = np.random.default_rng(22)
    n = rng.poisson(53, DRAWS)
    k = rng.binomial(n, truth)
    assert _covered(n, k, truth) == pytest.approx(0.95, abs=0.01)


def test_the_arms_difference_holds_the_truth_in_95_of_100_years() -> None:
    """Both arms of such half-years beside each other."""
    rng = np.random.default_rng(23)
    held = []
    for n1, n0 in rng.poisson(53, (3000, 2)):
        found = difference(
            share(int(rng.binomial(n1, CALLED)), int(n1)),
            share(int(rng.binomial(n0, HELD)), int(n0)),
        )
        assert found is not None
        held.append(found[1] <= CALLED - HELD <= found[2])
    assert np.mean(held) == pytest.approx(0.95, abs=0.015)


@pytest.mark.parametrize("effect", [0.05, 0.08, 0.1, 0.15])
def test_so_many_cases_see_the_effect_in_80_of_100_hold_outs(effect: float) -> None:
    """At the number that the page asks for, the page's interval of the difference leaves zero out
    in 80 ± 2.5 % of hold-outs that have the effect, and in 5 ± 1 % of those that have none.
    """
    rng = np.random.default_rng(24)
    base = 0.25
    n = sample_size(base, base - effect)
    for truth, wanted, within in ((base - effect, 0.8, 0.025), (base, 0.05, 0.01)):
        found = _sees(rng.binomial(n, truth, DRAWS), rng.binomial(n, base, DRAWS), n)
        assert found == pytest.approx(wanted, abs=within)


def _covered(n: Drawn, k: Drawn, truth: float) -> float:
    """Share of intervals that hold the truth, each as the page computes it."""
    pairs, times = np.unique(np.stack([k, n]), axis=1, return_counts=True)
    held = [_holds(int(a), int(b), truth) for a, b in pairs.T]
    return float(np.average(held, weights=times))


def _holds(k: int, n: int, truth: float) -> bool:
    found = share(k, n)
    return found.low <= truth <= found.high


def _sees(one: Drawn, two: Drawn, n: int) -> float:
    """Share of differences whose interval leaves zero out."""
    pairs, times = np.unique(np.stack([one, two]), axis=1, return_counts=True)
    shares = {int(k): share(int(k), n) for k in np.unique(pairs)}
    seen = []
    for a, b in pairs.T:
        found = difference(shares[int(a)], shares[int(b)])
        assert found is not None
        seen.append(found[1] > 0.0 or found[2] < 0.0)
    return float(np.average(seen, weights=times))
