"""Words of the board: those of a calm colleague. Pure."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FACES = {
    "negative": "Alert the service-recovery team",
    "positive": "Good to go",
    None: "Can't tell",
}
OUTCOMES = {
    "recovered": "Recovered",
    "not_recovered": "Not recovered",
    "refused": "Does not want to talk",
    "unreachable": "Never reached",
    "no_need": "No need to call",
}
CHOICES = {"right": "Right", "wrong": "Wrong", "unsure": "Can't say"}
VERBS = {
    "case.opened": "opened",
    "case.claimed": "claimed",
    "case.released": "put back",
    "case.handed_over": "handed over",
    "case.closed": "closed",
    "case.undone": "last step taken back",
    "case.withdrawn": "taken back by the box",
    "case.expired": "given up",
    "case.lease_over": "put back: the page was closed",
    "case.joined": "joined to the same caller's case",
    "call.reached": "customer reached",
    "call.no_answer": "no answer",
    "call.again": "to be tried again",
    "verdict.judged": "verdict judged",
    "note.added": "note written",
    "number.shown": "number shown",
    "number.chosen": "number chosen",
    "number.typed": "number typed",
}
_LONGEST = 80
_VOICE = {
    "angry": "angry",
    "disgust": "disgusted",
    "fear": "anxious",
    "sad": "sad",
    "surprise": "surprised",
    "happy": "cheerful",
    "neutral": "calm",
}


def plain(text: str, longest: int = _LONGEST) -> str:
    """A stranger's words without controls and direction marks, cut."""
    kept = "".join(c if unicodedata.category(c)[0] not in "C" else " " for c in text)
    kept = " ".join(kept.split())
    return kept if len(kept) <= longest else kept[: longest - 1].rstrip() + "…"


def due(seconds: float) -> str:
    """`due in 2:10`, `40 s late`, `2 h late`."""
    late, left = seconds < 0, abs(seconds)
    if left < 60 and late:
        return f"{int(left)} s late"
    text = minutes(left) if left < 3600 else _long(left)
    return f"{text} late" if late else f"due in {text}"


def minutes(seconds: float) -> str:
    """`4:12`."""
    whole = int(seconds)
    return f"{whole // 60}:{whole % 60:02d}"


def percent(share: float | None) -> str:
    """`96 %`; what is estimated is never 0 or 100."""
    if share is None:
        return "?"
    return (
        ">99 %" if share > 0.99 else "<1 %" if share < 0.01 else f"{share:.0%}".replace("%", " %")
    )


def _long(seconds: float) -> str:
    hours = seconds / 3600
    return f"{hours:.0f} h" if hours < 48 else f"{hours / 24:.0f} days"


def why(report: Mapping[str, Any] | None, causes: Sequence[str]) -> str:
    """The reasons in one line: phrases before causes before the voice."""
    phrases = [plain(term["text"], 40) for term in strongest(report)[:3]]
    if phrases:
        return " · ".join(phrases)
    if causes:
        return " · ".join(plain(cause) for cause in causes)
    acoustic = (report or {}).get("acoustic")
    if acoustic:
        return f"voice only: {sounded(acoustic['emotions'])}, no telling words"
    return "the report has not arrived yet" if report is None else "no single reason"


def strongest(report: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """Phrases that moved the score down, the strongest first."""
    verbal = (report or {}).get("verbal") or {}
    terms = [term for term in verbal.get("terms", ()) if term["share"] < 0]
    return sorted(terms, key=lambda term: float(term["share"]))


def sounded(emotions: Mapping[str, float]) -> str:
    """How the voice sounded, in one word."""
    likeliest = max(emotions, key=lambda name: emotions[name], default="")
    return _VOICE.get(likeliest, likeliest)


def happened(verb: str) -> str:
    """An audit row's verb in words."""
    kind, _, number = verb.partition(".")
    if kind == "step" and number.isdigit():
        return f"people were told (step {number})"
    return VERBS.get(verb, verb)


def who(actor: str, names: Mapping[int, str]) -> str:
    """The actor of an audit row as people call it: `user:3` by name, `box`, `clock`."""
    kind, _, number = actor.partition(":")
    if kind == "user" and number.isdigit():
        return names.get(int(number), "somebody")
    return {"box": "the box", "clock": "the clock", "cli": "the command line"}.get(actor, actor)
