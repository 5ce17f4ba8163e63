"""Notifications: through a real SMTP server and real HTTP, once, signed, saying little."""

from __future__ import annotations

import email
import hmac
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from aiosmtpd.controller import Controller
from sqlalchemy import select

from broker import free_port
from central_stage import actor, opened
from sered.central.cases import actions, around
from sered.central.cases import clock as case_clock
from sered.central.cases.machine import Outcome, Reached
from sered.central.errors import DeliveryError, NotAllowedError
from sered.central.insight import sheet, weekly
from sered.central.notify import sender, tokens
from sered.central.store import tables

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from central_stage import Clock
    from sered.central.context import Central


class Mailbox:
    """What a real SMTP server was given."""

    def __init__(self) -> None:
        self.mails: list[email.message.Message] = []
        self.refuse = False

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        if self.refuse:
            return "451 try later"
        self.mails.append(email.message_from_bytes(envelope.content))
        return "250 OK"


class Hook(ThreadingHTTPServer):
    """A real HTTP server that keeps what is posted to it."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Poster)
        self.posts: list[tuple[dict[str, str], bytes]] = []
        self.status = 200


class _Poster(BaseHTTPRequestHandler):
    server: Hook

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.posts.append(({k.lower(): v for k, v in self.headers.items()}, body))
        self.send_response(self.server.status)
        if self.server.status == 302:
            self.send_header("Location", "http://localhost:1/elsewhere")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def mailbox() -> Iterator[tuple[Mailbox, int]]:
    box = Mailbox()
    controller = Controller(box, hostname="127.0.0.1", port=free_port())
    controller.start()
    yield box, controller.port
    controller.stop()


@pytest.fixture
def hook() -> Iterator[Hook]:
    server = Hook()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def _smtp(port: int, **more: Any) -> dict[str, Any]:
    return {
        "name": "mail", "kind": "smtp", "host": "127.0.0.1", "port": port, "security": "none",
        "sender": "sered@example.com", "to": ["team@example.com"], **more,
    }  # fmt: skip


def _hooked(hook: Hook, **more: Any) -> dict[str, Any]:
    url = f"http://127.0.0.1:{hook.server_port}/x"
    return {"name": "chat", "kind": "webhook", "url": url, "secret": "s3cret", **more}


def _with(make: Callable[..., Central], *channels: dict[str, Any], **delivery: Any) -> Central:
    steps = [{"after_s": 0, "channel": channel["name"]} for channel in channels]
    team = {"name": "recovery", "step": steps}
    delivery = {"allow": ["127.0.0.1"], **delivery}
    return make(team=[team], channel=list(channels), delivery=delivery)


def _send(central: Central) -> int:
    while case_clock.tick(central):
        pass
    return sum(sender.send_due(central, channel) for channel in central.settings.channel)


def test_a_mail_says_little(
    make_central: Callable[..., Central], mailbox: tuple[Mailbox, int]
) -> None:
    """Where, since when, due when, a link; no score, no cause, no word, no number."""
    box, port = mailbox
    central = _with(make_central, _smtp(port))
    case = opened(central, queue="billing", causes=("delay",), score=-0.87)
    _send(central)
    _send(central)
    (mail,) = box.mails
    text = str(mail["Subject"]) + str(mail.get_payload())
    assert "(berlin, billing)" in text
    assert "The call ended at 10:59." in text
    assert "due in 5 min" in text
    assert f"http://127.0.0.1:8470/case/{case}" in text
    for secret in ("0.8", "delay", "angry", "desk1"):
        assert secret not in text


def test_a_webhook_is_signed(make_central: Callable[..., Central], hook: Hook) -> None:
    """The signature covers time and body; the key is the same at every try."""
    central = _with(make_central, _hooked(hook))
    opened(central)
    _send(central)
    ((headers, body),) = hook.posts
    at, _, made = headers["x-sered-signature"].partition(",v1=")
    signed = at.removeprefix("t=").encode() + b"." + body
    assert made == hmac.digest(b"s3cret", signed, "sha256").hex()
    said = json.loads(body)
    assert said["key"] == headers["idempotency-key"]
    assert set(said) == {
        "schema", "event", "key", "case", "step", "site", "queue", "team", "due_at", "more", "link",
    }  # fmt: skip


def test_a_channel_that_is_down_is_named_and_tried_again(
    make_central: Callable[..., Central], mailbox: tuple[Mailbox, int], clock: Clock
) -> None:
    """It is on the board with its reason; when it is up again the mail goes out, once."""
    box, port = mailbox
    box.refuse = True
    central = _with(make_central, _smtp(port))
    opened(central)
    _send(central)
    ((name, since, why),) = around.fleet(central).down
    assert (name, since) == ("mail", clock())
    assert "try later" in why
    box.refuse = False
    assert _send(central) == 0
    clock.move(6)
    _send(central)
    assert len(box.mails) == 1
    assert around.fleet(central).down == ()


def test_what_nobody_needs_any_more_is_not_sent(
    make_central: Callable[..., Central],
    mailbox: tuple[Mailbox, int],
) -> None:
    """A case that was called while the channel was down sends nothing."""
    box, port = mailbox
    central = _with(make_central, _smtp(port))
    case = opened(central)
    while case_clock.tick(central):
        pass
    ann = actor(central, "ann")
    actions.claim(central, ann, case)
    actions.attempted(central, ann, case, Reached.REACHED)
    _send(central)
    assert box.mails == []


def test_a_notification_is_given_up_in_the_end(
    make_central: Callable[..., Central], clock: Clock
) -> None:
    """After `give_up_h` of trying it is given up, with the reason beside it."""
    central = _with(make_central, _smtp(free_port()), give_up_h=0.5)
    opened(central)
    _send(central)
    for _ in range(3):
        clock.move(901)
        _send(central)
    with central.store.reading() as connection:
        row = connection.execute(select(tables.outbox)).one()
    assert row.given_up_at is not None
    assert "did not take it" in row.error


def test_killed_after_sending_it_is_sent_again(
    make_central: Callable[..., Central], hook: Hook, clock: Clock
) -> None:
    """A row that was leased and never marked goes out again under the same key."""
    central = _with(make_central, _hooked(hook))
    opened(central)
    while case_clock.tick(central):
        pass
    sender._lease(central, "chat")
    assert _send(central) == 0
    clock.move(61)
    assert _send(central) == 1


@pytest.mark.parametrize(
    ("channel", "sentence"),
    [
        ({"url": "https://evil.example/x"}, "not in .delivery. allow"),
        ({"url": "http://hooks.example.com/x"}, "Use https"),
        ({"kind": "apprise", "url": "nonsense://x"}, "does not know this kind"),
        ({"kind": "apprise", "url": "json://evil.example/x"}, "not in .delivery. allow"),
    ],
)
def test_no_message_leaves_for_a_host_that_is_not_allowed(
    make_central: Callable[..., Central], hook: Hook, channel: dict[str, Any], sentence: str
) -> None:
    """Targets outside the list, clear text and unknown services are a sentence, at the button."""
    allow = ["127.0.0.1", "hooks.example.com"]
    central = _with(make_central, _hooked(hook) | channel, allow=allow)
    with pytest.raises(DeliveryError, match=sentence):
        sender.send_test(central, "chat")


def test_a_redirect_is_not_followed(make_central: Callable[..., Central], hook: Hook) -> None:
    """A webhook that answers with a redirect has failed: it could lead anywhere."""
    hook.status = 302
    central = _with(make_central, _hooked(hook))
    with pytest.raises(DeliveryError, match="answered 302"):
        sender.send_test(central, "chat")


@pytest.mark.parametrize("kind", ["ntfy", "apprise"])
def test_other_ways_out_work(make_central: Callable[..., Central], hook: Hook, kind: str) -> None:
    """ntfy and a service of Apprise reach a real server; the test button says so."""
    scheme = "json" if kind == "apprise" else "http"
    url = f"{scheme}://127.0.0.1:{hook.server_port}/topic"
    central = _with(make_central, _hooked(hook, kind=kind, url=url))
    sender.send_test(central, "chat")
    ((_, body),) = hook.posts
    assert b"This is a test of the channel chat" in body


def test_a_claim_link_works_once_for_ten_minutes(
    make_central: Callable[..., Central], mailbox: tuple[Mailbox, int], clock: Clock
) -> None:
    """A personal channel's link claims with one tap; used or old it is a sentence."""
    box, port = mailbox
    central = _with(make_central, _smtp(port, user="ann"))
    ann, case = actor(central, "ann"), opened(central)
    _send(central)
    token = str(box.mails[0].get_payload()).rsplit("/t/", 1)[1].strip()
    who, which = tokens.redeem(central, token)
    assert (who.id, which) == (ann.id, case)
    with pytest.raises(NotAllowedError, match="used already"):
        tokens.redeem(central, token)
    with central.store.writing() as connection:
        late = tokens.issue(connection, case, "ann", clock())
    clock.move(601)
    assert late
    with pytest.raises(NotAllowedError, match="ten minutes"):
        tokens.redeem(central, late)


