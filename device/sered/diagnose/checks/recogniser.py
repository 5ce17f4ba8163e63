"""Checks of the words: the recogniser's model, what it understands, how fast, and the lexicon."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING

import sered
from sered import config
from sered.diagnose.checks import service_user
from sered.diagnose.model import Check, Context, Group, Outcome, fault, ok, skip_all
from sered.errors import ModelError
from sered.records import RATE_HZ, Side, Transcript, Word
from sered.settings import LANGUAGES
from sered.words import fetch

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

DEMO_CALL = Path(sered.__file__).parent / "demo" / "call.wav"
_CUSTOMER = 2
"""Channel of the customer in the demo call."""
_FROM_S, _TO_S = 30.0, 34.2
"""Where in it the customer says the sentence."""
SENTENCE = "i have been waiting for three weeks and nobody called me back"
EVENT = "i ordered a red one and you sent me blue"
"""No word of it is unhappy."""
ENOUGH = 0.5
"""Share of the sentence's words that a model of this language finds."""
_MINI = "vosk-mini"
_RATES_HZ = (8_000, RATE_HZ)
"""What Vosk can be fed with here: it halves 16 kHz by itself."""
_BUSY = 0.8
"""Seconds of work a second and core, with speech on all lines, that leave some air."""


def _path(context: Context) -> Path:
    models = context.known.models
    return config.model_path(models.whisper if models.recogniser == "whisper" else models.vosk)


def _there(context: Context) -> Outcome:
    if context.known.mode == "audio":
        return skip_all('mode = "audio": words are not judged')
    path = _path(context)
    fields = {"path": str(path)}
    if service_user.hidden(path):
        return fault("at_home", f"{path} is in a home folder", **fields)
    service_user.become_service_user()
    if context.known.models.recogniser == "whisper":
        return _whisper(context, path)
    if not path.is_dir():
        return fault("missing", f"no folder {path}", **fields)
    if (path / fetch.MANIFEST).exists() and (damaged := fetch.damage(path)):
        return fault("damaged", f"{len(damaged)} files gone or changed: {damaged[0]}", **fields)
    return _inside(path)


def _whisper(context: Context, path: Path) -> Outcome:
    from sered.words.whisper import checked

    try:
        digest = checked(path, context.known.models.whisper_sha256)
    except ModelError as error:
        return fault("no_whisper", str(error))
    return ok(f"{path}, SHA-256 {digest[:12]}... as configured")


def _inside(path: Path) -> Outcome:
    """What is in the folder, without loading it."""
    from sered.words.transcript import model_folder

    try:
        folder = model_folder(path)
    except ModelError as error:
        found = str(error).partition("found ")[2].partition(":")[0]
        return fault("incomplete", found, path=str(path))
    rate_hz = _rate_hz(folder)
    if rate_hz not in _RATES_HZ:
        return fault("wrong_rate", f"{path} wants {rate_hz} Hz")
    if path.name == _MINI:
        return fault("mini", f"{path.name}, made for the demo and the tests")
    return ok(f"{path}, {rate_hz // 1000} kHz")


def _rate_hz(folder: Path) -> int:
    """What the model's own settings say of its sample rate; Kaldi's own where they say nothing."""
    for place in ("conf/mfcc.conf", "mfcc.conf"):
        try:
            text = (folder / place).read_text()
        except OSError:
            continue
        if said := re.search(r"--sample-frequency=(\d+)", text):
            return int(said[1])
    return RATE_HZ


def _understands(context: Context) -> Outcome:
    """One load of the model answers three questions: it may take half of the time there is."""
    from sered.words.recognisers import load_recogniser

    sound = _sentence()
    began = time.perf_counter()
    try:
        model = load_recogniser(context.known.models, config.model_path)
    except ModelError as error:
        return fault("broken", str(error))
    loaded = time.perf_counter()
    transcriber = model.transcriber()
    heard = transcriber.transcribe(sound)
    rtf = (time.perf_counter() - loaded) / (len(sound) / RATE_HZ)
    wanted = SENTENCE.split()
    share = sum(word in heard.text.split() for word in wanted) / len(wanted)
    facts = {"words_rtf": rtf, "words_load_s": loaded - began, "words_share": share}
    found = f"{share:.0%} of a known English sentence"
    if share < ENOUGH:
        return Outcome(found, "deaf", facts=facts)
    return ok(found, **facts)


def _sentence() -> NDArray[np.int16]:
    """The customer's known sentence, cut from the demo call, as an utterance reaches Vosk."""
    import numpy as np

    from sered.tap.recording import Recording

    frames = Recording(DEMO_CALL, {Side.CUSTOMER: _CUSTOMER}).frames()
    sound = np.concatenate([frame.pcm[Side.CUSTOMER] for frame in frames])
    return sound[round(_FROM_S * RATE_HZ) : round(_TO_S * RATE_HZ)]


def _speed(context: Context) -> Outcome:
    rtf: float = context.facts["words_rtf"]
    lines, cores = len(context.known.line), os.cpu_count() or 1
    found = f"{rtf:.2f} of real time a line, {lines} line{'s' if lines > 1 else ''}, {cores} cores"
    if rtf > _BUSY or rtf * lines > _BUSY * cores:
        return fault("slow", found)
    return ok(f"{found}; loads in {context.facts['words_load_s']:.1f} s")


