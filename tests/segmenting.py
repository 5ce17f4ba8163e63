"""Lines for the segmenter as strings: a letter is 0.1 s of one side; and what it makes of them."""

from __future__ import annotations

from sered.calls.segmenter import Segmenter
from sered.records import BLOCK_S, CallEnded, CallStarted, EndReason, Heard, Side, State, Utterance
from sered.settings import CallSettings

LETTER_S = 0.1
LEVELS = {".": -50.0, "_": -80.0, "n": -45.0}
"""`.` is the quiet of a lifted handset, `_` that of a line on-hook."""


def listen(
    customer: str = "",
    agent: str = "",
    *,
    mixed: str = "",
    hook: str = "",
    settings: CallSettings | None = None,
    finish: EndReason | None = EndReason.END_OF_RECORDING,
) -> list[CallStarted | Utterance | CallEnded]:
    """Feed strings (upper case: 1 s a letter) and collect what comes back."""
    sides = {Side.CUSTOMER: customer, Side.AGENT: agent, Side.MIXED: mixed}
    drawn = {side: stretch(text) for side, text in sides.items() if text}
    hooks = stretch(hook)
    length = max(len(text) for text in drawn.values())
    segmenter = Segmenter(settings or CallSettings())
    events: list[CallStarted | Utterance | CallEnded] = []
    for block in range(int(length * LETTER_S / BLOCK_S)):
        at = int((block + 0.5) * BLOCK_S / LETTER_S)
        letters = {side: text[at] if at < len(text) else "." for side, text in drawn.items()}
        off_hook = (hooks[at] == "u") if at < len(hooks) else None
        events += segmenter.feed(
            Heard(
                block * BLOCK_S,
                {side: State("." if c == "_" else c) for side, c in letters.items()},
                {side: LEVELS.get(c, -20.0) for side, c in letters.items()},
                off_hook,
            )
        )
    if finish is not None:
        events += segmenter.finish(finish)
    return events


def stretch(text: str) -> str:
    """A capital lasts a second; `=` is a second of off-hook quiet, `-` one of on-hook quiet."""
    out = ""
    for letter in text:
        if letter == "=":
            out += "." * 10
        elif letter == "-":
            out += "_" * 10
        else:
            out += letter.lower() * (10 if letter.isupper() else 1)
    return out


def carets(events: list[CallStarted | Utterance | CallEnded], side: Side) -> str:
    """One caret for each letter that lies in an utterance of that side."""
    spans = [(e.start_s, e.end_s) for e in events if isinstance(e, Utterance) and e.side is side]
    length = round(max((end for _, end in spans), default=0.0) / LETTER_S)
    return "".join(
        "^" if any(a <= (i + 0.5) * LETTER_S <= b for a, b in spans) else " " for i in range(length)
    )


def calls(events: list[CallStarted | Utterance | CallEnded]) -> list[CallEnded]:
    return [event for event in events if isinstance(event, CallEnded)]


def one(events: list[CallStarted | Utterance | CallEnded]) -> CallEnded:
    (ended,) = calls(events)
    return ended


def heard(
    at_s: float, far: str, level_db: float = -20.0, since_s: float | None = None, **more: float
) -> Heard:
    """One block of a line with one side."""
    since = {} if since_s is None else {Side.CUSTOMER: since_s}
    hiss = {Side.CUSTOMER: more["hiss_db"]} if more else {}
    levels = {Side.CUSTOMER: level_db}
    return Heard(at_s, {Side.CUSTOMER: State(far)}, levels, None, since, hiss)


def feed(blocks: list[Heard]) -> list[CallStarted | Utterance | CallEnded]:
    """What a segmenter makes of blocks, up to the end of the recording."""
    segmenter = Segmenter(CallSettings())
    events = [event for block in blocks for event in segmenter.feed(block)]
    return events + segmenter.finish(EndReason.END_OF_RECORDING)


def stretch_of(
    far: str, first_s: float, last_s: float, level_db: float = -20.0, **more: float
) -> list[Heard]:
    """Blocks that all carry the same."""
    blocks = range(round(first_s / BLOCK_S), round(last_s / BLOCK_S))
    return [heard(block * BLOCK_S, far, level_db, **more) for block in blocks]
