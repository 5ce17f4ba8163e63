"""The way to the broker: a real Mosquitto, each fault made at the broker, its certificate or us."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from broker import Authority, Broker, Listener, free_port
from message_makers import status
from old_broker import Manner, Old
from sered.box import snapshot
from sered.contract import messages
from sered.diagnose.checks import network, probing
from sered.diagnose.model import Context, Mark, Result

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow


Examine = Callable[..., dict[str, Result]]
Look = Callable[..., dict[str, Result]]

WRITE_ONLY = "pattern write sered/%u/#\n"


@pytest.fixture
def brokers(tmp_path: Path) -> Iterator[Callable[..., Broker]]:
    started: list[Broker] = []

    def start(**options: Any) -> Broker:
        broker = Broker(tmp_path / f"broker{len(started)}", **options)
        started.append(broker)
        return broker.start()

    yield start
    for broker in started:
        broker.kill()


Brokers = Callable[..., Broker]


@pytest.fixture
def look(
    configured: Callable[..., Context], examine: Examine, monkeypatch: pytest.MonkeyPatch
) -> Look:
    """Results for a box `oslo/desk4` with these lines under [mqtt]."""
    # on the loopback interface an echo that has not come by then will not come
    monkeypatch.setattr(probing, "_ECHO_S", 0.4)

    def look(mqtt: str, **where: object) -> dict[str, Result]:
        context = configured(f'site = "oslo"\ndevice = "desk4"\n[mqtt]\n{mqtt}\n', **where)
        assert context.settings, context.config_error
        return examine("broker", context)

    return look


def at(broker: Broker, more: str = "", host: str = "localhost") -> str:
    return f'host = "{host}"\nport = {broker.port}\n{more}'


def failed(results: dict[str, Result], name: str) -> Result:
    """The result of the check that must be the first to fail; its dependents say so."""
    bad = [result for result in results.values() if result.mark is Mark.FAIL]
    assert [result.check.id for result in bad] == [f"broker.{name}"]
    for result in list(results.values())[list(results).index(f"broker.{name}") + 1 :]:
        if bad[0].check.fatal:
            assert result.found == f"broker.{name} failed"
    return bad[0]


def test_a_broker_in_order_passes_and_its_echo_is_timed(brokers: Brokers, look: Look) -> None:
    """Nothing is wrong with a plain Mosquitto, and a message's way there and back is measured."""
    results = look(at(brokers()))
    assert {r.mark for r in results.values()} <= {Mark.OK, Mark.SKIP}
    assert "back after" in results["broker.echo"].found
    assert results["broker.certificate"].found == "[mqtt] tls is off"
    assert results["broker.retained"].found == "no retained status that this box may read"
    assert results["broker.topics"].found == "status, health, calls, alerts"


def test_subscribers_can_tell_a_probe_and_nothing_of_it_stays(brokers: Brokers, look: Look) -> None:
    """The doctor's messages carry a schema of their own and are not retained."""
    broker = brokers()
    central = Listener(broker)
    look(at(broker, "live = true"))
    heard = [(t, json.loads(p)["schema"], r) for t, p, r in central.messages]
    central.close()
    leaves = ["status", "health", "calls", "alerts", "live", "doctor"]
    assert heard == [(f"sered/oslo/desk4/{leaf}", "sered.probe/1", False) for leaf in leaves]
    late = Listener(broker, client_id="late")
    time.sleep(0.2)
    assert late.messages == []
    late.close()


def test_an_unknown_name_or_no_name_server_is_told(look: Look) -> None:
    """Which of the two it is depends on whether this machine has a name server."""
    result = failed(look('host = "broker.invalid"'), "name")
    assert result.fault in ("unknown", "no_dns")
    assert "broker.invalid" in result.found
    assert "getent hosts" in result.hint or "resolv.conf" in result.hint


