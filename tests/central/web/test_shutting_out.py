"""A rogue box is shut out: noted on the board, signed, fetched by the broker, cut off, kept out."""

from __future__ import annotations

import os
import subprocess
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from cryptography import x509

from board_stage import PASSWORD
from broker import DOCS, make_certificates, wait_until
from central_stage import actor
from sered.central import enrolment, people, revocations, shutting_out, signing
from sered.central.errors import InputError, NotAllowedError, NotFoundError
from sered.central.people import Role
from sered.delivery.connection import Connection
from sered.errors import BrokerError
from sered.settings import MqttSettings
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


def run(folder: Path, script: str, *words: str) -> tuple[int, str]:
    """Status and words of a script of docs/mqtt."""
    command = [str(DOCS / script), *words]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def ca(tmp_path: Path) -> Path:
    """An authority, a broker, one box with a certificate made by hand, and its rules."""
    return make_certificates(tmp_path, "berlin desk9")


def serials(pem: str | bytes) -> set[int]:
    """What a list names."""
    data = pem.encode() if isinstance(pem, str) else pem
    return {each.serial_number for each in x509.load_pem_x509_crl(data)}


def serial(pem: str | bytes) -> int:
    """A certificate's number."""
    data = pem.encode() if isinstance(pem, str) else pem
    return x509.load_pem_x509_certificate(data).serial_number


def by(ca: Path) -> signing.Authority:
    """The authority."""
    return signing.authority((ca / "ca.crt").read_bytes(), (ca / "ca.key").read_bytes())


def admin(central: Central) -> Actor:
    """Who looks after boxes."""
    with central.store.reading() as connection:
        known = people.actor_of(connection, "root")
    return known or actor(central, "root", Role.ADMIN)


class Box:
    """A connection of a box, and whether the broker has ended it."""

    def __init__(self, broker: Broker, ca: Path, certificate: Path, key: Path) -> None:
        where = {"host": broker.host, "port": broker.port, "ca": ca / "ca.crt"}
        mqtt = MqttSettings.model_validate({**where, "tls": True, "cert": certificate, "key": key})
        # a rogue names itself as it likes
        self._connection = Connection(mqtt, "some-other-name")

    @property
    def cut(self) -> bool:
        """Whether it is over."""
        try:
            self._connection.pump(0.0)
        except BrokerError:
            return True
        return False


