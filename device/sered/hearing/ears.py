"""Ears: puts tones, noise floor, speech and cross-talk together; sound in, states out."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import numpy as np

from sered.hearing.cadence import Cadence
from sered.hearing.crosstalk import Ownership
from sered.hearing.hold_music import MusicDetector
from sered.hearing.sit_and_fax import SitAndFax
from sered.hearing.tones import LONG, SHORT, DtmfKeys, Howler, dtmf_keys, howls, peaks, spectra
from sered.hearing.voice_activity import Gate, VoiceDetector
from sered.levels import FULL_SCALE, powers_db
from sered.records import BLOCK, FRAME, RATE_HZ, Heard, Side, State

if TYPE_CHECKING:
    from collections.abc import Collection

    from numpy.typing import NDArray

    from sered.records import AudioFrame
    from sered.settings import PlanName

_BLOCKS = FRAME // BLOCK
_QUIET = frozenset({State.SILENCE, State.NOISE})
_TONE_ECHO_BLOCKS = 6
"""After a tone the voice detector, deaf to it, takes so long to settle."""
_MUSIC_ECHO_FRAMES = 20
"""A tune may pause for 5 s."""
_STEADY_BLOCKS, _STEADY_DB = 6, 1.0
"""Sound whose level moves no more than this for so long is a hum, whatever the detector says."""
_FAINT_MUSIC_DB, _FORGET_DB = 35.0, 0.003
"""So much under the loudest sound, which fades by 0.1 dB a second, is a line's hum, no music."""
_NOTE = 0.2
"""Share of a spectrum's two strongest lines: noise has 0.1, a note has more."""


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
        self._last = np.zeros(FRAME, np.float32)
        self._levels: deque[float] = deque(maxlen=_STEADY_BLOCKS)
        self._listening = False
        self._talking = False
        self._loudest_db = -90.0
        self._after_music = _MUSIC_ECHO_FRAMES
        self._after_tone = self._after_sure_tone = _TONE_ECHO_BLOCKS
        self.hiss_db = np.zeros(_BLOCKS)
        self.since: dict[int, float] = {}
        """How many seconds before it some of the last frame's blocks what they carry began."""

    def feed(self, pcm: NDArray[np.int16]) -> tuple[list[State], NDArray[np.float64]]:
        """The states and levels (dBFS) of one frame's blocks; `hiss_db` and `since` tell more."""
        last, self._last = self._last, pcm.astype(np.float32)
        heard = np.concatenate((last[BLOCK - LONG :], self._last))
        blocks = heard[LONG - BLOCK :].reshape(_BLOCKS, BLOCK)
        means = blocks.mean(axis=1)
        power = np.einsum("ij,ij->i", blocks, blocks) / BLOCK - means * means
        levels = powers_db(power)
        steps = np.diff(heard[LONG - BLOCK - 1 :]).reshape(_BLOCKS, BLOCK)
        self.hiss_db = powers_db(np.einsum("ij,ij->i", steps, steps) / BLOCK)
        self.since = {}
        if self._gate.open(float(levels.max())):
            if not self._listening:
                self._wake(last)
            states = self._listen(heard, levels)
        else:
            states = [State.SILENCE] * _BLOCKS
            if self._listening:
                self._rest()
            self._cadence.pass_by(levels)
        busy, music = any(state not in _QUIET for state in states), State.MUSIC in states
        self._gate.learn(float(levels.min()), busy=busy, music=music)
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

    def _wake(self, last: NDArray[np.float32]) -> None:
        """Hear the frame before, too quiet for the gate: a word may have begun softly in it."""
        self._listening = True
        self._voice.take((last / FULL_SCALE).reshape(_BLOCKS, BLOCK))
        for index in range(_BLOCKS):
            self._voice.hear(index)

    def _listen(self, heard: NDArray[np.float32], levels: NDArray[np.float64]) -> list[State]:
        scaled = heard / FULL_SCALE
        self._voice.take(scaled[LONG - BLOCK :].reshape(_BLOCKS, BLOCK))
        lines = peaks(spectra(heard, LONG), LONG)
        short = spectra(heard, SHORT)
        tones = self._cadence.feed(
            lines, levels, self._gate.threshold_db, music=self._after_music < _MUSIC_ECHO_FRAMES
        )
        signals = self._sit_and_fax.feed(lines, levels, self._gate.threshold_db)
        onsets = self._cadence.doubtful
        tones = [
            tone if signal in (None, State.NOISE) else signal
            for signal, tone in zip(signals, tones, strict=True)
        ]
        keys = self._keys.feed(dtmf_keys(short))
        howling = [self._howler.feed(share) for share in howls(short).tolist()]
        tonal = (lines.first_share + lines.second_share).tolist()
        strongest = lines.first_hz.tolist()
        states = []
        for index in range(_BLOCKS):
            sounds = bool(levels[index] > self._gate.threshold_db)
            tone = None if onsets[index] else tones[index]
            tone = self._name(tone, sounds=sounds, key=keys[index], howl=howling[index][1])
            if tone is not None:
                self._after_tone = self._after_sure_tone = 0
                if tone in (State.BUSY, State.REORDER):
                    self.since[index] = self._cadence.since_s[index]
                self._voice.reset()
                note = tone is State.NOISE and sounds
                plays = self._music.feed(
                    float(levels[index]), strongest[index] if note else 0.0, note=note, voiced=False
                )
                states.append(State.MUSIC if note and plays else tone)
                continue
            states.append(
                self._voice_or_not(
                    index,
                    (float(levels[index]), strongest[index]),
                    sounds=sounds,
                    tonal=tonal[index] if tones[index] is None else 0.0,
                    doubtful=onsets[index] or signals[index] is State.NOISE or howling[index][0],
                )
            )
        if states.count(State.SPEECH) == _BLOCKS and tones.count(None) == _BLOCKS:
            self._cadence.reset()
        return states

    @staticmethod
    def _name(tone: State | None, *, sounds: bool, key: bool, howl: bool) -> State | None:
        if tone in (None, State.NOISE) and howl:
            return State.HOWLER
        if tone is None and key and sounds:
            return State.DTMF
        return tone

    def _voice_or_not(
        self, index: int, heard: tuple[float, float], *, sounds: bool, tonal: float, doubtful: bool
    ) -> State:
        level_db, hz = heard
        voiced = self._voice.hear(index)
        self._after_sure_tone += 1
        self._after_tone = 0 if doubtful and not self._talking else self._after_tone + 1
        self._levels.append(level_db)
        steady = max(self._levels) - min(self._levels) < _STEADY_DB
        voiced = voiced and not steady and self._after_tone > _TONE_ECHO_BLOCKS
        if voiced and not self._talking:
            lead = min(self._voice.lead, max(self._after_sure_tone - _TONE_ECHO_BLOCKS, 0))
            self.since[index] = lead * BLOCK / RATE_HZ
        self._talking = voiced
        self._loudest_db = max(self._loudest_db - _FORGET_DB, level_db)
        note = sounds and tonal > _NOTE and level_db > self._loudest_db - _FAINT_MUSIC_DB
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
        both = Side.CUSTOMER in self._sides and Side.AGENT in self._sides
        self._ownership = Ownership() if both else None

    def feed(
        self,
        frame: AudioFrame,
        off_hook: bool | None = None,  # noqa: FBT001 - three-valued
    ) -> list[Heard]:
        """One Heard for each block of the frame."""
        states: dict[Side, list[State]] = {}
        levels: dict[Side, NDArray[np.float64]] = {}
        for side, ears in self._sides.items():
            states[side], levels[side] = ears.feed(frame.pcm[side])
        if self._ownership is not None:
            far, near = self._sides[Side.CUSTOMER], self._sides[Side.AGENT]
            self._ownership.settle(
                (states[Side.CUSTOMER], states[Side.AGENT]),
                (levels[Side.CUSTOMER], levels[Side.AGENT]),
                (far.floor_db, near.floor_db),
            )
        lists = {side: level.tolist() for side, level in levels.items()}
        hisses = {side: ears.hiss_db.tolist() for side, ears in self._sides.items()}
        return [
            Heard(
                start_s := (frame.start + index * BLOCK) / RATE_HZ,
                {side: of_side[index] for side, of_side in states.items()},
                {side: of_side[index] for side, of_side in lists.items()},
                off_hook,
                {
                    side: start_s - ears.since[index]
                    for side, ears in self._sides.items()
                    if index in ears.since
                },
                {side: of_side[index] for side, of_side in hisses.items()},
            )
            for index in range(_BLOCKS)
        ]
