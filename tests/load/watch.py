"""Fifty people watch the board while alerts come in: from publishing to what Chromium shows."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
from playwright.sync_api import sync_playwright
from sqlalchemy import select

from broker import wait_until
from central_stage import actor
from load.board import central_on
from sered.central import people
from sered.central.simulate import messages, play, truth
from sered.central.sources import SourceSettings
from sered.central.store import tables
from sered.central.web.views import COOKIE

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from load.stage import Stage

_NOTES = """() => {
  window.seen = {};
  const look = () => requestAnimationFrame(() => requestAnimationFrame(() => {
    for (const link of document.querySelectorAll("#queue .case a"))
      if (!(link.id in window.seen)) window.seen[link.id] = Date.now() / 1000;
  }));
  new MutationObserver(look).observe(document.getElementById("queue"), { childList: true });
}"""
"""A case counts as seen when the second picture after it came into the page begins."""


@dataclass(frozen=True, slots=True)
class Watched:
    """Milliseconds from the publishing of an alert until it stands in a real page."""

    store: str
    watching: int
    pages: int
    """Of them in Chromium; the others are HTTP clients that do what the page's script does."""
    alerts: int
    unseen: int
    p50_ms: float
    p99_ms: float
    worst_ms: float


def measure(stage: Stage, watching: int = 50, pages: int = 4, alerts: int = 60) -> Watched:
    """An alert a second; each must come into each page."""
    central = central_on(stage)
    who = actor(central, "ann")
    with central.store.writing() as connection:
        token = people.start_session(connection, who.id, datetime.now(UTC))
    address = f"http://127.0.0.1:{stage.web_port}"
    others = subprocess.Popen(
        [sys.executable, "-m", "load.onlookers", address, token, str(watching - pages)],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert others.stdout
        assert others.stdout.readline() == "watching\n"
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"]
            )
            windows = [_window(browser, address, token) for _ in range(pages)]
            sent = _publish(stage, alerts)
            wait_until(lambda: all(_count(one) >= alerts for one in windows), 60, "all cases")
            seen = [one.evaluate("window.seen") for one in windows]
            browser.close()
    finally:
        others.kill()
        others.wait()
    with central.store.reading() as connection:
        rows = connection.execute(select(tables.cases.c.call_id, tables.cases.c.id)).all()
    central.store.close()
    link = {call_id: f"case-{case}" for call_id, case in rows}
    took = [
        (page[link[key]] - at) * 1000
        for page in seen for key, at in sent.items() if link.get(key) in page
    ]  # fmt: skip
    p50, p99 = (float(np.percentile(took, q)) for q in (50, 99))
    missing = pages * alerts - len(took)
    return Watched(stage.kind, watching, pages, alerts, missing, p50, p99, max(took))


def _window(browser: Browser, address: str, token: str) -> Page:
    context = browser.new_context()
    context.add_cookies([{"name": COOKIE, "value": token, "url": address}])
    page = context.new_page()
    page.goto(address)
    page.evaluate(_NOTES)
    return page


def _count(page: Page) -> int:
    return int(page.evaluate("Object.keys(window.seen).length"))


def _publish(stage: Stage, alerts: int) -> dict[str, float]:
    """Alerts of as many sites: no storm is grouped."""
    desks = tuple(truth.Desk(f"site{n}", f"desk{n}", "line1", str(n), "") for n in range(alerts))
    fleet = play.Fleet(SourceSettings(host="127.0.0.1", port=stage.broker.port), desks)
    calls, sent = play.calls_now(desks, escalating=1.0), dict[str, float]()
    for _ in range(alerts):
        call = next(calls)
        sent[call.call_id] = time.time()
        fleet.publish(call.desk, "alerts", messages.alert(call, "confirmed"))
        time.sleep(1.0)
    fleet.close()
    return sent
