"""What is tried on what the recipe built: a call's whole way, and a box that is shut out."""

from __future__ import annotations

import re
import ssl
import time
from functools import partial
from typing import TYPE_CHECKING

import httpx

from cluster.net import RABBITS, until
from sered.central.simulate import messages, play, truth
from sered.contract import topics
from sered.delivery.connection import Connection
from sered.errors import BrokerError
from sered.settings import MqttSettings
from system.desk import CHECKOUT

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from system.machine import Machine

PASSWORD = "a long walk by the sea"
_CONFIG = "--config /etc/sered-central/central.toml"
_BOX = """\
site = "berlin"
device = "desk2"
[mqtt]
tls = true
host = "front"
port = 8883
cert = "/root/box/box.crt"
key = "/root/box/box.key"
"""
SHUT_OUT_S = 60.0
"""What is promised; waited is longer, so that a busy machine shows all the rest, too."""
_WITHIN_S = 300.0


def connected(authority: Path, certificate: Path, key: Path, host: str = "front") -> Connection:
    """A box, by the front or at one node, under a name of its own choice; raises BrokerError."""
    where = {"host": host, "port": 8883, "tls": True, "ca": authority}
    mqtt = MqttSettings.model_validate({**where, "cert": certificate, "key": key})
    return Connection(mqtt, f"box-{certificate.parent.name}-{certificate.stem}-{host}")


def taught(rabbit: Machine, file: str, rules: str) -> None:
    """Logins and rules, given to the brokers as the page says; rabbitmqctl gives up by itself."""
    rabbit.disk.write(f"/etc/rabbitmq/{file}", rules)
    give = f"rabbitmqctl import_definitions /etc/rabbitmq/{file}"
    rabbit.run(f"{give} || {give} || {give}", timeout_s=600)


def over(connection: Connection) -> bool:
    """Whether the broker has ended it."""
    try:
        connection.pump(0.1)
    except BrokerError:
        return True
    return False


def a_call_goes_the_whole_way(made: Path, pg1: Machine, seed: int = 1) -> None:
    """From a box with its own certificate over the front into the store, and to a case."""
    desk = truth.Desk("berlin", "desk1", "line1", "1", "")
    call = next(iter(play.calls_now((desk,), seed=seed, escalating=1.0)))
    box = connected(made / "ca.crt", made / "berlin.desk1.crt", made / "berlin.desk1.key")
    body = messages.report(call).model_dump_json(by_alias=True).encode()
    box.publish(topics.topic("sered", "berlin", "desk1", "calls"), body, qos=1, retain=False)

    def stored() -> bool:
        box.pump(0.1)
        query = f"SELECT count(*) FROM cases WHERE call_id = '{call.call_id}'"
        psql = "runuser -u postgres -- psql -h /run/postgresql -d sered"
        return pg1.run(f'{psql} -Atc "{query}"').out == "1"

    took = until(stored, _WITHIN_S, "the call's case in the store")
    print(f"a call of a box is a case in the store after {took:.1f} s", flush=True)
    box.publish(topics.topic("sered", "berlin", "desk2", "calls"), body, qos=1, retain=False)
    until(lambda: _not_taken(box), _WITHIN_S, "the refusal of what goes into another's tree")
    print("what a box writes into another's tree is refused", flush=True)


def a_box_is_shut_out(made: Path, machines: Mapping[str, Machine]) -> float:
    """The button ends its connection and keeps it out, after so many seconds; another's stays."""
    central = machines["central1"]
    files = central.disk.root / "root/box"
    hosts = ssl.create_default_context(cafile=made.parent / "hosts/certificates/ca.crt")
    board = httpx.Client(base_url="https://front", verify=hosts, timeout=60.0)
    central.run(f"echo '{PASSWORD}' | sered-central central user add ada --role admin {_CONFIG}")
    login = board.post("/login", data={"login": "ada", "password": PASSWORD})
    assert login.status_code == 303, login.text
    central.disk.write("/root/box/sered.toml", _BOX)
    central.run(
        f"cd /root/box; sered-central central enrol berlin desk2 {_CONFIG} >token; systemd-run -q"
        " --unit=box sered-central enrol --central https://front --every-s 1"
        f" --ca {CHECKOUT}/hosts/certificates/ca.crt"
        " --token-file /root/box/token --config /root/box/sered.toml"
    )
    until(lambda: "Approve berlin/desk2" in board.get("/enrolments").text, _WITHIN_S, "its request")
    shown = re.search(r'name="fingerprint" value="([0-9a-f]{64})"', board.get("/enrolments").text)
    assert shown
    _press(board, "/enrolments/1", fingerprint=shown[1], said="yes")
    took = until((files / "box.crt").exists, _WITHIN_S, "its certificate")
    print(f"a certificate {took:.1f} s after the yes", flush=True)
    rogue = connected(made / "ca.crt", files / "box.crt", files / "box.key")
    other = connected(made / "ca.crt", made / "berlin.desk1.crt", made / "berlin.desk1.key")
    began = time.monotonic()
    _press(board, "/enrolments/shut-out", site="berlin", device="desk2")
    took = until(lambda: over(other) or over(rogue), _WITHIN_S, "the end of its connection")
    assert not over(other), "another box's connection was cut"
    print(f"cut off {took:.1f} s after the no", flush=True)
    for node in RABBITS:
        # the front would lead to those that have the fewest connections only
        until(partial(_refused, made, files, node), _WITHIN_S, f"the refusal of {node}")
    took = time.monotonic() - began
    print(f"and refused by all three after {took:.1f} s", flush=True)
    mine = made / "ca.crt", made / "berlin.desk1.crt", made / "berlin.desk1.key"
    more = [connected(*mine, node) for node in RABBITS]
    print("another box is let in as before, by all three", flush=True)
    for one in more:
        one.close()
    return took


def _not_taken(box: Connection) -> bool:
    try:
        return any(reason.is_failure for _, reason in box.pump(0.1))
    except BrokerError:
        return True


def _refused(made: Path, files: Path, node: str) -> bool:
    try:
        connected(made / "ca.crt", files / "box.crt", files / "box.key", node).close()
    except BrokerError:
        return True
    return False


def _press(board: httpx.Client, path: str, **form: str) -> None:
    token = re.search(r'name="csrf" value="([^"]+)"', board.get("/enrolments").text)
    assert token
    assert board.post(path, data={"csrf": token[1], **form}).status_code == 303
