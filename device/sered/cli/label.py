"""`sered label`: a person's word for calls that were judged, one key a call."""

from __future__ import annotations

import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sered.cli import options
from sered.tap.paths import shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

    from sered.archive.labels import Asked, Candidate, Labels, Results

_KEYS = "n negative, o neutral or other, p positive, s skip, b back, q quit"
_MOST_NAMED = 3


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(label)


def label(
    results: Annotated[
        Path,
        typer.Argument(metavar="DIR|calls.jsonl", help="What analyze --out or --jsonl wrote."),
    ],
    labels: Annotated[
        Path | None,
        typer.Option(metavar="CSV", help="Where answers are kept; labels.csv beside the results."),
    ] = None,
    blind: Annotated[
        bool, typer.Option("--blind", help="Hide score, verdict and phrases: they sway people.")
    ] = False,
) -> None:
    """Say of judged calls what you hear in them: a letter and Enter for each call.

    Plays nothing: listen with a player of your own. The most doubtful calls and a random draw
    come in turns. Every answer is on disk at once; the next run goes on from there.

    Example: sered label results --blind
    """
    from sered.archive.labels import Labels, Results

    console = options.console()
    found = Results(results)
    with closing(Labels(labels or found.path.with_name("labels.csv"))) as kept:
        open_ones = [each for each in _ordered(found) if kept.label(each.call_id) is None]
        if found.missing:
            named = ", ".join(found.missing[:_MOST_NAMED])
            more = len(found.missing) - _MOST_NAMED
            rest = f" and {more} more" if more > 0 else ""
            options.console(err=True).print(
                f"note: passed over {len(found.missing)} recordings that are not there: {named}"
                f"{rest}. Run it where analyze ran.",
                soft_wrap=True,
            )
        answered = _ask(found, kept, open_ones, console, blind=blind)
        counts = ", ".join(f"{count} {name}" for name, count in kept.counts().items())
        left = len(open_ones) - answered
        console.print(f"Labelled: {counts}; {left} left. {shown(kept.path)}", soft_wrap=True)


def _ordered(found: Results) -> list[Candidate]:
    from sered.archive.labels import order

    return order(found.candidates())


def _ask(
    found: Results, kept: Labels, calls: list[Candidate], console: Console, *, blind: bool
) -> int:
    """Ask about one call after the other; how many of them have an answer in the end."""
    from sered.archive.labels import LABELS

    at = 0
    while at < len(calls):
        asked = found.asked(calls[at])
        console.print(f"\nCall {at + 1} of {len(calls)}", soft_wrap=True)
        for line in _told(asked, kept.label(calls[at].call_id), blind=blind):
            console.print(line, soft_wrap=True)
        key = _key(console)
        if key == "q":
            break
        if key == "b":
            at = max(at - 1, 0)
            continue
        if key in LABELS:
            kept.put(asked, LABELS[key])
        at += 1
    return sum(kept.label(each.call_id) is not None for each in calls)


def _key(console: Console) -> str:
    """One of the keys; the input's end is q."""
    while True:
        console.print(f"{_KEYS}: ", end="", soft_wrap=True)
        line = sys.stdin.readline()
        key = line.strip().lower() if line else "q"
        if key in set("nopsbq"):
            return key
        console.print(f"Wanted one of n o p s b q, found {shown(key) or 'nothing'}.")


def _told(asked: Asked, before: str | None, *, blind: bool) -> Iterator[str]:
    from sered.archive.rows import verdict
    from sered.cli.tables import signed
    from sered.contract.explain import clock, sureness

    report = asked.report
    known = f" ({shown(asked.external_id)})" if asked.external_id else ""
    talk = report.talk
    yield f"{shown(asked.path)}{known}"
    yield (
        f"  {clock(report.duration_s)} long, began {report.started_at:%Y-%m-%d %H:%M} UTC, "
        f"customer {talk.customer_s + talk.mixed_s:.0f} s, agent {talk.agent_s:.0f} s"
    )
    feeling = report.sentiment
    if feeling is not None and not blind:
        yield f"  {verdict(report)}, score {signed(feeling.score)}, {sureness(feeling)}"
        for term in report.verbal.terms if report.verbal else ():
            yield f"  at {clock(term.offset_s)}  {signed(term.share)}  {shown(term.text)}"
    if before is not None:
        yield f"  labelled {before} before"
