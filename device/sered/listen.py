"""Ears: puts tones, noise floor, speech and cross-talk together; sound in, states out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sered.records import BLOCK, FRAME, RATE_HZ, Heard, Side, State
from sered.speech import Gate, VoiceDetector
from sered.tones import LONG, SHORT, Cadence, Howler, dtmf_keys, howls, peaks, spectra

if TYPE_CHECKING:
    from collections.abc import Collection

    from numpy.typing import NDArray

    from sered.records import AudioFrame
    from sered.settings import PlanName

_BLOCKS = FRAME // BLOCK
_LEAK_DB = 9.0
"""A side that is so much fainter than the other while that one speaks is only leakage of it."""


class _SideEars:
    """Hears one side."""

    def __init__(self, plan: PlanName) -> None:
        self._gate = Gate()
        self._voice = VoiceDetector()
        self._cadence = Cadence(plan)
        self._howler = Howler()
        self._before = np.zeros(LONG - BLOCK, np.float32)
        self._tonal = 0.0

    def hear(self, pcm: NDArray[np.int16]) -> tuple[list[State], NDArray[np.float64]]:
        """The states and levels (dBFS) of one frame's blocks."""
        sound = pcm.astype(np.float32)
        blocks = sound.reshape(_BLOCKS, BLOCK)
        power = np.einsum("ij,ij->i", blocks, blocks) / BLOCK
        means = blocks.mean(axis=1)
        levels = 10.0 * np.log10(np.maximum(power - means * means, 0.01)) - 90.309
        heard = np.concatenate((self._before, sound))
        self._before = heard[FRAME:]
        if not self._gate.open(levels):
            self._gate.learn(levels, busy=False)
            self._voice.reset()
            for _ in range(_BLOCKS):
                self._cadence.hear(0.0, 0.0, 0.0, 0.0, -90.0)
            self._tonal *= 0.8
            return [State.SILENCE] * _BLOCKS, levels
        states = self._listen(heard, levels)
        quiet = {State.SILENCE, State.NOISE}
        self._gate.learn(levels, busy=any(state not in quiet for state in states))
        return states, levels

    def _listen(self, heard: NDArray[np.float32], levels: NDArray[np.float64]) -> list[State]:
        long = peaks(spectra(heard, LONG), LONG)
        short = spectra(heard, SHORT)
        keys = dtmf_keys(short)
        howl = howls(short)
        floor = self._gate.floor_db + self._gate.MARGIN_DB
        states = []
        for index in range(_BLOCKS):
            level = float(levels[index])
            at = (LONG - BLOCK) + index * BLOCK
            tone = (
                self._cadence.hear(
                    float(long.first_hz[index]),
                    float(long.second_hz[index]),
                    float(long.first_share[index]),
                    float(long.second_share[index]),
                    level,
                )
                if level > floor
                else self._cadence.hear(0.0, 0.0, 0.0, 0.0, level)
            )
            if tone is not None:
                states.append(tone)
                continue
            if keys[index] and level > floor:
                states.append(State.DTMF)
                continue
            if self._howler.hear(howls=bool(howl[index])):
                states.append(State.HOWLER)
                continue
            if self._voice.hear(heard[at : at + BLOCK] / 32768.0):
                states.append(State.SPEECH)
            else:
                states.append(State.NOISE if level > floor else State.SILENCE)
        return states


class Ears:
    """Listens to one line; not thread-safe.

    `sides`: those that its frames carry; `tones`: the exchange's plan.
    """

    def __init__(self, sides: Collection[Side], tones: PlanName = "auto") -> None:
        self._sides = {side: _SideEars(tones) for side in sides}

    def hear(self, frame: AudioFrame, off_hook: bool | None = None) -> list[Heard]:  # noqa: FBT001 - three-valued
        """One Heard for each block of the frame."""
        states: dict[Side, list[State]] = {}
        levels: dict[Side, NDArray[np.float64]] = {}
        for side, ears in self._sides.items():
            states[side], levels[side] = ears.hear(frame.pcm[side])
        if Side.CUSTOMER in states and Side.AGENT in states:
            self._own(states, levels)
        lists = {side: level.tolist() for side, level in levels.items()}
        start_s = frame.start / RATE_HZ
        return [
            Heard(
                start_s + index * BLOCK / RATE_HZ,
                {side: of_side[index] for side, of_side in states.items()},
                {side: of_side[index] for side, of_side in lists.items()},
                off_hook,
            )
            for index in range(_BLOCKS)
        ]

    def _own(
        self, states: dict[Side, list[State]], levels: dict[Side, NDArray[np.float64]]
    ) -> None:
        louder = levels[Side.CUSTOMER] - levels[Side.AGENT]
        for index in range(_BLOCKS):
            both = (states[Side.CUSTOMER][index], states[Side.AGENT][index])
            if both != (State.SPEECH, State.SPEECH):
                continue
            if louder[index] < -_LEAK_DB:
                states[Side.CUSTOMER][index] = State.SILENCE
            elif louder[index] > _LEAK_DB:
                states[Side.AGENT][index] = State.SILENCE