def signed(central: Central, ca: Path, folder: Path, site: str, device: str) -> tuple[Path, Path]:
    """A box that went the whole way; its certificate and key."""
    folder.mkdir(exist_ok=True)
    key = folder / f"{site}.{device}-own.key"
    subprocess.run(
        ["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key], check=True
    )
    command = ["openssl", "req", "-new", "-key", str(key), "-subj", f"/CN={site}.{device}"]
    pem = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    token = enrolment.issue(central, site, device)
    shown = enrolment.ask(central, token, pem)
    (row,) = [each for each in enrolment.listed(central) if each.fingerprint == shown]
    enrolment.decide(central, admin(central), row.id, shown, good=True)
    ((_, made),) = enrolment.sign_approved(central, by(ca))
    certificate = key.with_suffix(".crt")
    certificate.write_text(made)
    return certificate, key


def test_a_rogue_box_is_cut_off_and_stays_out(
    served: Callable[..., Served], start_broker: Callable[..., Broker], tmp_path: Path, ca: Path
) -> None:
    """From the button on the board: the open connection ends, no new one comes about.

    Another box comes back at once. What systemd's timer waits is left out (`make test-system`).
    """
    board = served()
    people.add_user(board.central, "ada", PASSWORD, [Role.ADMIN])
    mine = signed(board.central, ca, tmp_path, "berlin", "desk1")
    (tmp_path / "list").write_text("berlin desk1\n")
    (ca / "berlin.desk1.crt").write_bytes(mine[0].read_bytes())
    assert run(tmp_path, "make-certificates", "boxes", "list")[0] == 0
    shutting_out.publish(board.central, by(ca), (ca / "crl.pem").read_bytes())
    broker = start_broker(shipped=ca)
    restart = ["sh", "-c", f"touch {tmp_path}/restart"]
    take = ["take-revocations", f"{board.address}/revoked.pem", str(ca), *restart]
    status, said = run(tmp_path, *take)
    assert (status, said) == (0, "<5>take-revocations: the broker has the list of 0 certificates\n")
    (tmp_path / "restart").unlink()
    assert run(tmp_path, *take) == (0, "")
    assert not (tmp_path / "restart").exists()
    rogue = Box(broker, ca, *mine)
    assert not rogue.cut
    began = time.monotonic()
    client = board.client("ada")
    form = {"csrf": board.csrf(client), "site": "berlin", "device": "desk1"}
    assert client.post("/enrolments/shut-out", data=form).status_code == 303
    assert "shut out" in client.get("/enrolments").text
    shutting_out.publish(board.central, by(ca), (ca / "crl.pem").read_bytes())
    status, said = run(tmp_path, *take)
    assert (status, (tmp_path / "restart").exists()) == (0, True), said
    assert serials((ca / "crl.pem").read_bytes()) == {serial(mine[0].read_bytes())}
    broker.stop()
    broker.start()
    wait_until(lambda: rogue.cut, 60.0, "its connection to end")
    assert not lets_in(broker, ca / "ca.crt", *mine)
    assert lets_in(broker, ca / "ca.crt", ca / "berlin.desk9.crt", ca / "berlin.desk9.key")
    print(f"shut out after {time.monotonic() - began:.1f} s")


def test_who_is_shut_out_needs_a_new_token(central: Central, ca: Path, tmp_path: Path) -> None:
    """All certificates and open tokens of the box are void; a new token makes it a box again."""
    first = signed(central, ca, tmp_path / "a", "berlin", "desk1")
    again = signed(central, ca, tmp_path / "b", "berlin", "desk1")
    open_token = enrolment.issue(central, "berlin", "desk1")
    other = signed(central, ca, tmp_path / "c", "berlin", "desk2")
    shutting_out.shut_out(central, admin(central), "berlin", "desk1")
    with pytest.raises(NotAllowedError, match="This box was shut out"):
        enrolment.certificate(central, open_token)
    with pytest.raises(NotFoundError, match="nothing that could be taken back"):
        shutting_out.shut_out(central, admin(central), "berlin", "desk1")
    listed = shutting_out.publish(central, by(ca))
    assert shutting_out.published(central) == listed
    wanted = {serial(each.read_bytes()) for each, _ in (first, again)}
    assert serials(listed) == wanted
    assert serial(other[0].read_bytes()) not in wanted
    assert shutting_out.publish(central, by(ca)) == listed
    anew = signed(central, ca, tmp_path / "d", "berlin", "desk1")
    assert serial(anew[0].read_bytes()) not in serials(shutting_out.publish(central, by(ca)))


def test_what_was_approved_and_then_shut_out_is_not_signed(
    central: Central, ca: Path, tmp_path: Path
) -> None:
    """A yes that was taken back in time leads to no certificate."""
    command = ["openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    command += ["-nodes", "-keyout", str(tmp_path / "key"), "-subj", "/CN=berlin.desk1"]
    pem = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    shown = enrolment.ask(central, enrolment.issue(central, "berlin", "desk1"), pem)
    (row,) = enrolment.listed(central)
    enrolment.decide(central, admin(central), row.id, shown, good=True)
    shutting_out.shut_out(central, admin(central), "berlin", "desk1")
    assert enrolment.sign_approved(central, by(ca)) == []
    assert serials(shutting_out.publish(central, by(ca))) == set()


def test_what_make_certificates_revoked_stays_revoked(
    central: Central, ca: Path, tmp_path: Path
) -> None:
    """Its list and central's are one, whichever was written last; a stranger's is refused."""
    mine, _ = signed(central, ca, tmp_path, "berlin", "desk1")
    by_hand = serial((ca / "berlin.desk9.crt").read_bytes())
    shutting_out.shut_out(central, admin(central), "berlin", "desk1")
    assert serials(shutting_out.publish(central, by(ca))) == {serial(mine.read_bytes())}
    assert run(tmp_path, "make-certificates", "revoke", "berlin.desk9")[0] == 0
    both = {serial(mine.read_bytes()), by_hand}
    assert serials(shutting_out.publish(central, by(ca), (ca / "crl.pem").read_bytes())) == both
    listed = shutting_out.publish(central, by(ca))
    assert serials(listed) == both
    assert x509.load_pem_x509_crl(listed.encode()).extensions.get_extension_for_class(
        x509.CRLNumber
    ).value == x509.CRLNumber(2)
    theirs = strangers(tmp_path)
    with pytest.raises(InputError, match="not signed by this authority"):
        shutting_out.publish(central, by(ca), theirs)


def test_a_list_near_its_end_is_signed_anew(central: Central, clock: Clock, ca: Path) -> None:
    """Nobody is locked out because nobody was revoked for nine years."""
    listed = shutting_out.publish(central, by(ca))
    clock.move(9.2 * 365 * 86_400)
    assert shutting_out.publish(central, by(ca)) != listed


def test_only_an_admin_shuts_out(served: Callable[..., Served]) -> None:
    """Others are refused; the list itself is for whoever asks, once it is there."""
    board = served()
    people.add_user(board.central, "lea", PASSWORD, [Role.LEAD])
    client = board.client("lea")
    form = {"csrf": board.csrf(client), "site": "berlin", "device": "desk1"}
    assert client.post("/enrolments/shut-out", data=form).status_code == 403
    assert board.client().post("/enrolments/shut-out", data=form).status_code == 303
    answer = board.client().get("/revoked.pem")
    assert (answer.status_code, answer.text[:23]) == (404, "No list was signed yet:")


@pytest.mark.parametrize(
    ("made", "said"),
    [("stranger", "is not signed by"), ("ended", "has ended"), ("older", "lacks certificate"),
     ("words", "answers is no list"), ("nothing", "cannot be fetched")],
)  # fmt: skip
def test_a_broker_takes_no_other_list(made: str, said: str, ca: Path, tmp_path: Path) -> None:
    """A stranger's, an ended, an older one, a page, and no answer: the present list stays."""
    first = (ca / "crl.pem").read_bytes()
    assert run(tmp_path, "make-certificates", "revoke", "berlin.desk9")[0] == 0
    present = (ca / "crl.pem").read_bytes()
    offered = tmp_path / "offered.pem"
    match made:
        case "stranger":
            offered.write_bytes(strangers(tmp_path))
        case "ended":
            offered.write_bytes(ended(ca))
        case "older":
            offered.write_bytes(first)
        case "words":
            offered.write_text("<html>502 Bad Gateway</html>")
    take = ["take-revocations", f"file://{offered}", str(ca), "touch", str(tmp_path / "told")]
    status, words = run(tmp_path, *take)
    assert (status, (ca / "crl.pem").read_bytes()) == (1, present), words
    assert said in words
    assert words.startswith("<3>take-revocations: ")
    assert not (tmp_path / "told").exists()
    assert not list(ca.glob(".crl.new*"))


def strangers(folder: Path) -> bytes:
    """Another authority's list."""
    (folder / "stranger").mkdir()
    assert run(folder / "stranger", "make-certificates", "ca")[0] == 0
    return (folder / "stranger/certificates/crl.pem").read_bytes()


def ended(ca: Path) -> bytes:
    """A list of the authority's own that was good until yesterday."""
    was = datetime.now(UTC) - timedelta(days=3651)
    return revocations.text(revocations.united(by(ca), [], {}, was)).encode()


def test_a_broker_that_did_not_obey_is_told_again(ca: Path, tmp_path: Path) -> None:
    """Until the command has succeeded once for the list that is there; then no more."""
    offered = tmp_path / "offered.pem"
    offered.write_bytes((ca / "crl.pem").read_bytes())
    take = ["take-revocations", f"file://{offered}", str(ca), "sh", "-c"]
    fails = f"echo told >> {tmp_path}/told; test -e {tmp_path}/works"
    assert run(tmp_path, *take, fails)[0] == 1
    assert run(tmp_path, *take, fails)[0] == 1
    (tmp_path / "works").touch()
    assert run(tmp_path, *take, fails)[0] == 0
    assert run(tmp_path, *take, fails) == (0, "")
    assert (tmp_path / "told").read_text() == "told\n" * 3


def test_rabbitmq_reads_the_list_without_its_hints(ca: Path, tmp_path: Path) -> None:
    """Erlang takes a file that begins with a comment for no PEM, and then lets nobody in."""
    assert run(tmp_path, "make-certificates", "revoke", "berlin.desk9")[0] == 0
    bare = (ca / "crl.pem").read_text()
    (ca / "crl.pem").write_text(f"# 2a berlin.desk9\n{bare}")
    told = tmp_path / "rabbitmqctl"
    told.write_text(f'#!/bin/sh\necho "$3" >> {tmp_path}/told\n')
    told.chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "REVOKED": "berlin.desk9"}
    subprocess.run([DOCS.parent / "cluster/shut-out", ca], env=environment, check=True)
    (there,) = (ca / "crl").iterdir()
    assert there.suffix == ".r0"
    assert there.read_text().startswith("-----BEGIN X509 CRL-----\n")
    assert serials(there.read_bytes()) == serials(bare) != set()
    assert (tmp_path / "told").read_text() == "berlin.desk9\n"


def test_sign_goes_on_and_keeps_the_list_beside(
    sered: Callable[..., Ended], tmp_path: Path, ca: Path
) -> None:
    """`sign --out` writes crl.pem for everybody to read; `shut-out` names who is not known."""
    path = tmp_path / "central.toml"
    path.write_text(f'[store]\nurl = "sqlite:///{tmp_path}/central.db"\n')
    assert sered("central", "init", "--config", path).status == 0
    refused = sered("central", "shut-out", "berlin", "desk1", "--config", path)
    assert refused.err.startswith("sered: Central has given berlin/desk1 nothing")
    keys = ("--ca", ca / "ca.crt", "--key", ca / "ca.key", "--out", tmp_path / "out")
    done = sered("central", "sign", *keys, "--config", path)
    assert done.out == "crl.pem: signed\nNobody waits for a signature.\n"
    assert (tmp_path / "out/crl.pem").stat().st_mode & 0o777 == 0o644
    assert sered("central", "sign", *keys, "--config", path).out == (
        "Nobody waits for a signature.\n"
    )
