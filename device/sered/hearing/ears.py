"""Ears: puts tones, noise floor, speech and cross-talk together; sound in, states out."""

from __future__ import annotations

from collections import deque
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from sered.hearing.cadence import Cadence
from sered.hearing.crosstalk import Ownership
from sered.hearing.hold_music import MusicDetector
from sered.hearing.measured import BLOCKS, Measured
from sered.hearing.sit_and_fax import SitAndFax
from sered.hearing.tones import NOTE, DtmfKeys, Howler
from sered.hearing.voice_activity import Gate, VoiceDetector
from sered.records import BLOCK, FRAME, RATE_HZ, Heard, Side, State

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from numpy.typing import NDArray

    from sered.records import AudioFrame
    from sered.settings import PlanName

_QUIET = frozenset({State.SILENCE, State.NOISE})
_TONE_ECHO_BLOCKS = 6
"""After a tone the voice detector, deaf to it, takes so long to settle."""
_MUSIC_ECHO_FRAMES = 20
"""A tune may pause for 5 s."""
_STEADY_BLOCKS, _STEADY_DB = 6, 1.0
"""Sound whose level moves no more than this for so long is a hum, whatever the detector says."""
_FAINT_MUSIC_DB, _FORGET_DB = 35.0, 0.003
"""So much under the loudest sound, which fades by 0.1 dB a second, is a line's hum, no music."""

_NO_TONES: list[State | None] = [None] * BLOCKS
_NO_HOWLS = [(False, False)] * BLOCKS
_ALL_SPEECH = [State.SPEECH] * BLOCKS
_NOTHING_LATE: list[Mapping[Side, float]] = [MappingProxyType({})] * BLOCKS
"""Nothing in a frame was named later than it began."""


class _SideEars:
    """Hears one side."""

    def __init__(self, plan: PlanName) -> None:
        self._gate = Gate()
        self._voice = VoiceDetector()
        self._music = MusicDetector()
        self._cadence = Cadence(plan)
        self._howler = Howler()
        self._sit_and_fax = SitAndFax()
        self._keys = DtmfKeys()
        self._sound = Measured(np.zeros(FRAME, np.float32), [])
        self._at = -1
        """The frame of it that was heard last."""
        self._levels: deque[float] = deque(maxlen=_STEADY_BLOCKS)
        self._listening = False
        self._talking = False
        self._loudest_db = -90.0
        self._after_music = _MUSIC_ECHO_FRAMES
        self._after_tone = self._after_sure_tone = _TONE_ECHO_BLOCKS
        self.hiss_db: list[float] = []
        self.since: dict[int, float] = {}
        """How many seconds before it some of the last frame's blocks what they carry began."""

    def expect(self, frames: Sequence[NDArray[np.int16]]) -> None:
        """Measure the frames that are heard next, all at once."""
        self._sound = Measured(self._sound.sound[self._at + 1].reshape(-1), frames)
        self._at = -1

    @property
    def expected_db(self) -> list[list[float]]:
        """Levels of the blocks of each frame that is expected."""
        return self._sound.levels_db

    def hear(self) -> tuple[list[State], list[float]]:
        """The states and levels (dBFS) of the next frame's blocks; more in `hiss_db`, `since`."""
        self._at += 1
        sound, at = self._sound, self._at
        levels = sound.levels_db[at]
        self.hiss_db = sound.hiss_db[at]
        self.since = {}
        if self._gate.open(sound.loudest_db[at]):
            if not self._listening:
                self._wake()
            states = self._listen(levels)
        else:
            states = [State.SILENCE] * BLOCKS
            if self._listening:
                self._rest()
            self._cadence.pass_by(levels)
        busy, music = any(state not in _QUIET for state in states), State.MUSIC in states
        self._gate.learn(sound.quietest_db[at], busy=busy, music=music)
        self._after_music = 0 if music else self._after_music + 1
        return states, levels

    @property
    def floor_db(self) -> float:
        """Noise floor, dBFS."""
        return self._gate.floor_db

    def _rest(self) -> None:
        self._listening = self._talking = False
        self._voice.reset()
        self._music.reset()

    def _until(self) -> int:
        """The frame up to which the gate will probably stay open: measured with this one."""
        return self._sound.while_over(self._at, self._gate.threshold_db)

    def _wake(self) -> None:
        """Hear the frame before, too quiet for the gate: a word may have begun softly in it."""
        self._listening = True
        # in `sound` the frame before the first has a place, too
        self._voice.take(self._sound.sound, self._at, self._until() + 1)
        for index in range(BLOCKS):
            self._voice.hear(index)

    def _listen(self, levels: list[float]) -> list[State]:
        until = self._until()
        self._voice.take(self._sound.sound, self._at + 1, until + 1)
        lines = self._sound.lines(self._at, until)
        threshold_db = self._gate.threshold_db
        tones = self._cadence.feed(
            lines, levels, threshold_db, music=self._after_music < _MUSIC_ECHO_FRAMES
        )
        signals = self._sit_and_fax.feed(lines, levels, threshold_db)
        keys = self._keys.feed(lines.keys)
        howling = self._howler.feed(lines.howls)
        sounding = [level > threshold_db for level in levels]
        if tones == signals == _NO_TONES and not any(keys) and howling == _NO_HOWLS:
            # as almost always
            states = [
                self._voice_or_not(
                    index, levels[index], lines.first_hz[index], sounding[index], lines.tonal[index]
                )
                for index in range(BLOCKS)
            ]
            if states == _ALL_SPEECH:
                self._cadence.reset()
            return states
        onsets = self._cadence.doubtful
        tones = [
            tone if signal in (None, State.NOISE) else signal
            for signal, tone in zip(signals, tones, strict=True)
        ]
        named = [
            self._name(None if onset else tone, sounds=sounds, key=key, howl=howl)
            for onset, tone, sounds, key, (_, howl) in zip(
                onsets, tones, sounding, keys, howling, strict=True
            )
        ]
        states = []
        for index, (tone, sounds) in enumerate(zip(named, sounding, strict=True)):
            hz = lines.first_hz[index]
            if tone is not None:
                states.append(self._tone(index, tone, (levels[index], hz), sounds=sounds))
                continue
            states.append(
                self._voice_or_not(
                    index,
                    levels[index],
                    hz,
                    sounds,
                    lines.tonal[index] if tones[index] is None else 0.0,
                    until=next((k for k in range(index, BLOCKS) if named[k] is not None), BLOCKS),
                    doubtful=onsets[index] or signals[index] is State.NOISE or howling[index][0],
                )
            )
        if states == _ALL_SPEECH and tones == _NO_TONES:
            self._cadence.reset()
        return states

    def _tone(self, index: int, tone: State, heard: tuple[float, float], *, sounds: bool) -> State:
        level_db, hz = heard
        self._after_tone = self._after_sure_tone = 0
        if tone in (State.BUSY, State.REORDER):
            self.since[index] = self._cadence.since_s[index]
        self._voice.reset()
        note = tone is State.NOISE and sounds
        plays = self._music.feed(level_db, hz if note else 0.0, note=note, voiced=False)
        return State.MUSIC if note and plays else tone

    @staticmethod
    def _name(tone: State | None, *, sounds: bool, key: bool, howl: bool) -> State | None:
        if tone in (None, State.NOISE) and howl:
            return State.HOWLER
        if tone is None and key and sounds:
            return State.DTMF
        return tone

    def _voice_or_not(
        self,
        index: int,
        level_db: float,
        hz: float,
        sounds: bool,  # noqa: FBT001 - names would cost as much as the work
        tonal: float,
        *,
        until: int = BLOCKS,
        doubtful: bool = False,
    ) -> State:
        voiced = self._voice.hear(index, until)
        self._after_sure_tone += 1
        self._after_tone = 0 if doubtful and not self._talking else self._after_tone + 1
        self._levels.append(level_db)
        voiced = (
            voiced
            and self._after_tone > _TONE_ECHO_BLOCKS
            and max(self._levels) - min(self._levels) >= _STEADY_DB
        )
        if voiced and not self._talking:
            lead = min(self._voice.lead, max(self._after_sure_tone - _TONE_ECHO_BLOCKS, 0))
            self.since[index] = lead * BLOCK / RATE_HZ
        self._talking = voiced
        self._loudest_db = max(self._loudest_db - _FORGET_DB, level_db)
        note = sounds and tonal > NOTE and level_db > self._loudest_db - _FAINT_MUSIC_DB
        if self._music.feed(level_db, hz, note=note, voiced=voiced):
            return State.MUSIC
        if voiced:
            return State.SPEECH
        return State.NOISE if sounds else State.SILENCE


