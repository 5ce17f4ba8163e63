"""docs/architecture.md is held against the tree: wings, rooms and picture are those of the code."""

import re

import pytest

from project import ROOT
from test_imports import GROUND, PACKAGE, WINGS

PAGE = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
HOUSE = [wing for wing in WINGS if wing not in GROUND and wing != "__main__"]
SECTIONS = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## )", PAGE, re.MULTILINE | re.DOTALL))


def test_every_wing_has_a_section() -> None:
    """Each wing of the import table is told of under its own name, and no other is."""
    assert set(SECTIONS) == set(HOUSE)


@pytest.mark.parametrize("wing", HOUSE)
def test_every_room_that_a_section_names_is_in_its_wing(wing: str) -> None:
    """A module or folder in backquotes is there, in the section's wing or where its path says."""
    for named in re.findall(r"`([\w/]+(?:\.py|/))`", SECTIONS[wing]):
        places = (PACKAGE / wing / named, PACKAGE / named, ROOT / named)
        assert any(place.exists() for place in places), f"{wing}: {named}"


def test_the_picture_has_every_wing_and_nothing_that_is_none() -> None:
    """The flow chart's boxes are wings; what is round is not ours."""
    (picture,) = re.findall(r"```mermaid\n(.*?)```", PAGE, re.DOTALL)
    groups = set(re.findall(r"subgraph (\w+)", picture))
    bare = re.sub(r"\[[^\]]*\]|\(\[[^)]*\]\)|--? [^-]*? -->|-\. [^.]*? \.->", " ", picture)
    words = set(re.findall(r"\b[a-z]+\b", bare)) - {"flowchart", "subgraph", "end", "direction"}
    outside = set(re.findall(r"\b(\w+)\(\[", picture))
    assert words - groups - outside == set(HOUSE)


def test_every_room_of_the_two_ways_exists() -> None:
    """The table of the way of one second and one sentence names rooms that are there."""
    table = PAGE[PAGE.index("## The way of one second") :]
    rooms = set(re.findall(r"`([a-z]+/[a-z_]+)`", table))
    assert len(rooms) > 10
    assert [room for room in rooms if not (PACKAGE / f"{room}.py").exists()] == []
