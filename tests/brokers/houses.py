"""Brokers of other houses as real processes: each lives in the Debian release that ships it."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
import re
import shutil
import socket
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from broker import free_port

if TYPE_CHECKING:
    from collections.abc import Mapping

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "sered" / "machines"
PACKAGES = "rabbitmq-server,nats-server,mosquitto,ca-certificates"
USER, PASSWORD = "box", "a-long-word"


def house(suite: str) -> Path:
    """The root folder of a Debian release with its brokers in it, made once and kept."""
    root = CACHE / f"{suite}-brokers"
    unfinished = root / ".unfinished"
    if (root / "etc/debian_version").exists() and not unfinished.exists():
        return root
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    unfinished.touch()
    command = ["debootstrap", "--variant=minbase", f"--include={PACKAGES}", suite, str(root)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    # Erlang looks its own name up
    (root / "etc/hosts").write_text("127.0.0.1 localhost\n")
    unfinished.unlink()
    return root


@dataclass
class HouseBroker:
    """One broker process inside a release; `kill()` and `restart()` keep its port and store."""

    suite: str
    kind: str
    """mosquitto, rabbitmq or nats."""
    denied: str = ""
    """A topic that the box may not write, where the broker has rules of its own."""
    largest: int = 0
    """Bytes of the largest packet; 0: as it comes."""
    host: str = "127.0.0.1"
    port: int = field(default_factory=free_port)
    tls: None = None
    """Never: what is tried here does not hang on it."""

    def __post_init__(self) -> None:
        self.root = house(self.suite)
        self.inside = Path("/tmp") / f"sered-{self.kind}-{self.port}"
        self.folder = self.root / self.inside.relative_to("/")
        self.folder.mkdir(parents=True)
        self._running: list[subprocess.Popen[bytes]] = []
        self._others = [free_port() for _ in range(3)]

    @property
    def amqp(self) -> int:
        """Port of RabbitMQ's own protocol."""
        return self._others[0]

    def start(self) -> HouseBroker:
        """Start it and wait until it answers."""
        command, environment = getattr(self, f"_{self.kind}")()
        if self.kind == "rabbitmq":
            # Erlang's name server would stay behind as a daemon: this one ends with the broker
            self._run(["epmd", "-address", "127.0.0.1", "-port", str(self._others[2])], {})
            self._await(self._others[2])
        self._run(command, environment)
        self._await(self.port)
        if self.kind == "rabbitmq":
            # MQTT's door opens before its own
            self._await(self.amqp)
        return self

    def _run(self, command: list[str], environment: Mapping[str, str]) -> None:
        with (self.folder / "output").open("ab") as output:
            self._running.append(
                subprocess.Popen(
                    ["chroot", str(self.root), *command],
                    env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", **environment},
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    # it may have children: they end with it
                    start_new_session=True,
                )
            )

    def _await(self, port: int) -> None:
        end = time.monotonic() + 300
        while not self._answers(port):
            assert self._running[-1].poll() is None, self.words()
            assert time.monotonic() < end, self.words()
            time.sleep(0.05)

    def _answers(self, port: int) -> bool:
        try:
            socket.create_connection((self.host, port), timeout=1).close()
        except OSError:
            return False
        return True

    def words(self) -> str:
        """What it said last."""
        return (self.folder / "output").read_text(errors="replace")[-2000:]

    def kill(self) -> None:
        """End it and all that it started, as a power cut would."""
        for process in reversed(self._running):
            family = [psutil.Process(process.pid)] if process.poll() is None else []
            family += [child for parent in family for child in parent.children(recursive=True)]
            for each in family:
                with contextlib.suppress(psutil.NoSuchProcess):
                    each.kill()
            psutil.wait_procs(family, timeout=30)
            process.wait(timeout=30)
        self._running.clear()

    def stop(self) -> None:
        """End it for good and forget its store."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def restart(self) -> None:
        """Kill it and start it again at the same port."""
        self.kill()
        self.start()

    def _write(self, name: str, text: str) -> str:
        (self.folder / name).write_text(text)
        return str(self.inside / name)

    def _mosquitto(self) -> tuple[list[str], Mapping[str, str]]:
        lines = [
            "user root",
            f"listener {self.port} {self.host}",
            "allow_anonymous true",
            "persistence true",
            f"persistence_location {self.inside}/",
            "autosave_on_changes true",
            "autosave_interval 1",
        ]
        if self.denied:
            acl = self._write("acl", f"user {USER}\ntopic readwrite #\ntopic deny {self.denied}\n")
            lines.append(f"acl_file {acl}")
        if self.largest:
            lines.append(f"message_size_limit {self.largest}")
        return ["mosquitto", "-c", self._write("conf", "\n".join([*lines, ""]))], {}

    def _nats(self) -> tuple[list[str], Mapping[str, str]]:
        deny = self.denied.replace("/", ".")
        rules = f', permissions: {{publish: {{deny: ["{deny}"]}}}}' if deny else ""
        conf = f"""
        listen: "127.0.0.1:{self._others[0]}"
        server_name: one
        {f"max_payload: {self.largest}" if self.largest else ""}
        jetstream {{ store_dir: "{self.inside}/store" }}
        mqtt {{ listen: "{self.host}:{self.port}" }}
        accounts {{ site {{ jetstream: enabled
          users: [ {{user: {USER}, password: {PASSWORD} {rules} }} ] }} }}
        """
        return ["nats-server", "-c", self._write("conf", conf)], {}

    def _definitions(self) -> dict[str, object]:
        """RabbitMQ's users and what they may do: topics have dots for slashes there."""
        salt = b"salt"
        digest = hashlib.sha256(salt + PASSWORD.encode()).digest()
        mine = {"user": USER, "vhost": "/"}
        denied = re.escape(self.denied.replace("/", "."))
        return {
            "vhosts": [{"name": "/"}],
            "users": [
                {
                    "name": USER,
                    "password_hash": base64.b64encode(salt + digest).decode(),
                    "hashing_algorithm": "rabbit_password_hashing_sha256",
                    "tags": "",
                }
            ],
            "permissions": [{**mine, "configure": ".*", "write": ".*", "read": ".*"}],
            "topic_permissions": [
                {**mine, "exchange": "amq.topic", "write": f"^(?!{denied}$)", "read": ".*"}
            ]
            if denied
            else [],
        }

    def _rabbitmq(self) -> tuple[list[str], Mapping[str, str]]:
        amqp, dist, epmd = self._others
        definitions = self._write("definitions.json", json.dumps(self._definitions()))
        conf = f"""
        load_definitions = {definitions}
        listeners.tcp.1 = 127.0.0.1:{amqp}
        mqtt.listeners.tcp.1 = {self.host}:{self.port}
        vm_memory_calculation_strategy = erlang
        """
        if self.largest:
            conf += f"mqtt.max_packet_size_authenticated = {self.largest}\n"
        return ["/usr/lib/rabbitmq/bin/rabbitmq-server"], {
            "HOME": str(self.inside),
            "RABBITMQ_CONFIG_FILE": self._write("rabbitmq.conf", conf),
            "RABBITMQ_ENABLED_PLUGINS_FILE": self._write("plugins", "[rabbitmq_mqtt].\n"),
            "RABBITMQ_MNESIA_BASE": str(self.inside / "store"),
            "RABBITMQ_LOG_BASE": str(self.inside / "log"),
            "RABBITMQ_NODENAME": f"sered{self.port}@localhost",
            "RABBITMQ_DIST_PORT": str(dist),
            "ERL_EPMD_PORT": str(epmd),
            "LANG": "C.UTF-8",
        }
