"""Emotional speech corpora by their official file names, and a customer's own by a manifest."""

from __future__ import annotations

import csv
import hashlib
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from convert.schemes import CONTRADICTORY, NOT_ONE_OF_SEVEN, SCHEMES, VOTES

from sered.errors import AudioError, ModelError
from sered.records import LABELS, RATE_HZ

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

SUFFIXES = frozenset({".wav", ".aif", ".aiff", ".flac", ".opus", ".ogg"})
SILENT = 33
"""Peak (of 32768, -60 dBFS) below which a clip is silent."""


@dataclass(frozen=True, slots=True)
class Clip:
    """One recording whose emotion is known."""

    path: Path
    corpus: str
    speaker: str
    """Unique over all corpora: `corpus/name`."""
    label: str
    """One of LABELS, or of COARSE where no more is known."""
    heard: tuple[str, ...] = ()
    """What listeners heard in the voice, where they were asked: one of LABELS, several in a tie."""
    call: str = ""
    """The call that it was cut from, where that is known."""


COARSE: dict[str, dict[str, float]] = {
    "negative": {"angry": 0.25, "disgust": 0.25, "fear": 0.25, "sad": 0.25},
    "not negative": {"happy": 0.2, "neutral": 0.65, "surprise": 0.15},
    "positive": {"happy": 0.8, "surprise": 0.2},
    "ordinary": {"happy": 0.06, "neutral": 0.9, "surprise": 0.04},
}
"""Labels that name no emotion, and how far each is one of the seven when nothing else is known."""
SHELVES = (*LABELS, *COARSE)
"""Everything that a clip may be labelled as."""
ORDINARY = "ordinary"
"""Plain speech whose feeling nobody noted down: somebody unhappy among them would be the odd one
out."""
ALIASES = {
    "unlabelled": ORDINARY, "not": "not negative", "anger": "angry", "happiness": "happy",
    "sadness": "sad", "surprised": "surprise",
}  # fmt: skip
"""Other words that manifests have for the same."""


@dataclass(slots=True)
class Found:
    """What reading a corpus came to: the clips, and every file that was not used, by reason."""

    clips: list[Clip] = field(default_factory=list)
    refused: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    """Reason -> file names."""
    mended: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    """What was odd about files that are used all the same -> their names."""

    def report(self) -> str:
        """One line a corpus and one a reason."""
        lines = []
        for corpus in sorted({clip.corpus for clip in self.clips}):
            mine = [clip for clip in self.clips if clip.corpus == corpus]
            shares = Counter(clip.label for clip in mine)
            voices = len({clip.speaker for clip in mine})
            lines.append(
                f"{corpus}: {len(mine)} clips, {voices} speakers, "
                + ", ".join(f"{label} {count}" for label, count in sorted(shares.items()))
            )
        for what, table in (("used", self.mended), ("not used", self.refused)):
            for reason, names in sorted(table.items()):
                shown = ", ".join(sorted(names)[:4]) + (" ..." if len(names) > 4 else "")
                lines.append(f"{what}, {reason}: {len(names)} ({shown})")
        return "\n".join(lines)


def read_folder(folder: Path, corpus: str) -> Found:
    """Every clip below `folder` by the naming scheme of `corpus`; ModelError when there is none."""
    if corpus not in SCHEMES:
        raise ModelError(
            f"wanted a corpus of {', '.join(SCHEMES)}; found {corpus!r}: "
            "give other recordings as a CSV manifest (path,speaker,label)"
        )
    scheme, found, votes = SCHEMES[corpus], Found(), _votes(folder)
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() not in SUFFIXES:
            continue
        match = scheme.pattern.fullmatch(path.stem)
        if match is None:
            found.refused[f"name is not one of {corpus}'s"].append(path.name)
            continue
        label = scheme.labels.get(match["label"])
        if path.stem in CONTRADICTORY:
            found.refused["contradictory labels (known of the corpus)"].append(path.name)
        elif label is None:
            found.refused["unknown label"].append(path.name)
        elif label == NOT_ONE_OF_SEVEN:
            found.refused[f"{NOT_ONE_OF_SEVEN} (boredom)"].append(path.name)
        else:
            speaker = f"{corpus}/{scheme.speaker(match['speaker'])}"
            found.clips.append(Clip(path, corpus, speaker, label, votes.get(path.stem, ())))
    if not found.clips:
        raise ModelError(
            f"wanted recordings of {corpus} below {folder}; found none with its file names: "
            "unpack the corpus there, names unchanged"
        )
    return found


def _votes(folder: Path) -> dict[str, tuple[str, ...]]:
    """What CREMA-D's crowd heard in the voice alone, by the clip's name; empty where nobody asked.

    The official `summaryTable.csv` (FileName, VoiceVote) or a `manifest.csv` (path, voice_vote).
    """
    votes = {}
    for path in (*folder.rglob("summaryTable.csv"), folder / "manifest.csv"):
        if not path.is_file():
            continue
        for row in csv.DictReader(path.read_text(encoding="utf-8-sig").splitlines()):
            name = row.get("FileName") or row.get("path") or ""
            heard = row.get("VoiceVote") or row.get("voice_vote") or ""
            labels = tuple(VOTES[letter] for letter in heard.split(":") if letter in VOTES)
            if labels:
                votes[name.rpartition("/")[2].partition(".")[0]] = labels
    return votes


