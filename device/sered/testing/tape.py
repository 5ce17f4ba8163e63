"""The tape that a phone line is composed on, and the truth that goes with it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np

from sered.records import FRAME, RATE_HZ, EndReason, Side, State
from sered.testing import sounds

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.random import Generator
    from numpy.typing import NDArray

    Sound = NDArray[np.float32]

Kind = Literal[
    "outgoing",
    "incoming",
    "held",
    "long_hold",
    "flash",
    "fax",
    "unanswered",
    "engaged",
    "dial_only",
    "voicemail",
    "announcement",
    "queue",
    "menu",
]
Ending = Literal["busy", "reorder", "howler", "dial", "on_hook"]


@dataclass(frozen=True, slots=True)
class Span:
    """What one side carried for a while, seconds from the start."""

    side: Side
    state: State
    start_s: float
    end_s: float
    recorded: bool = False
    """Whether a machine speaks."""


@dataclass(frozen=True, slots=True)
class TrueCall:
    """One call as it was composed."""

    start_s: float
    """Handset lifted."""
    end_s: float
    """Hang-up tone began, or handset down."""
    kind: Kind
    answered: bool
    reason: EndReason


@dataclass(frozen=True, slots=True)
class Truth:
    """What is on the line."""

    calls: tuple[TrueCall, ...]
    spans: tuple[Span, ...]
    """Speech (without its inner pauses over 0.2 s), tones and music."""

    def spoken(self, side: Side, *, recorded: bool = False) -> list[tuple[float, float]]:
        """When a person speaks on that side, or a machine."""
        return [
            (span.start_s, span.end_s)
            for span in self.spans
            if span.side is side and span.state is State.SPEECH and span.recorded is recorded
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class LineRecipe:
    """How a line sounds; levels in dBFS, or dB beside the speech."""

    plan: str = "na"
    speech_db: float = -22.0
    """RMS of speech while it sounds."""
    snr_db: float = 30.0
    """Speech above the off-hook noise."""
    on_hook_drop_db: float | None = 20.0
    """How much quieter the line is on-hook; None: digital silence."""
    tone_db: float = 0.0
    """Tones beside speech."""
    music_db: float = -3.0
    leak_db: float | None = -25.0
    """Each side's voice on the other's channel; None: none."""
    agent_db: float = 0.0
    """The agent's channel beside the customer's."""
    hum_db: float | None = None
    """Mains hum beside speech, on-hook too."""
    clicks_a_minute: float = 0.0
    """Switching clicks as loud as the speech, on-hook too."""
    detune: float = 0.0
    """Relative error of the exchange's frequencies."""
    twist_db: float = 0.0
    codec: bool = True
    mixed: bool = False
    """Both sides on one channel."""
    talk_s: float = 20.0
    """Length of a conversation, about."""
    gap_s: float = 8.0
    """On-hook time between calls, about."""
    back_to_back: float = 0.0
    """Share of calls that are dialled 2 to 4 s after the one before, where anything tells them
    apart: a hang-up tone or a step in the noise."""


