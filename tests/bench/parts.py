"""Where the CPU goes when recordings are judged: each room's own share, measured at its door."""

from __future__ import annotations

import contextlib
import functools
import time
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from sered.archive import judge as archive_judge
from sered.archive.judge import judge
from sered.archive.task import Task
from sered.box import line as box_line
from sered.box.build import load_judges
from sered.calls.segmenter import Segmenter
from sered.errors import AudioError
from sered.hearing.cadence import Cadence
from sered.hearing.ears import Ears
from sered.hearing.measured import Measured
from sered.hearing.recorded_voice import RecordedVoices
from sered.hearing.sides import SidesWatch
from sered.hearing.sit_and_fax import SitAndFax
from sered.hearing.voice_activity import VoiceDetector
from sered.settings import Settings
from sered.tap.recording import Recording
from sered.voice.emotion import TfliteEmotion
from sered.words.polarity import CallPolarity
from sered.words.transcript import VoskTranscriber

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

Door = tuple[str, Any, str]
DOORS: tuple[Door, ...] = (
    ("reading: decoded once, to know it is whole", archive_judge, "survey"),
    ("reading: decoded again, brought to 16 kHz", Recording, "frames"),
    ("hearing: voice activity", VoiceDetector, "take"),
    ("hearing: voice activity", VoiceDetector, "hear"),
    ("hearing: levels", Measured, "__init__"),
    ("hearing: tones, keys, howler, fax", Measured, "lines"),
    ("hearing: tones, keys, howler, fax", Cadence, "feed"),
    ("hearing: tones, keys, howler, fax", SitAndFax, "feed"),
    ("hearing: the rest", Ears, "feed"),
    ("hearing: the rest", Ears, "expect"),
    ("sides: whose channel is whose", SidesWatch, "feed"),
    ("recorded voices", RecordedVoices, "feed"),
    ("recorded voices", RecordedVoices, "take"),
    ("calls and utterances", Segmenter, "feed"),
    ("voice: statistics and network", TfliteEmotion, "judge"),
    ("words: Vosk", VoskTranscriber, "transcribe"),
    ("words: what they mean", CallPolarity, "score"),
    ("verdicts", box_line, "running"),
    ("verdicts", box_line, "report"),
)
REST = "the rest"


class _Meter:
    """CPU seconds of each part, less those of the parts inside it."""

    def __init__(self) -> None:
        self.spent: defaultdict[str, float] = defaultdict(float)
        self._inside: list[float] = []

    @contextlib.contextmanager
    def measured(self, name: str) -> Iterator[None]:
        """Count what is done in this block."""
        self._inside.append(0.0)
        began = time.process_time()
        try:
            yield
        finally:
            took = time.process_time() - began
            self.spent[name] += took - self._inside.pop()
            if self._inside:
                self._inside[-1] += took


def _with_meter(meter: _Meter, name: str, work: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(work)
    def measured(*args: Any, **known: Any) -> Any:
        with meter.measured(name):
            return work(*args, **known)

    return measured


def _frames_with_meter(meter: _Meter, name: str, work: Callable[..., Any]) -> Callable[..., Any]:
    """Of a generator each step counts, not the call."""

    @functools.wraps(work)
    def measured(*args: Any, **known: Any) -> Iterator[Any]:
        frames = work(*args, **known)
        while True:
            with meter.measured(name):
                try:
                    frame = next(frames)
                except StopIteration:
                    return
            yield frame

    return measured


@contextlib.contextmanager
def metered() -> Iterator[dict[str, float]]:
    """While it lasts, what is judged in this thread is counted by part."""
    meter = _Meter()
    before = [(holder, door, getattr(holder, door)) for _, holder, door in DOORS]
    try:
        for (name, holder, door), (_, _, work) in zip(DOORS, before, strict=True):
            wrap = _frames_with_meter if door == "frames" else _with_meter
            setattr(holder, door, wrap(meter, name, work))
        yield meter.spent
    finally:
        for holder, door, work in before:
            setattr(holder, door, work)


def profile(paths: Sequence[Path], mode: str) -> tuple[dict[str, float], float]:
    """CPU seconds by part and hours of sound, of recordings judged one after the other."""
    settings = Settings.model_validate({"mode": mode})
    judges = load_judges(settings)
    _judged(paths[0], settings, judges)
    hours = 0.0
    with metered() as spent:
        began = time.process_time()
        for path in paths:
            hours += _judged(path, settings, judges) / 3600.0
        whole = time.process_time() - began
    spent[REST] = whole - sum(spent.values())
    return dict(spent), hours


def plain(paths: Sequence[Path], mode: str) -> float:
    """CPU seconds of the same without a meter, which costs itself."""
    settings = Settings.model_validate({"mode": mode})
    judges = load_judges(settings)
    _judged(paths[0], settings, judges)
    began = time.process_time()
    for path in paths:
        _judged(path, settings, judges)
    return time.process_time() - began


def _judged(path: Path, settings: Settings, judges: Any) -> float:
    """Seconds of sound."""
    with contextlib.suppress(AudioError):
        return judge(Task(str(path)), settings, judges).length_s
    return 0.0
