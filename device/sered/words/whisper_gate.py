"""What of Whisper's words is believed: it makes up fluent ones where nobody speaks. Pure."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field

from sered.records import Word

NO_SPEECH = 0.6
"""Probability of no speech above which a segment must be sure of its words."""
SURE_LOGPROB, LEAST_LOGPROB = -0.5, -1.2
"""Mean log probability of its tokens: above the first it is speech whatever else is said, under the
second nothing of a segment is believed."""
MOST_WORDS_A_SECOND = 7.0
"""Faster speech is none; conversations run at two to four."""
AGAIN = 3
"""The same words so often in a row are a circle that it went round in: once is kept."""
LONGEST_CIRCLE = 8
"""Words."""
PHANTOMS = frozenset((
    "you", "bye", "so", "the", "oh", "hmm", "thank you", "thank you very much", "thanks",
    "thanks for watching", "thank you for watching", "thank you so much for watching",
    "thank you for listening", "please subscribe", "subscribe", "like and subscribe",
    "please subscribe to my channel", "don't forget to subscribe", "see you next time",
    "see you in the next video", "i'll see you in the next video", "subtitles by",
    "subtitles by the amara org community", "transcribed by", "the end", "music", "applause",
    "silence", "foreign", "bye bye", "i'm sorry", "okay", "good night",
))  # fmt: skip
"""What it says into noise, having been trained on subtitles; believed of a whole utterance only
when it is sure."""
NEVER = ("for watching", "subscribe to", "amara org", "next video", "subtitles by")
"""Nobody says so on the phone."""
PHANTOM_LOGPROB, PHANTOM_NO_SPEECH = -0.6, 0.3
"""A phantom phrase is believed above the first and under the second."""
_SLOPE, _OFFSET = 0.77, 0.86
"""Of log odds."""
_WORD = re.compile(r"[a-z]+(?:'[a-z]+)*|[^\W\d_]+(?:'[^\W\d_]+)*")


@dataclass(frozen=True, slots=True)
class Spoken:
    """One word as the recogniser writes it, times in seconds from the utterance's start."""

    text: str = field(repr=False)
    start_s: float
    end_s: float
    probability: float


@dataclass(frozen=True, slots=True)
class Segment:
    """What it made of up to 30 s, and how sure it is of that as a whole."""

    words: tuple[Spoken, ...]
    no_speech: float
    """Probability, 0 to 1, that nobody speaks."""
    logprob: float
    """Mean natural logarithm of its tokens' probabilities, 0 or less."""


def believed(segments: list[Segment], length_s: float) -> tuple[Word, ...]:
    """The words of an utterance of `length_s` seconds, lower case, in order, no punctuation."""
    words: list[Word] = []
    for segment in segments:
        words += _of(segment, length_s)
    if len(words) > max(2.0, MOST_WORDS_A_SECOND * length_s):
        return ()
    return tuple(words)


def certainty(probability: float) -> float:
    """How likely a word is right, 0 to 1, from the probability that Whisper gives its tokens.

    Fitted to known words in a telephone's band, plain and in noise: `make bench-whisper`.
    """
    odds = math.log(max(probability, 1e-4) / max(1.0 - probability, 1e-4))
    return 1.0 / (1.0 + math.exp(-(_OFFSET + _SLOPE * odds)))


def _of(segment: Segment, length_s: float) -> list[Word]:
    if segment.logprob < LEAST_LOGPROB:
        return []
    if segment.no_speech > NO_SPEECH and segment.logprob < SURE_LOGPROB:
        return []
    words = _without_circles(_pieces(segment.words, length_s))
    text = " ".join(word.text for word in words)
    if any(phrase in text for phrase in NEVER):
        return []
    doubtful = segment.logprob < PHANTOM_LOGPROB or segment.no_speech > PHANTOM_NO_SPEECH
    return [] if text in PHANTOMS and doubtful else words


def _pieces(spoken: tuple[Spoken, ...], length_s: float) -> list[Word]:
    """Written words as spoken ones: "Twenty-five." are two."""
    out: list[Word] = []
    earliest = 0.0
    for each in spoken:
        texts = _WORD.findall(each.text.lower().replace("’", "'"))
        if not texts:
            continue
        start = min(max(each.start_s, earliest), length_s)
        end = min(max(each.end_s, start), length_s)
        step = (end - start) / len(texts)
        sure = certainty(each.probability)
        out += [
            Word(text, round(start + at * step, 3), round(start + (at + 1) * step, 3), sure)
            for at, text in enumerate(texts)
        ]
        earliest = start
    return out


def _without_circles(words: list[Word]) -> list[Word]:
    """Of words that come AGAIN and again in a row, the first time."""
    texts = [word.text for word in words]
    out: list[Word] = []
    at = 0
    while at < len(words):
        size, times = _circle(texts, at)
        out += words[at : at + size]
        at += size * times
    return out


def _circle(texts: list[str], at: int) -> tuple[int, int]:
    """Length and count of what is said over and over from here; (1, 1) where nothing is."""
    for size in range(1, LONGEST_CIRCLE + 1):
        piece = texts[at : at + size]
        times = 1
        while texts[at + times * size : at + (times + 1) * size] == piece:
            times += 1
        # "no no no" is said; the same four times is not
        if times > AGAIN:
            return size, times
    return 1, 1
