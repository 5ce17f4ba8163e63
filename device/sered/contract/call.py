"""The parts of a call's report: what was felt, what was said, how well it could be heard."""

from __future__ import annotations

from typing import Annotated

from sered.contract.fields import Count, Part, Payload, Score, Seconds, Share, Words, added
from sered.contract.vocabulary import CATEGORIES, NOTES, UNDETERMINED
from sered.records import LABELS, Side

Category = Annotated[str, Words(CATEGORIES)]
Emotion = Annotated[str, Words(LABELS)]
"""A word for what a voice sounds like."""


class Sentiment(Payload):
    """The verdict itself."""

    category: Category | None
    """What the call is: negative or positive; null where there is no saying."""
    score: Score
    """How the customer felt, as one number: -1 (very unhappy) to 1 (very happy)."""
    confidence: Share
    """How sure the category beside it is, 0 to 1; where that is null: that the call is neither."""
    p_negative: Annotated[Share | None, added("0.3.0")]
    """Probability, 0 to 1, that the call is a negative one, whatever the category says."""
    undetermined: Annotated[str, Words(tuple(UNDETERMINED))] | None
    """Why there is no category; null where there is one."""
    escalate: bool
    """Whether somebody should call the customer back."""
    causes: tuple[str, ...]
    """Probable causes of a negative call, the likeliest first; a site may add words of its own."""


class EmotionShares(Payload):
    """The network's probabilities, weighted by speech; about 1 together."""

    angry: Share
    """Probability that the voice sounds angry, 0 to 1."""
    disgust: Share
    """Probability that the voice sounds disgusted, 0 to 1."""
    fear: Share
    """Probability that the voice sounds afraid, 0 to 1."""
    happy: Share
    """Probability that the voice sounds happy, 0 to 1."""
    neutral: Share
    """Probability that the voice sounds neutral, 0 to 1."""
    surprise: Share
    """Probability that the voice sounds surprised, 0 to 1."""
    sad: Share
    """Probability that the voice sounds sad, 0 to 1."""


class Acoustic(Payload):
    """What the voice alone says."""

    score: Score
    """How the voice sounds, -1 (unhappy) to 1 (happy)."""
    emotions: EmotionShares
    """Mean probabilities of the seven emotions over the call."""
    speech_s: Seconds
    """Speech of the customer that was judged, in seconds."""
    sides: tuple[Annotated[str, Words(tuple(side.value for side in Side))], ...]
    """Whose voice was judged: the customer's, or both where they share a channel."""
    share: Part
    """The voice's part of the call's score, on its scale; with the words' part it adds up to it."""
    valence: Annotated[Score | None, added("0.3.0")]
    """Mean over the speech of how glad less how unhappy the voice sounds, -1 to 1, as likely as it
    says."""
    agitation: Annotated[Share | None, added("0.3.0")]
    """Mean over the speech of how agitated the voice sounds, 0 to 1, well or ill alike: how
    probably it is neither neutral nor sad."""


class VerbalTerm(Payload):
    """A phrase that moved the score."""

    text: str
    """The phrase as it stands in sered's or the site's list."""
    valence: float
    """How bad or good the phrase is in that list, -4 (worst) to 4 (best)."""
    offset_s: Seconds
    """When it was said, in seconds from the call's start."""
    share: Part
    """Its part of the call's score; all of them and the voice's part add up to it."""


class Verbal(Payload):
    """What the words alone say."""

    score: Score
    """How the words read, -1 (unhappy) to 1 (happy)."""
    words: Count
    """Number of the customer's words that were recognised."""
    asr_confidence: Share
    """How far the words can be believed, 0 to 1: the recogniser's mean certainty, lowered where
    they stand in rows that nobody says."""
    terms: tuple[VerbalTerm, ...]
    """Phrases that moved the score, in the order spoken; empty where `[privacy] terms` is off."""
    share: Part
    """The words' part of the call's score, on its scale; the terms' shares add up to it."""


class Trend(Payload):
    """How the feeling moved through the call."""

    quarters: tuple[Score | None, Score | None, Score | None, Score | None]
    """Score of each quarter of what the customer said, -1 to 1; null where nothing was judged."""
    change: Score
    """Last quarter's score less the first's, halved: -1 (got worse) to 1 (got better)."""


class TalkTimes(Payload):
    """Who spoke how long."""

    customer_s: Seconds
    """Speech of the customer, in seconds."""
    agent_s: Seconds
    """Speech of the agent, in seconds."""
    mixed_s: Seconds
    """Speech on a channel that both share, in seconds."""
    recorded_s: Annotated[Seconds, added("0.2.0", 0.0)]
    """Speech of recorded voices on the customer's channel, in seconds; no part of customer_s."""
    silence_s: Seconds
    """Time in which nobody spoke and nothing held the line, in seconds."""
    hold_s: Seconds
    """Time on hold: music and ringback, in seconds."""
    longest_silence_s: Seconds
    """The longest silence, in seconds."""
    interruptions: Count
    """Number of times that one began while the other spoke."""


class Moment(Payload):
    """A stretch of the call."""

    offset_s: Seconds
    """Where it begins, in seconds from the call's start."""
    duration_s: Seconds
    """How long it is, in seconds."""


class UtteranceShare(Payload):
    """One customer utterance and how it moved the call's score; no words."""

    offset_s: Seconds
    """Where it begins, in seconds from the call's start."""
    duration_s: Seconds
    """How long it is, in seconds."""
    emotion: Emotion | None
    """The likeliest of the seven, where the network could judge."""
    acoustic: Score | None
    """How the voice sounds, -1 to 1; null where it could not be judged."""
    verbal: Score | None
    """How the words read, -1 to 1; null without words."""
    score: Score | None
    """What it would be as a call of its own, -1 to 1; null where nothing could be judged."""
    share: Part
    """Its part of the call's score, on its scale; all of them add up to it."""
    agitation: Annotated[Share | None, added("0.3.0")]
    """How agitated the voice sounds, 0 to 1, well or ill alike; null where it could not be
    judged."""


class Quality(Payload):
    """How well the call could be heard."""

    lost_s: Seconds
    """Sound that never reached the analysis, in seconds."""
    clipping: Share
    """Share of the customer's samples at full scale or next to it, 0 to 1."""
    snr_db: float | None
    """Median ratio of speech to noise, in dB; null where it could not be measured."""
    notes: Annotated[tuple[Annotated[str, Words(tuple(NOTES))], ...], added("0.3.0", ())]
    """What is wrong with the channels, as far as this call tells; empty when nothing is."""


class Versions(Payload):
    """What judged: two reports with the same versions were judged alike."""

    sered: str
    """Version of sered."""
    emotion_model: str | None
    """SHA-256 of the network's file, 64 hexadecimal digits; null where no voice is judged."""
    vosk_model: str | None
    """Name of the recogniser's model; null where no words are judged."""
    lexicon: str | None
    """Digest of the word lists, then `+` and kind and digest of the network of sentences, where one
    reads beside them; null where no words are judged."""
    calibration: Annotated[str | None, added("0.3.0")]
    """Digest of the odds and threshold that central fitted to this site ([verdict] calibration);
    null where they are those that come with sered."""
