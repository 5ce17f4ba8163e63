"""One line's straight pipe: frames in; reports, alerts and live messages out. No threads."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np

from sered.hearing.recorded_voice import RecordedVoices
from sered.hearing.sides import EXCHANGED, SAME, SidesWatch
from sered.records import (
    BLOCK,
    FRAME,
    RATE_HZ,
    AudioFrame,
    CallEnded,
    CallStarted,
    EndReason,
    Side,
    Utterance,
    UtteranceResult,
)
from sered.verdict.report import CallFacts, final_alert, live, provisional, report, running
from sered.words.formulas import formulas

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from sered.box.analysis import Analysis
    from sered.calls.segmenter import Segmenter
    from sered.contract.messages import Alert, CallReport, Live
    from sered.hearing.ears import Ears
    from sered.hearing.remembered import Remembered
    from sered.records import Heard, State
    from sered.tap.clock import Clock
    from sered.verdict.report import ReportSettings

_RECENT_S = 24.0
"""Longest utterance, its pads and the time the segmenter may take to close it."""
_LOOK_FRAMES = 8
"""Every two seconds it is told what is wrong with the sides: to look costs as much as to listen."""
_FLOOR_BLOCKS = round(30.0 * RATE_HZ / BLOCK)
_FLOOR_PERCENTILE = 10
"""The level that a tenth of the last 30 s lie under is the line's own noise."""


class Recent:
    """The last seconds of every side, so that an utterance can be cut out when it closes."""

    def __init__(self, seconds: float = _RECENT_S) -> None:
        self._frames: deque[AudioFrame] = deque(maxlen=round(seconds * RATE_HZ / FRAME) + 1)

    def push(self, frame: AudioFrame) -> None:
        """Take the next frame; the oldest falls out."""
        self._frames.append(frame)

    def cut(self, side: Side, start_s: float, end_s: float) -> NDArray[np.int16]:
        """Sound of one side between two moments of line time; what was lost is silence."""
        first, last = round(start_s * RATE_HZ), round(end_s * RATE_HZ)
        out = np.zeros(max(last - first, 0), np.int16)
        for frame in self._frames:
            begin, end = max(frame.start, first), min(frame.start + FRAME, last)
            if begin < end:
                piece = frame.pcm[side][begin - frame.start : end - frame.start]
                out[begin - first : end - first] = piece
        return out


@dataclass(slots=True)
class _RunningCall:
    """What is known of the call that runs."""

    call_id: str
    start_s: float
    results: list[UtteranceResult] = field(default_factory=list)
    alerted: bool = False