@pytest.mark.parametrize(
    ("code", "fault", "hint"),
    [
        (socket.EAI_AGAIN, "no_dns", "resolv.conf"),
        (socket.EAI_NONAME, "unknown", "spelt right"),
    ],
)
def test_a_missing_name_server_and_a_wrong_name_are_told_apart(
    look: Look, monkeypatch: pytest.MonkeyPatch, code: int, fault: str, hint: str
) -> None:
    """The resolver's two answers are made up, since a machine gives only one of them."""

    def answer(*_: object, **__: object) -> object:
        raise socket.gaierror(code, "as the resolver says")

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    result = failed(look('host = "broker.example"'), "name")
    assert result.fault == fault
    assert hint in result.hint


def test_a_broker_that_is_down_is_told_by_its_port(look: Look) -> None:
    """A port where nothing listens is named, with the host, in the hint."""
    port = free_port()
    result = failed(look(f'host = "localhost"\nport = {port}'), "port")
    assert result.fault == "refused"
    assert f"Nothing listens at localhost:{port}" in result.hint


def test_a_firewall_that_drops_the_way_is_told(look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    """A listener whose queue is full answers no more, as a dropping firewall does."""
    monkeypatch.setattr(network, "CONNECT_TIMEOUT_S", 0.3)
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting = [socket.socket() for _ in range(3)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(full.getsockname())
        result = failed(look(f'host = "127.0.0.1"\nport = {full.getsockname()[1]}'), "port")
        for one in waiting:
            one.close()
    assert result.fault == "no_answer"
    assert "firewall" in result.hint


def test_a_wrong_password_is_told_and_never_shown(brokers: Brokers, look: Look) -> None:
    """A refused login names the user and what to look at, and no line shows the password."""
    broker = brokers(passwords={"desk4": "right"})
    results = look(at(broker, 'username = "desk4"\npassword = "wr0ngsecret"'))
    result = failed(results, "login")
    assert result.fault == "denied", "Mosquitto 2 tells no wrong password from a wrong ACL"
    assert "as desk4" in result.hint
    assert "username and password first" in result.hint
    assert "mosquitto_passwd" in result.hint
    assert not any("wr0ngsecret" in f"{r.found} {r.hint}" for r in results.values())


def test_the_right_password_passes_and_a_box_that_may_only_write_is_in_order(
    brokers: Brokers, look: Look
) -> None:
    """An ACL that lets the box write and not read is no fault."""
    broker = brokers(passwords={"oslo": "right"}, acl=WRITE_ONLY)
    results = look(at(broker, 'username = "oslo"\npassword = "right"'))
    assert {r.mark for r in results.values()} <= {Mark.OK, Mark.SKIP}
    assert results["broker.echo"].found.endswith("its ACL lets this box only write")


def test_a_topic_that_the_acl_denies_is_named(brokers: Brokers, look: Look) -> None:
    """The one topic that may not be written is named in finding and hint."""
    rules = "user box\n" + "".join(
        f"topic write sered/oslo/desk4/{leaf}\n" for leaf in ("status", "health", "calls", "doctor")
    )
    broker = brokers(passwords={"box": "right"}, acl=rules)
    result = failed(look(at(broker, 'username = "box"\npassword = "right"')), "topics")
    assert result.fault == "denied"
    assert result.found == "the broker refuses sered/oslo/desk4/alerts"
    assert "ACL" in result.hint
    assert "sered/oslo/desk4/alerts" in result.hint


def test_every_topic_that_is_denied_is_named(brokers: Brokers, look: Look) -> None:
    """Mosquitto 2.0.11 hangs up after each refusal: the rest are asked about all the same."""
    broker = brokers(
        passwords={"box": "right"}, acl="user box\ntopic write sered/oslo/desk4/calls\n"
    )
    result = failed(look(at(broker, 'username = "box"\npassword = "right"')), "topics")
    assert result.fault == "denied"
    for leaf in ("status", "health", "alerts"):
        assert f"sered/oslo/desk4/{leaf}" in result.found
    assert "sered/oslo/desk4/calls" not in result.found


def test_over_mqtt_3_what_comes_back_is_proven(brokers: Brokers, look: Look) -> None:
    """Over MQTT 3.1.1 each topic is listened to: what comes back was taken."""
    results = look(at(brokers(), 'version = "3.1.1"'))
    assert results["broker.topics"].found.endswith("each came back")
    assert {r.mark for r in results.values()} <= {Mark.OK, Mark.SKIP}


def test_over_mqtt_3_a_box_that_may_only_read_is_told(brokers: Brokers, look: Look) -> None:
    """Acknowledged and thrown away: the doctor does not say that the box may write."""
    rules = "user box\ntopic read sered/oslo/desk4/#\n"
    broker = brokers(passwords={"box": "right"}, acl=rules)
    results = look(at(broker, 'version = "3.1.1"\nusername = "box"\npassword = "right"'))
    result = failed(results, "topics")
    assert result.fault == "swallowed"
    assert "does not come back although we may read: probably refused" in result.found
    assert "sered/oslo/desk4/calls" in result.hint
    assert not any("only write" in r.found for r in results.values())


@pytest.mark.parametrize("manner", ["answers", "hangs up"])
def test_a_broker_without_mqtt_5_is_asked_in_3(
    manner: Manner, brokers: Brokers, look: Look
) -> None:
    """The doctor falls back as the service does, names the setting, and advises no MQTT 5."""
    broker = brokers()
    old = Old(broker, manner)
    results = look(f'host = "127.0.0.1"\nport = {old.port}\n')
    result = results["broker.login"]
    assert (result.mark, result.fault) == (Mark.WARN, "older")
    assert 'version = "3.1.1"' in result.hint
    assert results["broker.topics"].found.endswith("each came back")
    assert not any('version = "5"' in f"{r.found} {r.hint}" for r in results.values())
    old.close()


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "ca")


def secure(brokers: Brokers, authority: Authority, **issue: object) -> Broker:
    names: dict[str, Any] = {"name": "localhost", "ends_in_days": 90} | issue
    certificate, key = authority.issue(**names)
    return brokers(tls=(authority.certificate, certificate, key))


def test_tls_in_order_passes_and_tells_the_last_day(
    brokers: Brokers, look: Look, authority: Authority
) -> None:
    """A trusted certificate passes, and the day on which it ends is told."""
    broker = secure(brokers, authority)
    results = look(at(broker, f'tls = true\nca = "{authority.certificate}"'))
    assert {r.mark for r in results.values()} <= {Mark.OK, Mark.SKIP}
    assert results["broker.certificate"].found.startswith("trusted, valid until 20")


def test_an_expired_certificate_is_told_with_this_boxs_date(
    brokers: Brokers, look: Look, authority: Authority
) -> None:
    """The hint gives this box's own date, as a wrong clock looks the same."""
    broker = secure(brokers, authority, ends_in_days=-1)
    result = failed(look(at(broker, f'tls = true\nca = "{authority.certificate}"')), "certificate")
    assert result.fault == "expired"
    assert time.strftime("%Y-%m-%d", time.gmtime()) in result.hint
    assert "system.clock" in result.hint


def test_a_certificate_that_ends_soon_is_a_warning(
    brokers: Brokers, look: Look, authority: Authority
) -> None:
    """Five days before its end a certificate is a warning, not a failure."""
    broker = secure(brokers, authority, ends_in_days=5)
    results = look(at(broker, f'tls = true\nca = "{authority.certificate}"'))
    assert (results["broker.certificate"].mark, results["broker.certificate"].fault) == (
        Mark.WARN,
        "soon",
    )


@pytest.mark.parametrize("name", ["Other CA", "Test CA"])
def test_a_broker_signed_by_another_authority_is_told_with_the_one_we_trust(
    brokers: Brokers, look: Look, authority: Authority, tmp_path: Path, name: str
) -> None:
    """Also by one that was made anew under the old name."""
    other = Authority(tmp_path / "other", name=name)
    broker = secure(brokers, authority)
    result = failed(look(at(broker, f'tls = true\nca = "{other.certificate}"')), "certificate")
    assert result.fault == "unknown_authority"
    assert str(other.certificate) in result.hint


def test_a_certificate_for_another_host_is_told(
    brokers: Brokers, look: Look, authority: Authority
) -> None:
    """A certificate for another name is told with the name that was asked for."""
    broker = secure(brokers, authority, name="mqtt.example")
    result = failed(look(at(broker, f'tls = true\nca = "{authority.certificate}"')), "certificate")
    assert result.fault == "other_host"
    assert "now: localhost" in result.hint


def test_tls_at_a_port_that_speaks_clear_text_is_told(brokers: Brokers, look: Look) -> None:
    """TLS at a clear-text port names both ports."""
    result = failed(look(at(brokers(), "tls = true")), "certificate")
    assert result.fault == "no_tls"
    assert "8883, not 1883" in result.hint


def test_a_ca_file_that_is_none_is_told(brokers: Brokers, look: Look, tmp_path: Path) -> None:
    """A `ca` that holds no certificate is told with its path."""
    wrong = tmp_path / "ca.txt"
    wrong.write_text("not a certificate")
    result = failed(look(at(brokers(), f'tls = true\nca = "{wrong}"')), "certificate")
    assert result.fault == "bad_file"
    assert str(wrong) in result.found


def test_a_broker_that_wants_our_certificate_is_told(
    brokers: Brokers, look: Look, authority: Authority
) -> None:
    """A broker that asks for a client certificate fails the login with a hint at it."""
    certificate, key = authority.issue("localhost", ends_in_days=90)
    broker = brokers(tls=(authority.certificate, certificate, key), client_certificates=True)
    result = failed(look(at(broker, f'tls = true\nca = "{authority.certificate}"')), "login")
    assert result.fault in ("tls", "failed")
    assert "cert" in result.hint or "log" in result.hint


def test_something_that_is_no_broker_is_told(look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that takes the connection and says nothing is no broker, and is called so soon."""
    monkeypatch.setattr("sered.delivery.connection.ANSWER_S", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as server:
        kept: list[tuple[socket.socket, object]] = []
        thread = threading.Thread(
            target=lambda: kept.extend(server.accept() for _ in range(2)), daemon=True
        )
        thread.start()
        result = failed(look(f'host = "127.0.0.1"\nport = {server.getsockname()[1]}'), "login")
        thread.join(5)
        for connection, _ in kept:
            connection.close()
    assert result.fault == "mute"
    assert "[mqtt] port" in result.hint


def online(state: str) -> bytes:
    return messages.encode(status(state, "line1: hears the tap.", site="oslo", device="desk4"))


def retain(broker: Broker, payload: bytes) -> None:
    from paho.mqtt import publish

    publish.single(
        "sered/oslo/desk4/status",
        payload,
        qos=1,
        retain=True,
        hostname=broker.host,
        port=broker.port,
    )


def test_the_retained_status_is_quoted(brokers: Brokers, look: Look) -> None:
    """What the broker keeps as this box's status is shown as it is."""
    broker = brokers()
    retain(broker, online("online"))
    result = look(at(broker))["broker.retained"]
    assert (result.mark, result.found) == (Mark.OK, "online: line1: hears the tap.")


def test_a_retained_offline_while_the_service_runs_is_told(brokers: Brokers, look: Look) -> None:
    """`offline` on the broker beside a running service points at another box of the same name."""
    broker = brokers()
    retain(broker, online("offline"))
    known: dict[str, Any] = {"status": status()}
    running = snapshot.Snapshot.model_construct(**known)
    result = look(at(broker), service=running)["broker.retained"]
    assert (result.mark, result.fault) == (Mark.WARN, "stale")
    assert "another box" in result.hint


def test_something_foreign_on_the_status_topic_is_told(brokers: Brokers, look: Look) -> None:
    """A retained payload that is none of ours is called foreign."""
    broker = brokers()
    retain(broker, b"ON")
    assert look(at(broker))["broker.retained"].fault == "foreign"


def test_the_service_keeps_its_session_while_the_doctor_looks(brokers: Brokers, look: Look) -> None:
    """Two clients with one id throw each other out: the doctor has a name of its own."""
    broker = brokers()
    service = Listener(broker, client_id="sered-oslo-desk4")
    look(at(broker))
    assert "already connected" not in broker.log.read_text()
    service.close()