def _lexicon(context: Context) -> Outcome:
    from sered.words.polarity import CallPolarity

    service_user.become_service_user()
    settings = context.known
    path = config.model_path(settings.models.lexicon)
    extra = settings.verdict.extra_lexicon
    for file in (path, extra):
        if file is not None and not file.is_file():
            return fault("missing", f"no file {file}", path=str(file))
    try:
        polarity = CallPolarity(path, extra, "none")
    except ModelError as error:
        return fault("broken", str(error))
    words = tuple(Word(text, float(at), at + 0.9, 1.0) for at, text in enumerate(SENTENCE.split()))
    if polarity.faults:
        return fault("line", "\n".join(polarity.faults))
    score = polarity.score(Transcript(words)).score
    found = f"version {polarity.version}, a known complaint scores {score:+.2f}"
    return ok(found) if score < 0 else fault("blind", found)


def _sentences(context: Context) -> Outcome:
    from sered.words.network import WITHOUT
    from sered.words.networks import load_network
    from sered.words.polarity import CallPolarity

    service_user.become_service_user()
    models = context.known.models
    if models.sentences == WITHOUT:
        return fault("none", "none is asked for")
    path = config.model_path(models.sentences)
    if not path.is_file():
        return fault("missing", f"no file {path}", path=str(path))
    try:
        network = load_network(path)
        polarity = CallPolarity(config.model_path(models.lexicon), network=network)
    except ModelError as error:
        return fault("broken", str(error))
    words = tuple(Word(text, float(at), at + 0.9, 1.0) for at, text in enumerate(EVENT.split()))
    score = polarity.score(Transcript(words)).score
    language = network.sidecar.language
    found = f"{path.name} ({language}), a complaint without an unhappy word scores {score:+.2f}"
    if models.language not in LANGUAGES or language != models.language:
        return fault("language", found, language=models.language)
    return ok(found) if score < 0 else fault("blind", found)


CHECKS = (
    Check(
        "words.there",
        "a whole model for the recogniser is there",
        "It turns the customer's speech into words, on the box.",
        _there,
        failures={
            "missing": "`sudo sered models fetch` puts the small English one there; then set "
            "[models] vosk to the folder that it names. Now: {path}.",
            "at_home": "The service is not shown home folders: move {path} to "
            "/var/lib/sered/models and set [models] vosk.",
            "incomplete": "The folder is not a whole Vosk model. Fetch it again (`sudo sered "
            "models fetch`), or unpack its whole archive to {path}.",
            "wrong_rate": "sered feeds 16 kHz: take a model made for 16 or 8 kHz, as all official "
            "ones are.",
            "no_whisper": "Put what is named there, or take [models] recogniser out: Vosk does "
            "without. docs/words.md says where a Whisper model comes from.",
            "damaged": "Fetch it again: remove {path} and run `sudo sered models fetch`. If it "
            "happens again, the card is dying: look at system.wear.",
        },
        warnings={
            "mini": "`sudo sered models fetch` brings the official small English model; this one "
            "prints word salad on real conversations."
        },
        deadline_s=12.0,
        fatal=True,
    ),
    Check(
        "words.understands",
        "the recogniser understands a known sentence",
        "It is cut from the demo call and goes through the real recogniser.",
        _understands,
        failures={
            "broken": "Fetch it again with `sudo sered models fetch`; on a minimal Debian also "
            "`sudo apt-get install libatomic1`; for Whisper do what is named.",
        },
        warnings={
            "deaf": "Is it a model of English? For callers who speak another language that is "
            "as it should be; sered's lexicon, however, is English."
        },
        deadline_s=20.0,
        fatal=True,
    ),
    Check(
        "words.speed",
        "the recogniser keeps up when all lines speak",
        "Slower than real time, sound is dropped at the door and words are lost.",
        _speed,
        failures={
            "slow": "Use Vosk and its small model ([models] vosk), fewer lines on this box, or a "
            "faster one; look at system.speed too."
        },
    ),
    Check(
        "words.lexicon",
        "the lexicon knows a complaint",
        "NLTK's VADER scores the words by its own list and the call lexicon.",
        _lexicon,
        failures={
            "missing": "Put it back to {path}, or correct [models] lexicon and [verdict] "
            "extra_lexicon.",
            "broken": "Mend the line that is named: phrase, tab, number from -4 to 4.",
            "line": "What is named is left out, the rest of [verdict] extra_lexicon works. Mend "
            "it: phrase, tab, number from -4 to 4; then `sudo systemctl restart sered`.",
            "blind": "The complaint is not scored negative: take phrases out of [verdict] "
            "extra_lexicon until it is, or put the lexicon back that came with sered.",
        },
        deadline_s=10.0,
    ),
    Check(
        "words.sentences",
        "the network of sentences knows a complaint",
        "Beside the lexicon it finds complaints that have no unhappy word in them.",
        _sentences,
        failures={
            "missing": "The lexicon judges words alone. Put {path}, its .json and its .words back, "
            "or correct [models] sentences.",
            "broken": "The lexicon judges words alone. Put all three files of one network there, "
            "or install sered again.",
            "blind": "The complaint is not scored negative: put the network and the lexicon back "
            "that came with sered.",
        },
        warnings={
            "none": "The lexicon judges words alone, which finds fewer complaints: as it should be "
            "for a lexicon of another language; otherwise take [models] sentences out.",
            "language": "Callers speak {language}, which sered or this network does not read: "
            "the voice is judged all the same, the words by a lexicon of yours alone. "
            "docs/words.md says what a language takes.",
        },
        deadline_s=10.0,
    ),
)

GROUP = Group("words", "Words", CHECKS, lane="judges", needs=("configuration.reads",))
