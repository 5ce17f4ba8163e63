"""The page of a box as a browser on its network asks for it."""

from __future__ import annotations

import http.client
import json
import threading
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from front.test_lamp import snapshot
from sered.box.snapshot import LastVerdict, SideState
from sered.diagnose.groups import GROUPS
from sered.front import view
from sered.front.light import Light
from sered.front.server import Looks, PageServer, is_near

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sered.box.snapshot import Snapshot

TOKEN = "a-token-of-the-test"
_SAID = {"said": "all well", "findings": [("fail", "hears", "<b>nothing</b>", "plug it in")]}


def heard() -> Snapshot:
    """A running service that hears somebody, and what two calls came to."""
    customer = SideState(level_db=-40.0, blocks={"speech": 40})
    at = datetime(2026, 1, 2, tzinfo=UTC)
    verdicts = (
        LastVerdict(at=at, line="line1", category="negative"),
        LastVerdict(at=at, line="line1", category=None),
    )
    return snapshot().model_copy(
        update={"sides": {"line1": {"customer": customer}}, "verdicts": verdicts}
    )


@contextmanager
def served(looks: Looks | None = None) -> Iterator[int]:
    """The port of a page that runs."""
    looks = looks or Looks(heard, lambda: _SAID)
    with PageServer(("127.0.0.1", 0), TOKEN, "<berlin> / desk", looks) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


def ask(port: int, path: str, cookie: str = "", method: str = "GET") -> tuple[int, str, Any]:
    """Status, text and headers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request(method, path, headers={"Cookie": cookie} if cookie else {})
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, text, answer.headers


def test_nothing_is_shown_without_the_token(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every path says where the token stands, a wrong one as none; and nothing can be sent."""
    monkeypatch.setattr("sered.front.server.time.sleep", lambda _: None)
    with served() as port:
        for path in ("/", "/live.json", "/doctor.json", "/?token=wrong", "/?token=%ff"):
            for cookie in ("", "sered-page=wrong", "sered-page=", ";;;=", "a=\u00e9"):
                status, text, _ = ask(port, path, cookie)
                assert status == 403
                assert "sered-says.txt" in text
        assert ask(port, "/", method="POST")[0] == 501


def test_the_token_opens_the_page_and_leaves_the_address() -> None:
    """It becomes a cookie that no script reads and no other site sends."""
    with served() as port:
        status, _, headers = ask(port, f"/?token={TOKEN}")
        assert (status, headers["Location"]) == (303, "/")
        cookie = headers["Set-Cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie
        status, text, headers = ask(port, "/", cookie.partition(";")[0])
        assert status == 200
        assert "&lt;berlin&gt; / desk" in text
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert ask(port, "/else", cookie.partition(";")[0])[0] == 404
        for path in ("/style.css", "/live.js"):
            assert ask(port, path, cookie.partition(";")[0])[0] == 200


def test_what_moves_is_told_without_words() -> None:
    """Level and state of each side, categories of the last calls, the latest first."""
    now = heard()
    earlier = now.model_copy(
        update={"sides": {"line1": {"customer": SideState(blocks={"speech": 9, "silence": 5})}}}
    )
    told = view.live(now, earlier)
    assert told["lines"][0]["sides"] == [
        {"side": "customer", "level_db": -40.0, "level": 0.5, "hears": "speech"}
    ]
    assert [v["category"] for v in told["verdicts"]] == ["undetermined", "negative"]
    assert set(told["verdicts"][0]) == {"at", "line", "category"}
    assert view.live(None, None)["state"] == "not running"


def test_the_doctor_is_asked_once_for_all_who_look() -> None:
    """Within five minutes his last word is told again, with what is worth a look."""
    asked = []

    def examine() -> dict[str, Any]:
        asked.append(1)
        return _SAID

    with served(Looks(heard, examine)) as port:
        for _ in range(3):
            text = ask(port, "/doctor.json", f"sered-page={TOKEN}")[1]
            assert json.loads(text)["said"] == "all well"
    assert len(asked) == 1


def test_of_the_doctor_s_report_only_faults_are_shown() -> None:
    """What is well is a number, and what the page's own process may not do is no fault."""
    known = {check.id for group in GROUPS for check in group.checks}
    assert known >= view._NOT_FROM_HERE
    checks = [
        {"id": check, "mark": mark, "claim": mark, "found": "x", "hint": "y"}
        for check, mark in (
            ("a.b", "ok"),
            ("a.c", "fail"),
            ("a.d", "skip"),
            ("spool.folder", "fail"),
        )
    ]
    assert view.findings({"checks": checks}) == [("fail", "fail", "x", "y")]


@pytest.mark.parametrize(
    ("address", "near"),
    [
        ("192.168.1.7", True),
        ("10.0.0.1", True),
        ("127.0.0.1", True),
        ("fe80::1%eth0", True),
        ("fd00::1", True),
        ("::ffff:192.168.1.7", True),
        ("8.8.8.8", False),
        ("::ffff:8.8.8.8", False),
        ("2001:4860::1", False),
        ("no address", False),
    ],
)
def test_only_the_local_network_is_answered(address: str, near: bool) -> None:
    """Private, link-local and loopback addresses, whichever version."""
    assert is_near(address) is near


def test_a_light_follows_the_service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes the LED from the kernel, writes only what changes, and is dark in the end."""
    for name, text in (("brightness", "0"), ("max_brightness", "255\n"), ("trigger", "mmc0")):
        (tmp_path / name).write_text(text)
    seen: list[str] = []
    steps = iter([False] * 6 + [True])
    monkeypatch.setattr(
        "sered.front.light.time.sleep",
        lambda _: seen.append((tmp_path / "brightness").read_text()),
    )
    Light(tmp_path).follow(lambda: snapshot("no_device"), lambda: next(steps))
    assert (tmp_path / "trigger").read_text() == "none"
    assert seen == ["255", "0"] * 3
    assert (tmp_path / "brightness").read_text() == "0"
