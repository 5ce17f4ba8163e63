"""What flows through sered: one frozen record for each thing, with its unit."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

RATE_HZ = 16_000
"""The one sample rate behind the tap."""
BLOCK = 512
"""Samples that get one state: 32 ms, what the neural voice detector takes."""
FRAME = 8 * BLOCK
"""Samples of each side in an AudioFrame: 256 ms."""
BLOCK_S, FRAME_S = BLOCK / RATE_HZ, FRAME / RATE_HZ

LABELS = ("angry", "disgust", "fear", "happy", "neutral", "surprise", "sad")
"""The seven emotions in the order of the network's outputs."""
NEGATIVE = ("angry", "disgust", "fear", "sad")
"""Those of somebody unhappy."""
AGITATED = ("angry", "fear", "happy", "surprise")
"""Those of somebody aroused, well or ill, as the network learns it; disgust is either."""
CALM = ("neutral", "sad")
"""Those of a voice without heat. A voice never heard before that is angry is often taken for
disgusted in part, seldom for sad: so everything else is read as agitation."""


class Side(StrEnum):
    """Who is heard on a channel."""

    CUSTOMER = "customer"
    """The far end."""
    AGENT = "agent"
    """The near end: talk times only, never feelings."""
    MIXED = "mixed"
    """Both on one channel; only when asked for by name."""


class State(StrEnum):
    """What a side of the line carries during one block; values are single letters for drawing."""

    SILENCE = "."
    NOISE = "n"
    """Hum, vacuum cleaner, comfort noise: sound, but nobody's."""
    DIAL = "d"
    RINGBACK = "r"
    BUSY = "b"
    REORDER = "c"
    HOWLER = "h"
    SIT = "i"
    DTMF = "t"
    FAX = "f"
    MUSIC = "m"
    SPEECH = "v"


class EndReason(StrEnum):
    """Why a call is over."""

    HANG_UP_TONE = "hang_up_tone"
    ON_HOOK = "on_hook"
    """Step down to the on-hook noise floor, dial tone anew, or the hook input."""
    SILENCE = "silence"
    """The hang-over ran out."""
    SOUND_LOST = "sound_lost"
    """The tap gave nothing for longer than the hang-over: nobody knows how the call went on."""
    MAX_LENGTH = "max_length"
    UNANSWERED = "unanswered"
    END_OF_RECORDING = "end_of_recording"
    SHUTDOWN = "shutdown"


@dataclass(frozen=True, slots=True)
class AudioFrame:
    """FRAME samples of every side of one line, already 16 kHz mono int16."""

    start: int
    """Samples of line time since the tap began; a jump is lost sound."""
    pcm: Mapping[Side, NDArray[np.int16]] = field(repr=False)
    """FRAME samples a side."""
    lost: int = 0
    """Samples lost just before this frame."""
    joined: int | None = None
    """Samples of line time at which another recording begins, where one does in this frame."""


@dataclass(frozen=True, slots=True)
class Heard:
    """One block as the segmenter sees it: no sound, only what it was."""

    start_s: float
    """Seconds of line time at which the block begins."""
    states: Mapping[Side, State]
    level_db: Mapping[Side, float]
    """RMS in dBFS."""
    off_hook: bool | None = None
    """The hook switch, where there is one."""
    since_s: Mapping[Side, float] = field(default_factory=dict)
    """When what a side carries now began, where it could only be named later."""
    hiss_db: Mapping[Side, float] = field(default_factory=dict)
    """Level of the sound's steps from sample to sample: noise without hum. Empty: level_db."""


@dataclass(frozen=True, slots=True)
class CallStarted:
    """A call began."""

    at_s: float


@dataclass(frozen=True, slots=True)
class Utterance:
    """One stretch of speech of one side, 0.3 to 15 s, pads included."""

    side: Side
    start_s: float
    end_s: float
    voiced_s: float
    """Seconds of it that the voice detector heard speech in."""


@dataclass(frozen=True, slots=True)
class Talk:
    """Who spoke how long in a call; all in seconds but the count."""

    customer_s: float = 0.0
    agent_s: float = 0.0
    mixed_s: float = 0.0
    silence_s: float = 0.0
    hold_s: float = 0.0
    longest_silence_s: float = 0.0
    interruptions: int = 0
    """Times the customer began to speak while the agent spoke."""


@dataclass(frozen=True, slots=True)
class CallEnded:
    """A call is over; nothing of it comes after this."""

    start_s: float
    end_s: float
    reason: EndReason
    talk: Talk


@dataclass(frozen=True, slots=True)
class Emotion:
    """What the network made of one utterance's sound."""

    probabilities: tuple[float, ...]
    """Seven, in the order of LABELS, calibrated, summing to 1."""
    heat: float | None = None
    """Probability that it is agitated, 0 to 1; None: read from the labels."""

    @property
    def label(self) -> str:
        """The likeliest of LABELS."""
        return LABELS[max(range(len(LABELS)), key=self.probabilities.__getitem__)]

    @property
    def negative(self) -> float:
        """Probability of one of NEGATIVE, 0 to 1."""
        return self._of(NEGATIVE)

    @property
    def agitation(self) -> float:
        """The heat, which has no sign, 0 to 1: where it is not said, all but CALM."""
        return max(0.0, 1.0 - self._of(CALM)) if self.heat is None else self.heat

    @property
    def valence(self) -> float:
        """What is expected where a negative voice is -1, a neutral one 0, a glad one 1."""
        return self._of(("happy", "surprise")) - self.negative

    def _of(self, labels: tuple[str, ...]) -> float:
        pairs = zip(LABELS, self.probabilities, strict=True)
        return min(1.0, sum(share for label, share in pairs if label in labels))


@dataclass(frozen=True, slots=True)
class Word:
    """One recognised word."""

    text: str = field(repr=False)
    start_s: float
    """Seconds from the utterance's start."""
    end_s: float
    confidence: float
    """0 to 1."""


@dataclass(frozen=True, slots=True)
class Transcript:
    """The words of one utterance, lower case, no punctuation, as Vosk gives them."""

    words: tuple[Word, ...]

    @property
    def text(self) -> str:
        """The words joined by blanks."""
        return " ".join(word.text for word in self.words)

    @property
    def confidence(self) -> float:
        """Mean word confidence, 0 to 1; 0 without words."""
        return sum(w.confidence for w in self.words) / len(self.words) if self.words else 0.0


@dataclass(frozen=True, slots=True)
class Term:
    """One lexicon hit: the words that moved the score, and by how much."""

    text: str = field(repr=False)
    valence: float
    """-4 to 4 as VADER rates, after negation and confidence."""
    offset_s: float
    """Seconds from the utterance's start."""


@dataclass(frozen=True, slots=True)
class Polarity:
    """What the words of one utterance say."""

    score: float
    """-1 to 1."""
    terms: tuple[Term, ...] = ()
    pairs: int = 0
    """Neighbouring words that a table tells of; 0 without one."""
    usual: float = 0.0
    """How much likelier those pairs are than any, in bits, together: of what a recogniser made up,
    little."""


@dataclass(frozen=True, slots=True)
class UtteranceResult:
    """Everything known of one customer utterance; either half may be missing."""

    utterance: Utterance
    """Times in seconds of line time."""
    emotion: Emotion | None = None
    transcript: Transcript | None = None
    polarity: Polarity | None = None
    snr_db: float | None = None
    clipping: float = 0.0
    """Share of samples at full scale, 0 to 1."""