class Ears:
    """Listens to one line; not thread-safe.

    `sides`: those that its frames carry; `tones`: the exchange's plan.
    """

    def __init__(self, sides: Collection[Side], tones: PlanName = "auto") -> None:
        self._sides = {side: _SideEars(tones) for side in sides}
        self._expected: deque[AudioFrame] = deque()
        both = Side.CUSTOMER in self._sides and Side.AGENT in self._sides
        self._ownership = Ownership() if both else None

    def expect(self, frames: Sequence[AudioFrame]) -> None:
        """Measure the frames that are fed next: many at once cost less, and tell the same."""
        self._expected = deque(frames)
        for side, ears in self._sides.items():
            ears.expect([frame.pcm[side] for frame in frames])
        if self._ownership is not None:
            far, near = self._sides[Side.CUSTOMER], self._sides[Side.AGENT]
            self._ownership.expect((far.expected_db, near.expected_db))

    def feed(
        self,
        frame: AudioFrame,
        off_hook: bool | None = None,  # noqa: FBT001 - three-valued
    ) -> list[Heard]:
        """One Heard for each block of the frame."""
        if not self._expected or self._expected[0] is not frame:
            self.expect((frame,))
        self._expected.popleft()
        states: dict[Side, list[State]] = {}
        levels: dict[Side, list[float]] = {}
        for side, ears in self._sides.items():
            states[side], levels[side] = ears.hear()
        if self._ownership is not None:
            far, near = self._sides[Side.CUSTOMER], self._sides[Side.AGENT]
            self._ownership.settle(
                (states[Side.CUSTOMER], states[Side.AGENT]),
                (levels[Side.CUSTOMER], levels[Side.AGENT]),
                (far.floor_db, near.floor_db),
            )
        starts_s = [(frame.start + index * BLOCK) / RATE_HZ for index in range(BLOCKS)]
        since = self._since(starts_s)
        columns = zip(
            starts_s,
            zip(*states.values(), strict=True),
            zip(*levels.values(), strict=True),
            since,
            zip(*(ears.hiss_db for ears in self._sides.values()), strict=True),
            strict=True,
        )
        sides = tuple(self._sides)
        return [
            Heard(
                start_s,
                dict(zip(sides, carried, strict=True)),
                dict(zip(sides, level, strict=True)),
                off_hook,
                began,
                dict(zip(sides, hiss, strict=True)),
            )
            for start_s, carried, level, began, hiss in columns
        ]

    def _since(self, starts_s: Sequence[float]) -> Sequence[Mapping[Side, float]]:
        """When what each block carries began, where that could only be named later."""
        sides = self._sides.items()
        if not any(ears.since for _, ears in sides):
            return _NOTHING_LATE
        return [
            {side: start_s - ears.since[index] for side, ears in sides if index in ears.since}
            for index, start_s in enumerate(starts_s)
        ]
