"""One row a call, for tables: what, how sure, why, how long, who spoke. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sered.contract.explain import clock
from sered.tap.paths import shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sered.archive.task import Judged, Result
    from sered.contract.messages import CallReport

COLUMNS = (
    "file", "external_id", "call", "call_id", "started_at", "duration_s", "line", "end_reason",
    "verdict", "score", "confidence", "p_negative", "undetermined", "escalate", "causes", "why",
    "voice", "words", "trend", "worst_at_s", "customer_s", "agent_s", "mixed_s", "silence_s",
    "hold_s", "interruptions", "word_count", "asr_confidence", "snr_db", "lost_s", "clipping",
    "mixed", "emotion_model", "vosk_model", "lexicon", "sered", "notes", "error",
)  # fmt: skip
"""Of a CSV or Parquet file; a file without a call has a row, too, with `error` or nothing said."""
_PHRASES = 3
_TOLD = ("call_id", "started_at", "duration_s", "line", "end_reason", "mixed")
_FELT = ("score", "confidence", "p_negative", "undetermined", "escalate")
_TALK = ("customer_s", "agent_s", "mixed_s", "silence_s", "hold_s", "interruptions")
_QUALITY = ("snr_db", "lost_s", "clipping")
_VERSIONS = ("emotion_model", "vosk_model", "lexicon", "sered")

Value = str | float | int | bool | None


def rows(result: Result) -> Iterator[dict[str, Value]]:
    """The rows of a recording, each with all COLUMNS."""
    head: dict[str, Value] = dict.fromkeys(COLUMNS)
    head |= {
        "file": shown(result.path),
        "external_id": result.external_id,
        "notes": " ".join(result.notes),
        "error": result.fault or result.passed_over,
    }
    if not result.calls:
        yield head
    for number, call in enumerate(result.calls, 1):
        yield head | {"call": number} | _call(call)


def why(report: CallReport) -> str:
    """The reasons in a few words: phrases that moved it the verdict's way, else the voice."""
    sentiment = report.sentiment
    if sentiment is None or sentiment.category is None:
        return ""
    sign = -1.0 if sentiment.category == "negative" else 1.0
    terms = [
        term for term in (report.verbal.terms if report.verbal else ()) if term.share * sign > 0
    ]
    terms.sort(key=lambda term: -term.share * sign)
    phrases = list(dict.fromkeys(term.text for term in terms))[:_PHRASES]
    if phrases:
        return ", ".join(phrases)
    if report.acoustic is not None and report.acoustic.share * sign > 0:
        return "the voice"
    return ""


def reason(report: CallReport) -> str:
    """Why it has its verdict, or why it has none."""
    missing = report.sentiment.undetermined if report.sentiment else None
    return why(report) or (missing or "").replace("_", " ")


def verdict(report: CallReport) -> str:
    """negative, positive, undetermined or unanswered."""
    if report.sentiment is None:
        return "unanswered"
    return report.sentiment.category or "undetermined"


def _call(call: Judged) -> dict[str, Value]:
    report = call.report
    # figures as they go on the wire: more digits would claim more than is known
    told = report.model_dump(mode="json", by_alias=True)
    feeling, voice, words = (told[name] or {} for name in ("sentiment", "acoustic", "verbal"))
    worst, trend = told["worst"], told["trend"] or {}
    return {
        **{name: told[name] for name in _TOLD},
        **{name: feeling.get(name) for name in _FELT},
        **{name: told["talk"][name] for name in _TALK},
        **{name: told["quality"][name] for name in _QUALITY},
        **{name: told["versions"][name] for name in _VERSIONS},
        "verdict": verdict(report),
        "causes": " ".join(feeling.get("causes", ())),
        "why": why(report),
        "voice": voice.get("score"),
        "words": words.get("score"),
        "trend": trend.get("change"),
        "worst_at_s": round(call.at_s + worst["offset_s"], 2) if worst else None,
        "word_count": words.get("words"),
        "asr_confidence": words.get("asr_confidence"),
    }


def worst_moment(call: Judged) -> str:
    """`3:07`, in the recording's own time; empty where none stands out."""
    return clock(call.at_s + call.report.worst.offset_s) if call.report.worst else ""
