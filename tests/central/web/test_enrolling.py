"""A new box gets its certificate: token, own key, a person's yes, a signature, a broker's."""

from __future__ import annotations

import ssl
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from board_stage import PASSWORD
from project import ROOT
from sered.boot.enrolment import Registrar, enrol
from sered.central import audit, enrolment, people
from sered.central.errors import InputError, NotAllowedError, NotNowError
from sered.central.people import Role
from sered.central.signing import authority, login, read
from sered.central.store import tables
from sered.cli.central_enrol import keep
from sered.errors import ConfigError
from sered.settings import Settings
from tls_login import lets_in

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from board_stage import Served
    from broker import Broker
    from central_stage import Clock
    from project import Ended
    from sered.central.context import Central
    from sered.central.people import Actor


def make(folder: Path, *words: str) -> str:
    """What docs/mqtt/make-certificates says."""
    script = str(ROOT / "docs/mqtt/make-certificates")
    done = subprocess.run([script, *words], cwd=folder, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def request(folder: Path, name: str = "berlin.desk1", curve: str = "prime256v1") -> str:
    """A request for this name by a new key."""
    key = folder / f"{name}-{len(list(folder.iterdir()))}.key"
    subprocess.run(
        ["openssl", "ecparam", "-name", curve, "-genkey", "-noout", "-out", key], check=True
    )
    command = ["openssl", "req", "-new", "-key", str(key), "-subj", f"/CN={name}"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def ca(tmp_path: Path) -> Path:
    """An authority and a broker's certificate."""
    make(tmp_path, "ca")
    make(tmp_path, "broker", "localhost", "127.0.0.1")
    return tmp_path / "certificates"


@pytest.fixture
def admin(person: Callable[..., Actor]) -> Actor:
    """Who looks after boxes."""
    return person("ada", Role.ADMIN)


def test_a_token_is_good_for_one_key_and_its_own_name(
    central: Central, clock: Clock, tmp_path: Path
) -> None:
    """No token, another name, another key, a token that ended: each is refused with a sentence."""
    token = enrolment.issue(central, "berlin", "desk1", 1.0)
    with pytest.raises(NotAllowedError, match="Nobody made this token"):
        enrolment.ask(central, token[:-1], request(tmp_path))
    with pytest.raises(InputError, match=r"for berlin.desk2, but the token was made for berlin.d"):
        enrolment.ask(central, token, request(tmp_path, "berlin.desk2"))
    mine = request(tmp_path)
    shown = enrolment.ask(central, token, mine)
    assert enrolment.ask(central, token, mine) == shown == read(mine).fingerprint
    with pytest.raises(NotAllowedError, match="used already, for another key"):
        enrolment.ask(central, token, request(tmp_path))
    late = enrolment.issue(central, "berlin", "desk3", 1.0)
    clock.move(3601)
    with pytest.raises(NotAllowedError, match="This token ended at 2026-03-04 11:00 UTC"):
        enrolment.ask(central, late, request(tmp_path, "berlin.desk3"))
    with central.store.reading() as connection:
        kept = connection.execute(select(tables.enrolment.c.token_hash)).scalars().all()
    assert token not in kept


def test_nothing_is_signed_that_nobody_approved(
    central: Central, admin: Actor, person: Callable[..., Actor], tmp_path: Path, ca: Path
) -> None:
    """Waiting, refused and tampered requests get no certificate; each step is in the trail."""
    by = authority((ca / "ca.crt").read_bytes(), (ca / "ca.key").read_bytes())
    token = enrolment.issue(central, "berlin", "desk1")
    shown = enrolment.ask(central, token, request(tmp_path))
    assert enrolment.sign_approved(central, by) == []
    with pytest.raises(NotNowError, match="Nobody has approved this box yet"):
        enrolment.certificate(central, token)
    (row,) = enrolment.listed(central)
    with pytest.raises(NotAllowedError):
        enrolment.decide(central, person("ann", Role.LEAD), row.id, shown, good=True)
    with pytest.raises(NotNowError):
        enrolment.decide(central, admin, row.id, "0" * 64, good=True)
    enrolment.decide(central, admin, row.id, shown, good=True)
    with central.store.writing() as connection:
        connection.execute(tables.enrolment.update().values(request=request(tmp_path)))
    with pytest.raises(InputError, match="not the one that was approved; nothing was signed"):
        enrolment.sign_approved(central, by)
    other = enrolment.issue(central, "berlin", "desk2")
    seen = enrolment.ask(central, other, request(tmp_path, "berlin.desk2"))
    enrolment.decide(central, admin, row.id + 1, seen, good=False)
    with pytest.raises(NotAllowedError, match="refused on the board"):
        enrolment.certificate(central, other)
    with central.store.reading() as connection:
        verbs = connection.execute(select(tables.audit.c.verb).order_by(tables.audit.c.seq))
        said = [verb for verb in verbs.scalars() if verb.startswith("enrolment")]
        assert not list(audit.faults(connection))
    assert said == [
        "enrolment.issued", "enrolment.asked", "enrolment.approved",
        "enrolment.issued", "enrolment.asked", "enrolment.refused",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("site", "device", "said"),
    [("a/b", "c", "two levels"), ("", "c", "cannot be empty"), ("a.b", "c", "letters, digits"),
     ("a", "c" * 63, "64 characters at most")],
)  # fmt: skip
def test_a_name_is_one_that_a_topic_and_a_login_can_have(site: str, device: str, said: str) -> None:
    """The contract's rule, and no dot: two boxes could have one login."""
    with pytest.raises(InputError, match=said):
        login(site, device)


def test_a_request_is_what_the_box_makes(tmp_path: Path) -> None:
    """Other texts, other curves and changed requests are refused with what was wanted."""
    with pytest.raises(InputError, match="Wanted a certificate request in PEM"):
        read("hello")
    with pytest.raises(InputError, match="prime256v1"):
        read(request(tmp_path, curve="secp384r1"))
    lines = request(tmp_path).splitlines()
    lines[1] = lines[1][:-6] + ("AAAAAA" if lines[1][-6:] != "AAAAAA" else "BBBBBB")
    with pytest.raises(InputError, match=r"Wanted|does not hold"):
        read("\n".join(lines))


def box(folder: Path) -> Settings:
    """The configuration of berlin's desk1, whose certificate is not there yet."""
    return Settings.model_validate(
        {
            "site": "berlin", "device": "desk1",
            "mqtt": {"tls": True, "cert": folder / "box.crt", "key": folder / "box.key"},
        }
    )  # fmt: skip


def approve(board: Served, login: str) -> str:
    """Somebody says yes to what stands first on the page; the page."""
    client = board.client(login)
    page = client.get("/enrolments").text
    (row,) = [row for row in enrolment.listed(board.central) if row.state == "asked"]
    form = {"csrf": board.csrf(client), "fingerprint": row.fingerprint, "said": "yes"}
    assert client.post(f"/enrolments/{row.id}", data=form).status_code == 303
    return page


def test_a_box_is_enrolled_lets_in_and_is_shut_out(
    served: Callable[..., Served],
    start_broker: Callable[..., Broker],
    tmp_path: Path,
    ca: Path,
) -> None:
    """From the token to a real broker that takes the certificate, and to its revocation."""
    board = served()
    people.add_user(board.central, "ada", PASSWORD, [Role.ADMIN])
    place = Registrar(board.address, enrolment.issue(board.central, "berlin", "desk1"))
    said: list[str] = []
    assert not enrol(box(tmp_path), place, said.append, 0.0, 0.1)
    (row,) = enrolment.listed(board.central)
    assert row.fingerprint in said[0]
    assert said[1] == "Nobody has approved this box yet. Its request waits on the board."
    assert row.fingerprint in approve(board, "ada")
    by = authority((ca / "ca.crt").read_bytes(), (ca / "ca.key").read_bytes())
    ((name, pem),) = enrolment.sign_approved(board.central, by)
    assert enrol(box(tmp_path), place, said.append, 0.0, 0.1)
    assert (tmp_path / "box.crt").read_text() == pem
    assert (tmp_path / "box.key").stat().st_mode & 0o777 == 0o640
    keep(ca, name, pem)
    (tmp_path / "list").write_text("berlin desk1\n")
    make(tmp_path, "boxes", "list")
    broker = start_broker(shipped=ca)
    assert lets_in(broker, ca / "ca.crt", tmp_path / "box.crt", tmp_path / "box.key")
    assert "its key is on the box" in make(tmp_path, "renew", "--before", "900")
    assert "on the box alone: enrol it anew" in make(tmp_path, "renew", name)
    assert "is revoked" in make(tmp_path, "revoke", name)
    broker.stop()
    broker.start()
    assert not lets_in(broker, ca / "ca.crt", tmp_path / "box.crt", tmp_path / "box.key")


def test_what_is_wrong_is_one_sentence_at_the_box(
    served: Callable[..., Served], tmp_path: Path
) -> None:
    """No token, no https, no place for the certificate: the box says so and has no certificate."""
    board = served()
    with pytest.raises(ConfigError, match=r"^Nobody made this token\. .*new one\.$"):
        enrol(box(tmp_path), Registrar(board.address, "guessed"), print, 0.0, 0.1)
    with pytest.raises(ConfigError, match="Wanted https://HOST"):
        enrol(box(tmp_path), Registrar("http://central.example.com", "x"), print, 0.0, 0.1)
    with pytest.raises(ConfigError, match=r"\[mqtt\] must name cert and key"):
        enrol(Settings(), Registrar(board.address, "x"), print, 0.0, 0.1)
    assert not (tmp_path / "box.crt").exists()


class Stranger(BaseHTTPRequestHandler):
    """Answers every box with a certificate that is not for its key."""

    certificate = b""

    def do_POST(self) -> None:
        """The request is taken, or sent on."""
        if self.headers["authorization"] == "Bearer away":
            self.send_response(302)
            self.send_header("location", "https://localhost:1/enrol")
            self.end_headers()
            return
        self._say(202, b"This waits.")

    def do_GET(self) -> None:
        """And answered."""
        self._say(200, self.certificate)

    def _say(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing on the terminal."""


def test_over_https_central_must_prove_itself(tmp_path: Path, ca: Path) -> None:
    """An unknown authority, a redirect and a certificate of another key are refused."""
    Stranger.certificate = (ca / "broker.crt").read_bytes()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Stranger)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(ca / "broker.crt", ca / "broker.key")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        address = f"https://localhost:{server.server_port}"
        with pytest.raises(ConfigError, match=r"^localhost: cannot be reached .*certificate"):
            enrol(box(tmp_path), Registrar(address, "t"), print, 0.0, 0.1)
        known = Registrar(address, "t", ca / "ca.crt")
        with pytest.raises(ConfigError, match=r"is no certificate for .*box\.key"):
            enrol(box(tmp_path), known, print, 0.0, 0.1)
        with pytest.raises(ConfigError, match=r"^localhost answers with 302"):
            enrol(box(tmp_path), Registrar(address, "away", ca / "ca.crt"), print, 0.0, 0.1)
    finally:
        server.shutdown()
        thread.join(60)
        server.server_close()
    assert not (tmp_path / "box.crt").exists()


def test_the_boxs_command_may_be_run_again(
    served: Callable[..., Served], sered: Callable[..., Ended], tmp_path: Path, ca: Path
) -> None:
    """`sered enrol` ends with 1 until somebody says yes, then writes both and takes the token."""
    board = served()
    people.add_user(board.central, "ada", PASSWORD, [Role.ADMIN])
    token = tmp_path / "token"
    config = tmp_path / "sered.toml"
    config.write_text(
        'site = "berlin"\ndevice = "desk1"\n[mqtt]\ntls = true\ncert = "box.crt"\nkey = "box.key"\n'
    )
    words = ("enrol", "--central", board.address, "--token-file", token, "--wait-s", "0")
    missing = sered(*words, "--config", config)
    assert "Put the token of `sered central enrol` there." in missing.err
    token.write_text(enrolment.issue(board.central, "berlin", "desk1") + "\n")
    assert sered(*words, "--config", config).status == 1
    key = (tmp_path / "box.key").read_bytes()
    approve(board, "ada")
    by = authority((ca / "ca.crt").read_bytes(), (ca / "ca.key").read_bytes())
    enrolment.sign_approved(board.central, by)
    done = sered(*words, "--config", config)
    assert done.status == 0, done.err
    assert (tmp_path / "box.key").read_bytes() == key
    assert "BEGIN CERTIFICATE" in (tmp_path / "box.crt").read_text()
    assert not token.exists()


def test_only_an_admin_sees_who_asks(served: Callable[..., Served]) -> None:
    """Others are refused page and button; nobody approves without being logged in."""
    board = served()
    people.add_user(board.central, "lea", PASSWORD, [Role.LEAD])
    client = board.client("lea")
    assert client.get("/enrolments").status_code == 403
    form = {"csrf": board.csrf(client), "fingerprint": "", "said": "yes"}
    assert client.post("/enrolments/1", data=form).status_code == 403
    assert board.client().post("/enrolments/1", data=form).status_code == 303


def test_the_commands_make_a_token_and_sign(
    sered: Callable[..., Ended], tmp_path: Path, ca: Path
) -> None:
    """`central enrol` prints a token, `central sign` says that nobody waits; faults have a name."""
    path = tmp_path / "central.toml"
    path.write_text(f'[store]\nurl = "sqlite:///{tmp_path}/central.db"\n')
    assert sered("central", "init", "--config", path).status == 0
    assert len(sered("central", "enrol", "berlin", "desk1", "--config", path).out.strip()) == 43
    refused = sered("central", "enrol", "ber/lin", "desk1", "--config", path)
    assert (refused.status, refused.err.count("\n")) == (1, 1)
    keys = ("--ca", ca / "ca.crt", "--key")
    done = sered("central", "sign", *keys, ca / "ca.key", "--config", path)
    assert done.out == "Nobody waits for a signature.\n"
    wrong = sered("central", "sign", *keys, ca / "broker.key", "--config", path)
    assert "key is not that of its certificate" in wrong.err
