"""Which groups are told by name, so that no sum or difference is of fewer than five desks.

Whoever may see a whole and its parts can subtract: a part that is left out is told by the rest.
So the groups that are too small are told together, and where all of them are too small still, the
smallest of the others goes with them. Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence, Set

Key = TypeVar("Key")
Desk = TypeVar("Desk", bound="Hashable")

FEWEST = 5
"""Desks, since a desk is a person."""


def named(groups: Mapping[Key, Set[Desk]]) -> set[Key]:
    """Groups that may be told by name; what is left is nothing, or has FEWEST desks together.

    Empty: at most the whole may be told, if it is large enough (`enough`).
    """
    small = {key for key, desks in groups.items() if len(desks) < FEWEST}
    large = sorted(groups.keys() - small, key=lambda key: (len(groups[key]), str(key)))
    rest = {desk for key in small for desk in groups[key]}
    while rest and len(rest) < FEWEST and large:
        rest |= groups[large.pop(0)]
    return set(large)


def enough(groups: Mapping[Key, Set[Desk]]) -> bool:
    """Whether all of them together may be told of."""
    return len({desk for desks in groups.values() for desk in desks}) >= FEWEST


def blocks(periods: Sequence[tuple[Key, Set[Desk]]]) -> dict[Key, Key]:
    """Of periods in their order the first one of the block that each is told in.

    A period with too few desks is told with the next ones, and the last ones with those before.
    Empty: there are too few desks in all of them.
    """
    out: list[tuple[list[Key], set[Desk]]] = []
    for period, desks in periods:
        if not out or len(out[-1][1]) >= FEWEST:
            out.append(([], set()))
        out[-1][0].append(period)
        out[-1][1].update(desks)
    if out and len(out[-1][1]) < FEWEST:
        last = out.pop()[0]
        if not out:
            return {}
        out[-1][0].extend(last)
    return {period: block[0] for block, _ in out for period in block}
