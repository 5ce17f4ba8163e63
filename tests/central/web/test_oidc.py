"""Login by a provider that speaks OpenID Connect, as another program does it."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from board_stage import Served


@pytest.fixture
def provider() -> Iterator[str]:
    """A real provider's address."""
    from oidc_provider_mock import User, run_server_in_thread

    known = [
        User(sub="sub-ann", claims={"preferred_username": "ann"}),
        User(sub="sub-eve", claims={"preferred_username": "eve"}),
    ]
    with run_server_in_thread(user_claims=known) as server:
        yield f"http://localhost:{server.server_port}"


def board_with(served: Callable[..., Served], provider: str) -> Served:
    """A board that knows the provider; its address is the one it really has."""
    board = served(
        oidc={"issuer": provider, "client_id": "sered", "client_secret": "x" * 16},
    )
    over = board.central.settings.model_copy(
        update={
            "delivery": board.central.settings.delivery.model_copy(
                update={"address": board.address}
            )
        }
    )
    object.__setattr__(board.central, "settings", over)
    return board


def through(board: Served, subject: str) -> httpx.Response:
    """Follow the whole way of a browser; the board's last answer."""
    client = board.client()
    to_provider = client.get("/oidc")
    assert to_provider.status_code == 303, to_provider.text
    with httpx.Client(follow_redirects=False) as browser:
        back = browser.post(to_provider.headers["location"], data={"sub": subject})
    place = urlsplit(back.headers["location"])
    return client.get(f"{place.path}?{place.query}")


def test_somebody_whom_both_know_comes_in(served: Callable[..., Served], provider: str) -> None:
    """The provider's word opens a session for the user of that login, also the second time."""
    board = board_with(served, provider)
    board.person("ann")
    assert "Log in with your organisation" in board.client().get("/login").text
    for _ in range(2):
        answer = through(board, "sub-ann")
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        assert "sered=" in answer.headers["set-cookie"]


def test_somebody_whom_only_the_provider_knows_stays_out(
    served: Callable[..., Served], provider: str
) -> None:
    """Users are made here, and a login that is bound to another subject is not given away."""
    board = board_with(served, provider)
    board.person("ann")
    answer = through(board, "sub-eve")
    assert answer.status_code == 403
    assert "sered does not" in answer.text


def test_an_answer_that_was_not_asked_for_is_refused(
    served: Callable[..., Served], provider: str
) -> None:
    """A code without the browser's own cookie, or with another state, opens nothing."""
    board = board_with(served, provider)
    board.person("ann")
    client = board.client()
    assert client.get("/oidc/back?code=stolen&state=x").status_code == 403
    client.get("/oidc")
    assert client.get("/oidc/back?code=stolen&state=x").status_code == 403


def test_without_a_provider_there_is_no_such_way(served: Callable[..., Served]) -> None:
    """No button, and its address says so."""
    board = served()
    assert "organisation" not in board.client().get("/login").text
    assert board.client().get("/oidc").status_code == 404
