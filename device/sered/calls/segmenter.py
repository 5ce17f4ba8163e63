"""The call segmenter: what each side carries, block by block, becomes calls. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sered.calls.call_evidence import HookEvidence, Lead, OnHookStep
from sered.calls.talk_times import HELD, TONES, TalkMeter
from sered.calls.tone_run import ToneRun
from sered.calls.utterances import LEAST_VOICED_S, SideSpeech
from sered.records import BLOCK_S, CallEnded, CallStarted, EndReason, Side, State, Utterance

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sered.records import Heard
    from sered.settings import CallSettings

Event = CallStarted | Utterance | CallEnded

_RINGBACK_GAP_S = 6.5
"""The longest pause between two rings: 4 s in the plans, and room for slower exchanges."""
_REDIAL_GAP_S = 4.2
"""Quiet before a dial tone that is too long to be a flash of the hook."""
_ANSWER_S = 0.25
"""The shortest voice that answers a call: an exchange's clicks may sound like a shorter one."""
FAINTEST_DB = -47.0
"""A voice whose loudest moments are fainter is not on this phone: a radio or the next line leaks
in. A quarter of a second that is louder starts a call; within a call faint voices count, too.
Measured on the idle hours with a station of `make bench-calls`."""
_MURMUR_S, _MURMUR_SINCE_S, _STATION_S = 0.5, 1.0, 600.0
"""A faint voice that has spoken for the first keeps a call open, as hold music does. It does not if
one was heard for the second on the idle line within the third: that is a station."""
_NOBODY_S = 12.0
"""When nobody has spoken for so long after a fax answered and fell silent, nobody will."""
_RECALL_S = 8.0
"""When nobody dials for so long on the dial tone after a flash, the line was given up."""


class _OpenCall:
    """What is known of the call that runs."""

    def __init__(self, start_s: float, now_s: float) -> None:
        self.start_s = start_s
        self.opened_s = now_s
        """When it was sure that this is a call."""
        self.active_s = now_s
        """End of the last block in which something sounded."""
        self.said_s = start_s
        """End of the last utterance, its pad included."""
        self.held_s = 0.0
        self.ringing_s = float("-inf")
        self.answered = self.faxed = False
        self.talk = TalkMeter()


