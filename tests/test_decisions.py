"""Promises of docs/decisions: every page is listed, and each says what it was weighed against."""

import re
from pathlib import Path

import pytest

from project import ROOT

DECISIONS = ROOT / "docs/decisions"
PAGES = sorted(path for path in DECISIONS.glob("*.md") if path.name != "README.md")


def test_every_decision_is_listed() -> None:
    """The list has each page once, and ten or more there are."""
    listed = re.findall(r"\]\(([\w-]+\.md)\)", (DECISIONS / "README.md").read_text("utf-8"))
    assert sorted(listed) == [page.name for page in PAGES]
    assert len(PAGES) >= 10


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_decision_says_what_it_was_weighed_against(page: Path) -> None:
    """Decided, instead of, what it gives, what it costs, in this order."""
    heads = re.findall(r"^\*\*([^*]+?):\*\*", page.read_text("utf-8"), re.MULTILINE)
    assert heads == ["Decided", "Instead of", "What it gives", "What it costs"]