@pytest.mark.slow
def test_the_week_goes_out_on_monday(
    make_central: Callable[..., Central], mailbox: tuple[Mailbox, int], clock: Clock
) -> None:
    """One mail a week with text, HTML and a PDF of one page; a mail server that was away gets it
    later, and a second look adds nothing.
    """
    box, port = mailbox
    report = {"channels": ["mail"], "hour": 6, "tz": "Europe/Berlin"}
    central = make_central(
        channel=[_smtp(port)], report=report, team=[{"name": "recovery"}],
        delivery={"allow": ["127.0.0.1"]},
    )  # fmt: skip
    opened(central)
    assert weekly.due(central) == 1
    assert weekly.due(central) == 0
    box.refuse = True
    assert _send(central) == 1
    box.refuse = False
    clock.move(60)
    assert _send(central) == 1
    (mail,) = box.mails
    assert "week 9 of 2026" in str(mail["Subject"])
    kinds = {part.get_content_type(): part for part in mail.walk()}
    assert {"text/plain", "text/html", "application/pdf"} <= set(kinds)
    paper = kinds["application/pdf"].get_payload(decode=True)
    assert isinstance(paper, bytes)
    assert paper.startswith(b"%PDF")
    assert paper.count(b"/Type /Page\n") == 1
    page = kinds["text/html"].get_payload(decode=True)
    assert isinstance(page, bytes)
    for told in ("Verdicts right", "What do we miss?", "Did calling back help?"):
        assert told.encode() in page
    assert b"desk1" not in page
    clock.move(7 * 86_400)
    assert weekly.due(central) == 1


