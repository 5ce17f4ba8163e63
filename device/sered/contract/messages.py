"""Payloads of the MQTT contract; the JSON Schemas under docs/mqtt come from here."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer

from sered.records import EndReason


def _short(value: float) -> float:
    return round(value, 4) + 0.0


# on the wire, not in memory: more digits would claim more than is known
_Signed = Annotated[float, Field(ge=-1.0, le=1.0)]
_Unsigned = Annotated[float, Field(ge=0.0, le=1.0)]
Score = Annotated[_Signed, PlainSerializer(_short, return_type=_Signed)]
Share = Annotated[_Unsigned, PlainSerializer(_short, return_type=_Unsigned)]
Part = Annotated[float, PlainSerializer(_short, return_type=float)]
"""A signed part of a score."""
Seconds = Annotated[float, Field(ge=0.0)]


class _Payload(BaseModel):
    """Frozen; unknown keys are refused, so that the schema is the whole truth."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        use_attribute_docstrings=True,
        json_schema_serialization_defaults_required=True,
    )


class Sentiment(_Payload):
    """The verdict itself."""

    category: Literal["negative", "positive"] | None
    score: Score
    confidence: Share
    undetermined: str | None
    """Why there is no category: too_little_speech, too_noisy, low_asr_confidence, disagreement,
    mixed_side, no_analysis, neutral."""
    escalate: bool
    """Whether somebody should call the customer back."""
    causes: tuple[str, ...] = ()


class EmotionShares(_Payload):
    """The network's probabilities, weighted by speech."""

    angry: Share
    disgust: Share
    fear: Share
    happy: Share
    neutral: Share
    surprise: Share
    sad: Share


class Acoustic(_Payload):
    """What the voice alone says."""

    score: Score
    emotions: EmotionShares
    speech_s: Seconds
    sides: tuple[str, ...]
    share: Part = 0.0
    """The voice's part of the call's score; with the words' part it adds up to it."""


class VerbalTerm(_Payload):
    """A phrase that moved the score."""

    text: str
    valence: float
    offset_s: Seconds
    """Seconds from the call's start."""
    share: Part
    """Its part of the call's score; all of them and the voice's part add up to it."""


class Verbal(_Payload):
    """What the words alone say."""

    score: Score
    words: Annotated[int, Field(ge=0)]
    asr_confidence: Share
    terms: tuple[VerbalTerm, ...]
    share: Part = 0.0
    """The words' part of the call's score; the terms' shares add up to it."""


class Trend(_Payload):
    """How the feeling moved through the call."""

    quarters: tuple[Score | None, Score | None, Score | None, Score | None]
    change: Score
    """Mean of the end less mean of the beginning, halved."""


class TalkTimes(_Payload):
    """Who spoke how long."""

    customer_s: Seconds
    agent_s: Seconds
    mixed_s: Seconds = 0.0
    silence_s: Seconds
    hold_s: Seconds
    longest_silence_s: Seconds
    interruptions: Annotated[int, Field(ge=0)]


class Moment(_Payload):
    """A stretch of the call."""

    offset_s: Seconds
    duration_s: Seconds


class UtteranceShare(_Payload):
    """One customer utterance and how it moved the call's score; no words."""

    offset_s: Seconds
    duration_s: Seconds
    emotion: str | None
    """The likeliest of the seven, where the network could judge."""
    acoustic: Score | None
    verbal: Score | None
    score: Score | None
    share: Part
    """Its part of the call's score; all of them add up to it."""


class Quality(_Payload):
    """How well the call could be heard."""

    lost_s: Seconds
    clipping: Share
    snr_db: float | None


class Versions(_Payload):
    """What judged."""

    sered: str
    emotion_model: str | None
    """SHA-256 of the network's file."""
    vosk_model: str | None
    lexicon: str | None