def read_manifest(manifest: Path, corpus: str = "own") -> Found:
    """A CSV with the columns path, speaker, label; paths are relative to the manifest's folder."""
    found = Found()
    try:
        rows = list(csv.DictReader(manifest.read_text(encoding="utf-8-sig").splitlines()))
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(f"wanted a UTF-8 CSV manifest at {manifest}; found {error}") from error
    if not rows or not {"path", "speaker", "label"} <= set(rows[0]):
        columns = ", ".join(rows[0]) if rows else "no row"
        raise ModelError(f"wanted the columns path,speaker,label in {manifest}; found {columns}")
    for row in rows:
        path = manifest.parent / (row["path"] or "")
        label = (row["label"] or "").strip().lower()
        label = ALIASES.get(label, label)
        if label not in LABELS and label not in COARSE:
            known = ", ".join(dict.fromkeys((*LABELS, *COARSE)))
            found.refused[f"label is none of {known}"].append(f"{path.name}: {row['label']!r}")
        elif not path.is_file():
            found.refused["no such file"].append(path.name)
        elif not row["speaker"]:
            found.refused["no speaker"].append(path.name)
        else:
            speaker = f"{corpus}/{row['speaker']}"
            found.clips.append(Clip(path, corpus, speaker, label, call=row.get("call") or ""))
    return found


def merge(parts: Iterable[Found]) -> Found:
    """All of them as one."""
    whole = Found()
    for part in parts:
        whole.clips += part.clips
        for reason, names in part.refused.items():
            whole.refused[reason] += names
        for reason, names in part.mended.items():
            whole.mended[reason] += names
    return whole


def read_all(root: Path, manifests: Sequence[Path] = ()) -> Found:
    """Every corpus that has a folder of its name below `root`, and the manifests."""
    parts = [
        read_folder(root / folder, name)
        for name, scheme in SCHEMES.items()
        for folder in (name, *scheme.folders)
        if (root / folder).is_dir()
    ]
    parts += [read_manifest(path, path.stem) for path in manifests]
    if not parts:
        raise ModelError(f"wanted a folder of {', '.join(SCHEMES)} below {root}; found none")
    return merge(parts)


def decode(path: Path) -> NDArray[np.int16]:
    """The clip as the device hears it: 16 kHz mono int16, whatever the file was.

    AudioError when it cannot be read.
    """
    import soundfile
    import soxr

    try:
        # libsndfile goes by the content: AIFF that is called .wav is no trouble
        pcm, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, OSError) as error:
        raise AudioError(f"wanted sound in {path.name}; found {error}") from error
    mono = pcm.mean(axis=1)
    if rate != RATE_HZ:
        mono = soxr.resample(mono, rate, RATE_HZ)
    return np.asarray(np.clip(np.rint(mono * 32768), -32768, 32767), np.int16)


def _note_formats(found: Found) -> None:
    """Name in `found.mended` the clips with more channels or another rate than their corpus has."""
    import soundfile

    rates: dict[str, dict[Path, int]] = defaultdict(dict)
    for clip in found.clips:
        try:
            form = soundfile.info(clip.path)
        except (soundfile.LibsndfileError, OSError):
            continue  # decoding it says why
        rates[clip.corpus][clip.path] = form.samplerate
        if form.channels > 1:
            found.mended["several channels, mixed down to one"].append(clip.path.name)
    for corpus, mine in rates.items():
        usual = Counter(mine.values()).most_common(1)[0][0]
        odd = [path.name for path, rate in mine.items() if rate != usual]
        if odd:
            reason = f"another rate than the {usual} Hz of {corpus}, resampled like all"
            found.mended[reason] += odd


def load(found: Found) -> tuple[list[Clip], list[NDArray[np.int16]]]:
    """Decode every clip; unreadable, silent and doubled ones go to `found.refused`, odd formats to
    `found.mended`.
    """
    from tqdm import tqdm

    _note_formats(found)
    sounds: dict[Clip, NDArray[np.int16]] = {}
    same: dict[str, list[Clip]] = defaultdict(list)
    for clip in tqdm(found.clips, desc="decode", unit="clip", mininterval=2):
        try:
            pcm = decode(clip.path)
        except AudioError as error:
            found.refused["unreadable"].append(f"{clip.path.name}: {error}")
            continue
        if not len(pcm) or np.abs(pcm.astype(np.int32)).max() < SILENT:
            found.refused["silent"].append(clip.path.name)
            continue
        sounds[clip] = pcm
        same[hashlib.sha256(pcm.tobytes()).hexdigest()].append(clip)
    for twins in same.values():
        if len(twins) == 1:
            continue
        agree = len({(clip.label, clip.speaker) for clip in twins}) == 1
        reason = "double of another clip" if agree else "same sound, contradictory labels"
        for clip in twins[1 if agree else 0 :]:
            found.refused[reason].append(clip.path.name)
            del sounds[clip]
    found.clips = list(sounds)
    return found.clips, list(sounds.values())
