"""What who reads the contract is promised: every version is read, nothing makes a reader fall."""

from __future__ import annotations

import json
from datetime import UTC
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.box import report
from message_makers import alert, status
from sered.contract.messages import CallReport, Status, encode
from sered.contract.reading import LARGEST, SetAside, Why, read
from sered.contract.topics import LEAVES, Place

if TYPE_CHECKING:
    from pydantic import JsonValue

CALLS = Place("site", "box", "calls")
STATUS = Place("site", "box", "status")


def call(**changes: Any) -> dict[str, Any]:
    """A report as it goes on the wire, with some of its keys replaced."""
    wire: dict[str, Any] = json.loads(encode(report(7)))
    return wire | changes


def wire(message: JsonValue) -> bytes:
    return json.dumps(message).encode()


def why(place: Place, body: bytes) -> str:
    found = read(place, body)
    assert isinstance(found, SetAside)
    assert found.sentence
    return found.why


def test_what_was_written_is_read() -> None:
    """A message of this version comes back as it was, times in UTC."""
    found = read(CALLS, encode(report(7)))
    assert found == report(7)
    assert isinstance(found, CallReport)
    assert found.started_at.tzinfo is not None
    assert found.started_at.astimezone(UTC) == report(7).started_at
    said = alert("abc", "withdrawn")
    assert read(Place("site", "box", "alerts"), encode(said)) == said


def test_what_a_later_version_adds_is_passed_over() -> None:
    """Unknown fields, at the top and within, do not keep a reader from what it knows."""
    later = call(colour="red", deep={"a": [{"b": None}]})
    later["sentiment"]["mood"] = "grim"
    later["talk"]["machine_s"] = 3.0
    assert read(CALLS, wire(later)) == report(7)


def test_a_word_that_is_not_known_yet_is_kept() -> None:
    """A category, reason, ending or state of a later version is read and stays as it is."""
    later = call(end_reason="transferred", mode="video")
    later["sentiment"] |= {"category": "ironic", "undetermined": "recorded_voice"}
    found = read(CALLS, wire(later))
    assert isinstance(found, CallReport)
    assert found.sentiment is not None
    assert (found.end_reason, found.mode) == ("transferred", "video")
    assert (found.sentiment.category, found.sentiment.undetermined) == ("ironic", "recorded_voice")


def test_an_older_message_is_whose_topic_it_has() -> None:
    """Where an older version named neither site nor device, the topic tells them."""
    old = {k: v for k, v in json.loads(encode(status())).items() if k not in {"site", "device"}}
    found = read(Place("oslo", "desk4", "status"), wire(old))
    assert found == status(site="oslo", device="desk4")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", Why.CLEARED),
        (b"not json", Why.MALFORMED),
        (b"[]", Why.MALFORMED),
        (b"[" * 5000, Why.MALFORMED),
        (b'{"a":' * 5000, Why.MALFORMED),
        (b'{"schema":"sered.call/1"}', Why.MALFORMED),
        (b"\xff\xfe", Why.MALFORMED),
        (wire(call(call_id=["a"])), Why.MALFORMED),
        (wire(call(call_id="a\0b")), Why.MALFORMED),
        (wire(call(call_id="x" * 65)), Why.MALFORMED),
        (wire(call(started_at=5)), Why.MALFORMED),
        (wire(call(started_at="2026-01-01T00:00:00")), Why.MALFORMED),
        (wire(call(duration_s="60")), Why.MALFORMED),
        (wire(call(duration_s=float("nan"))), Why.MALFORMED),
        (encode(report(7)).replace(b'"duration_s":60.0', b'"duration_s":1e999'), Why.MALFORMED),
        (wire(call(line="a/#")), Why.MALFORMED),
        (wire(call(sentiment={"score": -7})), Why.MALFORMED),
        (wire(call(schema="sered.call/2")), Why.UNKNOWN_SCHEMA),
        (wire(call(schema=None)), Why.UNKNOWN_SCHEMA),
        (wire({"schema": {"a": 1}}), Why.UNKNOWN_SCHEMA),
        (wire({}), Why.UNKNOWN_SCHEMA),
        (wire({"schema": "sered.probe/1", "pid": 7}), Why.PROBE),
        (wire(call(site="oslo")), Why.MISPLACED),
        (wire(call(device="desk4")), Why.MISPLACED),
        (b" " * (LARGEST + 1), Why.TOO_LARGE),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_set_aside_with_its_reason(body: bytes, reason: Why) -> None:
    """Each kind of bad message is told by its reason and a sentence, and never raises."""
    assert why(CALLS, body) == reason


def test_a_topic_without_a_message_is_told() -> None:
    """A leaf of which the contract knows nothing is set aside, whatever comes on it."""
    assert why(Place("site", "box", "doctor"), encode(status())) == Why.FOREIGN_TOPIC


def test_a_refusal_tells_nothing_of_what_was_said() -> None:
    """The sentence names places and what was wanted, never a word of the message."""
    secret = "my card is 4711"
    broken = call(transcript=[secret], sentiment=secret, verbal={"terms": [{"text": [secret]}]})
    found = read(CALLS, wire(broken))
    assert isinstance(found, SetAside)
    assert "4711" not in found.sentence
    assert "verbal" in found.sentence


@given(st.sampled_from(LEAVES), st.binary(max_size=300))
def test_no_bytes_make_a_reader_fall(leaf: str, body: bytes) -> None:
    """Whatever bytes come, a reader gives back a message or a reason."""
    assert isinstance(read(Place("site", "box", leaf), body), SetAside)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=12,
)


@given(st.data())
def test_no_json_in_place_of_a_field_makes_a_reader_fall(data: st.DataObject) -> None:
    """With anything at all in place of any field, a reader gives back a message or a reason."""
    body: dict[str, Any] = call()
    name = data.draw(st.sampled_from(sorted(body)))
    body[name] = data.draw(JSON)
    found = read(CALLS, wire(body))
    assert isinstance(found, CallReport | SetAside)
    body = json.loads(encode(status()))
    body[data.draw(st.sampled_from(sorted(body)))] = data.draw(JSON)
    assert isinstance(read(STATUS, wire(body)), Status | SetAside)
