"""Calls made up from voices of speakers never trained on and from sentences kept aside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sered.records import (
    LABELS,
    CallEnded,
    Emotion,
    EndReason,
    Side,
    Talk,
    Transcript,
    Utterance,
    UtteranceResult,
    Word,
)

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from sered.words.polarity import CallPolarity

Mood = str
"""`negative`, `neutral` or `positive`, as sentences are labelled."""

KINDS: dict[str, tuple[float, Mood]] = {
    "calm": (0.34, "neutral"),
    "content": (0.16, "positive"),
    "one curse, then content": (0.05, "positive"),
    "unhappy, then helped": (0.15, "positive"),
    "calm, then unhappy": (0.14, "negative"),
    "unhappy throughout": (0.12, "negative"),
    "content, then unhappy": (0.04, "negative"),
}
"""Kind of call: how often it happens, and what it is by how it ends: three in ten are negative."""
FEELINGS: dict[Mood, dict[str, float]] = {
    "negative": {"angry": 0.5, "sad": 0.2, "disgust": 0.2, "fear": 0.1},
    "positive": {"happy": 0.8, "surprise": 0.2},
    "neutral": {"neutral": 1.0},
}
SHOWN_BY_VOICE = {"negative": 0.5, "positive": 0.4, "neutral": 1.0}
"""How often an utterance of a mood is acted; otherwise the voice stays neutral."""
SAID = {"negative": 0.6, "positive": 0.5, "neutral": 1.0}
"""How often its words show the mood; otherwise they are a neutral sentence."""
WRONG_MOOD = 0.06
"""Neutral utterances whose voice is another mood's all the same: people laugh and sigh."""
LOST, WRONG = 0.07, 0.18
"""Words the recogniser drops and mishears: one in four, as on real call-centre sound."""


@dataclass(frozen=True, slots=True)
class Voices:
    """The network's word on clips of voices that it and its odds had not met."""

    probabilities: NDArray[np.float32]
    agitation: NDArray[np.float32]
    labels: NDArray[np.int64]
    """-1 for ordinary callers."""
    speakers: NDArray[np.str_]

    def part(self, number: int, parts: int) -> Voices:
        """The clips of every so-manieth speaker."""
        names = sorted(set(self.speakers.tolist()))
        mine = np.isin(self.speakers, names[number::parts])
        return Voices(
            self.probabilities[mine], self.agitation[mine], self.labels[mine], self.speakers[mine]
        )


def unseen_voices(trained: Path, key: str) -> Voices | None:
    """What int8 networks made of corpora they were not trained on, down a telephone line.

    `trained` is where `make model` keeps its folds, `key` the shipped model's training; None where
    that has not been run here. The shipped network itself has met every speaker there is.
    """
    from convert.odds import honest, kept

    folder = trained / f"trained-{key}"
    if not folder.is_dir():
        return None
    data, heard = kept(folder)
    rows, said = honest(data, heard)
    labels, speakers = data.labels[rows], data.speakers[rows]
    # who has no plain voice cannot be a customer
    plain = np.unique(speakers[(labels == LABELS.index("neutral")) | (labels < 0)])
    usable = np.isin(speakers, plain)
    return Voices(
        np.asarray(said.seven[usable], np.float32),
        np.asarray(said.heat[usable], np.float32),
        labels[usable],
        speakers[usable],
    )


@dataclass(frozen=True, slots=True)
class Simulated:
    """One call and what it is."""

    kind: str
    mood: Mood
    results: tuple[UtteranceResult, ...]
    ended: CallEnded

    @property
    def negative(self) -> bool:
        """Whether it is a negative one."""
        return self.mood == "negative"


