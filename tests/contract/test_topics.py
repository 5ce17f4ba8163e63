"""What topics promise: what is made can be taken apart, and one rule says what a name may be."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt.client import topic_matches_sub
from pydantic import ValidationError

from sered import config, names
from sered.contract.topics import LEAVES, Place, parse, root, topic, topic_filter
from sered.errors import ConfigError
from sered.settings import LineSettings, MqttSettings, Settings

if TYPE_CHECKING:
    from pathlib import Path

IMPOSSIBLE = {
    "": "empty",
    "#": "wildcard",
    "a+b": "wildcard",
    "$SYS": "broker's own",
    "desk 1": "blanks",
    " desk": "blanks",
    "desk\u00a0one": "blanks",
    "a\x00b": r"U\+0000",
    "a\x1fb": r"U\+001F",
    "a\x7f": r"U\+007F",
    "a\x85": r"U\+0085",
    "a\u200bb": r"U\+200B",
    "a\u202eb": r"U\+202E",
    "a\ud800": r"U\+D800",
    "a\ufffe": r"U\+FFFE",
    "a\U0001ffff": r"U\+1FFFF",
    "\ufdd0": r"U\+FDD0",
    "n" * 129: "128",
}
"""Name to what the refusal must say."""


def a_name() -> st.SearchStrategy[str]:
    def possible(text: str) -> bool:
        try:
            return bool(names.level(text))
        except ValueError:
            return False

    return st.text(min_size=1, max_size=12).filter(possible)


@pytest.mark.slow
@given(base=st.lists(a_name(), min_size=1, max_size=4).map("/".join), site=a_name(), box=a_name())
def test_a_topic_that_was_made_is_taken_apart(base: str, site: str, box: str) -> None:
    """Every topic gives back site, device and leaf, below a base of any levels, in any script."""
    for leaf in LEAVES:
        made = topic(base, site, box, leaf)
        made.encode()
        assert parse(base, made) == Place(site, box, leaf)
        assert made == root(base, site, box) + leaf
        assert topic_matches_sub(topic_filter(base), made)
        assert topic_matches_sub(topic_filter(base, site=site, leaf=leaf), made)


@pytest.mark.parametrize(
    "found",
    ["sered", "sered/a/b", "sered/a/b/c/d", "seredx/a/b/c", "x/sered/a/b/c", "sered//b/c",
     "sered/a/$b/c", "sered/a/b/"],
)  # fmt: skip
def test_what_is_no_topic_of_ours_is_told(found: str) -> None:
    """A topic of other depth, other base or with an impossible name belongs to no box."""
    assert parse("sered", found) is None


def test_a_filter_for_one_site_leaves_the_others_out() -> None:
    """Who watches one site hears no other, and a wildcard smuggled in as a name is refused."""
    one = topic_filter("a/b", site="berlin", leaf="calls")
    assert one == "a/b/berlin/+/calls"
    assert not topic_matches_sub(one, topic("a/b", "bern", "desk", "calls"))
    with pytest.raises(ValueError, match="wildcard"):
        topic_filter("a/b", site="#")


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_one_rule_holds_for_all_names(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Base, site, device, line and the host name as default are refused alike, with the reason."""
    why = IMPOSSIBLE[name]
    for wrong in (
        lambda: MqttSettings(base=name),
        lambda: MqttSettings(base=f"{name}/sered"),
        lambda: MqttSettings(base=f"sered/{name}/x"),
        lambda: Settings(site=name),
        lambda: Settings(device=name),
        lambda: LineSettings(name=name),
    ):
        with pytest.raises(ValidationError, match=f"{why}|one / between"):
            wrong()
    if name and "." not in name:
        monkeypatch.setattr(socket, "gethostname", lambda: name)
        with pytest.raises(ValidationError, match=f"{why}.*host name"):
            Settings()


@pytest.mark.parametrize(
    "base", ["sered", "acme/telephony/sered", "Büro/呼び出し", "a/b/c/d/e/f/g/h"]
)
def test_a_base_may_have_several_levels(base: str) -> None:
    """A base of one to eight levels is taken as it is."""
    assert MqttSettings(base=base).base == base


@pytest.mark.parametrize(
    "base", ["/sered", "sered/", "a//b", "a/+", "a/#", "/", "a/b/c/d/e/f/g/h/i"]
)
def test_a_base_that_no_topic_can_begin_with_is_refused(base: str) -> None:
    """Slashes at the ends, empty levels, wildcards and too many levels are told in a sentence."""
    with pytest.raises(ValidationError, match="must be"):
        MqttSettings(base=base)


def test_config_check_says_which_name_and_why(tmp_path: Path) -> None:
    """All wrong names stand in one answer, each with its line, its reason and what was found."""
    path = tmp_path / "sered.toml"
    path.write_text(
        'site = "$SYS"\ndevice = "a\\u0000"\n[[line]]\nname = "front desk"\n[mqtt]\nbase = "a/+"\n'
    )
    with pytest.raises(ConfigError) as caught:
        config.load(path, environ={})
    lines = caught.value.faults
    assert len(lines) == 4
    for line, number, name, why in zip(
        lines, (1, 2, 4, 6), ("site", "device", "line.1.name", "mqtt.base"),
        ("broker's own mark", "U+0000", "blanks", "wildcard"), strict=True,
    ):  # fmt: skip
        assert line.startswith(f"{path}:{number}: {name}: must be one level of an MQTT topic")
        assert why in line
