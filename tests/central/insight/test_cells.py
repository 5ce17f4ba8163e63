"""What is too small is told with something else: no sum and no difference is of few desks."""

from __future__ import annotations

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from sered.central.insight.cells import FEWEST, blocks, enough, named

desks = st.frozensets(st.integers(0, 12), max_size=9)
groups = st.dictionaries(st.text(alphabet="abcdefgh", min_size=1, max_size=2), desks, max_size=7)


def together(parts: list[frozenset[int]]) -> int:
    """Desks in some groups, each counted once."""
    return len(set().union(*parts))


@given(groups)
def test_no_part_and_no_rest_is_of_few_desks(found: dict[str, frozenset[int]]) -> None:
    """Whichever told groups are taken from the whole, nothing is left or five desks are."""
    told = named(found)
    if not enough(found):
        assert told == set()
        return
    assert all(len(found[key]) >= FEWEST for key in told)
    for size in range(len(told) + 1):
        for taken in combinations(sorted(told), size):
            left = [found[key] for key in found if key not in taken]
            assert not left or all(not part for part in left) or together(left) >= FEWEST


@given(groups)
def test_nothing_is_hidden_without_need(found: dict[str, frozenset[int]]) -> None:
    """Groups that are all large enough are all told; at most one large one goes with small ones
    for each desk that these lack.
    """
    large = {key for key, part in found.items() if len(part) >= FEWEST}
    told = named(found)
    if large == set(found):
        assert told == large
    assert len(large - told) <= FEWEST - 1


@given(st.lists(desks, max_size=12))
def test_every_block_of_hours_has_five_desks(found: list[frozenset[int]]) -> None:
    """Blocks are runs of periods with five desks each; all periods are in one, or none is told."""
    told = blocks(list(enumerate(found)))
    if not enough(dict(enumerate(found))):
        assert told == {}
        return
    assert list(told) == list(range(len(found)))
    assert list(told.values()) == sorted(told.values())
    for first in set(told.values()):
        assert together([found[at] for at, block in told.items() if block == first]) >= FEWEST
