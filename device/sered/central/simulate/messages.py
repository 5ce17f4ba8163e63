"""What a box publishes of a simulated call, in the contract's own classes. Pure."""

from __future__ import annotations

from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING

from sered.contract.call import (
    Acoustic,
    EmotionShares,
    Moment,
    Quality,
    Sentiment,
    TalkTimes,
    Trend,
    UtteranceShare,
    Verbal,
    VerbalTerm,
    Versions,
)
from sered.contract.messages import Alert, CallReport, Health, LineHealth, LineStatus, Status

if TYPE_CHECKING:
    from datetime import datetime

    from sered.central.simulate.truth import Desk, TrueCall

PHRASES = {
    "delay": ("waiting for weeks", "still waiting"),
    "billing": ("charged twice", "my money back"),
    "product": ("not working", "broken again"),
    "agent": ("hung up on me", "nobody listens"),
    "cancellation": ("cancel my contract", "another provider"),
    "unresolved": ("same problem again", "how many times"),
}
CERTIFIED = timedelta(days=300)
"""What is left of a simulated box's certificate."""
_VERSIONS = Versions(
    sered="0.2.0",
    emotion_model="0" * 64,
    vosk_model="vosk-model-small-en-us-0.15",
    lexicon="1" * 8,
    calibration=None,
)


def report(call: TrueCall) -> CallReport:
    """`calls` of a call, as its box hears it."""
    random = Random(call.call_id)  # noqa: S311 - a simulation has to be repeatable
    seconds = (call.heard_until - call.heard_from).total_seconds()
    spoken = tuple(_utterances(call, random, seconds))
    negative = call.score < -0.2
    category = "negative" if negative else "positive" if call.score > 0.2 else None
    return CallReport(
        call_id=call.call_id,
        site=call.desk.site,
        device=call.desk.device,
        line=call.desk.line,
        started_at=call.heard_from,
        ended_at=call.heard_until,
        duration_s=round(seconds, 2),
        clock_synced=call.desk.clock_synced,
        end_reason="hang_up_tone",
        mode="both",
        mixed=False,
        sentiment=Sentiment(
            category=category,
            score=call.score,
            confidence=call.confidence,
            p_negative=round(0.5 - call.score / 2, 3),
            undetermined=None if category else "neutral",
            escalate=call.escalate,
            causes=call.causes,
        ),
        acoustic=_acoustic(call, seconds),
        verbal=_verbal(call, random, seconds),
        trend=Trend(quarters=(0.1, call.score, call.score, call.score), change=call.score / 2),
        talk=_talk(seconds),
        worst=Moment(offset_s=spoken[0].offset_s, duration_s=spoken[0].duration_s),
        utterances=spoken,
        quality=Quality(lost_s=0.0, clipping=0.0, snr_db=22.5, notes=()),
        versions=_VERSIONS,
        transcript=None,
    )


def alert(call: TrueCall, state: str) -> Alert:
    """`alerts` of an unhappy call: provisional half-way, confirmed or withdrawn at its end."""
    half = call.heard_from + (call.heard_until - call.heard_from) / 2
    return Alert(
        call_id=call.call_id,
        site=call.desk.site,
        device=call.desk.device,
        line=call.desk.line,
        state=state,
        at=half if state == "provisional" else call.heard_until,
        started_at=call.heard_from,
        score=min(call.score, -0.6) if state == "provisional" else call.score,
        confidence=call.confidence,
        p_negative=round(0.5 - call.score / 2, 3),
        causes=() if state == "provisional" else call.causes,
        terms=(),
    )


def status(desk: Desk, state: str = "online", *reasons: str) -> Status:
    """`status` of a box."""
    line = LineStatus(line=desk.line, reasons=reasons, text=", ".join(reasons))
    return Status(
        site=desk.site, device=desk.device, state=state, reasons=reasons, text=", ".join(reasons),
        lines=(line,) if state != "offline" else (),
    )  # fmt: skip


def health(desk: Desk, at: datetime, calls: int = 0, state: str = "online") -> Health:
    """`health` of a box."""
    line = LineHealth(
        line=desk.line, in_call=False, calls=calls, frames=calls * 700, lost_s=0.0, level_db=-52.0,
        drift_ppm=11.0, restarts=0, rtf=0.21,
    )  # fmt: skip
    return Health(
        site=desk.site, device=desk.device, at=at + timedelta(seconds=desk.clock_off_s),
        clock_synced=desk.clock_synced, state=state, reasons=(), uptime_s=3600.0, lines=(line,),
        spool_depth=0, spool_dropped=0, cpu=0.1, rss_mb=210.0, temperature_c=48.0,
        certificate_until=at + CERTIFIED,
        versions=_VERSIONS,
    )  # fmt: skip


def _utterances(call: TrueCall, random: Random, seconds: float) -> list[UtteranceShare]:
    count = max(2, min(12, int(seconds / 20)))
    return [
        UtteranceShare(
            offset_s=round(seconds * n / count, 2),
            duration_s=round(random.uniform(1.5, 8.0), 2),
            emotion="angry" if call.score < -0.4 else "neutral",
            acoustic=call.score,
            verbal=call.score,
            score=call.score,
            share=call.score / count,
            agitation=abs(call.score),
        )
        for n in range(count)
    ]


def _acoustic(call: TrueCall, seconds: float) -> Acoustic:
    anger = max(0.02, min(0.9, -call.score))
    rest = (1.0 - anger) / 6
    shares = EmotionShares(
        angry=anger, disgust=rest, fear=rest, happy=rest, neutral=rest, surprise=rest, sad=rest
    )
    return Acoustic(
        score=call.score, emotions=shares, speech_s=round(seconds * 0.4, 2), sides=("customer",),
        share=call.score * 0.4, valence=call.score, agitation=abs(call.score),
    )  # fmt: skip


def _verbal(call: TrueCall, random: Random, seconds: float) -> Verbal:
    said = [random.choice(PHRASES[cause]) for cause in call.causes]
    terms = tuple(
        VerbalTerm(
            text=text, valence=-2.5, offset_s=round(seconds * 0.3 + n, 2),
            share=call.score * 0.6 / len(said),
        )
        for n, text in enumerate(said)
    )  # fmt: skip
    return Verbal(
        score=call.score, words=int(seconds * 1.1), asr_confidence=0.86, terms=terms,
        share=call.score * 0.6,
    )  # fmt: skip


def _talk(seconds: float) -> TalkTimes:
    return TalkTimes(
        customer_s=round(seconds * 0.4, 2), agent_s=round(seconds * 0.4, 2), mixed_s=0.0,
        recorded_s=0.0,
        silence_s=round(seconds * 0.2, 2), hold_s=0.0, longest_silence_s=4.0, interruptions=1,
    )  # fmt: skip
