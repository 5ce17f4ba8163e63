"""Vosk's small model beside Whisper: `make bench-whisper`.

Known sentences through a telephone's band, plain and in noise, and sounds in which nobody speaks.
Prints word error rates, CPU seconds, what was believed of noise, and the fit of a word's certainty
with what it is worth on speakers that it has not heard.
"""

from __future__ import annotations

import argparse
import csv
import difflib
import re
import sys
import time
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from unittest.mock import patch

import numpy as np
import soundfile
import soxr
from scipy.optimize import minimize
from scipy.signal import butter, lfilter, sosfilt

from project import ROOT
from sered.records import RATE_HZ
from sered.words import whisper, whisper_gate
from sered.words.transcript import VoskModel
from sered.words.whisper import WhisperModel
from whisper_stage import SHA256, whisper_base

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sered.records import Word
    from sered.words.transcript import Transcriber
    from sered.words.whisper_gate import Segment

    Pcm = NDArray[np.int16]

SPEECH = ROOT.parent / "shared/data/speech"
TELEPHONE = butter(4, [300.0, 3400.0], "bandpass", fs=RATE_HZ, output="sos")
NOISES = ("white", "brown", "hum", "music", "breath", "clicks", "faint")
SECONDS = (1.0, 3.0, 8.0, 20.0)
FOLDS = 4
"""Of speakers: what a certainty is worth is measured on those that it was not fitted to."""
SNR_DB = (None, None, 10.0, 5.0, 0.0)
"""Of sentences in turns; None: as they are."""


@dataclass(slots=True)
class Tally:
    """What one recogniser made of the sentences."""

    errors: int = 0
    words: int = 0
    cpu_s: float = 0.0
    sound_s: float = 0.0


@dataclass(slots=True)
class Heard:
    """What Whisper said before its gate, and how it came out."""

    segments: list[Segment] = field(default_factory=list)


def spoken(text: str) -> list[str]:
    """A written sentence as words."""
    return re.findall(r"[a-z]+(?:'[a-z]+)*", text.lower().replace("-", " "))


def errors(wanted: list[str], found: list[str]) -> int:
    """Words that are missing, other or too many."""
    row = list(range(len(found) + 1))
    for at, word in enumerate(wanted, 1):
        before, row[0] = row[:], at
        for to, other in enumerate(found, 1):
            row[to] = min(before[to] + 1, row[to - 1] + 1, before[to - 1] + (word != other))
    return row[-1]


def right(wanted: list[str], found: list[str]) -> list[bool]:
    """Which of the words that were found are where they should be."""
    matched = [False] * len(found)
    for block in difflib.SequenceMatcher(None, wanted, found, autojunk=False).get_matching_blocks():
        matched[block.b : block.b + block.size] = [True] * block.size
    return matched


@dataclass(frozen=True, slots=True)
class Sentence:
    """Known words down a telephone's band."""

    speaker: str
    text: str
    pcm: Pcm
    snr_db: float | None


def speaker(path: str) -> str:
    """Who reads: AN4 names the speaker second, LibriSpeech first; the other sets have one each."""
    folder, name = path.split("/")[-2:]
    parts = name.removesuffix(".flac").split("-")
    if folder == "an4":
        return parts[1]
    return parts[0] if parts[0].isdigit() else parts[0][:2]


