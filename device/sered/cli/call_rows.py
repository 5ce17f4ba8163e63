"""Results on the terminal: one row a call and totals, or every call in full."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import typer

from sered.archive.rows import reason, verdict, worst_moment
from sered.cli import options
from sered.cli.tables import show_call, signed
from sered.contract.explain import clock, explain, percent
from sered.tap.paths import shown

if TYPE_CHECKING:
    from sered.archive.task import Judged, Result

_NAME, _WHY = 28, 34
_HEAD = (
    f"{'recording':{_NAME}}  {'verdict':12}  score   sure  {'why':{_WHY}}  length  "
    "customer  agent  worst"
)
_STYLE = {"negative": "red", "positive": "green"}


class Shown:
    """Shows each result as it comes, and what all of them come to.

    `whole`: every call in full, as for one recording; `quiet`: stdout belongs to a machine.
    """

    def __init__(self, files: int, *, whole: bool, explain: bool, quiet: bool) -> None:
        self._files = files
        self._whole, self._explain, self._quiet = whole, explain, quiet
        self._console = options.console()
        self._verdicts: Counter[str] = Counter()
        self._escalated = self._seen = self._silent = 0
        self.faults = 0
        """Recordings that could not be judged."""

    def take(self, result: Result) -> None:
        """Show one."""
        self._seen += 1
        self.faults += result.fault is not None
        self._silent += not result.calls and result.fault is None
        for call in result.calls:
            self._verdicts[verdict(call.report)] += 1
            sentiment = call.report.sentiment
            self._escalated += sentiment is not None and sentiment.escalate
        if self._quiet:
            return
        if not result.calls and result.fault is None:
            name = shown(result.path)
            self._console.print(f"{name}: no call in it: nobody speaks.", soft_wrap=True)
        for call in result.calls:
            self._show(call)

    def close(self) -> None:
        """Say what all of them come to, where there were several."""
        if not self._quiet and self._files > 1:
            typer.echo(self.totals())

    def totals(self) -> str:
        """`200 recordings, 212 calls: 31 negative (12 to call back), ...`."""
        calls = self._verdicts.total()
        parts = [f"{self._verdicts[name]} {name}" for name in ("negative", "positive")]
        if self._escalated:
            parts[0] += f" ({self._escalated} to call back)"
        parts += [
            f"{self._verdicts[name]} {name}"
            for name in ("undetermined", "unanswered")
            if self._verdicts[name]
        ]
        rest = f"; {self._silent} without a call" if self._silent else ""
        rest += f"; {self.faults} could not be judged" if self.faults else ""
        return (
            f"{_count(self._seen, 'recording')}, {_count(calls, 'call')}: {', '.join(parts)}{rest}."
        )

    def _show(self, call: Judged) -> None:
        if self._whole:
            show_call(self._console, call.report, shown(call.path.name), call.at_s)
            for sentence in explain(call.report, call.at_s) if self._explain else ():
                self._console.print(f"  {sentence}", soft_wrap=True)
            self._console.print()
            return
        if self._verdicts.total() == 1:
            typer.secho(_HEAD, bold=True)
        name = verdict(call.report)
        typer.secho(row(call), fg=_STYLE.get(name))


def row(call: Judged) -> str:
    """One call in one line, however long its file's name is."""
    report = call.report
    feeling, talk = report.sentiment, report.talk
    score = signed(feeling.score) if feeling else ""
    sure = percent(feeling.confidence) if feeling and feeling.category else ""
    back = " !" if feeling and feeling.escalate else ""
    return (
        f"{_cut(shown(call.path.name), _NAME):{_NAME}}  {verdict(report) + back:12}  {score:>5}  "
        f"{sure:>5}  {_cut(reason(report), _WHY):{_WHY}}  {clock(report.duration_s):>6}  "
        f"{talk.customer_s:>6.0f} s  {talk.agent_s:>3.0f} s  {worst_moment(call):>5}"
    ).rstrip()


def _cut(text: str, width: int) -> str:
    """The end of a name tells calls apart, so what is cut is the middle."""
    if len(text) <= width:
        return text
    return f"{text[: width // 2 - 1]}…{text[-(width - width // 2) :]}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"
