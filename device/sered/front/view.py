"""The page of a box, out of what its service says of itself; no words, no sound. Pure."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

from sered.front.lamp import pattern

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sered.box.snapshot import SideState, Snapshot

_QUIETEST_DB = -80.0
"""Left end of a level meter, dBFS."""
_NOT_FROM_HERE = frozenset({"spool.folder", "system.writable"})
"""Checks that fail where the page is made: it may not write where the spool lies, on purpose."""
_VERDICTS = {None: "undetermined", "negative": "negative", "positive": "positive"}


def live(now: Snapshot | None, before: Snapshot | None) -> dict[str, Any]:
    """What moves on the page, for JSON; `before` is the snapshot some time earlier."""
    if now is None or not now.fresh:
        return {"state": "not running", "text": "The service does not run, or is stuck.",
                "broker": "", "lines": [], "verdicts": []}  # fmt: skip
    calls = {line.line: line.in_call for line in now.health.lines} if now.health else {}
    return {
        "state": now.status.state,
        "text": now.status.text,
        "broker": now.broker,
        "light": str(pattern(now)),
        "lines": [
            {
                "name": line.line,
                "in_call": calls.get(line.line, False),
                "text": line.text,
                "sides": _sides(line.line, now, before),
            }
            for line in now.status.lines
        ],
        "verdicts": [
            {
                "at": verdict.at.strftime("%Y-%m-%d %H:%M UTC"),
                "line": verdict.line,
                "category": _VERDICTS[verdict.category],
            }
            for verdict in reversed(now.verdicts)
        ],
    }


def _sides(line: str, now: Snapshot, before: Snapshot | None) -> list[dict[str, Any]]:
    earlier = before.sides.get(line, {}) if before and before.pid == now.pid else {}
    return [
        {
            "side": name,
            "level_db": side.level_db,
            "level": meter(side.level_db),
            "hears": heard(side, earlier.get(name)),
        }
        for name, side in now.sides.get(line, {}).items()
    ]


def meter(level_db: float | None) -> float:
    """Share of a level meter that is filled, 0 to 1; none of a side that has no level."""
    if level_db is None:
        return 0.0
    return round(min(max(1.0 - level_db / _QUIETEST_DB, 0.0), 1.0), 3)


def heard(now: SideState, before: SideState | None) -> str:
    """The state that most blocks between two snapshots had; empty when none came."""
    came = {
        state: count - (before.blocks.get(state, 0) if before else 0)
        for state, count in now.blocks.items()
    }
    if before is None or not any(count > 0 for count in came.values()):
        return ""
    return max(came, key=lambda state: came[state]).replace("_", " ")


def findings(report: Mapping[str, Any]) -> list[Sequence[str]]:
    """Of `sered diagnose --json` what is worth a look: mark, claim, what was found, what to do."""
    return [
        (check["mark"], check["claim"], check["found"], check["hint"])
        for check in report.get("checks", ())
        if check["mark"] in {"fail", "warn"} and check["id"] not in _NOT_FROM_HERE
    ]


def page(name: str, version: str) -> str:
    """The whole page; what moves on it is fetched every second."""
    return _PAGE.replace("NAME", html.escape(name)).replace("VERSION", html.escape(version))


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>sered: NAME</title>
<meta name="viewport" content="width=device-width">
<link rel="stylesheet" href="/style.css"><script src="/live.js" defer></script></head>
<body><h1>NAME</h1>
<p id="state" role="status">...</p><p id="broker"></p>
<h2>Lines</h2><div id="lines"></div>
<h2>Last verdicts</h2><p>Since the service began. A verdict is a reason to call a customer back; it
says nothing of who sat here.</p><ul id="verdicts"></ul>
<h2>What the doctor says</h2><p id="doctor">It is asked ...</p><ul id="findings"></ul>
<footer>sered VERSION. This page only shows; nothing can be changed here.</footer>
</body></html>
"""
STYLE = """body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem;
color:#1b1b1b;background:#fff}h1{margin-bottom:0}h2{margin-top:2rem}meter{width:14rem;height:1rem}
td,th{padding:.1rem .8rem .1rem 0;text-align:left}footer{margin-top:3rem;color:#555}
@media(prefers-color-scheme:dark){body{color:#eee;background:#161616}footer{color:#aaa}}
"""
SCRIPT = """'use strict';
const byId = id => document.getElementById(id);
const make = (tag, text) => { const e = document.createElement(tag);
  if (text !== undefined) e.textContent = text; return e; };
function side(s) { const row = make('tr'); row.append(make('th', s.side));
  const cell = make('td'), meter = make('meter'); meter.value = s.level;
  meter.setAttribute('aria-label', 'level of the ' + s.side); cell.append(meter); row.append(cell,
    make('td', s.level_db === null ? 'no level' : s.level_db.toFixed(0) + ' dBFS'),
    make('td', s.hears)); return row; }
function line(l) { const box = make('section');
  box.append(make('h3', l.name + (l.in_call ? ': in a call' : '')), make('p', l.text));
  const table = make('table'); table.append(...l.sides.map(side)); box.append(table); return box; }
async function look() { try {
  const answer = await fetch('/live.json'), now = await answer.json();
  byId('state').textContent = now.state + (now.text ? ': ' + now.text : '');
  byId('broker').textContent = now.broker;
  byId('lines').replaceChildren(...now.lines.map(line));
  byId('verdicts').replaceChildren(...now.verdicts.map(
    v => make('li', v.at + ', ' + v.line + ': ' + v.category)));
} catch { byId('state').textContent = 'This box does not answer.'; } setTimeout(look, 1000); }
async function ask() { try {
  const answer = await fetch('/doctor.json'), found = await answer.json();
  byId('doctor').textContent = found.said;
  byId('findings').replaceChildren(...found.findings.map(
    f => make('li', f[0] + ': ' + f[1] + '. ' + f[2] + ' ' + f[3])));
} catch { byId('doctor').textContent = 'The doctor does not answer.'; } setTimeout(ask, 60000); }
look(); ask();
"""
