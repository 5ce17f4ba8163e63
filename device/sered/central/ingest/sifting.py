"""Takes messages apart into what is stored, and sets aside what cannot be.

Text that a box sends is cut to what a column holds, and numbers to what a database can: a tolerant
reader keeps words that it does not know, and a store must not fail on them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sered.contract.messages import Alert, CallReport, Health, Status
from sered.contract.reading import SetAside

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sered.central.ingest.limits import Limiter
    from sered.contract.topics import Place
    from sered.delivery.subscription import Received

_AHEAD = timedelta(minutes=2)
_BEHIND = timedelta(days=60)
"""Boxes give up what they could not deliver after 30 days: older times are a wrong clock."""
_LARGEST = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Aside:
    """One that is set aside."""

    why: str
    received: Received


@dataclass(slots=True)
class Sifted:
    """A batch, by kind."""

    calls: list[tuple[CallReport, bytes]] = field(default_factory=list)
    alerts: list[Alert] = field(default_factory=list)
    statuses: list[Status] = field(default_factory=list)
    healths: list[Health] = field(default_factory=list)
    asides: list[Aside] = field(default_factory=list)


def sift(batch: Iterable[Received], limiter: Limiter, now: datetime) -> Sifted:
    """Everything in the batch, each where it belongs."""
    sifted = Sifted()
    for received in batch:
        if (why := _into(sifted, received, limiter, now)) is not None:
            sifted.asides.append(Aside(why, received))
    return sifted


def _into(sifted: Sifted, received: Received, limiter: Limiter, now: datetime) -> str | None:
    """Put one where it belongs; a word: why it cannot be used."""
    message, place = received.found, received.place
    if isinstance(message, SetAside):
        return str(message.why)
    assert place is not None, "a message was read, so its place is known"
    if not _allowed(message, place, limiter, now):
        return "too_many"
    if isinstance(message, CallReport):
        sifted.calls.append((message, received.body))
    elif isinstance(message, Alert):
        sifted.alerts.append(message)
    elif isinstance(message, Status):
        sifted.statuses.append(message)
    elif isinstance(message, Health):
        sifted.healths.append(message)
    return None


def _allowed(message: object, place: Place, limiter: Limiter, now: datetime) -> bool:
    of = None
    if isinstance(message, CallReport):
        of = plausible(message.ended_at, now)[0]
    elif isinstance(message, Alert):
        of = plausible(message.at, now)[0]
    return limiter.allows(place.site, place.device, place.leaf, of, now)


def plausible(at: datetime, received: datetime) -> tuple[datetime, bool]:
    """The moment, and whether it is in doubt: then it is that of receiving."""
    if received - _BEHIND <= at <= received + _AHEAD:
        return min(at, received), False
    return received, True


def call_row(report: CallReport, queue: str, now: datetime, late_after_s: float) -> dict[str, Any]:
    """Columns of `call`."""
    ended, doubtful = plausible(report.ended_at, now)
    doubtful = doubtful or not report.clock_synced
    started = report.started_at
    if plausible(started, now)[1]:
        started = ended - timedelta(seconds=min(report.duration_s, 86_400.0))
    felt = report.sentiment
    return {
        "call_id": report.call_id,
        "site": report.site,
        "device": report.device,
        "line": report.line,
        "queue": queue,
        "started_at": started,
        "ended_at": report.ended_at if not plausible(report.ended_at, now)[1] else ended,
        "duration_s": report.duration_s,
        "clock_synced": report.clock_synced,
        "clock_doubtful": doubtful,
        "end_reason": fitting(report.end_reason, 32),
        "mode": fitting(report.mode, 8),
        "mixed": report.mixed,
        "category": fitting(felt.category, 16) if felt and felt.category else None,
        "score": felt.score if felt else None,
        "confidence": felt.confidence if felt else None,
        "p_negative": felt.p_negative if felt else None,
        "undetermined": fitting(felt.undetermined, 32) if felt and felt.undetermined else None,
        "escalate": bool(felt and felt.escalate),
        "acoustic": report.acoustic.score if report.acoustic else None,
        "verbal": report.verbal.score if report.verbal else None,
        "change": report.trend.change if report.trend else None,
        "asr_confidence": report.verbal.asr_confidence if report.verbal else None,
        "snr_db": report.quality.snr_db,
        "lost_s": report.quality.lost_s,
        "versions": _versions(report),
        "received_at": now,
        "arrived_late": not doubtful and (now - ended).total_seconds() > late_after_s,
    }


def alert_row(alert: Alert, now: datetime) -> dict[str, Any]:
    """Columns of `alert`."""
    return {
        "call_id": alert.call_id,
        "state": fitting(alert.state, 12),
        "site": alert.site,
        "device": alert.device,
        "line": alert.line,
        "at": plausible(alert.at, now)[0],
        "started_at": plausible(alert.started_at, now)[0],
        "score": alert.score,
        "confidence": alert.confidence,
        "causes": causes(alert.causes),
        "received_at": now,
    }


def causes(words: tuple[str, ...]) -> list[str]:
    """At most eight different causes, each as long as a column."""
    return list(dict.fromkeys(fitting(word, 64) for word in words[:8] if word.strip()))


def fitting(text: str, most: int) -> str:
    """The text without what no database takes, cut to what the column holds."""
    return text.replace("\x00", "")[:most]


def count(number: int) -> int:
    """The number, as far as a column holds it."""
    return min(number, _LARGEST)


def _versions(report: CallReport) -> str:
    """What judged, as one short key: sered, network, recogniser, lexicon, calibration if any."""
    said = report.versions
    parts = (said.sered, (said.emotion_model or "-")[:8], said.vosk_model or "-")
    fitted = (said.calibration,) if said.calibration else ()
    return fitting(" ".join((*parts, (said.lexicon or "-")[:8], *fitted)), 200)