class Segmenter:
    """Finds the calls of one line; feed it one Heard per block, in order.

    Events come in the order CallStarted, its Utterances, its CallEnded. A start may be told after
    the fact: a dial tone becomes a call's beginning only when somebody dials or speaks.
    """

    def __init__(self, settings: CallSettings) -> None:
        self._settings = settings
        self._call: _OpenCall | None = None
        self._lead = Lead()
        self._step = OnHookStep()
        self._tone = ToneRun()
        self._hook = HookEvidence()
        self._speech: dict[Side, SideSpeech] = {}
        self._heard_s = 0.0
        self._station_until_s = float("-inf")

    @property
    def in_call(self) -> bool:
        """Whether a call runs."""
        return self._call is not None

    def join(self, at_s: float) -> None:
        """Another recording begins there: no call of it is missed for what ended the last one."""
        self._tone.join(at_s)

    def feed(self, heard: Heard) -> list[Event]:
        """Take the next block; returns the events that it makes certain."""
        lost = self._lose(heard.start_s)
        states = heard.states
        sounding = set(states.values())
        self._hook.feed(heard.start_s, heard.off_hook)
        self._tone.feed(heard, sounding)
        self._lead.feed(heard.start_s, sounding, self._tone.dial_s)
        self._step.feed(heard, sounding, in_call=self._call is not None)
        utterances = self._listen(heard, states, spoken=State.SPEECH in sounding)
        if self._call is None:
            return [*lost, *self._idle(heard.start_s)]
        return self._talking(heard.start_s, states, sounding, utterances)

    def _lose(self, start_s: float) -> list[Event]:
        """Close the call if the sound lost before this block may have held its end."""
        before_s, self._heard_s = self._heard_s, start_s + BLOCK_S
        if start_s - before_s < BLOCK_S:
            return []
        self._step.interrupt()
        patience_s = self._settings.hang_over_s
        if self._call is None or self._hook.known or start_s - before_s < patience_s:
            return []
        return self._close_call(before_s, EndReason.SOUND_LOST)

    def finish(self, reason: EndReason) -> list[Event]:
        """No more sound comes: close what is open, for `reason`."""
        if self._call is None:
            return []
        self._call.active_s = max(self._call.active_s, self._call.start_s)
        return self._close_call(self._call.active_s, reason)

    def _listen(
        self, heard: Heard, states: Mapping[Side, State], *, spoken: bool
    ) -> list[Utterance]:
        out = []
        for side, state in states.items():
            speech = self._speech.get(side)
            if speech is None:
                speech = self._speech[side] = SideSpeech(side)
            voiced = state is State.SPEECH
            foreign = not voiced and (spoken or state not in (State.SILENCE, State.NOISE))
            utterance = speech.feed(
                heard.start_s,
                voiced=voiced,
                foreign=foreign,
                since_s=heard.since_s.get(side),
                level_db=heard.level_db[side],
                noisy=state is State.NOISE,
            )
            if utterance:
                out.append(utterance)
        return out

    def _idle(self, now_s: float) -> list[Event]:
        begin_s: float | None = None
        for speech in self._speech.values():
            if speech.voiced_s >= _MURMUR_SINCE_S:
                self._station_until_s = now_s + _STATION_S
        deaf = self._hook.known or self._tone.blocks_start(now_s)
        if self._hook.known:
            begin_s = self._hook.lifted_s
        elif not deaf:
            begin_s = self._evidence()
        if begin_s is None:
            if deaf:
                for speech in self._speech.values():
                    speech.forget()
            return []
        self._hook.taken()
        begin_s = round(begin_s, 3)
        self._call = _OpenCall(begin_s, now_s + BLOCK_S)
        for speech in self._speech.values():
            speech.begin(begin_s)
            self._call.talk.credit(speech)
            loud = speech.loudest_db > FAINTEST_DB
            self._call.answered |= loud and speech.voiced_s >= LEAST_VOICED_S
        return [CallStarted(begin_s)]

    def _evidence(self) -> float | None:
        voices = [speech for speech in self._speech.values() if speech.open_s is not None]
        spoken = any(speech.lasting_db > FAINTEST_DB for speech in voices)
        if not spoken and not self._lead.dialled:
            return None
        starts = [speech.open_s for speech in voices if speech.open_s is not None]
        return min([*starts, *self._lead.start()], default=None)

    def _talking(
        self,
        now_s: float,
        states: Mapping[Side, State],
        sounding: set[State],
        utterances: list[Utterance],
    ) -> list[Event]:
        call = self._call
        assert call is not None
        self._note(call, now_s, states, sounding)
        for utterance in utterances:
            call.said_s = max(call.said_s, utterance.end_s)
        over = self._over(call, now_s)
        if over is None:
            return list(utterances)
        end_s, reason = over
        return [*utterances, *self._close_call(end_s, reason)]

    def _note(
        self, call: _OpenCall, now_s: float, states: Mapping[Side, State], sounding: set[State]
    ) -> None:
        call.talk.feed(states, sounding)
        if State.RINGBACK in sounding:
            call.ringing_s = now_s
        call.faxed |= State.FAX in sounding
        if State.RINGBACK in sounding and not call.talk.heard(Side.CUSTOMER, Side.MIXED):
            call.answered = False
        if not call.answered:
            ringing = now_s - call.ringing_s < _RINGBACK_GAP_S
            call.answered = any(
                speech.voiced_s >= _ANSWER_S
                and speech.loudest_db > FAINTEST_DB
                and not (ringing and side is Side.AGENT)
                for side, speech in self._speech.items()
            )
        spoken = State.SPEECH in sounding
        if spoken and self._voices(states):
            call.held_s = 0.0
            call.active_s = now_s + BLOCK_S
            return
        held = not sounding.isdisjoint(HELD) or (
            spoken and now_s >= self._station_until_s and self._murmurs(states)
        )
        call.held_s += BLOCK_S * held
        if not sounding.isdisjoint(TONES) or (held and call.held_s <= self._settings.hold_limit_s):
            call.active_s = now_s + BLOCK_S

    def _voices(self, states: Mapping[Side, State]) -> bool:
        """Whether somebody speaks on some side who is on this phone."""
        return any(
            state is State.SPEECH and self._speech[side].loudest_db > FAINTEST_DB
            for side, state in states.items()
        )

    def _murmurs(self, states: Mapping[Side, State]) -> bool:
        """Whether somebody speaks on some side, however faintly."""
        return any(
            state is State.SPEECH and self._speech[side].voiced_s >= _MURMUR_S
            for side, state in states.items()
        )

    def _over(self, call: _OpenCall, now_s: float) -> tuple[float, EndReason] | None:
        """When the call ended and why, once that is sure."""
        end_s = now_s + BLOCK_S
        if self._tone.ends:
            return max(self._tone.start_s, call.start_s), EndReason.HANG_UP_TONE
        if end_s - call.start_s >= self._settings.max_call_s:
            return end_s, EndReason.MAX_LENGTH
        patience_s = self._settings.hang_over_s
        if self._hook.known:
            if self._hook.down_s is not None:
                return max(self._hook.down_s, call.start_s), EndReason.ON_HOOK
            patience_s = self._settings.hold_limit_s
        elif (down_s := self._put_down(call, end_s)) is not None:
            return max(down_s, call.start_s), EndReason.ON_HOOK
        elif call.faxed and not call.answered:
            patience_s = min(patience_s, _NOBODY_S)
        if call.active_s - call.ringing_s < 2 * BLOCK_S:
            patience_s = max(patience_s, _RINGBACK_GAP_S)
        if end_s - call.active_s >= patience_s:
            return call.active_s, EndReason.SILENCE
        return None

    def _put_down(self, call: _OpenCall, end_s: float) -> float | None:
        """When the handset went down, if the sound tells."""
        dial_s = self._tone.dial_s
        if dial_s is not None and dial_s > call.opened_s:
            told = self._step.telling and call.answered
            if dial_s - self._tone.before_s >= _REDIAL_GAP_S and not told:
                return self._tone.before_s
            if end_s - dial_s >= _RECALL_S:
                return dial_s
        return self._step.since_s

    def _close_call(self, end_s: float, reason: EndReason) -> list[Event]:
        call = self._call
        assert call is not None
        events: list[Event] = []
        for speech in self._speech.values():
            if utterance := speech.close():
                events.append(utterance)
                call.said_s = max(call.said_s, utterance.end_s)
        if not call.answered and reason not in (EndReason.MAX_LENGTH, EndReason.SOUND_LOST):
            reason = EndReason.UNANSWERED
        end_s = round(max(end_s, call.said_s), 3)
        events.append(CallEnded(call.start_s, end_s, reason, call.talk.result()))
        self._call = None
        self._step.forget()
        self._lead.restart(self._tone.dial_s)
        if reason is EndReason.MAX_LENGTH:
            self._call = _OpenCall(end_s, end_s)
            self._call.answered = call.answered
            events.append(CallStarted(end_s))
        return events
