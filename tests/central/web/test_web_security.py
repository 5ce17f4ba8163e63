"""Who may see and do what on the board, and what strangers cannot do."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from board_stage import PASSWORD
from central_stage import Clock
from sered.central.people import Role
from sered.central.web.acts import ACTS

if TYPE_CHECKING:
    from collections.abc import Callable

    from board_stage import Served
    from central_stage import Postgres

PAGES = ("/", "/case/1", "/queue", "/analyse", "/channels", "/trail")


@pytest.mark.parametrize("path", PAGES)
def test_nobody_sees_anything_without_a_login(served: Callable[..., Served], path: str) -> None:
    """Every page leads to the login, and a piece of one says so."""
    board = served()
    board.unhappy()
    answer = board.client().get(path)
    assert (answer.status_code, answer.headers["location"][:6]) == (303, "/login")
    assert board.client().get(path, headers={"x-piece": "1"}).status_code == 401
    assert board.client().get("/stream").status_code == 401


@pytest.mark.parametrize("name", sorted(ACTS))
def test_no_action_without_the_sessions_token(served: Callable[..., Served], name: str) -> None:
    """A form without the token, or with another one's, changes nothing."""
    board = served()
    board.person("ann")
    board.person("bob")
    case = board.unhappy()
    foreign = board.csrf(board.client("bob"))
    ann = board.client("ann")
    for token in ("", foreign):
        answer = ann.post(f"/case/{case}/{name}", data={"csrf": token, "outcome": "recovered"})
        assert answer.status_code == 403
    assert "opened" in ann.get(f"/case/{case}").text
    assert "claimed</" not in ann.get(f"/case/{case}").text


def test_a_form_of_another_site_is_refused(served: Callable[..., Served]) -> None:
    """Origin and Sec-Fetch-Site are looked at before anything else, the login included."""
    board = served()
    board.person("ann")
    for headers in ({"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}):
        answer = board.client().post(
            "/login", data={"login": "ann", "password": PASSWORD}, headers=headers
        )
        assert answer.status_code == 403
        assert "set-cookie" not in answer.headers


def test_a_cookie_is_worth_nothing_after_the_logout(served: Callable[..., Served]) -> None:
    """A session's cookie that is replayed later leads to the login."""
    board = served()
    board.person("ann")
    ann = board.client("ann")
    cookie = ann.cookies["sered"]
    ann.post("/logout", data={"csrf": board.csrf(ann)})
    thief = board.client()
    thief.cookies.set("sered", cookie)
    assert thief.get("/").status_code == 303


def test_the_cookie_is_out_of_reach_of_scripts(served: Callable[..., Served]) -> None:
    """HttpOnly and SameSite=Lax always, Secure behind https."""
    plain, secure = served(), served(delivery={"address": "https://127.0.0.1"})
    for board in (plain, secure):
        board.person("ann")
    said = [
        board.client().post("/login", data={"login": "ann", "password": PASSWORD})
        for board in (plain, secure)
    ]
    flags = [answer.headers["set-cookie"].lower() for answer in said]
    assert all("httponly" in flag and "samesite=lax" in flag for flag in flags)
    assert ["secure" in flag for flag in flags] == [False, True]
    assert "strict-transport-security" in said[1].headers


@pytest.mark.parametrize("path", ["/login", "/", "/static/board.css", "/none", "/alive"])
def test_every_answer_is_dressed(served: Callable[..., Served], path: str) -> None:
    """Scripts of ours only, no frame, no sniffing, and pages are never kept."""
    headers = served().client().get(path).headers
    policy = headers["content-security-policy"]
    assert "script-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert ("no-store" in headers["cache-control"]) == (not path.startswith("/static"))


def test_a_name_that_is_not_ours_is_refused(served: Callable[..., Served]) -> None:
    """A page that another name leads to this address cannot be read (DNS rebinding)."""
    answer = served().client().get("/login", headers={"host": "evil.example"})
    assert answer.status_code == 400


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>document.title='owned'</script>",
        '"><img src=x onerror=alert(1)>',
        "=cmd|' /C calc'!A0",
        "\u202e drawkcab \u2066 hidden",
        "{{ 7*7 }}",
        "x" * 10_000,
    ],
)
def test_a_strangers_words_are_words(served: Callable[..., Served], hostile: str) -> None:
    """Phrases from a call are escaped, cut, and without marks that turn the text round."""
    board = served()
    board.person("ann")
    case = board.unhappy(text=hostile, causes=(hostile[:60],))
    page = board.client("ann").get(f"/case/{case}").text
    for part in ("<script>document", "<img src=x", "\u202e", "\u2066", "x" * 200, "“49”"):
        assert part not in page


def test_another_teams_case_is_not_there(served: Callable[..., Served]) -> None:
    """It is in no queue, its page is not found, and nothing can be done with it."""
    board = served()
    board.person("ann")
    board.person("kim", teams=("billing",))
    case = board.unhappy()
    kim = board.client("kim")
    assert f"/case/{case}" not in kim.get("/queue").text
    assert kim.get(f"/case/{case}").status_code == 404
    answer = kim.post(f"/case/{case}/claim", data={"csrf": board.csrf(kim)})
    assert answer.status_code == 404


