"""Configurations that strangers wrote: what each is told, row by row of the collection."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from project import ROOT, Ended

SHARED = ROOT.parent / "shared" / "field-faults"
RIGHT = {
    "bom.toml": (0, r"site berlin, device desk1"),
    "host_url.toml": (2, r':2: mqtt\.host: .*host = "broker\.example\.com"'),
    "base_wildcard.toml": (2, r":2: mqtt\.base: .*#"),
    "cause_capitals.toml": (2, r":3: verdict\.cause\.1\.phrases\.1: .*did you mean 'no parking'"),
    "card_index.toml": (2, r":2: line\.1\.card: wanted card:ID, usb:.*path:.*pcm:"),
    "password_file_misspelt.toml": (2, r":3: mqtt\.password_file: no such password file"),
    "one_card_twice.toml": (2, r":6: line\.2\.card: .* is line a's card already"),
    "tilde.toml": (2, r":2: spool\.path: wanted a whole path"),
    "line_not_list.toml": (2, r":1: line: write \[\[line\]\]"),
}
"""File to exit status and what is said."""


def rows() -> list[str]:
    """The names of the collection's configurations; those known here where there is none."""
    if not SHARED.is_dir():
        return sorted(RIGHT)
    table = (SHARED / "EXPECT.tsv").read_text(encoding="utf-8")
    return re.findall(r"^config/(\S+)", table, re.MULTILINE)


@pytest.mark.shared
@pytest.mark.parametrize("name", rows())
def test_a_row_is_said_right(shared: Path, sered: Callable[..., Ended], name: str) -> None:
    """A configuration of the collection is refused with its line and what was meant, or read."""
    status, wanted = RIGHT[name]
    ended = sered("config", "check", shared / "field-faults/config" / name)
    assert ended.status == status
    assert re.search(wanted, ended.out + ended.err), ended.err
    assert "config init" not in ended.err
    if status:
        assert "    ^" in ended.err or "password" in name


@pytest.mark.shared
def test_a_bad_phrase_ends_no_call(shared: Path, sered: Callable[..., Ended]) -> None:
    """A phrase that cannot be read is the configuration's fault before a call begins."""
    folder = shared / "field-faults"
    ended = sered(
        "analyze", folder / "recordings/whole.wav", "-c", folder / "config/cause_capitals.toml"
    )
    assert ended.status == 2
    assert "did you mean 'no parking'" in ended.err
