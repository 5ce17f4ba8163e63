"""A call report as a person reads it: what, why, when, which words, and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from sered.contract.explain import clock, decisive, ended, percent, sureness
from sered.contract.vocabulary import ENDINGS, NOTES, UNDETERMINED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console, RenderableType

    from sered.contract.call import UtteranceShare
    from sered.contract.messages import CallReport

_NARROW = 72
_INDENT = 2


def show_call(console: Console, call: CallReport, title: str, at_s: float = 0.0) -> None:
    """Print one call; `at_s`: where in its recording it begins, so that times match a player's."""
    console.print(_title(call, title, at_s))
    for part in (*_verdict(call, at_s), _utterances(call, at_s, narrow=console.width < _NARROW)):
        console.print(Padding(part, (0, 0, 0, _INDENT), expand=False))
    console.print(Padding(_talk(call), (0, 0, 0, _INDENT), expand=False))


def signed(value: float | None) -> str:
    """A score with its sign; a dash for none."""
    # no call has a score of minus nothing
    return "–" if value is None else f"{round(value, 2) + 0.0:+.2f}".replace("-", "−")


def _title(call: CallReport, title: str, at_s: float) -> Text:
    ending = ENDINGS.get(call.end_reason, call.end_reason.replace("_", " "))
    span = f"{clock(at_s)}–{clock(at_s + call.duration_s)}, {ending}"
    when = f"{call.started_at:%Y-%m-%d %H:%M:%S} UTC"
    return Text.assemble((title, "bold"), f"  {span}  ", (f"{call.line}, {when}", "dim"))


def _verdict(call: CallReport, at_s: float) -> Iterator[RenderableType]:
    feeling = call.sentiment
    if feeling is None:
        yield Text("No verdict: nobody answered.")
        return
    if feeling.category is None:
        why = feeling.undetermined or "neutral"
        head = Text.assemble(("UNDETERMINED", "bold"), f": {UNDETERMINED.get(why, why)}")
    else:
        style = "bold red" if feeling.category == "negative" else "bold green"
        head = Text(feeling.category.upper(), style)
    head.append(f"  score {signed(feeling.score)}, {sureness(feeling)}")
    yield head
    for word in call.quality.notes:
        yield Text(f"Take care: {ended(NOTES.get(word, word))}", style="yellow")
    if feeling.escalate:
        causes = f"  (probably: {', '.join(feeling.causes).replace('_', ' ')})" * bool(
            feeling.causes
        )
        yield Text.assemble(("Call the customer back", "bold"), causes)
    parts = []
    if call.acoustic is not None:
        shares = call.acoustic.emotions.model_dump()
        likely = sorted(shares, key=shares.__getitem__, reverse=True)[:3]
        heard = ", ".join(f"{name} {shares[name]:.0%}" for name in likely)
        parts.append(f"voice {signed(call.acoustic.score)} ({heard})")
    if call.verbal is not None:
        sure = f"{call.verbal.words} words, {percent(call.verbal.asr_confidence)} sure"
        parts.append(f"words {signed(call.verbal.score)} ({sure})")
    if parts:
        yield Text("; ".join(parts))
    if call.trend is not None:
        quarters = "  ".join(signed(quarter) for quarter in call.trend.quarters)
        yield Text(f"quarters {quarters}   change {signed(call.trend.change)}")
    if (moment := decisive(call)) is not None:
        begin = at_s + moment.offset_s
        yield Text(f"what decided: > {clock(begin)}–{clock(begin + moment.duration_s)}")


def _utterances(call: CallReport, at_s: float, *, narrow: bool) -> RenderableType:
    if not call.utterances:
        return Text("The customer said nothing.")
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("when", justify="right", no_wrap=True)
    table.add_column("sounded", no_wrap=True)
    if not narrow:
        table.add_column("voice", justify="right", no_wrap=True)
        table.add_column("words", justify="right", no_wrap=True)
    table.add_column("moved it", justify="right", no_wrap=True)
    table.add_column("telling words")
    moment = decisive(call)
    style = "red" if call.sentiment and call.sentiment.category == "negative" else "green"
    for utterance in call.utterances:
        decided = utterance is moment
        mark = "> " if decided else ""
        cells = [mark + clock(at_s + utterance.offset_s), utterance.emotion or "–"]
        if not narrow:
            cells += [signed(utterance.acoustic), signed(utterance.verbal)]
        words = ", ".join(_words(call, utterance)) or "–"
        table.add_row(*cells, signed(utterance.share), words, style=style if decided else "")
    return table


def _words(call: CallReport, utterance: UtteranceShare) -> Iterator[str]:
    end = utterance.offset_s + utterance.duration_s
    for term in call.verbal.terms if call.verbal else ():
        if utterance.offset_s <= term.offset_s <= end:
            yield f"{term.text} ({signed(term.valence)})"


def _talk(call: CallReport) -> Text:
    talk = call.talk
    who = f"customer {talk.customer_s:.0f} s, agent {talk.agent_s:.0f} s"
    if call.mixed:
        who = f"both on one channel {talk.mixed_s:.0f} s"
    if talk.recorded_s:
        who += f", recorded voice {talk.recorded_s:.0f} s"
    rest = f"silence {talk.silence_s:.0f} s, hold {talk.hold_s:.0f} s"
    times = f"{talk.interruptions} interruption" + "s" * (talk.interruptions != 1)
    lost = f", {call.quality.lost_s:.1f} s lost" if call.quality.lost_s else ""
    return Text(f"spoke: {who}; {rest}; {times}{lost}", "dim")
