"""Loads everything that a configuration names, as the service will, and says what cannot work."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sered import config
from sered.box.build import no_language, sentence_model
from sered.config.faults import Fault
from sered.config.senseless import senseless
from sered.delivery import certificate
from sered.delivery.broker import tls_context
from sered.errors import BrokerError, DeviceError, ModelError
from sered.settings import LANGUAGES
from sered.tap import cards
from sered.voice.emotion import TfliteEmotion
from sered.words.polarity import CallPolarity
from sered.words.recognisers import load_recogniser

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sered.settings import Settings


def faults(settings: Settings) -> list[Fault]:
    """What a configuration that reads well names in vain, on this machine."""
    return [
        *senseless(settings),
        *_voice(settings),
        *_words(settings),
        *_certificates(settings),
        *_spool(settings),
        *_cards(settings),
    ]


def _voice(settings: Settings) -> Iterator[Fault]:
    if settings.mode == "text" and "emotion" not in settings.models.model_fields_set:
        return
    try:
        TfliteEmotion(config.model_path(settings.models.emotion))
    except ModelError as error:
        yield Fault(("models", "emotion"), str(error))


def _words(settings: Settings) -> Iterator[Fault]:
    kind = settings.models.recogniser
    if settings.mode == "audio" and kind not in settings.models.model_fields_set:
        return
    try:
        load_recogniser(settings.models, config.model_path)
    except ModelError as error:
        # of Whisper three settings may be wrong, and the sentence names which
        key = "vosk" if kind == "vosk" else "recogniser"
        yield Fault(("models", key), str(error))
    try:
        CallPolarity(config.model_path(settings.models.lexicon), network="none")
    except ModelError as error:
        yield Fault(("models", "lexicon"), str(error))
        return
    _, said = sentence_model(settings)
    if said:
        yield Fault(("models", "sentences"), said)
    if settings.models.language not in LANGUAGES:
        yield Fault(("models", "language"), no_language(settings.models.language))
    extra = settings.verdict.extra_lexicon
    if extra is not None:
        both = CallPolarity(config.model_path(settings.models.lexicon), extra, "none")
        yield from (Fault(("verdict", "extra_lexicon"), said) for said in both.faults)


def _certificates(settings: Settings) -> Iterator[Fault]:
    mqtt = settings.mqtt
    named = {"ca": mqtt.ca, "cert": mqtt.cert, "key": mqtt.key}
    missing = [Fault(("mqtt", name), said) for name, path in named.items() if (said := _file(path))]
    yield from missing
    if not mqtt.tls or missing:
        return
    try:
        context = tls_context(mqtt)
    except BrokerError as error:
        at_fault = "cert" if "[mqtt] cert" in str(error) else "ca"
        yield Fault(("mqtt", at_fault), str(error))
        return
    now = datetime.now(UTC)
    for name in ("ca", "cert"):
        path = getattr(mqtt, name)
        ends = certificate.ends(path) if path else None
        if ends is not None and ends < now:
            yield Fault(
                ("mqtt", name),
                f"{path} ended on {ends:%Y-%m-%d}, and here it is {now:%Y-%m-%d}: renew it, "
                "or put this machine's clock right",
            )
    if mqtt.ca and not context.cert_store_stats()["x509_ca"] and not certificate.own(mqtt.ca):
        yield Fault(
            ("mqtt", "ca"),
            f"wanted an authority's certificate; {mqtt.ca} is one that an authority made for "
            f"{certificate.name(mqtt.ca)!r}: take the authority's own, ca.crt",
        )


def _file(path: Path | None) -> str:
    """What is wrong with a file that is wanted, in a sentence."""
    if path is None:
        return ""
    try:
        if path.exists() and not path.is_file():
            return f"wanted a file; {path} is {'a folder' if path.is_dir() else 'none'}"
        with path.open("rb"):
            return ""
    except FileNotFoundError:
        return f"no such file: {path}; put it there, or correct the name"
    except OSError as error:
        return f"{path} cannot be read: {error.strerror}"


def _spool(settings: Settings) -> Iterator[Fault]:
    path = settings.spool.path
    if path.is_dir():
        yield Fault(("spool", "path"), f"wanted a file; found the folder {path}: add spool.db")
        return
    if path.exists() and not path.is_file():
        yield Fault(("spool", "path"), f"wanted a file; {path} is none: write another")
    elif path.exists() and not _may_be_spool(path):
        yield Fault(
            ("spool", "path"),
            f"wanted the spool's file; {path} is there and holds something else: write another",
        )
    above = next((each for each in path.parents if each.exists()), None)
    if above is not None and not above.is_dir():
        yield Fault(("spool", "path"), f"wanted a folder above the file; {above} is a file")


def _may_be_spool(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(15) in (b"", b"SQLite format 3")
    except OSError:
        return True


def _cards(settings: Settings) -> Iterator[Fault]:
    """Two names of one card that is plugged in here; what is not plugged in yet is no fault."""
    there = cards.read_cards()
    taken: dict[int, str] = {}
    for number, line in enumerate(settings.line):
        if not cards.is_hardware(line.card):
            continue
        try:
            card = cards.find(line.card, there)
        except DeviceError:
            continue
        if before := taken.get(card.number):
            yield Fault(
                ("line", number, "card"),
                f"{line.card} is another name of line {before}'s card; every line needs its own",
            )
        taken.setdefault(card.number, line.name)
