"""What Prometheus is told, and who may ask."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import insert

from sered.central import api_tokens, metrics
from sered.central.store import tables

if TYPE_CHECKING:
    from collections.abc import Callable

    from board_stage import Served


def test_a_scrape_tells_central_and_boxes(served: Callable[..., Served]) -> None:
    """With a token of its own scope, and no other: open cases, boxes, nothing of a call."""
    board = served()
    now = board.central.now()
    row = {
        "site": "berlin", "device": "desk1", "first_seen": now, "last_seen": now,
        "state": "online", "reasons": [], "spool_depth": 3, "clock_synced": True,
        "certificate_until": now + timedelta(days=30),
    }  # fmt: skip
    with board.central.store.writing() as connection:
        connection.execute(insert(tables.device).values(**row))
    board.unhappy()
    client = board.client()
    assert client.get("/metrics").status_code == 401
    wrong = api_tokens.issue(board.central, "pbx")
    right = api_tokens.issue(board.central, metrics.SCOPE)
    head = {"authorization": f"Bearer {wrong}"}
    assert client.get("/metrics", headers=head).status_code == 401
    answer = client.get("/metrics", headers={"authorization": f"Bearer {right}"})
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert 'sered_cases_open{team="recovery"} 1.0' in answer.text
    assert 'sered_box_up{device="desk1",site="berlin"} 1.0' in answer.text
    assert 'sered_box_spool_depth{device="desk1",site="berlin"} 3.0' in answer.text
    (ends,) = re.findall(
        r'sered_box_certificate_seconds{device="desk1",site="berlin"} (\S+)', answer.text
    )
    assert 29 < float(ends) / 86_400 <= 30
    assert "negative" not in answer.text
    assert (
        client.post("/pbx/event", headers={"authorization": f"Bearer {right}"}).status_code == 401
    )
