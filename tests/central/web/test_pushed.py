"""What an exchange pushes: taken with its token, and with nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import func, insert, select

from sered.central import api_tokens
from sered.central.store.tables import line_map, pbx_call

if TYPE_CHECKING:
    from collections.abc import Callable

    from board_stage import Served

CALL = {"event": "newCall", "callId": "7", "from": "+4930123", "to": "2001", "direction": "in"}


@pytest.fixture
def board(served: Callable[..., Served]) -> Served:
    """A board whose one desk has the extension 2001."""
    made = served()
    row: dict[str, Any] = {
        "site": "berlin", "device": "desk1", "line": "line1", "extension": "2001", "queue": "",
        "valid_from": made.central.now(),
    }  # fmt: skip
    with made.central.store.writing() as connection:
        connection.execute(insert(line_map).values(**row))
    return made


def stored(board: Served) -> int:
    """How many records the exchange has left."""
    with board.central.store.reading() as connection:
        return connection.scalar(select(func.count()).select_from(pbx_call)) or 0


@pytest.mark.parametrize("kind", ["data", "json"])
def test_an_event_with_a_token_is_taken(board: Served, kind: str) -> None:
    """As a form or as JSON; the number is not readable in the store."""
    token = api_tokens.issue(board.central, "pbx")
    headers = {"authorization": f"Bearer {token}"}
    client = board.client()
    for event in (CALL, {"event": "answer", "callId": "7"}, {"event": "hangup", "callId": "7"}):
        assert client.post("/pbx/event", headers=headers, **{kind: event}).status_code == 204  # type: ignore[arg-type]  # data or json
    with board.central.store.reading() as connection:
        row = connection.execute(select(pbx_call)).one()
    assert b"4930123" not in row.number_enc
    assert row.ended is not None


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer guessed", "Basic YTpi"])
def test_without_its_token_nothing_is_taken(board: Served, header: str) -> None:
    """401 and one sentence; nor is a token that was withdrawn worth anything."""
    client = board.client()
    answer = client.post("/pbx/event", data=CALL, headers={"authorization": header})
    assert answer.status_code == 401
    token = api_tokens.issue(board.central, "pbx")
    assert api_tokens.withdraw(board.central, "") == 1
    headers = {"authorization": f"Bearer {token}"}
    assert client.post("/pbx/event", data=CALL, headers=headers).status_code == 401
    assert stored(board) == 0


@pytest.mark.parametrize(
    "body", [{"event": "explode"}, {"event": "newCall", "callId": "1"}, {"callId": "x" * 500}]
)
def test_what_is_no_event_is_said(board: Served, body: dict[str, str]) -> None:
    """A sentence with what was wanted, and nothing is kept."""
    headers = {"authorization": f"Bearer {api_tokens.issue(board.central, 'pbx')}"}
    client = board.client()
    answer = client.post("/pbx/event", data=body, headers=headers)
    assert answer.status_code == 422
    assert "Wanted" in answer.json()["error"]
    broken = client.post(
        "/pbx/event", content=b"[1, 2", headers=headers | {"content-type": "application/json"}
    )
    assert broken.status_code == 422
    assert stored(board) == 0
