"""Reads what a box of any version published: a message, or why it was set aside. Never raises."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from pydantic import ValidationError
from pydantic_core import from_json

from sered.contract.fields import READER
from sered.contract.messages import PAYLOADS, Alert, CallReport, Health, Live, Status

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

    from sered.contract.topics import Place

LARGEST = 256_000
"""Bytes of a payload that is looked at: the longest call with all its words stays far below."""
PROBE = "sered.probe/1"
"""What `sered diagnose` sends to try a topic."""
_FAULTS_TOLD = 3

Message = CallReport | Alert | Live | Status | Health


class Why(StrEnum):
    """Why a message was set aside."""

    PROBE = "probe"
    """`sered diagnose` tries the topic: nothing is wrong."""
    FOREIGN_TOPIC = "foreign_topic"
    """No topic of the contract."""
    UNKNOWN_SCHEMA = "unknown_schema"
    """Another kind of message, or another version of the contract."""
    MALFORMED = "malformed"
    """No JSON, nested too deeply, or not what its schema says."""
    TOO_LARGE = "too_large"
    MISPLACED = "misplaced"
    """It names another site or device than its topic."""
    STALE = "stale"
    """A call or an alert that a broker had retained: boxes retain neither."""
    CLEARED = "cleared"
    """Empty: somebody removed what was retained there."""


@dataclass(frozen=True, slots=True)
class SetAside:
    """A message that cannot be used, and why; never what stood in it."""

    why: Why
    sentence: str


def read(place: Place, body: bytes, *, largest: int = LARGEST) -> Message | SetAside:
    """What a box said at a place.

    Unknown fields are passed over, unknown words are kept as they are, and what an older version
    did not say is filled in from the topic, or is None.
    """
    if (payload := PAYLOADS.get(place.leaf)) is None:
        return SetAside(Why.FOREIGN_TOPIC, f"no message of the contract has the topic {place.leaf}")
    if not body:
        return SetAside(Why.CLEARED, "it is empty: what was retained there has been removed")
    if len(body) > largest:
        return SetAside(Why.TOO_LARGE, f"{len(body)} bytes are more than {largest}")
    wanted = payload.model_fields["schema_"].default
    if aside := _other_schema(body, wanted):
        return aside
    try:
        message = payload.model_validate_json(body, strict=True, extra="ignore", context=READER)
    except ValidationError as error:
        return SetAside(Why.MALFORMED, f"no {wanted}: {_sentence(error.errors())}")
    return _placed(message, place)


def _other_schema(body: bytes, wanted: str) -> SetAside | None:
    """Looks at `schema` before anything else: what is not ours is not judged by our rules."""
    try:
        found = from_json(body, allow_inf_nan=False)
    except ValueError as error:
        return SetAside(Why.MALFORMED, f"no JSON: {error}")
    if not isinstance(found, dict):
        return SetAside(Why.MALFORMED, "no JSON object")
    schema = found.get("schema")
    if schema == wanted:
        return None
    if schema == PROBE:
        return SetAside(Why.PROBE, "sered diagnose tries the topic")
    named = f"the schema {schema[:64]!r}" if isinstance(schema, str) else "no schema"
    return SetAside(Why.UNKNOWN_SCHEMA, f"it has {named}, {wanted} was expected")


def _placed(message: Message, place: Place) -> Message | SetAside:
    """The message, where it names its topic's site and device; one that names none gets them."""
    told = {"site": message.site, "device": message.device}
    topics = {"site": place.site, "device": place.device}
    for level, name in told.items():
        if name not in ("", topics[level]):
            sentence = f"it names {level} {name!r}, its topic {topics[level]!r}"
            return SetAside(Why.MISPLACED, sentence)
    return message if told == topics else message.model_copy(update=topics)


def _sentence(faults: list[ErrorDetails]) -> str:
    """Where a message is wrong and what was wanted; nothing of what it says."""
    told = []
    for fault in faults[:_FAULTS_TOLD]:
        where = ".".join(map(str, fault["loc"])) or "the whole"
        wanted = fault["msg"].removeprefix("Value error, ")
        told.append(f"{where}: {wanted[:1].lower()}{wanted[1:]}")
    left = len(faults) - len(told)
    return "; ".join(told) + (f"; and {left} more" if left else "")
