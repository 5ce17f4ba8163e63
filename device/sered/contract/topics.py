"""Topics of the contract, made and taken apart: `BASE/SITE/DEVICE/LEAF`."""

from __future__ import annotations

from dataclasses import dataclass

from sered import names

LEAVES = ("status", "health", "calls", "alerts", "live")
"""Last level of the topics on which a box speaks."""
ANY = "+"
"""Stands for every name of a level in a filter."""


@dataclass(frozen=True, slots=True)
class Box:
    """Who speaks."""

    site: str
    device: str


@dataclass(frozen=True, slots=True)
class Place:
    """Where a message was found: whose it is, and of which kind."""

    site: str
    device: str
    leaf: str


def root(base: str, site: str, device: str) -> str:
    """What all topics of a box begin with, its last `/` included."""
    return f"{names.levels(base)}/{names.level(site)}/{names.level(device)}/"


def topic(base: str, site: str, device: str, leaf: str) -> str:
    """The one topic of a box's messages of a kind. Raises ValueError for an impossible name."""
    return root(base, site, device) + names.level(leaf)


def topic_filter(base: str, site: str = ANY, device: str = ANY, leaf: str = ANY) -> str:
    """What to subscribe to; ANY for every site, device or leaf. Raises ValueError for no name."""
    wanted = (part if part == ANY else names.level(part) for part in (site, device, leaf))
    return "/".join((names.levels(base), *wanted))


def parse(base: str, found: str) -> Place | None:
    """Whose topic it is and of which kind; None: none of this contract below that base."""
    parts = found.removeprefix(f"{base}/").split("/")
    if not found.startswith(f"{base}/") or len(parts) != 3:
        return None
    try:
        return Place(*map(names.level, parts))
    except ValueError:
        return None