def test_a_week_has_any_letters() -> None:
    """Names beyond Latin and HTML's own signs neither end the report nor become markup."""
    table = sheet.Table(("", "<u>", "b"), (("<i>", "5 % → 6", "x"),))
    week = sheet.Weekly("łódź <b>", "so", table, (sheet.Part("京都?", ("“so” → 5 %",)),), "end")
    assert not any(sign in week.html() for sign in ("<b>", "<u>", "<i>"))
    assert week.pdf().startswith(b"%PDF")
    assert "京都?" in week.text()


def test_every_state_is_told(
    make_central: Callable[..., Central], hook: Hook, clock: Clock
) -> None:
    """A webhook that asks for it hears opened, claimed, called and closed in order, signed, each
    once; who gets steps alone hears none of them.
    """
    quiet = _hooked(hook, name="quiet", secret="other")
    central = _with(make_central, _hooked(hook, states=True), quiet)
    ann = actor(central, "ann")
    case_id = opened(central)
    _send(central)
    actions.claim(central, ann, case_id)
    actions.attempted(central, ann, case_id, Reached.REACHED)
    actions.close(central, ann, case_id, Outcome.RECOVERED, verdict="right")
    clock.move(1)
    _send(central)
    assert _send(central) == 0
    told = [(json.loads(body), headers) for headers, body in hook.posts]
    states = [(said["state"], said["case"]) for said, _ in told if said["event"] == "state"]
    assert states == [(name, case_id) for name in ("opened", "claimed", "called", "closed")]
    assert all("x-sered-signature" in headers for _, headers in told)
    with pytest.raises(ValueError, match="states = true is for a webhook"):
        make_central(channel=[_smtp(1, states=True)])