class Line:
    """One line from frame to verdict.

    Feed it frames in order; what comes back is to be published, in order. Not thread-safe.
    """

    def __init__(
        self,
        settings: ReportSettings,
        ears: Ears,
        segmenter: Segmenter,
        analysis: Analysis,
        clock: Clock,
        *,
        remembered: Remembered | None = None,
    ) -> None:
        self._settings = settings
        self._ears = ears
        self._segmenter = segmenter
        self._analysis = analysis
        self._clock = clock
        self._recent = Recent()
        self._levels: dict[Side, deque[float]] = {}
        self._lost: deque[tuple[float, float]] = deque(maxlen=10_000)
        self._call: _RunningCall | None = None
        self._sides = SidesWatch(settings.sides)
        self._voices = RecordedVoices(settings.sides, remembered)
        self.calls = 0
        self.heard: dict[Side, Counter[State]] = {}
        """Blocks of each state since the start."""
        self.sides_found: tuple[str, ...] = ()
        """What is wrong with the line's sides: in the call that runs, or in the last that told."""
        self._since_looked = 0

    @property
    def in_call(self) -> bool:
        """Whether a call runs."""
        return self._call is not None

    def expect(self, frames: Sequence[AudioFrame]) -> None:
        """Measure frames that are fed next, where they are there already: at once it costs less."""
        self._ears.expect(frames)
        self._voices.expect(frames)

    def feed(
        self,
        frame: AudioFrame,
        off_hook: bool | None = None,  # noqa: FBT001 - three-valued
    ) -> list[CallReport | Alert | Live]:
        """Push one frame through the pipe."""
        if frame.lost:
            self._lost.append((frame.start / RATE_HZ, frame.lost / RATE_HZ))
        if frame.joined is not None:
            self._segmenter.join(frame.joined / RATE_HZ)
        self._recent.push(frame)
        out: list[CallReport | Alert | Live] = []
        blocks = self._ears.feed(frame, off_hook)
        self._sides.feed(frame, blocks)
        self._voices.feed(frame, blocks)
        for side in blocks[0].states:
            if side not in self.heard:
                self.heard[side] = Counter()
                self._levels[side] = deque(maxlen=_FLOOR_BLOCKS)
            self.heard[side].update(heard.states[side] for heard in blocks)
        known = 0
        for at, heard in enumerate(blocks, 1):
            if events := self._segmenter.feed(heard):
                # an utterance's noise is that of the blocks up to its end
                self._know(blocks[known:at])
                known = at
                out += self._take(events)
        self._know(blocks[known:])
        self._since_looked += 1
        if out or self._since_looked >= _LOOK_FRAMES:
            self._since_looked = 0
            self.sides_found = self._sides_found()
        return out

    def _know(self, blocks: Sequence[Heard]) -> None:
        for side, levels in self._levels.items():
            levels.extend([heard.level_db[side] for heard in blocks])

    def hurry(self) -> None:
        """Look for no more words, so that `finish` takes no time; safe from any thread."""
        self._analysis.hurry()

    def finish(self, reason: EndReason) -> list[CallReport | Alert | Live]:
        """No more sound comes: close the call that runs, if any."""
        return self._take(self._segmenter.finish(reason))

    def _sides_found(self) -> tuple[str, ...]:
        now = self._sides.now() if self._call is not None else ()
        # who has not spoken yet may still do so
        sure = tuple(word for word in now if word in (SAME, EXCHANGED))
        return sure or self._sides.lasting

    def _take(
        self, events: Iterable[CallStarted | Utterance | CallEnded]
    ) -> list[CallReport | Alert | Live]:
        out: list[CallReport | Alert | Live] = []
        for event in events:
            match event:
                case CallStarted(at_s):
                    self._begin(at_s)
                case Utterance(side=side) if side is not Side.AGENT:
                    out += self._hear(event)
                case CallEnded():
                    out += self._end(event)
        return out

    def _begin(self, at_s: float) -> None:
        call_id = self._clock.call_id(self._clock.wall(at_s), at_s)
        self._call = _RunningCall(call_id, at_s)
        self._voices.begin(at_s)
        self._analysis.begin_call()

    def _hear(self, utterance: Utterance) -> list[Alert | Live]:
        call = self._call
        assert call is not None, "the segmenter opens a call before its utterances"
        pcm = self._recent.cut(utterance.side, utterance.start_s, utterance.end_s)
        result = self._analysis.judge(utterance, pcm, self._floor(utterance.side))
        call.results.append(result)
        said = result.transcript.text if result.transcript else ""
        self._voices.take(utterance, pcm, formulas(said))
        settings = self._settings
        if self._voices.flags()[-1]:
            return []
        if call.alerted and not settings.live:
            # nobody asks where the call stands: to look goes through all its utterances
            return []
        facts = self._facts(call, utterance.end_s)
        stands = running(settings, facts)
        out: list[Alert | Live] = [live(settings, facts, stands)] if settings.live else []
        # who is called and never answered may be a machine that is not known yet
        answered = not self._voices.unanswered
        if answered and not call.alerted and (early := provisional(settings, facts, stands)):
            call.alerted = True
            out.append(early)
        return out

    def _end(self, ended: CallEnded) -> list[CallReport | Alert]:
        call = self._call
        assert call is not None, "the segmenter opens a call before it ends it"
        self._call = None
        self.calls += 1
        facts = self._facts(call, ended.end_s, over=True)
        self._sides.end()
        self._voices.end()
        final = report(self._settings, facts, ended)
        if final.sentiment is not None and final.sentiment.escalate:
            return [final, final_alert(self._settings, final, "confirmed")]
        if call.alerted:
            return [final, final_alert(self._settings, final, "withdrawn")]
        return [final]

    def _facts(self, call: _RunningCall, until_s: float, *, over: bool = False) -> CallFacts:
        flags = self._voices.flags(over=over)
        recorded = [r.utterance for r, flag in zip(call.results, flags, strict=True) if flag]
        # both ends from one reading of one clock, which may have been put right in mid-call
        now = self._clock.wall(until_s)
        return CallFacts(
            call_id=call.call_id,
            started_at=now - timedelta(milliseconds=round((until_s - call.start_s) * 1000)),
            now=now,
            start_s=call.start_s,
            clock_synced=self._clock.synced(),
            results=tuple(r for r, flag in zip(call.results, flags, strict=True) if not flag),
            recorded_s=sum(utterance.voiced_s for utterance in recorded),
            # what is missing before the call is not the call's, though it borders on it
            lost_s=sum(
                min(lost, at - call.start_s)
                for at, lost in self._lost
                if call.start_s < at <= until_s + 1.0
            ),
            notes=self._sides.now(over=over),
        )

    def _floor(self, side: Side) -> float | None:
        levels = self._levels.get(side)
        return float(np.percentile(levels, _FLOOR_PERCENTILE)) if levels else None
