"""The machines of the cluster: RabbitMQ, PostgreSQL under Patroni, etcd and fronts of Debian 13.

Each runs from docs/cluster's own files; what stands there as a word to put in is put in.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from brokers.houses import CACHE
from cluster.net import FRONT, HOSTS, Host
from project import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping

    Commands = tuple[list[list[str]], Mapping[str, str]]
    """Each server of a machine, and the environment of all."""

DOCS = ROOT / "docs" / "cluster"
WORD = "a-long-word"
_PACKAGES = (
    "rabbitmq-server,postgresql,haproxy,keepalived,patroni,etcd-server,ca-certificates,iproute2"
)
_QUIET_ERLANG = "+sbwt none +sbwtdcpu none +sbwtdio none +S 2:2"


_HOUSE = CACHE / "trixie-cluster"


def build() -> None:
    """Debian 13 with all of it, made once and kept; wants the network that `net.enter` leaves."""
    root = _HOUSE
    unfinished = root / ".unfinished"
    if not (root / "usr/sbin/keepalived").exists() or unfinished.exists():
        shutil.rmtree(root, ignore_errors=True)
        root.mkdir(parents=True)
        unfinished.touch()
        command = ["debootstrap", "--variant=minbase", f"--include={_PACKAGES}", "trixie"]
        subprocess.run([*command, str(root)], check=True, stdout=subprocess.DEVNULL)
        unfinished.unlink()


def house() -> Path:
    """Where it is, ready to be run in."""
    root = _HOUSE
    for name, kind in (("proc", "proc"), ("run", "tmpfs"), ("dev/shm", "tmpfs")):
        subprocess.run(["mount", "-t", kind, kind, str(root / name)], check=True)
    for name in ("null", "zero", "urandom", "random"):
        (root / "dev" / name).touch()
        subprocess.run(["mount", "--bind", f"/dev/{name}", root / "dev" / name], check=True)
    subprocess.run(["mount", "--bind", "/etc/hosts", str(root / "etc/hosts")], check=True)
    return root


def certificates(folder: Path) -> Path:
    """The boxes' authority: brokers behind one name, central, and a box that is many.

    The hosts' own lies beside it, in `hosts/certificates`.
    """
    words = [["ca"], ["broker", "front", "rabbit1", "rabbit2", "rabbit3"]]
    words += [["client", "central"], ["client", "box"], ["box", "berlin", "desk1"]]
    _make(folder, words)
    (folder / "hosts").mkdir()
    more = {"pg1": ["front", "localhost"], "pg2": ["front", "localhost"]}
    names = [*(name for name in HOSTS if not name.startswith("front")), "front"]
    _make(
        folder / "hosts",
        [["ca"], *(["server", each, each, *more.get(each, [])] for each in names)],
    )
    return folder / "certificates"


def _make(folder: Path, words: list[list[str]]) -> None:
    for each in words:
        script = [str(ROOT / "docs/mqtt/make-certificates"), *each]
        subprocess.run(script, cwd=folder, check=True, capture_output=True)


def of_host(tls: Path, name: str, into: Path, authority: str = "ca.crt") -> None:
    """Put a host's own certificate and key into a folder, and who signed them."""
    into.mkdir(exist_ok=True)
    made = tls.parent / "hosts/certificates"
    shutil.copy(made / "ca.crt", into / authority)
    for end in ("crt", "key"):
        shutil.copy(made / f"{name}.{end}", into / f"host.{end}")


