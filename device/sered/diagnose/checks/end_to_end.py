"""The check of the whole line: the bundled call through the real pipe into its known verdict."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from sered.diagnose.checks.recogniser import DEMO_CALL, ENOUGH
from sered.diagnose.model import Check, Context, Group, Outcome, fault, ok
from sered.errors import ModelError
from sered.records import EndReason
from sered.settings import LineSettings, Settings
from sered.tap.clock import RecordingClock, recording_began

if TYPE_CHECKING:
    from sered.box.line import Line
    from sered.contract.call import Sentiment
    from sered.contract.messages import CallReport
    from sered.settings import Mode

_LINE = LineSettings.model_validate({"name": "demo", "sides": "agent=left,customer=right"})


def _verdict(context: Context) -> Outcome:
    """With the box's own models and mode, but sered's own thresholds: the answer is known."""
    from sered.box.build import load_judges, make_line

    known = context.known
    settings = Settings.model_validate(
        {"mode": known.mode, "models": known.models, "device": "doctor"}
    )
    began = time.perf_counter()
    try:
        judges = load_judges(settings)
    except ModelError as error:
        return fault("no_judges", str(error))
    if judges.faults:
        return fault("half", " ".join(sentence for _, sentence in judges.faults))
    reports = _play(make_line(settings, _LINE, judges, _clock()))
    spent = time.perf_counter() - began
    if len(reports) != 1:
        return fault("calls", f"{len(reports)} calls heard in a recording of one")
    sentiment = reports[0].sentiment
    found = f"{spent:.1f} s for a call of {reports[0].duration_s:.0f} s; {_say(sentiment)}"
    if context.facts.get("words_share", 1.0) < ENOUGH:
        return fault("foreign", found)
    return ok(found) if _expected(sentiment, known.mode) else fault("other", found)


def _expected(sentiment: Sentiment | None, mode: Mode) -> bool:
    """The demo's synthetic voices tell nothing but that they were heard; its words tell all."""
    if sentiment is None or mode == "audio":
        return sentiment is not None
    return sentiment.category == "negative" and sentiment.escalate


def _clock() -> RecordingClock:
    return RecordingClock(recording_began(DEMO_CALL, 0.0), "demo")


def _play(line: Line) -> list[CallReport]:
    """The reports of the calls in the bundled recording."""
    from sered.contract.messages import CallReport
    from sered.tap.recording import Recording

    out = []
    for frame in Recording(DEMO_CALL, _LINE.channels).frames():
        out += line.feed(frame)
    out += line.finish(EndReason.END_OF_RECORDING)
    return [message for message in out if isinstance(message, CallReport)]


def _say(sentiment: Sentiment | None) -> str:
    if sentiment is None:
        return "no verdict"
    return f"{sentiment.category or sentiment.undetermined}, score {sentiment.score:+.2f}"


CHECKS = (
    Check(
        "whole.verdict",
        "a call that is known to be unhappy is judged unhappy",
        "The bundled call goes through ears, network, words and verdict as a live one does.",
        _verdict,
        failures={
            "no_judges": "See the checks of voice and words above.",
            "half": "Only half of the verdict could be had: see the checks of voice and words.",
            "calls": "sered itself is damaged: install it again.",
            "other": "The models do not fit each other or this sered: `sered models verify`, or "
            "install sered again.",
        },
        warnings={
            "foreign": "The call is in English and the Vosk model found few of its words; for "
            "callers who speak another language this proves only that the parts run.",
        },
        # 3 s on an idle PC, and less than is left of the 30 s that a whole run may take
        deadline_s=25.0,
        needs=("emotion.genuine", "emotion.loads", "words.there", "words.understands"),
    ),
)

GROUP = Group("whole", "Whole line", CHECKS, lane="judges", needs=("configuration.reads",))