@dataclass(slots=True)
class Tape:
    """Two tracks that parts are laid on, and the truth that goes with them.

    The customer's track is what the far end and the exchange send, the agent's what the near end
    sends; noise, leakage, channel and level come with `render`.
    """

    rng: Generator
    recipe: LineRecipe
    parts: list[tuple[Side, float, Sound]] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)
    calls: list[TrueCall] = field(default_factory=list)
    lifted: list[tuple[float, float]] = field(default_factory=list)
    now_s: float = 0.0

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.now_s += seconds

    def put(self, side: Side, state: State, sound: Sound, gain_db: float = 0.0) -> None:
        """Lay a sound at the present moment and move to its end."""
        self.parts.append((side, self.now_s, sound * np.float32(10.0 ** (gain_db / 20.0))))
        end_s = self.now_s + len(sound) / RATE_HZ
        self.spans.append(Span(side, state, self.now_s, end_s))
        self.now_s = end_s

    def tone(self, state: State, seconds: float) -> None:
        """The exchange sends a call-progress tone."""
        recipe = self.recipe
        sound = sounds.progress_tone(
            recipe.plan, state, seconds, detune=recipe.detune, twist_db=recipe.twist_db
        )
        self.put(Side.CUSTOMER, state, sound, recipe.tone_db)

    def dial(self, keys: str) -> None:
        """The near end dials; the exchange falls silent."""
        self.put(Side.AGENT, State.DTMF, sounds.dtmf(keys), self.recipe.tone_db)

    def hold(self, seconds: float) -> None:
        """The far end hears, and sends, hold music."""
        music = sounds.hold_music(self.rng, seconds)
        self.put(Side.CUSTOMER, State.MUSIC, music, self.recipe.music_db)

    def say(self, side: Side, clip: NDArray[np.int16], *, recorded: bool = False) -> None:
        """One clip of speech at the present moment, levelled; time moves to its end."""
        sound = clip.astype(np.float32) / 32768.0
        loud = _active(sound)
        if not loud:
            return
        voiced = np.concatenate([sound[first:last] for first, last in loud])
        self.parts.append((side, self.now_s, sound / np.float32(voiced.std() + 1e-9)))
        for first, last in loud:
            self.spans.append(
                Span(
                    side,
                    State.SPEECH,
                    self.now_s + first / RATE_HZ,
                    self.now_s + last / RATE_HZ,
                    recorded,
                )
            )
        self.now_s += len(sound) / RATE_HZ

    def talk(self, voices: Mapping[Side, Sequence[NDArray[np.int16]]], seconds: float) -> None:
        """Turn-taking with pauses and overlaps; the customer and the agent begin at random."""
        until_s = self.now_s + seconds
        side = Side.CUSTOMER if self.rng.random() < 0.5 else Side.AGENT
        while self.now_s < until_s:
            for _ in range(int(self.rng.integers(1, 4))):
                clips = voices[side]
                self.say(side, clips[int(self.rng.integers(len(clips)))])
                self.wait(self.rng.uniform(0.0, 0.8))
            gap_s = float(np.clip(self.rng.normal(0.2, 0.6), -1.0, 2.5))
            self.now_s += gap_s
            side = Side.AGENT if side is Side.CUSTOMER else Side.CUSTOMER
        ends = [span.end_s for span in self.spans]
        self.now_s = max(self.now_s, *ends)

    def render(self) -> dict[Side, NDArray[np.int16]]:
        """The sound of each side, whole frames long."""
        recipe, rng = self.recipe, self.rng
        frames = int(np.ceil(self.now_s * RATE_HZ / FRAME))
        clean = {side: np.zeros(frames * FRAME, np.float32) for side in _PAIR}
        for side, at_s, sound in self.parts:
            first = round(at_s * RATE_HZ)
            clean[side][first : first + len(sound)] += sound[: frames * FRAME - first]
        if recipe.mixed:
            return {Side.MIXED: self._finish(clean[_PAIR[0]] + clean[_PAIR[1]], 0.0, rng)}
        leak = 0.0 if recipe.leak_db is None else 10.0 ** (recipe.leak_db / 20.0)
        customer, agent = clean[Side.CUSTOMER], clean[Side.AGENT]
        return {
            Side.CUSTOMER: self._finish(customer + leak * agent, 0.0, rng),
            Side.AGENT: self._finish(agent + leak * customer, recipe.agent_db, rng),
        }

    def _finish(self, clean: Sound, gain_db: float, rng: Generator) -> NDArray[np.int16]:
        recipe = self.recipe
        level = 10.0 ** (recipe.speech_db / 20.0)
        sound = sounds.telephone(clean * np.float32(level), codec=recipe.codec)
        seconds = len(clean) / RATE_HZ
        floor = level * 10.0 ** (-recipe.snr_db / 20.0)
        drop = recipe.on_hook_drop_db
        envelope = np.full(len(clean), 0.0 if drop is None else floor * 10.0 ** (-drop / 20.0))
        for start_s, end_s in self.lifted:
            envelope[round(start_s * RATE_HZ) : round(end_s * RATE_HZ)] = floor
        sound = sound + sounds.noise(rng, seconds) * envelope
        if recipe.hum_db is not None:
            sound = sound + sounds.hum(seconds) * level * 10.0 ** (recipe.hum_db / 20.0)
        if recipe.clicks_a_minute:
            sound = sound + sounds.clicks(rng, seconds, recipe.clicks_a_minute) * level
        sound = sound * 10.0 ** (gain_db / 20.0)
        return np.asarray(np.clip(np.round(sound * 32767.0), -32768, 32767), np.int16)


_PAIR = (Side.CUSTOMER, Side.AGENT)


def _active(sound: Sound) -> list[tuple[int, int]]:
    """Stretches of a clean clip in which somebody speaks, pauses over 0.2 s left out."""
    step = RATE_HZ // 100
    if len(sound) < step:
        return []
    power = (sound[: len(sound) // step * step].reshape(-1, step) ** 2).mean(axis=1)
    loud = np.flatnonzero(power > max(float(np.percentile(power, 95)) * 10.0**-3.0, 1e-10))
    if len(loud) == 0:
        return []
    breaks = np.flatnonzero(np.diff(loud) > 20)
    firsts = [loud[0], *loud[breaks + 1]]
    lasts = [*loud[breaks], loud[-1]]
    return [
        (int(first) * step, (int(last) + 1) * step)
        for first, last in zip(firsts, lasts, strict=True)
    ]
