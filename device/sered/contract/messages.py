"""Payloads of the MQTT contract, one class a topic; docs/mqtt has schemas made from them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from sered.contract.call import (
    Acoustic,
    Emotion,
    Moment,
    Quality,
    Sentiment,
    TalkTimes,
    Trend,
    UtteranceShare,
    Verbal,
    Versions,
)
from sered.contract.fields import (
    CallId,
    Count,
    Name,
    Payload,
    Score,
    Seconds,
    Share,
    Time,
    Words,
    added,
)
from sered.contract.vocabulary import ALERT_STATES, BOX_STATES, ENDINGS, MODES


class CallReport(Payload):
    """`calls`: one finished call."""

    schema_: Literal["sered.call/1"] = Field("sered.call/1", alias="schema")
    """What kind of message this is, and the version of its contract."""
    call_id: CallId
    """The key by which a subscriber drops duplicates: UUIDv7; of a recording UUIDv8, the same for
    the same sound, box, line, mode and sides."""
    site: Name
    """Where the box stands: the level after the base in its topics."""
    device: Name
    """Name of the box: the level after the site in its topics."""
    line: Name
    """Name of the desk phone's line on that box."""
    started_at: Time
    """When the call began, UTC."""
    ended_at: Time
    """When the call was over, UTC."""
    duration_s: Seconds
    """How long the call was, in seconds."""
    clock_synced: bool
    """False: the box did not know the time; started_at and ended_at may be off."""
    end_reason: Annotated[str, Words(tuple(ENDINGS))]
    """Why the call is over."""
    mode: Annotated[str, Words(MODES)]
    """What was to be judged: audio (the voice), text (the words) or both."""
    mixed: bool
    """Both people on one channel: the agent's voice could not be kept out."""
    sentiment: Sentiment | None
    """The verdict; null for an unanswered call."""
    acoustic: Acoustic | None
    """What the voice alone says; null where it was not judged."""
    verbal: Verbal | None
    """What the words alone say; null where they were not judged."""
    trend: Trend | None
    """How the feeling moved; null where nothing was judged."""
    talk: TalkTimes
    """Talk times of both people, and the silences between."""
    worst: Moment | None
    """The utterance that cost the score most; null where none did."""
    utterances: tuple[UtteranceShare, ...]
    """What the customer said, in the order spoken."""
    quality: Quality
    """How well both could be heard, and what may be wrong with the line."""
    versions: Versions
    """Versions of all that judged: reports with the same ones were judged alike."""
    transcript: str | None
    """What the customer said, word for word; null unless `[privacy] transcript` is on."""


class Alert(Payload):
    """`alerts`: a negative call, while it runs and when it is over."""

    schema_: Literal["sered.alert/1"] = Field("sered.alert/1", alias="schema")
    """What kind of message this is, and the version of its contract."""
    call_id: CallId
    """UUIDv7 of the call; with `state` the key by which a subscriber drops duplicates."""
    site: Name
    """Where the box stands: the level after the base in its topics."""
    device: Name
    """Name of the box: the level after the site in its topics."""
    line: Name
    """Name of the desk phone's line on that box."""
    state: Annotated[str, Words(ALERT_STATES)]
    """provisional while the call runs; confirmed or withdrawn when it is over."""
    at: Time
    """When that state was reached, UTC."""
    started_at: Time
    """When the call began, UTC."""
    score: Score
    """How the customer felt until then, as one number: -1 (very unhappy) to 1 (very happy)."""
    confidence: Share
    """How sure the call's category was at that moment, 0 to 1: negative, unless withdrawn."""
    p_negative: Annotated[Share | None, added("0.3.0")]
    """Probability, 0 to 1, at that moment that the call is a negative one."""
    causes: tuple[str, ...]
    """Probable causes, the likeliest first; a site may add words of its own."""
    terms: tuple[str, ...]
    """Phrases that spoke against the call, once it is over and where `[privacy] terms` is on."""


class Live(Payload):
    """`live`: one customer utterance, off by default."""

    schema_: Literal["sered.live/1"] = Field("sered.live/1", alias="schema")
    """What kind of message this is, and the version of its contract."""
    call_id: CallId
    """UUIDv7 of the call."""
    site: Annotated[Name, added("0.3.0", "")]
    """Where the box stands: the level after the base in its topics."""
    device: Annotated[Name, added("0.3.0", "")]
    """Name of the box: the level after the site in its topics."""
    line: Name
    """Name of the desk phone's line on that box."""
    offset_s: Seconds
    """Where the utterance begins, in seconds from the call's start."""
    duration_s: Seconds
    """How long it is, in seconds."""
    emotion: Emotion | None
    """The likeliest of the seven, where the network could judge."""
    acoustic: Score | None
    """How the voice sounds, -1 to 1; null where it could not be judged."""
    verbal: Score | None
    """How the words read, -1 to 1; null without words."""
    running: Score
    """The call's score so far, -1 to 1."""
    agitation: Annotated[Share | None, added("0.3.0")]
    """How agitated the voice sounds, 0 to 1, well or ill alike; null where it could not be
    judged."""