def sentences(count: int) -> list[Sentence]:
    """Read sentences and commands, no spelt names: what a letter is called is no word here."""
    with (SPEECH / "manifest.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["text"] and row["set"] != "calls"]
    rows = [row for row in rows if not any(len(word) == 1 for word in row["text"].split())]
    random = np.random.default_rng(26)
    out = []
    for at, number in enumerate(random.permutation(len(rows))[:count]):
        sound, rate = soundfile.read(SPEECH / rows[number]["path"], always_2d=True)
        narrow = sosfilt(TELEPHONE, soxr.resample(sound[:, 0], rate, RATE_HZ))
        snr_db = SNR_DB[at % len(SNR_DB)]
        if snr_db is not None:
            noise = sosfilt(TELEPHONE, random.normal(0.0, 1.0, len(narrow)))
            loud = np.mean(narrow**2) / np.mean(noise**2) / 10.0 ** (snr_db / 10.0)
            narrow = narrow + noise * np.sqrt(loud)
        row = rows[number]
        out.append(Sentence(speaker(row["path"]), row["text"], _pcm(narrow), snr_db))
    return out


def noise(kind: str, seconds: float) -> Pcm:
    """Sound in which nobody speaks."""
    random = np.random.default_rng(len(kind))
    t = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    sound = random.normal(0.0, 1.0, len(t))
    if kind == "brown":
        sound = np.cumsum(sound)
    elif kind == "hum":
        sound = 0.1 * sound + sum(np.sin(2 * np.pi * 50 * h * t) / h for h in range(1, 12))
    elif kind == "music":
        notes = 220.0 * 2.0 ** (random.integers(0, 24, 5) / 12)
        on = [(t // 0.4).astype(int) % (at + 2) == 0 for at in range(len(notes))]
        sound = sum(np.sin(2 * np.pi * hz * t) * o for hz, o in zip(notes, on, strict=True))
    elif kind == "breath":
        sound = lfilter([1.0], [1.0, -0.9], sound * np.sin(np.pi * t / 1.7) ** 2)
    elif kind == "clicks":
        sound = 0.01 * sound
        sound[random.integers(0, len(t), int(3 * seconds))] += 1.0
    narrow = sosfilt(TELEPHONE, np.asarray(sound))
    return _pcm(narrow, 0.001 if kind == "faint" else 0.3)


def _pcm(sound: NDArray[np.float64], peak: float = 0.5) -> Pcm:
    return np.asarray(sound / np.abs(sound).max() * peak * 32767.0, np.int16)


def listened(to: Transcriber, text: str, pcm: Pcm, tally: Tally) -> tuple[Word, ...]:
    """The words found, counted."""
    began = time.process_time()
    found = to.transcribe(pcm).words
    tally.cpu_s += time.process_time() - began
    tally.sound_s += len(pcm) / RATE_HZ
    tally.errors += errors(spoken(text), [word.text for word in found])
    tally.words += len(spoken(text))
    return found


def fit(pairs: list[tuple[float, bool]]) -> tuple[float, float]:
    """Slope and offset, over log odds, of how often a word of such a probability is right."""
    odds = np.array([np.log(max(p, 1e-4) / max(1.0 - p, 1e-4)) for p, _ in pairs])
    truth = np.array([is_right for _, is_right in pairs])

    def loss(fitted: NDArray[np.float64]) -> float:
        drive = fitted[1] + fitted[0] * odds
        return float(np.mean(np.logaddexp(0.0, np.where(truth, -drive, drive))))

    slope, offset = minimize(loss, [1.0, 0.0], method="Nelder-Mead").x
    return float(slope), float(offset)


def certain(odds: tuple[float, float], probability: float) -> float:
    """A word's certainty by a fit."""
    share = max(probability, 1e-4) / max(1.0 - probability, 1e-4)
    return float(1.0 / (1.0 + np.exp(-(odds[1] + odds[0] * np.log(share)))))


def off(told: list[float], truth: list[bool]) -> str:
    """How far certainties are from how often words are right: Brier, and by fifths of the words."""
    sure, right_ = np.array(told), np.array(truth, float)
    fifths = np.array_split(np.argsort(sure, kind="stable"), 5)
    apart = sum(abs(sure[each].mean() - right_[each].mean()) * len(each) for each in fifths)
    return f"Brier {np.mean((sure - right_) ** 2):.3f}, off by {apart / len(sure):.3f}"


def tell_certainty(pairs: dict[str, list[tuple[float, bool]]]) -> None:
    """Print the fit, and what it is worth on speakers that it has not heard."""
    every = [pair for of_speaker in pairs.values() for pair in of_speaker]
    truth = [is_right for _, is_right in every]
    whole = fit(every)
    print("certainty: slope {:.2f}, offset {:.2f}".format(*whole))
    told: list[float] = []
    unseen: list[bool] = []
    names = sorted(pairs)
    for part in range(FOLDS):
        kept = names[part::FOLDS]
        odds = fit([pair for name in names if name not in kept for pair in pairs[name]])
        for name in kept:
            told += [certain(odds, probability) for probability, _ in pairs[name]]
            unseen += [is_right for _, is_right in pairs[name]]
    print(f"{len(every)} words of {len(names)} speakers, {np.mean(truth):.1%} right")
    print(f"  Whisper's own probability: {off([p for p, _ in every], truth)}")
    print(f"  fitted to the same words: {off([certain(whole, p) for p, _ in every], truth)}")
    print(f"  fitted to other speakers: {off(told, unseen)}")
    shipped = [whisper_gate.certainty(p) for p, _ in every]
    print(f"  as shipped: {off(shipped, truth)}")


def main() -> None:
    """Listen to all of it with both, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sentences", type=int, default=60)
    parser.add_argument("--certainty", action="store_true", help="only how sure Whisper is")
    args = parser.parse_args()
    if not SPEECH.is_dir():
        sys.exit(f"wanted recordings with their words in {SPEECH}; found none")
    segments = _watched()
    judges: dict[str, Transcriber] = {
        "whisper base": WhisperModel(whisper_base(), SHA256, "en").transcriber(),
    }
    if not args.certainty:
        judges["vosk-mini"] = VoskModel(ROOT / "models/vosk-mini").transcriber()
    tallies = {(name, snr): Tally() for name in judges for snr in dict.fromkeys(SNR_DB)}
    pairs: defaultdict[str, list[tuple[float, bool]]] = defaultdict(list)
    for each in sentences(args.sentences):
        segments.segments = []
        for name, judge in judges.items():
            listened(judge, each.text, each.pcm, tallies[name, each.snr_db])
        told = [(word, w.probability) for s in segments.segments for w in s.words
                for word in spoken(w.text)]  # fmt: skip
        places = right(spoken(each.text), [word for word, _ in told])
        pairs[each.speaker] += zip((p for _, p in told), places, strict=True)
    for (name, snr_db), tally in tallies.items():
        rate, cost = tally.errors / max(tally.words, 1), tally.cpu_s / max(tally.sound_s, 1e-3)
        kind = "plain" if snr_db is None else f"{snr_db:.0f} dB"
        print(f"{name:13} {kind:6} {tally.words:5} words, {rate:6.1%} wrong, {cost:.2f} CPU s a s")
    tell_certainty(pairs)
    if args.certainty:
        return
    quiet = [noise(kind, seconds) for kind in NOISES for seconds in SECONDS]
    believed = sum(bool(judges["whisper base"].transcribe(pcm).words) for pcm in quiet)
    print(f"whisper base believed words in {believed} of {len(quiet)} sounds without a voice")


def _watched() -> Heard:
    """What Whisper says before its gate."""
    heard = Heard()

    def watching(segments: list[Segment], length_s: float) -> tuple[Word, ...]:
        heard.segments = segments
        return whisper_gate.believed(segments, length_s)

    patch.object(whisper, "believed", watching).start()
    return heard


if __name__ == "__main__":
    main()