def simulate(
    count: int,
    voices: Voices,
    sentences: list[tuple[Mood, Side, str]],
    polarity: CallPolarity,
    *,
    seed: int,
    lengths: tuple[int, int] = (3, 16),
) -> list[Simulated]:
    """Calls of all KINDS, as often as they happen; each customer is one speaker.

    `lengths`: the customer's utterances, at least and fewer than.
    """
    rng = np.random.default_rng(seed)
    said = {
        mood: [text for label, side, text in sentences if label == mood and side is Side.CUSTOMER]
        for mood in FEELINGS
    }
    vocabulary = [word for _, _, text in sentences for word in text.split()]
    ordinary = sorted(set(voices.speakers[voices.labels < 0].tolist()))
    speakers = sorted(set(voices.speakers.tolist()) - set(ordinary))
    labels = np.where(voices.labels < 0, LABELS.index("neutral"), voices.labels)
    clips = {
        (speaker, label): np.flatnonzero((voices.speakers == speaker) & (labels == number))
        for speaker in (*speakers, *ordinary)
        for number, label in enumerate(LABELS)
    }
    kinds = list(KINDS)
    calls = []
    for _ in range(count):
        kind = kinds[rng.choice(len(kinds), p=[KINDS[k][0] for k in kinds])]
        # half of those who just call have the voice of somebody who really did
        among = ordinary if kind == "calm" and ordinary and rng.random() < 0.5 else speakers
        speaker = among[rng.integers(len(among))]
        results = []
        clock = 5.0
        for mood in _moods(kind, int(rng.integers(*lengths)), rng):
            transcript = misheard(_sentence(said, mood, rng), vocabulary, rng)
            emotion = _voice(clips, speaker, mood, rng)
            length = max(0.6, 0.35 * len(transcript.words)) * rng.uniform(0.9, 1.3)
            results.append(
                UtteranceResult(
                    Utterance(Side.CUSTOMER, clock, clock + length + 0.3, length),
                    emotion=None if emotion is None else _emotion(voices, emotion),
                    transcript=transcript,
                    polarity=polarity.score(transcript),
                    snr_db=float(rng.uniform(10, 35)),
                )
            )
            clock += length + rng.uniform(2, 15)
        ended = CallEnded(0.0, clock, EndReason.HANG_UP_TONE, Talk())
        calls.append(Simulated(kind, KINDS[kind][1], tuple(results), ended))
    return calls


def _moods(kind: str, count: int, rng: np.random.Generator) -> list[Mood]:
    half = round(count * rng.uniform(0.35, 0.65))
    before, after = {
        "calm": ("neutral", "neutral"),
        "content": ("neutral", "positive"),
        "one curse, then content": ("positive", "positive"),
        "unhappy, then helped": ("negative", "positive"),
        "calm, then unhappy": ("neutral", "negative"),
        "unhappy throughout": ("negative", "negative"),
        "content, then unhappy": ("positive", "negative"),
    }[kind]
    moods = [before] * half + [after] * (count - half)
    if kind.startswith("one curse"):
        moods[0] = "negative"
    # nobody is of one mood in every sentence
    return [mood if rng.random() < 0.75 else "neutral" for mood in moods]


def _sentence(said: dict[Mood, list[str]], mood: Mood, rng: np.random.Generator) -> str:
    shown = mood if rng.random() < SAID[mood] else "neutral"
    return said[shown][rng.integers(len(said[shown]))]


def _voice(
    clips: dict[tuple[str, str], NDArray[np.intp]],
    speaker: str,
    mood: Mood,
    rng: np.random.Generator,
) -> int | None:
    shown = mood if rng.random() < SHOWN_BY_VOICE[mood] else "neutral"
    if shown == "neutral" and rng.random() < WRONG_MOOD:
        shown = ("negative", "positive")[rng.integers(2)]
    labels = list(FEELINGS[shown])
    label = labels[rng.choice(len(labels), p=list(FEELINGS[shown].values()))]
    mine = clips[speaker, label]
    # some corpora lack a label; and now and then the network can judge nothing
    if not len(mine) or rng.random() < 0.05:
        return None
    return int(mine[rng.integers(len(mine))])


def _emotion(voices: Voices, clip: int) -> Emotion:
    row = voices.probabilities[clip]
    return Emotion(tuple(float(p) for p in row / row.sum()), float(voices.agitation[clip]))


def misheard(text: str, vocabulary: list[str], rng: np.random.Generator) -> Transcript:
    """What a made-up recogniser makes of a sentence: words LOST, and WRONG ones for others."""
    words = []
    for i, word in enumerate(text.split()):
        luck = rng.random()
        if luck < LOST:
            continue
        wrong = luck < LOST + WRONG
        heard_word = vocabulary[rng.integers(len(vocabulary))] if wrong else word
        sure = rng.beta(4, 3) if wrong else rng.beta(9, 1)
        words.append(Word(heard_word, 0.35 * i, 0.35 * i + 0.3, float(sure)))
    return Transcript(tuple(words))
