"""Builds the judges, lines and taps that a configuration asks for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sered import __version__, config
from sered.box.analysis import Analysis
from sered.box.line import Line
from sered.calls.segmenter import Segmenter
from sered.contract.call import Versions
from sered.errors import ModelError
from sered.hearing.ears import Ears
from sered.settings import LANGUAGES
from sered.tap.clock import LiveClock
from sered.tap.live import LiveTap
from sered.verdict.report import ReportSettings
from sered.voice.emotion import TfliteEmotion
from sered.words.network import WITHOUT
from sered.words.networks import load_network
from sered.words.polarity import CallPolarity
from sered.words.recognisers import load_recogniser

if TYPE_CHECKING:
    from sered.hearing.remembered import Remembered
    from sered.settings import LineSettings, Settings
    from sered.tap.clock import Clock
    from sered.tap.source import AudioSource
    from sered.voice.emotion import EmotionModel
    from sered.words.network import SentenceNetwork
    from sered.words.recognisers import Recogniser


@dataclass(frozen=True, slots=True)
class Judges:
    """The models of the box, shared by its lines."""

    emotion: EmotionModel | None
    recogniser: Recogniser | None
    polarity: CallPolarity | None
    faults: tuple[tuple[str, str], ...]
    """(reason, sentence) of each judge that was asked for and cannot be had."""
    calibration: str | None = None
    """Digest of the odds and threshold that were fitted to this site."""

    @property
    def versions(self) -> Versions:
        """What judges here, for reports and health."""
        return Versions(
            sered=__version__,
            emotion_model=self.emotion.sha256 if self.emotion else None,
            vosk_model=self.recogniser.name if self.recogniser else None,
            lexicon=self.polarity.version if self.polarity else None,
            calibration=self.calibration,
        )


def load_judges(settings: Settings) -> Judges:
    """Load what the mode asks for; what cannot be had is a fault, not the end.

    Raises ModelError when nothing is left that could judge.
    """
    emotion: EmotionModel | None = None
    recogniser: Recogniser | None = None
    polarity: CallPolarity | None = None
    faults: list[tuple[str, str]] = []
    if settings.mode in ("audio", "both"):
        try:
            emotion = TfliteEmotion(config.model_path(settings.models.emotion))
        except ModelError as error:
            faults.append(("no_model", str(error)))
    if settings.mode in ("text", "both"):
        try:
            recogniser = load_recogniser(settings.models, config.model_path)
            network, said = sentence_model(settings)
            polarity = CallPolarity(
                config.model_path(settings.models.lexicon),
                settings.verdict.extra_lexicon,
                network or "none",
            )
            faults += [("no_sentences", said)] if said else []
        except ModelError as error:
            recogniser = None
            faults.append(("no_words", str(error)))
    if polarity is not None:
        faults += [("lexicon", f"Left out: {said}.") for said in polarity.faults]
    if emotion is None and recogniser is None:
        msg = "Nothing can judge a call. " + " ".join(sentence for _, sentence in faults)
        raise ModelError(msg)
    fitted = settings.verdict.calibration or None
    return Judges(emotion, recogniser, polarity, tuple(faults), fitted)


def no_language(language: str) -> str:
    """What it means that callers speak a language that sered does not read."""
    return (
        f"wanted a language that sered reads: {', '.join(LANGUAGES)}; found {language!r}: the "
        "voice is judged all the same, the words by a lexicon of yours ([models] lexicon) alone; "
        "docs/words.md says what a language takes"
    )


def sentence_model(settings: Settings) -> tuple[SentenceNetwork | None, str]:
    """The network of sentences, or none and why: the lexicon goes on alone."""
    if settings.models.sentences == WITHOUT:
        return None, ""
    try:
        network = load_network(config.model_path(settings.models.sentences))
    except ModelError as error:
        return None, f"The lexicon judges words alone: {error}."
    language = settings.models.language
    if network.sidecar.language != language:
        said = (
            f"The lexicon judges words alone: wanted a network of sentences in {language!r}; "
            f'found one in {network.sidecar.language!r}: take another, or sentences = "none".'
        )
        return None, said
    return network, ""


def make_line(
    settings: Settings,
    line: LineSettings,
    judges: Judges,
    clock: Clock,
    *,
    live: bool | None = None,
    remembered: Remembered | None = None,
) -> Line:
    """One line with ears, segmenter and recogniser of its own.

    `live`: whether it tells of each utterance; None: as [mqtt] live has it. `remembered`: the
    recordings that the lines of a box have heard.
    """
    sides = tuple(line.channels)
    return Line(
        ReportSettings(
            site=settings.site,
            device=settings.device,
            line=line.name,
            mode=settings.mode,
            sides=sides,
            verdict=settings.verdict,
            privacy=settings.privacy,
            versions=judges.versions,
            live=settings.mqtt.live if live is None else live,
        ),
        Ears(sides, line.tones),
        Segmenter(settings.calls),
        Analysis(
            judges.emotion,
            judges.recogniser.transcriber() if judges.recogniser else None,
            judges.polarity,
        ),
        clock,
        remembered=remembered,
    )


@dataclass(frozen=True, slots=True)
class Feed:
    """What feeds a line: a live tap or a recording, and the clock that goes with it."""

    line: LineSettings
    source: AudioSource
    clock: Clock


def live_feeds(settings: Settings) -> list[Feed]:
    """A live tap for each configured line."""
    feeds = []
    for line in settings.line:
        clock = LiveClock()
        others = [other.card for other in settings.line if other is not line]
        tap = LiveTap(line, on_frame=clock.arrived, others=others)
        feeds.append(Feed(line, tap, clock))
    return feeds