class CallReport(_Payload):
    """`calls`: one finished call."""

    schema_: Literal["sered.call/1"] = Field("sered.call/1", alias="schema")
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)
    call_id: str
    """UUIDv7: the key by which a subscriber drops duplicates."""
    site: str
    device: str
    line: str
    started_at: datetime
    ended_at: datetime
    duration_s: Seconds
    clock_synced: bool
    """False: the box did not know the time; started_at and ended_at may be off."""
    end_reason: EndReason
    mode: Literal["audio", "text", "both"]
    mixed: bool
    """Both people on one channel: the agent's voice could not be kept out."""
    sentiment: Sentiment | None
    """None for an unanswered call."""
    acoustic: Acoustic | None
    verbal: Verbal | None
    trend: Trend | None
    talk: TalkTimes
    worst: Moment | None
    utterances: tuple[UtteranceShare, ...]
    quality: Quality
    versions: Versions
    transcript: str | None = None


class Alert(_Payload):
    """`alerts`: a negative call, while it runs and when it is over."""

    schema_: Literal["sered.alert/1"] = Field("sered.alert/1", alias="schema")
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)
    call_id: str
    site: str
    device: str
    line: str
    state: Literal["provisional", "confirmed", "withdrawn"]
    """provisional while the call runs; confirmed or withdrawn when it is over."""
    at: datetime
    started_at: datetime
    score: Score
    confidence: Share
    causes: tuple[str, ...] = ()
    terms: tuple[str, ...] = ()


class Live(_Payload):
    """`live`: one customer utterance, off by default."""

    schema_: Literal["sered.live/1"] = Field("sered.live/1", alias="schema")
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)
    call_id: str
    line: str
    offset_s: Seconds
    duration_s: Seconds
    emotion: str | None
    acoustic: Score | None
    verbal: Score | None
    running: Score


class LineStatus(_Payload):
    """One line's state in `status`."""

    line: str
    reasons: tuple[str, ...]
    """Empty when all is well. The card: no_device, unplugged, wrong_port, not_ready, busy,
    no_permission, no_frames, failed. The sound: digital_silence, silent_line, clipping, dc_offset,
    hum, low_level. The box: behind, no_model, no_words ..."""
    text: str
    """One sentence for a technician."""


class Status(_Payload):
    """`status`: retained; also the last will."""

    schema_: Literal["sered.status/1"] = Field("sered.status/1", alias="schema")
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)
    state: Literal["online", "degraded", "offline"]
    reasons: tuple[str, ...] = ()
    text: str = ""
    lines: tuple[LineStatus, ...] = ()


class LineHealth(_Payload):
    """One line's figures in `health`."""

    line: str
    in_call: bool
    calls: int
    frames: int
    lost_s: Seconds
    level_db: float | None
    drift_ppm: float | None
    restarts: int
    rtf: float | None
    """Seconds of work a second of sound, both analyses included."""


class Health(_Payload):
    """`health`: retained, once a minute."""

    schema_: Literal["sered.health/1"] = Field("sered.health/1", alias="schema")
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)
    at: datetime
    clock_synced: bool
    uptime_s: Seconds
    lines: tuple[LineHealth, ...]
    spool_depth: int
    spool_dropped: int
    cpu: float
    """Share of one core since the last report."""
    rss_mb: float
    temperature_c: float | None
    versions: Versions


PAYLOADS: dict[str, type[_Payload]] = {
    "status": Status,
    "health": Health,
    "calls": CallReport,
    "alerts": Alert,
    "live": Live,
}
"""Last topic level to payload."""


def schemas() -> dict[str, dict[str, Any]]:
    """JSON Schema (2020-12) of every payload as it goes on the wire, by last topic level."""
    found = {}
    for leaf, payload in PAYLOADS.items():
        schema = payload.model_json_schema(mode="serialization")
        head = {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "$id": payload.model_fields["schema_"].default,
        }
        found[leaf] = head | schema
    return found


def encode(payload: _Payload) -> bytes:
    """The bytes that go on the wire: compact UTF-8 JSON, keys in the schema's order."""
    return payload.model_dump_json(by_alias=True).encode()
