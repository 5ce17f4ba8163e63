"""From what is known of a call to the payloads that leave the box; applies privacy. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from statistics import median
from typing import TYPE_CHECKING, Literal

from sered.contract import call, messages
from sered.records import EndReason, Side
from sered.verdict import decision
from sered.words import redact

if TYPE_CHECKING:
    from datetime import datetime

    from sered.records import CallEnded, Talk, UtteranceResult
    from sered.settings import Mode, PrivacySettings, VerdictSettings


_SCRAPS_S, _SCRAPS_SHARE = 1.0, 0.3
"""Speech beside a recorded voice that is no person's: a piece of it that was not known."""


@dataclass(frozen=True, slots=True)
class ReportSettings:
    """What a line's reports need to know of the configuration."""

    site: str
    device: str
    line: str
    mode: Mode
    sides: tuple[Side, ...]
    verdict: VerdictSettings
    privacy: PrivacySettings
    versions: call.Versions
    live: bool = False
    """Whether somebody wants to hear of each utterance."""

    @property
    def mixed(self) -> bool:
        """Whether both people share one channel."""
        return Side.MIXED in self.sides


@dataclass(frozen=True, slots=True)
class CallFacts:
    """What is known of one call at one moment."""

    call_id: str
    started_at: datetime
    now: datetime
    start_s: float
    """Seconds of line time."""
    clock_synced: bool
    results: tuple[UtteranceResult, ...]
    lost_s: float
    recorded_s: float = 0.0
    """Speech of recorded voices on the customer's side; none of it is in `results`."""
    notes: tuple[str, ...] = ()
    """What was wrong with the sides: words of vocabulary.NOTES."""

    @property
    def withheld(self) -> str | None:
        """Why nobody's feelings may be told of it, whatever was heard."""
        if "sides_exchanged" in self.notes:
            return "sides_exchanged"
        spoken_s = sum(result.utterance.voiced_s for result in self.results)
        alone = spoken_s < _SCRAPS_S and spoken_s < _SCRAPS_SHARE * self.recorded_s
        return "recorded_voice" if alone else None


def report(settings: ReportSettings, facts: CallFacts, ended: CallEnded) -> messages.CallReport:
    """The one message of a finished call; unanswered calls carry no verdict."""
    mixed = settings.mixed or "same_on_both" in facts.notes
    unanswered = ended.reason is EndReason.UNANSWERED
    judged = None
    if not unanswered:
        judged = decision.judge(
            () if facts.withheld else facts.results,
            ended,
            settings.mode,
            settings.verdict,
            mixed=mixed,
            withheld=facts.withheld,
        )
    return messages.CallReport(
        call_id=facts.call_id,
        site=settings.site,
        device=settings.device,
        line=settings.line,
        started_at=facts.started_at,
        ended_at=facts.now,
        duration_s=round(ended.end_s - ended.start_s, 3),
        clock_synced=facts.clock_synced,
        end_reason=ended.reason,
        mode=settings.mode,
        mixed=mixed,
        sentiment=judged.sentiment if judged else None,
        acoustic=judged.acoustic if judged else None,
        verbal=_private(settings.privacy, judged.verbal) if judged else None,
        trend=judged.trend if judged else None,
        talk=_talk_times(ended.talk, facts.recorded_s),
        worst=judged.worst if judged else None,
        utterances=judged.utterances if judged else (),
        quality=_quality(facts),
        versions=settings.versions,
        transcript=_transcript(settings.privacy, facts) if judged and not facts.withheld else None,
    )


def _talk_times(talk: Talk, recorded_s: float) -> call.TalkTimes:
    return call.TalkTimes(
        customer_s=round(max(talk.customer_s - recorded_s, 0.0), 3),
        agent_s=round(talk.agent_s, 3),
        mixed_s=round(talk.mixed_s, 3),
        recorded_s=round(min(recorded_s, talk.customer_s), 3),
        silence_s=round(talk.silence_s, 3),
        hold_s=round(talk.hold_s, 3),
        longest_silence_s=round(talk.longest_silence_s, 3),
        interruptions=talk.interruptions,
    )


def _quality(facts: CallFacts) -> call.Quality:
    snrs = [r.snr_db for r in facts.results if r.snr_db is not None]
    length = sum(r.utterance.voiced_s for r in facts.results)
    clipped = sum(r.clipping * r.utterance.voiced_s for r in facts.results)
    return call.Quality(
        # what was lost is never rounded to nothing
        lost_s=ceil(facts.lost_s * 1000.0 - 1e-6) / 1000.0,
        clipping=round(clipped / length, 4) if length else 0.0,
        snr_db=round(median(snrs), 1) if snrs else None,
        notes=facts.notes,
    )


def running(settings: ReportSettings, facts: CallFacts) -> decision.Running:
    """Where the call stands, for `live` and `provisional`."""
    return decision.running(facts.results, settings.mode, settings.verdict)


def live(settings: ReportSettings, facts: CallFacts, running: decision.Running) -> messages.Live:
    """What the customer's last utterance was, and where the call stands."""
    last = facts.results[-1]
    return messages.Live(
        call_id=facts.call_id,
        site=settings.site,
        device=settings.device,
        line=settings.line,
        offset_s=round(max(last.utterance.start_s - facts.start_s, 0.0), 3),
        duration_s=round(last.utterance.end_s - last.utterance.start_s, 3),
        emotion=last.emotion.label if last.emotion else None,
        acoustic=decision.acoustic_score(last),
        verbal=last.polarity.score if last.polarity else None,
        running=running.score,
        agitation=last.emotion.agitation if last.emotion else None,
    )


def provisional(
    settings: ReportSettings, facts: CallFacts, running: decision.Running
) -> messages.Alert | None:
    """An alert while the call runs, when the evidence is strong enough."""
    shared = settings.mixed or "same_on_both" in facts.notes
    if not running.alert or shared or facts.withheld:
        return None
    return messages.Alert(
        call_id=facts.call_id,
        site=settings.site,
        device=settings.device,
        line=settings.line,
        state="provisional",
        at=facts.now,
        started_at=facts.started_at,
        score=running.score,
        confidence=running.p_negative,
        p_negative=running.p_negative,
        causes=running.causes,
        terms=(),
    )


def final_alert(
    settings: ReportSettings,
    final: messages.CallReport,
    state: Literal["confirmed", "withdrawn"],
) -> messages.Alert:
    """The alert that settles a call, with the figures of its report."""
    sentiment = final.sentiment
    terms = final.verbal.terms if final.verbal else ()
    return messages.Alert(
        call_id=final.call_id,
        site=settings.site,
        device=settings.device,
        line=settings.line,
        state=state,
        at=final.ended_at,
        started_at=final.started_at,
        score=sentiment.score if sentiment else 0.0,
        confidence=sentiment.confidence if sentiment else 0.0,
        p_negative=sentiment.p_negative if sentiment else None,
        causes=sentiment.causes if sentiment else (),
        terms=tuple(term.text for term in terms if term.valence < 0),
    )


def _private(privacy: PrivacySettings, verbal: call.Verbal | None) -> call.Verbal | None:
    if verbal is None or privacy.terms:
        return verbal
    return verbal.model_copy(update={"terms": ()})


def _transcript(privacy: PrivacySettings, facts: CallFacts) -> str | None:
    if not privacy.transcript:
        return None
    said = [r.transcript.text for r in facts.results if r.transcript and r.transcript.words]
    text = "\n".join(said)
    return redact.redact(text, privacy.redact_words) if privacy.redact else text