@dataclass
class Machine:
    """One host with one kind of server; its disk is of `disk_mb` in memory."""

    name: str
    root: Path
    tls: Path
    """Folder of certificates."""
    disk_mb: int = 600
    host: Host = field(init=False)
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    """By the name of the program."""

    def __post_init__(self) -> None:
        self.host = Host(self.name)
        self.disk = self.root / "srv" / self.name
        self.disk.mkdir(parents=True, exist_ok=True)
        size = f"size={self.disk_mb}m"
        subprocess.run(["mount", "-t", "tmpfs", "-o", size, "tmpfs", str(self.disk)], check=True)
        self.inside = Path("/srv") / self.name
        self.kind = self.name.rstrip("0123456789")
        getattr(self, f"_prepare_{self.kind}")()

    def start(self) -> None:
        """Start what does not run of its servers; `await_` says when they are there."""
        commands, environment = getattr(self, f"_{self.kind}")()
        user = "postgres" if self.kind == "pg" else "root"
        inner = ["chroot", f"--userspec={user}:{user}", str(self.root)]
        for command in commands:
            name = Path(command[0]).name
            if name in self.running and self.running[name].poll() is None:
                continue
            with (self.disk / "output").open("ab") as output:
                self.running[name] = subprocess.Popen(
                    [*self.host.enter(), *inner, "env", "-i", *_environment(environment), *command],
                    stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
                )  # fmt: skip

    def kill(self, only: str = "") -> None:
        """As a power cut would: everything that it started; `only` what has this name."""
        holder = self.host.run("readlink /proc/self/ns/net").strip()
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, OSError):
                same = Path(f"/proc/{process.pid}/ns/net").readlink() == Path(holder)
                if same and process.name() not in {"sleep", "readlink"} and only in process.name():
                    process.send_signal(signal.SIGKILL)
        for name, one in self.running.items():
            if only in name:
                one.wait(30)
        if self.has_the_address() and not only:
            # it is keepalived's, and would outlive it here
            self.host.run(f"ip addr del {FRONT}/32 dev e-{self.name}")

    def has_the_address(self) -> bool:
        """Whether it is the front of the two that is asked just now."""
        return f"{FRONT}/32" in self.host.run("ip -o addr show")

    def leads(self) -> bool:
        """Whether it is the one of etcd that the others follow."""
        tls = ssl.create_default_context(cafile=self.disk / "tls/ca.crt")
        tls.load_cert_chain(self.disk / "tls/host.crt", self.disk / "tls/host.key")
        where = f"https://{self.name}:2379/metrics"
        with contextlib.suppress(OSError):
            said = urllib.request.urlopen(where, timeout=2, context=tls).read()
            return b"\netcd_server_is_leader 1\n" in said
        return False

    def answers(self, port: int) -> bool:
        """Whether somebody listens there."""
        try:
            socket.create_connection((HOSTS[self.name], port), timeout=1).close()
        except OSError:
            return False
        return True

    def await_(self, port: int, within_s: float = 400.0) -> None:
        """Wait until it listens."""
        end = time.monotonic() + within_s
        while not self.answers(port):
            assert time.monotonic() < end, f"{self.name}: {self.words()}"
            time.sleep(0.2)

    def words(self) -> str:
        """What it said last."""
        return (self.disk / "output").read_text(errors="replace")[-3000:]

    def version(self, package: str) -> str:
        """Of a Debian package, without what Debian added."""
        query = ["dpkg-query", "-W", "-f", "${Version}", package]
        said = subprocess.run(
            ["chroot", self.root, *query], check=True, capture_output=True, text=True
        )
        return said.stdout.partition("-")[0]

    def fill(self) -> None:
        """Leave nothing of its disk."""
        with contextlib.suppress(OSError), (self.disk / "filler").open("wb", 0) as out:
            while True:
                out.write(bytes(1 << 16))

    def free(self) -> None:
        """Make room again."""
        (self.disk / "filler").unlink(missing_ok=True)

    def _prepare_rabbit(self) -> None:
        for name in (
            "rabbitmq.conf", "advanced.config", "enabled_plugins", "shut-out", "between.config",
            "rabbitmq-env.conf",
        ):  # fmt: skip
            text = (DOCS / name).read_text().replace("/etc/rabbitmq", str(self.inside))
            (self.disk / name).write_text(text)
        (self.disk / "definitions.json").write_text(json.dumps(_logins(self.tls)))
        (self.disk / "tls").mkdir(exist_ok=True)
        for name in ("ca.crt", "crl.pem", "broker.crt", "broker.key"):
            shutil.copy(self.tls / name, self.disk / "tls")
        of_host(self.tls, self.name, self.disk / "tls", "hosts.crt")
        subprocess.run(["sh", str(self.disk / "shut-out"), str(self.disk / "tls")], check=True)
        cookie = self.disk / ".erlang.cookie"
        cookie.write_text("ONESECRETOFTHECLUSTER")
        cookie.chmod(0o400)

    def _rabbit(self) -> Commands:
        return [["/usr/lib/rabbitmq/bin/rabbitmq-server"]], {
            "HOME": str(self.inside),
            "RABBITMQ_CONF_ENV_FILE": str(self.inside / "rabbitmq-env.conf"),
            "RABBITMQ_CONFIG_FILE": str(self.inside / "rabbitmq.conf"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(self.inside / "advanced.config"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.inside / "enabled_plugins"),
            "RABBITMQ_MNESIA_BASE": str(self.inside / "store"),
            "RABBITMQ_LOG_BASE": str(self.inside / "log"),
            "RABBITMQ_NODENAME": f"rabbit@{self.name}",
            # their two cores are everybody's
            "SERVER_ADDITIONAL_ERL_ARGS": _QUIET_ERLANG,
        }

    def _prepare_pg(self) -> None:
        text = (DOCS / "patroni.yml").read_text().replace('"PUT IN"', WORD)
        text = text.replace("pg1", self.name).replace("/var/lib/postgresql", str(self.inside))
        text = text.replace("/run/postgresql", str(self.inside))
        (self.disk / "patroni.yml").write_text(text.replace("/etc/patroni", str(self.inside)))
        (self.disk / "output").touch()
        of_host(self.tls, self.name, self.disk / "tls")
        for path in (self.disk, *self.disk.rglob("*")):
            identity = (self.root / "var/lib/postgresql").stat()
            os.chown(path, identity.st_uid, identity.st_gid)

    def _pg(self) -> Commands:
        return [["/usr/bin/patroni", str(self.inside / "patroni.yml")]], {"HOME": str(self.inside)}

    def _prepare_etcd(self) -> None:
        of_host(self.tls, self.name, self.disk / "tls")

    def _etcd(self) -> Commands:
        text = (DOCS / "etcd").read_text().replace("/etc/etcd", str(self.inside / "tls"))
        text = text.replace("THIS", self.name)
        lines = [line for line in text.splitlines() if not line.startswith("#")]
        known = dict(line.split("=", 1) for line in lines)
        # as the unit of Debian says
        known |= {"ETCD_NAME": self.name, "ETCD_DATA_DIR": str(self.inside / "data")}
        return [["/usr/bin/etcd"]], known

    def _prepare_front(self) -> None:
        # a test machine may not let anybody open so many files
        text = (DOCS / "haproxy.cfg").read_text().replace("maxconn 120000", "maxconn 4000")
        text = text.replace("/etc/haproxy", str(self.inside))
        text = text.replace("/run/haproxy.sock", str(self.inside / "haproxy.sock"))
        (self.disk / "haproxy.cfg").write_text(text)
        shared = (DOCS / "keepalived.conf").read_text().replace("LINK", f"e-{self.name}")
        (self.disk / "keepalived.conf").write_text(shared.replace("ADDRESS", FRONT))
        of_host(self.tls, "front", self.disk / "tls")
        both = (self.disk / "tls/host.crt").read_text() + (self.disk / "tls/host.key").read_text()
        (self.disk / "tls/front.pem").write_text(both)

    def _front(self) -> Commands:
        here = str(self.inside)
        keepalived = ["/usr/sbin/keepalived", "-n", "-l", "-f", f"{here}/keepalived.conf"]
        keepalived += ["-p", f"{here}/keepalived.pid", "-r", f"{here}/vrrp.pid"]
        return [["/usr/sbin/haproxy", "-db", "-f", f"{here}/haproxy.cfg"], keepalived], {}


def _logins(tls: Path) -> dict[str, list[dict[str, str]]]:
    """Central's, those of the boxes, and one more for the box of the test that is many."""
    ours: dict[str, list[dict[str, str]]] = json.loads((DOCS / "definitions.json").read_text())
    digest = hashlib.sha256(b"salt" + WORD.encode()).digest()
    ours["users"][0]["password_hash"] = base64.b64encode(b"salt" + digest).decode()
    script = str(ROOT / "docs/mqtt/make-certificates")
    made = subprocess.run([script, "rabbitmq"], cwd=tls.parent, check=True, capture_output=True)
    boxes = made.stdout.decode()
    many = boxes.replace(r"sered\\.berlin\\.desk1\\.", r"sered\\.").replace("berlin.desk1", "box")
    for text in (boxes, many):
        for kind, entries in json.loads(text).items():
            ours.setdefault(kind, []).extend(entries)
    return ours


def _environment(more: Mapping[str, str]) -> list[str]:
    known = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", **more}
    return [f"{key}={value}" for key, value in known.items()]