@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        (Role.AGENT, set()),
        (Role.LEAD, {"/channels"}),
        (Role.ADMIN, {"/channels", "/trail"}),
        (Role.AUDITOR, {"/trail"}),
        (Role.ANALYST, set()),
    ],
)
def test_roles_open_their_pages(
    served: Callable[..., Served], role: Role, allowed: set[str]
) -> None:
    """Channels for leads and admins, the trail for auditors and admins."""
    board = served()
    board.person("ann", role)
    ann = board.client("ann")
    found = {path for path in ("/channels", "/trail") if ann.get(path).status_code == 200}
    assert found == allowed


@pytest.mark.parametrize("role", [Role.ANALYST, Role.ADMIN, Role.AUDITOR])
def test_who_does_not_call_back_sees_no_number(served: Callable[..., Served], role: Role) -> None:
    """No claim, no number, no note for analysts, admins and auditors."""
    board = served()
    board.person("ann", role)
    case = board.unhappy()
    ann = board.client("ann")
    token = board.csrf(ann)
    assert [
        ann.post(f"/case/{case}/{name}", data={"csrf": token}).status_code for name in sorted(ACTS)
    ] == [403] * len(ACTS)


def test_the_number_is_shown_to_the_claimer_and_each_showing_is_in_the_trail(
    served: Callable[..., Served],
) -> None:
    """A colleague and a case put back show nothing; the trail counts the showings."""
    board = served()
    board.person("ann")
    board.person("bob")
    case = board.unhappy()
    ann, bob = board.client("ann"), board.client("bob")
    token = board.csrf(ann)
    ann.post(f"/case/{case}/claim", data={"csrf": token})
    shown = ann.post(f"/case/{case}/type", data={"csrf": token, "number": "030 1234567"})
    assert 'href="tel:0301234567"' in shown.text
    assert "0301234567" not in ann.get(f"/case/{case}").text
    refused = bob.post(f"/case/{case}/number", data={"csrf": board.csrf(bob)})
    assert refused.status_code == 403
    assert "0301234567" not in refused.text
    assert ann.get(f"/case/{case}").text.count("number shown") == 1
    ann.post(f"/case/{case}/release", data={"csrf": token})
    assert ann.post(f"/case/{case}/number", data={"csrf": token}).status_code == 403


def test_a_claim_after_closing_is_one_sentence(served: Callable[..., Served]) -> None:
    """Nothing changes, and the page says that it is closed."""
    board = served()
    board.person("ann")
    board.person("bob")
    case = board.unhappy()
    ann, bob = board.client("ann"), board.client("bob")
    token = board.csrf(ann)
    ann.post(f"/case/{case}/claim", data={"csrf": token})
    ann.post(f"/case/{case}/close", data={"csrf": token, "outcome": "recovered"})
    answer = bob.post(f"/case/{case}/claim", data={"csrf": board.csrf(bob)})
    assert answer.status_code == 409
    assert "This one is closed already." in answer.text


def test_guessing_is_slowed_down(served: Callable[..., Served]) -> None:
    """After some wrong passwords even the right one has to wait."""
    clock = Clock()
    board = served(clock)
    board.person("ann")
    client = board.client()
    for _ in range(6):
        client.post("/login", data={"login": "ann", "password": "wrong password"})
    answer = client.post("/login", data={"login": "ann", "password": PASSWORD})
    assert "Too many attempts" in answer.text
    clock.at += timedelta(hours=1)
    assert client.post("/login", data={"login": "ann", "password": PASSWORD}).status_code == 303


@pytest.mark.parametrize("to", ["//evil.example", "https://evil.example", "/\\evil.example"])
def test_the_login_leads_nowhere_else(served: Callable[..., Served], to: str) -> None:
    """A target outside the board becomes the board."""
    board = served()
    board.person("ann")
    answer = board.client().post("/login", data={"login": "ann", "password": PASSWORD, "to": to})
    assert answer.headers["location"] == "/"


def test_a_huge_form_is_turned_away(served: Callable[..., Served]) -> None:
    """A body over its limit is refused, announced or not."""
    board = served()
    board.person("ann")
    ann = board.client("ann")
    assert ann.post("/login", content=b"x" * 70_000).status_code == 413
    form = {"content-type": "application/x-www-form-urlencoded"}
    pieces = iter([b"login=" + b"x" * 40_000, b"x" * 40_000])
    unannounced = ann.post("/login", content=pieces, headers=form)
    assert unannounced.status_code == 413


def test_a_store_that_is_away_is_said(served: Callable[..., Served], postgres: Postgres) -> None:
    """The board answers with one sentence and status 503, and works again afterwards."""
    board = served(url=postgres.database())
    board.person("ann")
    ann = board.client("ann")
    postgres.stop("immediate")
    try:
        answer = ann.get("/")
    finally:
        postgres.start()
    assert answer.status_code == 503
    assert "Traceback" not in answer.text
    assert ann.get("/").status_code == 200
