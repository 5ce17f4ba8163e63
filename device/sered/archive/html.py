"""A report to look at: one HTML file, the batch first, then each call; nothing from elsewhere."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections import Counter
from html import escape
from typing import IO, TYPE_CHECKING

from sered.archive.rows import reason, verdict, worst_moment
from sered.contract import picture
from sered.contract.explain import clock, explain
from sered.errors import ConfigError
from sered.tap.paths import shown

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    from sered.archive.task import Judged, Result

_VERDICTS = ("negative", "positive", "undetermined", "unanswered")
_LENGTHS = ((60, "under a minute"), (180, "1 to 3 min"), (600, "3 to 10 min"), (1e9, "longer"))
_MOST_CAUSES, _MOST_DAYS, _MOST_NAMED = 12, 62, 200
_STYLE = """
:root{--paper:#fff;--ink:#1b1f24;--soft:#57606a;--line:#c9d1d9;--down:#b3401c;--up:#1d6f9f}
@media(prefers-color-scheme:dark){:root{--paper:#14181d;--ink:#e8ebee;--soft:#a9b3bd;
--line:#3a434d;--down:#f0936b;--up:#74bfe8}}
body{font:16px/1.45 system-ui,sans-serif;color:var(--ink);background:var(--paper);
max-width:62rem;margin:0 auto;padding:1rem}
table{border-collapse:collapse;margin:.5rem 0 1.5rem}caption{text-align:left;font-weight:600}
th,td{text-align:left;padding:.3rem 1rem .3rem 0;border-bottom:1px solid var(--line)}
td.n{text-align:right;font-variant-numeric:tabular-nums}
summary h2{display:inline}li,summary,th{overflow-wrap:anywhere}
.bars{width:14rem;max-width:40vw;height:14px}rect.down{fill:var(--down)}rect.up{fill:var(--up)}
rect.none,rect.undetermined,rect.unanswered,rect.plain{fill:var(--soft)}
rect.negative{fill:var(--down)}rect.positive{fill:var(--up)}
details{border-top:1px solid var(--line);padding:.5rem 0}summary{cursor:pointer}
.picture{width:100%;max-width:46rem;height:auto}.picture text{font-size:13px;fill:var(--soft)}
.picture .mark{fill:var(--ink);font-weight:600}.axis{stroke:var(--soft)}
.worst{fill:none;stroke:var(--ink);stroke-width:1.5;stroke-dasharray:4 3}
.face{width:40px;height:40px;fill:none;stroke:var(--ink);stroke-width:3;stroke-linecap:round;
vertical-align:middle}.face .eye{fill:var(--ink);stroke:none}
.face.negative{stroke:var(--down)}.face.positive{stroke:var(--up)}
"""


class _Named:
    """A list of recordings, of which the first are named."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._first: list[str] = []
        self._count = 0

    def add(self, sentence: str) -> None:
        """One more."""
        self._count += 1
        if self._count <= _MOST_NAMED:
            self._first.append(sentence)

    def html(self) -> str:
        """Its heading and list; nothing of none."""
        if not self._count:
            return ""
        named = "".join(f"<li>{escape(each)}</li>" for each in self._first)
        more = self._count - len(self._first)
        rest = f"<li>and {more} more</li>" if more else ""
        # folded, or hundreds of them would push the calls out of sight
        return (
            f"<details><summary><h2>{self._title}: {self._count}</h2></summary>"
            f"<ul>{named}{rest}</ul></details>"
        )


class Html:
    """Collects counts and writes calls aside as they come; the file is there when it is closed.

    Memory does not grow with the number of calls. Raises ConfigError where it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            path.touch()
            self._calls: IO[str] = tempfile.TemporaryFile(  # noqa: SIM115 - open until close()
                "w+", encoding="utf-8", dir=path.parent or None
            )
        except OSError as error:
            msg = f"{shown(path)}: cannot be written ({error.strerror}). Choose another place."
            raise ConfigError(msg) from None
        self._verdicts: Counter[str] = Counter()
        self._causes: Counter[str] = Counter()
        self._lengths: Counter[str] = Counter()
        self._days: dict[date, Counter[str]] = {}
        self._files = self._number = 0
        self._broken = _Named("Not judged")
        self._empty = _Named("Without a call")

    def take(self, result: Result) -> None:
        """Count a recording and write its calls aside."""
        self._files += 1
        name = shown(result.path)
        if fault := result.fault or result.passed_over:
            self._broken.add(fault if fault.startswith(name) else f"{name}: {fault}")
        elif not result.calls:
            self._empty.add(name)
        for call in result.calls:
            self._number += 1
            self._count(call)
            self._calls.write(_call(call, self._number))

    def close(self) -> None:
        """Put it together; the file is exchanged in one step."""
        partial = self._path.with_name(f".{self._path.name}.part")
        try:
            self._calls.seek(0)
            with partial.open("w", encoding="utf-8") as file:
                file.write(self._head())
                shutil.copyfileobj(self._calls, file)
                file.write("</main></body></html>\n")
            partial.replace(self._path)
        except OSError:
            partial.unlink(missing_ok=True)
            raise
        finally:
            with contextlib.suppress(OSError):
                self._calls.close()

    def _count(self, call: Judged) -> None:
        report = call.report
        name = verdict(report)
        self._verdicts[name] += 1
        if report.sentiment is not None:
            self._causes.update(report.sentiment.causes)
        self._lengths[next(said for most, said in _LENGTHS if report.duration_s < most)] += 1
        self._days.setdefault(report.started_at.date(), Counter())[name] += 1

    def _head(self) -> str:
        calls = self._verdicts.total()
        days = sorted(self._days)[-_MOST_DAYS:]
        trend = [
            (f"{day:%Y-%m-%d}", self._days[day]["negative"], self._days[day].total())
            for day in days
        ]
        parts = [
            '<!doctype html><html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width,initial-scale=1">'
            '<meta http-equiv="content-security-policy" '
            "content=\"default-src 'none'; style-src 'unsafe-inline'\">"
            f"<title>{calls} calls judged by sered</title><style>{_STYLE}</style></head>",
            "<body><main>",
            f"<h1>{calls} calls in {self._files} recordings</h1>",
            _table("Verdicts", [(name, self._verdicts[name]) for name in _VERDICTS], coloured=True),
            _table("Causes of negative calls", self._causes.most_common(_MOST_CAUSES)),
            _table("Length", [(said, self._lengths[said]) for _, said in _LENGTHS]),
            _trend(trend),
        ]
        parts += [self._broken.html(), self._empty.html(), "<h2>Calls</h2>"]
        return "".join(parts)


def _table(title: str, counts: list[tuple[str, int]], *, coloured: bool = False) -> str:
    counts = [(name, count) for name, count in counts if count]
    if not counts:
        return ""
    most = max(count for _, count in counts)
    rows = "".join(
        f'<tr><th scope="row">{escape(name.replace("_", " "))}</th><td class="n">{count}</td>'
        f"<td>{_bar(count / most, name if coloured else 'plain')}</td></tr>"
        for name, count in counts
    )
    return f"<table><caption>{escape(title)}</caption>{rows}</table>"


def _trend(days: list[tuple[str, int, int]]) -> str:
    if len(days) < 2:
        return ""
    rows = "".join(
        f'<tr><th scope="row">{day}</th><td class="n">{negative} of {calls}</td>'
        f"<td>{_bar(negative / calls, 'negative')}</td></tr>"
        for day, negative, calls in days
    )
    return f"<table><caption>Negative calls by day</caption>{rows}</table>"


def _bar(share: float, kind: str) -> str:
    return (
        '<svg class="bars" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect class="{kind}" width="{share * 100:.1f}" height="10"/></svg>'
    )


def _call(call: Judged, number: int) -> str:
    report = call.report
    sentiment = report.sentiment
    category = sentiment.category if sentiment else None
    # no call has a score of minus nothing
    score = f"{round(sentiment.score, 2) + 0.0:+.2f}" if sentiment else ""
    why = f" · {escape(reason(report))}" if reason(report) else ""
    worst = f" · worst at {worst_moment(call)}" if worst_moment(call) else ""
    sentences = "".join(f"<li>{escape(line.strip())}</li>" for line in explain(report, call.at_s))
    shape = picture.call(report.model_dump(mode="json", by_alias=True), f"p{number}")
    return (
        f"<details><summary>{picture.face(category)} <strong>{escape(shown(call.path.name))}"
        f"</strong> {escape(verdict(report))} {score} · {clock(report.duration_s)}{why}{worst}"
        f"</summary>{shape}<ul>{sentences}</ul></details>\n"
    )