class LineStatus(Payload):
    """One line's state in `status`."""

    line: Name
    """Name of the desk phone's line."""
    reasons: tuple[str, ...]
    """What is wrong with its card or its sound, a word each; empty when all is well."""
    text: str
    """One sentence for a technician."""


class Status(Payload):
    """`status`: retained, at every connect, change and ten minutes; also the last will."""

    schema_: Literal["sered.status/1"] = Field("sered.status/1", alias="schema")
    """What kind of message this is, and the version of its contract."""
    site: Annotated[Name, added("0.3.0", "")]
    """Where the box stands: the level after the base in its topics."""
    device: Annotated[Name, added("0.3.0", "")]
    """Name of the box: the level after the site in its topics."""
    state: Annotated[str, Words(BOX_STATES)]
    """Whether the box listens: online, degraded (something is wrong) or offline."""
    reasons: tuple[str, ...]
    """What is wrong with the box or any of its lines, a word each; empty when all is well."""
    text: str
    """The same in sentences for a technician; empty when all is well."""
    lines: tuple[LineStatus, ...]
    """Every line; empty when the box is offline."""


class LineHealth(Payload):
    """One line's figures in `health`."""

    line: Name
    """Name of the desk phone's line."""
    in_call: bool
    """Whether a call is running."""
    calls: Count
    """Number of calls since the service started."""
    frames: Count
    """Number of frames of 256 ms that were analysed since the service started."""
    lost_s: Seconds
    """Sound lost since the service started, in seconds."""
    level_db: float | None
    """Level of the loudest side just now, in dBFS (0 is full scale); null without sound."""
    drift_ppm: float | None
    """How far the sound card's clock is off, in ppm; null while it is not known."""
    restarts: Count
    """Number of times that the card was opened anew."""
    rtf: float | None
    """Seconds of work a second of sound, both analyses included; null while it is not known."""


class Health(Payload):
    """`health`: retained, every `health_every_s` (60 s)."""

    schema_: Literal["sered.health/1"] = Field("sered.health/1", alias="schema")
    """What kind of message this is, and the version of its contract."""
    site: Annotated[Name, added("0.3.0", "")]
    """Where the box stands: the level after the base in its topics."""
    device: Annotated[Name, added("0.3.0", "")]
    """Name of the box: the level after the site in its topics."""
    at: Time
    """When these figures were taken, UTC."""
    clock_synced: bool
    """False: the box does not know the time; `at` may be off."""
    state: Annotated[Annotated[str, Words(BOX_STATES)] | None, added("0.3.0")]
    """Whether the box listens, as in `status`; null from a box that does not tell it here."""
    reasons: Annotated[tuple[str, ...], added("0.3.0", ())]
    """What is wrong, as in `status`; empty when all is well."""
    uptime_s: Seconds
    """How long the service has been running, in seconds."""
    lines: tuple[LineHealth, ...]
    """Every line of the box."""
    spool_depth: Count
    """Number of messages that wait for the broker."""
    spool_dropped: Count
    """Number of messages given up at the spool's limits since it was made."""
    cpu: Annotated[float, Field(ge=0.0)]
    """Share of one core since the last report: 1 is one core, 2 are two."""
    rss_mb: Annotated[float, Field(ge=0.0)]
    """Memory of the service, in MiB."""
    temperature_c: float | None
    """Temperature of the processor, in °C; null where it cannot be measured."""
    certificate_until: Annotated[Time | None, added("0.3.0")]
    """When the first of the box's certificates ends, its own or its authority's, UTC; null where it
    uses none."""
    versions: Versions
    """What judges on this box."""


PAYLOADS: dict[str, type[CallReport | Alert | Live | Status | Health]] = {
    "status": Status,
    "health": Health,
    "calls": CallReport,
    "alerts": Alert,
    "live": Live,
}
"""Last topic level to payload."""


def encode(payload: Payload) -> bytes:
    """The bytes that go on the wire: compact UTF-8 JSON, keys in the schema's order."""
    return payload.model_dump_json(by_alias=True).encode()
