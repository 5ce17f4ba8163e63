"""What a configuration asks for that cannot come about: no service stops for it. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sered.config.faults import Fault
from sered.spelling import is_loopback

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sered.settings import Settings

_MEMORY = ("/dev/", "/proc/", "/sys/", "/run/")
_EMPTIED = ("/tmp/", "/var/tmp/")  # noqa: S108 - refused
_SHALLOW = 4
"""Parts of /tmp/NAME/FILE: what lies deeper was made by somebody who tries something."""
_LIKE_A_URL = (":/", "\\", ":memory:")


def senseless(settings: Settings) -> list[Fault]:
    """Every combination that reads well, runs, and does not do what is asked."""
    return [
        *_mqtt(settings),
        *_without_words(settings),
        *_spool(settings),
        *_thresholds(settings),
        *_holds(settings),
        *_idle(settings),
        *_page(settings),
        *_names(settings),
    ]


def _mqtt(settings: Settings) -> Iterator[Fault]:
    mqtt = settings.mqtt
    given = mqtt.model_fields_set
    if mqtt.await_subscriber and mqtt.version != "5":
        yield Fault(
            ("mqtt", "await_subscriber"),
            "only MQTT 5 tells whether somebody is subscribed; found version 3.1.1: "
            'set version = "5", or await_subscriber = false',
        )
    if mqtt.home_assistant and not mqtt.retain:
        yield Fault(
            ("mqtt", "home_assistant"),
            "Home Assistant learns of the box from retained messages; found retain = false: "
            "leave one of the two out",
        )
    if mqtt.tls and "port" not in given:
        yield Fault(
            ("mqtt", "tls"),
            "wanted the port of TLS; found none, so it is 1883, where brokers speak in clear: "
            "write port = 8883, or port = 1883 if yours does listen there with TLS",
        )
    if {"password", "password_file"} <= given:
        yield Fault(
            ("mqtt", "password_file"),
            "wanted one password; found password and password_file: delete password",
        )
    secret = mqtt.password.get_secret_value() if mqtt.password else ""
    if ("password" in given or mqtt.password_file) and not mqtt.username and secret:
        yield Fault(
            ("mqtt", "password_file" if mqtt.password_file else "password"),
            "wanted a username beside the password; found none: brokers compare both",
        )
    if "password" in given and not secret:
        yield Fault(("mqtt", "password"), "wanted a password; found an empty one: delete the line")


def _without_words(settings: Settings) -> Iterator[Fault]:
    if settings.mode != "audio":
        return
    asked = {
        ("privacy", "transcript"): settings.privacy.transcript,
        ("verdict", "extra_lexicon"): settings.verdict.extra_lexicon is not None,
        ("verdict", "cause"): bool(settings.verdict.cause),
    }
    for loc, wanted in asked.items():
        if wanted:
            yield Fault(
                loc, 'needs words; found mode = "audio", which hears none: set mode = "both"'
            )


def _spool(settings: Settings) -> Iterator[Fault]:
    path = str(settings.spool.path)
    if any(part in path for part in _LIKE_A_URL):
        yield Fault(
            ("spool", "path"),
            f"wanted the path of a file; found {path!r}: write /var/lib/sered/spool.db",
        )
    elif path.startswith(_MEMORY) or (
        path.startswith(_EMPTIED) and len(settings.spool.path.parts) <= _SHALLOW
    ):
        yield Fault(
            ("spool", "path"),
            f"wanted a file that is there after the next start; found {path}, which is emptied: "
            "what waits for the broker would be lost; write /var/lib/sered/spool.db",
        )


def _thresholds(settings: Settings) -> Iterator[Fault]:
    verdict, calls = settings.verdict, settings.calls
    if verdict.provisional_below > verdict.escalate_below:
        yield Fault(
            ("verdict", "provisional_below"),
            f"an alert during the call needs more than one after it; found "
            f"{verdict.provisional_below:g} over escalate_below = {verdict.escalate_below:g}: "
            "calls would be alerted that are withdrawn at their end; write a lower one",
        )
    longest = calls.max_call_s
    for loc, seconds, what in (
        (("calls", "hang_over_s"), calls.hang_over_s, "silence would never end a call"),
        (("verdict", "min_speech_s"), verdict.min_speech_s, "no call would have a verdict"),
        (("verdict", "provisional_speech_s"), verdict.provisional_speech_s,
         "no alert would come during a call"),
    ):  # fmt: skip
        if seconds >= longest:
            yield Fault(
                loc,
                f"{seconds:g} s are no less than max_call_s = {longest:g}, where a call is cut: "
                f"{what}; write less, or a longer max_call_s",
            )


def _holds(settings: Settings) -> Iterator[Fault]:
    calls = settings.calls
    if "hold_limit_s" in calls.model_fields_set and calls.hold_limit_s > calls.max_call_s:
        yield Fault(
            ("calls", "hold_limit_s"),
            f"{calls.hold_limit_s:g} s are more than max_call_s = {calls.max_call_s:g}, where a "
            "call is cut, held or not; write less, or a longer max_call_s",
        )
    if calls.hang_over_s > calls.hold_limit_s:
        yield Fault(
            ("calls", "hang_over_s"),
            f"{calls.hang_over_s:g} s of silence would keep a call open for longer than hold music "
            f"does, hold_limit_s = {calls.hold_limit_s:g}; write less, or a longer hold_limit_s",
        )


def _idle(settings: Settings) -> Iterator[Fault]:
    """What is given and does nothing, because of another setting or for want of one."""
    mqtt, models, verdict = settings.mqtt, settings.models, settings.verdict
    odds = (verdict.odds_voice, verdict.odds_words, verdict.odds_both)
    rows: list[tuple[tuple[str, str], bool, str]] = [
        (("mqtt", "insecure"), mqtt.insecure and mqtt.tls,
         "allows a password in clear text, and does nothing with tls = true: delete it; the "
         "certificate of an authority of your own goes into ca"),
        (("mqtt", "expiry_s"), "expiry_s" in mqtt.model_fields_set and mqtt.version != "5",
         'only MQTT 5 has messages that expire; found version = "3.1.1": delete it'),
        (("privacy", "redact_words"), bool(settings.privacy.redact_words)
         and not settings.privacy.redact,
         "are masked with redact = true only; found false: these words would leave the box"),
        (("verdict", "calibration"), bool(verdict.calibration) and not any(odds),
         "names what odds were fitted by; found no odds, so that reports would tell of a fit that "
         "is not used: copy the odds, too, or delete it"),
        *((("models", name), name in models.model_fields_set and models.recogniser != "whisper",
           'is read with recogniser = "whisper" only: write that, too, or delete it')
          for name in ("whisper", "whisper_sha256")),
    ]  # fmt: skip
    yield from (Fault(loc, sentence) for loc, found, sentence in rows if found)
    for number, line in enumerate(settings.line):
        if "hook_active" in line.model_fields_set and line.hook_gpio is None:
            yield Fault(
                ("line", number, "hook_active"),
                "is the level of a pin; found no hook_gpio: name the pin, or delete it",
            )


def _page(settings: Settings) -> Iterator[Fault]:
    port = settings.page_port
    if port is not None and port == settings.mqtt.port and is_loopback(settings.mqtt.host):
        yield Fault(
            ("page_port",), f"port {port} is the broker's on this machine already: take another"
        )


def _names(settings: Settings) -> Iterator[Fault]:
    seen: set[str] = set()
    for number, cause in enumerate(settings.verdict.cause):
        if cause.name in seen:
            yield Fault(
                ("verdict", "cause", number, "name"),
                f"cause {cause.name!r} stands twice; put its phrases into one",
            )
        seen.add(cause.name)
    for number, word in enumerate(settings.privacy.redact_words):
        if not word.strip():
            yield Fault(
                ("privacy", "redact_words", number), "wanted a word; found nothing: delete it"
            )
    for number, line in enumerate(settings.line):
        model, serial = line.card.lower().split(":")[:3], line.card.count(":") > 2
        others = [each.card.lower() for each in settings.line if each is not line]
        if model[0] == "usb" and not serial and any(
            each.split(":")[:3] == model for each in others
        ):  # fmt: skip
            yield Fault(
                ("line", number, "card"),
                f"{line.card} is either of two cards of one model; add the serial number, or "
                "name each by path:BUS (`sered devices`)",
            )
